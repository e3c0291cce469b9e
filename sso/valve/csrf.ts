/**
 * Tokens for forms, beside the check of the origin: a form is believed only from the browser that was
 * given it. A token is bound to the sign-on, or to a cookie of its own while nobody is signed on, so
 * one from before a sign-on is worth nothing after it (check 17). Nothing is stored: 16 random bytes and
 * 16 of HMAC-SHA-256 over them and what they are bound to.
 */

import { type KeyObject, timingSafeEqual } from 'node:crypto';
import { stringifySetCookie } from 'cookie';
import { readCookie } from '../http/cookie.ts';
import { keyedCheck } from '../keys.ts';
import type { Random } from '../random.ts';
import type { SsoId } from '../token.ts';

const nonceBytes = 16;
const tokenShape = /^[A-Za-z0-9_-]{43}$/;

export type CsrfBinding = `sign-on:${SsoId}` | `visitor:${string}`;

export function mintCsrfToken(random: Random, keys: readonly KeyObject[], binding: CsrfBinding): string {
  const nonce = random.bytes(nonceBytes);
  return Buffer.concat([nonce, check(keys[0]!, binding, nonce)]).toString('base64url');
}

/** The only place where a token is verified. */
export function isCsrfToken(keys: readonly KeyObject[], binding: CsrfBinding | undefined, token: unknown): boolean {
  if (binding === undefined || typeof token !== 'string' || !tokenShape.test(token)) return false;
  const bytes = Buffer.from(token, 'base64url');
  // The last character has two bits that carry nothing: a token has one form, as the cookie's has.
  if (bytes.toString('base64url') !== token) return false;
  const nonce = bytes.subarray(0, nonceBytes);
  return keys.some((key) => timingSafeEqual(check(key, binding, nonce), bytes.subarray(nonceBytes)));
}

function check(key: KeyObject, binding: CsrfBinding, nonce: Uint8Array): Buffer {
  return keyedCheck(key, Buffer.concat([Buffer.from(`${binding}\0`), nonce]));
}

/** The cookie of a visitor who has not signed on: host-only, so a sibling host cannot plant one, and gone at sign-on (T2). */
export interface VisitorCookie {
  /** The visitor's value, if the request has exactly one. */
  read(header: string | undefined): string | undefined;
  isPresent(header: string | undefined): boolean;
  mint(random: Random): string;
  issue(value: string): string;
  readonly deletion: string;
  /** Whether it is for secure connections alone. */
  readonly secure: boolean;
}

export function visitorCookie(allowInsecureCookie: boolean): VisitorCookie {
  const name = allowInsecureCookie ? 'latchkey-pre' : '__Host-latchkey-pre';
  const attributes = { name, path: '/', httpOnly: true, secure: !allowInsecureCookie, sameSite: 'lax' as const };
  return {
    read(header) {
      const [value, ...more] = readCookie(header, name);
      return value !== undefined && more.length === 0 && tokenShape.test(value) ? value : undefined;
    },
    isPresent: (header) => readCookie(header, name).length > 0,
    mint: (random) => Buffer.from(random.bytes(32)).toString('base64url'),
    issue: (value) => stringifySetCookie({ ...attributes, value }),
    deletion: stringifySetCookie({ ...attributes, value: '', maxAge: 0, expires: new Date(0) }),
    secure: attributes.secure,
  };
}
