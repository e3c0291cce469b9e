/** What kind of world a seed lives in: who votes, how long things last, how bad network, clocks and disks are. */

import type { WhenCutOff } from '../../sso/logout/finality.ts';
import { pick, type Random } from '../../sso/random.ts';
import type { Placement } from './placement.ts';

/** How far the simulated wall clocks may be off true time, milliseconds, unless they leap; FINAL-LOGOUT.md allows 2 s between two. */
export const skewAtMostMs = 1_000;

export interface Climate {
  /** The configured voters at the start, by name, which is their address as well. */
  readonly voters: readonly string[];
  /** Nodes without a vote. */
  readonly others: readonly string[];
  /** The voters after everything was stopped once and started with a longer list; `undefined`: that never happens. */
  readonly laterVoters: readonly string[] | undefined;
  readonly whenCutOff: WhenCutOff;
  /** T, milliseconds. */
  readonly leaseMs: number;
  /** Between comparisons, milliseconds: most other times are in proportion, so that slow worlds see minutes go by. */
  readonly intervalMs: number;
  /** Between operations, on average. */
  readonly operationMs: number;
  /** Between faults, on average. */
  readonly faultMs: number;
  readonly lifeMs: number;
  readonly idleMs: number;
  readonly maxEmptyLifeMs: number;
  readonly loss: number;
  readonly doubles: number;
  readonly late: { readonly part: number; readonly byMs: number };
  readonly delay: { readonly min: number; readonly max: number };
  /** How long two nodes that are parted go on believing in their connection. */
  readonly silenceMs: number;
  /** Which nodes have a data directory. */
  readonly disks: 'all' | 'none' | 'voters' | 'some';
  /** Whether wall clocks leap, of fewer nodes than half the voters at a time. */
  readonly leaps: boolean;
  /** Whether the history goes on, after the last fault, until everybody has recovered and every logout is complete. */
  readonly longPeace: boolean;
  readonly users: readonly string[];
  /** Where the copies of sessions live; `undefined`: on every node. */
  readonly placement?: Placement | undefined;
}

export function climateOf(random: Random): Climate {
  const oneOf = <T>(...choices: readonly T[]): T => pick(random, choices)!;
  const intervalMs = oneOf(1_000, 1_000, 1_000, 3_000);
  const votes = oneOf(1, 2, 2, 3, 3, 3, 3, 3, 4, 5, 5, 7);
  const voters = named('n', votes);
  const whenCutOff = random.fraction() < 0.8 === votes > 2 ? 'refuse' : 'serve';
  return {
    voters,
    others: named('x', oneOf(0, 0, 1, 1, 2, 3)),
    laterVoters: votes <= 4 && random.fraction() < 0.12 ? named('n', votes + oneOf(1, 2)) : undefined,
    whenCutOff,
    leaseMs: oneOf(3_000, 6_000, 6_000, 9_000),
    intervalMs,
    operationMs: intervalMs * oneOf(0.05, 0.1, 0.15),
    faultMs: intervalMs * oneOf(2, 5, 12),
    lifeMs: oneOf(10_000, 30_000, 60_000, 12 * 3_600_000, 12 * 3_600_000),
    idleMs: oneOf(0, 0, 0, 12 * intervalMs),
    maxEmptyLifeMs: oneOf(1_800_000, 1_800_000, 1_800_000, 15 * intervalMs),
    loss: oneOf(0, 0, 0.01, 0.05, 0.2),
    doubles: oneOf(0, 0.02, 0.1),
    late: oneOf({ part: 0, byMs: 0 }, { part: 0.05, byMs: 50 }, { part: 0.05, byMs: 3_000 }),
    delay: oneOf({ min: 0, max: 1 }, { min: 0, max: 20 }, { min: 5, max: 200 }, { min: 0, max: 400 }),
    silenceMs: oneOf(0, 1_000, 5_000),
    disks: oneOf('all', 'all', 'voters', 'some', 'none'),
    leaps: random.fraction() < 0.3,
    longPeace: random.fraction() < 0.4,
    users: ['ada', 'ben', 'cleo', 'dan', 'eve', 'fay'],
  };
}

/** For scripted histories: three voters with disks and a network without faults, T = 6 s. */
export const fairClimate: Climate = {
  voters: named('n', 3),
  others: [],
  laterVoters: undefined,
  whenCutOff: 'refuse',
  leaseMs: 6_000,
  intervalMs: 1_000,
  operationMs: 1_000,
  faultMs: 1_000,
  lifeMs: 12 * 3_600_000,
  idleMs: 0,
  maxEmptyLifeMs: 1_800_000,
  loss: 0,
  doubles: 0,
  late: { part: 0, byMs: 0 },
  delay: { min: 1, max: 1 },
  silenceMs: 0,
  disks: 'all',
  leaps: false,
  longPeace: true,
  users: ['ada', 'ben'],
};

export function quorumOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** Whether the network is good enough to promise when something will have happened (L1, L2). */
export function isCalm({ loss, late, delay }: Climate): boolean {
  return loss === 0 && late.byMs <= 50 && delay.max <= 20;
}

/** A time to wait, by chance, of this length on average. */
export function waitOf(random: Random, meanMs: number): number {
  return -Math.log(1 - random.fraction()) * meanMs;
}

function named(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
}
