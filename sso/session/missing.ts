/**
 * Sessions that no member knew when they were asked: their cookies stay in browsers and come with every request, and the
 * members are not to be asked each time. What comes meanwhile comes by itself, and is not looked for here.
 */

import type { Clock } from '../clock.ts';

/** How long "no member knows this session" is believed, milliseconds. */
const missingMs = 30_000;
/** How long the members are left alone after a question that not all of them answered, milliseconds. */
const undecidedMs = 1_000;
const missingAtMost = 10_000;

export class Missing {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #until = new Map<string, number>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** Whether the members are to be left alone with this key. */
  has(key: string): boolean {
    const until = this.#until.get(key);
    return until !== undefined && this.#clock.monotonic() < until;
  }

  /** Nobody knew it who was asked. @param isDecided all members were */
  note(key: string, isDecided: boolean): void {
    if (this.#until.size >= missingAtMost) this.#until.clear();
    this.#until.set(key, this.#clock.monotonic() + (isDecided ? missingMs : undecidedMs));
  }
}
