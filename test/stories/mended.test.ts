/** Faults that a review found, each with the story that shows it: none of them comes back unnoticed. */

import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import express from 'express';
import type { NodeOptions, SsoNode } from '../../sso/index.ts';
import { testCluster } from '../../sso/testing/index.ts';

const minutes = 60_000;
const alice = { name: 'alice', roles: ['admin'] };

interface WithNote {
  readonly session: { note?: string };
}

function shop(sso: SsoNode) {
  const app = express();
  app.use(sso.valve(), sso.sessions({ app: 'shop' }));
  app.post('/note/:text', (req, res) => {
    (req as unknown as WithNote).session.note = req.params.text;
    res.end();
  });
  app.get('/note', (req, res) => void res.json({ note: (req as unknown as WithNote).session.note ?? null }));
  app.get('/admin', sso.protect({ roles: ['admin'] }), (_req, res) => void res.end('let in'));
  return app;
}

async function clusterOf(t: TestContext, nodes: string[], options: Partial<NodeOptions> = {}, host = shop) {
  const cluster = await testCluster({ host, nodes, options });
  t.after(() => cluster.stop());
  return cluster;
}

test('V38, V90: roles are taken away also from who signed on at a node whose clock is fifty seconds ahead', async (t) => {
  const cluster = await clusterOf(t, ['n1', 'n2']);
  cluster.at('n1').skew.ms = 50_000;
  const browser = cluster.browser();
  await browser.signIn(alice, { at: 'n1' });
  await browser.get('/admin', { at: 'n2' }).expect(200);
  await cluster.run(cluster.at('n2').sso.setRoles('alice', []));
  for (const at of ['n1', 'n2']) await browser.get('/admin', { at }).expect(403);
});

test('V90: what a node answered is not lost to an older write of a node whose clock is ahead', async (t) => {
  const cluster = await clusterOf(t, ['n1', 'n2']);
  cluster.at('n1').skew.ms = 50_000;
  const browser = cluster.browser();
  await browser.signIn(alice, { at: 'n1' });
  await browser.post('/note/one', { at: 'n1' }).expect(200);
  await browser.post('/note/two', { at: 'n2' }).expect(200);
  for (const at of ['n2', 'n1']) await browser.get('/note', { at }).expect(200, { note: 'two' });
});

test('D1: who takes a session over from a dead node with a mere read does not undo what another answered', async (t) => {
  const cluster = await clusterOf(t, ['n1', 'n2', 'n3']);
  const browser = cluster.browser();
  await browser.signIn(alice, { at: 'n1' });
  await browser.post('/note/one', { at: 'n1' }).expect(200);
  await cluster.settle();
  await cluster.kill('n1');
  await cluster.advance(minutes);
  await cluster.split([['n2'], ['n3']]);
  await browser.post('/note/two', { at: 'n2' }).expect(200);
  await browser.get('/note', { at: 'n3' }).expect(200);
  await cluster.heal();
  await cluster.settle();
  for (const at of ['n2', 'n3']) await browser.get('/note', { at }).expect(200, { note: 'two' });
});

test('V87: a node whose clock was set back while it was down comes up again, and knows everybody', async (t) => {
  const cluster = await clusterOf(t, ['n1', 'n2', 'n3']);
  const browser = cluster.browser();
  await browser.signIn(alice, { at: 'n1' });
  await cluster.stopNode('n2');
  cluster.at('n2').skew.ms = -minutes;
  await cluster.restart('n2');
  await browser.get('/admin', { at: 'n2' }).expect(200);
  assert.deepEqual(
    cluster
      .at('n2')
      .sso.members()
      .map(({ node, state }) => `${node} ${state}`),
    ['n2 up', 'n1 up', 'n3 up'],
  );
});

test('check 22: an end of what nobody knows is refused, and one of what another node knows is carried out', async (t) => {
  const cluster = await clusterOf(t, ['n1', 'n2']);
  const nobodys = 'A'.repeat(43) as ReturnType<SsoNode['entries']>[number]['id'];
  const { sso } = cluster.at('n2');
  await assert.rejects(cluster.run(sso.endEntry(nobodys)), { code: 'ERR_NOT_SIGNED_IN' });
  await cluster.split([['n1'], ['n2']]);
  const browser = cluster.browser();
  await browser.signIn(alice, { at: 'n1' });
  const [entry] = cluster.at('n1').sso.entries('alice');
  await assert.rejects(cluster.run(sso.endEntry(entry!.id)), { code: 'ERR_UNAVAILABLE' });
  await cluster.heal();
  assert.equal((await cluster.run(sso.endEntry(entry!.id))).state, 'complete');
  await browser.get('/admin', { at: 'n1' }).expect(401);
});

