/** The probe from outside: what `latchkey doctor` and `latchkey balancer --from` ask by, against nodes and against what is none. */

import assert from 'node:assert/strict';
import { Agent, createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import express from 'express';
import { type ProbeOptions, probe, probeUpgrade } from '../../server/probe-client.ts';
import { type Log, type NodeOptions, type SsoNode, startNode, stickyRoute } from '../../sso/index.ts';
import { Authority, hasOpenssl } from '../channel/certificates.ts';

const secret = 'Jx0a7rYyQF1mVt5cKq9PzW3LsNnBdE8uTgHi2oRk';
const nothing = () => {};
const silent: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };

interface Readyz {
  readonly why: readonly { readonly reason: string }[];
}

async function served(t: TestContext, listener: RequestListener): Promise<{ origin: string; server: Server }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

interface Node {
  readonly sso: SsoNode;
  readonly origin: string;
  readonly server: Server;
  readonly lines: { readonly fields: Readonly<Record<string, unknown>> }[];
  ask(options?: Partial<ProbeOptions>): ReturnType<typeof probe>;
}

async function node(t: TestContext, options: Partial<NodeOptions> = {}): Promise<Node> {
  const lines: Node['lines'] = [];
  const log: Log = { ...silent, info: (fields) => void lines.push({ fields: fields as Record<string, unknown> }) };
  const sso = await startNode({ secret, route: 'n1', allowInsecureCookie: true, log, ...options });
  t.after(() => sso.kill());
  const app = express();
  app.use('/readyz', sso.readyz());
  app.use('/metrics', sso.metrics());
  app.use('/latchkey-probe', sso.probe());
  app.use(sso.valve(), sso.keepRoute({ cookieName: 'ROUTEID' }), sso.sessions({ app: 'shop' }));
  app.use('/b', sso.sessions({ app: 'b', cookie: { path: '/b' } }));
  const { origin, server } = await served(t, app);
  return { sso, origin, server, lines, ask: (more = {}) => probe(origin, { secret, ...more }) };
}

test('a node tells how it stands and which cookies a balancer may look at', async (t) => {
  const hooks = { onSignOn: [stickyRoute({ quoted: 'zope' }), stickyRoute()] };
  const { ask } = await node(t, { hooks });
  const probed = await ask();
  assert.ok(probed.kind === 'answered');
  const { answer } = probed;
  assert.deepEqual([answer.node, answer.state, answer.ready, answer.why], ['n1', 'up', true, []]);
  assert.deepEqual(answer.members, [{ node: 'n1', state: 'up', reachable: true }]);
  assert.deepEqual(answer.cookies, {
    sso: { name: 'latchkey', secure: false },
    sessions: [
      { app: 'shop', name: 'latchkey-shop', path: '/', secure: false },
      { app: 'b', name: 'latchkey-b', path: '/b', secure: false },
    ],
    sticky: [
      { name: 'STICKY_ROUTE', path: '/', quoted: true, routeFrom: 'node' },
      { name: 'STICKY_ROUTE', path: '/', quoted: false, routeFrom: 'node' },
      { name: 'ROUTEID', path: '/', quoted: false, routeFrom: 'node' },
    ],
  });
  assert.ok(Math.abs(probed.clockOffsetMs) < 5_000);
  assert.equal(probed.isCopy, false);
});

test('headers go out raw, in their order, doubled ones too; the address keeps its query and path parameters', async (t) => {
  const { ask } = await node(t);
  const headers = [
    ['Host', 'foo.bar.com'],
    ['Cookie', 'A=x.n2'],
    ['X-Forwarded-For', '1.2.3.4'],
    ['cookie', 'A="y.n1"'],
  ] as const;
  const path = '/latchkey-probe/x;jsessionid=a.n1?STICKY_ROUTE=x.n2';
  const probed = await ask({ headers, path });
  assert.ok(probed.kind === 'answered');
  assert.equal(probed.answer.saw.url, path);
  assert.deepEqual(probed.answer.saw.headers.slice(0, 4), headers);
});

test('a clock that is hours off is noticed, and asked again by its own time', async (t) => {
  const { ask } = await node(t);
  for (const off of [-3, 7]) {
    const probed = await ask({ now: () => Date.now() - off * 3_600_000 });
    assert.ok(probed.kind === 'answered');
    assert.ok(Math.abs(probed.clockOffsetMs - off * 3_600_000) < 5_000);
  }
});

