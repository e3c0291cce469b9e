/**
 * A store for applications that stay with express-session, over the same replicated sessions. It knows
 * the sign-on of a request by the valve (RequestContext): a new session is linked to it, an ended one is
 * never written again, `destroy` ends the whole sign-on and `regenerate` does not. What a store cannot
 * promise, because it never sees the answer: the cookie's format (express-session signs it, which hides
 * the route from balancers), its new route after a failover, its deletion after a logout; and outside a
 * request it hands every session to whoever asks.
 */

import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { configError, requireKnown, SsoError } from '../errors.ts';
import type { SsoId } from '../token.ts';
import { type CookieData, SessionCookie } from './cookie.ts';
import type { EndHandler } from './end-handlers.ts';
import { sessionHandle } from './handle.ts';
import type { LiveSession } from './record.ts';
import { RequestSession } from './request-session.ts';
import { Session, type SessionCallback, type SessionOwner } from './session.ts';
import { type Attributes, idleLimit, keptCookie, parseSessionText, sessionText } from './session-data.ts';
import { checkApp, defaultIdleMs, type SessionParts } from './settings.ts';

export interface StoreOptions {
  /** The application's name, the same on all nodes. */
  readonly app: string;
  /** Milliseconds without a request after which a session without `cookie.maxAge` is over; default 30 minutes, 0 = never. */
  readonly idleMs?: number | undefined;
  /** As that of `sessions()`: called at the end of each session on the node that served it; what it throws is in the receipt of the logout. */
  readonly onEnd?: EndHandler | undefined;
}

/** A session as a store gives it: the cookie's settings and the attributes. */
export interface StoredSession {
  readonly cookie: Omit<CookieData, 'sameSite' | 'maxAge'> & {
    readonly sameSite?: boolean | 'lax' | 'strict' | 'none' | undefined;
  };
  readonly [attribute: string]: unknown;
}

type Found = (error: unknown, session?: StoredSession | null) => void;
type Generate = (req: IncomingMessage) => void;
type StoreRequest = IncomingMessage & { session?: object; sessionID: string };

/** @throws SsoError ERR_CONFIG_INVALID */
export function store(parts: SessionParts, options: StoreOptions): SessionStore {
  requireKnown('store', options, ['app', 'idleMs', 'onEnd']);
  const { app, onEnd } = options;
  if (onEnd !== undefined && typeof onEnd !== 'function') throw configError('onEnd', 'must be a function');
  checkApp(app);
  if (onEnd !== undefined) parts.table.onEnd(app, onEnd);
  parts.context.enable();
  return new SessionStore(parts, options);
}

export class SessionStore extends EventEmitter {
  readonly #parts: SessionParts;
  readonly #app: string;
  readonly #idleMs: number;
  readonly #usualCookie: () => SessionCookie;
  /** The sign-on of a request when its session was made: if it ends meanwhile, the session is not saved (V67). */
  readonly #signOns = new WeakMap<object, SsoId | undefined>();
  /** An anonymous session's content, on its way to a new id in a request that is signed on. */
  readonly #moving = new WeakMap<object, { readonly key: string; attributes: Attributes }>();
  #generate: Generate | undefined;

  /** @param usualCookie the cookie of sessions that were saved without one of their own, by `sessions()` of the same application */
  constructor(
    parts: SessionParts,
    { app, idleMs = defaultIdleMs }: StoreOptions,
    usualCookie = () => new SessionCookie(),
  ) {
    super();
    checkApp(app);
    this.#parts = parts;
    this.#app = app;
    this.#idleMs = idleMs;
    this.#usualCookie = usualCookie;
  }

  /** Makes `req.session`: express-session puts its function here. */
  get generate(): Generate | undefined {
    return this.#generate;
  }

  set generate(generate: Generate | undefined) {
    this.#generate =
      generate &&
      ((req) => {
        generate(req);
        this.#signOns.set(req, this.#parts.signOns.of(req));
        const moving = this.#moving.get(req);
        if (moving !== undefined) Object.assign((req as StoreRequest).session ?? {}, moving.attributes);
        if (moving !== undefined) moving.attributes = {};
      });
  }

