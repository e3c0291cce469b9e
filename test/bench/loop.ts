/** a. The valve and a session read alone: middleware in a tight loop, beside cookie-parser's neighbours in the same loop. */

import { type Bench, interleaved } from './bench.ts';
import { startChild } from './child.ts';
import { markdownTable, spread } from './table.ts';
import type { VariantName } from './variants.ts';

const names: readonly VariantName[] = ['bare', 'Latchkey', 'express-session, memory store'];
const requests: Readonly<Record<string, number>> = {
  bare: 400_000,
  Latchkey: 200_000,
  'express-session, memory store': 40_000,
};

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
      return markdownTable(['variant', 'µs a request', 'CPU, µs'], rows);
    } finally {
      await Promise.all(children.map(({ child }) => child.stop()));
    }
  },
};
