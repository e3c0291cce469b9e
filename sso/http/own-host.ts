/**
 * The host that the browser asked for. Express knows it with its port only from version 5 on; this
 * reads the same in 4.21, and believes `X-Forwarded-Host` exactly where the host's `trust proxy` does.
 * A client writes these headers itself, so the host is compared with what a browser says elsewhere,
 * and never put into a link or a cookie (check 47).
 */

import type { Request } from 'express';
import { connectionOf } from './connection.ts';

/** `app1.xyz.com:8443`, in lower case; `undefined` if the request names none. */
export function ownHost(req: Request): string | undefined {
  const host = req.headers.host;
  const trusted = connectionOf(req).hostname;
  if (trusted === undefined) return undefined;
  if (host !== undefined && withoutPort(host) === trusted) return host.toLowerCase();
  const forwarded = req.headers['x-forwarded-host'];
  const first = (Array.isArray(forwarded) ? forwarded[0] : forwarded)?.split(',')[0]?.trim();
  return (first ?? trusted).toLowerCase();
}

/** Whether a cookie with this Domain attribute is taken from that host (RFC 6265 5.1.3). */
export function hostBelongsTo(hostname: string | undefined, cookieDomain: string): boolean {
  if (hostname === undefined) return false;
  const host = hostname.toLowerCase();
  return host === cookieDomain || host.endsWith(`.${cookieDomain}`);
}

function withoutPort(host: string): string {
  const at = host.indexOf(':', host.startsWith('[') ? host.indexOf(']') + 1 : 0);
  return at === -1 ? host : host.slice(0, at);
}
