/**
 * Stands before a protected resource: whoever is signed on and has the roles in force goes on, whoever
 * is not is asked in the application's way, whoever lacks a role gets 403 and is never asked, since
 * asking again would not give it to them (V30).
 */

import type { Request, RequestHandler, Response } from 'express';
import { configError, requireKnown } from '../errors.ts';
import { noStore, vary } from '../http/answer.ts';
import { refuse, refuseThrottled } from '../http/reply.ts';
import { isSafePage } from '../http/return-address.ts';
import { sessionHandle } from '../session/handle.ts';
import { type BasicOptions, BasicSignOns } from './basic.ts';
import { type Challenge, type ChallengeOptions, sendChallenge } from './challenge.ts';
import { type RequestSso, ssoOf } from './request.ts';
import type { MapRoles } from './role-mapping.ts';
import type { ValveParts } from './settings.ts';

export interface ProtectOptions {
  /** Any of these will do. Default: whoever is signed on. */
  readonly roles?: readonly string[];
  /** All of these are needed. */
  readonly allRoles?: readonly string[];
  /**
   * The page with the sign-on form: a person who navigates is sent there with `return_to`, and that page itself is never
   * challenged. An origin alone (`https://sso.xyz.com`) means the `/login` of central nodes; who is to come back from there needs
   * this application's own origin in `origins`. Default `/login`, unless another way of asking is given. `false`: none, so that
   * without one 403 is answered (V36).
   */
  readonly login?: string | false;
  /** HTTP Basic, for programs, and for people if there is no `login`. */
  readonly basic?: BasicOptions;
  /** The application's own way of asking: used instead of the others. */
  readonly challenge?: Challenge;
  /**
   * What the principal's roles are in this application (V37): `roles` and `allRoles` are compared with these, and `req.sso` shows
   * them from here on, within this Express application. `sso.mapRoles()` does the same where nothing is protected.
   */
  readonly mapRoles?: MapRoles;
}

interface Guard {
  readonly parts: ValveParts;
  readonly anyOf: readonly string[];
  readonly allOf: readonly string[];
  readonly basic: BasicSignOns | undefined;
  readonly ways: ChallengeOptions;
  readonly challenge: Challenge | undefined;
  readonly loginPath: string | undefined;
}

