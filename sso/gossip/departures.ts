/**
 * When the next batch leaves. What was put in one turn of the event loop leaves at its end. What is patient waits, while
 * a batch is under way for whose confirmation somebody waits, for the first confirmation of it: each batch costs every
 * member a write, a read and an answer, and under load all that is put during one trip shares them (group commit).
 * Where nothing is under way nobody waits, so a node with little to do is as quick as before.
 */

import type { Cancel, Clock } from '../clock.ts';

/** What is patient waits so long at most, milliseconds: a trip in one data centre is shorter. */
const patienceMs = 2;

export interface DeparturesParts {
  readonly clock: Clock;
  /** Sends what waits. Returns whether it asked for a confirmation, and the number of the last batch that left. */
  readonly leave: () => { readonly isAsking: boolean; readonly number: number };
  /** Whether a member confirmed all batches up to this one, or nobody is reached who could. */
  readonly isConfirmed: (number: number) => boolean;
}

export class Departures {
  readonly #parts: DeparturesParts;
  #isDue = false;
  /** Something patient waits. */
  #waiting: Cancel | undefined;
  /** The last batch for which somebody waits; 0: it is confirmed, or there was none. */
  #underWay = 0;
  #isOver = false;

  constructor(parts: DeparturesParts) {
    this.#parts = parts;
  }

  /** At the end of this turn, with all that waits. */
  soon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#parts.clock.soon(() => this.#leave());
  }

  /** With the first confirmation of what is under way, or once its patience is over; at the end of this turn if nothing is. */
  patiently(): void {
    if (this.#isDue || this.#waiting !== undefined) return;
    if (!this.#isUnderWay()) return void this.soon();
    this.#waiting = this.#parts.clock.after(patienceMs, () => {
      this.#waiting = undefined;
      this.soon();
    });
  }

  /** A confirmation came, or a member came or went. */
  check(): void {
    if (this.#waiting !== undefined && !this.#isUnderWay()) this.soon();
  }

  /** Nothing leaves any more. */
  stop(): void {
    this.#isOver = true;
    this.#waiting?.();
  }

  #leave(): void {
    this.#isDue = false;
    this.#waiting?.();
    this.#waiting = undefined;
    if (this.#isOver) return;
    const { isAsking, number } = this.#parts.leave();
    if (isAsking) this.#underWay = number;
  }

  #isUnderWay(): boolean {
    if (this.#underWay > 0 && this.#parts.isConfirmed(this.#underWay)) this.#underWay = 0;
    return this.#underWay > 0;
  }
}
