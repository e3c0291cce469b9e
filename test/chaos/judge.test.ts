/** What a fault excuses, and what it does not. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Circumstances, type Excuse, judge, type LifeEnd } from './judge.ts';
import type { Logout, Records, Refusal, Refused, SignOn } from './records.ts';

const signOn = (more: Partial<SignOn> = {}): SignOn => ({
  id: 1,
  user: 'alice',
  openedBy: 'n1',
  beganAt: 1_000,
  openedAt: 1_010,
  endingAt: undefined,
  completeAt: undefined,
  finalAt: undefined,
  accepted: [],
  ...more,
});

const refused = (kind: Refusal, node: string, at: number): Refused => ({
  kind,
  node,
  signOn: 1,
  beganAt: at,
  endedAt: at + 10,
  detail: '',
});

const excuse = (nodes: readonly string[], from: number, to: number, kinds: readonly Refusal[]): Excuse => ({
  nodes,
  kinds,
  from,
  to,
  overAt: from,
});

function rulesOf(records: Partial<Records>, circumstances: Partial<Circumstances>): readonly string[] {
  const { breaches } = judge(
    {
      signOns: [signOn()],
      refused: [],
      breaches: [],
      logouts: [],
      counts: { accepted: 0, endedAsked: 0, signOns: 1, requests: 0 },
      stalls: [],
      pollable: true,
      ...records,
    },
    {
      excuses: [],
      lifeEnds: [],
      starved: [],
      nodes: ['n1', 'n2', 'n3'],
      leaseMs: 1_500,
      endedAt: 20_000,
      ...circumstances,
    },
  );
  return breaches.map(({ rule }) => rule);
}

test('a refusal is excused where and while the fault allows it, of that kind alone', () => {
  const excuses = [excuse(['n3'], 5_000, 8_000, ['unavailable'])];
  const rules = (kind: Refusal, node: string, at: number) =>
    rulesOf({ refused: [refused(kind, node, at)] }, { excuses });
  assert.deepEqual(rules('unavailable', 'n3', 6_000), []);
  assert.deepEqual(rules('challenged', 'n3', 6_000), ['challenged']);
  assert.deepEqual(rules('unavailable', 'n2', 6_000), ['unavailable']);
  assert.deepEqual(rules('unavailable', 'n3', 4_000), ['unavailable']);
  assert.deepEqual(rules('unavailable', 'n3', 8_100), ['unavailable']);
});

test('what a machine without time for a node led to is excused, and a lost sign-on never is', () => {
  const starved = [{ from: 5_000, to: 5_600 }];
  const rules = (kind: Refusal, at: number) => rulesOf({ refused: [refused(kind, 'n2', at)] }, { starved });
  assert.deepEqual(rules('challenged', 6_000), []);
  assert.deepEqual(rules('challenged', 7_000), ['challenged']);
  assert.deepEqual(rules('deleted', 6_000), ['lost']);
});

test('what a cut-off node opened meanwhile may be unknown elsewhere until that is over', () => {
  const excuses = [excuse(['n3'], 5_000, 8_000, ['challenged'])];
  const rules = (openedAt: number, at: number) =>
    rulesOf(
      {
        signOns: [signOn({ openedBy: 'n3', beganAt: openedAt - 10, openedAt })],
        refused: [refused('challenged', 'n1', at)],
      },
      { excuses },
    );
  assert.deepEqual(rules(6_000, 7_000), []);
  assert.deepEqual(rules(4_000, 7_000), ['challenged']);
  assert.deepEqual(rules(6_000, 8_100), ['challenged']);
});

/** A sign-on that n1 opened and n2 has accepted is said to be over at 9,000. */
const lost = (lifeEnds: readonly LifeEnd[], openedInMs = 10, excuses: readonly Excuse[] = []) =>
  rulesOf(
    {
      signOns: [signOn({ openedAt: 1_000 + openedInMs, accepted: [{ node: 'n2', beganAt: 2_000 }] })],
      refused: [refused('deleted', 'n3', 9_000)],
    },
    { lifeEnds, excuses },
  );

test('D1: a sign-on is not lost while one node that held it lives, whatever the fault', () => {
  assert.deepEqual(lost([]), ['lost']);
  assert.deepEqual(lost([{ node: 'n1', at: 5_000, memory: 'lost' }]), ['lost']);
  assert.deepEqual(lost([], 10, [excuse(['n3'], 0, 20_000, ['challenged', 'unavailable'])]), ['lost']);
});

test('D1: it may be, when every node that held it has lost its memory, but not when they kept it on disk or handed it over', () => {
  const ends = (memory: LifeEnd['memory']): readonly LifeEnd[] => [
    { node: 'n1', at: 5_000, memory },
    { node: 'n2', at: 6_000, memory },
  ];
  assert.deepEqual(lost(ends('lost')), []);
  assert.deepEqual(lost(ends('disk')), ['lost']);
  assert.deepEqual(lost(ends('handed-over')), ['lost']);
});

test('D1: a disk that is written behind need not have what came within its last second', () => {
  assert.deepEqual(
    lost(
      [
        { node: 'n1', at: 1_900, memory: 'disk' },
        { node: 'n2', at: 2_900, memory: 'disk' },
      ],
      260,
    ),
    [],
  );
});

test('W = 2: what was acknowledged in time by healthy nodes survives the loss of the one that opened it', () => {
  const rules = (openedInMs: number) =>
    rulesOf(
      { signOns: [signOn({ openedAt: 1_000 + openedInMs })], refused: [refused('deleted', 'n3', 9_000)] },
      { lifeEnds: [{ node: 'n1', at: 5_000, memory: 'lost' }] },
    );
  assert.deepEqual(rules(10), ['lost']);
  assert.deepEqual(rules(260), [], 'the wait for a copy has run out');
});

test('L2: a logout completes within T + 1 s, unless its node has an excuse or nobody could ask', () => {
  const logout = (completeAt?: number): Logout => ({ node: 'n1', beganAt: 3_000, completeAt, atOnce: false });
  const excuses = [excuse(['n1'], 2_000, 4_000, ['logout'])];
  assert.deepEqual(rulesOf({ logouts: [logout(4_000)] }, {}), []);
  assert.deepEqual(rulesOf({ logouts: [logout(8_000)] }, {}), ['L2']);
  assert.deepEqual(rulesOf({ logouts: [logout()] }, {}), ['L2']);
  assert.deepEqual(rulesOf({ logouts: [logout()] }, { excuses }), []);
  assert.deepEqual(rulesOf({ logouts: [logout()] }, { endedAt: 4_000 }), [], 'there was no time');
  assert.deepEqual(rulesOf({ logouts: [logout()], pollable: false }, {}), []);
});
