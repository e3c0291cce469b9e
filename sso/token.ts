/**
 * The SSO cookie's value and its hash. SsoToken: 32 random bytes, `endsAt` in seconds (4 bytes), the
 * first 16 bytes of HMAC-SHA-256 over both; base64url, 70 characters. SsoId: SHA-256 of the token as
 * it stands, base64url, 43 characters. The token never leaves the node that read the cookie; a look-up
 * that hits needs no HMAC, and one that misses is checked before any peer is asked (SECURITY.md, Formats).
 */

import { hash, type KeyObject, timingSafeEqual } from 'node:crypto';
import { keyedCheck } from './keys.ts';
import type { Random } from './random.ts';

export type SsoToken = string & { readonly brand: 'SsoToken' };
export type SsoId = string & { readonly brand: 'SsoId' };

const bodyBytes = 36;
const tokenShape = /^[A-Za-z0-9_-]{70}$/;
const idShape = /^[A-Za-z0-9_-]{43}$/;

/** Makes a token that says until when it can be of use, and its id. */
export function mintToken(random: Random, key: KeyObject, endsAt: number): { token: SsoToken; id: SsoId } {
  const bytes = Buffer.alloc(bodyBytes + 16);
  bytes.set(random.bytes(32), 0);
  bytes.writeUInt32BE(Math.ceil(endsAt / 1000), 32);
  keyedCheck(key, bytes.subarray(0, bodyBytes)).copy(bytes, bodyBytes);
  const token = bytes.toString('base64url') as SsoToken;
  return { token, id: ssoId(token) };
}

/** Syntax only (check 7, V24): whether a look-up is worth making. */
export function parseToken(value: string): SsoToken | undefined {
  return tokenShape.test(value) ? (value as SsoToken) : undefined;
}

export function parseSsoId(value: unknown): SsoId | undefined {
  return typeof value === 'string' && idShape.test(value) ? (value as SsoId) : undefined;
}

export function ssoId(token: SsoToken): SsoId {
  return hash('sha256', token, 'base64url') as SsoId;
}

/** The keyed check: when the token ends (milliseconds), or `undefined` if no key of ours made it. */
export function genuineUntil(keys: readonly KeyObject[], token: SsoToken): number | undefined {
  const bytes = Buffer.from(token, 'base64url');
  const body = bytes.subarray(0, bodyBytes);
  const check = bytes.subarray(bodyBytes);
  // The last of 70 characters carries four unused bits: another spelling of the same bytes is not the same token.
  if (bytes.toString('base64url') !== token) return undefined;
  return keys.some((key) => timingSafeEqual(keyedCheck(key, body), check)) ? bytes.readUInt32BE(32) * 1000 : undefined;
}
