/**
 * The settings of a session's cookie, as they are kept with the session: a field beside the attributes,
 * absent where they are what the application gives every session, so most sessions hold none. When the
 * cookie ends is no part of them, since the last access says it.
 */

import type { Clock } from '../clock.ts';
import { type CookieData, SessionCookie } from './cookie.ts';

/** Where a session's own settings are kept, in every granularity. */
export const settingsPart = '';
export const cookieField = 'cookie';

/** The settings that are kept with a session, from their text; `undefined`: the usual ones. Text that is none of ours says nothing. */
export function parseCookieText(text: string | undefined): CookieData | undefined {
  if (text === undefined) return undefined;
  try {
    const settings: unknown = JSON.parse(text);
    return typeof settings === 'object' && settings !== null ? (settings as CookieData) : undefined;
  } catch {
    return undefined;
  }
}

/** A cookie with these settings; when it ends is the caller's to say. */
export function keptCookie(data: CookieData, clock: Pick<Clock, 'now'>): SessionCookie {
  const { originalMaxAge, expires: _, maxAge: __, ...attributes } = data;
  const cookie = new SessionCookie(attributes, clock);
  cookie.originalMaxAge = originalMaxAge;
  return cookie;
}

/** The cookie of a session with these settings. @param usual gives the one of a session that has none of its own */
export function cookieOfText(
  text: string | undefined,
  usual: () => SessionCookie,
  clock: Pick<Clock, 'now'>,
): SessionCookie {
  const kept = parseCookieText(text);
  return kept === undefined ? usual() : keptCookie(kept, clock);
}

/** Milliseconds without a request until the session is over: the cookie's `maxAge` where there is one. */
export function idleLimit(cookie: SessionCookie, otherwise: number): number {
  const { originalMaxAge } = cookie;
  if (typeof originalMaxAge !== 'number' || Number.isNaN(originalMaxAge)) return otherwise;
  // 0 would mean "never"; a cookie that is over takes the session with it.
  return Math.min(Math.max(Math.ceil(originalMaxAge), 1), Number.MAX_SAFE_INTEGER);
}

/** The cookie's settings as they are kept; `undefined`: they are the usual ones. */
export function cookieText(cookie: SessionCookie, usual: SessionCookie | undefined): string | undefined {
  if (usual !== undefined && sameSettings(cookie, usual)) return undefined;
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
