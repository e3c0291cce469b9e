/** f. Memory for one sign-on with one linked session. Beside a plain Map of objects, and express-session's memory store. */

import type { Bench } from './bench.ts';
import { startChild } from './child.ts';
import { figure, markdownTable, median } from './table.ts';

const kinds = [
  'Latchkey, sign-on and linked session',
  'a plain Map of objects',
  "express-session's memory store, session alone",
];
const counts = [100_000, 250_000];

export const memory: Bench = {
  key: 'f',
  title: 'Memory for each sign-on with one session',
  async run({ rounds, say }) {
    const rows: string[][] = [];
    for (const kind of kinds) {
      const row = [kind];
      for (const count of counts) {
        const bytes: number[] = [];
        for (let round = 1; round <= Math.min(rounds, 3); round++) {
          say(`round ${round}: ${count} × ${kind}`);
          const child = startChild(`memory ${kind}`, 'memory-worker', {
            flags: ['--expose-gc', '--max-old-space-size=4096'],
          });
          try {
            bytes.push(await child.call<number>('measure', { kind, count }));
          } finally {
            await child.stop();
          }
        }
        row.push(figure(median(bytes)));
      }
      rows.push(row);
    }
    return markdownTable(['', ...counts.map((count) => `bytes each, of ${count.toLocaleString('en-US')}`)], rows);
  },
};
