/**
 * HTTP Basic for a request that is only asked about (forward authentication): a program behind a proxy
 * shows name and password with each request and keeps no cookie. They are checked as `protect({ basic })`
 * checks them: slowed where they are guesses, remembered for a minute where they are right, and one
 * sign-on for each user and source, which is listed and ended like any other. Cookies are left out of it:
 * credentials never replace a sign-on whose browser would not be told.
 */

import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Request, Response } from 'express';
import { SsoError } from '../errors.ts';
import { admissionParts } from './admission.ts';
import { type BasicOptions, BasicSignOns, parseBasic } from './basic.ts';
import { RequestSso } from './request.ts';
import type { ValveParts } from './settings.ts';
import type { Sso } from './sso.ts';

/** The request that is asked about, as whoever asks has read it. */
export interface AskedByBasic {
  /** As it was sent. */
  readonly authorization: string;
  readonly method: string;
  /** Without port. */
  readonly host: string;
  /** Whether the client's own connection is encrypted. */
  readonly secure: boolean;
  /** The client's; `undefined`: not known. */
  readonly address: string | undefined;
  /** What the list of sign-ons shows of the client. */
  readonly userAgent?: string | undefined;
}

export type BasicAnswer =
  | { readonly kind: 'signed-on'; readonly sso: Sso }
  /** Wrong, malformed, or not to be used over this connection. */
  | { readonly kind: 'refused' }
  /** Too many passwords are being checked: try again shortly. */
  | { readonly kind: 'busy' }
  /** Nobody can be checked or signed on now. */
  | { readonly kind: 'unavailable' }
  /** Too many attempts failed before: the password was not looked at. */
  | { readonly kind: 'throttled'; readonly retryAfterMs: number };

/** The function's answer is `undefined` where the header is of another scheme. @throws SsoError ERR_CONFIG_INVALID the realm cannot be sent */
export function basicInspector(
  valveParts: ValveParts,
  options: BasicOptions,
): (asked: AskedByBasic) => Promise<BasicAnswer | undefined> {
  const parts = admissionParts(valveParts);
  const signOns = new BasicSignOns(valveParts, options);
  return async (asked) => {
    if (parseBasic(asked.authorization) === undefined) return undefined;
    const req = requestOf(asked);
    const sso = new RequestSso(parts, req, unsent());
    try {
      const verdict = await signOns.apply(req, sso);
      if (verdict === 'failed') return { kind: 'unavailable' };
      if (typeof verdict === 'object') return { kind: 'throttled', ...verdict };
      if (verdict !== 'pass') return { kind: verdict };
      return sso.inForce() === undefined ? { kind: 'refused' } : { kind: 'signed-on', sso };
    } catch (error) {
      const kind = error instanceof SsoError ? told[error.code] : undefined;
      if (kind === undefined) throw error;
      return { kind };
    }
  };
}

const told: Readonly<Partial<Record<SsoError['code'], 'refused' | 'unavailable'>>> = {
  ERR_UNAVAILABLE: 'unavailable',
  ERR_LIMIT_REACHED: 'unavailable',
  ERR_INSECURE_CONNECTION: 'refused',
  ERR_FOREIGN_HOST: 'refused',
};

/** What the valve reads of a request: the asker's word in place of what a connection would show. */
function requestOf({ authorization, method, host, secure, address, userAgent }: AskedByBasic): Request {
  const headers = { authorization, host, ...(userAgent !== undefined && { 'user-agent': userAgent }) };
  const protocol = secure ? 'https' : 'http';
  return { method, headers, hostname: host, secure, protocol, ip: address } as unknown as Request;
}

/** Its headers are never sent: whatever cookie is set in it reaches nobody. */
function unsent(): Response {
  return new ServerResponse(new IncomingMessage(new Socket())) as Response;
}
