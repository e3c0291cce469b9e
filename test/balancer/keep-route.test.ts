/** The sticky cookie of every visitor: `keepRoute()`. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import express from 'express';
import supertest from 'supertest';
import type { StickyCookieNote } from '../../sso/balancer/probe-answer.ts';
import { keepRoute, stickyRoute } from '../../sso/balancer/sticky-route.ts';
import { agent, alice, app, hosts, issued, setCookies, world } from '../valve/world.ts';

const name = 'STICKY_ROUTE';
const noted: StickyCookieNote[] = [];
const node = { route: 'n1', settings: { sameSite: 'lax', partitioned: false } } as const;
const parts = { node, takesNew: () => true, onMounted: (note: StickyCookieNote) => void noted.push(note) };

for (const host of hosts) {
  test(`a visitor who is not signed on is given the route of the node, once, with or without a valve (${host.name})`, async () => {
    const bare = host.express().use(keepRoute(parts, {}));
    bare.get('/who', (_req, res) => void res.json({}));
    const behind = app(world(), (routes) => routes.use(keepRoute(parts, {})), { express: host.express });
    const before = app(world(), () => {}, { express: host.express, before: [keepRoute(parts, {})] });
    for (const [shown, path] of [
      [bare, '/who'],
      [behind, '/none'],
      [before, '/who'],
    ] as const) {
      const first = await supertest(shown).get(path);
      assert.deepEqual(setCookies(first), [`${name}=route.n1; Max-Age=86400; Path=/; HttpOnly; SameSite=Lax`]);
      assert.equal(first.get('Cache-Control'), 'no-store');
      assert.deepEqual(setCookies(await supertest(shown).get(path).set('Cookie', issued(first, name)!)), []);
      const moved = await supertest(shown).get(path).set('Cookie', `${name}=route.n2`);
      assert.equal(issued(moved, name), `${name}=route.n1`);
    }
  });
}

test('its Secure follows what the host believes about the connection', async () => {
  const shown = express().set('trust proxy', 'loopback').use(keepRoute(parts, {}));
  const [line] = setCookies(await supertest(shown).get('/').set('X-Forwarded-Proto', 'https'));
  assert.match(line!, /; Secure; /);
});

test('where the sign-on is shown to frames on other sites the cookie comes along, as far as browsers allow', async () => {
  const settings = { sameSite: 'none', partitioned: true } as const;
  const shown = express()
    .set('trust proxy', 'loopback')
    .use(keepRoute({ ...parts, node: { route: 'n1', settings } }, {}));
  const [secure] = setCookies(await supertest(shown).get('/').set('X-Forwarded-Proto', 'https'));
  assert.match(secure!, /; Secure; SameSite=None; Partitioned$|; Secure; Partitioned; SameSite=None$/);
  const [plain] = setCookies(await supertest(shown).get('/'));
  assert.match(plain!, /; HttpOnly; SameSite=Lax$/);
});

test('a node that drains or rests gives it to nobody', async () => {
  const shown = express().use(keepRoute({ ...parts, takesNew: () => false }, {}));
  assert.deepEqual(setCookies(await supertest(shown).get('/')), []);
});

test('mounted beside the hook it adds nothing to a sign-on, and a sign-off has the last word', async () => {
  const w = world({ onSignOn: [stickyRoute()] });
  const shown = app(
    w,
    (routes) => {
      routes.use(keepRoute(parts, {}));
      routes.post('/on', async (req, res) => void res.json(await req.sso.open(alice)));
      routes.post('/off', async (req, res) => void res.json(await req.sso.logout()));
    },
    {},
  );
  assert.equal(setCookies(await agent(shown).post('/on'), name).length, 1);
  const off = await agent(shown)
    .post('/off')
    .set('Cookie', (await w.open()).cookie);
  assert.deepEqual(
    setCookies(off, name).map((line) => line.split('; ', 2)),
    [[`${name}=`, 'Max-Age=0']],
  );
});

test('what is mounted is told, for the probe; what cannot be set is refused under its own name', () => {
  keepRoute(parts, { cookieName: 'ROUTEID', path: '/shop', quoted: 'zope' });
  assert.deepEqual(noted.at(-1), { name: 'ROUTEID', path: '/shop', quoted: true, routeFrom: 'node' });
  assert.throws(() => keepRoute(parts, { path: 'x' }), { code: 'ERR_CONFIG_INVALID', message: /^keepRoute\.path: / });
});
