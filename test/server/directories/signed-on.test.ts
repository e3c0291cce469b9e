/** Directories behind a cluster: what a form is told when people cannot be checked, and the re-check over three real nodes. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import express from 'express';
import { authenticateBy, authenticatorOf } from '../../../server/directories/authenticator.ts';
import type { Check, Directory, Found, Person } from '../../../server/directories/directory.ts';
import { Recheck, recheckMark } from '../../../server/directories/recheck.ts';
import { rolesBy } from '../../../server/directories/roles.ts';
import type { SsoNode } from '../../../sso/index.ts';
import { testCluster } from '../../../sso/testing/index.ts';

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

function mutable() {
  const accounts = new Map<string, Person>([
    ['alice', { name: 'alice', groups: ['admins'] }],
    ['bob', { name: 'bob', groups: [] }],
  ]);
  const state: { answer: Check['kind'] | 'usual' } = { answer: 'usual' };
  const asked: string[] = [];
  const directory: Directory = {
    name: 'people',
    async check(name): Promise<Check> {
      if (state.answer === 'busy') return { kind: 'busy' };
      if (state.answer === 'unavailable') return { kind: 'unavailable', why: 'down' };
      const person = accounts.get(name);
      return person === undefined ? { kind: 'refused' } : { kind: 'known', person };
    },
    async find(name): Promise<Found> {
      asked.push(name);
      if (state.answer !== 'usual') return { kind: 'unavailable', why: 'down' };
      const person = accounts.get(name);
      return person === undefined ? { kind: 'gone' } : { kind: 'found', person };
    },
    close: async () => {},
  };
  return { accounts, state, asked, directory };
}

const rolesOf = rolesBy({ admins: ['admin'], staff: ['staff'] });

const hostOf = (directory: Directory) => (sso: SsoNode) => {
  const app = express();
  app.use(sso.valve());
  const authenticate = authenticateBy(authenticatorOf(directory, rolesOf, silent));
  app.post(
    '/login',
    sso.login(({ username, password }) => authenticate(username, password), { page: '/login' }),
  );
  app.get('/me', sso.protect({ login: '/login' }), (req, res) => {
    res.json({ name: req.sso.principal?.name, roles: req.sso.principal?.roles });
  });
  return app;
};

test('check 40: a directory that is away or full is told as that: 503 to a program, a way back to the form to a person, and no sign-on', async (t) => {
  const { directory, state } = mutable();
  const cluster = await testCluster({ host: hostOf(directory), nodes: ['n1'] });
  t.after(() => cluster.stop());
  for (const answer of ['busy', 'unavailable'] as const) {
    state.answer = answer;
    const browser = cluster.browser();
    const credentials = { username: 'alice', password: 'x' };
    const program = await browser.post('/login', { at: 'n1' }).send(credentials).expect(503);
    assert.equal(program.body.error, answer);
    const form = browser.post('/login', { at: 'n1' }).type('form').set('Sec-Fetch-Mode', 'navigate');
    const person = await form.send({ ...credentials, return_to: '/me' }).expect(303);
    assert.equal(person.headers['location'], `/login?error=${answer}&return_to=%2Fme`);
    await browser.get('/me', { at: 'n1' }).expect(401);
  }
  state.answer = 'usual';
  const browser = cluster.browser();
  await browser.post('/login', { at: 'n1' }).send({ username: 'alice', password: 'x' }).expect(200);
  await browser.get('/me', { at: 'n1' }).expect(200, { name: 'alice', roles: ['admin'] });
});

test('check 27: of three nodes one asks about each user; who is gone is out on every node, other groups are other roles on every node', async (t) => {
  const { directory, accounts, state, asked } = mutable();
  const rechecks: Recheck[] = [];
  const cluster = await testCluster({
    host: (sso) => {
      sso.store({ app: recheckMark });
      rechecks.push(new Recheck({ sso, directory, rolesOf, log: silent }));
      return hostOf(directory)(sso);
    },
    nodes: ['n1', 'n2', 'n3'],
  });
  t.after(() => cluster.stop());
  const [alice, bob] = [cluster.browser(), cluster.browser()];
  await alice.post('/login', { at: 'n1' }).send({ username: 'alice', password: 'x' }).expect(200);
  await bob.post('/login', { at: 'n2' }).send({ username: 'bob', password: 'x' }).expect(200);
  await alice.get('/me', { at: 'n3' }).expect(200, { name: 'alice', roles: ['admin'] });
  await bob.get('/me', { at: 'n3' }).expect(200);
  await cluster.settle();
  const round = () => cluster.run(Promise.all(rechecks.map((recheck) => recheck.now())));
  const told = async () => alice.get('/me', { at: 'n3' }).then(({ status, body }) => [status, body.roles]);

  state.answer = 'unavailable';
  accounts.delete('bob');
  await round();
  await bob.get('/me', { at: 'n1' }).expect(200);

  state.answer = 'usual';
  accounts.set('alice', { name: 'alice', groups: ['staff'] });
  asked.length = 0;
  await round();
  // Alice once as one of those signed on, and once as a sample beside Bob, who is missing and therefore looked for twice.
  const times = (name: string) => asked.filter((one) => one === name).length;
  assert.equal(times('bob'), 2);
  assert.ok(times('alice') <= 2, `${times('alice')}`);
  assert.deepEqual(await told(), [200, ['staff']]);
  for (const at of ['n1', 'n2', 'n3']) await bob.get('/me', { at }).expect(401);
  for (const recheck of rechecks) await recheck.stop();
});
