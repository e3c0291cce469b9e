/**
 * A store for applications that stay with express-session, over the same replicated sessions. It knows
 * the sign-on of a request by the valve (RequestContext): a new session is linked to it, an ended one is
 * never written again, `destroy` ends the whole sign-on and `regenerate` does not. What a store cannot
 * promise, because it does not make the answer: the cookie's format (express-session signs it, which hides
 * the route from balancers), its new route after a failover, its deletion after a logout; and outside a
 * request it hands every session to whoever asks.
 */

import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { requireKnown, requireOptions, retryAfterSeconds, SsoError } from '../errors.ts';
import { areHeadersGone } from '../http/stand-in.ts';
import { SessionCookie } from './cookie.ts';
import {
  cookieField,
  cookieOfText,
  cookieText,
  idleLimit,
  keptCookie,
  parseCookieText,
  settingsPart,
} from './cookie-text.ts';
import type { SessionData } from './data/session-data.ts';
import { Draft, trackingOf } from './draft.ts';
import type { TrackerOptions } from './graph/tracker.ts';
import { sessionHandle } from './handle.ts';
import { LeftOut, refusal } from './left-out.ts';
import { Missing } from './missing.ts';
import {
  type CommonOptions,
  type CommonSettings,
  checkCommon,
  commonOptionNames,
  commonOtherWords,
  commonSettings,
  enroll,
} from './options/common.ts';
import type { SessionParts } from './parts.ts';
import type { LiveSession } from './record.ts';
import { RequestSession } from './request-session.ts';
import { isFor, notLoaded, outOfReach } from './seat.ts';
import { Session, type SessionCallback, type SessionOwner } from './session.ts';
import { attributesOf, cookieIn, readOnly, type StoredSession, touchedBy } from './store-forms.ts';
import { isOwn, type Moving, type StoreRequest, StoreRequests } from './store-requests.ts';
import { type SessionWrite, sessionOf } from './table-parts.ts';
import type { Attributes } from './watch.ts';

/** As those of `sessions()`; what makes an attribute dirty is express-session's to say. */
export interface StoreOptions extends CommonOptions {}

type Found<S> = (error: unknown, session?: S | null) => void;
type Generate = (req: IncomingMessage) => void;

/** @throws SsoError ERR_CONFIG_INVALID */
export function store(parts: SessionParts, options: StoreOptions): SessionStore {
  requireOptions('store', options, 'app');
  requireKnown('', options, commonOptionNames, commonOtherWords);
  checkCommon(options);
  const settings = commonSettings(parts, options);
  enroll(parts, settings);
  parts.context.enable();
  return new SessionStore(parts, settings);
}

export class SessionStore extends EventEmitter {
  readonly #parts: SessionParts;
  readonly #app: string;
  readonly #settings: CommonSettings;
  readonly #tracking: TrackerOptions;
  readonly #leftOut: LeftOut;
  readonly #usualCookie: () => SessionCookie;
  readonly #missing: Missing;
  readonly #requests = new StoreRequests();
  #generate: Generate | undefined;
  #isOrderSaid = false;

  /** @param usualCookie the cookie of sessions that were saved without one of their own, by `sessions()` of the same application */
  constructor(parts: SessionParts, settings: CommonSettings, usualCookie = () => new SessionCookie()) {
    super();
    this.#parts = parts;
    this.#app = settings.app;
    this.#settings = settings;
    this.#tracking = trackingOf(parts, settings);
    this.#leftOut = new LeftOut(settings.app, parts.log);
    this.#missing = new Missing(parts.clock);
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
        this.#noteOrder(req);
        generate(req);
        this.#requests.made(req, this.#parts.signOns.of(req));
        const taken = this.#requests.take(req);
        if (taken === undefined) return;
        const session = (req as { session?: { cookie?: { maxAge: number | null } } }).session ?? {};
        Object.assign(session, attributesOf(this.#draft(taken)));
        const kept = parseCookieText(taken.get(settingsPart, cookieField));
        if (kept !== undefined && session.cookie !== undefined) session.cookie.maxAge = kept.originalMaxAge;
      });
  }

