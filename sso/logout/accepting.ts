/**
 * Whether a sign-on may be accepted at this instant: it begins with a quorum of leases, and ends by itself
 * with them. It is read at every use, in memory; who waits for it, or wants to know of it, is told.
 */

import type { Cancel, Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Leases } from './leases.ts';

export interface AcceptingParts {
  /** The raw clock: leases trust neither of its readings alone. */
  readonly clock: Clock;
  readonly leases: Pick<Leases, 'until'>;
  readonly quorum: number;
  readonly hasRecovered: () => boolean;
  /** Somebody begins to wait. */
  readonly onWait: () => void;
  readonly log: Log;
}

export class Accepting {
  readonly #parts: AcceptingParts;
  readonly #waiting = new Set<() => void>();
  readonly #listeners: (() => void)[] = [];
  /** What `look` saw last. */
  #was = false;
  #closed = false;
  #cancelExpiry: Cancel = () => {};

  constructor(parts: AcceptingParts) {
    this.#parts = parts;
  }

  may(): boolean {
    const { clock, leases, hasRecovered } = this.#parts;
    if (!hasRecovered() || this.#closed) return false;
    const { until } = leases;
    if (until.monotonic === Number.POSITIVE_INFINITY) return true;
    return clock.monotonic() < until.monotonic && clock.now() < until.wall;
  }

  /** Resolves with `true` as soon as it may, with `false` after `ms`. */
  wait(ms: number): Promise<boolean> {
    const { clock, onWait } = this.#parts;
    if (this.may()) return Promise.resolve(true);
    if (this.#closed) return Promise.resolve(false);
    onWait();
    return new Promise((resolve) => {
      const settle = () => {
        cancel();
        this.#waiting.delete(settle);
        resolve(this.may());
      };
      const cancel = clock.after(ms, settle);
      this.#waiting.add(settle);
    });
  }

  /** `may` may have become another: tells who waits, and looks again when it ends. */
  look(): void {
    const { clock, leases, quorum, log } = this.#parts;
    const may = this.may();
    const { until } = leases;
    this.#cancelExpiry();
    if (may && until.monotonic !== Number.POSITIVE_INFINITY) {
      const leftMs = Math.min(until.monotonic - clock.monotonic(), until.wall - clock.now());
      this.#cancelExpiry = clock.after(Math.max(1, Math.ceil(leftMs)), () => this.look());
    }
    if (may) for (const settle of this.#waiting) settle();
    if (may === this.#was) return;
    this.#was = may;
    if (!may) log.warn({ quorum }, 'no quorum of leases: no sign-on is accepted until there is one');
    for (const listener of this.#listeners) listener();
  }

  /** Called when `look` has seen that it is another. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Nothing is accepted any more; who waits hears so. */
  close(): void {
    this.#closed = true;
    this.#cancelExpiry();
    for (const settle of this.#waiting) settle();
  }
}
