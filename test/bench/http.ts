/**
 * b. What a signed-on request with a session read costs over HTTP: CPU of the server process per
 * request at a fixed, moderate load with keep-alive, driven from this process.
 */

import type { Bench } from './bench.ts';
import { interleaved } from './bench.ts';
import { type Child, startChild } from './child.ts';
import { drive } from './load.ts';
import { privateRedis } from './redis.ts';
import { figure, markdownTable, median, percentile, spread } from './table.ts';
import { type VariantName, variantNames } from './variants.ts';

const load = { perSecond: 2_000, seconds: 0.25, connections: 16 };
const warmUp = { perSecond: 2_000, seconds: 4, connections: 16 };
/** Turns of each variant in one round: short ones, so that what else the machine does meets neighbours alike. */
const turns = 12;

interface Measured {
  readonly cpuMicros: number;
  readonly latencies: readonly number[];
}

interface Contestant {
  readonly name: VariantName;
  readonly child: Child;
  readonly port: number;
  readonly cookie: string;
}

export const http: Bench = {
  key: 'b',
  title: 'A signed-on request with a session read, over HTTP',
  async run({ rounds, say }) {
    const redis = await privateRedis();
    const names = variantNames.filter((name) => redis !== undefined || !name.endsWith('connect-redis'));
    const contestants: Contestant[] = [];
    try {
      for (const name of names) {
        const child = startChild(name, 'http-server');
        const started = await child.call<{ port: number; cookie: string }>('start', {
          variant: name,
          redisPort: redis?.port ?? 0,
        });
        contestants.push({ name, child, ...started });
        say(`warming up: ${name}`);
        await drive({ ...started, ...warmUp });
      }
      const results = await interleaved(
        rounds * turns,
        contestants.map((contestant) => ({ name: contestant.name, run: () => measure(contestant) })),
        say,
      );
      return report(names, results, redis !== undefined);
    } finally {
      await Promise.all(contestants.map(({ child }) => child.stop()));
      await redis?.stop();
    }
  },
};

async function measure({ child, port, cookie }: Contestant): Promise<Measured> {
  await drive({ port, cookie, ...load, seconds: 0.1 });
  const before = await child.call<number>('cpu');
  const { requests, latencies } = await drive({ port, cookie, ...load });
  const after = await child.call<number>('cpu');
  return { cpuMicros: (after - before) / requests, latencies };
}

function report(names: readonly VariantName[], results: ReadonlyMap<string, Measured[]>, withRedis: boolean): string {
  const cpuOf = (name: string) => (results.get(name) ?? []).map((one) => one.cpuMicros);
  /** Against the bare application of the same round: what disturbs one disturbs the other. */
  const added = (name: string) => cpuOf(name).map((micros, round) => micros - cpuOf('bare')[round]!);
  const redisAdded = median(added('express-session, connect-redis'));
  const rows = names.map((name) => {
    const latencies = (results.get(name) ?? []).flatMap((one) => one.latencies);
    const more = median(added(name));
    return [
      name,
      spread(cpuOf(name)),
      name === 'bare' ? '' : spread(added(name)),
      name === 'bare' || !withRedis ? '' : figure(more / redisAdded),
      figure(percentile(latencies, 0.5)),
      figure(percentile(latencies, 0.99)),
    ];
  });
  const table = markdownTable(
    ['variant', 'CPU a request, µs', 'added to bare, µs', 'of connect-redis', 'p50, ms', 'p99, ms'],
    rows,
  );
  const note = `Express 5 + cookie-parser; ${load.perSecond} requests a second over ${load.connections} connections, ${turns} times ${load.seconds} s a round.`;
  return `${table}\n\n${note}${withRedis ? '' : '\nconnect-redis is left out: no `redis-server` is installed.'}`;
}
