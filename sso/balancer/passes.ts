/** Which passes were shown already: each opens the probe once, and only near the node's own wall clock. */

import type { Clock } from '../clock.ts';
import type { ProbePass } from './probe-pass.ts';

/** How far a pass's time may be from the node's wall clock, milliseconds. */
export const passMs = 5 * 60_000;
/** A pass from the future is good until its time and `passMs` more. */
const rememberedMs = 2 * passMs;
/** Only whoever has the secret can fill this: 20,000 within ten minutes are more than anybody needs. */
const passesAtMost = 20_000;

export type Judged = 'fresh' | 'stale' | 'used' | 'too-many';

export class Passes {
  readonly #clock: Clock;
  readonly #atMost: number;
  /** Nonce → when it is forgotten, on the monotonic clock; oldest first. */
  readonly #shown = new Map<string, number>();

  constructor(clock: Clock, atMost = passesAtMost) {
    this.#clock = clock;
    this.#atMost = atMost;
  }

  /** Judges a genuine pass; one that is fresh is used up by it. */
  show({ at, nonce }: ProbePass): Judged {
    if (Math.abs(this.#clock.now() - at) > passMs) return 'stale';
    const now = this.#clock.monotonic();
    for (const [old, until] of this.#shown) {
      if (until > now) break;
      this.#shown.delete(old);
    }
    if (this.#shown.has(nonce)) return 'used';
    if (this.#shown.size >= this.#atMost) return 'too-many';
    this.#shown.set(nonce, now + rememberedMs);
    return 'fresh';
  }
}
