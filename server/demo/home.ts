/** The first page of an application: everything that the sign-on, the session and the cluster have to show. */

import type { Request, Response } from 'express';
import type { Principal } from '../../sso/index.ts';
import { buttonForm } from '../forms.ts';
import { type Html, html } from '../html.ts';
import { time } from '../page.ts';
import { takeNote } from './notes.ts';
import { type Site, signOnOf } from './site.ts';
import { answeredBy, type Here, nodesCard, sessionsCard, tags } from './views.ts';

export function homePage(site: Site, req: Request, res: Response): void {
  const { principal } = req.sso;
  const here = site.here(req);
  const main = principal === undefined ? strangerView(site, here) : knownView(site, here, principal, req);
  site.send(
    req,
    res,
    principal === undefined ? 'Welcome' : 'You',
    html`${takeNote(req, res)}${main}${nodesCard(here)}`,
  );
}

function strangerView({ face }: Site, { self }: Here): Html {
  return html`<h1>Welcome to ${face.site}</h1>
<p class="lead">Nobody is signed on here.</p>
<section class="card" aria-labelledby="answer">
<h2 id="answer">This answer</h2>
<dl><dt>Application</dt><dd>${face.site} (${face.host})</dd><dt>Answered by</dt><dd>${answeredBy(self)}</dd></dl>
</section>
<p class="card"><a href="/login">Sign on</a>, or go straight to a page that asks for it: ${face.links.filter(({ href }) => href !== '/').map(({ href, text }, index) => html`${index > 0 && ', '}<a href="${href}">${text}</a>`)}.</p>`;
}

function knownView({ face, parts }: Site, here: Here, principal: Principal, req: Request): Html {
  const { how, authenticatedAt } = req.sso;
  const requests = req.session.demoRequests ?? 1;
  const others = parts.sso.entries(principal.name).length - 1;
  return html`<h1>Hello, ${principal.attributes?.['displayName'] ?? principal.name}</h1>
<p class="lead">You are signed on, here and in ${face.other.site}.</p>
<section class="card" aria-labelledby="answer">
<h2 id="answer">This answer</h2>
<dl>
<dt>Application</dt><dd>${face.site} (${face.host})</dd>
<dt>Answered by</dt><dd>${answeredBy(here.self)}</dd>
<dt>Signed on</dt><dd><span id="who">${principal.name}</span>${authenticatedAt !== undefined && html`, ${time(authenticatedAt)}`}, by ${how ?? 'unknown means'}</dd>
<dt>Roles</dt><dd>${tags(principal.roles)}</dd>
<dt>Requests in this session</dt><dd><span class="big" id="requests">${requests}</span> <span class="quiet">Another node goes on counting.</span></dd>
</dl>
</section>
${sessionsCard(signOnOf(parts.sso, req)?.sessions ?? [], others)}
<section class="card" aria-labelledby="go">
<h2 id="go">Go on</h2>
<p>${goOn(face.other.site, face.other.host, here)}</p>
<div class="actions">
${buttonForm({ action: '/logout', label: 'Sign out everywhere', csrf: here.csrf })}
${buttonForm({ action: '/leave', label: `Leave ${face.site} only`, csrf: here.csrf, style: 'plain' })}
</div>
</section>`;
}

/** The other application, on another node if one runs: cookies know no ports. */
function goOn(site: string, host: string, { self, nodes }: Here): Html {
  const running = nodes.filter((node) => node.running);
  const next = running[(running.findIndex((node) => node.name === self.name) + 1) % running.length] ?? self;
  return html`<a href="http://${host}:${next.port}/">${site} on ${next.name}</a> knows you already.`;
}
