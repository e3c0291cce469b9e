/**
 * `req.session`: what an application keeps of one visitor, as properties of an object, with the methods
 * that express-session gives it. They take a callback as there, or return a promise if none is given.
 * Its own enumerable properties are the attributes and `cookie`; everything else lies on the prototype.
 * Applications have it through a Watch (watch.ts), which adds the attributes that are stored.
 */

import type { IncomingMessage } from 'node:http';
import { type InspectOptions, inspect } from 'node:util';
import type { SessionCookie } from './cookie.ts';

export type SessionCallback = (error?: unknown) => void;

/** What stands behind a session: the request it was handed to, or a store. */
export interface SessionOwner {
  readonly req: IncomingMessage;
  regenerate(session: Session): Promise<void>;
  destroy(session: Session): Promise<void>;
  reload(session: Session): Promise<void>;
  save(session: Session): Promise<void>;
}

/** A session keeps its object while its id changes under it (at sign-on). */
export interface Identity {
  id: string;
}

export const self = Symbol('latchkey.self');

export class Session {
  readonly #owner: SessionOwner;
  readonly #identity: Identity;
  cookie: SessionCookie;

  constructor(owner: SessionOwner, identity: Identity, cookie: SessionCookie) {
    this.#owner = owner;
    this.#identity = identity;
    this.cookie = cookie;
  }

  /** Whether it is of the session that has this identity: also where another object is in its place by now (`reload`). */
  static isOf(session: Session, identity: Identity): boolean {
    return session.#identity === identity;
  }

  /** This object itself, even through what watches it: only it has the private fields. */
  get [self](): this {
    return this;
  }

  get id(): string {
    return this[self].#identity.id;
  }

  get req(): IncomingMessage {
    return this[self].#owner.req;
  }

  /** For `console.log`, which looks behind what watches the session, where the stored attributes are not. */
  [inspect.custom](depth: number, options: InspectOptions): string {
    if (depth < 0) return '[Session]';
    return `Session ${inspect({ ...this }, { ...options, depth })}`;
  }

  /** Puts `cookie.maxAge` back to what it was set to. */
  resetMaxAge(): this {
    this.cookie.maxAge = this.cookie.originalMaxAge;
    return this;
  }

  touch(): this {
    return this.resetMaxAge();
  }

  /** Saves now, rather than at the end of the answer; resolves once a second member has it. */
  save(callback: SessionCallback): this;
  save(): Promise<void>;
  save(callback?: SessionCallback): this | Promise<void> {
    const session = this[self];
    return answer(this, session.#owner.save(session), callback);
  }

  /** Reads the session anew: `req.session` is then another object, with what is saved. Fails if it has ended. */
  reload(callback: SessionCallback): this;
  reload(): Promise<void>;
  reload(callback?: SessionCallback): this | Promise<void> {
    const session = this[self];
    return answer(this, session.#owner.reload(session), callback);
  }

  /** Begins anew, empty, with another id, and keeps the sign-on: `req.session` is then another object. */
  regenerate(callback: SessionCallback): this;
  regenerate(): Promise<void>;
  regenerate(callback?: SessionCallback): this | Promise<void> {
    const session = this[self];
    return answer(this, session.#owner.regenerate(session), callback);
  }

  /** Ends the session, and with it the whole sign-on, in all applications, on all nodes. `req.sso.leave()` ends it alone. */
  destroy(callback: SessionCallback): this;
  destroy(): Promise<void>;
  destroy(callback?: SessionCallback): this | Promise<void> {
    const session = this[self];
    return answer(this, session.#owner.destroy(session), callback);
  }
}

function answer<S extends Session>(
  session: S,
  work: Promise<void>,
  callback: SessionCallback | undefined,
): S | Promise<void> {
  if (callback === undefined) {
    // Unhandled, it would end the process; who does not wait for it learns of it at the end of the answer, where saving fails again.
    work.catch(() => {});
    return work;
  }
  // By nextTick, so that what the callback throws is its own error and no rejection of ours.
  work.then(
    () => process.nextTick(callback),
    (error) => process.nextTick(callback, error),
  );
  return session;
}
