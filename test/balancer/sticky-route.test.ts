/** The sticky cookie of sign-ons: `stickyRoute()`, as the Plone page sets it. */

import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { routeOfHttpd } from '../../server/doctor/reading/httpd/route.ts';
import { type StickyRouteOptions, stickyRoute } from '../../sso/balancer/sticky-route.ts';
import { inspector } from '../../sso/valve/inspect.ts';
import {
  agent,
  alice,
  app,
  attributes,
  deletions,
  hosts,
  issued,
  secure,
  secureSettings,
  setCookies,
  type World,
  world,
} from '../valve/world.ts';

const name = 'STICKY_ROUTE';

function host(w: World, express = hosts[0]!.express) {
  return app(
    w,
    (routes) => {
      routes.post('/on', async (req, res) => void res.json(await req.sso.open(alice)));
      routes.post('/off', async (req, res) => void res.json(await req.sso.logout()));
      routes.get('/twice', (_req, res) => void res.set('Cache-Control', 'public, max-age=60').send('x'));
      routes.get('/shop/cart', (_req, res) => void res.send('x'));
      routes.get('/shopping', (_req, res) => void res.send('x'));
    },
    { express },
  );
}

/** A node, with its hook. */
function node(options?: StickyRouteOptions, route: string | undefined = 'n1') {
  const w = world({ onSignOn: [stickyRoute(options)] });
  return Object.assign(w, { parts: { ...w.parts, route } });
}

/** What a signed-on browser that brings these other cookies is given. */
async function given(w: World, cookies: string, path = '/who', headers: Readonly<Record<string, string>> = {}) {
  const { cookie } = await w.open();
  const answer = await agent(host(w))
    .get(path)
    .set({ ...headers, Cookie: [cookie, cookies].filter(Boolean).join('; ') });
  return setCookies(answer).map((line) => line.split(';', 1)[0]);
}

async function signOnAndOff(options: StickyRouteOptions | undefined, cookieName: string) {
  const w = world({ ...secureSettings, onSignOn: [stickyRoute(options)] });
  const on = await secure(agent(host(w)).post('/on'));
  const cookie = setCookies(on, '__Secure-latchkey')[0]!.split(';', 1)[0]!;
  const off = await secure(agent(host(w)).post('/off')).set('Cookie', cookie);
  return [setCookies(on, cookieName), setCookies(off, cookieName)] as const;
}

