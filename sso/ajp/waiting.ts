/** How long a connection has waited for what, and whether that is too long. Looked at once in a while, so a connection needs no timer. */

import type { Limits } from './options.ts';

export interface Standing {
  /** A body packet is due. */
  readonly isOwed: boolean;
  readonly isWorking: boolean;
  /** Bytes have come that are not a whole packet. */
  readonly hasPart: boolean;
  readonly isStalled: boolean;
  readonly isEnding: boolean;
}

/** What took too long: `idle` and `ending` are nobody's fault. */
export type Late = 'idle' | 'ending' | 'a packet' | 'a request body' | 'taking an answer';

/** After the last word. */
const endingMs = 1_000;

export class Waiting {
  readonly #limits: Limits;
  #isTrusted = false;
  /** A request since, or, if there is none, idle since. */
  #since: number;
  #packetAt: number;
  #stalledAt = 0;
  #endingAt = 0;

  constructor(limits: Limits, now: number) {
    this.#limits = limits;
    this.#since = now;
    this.#packetAt = now;
  }

  /** A packet may have begun, or the one before it was taken. */
  began(now: number): void {
    this.#packetAt = now;
  }

  /** A request was admitted: from now on the connection may rest. */
  trusted(now: number): void {
    this.#isTrusted = true;
    this.#since = now;
  }

  idle(now: number): void {
    this.#since = now;
  }

  stalled(now: number): void {
    this.#stalledAt = now;
  }

  ending(now: number): void {
    this.#endingAt = now;
  }

  late(now: number, { isOwed, isWorking, hasPart, isStalled, isEnding }: Standing): Late | undefined {
    const { idleMs, packetMs, requestMs, stalledMs } = this.#limits;
    if (isEnding) return now - this.#endingAt > endingMs ? 'ending' : undefined;
    if (isStalled && now - this.#stalledAt > stalledMs) return 'taking an answer';
    if (isOwed && now - this.#since > requestMs) return 'a request body';
    if (isWorking && !isOwed) return undefined;
    if (hasPart || (!this.#isTrusted && !isWorking)) return now - this.#packetAt > packetMs ? 'a packet' : undefined;
    return !isWorking && now - this.#since > idleMs ? 'idle' : undefined;
  }
}
