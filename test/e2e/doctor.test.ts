/**
 * `latchkey doctor` at real balancers: three nodes, and in front of them what `latchkey balancer` prints, as it is
 * (nothing is found) and with one thing changed (it is found by its name).
 */

import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { apache } from '../../server/balancer/apache.ts';
import { caddy } from '../../server/balancer/caddy.ts';
import { haproxy } from '../../server/balancer/haproxy.ts';
import type { PrintedFile, Printer } from '../../server/balancer/installation.ts';
import { modJk } from '../../server/balancer/mod-jk.ts';
import { nginx } from '../../server/balancer/nginx.ts';
import type { Finding } from '../../server/doctor/finding.ts';
import { probe } from '../../server/probe-client.ts';
import { runHere } from '../server/support/program.ts';
import { type Balanced, host, startBalanced } from './support/balanced.ts';
import { type BalancerName, noBalancer, startBalancer } from './support/balanced-programs.ts';
import { freePorts } from './support/proxied.ts';

const printers: Readonly<Record<BalancerName, Printer>> = { apache, mod_jk: modJk, haproxy, nginx, caddy };
const names = Object.keys(printers) as readonly BalancerName[];
/** What `--config` reads of them; of Caddy's it knows nothing. */
const readable: Readonly<Partial<Record<BalancerName, string>>> = {
  ...{ apache: 'latchkey.conf', mod_jk: 'mod-jk.conf', haproxy: 'haproxy.cfg', nginx: 'latchkey.conf' },
};

interface Fault {
  readonly balancer: BalancerName;
  /** What an operator got wrong in the printed text. */
  readonly change: (text: string) => string;
  readonly finds: readonly string[];
  readonly says: RegExp;
}

