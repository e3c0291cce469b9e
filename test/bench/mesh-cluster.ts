/** A cluster of real processes on loopback, one process a node. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Child, startChild } from './child.ts';
import type { NodeAddress } from './node-worker.ts';
import { freePort } from './redis.ts';
import type { Stock } from './stock.ts';

export interface MeshCluster {
  readonly nodes: readonly Child[];
  /** Starts the first node of the configured list that is not running, with its data directory if it has one. */
  join(): Promise<Joined>;
  /** Kills a node, kill -9; it can join again. */
  kill(node: Child): Promise<void>;
  stop(): Promise<void>;
}

export interface Joined {
  readonly node: Child;
  /** When its start began, an instant that all processes share, and how long it took until it accepted, milliseconds. */
  readonly begun: number;
  readonly ms: number;
}

export interface MeshClusterOptions {
  /** Voters that join later. Default none. */
  readonly spare?: number;
  /** So many of them, the first ones, have data directories. Default none. */
  readonly disks?: number;
}

/** After a heal everybody has been compared with, milliseconds. */
const healedMs = 2_500;

/** Starts `size` nodes out of a list with room for `spare` more; resolves when all reach each other. */
export async function meshCluster(size: number, options: MeshClusterOptions = {}): Promise<MeshCluster> {
  const { spare = 0, disks = 0 } = options;
  const ports = await Promise.all(Array.from({ length: size + spare }, () => freePort()));
  const nodes = ports.map((port) => `127.0.0.1:${port}`);
  const folder = disks > 0 ? benchFolder() : undefined;
  const places: (Child | undefined)[] = ports.map(() => undefined);
  const start = async (place: number): Promise<Joined> => {
    const name = `n${place + 1}`;
    const address: NodeAddress = {
      name,
      listen: nodes[place]!,
      nodes,
      dataDir: folder !== undefined && place < disks ? join(folder, name) : undefined,
    };
    const node = startChild(`${name} of ${size}`, 'node-worker');
    places[place] = node;
    return { node, ...(await node.call<Pick<Joined, 'begun' | 'ms'>>('start', address)) };
  };
  const cluster: MeshCluster = {
    get nodes() {
      return places.filter((node) => node !== undefined);
    },
    join: () => start(places.indexOf(undefined)),
    async kill(node) {
      node.signal('SIGKILL');
      await node.stop();
      places[places.indexOf(node)] = undefined;
    },
    async stop() {
      await Promise.all(cluster.nodes.map((node) => node.stop()));
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await Promise.all(nodes.slice(0, size).map((_, place) => start(place)));
    for (const node of cluster.nodes)
      while ((await node.call<number>('reaches')) < size - 1) await new Promise((resolve) => setTimeout(resolve, 50));
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** Gives all nodes the same stock, and has it on their disks. Meanwhile they hear nothing of each other, or they would compare what is half there. */
export async function stockUp(nodes: readonly Child[], from: number, count: number): Promise<void> {
  if (count === 0) return;
  const stock: Stock = { from, count, now: Date.now() };
  const cut = (isCut: boolean) => Promise.all(nodes.map((node) => node.call('cut', isCut)));
  await cut(true);
  await Promise.all(nodes.map((node) => node.call('take', stock)));
  await cut(false);
  await Promise.all(nodes.map((node) => node.call('written')));
  await new Promise((resolve) => setTimeout(resolve, healedMs));
  for (const node of nodes) await node.call('accepts');
}

/** A folder for data directories, on the disk that is to be measured: `LATCHKEY_BENCH_DISK`, or where temporary files are. */
export function benchFolder(): string {
  return mkdtempSync(join(process.env['LATCHKEY_BENCH_DISK'] ?? tmpdir(), 'latchkey-bench-'));
}
