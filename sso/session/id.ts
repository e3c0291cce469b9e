/**
 * Session ids and the cookie's value. An id is 43 random and 22 check characters (base64url, 32 and 16
 * bytes) without a dot; the cookie is `<id>.<route>`, so that a balancer reads the route and every node
 * finds the session by the id alone, whatever route came with it (VALVE-BEHAVIOUR 1.10). The check binds
 * the id to its application and is asked for only where a look-up misses: only an id that we made is
 * worth a question to the peers (SECURITY.md, Formats). Unsigned on purpose: the dot of a signature
 * would hide the route (V119).
 */

import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { keyedCheck } from '../keys.ts';
import type { Random } from '../random.ts';
import type { SsoId } from '../token.ts';

const randomLength = 43;
const idShape = /^[A-Za-z0-9_-]{65}$/;
/** The longest cookie value that is looked at, in characters; ids of an application's own `genid` included. */
const valueLengthAtMost = 512;
/** The longest id that an application's `genid` may give, in characters. */
export const customIdLengthAtMost = 128;

export function newSessionId(random: Random, key: KeyObject, app: string): string {
  return withCheck(key, app, Buffer.from(random.bytes(32)).toString('base64url'));
}

/**
 * The id that an anonymous session's data moves to when it is linked. Every request that still comes with the old id, under
 * the same sign-on and on any node, arrives at the same new one; nobody can compute it without the key.
 */
export function renewedSessionId(key: KeyObject, app: string, id: string, signOn: SsoId): string {
  const mac = createHmac('sha256', key).update(JSON.stringify(['renewed', app, id, signOn]));
  return withCheck(key, app, mac.digest('base64url'));
}

/** Whether one of our keys made this id for this application. */
export function isGenuine(keys: readonly KeyObject[], app: string, id: string): boolean {
  if (!idShape.test(id)) return false;
  const given = Buffer.from(id);
  return keys.some((key) => timingSafeEqual(given, Buffer.from(withCheck(key, app, id.slice(0, randomLength)))));
}

function withCheck(key: KeyObject, app: string, randomPart: string): string {
  return randomPart + keyedCheck(key, JSON.stringify(['id', app, randomPart])).toString('base64url');
}

/** What a session cookie said. */
export interface CookieValue {
  readonly id: string;
  /** The text after the first dot; may hold dots itself (V114). */
  readonly route: string | undefined;
  /** A predecessor's quotes were taken off (V120). */
  readonly quoted: boolean;
}

/** Reads a cookie's value as it stands in the header. `undefined`: no id of ours, nor one that `custom` ids could look like. */
export function parseCookieValue(value: string, custom: boolean): CookieValue | undefined {
  if (value.length > valueLengthAtMost) return undefined;
  const quoted = value.length > 1 && value.startsWith('"') && value.endsWith('"');
  const text = quoted ? value.slice(1, -1) : value;
  const dot = text.indexOf('.');
  const id = dot === -1 ? text : text.slice(0, dot);
  const route = dot === -1 ? undefined : text.slice(dot + 1);
  if (idShape.test(id)) return { id, route, quoted };
  const decoded = custom && id !== '' ? decode(id) : undefined;
  return decoded === undefined ? undefined : { id: decoded, route, quoted };
}

/** The cookie's value, never quoted, its dot never encoded. A dot within an application's own id is, so that the first one is ours. */
export function cookieValue(id: string, route: string | undefined): string {
  const text = idShape.test(id) ? id : encodeURIComponent(id).replaceAll('.', '%2E');
  return route === undefined ? text : `${text}.${route}`;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