test('a rest makes the node unready until it is ended, while it serves as ever; who rested it for how long is told', async (t) => {
  const { sso, ask, origin, lines } = await node(t);
  const readyz = async () => {
    const answer = await fetch(`${origin}/readyz`);
    return {
      status: answer.status,
      retryAfter: answer.headers.get('Retry-After'),
      body: (await answer.json()) as Readyz,
    };
  };
  const rested = await ask({ rest: { node: 'n1', ms: 60_000 } });
  assert.ok(rested.kind === 'answered');
  assert.deepEqual([rested.answer.ready, rested.answer.state], [false, 'up']);
  assert.deepEqual(
    rested.answer.why.map(({ reason }) => reason),
    ['resting'],
  );
  const during = await readyz();
  assert.deepEqual([during.status, during.retryAfter, during.body.why[0]?.reason], [503, '60', 'resting']);
  assert.match(await (await fetch(`${origin}/metrics`)).text(), /latchkey_not_ready\{reason="resting"\} 1/);
  const page = await fetch(`${origin}/anything`);
  assert.deepEqual([page.status, page.headers.get('Set-Cookie')], [404, null], 'it serves, and binds nobody to itself');
  assert.deepEqual(
    lines
      .filter(({ fields }) => fields['act'] === 'rest')
      .map(({ fields: { node: at, forMs, by } }) => [at, forMs, by]),
    [['n1', 60_000, 'probe']],
  );
  assert.throws(() => sso.rest(-1), { code: 'ERR_CONFIG_INVALID', message: /^rest: / });
  assert.equal((await readyz()).status, 503);
  await ask({ rest: { node: 'n1', ms: 0 } });
  assert.equal((await readyz()).status, 200);
  assert.match((await fetch(`${origin}/anything`)).headers.get('Set-Cookie') ?? '', /^ROUTEID=route\.n1;/);
});

test('a rest that comes to another node is not taken there', async (t) => {
  const { ask, origin } = await node(t);
  const probed = await ask({ rest: { node: 'n2', ms: 5_000 } });
  assert.ok(probed.kind === 'refused');
  assert.deepEqual([probed.refusal.error, probed.refusal.node], ['other-node', 'n1']);
  assert.equal((await fetch(`${origin}/readyz`)).status, 200);
});

test('another secret, another path, a redirect and a page that only looks like an answer are told as what they are', async (t) => {
  const { ask } = await node(t);
  const stranger = await ask({ secret: `${secret}x` });
  assert.ok(stranger.kind === 'other');
  assert.equal(stranger.status, 404);
  assert.equal((await ask({ path: '/' })).kind, 'other');
  const { origin } = await served(t, (req, res) => {
    if (req.url === '/moved') return void res.writeHead(302, { Location: '/elsewhere', 'Set-Cookie': 'a=b' }).end();
    res.end('{"version":1,"nonce":"x","node":"n1"}');
  });
  const moved = await probe(origin, { secret, path: '/moved' });
  assert.ok(moved.kind === 'other');
  assert.deepEqual([moved.status, moved.headers.location, moved.setCookies], [302, '/elsewhere', ['a=b']]);
  assert.equal((await probe(origin, { secret })).kind, 'other');
});

test('an answer whose names nobody could write into a cookie or a file is no answer of a node', async (t) => {
  const { ask, origin } = await node(t);
  const probed = await ask({});
  assert.ok(probed.kind === 'answered', origin);
  const { answer } = probed;
  const { cookies, members, saw } = answer;
  let told: unknown;
  const other = await served(t, (_req, res) => res.end(JSON.stringify(told)));
  const taken = async (changes: object) => {
    told = { ...answer, ...changes };
    return (await probe(other.origin, { secret })).kind;
  };
  assert.equal(await taken({}), 'answered');
  const sticky = { name: 'a;b', path: '/', quoted: false, routeFrom: 'node' };
  for (const changes of [
    { node: 'n1\r\nX: y' },
    { members: [{ ...members[0], node: 'n1"; }' }] },
    { cookies: { ...cookies, sticky: [sticky] } },
    { cookies: { ...cookies, sessions: [{ app: 'shop', name: 'a\nb', path: '/', secure: true }] } },
    { saw: { ...saw, localPort: 1.5 } },
  ])
    assert.equal(await taken(changes), 'other', JSON.stringify(changes));
});

test('an answer that something has kept is known for a copy', async (t) => {
  const { origin } = await node(t);
  let kept: string | undefined;
  const cache = await served(t, async (req, res) => {
    kept ??= await (
      await fetch(origin + req.url, { headers: { 'Latchkey-Probe': String(req.headers['latchkey-probe']) } })
    ).text();
    res.end(kept);
  });
  const copies = [await probe(cache.origin, { secret }), await probe(cache.origin, { secret })];
  assert.deepEqual(
    copies.map((probed) => probed.kind === 'answered' && probed.isCopy),
    [false, true],
  );
});

test('who does not answer is told with the reason', async (t) => {
  const { origin, server } = await served(t, () => {});
  const silence = await probe(origin, { secret, timeoutMs: 30 });
  assert.ok(silence.kind === 'failed');
  assert.equal(silence.code, 'TIMEOUT');
  const cut = await served(t, (req) => req.socket.destroy());
  assert.equal((await probe(cut.origin, { secret })).kind, 'failed');
  const endless = await served(t, (_req, res) => {
    const more = () => res.write('x'.repeat(65_536), (error) => error == null && more());
    more();
  });
  const long = await probe(endless.origin, { secret });
  assert.ok(long.kind === 'failed');
  assert.match(long.why, /longer than 262144 bytes/);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  const refused = await probe(origin, { secret });
  assert.ok(refused.kind === 'failed');
  assert.equal(refused.code, 'ECONNREFUSED');
});

