/**
 * Who sent this form? The browser says it, in `Sec-Fetch-Site` or, where it knows that header not yet,
 * in `Origin`; a page of another origin can forge neither. What carries none of the two comes from no
 * browser, has no cookies that a stranger could use, and passes (check 36; T9; as Go's
 * http.CrossOriginProtection decides).
 */

import type { Request } from 'express';
import { connectionOf } from './connection.ts';
import { ownHost } from './own-host.ts';

/** Whether the browser marks this request as coming from another origin, a sibling host's included. */
export function isCrossSite(req: Request, origins: readonly string[]): boolean {
  const site = req.headers['sec-fetch-site'];
  if (site === 'same-origin') return false; // `Origin: null` too: a page with `no-referrer` posts its own form so
  const origin = req.headers.origin;
  if (site !== undefined) return site !== 'none' || origin === 'null';
  if (origin === undefined) return false;
  return !origins.includes(origin) && !isOwnOrigin(req, origin);
}

/** A TLS proxy in front may hide the scheme from us, but no secure page becomes an insecure one. */
function isOwnOrigin(req: Request, origin: string): boolean {
  const host = ownHost(req);
  if (host === undefined) return false;
  return origin === `https://${host}` || (!connectionOf(req).secure && origin === `http://${host}`);
}
