/**
 * Hybrid logical clock (Kulkarni et al. 2014): instants that agree with the wall clock but never go
 * back and come after everything heard of, so that "the later wins" means what people expect even
 * where clocks differ a little. A stamp is one number: milliseconds times 1,024, plus a counter.
 */

import type { Clock } from './clock.ts';

const perMs = 1_024;

export class HybridClock {
  readonly #clock: Clock;
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * A stamp later than every one given or heard so far, and than `replaced`: what it takes the place of may be stamped by
   * a clock so far ahead that it was not followed, and must give way all the same.
   */
  next(replaced = 0): number {
    this.#last = Math.max(this.#last + 1, this.#clock.now() * perMs);
    return Math.max(this.#last, replaced + 1);
  }

  /** Takes note of a member's stamp. One from the far future (over `aheadMs`) is capped: a wrong clock must not carry ours along. */
  hear(stamp: number, aheadMs = 60_000): void {
    const most = (this.#clock.now() + aheadMs) * perMs;
    if (stamp > this.#last) this.#last = Math.min(stamp, most);
  }
}

/** The stamp's wall-clock part, milliseconds since 1970. */
export function stampMs(stamp: number): number {
  return Math.floor(stamp / perMs);
}
