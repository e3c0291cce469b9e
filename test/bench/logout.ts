/** c. Until a logout is known on every node, and until its receipt is complete: mesh on loopback, one process a node, with more and more sign-ons held. Beside a round trip of bare TCP, and a bare append with a flush. */

import { rmSync } from 'node:fs';
import type { Bench } from './bench.ts';
import { startChild } from './child.ts';
import { benchFolder, type MeshCluster, meshCluster, stockUp } from './mesh-cluster.ts';
import { figure, markdownTable, percentile } from './table.ts';

const clusters = [
  { name: '3 nodes', size: 3, disk: false, held: [0, 10_000, 100_000] },
  { name: '3 nodes, dataDir', size: 3, disk: true, held: [0, 10_000, 100_000] },
  { name: '5 nodes', size: 5, disk: false, held: [0, 100_000] },
];
const logoutsPerRound = 100;
const warmUps = 50;
const pauseMs = 5;
/** A frame, or a value on the disk. */
const bareBytes = 200;

export const logout: Bench = {
  key: 'c',
  title: 'A logout is known on all nodes, and its receipt is complete',
  async run({ rounds, say }) {
    const times = rounds * logoutsPerRound;
    const rows = [
      ['a round trip of bare TCP', '', ...percentiles(await roundTrips(times))],
      ['a bare append, flushed', '', ...percentiles(await appends(times))],
    ];
    let pending = 0;
    for (const { name, size, disk, held } of clusters) {
      const cluster = await meshCluster(size, { disks: disk ? size : 0 });
      try {
        let there = 0;
        for (const count of held) {
          say(`${name}, ${count} sign-ons`);
          await stockUp(cluster.nodes, there, count - there);
          there = count;
          const known: number[] = [];
          const complete: number[] = [];
          for (let i = -warmUps; i < times; i++) {
            const one = await logOut(cluster, i + warmUps);
            if (i < 0) continue;
            known.push(one.known);
            complete.push(one.answered);
            if (one.state !== 'complete') pending++;
          }
          rows.push([name, count.toLocaleString('en-US'), ...percentiles(known), ...percentiles(complete)]);
        }
      } finally {
        await cluster.stop();
      }
    }
    const table = markdownTable(
      ['', 'sign-ons held', 'known on all, p50 ms', 'p99 ms', 'complete, p50 ms', 'p99 ms'],
      rows,
    );
    const note = `One process a node; ${times} logouts each, ${pauseMs} ms apart, through the nodes in turn. Goal: complete within 50 ms, p99.`;
    return `${table}\n\n${note} Receipts that were answered pending: ${pending}.`;
  },
};

const percentiles = (values: readonly number[]) => [figure(percentile(values, 0.5)), figure(percentile(values, 0.99))];

async function logOut(
  { nodes }: MeshCluster,
  turn: number,
): Promise<{ readonly known: number; readonly answered: number; readonly state: string }> {
  const node = nodes[turn % nodes.length]!;
  const id = await node.call<string>('openStored');
  await pause(pauseMs);
  const { begun, answered, state } = await node.call<{ begun: number; answered: number; state: string }>('close', id);
  const instants: number[] = [];
  for (const one of nodes) instants.push(await knownAt(one.call.bind(one), id));
  return { known: Math.max(...instants) - begun, answered: answered - begun, state };
}

async function knownAt(call: <T>(name: string, argument: unknown) => Promise<T>, id: string): Promise<number> {
  for (;;) {
    const at = await call<number | undefined>('closedAt', id);
    if (at !== undefined) return at;
    await pause(1);
  }
}

async function roundTrips(count: number): Promise<readonly number[]> {
  const server = startChild('echo', 'wire-worker');
  const client = startChild('echo client', 'wire-worker');
  try {
    await client.call('connect', await server.call<number>('echo'));
    return await timed(count, () => client.call<number>('roundTrip', bareBytes));
  } finally {
    await Promise.all([server.stop(), client.stop()]);
  }
}

async function appends(count: number): Promise<readonly number[]> {
  const folder = benchFolder();
  const child = startChild('append', 'disk-worker');
  try {
    await child.call('openFile', folder);
    return await timed(count, () => child.call<number>('append', bareBytes));
  } finally {
    await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function timed(count: number, one: () => Promise<number>): Promise<readonly number[]> {
  const times: number[] = [];
  for (let i = -warmUps; i < count; i++) {
    const ms = await one();
    if (i >= 0) times.push(ms);
    await pause(pauseMs);
  }
  return times;
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