  /** `null`: there is none, or it belongs to another sign-on than the request's. */
  get(id: string, callback: Found): void {
    settle(this.#get(id), callback);
  }

  set(id: string, session: object, callback?: SessionCallback): void {
    settle(this.#set(id, session as Attributes), callback);
  }

  /** Ends the session, and the whole sign-on that it is linked to. */
  destroy(id: string, callback?: SessionCallback): void {
    settle(this.#destroy(id), callback);
  }

  touch(id: string, _session: object, callback?: SessionCallback): void {
    this.#parts.table.touch(this.#key(id));
    settle(Promise.resolve(), callback);
  }

  /** The application's sessions as a list: their ids are nowhere kept. */
  all(callback: (error: unknown, sessions?: StoredSession[]) => void): void {
    settle(
      Promise.resolve(Array.from(this.#parts.table.all(this.#app), ([, session]) => this.#stored(session))),
      callback,
    );
  }

  length(callback: (error: unknown, length?: number) => void): void {
    settle(Promise.resolve([...this.#parts.table.all(this.#app)].length), callback);
  }

  /** Ends all sessions of this application; nobody is signed off by it. */
  clear(callback?: SessionCallback): void {
    for (const [key] of [...this.#parts.table.all(this.#app)]) this.#parts.table.end(key, 'left');
    settle(this.#parts.table.stored(), callback);
  }

  load(id: string, callback: (error: unknown, session?: StoredSession) => void): void {
    const request = { sessionID: id, sessionStore: this } as unknown as IncomingMessage;
    const made = this.#get(id).then((session) => session && this.createSession<StoredSession>(request, session));
    settle<StoredSession | undefined>(
      made.then((session) => session ?? undefined),
      callback,
    );
  }

  /** Puts a stored session on a request. */
  createSession<S = Session>(req: IncomingMessage, session: object): S {
    const { cookie, ...attributes } = session as StoredSession;
    const request = req as StoreRequest;
    const kept = keptCookie(cookie, this.#parts.clock);
    if (cookie.expires) kept.endAt(new Date(cookie.expires).valueOf());
    const made = new Session(this.#owner(request), { id: request.sessionID }, kept, attributes);
    request.session = made;
    // The caller's own idea of a session: express-session's type and ours say the same in different words.
    return made as S;
  }

  /** Gives the request a new, empty session; the sign-on stays. express-session's own would destroy the old one. */
  regenerate(req: IncomingMessage, callback: SessionCallback): void {
    const handle = sessionHandle(req);
    if (handle instanceof RequestSession) handle.session?.regenerate(callback);
    else settle(this.#regenerate(req as StoreRequest), callback);
  }

  #key(id: string): string {
    return this.#parts.table.key(this.#app, id);
  }

  async #get(id: string): Promise<StoredSession | null> {
    const { table, context, signOns } = this.#parts;
    const req = context.current();
    const signOn = req && signOns.of(req);
    const key = this.#key(id);
    let look = table.look(key);
    if (look.state === 'doubtful' || (look.state === 'unknown' && signOn !== undefined))
      look = await table.inquire(key);
    if (look.state !== 'live') return null;
    if (req !== undefined && look.session.signOn !== signOn) {
      if (look.session.signOn === undefined)
        this.#moving.set(req, { key, attributes: parseSessionText(look.session.data).attributes });
      return null;
    }
    if (req !== undefined) this.#signOns.set(req, signOn);
    return this.#stored(look.session);
  }

  async #set(id: string, session: Attributes): Promise<void> {
    const { table, signOns, context, clock } = this.#parts;
    const key = this.#key(id);
    const look = table.look(key);
    if (look.state === 'ended') return;
    const req = context.current();
    const known = look.state === 'live' || look.state === 'doubtful';
    const signOn = known ? look.session.signOn : req && (this.#signOns.get(req) ?? signOns.of(req));
    const cookie = cookieOf(session['cookie'], clock);
    const data = sessionText({ ...session, cookie }, undefined);
    if (table.write(key, { app: this.#app, signOn, idleMs: idleLimit(cookie, this.#idleMs), data }) === undefined)
      return;
    const moving = req && this.#moving.get(req);
    if (moving !== undefined) table.end(moving.key, 'renewed');
    await table.stored();
  }

  async #destroy(id: string): Promise<void> {
    const { table, signOns, context } = this.#parts;
    const key = this.#key(id);
    const look = table.look(key);
    const req = context.current();
    // A session that was never saved belongs to the request's sign-on all the same.
    const unsaved = look.state === 'unknown' && req !== undefined && (req as StoreRequest).sessionID === id;
    const signOn =
      look.state === 'live' || look.state === 'doubtful' ? look.session.signOn : unsaved ? signOns.of(req) : undefined;
    if (signOn !== undefined) await signOns.end(signOn, 'invalidated', req);
    else if (table.end(key, 'destroyed')) await table.stored();
  }

  async #regenerate(req: StoreRequest): Promise<void> {
    if (this.#generate === undefined)
      throw new SsoError('ERR_SESSION_INVALID', 'no middleware of express-session has taken this store');
    const old = this.#key(req.sessionID);
    this.#generate(req);
    // The new link before the old one goes: a sign-on without grace must not look empty in between (V52).
    if (this.#parts.signOns.of(req) !== undefined) await this.#set(req.sessionID, req.session as Attributes);
    if (this.#parts.table.end(old, 'renewed')) await this.#parts.table.stored();
  }

  #stored({ data, lastAccessAt }: LiveSession): StoredSession {
    const { cookie: kept, attributes } = parseSessionText(data);
    const cookie = kept === undefined ? this.#usualCookie() : keptCookie(kept, this.#parts.clock);
    if (cookie.originalMaxAge !== null) cookie.endAt(lastAccessAt + cookie.originalMaxAge);
    return { ...attributes, cookie: cookie.data as StoredSession['cookie'] };
  }

  #owner(req: StoreRequest): SessionOwner {
    return {
      req,
      save: (session) => this.#set(session.id, session as unknown as Attributes),
      destroy: async ({ id }) => {
        delete req.session;
        await this.#destroy(id);
      },
      regenerate: () => this.#regenerate(req),
      reload: async ({ id }) => {
        const session = await this.#get(id);
        if (session === null) throw new SsoError('ERR_SESSION_INVALID', 'failed to load session');
        this.createSession(req, session);
      },
    };
  }
}

/** express-session's cookie, ours, or what JSON left of one. */
function cookieOf(cookie: unknown, clock: SessionParts['clock']): SessionCookie {
  if (typeof cookie !== 'object' || cookie === null) return new SessionCookie(undefined, clock);
  const data = 'data' in cookie ? cookie.data : cookie;
  return keptCookie({ originalMaxAge: null, ...(data as Partial<CookieData>) }, clock);
}

function settle<T>(work: Promise<T>, callback: ((error: unknown, value?: T) => void) | undefined): void {
  work.then(
    (value) => callback && process.nextTick(callback, null, value),
    (error) => callback && process.nextTick(callback, error),
  );
}
