/** What visitors live through: each node in turn is ended and started again, and in the end every cart is looked at on every node. */

import assert from 'node:assert/strict';
import type { SessionNode, ShopVisitor } from './session-cluster.ts';

export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export interface Survival {
  readonly nodes: readonly SessionNode[];
  /** They are at work all the time. */
  readonly visitors: readonly ShopVisitor[];
  /** They fill a cart before the first node ends, and come back after the last. */
  readonly idle?: readonly ShopVisitor[];
  readonly end: (node: SessionNode) => Promise<void>;
}

export async function survives({ nodes, visitors, idle = [], end }: Survival): Promise<void> {
  await Promise.all(idle.map((visitor) => visitor.begin()));
  let isOver = false;
  const work = visitors.map((visitor) => visitor.work(() => isOver));
  try {
    for (const node of nodes) {
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
  for (const visitor of [...visitors, ...idle]) {
    for (const node of nodes) {
      const seen = await visitor.look(node);
      const missing = [...visitor.items].filter((item) => !seen?.items.includes(item));
      if (missing.length > 0)
        visitor.failures.push(`${visitor.options.name}: ${missing} not in the cart at ${node.route}`);
    }
    visitor.close();
  }
  const failures = [...visitors, ...idle].flatMap((visitor) => visitor.failures);
  assert.deepEqual(failures.slice(0, 20), [], `${failures.length} failures`);
  for (const { answers, items, options } of visitors)
    assert.ok(answers > 60 && items.size > 20, `${options.name}: ${answers} answers, ${items.size} items`);
  for (const { items, options } of idle) assert.equal(items.size, 1, options.name);
}
