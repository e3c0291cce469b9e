/**
 * The receipt of a logout in words: what it says, and never more. "Everywhere" stands only on a complete
 * one; a pending one says who has not answered, and from when on it is final all the same.
 */

import type { Receipt } from '../sso/index.ts';
import { type Html, html } from './html.ts';
import { time } from './page.ts';
import { english, type Words } from './words/english.ts';

/** `address`: where it is found; a page that shows a pending one follows it from there. */
export function receiptView(receipt: Receipt, address?: string, words: Words['receipt'] = english.receipt): Html {
  const { nodes, failures, state } = receipt;
  const isComplete = state === 'complete';
  return html`<div id="receipt" data-state="${state}" aria-live="polite">
<h1>${words.headline[state]}</h1>
<p class="note ${isComplete ? 'good' : 'warn'}" role="status"><strong>${words[state]}</strong>${summary(receipt, words)}</p>
<section class="card" aria-labelledby="receipt-title">
<h2 id="receipt-title">${words.title}</h2>
<dl>
<dt>${words.state}</dt><dd>${words.states[state]}</dd>
${receipt.finalAt !== undefined && html`<dt>${words.final}</dt><dd>${words.noLaterThan}${time(receipt.finalAt)}</dd>`}
<dt>${words.ended}</dt><dd>${time(receipt.closedAt)}${words.cause(words.causes[receipt.cause] ?? receipt.cause)}</dd>
<dt>${words.sessions}</dt><dd>${sessionsOf(receipt)}</dd>
<dt>${words.confirmedBy}</dt><dd>${nodes.confirmed.join(', ') || words.none}</dd>
<dt>${words.outstanding}</dt><dd>${nodes.outstanding.join(', ') || words.none}</dd>
${failures.length > 0 && html`<dt>${words.failed}</dt><dd class="bad">${failuresOf(receipt)}</dd>`}
<dt>${words.number}</dt><dd><code>${receipt.id}</code></dd>
</dl>
${address !== undefined && !isComplete && html`<p class="more"><a href="${address}">${words.lookAgain}</a> <span class="quiet">${words.follows}</span></p>`}
</section>
</div>`;
}

/** The same as text, for a terminal. */
export function receiptText(receipt: Receipt): string {
  const { nodes, failures, state, finalAt } = receipt;
  const plain = (at: number) => new Date(at).toISOString();
  const rows: readonly (readonly [string, string])[] = [
    ['State', state],
    ...(finalAt === undefined ? [] : [['Final', `no later than ${plain(finalAt)}`] as const]),
    ['Ended', `${plain(receipt.closedAt)}, cause: ${receipt.cause}`],
    ['Sessions ended', sessionsOf(receipt)],
    ['Confirmed by', nodes.confirmed.join(', ') || 'none'],
    ['Outstanding', nodes.outstanding.join(', ') || 'none'],
    ...(failures.length === 0 ? [] : [['Failed', failuresOf(receipt)] as const]),
    ['Number', receipt.id],
  ];
  return `${english.receipt.headline[state]}.\n\n${rows.map(([name, value]) => `${name}: ${value}`).join('\n')}\n`;
}

/** What it means, in a sentence or two. */
function summary({ state, finalAt, nodes }: Receipt, words: Words['receipt']): Html | string {
  const silent = nodes.outstanding.join(', ');
  const count = nodes.confirmed.length;
  if (state === 'complete') return silent === '' ? words.allConfirmed(count) : words.someConfirmed(count, silent);
  const told = words.silent(silent === '' ? undefined : silent, nodes.outstanding.length === 1);
  return finalAt === undefined ? told : html`${told}${words.finalBy(time(finalAt))}`;
}

function sessionsOf({ applications, sessions }: Receipt): string {
  const perApplication = applications.map(({ app, sessions: count }) => `${app}: ${count}`).join(', ');
  return perApplication === '' ? String(sessions) : `${sessions} (${perApplication})`;
}

function failuresOf({ failures }: Receipt): string {
  return failures.map(({ app, message }) => `${app}: ${message}`).join('; ');
}
