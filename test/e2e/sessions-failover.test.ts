/**
 * Three processes, and each of them dies in turn under load: nobody loses a session or what is in the cart, and whose balancer is
 * sticky never sees an older state than was answered. Half of the visitors are signed on; carts are kept in every granularity.
 */

import { after, before, test } from 'node:test';
import { type SessionNode, ShopVisitor, startSessionCluster } from './support/session-cluster.ts';
import { shops } from './support/session-node.ts';
import { pause, survives } from './support/session-survival.ts';

let nodes: readonly SessionNode[] = [];
before(async () => {
  nodes = await startSessionCluster();
});
after(() => Promise.all(nodes.map((node) => node.kill())));

const visitorsOf = (way: 'cart' | 'list', isSticky: boolean, names: readonly string[] = shops) =>
  [...names, ...names].map(
    (shop, i) =>
      new ShopVisitor(nodes, {
        name: `${isSticky ? 'sticky' : 'roaming'}-${way}-${i}`,
        shop,
        way,
        isSticky,
        signsOn: i % 2 === 0,
      }),
  );

test('V85, V93, D1: kill -9 of each node in turn: no session is lost, every cart is whole; with sticky routing no read is stale', async () => {
  const visitors = [
    ...visitorsOf('cart', true),
    ...visitorsOf('list', true),
    ...visitorsOf('cart', false, ['FIELD', 'FIELD', 'FIELD']),
  ];
  await survives({ nodes, visitors, end: (node) => node.kill() });
});

test('V88: nodes that are stopped one after the other lose nothing either', async () => {
  const visitors = [...visitorsOf('list', true), ...visitorsOf('cart', false, ['FIELD'])];
  await survives({ nodes, visitors, end: stops });
});

async function stops(node: SessionNode): Promise<void> {
  node.isUp = false;
  await pause(300);
  await node.stop();
}
