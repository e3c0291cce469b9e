/** What the demonstration says of a node: whether it accepts sign-ons, and if not, why. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { standingOf } from '../../server/demo/standing.ts';
import type { FinalityView } from '../../sso/index.ts';

const voters = ['10.0.0.1:7800', '10.0.0.2:7800', '10.0.0.3:7800'];
const lease = (remainingMs: number) => ({ voter: voters[1]!, remainingMs });
const healthy: FinalityView = {
  mode: 'refuse',
  leaseMs: 6_000,
  voters,
  quorum: 2,
  vote: voters[0],
  standing: 'up',
  waitsFor: undefined,
  leases: [lease(4_000), lease(5_100)],
  accepting: true,
  epoch: 1,
  outstanding: 0,
};

const cases: readonly (readonly [name: string, view: Partial<FinalityView>, reachable: number, says: RegExp])[] = [
  ['with a majority', {}, 2, /^good: .* accepts sign-ons\. It reaches 2 of 3 voters; 2 is a majority/],
  ['about to refuse', {}, 1, /^warn: .* about to refuse\. .* leases run out within 6 s: then it accepts nobody/],
  [
    'cut off',
    { accepting: false, leases: [] },
    1,
    /^bad: .*This node reaches no majority: it accepts nobody until it does\. It needs leases of 2 of the 3 voters and has 1/,
  ],
  [
    'recovering with its disk',
    { standing: 'disk', accepting: false, waitsFor: 'the other voters' },
    1,
    /^warn: .* is recovering\. .* has read its data directory, and waits for the other voters\./,
  ],
  ['recovering without state', { standing: 'lost', accepting: false }, 1, /is recovering\. .* has nothing on disk\./],
  ['cut off, going on', { mode: 'serve', quorum: 2 }, 1, /^warn: .* goes on\. .* pending until the others are back/],
  ['without a vote, cut off', { mode: 'serve', vote: undefined, accepting: false }, 1, /^bad: .* has no vote/],
  ['alone', { mode: 'alone', voters: [], vote: undefined, leases: [] }, 1, /^good: .* by itself/],
];

for (const [name, view, reachable, says] of cases) {
  test(`the words for a node that is ${name}`, () => {
    const { tone, title, sentence } = standingOf({ ...healthy, ...view }, reachable);
    assert.match(`${tone}: ${title}. ${sentence}`, says);
  });
}
