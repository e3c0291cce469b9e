/**
 * A rest: for a while `readyz` tells balancers to send nothing here, and then by itself no more. Nothing
 * else changes, so that it can be seen what a balancer does, and nobody can forget to end it.
 */

import type { Clock } from '../clock.ts';

export class Rest {
  readonly #clock: Clock;
  #until = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rests for so long from now, milliseconds; 0 ends a rest. */
  begin(forMs: number): void {
    this.#until = this.#clock.monotonic() + forMs;
  }

  /** How much longer, milliseconds; 0: it does not rest. */
  get remainingMs(): number {
    return Math.max(0, this.#until - this.#clock.monotonic());
  }
}
