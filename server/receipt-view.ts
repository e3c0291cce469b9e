/**
 * The receipt of a logout in words: what it says, and never more. "Everywhere" stands only on a complete
 * one; a pending one says who has not answered, and from when on it is final all the same.
 */

import type { Receipt } from '../sso/index.ts';
import { type Html, html } from './html.ts';
import { time } from './page.ts';

/** `address`: where it is found; a page that shows a pending one follows it from there. */
export function receiptView(receipt: Receipt, address?: string): Html {
  const { nodes, failures, state } = receipt;
  const isComplete = state === 'complete';
  return html`<div id="receipt" data-state="${state}" aria-live="polite">
<h1>${headline(receipt)}</h1>
<p class="note ${isComplete ? 'good' : 'warn'}" role="status"><strong>${isComplete ? 'Complete' : 'Pending'}</strong>${summary(receipt)}</p>
<section class="card" aria-labelledby="receipt-title">
<h2 id="receipt-title">Receipt</h2>
<dl>
<dt>State</dt><dd>${state}</dd>
${receipt.finalAt !== undefined && html`<dt>Final</dt><dd>no later than ${time(receipt.finalAt)}</dd>`}
<dt>Ended</dt><dd>${time(receipt.closedAt)}, cause: ${receipt.cause}</dd>
<dt>Sessions ended</dt><dd>${sessionsOf(receipt)}</dd>
<dt>Confirmed by</dt><dd>${nodes.confirmed.join(', ') || 'none'}</dd>
<dt>Outstanding</dt><dd>${nodes.outstanding.join(', ') || 'none'}</dd>
${failures.length > 0 && html`<dt>Failed</dt><dd class="bad">${failuresOf(receipt)}</dd>`}
<dt>Number</dt><dd><code>${receipt.id}</code></dd>
</dl>
${address !== undefined && !isComplete && html`<p class="more"><a href="${address}">Look again</a> <span class="quiet">With script the page does so by itself, every second.</span></p>`}
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
  return `${headline(receipt)}.\n\n${rows.map(([name, value]) => `${name}: ${value}`).join('\n')}\n`;
}

function headline({ state }: Receipt): string {
  return state === 'complete'
    ? 'You are signed out everywhere'
    : 'You are signed out, but not every node has confirmed it yet';
}

/** What it means, in a sentence or two. */
function summary({ state, finalAt, nodes }: Receipt): Html {
  const silent = nodes.outstanding.join(', ');
  if (state === 'complete') {
    return silent === ''
      ? html`${confirmedBy(nodes.confirmed.length)} that your sign-on has ended.`
      : html`${counted(nodes.confirmed.length)} confirmed that your sign-on has ended; ${silent} did not answer, and can accept it no more.`;
  }
  const news =
    nodes.outstanding.length === 1
      ? 'it is told as soon as it can be reached again'
      : 'they are told as soon as they can be reached again';
  const told = html`No answer yet from ${silent || 'enough nodes'}; ${news}.`;
  return finalAt === undefined
    ? told
    : html`${told} It is final no later than ${time(finalAt)}: from then on no node accepts your sign-on, whether it answered or not.`;
}

function sessionsOf({ applications, sessions }: Receipt): string {
  const perApplication = applications.map(({ app, sessions: count }) => `${app}: ${count}`).join(', ');
  return perApplication === '' ? String(sessions) : `${sessions} (${perApplication})`;
}

function failuresOf({ failures }: Receipt): string {
  return failures.map(({ app, message }) => `${app}: ${message}`).join('; ');
}

function confirmedBy(count: number): string {
  return count === 1 ? 'The one node there is confirmed' : `All ${count} nodes confirmed`;
}

function counted(count: number): string {
  return count === 1 ? 'One node' : `${count} nodes`;
}
