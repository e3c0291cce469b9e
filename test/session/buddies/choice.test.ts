/** Whom a session's data is given to: deterministic, spread, and with the guide's preferences. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buddiesWanted, Choice, type Placed } from '../../../sso/session/buddies/choice.ts';

const member = (node: string, rest: Partial<Placed> = {}): Placed => ({
  node,
  buddyPool: '',
  host: `host of ${node}`,
  state: 'up',
  ...rest,
});
const members = (count: number): Placed[] => Array.from({ length: count }, (_, at) => member(`n${at + 1}`));
const keys = Array.from({ length: 10_000 }, (_, at) => `session ${at}`);

test('the buddies of a session are other nodes, as many as asked for, each once', () => {
  const choice = new Choice('n1', members(5));
  for (const key of keys.slice(0, 200)) {
    for (const count of [1, 2, 4]) {
      const chosen = choice.choose(key, count);
      assert.equal(chosen.length, count);
      assert.equal(new Set(chosen).size, count);
      assert.ok(!chosen.includes('n1'));
    }
  }
});

test('the choice is the same in whatever order the members are listed, and on whichever process it is made', () => {
  const forwards = new Choice('n1', members(7));
  const backwards = new Choice('n1', members(7).reverse());
  for (const key of keys.slice(0, 500)) assert.deepEqual(forwards.choose(key, 3), backwards.choose(key, 3));
  // As other versions have it: who changes the hash moves every session's copies on every node.
  assert.deepEqual(
    ['a', 'b', 'c'].map((key) => forwards.choose(key, 2).join()),
    ['n4,n3', 'n4,n2', 'n7,n2'],
  );
});

test('every node gets about its share of the sessions', () => {
  for (const count of [4, 10]) {
    const choice = new Choice('n1', members(count));
    const held = new Map<string, number>();
    for (const key of keys) for (const node of choice.choose(key, 1)) held.set(node, (held.get(node) ?? 0) + 1);
    const share = keys.length / (count - 1);
    assert.equal(held.size, count - 1);
    for (const [node, size] of held) assert.ok(Math.abs(size - share) < 0.1 * share, `${node} has ${size} of ${share}`);
  }
});

test('a node that joins draws about 1/N of the choices to itself, and changes no other', () => {
  for (const before of [4, 9]) {
    const old = new Choice('n1', members(before));
    const now = new Choice('n1', members(before + 1));
    let moved = 0;
    for (const key of keys) {
      const [was] = old.choose(key, 1);
      const [is] = now.choose(key, 1);
      if (was === is) continue;
      moved++;
      assert.equal(is, `n${before + 1}`);
    }
    const share = keys.length / before;
    assert.ok(Math.abs(moved - share) < 0.1 * share, `${moved} moved, ${share} expected`);
  }
});

test('a node that goes leaves its share to all the others, and nobody else’s is touched', () => {
  const old = new Choice('n1', members(6));
  const now = new Choice(
    'n1',
    members(6).filter(({ node }) => node !== 'n4'),
  );
  const heirs = new Set<string>();
  for (const key of keys) {
    const was = old.choose(key, 2);
    const is = now.choose(key, 2);
    assert.deepEqual(
      is.filter((node) => was.includes(node)),
      was.filter((node) => node !== 'n4'),
    );
    if (was.includes('n4')) for (const node of is) if (!was.includes(node)) heirs.add(node);
  }
  assert.deepEqual([...heirs].sort(), ['n2', 'n3', 'n5', 'n6']);
});

test('nodes of the same pool on another host are preferred; then of the same pool; then on another host; then any', () => {
  const of = (node: string, buddyPool: string, host: string) => member(node, { buddyPool, host });
  const self = of('n1', 'a', 'h1');
  const all = [of('n5', 'b', 'h1'), of('n4', 'b', 'h2'), of('n3', 'a', 'h1'), of('n2', 'a', 'h2')];
  for (const key of keys.slice(0, 50)) {
    assert.deepEqual(new Choice('n1', [self, ...all]).choose(key, 4), ['n2', 'n3', 'n4', 'n5']);
    assert.deepEqual(new Choice('n1', [self, ...all.slice(0, 3)]).choose(key, 1), ['n3']);
    assert.deepEqual(new Choice('n1', [self, ...all.slice(0, 2)]).choose(key, 1), ['n4']);
    assert.deepEqual(new Choice('n1', [self, ...all.slice(0, 1)]).choose(key, 1), ['n5']);
  }
});

test('a host that is not known counts as no other host, and nodes without a pool are a pool', () => {
  const own = member('n1', { host: 'h1' });
  const unknown = member('n2', { host: '' });
  const known = member('n3', { host: 'h3' });
  const pooled = member('n4', { host: 'h4', buddyPool: 'a' });
  for (const key of keys.slice(0, 50)) {
    assert.deepEqual(new Choice('n1', [own, unknown, known]).choose(key, 1), ['n3']);
    assert.deepEqual(new Choice('n1', [own, unknown, pooled]).choose(key, 1), ['n2']);
    assert.deepEqual(new Choice('n1', [{ ...own, host: '' }, known]).choose(key, 1), ['n3']);
  }
});

test('one that drains, is lost or has left is not chosen', () => {
  for (const state of ['draining', 'lost', 'left'] as const) {
    const choice = new Choice('n1', [member('n1'), member('n2', { state }), member('n3')]);
    for (const key of keys.slice(0, 50)) assert.deepEqual(choice.choose(key, 2), ['n3']);
  }
});

test('one that joins is chosen where too few are up, however well it would suit', () => {
  const joins = member('n2', { state: 'joining', host: 'h2' });
  const choice = new Choice('n1', [member('n1', { host: 'h1' }), joins, member('n3', { buddyPool: 'a', host: 'h1' })]);
  for (const key of keys.slice(0, 50)) {
    assert.deepEqual(choice.choose(key, 1), ['n3']);
    assert.deepEqual(choice.choose(key, 2), ['n3', 'n2']);
  }
  assert.deepEqual(new Choice('n1', [member('n1'), joins]).choose('k', 1), ['n2']);
});

test('where nobody else is there, nobody is chosen', () => {
  assert.deepEqual(new Choice('n1', [member('n1')]).choose('k', 2), []);
  assert.deepEqual(new Choice('n1', []).choose('k', 1), []);
});

test('those that have the data and live keep it, whatever the hash says: the very list where nothing is to change', () => {
  for (const state of ['joining', 'up', 'draining'] as const) {
    const choice = new Choice('n1', [...members(6), member('n9', { state })]);
    for (const key of keys.slice(0, 50)) {
      const present = ['n9', 'n3'];
      assert.equal(choice.choose(key, 2, present), present);
    }
  }
});

test('in the place of one that left or is lost comes the best of the others, and the rest stays as it is', () => {
  for (const state of ['lost', 'left'] as const) {
    const all = members(6).map((one) => (one.node === 'n3' ? { ...one, state } : one));
    const choice = new Choice('n1', all);
    for (const key of keys.slice(0, 50)) {
      const chosen = choice.choose(key, 3, ['n2', 'n3', 'n4']);
      assert.deepEqual([chosen[0], chosen[2], chosen.length], ['n2', 'n4', 3]);
      assert.equal(
        chosen[1],
        choice.choose(key, 4).find((node) => node !== 'n2' && node !== 'n4'),
      );
    }
  }
});

test('one that is gone, and in whose place nobody can come, stays listed for when it is back', () => {
  const lost = member('n2', { state: 'lost' });
  const present = ['n2'];
  assert.equal(new Choice('n1', [member('n1'), lost]).choose('k', 1, present), present);
  assert.deepEqual(new Choice('n1', [member('n1'), lost, member('n3')]).choose('k', 1, present), ['n3']);
  const both = ['n2', 'n3'];
  assert.equal(new Choice('n1', [member('n1'), lost, member('n3')]).choose('k', 2, both), both);
});

test('who takes a session over is no buddy of it any more, and another is', () => {
  const choice = new Choice('n2', members(4));
  for (const key of keys.slice(0, 50)) {
    const chosen = choice.choose(key, 2, ['n2', 'n3']);
    assert.equal(chosen.length, 2);
    assert.equal(chosen[1], 'n3');
    assert.match(chosen[0]!, /^n[14]$/);
  }
  assert.deepEqual(new Choice('n2', [member('n2')]).choose('k', 1, ['n2']), []);
});

test('beyond the number the gone are dropped first, then the last', () => {
  const all = members(6).map((one) => (one.node === 'n3' ? member('n3', { state: 'lost' }) : one));
  const choice = new Choice('n1', all);
  assert.deepEqual(choice.choose('k', 2, ['n3', 'n2', 'n4', 'n5']), ['n2', 'n4']);
  assert.deepEqual(choice.choose('k', 1, ['n5', 'n2']), ['n5']);
});

test('nobody is chosen who cannot be reached now', () => {
  const all = members(4).map((one) => (one.node === 'n3' ? { ...one, reachable: false } : one));
  const choice = new Choice('n1', all);
  for (const key of keys.slice(0, 50)) assert.deepEqual([...choice.choose(key, 3)].sort(), ['n2', 'n4']);
});

test('one that lives and cannot be reached now keeps its place beside one that can; if none can, others come in their places', () => {
  const cutOff = (...nodes: string[]) => members(6).map((one) => ({ ...one, reachable: !nodes.includes(one.node) }));
  for (const key of keys.slice(0, 50)) {
    const present = ['n2', 'n3'];
    assert.equal(new Choice('n1', cutOff('n2')).choose(key, 2, present), present);
    const chosen = new Choice('n1', cutOff('n2', 'n3')).choose(key, 2, present);
    assert.equal(chosen.length, 2);
    for (const node of chosen) assert.ok(['n4', 'n5', 'n6'].includes(node));
    assert.equal(new Choice('n1', cutOff('n2', 'n3', 'n4', 'n5', 'n6')).choose(key, 2, present), present);
    const [first, second, ...more] = new Choice('n1', cutOff('n2', 'n3', 'n4', 'n5')).choose(key, 2, present);
    assert.deepEqual([first, second, more], ['n6', 'n3', []], 'as many as can come');
  }
});

test('where fewer are listed than wanted, others are added', () => {
  const choice = new Choice('n1', members(6));
  for (const key of keys.slice(0, 50)) {
    const chosen = choice.choose(key, 3, ['n5']);
    assert.equal(chosen.length, 3);
    assert.equal(chosen[0], 'n5');
    assert.deepEqual(
      chosen.slice(1),
      choice
        .choose(key, 3)
        .filter((node) => node !== 'n5')
        .slice(0, 2),
    );
  }
});

test('every node holds all in a cluster of up to three, one buddy is usual beyond, and what an application says counts', () => {
  assert.deepEqual(
    [1, 2, 3, 4, 9].map((known) => buddiesWanted(undefined, known)),
    [undefined, undefined, undefined, 1, 1],
  );
  assert.deepEqual(
    [2, 9].map((known) => buddiesWanted('total', known)),
    [undefined, undefined],
  );
  assert.deepEqual(
    [2, 9].map((known) => buddiesWanted(2, known)),
    [2, 2],
  );
});
