/**
 * How the handlers of the sign-on answer: a person who navigates gets a redirect or a sentence, a
 * program gets JSON. Nothing of the request is repeated in either, and neither tells what runs here
 * (check 50).
 */

import type { IncomingMessage } from 'node:http';
import type { Request, Response } from 'express';
import { type Answered, noStore, vary } from './answer.ts';
import { hasHeader } from './stand-in.ts';

/** Why a request is refused, in a word that programs may compare. */
export type Refusal =
  | 'not-signed-in'
  | 'credentials'
  | 'throttled'
  | 'busy'
  | 'role-missing'
  | 'cross-site'
  | 'form-expired'
  | 'method'
  | 'body'
  | 'body-size'
  | 'body-type'
  | 'insecure-connection'
  | 'foreign-host'
  | 'unavailable';

const refusals: Readonly<Record<Refusal, { readonly status: number; readonly sentence: string }>> = {
  'not-signed-in': { status: 401, sentence: 'Nobody is signed on here.' },
  credentials: { status: 401, sentence: 'The name or the password is not right.' },
  throttled: { status: 429, sentence: 'Too many attempts failed. Please wait a little and try again.' },
  busy: { status: 503, sentence: 'Too many people are signing on at the moment. Please try again.' },
  'role-missing': { status: 403, sentence: 'This page is not for you: a role is missing.' },
  'cross-site': { status: 403, sentence: 'This request came from another site and was refused.' },
  'form-expired': { status: 403, sentence: 'This form is too old. Please open it again.' },
  method: { status: 405, sentence: 'This address takes forms by POST alone.' },
  body: { status: 400, sentence: 'The form could not be read.' },
  'body-size': { status: 413, sentence: 'The form is too large.' },
  'body-type': { status: 415, sentence: 'Forms and JSON in UTF-8 can be read here, and nothing else.' },
  'insecure-connection': { status: 403, sentence: 'Signing on needs a secure connection (https).' },
  'foreign-host': { status: 421, sentence: 'Nobody can sign on under this host name.' },
  unavailable: { status: 503, sentence: 'This is not possible at the moment. Please try again.' },
};

const jsonType = 'application/json; charset=utf-8';
const textType = 'text/plain; charset=utf-8';

/** RFC 9110 15.5.2 wants a challenge with every 401; this scheme is nobody's, so no browser opens a window for it. */
const quietChallenge = 'Latchkey realm="sign-on"';

/**
 * Whether a browser is taking somebody to a page: `Sec-Fetch-Mode` says so; where it is missing, a client that names
 * `text/html` and uses one of `methods`.
 */
export function isNavigation(req: IncomingMessage, methods: readonly string[]): boolean {
  const mode = req.headers['sec-fetch-mode'];
  if (mode !== undefined) return mode === 'navigate';
  return methods.includes(req.method ?? '') && (req.headers.accept?.includes('text/html') ?? false);
}

export function refuse(
  req: Request,
  res: Response,
  refusal: Refusal,
  more: Readonly<Record<string, unknown>> = {},
): void {
  const { status, sentence } = refusals[refusal];
  if (status === 503) retryLater(res);
  if (status === 401 && !hasHeader(res, 'WWW-Authenticate')) res.setHeader('WWW-Authenticate', quietChallenge);
  if (isNavigation(req, ['GET', 'HEAD', 'POST'])) sendText(res, status, sentence);
  else sendJson(res, status, { error: refusal, message: sentence, ...more });
}

/** The same for `answerInstead`, where the application has an answer already. */
export function refusalAnswer(req: IncomingMessage, refusal: Refusal, retryAfter: number): Answered {
  const { status, sentence } = refusals[refusal];
  const isForPerson = isNavigation(req, ['GET', 'HEAD', 'POST']);
  return {
    status,
    headers: {
      'Content-Type': isForPerson ? textType : jsonType,
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-store',
      'Retry-After': String(retryAfter),
    },
    text: isForPerson ? `${sentence}\n` : JSON.stringify({ error: refusal, message: sentence }),
  };
}

/** Too many attempts failed: when the next one makes sense, in the header and for programs (RFC 6585 4). */
export function refuseThrottled(req: Request, res: Response, retryAfterMs: number): void {
  res.setHeader('Retry-After', secondsOf(retryAfterMs));
  refuse(req, res, 'throttled', { retryAfterMs });
}

/** Whole seconds, so that who waits for them does not come too early. */
export function secondsOf(ms: number): string {
  return String(Math.max(1, Math.ceil(ms / 1000)));
}

/** RFC 9110 10.2.3: in a second another node may answer, or this one again. */
export function retryLater(res: Response): void {
  if (!res.headersSent) res.setHeader('Retry-After', '1');
}

export function sendJson(res: Response, status: number, body: unknown): void {
  send(res, status, jsonType, JSON.stringify(body));
}

/** After a POST with credentials nothing but 303 will do: 307 would post them again to the next address (RFC 9700 4.12, check 43). */
export function seeOther(res: Response, address: string): void {
  res.setHeader('Location', address);
  sendText(res, 303, 'See other.');
}

export function sendText(res: Response, status: number, sentence: string): void {
  send(res, status, textType, `${sentence}\n`);
}

export function send(res: Response, status: number, type: string, text: string): void {
  noStore(res);
  vary(res, 'Cookie');
  res.statusCode = status;
  res.setHeader('Content-Type', type);
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.setHeader('Content-Length', Buffer.byteLength(text));
  res.end(text);
}
