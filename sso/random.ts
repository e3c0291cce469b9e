/**
 * Chance, handed in. `systemRandom` is the operating system's generator; `seededRandom` gives a
 * simulation the same run for the same seed and must never make a secret.
 */

import { randomBytes, randomInt } from 'node:crypto';

export interface Random {
  /** `count` bytes, fresh for the caller. */
  bytes(count: number): Uint8Array;
  /** A number in [0, 1). Not for secrets. */
  fraction(): number;
}

const poolBytes = 8_192;
let pool = Buffer.alloc(0);
let used = 0;

/** One call of the operating system serves many small requests; what was handed out is wiped from the pool. */
export const systemRandom: Random = {
  bytes(count) {
    if (count > 256) return randomBytes(count);
    if (used + count > pool.length) {
      pool = randomBytes(poolBytes);
      used = 0;
    }
    const slice = Uint8Array.prototype.slice.call(pool, used, used + count);
    pool.fill(0, used, used + count);
    used += count;
    return slice;
  },
  fraction: () => randomInt(0x1_0000_0000) / 0x1_0000_0000,
};

/** Repeatable chance (mulberry32) for tests and simulation: never for anything secret. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  return {
    bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(next() * 256)),
    fraction: next,
  };
}

/** One of `items` by chance, or `undefined` of none. */
export function pick<T>(random: Random, items: readonly T[]): T | undefined {
  return items[Math.floor(random.fraction() * items.length)];
}
