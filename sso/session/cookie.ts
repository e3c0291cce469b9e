/**
 * `req.session.cookie`, as express-session has it: the attributes of the session's cookie, of which
 * `maxAge` and `expires` are two views of one instant and `originalMaxAge` is what it is put back to at
 * every request. Only these make the cookie outlive the browser; the session's idle limit follows them.
 */

import { stringifySetCookie } from 'cookie';
import { type Clock, systemClock } from '../clock.ts';

export interface CookieOptions {
  /** Default `/`. */
  readonly path?: string | undefined;
  /** Default: none, the cookie belongs to the host that set it. */
  readonly domain?: string | undefined;
  /** Milliseconds from the last request to the end of cookie and session. Default: none, the cookie goes with the browser's session. */
  readonly maxAge?: number | Date | null | undefined;
  /** The same as an instant; `maxAge` is the better choice. */
  readonly expires?: Date | null | undefined;
  /** Default true. */
  readonly httpOnly?: boolean | undefined;
  /** `auto`: as the connection is. Default true, with `allowInsecureCookie` false. */
  readonly secure?: boolean | 'auto' | undefined;
  /** `true` is Strict; `auto`: None on a secure connection, else Lax. Default `lax`. */
  readonly sameSite?: boolean | 'lax' | 'strict' | 'none' | 'auto' | undefined;
  readonly partitioned?: boolean | undefined;
  readonly priority?: 'low' | 'medium' | 'high' | undefined;
}

/** The attributes as plain data. */
export interface CookieData extends CookieOptions {
  readonly originalMaxAge: number | null;
  readonly expires?: Date | null | undefined;
}

export class SessionCookie {
  path: string | undefined = '/';
  domain: string | undefined;
  httpOnly: boolean | undefined = true;
  secure: boolean | 'auto' | undefined;
  sameSite: boolean | 'lax' | 'strict' | 'none' | 'auto' | undefined;
  partitioned: boolean | undefined;
  priority: 'low' | 'medium' | 'high' | undefined;
  /** Milliseconds; `null`: the cookie goes with the browser's session. */
  originalMaxAge: number | null = null;
  readonly #clock: Pick<Clock, 'now'>;
  #expires: Date | null = null;

  /** @throws TypeError options that are no object, a `maxAge` that is no number */
  constructor(options?: CookieOptions, clock: Pick<Clock, 'now'> = systemClock) {
    this.#clock = clock;
    if (options === undefined || options === null) return;
    if (typeof options !== 'object') throw new TypeError('argument options must be an object');
    if (options.path !== undefined) this.path = options.path;
    if (options.httpOnly !== undefined) this.httpOnly = options.httpOnly;
    this.domain = options.domain;
    this.secure = options.secure;
    this.sameSite = options.sameSite;
    this.partitioned = options.partitioned;
    this.priority = options.priority;
    if (options.expires !== undefined && options.expires !== null) this.expires = options.expires;
    if (options.maxAge !== undefined && options.maxAge !== null) this.maxAge = options.maxAge;
  }

  get expires(): Date | null {
    return this.#expires;
  }

  set expires(date: Date | null | undefined | false) {
    this.#expires = date || null;
    this.originalMaxAge = this.maxAge;
  }

  /** Milliseconds until the cookie ends. */
  get maxAge(): number | null {
    return this.#expires === null ? null : this.#expires.valueOf() - this.#clock.now();
  }

  set maxAge(ms: number | Date | null | undefined | false) {
    if (ms && typeof ms !== 'number' && !(ms instanceof Date)) throw new TypeError('maxAge must be a number or Date');
    if (typeof ms !== 'number') {
      this.expires = ms;
      return;
    }
    this.#expires = new Date(this.#clock.now() + ms);
    this.originalMaxAge = ms;
  }

  /** The same settings, with all of `maxAge` ahead. */
  copy(): SessionCookie {
    const copy = new SessionCookie(undefined, this.#clock);
    copy.path = this.path;
    copy.domain = this.domain;
    copy.httpOnly = this.httpOnly;
    copy.secure = this.secure;
    copy.sameSite = this.sameSite;
    copy.partitioned = this.partitioned;
    copy.priority = this.priority;
    if (this.originalMaxAge !== null) copy.maxAge = this.originalMaxAge;
    return copy;
  }

  /** Sets when the cookie ends, and leaves `originalMaxAge` as it is. */
  endAt(at: number): void {
    this.#expires = new Date(at);
  }

  get data(): CookieData {
    const { originalMaxAge, partitioned, priority, expires, secure, httpOnly, domain, path, sameSite } = this;
    return { originalMaxAge, partitioned, priority, expires, secure, httpOnly, domain, path, sameSite };
  }

  /** The Set-Cookie line for this value, percent-encoded. @throws TypeError an attribute is none */
  serialize(name: string, value: string): string {
    return this.line(name, encodeURIComponent(value));
  }

  /** The Set-Cookie line for a value that is encoded already. @throws TypeError an attribute is none */
  line(name: string, value: string): string {
    return cookieLine(name, value, { ...this.data, expires: this.#expires });
  }

  /** The line that takes the cookie away: a browser compares name, domain and path, and obeys only with the same flags (V14, V66). */
  deletion(name: string): string {
    return `${cookieLine(name, '', { ...this.data, expires: new Date(0) })}; Max-Age=0`;
  }

  toJSON(): CookieData {
    return this.data;
  }
}

/** Only what an attribute can be: `auto` has been decided, or means nothing. What is on by any other word is on, as with express-session. */
function cookieLine(name: string, value: string, data: CookieData): string {
  const { expires, domain, path, httpOnly, secure, partitioned, priority, sameSite } = data;
  const attributes = {
    expires,
    domain,
    path,
    priority,
    httpOnly: Boolean(httpOnly),
    secure: secure !== 'auto' && Boolean(secure),
    partitioned: Boolean(partitioned),
  };
  const given = Object.fromEntries(
    Object.entries(attributes).filter(([, attribute]) => attribute !== undefined && attribute !== null),
  );
  const site = sameSite === undefined || sameSite === 'auto' ? {} : { sameSite };
  return stringifySetCookie({ name, value, ...given, ...site }, { encode: String });
}
