/** h. Two nodes and a third that heard nothing for a while, in which 5,000 sign-ons were opened on either side: until all three hold all. Beside as many entries as bare JSON over TCP. */

import { type Bench, interleaved } from './bench.ts';
import { type Child, startChild } from './child.ts';
import { meshCluster, stockUp } from './mesh-cluster.ts';
import { markdownTable, spread } from './table.ts';

const differences = 10_000;
const held = 100_000;

export const repair: Bench = {
  key: 'h',
  title: '10,000 differences are repaired',
  async run({ rounds, say }) {
    const results = await interleaved(
      rounds,
      [
        { name: 'three nodes, one was cut off', run: repairing },
        { name: 'bare JSON over TCP', run: bare },
      ],
      say,
    );
    const rows = [...results].map(([name, all]) => [
      name,
      spread(all.map((one) => one.seconds)),
      spread(all.map((one) => one.stall)),
    ]);
    const table = markdownTable(['', 'seconds', 'longest stall of any, ms'], rows);
    return `${table}\n\nThey hold ${held.toLocaleString('en-US')} sign-ons in common. Nobody is told of the heal: the next comparison or number finds it. Goal: 5 s.`;
  },
};

async function repairing() {
  const cluster = await meshCluster(3);
  try {
    const { nodes } = cluster;
    const [first, , third] = nodes as [Child, Child, Child];
    await stockUp(nodes, 0, held);
    await third.call('cut', true);
    await Promise.all([first, third].map((node) => node.call('openNow', differences / 2)));
    await pause(1_000);
    await Promise.all(nodes.map((node) => node.call('stallBegin')));
    const full = nodes.map((node) => node.call<number>('hold', held + differences));
    const healed = await third.call<number>('cut', false);
    const seconds = (Math.max(...(await Promise.all(full))) - healed) / 1_000;
    return { seconds, stall: Math.max(...(await Promise.all(nodes.map((node) => node.call<number>('stallEnd'))))) };
  } finally {
    await cluster.stop();
  }
}

async function bare() {
  const server = startChild('JSON server', 'wire-worker');
  const client = startChild('JSON client', 'wire-worker');
  try {
    const port = await server.call<number>('serveEntries', differences);
    await Promise.all([server, client].map((one) => one.call('stallBegin')));
    const seconds = (await client.call<number>('fetchEntries', port)) / 1_000;
    const stalls = [await client.call<number>('stallEnd'), await server.call<number>('stallEnd')];
    return { seconds, stall: Math.max(...stalls) };
  } finally {
    await Promise.all([server.stop(), client.stop()]);
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
