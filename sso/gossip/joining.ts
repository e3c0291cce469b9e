/**
 * When a node that starts has caught up: it has compared with every configured peer that can be reached.
 * Joining nodes answer comparisons like all others, so those that start together find one another's
 * copies, empty or not, and none waits for the other. What can't be reached within `joinMs` is not waited for.
 */

import type { Channel } from '../channel/channel.ts';
import type { Clock } from '../clock.ts';
import type { Core } from './core.ts';

/** Between two looks at the channel, milliseconds: it does not say by itself that an address was refused. */
const pollMs = 25;
/** A comparison that stands still for so long is not waited for once `joinMs` are over. */
const stallMs = 1_000;

export interface JoiningParts {
  readonly core: Core;
  readonly channel: Channel;
  readonly clock: Clock;
  readonly joinMs: number;
  readonly joined: () => void;
}

export class Joining {
  readonly #parts: JoiningParts;
  readonly #since: number;
  #over = false;

  constructor(parts: JoiningParts) {
    this.#parts = parts;
    this.#since = parts.clock.monotonic();
    this.#poll();
  }

  /** A comparison was completed, or a peer is gone: there may be nothing left to wait for. */
  check(): void {
    if (this.#over || !this.#isComplete()) return;
    this.#over = true;
    this.#parts.joined();
  }

  /** Ends the looking: the node stops. */
  close(): void {
    this.#over = true;
  }

  #poll(): void {
    this.check();
    if (!this.#over) this.#parts.clock.after(pollMs, () => this.#poll());
  }

  #isComplete(): boolean {
    const { core, channel, clock, joinMs } = this.#parts;
    const now = clock.monotonic();
    const late = now - this.#since >= joinMs;
    if (!late && channel.pending().length > 0) return false;
    if (core.reachable.every((peer) => peer.compared)) return true;
    return late && (core.comparingSince === undefined || now - core.comparingSince >= stallMs);
  }
}
