/**
 * What goes wrong is counted always and said sparingly: whoever can reach the port can make it fail a
 * thousand times a second, and must not be able to fill the disk with what the operator has to read.
 */

import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';

const saidAtMost = 1_000;

export class Complaints {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #counts = new Map<string, number>();
  /** What was said last of each topic. */
  readonly #said = new Map<string, string>();
  #strangerAt = Number.NEGATIVE_INFINITY;
  #unsaid = 0;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** `reason` is one of a fixed few, never something that a peer sent. */
  count(reason: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
  }

  /** Somebody without credentials: one line a second whatever comes; `alike` in the next says how many had none. */
  stranger(reason: string, fields: object, message = 'refused a connection to the cluster port'): void {
    this.count(reason);
    const now = this.#clock.monotonic();
    if (now - this.#strangerAt < 1_000) {
      this.#unsaid += 1;
      return;
    }
    this.#log.warn({ ...fields, reason, alike: this.#unsaid }, message);
    this.#strangerAt = now;
    this.#unsaid = 0;
  }

  /** One line for `topic` until it changes or `settle`s, however often it comes. */
  once(topic: string, level: 'info' | 'warn', fields: object, message: string): void {
    const line = JSON.stringify([message, fields]);
    if (this.#said.get(topic) === line) return;
    if (this.#said.size >= saidAtMost) this.#said.clear();
    this.#said.set(topic, line);
    this.#log[level](fields, message);
  }

  settle(topic: string): void {
    this.#said.delete(topic);
  }

  counters(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}
