/**
 * Carries out the verdict on a request: sets `req.sso`, has the answer delete or renew the cookie, lets
 * the application check the account again. Everything is done at once unless somebody must be asked.
 */

import type { Request, Response } from 'express';
import { Audit } from '../audit/audit.ts';
import type { Cause, OpenEntry } from '../entry.ts';
import { readCookie, type SsoCookie, ssoCookie } from '../http/cookie.ts';
import { requestAsTable } from '../http/request-shape.ts';
import { requirePrincipal } from '../principal.ts';
import type { SsoId } from '../token.ts';
import { Assertions } from './assertion.ts';
import { visitorCookie } from './csrf.ts';
import { DerivedCache } from './derived-cache.ts';
import { Inquiries } from './inquiries.ts';
import { leaseWaitMs } from './lease-wait.ts';
import { Recheck } from './recheck.ts';
import { type RequestParts, RequestSso } from './request.ts';
import type { ValveParts } from './settings.ts';
import { type Sighting, type SightingParts, sightAll } from './sighting.ts';
import { judge, type Verdict } from './verdict.ts';

/** Sign-ons whose cookie this node has moved to today's domain. */
const maxMoved = 50_000;

/** What requests of one valve share. */
export interface AdmissionParts extends RequestParts, SightingParts {
  readonly revalidation: Recheck | undefined;
  readonly moved: DerivedCache<true>;
}

export function admissionParts(valveParts: ValveParts): AdmissionParts {
  const { settings, clock, log, registry } = valveParts;
  const recheck = (setting: { readonly everyMs: number } | undefined) =>
    setting && new Recheck({ clock, log, everyMs: setting.everyMs });
  return {
    ...valveParts,
    cookie: ssoCookie(settings),
    visitor: visitorCookie(settings.allowInsecureCookie),
    audit: new Audit({ log, node: valveParts.route, onRefused: valveParts.onRefused }),
    assertions: new Assertions({ ...valveParts, issuer: settings.issuer }),
    reauthentication: recheck(settings.requireReauthentication),
    revalidation: recheck(settings.revalidate),
    inquiries: new Inquiries(registry, clock),
    moved: new DerivedCache(clock, maxMoved),
  };
}

/** Sets `req.sso`. A promise only if somebody must be asked. */
export function admit(parts: AdmissionParts, req: Request, res: Response): Promise<void> | undefined {
  requestAsTable(req);
  const sso = new RequestSso(parts, req, res);
  req.sso = sso;
  return recognise(parts, sso, req);
}

/** Finds out whose `sso` is, by the request's cookies. A promise only if somebody must be asked. */
export function recognise(parts: AdmissionParts, sso: RequestSso, req: Request): Promise<void> | undefined {
  const { principalFrom } = parts.settings;
  if (principalFrom !== undefined && admitFront(parts, sso, () => principalFrom(req))) return undefined;
  const header = req.headers.cookie;
  if (header === undefined) return undefined;
  const came = cameWith(parts.cookie, header);
  if (came.values.length === 0) return undefined;
  sso.present(came.values.length);
  return look(parts, sso, req, came, leaseWaitMs);
}

function look(
  parts: AdmissionParts,
  sso: RequestSso,
  req: Request,
  came: Came,
  waitMs: number,
): Promise<void> | undefined {
  const sightings = sightAll(parts, came.values);
  if (sightings instanceof Promise) return sightings.then((all) => decide(parts, sso, req, came, waitMs, all));
  return decide(parts, sso, req, came, waitMs, sightings);
}

/** A node that may not accept now waits a moment for leases, and looks again: what was open may have ended meanwhile. */
function decide(
  parts: AdmissionParts,
  sso: RequestSso,
  req: Request,
  came: Came,
  waitMs: number,
  sightings: readonly Sighting[],
): Promise<void> | undefined {
  const { finality } = parts;
  const verdict = judge(sightings, finality.mayAccept());
  if (verdict.kind === 'unavailable' && waitMs > 0)
    return finality.waitToAccept(waitMs).then(() => look(parts, sso, req, came, 0));
  return act(parts, sso, req, verdict, came);
}

/**
 * `true`: something in front of us has decided, and the cookie is not looked at (V26). A front that fails vouches for nobody.
 * It needs no leases: these stand for "nobody has closed this entry", and here there is no entry that anybody could close.
 */
