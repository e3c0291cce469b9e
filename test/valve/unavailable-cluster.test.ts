/** What a browser sees of a node that is cut off from the others, with the real leases. */

import assert from 'node:assert/strict';
import test from 'node:test';
import express from 'express';
import type { SsoNode } from '../../sso/index.ts';
import { testCluster } from '../../sso/testing/index.ts';

function shop(sso: SsoNode) {
  const app = express();
  app.use(sso.valve());
  app.get('/public', (req, res) => void res.json({ signedIn: req.sso.signedIn, unavailable: req.sso.unavailable }));
  app.get('/orders', sso.protect(), (req, res) => void res.json({ user: req.sso.principal?.name }));
  app.post('/logout', sso.logout());
  return app;
}

test('S4: a node that is cut off answers 503, keeps the cookie, takes a logout, and serves again when it is back', async (t) => {
  const cluster = await testCluster({ host: shop, nodes: ['n1', 'n2', 'n3'] });
  t.after(() => cluster.stop());
  const browser = cluster.browser();
  const other = cluster.browser();
  await browser.signIn('alice', { at: 'n1' });
  await other.signIn('bob', { at: 'n1' });
  await cluster.settle();
  await cluster.split([['n1'], ['n2', 'n3']]);
  await cluster.advance(7_000);
  const refused = await browser.get('/orders', { at: 'n1' });
  assert.deepEqual([refused.status, refused.body.error, refused.headers['retry-after']], [503, 'unavailable', '1']);
  assert.equal(refused.headers['set-cookie'], undefined);
  const open = await browser.get('/public', { at: 'n1' });
  assert.deepEqual(open.body, { signedIn: false, unavailable: true });
  await browser.get('/orders', { at: 'n2' }).expect(200, { user: 'alice' });
  const receipt = await other.post('/logout', { at: 'n1' }).expect(200);
  assert.equal(receipt.body.state, 'pending');
  await cluster.heal();
  await cluster.settle();
  await browser.get('/orders', { at: 'n1' }).expect(200, { user: 'alice' });
  for (const at of ['n1', 'n2', 'n3']) await other.get('/orders', { at }).expect(401);
});
