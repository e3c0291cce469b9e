/**
 * Digests of what an owner and its buddy should both hold: equal on both sides whatever happened in between and in
 * whatever order it came, different where the data is, and exact as of a minute while one has forgotten what the other has not.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bucketCount, bucketsPerGroup, differingLanes, groupCount } from '../../../sso/gossip/digest.ts';
import { minuteOf, Replica } from '../../../sso/gossip/replica.ts';
import { bucketLanes, CoHeld, groupLanes, type Pair } from '../../../sso/session/buddies/co-held.ts';
import { SessionData } from '../../../sso/session/data/session-data.ts';
import { sessionLattice } from '../../../sso/session/lattice.ts';
import { endSession, type LiveSession, type SessionRecord } from '../../../sso/session/record.ts';
import { setting } from '../support/changes.ts';

const minuteMs = 60_000;
const startAt = 1_700_000_040_000;
const idleMs = 30 * minuteMs;

/** One node's copy, and what it makes of it. */
class Node {
  readonly replica = new Replica(sessionLattice);
  readonly coHeld: CoHeld;

  readonly name: string;

  constructor(name: string) {
    this.name = name;
    this.coHeld = new CoHeld({ node: name, copies: this.replica });
  }

  merge(key: string, record: SessionRecord, now = startAt): void {
    const change = this.replica.merge(key, record, now);
    if (change !== undefined) this.coHeld.changed(key, change.before, change.after);
  }

  shed(key: string, record: LiveSession): void {
    const change = this.replica.shed(key, record);
    if (change !== undefined) this.coHeld.changed(key, change.before, change.after);
  }

  forget(now: number): number {
    const { freed } = this.replica.forget(now);
    for (const { key, last } of freed) this.coHeld.changed(key, last, undefined);
    return freed.length;
  }
}

