/** What tests of a balancer's upkeep have in common: who comes to which node, and a node that stands still. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Stage } from './balancer-stage.ts';

/** The nodes that visitors without cookies come to. */
export async function strangers(here: Stage, count: number): Promise<Set<string>> {
  const met = new Set<string>();
  for (let asked = 0; asked < count; asked++) met.add((await here.visitor().get('/who', { anonymous: true })).node);
  return met;
}

/** Resolves when a visitor without cookies comes to this node: who has been asked less comes first, however long that takes. */
export async function comes(here: Stage, route: string): Promise<void> {
  for (let asked = 0; asked < 3_000; asked++)
    if ((await here.visitor().get('/who', { anonymous: true })).node === route) return;
  throw new Error(`no visitor comes to ${route}`);
}

/** `withinMs`: from the freezing to an answer of another node. */
export function frozen(staged: () => Stage, { withinMs }: { readonly withinMs: number }): void {
  test('a node that is frozen is found out, and its visitors go on elsewhere', async () => {
    const { world } = staged();
    const { route } = world.nodes[1];
    const visitor = await staged().at(route);
    world.node(route).freeze();
    const started = performance.now();
    try {
      // Who asks first may wait for a failure.
      while ((await soon(visitor.get('/who')))?.user !== 'alice')
        await new Promise((resolve) => setTimeout(resolve, 250));
      const tookMs = performance.now() - started;
      assert.ok(tookMs < withinMs, `it took ${tookMs} ms`);
      assert.notEqual((await visitor.get('/who')).node, route);
    } finally {
      world.node(route).thaw();
    }
    await staged().picks(route);
  });
}

/** `undefined`: there was no answer within three seconds, or not the one. */
function soon<T>(answer: Promise<T>): Promise<T | undefined> {
  const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 3_000).unref());
  return Promise.race([answer.catch(() => undefined), late]);
}
