import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type NotReadyReason, readiness } from '../../sso/health/readiness.ts';
import type { HealthSnapshot } from '../../sso/health/snapshot.ts';
import { finality, picture, voters } from './picture.ts';

const cutOff = { accepting: false, leases: [] };
const refusal = (differ: readonly string[]) => ({
  by: 'n2',
  reason: 'settings',
  differ,
  why: 'leaseMs 500 on node "n2"',
});

const table: readonly [
  name: string,
  picture: Partial<HealthSnapshot>,
  why: readonly (readonly [NotReadyReason, string | undefined])[],
  retryAfterS: number,
][] = [
  ['a node that is up, with leases', {}, [], 0],
  [
    'one that joins',
    { state: 'starting' },
    [['joining', 'a comparison with the configured nodes that can be reached']],
    1,
  ],
  [
    'one that recovers with its disk',
    { finality: finality({ standing: 'disk', ...cutOff }) },
    [['recovering', 'the leases of its former life to run out, and a voter that remembers it']],
    6,
  ],
  [
    'one that recovers without its state waits for N−Q+1 sources',
    { finality: finality({ standing: 'lost', ...cutOff }) },
    [['recovering', 'the state of 2 other voters']],
    6,
  ],
  [
    'one without a vote waits for one source',
    { finality: finality({ standing: 'lost', vote: undefined, ...cutOff }) },
    [['recovering', 'the state of one voter']],
    6,
  ],
  [
    'the only voter waits for its former life alone',
    { finality: finality({ standing: 'lost', voters: voters.slice(0, 1), quorum: 1, mode: 'serve', ...cutOff }) },
    [['recovering', 'the leases of its former life to run out']],
    6,
  ],
  [
    'one of two in serve mode waits for the other',
    { finality: finality({ standing: 'lost', voters: voters.slice(0, 2), quorum: 2, mode: 'serve', ...cutOff }) },
    [['recovering', 'the state of one other voter']],
    6,
  ],
  [
    'a node without a vote, of one voter',
    { finality: finality({ voters: voters.slice(1, 2), quorum: 1, vote: undefined, ...cutOff }) },
    [['without-quorum', 'a lease of the one voter']],
    1,
  ],
  [
    'one that joins and recovers says both',
    { state: 'starting', finality: finality({ standing: 'lost', ...cutOff }) },
    [
      ['joining', 'a comparison with the configured nodes that can be reached'],
      ['recovering', 'the state of 2 other voters'],
    ],
    6,
  ],
  [
    'one that other nodes refuse names the settings that differ, and no value of them',
    {
      finality: finality({ standing: 'lost', ...cutOff }),
      refusals: [refusal(['leaseMs']), refusal(['voters', 'leaseMs'])],
    },
    [
      ['refused', 'its leaseMs and voters to be the same as on the nodes that refuse it'],
      ['recovering', 'the state of 2 other voters'],
    ],
    30,
  ],
  [
    'one that is refused for another reason says which, in words of ours alone',
    {
      finality: finality(cutOff),
      refusals: [
        { ...refusal([]), reason: 'version' },
        { ...refusal([]), reason: 'n9.example:7800' },
      ],
    },
    [
      ['refused', 'frames of a version that they speak and what its log says'],
      ['without-quorum', 'leases of 2 of 3 voters, and has 1'],
    ],
    30,
  ],
  [
    'V85: one that has not got back the data that it is to hold',
    { sessions: { live: 9, passivated: 0, placed: { owned: 4, kept: 3, elsewhere: 2, strays: 0, refilling: 5 } } },
    [['refilling', 'the data of 5 sessions that it is to hold again']],
    1,
  ],
  ['a node that refuses another, and accepts', { refusals: [refusal(['leaseMs'])] }, [], 0],
  ['one that drains', { state: 'draining' }, [['draining', undefined]], 1],
  ['one that has stopped', { state: 'stopped', finality: finality(cutOff) }, [['stopped', undefined]], 30],
  [
    'S4: one that is cut off in refuse mode',
    { finality: finality(cutOff) },
    [['without-quorum', 'leases of 2 of 3 voters, and has 1']],
    1,
  ],
  [
    'a lease that has run out does not count',
    { finality: finality({ accepting: false, leases: [{ voter: voters[1]!, remainingMs: 0 }] }) },
    [['without-quorum', 'leases of 2 of 3 voters, and has 1']],
    1,
  ],
  ['one that is cut off in serve mode goes on', { finality: finality({ mode: 'serve', leases: [] }) }, [], 0],
  [
    'without a vote a node needs one lease in serve mode, too',
    { finality: finality({ mode: 'serve', vote: undefined, ...cutOff }) },
    [['without-quorum', 'a lease of one voter at least']],
    1,
  ],
  [
    'one whose disk is full',
    { diskFailure: 'ENOSPC: no space left on device, /srv/secret/place' },
    [['disk', 'its data directory to be writable again']],
    10,
  ],
  [
    'one whose clock is wrong',
    { clock: { offsetMs: 90_000, isWrong: true } },
    [['clock', "its clock, or the others', to be set right: they differ too much"]],
    30,
  ],
  [
    'several reasons are all told, and the longest wait counts',
    { state: 'draining', diskFailure: 'EIO' },
    [
      ['draining', undefined],
      ['disk', 'its data directory to be writable again'],
    ],
    10,
  ],
];

for (const [name, differs, why, retryAfterS] of table) {
  test(`ready or not, and why: ${name}`, () => {
    assert.deepEqual(readiness(picture(differs)), {
      ready: why.length === 0,
      why: why.map(([reason, waitsFor]) => ({ reason, waitsFor })),
      retryAfterS,
    });
  });
}