test('a sign-on sets STICKY_ROUTE to the route of the node: unquoted, the dot not encoded, for a day; a sign-off takes it away', async () => {
  const [on, off] = await signOnAndOff(undefined, name);
  assert.equal(on.length, 1);
  assert.match(on[0]!, /^STICKY_ROUTE=route\.n1; Max-Age=86400; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
  assert.equal(off.length, 1, 'that of the request itself, which came without it, is not set as well');
  assert.match(off[0]!, /^STICKY_ROUTE=; Max-Age=0; Path=\/; /);
  assert.deepEqual(attributes(off[0]!), attributes(on[0]!));
});

test('name, path, domain and life are as the balancer wants them, and a sign-off meets them', async () => {
  const options = { cookieName: 'ROUTEID', path: '/', domain: 'XYZ.com', maxAgeMs: 3_600_000 };
  const [on, off] = await signOnAndOff(options, 'ROUTEID');
  assert.match(on[0]!, /^ROUTEID=route\.n1; Max-Age=3600; Domain=xyz\.com; Path=\/; /);
  assert.match(off.at(-1)!, /^ROUTEID=; Max-Age=0; Domain=xyz\.com; Path=\/; /);
  assert.deepEqual(attributes(off.at(-1)!), attributes(on[0]!));
});

test('check 3: the cookie holds a route and nothing else, and changing it changes no decision', async () => {
  const w = node();
  const { cookie } = await w.open();
  for (const sticky of ['route.n2', 'route.', '', 'x'.repeat(3_000), '"', '..', 'route.n1%0d%0aSet-Cookie:x=y']) {
    const signed = await agent(host(w)).get('/who').set('Cookie', `${name}=${sticky}; ${cookie}`);
    assert.equal(signed.body.name, 'alice');
    assert.ok(setCookies(signed).every((line) => line.startsWith(`${name}=route.n1;`)));
    const anonymous = await agent(host(w)).get('/who').set('Cookie', `${name}=${sticky}`);
    assert.equal(anonymous.body.name, undefined);
    assert.deepEqual(setCookies(anonymous), []);
  }
});

for (const { name: version, express } of hosts) {
  test(`a request that comes to another node than its cookie names gets it anew, once (${version})`, async () => {
    const w = node(undefined, 'n2');
    const { cookie } = await w.open();
    const moved = await agent(host(w, express)).get('/twice').set('Cookie', `${cookie}; ${name}=route.n1`);
    assert.equal(issued(moved, name), `${name}=route.n2`);
    assert.equal(moved.get('Cache-Control'), 'no-store', 'check 13: an answer with a cookie is for nobody else');
    const again = await agent(host(w, express))
      .get('/twice')
      .set('Cookie', `${cookie}; ${issued(moved, name)}`);
    assert.deepEqual(setCookies(again), []);
    assert.equal(again.get('Cache-Control'), 'public, max-age=60');
  });
}

test('a browser that has lost it, or never had it on this host, gets it', async () => {
  assert.deepEqual(await given(node(), ''), [`${name}=route.n1`]);
});

test('of several cookies of the name one that names this node is enough: the balancer may follow any of them', async () => {
  for (const cookies of [`${name}=x.n2; ${name}=route.n1`, `${name}=route.n1; ${name}=x.n2`])
    assert.deepEqual(await given(node(), cookies), []);
  assert.deepEqual(await given(node(), `${name}=x.n2; ${name}=route.n3`), [`${name}=route.n1`]);
});

test('V114: what stands before the first dot is anybody’s, what follows is the route, dots and case included', async () => {
  const west = node(undefined, 'west.n1');
  assert.deepEqual(await given(west, `${name}=x.west.n1`), []);
  for (const other of ['west.n1', 'x.west.N1', 'x.west', 'x', '.', ''])
    assert.deepEqual(await given(west, `${name}=${other}`), [`${name}=route.west.n1`], other);
});

test('V120: the quotes of a predecessor are taken off: its cookie is replaced by one without', async () => {
  assert.deepEqual(await given(node(), `${name}="route.n1"`), [`${name}=route.n1`]);
});

test('where the path is narrower, what lies outside it says nothing about the cookie, and sets none', async () => {
  const shop = node({ path: '/shop' });
  assert.deepEqual(await given(shop, '', '/shop/cart'), [`${name}=route.n1`]);
  for (const path of ['/who', '/shopping', '/?/shop/']) assert.deepEqual(await given(shop, '', path), [], path);
});

test('V118: a node that takes nobody new binds nobody to itself', async () => {
  const draining = node();
  const { cookie } = await draining.open();
  draining.accepting = false;
  const answer = await agent(host(draining)).get('/who').set('Cookie', `${cookie}; ${name}=route.n2`);
  assert.equal(answer.body.name, 'alice');
  assert.deepEqual(setCookies(answer), []);
});

test('a node that rests binds nobody to itself either, though it signs people on', async () => {
  const resting = node();
  Object.assign(resting.parts, { takesNew: () => false });
  assert.deepEqual(await given(resting, `${name}=route.n2`), []);
});

test('nobody who is not signed on is given it', async () => {
  const w = node();
  for (const cookies of ['latchkey=unknown', `${name}=route.n2`, 'a=b'])
    assert.deepEqual(setCookies(await agent(host(w)).get('/who').set('Cookie', cookies), name), []);
});

test('a sign-on that is only asked about is answered without it', async () => {
  const w = node();
  const { cookie } = await w.open();
  const req = Object.assign(new IncomingMessage(new Socket()), { headers: { cookie } });
  const sso = await inspector(w.parts)(req);
  assert.equal(sso.principal?.name, 'alice');
  assert.deepEqual(w.lines, []);
});

test('a node without a route sets none and takes none away', async () => {
  const w = node();
  const nameless = host({ ...w, parts: { ...w.parts, route: undefined } });
  const { cookie } = await w.open();
  assert.deepEqual(setCookies(await agent(nameless).post('/on'), name), []);
  assert.deepEqual(setCookies(await agent(nameless).get('/who').set('Cookie', cookie)), []);
  assert.deepEqual(setCookies(await agent(nameless).post('/off').set('Cookie', cookie), name), []);
});

test("routeFrom 'host' makes the route of the host that the balancer addressed, for hosts that are listed alone", async () => {
  const w = node({ routeFrom: 'host', routeHosts: ['192.168.1.10', 'Zope1.Intern'] }, 'n1');
  for (const [addressed, value] of [
    ['192.168.1.10:8282', 'route.192-168-1-10'],
    ['192.168.1.10', 'route.192-168-1-10'],
    ['ZOPE1.intern:80', 'route.zope1-intern'],
  ] as const) {
    const on = await agent(host(w)).post('/on').set('Host', addressed);
    assert.equal(issued(on, name), `${name}=${value}`, addressed);
    assert.deepEqual(await given(w, `${name}=${value}`, '/who', { Host: addressed }), []);
  }
});

test("check 47: with routeFrom 'host' a host that a client makes up, in whichever header, gets no cookie", async () => {
  const w = node({ routeFrom: 'host', routeHosts: ['192.168.1.10'] }, 'n1');
  for (const headers of [
    { Host: 'evil.test' },
    { Host: '192.168.1.10.evil.test' },
    { Host: 'evil.test:192.168.1.10' },
    { Host: 'foo.bar.com', 'X-Forwarded-Host': '192.168.1.10', Forwarded: 'host=192.168.1.10' },
  ]) {
    const on = await agent(host(w)).post('/on').set(headers);
    assert.equal(on.status, 200);
    assert.deepEqual(setCookies(on, name), [], JSON.stringify(headers));
  }
  const off = await agent(host(w))
    .post('/off')
    .set({ Host: 'foo.bar.com', Cookie: (await w.open()).cookie });
  assert.equal(deletions(off, name).length, 1, 'it is taken away under any host');
});

test("quoted 'zope' writes the form that Zope writes, and replaces the bare one", async () => {
  const w = node({ quoted: 'zope' });
  const quoted = `${name}="route.n1"`;
  assert.equal(issued(await agent(host(w)).post('/on'), name), quoted);
  assert.deepEqual(await given(w, quoted), []);
  assert.deepEqual(await given(w, `${name}=route.n1`), [quoted]);
  assert.deepEqual(await given(w, `${name}="route.n2"`), [quoted]);
});

test("the Plone page's own configuration, with the quote in its routes, follows the quoted form; one without follows the bare one", () => {
  const member = (route: string) => ({
    ...{ url: `http://${route}`, redirect: undefined, isUsable: true, isStandby: false, isDraining: false, set: 0 },
    route,
  });
  const sticky = {
    ...{ cookie: name, pathParameter: name, separator: '.', semicolonEnds: false, isForced: false },
  };
  const where = (header: string, routes: readonly string[]) => {
    const routing = routeOfHttpd(header, '/', { sticky, members: routes.map(member) });
    return routing.kind === 'member' ? routing.member.route : routing.kind;
  };
  const plone = ['192-168-1-10"', '192-168-1-11"'];
  const bare = ['192-168-1-10', '192-168-1-11'];
  assert.equal(where(`${name}="route.192-168-1-11"`, plone), '192-168-1-11"');
  assert.equal(where(`${name}=route.192-168-1-11`, bare), '192-168-1-11');
  assert.equal(where(`${name}="route.192-168-1-11"`, bare), 'balanced', 'the trap');
  assert.equal(where(`${name}=route.192-168-1-11`, plone), 'balanced');
});

test('a cookie that cannot be set, or would be set for nobody, is refused when the application starts, with the field', () => {
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ cookieName: 'a b' }, /^stickyRoute: /],
    [{ cookieName: '' }, /^stickyRoute: /],
    [{ cookieName: '__Host-ROUTE', path: '/shop' }, /^stickyRoute\.cookieName: /],
    [{ cookieName: '__Host-ROUTE', domain: 'xyz.com' }, /^stickyRoute\.cookieName: /],
    [{ path: '/;x' }, /^stickyRoute: /],
    [{ path: 'shop' }, /^stickyRoute\.path: /],
    [{ domain: 'com' }, /^stickyRoute\.domain: .*public suffix/],
    [{ domain: '192.168.1.10' }, /^stickyRoute\.domain: /],
    [{ maxAgeMs: Number.NaN }, /^stickyRoute\.maxAgeMs: /],
    [{ maxAgeMs: 0 }, /^stickyRoute\.maxAgeMs: /],
    [{ maxAgeMs: 401 * 86_400_000 }, /^stickyRoute\.maxAgeMs: /],
    [{ routeFrom: 'address' }, /^stickyRoute\.routeFrom: /],
    [{ routeFrom: 'host' }, /^stickyRoute\.routeHosts: must name the hosts/],
    [{ routeFrom: 'host', routeHosts: [] }, /^stickyRoute\.routeHosts: /],
    [{ routeFrom: 'host', routeHosts: ['192.168.1.10:8282'] }, /^stickyRoute\.routeHosts: .*without a port/],
    [{ routeFrom: 'host', routeHosts: ['[::1]'] }, /^stickyRoute\.routeHosts: /],
    [{ routeFrom: 'host', routeHosts: ['a.b', 'a-b'] }, /^stickyRoute\.routeHosts: must make a route of its own/],
    [{ routeHosts: ['192.168.1.10'] }, /^stickyRoute\.routeHosts: is for routeFrom/],
    [{ quoted: true }, /^stickyRoute\.quoted: /],
    [{ maxAge: 5 }, /^stickyRoute\.maxAge: is no option/],
  ];
  for (const [options, message] of wrong)
    assert.throws(() => stickyRoute(options as StickyRouteOptions), { code: 'ERR_CONFIG_INVALID', message });
});
