/** Every form of what is printed for httpd is loaded by the real one: with mod_proxy_balancer and with mod_jk. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { apache } from '../../../server/balancer/apache.ts';
import type { BalancedNode, Installation } from '../../../server/balancer/installation.ts';
import { modJk } from '../../../server/balancer/mod-jk.ts';
import { configTest, noHttpd } from '../../e2e/support/httpd.ts';

const directory = mkdtempSync(join(tmpdir(), 'latchkey-loads-'));
after(() => rmSync(directory, { recursive: true }));
const [certificate, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];

const node = (route: string, host: string, changes: Partial<BalancedNode> = {}): BalancedNode => ({
  ...{ route, host, port: 8080, ajp: { port: 8009 }, weight: 1, isGuess: false },
  ...changes,
});

const whole: Installation = {
  nodes: [
    node('east.node1', '127.0.0.1'),
    node('east.node2', 'localhost', { weight: 100 }),
    node('n3', '::1', { isGuess: true }),
  ],
  hosts: ['app.xyz.com', '*.shop.xyz.com', '*.xyz.com'],
  listen: { address: undefined, port: 443 },
  tls: { certificate, key },
  sticky: { cookie: '__Host-latchkey-shop', pathParameter: 'jsessionid' },
  ready: '/readyz',
  webSockets: ['/live', '/chat/'],
  secure: true,
  protocol: 'http',
  ajpSecret: 'only between balancer and nodes',
  directory,
};

const forms: readonly (readonly [name: string, changes: Partial<Installation>])[] = [
  ['everything at once', {}],
  ['any host, WebSockets everywhere', { hosts: [], webSockets: [] }],
  ['by a wildcard alone', { hosts: ['*.xyz.com'] }],
  ['not sticky', { sticky: undefined }],
  ['by a cookie alone', { sticky: { cookie: 'STICKY_ROUTE', pathParameter: undefined } }],
  ['a single node', { nodes: [node('node1', '127.0.0.1', { ajp: undefined })] }],
  ['a single node, not sticky', { nodes: [node('node1', '127.0.0.1')], sticky: undefined }],
  [
    'plain HTTP on an address of its own',
    { tls: undefined, secure: false, listen: { address: '127.0.0.1', port: 8080 } },
  ],
  ['plain HTTP on IPv6', { tls: undefined, secure: false, listen: { address: '::1', port: 8080 } }],
  ['TLS elsewhere', { tls: undefined, listen: { address: undefined, port: 80 } }],
  ['without the secret', { ajpSecret: undefined }],
];

const skip = noHttpd(true);
if (!skip) {
  const made = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=app.xyz.com', '-keyout', key, '-out', certificate],
  ]);
  if (made.status !== 0) throw new Error(`openssl made no certificate: ${made.error ?? made.stderr}`);
}

for (const [name, changes] of forms)
  test(`httpd loads what is printed: ${name}`, { skip }, () => {
    const installation = { ...whole, ...changes };
    assert.equal(configTest({ files: apache(installation) }), '', 'mod_proxy_balancer');
    assert.equal(configTest({ files: apache({ ...installation, protocol: 'ajp' }) }), '', 'mod_proxy_ajp');
    assert.equal(configTest({ files: modJk(installation), directory, modJk: true }), '', 'mod_jk');
  });
