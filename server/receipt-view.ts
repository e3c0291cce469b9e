/** The receipt of a logout as a page shows it: word by word what it says, and never more. */

import type { Receipt } from '../sso/index.ts';
import { type Html, html } from './html.ts';
import { time } from './page.ts';

/** "Everywhere" only when every node confirmed. */
export function receiptView(receipt: Receipt): Html {
  const { nodes, applications, failures } = receipt;
  const complete = receipt.state === 'complete';
  const perApplication = applications.map(({ app, sessions }) => `${app}: ${sessions}`).join(', ');
  return html`<h1>${complete ? 'You are signed out everywhere' : 'You are signed out, but not every node has confirmed it yet'}</h1>
${
  complete
    ? html`<p class="note good" role="status"><strong>Complete</strong>${confirmedBy(nodes.confirmed.length)} that your sign-on has ended.</p>`
    : html`<p class="note warn" role="status"><strong>Pending</strong>No answer yet from ${nodes.outstanding.join(', ')}; it is told as soon as it can be reached again.</p>`
}
<section class="card" aria-labelledby="receipt">
<h2 id="receipt">Receipt</h2>
<dl>
<dt>State</dt><dd>${receipt.state}</dd>
<dt>Ended</dt><dd>${time(receipt.closedAt)}, cause: ${receipt.cause}</dd>
<dt>Sessions ended</dt><dd>${receipt.sessions}${perApplication !== '' && ` (${perApplication})`}</dd>
<dt>Confirmed by</dt><dd>${nodes.confirmed.join(', ') || 'none'}</dd>
<dt>Outstanding</dt><dd>${nodes.outstanding.join(', ') || 'none'}</dd>
${failures.length > 0 && html`<dt>Failed</dt><dd class="bad">${failures.map(({ app, message }) => `${app}: ${message}`).join('; ')}</dd>`}
<dt>Number</dt><dd><code>${receipt.id}</code></dd>
</dl>
</section>`;
}

function confirmedBy(count: number): string {
  return count === 1 ? 'The one node there is confirmed' : `All ${count} nodes confirmed`;
}
