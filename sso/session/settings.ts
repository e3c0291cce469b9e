/** What `sessions()` is told, checked once at start, with express-session's names and this library's defaults. */

import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Request } from 'express';
import type { Clock } from '../clock.ts';
import { configError, requireKnown } from '../errors.ts';
import { connectionOf } from '../http/connection.ts';
import type { Keys } from '../keys.ts';
import type { Log } from '../log.ts';
import type { Random } from '../random.ts';
import { type CookieOptions, SessionCookie } from './cookie.ts';
import type { EndHandler } from './end-handlers.ts';
import type { SignOnView } from './handle.ts';
import { customIdLengthAtMost } from './id.ts';
import type { RequestContext } from './request-context.ts';
import type { SessionTable } from './table.ts';

export interface SessionParts {
  readonly table: Pick<
    SessionTable,
    'key' | 'look' | 'inquire' | 'write' | 'touch' | 'end' | 'all' | 'stored' | 'onEnd'
  >;
  readonly signOns: SignOnView;
  readonly keys: Pick<Keys, 'sessionId'>;
  /** The sticky suffix of this node. */
  readonly route: string | undefined;
  /** Whether browsers should be led to this node: else an id that comes with another's route keeps it. Default: always. */
  readonly takesNew?: (() => boolean) | undefined;
  readonly context: RequestContext;
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Log;
  readonly allowInsecureCookie: boolean;
  /** An application's sessions are mounted, with this cookie: for whoever has to say what a balancer should look at. */
  readonly onMounted?: ((cookie: MountedCookie) => void) | undefined;
}

/** Where its attributes are a function of the request, as far as they can be said. */
export interface MountedCookie {
  readonly app: string;
  readonly name: string;
  readonly path: string;
  readonly secure: boolean;
}

export interface SessionOptions {
  /** The application's name: letters, digits, `-` and `_`. The same on all nodes; other applications do not see its sessions. */
  readonly app: string;
  /**
   * Milliseconds without a request after which a session is over; default 30 minutes, 0 = never. Only where the cookie has no
   * `maxAge`. Too small: people lose what they were doing. Too large: memory on every node.
   */
  readonly idleMs?: number | undefined;
  /** The cookie's name. Default `__Host-latchkey-<app>`, as far as the cookie's attributes let a browser accept it. */
  readonly name?: string | undefined;
  /** express-session's old word for `name`. */
  readonly key?: string | undefined;
  /** The cookie's attributes, or a function of the request that gives them. */
  readonly cookie?: CookieOptions | ((req: Request) => CookieOptions) | undefined;
  /** Sends the cookie with every answer, so that its `maxAge` counts from the last request. Default false. */
  readonly rolling?: boolean | undefined;
  /** Keeps sessions that nothing was put into. Default false: visitors who are not signed on cost nothing. */
  readonly saveUninitialized?: boolean | undefined;
  /** Accepted and ignored: only changes are saved. */
  readonly resave?: boolean | undefined;
  /** Gives the id of a new session; it must be hard to guess. Default: 256 random bits. */
  readonly genid?: ((req: Request) => string) | undefined;
  /** What `req.session = null` does: `keep` (default) saves nothing, `destroy` is `req.session.destroy()`. */
  readonly unset?: 'keep' | 'destroy' | undefined;
  /**
   * Called at the end of each session on the node that served it: its sign-on ended, it timed out, it was destroyed. What it
   * throws is logged and named in the receipt of the logout; the session has ended all the same. It must not take long.
   */
  readonly onEnd?: EndHandler | undefined;
  /** Whether `X-Forwarded-Proto` says that a connection is secure. Default: Express's `req.secure`, which follows `trust proxy`. */
  readonly proxy?: boolean | undefined;
  /** Accepted and ignored: the cookie is not signed, its id carries a check of its own. */
  readonly secret?: unknown;
}

export interface SessionSettings {
  readonly app: string;
  readonly idleMs: number;
  readonly name: string;
  readonly rolling: boolean;
  readonly saveUninitialized: boolean;
  readonly unsetDestroys: boolean;
  readonly genid: ((req: IncomingMessage) => string) | undefined;
  readonly onEnd: EndHandler | undefined;
  /** The cookie that every session gets, where it is the same for all. */
  readonly usualCookie: SessionCookie | undefined;
  cookieFor(req: IncomingMessage): SessionCookie;
  isSecure(req: IncomingMessage): boolean;
}

/** `store` is none: sessions live in the nodes. */
const optionNames = [
  'app',
  'idleMs',
  'name',
  'key',
  'cookie',
  'rolling',
  'saveUninitialized',
  'resave',
  'genid',
  'unset',
  'onEnd',
  'proxy',
  'secret',
];

export const defaultIdleMs = 30 * 60_000;

