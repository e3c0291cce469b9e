/** o. Bytes on the wire for one small change of a session, TLS and all, by granularity. Beside what connect-redis sends to Redis. */

import type { Bench } from './bench.ts';
import { startChild } from './child.ts';
import { drive } from './load.ts';
import { privateRedis, redisClient } from './redis.ts';
import { sessionCluster } from './session-cluster.ts';
import { paths, sizeName, sizes, type Work } from './session-content.ts';
import type { Setup } from './session-worker.ts';
import { stopAll } from './site.ts';
import { figure, markdownTable, median, spread } from './table.ts';

const requests = 100;
/** One at a time, or changes of one turn share a frame. */
const load = { perSecond: 100, seconds: requests / 100, connections: 1 };
const idleMs = 2_000;
const changes: readonly Work[] = ['counts a number', 'changes a number deep inside'];

const variants: readonly { readonly name: string; readonly options: NonNullable<Setup['options']> }[] = [
  { name: 'SESSION', options: { replicationGranularity: 'SESSION' } },
  { name: 'ATTRIBUTE', options: { replicationGranularity: 'ATTRIBUTE' } },
  { name: 'FIELD', options: { replicationGranularity: 'FIELD' } },
];

/** By work and size, bytes a request: one figure a round. */
type Bytes = Map<string, number[]>;

export const sessionWire: Bench = {
  key: 'o',
  title: 'Bytes on the wire for one small change (goal: at FIELD 1/50 of the session at 40 KiB)',
  async run({ rounds, say }) {
    const rows: string[][] = [];
    for (const { name, options } of variants) {
      say(`granularity ${name}`);
      rows.push(...rowsOf(`Latchkey, ${name}`, await ofCluster(name, options, rounds)));
    }
    say('connect-redis');
    const redis = await ofRedis(rounds);
    if (redis !== undefined) rows.push(...rowsOf('express-session, connect-redis: to Redis', redis));
    const head = ['', 'a request …', ...sizes.map((bytes) => `session of ${sizeName(bytes)}: bytes (of it)`)];
    const note = `To each of two other nodes, what they confirm not counted; what the nodes say when idle is subtracted. ${requests} requests a round, one at a time.${redis === undefined ? '\nconnect-redis is left out: no `redis-server` is installed.' : ''}`;
    return `${markdownTable(head, rows)}\n\n${note}`;
  },
};

function rowsOf(name: string, bytes: Bytes): string[][] {
  return changes.map((work) => [
    name,
    work,
    ...sizes.map((size) => {
      const all = bytes.get(`${work} ${size}`)!;
      const parts = size / Math.max(1, median(all));
      return `${spread(all)}: ${parts < 2 ? `${figure(1 / parts)} times` : `1/${figure(parts)}`}`;
    }),
  ]);
}

async function ofCluster(name: string, options: NonNullable<Setup['options']>, rounds: number): Promise<Bytes> {
  const cluster = await sessionCluster(`wire ${name}`, { size: 3, options, isCounted: true });
  try {
    const [child] = cluster.children;
    return await bytesOf(rounds, {
      port: cluster.port,
      seed: (bytes) => child!.call('seed', { count: 10, bytes }),
      sent: async () => cluster.wire().sent / 2,
    });
  } finally {
    await cluster.stop();
  }
}

async function ofRedis(rounds: number): Promise<Bytes | undefined> {
  const redis = await privateRedis();
  if (redis === undefined) return undefined;
  const child = startChild('wire redis', 'session-worker');
  const client = redisClient(redis);
  try {
    await client.connect();
    const port = await child.call<number>('start', { kind: 'connect-redis', redis } satisfies Setup);
    return await bytesOf(rounds, {
      port,
      seed: (bytes) => child.call('seed', { count: 10, bytes }),
      sent: async () => Number(/^total_net_input_bytes:(\d+)/m.exec(await client.info('stats'))![1]),
    });
  } finally {
    client.destroy();
    await stopAll([child]);
    await redis.stop();
  }
}

interface Side {
  readonly port: number;
  seed(bytes: number): Promise<readonly string[]>;
  /** Bytes so far. */
  sent(): Promise<number>;
}

async function bytesOf(rounds: number, { port, seed, sent }: Side): Promise<Bytes> {
  const result: Bytes = new Map(changes.flatMap((work) => sizes.map((bytes) => [`${work} ${bytes}`, []])));
  for (const bytes of sizes) {
    const cookie = await seed(bytes);
    // The first change may say more: the session was another node's until now, or was written whole.
    for (const work of changes) await drive({ port, cookie, path: paths[work], ...load });
    await new Promise((resolve) => setTimeout(resolve, idleMs));
    const idleFrom = await sent();
    await new Promise((resolve) => setTimeout(resolve, idleMs));
    const idlePerMs = ((await sent()) - idleFrom) / idleMs;
    for (let round = 1; round <= rounds; round++) {
      for (const work of changes) {
        const from = await sent();
        const begun = performance.now();
        await drive({ port, cookie, path: paths[work], ...load });
        const idle = idlePerMs * (performance.now() - begun);
        result.get(`${work} ${bytes}`)!.push(((await sent()) - from - idle) / requests);
      }
    }
  }
  return result;
}
