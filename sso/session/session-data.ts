/**
 * A session as text: `[cookie, attributes]` in JSON. The cookie's settings are `0` where they are what
 * the application gives every session, so most sessions hold none; when the cookie ends is no part of
 * them, since the last access says it. Equal text is an unchanged session: nothing is written then.
 */

import type { Clock } from '../clock.ts';
import { SsoError } from '../errors.ts';
import { type CookieData, SessionCookie } from './cookie.ts';
import { maxDataLength } from './record.ts';

export type Attributes = Record<string, unknown>;

/** What an application set, and the cookie it goes with. */
export interface Holder {
  cookie: SessionCookie;
}

/**
 * @param usual the cookie that the application gives every session, if it is the same for all
 * @throws SsoError ERR_SESSION_INVALID an attribute cannot be JSON, or it is too much
 */
export function sessionText(session: Holder, usual: SessionCookie | undefined): string {
  const { cookie, ...attributes } = session;
  let text: string;
  try {
    text = `[${cookieText(cookie, usual)},${JSON.stringify(attributes)}]`;
  } catch (cause) {
    throw new SsoError(
      'ERR_SESSION_INVALID',
      `the session holds what JSON cannot: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
  if (text.length > maxDataLength) {
    throw new SsoError(
      'ERR_SESSION_INVALID',
      `the session has ${text.length} characters as JSON; at most ${maxDataLength} can be kept`,
    );
  }
  return text;
}

/** Whether an application set anything: an attribute that JSON would keep. */
export function hasAttributes(session: Holder): boolean {
  return Object.entries(session).some(
    ([name, value]) => name !== 'cookie' && value !== undefined && typeof value !== 'function',
  );
}

/** What a record's text holds; `cookie` is `undefined` where it is the usual one. Text that is none of ours holds nothing. */
export function parseSessionText(text: string): {
  readonly cookie: CookieData | undefined;
  readonly attributes: Attributes;
} {
  try {
    const [cookie, attributes] = JSON.parse(text);
    return { cookie: cookie === 0 ? undefined : cookie, attributes };
  } catch {
    return { cookie: undefined, attributes: {} };
  }
}

/** The cookie that was kept; when it ends is the caller's to say. */
export function keptCookie(data: CookieData, clock: Pick<Clock, 'now'>): SessionCookie {
  const { originalMaxAge, expires: _, maxAge: __, ...attributes } = data;
  const cookie = new SessionCookie(attributes, clock);
  cookie.originalMaxAge = originalMaxAge;
  return cookie;
}

/** Milliseconds without a request until the session is over: the cookie's `maxAge` where there is one. */
export function idleLimit(cookie: SessionCookie, otherwise: number): number {
  const { originalMaxAge } = cookie;
  if (typeof originalMaxAge !== 'number' || Number.isNaN(originalMaxAge)) return otherwise;
  // 0 would mean "never"; a cookie that is over takes the session with it.
  return Math.min(Math.max(Math.ceil(originalMaxAge), 1), Number.MAX_SAFE_INTEGER);
}

/** The cookie's part of a session's text. */
export function cookieText(cookie: SessionCookie, usual: SessionCookie | undefined): string {
  if (usual !== undefined && sameSettings(cookie, usual)) return '0';
  const { expires: _, ...settings } = cookie.data;
  return JSON.stringify(settings);
}

function sameSettings(a: SessionCookie, b: SessionCookie): boolean {
  return (
    a.originalMaxAge === b.originalMaxAge &&
    a.secure === b.secure &&
    a.httpOnly === b.httpOnly &&
    a.sameSite === b.sameSite &&
    a.path === b.path &&
    a.domain === b.domain &&
    a.partitioned === b.partitioned &&
    a.priority === b.priority
  );
}
