/**
 * Tells when a session may have changed: a session that was only looked at need not be compared, nor its
 * answer hooked. Reading text, numbers and the like changes nothing; whatever gives away something that can
 * be changed later (an object, the cookie, a method), or touches the properties themselves, counts as a
 * change, and what has really changed is found by comparing at the end. In all else the watched
 * session behaves as the session does, but for what works on no Proxy: `structuredClone`.
 */

import { type Session, self } from './session.ts';

/** `session` as it is handed out; `changed` is called before anything can change, and may be called often. */
export function watched(session: Session, changed: () => void): Session {
  return new Proxy(session, new Watch(changed));
}

class Watch implements ProxyHandler<Session> {
  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get(session: Session, name: string | symbol, receiver: unknown): unknown {
    if (name === self) return session;
    const value: unknown = Reflect.get(session, name, receiver);
    if ((typeof value === 'object' && value !== null) || typeof value === 'function') this.#changed();
    return value;
  }

  /** What an assignment to a property that is there asks first; a descriptor may give an object away. */
  getOwnPropertyDescriptor(session: Session, name: string | symbol): PropertyDescriptor | undefined {
    this.#changed();
    return Reflect.getOwnPropertyDescriptor(session, name);
  }

  /** Assignments end here as well. */
  defineProperty(session: Session, name: string | symbol, property: PropertyDescriptor): boolean {
    this.#changed();
    return Reflect.defineProperty(session, name, property);
  }

  deleteProperty(session: Session, name: string | symbol): boolean {
    this.#changed();
    return Reflect.deleteProperty(session, name);
  }

  /** From then on accessors may stand between a reader and what is kept. */
  setPrototypeOf(session: Session, prototype: object | null): boolean {
    this.#changed();
    return Reflect.setPrototypeOf(session, prototype);
  }
}
