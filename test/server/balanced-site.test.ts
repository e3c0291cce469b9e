/** The server's sites behind a balancer: the sticky cookie at sign-on, and the probe. */

import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { probe } from '../../server/probe-client.ts';
import { stickyRoute } from '../../sso/index.ts';
import { centralSite, demoSite } from './support/site.ts';
import { visitor } from './support/visitor.ts';

const secret = 'd5'.repeat(32);
const host = 'sso.xyz.localhost:8080';

async function originOf(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('whoever signs on at the site gets the sticky cookie, and loses it by signing out', async (t) => {
  const { listener, sso } = await centralSite({ node: { hooks: { onSignOn: [stickyRoute()] } } });
  t.after(() => sso.stop());
  const person = visitor(listener, host);
  const csrf = await person.csrf('/login');
  assert.equal(person.cookies.has('STICKY_ROUTE'), false, 'nobody is bound to a node before');
  await person.post('/login', { username: 'alice', password: 'wonderland', csrf }).expect(303);
  assert.equal(person.cookies.get('STICKY_ROUTE'), 'route.node1');
  await person.post('/logout', { csrf: await person.csrf('/logout') }).expect(303);
  assert.equal(person.cookies.has('STICKY_ROUTE'), false);
});

test('the site answers the probe, and shows everybody else the page of an address where there is nothing', async (t) => {
  const { listener, sso } = await centralSite({ site: { trustProxy: ['loopback'] } });
  t.after(() => sso.stop());
  const origin = await originOf(t, listener);
  const probed = await probe(origin, { secret, headers: [['X-Forwarded-Proto', 'https']] });
  assert.ok(probed.kind === 'answered');
  const { answer, setCookies } = probed;
  assert.deepEqual([answer.node, answer.ready, answer.saw.secure, setCookies], ['node1', true, true, []]);
  const [stranger, nothing] = await Promise.all(
    ['/latchkey-probe', '/nothing-here'].map(async (path) => (await fetch(origin + path)).text()),
  );
  assert.equal(stranger, nothing);
});

test('the demonstration answers it under each of its names', async (t) => {
  const { listener, sso } = await demoSite();
  t.after(() => sso.stop());
  const origin = await originOf(t, listener);
  for (const name of ['app1.xyz.localhost', 'app2.xyz.localhost', '127.0.0.1']) {
    const probed = await probe(origin, { secret, headers: [['Host', name]] });
    assert.ok(probed.kind === 'answered', name);
    assert.equal(probed.answer.node, 'node1');
  }
});
