/**
 * The middleware of an application's sessions: `req.session`, as express-session has it, linked to the
 * sign-on whenever both exist. A request that never asks for its session pays for the look-up alone:
 * reading and the hooks of the response come with the first access.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request, RequestHandler } from 'express';
import { SsoError } from '../errors.ts';
import { isBelowPath } from '../http/below-path.ts';
import { readCookie } from '../http/cookie.ts';
import { areHeadersGone } from '../http/stand-in.ts';
import type { Log } from '../log.ts';
import type { SsoId } from '../token.ts';
import { SessionCookie } from './cookie.ts';
import { trackingOf } from './draft.ts';
import { sessionHandle, setSessionHandle } from './handle.ts';
import { parseCookieValue } from './id.ts';
import { LeftOut } from './left-out.ts';
import { enroll } from './options/common.ts';
import type { SessionParts } from './parts.ts';
import { RequestSession } from './request-session.ts';
import { type Seat, SeatFinder } from './seat.ts';
import type { Arrived, SessionKit } from './session-writer.ts';
import { resolveSettings, type SessionOptions, type SessionSettings } from './settings.ts';
import { SessionStore } from './store.ts';

export type { EndHandler, SessionEnd } from './end-handlers.ts';
export type { SessionParts } from './parts.ts';
export type { SessionOptions } from './settings.ts';

/** @throws SsoError ERR_CONFIG_INVALID */
export function sessions(parts: SessionParts, options: SessionOptions): RequestHandler {
  const settings = resolveSettings(parts, options);
  const { app, name, route } = settings;
  const { usual } = settings.cookies;
  enroll(parts, settings);
  // A balancer that looked for a route in a cookie without one would find none.
  if (route !== undefined || parts.route === undefined) {
    parts.onMounted?.({
      app,
      name,
      path: usual?.path ?? '/',
      secure: usual === undefined ? !parts.allowInsecureCookie : usual.secure === true,
    });
  }
  const kit: SessionKit = {
    parts,
    settings,
    finder: new SeatFinder(parts, settings),
    store: new SessionStore(parts, settings, () => usual?.copy() ?? new SessionCookie()),
    tracking: trackingOf(parts, settings),
    leftOut: new LeftOut(app, parts.log),
    warnWithheld: once(() =>
      parts.log.warn(
        { app },
        'sessions: this node is cut off and lets nobody in: what requests put into their sessions meanwhile is not saved',
      ),
    ),
    warnInsecure: once(() =>
      parts.log.warn(
        { app },
        "sessions: the cookie is for secure connections, and this request's is none: is the host's `trust proxy` set?",
      ),
    ),
  };
  const shadowed = new Shadowed(app, parts.log);
  return (req, res, next) => {
    const other = sessionHandle(req);
    const isTaken = other !== undefined || hasForeignSession(req);
    let under = false;
    try {
      under = isUnder(req, settings);
    } catch (error) {
      // Thrown, it would end the process where a socket's handler has called (ws). Of a request that is another's nothing is kept.
      if (!isTaken) return next(error);
    }
    if (under && !isTaken) return begin(kit, req, res, next);
    if (under && other?.app !== app) shadowed.by(other?.app);
    next();
  };
}

/** Whoever comes first makes `req.session`: what is mounted below another's sessions has none, and nothing else would say so. */
class Shadowed {
  readonly #app: string;
  readonly #log: Log;
  readonly #said = new Set<string | undefined>();

  constructor(app: string, log: Log) {
    this.#app = app;
    this.#log = log;
  }

  /** @param other the application whose sessions they are; `undefined`: another middleware's */
  by(other: string | undefined): void {
    if (this.#said.has(other)) return;
    this.#said.add(other);
    const whose = other === undefined ? 'of another middleware' : `of the application "${other}"`;
    this.#log.warn(
      { app: this.#app, other },
      `sessions: a request has req.session already, ${whose}, which comes before: "${this.#app}" keeps nothing of it. Mount them beside each other, each on its own path`,
    );
  }
}

/** Everything is done before `next`, at once, unless members have to be asked for a session that is not known here. */
function begin(kit: SessionKit, req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void): void {
  let session: RequestSession;
  let found: Seat | undefined | Promise<Seat | undefined>;
  try {
    const signOn = kit.parts.signOns.of(req);
    const arrived = arrivedCookie(kit, req, signOn);
    session = new RequestSession(kit, req, res, next, arrived, signOn);
    found = arrived?.id === undefined ? undefined : kit.finder.find(req, arrived.id, signOn);
    if (!(found instanceof Promise)) hand(kit, req, session, found);
  } catch (error) {
    next(error);
    return;
  }
  if (!(found instanceof Promise)) next();
  else
    found
      .then((seat) => hand(kit, req, session, seat))
      .then(
        () => next(),
        (error) => {
          // Here as well: an application's own error handler may know nothing of an error's headers.
          if (error instanceof SsoError && error.headers !== undefined && !areHeadersGone(res))
            for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value);
          next(error);
        },
      );
}

function hand({ store }: SessionKit, req: IncomingMessage, session: RequestSession, seat: Seat | undefined): void {
  setSessionHandle(req, session);
  // One by one, and the store as a plain value: `defineProperties` costs twice as much as all the rest.
  Object.defineProperty(req, 'session', sessionAccess);
  Object.defineProperty(req, 'sessionID', idAccess);
  (req as { sessionStore?: SessionStore }).sessionStore = store;
  session.begin(seat);
}

function of(req: object): RequestSession {
  return sessionHandle(req as IncomingMessage) as RequestSession;
}

/** The same for all requests: what they stand for is found by the request itself. */
const sessionAccess: PropertyDescriptor & ThisType<IncomingMessage> = {
  configurable: true,
  enumerable: true,
  get() {
    return of(this).session;
  },
  set(value: unknown) {
    of(this).session = value as undefined;
  },
};

const idAccess: PropertyDescriptor & ThisType<IncomingMessage> = {
  configurable: true,
  enumerable: true,
  get() {
    return of(this).id;
  },
  set(value: unknown) {
    of(this).id = value as undefined;
  },
};

/** Cookies of our name that are looked at. */
const valuesAtMost = 4;

/** The cookie's id. Of several cookies of the name (other paths, other hosts of the domain) the one whose session can be handed out. */
function arrivedCookie(kit: SessionKit, req: IncomingMessage, signOn: SsoId | undefined): Arrived | undefined {
  const { name, genid } = kit.settings;
  let values = readCookie(req.headers.cookie, name);
  if (values.length === 0) {
    const parsed = (req as Partial<Request>).cookies?.[name];
    if (typeof parsed !== 'string') return undefined;
    values = [parsed];
  }
  const custom = genid !== undefined;
  let chosen = parseCookieValue(values[0]!, custom);
  if (values.length > 1) {
    const all = values.slice(0, valuesAtMost).flatMap((value) => parseCookieValue(value, custom) ?? []);
    chosen = kit.finder.likeliest(all, signOn) ?? all[0];
  }
  if (chosen === undefined) return { id: undefined, rewrite: false };
  const { route } = kit.settings;
  const { takesNew } = kit.parts;
  const isElsewhere = route !== undefined && chosen.route !== route && takesNew?.() !== false;
  return { id: chosen.id, rewrite: chosen.quoted || isElsewhere };
}

function hasForeignSession(req: IncomingMessage): boolean {
  return Boolean((req as { session?: unknown }).session);
}

function isUnder(req: IncomingMessage, { cookies }: SessionSettings): boolean {
  return isBelowPath((cookies.usual ?? cookies.of(req)).path, req);
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
