/** e. An empty voter joins two that hold 100,000 or a million sign-ons. Beside the same entries as bare JSON over TCP, and an idle process: what the machine itself stalls. */

import { type Bench, interleaved } from './bench.ts';
import { type Child, startChild } from './child.ts';
import { meshCluster, stockUp } from './mesh-cluster.ts';
import { figure, markdownTable, median, spread } from './table.ts';

const counts = [100_000, 1_000_000];
/** The larger amount is measured in so many rounds at most. */
const manyRounds = 3;

interface Joined {
  /** From the start of the joiner until it holds all. */
  readonly seconds: number;
  /** Until it accepts sign-ons. */
  readonly acceptsSeconds: number;
  readonly joinerStall: number;
  readonly holderStall: number;
  readonly idleStall: number;
  readonly joinerMegabytes: number;
  readonly holderMegabytes: number;
}

export const join: Bench = {
  key: 'e',
  title: 'All sign-ons reach an empty node that joins',
  async run({ rounds, most, say }) {
    const rows: string[][] = [];
    for (const count of counts.filter((one) => one <= most)) {
      const contestants = [
        { name: 'two nodes and a joiner', run: () => joining(count) },
        { name: 'bare JSON over TCP', run: () => bare(count) },
      ];
      const label = count.toLocaleString('en-US');
      const results = await interleaved(
        count === counts[0] ? rounds : Math.min(rounds, manyRounds),
        contestants,
        (line) => say(`${label}: ${line}`),
      );
      for (const [name, all] of results) {
        const column = (read: (one: Joined) => number) => spread(all.map(read));
        rows.push([
          name,
          label,
          column((one) => one.seconds),
          figure(median(all.map((one) => one.acceptsSeconds))),
          column((one) => one.joinerStall),
          column((one) => one.holderStall),
          column((one) => one.idleStall),
          column((one) => one.joinerMegabytes),
          column((one) => one.holderMegabytes),
        ]);
      }
    }
    const head = [
      '',
      'sign-ons',
      'all held after, s',
      'accepts after, s',
      "joiner's longest stall, ms",
      "holder's, ms",
      "an idle process', ms",
    ];
    const table = markdownTable([...head, "joiner's peak, MB", "holder's, MB"], rows);
    return `${table}\n\nA node that starts accepts at the latest when all is there; earlier, if a comparison stands still for a second: what it lacks it asks for. Goals for a million: 15 s, no stall beyond 50 ms.`;
  },
};

async function joining(count: number): Promise<Joined> {
  const cluster = await meshCluster(2, { spare: 1 });
  const idle = startChild('idle', 'wire-worker');
  try {
    const holders = cluster.nodes;
    await stockUp(holders, 0, count);
    await Promise.all([...holders, idle].map((one) => one.call('stallBegin')));
    const { node, begun, ms } = await cluster.join();
    const heldAt = await node.call<number>('hold', count);
    return {
      seconds: (heldAt - begun) / 1_000,
      acceptsSeconds: ms / 1_000,
      joinerStall: await node.call<number>('stallEnd'),
      holderStall: Math.max(...(await all(holders, 'stallEnd'))),
      idleStall: await idle.call<number>('stallEnd'),
      joinerMegabytes: await node.call<number>('peakMegabytes'),
      holderMegabytes: Math.max(...(await all(holders, 'peakMegabytes'))),
    };
  } finally {
    await Promise.all([cluster.stop(), idle.stop()]);
  }
}

async function bare(count: number): Promise<Joined> {
  const server = startChild('JSON server', 'wire-worker');
  const client = startChild('JSON client', 'wire-worker');
  const idle = startChild('idle', 'wire-worker');
  try {
    const port = await server.call<number>('serveEntries', count);
    await Promise.all([server, client, idle].map((one) => one.call('stallBegin')));
    const ms = await client.call<number>('fetchEntries', port);
    return {
      seconds: ms / 1_000,
      acceptsSeconds: Number.NaN,
      joinerStall: await client.call<number>('stallEnd'),
      holderStall: await server.call<number>('stallEnd'),
      idleStall: await idle.call<number>('stallEnd'),
      joinerMegabytes: await client.call<number>('peakMegabytes'),
      holderMegabytes: await server.call<number>('peakMegabytes'),
    };
  } finally {
    await Promise.all([server.stop(), client.stop(), idle.stop()]);
  }
}

const all = (children: readonly Child[], call: string) =>
  Promise.all(children.map((child) => child.call<number>(call)));
