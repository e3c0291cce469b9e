/**
 * A process that stood still (stopped, swapped out, a virtual machine that was moved) goes on with what it last knew, while the
 * others went on without it. Until it has compared with one of them, what it holds may be of yesterday: an answer that was asked for
 * before may have waited as long as the process.
 */

import type { Clock } from '../clock.ts';

export interface StandstillParts {
  readonly clock: Pick<Clock, 'after' | 'monotonic'>;
  /** Between rounds, milliseconds. */
  readonly intervalMs: number;
  /** The longest wait for a comparison, milliseconds: where nobody answers, what is here has to do. */
  readonly mostMs: number;
  /** When the last round ran, by the monotonic clock; `undefined`: there are none. */
  readonly beatAt: () => number | undefined;
  /** Whether others may have gone on. */
  readonly hasOthers: () => boolean;
}

export class Standstill {
  readonly #parts: StandstillParts;
  #noticedAt = 0;
  #caughtUp: Promise<void> | undefined;
  #end: () => void = () => {};

  constructor(parts: StandstillParts) {
    this.#parts = parts;
  }

  /**
   * Resolves once it has compared; `undefined`: it has since it stood still, or never did. Noticed at once, though what came
   * meanwhile is looked at before any timer.
   */
  caughtUp(): Promise<void> | undefined {
    const { clock, intervalMs, beatAt } = this.#parts;
    const lastAt = beatAt();
    const now = clock.monotonic();
    if (lastAt !== undefined && now - lastAt > 2 * intervalMs) this.noticed(now);
    return this.#caughtUp;
  }

  /** It stood still until this instant of the monotonic clock. */
  noticed(at: number): void {
    const { clock, mostMs, hasOthers } = this.#parts;
    if (!hasOthers()) return;
    this.#noticedAt = at;
    this.#caughtUp ??= new Promise((resolve) => {
      const cancel = clock.after(mostMs, () => this.end());
      this.#end = () => {
        cancel();
        this.#caughtUp = undefined;
        resolve();
      };
    });
  }

  /** It has compared with a member, having asked for it at this instant of the monotonic clock. */
  compared(begunAt: number): void {
    if (begunAt >= this.#noticedAt) this.end();
  }

  /** It has caught up, or ends. */
  end(): void {
    this.#end();
    this.#end = () => {};
  }
}
