/** A whole cluster over NATS: three nodes that know each other through a server alone, and applications on them. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect } from '@nats-io/transport-node';
import express from 'express';
import request from 'supertest';
import { natsChannel } from '../../sso/channel/nats.ts';
import { type Receipt, type SsoNode, startNode } from '../../sso/index.ts';
import { silentLog } from '../../sso/log.ts';
import { goodSecret } from './mesh-network.ts';
import { NatsTestServer, natsPassword, natsUser, noNats } from './nats-server.ts';
import { awake, eventually } from './recording.ts';

const server = new NatsTestServer();
before(() => (noNats === false ? server.start() : undefined));
after(() => server.end());

const routes = ['node1', 'node2', 'node3'];
const password = 'the password of alice';

function start(route: string): Promise<SsoNode> {
  return startNode({
    route,
    secret: goodSecret,
    allowInsecureCookie: true,
    log: silentLog,
    cluster: {
      nodes: routes,
      channel: natsChannel({ servers: server.url, user: natsUser, pass: natsPassword }),
    },
  });
}

/** A node with an application on it, for supertest. */
interface Host {
  readonly node: SsoNode;
  readonly app: express.Express;
}

function hostOf(node: SsoNode): Host {
  const app = express();
  app.use(node.valve());
  app.get('/who', (req, res) => void res.json({ user: req.sso.principal?.name ?? null, roles: req.sso.roles }));
  app.get('/admin', node.protect({ roles: ['admin'] }), (_req, res) => void res.json({}));
  app.post(
    '/login',
    node.login((given) =>
      given.username === 'alice' && given.password === password ? { name: 'alice', roles: ['customer'] } : undefined,
    ),
  );
  app.post('/logout', node.logout());
  return { node, app };
}

const who = async ({ app }: Host, cookie: string) =>
  (await request(app).get('/who').set('Cookie', cookie).expect(200)).body as { user: string | null; roles: string[] };

const signOn = async ({ app }: Host) => {
  const answer = await request(app).post('/login').type('form').send({ username: 'alice', password }).expect(200);
  return answer
    .get('Set-Cookie')!
    .map((one) => one.split(';')[0]!)
    .join('; ');
};

test(
  'over NATS: a sign-on at one node is known at the others, roles change and logout ends it everywhere, and nothing travels in clear',
  {
    timeout: 60_000,
    skip: noNats,
  },
  () =>
    awake(async () => {
      const spy = await connect({ servers: server.url, user: natsUser, pass: natsPassword });
      const captured: Uint8Array[] = [];
      spy.subscribe('>', { callback: (_error, { data }) => void captured.push(Uint8Array.from(data)) });
      await spy.flush();
      const hosts = (await Promise.all(routes.map(start))).map(hostOf);
      const [first, second, third] = hosts as [Host, Host, Host];
      try {
        for (const { node } of hosts)
          await eventually(() => node.members().filter(({ reachable }) => reachable).length === 3);
        const cookie = await signOn(first);
        for (const host of hosts) assert.deepEqual(await who(host, cookie), { user: 'alice', roles: ['customer'] });
        await request(third.app).get('/admin').set('Cookie', cookie).expect(403);

        await second.node.setRoles('alice', ['admin']);
        await eventually(() => hosts.every(({ node }) => node.entries('alice')[0]?.principal.roles.includes('admin')));
        await request(third.app).get('/admin').set('Cookie', cookie).expect(200);

        const ended = await request(second.app).post('/logout').set('Cookie', cookie).expect(200);
        const receipt = ended.body as Receipt;
        assert.deepEqual([receipt.state, [...receipt.nodes.confirmed].sort()], ['complete', routes]);
        for (const host of hosts) assert.equal((await who(host, cookie)).user, null);

        const another = await signOn(third);
        await server.stop();
        await server.start();
        for (const { node } of hosts)
          await eventually(() => node.members().filter(({ reachable }) => reachable).length === 3);
        await request(first.app).post('/logout').set('Cookie', another).expect(200);
        for (const host of hosts) await eventually(() => host.node.entries('alice').length === 0);
        for (const host of hosts) assert.equal((await who(host, another)).user, null);

        const everything = Buffer.concat(captured);
        assert.ok(everything.length > 1_000);
        for (const clear of ['alice', 'customer', 'admin', 'voters', cookie.split('=')[1]!, goodSecret, password])
          assert.ok(!everything.includes(clear), clear);
      } finally {
        await Promise.all(hosts.map(({ node }) => node.stop()));
        await spy.close();
      }
    }),
);
