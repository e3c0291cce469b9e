/**
 * Answers a posted sign-on: a form by redirects, a program by JSON. The order is the point: the cheap
 * refusals first (method, origin, size, token), then the application's check, and only a principal opens
 * a sign-on, always a new one (check 16).
 */

import type { Request, RequestHandler, Response } from 'express';
import type { RefusalReason } from '../audit/events.ts';
import { configError, requireKnown, SsoError, type SsoErrorCode } from '../errors.ts';
import { appendCookie } from '../http/answer.ts';
import { type Fields, readBody } from '../http/body.ts';
import { isCrossSite } from '../http/cross-site.ts';
import { ownHost } from '../http/own-host.ts';
import { isNavigation, type Refusal, refuse, refuseThrottled, secondsOf, seeOther, sendJson } from '../http/reply.ts';
import { isSafePage, returnAddressInQuery, safeReturnAddress, withQuery } from '../http/return-address.ts';
import { isName } from '../principal.ts';
import { attempt } from './attempt.ts';
import { type Authenticate, authenticationLimitMs, type Credentials } from './authentication.ts';
import { type RequestSso, ssoOf } from './request.ts';
import type { ValveParts } from './settings.ts';

export type { Authenticate, Credentials } from './authentication.ts';

export interface LoginOptions {
  /**
   * The page with the form, to which a failure returns with `?error=` and why: `credentials`, `throttled` (with `retry_after`,
   * seconds), `busy` or `unavailable`. Default: the path that is posted to.
   */
  readonly page?: string;
  /** Names of the fields. Default `username` and `password`. */
  readonly fields?: { readonly username?: string; readonly password?: string };
  /** Where a success leads that names no (safe) `return_to`. Default `/`. */
  readonly returnTo?: string;
  /** What `req.sso.how` says afterwards. Default `form`. */
  readonly how?: string;
  /** The longest that `authenticate` may take, milliseconds. Default 10,000; then the answer is 503. */
  readonly timeLimitMs?: number;
  /** Whether the form must carry `req.sso.csrfToken()` in a field `csrf`. One that is sent is checked in any case. Default false: the origin decides. */
  readonly requireCsrf?: boolean;
}

interface Settled {
  readonly page: string | undefined;
  readonly username: string;
  readonly password: string;
  readonly returnTo: string;
  readonly how: string;
  readonly timeLimitMs: number;
  readonly requireCsrf: boolean;
}

/** @throws SsoError ERR_CONFIG_INVALID an option that does not exist, a page or return address that is no path and no http(s) address, or an empty `how` */
export function login(parts: ValveParts, authenticate: Authenticate, options: LoginOptions = {}): RequestHandler {
  requireKnown('login', options, ['page', 'fields', 'returnTo', 'how', 'timeLimitMs', 'requireCsrf']);
  const settled = settle(options);
  return (req, res, next) => {
    answer(parts, authenticate, settled, req, res).catch(next);
  };
}

