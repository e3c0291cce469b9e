/** Health and metrics of real nodes: mounted as an application mounts them, with people signed on. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import express from 'express';
import supertest from 'supertest';
import type { SsoNode } from '../../sso/index.ts';
import { type TestCluster, testCluster } from '../../sso/testing/index.ts';
import { parseExposition } from './exposition.ts';

function host(sso: SsoNode): express.Express {
  const app = express();
  app.use('/livez', sso.livez());
  app.use('/readyz', sso.readyz());
  app.use('/metrics', sso.metrics());
  app.use(sso.valve(), sso.sessions({ app: 'shop', idleMs: 1_800_000 }));
  app.post('/logout', sso.logout());
  app.get('/cart', sso.protect(), (req, res) => {
    (req.session as { cart?: string }).cart = 'a white rabbit';
    res.send(req.sessionID);
  });
  return app;
}

async function metricsOf(cluster: TestCluster, node: string) {
  const { text } = await supertest(cluster.at(node).secure).get('/metrics').expect(200);
  return { text, samples: new Map([...parseExposition(text).values()].flatMap(({ samples }) => [...samples])) };
}

test('metrics follow what people do, on every node, and name nobody', async (t) => {
  const cluster = await testCluster({ host });
  t.after(() => cluster.stop());
  const browser = cluster.browser();
  await browser.signIn({ name: 'alice-in-wonderland', roles: ['queen-of-hearts'] }, { at: 'n1' });
  const { text: session } = await browser.get('/cart', { at: 'n1' }).expect(200);
  await cluster.settle();
  for (const node of ['n1', 'n2', 'n3']) {
    const { samples } = await metricsOf(cluster, node);
    assert.equal(samples.get('latchkey_sign_ons_open'), 1, node);
    assert.equal(samples.get('latchkey_sessions_live'), 1, node);
    assert.equal(samples.get('latchkey_members{state="up"}'), 3, node);
    assert.equal(samples.get('latchkey_ready'), 1, node);
    assert.equal(samples.get('latchkey_accepting'), 1, node);
    assert.equal(samples.get('latchkey_when_cut_off{mode="refuse"}'), 1, node);
    const through = node === 'n1' ? 'this-node' : 'another';
    assert.equal(samples.get(`latchkey_sign_ons_opened_total{through="${through}"}`), 1, node);
  }
  const { id } = cluster.at('n1').sso.entries()[0]!;
  const token = browser.cookie('__Host-latchkey')!;
  await browser.submit('/logout', {}, { at: 'n2' });
  await cluster.settle();
  for (const node of ['n1', 'n2', 'n3']) {
    const { text, samples } = await metricsOf(cluster, node);
    const through = node === 'n2' ? 'this-node' : 'another';
    assert.equal(samples.get('latchkey_sign_ons_open'), 0, node);
    assert.equal(samples.get('latchkey_sign_ons_closed'), 1, node);
    assert.equal(samples.get(`latchkey_sign_ons_ended_total{cause="logout",through="${through}"}`), 1, node);
    assert.equal(samples.get('latchkey_logout_duration_seconds_count'), node === 'n2' ? 1 : 0, node);
    for (const personal of ['alice', 'queen', 'rabbit', 'shop', id, token, session.split('.')[0]!, 'n1', ':7800'])
      assert.ok(!text.includes(personal), `${node} shows ${personal}`);
  }
});

test('with four nodes each shows what it owns, keeps for others, and has no part in; and what moved when another node was asked', async (t) => {
  const nodes = ['n1', 'n2', 'n3', 'n4'];
  const cluster = await testCluster({ host, nodes });
  t.after(() => cluster.stop());
  const browser = cluster.browser();
  await browser.signIn('alice', { at: 'n1' });
  await browser.get('/cart', { at: 'n1' }).expect(200);
  await cluster.settle();
  const placed = async () => {
    const shown = await Promise.all(nodes.map((node) => metricsOf(cluster, node)));
    return (data: string) => shown.map(({ samples }) => samples.get(`latchkey_sessions_placed{data="${data}"}`));
  };
  const before = await placed();
  assert.deepEqual(before('owned'), [1, 0, 0, 0]);
  assert.equal(before('kept').filter((count) => count === 1).length, 1);
  assert.equal(before('elsewhere').filter((count) => count === 1).length, 2);
  const away = nodes[before('elsewhere').indexOf(1)]!;
  const { samples: unused } = await metricsOf(cluster, away);
  assert.deepEqual([unused.get('latchkey_sessions_live'), unused.get('latchkey_sessions_active')], [1, 0]);
  await browser.get('/cart', { at: away }).expect(200);
  await cluster.settle();
  const after = await placed();
  assert.deepEqual(
    after('owned'),
    nodes.map((node) => Number(node === away)),
  );
  assert.equal(after('kept').filter((count) => count === 1).length, 1);
  const { samples } = await metricsOf(cluster, away);
  assert.equal(samples.get('latchkey_session_gravitations_total'), 1);
  assert.equal(samples.get('latchkey_session_fetches_total'), 1);
  assert.equal(samples.get('latchkey_sessions_out_of_reach_total'), 0);
  for (const node of nodes) {
    const { samples } = await metricsOf(cluster, node);
    assert.equal(samples.get('latchkey_sessions_strays'), 0, node);
    assert.equal(samples.get('latchkey_queue_length{queue="buddies"}'), 0, node);
  }
});

test('with three nodes every one has the data, and none is a buddy', async (t) => {
  const cluster = await testCluster({ host });
  t.after(() => cluster.stop());
  const browser = cluster.browser();
  await browser.signIn('alice', { at: 'n1' });
  await browser.get('/cart', { at: 'n1' }).expect(200);
  await cluster.settle();
  for (const node of ['n1', 'n2', 'n3']) {
    const { samples } = await metricsOf(cluster, node);
    for (const data of ['owned', 'kept', 'elsewhere'])
      assert.equal(samples.get(`latchkey_sessions_placed{data="${data}"}`), 0);
    assert.equal(samples.get('latchkey_sessions_active'), 1);
  }
});

test('who is refused at the door is counted by the reason, form and Basic alike', async (t) => {
  const cluster = await testCluster({
    host(sso) {
      const app = express();
      app.use('/metrics', sso.metrics());
      app.use(sso.valve());
      app.post(
        '/login',
        sso.login(() => undefined),
      );
      app.get(
        '/basic',
        sso.protect({ basic: { realm: 'shop', authenticate: () => undefined } }),
        (_req, res) => void res.send('in'),
      );
      return app;
    },
    nodes: ['n1'],
  });
  t.after(() => cluster.stop());
  const door = cluster.at('n1').secure;
  const login = () => supertest(door).post('/login');
  await login().send({ username: 'alice', password: 'wrong' }).expect(401);
  await login().set('Origin', 'https://evil.org').send({ username: 'alice', password: 'wrong' }).expect(403);
  await supertest(door).get('/basic').auth('alice', 'wrong').expect(401);
  await supertest(door).get('/basic').expect(401); // nobody has tried anything
  const { samples, text } = await metricsOf(cluster, 'n1');
  const refused = [...samples].filter(([name, count]) => name.startsWith('latchkey_sign_ons_refused') && count > 0);
  assert.deepEqual(refused.map(([name, count]) => [/reason="([^"]+)"/.exec(name)?.[1], count]).sort(), [
    ['credentials', 2],
    ['cross-site', 1],
  ]);
  assert.ok(!text.includes('alice'));
});

test('a node is alive and ready; one that drains is alive and not ready', async (t) => {
  const cluster = await testCluster({ host });
  t.after(() => cluster.stop());
  const asked = supertest(cluster.at('n1').secure);
  await asked.get('/livez').expect(200, { alive: true });
  await asked.get('/readyz').expect(200, { ready: true, whenCutOff: 'refuse' });
  await cluster.at('n1').sso.drain();
  await asked.get('/livez').expect(200);
  const { body, headers } = await asked.get('/readyz').expect(503);
  assert.deepEqual(
    body.why.map(({ reason }: { reason: string }) => reason),
    ['draining'],
  );
  assert.equal(headers['retry-after'], '1');
});

test('S4: a node that is cut off says within T that it is without a quorum, and is ready again after the heal', async (t) => {
  const cluster = await testCluster({ host });
  t.after(() => cluster.stop());
  const heard: boolean[] = [];
  cluster.at('n1').sso.on('accepting', (accepts) => void heard.push(accepts));
  await cluster.split([['n1'], ['n2', 'n3']]);
  await cluster.advance(6_000);
  assert.deepEqual(heard, [false], 'its application hears of it');
  const { body } = await supertest(cluster.at('n1').secure).get('/readyz').expect(503);
  assert.deepEqual(body.why, [{ reason: 'without-quorum', waitsFor: 'leases of 2 of 3 voters, and has 1' }]);
  await supertest(cluster.at('n1').secure).get('/livez').expect(200);
  await supertest(cluster.at('n2').secure).get('/readyz').expect(200);
  await cluster.heal();
  await cluster.settle();
  await supertest(cluster.at('n1').secure).get('/readyz').expect(200);
  assert.deepEqual(heard, [false, true]);
});
