/** s. How the cost of a small change grows with the nodes, where all of them hold a session and where one buddy does, and with the sessions that are held. */

import { type Bench, interleaved } from './bench.ts';
import type { Child } from './child.ts';
import { drive } from './load.ts';
import { type SessionCluster, sessionCluster } from './session-cluster.ts';
import { paths } from './session-content.ts';
import { markdownTable, percentile, spread } from './table.ts';

const bytes = 4_096;
const load = { perSecond: 250, seconds: 1, connections: 8, path: paths['counts a number'] };
const warmUp = { ...load, perSecond: 1_000, seconds: 4 };
const idleSeconds = 3;
const sessions = 1_000;
const sizes = [3, 5, 9];
const wanted = ['total', 1] as const;
const amounts = [1_000, 10_000, 100_000];

interface Measured {
  /** CPU a request, microseconds: of the node that serves, and of each other. */
  readonly cpu: number;
  readonly other: number;
  /** Of all nodes together. */
  readonly all: number;
  /** Bytes a request, to all other nodes together. */
  readonly wire: number;
  readonly latencies: readonly number[];
}

export const sessionGrowth: Bench = {
  key: 's',
  title: 'A small change of a session by number of nodes and of sessions, at 4 KiB',
  async run({ rounds, most, say }) {
    const rows: string[][] = [];
    for (const size of sizes) {
      for (const buddies of wanted) {
        const name = `${size} nodes, ${buddies === 'total' ? 'total' : `buddies: ${buddies}`}`;
        const cluster = await sessionCluster(name, { size, options: { buddies }, isCounted: true });
        try {
          let cookie = await seeded(cluster, sessions);
          await drive({ port: cluster.port, cookie, ...warmUp });
          rows.push(await row(`${name}, ${sessions} sessions`, cluster, cookie, rounds, say));
          if (size !== sizes[0] || buddies !== 'total') continue;
          for (const amount of amounts.filter((one) => one > cookie.length && one <= most)) {
            cookie = [...cookie, ...(await seeded(cluster, amount - cookie.length))];
            // All of them, or those that nobody has used for a while and that are kept otherwise would be among them by chance.
            rows.push(await row(`${name}, ${amount} sessions`, cluster, mixed(cookie), rounds, say));
          }
        } finally {
          await cluster.stop();
        }
      }
    }
    const head = [
      '',
      'CPU a request, µs',
      'of each other node, µs',
      'of all, µs',
      'bytes sent, in all',
      'p50, ms',
      'p99, ms',
    ];
    return `${markdownTable(head, rows)}\n\nAll requests go to one node, ${load.perSecond} a second; what the others use when idle is subtracted. All nodes share the cores of this machine.`;
  },
};

const seeded = ({ children }: SessionCluster, count: number) =>
  children[0]!.call<readonly string[]>('seed', { count, bytes });

/** In an order that jumps about. */
const mixed = (cookies: readonly string[]) => cookies.map((_, at) => cookies[(at * 7_919) % cookies.length]!);

async function row(
  name: string,
  cluster: SessionCluster,
  cookie: readonly string[],
  rounds: number,
  say: (line: string) => void,
): Promise<string[]> {
  const results = (await interleaved(rounds, [{ name, run: () => measure(cluster, cookie) }], say)).get(name)!;
  const of = (figureOf: (one: Measured) => number) => spread(results.map(figureOf));
  return [
    name,
    of(({ cpu }) => cpu),
    of(({ other }) => other),
    of(({ all }) => all),
    of(({ wire }) => wire),
    of(({ latencies }) => percentile(latencies, 0.5)),
    of(({ latencies }) => percentile(latencies, 0.99)),
  ];
}

async function measure(cluster: SessionCluster, cookie: readonly string[]): Promise<Measured> {
  const [first, ...others] = cluster.children;
  const idle = await used(
    cluster,
    first!,
    others,
    () => new Promise((resolve) => setTimeout(resolve, idleSeconds * 1_000)),
  );
  let latencies: readonly number[] = [];
  let requests = 0;
  const busy = await used(cluster, first!, others, async () => {
    ({ latencies, requests } = await drive({ port: cluster.port, cookie, ...load }));
  });
  const each = (of: 'cpu' | 'other' | 'wire') => (busy[of] - (idle[of] / idle.ms) * busy.ms) / requests;
  const [cpu, other] = [busy.cpu / requests, each('other')];
  return { cpu, other, all: cpu + other * others.length, wire: each('wire'), latencies };
}

async function used(cluster: SessionCluster, first: Child, others: readonly Child[], run: () => Promise<unknown>) {
  const look = async () => ({
    cpu: await first.call<number>('cpu'),
    other: (await Promise.all(others.map((child) => child.call<number>('cpu')))).reduce((sum, one) => sum + one, 0),
    wire: cluster.wire().sent,
    ms: performance.now(),
  });
  const before = await look();
  await run();
  const after = await look();
  return {
    cpu: after.cpu - before.cpu,
    other: (after.other - before.other) / others.length,
    wire: after.wire - before.wire,
    ms: after.ms - before.ms,
  };
}
