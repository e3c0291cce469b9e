/**
 * The valve: who is asking, on every request of every application below it. Decide, then act: each
 * value of the cookie becomes a sighting, `judge` makes a verdict of them, and admission carries it out.
 * A known sign-on costs one SHA-256 and a look-up; other nodes are asked only for a token that is genuine
 * and unknown here, and not knowing never deletes a cookie (SECURITY.md, Gone or not known).
 */

import type { RequestHandler } from 'express';
import { type SignOnView, sessionHandle } from '../session/handle.ts';
import type { SsoId } from '../token.ts';
import { admissionParts, admit } from './admission.ts';
import { RequestSso } from './request.ts';
import type { ValveParts } from './settings.ts';

export type { ValveParts, ValveSettings } from './settings.ts';
export { judge, type Verdict } from './verdict.ts';

/** The middleware: `req.sso` for every application below it. Mount it once, on the virtual host. */
export function valve(valveParts: ValveParts): RequestHandler {
  const parts = admissionParts(valveParts);
  let warned = false;
  return (req, res, next) => {
    if (req.sso instanceof RequestSso) return next(); // V26: an outer valve has decided
    if (!warned) {
      const early = sessionHandle(req);
      warned = early !== undefined;
      if (early !== undefined)
        valveParts.log.warn(
          { app: early.app },
          `valve() comes after sessions() of "${early.app}", which so does not know who is signed on, and gives them none of their sessions: mount the valve first`,
        );
    }
    // A balancer that asks nobody whether a node is ready lets go of its connections by this alone (V118).
    if (valveParts.takesNew?.() === false && req.httpVersionMajor < 2) res.setHeader('Connection', 'close');
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

/** The entry by which this request is signed in. */
export function signOnOf(req: object): SsoId | undefined {
  const { sso } = req as { readonly sso?: unknown };
  return sso instanceof RequestSso ? sso.id : undefined;
}

/** What an application's sessions may know and do about sign-ons. An end from within a request ends what that request answers as well. */
export function signOnView({ registry }: Pick<ValveParts, 'registry'>): SignOnView {
  return {
    of: signOnOf,
    isWithheld(req) {
      const { sso } = req as { readonly sso?: unknown };
      return sso instanceof RequestSso && sso.unsure === 'cut-off';
    },
    end(signOn, cause, req) {
      const { sso } = (req ?? {}) as { readonly sso?: unknown };
      if (sso instanceof RequestSso && sso.id === signOn) sso.ended();
      return registry.close(signOn, cause);
    },
    isOpen: (signOn) => registry.isOpen(signOn),
    endsAt: (signOn) => registry.endsAt(signOn),
  };
}
