/**
 * Two central nodes and two Node applications as members of their cluster (V28, V32, V37; checks 12 and 47 of SECURITY.md):
 * processes, this one among them, that know one another by addresses and the README.
 */

import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import express from 'express';
import { type MapRoles, type NodeOptions, type SsoNode, startNode } from '../../sso/index.ts';
import { freePorts } from '../e2e/support/proxied.ts';
import { cookieHeader, everythingOf, navigationOn, type Person, personAt, setCookies } from '../support/person.ts';
import { type Answered, ask, form, header } from '../support/pipeline.ts';
import { type Served, type ServedCluster, serve } from '../support/served.ts';

const host = 'sso.xyz.test';
const origin = `https://${host}`;

interface Member {
  readonly sso: SsoNode;
  readonly port: number;
  /** Messages at warn and error. */
  readonly warnings: readonly string[];
  stop(): Promise<void>;
}

let cluster: ServedCluster;
let nodes: readonly [Served, Served];
/** Its roles are the directory's; it asks for `staff`. */
let desk: Member;
/** It makes its own of them. */
let shop: Member;

const shopRoles: MapRoles = ({ roles }) =>
  roles.includes('staff') ? ['clerk', 'customer'] : roles.includes('customer') ? ['buyer'] : [];

before(async () => {
  cluster = await serve(2, {
    cookieDomain: 'xyz.test',
    site: { origin },
    origins: ['https://desk.xyz.test', 'https://shop.xyz.test'],
  });
  nodes = cluster.nodes as unknown as readonly [Served, Served];
  const [deskMesh, shopMesh] = (await freePorts(2)) as [number, number];
  desk = await member('desk', deskMesh, (sso, app) => {
    app.get('/staff', sso.protect({ login: origin, roles: ['staff'] }), seen);
  });
  shop = await member('shop', shopMesh, (sso, app) => {
    app.get('/clerks', sso.protect({ login: origin, mapRoles: shopRoles, roles: ['clerk'] }), seen);
    app.get('/staff', sso.protect({ login: origin, mapRoles: shopRoles, roles: ['staff'] }), seen);
  });
});
after(async () => {
  await desk?.stop();
  await shop?.stop();
  await cluster?.stop();
});

const seen: express.RequestHandler = (req, res) => {
  res.json({ user: req.sso.principal?.name ?? null, roles: req.sso.roles });
};

async function member(
  name: string,
  mesh: number,
  more: (sso: SsoNode, app: express.Express) => void,
  options: Partial<NodeOptions> = {},
): Promise<Member> {
  const warnings: string[] = [];
  const note = (_fields: object, message: string) => void warnings.push(message);
  const sso = await startNode({
    route: name,
    secret: cluster.secret,
    cookieDomain: 'xyz.test',
    origins: [`https://${name}.xyz.test`, origin],
    cluster: { listen: `127.0.0.1:${mesh}`, nodes: nodes.map((node) => node.mesh), leaseMs: 1_500 },
    log: { debug: () => {}, info: () => {}, warn: note, error: note },
    ...options,
  });
  const app = express().set('trust proxy', 'loopback');
  app.use(sso.valve(), sso.sessions({ app: name }));
  more(sso, app);
  app.get('/public', seen);
  app.use(sso.protect({ login: origin }), seen);
  const server = await new Promise<Server>((resolve) => {
    const made = createServer(app).listen(0, '127.0.0.1', () => resolve(made));
  });
  return {
    sso,
    port: (server.address() as AddressInfo).port,
    warnings,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await sso.stop();
    },
  };
}

async function signedOn(name: string, password: string, at = nodes[0]): Promise<Person> {
  const person = personAt(host, at);
  assert.equal((await person.signOn(name, password)).status, 303);
  return person;
}

type Headers = Readonly<Record<string, string>>;

/** A page of a member, with the cookie of the sign-on alone. */
async function visit(one: Member, target: string, person?: Person, headers: Headers = {}): Promise<Answered> {
  const name = one === desk ? 'desk' : 'shop';
  const token = person?.cookies.get('__Secure-latchkey');
  const [answer] = await ask(one.port, [
    {
      target,
      headers: {
        ...navigationOn(`${name}.xyz.test`),
        ...(token !== undefined && { Cookie: cookieHeader(new Map([['__Secure-latchkey', token]])) }),
        ...headers,
      },
    },
  ]);
  return answer!;
}

