/** Pictures of nodes for the tests of health and metrics: a healthy voter of three, and what differs from it. */

import type { HealthSnapshot, HealthSource } from '../../sso/health/snapshot.ts';
import type { FinalityView } from '../../sso/logout/finality.ts';
import { type ManualClock, manualClock } from '../valve/world.ts';

export const voters = ['n1.example:7800', 'n2.example:7800', 'n3.example:7800'];

export function finality(differs: Partial<FinalityView> = {}): FinalityView {
  return {
    mode: 'refuse',
    leaseMs: 6_000,
    voters,
    quorum: 2,
    vote: voters[0],
    standing: 'up',
    waitsFor: undefined,
    leases: [
      { voter: voters[1]!, remainingMs: 4_000 },
      { voter: voters[2]!, remainingMs: 5_000 },
    ],
    accepting: true,
    epoch: 1_800_000_000_000,
    outstanding: 0,
    ...differs,
  };
}

export function picture(differs: Partial<HealthSnapshot> = {}): HealthSnapshot {
  return {
    state: 'up',
    restsForMs: 0,
    finality: finality(),
    members: [
      { state: 'up', reachable: true },
      { state: 'up', reachable: true },
      { state: 'lost', reachable: false },
    ],
    signOns: { open: 12, closed: 3 },
    sessions: { live: 20, passivated: 5, placed: { owned: 4, kept: 3, elsewhere: 6, strays: 1, refilling: 0 } },
    refusals: [],
    counters: {},
    queues: {},
    clock: { offsetMs: 0, isWrong: false },
    diskFailure: undefined,
    longLived: { open: { socket: 0, response: 0, work: 0 }, closed: {} },
    ...differs,
  };
}

export interface FakeSource extends HealthSource {
  readonly clock: ManualClock;
  shown: HealthSnapshot;
  beat: number | undefined;
}

export function source(shown: HealthSnapshot = picture()): FakeSource {
  const clock = manualClock();
  const made: FakeSource = {
    clock,
    shown,
    beat: undefined,
    snapshot: () => made.shown,
    beatAt: () => made.beat,
  };
  return made;
}
