/**
 * Answers a posted sign-off with the receipt, or by a redirect. Only a POST from one's own pages ends
 * anything: what a visit, an image, a frame or a prefetch can do is to show the question (T9, check 44).
 * Where there is nothing to end, that is said (check 22).
 */

import type { Request, RequestHandler, Response } from 'express';
import { configError, requireKnown, SsoError } from '../errors.ts';
import { readBody } from '../http/body.ts';
import { isCrossSite } from '../http/cross-site.ts';
import { ownHost } from '../http/own-host.ts';
import { isNavigation, refuse, seeOther, send, sendJson } from '../http/reply.ts';
import { isSafePage, returnAddressInQuery, safeReturnAddress } from '../http/return-address.ts';
import { isRightForm } from './login.ts';
import { type RequestSso, ssoOf } from './request.ts';
import type { ValveParts } from './settings.ts';

export interface LogoutOptions {
  /** Where a browser goes that names no (safe) `return_to`. Default `/`. */
  readonly returnTo?: string;
  /** Whether the form must carry `req.sso.csrfToken()` in a field `csrf`, as the page shown here does. One that is sent is checked in any case. Default false. */
  readonly requireCsrf?: boolean;
}

/** @throws SsoError ERR_CONFIG_INVALID `returnTo` is no path and no http(s) address */
export function logout(parts: ValveParts, options: LogoutOptions = {}): RequestHandler {
  requireKnown('logout', options, ['returnTo', 'requireCsrf']);
  const { returnTo = '/', requireCsrf = false } = options;
  if (!isSafePage(returnTo)) throw configError('logout.returnTo', 'must be a path or an http(s) address');
  return (req, res, next) => {
    const answer = req.method === 'POST' ? signOff(parts, { returnTo, requireCsrf }, req, res) : ask(parts, req, res);
    answer.catch(next);
  };
}

async function signOff(
  parts: ValveParts,
  options: Required<LogoutOptions>,
  req: Request,
  res: Response,
): Promise<void> {
  const sso = ssoOf(req);
  const { origins } = parts.settings;
  const { audit } = sso.parts;
  if (isCrossSite(req, origins)) {
    audit.signOffRefused({ reason: 'cross-site', source: sso.source });
    return refuse(req, res, 'cross-site');
  }
  const body = await readBody(req);
  if ('refusal' in body) return refuse(req, res, body.refusal);
  if (!isRightForm(sso, body.fields, options.requireCsrf)) {
    audit.signOffRefused({ reason: 'form-expired', source: sso.source });
    return refuse(req, res, 'form-expired');
  }
  try {
    const receipt = await sso.logout();
    if (!isNavigation(req, ['POST'])) return sendJson(res, 200, receipt);
  } catch (error) {
    if (error instanceof SsoError && error.code === 'ERR_NOT_SIGNED_IN') return refuse(req, res, 'not-signed-in');
    if (error instanceof SsoError && error.code === 'ERR_UNAVAILABLE') return refuse(req, res, 'unavailable');
    throw error;
  }
  const wanted = body.fields['return_to'] ?? returnAddressInQuery(req);
  seeOther(res, safeReturnAddress(wanted, origins, ownHost(req)) ?? options.returnTo);
}

/** The question, to a person who is signed on, or may be: signing off works without leases, too. */
async function ask(parts: ValveParts, req: Request, res: Response): Promise<void> {
  const sso = ssoOf(req);
  if (!isNavigation(req, ['GET', 'HEAD']) || (req.method !== 'GET' && req.method !== 'HEAD')) {
    res.setHeader('Allow', 'POST');
    return refuse(req, res, 'method');
  }
  if (!sso.signedIn && sso.endable === undefined)
    return refuse(req, res, sso.unavailable ? 'unavailable' : 'not-signed-in');
  const { origins } = parts.settings;
  const returnTo = safeReturnAddress(returnAddressInQuery(req), origins, ownHost(req));
  res.setHeader(
    'Content-Security-Policy',
    // Browsers hold `form-action` against the redirect that follows the form, too.
    `default-src 'none'; form-action ${["'self'", ...origins].join(' ')}; frame-ancestors 'none'; base-uri 'none'`,
  );
  res.setHeader('Referrer-Policy', 'same-origin');
  res.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  send(res, 200, 'text/html; charset=utf-8', page(sso, returnTo));
}

function page(sso: RequestSso, returnTo: string | undefined): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Sign out</title></head>
<body>
<main>
<h1>Sign out?</h1>
<p>${who(sso)}Signing out ends this in all applications.</p>
<form method="post">
<input type="hidden" name="csrf" value="${sso.csrfToken()}">${
    returnTo === undefined
      ? ''
      : `
<input type="hidden" name="return_to" value="${escaped(returnTo)}">`
  }
<button type="submit">Sign out</button>
</form>
</main>
</body>
</html>
`;
}

function who({ principal }: RequestSso): string {
  return principal === undefined ? '' : `You are signed on as ${escaped(principal.name)}. `;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
