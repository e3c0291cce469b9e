/** A session as express-session has it, one object with a cookie in it, and as it is kept here, in parts. */

import type { Clock } from '../clock.ts';
import { type CookieData, SessionCookie } from './cookie.ts';
import { keptCookie } from './cookie-text.ts';
import { SessionData } from './data/session-data.ts';
import type { Draft } from './draft.ts';
import { removed } from './graph/tracker.ts';
import type { Attributes } from './watch.ts';

/** A session as a store gives it: the cookie's settings and the attributes. */
export interface StoredSession {
  readonly cookie: Omit<CookieData, 'sameSite' | 'maxAge'> & {
    readonly sameSite?: boolean | 'lax' | 'strict' | 'none' | undefined;
  };
  readonly [attribute: string]: unknown;
}

export function attributesOf({ tracker }: Draft): Attributes {
  return Object.fromEntries(tracker.names().map((name) => [name, tracker.read(name)]));
}

/** The same to read from: what is kept as less, or on the disk, stays so. */
export function readOnly(data: SessionData): SessionData {
  return data.form === 'open' ? data : (SessionData.decode(data.encode()) ?? data);
}

/** All of a session as express-session has it: what is stored and not in it was taken away. */
export function touchedBy(session: Attributes, draft: Draft): ReadonlyMap<string, unknown> {
  const touched = new Map<string, unknown>(draft.names().map((name) => [name, removed]));
  for (const [name, value] of Object.entries(session)) if (name !== 'cookie') touched.set(name, value);
  return touched;
}

/** The cookie in a session: express-session's, ours, or what JSON left of one. */
export function cookieIn(session: Attributes, clock: Pick<Clock, 'now'>): SessionCookie {
  const cookie = session['cookie'];
  if (typeof cookie !== 'object' || cookie === null) return new SessionCookie(undefined, clock);
  const data = (('data' in cookie ? cookie.data : cookie) ?? {}) as Partial<CookieData>;
  const kept = keptCookie({ originalMaxAge: null, ...data }, clock);
  // Who uses a store without express-session (express-openid-connect) says when the cookie ends, and nothing of what was at first.
  if (data.originalMaxAge === undefined) {
    if (typeof data.maxAge === 'number') kept.maxAge = data.maxAge;
    else if (data.expires) kept.expires = new Date(data.expires);
  }
  return kept;
}
