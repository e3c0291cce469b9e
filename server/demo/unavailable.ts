/** What a person sees where this node may not say who is signed on: 503 in words, with what to do, and never a blank error. */

import type { Request, Response } from 'express';
import { buttonForm } from '../forms.ts';
import { type Html, html } from '../html.ts';
import type { Site } from './site.ts';
import { type Here, nodesCard, standingNote } from './views.ts';

/** When to ask again, seconds: another node may answer at once, this one as soon as it has its leases. */
export const retryAfterS = 1;

export function unavailablePage(site: Site, req: Request, res: Response): void {
  const here = site.here(req);
  site.send(
    req,
    res,
    'Not at the moment',
    html`${unavailableView(site, here, req)}${nodesCard(here, { withStanding: false })}`,
    503,
  );
}

/** The sign-on stays as it is: the cookie is kept, and nobody is asked to sign on again. */
function unavailableView({ face, parts }: Site, here: Here, req: Request): Html {
  const { self, nodes, csrf } = here;
  const others = nodes.filter((node) => node.running && node.name !== self.name);
  const who = req.sso.unavailable
    ? 'Whether you are signed on cannot be said here at the moment'
    : 'Nobody can sign on here at the moment';
  return html`<h1>${who}</h1>
<p class="lead">${face.site} on ${self.name} answers 503: please try again, here or at another node.</p>
${standingNote(here)}
<section class="card" aria-labelledby="go">
<h2 id="go">Go on</h2>
<p>${req.sso.unavailable && 'Your sign-on stays as it is: you need not sign on again. '}<a href="${req.method === 'GET' ? req.originalUrl : '/'}">Try again here</a>${others.map((node) => html`, or <a href="http://${face.host}:${node.port}/">at ${node.name}</a>`)}${others.length < parts.nodes.length - 1 && ', or start a node that is not running, below'}.</p>
${req.sso.unavailable && html`<div class="actions">${buttonForm({ action: '/logout', label: 'Sign out', csrf, style: 'plain' })}</div>`}
</section>`;
}
