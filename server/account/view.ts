/** The account page in HTML: one's sign-ons, the one of this browser first, then the newest; fifty a page. */

import type { EntryView } from '../../sso/index.ts';
import { buttonForm } from '../forms.ts';
import { type Html, html } from '../html.ts';
import { timeAgo } from '../page.ts';
import type { Words } from '../words/english.ts';
import { deviceOf } from './device.ts';
import { handleOf } from './handle.ts';

export interface AccountView {
  readonly user: string;
  /** Newest first. */
  readonly entries: readonly EntryView[];
  readonly current: EntryView['id'] | undefined;
  /** From 1. */
  readonly page: number;
  readonly csrf: string;
  readonly now: number;
  readonly note: Note | undefined;
  readonly words: Words;
}

/** What was just done. */
export interface Note {
  readonly kind: 'ended' | 'endedPending' | 'gone';
  /** Where its receipt is. */
  readonly receipt?: string;
}

export const entriesPerPage = 50;

export function accountView(view: AccountView): Html {
  const { entries, current, csrf, note, words } = view;
  const { account } = words;
  const pages = Math.max(1, Math.ceil(entries.length / entriesPerPage));
  const page = Math.min(view.page, pages);
  const first = (page - 1) * entriesPerPage;
  const ordered = [...entries.filter(({ id }) => id === current), ...entries.filter(({ id }) => id !== current)];
  const hasOthers = entries.length > 1;
  return html`<h1>${account.title}</h1>
<p class="lead">${account.lead}</p>
${note !== undefined && noteView(note, words)}
<section class="card" aria-labelledby="list"><h2 id="list">${account.count(entries.length)}</h2>
<ul class="sign-ons">${ordered.slice(first, first + entriesPerPage).map((entry, index) => signOn(entry, first + index + 1, view))}</ul>
${pages > 1 && pager(page, pages, words)}
</section>
<section class="card" aria-labelledby="all"><h2 id="all">${account.all}</h2>
<div class="choices">
${hasOthers && html`<div class="choice">${buttonForm({ action: '/account/end-others', label: account.endOthers, csrf, style: 'plain' })}<span class="quiet">${account.endOthersLead}</span></div>`}
<div class="choice">${buttonForm({ action: '/account/end-all', label: account.endAll, csrf, style: 'danger' })}<span class="quiet">${account.endAllLead}</span></div>
</div></section>`;
}

function signOn(entry: EntryView, place: number, { user, current, csrf, now, words }: AccountView): Html {
  const { account, page } = words;
  const isHere = entry.id === current;
  const device = deviceName(entry, words);
  const lastUse = Math.max(entry.usedAt, ...entry.sessions.map((session) => session.lastAccessAt));
  const applications = [...new Set(entry.sessions.map((session) => session.app))].sort();
  return html`<li>
<div class="about">
<h3>${device}${isHere && html` <span class="tag good">${account.here}</span>`}${entry.remembered && html` <span class="tag quiet">${account.remembered}</span>`}</h3>
<dl>
<dt>${account.signedOn}</dt><dd>${timeAgo(entry.openedAt, now, page.lang)}${entry.source !== undefined && html`, ${account.from(plainAddress(entry.source))}`}</dd>
<dt>${account.used}</dt><dd>${timeAgo(lastUse, now, page.lang)}</dd>
<dt>${account.applications}</dt><dd>${applications.join(', ') || account.noApplications}</dd>
</dl>
</div>
<form method="post" action="/account/end"><input type="hidden" name="csrf" value="${csrf}"><input type="hidden" name="sign_on" value="${handleOf(user, entry)}"><button class="${isHere ? 'plain' : 'danger'}"${!isHere && html` aria-label="${account.endLabel(device, place)}"`}>${isHere ? account.endHere : account.end}</button></form>
</li>`;
}

/** In words, as its user would say it. */
function deviceName({ device }: EntryView, { account }: Words): string {
  const { browser, system, isProgram } = deviceOf(device);
  return isProgram && browser !== undefined ? account.program(browser) : account.device(browser, system);
}

/** IPv4 in IPv6's clothes is shown as people know it. */
function plainAddress(source: string): string {
  return source.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}

function noteView({ kind, receipt }: Note, { account }: Words): Html {
  const { title, text } = account[kind];
  return html`<div class="note ${kind === 'ended' ? 'good' : 'warn'}" role="status"><strong>${title}</strong>${text}${receipt !== undefined && html` <a href="${receipt}">${account.receipt}</a>`}</div>`;
}

function pager(page: number, pages: number, { account }: Words): Html {
  const link = (to: number, text: string) => html`<a href="/account?page=${to}">${text}</a>`;
  return html`<nav class="pager" aria-label="${account.otherPages}">${page > 1 && link(page - 1, account.later)}<span class="quiet">${account.page(page, pages)}</span>${page < pages && link(page + 1, account.earlier)}</nav>`;
}