test('another address is dialled under the same name', async (t) => {
  const { origin } = await node(t);
  const { port } = new URL(origin);
  const probed = await probe('http://foo.bar.test:8080', {
    secret,
    connectTo: { host: '127.0.0.1', port: Number(port) },
  });
  assert.ok(probed.kind === 'answered');
  assert.equal(probed.answer.saw.host, 'foo.bar.test:8080');
});

test('a connection of the asker’s own is used again', async (t) => {
  const { ask, server } = await node(t);
  let connections = 0;
  server.on('connection', () => (connections += 1));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  for (let i = 0; i < 3; i++) assert.equal((await ask({ agent })).kind, 'answered');
  assert.equal(connections, 1);
  await ask();
  assert.equal(connections, 2, 'else each has its own');
});

const withOpenssl = { skip: hasOpenssl() ? false : 'the openssl program, which makes the certificate, is not here' };

test(
  'over TLS the certificate must be that of the name that is asked for, by an authority that is believed',
  withOpenssl,
  async (t) => {
    const authority = new Authority();
    t.after(() => authority.remove());
    const { sso } = await node(t);
    const app = express().use('/latchkey-probe', sso.probe());
    const server = createTlsServer(authority.issue({ san: 'DNS:foo.bar.test,IP:192.0.2.1' }), app).listen(
      0,
      '127.0.0.1',
    );
    await new Promise((resolve) => server.once('listening', resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const connectTo = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
    const ask = (origin: string, ca?: string) => probe(origin, { secret, connectTo, ca });
    const probed = await ask('https://foo.bar.test', authority.ca);
    assert.ok(probed.kind === 'answered');
    const { protocol, secure, host } = probed.answer.saw;
    assert.deepEqual([protocol, secure, host], ['https', true, 'foo.bar.test']);
    assert.equal(
      (await ask('https://192.0.2.1', authority.ca)).kind,
      'answered',
      'the address counts, not what is dialled',
    );
    for (const [origin, ca, code] of [
      ['https://other.bar.test', authority.ca, 'ERR_TLS_CERT_ALTNAME_INVALID'],
      ['https://192.0.2.2', authority.ca, 'ERR_TLS_CERT_ALTNAME_INVALID'],
      ['https://foo.bar.test', undefined, 'SELF_SIGNED_CERT_IN_CHAIN'],
    ] as const) {
      const refused = await ask(origin, ca);
      assert.ok(refused.kind === 'failed');
      assert.equal(refused.code, code);
    }
  },
);

test('an upgrade is answered as a WebSocket, with what the probe says', async (t) => {
  const { origin, server, sso } = await node(t);
  server.on('upgrade', (req, socket) => {
    if (!sso.probeUpgrade(req, socket)) socket.end('HTTP/1.1 400 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  });
  const { upgraded, probed } = await probeUpgrade(origin, { secret });
  assert.ok(probed.kind === 'answered');
  assert.deepEqual([upgraded, probed.status, probed.answer.node], [true, 101, 'n1']);
  assert.deepEqual(
    probed.answer.saw.headers.find(([name]) => name === 'Upgrade'),
    ['Upgrade', 'websocket'],
  );
  const late = await probeUpgrade(origin, { secret, now: () => Date.now() - 3_600_000 });
  assert.deepEqual([late.upgraded, late.probed.kind], [true, 'answered']);
  const stranger = await probeUpgrade(origin, { secret: `${secret}x` });
  assert.deepEqual([stranger.upgraded, stranger.probed.kind], [false, 'other']);
});

test('WebSocket clients take what the upgrade is answered with', async (t) => {
  const { WebSocket } = await import('ws');
  const { signProbe } = await import('../../sso/index.ts');
  const { origin, server, sso } = await node(t);
  server.on('upgrade', (req, socket) => void (sso.probeUpgrade(req, socket) || (socket as Socket).destroy()));
  const nonce = 'n'.repeat(22);
  const pass = signProbe(secret, { method: 'GET', act: '', node: '', ms: '' }, { at: Date.now(), nonce });
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/any`, { headers: { 'Latchkey-Probe': pass } });
  const message = new Promise<string>((resolve, reject) => {
    socket.on('message', (data) => resolve(String(data)));
    socket.on('error', reject);
  });
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  assert.equal(JSON.parse(await message).nonce, nonce);
  assert.equal(await closed, 1000);
});

test('where nothing takes upgrades the answer comes without one, and shows that the header arrived', async (t) => {
  const { origin } = await node(t);
  const { upgraded, probed } = await probeUpgrade(origin, { secret });
  assert.ok(probed.kind === 'answered');
  assert.equal(upgraded, false);
  assert.ok(probed.answer.saw.headers.some(([name, value]) => name === 'Upgrade' && value === 'websocket'));
});
