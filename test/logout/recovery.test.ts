/** When a node that has just started may be believed again. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, isChecked, judgeRecovery, type Own } from '../../sso/logout/recovery.ts';
import { votersOf } from '../../sso/logout/voters.ts';

const three = votersOf(['a', 'b', 'c'], 'a');
const five = votersOf(['a', 'b', 'c', 'd', 'e'], 'a');
const two = votersOf(['a', 'b'], 'a');
const guest = votersOf(['a', 'b', 'c'], undefined);
const own = (standing: Own['standing'], more: Partial<Own> = {}): Own => ({
  standing,
  incarnation: 10,
  pair: standing === 'disk' ? [9, 100] : undefined,
  elapsedMs: 0,
  ...more,
});
const says = (node: string, standing: Answer['standing'], more: Partial<Answer> = {}): Answer => ({
  node,
  voter: 'abcde'.includes(node) ? node : undefined,
  incarnation: 5,
  standing,
  checked: standing === 'up',
  remembers: undefined,
  merged: true,
  at: 0,
  ...more,
});
const kind = (...args: Parameters<typeof judgeRecovery>) => judgeRecovery(...args).kind;

test('a voter without its state recovers from N − Q + 1 others that have kept theirs, merged', () => {
  assert.equal(kind(three, own('lost'), [says('b', 'up')], 0), 'waiting');
  assert.equal(kind(three, own('lost'), [says('b', 'up'), says('c', 'up', { merged: false })], 0), 'waiting');
  assert.equal(kind(three, own('lost'), [says('b', 'up'), says('c', 'up')], 0), 'up');
  assert.equal(kind(five, own('lost'), [says('b', 'up'), says('c', 'up')], 0), 'waiting');
});

test('time alone recovers no voter that has lost its state among three', () => {
  assert.equal(kind(three, own('lost', { elapsedMs: 1e9 }), [says('b', 'up')], 0), 'waiting');
});

test('recovering nodes do not vouch for each other, unless their disk was confirmed', () => {
  assert.equal(kind(three, own('lost'), [says('b', 'disk'), says('c', 'up')], 0), 'waiting');
  assert.equal(kind(three, own('lost'), [says('b', 'disk', { checked: true }), says('c', 'up')], 0), 'up');
});

test('nodes without a vote are no sources', () => {
  assert.equal(kind(three, own('lost'), [says('b', 'up'), says('x', 'up')], 0), 'waiting');
});

test('where so many have lost their state that nobody can recover, they raise the epoch together', () => {
  assert.deepEqual(judgeRecovery(three, own('lost'), [says('b', 'lost'), says('c', 'up')], 100), {
    kind: 'raise',
    lives: [
      ['a', 10],
      ['b', 5],
    ],
  });
  assert.equal(kind(five, own('lost'), [says('b', 'lost')], 100), 'waiting');
});

test('a word about a loss that is older than a second counts no more', () => {
  assert.equal(kind(three, own('lost'), [says('b', 'lost', { at: 0 })], 1_001), 'waiting');
});

test('a disk is believed at once when N − Q + 1 others that kept theirs remember no later life', () => {
  assert.equal(kind(three, own('disk'), [says('b', 'up')], 0), 'waiting');
  assert.equal(kind(three, own('disk'), [says('b', 'up'), says('c', 'disk')], 0), 'up');
  assert.equal(kind(three, own('disk'), [says('b', 'up'), says('c', 'lost')], 0), 'waiting');
  assert.equal(isChecked(three, own('disk'), [says('b', 'up'), says('c', 'up')]), true);
});

test('a disk is believed after T when one voter at least has answered', () => {
  assert.equal(kind(three, own('disk', { elapsedMs: 6_012 }), [], 0), 'waiting');
  assert.equal(kind(three, own('disk', { elapsedMs: 6_011 }), [says('b', 'up')], 0), 'waiting');
  assert.equal(kind(three, own('disk', { elapsedMs: 6_012 }), [says('b', 'up')], 0), 'up');
  assert.equal(kind(three, own('disk', { elapsedMs: 6_012 }), [says('b', 'up', { merged: false })], 0), 'waiting');
});

test('a disk of which anybody remembers a later life, or more closings, is an old copy', () => {
  for (const remembers of [
    [9, 101],
    [10, 0],
  ] as const)
    assert.equal(kind(three, own('disk', { elapsedMs: 1e9 }), [says('b', 'up', { remembers })], 0), 'old-copy');
  for (const remembers of [
    [9, 100],
    [8, 1_000],
  ] as const)
    assert.equal(kind(three, own('disk', { elapsedMs: 1e9 }), [says('b', 'up', { remembers })], 0), 'up');
  assert.equal(kind(three, own('disk', { pair: undefined }), [says('b', 'up', { remembers: [1, 0] })], 0), 'old-copy');
});

test('a lone voter recovers after T; it never raises an epoch by itself', () => {
  const one = votersOf(['a'], 'a', { whenCutOff: 'refuse' });
  assert.equal(kind(one, own('lost'), [], 0), 'waiting');
  assert.equal(kind(one, own('lost', { elapsedMs: 6_012 }), [], 0), 'up');
});

test('in serve mode a voter waits for sources no longer than T', () => {
  assert.equal(kind(two, own('lost'), [], 0), 'waiting');
  assert.equal(kind(two, own('lost'), [says('b', 'up')], 0), 'up');
  assert.equal(kind(two, own('lost', { elapsedMs: 6_012 }), [], 0), 'up');
  assert.equal(kind(two, own('disk', { elapsedMs: 6_012 }), [], 0), 'up');
  assert.equal(kind(two, own('lost'), [says('b', 'lost')], 0), 'raise');
});

test('a node without a vote pulls from one voter that has recovered', () => {
  assert.equal(kind(guest, own('lost', { elapsedMs: 1e9 }), [says('x', 'up'), says('a', 'lost')], 0), 'waiting');
  assert.equal(kind(guest, own('lost'), [says('a', 'up', { merged: false })], 0), 'waiting');
  assert.equal(kind(guest, own('lost'), [says('a', 'up')], 0), 'up');
});

test('what a node waits for is a sentence for one voter, for two and for many', () => {
  const one = votersOf(['a'], 'a');
  const two = votersOf(['a', 'b'], 'a', { whenCutOff: 'refuse' });
  const cases: readonly (readonly [string, Parameters<typeof judgeRecovery>, string])[] = [
    ['the only voter', [one, own('lost'), [], 0], 'the leases that its former life may have lent to run out'],
    ['with its disk', [one, own('disk'), [], 0], 'the leases that its former life may have lent to run out'],
    ['one of two', [two, own('lost'), [], 0], 'one other voter that has kept its state'],
    ['with its disk', [two, own('disk'), [], 0], 'the other voter, to compare its disk with what it remembers'],
    [
      'one of two that serve',
      [votersOf(['a', 'b'], 'a'), own('lost'), [], 0],
      'one other voter that has kept its state, or the leases that its former life may have lent to run out',
    ],
    ['one of three', [three, own('lost'), [says('b', 'up')], 0], '2 other voters that have kept their state (1 found)'],
    ['with its disk', [three, own('disk'), [], 0], 'the other voters, to compare its disk with what they remember'],
    ['without a vote', [guest, own('lost'), [], 0], 'one voter that has recovered'],
  ];
  for (const [who, asked, words] of cases) {
    const verdict = judgeRecovery(...asked);
    assert.ok(verdict.kind === 'waiting', who);
    assert.equal(verdict.for, words, who);
  }
});
