/** What a wrong clock stamped, at the border of the nodes whose clocks are right (check 71). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeEntry, entryLattice, noEnds, type OpenEntry, type SsoEntry, withLife } from '../../sso/entry.ts';
import { Counters } from '../../sso/gossip/counters.ts';
import { minuteOf, type Replica } from '../../sso/gossip/replica.ts';
import { SharedMaps } from '../../sso/gossip/shared-maps.ts';
import { Steps } from '../../sso/gossip/steps.ts';
import { type Subject, subjectLattice, unknownSubject } from '../../sso/subject.ts';
import { startAt, year } from './voters.ts';

const hour = 3_600_000;
const lifeMs = 12 * hour;

function opening(at: number, more: Partial<OpenEntry> = {}): OpenEntry {
  return {
    state: 'open',
    principal: { name: 'alice', roles: [] },
    how: 'form',
    openedStamp: at * 1_024,
    authenticatedAt: at,
    endsAt: at + lifeMs,
    epoch: 0,
    seenEnds: noEnds,
    usedAt: at,
    aliveAt: at,
    ...more,
  };
}

interface Node {
  readonly entries: Replica<SsoEntry>;
  readonly subjects: Replica<Subject>;
  /** As from a peer; returns the keys that count as answered. */
  take(key: string, value: SsoEntry): readonly string[];
  ahead(): number;
}

function node(latest: () => number, now = () => startAt): Node {
  const counters = new Counters();
  const maps = new SharedMaps(counters, latest);
  const subjects = maps.declare(subjectLattice);
  const entries = maps.declare(withLife(entryLattice, lifeMs));
  return {
    entries,
    subjects,
    take: (key, value) => maps.merge(new Steps(), 'entries', [key, entryLattice.encode(value)], now()).read,
    ahead: () => counters.all()['values-ahead'] ?? 0,
  };
}

test('an opening stamped more than 4 s ahead is refused and counted, and taken once its time has come', () => {
  let now = startAt;
  const it = node(() => now);
  assert.deepEqual(it.take('a', opening(startAt + 4_000)), ['a']);
  assert.deepEqual(it.take('b', opening(startAt + 4_001)), [], 'a peer whose value is refused has not answered');
  assert.deepEqual([it.entries.get('a')?.state, it.entries.get('b'), it.ahead()], ['open', undefined, 1]);
  now += 1;
  it.take('b', opening(startAt + 4_001));
  assert.equal(it.entries.get('b')?.state, 'open');
});

test('an opening whose end is beyond the maximum life is refused', () => {
  const it = node(() => startAt);
  it.take('a', opening(startAt, { endsAt: startAt + lifeMs + year }));
  it.take('b', opening(startAt, { endsAt: startAt + lifeMs + 999 }));
  assert.deepEqual([it.entries.get('a'), it.entries.get('b')?.state, it.ahead()], [undefined, 'open', 1]);
});

test('while the time is unknown nothing is refused and nothing capped', () => {
  const it = node(() => Number.POSITIVE_INFINITY);
  it.take('a', opening(startAt + year, { usedAt: startAt + 2 * year }));
  assert.equal((it.entries.get('a') as OpenEntry).usedAt, startAt + 2 * year);
  assert.equal(it.ahead(), 0);
});

test('a closing is never refused for its stamp, whatever is held; it is capped, and copies become equal', () => {
  for (const held of [undefined, opening(startAt)]) {
    const nodes = [0, 1_700, -900].map((off) => node(() => startAt + off));
    const wrong = closeEntry(opening(startAt), 'logout', startAt + year);
    for (const { entries, take } of nodes) {
      if (held !== undefined) entries.merge('a', held, startAt);
      take('a', wrong);
      assert.equal(entries.get('a')?.state, 'closed');
    }
    for (const one of nodes) for (const other of nodes) one.take('a', other.entries.get('a')!);
    for (const one of nodes) for (const other of nodes) one.take('a', other.entries.get('a')!);
    for (const { entries } of nodes)
      assert.deepEqual(entries.get('a'), closeEntry(opening(startAt), 'logout', startAt + 4_000 - 900));
    const roots = nodes.map(({ entries }) => entries.digest(minuteOf(startAt), startAt).root());
    assert.equal(new Set(roots).size, 1);
  }
});

test('a closing stamped a year ago ends the opening that is held', () => {
  const it = node(() => startAt);
  it.take('a', opening(startAt));
  it.take('a', closeEntry(opening(startAt), 'logout', startAt - year));
  assert.equal(it.entries.get('a')?.state, 'closed');
});

test('an opening from the future never opens what is closed, and closes what it contradicts', () => {
  const it = node(() => startAt);
  it.take('a', closeEntry(opening(startAt), 'logout', startAt));
  it.take('a', opening(startAt + year));
  assert.equal(it.entries.get('a')?.state, 'closed');
  it.take('b', opening(startAt));
  it.take('b', opening(startAt + year));
  assert.equal(it.entries.get('b')?.state, 'closed');
});

test('activity from the future is capped: it cannot keep a sign-on from being idle', () => {
  const it = node(() => startAt);
  it.take('a', opening(startAt));
  it.take('a', opening(startAt, { usedAt: startAt + year, aliveAt: startAt + year }));
  const { usedAt, aliveAt } = it.entries.get('a') as OpenEntry;
  assert.deepEqual([usedAt, aliveAt], [startAt + 4_000, startAt + 4_000]);
});

test('the end of a subject is never refused for its stamp, nor kept shorter than the entries that it ends', () => {
  const counters = new Counters();
  const maps = new SharedMaps(counters, () => startAt);
  const subjects = maps.declare(subjectLattice);
  const end: Subject = {
    ...unknownSubject,
    ends: { 'n1:1': (startAt + year) * 1_024 },
    endedAt: startAt + year,
    keepUntil: startAt + year + lifeMs,
  };
  maps.merge(new Steps(), 'subjects', ['alice', subjectLattice.encode(end)], startAt);
  assert.deepEqual(subjects.get('alice')?.ends, { __proto__: null, 'n1:1': (startAt + year) * 1_024 });
  assert.equal(subjects.get('alice')?.keepUntil, startAt + year + lifeMs);
});

test('a closing whose entry is over by a wrong clock alone is stored: over is judged by the time for forgetting', () => {
  const forgetNow = startAt;
  const it = node(
    () => startAt + year,
    () => forgetNow,
  );
  it.take('a', closeEntry(opening(startAt), 'logout', startAt));
  assert.equal(it.entries.get('a')?.state, 'closed');
});

test('without a majority, at time 0, nothing is refused as over and nothing is forgotten', () => {
  const it = node(
    () => Number.POSITIVE_INFINITY,
    () => 0,
  );
  it.take('a', closeEntry(opening(startAt - year), 'logout', startAt - year));
  assert.equal(it.entries.get('a')?.state, 'closed');
  assert.deepEqual(it.entries.forget(0), { freed: [], more: false });
  it.entries.digest(minuteOf(startAt), 0).root();
  assert.deepEqual(it.entries.forget(0), { freed: [], more: false });
  assert.equal(it.entries.forget(startAt).freed.length, 1);
});