  /**
   * `null`: there is none, or it belongs to another sign-on than the request's. `S` is the caller's own idea of a session:
   * express-session's type has what the application declares, required or not.
   */
  get<S = StoredSession>(id: string, callback: Found<S>): void {
    settle(this.#get(id) as Promise<S | null>, callback);
  }

  set(id: string, session: object, callback?: SessionCallback): void {
    settle(this.#set(id, session as Attributes), callback);
  }

  /** Ends the session, and the whole sign-on that it is linked to. */
  destroy(id: string, callback?: SessionCallback): void {
    settle(this.#destroy(id), callback);
  }

  touch(id: string, _session: object, callback?: SessionCallback): void {
    this.#touch(this.#key(id));
    settle(Promise.resolve(), callback);
  }

  /**
   * The application's sessions as a list: their ids are nowhere kept. Those that other nodes serve, and whose data not all have, are
   * not in it. Made in turns, requests in between: a session is in it once, as it was when its turn came; all that were there at the
   * call are, unless they ended before their turn; of those that come meanwhile some may be. What lies on the disk stays there.
   * The callback's error, and no list: ERR_UNAVAILABLE where the node stops, or has stopped, before the last one's turn.
   */
  all<S = StoredSession>(callback: (error: unknown, sessions?: S[]) => void): void {
    const sessions: S[] = [];
    const add = (_key: string, session: LiveSession) => {
      const read = { ...session, data: readOnly(session.data) };
      sessions.push(this.#stored(read, this.#draft(read.data)) as S);
    };
    settle(
      this.#parts.table.each(this.#app, add).then(() => sessions),
      callback,
    );
  }

  /**
   * How many sessions the application has, those that other nodes serve included. Kept count of, so it costs nothing; one that has
   * timed out may count for some minutes more.
   */
  length(callback: (error: unknown, length?: number) => void): void {
    settle(Promise.resolve(this.#parts.table.count(this.#app)), callback);
  }

  /**
   * Ends all sessions of this application; nobody is signed off by it. In turns, requests in between: all that were there at the
   * call have ended when it calls back; those that come meanwhile, also by moving to a new id, may stay. The callback's error:
   * ERR_UNAVAILABLE where the node stops, or has stopped, before the last one's turn. Some may have ended by then.
   */
  clear(callback?: SessionCallback): void {
    const { table } = this.#parts;
    const cleared = table.each(this.#app, (key) => void table.end(key, 'left'), true);
    settle(
      cleared.then(() => table.stored()),
      callback,
    );
  }

  // biome-ignore lint/suspicious/noExplicitAny: express-session's type of it has what the application declares, required or not.
  load(id: string, callback: (error: unknown, session?: any) => void): void {
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
    if (this.#generate !== undefined) this.#noteOrder(req);
    const kept = keptCookie(cookie, this.#parts.clock);
    if (cookie.expires) kept.endAt(new Date(cookie.expires).valueOf());
    const made = new Session(this.#owner(request), { id: request.sessionID }, kept);
    // A stored `save` or `__proto__` is no attribute.
    for (const name in attributes) if (!(name in made)) (made as unknown as Attributes)[name] = attributes[name];
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

  /** What comes by no valve is no request that is known here: who is signed on with it nobody can say. `load` has no request at all. */
  #noteOrder(req: IncomingMessage): void {
    const { context, log } = this.#parts;
    if (this.#isOrderSaid || req.headers === undefined || context.current() !== undefined) return;
    this.#isOrderSaid = true;
    const why =
      (req as { sso?: unknown }).sso === undefined
        ? 'express-session comes before valve(), or there is none: mount the valve first'
        : 'something between valve() and express-session loses the asynchronous context (AsyncLocalStorage): mount it above the valve';
    log.warn(
      { app: this.#app },
      `store: ${why}. Such sessions belong to no sign-on, and whoever has a cookie gets its session`,
    );
  }

  #touch(key: string): void {
    const { unreplicatedMs, telling } = this.#settings;
    this.#parts.table.touch(key, { afterMs: unreplicatedMs, buddies: telling.buddies });
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
    if (look.state === 'away' && req !== undefined && !isFor(look.session, signOn)) return null;
    const mayAsk = look.state === 'unknown' && signOn !== undefined && !this.#missing.has(key);
    if (look.state === 'doubtful' || look.state === 'away' || mayAsk)
      look = await table.inquire(key, this.#settings.telling.buddies);
    if (look.state === 'out of reach') throw outOfReach();
    if (mayAsk && (look.state === 'unknown' || look.state === 'undecided'))
      this.#missing.note(key, look.state === 'unknown');
    if (look.state !== 'live') return null;
    if (req !== undefined && look.session.signOn !== signOn) {
      if (look.session.signOn === undefined && isOwn(req, id)) this.#requests.moves(req, key, look.session.data);
      return null;
    }
    const draft = this.#draft(look.session.data);
    if (req !== undefined && isOwn(req, id)) {
      this.#requests.made(req, signOn);
      const cookie = cookieText(this.#cookieOf(look.session.data), undefined);
      this.#requests.gave(req, { key, draft, seen: look.session.data, cookie });
    }
    return this.#stored(look.session, draft);
  }

  /** Whatever is awaited in here, a new session is refused before: express-session sends its headers as soon as it has called. */
  async #set(id: string, session: Attributes): Promise<void> {
    const { table, signOns, context, clock } = this.#parts;
    const { idleMs, telling, unreplicatedMs, waits } = this.#settings;
    const key = this.#key(id);
    const req = context.current();
    let look = table.look(key);
    // Nobody has looked at it before, who would be given what is in it now.
    if (look.state === 'away' && this.#requests.givenTo(req, key) === undefined)
      look = await table.inquire(key, telling.buddies);
    if (look.state === 'out of reach') throw outOfReach();
    if (look.state === 'ended') return;
    const known = look.state === 'away' ? look.session : sessionOf(look);
    const signOn = known === undefined ? req && (this.#requests.signOnOf(req) ?? signOns.of(req)) : known.signOn;
    const cookie = cookieIn(session, clock);
    const held = known?.data;
    const own = req !== undefined && isOwn(req, id) ? req : undefined;
    const moving = this.#requests.movingIn(own);
    const initial = known === undefined ? this.#brought(moving) : undefined;
    const begun = initial === undefined ? held : moving?.taken;
    const heldCookie = held?.get(settingsPart, cookieField);
    const given = this.#requests.givenTo(req, key) ?? { draft: this.#draft(begun), seen: begun, cookie: heldCookie };
    const { draft, seen } = given;
    const found = draft.compare(touchedBy(session, draft));
    const text = cookieText(cookie, undefined);
    // What this request has not changed stays as it is now: another one may have.
    const othersCookie = text === given.cookie && heldCookie !== undefined ? held : undefined;
    const settings =
      othersCookie !== undefined || heldCookie === text ? [] : [{ part: settingsPart, field: cookieField, text }];
    const changes = { ...found.changes, fields: [...found.changes.fields, ...settings] };
    if (known !== undefined && changes.fields.length + changes.gone.length === 0) {
      this.#touch(key);
    } else {
      const what = {
        app: this.#app,
        signOn,
        idleMs: idleLimit(othersCookie === undefined ? cookie : this.#cookieOf(othersCookie), idleMs),
        changes,
        seen,
        initial,
        telling,
        unreplicatedMs,
        replaces: this.#requests.replacedIn(own) ?? moving?.key,
      };
      const written = this.#write(key, what, req);
      if (written === undefined) return;
      draft.wrote(changes);
      if (own !== undefined) this.#requests.wrote(own, { key, draft, seen: written.data, cookie: text });
    }
    this.#leftOut.warn(found.leftOut);
    if (moving !== undefined) table.end(moving.key, 'renewed');
    if (waits && telling.afterMs === 0) await table.stored(key, moving !== undefined);
    if (found.refused.length > 0) throw refusal(found.refused);
  }

  /** As `table.write`. Where there is no room for one more session, the answer says so if its headers are not sent yet. */
  #write(key: string, what: SessionWrite, req: IncomingMessage | undefined): LiveSession | undefined {
    try {
      return this.#parts.table.write(key, what);
    } catch (error) {
      if (error instanceof SsoError && error.code === 'ERR_LIMIT_REACHED') this.#refuse(error, req);
      throw error;
    }
  }

  /** There are too many sessions for one more (V101). */
  #refuse({ code, message }: SsoError, req: IncomingMessage | undefined): void {
    this.#parts.log.warn({ app: this.#app, code }, `session: ${message}`);
    const res = (req as StoreRequest | undefined)?.res;
    if (res === undefined || areHeadersGone(res)) return;
    res.statusCode = 503;
    res.setHeader('Retry-After', String(retryAfterSeconds));
    // express-session hands the error on while its answer leaves: Express' own handler closes the connection then.
    if (res.req?.httpVersionMajor < 2) res.setHeader('Connection', 'close');
  }

  /** What a session that moves takes along: also what others wrote to it since it was given away. */
  #brought(moving: Moving | undefined): SessionData | undefined {
    if (moving?.taken === undefined) return undefined;
    return sessionOf(this.#parts.table.look(moving.key))?.data;
  }

  async #destroy(id: string): Promise<void> {
    const { table, signOns, context } = this.#parts;
    const key = this.#key(id);
    const look = table.look(key);
    const req = context.current();
    // A session that was never saved belongs to the request's sign-on all the same.
    const unsaved = look.state === 'unknown' && req !== undefined && (req as StoreRequest).sessionID === id;
    const held = look.state === 'away' ? look.session : sessionOf(look);
    const signOn = held === undefined ? (unsaved ? signOns.of(req) : undefined) : held.signOn;
    if (signOn !== undefined) await signOns.end(signOn, 'invalidated', req);
    else if (table.end(key, 'destroyed')) await table.stored();
  }

  async #regenerate(req: StoreRequest): Promise<void> {
    if (this.#generate === undefined)
      throw new SsoError('ERR_SESSION_INVALID', 'no middleware of express-session has taken this store');
    const old = this.#key(req.sessionID);
    const isThere = sessionOf(this.#parts.table.look(old)) !== undefined;
    this.#generate(req);
    if (isThere) this.#requests.replaces(req, old);
    // The new link before the old one goes: a sign-on without grace must not look empty in between (V52).
    if (this.#parts.signOns.of(req) !== undefined) await this.#set(req.sessionID, req.session as Attributes);
    if (this.#parts.table.end(old, 'renewed')) await this.#parts.table.stored();
  }

  #draft(data: SessionData | undefined): Draft {
    return new Draft(data, this.#tracking);
  }

  #stored({ data, lastAccessAt }: LiveSession, draft: Draft): StoredSession {
    const cookie = this.#cookieOf(data);
    if (cookie.originalMaxAge !== null) cookie.endAt(lastAccessAt + cookie.originalMaxAge);
    return { ...attributesOf(draft), cookie: cookie.data as StoredSession['cookie'] };
  }

  #cookieOf(data: SessionData): SessionCookie {
    return cookieOfText(data.get(settingsPart, cookieField), this.#usualCookie, this.#parts.clock);
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
        if (session === null) throw notLoaded();
        this.createSession(req, session);
      },
    };
  }
}

function settle<T>(work: Promise<T>, callback: ((error: unknown, value?: T) => void) | undefined): void {
  work.then(
    (value) => callback && process.nextTick(callback, null, value),
    (error) => callback && process.nextTick(callback, error),
  );
}