function bucketsOf(pair: Pair, group: number, minute: number): Int32Array {
  const steps = pair.buckets(group, minute);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The buddies of what a node owns, and the nodes whose buddy it is. */
const pairsOf = (coHeld: CoHeld): readonly (readonly string[])[] => {
  const names = ['n1', 'n2', 'n3', 'n4'];
  return [names.filter((name) => coHeld.owned(name)), names.filter((name) => coHeld.kept(name))];
};

const noLanes = new Int32Array(groupLanes);
const groups = (pair: Pair | undefined, minute = minuteOf(startAt)) => pair?.groups(minute) ?? noLanes;
const filled = SessionData.empty.change(setting({ cart: 1 }), 'n1:1', 10).data;

function session(rest: Partial<LiveSession> = {}): LiveSession {
  return {
    state: 'live',
    app: 'shop',
    signOn: undefined,
    createdAt: startAt,
    endsAt: startAt + 30 * 24 * 60 * minuteMs,
    version: 0,
    owner: 'n1:1',
    ownerStamp: 1,
    releasedAt: 0,
    idleMs,
    data: filled,
    stays: false,
    buddies: ['n2'],
    lastAccessAt: startAt,
    ...rest,
  };
}

test('owner and buddy have the same digest of the sessions that both hold, and nobody else has one', () => {
  const [n1, n2, n3] = [new Node('n1'), new Node('n2'), new Node('n3')];
  for (const node of [n1, n2, n3]) for (let at = 0; at < 100; at++) node.merge(`k${at}`, session());
  assert.deepEqual(groups(n1.coHeld.owned('n2')), groups(n2.coHeld.kept('n1')));
  assert.notDeepEqual(groups(n1.coHeld.owned('n2')), noLanes);
  assert.deepEqual([n1.coHeld.owned('n2')?.size, n2.coHeld.kept('n1')?.size], [100, 100]);
  assert.deepEqual(
    [n1, n2, n3].map(({ coHeld }) => pairsOf(coHeld)),
    [
      [['n2'], []],
      [[], ['n1']],
      [[], []],
    ],
  );
});

test('each pair has a digest of its own: what one buddy lacks is no matter of the other', () => {
  const [n1, n2, n3] = [new Node('n1'), new Node('n2'), new Node('n3')];
  for (const node of [n1, n2, n3]) {
    node.merge('a', session({ buddies: ['n2', 'n3'] }));
    node.merge('b', session({ buddies: ['n3'] }));
  }
  n3.merge('b', session({ buddies: ['n3'], data: filled.change(setting({ cart: 2 }), 'n1:1', 11).data }));
  assert.deepEqual(groups(n1.coHeld.owned('n2')), groups(n2.coHeld.kept('n1')));
  assert.notDeepEqual(groups(n1.coHeld.owned('n3')), groups(n3.coHeld.kept('n1')));
});

test('a session of which every node has the data, one that stays on its node, one that has ended and one without an owner are in no digest', () => {
  for (const record of [
    session({ buddies: undefined }),
    session({ buddies: undefined, stays: true }),
    endSession(session(), 'timeout', startAt),
    session({ owner: '' }),
    session({ buddies: [] }),
  ]) {
    for (const node of [new Node('n1'), new Node('n2')]) {
      node.merge('a', record);
      assert.deepEqual(pairsOf(node.coHeld), [[], []]);
    }
  }
});

test('the life of the owner does not matter: a node that came back with nothing is compared with its buddy', () => {
  const [before, after] = [new Node('n2'), new Node('n2')];
  before.merge('a', session());
  after.merge('a', session({ owner: 'n1:2' }));
  assert.deepEqual(groups(before.coHeld.kept('n1')), groups(after.coHeld.kept('n1')));
  const empty = new Node('n1');
  empty.merge('a', session({ data: SessionData.empty }));
  assert.notDeepEqual(groups(empty.coHeld.owned('n2')), groups(before.coHeld.kept('n1')));
});

test('what differs is found by group, bucket and key, and nothing else is', () => {
  const [n1, n2] = [new Node('n1'), new Node('n2')];
  for (const node of [n1, n2]) for (let at = 0; at < 3_000; at++) node.merge(`k${at}`, session());
  const changed = filled.change(setting({ cart: 2 }), 'n1:1', 11).data;
  n1.merge('k7', session({ data: changed }));
  n1.merge('new', session());
  const minute = minuteOf(startAt);
  const [owned, kept] = [n1.coHeld.owned('n2')!, n2.coHeld.kept('n1')!];
  const found: string[] = [];
  for (const group of differingLanes(owned.groups(minute), kept.groups(minute))) {
    const [mine, theirs] = [bucketsOf(owned, group, minute), bucketsOf(kept, group, minute)];
    assert.deepEqual([mine.length, theirs.length], [bucketLanes, bucketLanes]);
    const buckets = differingLanes(mine, theirs);
    assert.ok(buckets.length > 0 && buckets.length <= 2);
    for (const at of buckets) {
      const bucket = group * bucketsPerGroup + at;
      const there = new Map(kept.keys(bucket, minute));
      for (const [key, hash] of owned.keys(bucket, minute)) {
        assert.ok(Number.isSafeInteger(hash) && hash >= 0);
        if (there.get(key) !== hash) found.push(key);
      }
    }
  }
  assert.deepEqual(found.sort(), ['k7', 'new']);
});

test('as of a minute in which a session is over it is in no digest, forgotten or not', () => {
  const [n1, n2] = [new Node('n1'), new Node('n2')];
  for (const node of [n1, n2]) {
    node.merge('soon over', session());
    node.merge('later', session({ lastAccessAt: startAt + 20 * minuteMs }));
  }
  const over = minuteOf(sessionLattice.forgetAt(session())) + 1;
  const later = new Node('n1');
  later.merge('later', session({ lastAccessAt: startAt + 20 * minuteMs }));
  assert.equal(n2.forget((over + 1) * minuteMs), 1);
  assert.notDeepEqual(groups(n1.coHeld.owned('n2'), over - 1), groups(n2.coHeld.kept('n1'), over - 1));
  for (const minute of [over, over + 1, over + 5]) {
    assert.deepEqual(groups(n1.coHeld.owned('n2'), minute), groups(n2.coHeld.kept('n1'), minute));
    assert.deepEqual(groups(n1.coHeld.owned('n2'), minute), groups(later.coHeld.owned('n2'), minute));
    assertParts(n1.coHeld.owned('n2')!, groups(n1.coHeld.owned('n2'), minute), minute);
  }
});

test('a session that lasts for weeks is compared until the last hundredth of its time, and costs a slot with many others', () => {
  const weeks = session({ idleMs: 0 });
  const node = new Node('n1');
  node.merge('a', weeks);
  const due = Math.ceil(sessionLattice.forgetAt(weeks) / minuteMs);
  const minutes = due - minuteOf(startAt);
  const isCompared = (minute: number) => groups(node.coHeld.owned('n2'), minute).some((lane) => lane !== 0);
  assert.ok(isCompared(due - Math.ceil(minutes / 100)));
  assert.ok(!isCompared(due));
});

test('a node that shed what it need not hold is not compared for it', () => {
  const n3 = new Node('n3');
  n3.merge('a', session());
  n3.shed('a', session({ data: SessionData.empty }));
  assert.deepEqual(pairsOf(n3.coHeld), [[], []]);
});

test('a node knows how many sessions it owns, keeps for others, and has no part in', () => {
  const n1 = new Node('n1');
  const counts = (owned: number, kept: number, elsewhere: number) =>
    assert.deepEqual({ ...n1.coHeld.counts }, { owned, kept, elsewhere });
  n1.merge('total', session({ buddies: undefined }));
  counts(0, 0, 0);
  n1.merge('a', session({ buddies: [] }));
  n1.merge('b', session({ owner: 'n2:1', buddies: ['n1'] }));
  n1.merge('c', session({ owner: 'n2:1', buddies: ['n3'] }));
  n1.merge('d', session({ owner: '', buddies: ['n2', 'n1'] }));
  counts(1, 2, 1);
  n1.merge('c', session({ ownerStamp: 2 }));
  n1.merge('c', session({ ownerStamp: 2, data: filled.change(setting({ cart: 2 }), 'n1:1', 11).data }));
  counts(2, 2, 0);
  n1.merge('b', endSession(session(), 'destroyed', startAt));
  n1.merge('a', session({ owner: 'n3:1', ownerStamp: 2, buddies: ['n4'] }));
  counts(1, 1, 1);
  n1.forget(startAt + 400 * 24 * 60 * minuteMs);
  counts(0, 0, 0);
});

test('a pair of which nothing is left is forgotten', () => {
  const [n1, n2] = [new Node('n1'), new Node('n2')];
  for (const node of [n1, n2]) {
    node.merge('a', session());
    node.merge('a', endSession(session(), 'destroyed', startAt + 1));
    node.merge('b', session());
    node.merge('b', session({ owner: 'n3:1', ownerStamp: 2, buddies: ['n4'] }));
    assert.deepEqual(pairsOf(node.coHeld), [[], []]);
  }
});

const names = ['n1', 'n2', 'n3', 'n4'];
const keys = ['a', 'b', 'c', 'd', 'e'];

/** What happens to a record: the number of its key, and what. */
const step = fc.record({
  key: fc.nat(keys.length - 1),
  at: fc.nat(names.length - 1),
  what: fc.oneof(
    { weight: 4, arbitrary: fc.constant('write' as const) },
    { weight: 3, arbitrary: fc.constant('own' as const) },
    { weight: 2, arbitrary: fc.constant('use' as const) },
    { weight: 1, arbitrary: fc.constant('end' as const) },
  ),
  buddies: fc.option(fc.uniqueArray(fc.constantFrom(...names), { maxLength: 3 }), { nil: undefined, freq: 5 }),
  minutes: fc.nat(120),
});

test('whatever was changed, moved, used and ended, and in whatever order each node heard of it: both sides of each pair have the digest that one made anew would have', () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 40 }),
      fc.infiniteStream(fc.nat(1_000)),
      fc.nat(150),
      (steps, chance, minutesOn) => {
        const nodes = names.map((name) => new Node(name));
        const told: { key: string; record: SessionRecord }[] = [];
        let stamp = 100;
        for (const { key: number, at, what, buddies, minutes } of steps) {
          const node = nodes[at]!;
          const key = keys[number]!;
          const known = node.replica.get(key);
          if (known?.state === 'ended') continue;
          stamp++;
          const life = `${node.name}:${stamp % 3}`;
          const held = known?.state === 'live' ? known : session({ owner: life, buddies });
          const record =
            what === 'end'
              ? endSession(held, 'destroyed', startAt + stamp)
              : what === 'use'
                ? { ...held, lastAccessAt: held.lastAccessAt + minutes * minuteMs }
                : what === 'own'
                  ? { ...held, owner: life, ownerStamp: stamp, buddies: buddies?.filter((one) => one !== node.name) }
                  : { ...held, data: held.data.change(setting({ x: stamp }), `${node.name}:${key}`, stamp).data };
          node.merge(key, record);
          told.push({ key, record });
          // Some of what was told arrives now, somewhere, late or again.
          const some = told[chance.next().value % told.length]!;
          nodes[chance.next().value % nodes.length]!.merge(some.key, some.record);
        }
        for (const node of nodes) {
          const order = told.map((one) => ({ one, at: chance.next().value })).sort((a, b) => a.at - b.at);
          for (const { one } of order) node.merge(one.key, one.record);
        }
        const minute = minuteOf(startAt) + minutesOn;
        // One of them has forgotten what is over, the others have not.
        nodes[0]!.forget((minute + 1) * minuteMs);
        let isFirst = true;
        for (const owner of nodes)
          for (const buddy of nodes) {
            const owned = groups(owner.coHeld.owned(buddy.name), minute);
            assert.deepEqual(owned, groups(buddy.coHeld.kept(owner.name), minute));
            const anew = new Node(owner.name);
            for (const [key, record] of owner.replica.entries()) anew.merge(key, record);
            assert.deepEqual(owned, groups(anew.coHeld.owned(buddy.name), minute));
            const pair = owner.coHeld.owned(buddy.name);
            if (pair !== undefined && isFirst) assertParts(pair, owned, minute);
            if (pair !== undefined) isFirst = false;
          }
      },
    ),
    { seed: 7, numRuns: 300 },
  );
});

/** The buckets of a pair amount to its groups, and its keys to its buckets. */
function assertParts(pair: Pair, lanes: Int32Array, minute: number): void {
  for (let group = 0; group < groupCount; group++) {
    const buckets = bucketsOf(pair, group, minute);
    let [low, high] = [0, 0];
    for (let at = 0; at < bucketsPerGroup; at++) [low, high] = [low ^ buckets[2 * at]!, high ^ buckets[2 * at + 1]!];
    assert.deepEqual([low, high], [lanes[2 * group], lanes[2 * group + 1]]);
    for (let at = 0; at < bucketsPerGroup; at++) {
      const found = pair.keys(group * bucketsPerGroup + at, minute);
      if (buckets[2 * at] !== 0) assert.ok(found.length > 0);
      if (found.length === 0) assert.deepEqual([buckets[2 * at], buckets[2 * at + 1]], [0, 0]);
    }
  }
  assert.equal(bucketCount, groupCount * bucketsPerGroup);
}
