/** A node's timers: the round, what the core wants to do at an instant of its own, and forgetting in slices. */

import type { Cancel, Clock } from '../clock.ts';

export interface PulseParts {
  readonly clock: Clock;
  /** Every `intervalMs`. `late`: the process stood still for longer than an interval. */
  readonly round: (late: boolean) => void;
  /** The instant given to `wakeAt` has come. */
  readonly wake: () => void;
  /** Frees a slice of what may be forgotten; returns whether there is more. */
  readonly sweep: () => boolean;
}

/** How often a node alone looks for what may be forgotten, milliseconds. */
const lonelyMs = 10_000;

export class Pulse {
  readonly #parts: PulseParts;
  #running = false;
  #beatAt: number | undefined;
  #cancelRound: Cancel = () => {};
  #wake: { readonly at: number; readonly cancel: Cancel } | undefined;
  #sweeping = false;

  constructor(parts: PulseParts) {
    this.#parts = parts;
  }

  /** When the last round ran, by the monotonic clock; `undefined` before the first, and alone. */
  get beatAt(): number | undefined {
    return this.#beatAt;
  }

  /** Begins with rounds; the first comes at a random part of the interval, so that nodes started together do not beat together. */
  start(intervalMs: number, fraction: number): void {
    this.#running = true;
    this.#roundIn(fraction * intervalMs, intervalMs);
  }

  /** Begins without rounds: there is nobody to compare with. */
  startAlone(): void {
    this.#running = true;
    const look = () => {
      this.sweep();
      this.#cancelRound = this.#parts.clock.after(lonelyMs, look);
    };
    this.#cancelRound = this.#parts.clock.after(lonelyMs, look);
  }

  /** Calls `wake` at an instant of the monotonic clock, or earlier: it looks for itself what is due. */
  wakeAt(at: number | undefined): void {
    if (!this.#running || at === undefined || (this.#wake !== undefined && this.#wake.at <= at)) return;
    this.#wake?.cancel();
    const { clock, wake } = this.#parts;
    const cancel = clock.after(Math.max(0, at - clock.monotonic()), () => {
      this.#wake = undefined;
      wake();
    });
    this.#wake = { at, cancel };
  }

  /** Forgets in slices, other work in between. */
  sweep(): void {
    if (this.#sweeping || !this.#running || !this.#parts.sweep()) return;
    this.#sweeping = true;
    this.#parts.clock.soon(() => {
      this.#sweeping = false;
      this.sweep();
    });
  }

  stop(): void {
    this.#running = false;
    this.#cancelRound();
    this.#wake?.cancel();
    this.#wake = undefined;
  }

  #roundIn(ms: number, intervalMs: number): void {
    const { clock, round } = this.#parts;
    const plannedAt = clock.monotonic() + ms;
    this.#cancelRound = clock.after(ms, () => {
      this.#beatAt = clock.monotonic();
      round(clock.monotonic() - plannedAt > intervalMs);
      this.sweep();
      if (this.#running) this.#roundIn(intervalMs, intervalMs);
    });
  }
}