/** @throws SsoError ERR_CONFIG_INVALID */
export function resolveSettings(
  { allowInsecureCookie, clock, log }: SessionParts,
  options: SessionOptions,
): SessionSettings {
  const { app, cookie = {}, genid, unset, onEnd, proxy, idleMs = defaultIdleMs } = options;
  requireKnown('sessions', options, optionNames);
  checkApp(app);
  if (!Number.isSafeInteger(idleMs) || idleMs < 0)
    throw configError('idleMs', 'must be a whole number of milliseconds; 0 means never');
  if (genid !== undefined && typeof genid !== 'function') throw configError('genid', 'must be a function');
  if (onEnd !== undefined && typeof onEnd !== 'function') throw configError('onEnd', 'must be a function');
  if (unset !== undefined && unset !== 'destroy' && unset !== 'keep')
    throw configError('unset', 'must be "destroy" or "keep"');
  const name = options.name ?? options.key ?? usualName(app, cookie, allowInsecureCookie);
  if (typeof name !== 'string' || !cookieName.test(name))
    throw configError('name', 'must be a cookie name (RFC 6265 4.1.1)');
  const isSecure = secureBy(proxy);
  const secure = !allowInsecureCookie;
  const full = (given: CookieOptions): CookieOptions => ({
    ...given,
    secure: given.secure ?? secure,
    sameSite: given.sameSite ?? 'lax',
  });
  let usualCookie: SessionCookie | undefined;
  if (typeof cookie !== 'function') {
    const all = checked(
      () => new SessionCookie(cookie === null || typeof cookie !== 'object' ? cookie : full(cookie), clock),
    );
    if (all.secure !== 'auto' && all.sameSite !== 'auto' && !cookie.expires) usualCookie = all;
  }
  if (options.secret !== undefined)
    log.info({ app }, 'sessions: the option "secret" has no effect, ids carry a check of their own');
  if (!allowInsecureCookie) warn(log, app, name, usualCookie);
  return {
    app,
    idleMs,
    name,
    rolling: options.rolling === true,
    saveUninitialized: options.saveUninitialized === true,
    unsetDestroys: unset === 'destroy',
    genid: genid && ((req) => checkId(genid(req as Request))),
    onEnd,
    usualCookie,
    cookieFor: (req) =>
      decided(full(typeof cookie === 'function' ? cookie(req as Request) : cookie), () => isSecure(req), clock),
    isSecure,
  };
}

/** @throws SsoError ERR_CONFIG_INVALID */
export function checkApp(app: unknown): asserts app is string {
  if (typeof app !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(app)) {
    throw configError('app', "is required: the application's name, 1 to 64 letters, digits, - or _");
  }
}

const cookieName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;

/** A browser takes `__Host-` with Secure, the path `/` and no domain alone, `__Secure-` with Secure (RFC 6265bis 4.1.3). */
function usualName(app: string, cookie: NonNullable<SessionOptions['cookie']>, allowInsecureCookie: boolean): string {
  const plain = `latchkey-${app}`;
  if (allowInsecureCookie || typeof cookie === 'function' || (cookie.secure !== undefined && cookie.secure !== true))
    return plain;
  return (cookie.path === undefined || cookie.path === '/') && cookie.domain === undefined
    ? `__Host-${plain}`
    : `__Secure-${plain}`;
}

function warn(log: Log, app: string, name: string, cookie: SessionCookie | undefined): void {
  if (!name.startsWith('__Host-') && !name.startsWith('__Secure-')) {
    log.warn(
      { app, name },
      'sessions: a cookie name without the prefix __Host- can be set by any other host of the domain',
    );
  }
  if (cookie?.secure === false)
    log.warn({ app }, 'sessions: cookie.secure is off, so the session cookie travels over plain HTTP too');
}

function decided(options: CookieOptions, isSecure: () => boolean, clock: Clock): SessionCookie {
  const cookie = new SessionCookie(options, clock);
  if (cookie.sameSite === 'auto') cookie.sameSite = isSecure() ? 'none' : 'lax';
  if (cookie.secure === 'auto') cookie.secure = isSecure();
  return cookie;
}

function secureBy(proxy: boolean | undefined): (req: IncomingMessage) => boolean {
  return (req) => {
    if ((req.socket as TLSSocket | undefined)?.encrypted === true) return true;
    if (proxy === false) return false;
    if (proxy !== true) return connectionOf(req).secure === true;
    return (
      String(req.headers['x-forwarded-proto'] ?? '')
        .split(',')[0]!
        .trim()
        .toLowerCase() === 'https'
    );
  };
}

function checked<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw configError('cookie', error instanceof Error ? error.message : String(error));
  }
}

function checkId(id: unknown): string {
  if (typeof id === 'string' && id !== '' && id.length <= customIdLengthAtMost) return id;
  throw configError('genid', `must return a text of 1 to ${customIdLengthAtMost} characters`);
}
