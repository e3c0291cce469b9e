/**
 * `/logout` and the receipts: a visit asks, a form of ours ends everything, and leads to the receipt, which
 * says what it says. From there a safe return address is one link away (check 45): nobody is led on before
 * they could read whether it is complete.
 */

import { type Request, type Response, Router } from 'express';
import { parseUrl } from '../../config/url.ts';
import { SsoError, type SsoNode } from '../../sso/index.ts';
import { field, isOwnForm, readForm } from '../forms.ts';
import { type Html, html } from '../html.ts';
import { receiptPath, receipts } from '../receipts.ts';
import { homePage } from './home.ts';
import { isFromElsewhere, roundsOf } from './sign-in.ts';
import type { Visits } from './visits.ts';

export interface SignOutParts {
  readonly sso: SsoNode;
  readonly visits: Visits;
}

export function signOut({ sso, visits }: SignOutParts): Router {
  const router = Router();
  const rounds = roundsOf(sso);
  const ask = (req: Request, res: Response, returnTo: string | undefined, isTooOld: boolean) => {
    const words = visits.words(req);
    const { title } = words.signOut;
    const main =
      req.sso.signedIn || req.sso.unavailable ? question(req, words, returnTo, isTooOld) : homePage(sso, req, words);
    visits.send(req, res, { title, main, narrow: true }, isTooOld ? 403 : 200);
  };
  router.get('/logout', (req, res) => ask(req, res, sso.returnAddress(req), false));
  // Our form leads to the receipt as a page; whatever else is posted, the library answers: with JSON, or a refusal.
  router.post('/logout', readForm, async (req, res, next) => {
    if (isFromElsewhere(req) || req.accepts(['json', 'html']) !== 'html') return next();
    const returnTo = sso.returnAddress(req, field(req, 'return_to'));
    if (!isOwnForm(req)) {
      if (req.sso.signedIn) return ask(req, res, returnTo, true);
      if (!req.sso.unavailable) return res.redirect(303, '/');
      return next();
    }
    try {
      const { id } = await req.sso.logout();
      // Whoever signs out comes back for another reason than a lost cookie.
      rounds.forget(res);
      const back = returnTo === undefined ? '' : `?${new URLSearchParams({ return_to: returnTo })}`;
      res.redirect(303, `${receiptPath(id)}${back}`);
    } catch (error) {
      if (!(error instanceof SsoError) || error.code !== 'ERR_NOT_SIGNED_IN') throw error;
      res.redirect(303, '/');
    }
  });
  router.post('/logout', sso.logout({ requireCsrf: false }));
  router.use(
    receipts({
      sso,
      show: (req, res, { title, main, status, follows }) => visits.send(req, res, { title, main, follows }, status),
      wordsOf: (req) => visits.words(req).receipt,
      below: (_id, req) => onward(sso, visits, req),
    }),
  );
  return router;
}

function question(
  req: Request,
  { signOut }: ReturnType<Visits['words']>,
  returnTo: string | undefined,
  isTooOld: boolean,
): Html {
  const { principal } = req.sso;
  return html`<section class="card"><h1>${signOut.title}</h1>
${isTooOld && html`<div class="note warn" role="alert"><strong>${signOut.tooOld.title}</strong>${signOut.tooOld.text}</div>`}
<p class="lead">${principal !== undefined && html`${signOut.asWho(String(principal.attributes?.['displayName'] ?? principal.name))} `}${signOut.lead}</p>
<form class="stacked" method="post" action="/logout">
<input type="hidden" name="csrf" value="${req.sso.csrfToken()}">
${returnTo !== undefined && html`<input type="hidden" name="return_to" value="${returnTo}">`}
<button>${signOut.button}</button>
</form></section>`;
}

/** Below a receipt: where the person wanted to go. */
function onward(sso: SsoNode, visits: Visits, req: Request): Html | undefined {
  if (req.sso.signedIn) return undefined;
  const { signOut } = visits.words(req);
  const returnTo = sso.returnAddress(req);
  const host = returnTo === undefined ? undefined : parseUrl(returnTo)?.host;
  return html`<p class="onward">${returnTo !== undefined && html`<a class="button" href="${returnTo}">${signOut.goOn(host ?? returnTo)}</a>`}<a href="/login">${signOut.signOnAgain}</a></p>`;
}
