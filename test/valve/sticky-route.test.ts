import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type StickyRouteOptions, stickyRoute } from '../../sso/balancer/sticky-route.ts';
import { agent, alice, app, attributes, secure, secureSettings, setCookies, type World, world } from './world.ts';

function host(w: World) {
  return app(w, (routes) => {
    routes.post('/on', async (req, res) => void res.json(await req.sso.open(alice)));
    routes.post('/off', async (req, res) => void res.json(await req.sso.logout()));
  });
}

async function signOnAndOff(options: StickyRouteOptions | undefined, name: string) {
  const w = world({ ...secureSettings, onSignOn: [stickyRoute(options)] });
  const on = await secure(agent(host(w)).post('/on'));
  const cookie = setCookies(on, '__Secure-latchkey')[0]!.split(';', 1)[0]!;
  const off = await secure(agent(host(w)).post('/off')).set('Cookie', cookie);
  return [setCookies(on, name), setCookies(off, name)] as const;
}

test('a sign-on sets STICKY_ROUTE to the route of the node: unquoted, the dot not encoded, for a day; a sign-off takes it away', async () => {
  const [on, off] = await signOnAndOff(undefined, 'STICKY_ROUTE');
  assert.equal(on.length, 1);
  assert.match(on[0]!, /^STICKY_ROUTE=route\.n1; Max-Age=86400; Path=\/; /);
  assert.equal(off.length, 1);
  assert.match(off[0]!, /^STICKY_ROUTE=; Max-Age=0; Path=\/; /);
  assert.deepEqual(attributes(off[0]!), attributes(on[0]!));
});

test('name, path and life are as the balancer wants them', async () => {
  const [on, off] = await signOnAndOff({ cookieName: 'ROUTEID', path: '/shop', maxAgeMs: 3_600_000 }, 'ROUTEID');
  assert.match(on[0]!, /^ROUTEID=route\.n1; Max-Age=3600; Path=\/shop; /);
  assert.match(off[0]!, /^ROUTEID=; Max-Age=0; Path=\/shop; /);
});

test('check 3: the cookie holds a route and nothing else, and changing it changes no decision', async () => {
  const w = world();
  const { cookie } = await w.open();
  for (const sticky of ['route.n2', 'route.', '', 'x'.repeat(3_000)]) {
    const answer = await agent(host(w)).get('/who').set('Cookie', `STICKY_ROUTE=${sticky}; ${cookie}`);
    assert.equal(answer.body.name, 'alice');
  }
});

test('a node without a route sets none', async () => {
  const w = world({ onSignOn: [stickyRoute()] });
  const answer = await agent(host({ ...w, parts: { ...w.parts, route: undefined } })).post('/on');
  assert.deepEqual(setCookies(answer, 'STICKY_ROUTE'), []);
});

test('a cookie that cannot be set is refused when the application starts', () => {
  for (const options of [{ cookieName: 'a b' }, { cookieName: '' }, { path: '/;x' }, { maxAgeMs: Number.NaN }]) {
    assert.throws(() => stickyRoute(options), { code: 'ERR_CONFIG_INVALID' });
  }
});