function admitFront(parts: AdmissionParts, sso: RequestSso, principalFrom: () => unknown): boolean {
  try {
    const principal = principalFrom();
    if (principal === undefined) return false;
    sso.recogniseFront(requirePrincipal(principal));
  } catch (error) {
    parts.log.error({ err: error }, 'principalFrom failed: the request goes on anonymous');
  }
  return true;
}

interface Came {
  /** All different ones. */
  readonly values: readonly string[];
  /** Some came under a name of an earlier configuration. */
  readonly formerly: boolean;
}

function cameWith(cookie: SsoCookie, header: string): Came {
  const values = readCookie(header, cookie.name);
  if (cookie.formerNames.length === 0) return { values, formerly: false };
  const former = cookie.formerNames.flatMap((name) => readCookie(header, name));
  return former.length === 0
    ? { values, formerly: false }
    : { values: [...new Set([...values, ...former])], formerly: true };
}

function act(
  parts: AdmissionParts,
  sso: RequestSso,
  req: Request,
  verdict: Verdict,
  came: Came,
): Promise<void> | undefined {
  if (came.values.length > 1)
    parts.log.warn({ values: came.values.length, verdict: verdict.kind }, 'several SSO cookies came in one request');
  switch (verdict.kind) {
    case 'anonymous':
      return undefined;
    case 'unsure':
      sso.doubt('undecided');
      return undefined;
    case 'unavailable':
      sso.withhold(verdict.open);
      return undefined;
    case 'ambiguous':
      sso.deleteCookie();
      return undefined;
    case 'stale':
      sso.deleteCookie();
      if (verdict.over !== undefined && isLogout(verdict.over.cause)) sso.recogniseOver(verdict.over.id);
      return undefined;
    case 'signed-in': {
      const { entry } = verdict;
      const { revalidation } = parts;
      if (revalidation?.isDue(entry.principal.name, entry.authenticatedAt))
        return revalidate(parts, revalidation, sso, req, verdict, came);
      admitEntry(parts, sso, req, verdict, came);
      return undefined;
    }
    default:
      return verdict satisfies never;
  }
}

function isLogout(cause: Cause): boolean {
  return cause === 'logout' || cause === 'invalidated';
}

type SignedIn = Extract<Verdict, { kind: 'signed-in' }>;

function admitEntry(
  parts: AdmissionParts,
  sso: RequestSso,
  req: Request,
  { id, token, entry, renew }: SignedIn,
  came: Came,
): void {
  sso.recognise(id, entry);
  if (renew || came.formerly || isToBeMoved(parts, id, entry)) sso.renewCookie(id, token);
  parts.registry.touch(id, parts.settings.countsAsActivity(req));
  sso.comeBack();
}

/** After a change of domain the cookie may lie under the old one, and nothing in the header tells: it is set anew once. */
function isToBeMoved({ settings, moved, clock }: AdmissionParts, id: SsoId, entry: OpenEntry): boolean {
  if (settings.previousCookieDomains.length === 0 || moved.get(id) !== undefined) return false;
  moved.set(id, true, entry.endsAt - clock.now());
  return true;
}

/** V27: an account that is gone ends all of its user's sign-ons; a check that fails ends nothing, and admits nobody. */
async function revalidate(
  parts: AdmissionParts,
  revalidation: Recheck,
  sso: RequestSso,
  req: Request,
  verdict: SignedIn,
  came: Came,
): Promise<void> {
  const { registry, finality, settings, log, audit } = parts;
  const { principal } = verdict.entry;
  const answer = await revalidation.ask(principal.name, async () => {
    const exists = await settings.revalidate!.check(principal);
    if (exists === false) {
      audit.subjectEnded({ user: principal.name, cause: 'subject-ended', by: 'revalidate' });
      registry
        .endSubject(principal.name)
        .catch((error) => log.error({ err: error }, 'the end of a user could not be told'));
    }
    return exists;
  });
  if (answer === 'failed') return sso.doubt('failed');
  const { state } = registry.look(verdict.id);
  if (answer === 'no' || state === 'over') return sso.deleteCookie();
  if (state !== 'open') return;
  if (finality.mayAccept()) admitEntry(parts, sso, req, verdict, came);
  else sso.withhold(verdict.id); // the check took its time, and the leases have run out
}
