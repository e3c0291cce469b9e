/** What goes wrong is counted always and said sparingly: a line a second for each kind, which says how many it stands for. */

import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';

const lineEachMs = 1_000;

export class Complaints {
  readonly #clock: Clock;
  readonly #log: Log;
  /** Of each kind of a fixed few: when it was said last, and how often it came since. */
  readonly #said = new Map<string, { at: number; unsaid: number }>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** `alike`: how many of this kind came without a line since the last. */
  warn(kind: string, fields: object, message: string): void {
    const now = this.#clock.monotonic();
    const last = this.#said.get(kind);
    if (last !== undefined && now - last.at < lineEachMs) {
      last.unsaid++;
      return;
    }
    this.#said.set(kind, { at: now, unsaid: 0 });
    this.#log.warn({ ...fields, alike: last?.unsaid ?? 0 }, message);
  }
}
