/** r. Many sessions on disk: memory of each, what the event loop stands still, what it takes to use one again. Beside a process that is idle. */

import { type Bench, interleaved } from './bench.ts';
import { type Child, startChild } from './child.ts';
import type { Setup } from './session-worker.ts';
import { figure, markdownTable, spread } from './table.ts';

const amounts = [100_000, 1_000_000];
const active = 1_000;
const bytes = 512;
/** Afterwards: sweeps, comparisons, whatever goes over all of them. */
const watchMs = 75_000;
const lookedAt = 1_000;
/** A little longer than a round of passivation. */
const roundMs = 11_000;

const setup: Setup = {
  kind: 'latchkey',
  hasDisk: true,
  options: { useSessionPassivation: true, maxActiveSessions: active, passivationMinIdleTime: 0 },
};

interface Measured {
  readonly each: number;
  /** Milliseconds that the loop stood still, and the longest of its turns by processor time. */
  readonly making: Stall;
  readonly after: Stall;
  readonly activation: number;
}

interface Stall {
  readonly wall: number;
  readonly own: number;
}

export const passivation: Bench = {
  key: 'r',
  title: 'Sessions on disk (goals: 200 bytes each in memory, no stall of 20 ms at a million)',
  async run({ rounds, most, say }) {
    const rows: string[][] = [];
    for (const count of amounts.filter((amount) => amount <= most)) {
      const name = count.toLocaleString('en-US');
      const results = await interleaved(
        Math.min(rounds, count > 100_000 ? 1 : 3),
        [{ name, run: () => measure(count, say) }],
        say,
      );
      const of = (figureOf: (one: Measured) => number) => spread(results.get(name)!.map(figureOf));
      rows.push([
        name,
        of(({ each }) => each),
        of(({ making }) => making.wall),
        of(({ making }) => making.own),
        of(({ after }) => after.wall),
        of(({ after }) => after.own),
        of(({ activation }) => activation),
      ]);
    }
    const head = [
      'on disk',
      'bytes each in memory',
      'longest stall while made, ms',
      'of its own doing',
      `${watchMs / 1_000} s after`,
      'of its own doing',
      'to use one again, µs',
    ];
    return `${markdownTable(head, rows)}\n\nOf ${figure(bytes)} bytes, anonymous, ${active} of them active. The longest stall of an idle process of this machine in the same time: ${figure(await idleStall())} ms.`;
  },
};

async function measure(count: number, say: (line: string) => void): Promise<Measured> {
  const child = startChild('passivation', 'session-worker', { flags: ['--expose-gc', '--max-old-space-size=4096'] });
  try {
    await child.call('start', setup);
    const cookies = await child.call<readonly string[]>('seed', { count: lookedAt, bytes, isSignedOn: false });
    await child.call('pour', { count: 2 * active, bytes });
    const before = await settledWeight(child);
    await child.call('stallBegin');
    for (let made = 0; made < count; made += 10_000) {
      if (made % 100_000 === 0) say(`${made} made`);
      await child.call('pour', { count: 10_000, bytes });
    }
    const making = await stallOf(child);
    await child.call('stallBegin');
    await new Promise((resolve) => setTimeout(resolve, watchMs));
    const after = await stallOf(child);
    const each = ((await settledWeight(child)) - before) / count;
    const { wall } = await child.call<{ wall: number }>('loop', {
      cookies,
      work: 'reads a number',
      requests: lookedAt,
    });
    return { each, making, after, activation: wall };
  } finally {
    await child.stop();
  }
}

/** `wall` is what a request may have waited on this machine, `own` what of that is not other processes'. */
async function stallOf(child: Child): Promise<Stall> {
  return { wall: await child.call<number>('stallEnd'), own: await child.call<number>('stallOwn') };
}

/** Once what nobody holds any more has been collected, and the process has had a round to let go of its traces. */
async function settledWeight(child: Child): Promise<number> {
  await child.call('weight');
  await new Promise((resolve) => setTimeout(resolve, roundMs));
  return child.call<number>('weight');
}

async function idleStall(): Promise<number> {
  const child = startChild('idle', 'session-worker');
  try {
    await child.call('stallBegin');
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    return await child.call<number>('stallEnd');
  } finally {
    await child.stop();
  }
}
