/** `sso.receipts()`: a receipt as JSON, wherever it is mounted, and whatever goes wrong in a status of its own. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import express, { type RequestHandler } from 'express';
import express4 from 'express4';
import supertest from 'supertest';
import { SsoError } from '../../sso/errors.ts';
import type { Receipt } from '../../sso/receipt.ts';
import { testCluster } from '../../sso/testing/index.ts';
import { type FindReceipt, receiptPage } from '../../sso/valve/receipt-page.ts';

const id = 'llwxLTQuwGPl1zRI';
const receipt: Receipt = {
  id,
  state: 'complete',
  finalAt: undefined,
  cause: 'logout',
  closedAt: 1_795_263_688_820,
  applications: [{ app: 'shop', sessions: 1 }],
  sessions: 1,
  nodes: { confirmed: ['n1'], outstanding: [] },
  failures: [],
};

const mounts: Readonly<Record<string, (page: RequestHandler) => express.Express>> = {
  'Express 5, under a path': (page) => express().use('/receipts', page),
  'Express 5, as a route': (page) => express().get('/receipts/:id', page),
  'Express 4, under a path': (page) => express4().use('/receipts', page),
  'Express 4, as a route': (page) => express4().get('/receipts/:id', page),
};

for (const [how, mount] of Object.entries(mounts)) {
  const ask = (find: FindReceipt, path = `/receipts/${id}`) => supertest(mount(receiptPage(find))).get(path);

  test(`a receipt that is known is answered as JSON that no cache keeps (${how})`, async () => {
    const { body, headers } = await ask(async (asked) => (asked === id ? receipt : undefined)).expect(200);
    assert.deepEqual(body, JSON.parse(JSON.stringify(receipt)));
    assert.match(headers['content-type']!, /^application\/json/);
    assert.equal(headers['cache-control'], 'no-store');
  });

  test(`one that nobody knows is 404, what is no number 400 and asked of nobody (${how})`, async () => {
    const unknown = await ask(async () => undefined).expect(404);
    assert.deepEqual(Object.keys(unknown.body), ['error', 'message']);
    assert.equal(unknown.body.error, 'receipt-unknown');
    for (const wrong of ['short', `${id}x`, 'a%2Fbcdefghijklm', '<script>', '..%2F..%2Fetc%2Fpasswd']) {
      const { body, text } = await ask(() => assert.fail('it was asked for'), `/receipts/${wrong}`).expect(400);
      assert.equal(body.error, 'receipt-id');
      assert.ok(!text.includes('script'));
    }
  });

  test(`where not every node could be asked it is 503, to be asked again (${how})`, async () => {
    const { body, headers } = await ask(() =>
      Promise.reject(new SsoError('ERR_UNAVAILABLE', 'not every node could be asked')),
    ).expect(503);
    assert.deepEqual([body.error, headers['retry-after']], ['unavailable', '1']);
  });

  test(`what else goes wrong is the application's error handler's (${how})`, async () => {
    const app = mount(receiptPage(() => Promise.reject(new Error('a fault of ours'))));
    app.use(
      ((error, _req, res, _next) => void res.status(500).json({ said: error.message })) as express.ErrorRequestHandler,
    );
    await supertest(app).get(`/receipts/${id}`).expect(500, { said: 'a fault of ours' });
  });
}

test('nothing but reading is answered', async () => {
  const app = mounts['Express 5, under a path']!(receiptPage(async () => receipt));
  await supertest(app).head(`/receipts/${id}`).expect(200);
  const { headers } = await supertest(app).delete(`/receipts/${id}`).expect(405);
  assert.equal(headers['allow'], 'GET, HEAD');
  await supertest(app).get('/receipts').expect(400);
});

test('a receipt is followed at any node; a node that is cut off says 503 of one that it has not heard of', async (t) => {
  const cluster = await testCluster({
    host: (sso) => express().use('/receipts', sso.receipts()),
    nodes: ['n1', 'n2', 'n3'],
  });
  t.after(() => cluster.stop());
  const at = (node: string, receiptId: string) => supertest(cluster.at(node).secure).get(`/receipts/${receiptId}`);
  const first = await cluster.run(cluster.at('n1').sso.endSubject('alice'));
  await cluster.advance(10_000);
  for (const node of ['n1', 'n2', 'n3']) {
    const { body } = await at(node, first.id).expect(200);
    assert.deepEqual([body.id, body.state], [first.id, 'complete'], node);
  }
  await at('n2', 'A'.repeat(16)).expect(404);
  await cluster.split([['n1', 'n2'], ['n3']]);
  const second = await cluster.run(cluster.at('n1').sso.endSubject('alice'));
  await at('n2', second.id).expect(200);
  const { headers } = await at('n3', second.id).expect(503);
  assert.equal(headers['retry-after'], '1');
});
