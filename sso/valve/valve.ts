/**
 * The valve: who is asking, on every request of every application below it. Decide, then act: each
 * value of the cookie becomes a sighting, `judge` makes a verdict of them, and admission carries it out.
 * A known sign-on costs one SHA-256 and a look-up; other nodes are asked only for a token that is genuine
 * and unknown here, and not knowing never deletes a cookie (SECURITY.md, Gone or not known).
 */

import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import type { SignOnView } from '../session/handle.ts';
import type { SsoId } from '../token.ts';
import { admissionParts, admit } from './admission.ts';
import { RequestSso } from './request.ts';
import type { ValveParts } from './settings.ts';
import type { Sso } from './sso.ts';

export type { ValveParts, ValveSettings } from './settings.ts';
export { judge, type Verdict } from './verdict.ts';

/** The middleware: `req.sso` for every application below it. Mount it once, on the virtual host. */
export function valve(valveParts: ValveParts): RequestHandler {
  const parts = admissionParts(valveParts);
  return (req, res, next) => {
    if (req.sso instanceof RequestSso) return next(); // V26: an outer valve has decided
    let waiting: Promise<void> | undefined;
    try {
      waiting = admit(parts, req, res);
    } catch (error) {
      return next(error);
    }
    if (waiting === undefined) parts.context.run(req, next);
    else waiting.then(() => parts.context.run(req, next), next);
  };
}

/**
 * The same for a WebSocket's upgrade, which no middleware sees: who is asking, by the cookies of the upgrade. Browsers let
 * any page open a socket to any host, so an upgrade whose Origin is neither this host's nor configured is nobody's.
 * What needs an answer with headers (`open`, a visitor's `csrfToken`) fails with ERR_ANSWER_STARTED.
 */
export function upgradeReader(valveParts: ValveParts): (req: IncomingMessage) => Promise<Sso> {
  const parts = admissionParts(valveParts);
  return async (req) => {
    const answer = new ServerResponse(req);
    answer.writeHead(101);
    const asked = req as Request;
    if (isForeignPage(req, parts.settings.origins)) asked.sso = new RequestSso(parts, asked, answer as Response);
    else await admit(parts, asked, answer as Response);
    return asked.sso;
  };
}

function isForeignPage({ headers: { origin, host } }: IncomingMessage, origins: readonly string[]): boolean {
  if (origin === undefined || origins.includes(origin)) return false;
  return host === undefined || !URL.canParse(origin) || new URL(origin).host !== host.toLowerCase();
}

/** The entry by which this request is signed in. */
export function signOnOf(req: object): SsoId | undefined {
  const { sso } = req as { readonly sso?: unknown };
  return sso instanceof RequestSso ? sso.id : undefined;
}

/** What an application's sessions may know and do about sign-ons. An end from within a request ends what that request answers as well. */
export function signOnView({ registry }: Pick<ValveParts, 'registry'>): SignOnView {
  return {
    of: signOnOf,
    end(signOn, cause, req) {
      const { sso } = (req ?? {}) as { readonly sso?: unknown };
      if (sso instanceof RequestSso && sso.id === signOn) sso.ended();
      return registry.close(signOn, cause);
    },
    isOpen: (signOn) => registry.isOpen(signOn),
    endsAt: (signOn) => registry.endsAt(signOn),
  };
}