/** @throws SsoError ERR_CONFIG_INVALID an option that does not exist, `login` is no path and no http(s) address, or the realm cannot be sent */
export function protect(parts: ValveParts, options: ProtectOptions = {}): RequestHandler {
  requireKnown('protect', options, ['roles', 'allRoles', 'login', 'basic', 'challenge', 'mapRoles']);
  const { basic, challenge, roles = [], allRoles = [], mapRoles } = options;
  if (typeof basic === 'object') requireKnown('protect.basic', basic, ['realm', 'authenticate']);
  requireMapping('protect.mapRoles', mapRoles);
  const login = pageOf(options);
  if (login !== undefined && !isSafePage(login))
    throw configError('protect.login', 'must be a path or an http(s) address');
  if (login?.startsWith('/') === false && parts.settings.origins.length === 0)
    parts.log.warn(
      { login },
      'whoever signs on there is not led back: name the origins of this application in origins',
    );
  if (basic !== undefined && parts.settings.requireReauthentication === undefined)
    parts.realms?.note(basic.realm, basic.authenticate, mapRoles !== undefined);
  const guard: Guard = {
    parts,
    anyOf: [...roles],
    allOf: [...allRoles],
    basic: basic && new BasicSignOns(parts, basic),
    ways: { login, realm: basic?.realm, origins: parts.settings.origins },
    challenge,
    loginPath: login?.startsWith('/') ? login.split(/[?#]/, 1)[0] : undefined,
  };
  return (req, res, next) => {
    if (isPreflight(req)) return next();
    let admitted: boolean | Promise<boolean>;
    try {
      const sso = ssoOf(req);
      if (mapRoles !== undefined) sso.mapRoles(mapRoles);
      admitted = admit(guard, sso, req, res);
    } catch (error) {
      return next(error);
    }
    if (admitted === true) next();
    else if (admitted !== false) admitted.then((passes) => passes && next(), next);
  };
}

/** The roles of this application from here on, for pages that anybody may see. @throws SsoError ERR_CONFIG_INVALID it is no function */
export function roleMapping(map: MapRoles): RequestHandler {
  requireMapping('mapRoles', map ?? null);
  return (req, _res, next) => {
    ssoOf(req).mapRoles(map);
    next();
  };
}

function requireMapping(path: string, map: unknown): void {
  if (map !== undefined && typeof map !== 'function')
    throw configError(path, 'must be a function that gives the roles of a principal');
}

function pageOf({ login, basic, challenge }: ProtectOptions): string | undefined {
  if (login === undefined) return basic === undefined && challenge === undefined ? '/login' : undefined;
  if (login === false) return undefined;
  return /^https?:\/\/[^/?#\\]+$/i.test(login) ? `${login}/login` : login;
}

/** Whether the request goes on; otherwise it has been answered, or the application's challenge will. A promise only if somebody is asked. */
function admit(guard: Guard, sso: RequestSso, req: Request, res: Response): boolean | Promise<boolean> {
  vary(res, 'Cookie');
  if (guard.loginPath !== undefined && req.baseUrl + req.path === guard.loginPath) return true;
  noStore(res);
  if (guard.basic !== undefined && req.headers.authorization !== undefined)
    return admitBasic(guard, guard.basic, sso, req, res);
  return admitSignedIn(guard, sso, req, res);
}

async function admitBasic(
  guard: Guard,
  basic: BasicSignOns,
  sso: RequestSso,
  req: Request,
  res: Response,
): Promise<boolean> {
  const verdict = await basic.apply(req, sso);
  if (verdict === 'failed') return refuseHere(req, res, 'unavailable');
  if (verdict === 'busy') return refuseHere(req, res, 'busy');
  if (typeof verdict === 'object') {
    refuseThrottled(req, res, verdict.retryAfterMs);
    return false;
  }
  if (verdict === 'refused') return challenge(guard, sso, req, res);
  return admitSignedIn(guard, sso, req, res);
}

function admitSignedIn(guard: Guard, sso: RequestSso, req: Request, res: Response): boolean | Promise<boolean> {
  if (sso.unavailable) return refuseHere(req, res, 'unavailable');
  if (sso.inForce() === undefined) return challenge(guard, sso, req, res);
  const { reauthentication, finality, settings } = sso.parts;
  const { id, entry } = sso;
  if (
    reauthentication !== undefined &&
    id !== undefined &&
    entry !== undefined &&
    reauthentication.isDue(id, entry.authenticatedAt)
  ) {
    const check = settings.requireReauthentication!.check;
    return reauthentication
      .ask(id, () => check(sso.inForce() ?? entry.principal, req))
      .then((answer) => {
        if (answer === 'failed') return refuseHere(req, res, 'unavailable');
        if (answer === 'no') return challenge(guard, sso, req, res); // V33: the sign-on stays
        if (!sso.isStillOpen()) return challenge(guard, sso, req, res); // it ended while the check was asked
        if (!finality.mayAccept()) return refuseHere(req, res, 'unavailable'); // or the leases did
        return admitRoles(guard, sso, req, res);
      });
  }
  return admitRoles(guard, sso, req, res);
}

function admitRoles(guard: Guard, sso: RequestSso, req: Request, res: Response): boolean | Promise<boolean> {
  const identity = sso.inForce();
  if (identity === undefined) return challenge(guard, sso, req, res);
  const mapped = sso.mapped(identity);
  if (mapped?.failed) return refuseHere(req, res, 'unavailable');
  const { roles } = mapped?.principal ?? identity;
  const has = (role: string) => roles.includes(role);
  if ((guard.anyOf.length > 0 && !guard.anyOf.some(has)) || !guard.allOf.every(has))
    return refuseHere(req, res, 'role-missing');
  if (sso.id !== undefined) sessionHandle(req)?.ensure();
  return true;
}

/** The application's own challenge may end in a sign-on; its bare `next()` is no proof of one, so the request is judged again. */
function challenge(guard: Guard, sso: RequestSso, req: Request, res: Response): boolean | Promise<boolean> {
  if (guard.challenge === undefined) {
    sendChallenge(guard.ways, req, res);
    return false;
  }
  const own = guard.challenge;
  const before = sso.id;
  return new Promise((resolve, reject) => {
    const go = (error?: unknown) => {
      if (error !== undefined && error !== null) return reject(error);
      resolve(
        sso.id === undefined || sso.id === before
          ? refuseHere(req, res, 'not-signed-in')
          : admitRoles(guard, sso, req, res),
      );
    };
    Promise.resolve(own(req, res, go)).catch(reject);
  });
}

function refuseHere(
  req: Request,
  res: Response,
  refusal: 'unavailable' | 'busy' | 'role-missing' | 'not-signed-in',
): boolean {
  refuse(req, res, refusal);
  return false;
}

/** The CORS protocol sends no cookies with it, so it says nothing about who asks (Fetch Standard 4.8). */
function isPreflight(req: Request): boolean {
  return (
    req.method === 'OPTIONS' &&
    req.headers.origin !== undefined &&
    req.headers['access-control-request-method'] !== undefined
  );
}
