/** q. Memory of a session: in use, and idle for 30 s. Beside express-session's memory store. */

import type { Bench } from './bench.ts';
import { startChild } from './child.ts';
import { sizeName, sizes } from './session-content.ts';
import type { Setup } from './session-worker.ts';
import { figure, markdownTable, median } from './table.ts';

const counts: Readonly<Record<number, number>> = { 512: 40_000, 4096: 10_000, 40960: 1_000 };
/** After which a session nobody used is kept encoded, and what it may take until all are, milliseconds. */
const idleMs = 60_000;

const variants: readonly { readonly name: string; readonly setup: Setup }[] = [
  { name: 'Latchkey, ATTRIBUTE', setup: { kind: 'latchkey' } },
  { name: 'Latchkey, FIELD', setup: { kind: 'latchkey', options: { replicationGranularity: 'FIELD' } } },
  { name: 'express-session, memory store', setup: { kind: 'memory store' } },
];

export const sessionMemory: Bench = {
  key: 'q',
  title: 'Memory of a session (goals: in use 4 times its data; idle 1.3 times and 600 bytes)',
  async run({ rounds, say }) {
    const rows: string[][] = [];
    for (const { name, setup } of variants) {
      const all = new Map<number, Measured[]>(sizes.map((bytes) => [bytes, []]));
      for (let round = 1; round <= Math.min(rounds, 3); round++) {
        say(`round ${round}: ${name}`);
        // At once, since most of it is waiting, and memory is not in a hurry.
        await Promise.all(sizes.map(async (bytes) => all.get(bytes)!.push(await measure(setup, bytes))));
      }
      const cells = sizes.flatMap((bytes) => {
        const of = (part: keyof Measured) => median(all.get(bytes)!.map((one) => one[part]));
        return [words(of('used'), bytes, 0), setup.kind === 'latchkey' ? words(of('idle'), bytes, 600) : ''];
      });
      rows.push([name, ...cells]);
    }
    const head = ['', ...sizes.flatMap((bytes) => [`${sizeName(bytes)} in use, bytes`, 'idle'])];
    return `${markdownTable(head, rows)}\n\nIn brackets as a multiple of the data; of idle ones 600 bytes are taken off first. Anonymous sessions; every one has been read and changed before it counts as in use.`;
  },
};

const words = (each: number, bytes: number, allowed: number) =>
  `${figure(each)} (${figure(Math.max(0, each - allowed) / bytes)})`;

/** Bytes each. */
interface Measured {
  readonly used: number;
  readonly idle: number;
}

async function measure(setup: Setup, bytes: number): Promise<Measured> {
  const child = startChild('session memory', 'session-worker', {
    flags: ['--expose-gc', '--max-old-space-size=4096'],
  });
  try {
    await child.call('start', setup);
    const use = async (count: number) => {
      const cookies = await child.call<readonly string[]>('seed', { count, bytes, isSignedOn: false });
      for (const work of ['reads a number', 'changes a number deep inside'] as const)
        await child.call('loop', { cookies, work, requests: count });
    };
    const count = counts[bytes]!;
    await use(count / 50);
    const before = await child.call<number>('weight');
    await use(count);
    const used = ((await child.call<number>('weight')) - before) / count;
    if (setup.kind !== 'latchkey') return { used, idle: Number.NaN };
    await new Promise((resolve) => setTimeout(resolve, idleMs));
    // Those of before have become idle, too: few enough to leave them out.
    return { used, idle: ((await child.call<number>('weight')) - before) / count };
  } finally {
    await child.stop();
  }
}
