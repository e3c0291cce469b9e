/** The doctor finds nothing in what `latchkey balancer` prints. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type BalancerKind, type BalancerWords, type Known, printBalancer } from '../../../../server/balancer/print.ts';
import { readConfiguration } from '../../../../server/doctor/reading/read.ts';

const known: Known = {
  nodes: ['node1', 'left.node2', '192-168-1-3'].map((route, index) => ({
    route,
    host: `192.168.1.${index + 1}`,
    port: 3000,
    ajp: { port: 8009 },
    weight: index + 1,
    isGuess: false,
  })),
  hosts: ['app.xyz.com', '*.apps.xyz.com'],
  secure: true,
  sticky: { cookie: 'STICKY_ROUTE', pathParameter: undefined },
};

const words: BalancerWords = {
  isSticky: true,
  tls: undefined,
  isAjp: false,
  ajpSecret: 'a secret of sixteen',
  directory: '/etc/latchkey',
};

const forms: Readonly<Record<string, readonly [Partial<Known>, Partial<BalancerWords>]>> = {
  'with TLS': [{}, {}],
  'with TLS before it': [{}, { tls: 'elsewhere' }],
  'without TLS': [{ secure: false }, { tls: 'none' }],
  'without stickiness': [{}, { isSticky: false }],
  'with JSESSIONID': [{}, { sticky: 'JSESSIONID|jsessionid' }],
  'with WebSockets at one path': [{}, { websockets: '/live' }],
  'with one node': [{ nodes: known.nodes.slice(0, 1) }, {}],
  'for any host': [{ hosts: [] }, {}],
};

const kinds: readonly (readonly [BalancerKind, string, Partial<BalancerWords>])[] = [
  ['apache', 'httpd', {}],
  ['apache', 'httpd', { isAjp: true }],
  ['mod_jk', 'mod_jk', {}],
  ['haproxy', 'haproxy', {}],
  ['nginx', 'nginx', {}],
];

for (const [kind, read, more] of kinds)
  for (const [form, [from, given]] of Object.entries(forms)) {
    // mod_proxy_ajp cannot say that TLS ended before httpd: it is not printed.
    if (more.isAjp && given.tls === 'elsewhere') continue;
    test(`nothing is wrong in what is printed: ${kind}${more.isAjp ? ' with AJP' : ''}, ${form}`, () => {
      const directory = mkdtempSync(join(tmpdir(), 'latchkey-printed-'));
      try {
        const files = printBalancer(kind, { ...known, ...from }, { ...words, directory, ...given, ...more });
        for (const { name, text } of files) writeFileSync(join(directory, name), text);
        const main = files.find(({ name }) => /\.(?:conf|cfg)$/.test(name)) ?? files[0]!;
        const asked = {
          cookie: 'STICKY_ROUTE=route.left.node2',
          routes: (from.nodes ?? known.nodes).map(({ route }) => route),
        };
        const reading = readConfiguration(join(directory, main.name), asked);
        assert.equal(reading.kind, read);
        assert.deepEqual(
          reading.findings.filter(({ ok }) => ok === false),
          [],
        );
        if (reading.journey !== undefined && form === 'with TLS') assert.match(reading.journey.to, /left\.node2/);
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    });
  }