const rolesIn = ({ body }: Answered) => (JSON.parse(body) as { roles: readonly string[] }).roles;

test('V28: the sign-on page of any node, visited while signed on, signs nobody on anew: it leads on, and the sign-on stays the one it was', async () => {
  const alice = await signedOn('alice', 'wonderland');
  const token = alice.cookies.get('__Secure-latchkey');
  const since = desk.sso.entries('alice').map(({ id, openedAt }) => [id, openedAt]);
  for (const node of nodes) {
    for (const [target, to] of [
      ['/login', '/'],
      ['/login?return_to=https%3A%2F%2Fshop.xyz.test%2Forders%3Fid%3D7', 'https://shop.xyz.test/orders?id=7'],
      ['/login?return_to=https%3A%2F%2Fevil.test%2F', '/'],
      ['/login?return_to=%2Faccount&error=credentials', '/account'],
    ] as const) {
      const answer = await alice.get(target, {}, node);
      assert.deepEqual([answer.status, header(answer, 'location')], [303, to], `${node.name} ${target}`);
      assert.ok(!setCookies(answer).some((line) => line.startsWith('__Secure-latchkey=')), 'no new cookie');
    }
    assert.ok(await alice.isKnown(node));
  }
  assert.equal(alice.cookies.get('__Secure-latchkey'), token);
  assert.deepEqual(
    desk.sso.entries('alice').map(({ id, openedAt }) => [id, openedAt]),
    since,
  );
  await desk.sso.endSubject('alice');
});

test('V28: an old form of another tab that is posted while signed on ends nothing and opens nothing', async () => {
  const alice = personAt(host, nodes[0]);
  const csrf = await alice.token('/login');
  assert.equal((await alice.signOn()).status, 303);
  const before = desk.sso.entries('alice').map(({ id }) => id);
  const answer = await alice.post('/login', form({ username: 'alice', password: 'wonderland', csrf }), {}, nodes[1]);
  assert.equal(answer.status, 303);
  assert.deepEqual(
    desk.sso.entries('alice').map(({ id }) => id),
    before,
  );
  assert.ok(await alice.isKnown(nodes[1]));
  await desk.sso.endSubject('alice');
});

test('V37: an application that maps roles sees its own, another and the central page see the directory’s, of one and the same sign-on', async () => {
  const bob = await signedOn('bob', 'builder', nodes[1]);
  const alice = await signedOn('alice', 'wonderland');
  assert.deepEqual(rolesIn(await visit(desk, '/staff', bob)), ['customer', 'staff']);
  assert.deepEqual(rolesIn(await visit(shop, '/clerks', bob)), ['clerk', 'customer']);
  assert.equal((await visit(shop, '/staff', bob)).status, 403, 'what the directory calls staff is no role here');
  assert.equal((await visit(shop, '/clerks', alice)).status, 403);
  assert.equal((await visit(desk, '/staff', alice)).status, 403);
  assert.equal((await visit(shop, '/orders', alice)).status, 200, 'and nobody is signed off by a missing role');
  await Promise.all(['alice', 'bob'].map((name) => desk.sso.endSubject(name)));
});

test('V37, V38: a role that is taken away anywhere is missing in what the other application makes of it at the next request', async () => {
  const bob = await signedOn('bob', 'builder');
  assert.equal((await visit(shop, '/clerks', bob)).status, 200);
  await desk.sso.setRoles('bob', ['customer']);
  assert.equal((await visit(shop, '/clerks', bob)).status, 403);
  assert.equal((await visit(desk, '/staff', bob)).status, 403);
  await desk.sso.setRoles('bob', ['customer', 'staff']);
  assert.deepEqual(rolesIn(await visit(shop, '/clerks', bob)), ['clerk', 'customer']);
  await desk.sso.endSubject('bob');
});

