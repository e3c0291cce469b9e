/** What `sessions()` is told, checked once at start, with express-session's names and this library's defaults. */

import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Request } from 'express';
import { configError, requireKnown, requireOptions } from '../errors.ts';
import { connectionOf } from '../http/connection.ts';
import type { CookieOptions } from './cookie.ts';
import { customIdLengthAtMost } from './id.ts';
import { flag, oneOf } from './options/checks.ts';
import {
  type CommonOptions,
  type CommonSettings,
  checkCommon,
  commonOptionNames,
  commonOtherWords,
  commonSettings,
} from './options/common.ts';
import { checkName, cookieAdvices, cookieOptionNames, usualName } from './options/cookie.ts';
import { CookieChoice } from './options/cookie-choice.ts';
import { type ReplicationTrigger, triggers } from './options/replication.ts';
import type { SessionParts } from './parts.ts';

export interface SessionOptions extends CommonOptions {
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
   * What makes an attribute dirty, so that it is compared at the end of the request, and sent if it differs from what was stored.
   * Default `SET_AND_NON_PRIMITIVE_GET`.
   *
   * - `SET`: that it was assigned, defined or deleted. The cheapest: a change inside an object that is not assigned again is lost (V97).
   * - `SET_AND_NON_PRIMITIVE_GET`: also that an object was read from it, since it may have been changed since.
   * - `SET_AND_GET`: the same, and whatever is read tells the other nodes at once that the session is in use, whatever
   *   `maxUnreplicatedInterval` says.
   */
  readonly replicationTrigger?: ReplicationTrigger | undefined;
  /**
   * Whether ids carry this node's route for a balancer, and the cookie is set again with it after a failover (JBoss: `useJK`).
   * Default: whether the node has a route. true where it has none is an error at the start.
   */
  readonly useRoute?: boolean | undefined;
  /** Whether `X-Forwarded-Proto` says that a connection is secure. Default: Express's `req.secure`, which follows `trust proxy`. */
  readonly proxy?: boolean | undefined;
  /** Accepted and ignored: the cookie is not signed, its id carries a check of its own. */
  readonly secret?: unknown;
}

export interface SessionSettings extends CommonSettings {
  readonly name: string;
  readonly trigger: ReplicationTrigger;
  /** The sticky suffix of ids; `undefined`: they have none, and what one has in a cookie stays. */
  readonly route: string | undefined;
  readonly rolling: boolean;
  readonly saveUninitialized: boolean;
  readonly unsetDestroys: boolean;
  readonly genid: ((req: IncomingMessage) => string) | undefined;
  readonly cookies: CookieChoice;
  isSecure(req: IncomingMessage): boolean;
}

const optionNames = [
  ...commonOptionNames,
  'name',
  'key',
  'cookie',
  'rolling',
  'saveUninitialized',
  'resave',
  'genid',
  'unset',
  'proxy',
  'secret',
  'replicationTrigger',
  'useRoute',
];

/** Words of express-session, of a cookie, and of other places that somebody may look for here. */
const otherWords: Readonly<Record<string, string>> = {
  ...commonOtherWords,
  store: 'sessions live in the nodes; for an application that stays with express-session there is sso.store()',
  useJK: 'did you mean "useRoute"?',
  useJk: 'did you mean "useRoute"?',
  'use-jk': 'did you mean "useRoute"?',
  ...Object.fromEntries(cookieOptionNames.map((name) => [name, `did you mean "cookie.${name}"?`])),
};

/** @throws SsoError ERR_CONFIG_INVALID */
export function resolveSettings(parts: SessionParts, options: SessionOptions): SessionSettings {
  requireOptions('sessions', options, 'app');
  requireKnown('', options, optionNames, otherWords);
  const { allowInsecureCookie, clock, log } = parts;
  const { app, genid, proxy } = options;
  const cookie = options.cookie ?? {};
  checkCommon(options);
  if (genid !== undefined && typeof genid !== 'function') throw configError('genid', 'must be a function');
  const name = options.name ?? options.key ?? usualName(app, cookie, allowInsecureCookie);
  checkName(name);
  const isSecure = secureBy(proxy);
  const cookies = new CookieChoice({ app, name, cookie, allowInsecureCookie, isSecure, clock, log });
  const usualCookie = cookies.usual;
  const maxAge = usualCookie?.originalMaxAge ?? undefined;
  const common = commonSettings(parts, options, maxAge);
  if (maxAge !== undefined && options.idleMs !== undefined && options.idleMs !== maxAge)
    log.warn({ app, idleMs: options.idleMs, maxAge }, 'sessions: idleMs has no effect, the cookie has a maxAge');
  if (common.granularity === 'FIELD' && options.replicationTrigger === 'SET')
    log.warn(
      { app },
      'sessions: replicationTrigger "SET" finds no change inside an object, which FIELD is for, unless it is assigned again',
    );
  if (options.secret !== undefined)
    log.info({ app }, 'sessions: the option "secret" has no effect, ids carry a check of their own');
  for (const advice of cookieAdvices(name, cookie, usualCookie, allowInsecureCookie))
    log.warn({ app, name }, `sessions: ${advice}`);
  return {
    ...common,
    name,
    trigger: oneOf('replicationTrigger', options.replicationTrigger, triggers, 'SET_AND_NON_PRIMITIVE_GET'),
    route: routeFor(options.useRoute, parts.route),
    rolling: flag('rolling', options.rolling, false),
    saveUninitialized: flag('saveUninitialized', options.saveUninitialized, false),
    unsetDestroys: oneOf('unset', options.unset, ['keep', 'destroy'], 'keep') === 'destroy',
    genid: genid && ((req) => checkId(genid(req as Request))),
    cookies,
    isSecure,
  };
}

function routeFor(useRoute: unknown, route: string | undefined): string | undefined {
  if (useRoute === undefined || (useRoute === true && route !== undefined)) return route;
  if (useRoute === false) return undefined;
  throw configError('useRoute', useRoute === true ? 'is true, and this node has no route' : 'must be true or false');
}

function secureBy(proxy: unknown): (req: IncomingMessage) => boolean {
  flag('proxy', proxy, false);
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

function checkId(id: unknown): string {
  if (typeof id === 'string' && id !== '' && id.length <= customIdLengthAtMost) return id;
  throw configError('genid', `must return a text of 1 to ${customIdLengthAtMost} characters`);
}
