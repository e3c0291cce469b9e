/**
 * A bounded cache of what can be computed or asked again: never authority, never a counter. node-cache
 * with its pitfalls closed: it expires by wall clock, so the deadline lies in the value, by our clock;
 * it throws when full and expired keys do not make room, so a full one is emptied; its keys live on a
 * plain object, so each gets a prefix.
 */

import NodeCache from 'node-cache';
import type { Clock } from '../clock.ts';

interface Kept<T> {
  readonly value: T;
  /** By the monotonic clock. */
  readonly until: number;
}

export class DerivedCache<T> {
  readonly #clock: Clock;
  readonly #cache: NodeCache;
  readonly #maxKeys: number;

  constructor(clock: Clock, maxKeys: number) {
    this.#clock = clock;
    this.#maxKeys = maxKeys;
    this.#cache = new NodeCache({ useClones: false, checkperiod: 0, maxKeys });
  }

  get(key: string): T | undefined {
    const kept = this.#cache.get<Kept<T>>(`k:${key}`);
    return kept !== undefined && this.#clock.monotonic() < kept.until ? kept.value : undefined;
  }

  /** Keeps `value` for `ms` milliseconds at most. */
  set(key: string, value: T, ms: number): void {
    const kept: Kept<T> = { value, until: this.#clock.monotonic() + ms };
    if (this.#cache.getStats().keys >= this.#maxKeys) this.#cache.flushAll();
    this.#cache.set(`k:${key}`, kept);
  }

  delete(key: string): void {
    this.#cache.del(`k:${key}`);
  }
}
