/** c. Until a logout is known on every node: mesh on loopback, one process a node, with more and more sign-ons held. Beside a round trip of bare TCP. */

import type { Bench } from './bench.ts';
import { startChild } from './child.ts';
import { type MeshCluster, meshCluster } from './mesh-cluster.ts';
import { figure, markdownTable, percentile } from './table.ts';

const sizes = [3, 5];
const held = [0, 10_000, 100_000];
const logoutsPerRound = 100;
const pauseMs = 5;

export const logout: Bench = {
  key: 'c',
  title: 'A logout is known on all nodes',
  async run({ rounds, say }) {
    const echo = await roundTrips(rounds);
    const rows = [
      ['a round trip of bare TCP', '', figure(percentile(echo, 0.5)), figure(percentile(echo, 0.99)), '', ''],
    ];
    for (const size of sizes) {
      const cluster = await meshCluster(size);
      try {
        let there = 0;
        for (const count of held) {
          say(`${size} nodes, ${count} sign-ons`);
          await fill(cluster, count - there);
          there = count;
          const known: number[] = [];
          const answered: number[] = [];
          for (let i = 0; i < rounds * logoutsPerRound; i++) {
            const one = await logOut(cluster, i);
            known.push(one.known);
            answered.push(one.answered);
          }
          const times = [known, answered].flatMap((values) => [
            figure(percentile(values, 0.5)),
            figure(percentile(values, 0.99)),
          ]);
          rows.push([`${size} nodes`, count.toLocaleString('en-US'), ...times]);
        }
      } finally {
        await cluster.stop();
      }
    }
    const table = markdownTable(
      ['', 'sign-ons held', 'known on all, p50 ms', 'p99 ms', 'receipt, p50 ms', 'p99 ms'],
      rows,
    );
    return `${table}\n\nOne process a node; ${rounds * logoutsPerRound} logouts each, ${pauseMs} ms apart, through the nodes in turn.`;
  },
};

async function fill({ nodes }: MeshCluster, count: number): Promise<void> {
  if (count <= 0) return;
  const size = (await nodes[0]!.call<number>('size')) + count;
  await nodes[0]!.call('open', count);
  await Promise.all(nodes.map((node) => node.call('hold', size)));
}

async function logOut(
  { nodes }: MeshCluster,
  turn: number,
): Promise<{ readonly known: number; readonly answered: number }> {
  const node = nodes[turn % nodes.length]!;
  const id = await node.call<string>('openStored');
  await pause(pauseMs);
  const { begun, answered } = await node.call<{ begun: number; answered: number }>('close', id);
  const instants: number[] = [];
  for (const one of nodes) instants.push(await knownAt(one.call.bind(one), id));
  return { known: Math.max(...instants) - begun, answered: answered - begun };
}

async function knownAt(call: <T>(name: string, argument: unknown) => Promise<T>, id: string): Promise<number> {
  for (;;) {
    const at = await call<number | undefined>('closedAt', id);
    if (at !== undefined) return at;
    await pause(1);
  }
}

async function roundTrips(rounds: number): Promise<readonly number[]> {
  const server = startChild('echo', 'wire-worker');
  const client = startChild('echo client', 'wire-worker');
  try {
    await client.call('connect', await server.call<number>('echo'));
    const times: number[] = [];
    for (let i = 0; i < rounds * logoutsPerRound; i++) {
      times.push(await client.call<number>('roundTrip', 200));
      await pause(pauseMs);
    }
    return times;
  } finally {
    await Promise.all([server.stop(), client.stop()]);
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
