/**
 * The cookie by which a browser is known to an account that signed on from it before: strangers, who
 * cannot make one, cannot use up its budget (check 34). It holds up to four tokens, one for each account,
 * and names none of them: a token is 9 random bytes, the second it ends, and 16 bytes of HMAC-SHA-256
 * over them and the account's name, so it is found by being tried. It lets nobody in.
 */

import { type KeyObject, timingSafeEqual } from 'node:crypto';
import { stringifySetCookie } from 'cookie';
import { readCookie } from '../http/cookie.ts';
import { keyedCheck } from '../keys.ts';
import type { Random } from '../random.ts';

/** Accounts of one browser; one more takes the place of the oldest. */
export const accountsAtMost = 4;
const idBytes = 9;
const endBytes = 4;
const macBytes = 16;
const tokenLength = Math.ceil(((idBytes + endBytes + macBytes) * 4) / 3);
const cookieShape = new RegExp(
  `^[A-Za-z0-9_-]{${tokenLength}}(\\.[A-Za-z0-9_-]{${tokenLength}}){0,${accountsAtMost - 1}}$`,
);

export interface KnownBrowserParts {
  readonly keys: readonly KeyObject[];
  readonly random: Random;
  readonly now: () => number;
  /** How long a browser is known, milliseconds. */
  readonly lifeMs: number;
  readonly allowInsecureCookie: boolean;
}

export class KnownBrowsers {
  readonly name: string;
  readonly #parts: KnownBrowserParts;

  constructor(parts: KnownBrowserParts) {
    this.#parts = parts;
    this.name = parts.allowInsecureCookie ? 'latchkey-known' : '__Host-latchkey-known';
  }

  /** What this browser is called in the counts of this account (as `accountForm` has it); `undefined`: a stranger. */
  read(header: string | undefined, account: string): string | undefined {
    if (this.#parts.lifeMs === 0) return undefined;
    const token = this.#tokens(header).find((one) => this.#isOf(one, account));
    return token?.subarray(0, idBytes).toString('base64url');
  }

  /** The Set-Cookie line that makes this browser known to the account, with a fresh name. `undefined`: none is to be known. */
  issue(header: string | undefined, account: string): string | undefined {
    const { keys, random, now, lifeMs, allowInsecureCookie } = this.#parts;
    if (lifeMs === 0) return undefined;
    const head = Buffer.alloc(idBytes + endBytes);
    head.set(random.bytes(idBytes));
    head.writeUInt32BE(Math.min(0xffff_ffff, Math.floor((now() + lifeMs) / 1000)), idBytes);
    const others = this.#tokens(header).filter((one) => !this.#isOf(one, account));
    const tokens = [Buffer.concat([head, check(keys[0]!, head, account)]), ...others].slice(0, accountsAtMost);
    return stringifySetCookie({
      name: this.name,
      value: tokens.map((token) => token.toString('base64url')).join('.'),
      path: '/',
      httpOnly: true,
      secure: !allowInsecureCookie,
      sameSite: 'lax',
      maxAge: Math.floor(lifeMs / 1000),
    });
  }

  /** Those of the one cookie of this name that are not over. */
  #tokens(header: string | undefined): Buffer[] {
    const [value, ...more] = readCookie(header, this.name);
    if (value === undefined || more.length > 0 || !cookieShape.test(value)) return [];
    const tokens = value.split('.').map((text) => Buffer.from(text, 'base64url'));
    return tokens.filter((token) => token.readUInt32BE(idBytes) * 1000 > this.#parts.now());
  }

  #isOf(token: Buffer, account: string): boolean {
    const head = token.subarray(0, idBytes + endBytes);
    const mac = token.subarray(idBytes + endBytes);
    return this.#parts.keys.some((key) => timingSafeEqual(check(key, head, account), mac));
  }
}

function check(key: KeyObject, head: Uint8Array, account: string): Buffer {
  return keyedCheck(key, Buffer.concat([Buffer.from('known\0'), head, Buffer.from(account)]));
}
