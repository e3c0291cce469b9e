/** The first application, app1: a shop. Its orders are for customers. */

import { html } from '../html.ts';
import { hosts } from './messages.ts';
import type { Face, Site } from './site.ts';

export const shop: Face = {
  app: 'shop',
  site: 'Corner Shop',
  theme: 'shop',
  host: hosts.shop,
  other: { site: 'Reports', host: hosts.reports },
  links: [
    { href: '/', text: 'You' },
    { href: '/orders', text: 'Orders' },
  ],
  pages,
};

const orders = [
  { number: 1041, what: 'Tea, Assam, 250 g', price: '7.40' },
  { number: 1042, what: 'Pot, white, 1 l', price: '32.00' },
  { number: 1043, what: 'Honey, lime tree, 500 g', price: '9.80' },
] as const;

function pages({ app, parts, send }: Site): void {
  app.get('/orders', parts.sso.protect({ roles: ['customer'], login: '/login' }), (req, res) => {
    send(
      req,
      res,
      'Orders',
      html`<h1>Orders of ${req.sso.principal?.name}</h1>
<p class="lead">For the role customer.</p>
<section class="card"><table>
<thead><tr><th scope="col">Order</th><th scope="col">What</th><th scope="col">Price</th></tr></thead>
<tbody>${orders.map(({ number, what, price }) => html`<tr><th scope="row" class="number">${number}</th><td>${what}</td><td class="number">${price}</td></tr>`)}</tbody>
</table></section>`,
    );
  });
}
