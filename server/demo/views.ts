/** The parts that the demonstration's pages are made of: which node answered, the sessions, the nodes. */

import type { EntryView } from '../../sso/index.ts';
import { buttonForm } from '../forms.ts';
import { type Html, html } from '../html.ts';
import { timeOfDay } from '../page.ts';
import type { NodePlace } from './messages.ts';
import type { Standing } from './standing.ts';

/** A node as a page shows it. */
export interface NodeView {
  readonly name: string;
  readonly port: number;
  /** Whether its process runs, as the starter says. */
  readonly running: boolean;
  /** What the node that answers knows of it: `up`, `joining`, `lost`, … */
  readonly seen: string;
}

/** Which page of which node is being shown. */
export interface Here {
  readonly host: string;
  readonly self: NodePlace;
  readonly nodes: readonly NodeView[];
  readonly csrf: string;
  /** How final logout stands on this node. */
  readonly standing: Standing;
  readonly epoch: number;
}

export function answeredBy(self: NodePlace): Html {
  return html`<strong>${self.name}</strong>, port <span class="number">${self.port}</span>, process <span class="number" id="pid">${process.pid}</span>`;
}

export function tags(words: readonly string[]): Html {
  return words.length === 0 ? html`none` : html`${words.map((word) => html`<span class="tag">${word}</span> `)}`;
}

/** `others`: sign-ons of the same user from other browsers. */
export function sessionsCard(sessions: EntryView['sessions'], others: number): Html {
  const rows = sessions.map(
    ({ app, node, lastAccessAt }) =>
      html`<tr><th scope="row">${app}</th><td>${node}</td><td class="number">${timeOfDay(lastAccessAt)}</td></tr>`,
  );
  return html`<section class="card" aria-labelledby="sessions">
<h2 id="sessions">Sessions linked to this sign-on</h2>
${
  rows.length === 0
    ? html`<p class="quiet">None yet.</p>`
    : html`<table>
<thead><tr><th scope="col">Application</th><th scope="col">Served by</th><th scope="col">Last request</th></tr></thead>
<tbody>${rows}</tbody>
</table>`
}
${others > 0 && html`<p class="quiet">And ${others === 1 ? 'one other sign-on' : `${others} other sign-ons`} of yours, from other browsers.</p>`}
</section>`;
}

/** Whether this node accepts sign-ons, and why, in words. */
export function standingNote({ standing: { tone, title, sentence } }: Here): Html {
  return html`<p class="note ${tone}" id="standing"><strong>${title}</strong>${sentence}</p>`;
}

/** `withStanding`: not where the page has said it already. */
export function nodesCard(here: Here, { withStanding = true } = {}): Html {
  const rows = here.nodes.map((node) => html`<tr><th scope="row">${node.name}</th>${nodeCells(node, here)}</tr>`);
  return html`<section class="card" aria-labelledby="nodes">
<h2 id="nodes">The nodes</h2>
<table>
<thead><tr><th scope="col">Node</th><th scope="col">State</th><th scope="col">Try</th></tr></thead>
<tbody>${rows}</tbody>
</table>
${withStanding && standingNote(here)}
<p class="more quiet">${epochWords(here.epoch)} Each node keeps its state in a directory of its own, removed when the demonstration ends.</p>
${here.nodes.length > 1 && html`<div class="actions">${buttonForm({ action: '/demo/power-cut', label: 'Kill all nodes and start them again', csrf: here.csrf, style: 'danger' })}</div>`}
</section>`;
}

function epochWords(epoch: number): Html {
  return epoch === 0
    ? html`No epoch has begun yet: sign-ons are numbered from the first.`
    : html`The epoch in force is <span class="number" id="epoch">${epoch}</span>. Every sign-on bears the number of the epoch that it was opened in, and ends with it; another begins only when a majority has lost its state, so that nothing counts of which nobody could say whether it had been signed out.`;
}

function nodeCells(node: NodeView, { host, self, nodes, csrf }: Here): Html {
  if (node.name === self.name) {
    const alone = !nodes.some((other) => other.running && other.name !== self.name);
    const kill = buttonForm({ action: '/demo/kill', label: 'Kill this node', csrf, style: 'danger' });
    return html`<td class="good">answered this page</td><td>${alone ? 'The only one that runs' : kill}</td>`;
  }
  if (node.running) {
    return html`<td>${node.seen}</td><td><a href="http://${host}:${node.port}/">This page from ${node.name}</a></td>`;
  }
  const start = buttonForm({
    action: '/demo/start',
    label: 'Start it again',
    csrf,
    style: 'plain',
    fields: { node: node.name },
  });
  return html`<td class="bad">not running</td><td>${start}</td>`;
}
