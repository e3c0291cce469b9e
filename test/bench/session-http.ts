/**
 * n. One small change of a session a request, over HTTP: CPU of the process that serves, at a fixed, moderate load, at
 * one that connect-redis just bears on one core, and at as many as it bears. Beside express-session with connect-redis and with its memory store, the
 * same sessions and the same page; and what does the same as we do, no more and no less: connect-redis by TLS, and a node
 * on which nobody is signed on.
 */

import { type Bench, interleaved } from './bench.ts';
import { type Child, startChild } from './child.ts';
import { drive } from './load.ts';
import { type PrivateRedis, type PrivateRedisOptions, privateRedis, redisClient } from './redis.ts';
import { sessionCluster } from './session-cluster.ts';
import { paths, sizeName, sizes, type Work } from './session-content.ts';
import type { Seeds, Setup } from './session-worker.ts';
import { stopAll } from './site.ts';
import { figure, markdownTable, median, percentile, spread } from './table.ts';

/** Short turns, many a round: the machine's other guests come and go within seconds. */
const moderate = { perSecond: 1_000, seconds: 0.5, connections: 16 };
const turnsARound = 8;
const busy = { ...moderate, perSecond: 2_000 };
/** As many as it bears: the price of a request where a machine's price is one of requests. */
const full = { ...moderate, perSecond: Number.POSITIVE_INFINITY, connections: 32 };
type Load = typeof moderate;
const cases: readonly { readonly bytes: number; readonly load: Load }[] = [
  ...sizes.map((bytes) => ({ bytes, load: moderate })),
  { bytes: sizes[1], load: busy },
  { bytes: sizes[1], load: full },
];
/** Of each size and work, until what runs is compiled: some functions are only after ten thousand requests. */
const warmUp = { perSecond: 2_000, seconds: 4, connections: 16 };
/** Of each size: requests go to them in turn. */
const sessions = 100;
const changes: readonly Work[] = ['counts a number', 'changes a number deep inside'];

interface Contestant {
  readonly name: string;
  readonly port: number;
  readonly cookies: ReadonlyMap<number, readonly string[]>;
  /** CPU of the process that serves, microseconds. */
  cpu(): Promise<number>;
  /** CPU of all others that it takes: members, Redis. */
  elsewhere(): Promise<number>;
  stop(): Promise<unknown>;
}

type SeedOptions = Pick<Seeds, 'isSignedOn'>;

interface Measured {
  readonly cpu: number;
  readonly elsewhere: number;
  readonly latencies: readonly number[];
}

const redisName = 'express-session, connect-redis';
const redisByTlsName = '… by TLS';
interface Kind {
  readonly name: string;
  /** `undefined`: this machine lacks a part. */
  start(): Promise<Contestant | undefined>;
}
const bare = alone('bare', { kind: 'bare' });
const redis = withRedis(redisName, {});
/** Few at a time: who has to wait long for its turn finds neither its memory nor the processor as it left them. */
const groups: readonly { readonly title: string; readonly kinds: readonly Kind[] }[] = [
  {
    title: 'what the goal is of',
    kinds: [
      bare,
      redis,
      clustered('Latchkey, one of three', {}),
      clustered('… granularity FIELD', { replicationGranularity: 'FIELD' }),
    ],
  },
  {
    title: 'what a part of the work costs',
    kinds: [
      bare,
      redis,
      withRedis(redisByTlsName, { hasTls: true }),
      alone('express-session, memory store', { kind: 'memory store' }),
      alone('Latchkey, one node by itself', { kind: 'latchkey' }),
    ],
  },
  {
    title: 'other settings',
    kinds: [
      bare,
      redis,
      clustered('Latchkey, one of three, nobody signed on', {}, { isSignedOn: false }),
      clustered('… cacheMode async', { cacheMode: 'async' }),
      clustered('… granularity SESSION', { replicationGranularity: 'SESSION' }),
    ],
  },
];

export const sessionHttp: Bench = {
  key: 'n',
  title: 'One small change of a session a request, over HTTP (goal: a third of connect-redis at 4 KiB)',
  async run({ rounds, say }) {
    const pieces: string[] = [];
    for (const { title, kinds } of groups) {
      say(title);
      pieces.push(`${title[0]!.toUpperCase()}${title.slice(1)}.`, ...(await compared(kinds, rounds, say)));
    }
    const note = `Express 5 + cookie-parser; signed on where there is a sign-on; ${sessions} sessions of each size in turn, ${moderate.perSecond} requests a second (${busy.perSecond} where it says so) over ${moderate.connections} connections, or as many as are answered over ${full.connections}, ${turnsARound} turns of ${moderate.seconds} s a round, ${warmUp.seconds} s of each before. Median (quartiles) of the serving process's CPU, and in square brackets what it adds to the bare application as a part of what connect-redis adds. Elsewhere: the two other nodes, or Redis, a request at 4 KiB and the lesser load.`;
    return [...pieces, note].join('\n\n');
  },
};

