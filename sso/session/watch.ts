/**
 * The attributes of one request's session, as properties of `req.session`: read when they are first asked
 * for, one by one, and noted when they may change. A session that was only looked at need not be compared,
 * nor its answer hooked: text, numbers and the like change nothing; whatever gives away something that can
 * be changed later (an object, the cookie) makes its attribute dirty, and what has really changed is found
 * by comparing at the end. How much counts is the application's trigger (VALVE-BEHAVIOUR.md 1.3). In all
 * else the session behaves as a plain object does, but for what works on no Proxy: `structuredClone`.
 *
 * The Session itself holds what this request has set. What is stored lies behind it, and is no property of
 * it, so a name is looked for in three places: the Session and what all sessions have, what was deleted, what is stored.
 */

import { removed, type Tracker } from './graph/tracker.ts';
import type { ReplicationTrigger } from './options/replication.ts';
import { Session, self } from './session.ts';

export type Attributes = Record<string, unknown>;

type StoredAttributes = Pick<Tracker, 'names' | 'read'>;

/** Who is told of what an application does with its session. */
export interface Watcher {
  readonly trigger: ReplicationTrigger;
  /** Something may change from now on. May be called often. */
  changing(): void;
  /** An attribute was read, where the trigger is `SET_AND_GET`. May be called often. */
  reading(): void;
}

/** What a stored attribute is like while it is none of the Session's own. */
const usual = { writable: true, enumerable: true, configurable: true };

export class Watch implements ProxyHandler<Session> {
  readonly #tracker: StoredAttributes;
  readonly #watcher: Watcher;
  readonly #session: Session;
  /** The session as the application has it. */
  readonly handed: Session;
  /** Names that were assigned, defined or deleted. */
  #set = noNames;
  /** Names of which an object was given away. */
  #got = noNames;
  /** Stored names that were deleted: what comes under them is new, and comes last. */
  #gone = noNames;
  #names: ReadonlySet<string> | undefined;

  constructor(session: Session, tracker: StoredAttributes, watcher: Watcher) {
    this.#session = session;
    this.#tracker = tracker;
    this.#watcher = watcher;
    this.handed = new Proxy(session, this);
  }

