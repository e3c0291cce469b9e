/** The probe through AJP/1.3: it tells what mod_jk or mod_proxy_ajp said of the request. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import express from 'express';
import { ajpServer, type ProbeAnswer, signProbe, startNode } from '../../sso/index.ts';
import { silentLog } from '../../sso/log.ts';
import { AjpClient } from '../ajp/support/client.ts';

const secret = 'Jx0a7rYyQF1mVt5cKq9PzW3LsNnBdE8uTgHi2oRk';

test('the route by which the balancer chose is told, also where it is that of a node that is gone; so are TLS and the address', async (t) => {
  const sso = await startNode({ secret, route: 'n1', log: silentLog });
  t.after(() => sso.kill());
  const app = express().use('/latchkey-probe', sso.probe());
  const server = await ajpServer(app, { listen: '127.0.0.1:0', secret: 'between-them-only' });
  const client = new AjpClient(server.address.port);
  t.after(async () => {
    client.socket.destroy();
    await server.close(0);
  });
  const pass = signProbe(
    secret,
    { method: 'GET', act: '', node: '', ms: '' },
    { at: Date.now(), nonce: 'n'.repeat(22) },
  );
  const answer = await client.ask({
    ...{ method: 'GET', uri: '/latchkey-probe', secret: 'between-them-only', isSsl: true, route: 'n9' },
    ...{ serverName: 'foo.bar.com', remoteAddress: '203.0.113.7' },
    headers: [
      ['host', 'foo.bar.com'],
      ['latchkey-probe', pass],
      ['x-forwarded-proto', 'http'],
    ],
  });
  assert.equal(answer.status, 200);
  const { saw, node } = JSON.parse(answer.body.toString()) as ProbeAnswer;
  assert.equal(node, 'n1');
  assert.deepEqual(saw.ajp, { jvmRoute: 'n9', isSsl: true });
  assert.deepEqual([saw.protocol, saw.secure, saw.ip, saw.host], ['https', true, '203.0.113.7', 'foo.bar.com']);
});
