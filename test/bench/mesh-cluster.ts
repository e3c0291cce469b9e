/** A cluster of real processes on loopback, one process a node. */

import { type Child, startChild } from './child.ts';
import type { NodeAddress } from './node-worker.ts';
import { freePort } from './redis.ts';

export interface MeshCluster {
  readonly nodes: readonly Child[];
  /** Starts one more node of the configured list. */
  join(): Promise<{ readonly node: Child; readonly ms: number }>;
  stop(): Promise<void>;
}

/** Starts `size` nodes out of a list with room for `spare` more; resolves when all reach each other. */
export async function meshCluster(size: number, spare = 0): Promise<MeshCluster> {
  const ports = await Promise.all(Array.from({ length: size + spare }, () => freePort()));
  const nodes = ports.slice(0, size).map((port) => `127.0.0.1:${port}`);
  const children: Child[] = [];
  const address = (index: number): NodeAddress => ({
    name: `n${index + 1}`,
    listen: `127.0.0.1:${ports[index]}`,
    nodes,
  });
  const start = (index: number) => {
    const child = startChild(`n${index + 1} of ${size}`, 'node-worker');
    children.push(child);
    return child;
  };
  const cluster: MeshCluster = {
    nodes: children,
    async join() {
      const index = children.length;
      const node = start(index);
      return { node, ms: await node.call<number>('start', address(index)) };
    },
    async stop() {
      await Promise.all(children.map((child) => child.stop()));
    },
  };
  try {
    await Promise.all(nodes.map((_, index) => start(index).call('start', address(index))));
    for (const child of children)
      while ((await child.call<number>('reaches')) < size - 1) await new Promise((resolve) => setTimeout(resolve, 50));
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}
