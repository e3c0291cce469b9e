/** The example of sso/testing/README.md, run. `readme.test.ts` holds the two together. */

import test from 'node:test';
import express from 'express';
import type { SsoNode } from '../../sso/index.ts';
import { testCluster } from '../../sso/testing/index.ts';

function shop(sso: SsoNode) {
  const app = express();
  app.use(sso.valve(), sso.sessions({ app: 'shop' }));
  app.get('/orders', sso.protect({ login: '/login' }), (req, res) => {
    res.json({ user: req.sso.principal?.name });
  });
  app.post('/logout', sso.logout());
  return app;
}

test('a node dies and nobody notices; a logout counts on every node', async (t) => {
  const cluster = await testCluster({ host: shop, nodes: ['n1', 'n2', 'n3'] });
  t.after(() => cluster.stop());
  const browser = cluster.browser();
  await browser.signIn('alice', { at: 'n1' });
  await cluster.kill('n1');
  await browser.get('/orders', { at: 'n2' }).expect(200, { user: 'alice' });
  await browser.post('/logout', { at: 'n2' }).expect(200);
  await browser.get('/orders', { at: 'n3' }).expect(401);
});
