/** A small cookie of the login host alone, for what a page remembers of a browser. Nothing in it is believed: it holds what its owner may change. */

import type { Request, Response } from 'express';
import { cookieOf } from '../words/language.ts';

export interface HostCookie {
  read(req: Request): string | undefined;
  /** `value` in characters that a cookie may hold. */
  set(res: Response, value: string): void;
  clear(res: Response): void;
}

/** `__Host-latchkey-<what>`; a plain name where the sign-on's cookie goes over http as well. */
export function hostCookie(what: string, isSecure: boolean, maxAgeS: number): HostCookie {
  const name = isSecure ? `__Host-latchkey-${what}` : `latchkey-${what}`;
  const attributes = `Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`;
  return {
    read: (req) => cookieOf(req, name),
    set: (res, value) => void res.append('Set-Cookie', `${name}=${value}; Max-Age=${maxAgeS}; ${attributes}`),
    clear: (res) => void res.append('Set-Cookie', `${name}=; Max-Age=0; ${attributes}`),
  };
}
