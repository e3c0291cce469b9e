/** What kind of world a seed lives in: how many nodes, how long things last, how bad the network is. */

import { pick, type Random } from '../../sso/random.ts';

export interface Climate {
  readonly nodes: readonly string[];
  /** Between comparisons, milliseconds: everything else is in proportion, so that slow worlds see minutes go by. */
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
  readonly users: readonly string[];
}

export function climateOf(random: Random): Climate {
  const oneOf = <T>(...choices: readonly T[]): T => pick(random, choices)!;
  const intervalMs = oneOf(1_000, 1_000, 3_000, 8_000);
  return {
    nodes: oneOf(['n1', 'n2', 'n3'], ['n1', 'n2', 'n3'], ['n1', 'n2', 'n3', 'n4'], ['n1', 'n2', 'n3', 'n4', 'n5']),
    intervalMs,
    operationMs: intervalMs * oneOf(0.05, 0.1, 0.15),
    faultMs: intervalMs * oneOf(2, 5, 12),
    lifeMs: oneOf(10 * intervalMs, 40 * intervalMs, 12 * 3_600_000, 12 * 3_600_000),
    idleMs: oneOf(0, 0, 12 * intervalMs),
    maxEmptyLifeMs: oneOf(1_800_000, 1_800_000, 15 * intervalMs),
    loss: oneOf(0, 0, 0.01, 0.05, 0.2),
    doubles: oneOf(0, 0.02, 0.1),
    late: oneOf({ part: 0, byMs: 0 }, { part: 0.05, byMs: 50 }, { part: 0.05, byMs: 3_000 }),
    delay: oneOf({ min: 0, max: 1 }, { min: 0, max: 20 }, { min: 5, max: 200 }, { min: 0, max: 400 }),
    silenceMs: oneOf(0, 1_000, 5_000),
    users: ['ada', 'ben', 'cleo', 'dan', 'eve', 'fay'],
  };
}

/** A time to wait, by chance, of this length on average. */
export function waitOf(random: Random, meanMs: number): number {
  return -Math.log(1 - random.fraction()) * meanMs;
}
