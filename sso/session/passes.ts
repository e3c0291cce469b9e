/**
 * Passes over the records of all sessions, in turns (turns.ts): a million of them take seconds, and whoever else has
 * something to do has it in between. So they change on the way, and a pass promises this:
 * - what is there when it begins, and still is when its turn comes, is met: once, and as it is then;
 * - what has ended or is gone by then is not met;
 * - what comes meanwhile may be met or not: also a session that moves to another id.
 */

import type { Copies } from '../gossip/copies.ts';
import type { LiveSession, SessionRecord } from './record.ts';
import type { Turns } from './turns.ts';

/** Records of one turn, of whichever application: each may be decoded, written or sent. Fewer if they take long. */
export const passedAtOnce = 100;

export interface SessionPassesParts {
  readonly copies: Pick<Copies<SessionRecord>, 'entries'>;
  readonly turns: Turns;
}

export class SessionPasses {
  readonly #parts: SessionPassesParts;
  /** Resolves what is waited for. */
  readonly #waiting = new Set<() => void>();
  #isClosed = false;

  constructor(parts: SessionPassesParts) {
    this.#parts = parts;
  }

  /**
   * Calls `each` with every live session of an application: with the first ones at once, if nothing else is under way.
   * Resolves after the last one, or at `close`; rejects with what `each` threw, and goes no further then.
   */
  run(app: string, each: (key: string, session: LiveSession) => void): Promise<void> {
    return this.take(this.steps(app, each));
  }

  /** The same for any steps: such as `steps` gives, after others. */
  take(steps: Iterable<unknown>): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const done = () => {
        this.#waiting.delete(done);
        resolve();
      };
      this.#waiting.add(done);
      this.#parts.turns.run(this.#guarded(steps, reject), passedAtOnce, done);
    });
  }

  *steps(app: string, each: (key: string, session: LiveSession) => void): Generator<undefined> {
    for (const [key, record] of this.#parts.copies.entries()) {
      if (record.state === 'live' && record.app === app) each(key, record);
      yield;
    }
  }

  /** What is under way goes no further, and nobody waits for it any more. */
  close(): void {
    this.#isClosed = true;
    for (const done of this.#waiting) done();
  }

  /** What is thrown in there ends it, and is whose who waits for it: not the loss of all that has its turn with it. */
  *#guarded(steps: Iterable<unknown>, failed: (error: unknown) => void): Generator<undefined> {
    try {
      for (const _ of steps) {
        yield;
        if (this.#isClosed) return;
      }
    } catch (error) {
      failed(error);
    }
  }
}
