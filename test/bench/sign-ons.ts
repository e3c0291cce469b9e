/** d. Sign-ons a second, without HTTP: one node opens, all three of the cluster hold them, with and without data directories. Beside bare TLS, which writes as many frames of the same size to two receivers. */

import { type Bench, interleaved } from './bench.ts';
import { startChild } from './child.ts';
import { meshCluster } from './mesh-cluster.ts';
import { sharedNow } from './shared-now.ts';
import { figure, markdownTable, median, spread } from './table.ts';

const count = 50_000;

export const signOns: Bench = {
  key: 'd',
  title: 'Sign-ons a second, from one node to three',
  async run({ rounds, say }) {
    let bytesEach = 0;
    const clustered = async (disk: boolean) => {
      const cluster = await meshCluster(3, { disks: disk ? 3 : 0 });
      try {
        const [sender, ...others] = cluster.nodes;
        await sender!.call('open', 5_000);
        await Promise.all(others.map((node) => node.call('hold', 5_000)));
        const cpuBefore = await Promise.all(cluster.nodes.map((node) => node.call<number>('cpu')));
        const held = others.map((node) => node.call<number>('hold', 5_000 + count));
        const { begun, bytes } = await sender!.call<{ begun: number; bytes: number }>('open', count);
        const seconds = (Math.max(...(await Promise.all(held))) - begun) / 1_000;
        const cpuAfter = await Promise.all(cluster.nodes.map((node) => node.call<number>('cpu')));
        const cpu = cpuAfter.map((after, i) => (after - cpuBefore[i]!) / count);
        await Promise.all(cluster.nodes.map((node) => node.call('written')));
        const writtenSeconds = disk ? (sharedNow() - begun) / 1_000 : Number.NaN;
        bytesEach = bytes / count;
        return {
          perSecond: count / seconds,
          writtenPerSecond: count / writtenSeconds,
          senderMicros: cpu[0]!,
          receiverMicros: median(cpu.slice(1)),
        };
      } finally {
        await cluster.stop();
      }
    };
    const bare = async () => {
      const children = ['sender', 'first receiver', 'second receiver'].map((name) => startChild(name, 'wire-worker'));
      try {
        const [sender, ...receivers] = children;
        const bytes = Math.round(bytesEach);
        const ports = await Promise.all(receivers.map((one) => one.call<number>('take', count * bytes)));
        await sender!.call('connectTls', ports);
        const taken = receivers.map((one) => one.call<number>('taken'));
        const begun = await sender!.call<number>('write', { frames: count, bytes });
        const seconds = (Math.max(...(await Promise.all(taken))) - begun) / 1_000;
        return {
          perSecond: count / seconds,
          writtenPerSecond: Number.NaN,
          senderMicros: Number.NaN,
          receiverMicros: Number.NaN,
        };
      } finally {
        await Promise.all(children.map((child) => child.stop()));
      }
    };
    const results = await interleaved(
      rounds,
      [
        { name: 'three nodes', run: () => clustered(false) },
        { name: 'three nodes, dataDir', run: () => clustered(true) },
        { name: 'bare TLS, frames of the same size', run: bare },
      ],
      say,
    );
    const rows = [...results].map(([name, all]) => [
      name,
      spread(all.map((one) => one.perSecond)),
      figure(median(all.map((one) => one.writtenPerSecond))),
      figure(median(all.map((one) => one.senderMicros))),
      figure(median(all.map((one) => one.receiverMicros))),
    ]);
    const table = markdownTable(
      ['', 'sign-ons/s', 'until all disks have them', "sender's CPU each, µs", "a receiver's, µs"],
      rows,
    );
    return `${table}\n\n${count.toLocaleString('en-US')} sign-ons of ${figure(bytesEach)} bytes on the wire; one process a node: the sender and two that receive.`;
  },
};
