/**
 * What a proxy is answered, by what was decided. The proxies but nginx pass an answer that is no 2xx on to
 * the browser as it is; nginx knows 401 and 403 alone, and makes the rest of them by headers that are
 * meant for it. The identity headers are in every 200, empty for nobody, so that they replace what a
 * client sent (check 54); there is never a Set-Cookie.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AskedRequest, ProxyKind } from './asked-request.ts';
import type { Outcome } from './outcome.ts';

export interface AnswerParts {
  readonly kind: ProxyKind;
  readonly asked: AskedRequest;
  readonly req: IncomingMessage;
  /** Where the form is. */
  readonly login: string;
  /** The names of the identity headers: user, groups, name, email, assertion. */
  readonly names: readonly string[];
  /** What asks a program for name and password. */
  readonly basicChallenge: string;
}

/** What the login page takes back; a longer address is not worth a failure. */
const maxReturnLength = 2_048;

export function answer(res: ServerResponse, outcome: Outcome, parts: AnswerParts): void {
  switch (outcome.kind) {
    case 'pass':
      pass(res, outcome, parts.names);
      return;
    case 'not-signed-on':
      challenge(res, outcome.basic, parts);
      return;
    case 'credentials':
      send(res, 401, 'credentials', ['WWW-Authenticate', parts.basicChallenge]);
      return;
    case 'throttled':
      throttle(res, outcome.retryAfterMs, parts.kind);
      return;
    case 'role-missing':
    case 'refused':
      send(res, 403, outcome.kind);
      return;
    case 'busy':
    case 'unavailable':
      send(res, 503, outcome.kind, ['Retry-After', '1']);
      return;
    default:
      outcome satisfies never;
  }
}

function pass(
  res: ServerResponse,
  { identity: { user, groups, name, email }, assertion }: Extract<Outcome, { kind: 'pass' }>,
  names: readonly string[],
): void {
  const values = [user, groups, name, email, assertion];
  const headers = ['Content-Length', '0', 'Cache-Control', 'no-store'];
  for (let i = 0; i < names.length; i++) headers.push(names[i]!, values[i]!);
  // For a proxy's eyes alone, which puts one of its own on what the browser gets.
  res.sendDate = false;
  res.writeHead(200, headers).end();
}

/** auth_request passes on nothing but 401 and 403: what nginx does with the address of the form is in its own configuration. */
function challenge(
  res: ServerResponse,
  basic: boolean,
  { kind, asked, req, login, basicChallenge }: AnswerParts,
): void {
  const form = isNavigation(asked.method, req) ? loginAddress(login, asked) : undefined;
  const ask = ['WWW-Authenticate', basic && isProgram(req) ? basicChallenge : quietChallenge];
  if (form === undefined) send(res, 401, 'not-signed-in', ask, { loginUrl: login });
  else if (kind === 'nginx') send(res, 401, 'not-signed-in', [...ask, 'Latchkey-Login', form]);
  else send(res, 303, 'not-signed-in', ['Location', form]);
}

function throttle(res: ServerResponse, retryAfterMs: number, kind: ProxyKind): void {
  const seconds = String(Math.ceil(retryAfterMs / 1_000));
  const more = { retryAfterMs: String(retryAfterMs) };
  if (kind === 'nginx')
    send(res, 401, 'throttled', ['WWW-Authenticate', quietChallenge, 'Latchkey-Retry-After', seconds], more);
  else send(res, 429, 'throttled', ['Retry-After', seconds], more);
}

/** RFC 9110 15.5.2 wants a challenge with every 401; this scheme is nobody's, so no browser opens a window for it. */
const quietChallenge = 'Latchkey realm="sign-on"';

/** A browser that takes somebody to a page; `fetch` and programs are never sent elsewhere. */
function isNavigation(method: string, { headers }: IncomingMessage): boolean {
  const mode = headers['sec-fetch-mode'];
  if (mode !== undefined) return mode === 'navigate';
  return (method === 'GET' || method === 'HEAD') && (headers.accept?.includes('text/html') ?? false);
}

/**
 * No browser: those say what a request is for, or at least, over plain http and older ones, what they are. One that could be asked
 * for a password would send it along ever after, from any page.
 */
export function isProgram({ headers }: IncomingMessage): boolean {
  return headers['sec-fetch-mode'] === undefined && !headers['user-agent']?.startsWith('Mozilla/');
}

/** Coming back to what was posted would be a GET, so from there nobody comes back. */
function loginAddress(login: string, { method, origin, target }: AskedRequest): string {
  const back = `${origin}${target}`;
  if ((method !== 'GET' && method !== 'HEAD') || back.length > maxReturnLength) return login;
  return `${login}${login.includes('?') ? '&' : '?'}return_to=${encodeURIComponent(back)}`;
}

const sentences = {
  'not-signed-in': 'Nobody is signed on here.',
  credentials: 'The name or the password is wrong.',
  throttled: 'Too many attempts have failed. Please try again later.',
  'role-missing': 'This page is not for you: a role is missing.',
  refused: 'This page is not for you.',
  busy: 'Too many people are signing on at the moment. Please try again.',
  unavailable: 'This is not possible at the moment. Please try again.',
  body: 'The request could not be understood.',
  'not-found': 'There is no such page.',
} as const;

/** It repeats nothing of the request, and names nobody (check 50). */
export function send(
  res: ServerResponse,
  status: number,
  error: keyof typeof sentences,
  headers: readonly string[] = [],
  more: Readonly<Record<string, string>> = {},
): void {
  const text = `${JSON.stringify({ error, message: sentences[error], ...more })}\n`;
  res
    .writeHead(status, [
      ...['Content-Type', 'application/json; charset=utf-8', 'Content-Length', String(Buffer.byteLength(text))],
      ...['Cache-Control', 'no-store', 'Vary', 'Cookie', 'X-Content-Type-Options', 'nosniff'],
      ...headers,
    ])
    .end(text);
}