test('V89: a session that was used elsewhere is not replaced by a node that can ask nobody', async (t) => {
  const cluster = await clusterOf(t, ['n1', 'n2']);
  const browser = cluster.browser();
  await browser.signIn(alice, { at: 'n1' });
  await browser.post('/note/mine', { at: 'n1' }).expect(200);
  await cluster.settle();
  await cluster.split([['n1'], ['n2']]);
  for (let i = 0; i < 4; i++) {
    await cluster.advance(10 * minutes);
    await browser.get('/note', { at: 'n1' }).expect(200, { note: 'mine' });
  }
  await browser.get('/note', { at: 'n2' }).expect(200);
  await cluster.heal();
  await browser.get('/note', { at: 'n1' }).expect(200, { note: 'mine' });
});

test('check 78: sessions that have ended count against no limit', async (t) => {
  const cluster = await clusterOf(t, ['n1'], { limits: { sessions: 6 } });
  for (let i = 0; i < 12; i++) {
    const browser = cluster.browser();
    await browser.post('/note/before').expect(200);
    await browser.signIn({ name: `user${i}`, roles: [] });
    await browser.get('/note').expect(200, { note: 'before' });
    await cluster.run(cluster.at('n1').sso.endSubject(`user${i}`));
  }
});

test('V33: a page is not served once its sign-on has ended while the check was asked again', async (t) => {
  let answer: (yes: boolean) => void = () => {};
  let asked: () => void = () => {};
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const check = () =>
    new Promise<boolean>((resolve) => {
      answer = resolve;
      asked();
    });
  const cluster = await clusterOf(t, ['n1'], { requireReauthentication: { check, everyMs: 1 } });
  const browser = cluster.browser();
  await browser.signIn(alice);
  await cluster.advance(minutes);
  const page = browser.get('/admin').then((response) => response);
  await cluster.run(isAsked);
  await cluster.run(cluster.at('n1').sso.endSubject('alice'));
  answer(true);
  assert.equal((await page).status, 401);
});

test('two sign-ons in one request leave one, and no orphan', async (t) => {
  const cluster = await clusterOf(t, ['n1'], {}, (sso) => {
    const app = shop(sso);
    app.post('/twice', async (req, res) => {
      await Promise.all([req.sso.open(alice), req.sso.open(alice)]).catch(() => {});
      res.end();
    });
    return app;
  });
  const browser = cluster.browser();
  await browser.post('/twice').expect(200);
  assert.equal(cluster.at('n1').sso.entries('alice').length, 1);
  await browser.get('/admin').expect(200);
});

test('leave() says so where no session of ours is mounted', async (t) => {
  const cluster = await clusterOf(t, ['n1'], {}, (sso) => {
    const app = express();
    app.use(sso.valve());
    app.post('/leave', async (req, res) => {
      await assert.rejects(req.sso.leave(), { code: 'ERR_CONFIG_INVALID' });
      res.end();
    });
    return app;
  });
  const browser = cluster.browser();
  await browser.signIn(alice);
  await browser.post('/leave').expect(200);
});

test('a mistyped option of protect() is refused: it must not leave a door open', async (t) => {
  const cluster = await clusterOf(t, ['n1']);
  const { sso } = cluster.at('n1');
  assert.throws(() => sso.protect({ rolez: ['admin'] } as object), {
    code: 'ERR_CONFIG_INVALID',
    message: /^protect\.rolez: is no option/,
  });
  const authenticate = () => undefined;
  for (const [wrong, message] of [
    [
      () => sso.protect({ alRoles: ['admin'] } as object),
      /^protect\.alRoles: is no option: did you mean "allRoles"\?$/,
    ],
    [
      () => sso.protect({ basic: { realm: 'x', autenticate: authenticate } as never }),
      /^protect\.basic\.autenticate: is no option: did you mean "authenticate"\?$/,
    ],
    [
      () => sso.login(authenticate, { retunTo: '/' } as object),
      /^login\.retunTo: is no option: did you mean "returnTo"\?$/,
    ],
    [
      () => sso.login(authenticate, { fields: { user: 'name' } as object }),
      /^login\.fields\.user: is no option: there are username, password$/,
    ],
    [
      () => sso.logout({ requireCSRF: true } as object),
      /^logout\.requireCSRF: is no option: did you mean "requireCsrf"\?$/,
    ],
  ] as const)
    assert.throws(wrong, { code: 'ERR_CONFIG_INVALID', message });
  assert.throws(() => sso.sessions({ app: 'x', store: {} } as never), {
    code: 'ERR_CONFIG_INVALID',
    message: /^store: is no option/,
  });
});
