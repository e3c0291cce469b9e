/** The other forms of what is printed for httpd and mod_jk, asked: weights, not sticky, a single node, nodes that are not ready, links that would steer. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { apache } from '../../server/balancer/apache.ts';
import type { BalancedNode, Installation } from '../../server/balancer/installation.ts';
import { modJk } from '../../server/balancer/mod-jk.ts';
import { ajpServer } from '../../sso/ajp/index.ts';
import { noHttpd, startHttpd } from '../e2e/support/httpd.ts';
import { freePorts } from '../e2e/support/proxied.ts';
import { arrived, ask, installationOf, nodeAt, startPlain, telling } from './support/nodes.ts';

const ajpSecret = 'only between balancer and nodes';
const routes = ['node1', 'node2'] as const;

interface Running {
  readonly port: number;
  /** Nodes that say they are not ready. */
  readonly resting: Set<string>;
  /** Methods of the requests that a node took and never answered. */
  readonly deaths: string[];
  /** Who answered each of these. */
  whoAnswers(count: number, cookie?: string, path?: string): Promise<readonly string[]>;
}

/** Two nodes by HTTP and AJP, behind what `kind` prints for them; `change` is the test's own. */
async function running(
  kind: 'apache' | 'mod_jk',
  change: (nodes: readonly BalancedNode[]) => Partial<Installation>,
  use: (running: Running) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-forms-'));
  const [port, ...ports] = (await freePorts(5)) as [number, ...number[]];
  const resting = new Set<string>();
  const deaths: string[] = [];
  const nodes = routes.map((route, index) => nodeAt(route, ports[index]!, ports[index + 2]!));
  const stops = await Promise.all(
    nodes.map(async ({ route, port: web, ajp }) => {
      const isReady = () => !resting.has(route);
      const handler = telling(route, isReady, (method) => void deaths.push(method));
      const plain = await startPlain(web, handler);
      const byAjp = await ajpServer(handler, { listen: `127.0.0.1:${ajp!.port}`, secret: ajpSecret, isReady });
      return async () => {
        await plain.stop();
        await byAjp.close(0);
      };
    }),
  );
  const installation = installationOf(port, nodes, {
    ...{ directory, ajpSecret, sticky: { cookie: 'STICKY_ROUTE', pathParameter: undefined } },
    ...change(nodes),
  });
  const files = kind === 'mod_jk' ? modJk(installation) : apache(installation);
  const httpd = await startHttpd({ files, directory, modJk: kind === 'mod_jk' });
  try {
    await use({
      ...{ port, resting, deaths },
      async whoAnswers(count, cookie, path = '/') {
        const who: string[] = [];
        for (let asked = 0; asked < count; asked++)
          who.push((await arrived(port, path, cookie === undefined ? [] : ['Cookie', cookie])).node);
        return who;
      },
    });
  } finally {
    await httpd.stop();
    for (const stop of stops) await stop();
    rmSync(directory, { recursive: true });
  }
}

const count = (who: readonly string[], node: string) => who.filter((one) => one === node).length;

for (const kind of ['apache', 'mod_jk'] as const) {
  const skip = noHttpd(kind === 'mod_jk');

  test(`${kind}: not sticky, requests take turns whatever the cookie says`, { skip }, () =>
    running(
      kind,
      () => ({ sticky: undefined }),
      async ({ whoAnswers }) => {
        assert.equal(count(await whoAnswers(12, 'STICKY_ROUTE=x.node2'), 'node2'), 6);
      },
    ),
  );

  test(`${kind}: a node of three times the weight gets three times the new visitors`, { skip }, () =>
    running(
      kind,
      ([one, other]) => ({ nodes: [one!, { ...other!, weight: 3 }] }),
      async ({ whoAnswers }) => {
        assert.equal(count(await whoAnswers(24), 'node2'), 18);
      },
    ),
  );

  test(`${kind}: a single node gets everything, with any cookie`, { skip }, () =>
    running(
      kind,
      ([one]) => ({ nodes: [one!] }),
      async ({ whoAnswers }) => {
        assert.equal(count(await whoAnswers(4, 'STICKY_ROUTE=x.node2'), 'node1'), 4);
      },
    ),
  );

  test(`${kind}: a link cannot steer a visitor to another node`, { skip }, () =>
    running(
      kind,
      () => ({}),
      async ({ whoAnswers }) => {
        for (const path of [
          '/?STICKY_ROUTE=x.node1',
          '/a;STICKY_ROUTE=x.node1',
          '/a;jsessionid=x.node1',
          '/?%3Cnone%3E=x.node1',
        ])
          assert.equal(count(await whoAnswers(4, 'STICKY_ROUTE=x.node2', path), 'node2'), 4, path);
      },
    ),
  );

  test(`${kind}: paths arrive as they were written`, { skip }, () =>
    running(
      kind,
      () => ({}),
      async ({ port }) => {
        for (const path of ['/a%2Fb', '/a//b', '/%C3%A4?q=%2F&x=a+b', '/a;x=y/b', '/a%20b', '/%7Ea', '/?a=b?c=d'])
          assert.equal((await arrived(port, path)).url, path);
        for (const path of ['/a/../../etc', '/%2e%2e/%2e%2e/etc'])
          assert.equal((await ask(port, path)).status, 400, path);
      },
    ),
  );

  test(`${kind}: a form that a node took and did not answer is not posted again`, { skip }, () =>
    running(
      kind,
      () => ({}),
      async ({ port, deaths, whoAnswers }) => {
        const { status } = await ask(port, '/dies', [], 'amount=100');
        assert.ok(status >= 500, `${status}`);
        assert.deepEqual(deaths, ['POST']);
        assert.equal((await whoAnswers(4)).length, 4, 'and pages are answered as ever');
      },
    ),
  );

  test(
    `${kind}: V118, a node that is not ready is left by its visitors, within seconds and without a failure, until it is ready again`,
    { skip },
    () =>
      running(
        kind,
        () => ({}),
        async ({ resting, whoAnswers }) => {
          const asks = async () => (await whoAnswers(1, 'STICKY_ROUTE=x.node2'))[0];
          const until = async (node: string) => {
            const started = performance.now();
            while ((await asks()) !== node) {
              assert.ok(performance.now() - started < 20_000, `never led to ${node}`);
              await new Promise((resolve) => setTimeout(resolve, 50));
            }
            return performance.now() - started;
          };
          assert.equal(await asks(), 'node2');
          resting.add('node2');
          assert.ok((await until('node1')) < 6_000);
          assert.equal(count(await whoAnswers(10), 'node1'), 10, 'neither does anybody else come');
          resting.clear();
          await until('node2');
        },
      ),
  );
}
