/**
 * What every answer of ours tells the browser (check 37): load nothing that is not named, be in
 * nobody's frame, guess no types, tell other origins nothing. Pages carry neither inline script nor
 * inline style, so the policy needs no exception and no nonce.
 */

import type { RequestHandler } from 'express';

export interface HeaderOptions {
  /** Origins beside the page's own that a form may lead to: browsers apply `form-action` to redirects as well. */
  readonly formTargets?: readonly string[];
}

export function securityHeaders(options: HeaderOptions = {}): RequestHandler {
  const headers = headersOfPages(options);
  return (req, res, next) => {
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
    if (req.secure) res.setHeader('Strict-Transport-Security', 'max-age=31536000'); // check 12: a year
    next();
  };
}

/** Those that depend on nothing of the request. */
export function headersOfPages(options: HeaderOptions = {}): Readonly<Record<string, string>> {
  const formAction = ["'self'", ...(options.formTargets ?? [])].join(' ');
  return {
    'Content-Security-Policy': [
      "default-src 'none'",
      "style-src 'self'",
      "img-src 'self'",
      "script-src 'self'",
      "connect-src 'self'",
      `form-action ${formAction}`,
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ].join('; '),
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'same-origin',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
  };
}
