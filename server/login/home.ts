/** The first page: who is signed on here, until when, and where. */

import type { Request } from 'express';
import type { SsoNode } from '../../sso/index.ts';
import { buttonForm } from '../forms.ts';
import { type Html, html } from '../html.ts';
import { time } from '../page.ts';
import type { Words } from '../words/english.ts';

export function homePage(sso: SsoNode, req: Request, { home, signOut }: Words): Html {
  const { principal, authenticatedAt, openedAt, endsAt, how = '' } = req.sso;
  if (principal === undefined)
    return html`<section class="card"><h1>${home.nobody}</h1><p class="lead">${home.nobodyLead}</p><p class="actions"><a class="button" href="/login">${home.signOn}</a></p></section>`;
  const { displayName, email } = principal.attributes ?? {};
  const sessions = sso.entries(principal.name).find((entry) => entry.openedAt === openedAt)?.sessions ?? [];
  const applications = [...new Set(sessions.map((session) => session.app))];
  return html`<h1>${displayName ?? principal.name}</h1><p class="lead">${home.lead}</p>
<section class="card"><dl>
<dt>${home.name}</dt><dd>${principal.name}</dd>
${email !== undefined && html`<dt>${home.email}</dt><dd>${email}</dd>`}
<dt>${home.roles}</dt><dd>${principal.roles.join(', ') || home.none}</dd>
${authenticatedAt !== undefined && html`<dt>${home.signedOn}</dt><dd>${time(authenticatedAt)}${home.by(home.means[how] ?? how)}</dd>`}
${endsAt !== undefined && html`<dt>${home.until}</dt><dd>${time(endsAt)}${home.atTheLatest}</dd>`}
<dt>${home.applications}</dt><dd>${applications.join(', ') || home.noneYet}</dd>
</dl></section>
<section class="card"><div class="actions">${buttonForm({ action: '/logout', label: signOut.button, csrf: req.sso.csrfToken() })}</div></section>`;
}
