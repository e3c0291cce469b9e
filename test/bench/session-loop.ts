/**
 * p. What sessions cost a request beyond the valve: middleware in a loop without a network, one node by itself,
 * by granularity and size. Beside express-session's memory store in the same loop.
 */

import { type Bench, interleaved } from './bench.ts';
import { type Child, startChild } from './child.ts';
import { sizeName, sizes, type Work } from './session-content.ts';
import type { Loop, Setup } from './session-worker.ts';
import { stopAll } from './site.ts';
import { figure, markdownTable, median } from './table.ts';

const variants: readonly { readonly name: string; readonly setup: Setup }[] = [
  { name: 'the valve alone', setup: { kind: 'valve' } },
  { name: 'Latchkey, ATTRIBUTE', setup: latchkey('ATTRIBUTE') },
  { name: 'Latchkey, SESSION', setup: latchkey('SESSION') },
  { name: 'Latchkey, FIELD', setup: latchkey('FIELD') },
  { name: 'express-session, memory store', setup: { kind: 'memory store' } },
];
const requests: Readonly<Record<Work, number>> = {
  'reads a number': 8_000,
  'counts a number': 4_000,
  'changes a number deep inside': 3_000,
};
/** So many times fewer of them at the largest size, which takes tenths of milliseconds. */
const fewer = 4;
/** Of each size, all in use. */
const sessions = 200;

export const sessionLoop: Bench = {
  key: 'p',
  title: 'What a session costs beyond the valve, in a tight loop (goal: reading a number at most 15 µs)',
  async run({ rounds, say }) {
    const children: {
      readonly name: string;
      readonly child: Child;
      readonly cookies: Map<number, readonly string[]>;
    }[] = [];
    try {
      for (const { name, setup } of variants) {
        const child = startChild(`session loop ${name}`, 'session-worker');
        const cookies = new Map<number, readonly string[]>();
        children.push({ name, child, cookies });
        await child.call('start', setup);
        for (const bytes of sizes) cookies.set(bytes, await child.call('seed', { count: sessions, bytes }));
      }
      const all = (Object.keys(requests) as Work[]).flatMap((work) =>
        sizes.flatMap((bytes) =>
          children.map(({ name, child, cookies }) => ({
            name: key(work, bytes, name),
            run: () =>
              child.call<{ wall: number; cpu: number }>('loop', {
                ...{ cookies: cookies.get(bytes)!, work },
                requests: requests[work] / (bytes === sizes[2] ? fewer : 1),
              } satisfies Loop),
          })),
        ),
      );
      await interleaved(1, all, (line) => say(`warm-up, ${line}`));
      const results = await interleaved(rounds, all, say);
      const cpu = (name: string) => results.get(name)!.map((one) => one.cpu);
      const rows = (Object.keys(requests) as Work[]).flatMap((work) =>
        variants.slice(1).map(({ name }) => [
          work,
          name,
          ...sizes.map((bytes) => {
            const valve = cpu(key(work, bytes, variants[0]!.name));
            return figure(median(cpu(key(work, bytes, name)).map((micros, round) => micros - valve[round]!)));
          }),
        ]),
      );
      const valve = sizes.flatMap((bytes) => cpu(key('reads a number', bytes, variants[0]!.name)));
      const table = markdownTable(['a request …', 'variant', ...sizes.map((bytes) => `${sizeName(bytes)}, µs`)], rows);
      return `${table}\n\nMicroseconds of CPU a request more than the valve alone, which takes ${figure(median(valve))} with the loop around it. ${sessions} sessions of each size in turn.`;
    } finally {
      await stopAll(children.map(({ child }) => child));
    }
  },
};

const key = (work: Work, bytes: number, name: string) => `${work}, ${sizeName(bytes)}: ${name}`;

function latchkey(replicationGranularity: 'SESSION' | 'ATTRIBUTE' | 'FIELD'): Setup {
  return { kind: 'latchkey', options: { replicationGranularity } };
}
