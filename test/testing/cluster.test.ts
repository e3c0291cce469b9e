import assert from 'node:assert/strict';
import test from 'node:test';
import express from 'express';
import request from 'supertest';
import type { SsoNode } from '../../sso/index.ts';
import { signedIn, type TestClusterOptions, testCluster } from '../../sso/testing/index.ts';

function host(sso: SsoNode, name: string) {
  const app = express();
  app.use(sso.valve(), sso.sessions({ app: 'shop' }));
  app.get(
    '/who',
    (req, res) =>
      void res.json({
        user: req.sso.principal?.name ?? null,
        roles: req.sso.roles,
        how: req.sso.how,
        node: name,
        secure: req.secure,
        host: req.hostname,
      }),
  );
  app.get('/account', sso.protect({ login: '/login' }), (_req, res) => void res.send('account'));
  app.get('/login', (_req, res) => void res.send('form'));
  app.post(
    '/login',
    sso.login(({ username }) => ({ name: username, roles: [] })),
  );
  app.post('/end', async (_req, res) => void res.json(await sso.endSubject('alice')));
  return app;
}

async function begin(t: { after(end: () => Promise<void>): void }, options: Partial<TestClusterOptions> = {}) {
  const cluster = await testCluster({ host, nodes: ['n1', 'n2'], options: { cookieDomain: 'xyz.test' }, ...options });
  t.after(() => cluster.stop());
  return cluster;
}

test('signIn needs no form: a name alone, or a principal with roles, on any host of the domain', async (t) => {
  const cluster = await begin(t);
  const browser = cluster.browser();
  assert.equal(browser.location, 'https://xyz.test/');
  await browser.signIn({ name: 'bob', roles: ['admin'] }, { at: 'n2', host: 'app1.xyz.test', how: 'card' });
  const { body } = await browser.get('https://app2.xyz.test/who', { at: 'n1' }).expect(200);
  assert.deepEqual(body, {
    user: 'bob',
    roles: ['admin'],
    how: 'card',
    node: 'n1',
    secure: true,
    host: 'app2.xyz.test',
  });
  await browser.signIn('alice');
  await browser.get('/who').expect(/"alice"/);
});

test('a sign-on that the node refuses fails the test that asked for it', async (t) => {
  const cluster = await begin(t);
  await assert.rejects(cluster.browser('https://other.test').signIn('alice'), /answered 4/);
});

test('a browser stays with the node that answered last, and goes to another when that one is down', async (t) => {
  const cluster = await begin(t, { nodes: ['n1', 'n2', 'n3'] });
  const browser = cluster.browser('http://app1.xyz.test');
  const nodeOf = async (at?: string) => (await browser.get('/who', at === undefined ? {} : { at })).body.node;
  assert.deepEqual([await nodeOf(), await nodeOf('n2'), await nodeOf()], ['n1', 'n2', 'n2']);
  await cluster.kill('n2');
  assert.deepEqual([await nodeOf(), await nodeOf()], ['n1', 'n1']);
  assert.throws(() => browser.get('/who', { at: 'n2' }), /n2 is not up/);
  assert.throws(() => browser.get('/who', { at: 'n9' }), /there is no node n9/);
  await cluster.stop();
  assert.throws(() => browser.get('/who'), /no node is up/);
});

test('visit and submit go the way of a person, redirects included', async (t) => {
  const cluster = await begin(t);
  const browser = cluster.browser('https://app1.xyz.test');
  const form = await browser.visit('/account');
  assert.equal(form.text, 'form');
  assert.equal(browser.location, 'https://app1.xyz.test/login?return_to=%2Faccount');
  const page = await browser.submit('', { username: 'carol', password: 'x' }, { at: 'n2' });
  assert.deepEqual([page.text, browser.location], ['account', 'https://app1.xyz.test/account']);
  assert.equal(browser.cookies().length, 3, 'the sign-on, the session, and that the browser is known');
  assert.ok(browser.cookie('__Secure-latchkey', 'https://app2.xyz.test/') !== undefined);
});

test('a redirect without end is noticed', async (t) => {
  const cluster = await begin(t, { host: () => (_req, res) => void res.writeHead(302, { Location: '/again' }).end() });
  await assert.rejects(cluster.browser().visit('/'), /more than 10 redirects/);
});