const faults: Readonly<Record<string, Fault>> = {
  "the Plone page's quotation marks in route=": {
    balancer: 'apache',
    change: (text) => text.replaceAll(/route=(node\d)/g, 'route=$1"'),
    finds: ['stickiness', 'quoting'],
    says: /take it out of route=/,
  },
  'the cookie in small letters': {
    balancer: 'apache',
    change: (text) => text.replaceAll('stickysession=STICKY_ROUTE', 'stickysession=sticky_route'),
    finds: ['stickiness', 'cookie-name'],
    says: /sticky_route; the nodes set STICKY_ROUTE/,
  },
  'no failover for visitors of a node that is gone': {
    balancer: 'mod_jk',
    change: (text) => text.replace('sticky_session_force=0', 'sticky_session_force=1'),
    finds: ['unknown-route'],
    says: /leave out .*sticky_session_force/,
  },
  'a link steers': {
    balancer: 'apache',
    change: (text) => text.replaceAll('|<none>', ''),
    finds: ['url-steering'],
    says: /\?STICKY_ROUTE=…/,
  },
  'neither host nor scheme are passed on': {
    balancer: 'apache',
    change: (text) =>
      text
        .replace('ProxyPreserveHost On', '')
        .replace(/RequestHeader set X-Forwarded-Proto.*/, 'RequestHeader unset X-Forwarded-Proto'),
    finds: ['host', 'secure'],
    says: /ProxyPreserveHost On/,
  },
  "a client's headers are passed on": {
    balancer: 'apache',
    change: (text) => text.replaceAll(/RequestHeader unset X-Forwarded-.*/g, ''),
    finds: ['host-spoofing'],
    says: /latchkey-doctor\.invalid/,
  },
  "the guide's name of the cookie": {
    balancer: 'mod_jk',
    change: (text) => text.replace(/session_cookie=.*/, 'session_cookie=JSESSIONID'),
    finds: ['stickiness', 'cookie-name'],
    says: /JSESSIONID; the nodes set STICKY_ROUTE/,
  },
  'a worker is missing in balance_workers': {
    balancer: 'mod_jk',
    change: (text) => text.replace(/(balance_workers=node1,node2),node3/, '$1'),
    finds: ['every-node', 'routes'],
    says: /node3 is up and/,
  },
  'balanced, and not sticky': {
    balancer: 'haproxy',
    change: (text) => text.replaceAll(/^ +use-server .*/gm, ''),
    finds: ['stickiness'],
    says: /no cookie of the nodes leads to its node/,
  },
  'hash $cookie_': {
    balancer: 'nginx',
    change: (text) =>
      text
        .replace('upstream latchkey_any {', 'upstream latchkey_any {\n    hash $cookie_STICKY_ROUTE;')
        .replaceAll(/" latchkey_node\d;/g, '" latchkey_any;'),
    finds: ['stickiness', 'affinity-by-hash'],
    says: /not hash \$cookie_/,
  },
  'no Upgrade header, and the port is lost': {
    balancer: 'nginx',
    change: (text) => text.replace(/proxy_set_header Upgrade .*/, '').replace('$host$latchkey_port', '$host'),
    finds: ['host', 'websocket'],
    says: /proxy_http_version 1\.1/,
  },
};

describe('latchkey doctor at real balancers', { concurrency: false }, () => {
  let world: Balanced;
  before(async () => {
    world = await startBalanced({ ajp: true });
    writeFileSync(join(world.directory, 'secret'), world.secret, { mode: 0o600 });
  });
  after(() => world?.stop());

  /** The balancer on a port of its own, as long as `use` takes. */
  async function behind<T>(
    name: BalancerName,
    change: Fault['change'],
    use: (port: number, directory: string) => Promise<T>,
  ): Promise<T> {
    // Found just before it is used: other tests look for theirs in the meantime.
    const [port] = (await freePorts(1)) as [number];
    const directory = mkdtempSync(join(world.directory, 'doctor-'));
    const printed = printers[name](world.installation({ listen: { address: '127.0.0.1', port }, directory }));
    const files = printed.map((file): PrintedFile => ({ ...file, text: change(file.text) }));
    if (change !== String) assert.notDeepEqual(files, printed, 'the change changed nothing');
    const running = await startBalancer(name, files, { directory, port });
    try {
      return await use(port, directory);
    } finally {
      await running.stop();
    }
  }

  async function examined(port: number, ...more: readonly string[]) {
    const args = [
      '--secret-file',
      join(world.directory, 'secret'),
      '--ca',
      world.certificate,
      '--resolve',
      '127.0.0.1',
    ];
    const ran = await runHere(['doctor', `https://${host}:${port}`, ...args, '--json', ...more]);
    assert.equal(ran.stderr, '');
    const findings = (JSON.parse(ran.stdout) as { findings: readonly Finding[] }).findings;
    return { code: ran.code, findings, wrong: findings.filter(({ ok }) => ok === false), text: ran.stdout };
  }

  for (const name of names) {
    test(`finds nothing wrong with what is printed for ${name}`, { skip: noBalancer(name) }, () =>
      behind(name, String, async (port, directory) => {
        const file = readable[name];
        const { code, findings, wrong } = await examined(
          port,
          ...(file === undefined ? [] : ['--config', join(directory, file)]),
        );
        assert.deepEqual(wrong, []);
        assert.equal(code, 0);
        for (const check of ['stickiness', 'routes', 'websocket', 'secure', 'every-node'])
          assert.equal(findings.find((one) => one.check === check)?.ok, true, check);
      }),
    );
  }

  for (const [name, { balancer, change, finds, says }] of Object.entries(faults)) {
    test(`finds by its name: ${name} (${balancer})`, { skip: noBalancer(balancer) }, () =>
      behind(balancer, change, async (port) => {
        const { code, wrong, text } = await examined(port);
        assert.deepEqual(wrong.map(({ check }) => check).sort(), [...finds].sort(), text);
        assert.match(wrong.map((one) => `${one.says} ${one.remedy}`).join('\n'), says);
        assert.equal(code, 1);
      }),
    );
  }

  test(
    'finds that a balancer without health checks sends new visitors to a node that rests',
    { skip: noBalancer('nginx') },
    () =>
      behind('nginx', String, async (port) => {
        const rest = (ms: number) =>
          probe(`http://127.0.0.1:${world.node('node2').web}`, { secret: world.secret, rest: { node: 'node2', ms } });
        assert.equal((await rest(60_000)).kind, 'answered');
        try {
          const { wrong } = await examined(port);
          assert.deepEqual(
            wrong.map(({ check }) => check),
            ['ready-nodes'],
          );
          assert.match(wrong[0]!.says, /node2 \(resting\)/);
        } finally {
          await rest(0);
        }
      }),
  );

  test(
    'disturbs nobody with --disturb: a node rests, new visitors go elsewhere, nothing fails, and it is back',
    { skip: noBalancer('haproxy') },
    () =>
      behind('haproxy', String, async (port) => {
        const { code, findings } = await examined(port, '--disturb', '--rest', '6');
        const failover = findings.find(({ check }) => check === 'failover');
        assert.equal(failover?.ok, true, failover?.says);
        assert.match(failover!.says, /none of \d+ requests failed/);
        assert.equal(code, 0);
        assert.deepEqual(await Promise.all(world.nodes.map((node) => node.ready())), [200, 200, 200]);
      }),
  );

  test(
    'finds with --disturb that visitors of a node that rests get errors: nofailover',
    { skip: noBalancer('apache') },
    () =>
      behind(
        'apache',
        (text) => text.replaceAll('stickysession=', 'nofailover=On stickysession='),
        async (port) => {
          const { code, wrong } = await examined(port, '--disturb', '--rest', '6');
          assert.deepEqual(
            wrong.map(({ check }) => check),
            ['failover'],
          );
          assert.match(wrong[0]!.says, /while node\d rested, \d+ requests? failed: 503/);
          assert.equal(code, 1);
        },
      ),
  );

  test('without the secret judges what any visitor sees, and says what it could not see', {
    skip: noBalancer('haproxy'),
  }, async () => {
    const visited = (port: number) =>
      runHere(['doctor', `https://${host}:${port}/visit`, '--ca', world.certificate, '--resolve', '127.0.0.1']);
    await behind('haproxy', String, async (port) => {
      const { code, stdout } = await visited(port);
      assert.equal(code, 0, stdout);
      assert.match(stdout, /^✓ stickiness +visitors stay by STICKY_ROUTE at node1, node2 and node3/m);
      assert.match(stdout, /^\? secret +without the cluster’s secret/m);
    });
    await behind('haproxy', faults['balanced, and not sticky']!.change, async (port) => {
      const { code, stdout } = await visited(port);
      assert.equal(code, 1, stdout);
      assert.match(stdout, /^✗ stickiness +visitors with a __Host-latchkey-shop of node1, node2 and node3 came to/m);
    });
  });

  test('with another secret it says so, and ends with 2', { skip: noBalancer('haproxy') }, () =>
    behind('haproxy', String, async (port) => {
      const env = { LATCHKEY_SECRET: 'c6'.repeat(32) };
      const ran = await runHere(
        ['doctor', `https://${host}:${port}`, '--ca', world.certificate, '--resolve', '127.0.0.1'],
        env,
      );
      assert.equal(ran.code, 2);
      assert.match(ran.stdout, /could not be asked: no node knows this secret at \/latchkey-probe \(answered 404\)/);
    }),
  );
});
