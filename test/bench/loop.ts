/** a. The valve and a session read alone: middleware in a tight loop, beside cookie-parser's neighbours in the same loop. */

import { type Bench, interleaved } from './bench.ts';
import { startChild } from './child.ts';
import { meshCluster } from './mesh-cluster.ts';
import { markdownTable, spread } from './table.ts';
import type { VariantName } from './variants.ts';

const names: readonly VariantName[] = [
  'bare',
  'Latchkey',
  'Latchkey, one of three voters',
  'express-session, memory store',
];
const requests: Readonly<Record<string, number>> = {
  bare: 400_000,
  Latchkey: 200_000,
  'Latchkey, one of three voters': 200_000,
  'express-session, memory store': 40_000,
};

/** Asked in one round whether the leases allow to accept. */
const questions = 2_000_000;

export const loop: Bench = {
  key: 'a',
  title: 'Valve and session read alone, in a tight loop',
  async run({ rounds, say }) {
    const children = names.map((name) => ({ name, child: startChild(`loop ${name}`, 'loop-worker') }));
    try {
      for (const { name, child } of children) {
        await child.call('start', { name });
        await child.call('round', { requests: requests[name]! / 4 });
      }
      const results = await interleaved(
        rounds,
        children.map(({ name, child }) => ({
          name,
          run: () => child.call<{ wall: number; cpu: number }>('round', { requests: requests[name] }),
        })),
        say,
      );
      const rows = names.map((name) => {
        const measured = results.get(name)!;
        return [
          name === 'bare' ? 'the loop alone' : name,
          spread(measured.map((one) => one.wall)),
          spread(measured.map((one) => one.cpu)),
        ];
      });
      const table = markdownTable(['variant', 'µs a request', 'CPU, µs'], rows);
      const { micros, bareMicros } = await leases(rounds);
      return `${table}\n\nWhether leases allow to accept: ${spread(micros)} µs a question; reading both clocks alone: ${spread(bareMicros)}. Goal: 1 µs.`;
    } finally {
      await Promise.all(children.map(({ child }) => child.stop()));
    }
  },
};

/** On one of three voters. */
async function leases(rounds: number): Promise<{ readonly micros: number[]; readonly bareMicros: number[] }> {
  const cluster = await meshCluster(3);
  try {
    const node = cluster.nodes[0]!;
    const all: { readonly micros: number; readonly bareMicros: number }[] = [];
    for (let round = 0; round <= rounds; round++) all.push(await node.call('mayAccept', questions));
    const measured = all.slice(1);
    return { micros: measured.map(({ micros }) => micros), bareMicros: measured.map(({ bareMicros }) => bareMicros) };
  } finally {
    await cluster.stop();
  }
}
