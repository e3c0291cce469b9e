/**
 * Forward authentication: a reverse proxy asks about each request before it passes it on, and this
 * answers 200 with who it is, or what the browser is to be told instead. A listener of its own by
 * `node:http` alone: Express would cost more than the decision. Nothing is believed from an address
 * that is not configured as a proxy (T11, check 51). Who is signed on by a cookie is asked for nothing
 * more; name and password (HTTP Basic) are looked at where a rule takes them from programs, and only then.
 */

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Request, Response } from 'express';
import type { ForwardAuthConfig } from '../../config/forward-auth.ts';
import type { Authenticate, Log, Principal, Sso, SsoNode } from '../../sso/index.ts';
import { answer, isProgram, send } from './answer.ts';
import { type AskedRequest, askedAt, askedRequest, type ProxyKind, proxyKinds } from './asked-request.ts';
import { identityOf, nobody } from './identity.ts';
import { networks } from './networks.ts';
import type { Decision, Outcome } from './outcome.ts';
import { type Ruling, rules } from './rules.ts';

export interface ForwardAuthParts {
  readonly sso: Pick<SsoNode, 'inspect' | 'inspectBasic' | 'livez' | 'readyz'>;
  readonly log: Log;
  readonly config: ForwardAuthConfig;
  /** Whose name and password programs may send where a rule says `basic`; as for the form. */
  readonly authenticate: Authenticate;
  /** Told each answer and how long it took, milliseconds; for metrics. It may not throw. */
  readonly onDecision?: (decision: Decision, ms: number) => void;
}

const anonymous: Outcome = { kind: 'pass', decision: 'allowed', identity: nobody, assertion: '' };
/** A longer statement would be cut off by somebody's limit of headers: then there is none. */
const maxAssertionLength = 6_144;
/** Strangers and users of whom was told once. */
const maxTold = 1_024;

export function forwardAuth({ sso, log, config, authenticate, onDecision }: ForwardAuthParts): RequestListener {
  const proxies = networks(config.proxies);
  const { judge } = rules(config.rules);
  const health: ReadonlyMap<string | undefined, ReturnType<SsoNode['readyz']>> = new Map([
    ['/livez', sso.livez()],
    ['/readyz', sso.readyz()],
  ]);
  const once = onceEach();
  const names = Object.values(config.headers);
  const { login, realm } = config;
  const basicChallenge = `Basic realm="${realm.replace(/["\\]/g, '\\$&')}", charset="UTF-8"`;
  const byBasic = sso.inspectBasic({ realm, authenticate });

  /** What a program's name and password are worth; `undefined`: it shows none, or is none. */
  const judgeBasic = async (
    ruling: Ruling,
    asked: AskedRequest,
    req: IncomingMessage,
  ): Promise<Outcome | undefined> => {
    const { authorization, 'user-agent': userAgent } = req.headers;
    if (authorization === undefined || !isProgram(req)) return undefined;
    const { method, host, origin, address } = asked;
    const secure = origin.startsWith('https:');
    const shown = await byBasic({ authorization, method, host, secure, address, userAgent });
    if (shown?.kind === 'signed-on') return passing(shown.sso, shown.sso.principal!, ruling, asked);
    return shown?.kind === 'refused' ? { kind: 'credentials' } : shown;
  };

  const passing = async (signOn: Sso, principal: Principal, ruling: Ruling, asked: AskedRequest): Promise<Outcome> => {
    if (!hasRoles(ruling, principal.roles)) return { kind: 'role-missing' };
    const identity = identityOf(principal);
    const assertion = config.assertion ? await signOn.assertion({ audience: asked.host }) : '';
    const isTooLong = assertion.length > maxAssertionLength;
    if ((identity.isCut || isTooLong) && once(`user ${principal.name}`))
      log.warn({ user: principal.name }, 'more roles or attributes than headers hold: applications see a part of them');
    return { kind: 'pass', decision: 'signed-on', identity, assertion: isTooLong ? '' : assertion };
  };

  const decide = async (ruling: Ruling, asked: AskedRequest, req: IncomingMessage): Promise<Outcome> => {
    if (ruling.kind === 'deny') return { kind: 'refused' };
    req.method = asked.method; // what counts as a use is a matter of the request that is asked about
    const seen = sso.inspect(req);
    const signOn = seen instanceof Promise ? await seen : seen;
    if (signOn.unavailable) return ruling.kind === 'allow' ? anonymous : { kind: 'unavailable' };
    const { principal } = signOn;
    if (principal !== undefined) return passing(signOn, principal, ruling, asked);
    if (ruling.kind === 'allow') return anonymous;
    const basic = ruling.basic === true;
    return (basic ? await judgeBasic(ruling, asked, req) : undefined) ?? { kind: 'not-signed-on', basic };
  };

  const question = (kind: ProxyKind, req: IncomingMessage): AskedRequest | 'stranger' | 'unreadable' => {
    const asker = req.socket.remoteAddress ?? '';
    if (!proxies.has(asker)) {
      if (once(`stranger ${asker}`))
        log.warn(
          { source: asker },
          'forward authentication was asked from an address that is not in forwardAuth.proxies',
        );
      return 'stranger';
    }
    const asked = askedRequest(kind, req, proxies);
    if (asked !== undefined) return asked;
    log.debug({ kind }, 'a question of a proxy could not be read');
    return 'unreadable';
  };

  const answerQuestion = (kind: ProxyKind, req: IncomingMessage, res: ServerResponse): void => {
    const begun = performance.now();
    const told = (decision: Decision) => onDecision?.(decision, performance.now() - begun);
    const asked = question(kind, req);
    if (typeof asked === 'string') {
      send(res, 403, 'refused');
      told(asked);
      return;
    }
    const ruling = judge(asked);
    if (ruling.kind === 'deny')
      log.debug({ host: asked.host, method: asked.method, why: ruling.why }, 'a request was refused by the rules');
    decide(ruling, asked, req).then(
      (outcome) => {
        answer(res, outcome, { kind, asked, req, login, names, basicChallenge });
        told(outcome.kind === 'pass' ? outcome.decision : outcome.kind);
      },
      (error) => {
        log.error({ err: error }, 'a request could not be judged');
        send(res, 503, 'unavailable', ['Retry-After', '1']);
        told('failed');
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
