/**
 * Five processes that keep the data of a session on two of them, and each dies in turn under load, with nothing on disk: nobody loses
 * a session or what is in the cart, whichever node is asked; whose balancer is sticky never sees an older state than was answered;
 * and who was away all the time finds the cart as it was.
 */

import { after, before, test } from 'node:test';
import { type SessionNode, ShopVisitor, startSessionCluster, type VisitorOptions } from './support/session-cluster.ts';
import { shops } from './support/session-node.ts';
import { pause, survives } from './support/session-survival.ts';

let nodes: readonly SessionNode[] = [];
before(async () => {
  nodes = await startSessionCluster({ size: 5, buddies: 1 });
});
after(() => Promise.all(nodes.map((node) => node.kill())));

const visitorsOf = (what: string, names: readonly string[], how: Pick<VisitorOptions, 'way' | 'isSticky'>) =>
  names.map(
    (shop, i) =>
      new ShopVisitor(nodes, { name: `${what}-${how.way}-${i}`, shop, signsOn: i % 2 === 0, comesAgain: true, ...how }),
  );

/** Sticky ones in each granularity, and roaming ones where two nodes may change a cart at the same time. */
const atWork = (what: string) => [
  ...visitorsOf(`${what}-sticky`, shops, { way: 'cart', isSticky: true }),
  ...visitorsOf(`${what}-sticky`, shops, { way: 'list', isSticky: true }),
  ...visitorsOf(`${what}-roaming`, ['FIELD', 'FIELD', 'FIELD', 'FIELD'], { way: 'cart', isSticky: false }),
];

const away = (what: string) =>
  visitorsOf(`${what}-idle`, [...shops, ...shops, ...shops, ...shops, ...shops], { way: 'list', isSticky: false });

test('V85, V93, D1: kill -9 of each of five nodes in turn: no session is lost, used or not; with sticky routing no read is stale', async () => {
  await survives({ nodes, visitors: atWork('killed'), idle: away('killed'), end: (node) => node.kill() });
});

test('V88: nodes that are stopped one after the other lose nothing either', async () => {
  await survives({
    nodes,
    visitors: atWork('stopped'),
    idle: away('stopped'),
    end: async (node) => {
      node.isUp = false;
      await pause(300);
      await node.stop();
    },
  });
});
