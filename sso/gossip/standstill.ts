/**
 * A process that stood still (stopped, swapped out, a virtual machine that was moved) goes on with what it last knew, while the
 * others went on without it. Until it has compared with one of them, what it holds may be of yesterday.
 */

import type { Clock } from '../clock.ts';

export class Standstill {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #mostMs: number;
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

  /** It was noticed. As `caughtUp`. */
  begin(): Promise<void> {
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

  /** It has compared, or ends. */
  end(): void {
    this.#end();
    this.#end = () => {};
  }
}
