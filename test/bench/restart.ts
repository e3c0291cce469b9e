/** i. A node with a data directory is killed and starts again, while two others go on: until it has recovered and accepts. Beside a bare reading of the same file. */

import type { Bench } from './bench.ts';
import { type Child, startChild } from './child.ts';
import { meshCluster, stockUp } from './mesh-cluster.ts';
import { markdownTable, spread } from './table.ts';

const counts = [0, 100_000, 1_000_000];
/** The largest amount is measured in so many rounds at most. */
const manyRounds = 3;

export const restart: Bench = {
  key: 'i',
  title: 'A node starts again with its sign-ons on disk',
  async run({ rounds, most, say }) {
    const rows: string[][] = [];
    for (const count of counts.filter((one) => one <= most)) {
      const label = count.toLocaleString('en-US');
      const times = { start: [] as number[], stall: [] as number[], megabytes: [] as number[], bare: [] as number[] };
      for (let round = 1; round <= (count < counts.at(-1)! ? rounds : Math.min(rounds, manyRounds)); round++) {
        say(`turn ${round}: ${label}`);
        const one = await restarting(count);
        say(`${label}: ${one.seconds} s`);
        times.start.push(one.seconds);
        times.stall.push(one.stall);
        times.megabytes.push(one.megabytes);
        times.bare.push(one.bare);
      }
      rows.push([label, spread(times.start), spread(times.stall), spread(times.megabytes), spread(times.bare)]);
    }
    const head = ['sign-ons', 'seconds', 'longest stall, ms', 'peak, MB', 'bare reading, seconds'];
    return `${markdownTable(head, rows)}\n\nFrom the start to accepting, as one of three voters, the only one with a data directory; the bare reading parses every value of the same file.`;
  },
};

async function restarting(count: number) {
  const cluster = await meshCluster(3, { disks: 1 });
  try {
    await stockUp(cluster.nodes, 0, count);
    const first = cluster.nodes[0]!;
    const path = await first.call<string>('statePath');
    await cluster.kill(first);
    const bare = await reading(path, count);
    const { node, ms } = await cluster.join();
    const size = await node.call<number>('size');
    if (size < count) throw new Error(`it was ready with ${size} of ${count} sign-ons`);
    return {
      seconds: ms / 1_000,
      stall: await node.call<number>('stallEnd'),
      megabytes: await node.call<number>('peakMegabytes'),
      bare,
    };
  } finally {
    await cluster.stop();
  }
}

async function reading(path: string, count: number): Promise<number> {
  const child: Child = startChild('bare reading', 'disk-worker');
  try {
    const { ms, values } = await child.call<{ ms: number; values: number }>('readAll', path);
    if (values < count) throw new Error(`the file holds ${values} of ${count} sign-ons`);
    return ms / 1_000;
  } finally {
    await child.stop();
  }
}
