/** What is printed for HAProxy, nginx and Caddy is taken by the programs themselves, in every form that an installation can have. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { caddy } from '../../../server/balancer/caddy.ts';
import { haproxy } from '../../../server/balancer/haproxy.ts';
import type { BalancedNode, Installation, Printer } from '../../../server/balancer/installation.ts';
import { nginx } from '../../../server/balancer/nginx.ts';
import { type BalancerName, noBalancer } from '../../e2e/support/balanced-programs.ts';
import { freePorts } from '../../e2e/support/proxied.ts';

const node = (route: string, more: Partial<BalancedNode> = {}): BalancedNode => ({
  ...{ route, host: '10.0.0.1', port: 8080, ajp: undefined, weight: 1, isGuess: false },
  ...more,
});

const forms: Readonly<Record<string, Partial<Installation>>> = {
  'three nodes, TLS, one name': {},
  'one node': { nodes: [node('node1')] },
  'not sticky': { sticky: undefined },
  'not sticky, one node': { sticky: undefined, nodes: [node('node1')] },
  'by session and path parameter': { sticky: { cookie: '__Host-latchkey-shop', pathParameter: 'jsessionid' } },
  'a cookie with dots and dashes': { sticky: { cookie: '__Secure-x.y-z', pathParameter: 'x-y_z' } },
  'routes with domains, one the end of another': {
    nodes: [node('b'), node('a.b'), node('a.c-d_e'), node('x.a.b')],
  },
  weights: { nodes: [node('node1', { weight: 4 }), node('node2', { weight: 2 }), node('node3', { weight: 6 })] },
  'IPv6 and guesses': { nodes: [node('node1', { host: '::1', isGuess: true }), node('node2', { host: 'localhost' })] },
  'any host': { hosts: [] },
  'several hosts': { hosts: ['app1.xyz.com', 'App2.xyz.com', '*.apps.xyz.com'] },
  'WebSockets at paths': { webSockets: ['/ws', '/live/', '/'] },
  'TLS elsewhere': { tls: undefined, secure: true },
  'plain HTTP': { tls: undefined, secure: false },
  'the usual ports': { listen: { address: '127.0.0.1', port: 443 } },
  'the usual ports, any host': { listen: { address: '127.0.0.1', port: 443 }, hosts: [] },
};

const printers: Readonly<Record<'haproxy' | 'nginx' | 'caddy', Printer>> = { haproxy, nginx, caddy };

for (const [name, print] of Object.entries(printers) as [BalancerName & keyof typeof printers, Printer][]) {
  describe(`${name}: a printed configuration`, { skip: noBalancer(name) }, () => {
    let directory = '';
    let port = 0;
    before(async () => {
      directory = mkdtempSync(join(tmpdir(), 'latchkey-printed-'));
      [port] = (await freePorts(2)) as [number];
      const made = spawnSync('openssl', [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
        ...['-subj', '/CN=xyz.com', '-keyout', join(directory, 'cert.pem.key'), '-out', join(directory, 'cert.pem')],
      ]);
      assert.equal(made.status, 0, String(made.stderr));
    });
    after(() => rmSync(directory, { recursive: true, force: true }));

    for (const [form, changes] of Object.entries(forms)) {
      test(`is taken: ${form}`, () => {
        const installation: Installation = {
          nodes: [node('node1'), node('node2', { port: 8081 }), node('node3', { port: 8082 })],
          hosts: ['app.xyz.com'],
          listen: { address: '127.0.0.1', port },
          tls: { certificate: join(directory, 'cert.pem'), key: join(directory, 'cert.pem.key') },
          sticky: { cookie: 'STICKY_ROUTE', pathParameter: undefined },
          ready: '/readyz',
          webSockets: [],
          secure: true,
          protocol: 'http',
          ajpSecret: undefined,
          directory,
          ...changes,
        };
        const [file] = print(installation);
        // Tests may not listen on the usual ports, and nginx tries.
        const text =
          name === 'nginx' ? file!.text.replace(/listen (\S+:)(?:443|80)\b/g, `listen $1${port}`) : file!.text;
        writeFileSync(join(directory, file!.name), text);
        const { status, output } = taken(name, directory, file!.name, port);
        assert.equal(status, 0, `${output}\n${text}`);
        assert.doesNotMatch(output, /warning/i, output);
      });
    }

    test('says what is a guess, and redirects to TLS where the ports are the usual ones', () => {
      const base = {
        hosts: ['app.xyz.com'],
        ready: '/readyz',
        webSockets: [],
        secure: true,
        protocol: 'http',
      } as const;
      const [file] = print({
        ...base,
        nodes: [node('node1', { isGuess: true })],
        listen: { address: undefined, port: 443 },
        tls: { certificate: '/etc/ssl/cert.pem', key: '/etc/ssl/cert.pem.key' },
        sticky: undefined,
        ajpSecret: undefined,
        directory,
      });
      const { text } = file!;
      assert.match(text, /# CHANGE THIS: the route and place of node1/);
      assert.match(text, /30[18]/);
      assert.match(text, /:?80\b/);
    });
  });
}

/** What the program says of it without running it. */
function taken(name: BalancerName, directory: string, file: string, port: number) {
  const path = join(directory, file);
  const env = { ...process.env, HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory };
  const main = join(directory, 'nginx.conf');
  if (name === 'nginx')
    writeFileSync(
      main,
      `pid ${join(directory, `${port}.pid`)};\nevents {}\nhttp { access_log off; include ${path}; }\n`,
    );
  const [program, ...args] = {
    haproxy: ['/usr/sbin/haproxy', '-c', '-f', path],
    nginx: ['/usr/sbin/nginx', '-t', '-q', '-c', main, '-e', 'stderr'],
    caddy: ['/usr/bin/caddy', 'adapt', '--validate', '--config', path, '--adapter', 'caddyfile'],
  }[name as keyof typeof printers] as [string, ...string[]];
  const { status, stdout, stderr } = spawnSync(program, args, { env, encoding: 'utf8' });
  // Caddy prints the configuration on standard output, and on standard error what it does.
  const said = name === 'caddy' ? stderr.replace(/^\{"level":"(?:info|warn)".*$/gm, '') : stdout + stderr;
  return { status, output: said };
}
