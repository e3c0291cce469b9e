/**
 * What Traefik and Envoy send by their documentation, written out as it goes over the wire, since they are
 * not run here; and what config/deploy/latchkey.lua sends in HAProxy, which is. Shapes: Traefik's
 * `forwardAuth` (table of X-Forwarded- headers), the script's headers (those of the client by list, with
 * those that the configuration sets), Envoy's `ext_authz` over HTTP (own method, Host and path below the
 * prefix, Content-Length 0).
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type AskedNode, askedNode } from './support/ask.ts';

let node: AskedNode;
let cookie: string;
before(async () => {
  node = await askedNode();
  cookie = await node.signOn({ name: 'alice', roles: ['customer'] });
});
after(() => node.stop());

const wire = (lines: readonly string[]) => `${lines.join('\r\n')}\r\n\r\n`;

const shapes: Readonly<Record<string, (target: string, more?: readonly string[], method?: string) => string>> = {
  traefik: (target, more = [], method = 'GET') =>
    wire([
      'GET /forward-auth/traefik HTTP/1.1',
      'Host: 127.0.0.1:8899',
      'User-Agent: Mozilla/5.0',
      ...more,
      'X-Forwarded-For: 192.0.2.1, 127.0.0.1',
      'X-Forwarded-Host: app.xyz.com',
      `X-Forwarded-Method: ${method}`,
      'X-Forwarded-Port: 443',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Server: proxy1',
      `X-Forwarded-Uri: ${target}`,
      'X-Real-Ip: 192.0.2.1',
      'Accept-Encoding: gzip',
    ]),
  haproxy: (target, more = [], method = 'GET') =>
    wire([
      'GET /forward-auth/haproxy HTTP/1.1',
      'host: latchkey',
      ...more.map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase())),
      `x-forwarded-method: ${method}`,
      'x-forwarded-proto: https',
      'x-forwarded-host: app.xyz.com',
      `x-forwarded-uri: ${target}`,
      'x-forwarded-for: 192.0.2.1',
    ]),
  envoy: (target, more = [], method = 'GET') =>
    wire([
      `${method} /forward-auth/envoy${target} HTTP/1.1`,
      'host: app.xyz.com',
      'content-length: 0',
      ...more.map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase())),
      'x-forwarded-proto: https',
      'x-forwarded-for: 192.0.2.1',
      'x-envoy-internal: true',
      'x-envoy-expected-rq-timeout-ms: 5000',
    ]),
};

for (const [kind, shape] of Object.entries(shapes)) {
  test(`${kind}: passes who is signed on, sends a browser to the form by 303, tells a program 401, a missing role 403`, async () => {
    const known = await node.raw(shape('/reports?x=y', [`Cookie: ${cookie}`]));
    assert.deepEqual([known.status, known.headers['remote-user']], [200, 'alice']);
    assert.equal((await node.raw(shape('/x', [`Cookie: ${cookie}`], 'POST'))).status, 200);
    const nobody = await node.raw(shape('/reports?x=y', ['Accept: text/html', 'Sec-Fetch-Mode: navigate']));
    const back = encodeURIComponent('https://app.xyz.com/reports?x=y');
    assert.deepEqual([nobody.status, nobody.headers['location']], [303, `https://sso.xyz.com/login?return_to=${back}`]);
    assert.equal((await node.raw(shape('/reports'))).status, 401);
    assert.equal((await node.raw(shape('/admin/x', [`Cookie: ${cookie}`]))).status, 403);
    const open = await node.raw(shape('/public/x'));
    assert.deepEqual([open.status, open.headers['remote-user']], [200, '']);
  });

  test(`${kind}: checks 51, 52, 55: path tricks, and headers that the client added to the question's own, open nothing`, async () => {
    for (const target of [
      '/public/../x',
      '/public;/x',
      '//public/x',
      '/public/%2e%2e/x',
      '/public%2fx',
      '/%ff',
      '/%00',
      '*',
      'x',
    ])
      assert.equal((await node.raw(shape(target))).status, 403, target);
    const claims = ['X-Original-URL: https://app.xyz.com/public/x', 'X-Original-Method: GET', 'Remote-User: root'];
    assert.equal((await node.raw(shape('/x', claims))).status, 401);
    assert.equal((await node.raw(shape('/inside', ['X-Real-IP: 10.0.0.1']))).status, 401);
    assert.equal((await node.raw(shape('/x', ['X-Forwarded-Uri: /public/x']))).status === 200, false);
  });
}

test('envoy: check 55: two Host headers, a whole address and * in the request line are refused', async () => {
  const lines = ['x-forwarded-proto: https', 'x-forwarded-for: 192.0.2.1'];
  for (const first of [
    'OPTIONS *',
    'GET https://app.xyz.com/forward-auth/envoy/public/x',
    'GET /forward-auth/envoyhttps://app.xyz.com/public/x',
  ])
    assert.notEqual((await node.raw(wire([`${first} HTTP/1.1`, 'Host: app.xyz.com', ...lines]))).status, 200, first);
  const doubled = await node.raw(
    wire(['GET /forward-auth/envoy/public/x HTTP/1.1', 'Host: app.xyz.com', 'Host: x.org', ...lines]),
  );
  assert.notEqual(doubled.status, 200);
});
