/** When a closing is complete: each test is a history that would break S1 if the rule were not there. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Confirmation, Confirmations, type Expected } from '../../sso/logout/confirmations.ts';
import { votersOf } from '../../sso/logout/voters.ts';

const three = votersOf(['a', 'b', 'c'], 'a');
const five = votersOf(['a', 'b', 'c', 'd', 'e'], 'a');
const two = votersOf(['a', 'b'], 'a');

const word = (node: string, more: Partial<Confirmation> = {}): Confirmation => ({
  node,
  incarnation: 1,
  voter: node,
  running: [],
  restMs: 0,
  restEpoch: 0,
  lives: [],
  ...more,
});
const nodes = (...names: readonly string[]): Expected[] =>
  names.map((node) => ({ node, incarnation: 1, voter: 'abcde'.includes(node) ? node : undefined, hasLeft: false }));
const runs = (node: string, remainingMs: number, incarnation = 1) => ({ node, incarnation, remainingMs });

test('one voter of three is too few: there is no instant at which it would be final', () => {
  const counted = new Confirmations(three);
  counted.add(word('a'), 0);
  assert.deepEqual(counted.count(nodes('a', 'b', 'c')), {
    finalAt: undefined,
    confirmed: ['a'],
    outstanding: ['b', 'c'],
  });
});

test('with a quorum of voters, and no grant that runs without it, it is final at once though one node is silent', () => {
  const counted = new Confirmations(three);
  counted.add(word('a'), 0);
  counted.add(word('b'), 5);
  assert.equal(counted.count(nodes('a', 'b', 'c')).finalAt, Number.NEGATIVE_INFINITY);
});

test('a silent node that holds leases of those who confirmed is waited for until they have run out, and drift', () => {
  const counted = new Confirmations(three);
  counted.add(word('a', { running: [runs('c', 4_000)] }), 100);
  counted.add(word('b', { running: [runs('c', 5_000)] }), 200);
  const { finalAt } = counted.count(nodes('a', 'b', 'c'));
  assert.equal(finalAt, 200 + 5_000 * 1.002 + 1);
});

test('a node without a vote that holds leases is waited for as well', () => {
  const counted = new Confirmations(three);
  for (const node of ['a', 'b', 'c']) counted.add(word(node, { running: [runs('x', 3_000)] }), 0);
  assert.equal(counted.count(nodes('a', 'b', 'c', 'x')).finalAt, 3_000 * 1.002 + 1);
  counted.add(word('x', { voter: undefined }), 50);
  assert.equal(counted.count(nodes('a', 'b', 'c', 'x')).finalAt, Number.NEGATIVE_INFINITY);
});

test('of five, those grants count that leave a quorum: three that have run out suffice', () => {
  const counted = new Confirmations(five);
  counted.add(word('a', { running: [runs('x', 6_000)] }), 0);
  for (const node of ['b', 'c', 'd']) counted.add(word(node), 0);
  assert.equal(counted.count(nodes('a', 'b', 'c', 'd', 'e', 'x')).finalAt, Number.NEGATIVE_INFINITY);
});

test('another life of a node that confirmed may hold leases: it is waited for', () => {
  const counted = new Confirmations(three);
  counted.add(word('a', { running: [runs('c', 2_000, 1)] }), 0);
  counted.add(word('b', { running: [runs('c', 2_000, 1)] }), 0);
  counted.add(word('c', { incarnation: 2 }), 0);
  assert.equal(counted.count(nodes('a', 'b', 'c')).finalAt, 2_000 * 1.002 + 1);
});

test('what a life confirmed is void once anybody knows a later one: it may have forgotten', () => {
  const counted = new Confirmations(three);
  counted.add(word('a'), 0);
  counted.add(word('b', { incarnation: 1 }), 0);
  counted.add(word('x', { voter: undefined, lives: [['b', 2]] }), 0);
  assert.deepEqual(counted.count(nodes('a', 'b', 'c', 'x')), {
    finalAt: undefined,
    confirmed: ['a', 'x'],
    outstanding: ['b', 'c'],
  });
  counted.add(word('b', { incarnation: 1 }), 10);
  assert.equal(counted.count(nodes('a', 'b', 'c', 'x')).finalAt, undefined, 'nor if it comes late');
  counted.add(word('b', { incarnation: 2 }), 20);
  assert.equal(counted.count(nodes('a', 'b', 'c', 'x')).finalAt, Number.NEGATIVE_INFINITY);
});

test('grants that a restarted voter forgot may run for anybody, also for a node that nobody knows any more', () => {
  const counted = new Confirmations(three);
  counted.add(word('a', { restMs: 5_000 }), 0);
  counted.add(word('b'), 0);
  assert.equal(counted.count(nodes('a', 'b', 'c')).finalAt, 5_000 * 1.002 + 1);
  counted.add(word('c', { restMs: 2_000 }), 10);
  assert.equal(
    counted.count(nodes('a', 'b', 'c')).finalAt,
    10 + 2_000 * 1.002 + 1,
    'though everybody that is known has confirmed',
  );
});

test('one voter of three that was restarted holds up nothing: the two others have forgotten no grants', () => {
  const counted = new Confirmations(three);
  for (const node of ['b', 'c']) counted.add(word(node), 0);
  counted.add(word('a', { restMs: 5_000 }), 0);
  assert.equal(counted.count(nodes('a', 'b', 'c')).finalAt, Number.NEGATIVE_INFINITY);
});

test('what was forgotten before an epoch was raised counts for no sign-on of that epoch', () => {
  const counted = new Confirmations(three);
  for (const node of ['a', 'b']) counted.add(word(node, { restMs: 5_000, restEpoch: 7 }), 0);
  assert.equal(counted.count(nodes('a', 'b', 'c'), 7).finalAt, Number.NEGATIVE_INFINITY);
  assert.equal(counted.count(nodes('a', 'b', 'c'), 6).finalAt, 5_000 * 1.002 + 1);
  assert.equal(counted.count(nodes('a', 'b', 'c')).finalAt, 5_000 * 1.002 + 1, 'nor if the epoch is not known');
});

test('a voter that was never met is outstanding by its address', () => {
  const counted = new Confirmations(three);
  counted.add(word('a'), 0);
  counted.add(word('b'), 0);
  assert.deepEqual(counted.count(nodes('a', 'b')).outstanding, ['c']);
});

test('a life that has left accepts nothing any more: nobody waits for its leases', () => {
  const counted = new Confirmations(three);
  counted.add(word('a', { running: [runs('c', 6_000)] }), 0);
  counted.add(word('b', { running: [runs('c', 6_000)] }), 0);
  const [a, b, c] = nodes('a', 'b', 'c');
  assert.equal(counted.count([a!, b!, { ...c!, hasLeft: true }]).finalAt, Number.NEGATIVE_INFINITY);
  assert.equal(
    counted.count([a!, b!, { ...c!, hasLeft: true, incarnation: 2 }]).finalAt,
    6_000 * 1.002 + 1,
    'another life',
  );
});

test('two processes that claim one vote count once', () => {
  const counted = new Confirmations(three);
  counted.add(word('a'), 0);
  counted.add(word('other', { voter: 'a', incarnation: 2 }), 0);
  assert.equal(counted.count(nodes('a', 'b', 'c')).finalAt, undefined);
});

test('in serve mode every voter must confirm, and all grants of all of them run out', () => {
  const counted = new Confirmations(two);
  counted.add(word('a', { running: [runs('x', 3_000)] }), 0);
  assert.equal(counted.count(nodes('a', 'b', 'x')).finalAt, undefined);
  counted.add(word('b'), 0);
  assert.equal(
    counted.count(nodes('a', 'b', 'x')).finalAt,
    3_000 * 1.002 + 1,
    'one lease is enough for a node without a vote',
  );
});
