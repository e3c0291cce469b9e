/**
 * Three processes, and each of them dies in turn under load: nobody loses a session or what is in the cart, and whose balancer is
 * sticky never sees an older state than was answered. Half of the visitors are signed on; carts are kept in every granularity.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type SessionNode, ShopVisitor, startSessionCluster } from './support/session-cluster.ts';
import { shops } from './support/session-node.ts';

let nodes: readonly SessionNode[] = [];
before(async () => {
  nodes = await startSessionCluster();
});
after(() => Promise.all(nodes.map((node) => node.kill())));

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Lets visitors work while each node in turn is ended and started again, and looks at every cart on every node in the end. */
async function survives(visitors: readonly ShopVisitor[], end: (node: SessionNode) => Promise<void>): Promise<void> {
  let isOver = false;
  const work = visitors.map((visitor) => visitor.work(() => isOver));
  try {
    for (const node of nodes) {
      await pause(700);
      await end(node);
      await pause(700);
      await node.start();
    }
    await pause(500);
  } finally {
    isOver = true;
    await Promise.all(work);
  }
  await pause(2_500);
  for (const visitor of visitors) {
    for (const node of nodes) {
      const seen = await visitor.look(node);
      const missing = [...visitor.items].filter((item) => !seen?.items.includes(item));
      if (missing.length > 0)
        visitor.failures.push(`${visitor.options.name}: ${missing} not in the cart at ${node.route}`);
    }
    visitor.close();
  }
  const failures = visitors.flatMap((visitor) => visitor.failures);
  assert.deepEqual(failures.slice(0, 20), [], `${failures.length} failures`);
  for (const { answers, items, options } of visitors)
    assert.ok(answers > 60 && items.size > 20, `${options.name}: ${answers} answers, ${items.size} items`);
}

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
  await survives(visitors, (node) => node.kill());
});

test('V88: nodes that are stopped one after the other lose nothing either', async () => {
  await survives([...visitorsOf('list', true), ...visitorsOf('cart', false, ['FIELD'])], async (node) => {
    node.isUp = false;
    await pause(300);
    await node.stop();
  });
});
