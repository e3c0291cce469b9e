/**
 * Passes over the records of all sessions, in turns (turns.ts): a million of them take seconds, and whoever else has
 * something to do has it in between. So they change on the way, and a pass promises this:
 * - what is there when it begins, and still is when its turn comes, is met: once, and as it is then;
 * - what has ended or is gone by then is not met;
 * - what comes meanwhile may be met or not: also a session that moves to another id;
 * - one that ends early does not look like one that met all.
 */

import { SsoError } from '../errors.ts';
import type { Copies } from '../gossip/copies.ts';
import type { LiveSession, SessionRecord } from './record.ts';
import { overAll, type Turns } from './turns.ts';

/** Records of one turn, of whichever application: each may be decoded, written or sent. Fewer if they take long. */
export const passedAtOnce = 100;

export interface SessionPassesParts {
  readonly copies: Pick<Copies<SessionRecord>, 'entries'>;
  readonly turns: Turns;
}

export class SessionPasses {
  readonly #parts: SessionPassesParts;
  /** Settles what is waited for. */
  readonly #waiting = new Set<() => void>();
  #isClosed = false;

  constructor(parts: SessionPassesParts) {
    this.#parts = parts;
  }

  /**
   * Calls `each` with every live session of an application: with the first ones at once, if nothing else is under way.
   * Resolves after the last one; rejects with what `each` threw, and goes no further then.
   * @throws SsoError ERR_UNAVAILABLE it was closed before the last one
   */
  run(app: string, each: (key: string, session: LiveSession) => void): Promise<void> {
    return this.#begin(this.steps(app, each), (_, reject) => reject(closedEarly()));
  }

  /** The same for any steps, such as `steps` gives, after others. It is the node's own work: resolves at `close` as well. */
  take(steps: Iterable<unknown>): Promise<void> {
    return this.#begin(steps, (resolve) => resolve());
  }

  steps(app: string, each: (key: string, session: LiveSession) => void): Generator<undefined> {
    return overAll(this.#parts.copies, (key, record) => {
      if (record.state === 'live' && record.app === app) each(key, record);
    });
  }

  /** What is under way goes no further, and nobody waits for it any more. */
  close(): void {
    this.#isClosed = true;
    for (const closed of this.#waiting) closed();
    this.#waiting.clear();
  }

  /** @param atClose what becomes of it where it is closed before its last step */
  #begin(
    steps: Iterable<unknown>,
    atClose: (resolve: () => void, reject: (error: unknown) => void) => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const closed = () => atClose(resolve, reject);
      if (this.#isClosed) return closed();
      this.#waiting.add(closed);
      const done = () => {
        this.#waiting.delete(closed);
        resolve();
      };
      this.#parts.turns.run(this.#guarded(steps, reject), passedAtOnce, done);
    });
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

const closedEarly = () =>
  new SsoError('ERR_UNAVAILABLE', 'this node stopped before all sessions had been gone through');
