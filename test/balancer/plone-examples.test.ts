/** The Plone page's examples, as they lie in config/balancers/plone: loaded by the real httpd, and asked. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { configTest, noHttpd, startHttpd } from '../e2e/support/httpd.ts';
import { freePorts } from '../e2e/support/proxied.ts';
import { type Arrived, arrived, ask, type PlainNode, startPlain, telling } from './support/nodes.ts';

const skip = noHttpd();
const examples = ['not-sticky.conf', 'sticky-quoted.conf', 'sticky.conf', 'any-application.conf'] as const;
const [first, second] = ['192-168-1-10', '192-168-1-11'] as const;

const read = (name: string) => readFileSync(join(import.meta.dirname, '../../config/balancers/plone', name), 'utf8');

interface Running {
  readonly port: number;
  readonly nodes: readonly [PlainNode, PlainNode];
  /** One request for foo.bar.com. */
  send(path?: string, cookie?: string): Promise<Arrived>;
}

/** The example with its addresses led to two nodes here, which have the page's names. */
async function running(name: (typeof examples)[number], use: (running: Running) => Promise<void>): Promise<void> {
  const [port, one, other] = (await freePorts(3)) as [number, number, number];
  const nodes = [await startPlain(one, telling(first)), await startPlain(other, telling(second))] as const;
  const text = read(name)
    .replaceAll('192.168.1.10:8282', `127.0.0.1:${one}`)
    .replaceAll('192.168.1.11:8282', `127.0.0.1:${other}`)
    .replace('<VirtualHost *:80>', `Listen 127.0.0.1:${port}\n<VirtualHost *:${port}>`);
  const httpd = await startHttpd({ files: [{ name, text }] });
  try {
    await use({
      ...{ port, nodes },
      send: (path = '/', cookie) =>
        arrived(port, path, ['Host', 'foo.bar.com', ...(cookie === undefined ? [] : ['Cookie', cookie])]),
    });
  } finally {
    await httpd.stop();
    for (const node of nodes) await node.stop();
  }
}

/** Where eight of these go, when as many have gone to `against` before. */
async function places({ send }: Running, cookie: string, bias: string): Promise<readonly string[]> {
  for (let sent = 0; sent < 10; sent++) await send('/', bias);
  const nodes = new Set<string>();
  for (let sent = 0; sent < 8; sent++) nodes.add((await send('/', cookie)).node);
  return [...nodes];
}

for (const name of examples)
  test(`httpd takes ${name} as it is`, { skip }, () => {
    assert.equal(configTest({ files: [{ name, text: read(name) }] }), '');
  });

test("not sticky: requests take turns, and arrive under the portal's and the administrator's paths", { skip }, () =>
  running('not-sticky.conf', async ({ send }) => {
    const [a, b] = [await send('/news'), await send('/news')];
    assert.notEqual(a.node, b.node);
    assert.equal(a.url, '/VirtualHostBase/http/foo.bar.com:80/myportal/VirtualHostRoot/news');
    assert.equal(
      (await send('/admin/manage')).url,
      '/VirtualHostBase/http/foo.bar.com:80/VirtualHostRoot/_vh_admin/manage',
    );
  }),
);

test("the page's own lb:// leads nowhere, and the same with balancer:// does", { skip }, async () => {
  const [port, one] = (await freePorts(2)) as [number, number];
  const node = await startPlain(one, telling(first));
  const text = `Listen 127.0.0.1:${port}
<Proxy balancer://lb>
    BalancerMember http://127.0.0.1:${one}
</Proxy>
ProxyPass /page lb://foobar/
ProxyPass / balancer://lb/
`;
  const httpd = await startHttpd({ files: [{ name: 'page.conf', text }] });
  try {
    assert.equal((await ask(port, '/page/x')).status, 500);
    assert.match(httpd.log('error.log'), /No protocol handler was valid for the URL \/page\/x/);
    assert.equal((await ask(port, '/x')).status, 200);
  } finally {
    await httpd.stop();
    await node.stop();
  }
});

test(
  'V120, quoted: with the quote in route= the quoted cookie is sticky, and one without quotes is not',
  { skip },
  () =>
    running('sticky-quoted.conf', async (here) => {
      const quoted = (node: string) => `STICKY_ROUTE="route.${node}"`;
      assert.deepEqual(await places(here, quoted(second), quoted(second)), [second]);
      assert.deepEqual(await places(here, quoted(first), quoted(first)), [first]);
      assert.deepEqual(await places(here, `STICKY_ROUTE=route.${second}`, quoted(second)), [first], 'without quotes');
    }),
);

test('V110, unquoted: the cookie that stickyRoute() sets is sticky, and a quoted one is not', { skip }, () =>
  running('sticky.conf', async (here) => {
    const plain = (node: string) => `STICKY_ROUTE=route.${node}`;
    assert.deepEqual(await places(here, plain(second), plain(second)), [second]);
    assert.deepEqual(await places(here, plain(first), plain(first)), [first]);
    assert.deepEqual(await places(here, `STICKY_ROUTE="route.${second}"`, plain(second)), [first], 'in quotes');
  }),
);

test(
  "BALANCER_ROUTE_CHANGED: httpd's own cookie comes once, keeps the node, and comes anew when the node is gone",
  { skip },
  () =>
    running('any-application.conf', async ({ port, nodes }) => {
      const send = async (cookie?: string) => {
        const { text, headers } = await ask(port, '/', [
          ...['Host', 'foo.bar.com'],
          ...(cookie === undefined ? [] : ['Cookie', cookie]),
        ]);
        return {
          node: (JSON.parse(text) as Arrived).node,
          set: headers['set-cookie']?.map((line) => line.split(';')[0]),
        };
      };
      const start = await send();
      assert.deepEqual(start.set, [`ROUTEID=.${start.node}`]);
      for (let sent = 0; sent < 6; sent++)
        assert.deepEqual(await send(start.set![0]), { node: start.node, set: undefined });
      await nodes[start.node === first ? 0 : 1].stop();
      const other = start.node === first ? second : first;
      assert.deepEqual(await send(start.set![0]), { node: other, set: [`ROUTEID=.${other}`] });
    }),
);