async function answer(
  parts: ValveParts,
  authenticate: Authenticate,
  options: Settled,
  req: Request,
  res: Response,
): Promise<void> {
  const sso = ssoOf(req);
  if (req.method !== 'POST') {
    res.setHeader('Allow', 'POST');
    return refuse(req, res, 'method');
  }
  const { how } = options;
  const refused = (reason: RefusalReason, user?: string) =>
    sso.parts.audit.refused({ reason, user, how, source: sso.source });
  if (isCrossSite(req, parts.settings.origins)) {
    refused('cross-site');
    return refuse(req, res, 'cross-site');
  }
  const body = await readBody(req);
  if ('refusal' in body) return refuse(req, res, body.refusal);
  const { fields } = body;
  if (!isRightForm(sso, fields, options.requireCsrf)) {
    refused('form-expired');
    return refuse(req, res, 'form-expired');
  }
  const credentials = credentialsIn(fields, options);
  if (credentials === undefined) return refuse(req, res, 'body');
  const { username } = credentials;
  if (!(await sso.mayOpen())) {
    refused('unavailable', username);
    return refuse(req, res, 'unavailable');
  }
  const outcome = await attempt(parts, sso, req, credentials, { authenticate, limitMs: options.timeLimitMs });
  const returnTo = safeReturnAddress(
    fields['return_to'] ?? returnAddressInQuery(req),
    parts.settings.origins,
    ownHost(req),
  );
  if (outcome.kind === 'throttled') {
    refused('throttled', username);
    return refuseAttempt(req, res, options, returnTo, outcome.retryAfterMs);
  }
  if (outcome.kind === 'failed') {
    refused(outcome.why === 'busy' ? 'busy' : 'authenticator-failed', username);
    // The page that has the form has the words, too; without one a sentence has to do.
    if (options.page === undefined || !isNavigation(req, ['POST'])) return refuse(req, res, outcome.why);
    return seeOther(res, withQuery(options.page, { error: outcome.why, return_to: returnTo }));
  }
  if (outcome.kind === 'refused') {
    refused('credentials', username);
    return refuseAttempt(req, res, options, returnTo);
  }
  try {
    if (!(await sso.sign(outcome.principal, how, isRemember(fields))))
      return refuseAttempt(req, res, options, returnTo);
  } catch (error) {
    const refusal = error instanceof SsoError ? refusalOf[error.code] : undefined;
    if (refusal === undefined) throw error;
    return refuse(req, res, refusal);
  }
  const known = parts.throttle?.remember(username, req.headers.cookie);
  if (known !== undefined) appendCookie(res, known);
  const address = returnTo ?? options.returnTo;
  if (isNavigation(req, ['POST'])) seeOther(res, address);
  else sendJson(res, 200, { principal: sso.principal, returnTo: address });
}

/** What a client can be told in place of the error. */
const refusalOf: Readonly<Partial<Record<SsoErrorCode, Refusal>>> = {
  ERR_INSECURE_CONNECTION: 'insecure-connection',
  ERR_FOREIGN_HOST: 'foreign-host',
  ERR_UNAVAILABLE: 'unavailable',
  ERR_LIMIT_REACHED: 'unavailable',
};

/** Whether a form of this browser was posted, as far as its token says; without one the origin has decided. */
export function isRightForm(sso: RequestSso, fields: Fields, requireCsrf: boolean): boolean {
  const token = fields['csrf'];
  return token === undefined ? !requireCsrf : sso.isCsrfToken(token);
}

/** A box that is ticked, or JSON's `true`. */
function isRemember({ remember }: Fields): boolean {
  return remember === 'on' || remember === '1' || remember === 'true';
}

function credentialsIn(fields: Fields, options: Settled): Credentials | undefined {
  const { [options.username]: username, [options.password]: password, ...others } = fields;
  if (username === undefined || password === undefined) return undefined;
  return Object.assign(Object.create(null), others, { username, password });
}

/** The credentials are wrong, or, with `retryAfterMs`, were not looked at because too many attempts failed: back to the form, or JSON. */
function refuseAttempt(
  req: Request,
  res: Response,
  options: Settled,
  returnTo: string | undefined,
  retryAfterMs?: number,
): void {
  if (isNavigation(req, ['POST'])) {
    const page = options.page ?? safeReturnAddress(req.baseUrl + req.path, []) ?? '/';
    const why =
      retryAfterMs === undefined
        ? { error: 'credentials' }
        : { error: 'throttled', retry_after: secondsOf(retryAfterMs) };
    seeOther(res, withQuery(page, { ...why, return_to: returnTo }));
  } else if (retryAfterMs === undefined) refuse(req, res, 'credentials');
  else refuseThrottled(req, res, retryAfterMs);
}

function settle(options: LoginOptions): Settled {
  const { page, returnTo = '/', how = 'form' } = options;
  if (options.fields !== undefined) requireKnown('login.fields', options.fields, ['username', 'password']);
  if (page !== undefined && !isSafePage(page)) throw configError('login.page', 'must be a path or an http(s) address');
  if (!isSafePage(returnTo)) throw configError('login.returnTo', 'must be a path or an http(s) address');
  if (!isName(how)) throw configError('login.how', 'must be a name');
  return {
    page,
    username: options.fields?.username ?? 'username',
    password: options.fields?.password ?? 'password',
    returnTo,
    how,
    timeLimitMs: options.timeLimitMs ?? authenticationLimitMs,
    requireCsrf: options.requireCsrf ?? false,
  };
}
