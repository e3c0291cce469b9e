/**
 * Forward authentication: a reverse proxy asks about each request before it passes it on, and this
 * answers 200 with who it is, or what the browser is to be told instead. A listener of its own by
 * `node:http` alone: Express would cost more than the decision. Nothing is believed from an address
 * that is not configured as a proxy (T11, check 51); the identity headers are in every 200, empty for
 * nobody, so that they replace what a client sent (check 54); there is never a Set-Cookie.
 */

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Request, Response } from 'express';
import type { ForwardAuthConfig } from '../../config/forward-auth.ts';
import type { Log, SsoNode } from '../../sso/index.ts';
import { type AskedRequest, askedAt, askedRequest, type ProxyKind, proxyKinds } from './asked-request.ts';
import { type Identity, identityOf, nobody } from './identity.ts';
import { networks } from './networks.ts';
import { type Ruling, rules } from './rules.ts';

export interface ForwardAuthParts {
  readonly sso: Pick<SsoNode, 'inspect' | 'livez' | 'readyz'>;
  readonly log: Log;
  readonly config: ForwardAuthConfig;
}

/** What a browser is told; `nginx` turns the statuses that auth_request knows into the rest. */
type Outcome =
  | { readonly kind: 'pass'; readonly identity: Identity; readonly assertion: string }
  | { readonly kind: 'not-signed-on' }
  | { readonly kind: 'role-missing' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unavailable' };

const anonymous: Outcome = { kind: 'pass', identity: nobody, assertion: '' };
/** What the login page takes back; a longer address is not worth a failure. */
const maxReturnLength = 2_048;
/** A longer statement would be cut off by somebody's limit of headers: then there is none. */
const maxAssertionLength = 6_144;
/** Strangers and users of whom was told once. */
const maxTold = 1_024;

export function forwardAuth({ sso, log, config }: ForwardAuthParts): RequestListener {
  const proxies = networks(config.proxies);
  const { judge } = rules(config.rules);
  const health: ReadonlyMap<string | undefined, ReturnType<SsoNode['readyz']>> = new Map([
    ['/livez', sso.livez()],
    ['/readyz', sso.readyz()],
  ]);
  const once = onceEach();
  const names = Object.values(config.headers);

  const decide = async (ruling: Ruling, asked: AskedRequest, req: IncomingMessage): Promise<Outcome> => {
    if (ruling.kind === 'deny') return { kind: 'refused' };
    req.method = asked.method; // what counts as a use is a matter of the request that is asked about
    const seen = sso.inspect(req);
    const signOn = seen instanceof Promise ? await seen : seen;
    if (signOn.unavailable) return ruling.kind === 'allow' ? anonymous : { kind: 'unavailable' };
    const { principal } = signOn;
    if (principal === undefined) return ruling.kind === 'allow' ? anonymous : { kind: 'not-signed-on' };
    if (!hasRoles(ruling, principal.roles)) return { kind: 'role-missing' };
    const identity = identityOf(principal);
    const assertion = config.assertion ? await signOn.assertion({ audience: asked.host }) : '';
    const isTooLong = assertion.length > maxAssertionLength;
    if ((identity.isCut || isTooLong) && once(`user ${principal.name}`))
      log.warn({ user: principal.name }, 'more roles or attributes than headers hold: applications see a part of them');
    return { kind: 'pass', identity, assertion: isTooLong ? '' : assertion };
  };

  const question = (kind: ProxyKind, req: IncomingMessage): AskedRequest | undefined => {
    const asker = req.socket.remoteAddress ?? '';
    if (!proxies.has(asker)) {
      if (once(`stranger ${asker}`))
        log.warn(
          { source: asker },
          'forward authentication was asked from an address that is not in forwardAuth.proxies',
        );
      return undefined;
    }
    const asked = askedRequest(kind, req, proxies);
    if (asked === undefined) log.debug({ kind }, 'a question of a proxy could not be read');
    return asked;
  };

  const answerQuestion = (kind: ProxyKind, req: IncomingMessage, res: ServerResponse): void => {
    const asked = question(kind, req);
    if (asked === undefined) {
      send(res, 403, 'refused');
      return;
    }
    const ruling = judge(asked);
    if (ruling.kind === 'deny')
      log.debug({ host: asked.host, method: asked.method, why: ruling.why }, 'a request was refused by the rules');
    decide(ruling, asked, req).then(
      (outcome) => answer(res, outcome, { kind, asked, req, config, names }),
      (error) => {
        log.error({ err: error }, 'a request could not be judged');
        send(res, 503, 'unavailable', ['Retry-After', '1']);
      },
    );
  };

  return (req, res) => {
    const { url = '' } = req;
    const kind = kindOf(url);
    const page = health.get(url);
    // A question has no body: whoever sends one may mean it to be read as the next (check 49).
    if (hasBody(req)) send(res, 400, 'body', ['Connection', 'close']);
    else if (kind !== undefined) answerQuestion(kind, req, res);
    else if (page !== undefined) page(req as Request, res as Response, () => send(res, 503, 'unavailable'));
    else send(res, 404, 'not-found');
  };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/** `/forward-auth/nginx`; Caddy 2.6 leaves the query of the request behind it, and Envoy appends path and query. */
function kindOf(url: string): ProxyKind | undefined {
  if (!url.startsWith(askedAt)) return undefined;
  const word = url.slice(askedAt.length).replace(/\?.*$/s, '');
  if (word.startsWith('envoy')) return 'envoy';
  return proxyKinds.find((kind) => kind === word);
}

function hasRoles(ruling: Ruling, roles: readonly string[]): boolean {
  if (ruling.kind !== 'roles') return true;
  const { any, all } = ruling;
  return (any.length === 0 || any.some((role) => roles.includes(role))) && all.every((role) => roles.includes(role));
}

interface AnswerParts {
  readonly kind: ProxyKind;
  readonly asked: AskedRequest;
  readonly req: IncomingMessage;
  readonly config: ForwardAuthConfig;
  readonly names: readonly string[];
}

function answer(res: ServerResponse, outcome: Outcome, parts: AnswerParts): void {
  switch (outcome.kind) {
    case 'pass': {
      const { user, groups, name, email } = outcome.identity;
      const values = [user, groups, name, email, outcome.assertion];
      const headers = ['Content-Length', '0', 'Cache-Control', 'no-store'];
      for (const [i, headerName] of parts.names.entries()) headers.push(headerName, values[i]!);
      res.writeHead(200, headers).end();
      return;
    }
    case 'not-signed-on':
      challenge(res, parts);
      return;
    case 'role-missing':
    case 'refused':
      send(res, 403, outcome.kind);
      return;
    case 'unavailable':
      send(res, 503, 'unavailable', ['Retry-After', '1']);
      return;
    default:
      outcome satisfies never;
  }
}

/** auth_request passes on nothing but 401 and 403: what nginx does with the address of the form is in its own configuration. */
function challenge(res: ServerResponse, { kind, asked, req, config }: AnswerParts): void {
  const login = isNavigation(asked.method, req) ? loginAddress(config.login, asked) : undefined;
  if (login === undefined) send(res, 401, 'not-signed-in', quietChallenge, { loginUrl: config.login });
  else if (kind === 'nginx') send(res, 401, 'not-signed-in', [...quietChallenge, 'Latchkey-Login', login]);
  else send(res, 303, 'not-signed-in', ['Location', login]);
}

/** RFC 9110 15.5.2 wants a challenge with every 401; this scheme is nobody's, so no browser opens a window for it. */
const quietChallenge = ['WWW-Authenticate', 'Latchkey realm="sign-on"'] as const;

/** A browser that takes somebody to a page; `fetch` and programs are never sent elsewhere. */
function isNavigation(method: string, { headers }: IncomingMessage): boolean {
  const mode = headers['sec-fetch-mode'];
  if (mode !== undefined) return mode === 'navigate';
  return (method === 'GET' || method === 'HEAD') && (headers.accept?.includes('text/html') ?? false);
}

/** Coming back to what was posted would be a GET, so from there nobody comes back. */
function loginAddress(login: string, { method, origin, target }: AskedRequest): string {
  const back = `${origin}${target}`;
  if ((method !== 'GET' && method !== 'HEAD') || back.length > maxReturnLength) return login;
  return `${login}${login.includes('?') ? '&' : '?'}return_to=${encodeURIComponent(back)}`;
}

const sentences = {
  'not-signed-in': 'Nobody is signed on here.',
  'role-missing': 'This page is not for you: a role is missing.',
  refused: 'This page is not for you.',
  unavailable: 'This is not possible at the moment. Please try again.',
  body: 'The request could not be understood.',
  'not-found': 'There is no such page.',
} as const;

/** The proxies but nginx pass it on to the browser as it is. It repeats nothing of the request, and names nobody (check 50). */
function send(
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

/** `true` the first time. Forgets all when it knows too many. */
function onceEach(): (what: string) => boolean {
  const told = new Set<string>();
  return (what) => {
    if (told.has(what)) return false;
    if (told.size >= maxTold) told.clear();
    told.add(what);
    return true;
  };
}
