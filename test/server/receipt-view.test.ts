/** The page of a receipt says what the receipt says: "everywhere" of a complete one alone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { receiptText, receiptView } from '../../server/receipt-view.ts';
import type { Receipt } from '../../sso/index.ts';

const complete: Receipt = {
  id: 'abcdefghijklmnop',
  state: 'complete',
  finalAt: undefined,
  cause: 'logout',
  closedAt: Date.UTC(2026, 0, 1),
  applications: [
    { app: 'forum', sessions: 1 },
    { app: 'shop', sessions: 2 },
  ],
  sessions: 3,
  nodes: { confirmed: ['n1', 'n2', 'n3'], outstanding: [] },
  failures: [],
};
const pending: Receipt = {
  ...complete,
  state: 'pending',
  nodes: { confirmed: ['n1'], outstanding: ['n2', '10.0.0.3:7800'] },
};
const bounded: Receipt = { ...pending, finalAt: Date.UTC(2026, 0, 1, 0, 0, 6) };

const page = (receipt: Receipt) => receiptView(receipt).toString();

test('a complete receipt says "everywhere", who confirmed, and what ended', () => {
  assert.match(page(complete), /<h1>You are signed out everywhere<\/h1>/);
  assert.match(page(complete), /All 3 nodes confirmed that your sign-on has ended/);
  assert.match(page(complete), /<dt>Sessions ended<\/dt><dd>3 \(forum: 1, shop: 2\)<\/dd>/);
  assert.doesNotMatch(page(complete), /no later than/);
});

test('a pending receipt never says "everywhere", with an instant or without one, as page or as text', () => {
  for (const receipt of [pending, bounded]) {
    for (const text of [page(receipt), receiptText(receipt)]) {
      assert.doesNotMatch(text, /everywhere/i);
      assert.match(text, /n2, 10\.0\.0\.3:7800/);
      assert.match(text, /pending/i);
    }
  }
});

test('a pending receipt that a quorum holds says "no later than" with the instant', () => {
  assert.match(page(bounded), /no later than <time datetime="2026-01-01T00:00:06\.000Z">/);
  assert.match(receiptText(bounded), /Final: no later than 2026-01-01T00:00:06\.000Z/);
  assert.doesNotMatch(page(pending), /no later than/);
});

test('a complete receipt with a silent node says that this one cannot accept the sign-on any more', () => {
  const text = page({ ...complete, nodes: { confirmed: ['n1', 'n2'], outstanding: ['n3'] } });
  assert.match(text, /2 nodes confirmed .*; n3 did not answer, and can accept it no more/);
});

test('failures are named, and nothing in a receipt becomes markup', () => {
  const receipt = { ...complete, failures: [{ app: 'shop', message: '<b>its database</b> is away' }] };
  assert.match(page(receipt), /shop: &lt;b&gt;its database&lt;\/b&gt; is away/);
  assert.match(receiptText(receipt), /Failed: shop: <b>its database/);
});
