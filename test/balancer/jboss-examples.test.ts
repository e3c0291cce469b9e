/** The guide's files for mod_jk, as they lie in config/balancers/jboss: loaded by the real httpd and mod_jk, and asked. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ajpServer } from '../../sso/ajp/index.ts';
import { configTest, type HttpdFiles, moduleDirectory, noHttpd, startHttpd } from '../e2e/support/httpd.ts';
import { freePorts } from '../e2e/support/proxied.ts';
import { arrived, ask, telling } from './support/nodes.ts';

const skip = noHttpd(true);
const secret = 'only between balancer and nodes';

const read = (name: string) => readFileSync(join(import.meta.dirname, '../../config/balancers/jboss', name), 'utf8');

/** As the guide says where each file goes; `workers` takes the place of workers.properties. */
function filesOf(workers: string, target: 'loadbalancer' | 'node1'): HttpdFiles {
  return {
    files: [
      { name: 'conf/workers.properties', text: read(workers) },
      {
        name: 'conf/uriworkermap.properties',
        text: read('uriworkermap.properties').replaceAll('=loadbalancer', `=${target}`),
      },
      {
        name: 'conf/mod-jk.conf',
        text: read('mod-jk.conf')
          .replace('modules/mod_jk.so', `${moduleDirectory}/mod_jk.so`)
          .replace('/application/* loadbalancer', `/application/* ${target}`),
      },
    ],
    main: 'conf/mod-jk.conf',
  };
}

interface Running {
  readonly port: number;
  send(path: string, cookie?: string): Promise<string>;
}

async function running(files: HttpdFiles, use: (running: Running) => Promise<void>): Promise<void> {
  const [port, ...ports] = (await freePorts(3)) as [number, number, number];
  const nodes = await Promise.all(
    ports.map((at, index) => ajpServer(telling(`node${index + 1}`), { listen: `127.0.0.1:${at}`, secret })),
  );
  const led = files.files.map(({ name, text }) => ({
    name,
    text: text
      .replaceAll(/node\d\.mydomain\.com/g, '127.0.0.1')
      .replace(/(worker\.node1\.port)=8009/, `$1=${ports[0]}`)
      .replace(/(worker\.node2\.port)=8009/, `$1=${ports[1]}`)
      .replaceAll('CHANGE-THIS', secret),
  }));
  const httpd = await startHttpd({ ...files, files: led, before: `Listen 127.0.0.1:${port}` });
  try {
    await use({
      port,
      send: async (path, cookie) => (await arrived(port, path, cookie === undefined ? [] : ['Cookie', cookie])).node,
    });
  } finally {
    await httpd.stop();
    for (const node of nodes) await node.close(0);
  }
}

for (const [workers, target] of [
  ['workers.properties', 'loadbalancer'],
  ['workers-not-sticky.properties', 'loadbalancer'],
  ['workers-single-node.properties', 'node1'],
] as const)
  test(`httpd and mod_jk take mod-jk.conf with ${workers} as they are`, { skip }, () => {
    assert.equal(configTest(filesOf(workers, target)), '');
  });

test(
  'V110: sticky by JSESSIONID on what is mounted, by directive or by file; nothing else is led to a node',
  { skip },
  () =>
    running(filesOf('workers.properties', 'loadbalancer'), async ({ port, send }) => {
      for (const path of ['/application/x', '/web-console', '/jmx-console/x']) {
        for (let sent = 0; sent < 10; sent++) await send(path, 'JSESSIONID=bias.node2');
        for (let sent = 0; sent < 6; sent++) assert.equal(await send(path, 'JSESSIONID=abc.node2'), 'node2', path);
        assert.equal(await send(path, 'JSESSIONID=abc.unknown'), 'node1', 'the load is biased');
      }
      assert.equal((await ask(port, '/elsewhere')).status, 404);
      const status = await ask(port, '/jkstatus/');
      assert.equal(status.status, 200);
      assert.match(status.text, /node1[\s\S]*node2/);
    }),
);

test('not sticky: requests take turns, whatever the cookie says', { skip }, () =>
  running(filesOf('workers-not-sticky.properties', 'loadbalancer'), async ({ send }) => {
    const went = { node1: 0, node2: 0 };
    for (let sent = 0; sent < 10; sent++) went[(await send('/application/x', 'JSESSIONID=abc.node2')) as 'node1']++;
    assert.deepEqual(went, { node1: 5, node2: 5 });
  }),
);

test('a single node needs no balancer, and knows no routes', { skip }, () =>
  running(filesOf('workers-single-node.properties', 'node1'), async ({ send }) => {
    for (const cookie of [undefined, 'JSESSIONID=abc.node2'])
      assert.equal(await send('/application/x', cookie), 'node1');
  }),
);
