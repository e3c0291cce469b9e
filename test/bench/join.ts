/** e. An empty node joins a cluster of two that holds 100,000 sign-ons. Beside the same entries as bare JSON over TCP. */

import { type Bench, interleaved } from './bench.ts';
import { type Child, startChild } from './child.ts';
import { meshCluster } from './mesh-cluster.ts';
import { markdownTable, spread } from './table.ts';

const count = 100_000;

interface Joined {
  readonly seconds: number;
  readonly joinerStall: number;
  readonly holderStall: number;
}

export const join: Bench = {
  key: 'e',
  title: '100,000 sign-ons reach an empty node that joins',
  async run({ rounds, say }) {
    const results = await interleaved(
      rounds,
      [
        { name: 'two nodes and a joiner', run: joining },
        { name: 'bare JSON over TCP', run: bare },
      ],
      say,
    );
    const rows = [...results].map(([name, all]) => [
      name,
      spread(all.map((one) => one.seconds)),
      spread(all.map((one) => one.joinerStall)),
      spread(all.map((one) => one.holderStall)),
    ]);
    return markdownTable(['', 'seconds', "joiner's longest stall, ms", "holder's, ms"], rows);
  },
};

async function joining(): Promise<Joined> {
  const cluster = await meshCluster(2, 1);
  try {
    const [holder, other] = cluster.nodes as [Child, Child];
    const there = other.call('hold', count);
    await holder.call('open', count);
    await there;
    await pause(1_500);
    await Promise.all([holder.call('stallBegin'), other.call('stallBegin')]);
    const { node, ms } = await cluster.join();
    const size = await node.call<number>('size');
    if (size !== count) throw new Error(`the joiner was ready with ${size} of ${count} sign-ons`);
    const stalls = await Promise.all([holder.call<number>('stallEnd'), other.call<number>('stallEnd')]);
    return { seconds: ms / 1_000, joinerStall: await node.call<number>('stallEnd'), holderStall: Math.max(...stalls) };
  } finally {
    await cluster.stop();
  }
}

async function bare(): Promise<Joined> {
  const server = startChild('JSON server', 'wire-worker');
  const client = startChild('JSON client', 'wire-worker');
  try {
    const port = await server.call<number>('serveEntries', count);
    await Promise.all([server.call('stallBegin'), client.call('stallBegin')]);
    const ms = await client.call<number>('fetchEntries', port);
    return {
      seconds: ms / 1_000,
      joinerStall: await client.call<number>('stallEnd'),
      holderStall: await server.call<number>('stallEnd'),
    };
  } finally {
    await Promise.all([server.stop(), client.stop()]);
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