test('V32: realms of a member that check users in ways of their own are warned about, unless a mapping says what roles mean there', async () => {
  const [mesh] = (await freePorts(1)) as [number];
  const check = async () => undefined;
  const own = async (name: string, mapRoles?: MapRoles) => {
    const one = await member(name, mesh, (sso, app) => {
      app.get('/a', sso.protect({ basic: { realm: 'a', authenticate: check } }), seen);
      app.get(
        '/b',
        sso.protect({ basic: { realm: 'b', authenticate: async () => undefined }, ...(mapRoles && { mapRoles }) }),
        seen,
      );
    });
    await one.stop();
    return one.warnings.filter((line) => /realm/i.test(line));
  };
  assert.equal((await own('realms1')).length, 1);
  assert.deepEqual(await own('realms2', shopRoles), []);
});

test('check 12: over plain http no page of a central node or a member sets a cookie with a secret, and https is asked for a year', async () => {
  for (const target of ['/', '/login', '/account', '/logout', '/login?return_to=%2F']) {
    const plain = { 'X-Forwarded-Proto': 'http' };
    for (const headers of [
      plain,
      { ...plain, Forwarded: 'proto=https' },
      { ...plain, 'X-Forwarded-Ssl': 'on', 'Front-End-Https': 'on' },
    ]) {
      const answer = await personAt(host, nodes[0]).get(target, headers);
      assert.ok(
        !setCookies(answer).some((line) => /latchkey(=|-pre=|-known=)/.test(line.split(';')[0]!)),
        `${target}: ${setCookies(answer)}`,
      );
    }
  }
  const csrf = await personAt(host, nodes[0]).token('/login');
  const posted = await personAt(host, nodes[0]).post(
    '/login',
    form({ username: 'alice', password: 'wonderland', csrf }),
    { 'X-Forwarded-Proto': 'http' },
  );
  assert.ok(
    posted.status >= 400 && !setCookies(posted).some((line) => line.startsWith('__Secure-latchkey=')),
    `${posted.status}`,
  );
  for (const target of ['/', '/login']) {
    const strict = header(await personAt(host, nodes[1]).get(target), 'strict-transport-security') ?? '';
    assert.ok(Number(/max-age=(\d+)/.exec(strict)?.[1]) >= 31_536_000, strict);
  }
  const visited = await visit(shop, '/orders', undefined, { 'X-Forwarded-Proto': 'http' });
  assert.deepEqual(setCookies(visited), []);
});

test('check 47: a member sends nobody to a host that a forged Host names: not as the page of the sign-on, not as the way back', async () => {
  const forged: readonly Headers[] = [
    { Host: 'evil.test' },
    { Host: 'shop.xyz.test.evil.test' },
    { Host: 'shop.xyz.test@evil.test' },
    { Host: 'shop.xyz.test:8443' },
    { 'X-Forwarded-Host': 'evil.test' },
    { 'X-Forwarded-Host': 'evil.test, shop.xyz.test' },
    { 'X-Host': 'evil.test', 'X-Forwarded-Server': 'evil.test', Forwarded: 'host=evil.test' },
    { 'X-Original-URL': 'https://evil.test/', 'X-Rewrite-URL': '//evil.test' },
  ];
  const alice = await signedOn('alice', 'wonderland');
  for (const headers of forged) {
    for (const target of ['/orders?x=y', '//evil.test/x', '/\\evil.test']) {
      const answer = await visit(shop, target, undefined, headers);
      const location = header(answer, 'location');
      if (location === undefined) continue;
      const to = new URL(location, 'https://shop.xyz.test');
      assert.equal(to.origin, origin, JSON.stringify(headers));
      const back = to.searchParams.get('return_to');
      if (back !== null) assert.equal(new URL(back).origin, 'https://shop.xyz.test', JSON.stringify(headers));
    }
    const known = await visit(shop, '/orders', alice, headers);
    assert.ok(!everythingOf(known).includes('evil.test'), JSON.stringify(headers));
    for (const line of setCookies(known)) assert.doesNotMatch(line, /domain=(?!xyz\.test)/i);
  }
  await desk.sso.endSubject('alice');
});