  /**
   * The properties of `attributes` take the place of all there were, in what is stored and in `earlier`. Those with the name of a
   * method, or of anything that objects have, are left out.
   */
  replace(attributes: Attributes, earlier?: Watch): void {
    this.#watcher.changing();
    // Set by this request, and perhaps saved since the stored names were read.
    if (earlier !== undefined) this.#set = new Set(earlier.#set);
    for (const name of this.#stored()) {
      this.#gone = noted(this.#gone, name);
      this.#set = noted(this.#set, name);
    }
    for (const name in attributes) {
      if (name in this.#session) continue;
      (this.#session as unknown as Attributes)[name] = attributes[name];
      this.#set = noted(this.#set, name);
    }
  }

  /** What has to be compared: the attributes' present values, `removed` for one that would not be kept. */
  touched(): ReadonlyMap<string, unknown> {
    if (this.#set.size + this.#got.size === 0) return nothing;
    const touched = new Map<string, unknown>();
    for (const name of this.#got) touched.set(name, this.#tracker.read(name));
    const session = this.#session as unknown as Attributes;
    for (const name of this.#set)
      touched.set(name, Object.prototype.propertyIsEnumerable.call(session, name) ? session[name] : removed);
    return touched;
  }

  /** Whether this request put anything in that would be kept. */
  get holdsNew(): boolean {
    for (const value of this.touched().values())
      if (value !== removed && value !== undefined && typeof value !== 'function' && typeof value !== 'symbol')
        return true;
    return false;
  }

  get(session: Session, name: string | symbol, receiver: unknown): unknown {
    if (name === self) return session;
    if (typeof name === 'symbol' || name in session) {
      if (name === 'cookie') this.#watcher.changing();
      return Reflect.get(session, name, receiver);
    }
    return this.#read(name);
  }

  set(session: Session, name: string | symbol, value: unknown, receiver: unknown): boolean {
    // What is there already, accessors and methods among it, and heirs that get a property of their own: as any object does it.
    if (typeof name === 'symbol' || receiver !== this.handed || name in session)
      return Reflect.set(session, name, value, receiver);
    if (!Object.isExtensible(session)) return false;
    this.#noteSet(name);
    return Reflect.defineProperty(session, name, { value, ...usual });
  }

  has(session: Session, name: string | symbol): boolean {
    return name in session || (typeof name === 'string' && this.#isStored(name));
  }

  ownKeys(session: Session): (string | symbol)[] {
    const own = Reflect.ownKeys(session);
    const stored = [...this.#stored()];
    if (stored.length === 0) return own;
    // As an object with all of them has it: numbers, then the cookie, what was stored, what is new, symbols.
    const keys = new Set<string | symbol>(['cookie', ...stored, ...own]);
    if (!Object.hasOwn(session, 'cookie')) keys.delete('cookie');
    const numbers = [...keys].filter(isIndex).sort((a, b) => Number(a) - Number(b));
    return numbers.length === 0 ? [...keys] : [...new Set([...numbers, ...keys])];
  }

  /** A descriptor may give an object away. */
  getOwnPropertyDescriptor(session: Session, name: string | symbol): PropertyDescriptor | undefined {
    if (name === 'cookie') this.#watcher.changing();
    if (typeof name === 'string' && this.#isStored(name) && !(name in session))
      return { value: this.#read(name), ...usual };
    return Reflect.getOwnPropertyDescriptor(session, name);
  }

  /** Assignments to what is there end here as well. */
  defineProperty(session: Session, name: string | symbol, property: PropertyDescriptor): boolean {
    this.#take(session, name);
    this.#noteSet(name);
    return Reflect.defineProperty(session, name, property);
  }

  deleteProperty(session: Session, name: string | symbol): boolean {
    if (!Reflect.deleteProperty(session, name)) return false;
    if (typeof name === 'string' && name !== 'cookie') {
      if (this.#known.has(name)) this.#gone = noted(this.#gone, name);
      this.#set = noted(this.#set, name);
    }
    this.#watcher.changing();
    return true;
  }

  /** From then on the Session itself must have all that it seems to have. */
  preventExtensions(session: Session): boolean {
    for (const name of this.#stored()) this.#take(session, name);
    return Reflect.preventExtensions(session);
  }

  /** From then on accessors may stand between a reader and what is kept. */
  setPrototypeOf(session: Session, prototype: object | null): boolean {
    this.#watcher.changing();
    return Reflect.setPrototypeOf(session, prototype);
  }

  /** A stored attribute; `undefined` if there is none. */
  #read(name: string): unknown {
    // Also what is stored under the name of a method, of a session that has lost its methods.
    if (name in Session.prototype || (this.#gone.size > 0 && this.#gone.has(name))) return undefined;
    const value = this.#tracker.read(name);
    if (value === undefined) return undefined;
    const { trigger } = this.#watcher;
    if (trigger === 'SET_AND_GET') this.#watcher.reading();
    if (typeof value === 'object' && value !== null && trigger !== 'SET' && !this.#got.has(name)) {
      this.#got = noted(this.#got, name);
      this.#watcher.changing();
    }
    return value;
  }

  /** A stored attribute becomes the Session's own, as it is. */
  #take(session: Session, name: string | symbol): void {
    if (typeof name === 'string' && this.#isStored(name) && !(name in session))
      Object.defineProperty(session, name, { value: this.#read(name), ...usual });
  }

  #noteSet(name: string | symbol): void {
    if (typeof name === 'string' && name !== 'cookie') this.#set = noted(this.#set, name);
    this.#watcher.changing();
  }

  #isStored(name: string): boolean {
    return !this.#gone.has(name) && this.#known.has(name);
  }

  /** Stored names that were not deleted, in their order. */
  *#stored(): Iterable<string> {
    for (const name of this.#known) if (!this.#gone.has(name)) yield name;
  }

  /** One stored under the name of a method, by whatever way it came there, is no attribute. */
  get #known(): ReadonlySet<string> {
    return (this.#names ??= new Set(this.#tracker.names().filter((name) => !(name in Session.prototype))));
  }
}

const nothing: ReadonlyMap<string, unknown> = new Map();

/** Most requests note nothing, so a set is made when something is. */
const noNames: ReadonlySet<string> = new Set();

function noted(names: ReadonlySet<string>, name: string): ReadonlySet<string> {
  return names === noNames ? new Set([name]) : (names as Set<string>).add(name);
}

/** What objects list first: a whole number below 2^32 - 1 in its usual spelling. */
function isIndex(name: string | symbol): boolean {
  return typeof name === 'string' && String(Number(name) >>> 0) === name && name !== '4294967295';
}