/** A table for each kind of change. */
async function compared(kinds: readonly Kind[], rounds: number, say: (line: string) => void): Promise<string[]> {
  const contestants: Contestant[] = [];
  try {
    for (const { name, start } of kinds) {
      say(`starting: ${name}`);
      const contestant = await start();
      if (contestant === undefined) continue;
      contestants.push(contestant);
      for (const bytes of sizes) for (const work of changes) await ask(contestant, bytes, work, warmUp);
    }
    const tables: string[] = [];
    for (const work of changes) {
      const results = new Map<string, Measured[]>();
      for (const { bytes, load } of cases) {
        const all = contestants.map((contestant) => ({
          name: key(contestant.name, bytes, load),
          run: () => measure(contestant, bytes, work, load),
        }));
        // A case at a time, so that a contestant's turns follow each other soon: a process that stood still for long is slow at first.
        const some = await interleaved(rounds * turnsARound, all, (line) => say(`${work}, ${line}`));
        for (const [name, measured] of some) results.set(name, measured);
      }
      tables.push(`A request ${work}:\n\n${report(contestants, results)}`);
    }
    const left = kinds.filter(({ name }) => !contestants.some((one) => one.name === name)).map(({ name }) => name);
    if (left.length > 0) tables.push(`Left out, since no \`redis-server\` is installed: ${left.join('; ')}.`);
    return tables;
  } finally {
    await Promise.all(contestants.map((contestant) => contestant.stop()));
  }
}

async function measure(contestant: Contestant, bytes: number, work: Work, load: Load): Promise<Measured> {
  await ask(contestant, bytes, work, { ...load, seconds: 0.25 });
  const [cpu, elsewhere] = [await contestant.cpu(), await contestant.elsewhere()];
  const { requests, latencies } = await ask(contestant, bytes, work, load);
  const [cpuAfter, elsewhereAfter] = [await contestant.cpu(), await contestant.elsewhere()];
  return { cpu: (cpuAfter - cpu) / requests, elsewhere: (elsewhereAfter - elsewhere) / requests, latencies };
}

const ask = ({ port, cookies }: Contestant, bytes: number, work: Work, how: Load) =>
  drive({ port, cookie: cookies.get(bytes)!, path: paths[work], ...how });

const key = (name: string, bytes: number, load: Load) => `${name}, ${sizeName(bytes)}, ${paceName(load)}`;

const paceName = ({ perSecond }: Load) => (perSecond === full.perSecond ? 'all it bears' : `${perSecond}/s`);

function report(contestants: readonly Contestant[], results: ReadonlyMap<string, Measured[]>): string {
  const of = (name: string, bytes: number, load: Load) => results.get(key(name, bytes, load)) ?? [];
  const cpuOf = (name: string, bytes: number, load: Load) => median(of(name, bytes, load).map(({ cpu }) => cpu));
  const added = (name: string, bytes: number, load: Load) => cpuOf(name, bytes, load) - cpuOf('bare', bytes, load);
  const rows = contestants.map(({ name }) => {
    const part = (bytes: number, load: Load) => figure(added(name, bytes, load) / added(redisName, bytes, load));
    const at4 = of(name, sizes[1], moderate);
    const latencies = at4.flatMap((one) => one.latencies);
    return [
      name,
      ...cases.map(({ bytes, load }) => {
        const cpu = spread(of(name, bytes, load).map((one) => one.cpu));
        return name === 'bare' ? cpu : `${cpu} [${part(bytes, load)}]`;
      }),
      figure(median(at4.map((one) => one.elsewhere))),
      `${figure(percentile(latencies, 0.5))} / ${figure(percentile(latencies, 0.99))}`,
    ];
  });
  const heads = cases.map(
    ({ bytes, load }) => `${sizeName(bytes)}${load === moderate ? '' : `, ${paceName(load)}`}: CPU, µs`,
  );
  const head = ['variant', ...heads, 'elsewhere, µs', 'p50 / p99, ms'];
  return markdownTable(head, rows);
}

function alone(name: string, setup: Setup): Kind {
  return { name, start: async () => contestant(name, await single(name, setup)) };
}

function clustered(name: string, options: Setup['options'], seeds: SeedOptions = {}): Kind {
  return {
    name,
    async start() {
      const { children, port, stop } = await sessionCluster(name, { size: 3, options });
      return contestant(name, { child: children[0]!, port, others: children.slice(1), stop }, seeds);
    },
  };
}

function withRedis(name: string, how: PrivateRedisOptions): Kind {
  return {
    name,
    async start() {
      const redis = await privateRedis(how);
      return redis && beside(name, redis);
    },
  };
}

async function beside(name: string, redis: PrivateRedis): Promise<Contestant> {
  const server = await single(name, { kind: 'connect-redis', redis });
  const client = redisClient(redis);
  await client.connect();
  const usedBy = async () => {
    const seconds = [...(await client.info('cpu')).matchAll(/^used_cpu_(?:user|sys):([\d.]+)/gm)];
    return seconds.reduce((sum, [, one]) => sum + Number(one) * 1e6, 0);
  };
  const stop = async () => {
    client.destroy();
    await server.stop();
    await redis.stop();
  };
  return { ...(await contestant(name, server)), elsewhere: usedBy, stop };
}

interface Served {
  readonly child: Child;
  readonly port: number;
  readonly others: readonly Child[];
  stop(): Promise<unknown>;
}

async function single(name: string, setup: Setup): Promise<Served> {
  const child = startChild(name, 'session-worker');
  return { child, port: await child.call('start', setup), others: [], stop: () => stopAll([child]) };
}

async function contestant(name: string, served: Served, { isSignedOn = true }: SeedOptions = {}): Promise<Contestant> {
  const { child, port, others, stop } = served;
  const cookies = new Map<number, readonly string[]>();
  for (const bytes of sizes) cookies.set(bytes, await child.call('seed', { count: sessions, bytes, isSignedOn }));
  const cpuOf = async (children: readonly Child[]) => {
    let sum = 0;
    for (const one of children) sum += await one.call<number>('cpu');
    return sum;
  };
  return { name, port, cookies, cpu: () => cpuOf([child]), elsewhere: () => cpuOf(others), stop };
}
