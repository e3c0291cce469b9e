/** The second application, app2: reports for whoever is signed on, and a page for staff alone. */

import { html } from '../html.ts';
import { hosts } from './messages.ts';
import type { Face, Site } from './site.ts';

export const reports: Face = {
  app: 'reports',
  site: 'Reports',
  theme: 'reports',
  host: hosts.reports,
  other: { site: 'Corner Shop', host: hosts.shop },
  links: [
    { href: '/', text: 'You' },
    { href: '/sales', text: 'Sales' },
    { href: '/staff', text: 'Staff' },
  ],
  pages,
};

const sales = [
  { month: 'September', orders: 312, sum: '8,904' },
  { month: 'October', orders: 355, sum: '10,127' },
  { month: 'November', orders: 391, sum: '11,486' },
] as const;

function pages({ app, parts, send }: Site): void {
  const { sso } = parts;
  app.get('/sales', sso.protect({ login: '/login' }), (req, res) => {
    send(
      req,
      res,
      'Sales',
      html`<h1>Sales</h1>
<p class="lead">For whoever is signed on.</p>
<section class="card"><table>
<thead><tr><th scope="col">Month</th><th scope="col">Orders</th><th scope="col">Sum</th></tr></thead>
<tbody>${sales.map(({ month, orders, sum }) => html`<tr><th scope="row">${month}</th><td class="number">${orders}</td><td class="number">${sum}</td></tr>`)}</tbody>
</table></section>`,
    );
  });
  // The library answers a missing role with a sentence; this page says whom to ask.
  app.get('/staff', (req, res, next) => {
    if (!req.sso.signedIn || req.sso.hasRole('staff') || req.accepts(['json', 'html']) !== 'html') return next();
    send(
      req,
      res,
      'Staff',
      html`<h1>This page is for staff</h1><p class="note warn" role="status"><strong>403</strong>${req.sso.principal?.name} does not have the role staff, and signing on again would not give it. Try as bob.</p>`,
      403,
    );
  });
  app.get('/staff', sso.protect({ roles: ['staff'], login: '/login' }), (req, res) => {
    send(
      req,
      res,
      'Staff',
      html`<h1>For staff</h1><p class="lead">${req.sso.principal?.name} has the role staff.</p><p class="card">The shop closes at six today.</p>`,
    );
  });
}
