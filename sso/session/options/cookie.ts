/**
 * What a browser makes of the session's cookie, as far as that can be said at the start: the name that it has by itself, what no
 * browser would take, and what of its attributes is dangerous or has no effect.
 */

import { configError } from '../../errors.ts';
import { nearest } from '../../nearest.ts';
import type { CookieOptions, SessionCookie } from '../cookie.ts';

export type CookieGiven = CookieOptions | ((...args: never[]) => CookieOptions);

export const cookieOptionNames: readonly string[] = [
  'path',
  'domain',
  'maxAge',
  'expires',
  'httpOnly',
  'secure',
  'sameSite',
  'partitioned',
  'priority',
];

/** A browser takes `__Host-` with Secure, the path `/` and no domain alone, `__Secure-` with Secure (RFC 6265bis 4.1.3). */
export function usualName(app: string, cookie: CookieGiven, allowInsecureCookie: boolean): string {
  const plain = `latchkey-${app}`;
  if (allowInsecureCookie || typeof cookie === 'function' || (cookie.secure !== undefined && cookie.secure !== true))
    return plain;
  return (cookie.path === undefined || cookie.path === '/') && cookie.domain === undefined
    ? `__Host-${plain}`
    : `__Secure-${plain}`;
}

/** @throws SsoError ERR_CONFIG_INVALID it is no name of 1 to 128 characters */
export function checkName(name: unknown): asserts name is string {
  if (typeof name !== 'string' || !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/.test(name))
    throw configError('name', 'must be a cookie name (RFC 6265 4.1.1)');
}

/** That a cookie can be made of it: else no browser would ever be given it, and no visitor have a session. @throws TypeError */
export function requireLine(cookie: SessionCookie, name: string): void {
  for (const attribute of ['path', 'domain'] as const) {
    const value: unknown = cookie[attribute];
    if (value !== undefined && value !== null && typeof value !== 'string')
      throw new TypeError(`${attribute} must be a text`);
  }
  if (cookie.expires instanceof Date && Number.isNaN(cookie.expires.valueOf()))
    throw new TypeError('maxAge, or expires, must lead to a date');
  cookie.line(name, '');
}

/**
 * What works, and is probably not meant.
 * @param cookie the one that all sessions get, if they do
 */
export function* cookieAdvices(
  name: string,
  given: CookieGiven,
  cookie: SessionCookie | undefined,
  allowInsecureCookie: boolean,
): Generator<string> {
  if (typeof given === 'object') yield* unknownAttributes(given);
  if (cookie !== undefined) yield* refusals(name, cookie, allowInsecureCookie);
  if (allowInsecureCookie) return;
  if (!name.startsWith('__Host-') && !name.startsWith('__Secure-'))
    yield 'a cookie name without the prefix __Host- can be set by any other host of the domain';
  if (cookie?.secure !== false) return;
  yield 'cookie.secure is off, so the session cookie travels over plain HTTP too';
  if (cookie.sameSite === 'none' || cookie.partitioned === true)
    yield 'cookie.secure is off, and browsers refuse sameSite "none" and partitioned without it';
}

/** What no browser keeps: curl and tests do. */
export function* refusals(
  name: string,
  { secure, path, domain }: SessionCookie,
  allowInsecureCookie: boolean,
): Generator<string> {
  if (/^__(Host|Secure)-/i.test(name) && secure !== true)
    yield `browsers refuse a cookie of this name without Secure: leave out ${allowInsecureCookie ? 'the prefix, or allowInsecureCookie' : 'the prefix, or mend the cookie'}`;
  else if (/^__Host-/i.test(name) && ((path ?? '/') !== '/' || domain != null))
    yield 'browsers refuse a cookie of this name with a path or domain: use __Secure-';
}

/** They are passed over, as by express-session, and a mistyped `httpOnly` would leave a door open. */
function* unknownAttributes(given: CookieOptions): Generator<string> {
  for (const word of Object.keys(given)) {
    if (cookieOptionNames.includes(word) || word === 'originalMaxAge') continue;
    const meant = nearest(word, cookieOptionNames);
    yield `cookie.${word} has no effect: ${meant === undefined ? `there are ${cookieOptionNames.join(', ')}` : `did you mean "${meant}"?`}`;
  }
}
