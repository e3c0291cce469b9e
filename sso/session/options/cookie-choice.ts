/** Which cookie a new session gets: the same for all, one that the connection decides about, or what a function of the request says. */

import type { IncomingMessage } from 'node:http';
import type { Request } from 'express';
import type { Clock } from '../../clock.ts';
import { configError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { type CookieOptions, SessionCookie } from '../cookie.ts';
import { type CookieGiven, refusals, requireLine } from './cookie.ts';

export interface CookieChoiceParts {
  readonly app: string;
  readonly name: string;
  readonly cookie: CookieGiven;
  readonly allowInsecureCookie: boolean;
  readonly isSecure: (req: IncomingMessage) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

export class CookieChoice {
  /** The cookie of every session, where it is the same for all. */
  readonly usual: SessionCookie | undefined;
  readonly #parts: CookieChoiceParts;
  /**
   * What a function has said of a request. It is asked as the request comes: later `req.url` is that of a router, the function
   * may look at the session that is to have the cookie, and the browser is given one path and told to forget another.
   */
  readonly #said = new WeakMap<IncomingMessage, CookieOptions>();
  readonly #warned = new Set<string>();

  /** @throws SsoError ERR_CONFIG_INVALID no cookie can be made of the attributes */
  constructor(parts: CookieChoiceParts) {
    this.#parts = parts;
    const { cookie, name, clock } = parts;
    if (typeof cookie === 'function') return;
    const all = checked(() => {
      const made = new SessionCookie(typeof cookie === 'object' ? this.#full(cookie) : cookie, clock);
      requireLine(made, name);
      return made;
    });
    if (all.secure !== 'auto' && all.sameSite !== 'auto' && !cookie.expires) this.usual = all;
  }

  /** Of one request always the same. @throws SsoError ERR_CONFIG_INVALID a function's fault; or what the function throws */
  of(req: IncomingMessage): SessionCookie {
    const { cookie } = this.#parts;
    if (this.usual !== undefined) return this.usual.copy();
    if (typeof cookie !== 'function') return this.#decided(this.#full(cookie), req);
    const said = this.#said.get(req);
    return said === undefined ? this.anew(req) : this.#decided(said, req);
  }

  /** For a session that begins anew in the middle of a request, as `of`: a function is asked again, as by express-session. */
  anew(req: IncomingMessage): SessionCookie {
    const { cookie, name, allowInsecureCookie, log, app } = this.#parts;
    if (typeof cookie !== 'function') return this.of(req);
    const given: unknown = (cookie as (req: Request) => unknown)(req as Request) || {};
    return checked(() => {
      const said = this.#full(requireAttributes(given));
      const made = this.#decided(said, req);
      requireLine(made, name);
      for (const advice of refusals(name, made, allowInsecureCookie)) {
        if (this.#warned.has(advice)) continue;
        this.#warned.add(advice);
        log.warn({ app, name }, `sessions: ${advice}`);
      }
      this.#said.set(req, said);
      return made;
    });
  }

  #full(given: CookieOptions): CookieOptions {
    return { ...given, secure: given.secure ?? !this.#parts.allowInsecureCookie, sameSite: given.sameSite ?? 'lax' };
  }

  #decided(options: CookieOptions, req: IncomingMessage): SessionCookie {
    const { clock, isSecure } = this.#parts;
    const cookie = new SessionCookie(options, clock);
    if (cookie.sameSite === 'auto') cookie.sameSite = isSecure(req) ? 'none' : 'lax';
    if (cookie.secure === 'auto') cookie.secure = isSecure(req);
    return cookie;
  }
}

/** @throws TypeError */
function requireAttributes(given: unknown): CookieOptions {
  const isPromise = typeof (given as { then?: unknown }).then === 'function';
  // It is refused as it is: what becomes of it interests nobody, and must not end the process.
  if (isPromise) Promise.resolve(given).catch(() => undefined);
  if (isPromise || typeof given !== 'object' || Array.isArray(given) || given instanceof Date)
    throw new TypeError('the function must return an object of attributes, and at once');
  return given as CookieOptions;
}

function checked<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw configError('cookie', error instanceof Error ? error.message : String(error));
  }
}
