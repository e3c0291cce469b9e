/**
 * Long work in turns: whoever else has something to do has it in between. All work that is handed in here shares one part
 * of a turn, piece by piece and one after the other, so that many passes at a time stand in the way no longer than one.
 */

import type { Clock } from '../clock.ts';

/** So long such work takes of a turn, milliseconds: with what else a turn has to do, half of the 20 ms that nobody is to wait. */
export const turnMs = 5;

export interface TurnsParts {
  readonly clock: Pick<Clock, 'soon' | 'monotonic'>;
}

interface Job {
  readonly steps: Iterator<unknown>;
  readonly done: () => void;
  readonly most: number;
}

export class Turns {
  readonly #parts: TurnsParts;
  readonly #jobs: Job[] = [];
  #isArmed = false;
  #closed = false;

  constructor(parts: TurnsParts) {
    this.#parts = parts;
  }

  /**
   * Goes through all steps, and calls `done` in the end. Begins at once where nothing else is under way.
   * @param most steps of one turn; fewer if they take long
   */
  run(steps: Iterator<unknown>, most: number, done: () => void = () => {}): void {
    if (this.#closed) return;
    this.#jobs.push({ steps, done, most });
    if (!this.#isArmed) this.#turn();
  }

  /** The same for what somebody waits for: at once, and before anything else. */
  runFirst(steps: Iterator<unknown>, most: number): void {
    if (this.#closed) return;
    const job = { steps, done: () => {}, most };
    if (this.#goOn(job, this.#parts.clock.monotonic() + turnMs)) return;
    this.#jobs.unshift(job);
    this.#arm();
  }

  /** Whatever is under way goes no further. */
  close(): void {
    this.#closed = true;
    this.#jobs.length = 0;
  }

  #turn(): void {
    const { clock } = this.#parts;
    // What is handed in meanwhile waits for the next turn.
    this.#isArmed = true;
    const until = clock.monotonic() + turnMs;
    try {
      for (let left = this.#jobs.length; left > 0 && !this.#closed; left--) {
        const job = this.#jobs.shift()!;
        if (!this.#goOn(job, until)) this.#jobs.push(job);
        if (clock.monotonic() >= until) break;
      }
    } finally {
      // Also where a step threw: its job is over, the others go on.
      this.#isArmed = false;
      if (this.#jobs.length > 0) this.#arm();
    }
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    this.#parts.clock.soon(() => this.#turn());
  }

  /** Returns whether it is done. */
  #goOn({ steps, done, most }: Job, until: number): boolean {
    for (let count = 0; count < most; count++) {
      if (steps.next().done === true) {
        done();
        return true;
      }
      if (this.#parts.clock.monotonic() >= until) break;
    }
    return this.#closed;
  }
}

/** A step for each record, of whichever session: what is looked at in turns changes on the way, and each is met as it is then. */
export function* overAll<R>(
  copies: { entries(): Iterable<readonly [key: string, record: R]> },
  each: (key: string, record: R) => void,
): Generator<undefined> {
  for (const [key, record] of copies.entries()) {
    each(key, record);
    yield;
  }
}
