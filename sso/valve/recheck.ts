/**
 * Asks an application's check again, at most so often for each key: a "yes" holds for a while, requests
 * that come meanwhile share one question, and whatever is not a clear answer (a throw, no answer in time,
 * anything but true and false) is `failed`, which denies the request and ends nothing (V27, V33, check 40).
 */

import { bounded, type Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { DerivedCache } from './derived-cache.ts';

export type RecheckAnswer = 'yes' | 'no' | 'failed';

/** The longest that a request waits for the application's check, milliseconds. */
export const recheckLimitMs = 10_000;
/** "Yes" is remembered for this many keys; more are asked for more often. */
const maxRemembered = 50_000;

export class Recheck {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #everyMs: number;
  readonly #said: DerivedCache<true>;
  readonly #asking = new Map<string, Promise<RecheckAnswer>>();

  constructor(parts: { readonly clock: Clock; readonly log: Log; readonly everyMs: number }) {
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#everyMs = parts.everyMs;
    this.#said = new DerivedCache(parts.clock, maxRemembered);
  }

  /** Whether the last "yes" is too old. `since`: when the credentials were checked, milliseconds: that counts as one. */
  isDue(key: string, since: number): boolean {
    const age = this.#clock.now() - since;
    return !(age >= 0 && age < this.#everyMs) && this.#said.get(key) === undefined;
  }

  /** Asks now, or joins who is asking. Never rejects. */
  ask(key: string, check: () => boolean | Promise<boolean>): Promise<RecheckAnswer> {
    const asking = this.#asking.get(key);
    if (asking !== undefined) return asking;
    const answer = this.#ask(key, check).finally(() => this.#asking.delete(key));
    this.#asking.set(key, answer);
    return answer;
  }

  async #ask(key: string, check: () => boolean | Promise<boolean>): Promise<RecheckAnswer> {
    try {
      const said: unknown = await bounded(this.#clock, recheckLimitMs, Promise.resolve().then(check), undefined);
      if (said === true) this.#said.set(key, true, this.#everyMs);
      if (typeof said === 'boolean') return said ? 'yes' : 'no';
      this.#log.error(
        {},
        'a check of a principal gave no answer in time, or neither true nor false: the request is denied',
      );
    } catch (error) {
      this.#log.error({ err: error }, 'a check of a principal failed: the request is denied');
    }
    return 'failed';
  }
}
