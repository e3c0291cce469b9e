/**
 * A process that stood still (stopped, swapped out, a virtual machine that was moved) goes on with what it last knew, while the
 * others went on without it. Until it has compared with one of them, what it holds may be of yesterday: an answer that was asked for
 * before may have waited as long as the process.
 */

import type { Clock } from '../clock.ts';

export class Standstill {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #mostMs: number;
  #noticedAt = 0;
  #caughtUp: Promise<void> | undefined;
  #end: () => void = () => {};

  /** @param mostMs of waiting for a comparison: where nobody answers, what is here has to do */
  constructor(clock: Pick<Clock, 'after'>, mostMs: number) {
    this.#clock = clock;
    this.#mostMs = mostMs;
  }

  /** Resolves once it has compared; `undefined`: it has since it stood still, or never did. */
  get caughtUp(): Promise<void> | undefined {
    return this.#caughtUp;
  }

  /** It was noticed, at this instant of the monotonic clock. As `caughtUp`. */
  begin(at: number): Promise<void> {
    this.#noticedAt = at;
    this.#caughtUp ??= new Promise((resolve) => {
      const cancel = this.#clock.after(this.#mostMs, () => this.end());
      this.#end = () => {
        cancel();
        this.#caughtUp = undefined;
        resolve();
      };
    });
    return this.#caughtUp;
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