test('a plain supertest agent can be signed on', async (t) => {
  const cluster = await begin(t);
  const agent = await signedIn(request.agent(cluster.at('n1').secure), 'alice', { host: 'app1.xyz.test' });
  await agent
    .get('/who')
    .expect(200, { user: 'alice', roles: [], how: 'testing', node: 'n1', secure: true, host: 'app1.xyz.test' });
  await request(cluster.at('n1').secure)
    .get('/who')
    .set('Host', 'app1.xyz.test')
    .expect(/"user":null/);
});

test('the plain door is plain, the secure one is not', async (t) => {
  const cluster = await begin(t);
  await request(cluster.at('n1').plain)
    .get('/who')
    .expect(/"secure":false/);
  await request(cluster.at('n1').secure)
    .get('/who')
    .expect(/"secure":true/);
});

test('hours pass in no time, on all clocks, and only when they are told to', async (t) => {
  const cluster = await begin(t, { startAt: Date.UTC(2030, 0, 1), options: { cluster: { intervalMs: 60_000 } } });
  assert.equal(Math.floor(cluster.now() / 1000), Date.UTC(2030, 0, 1) / 1000);
  const before = cluster.now();
  await cluster.advance(3 * 3_600_000);
  assert.equal(cluster.now() - before, 3 * 3_600_000);
  cluster.at('n2').skew.ms = 60_000;
  assert.equal(cluster.now('n2') - cluster.now('n1'), 60_000);
});

test('a wait for nodes that are cut off takes a moment, in requests and in calls', async (t) => {
  const cluster = await begin(t, { silenceMs: 60_000 });
  await cluster.browser('https://app1.xyz.test').signIn('alice');
  await cluster.split([['n1'], ['n2']]);
  const before = cluster.now();
  const receipt = await cluster.at('n1').sso.endSubject('alice');
  assert.equal(receipt.state, 'pending');
  const inRequest = await cluster.browser('https://app1.xyz.test').post('/end').expect(200);
  assert.equal(inRequest.body.state, 'pending');
  const passed = cluster.now() - before;
  assert.ok(passed >= 2_000 && passed < 6_000, `${passed}`);
  await cluster.heal();
  await cluster.settle();
  assert.equal((await cluster.at('n1').sso.endSubject('alice')).state, 'complete');
});

test('nodes are killed, stopped, restarted and added, and members know', async (t) => {
  const cluster = await begin(t);
  const states = (at: string) =>
    Object.fromEntries(
      cluster
        .at(at)
        .sso.members()
        .map(({ node, state }) => [node, state]),
    );
  assert.deepEqual(states('n1'), { n1: 'up', n2: 'up' });
  await cluster.join('n3');
  await cluster.settle();
  assert.deepEqual(states('n1'), { n1: 'up', n2: 'up', n3: 'up' });
  await cluster.stopNode('n3');
  await cluster.settle();
  assert.equal(states('n1')['n3'], 'left');
  await cluster.kill('n2');
  assert.equal(cluster.at('n2').isUp, false);
  assert.throws(() => cluster.at('n2').sso, /n2 is not up/);
  await cluster.advance(15_000);
  assert.equal(states('n1')['n2'], 'lost');
  await cluster.restart('n2');
  await cluster.settle();
  assert.deepEqual([states('n1')['n2'], states('n2')['n1']], ['up', 'up']);
  await assert.rejects(cluster.restart('n2'), /n2 is up/);
});

test('the same seed makes the same tokens, another seed others', async (t) => {
  const tokenOf = async (seed: number) => {
    const cluster = await begin(t, { seed });
    const browser = cluster.browser();
    await browser.signIn('alice');
    return browser.cookie('__Secure-latchkey');
  };
  const [first, again, other] = [await tokenOf(1), await tokenOf(1), await tokenOf(2)];
  assert.equal(first, again);
  assert.notEqual(first, other);
});

test("a node's log can be read, its frames be heard, its events be followed", async (t) => {
  const heard = new Set<string>();
  const cluster = await begin(t, { onFrame: (from) => void heard.add(from) });
  const causes: string[] = [];
  cluster.at('n2').sso.on('closed', ({ cause }) => void causes.push(cause));
  const browser = cluster.browser('https://app1.xyz.test');
  await browser.signIn('alice', { at: 'n1' });
  await browser.post('/end', { at: 'n1' });
  assert.deepEqual(causes, ['subject-ended']);
  assert.deepEqual([...heard].sort(), ['n1', 'n2']);
  await browser.post('http://app1.xyz.test/login').send({ username: 'alice', password: 'x' });
  assert.ok(cluster.at('n1').log.lines.some(({ level, message }) => level === 'warn' && /secure/.test(message)));
});
