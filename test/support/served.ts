/** `latchkey serve` as a process of its own, from the sources, for whoever knows it by its addresses alone. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashSync } from '@node-rs/argon2';
import { freePorts, type Watched, watch } from '../e2e/support/demo.ts';
import { freePorts as freePortsOf } from '../e2e/support/proxied.ts';
import { moduleAt, threadArguments } from './own-process.ts';

/** Hashes that cost next to nothing; for tests alone. */
const hash = (password: string) => hashSync(Buffer.from(password), { memoryCost: 64, timeCost: 1 });

export const people = [
  { name: 'alice', displayName: 'Alice Example', roles: ['customer'], password: 'wonderland' },
  { name: 'bob', displayName: 'Bob Example', roles: ['customer', 'staff'], password: 'builder' },
  { name: 'carol', displayName: 'Carol Example', roles: ['customer'], password: 'looking-glass' },
  { name: 'dave', displayName: 'Dave Example', roles: ['customer'], password: 'open the doors' },
] as const;

export interface Served extends Watched {
  readonly name: string;
  readonly port: number;
  /** Where reverse proxies ask; 0 without `forwardAuth`. */
  readonly asked: number;
  /** Where the other nodes reach it. */
  readonly mesh: string;
  readonly child: ChildProcess;
}

export interface ServedCluster {
  readonly nodes: readonly Served[];
  /** What makes a process a member of it. */
  readonly secret: string;
  stop(): Promise<void>;
}

const secret = 'c9'.repeat(32);

/** Nodes of one cluster, ready; `configuration` is what stands in each node's file besides what it needs, the addresses to listen on among it. */
export async function serve(
  count: number,
  configuration: Readonly<Record<string, unknown>> = {},
): Promise<ServedCluster> {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-'));
  const base = await freePorts();
  const indices = Array.from({ length: count }, (_, i) => i);
  const addresses = indices.map((i) => `127.0.0.1:${base + 10_000 + i}`);
  const { web = {}, forwardAuth, ...others } = configuration;
  const asked = forwardAuth === undefined ? [] : await freePortsOf(count);
  writeFileSync(
    join(directory, 'users.yaml'),
    JSON.stringify({ users: people.map((one) => ({ ...one, password: hash(one.password) })) }),
  );
  const nodes = indices.map((i): Served => {
    const file = join(directory, `node${i + 1}.yaml`);
    writeFileSync(
      file,
      JSON.stringify({
        route: `node${i + 1}`,
        secret: { env: 'LATCHKEY_SECRET' },
        users: 'users.yaml',
        web: { listen: `127.0.0.1:${base + i}`, trustProxy: ['127.0.0.1'], ...(web as object) },
        cluster: { listen: addresses[i], nodes: addresses, leaseMs: count === 1 ? 300 : 1_500 },
        ...(forwardAuth !== undefined && {
          forwardAuth: { listen: `127.0.0.1:${asked[i]}`, ...(forwardAuth as object) },
        }),
        ...others,
      }),
    );
    const child = spawn(process.execPath, [moduleAt('server/main.ts'), 'serve', '--config', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: threadArguments.join(' '), LATCHKEY_SECRET: secret },
    });
    return {
      name: `node${i + 1}`,
      port: base + i,
      asked: asked[i] ?? 0,
      mesh: addresses[i]!,
      child,
      ...watch(child),
    };
  });
  const stop = async () => {
    for (const { child } of nodes) child.kill('SIGKILL');
    await Promise.all(nodes.map(({ exit }) => exit));
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await Promise.all(nodes.map(ready));
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes, secret, stop };
}

/** Resolves when it takes requests: one that listens may still be waiting for its leases. */
async function ready({ name, port, exit, output }: Served): Promise<void> {
  let ended = false;
  void exit.then(() => (ended = true));
  for (let asked = 0; asked < 600; asked++) {
    if (ended) throw new Error(`${name} ended before it was ready:\n${output()}`);
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    if (answer?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${name} never was ready:\n${output()}`);
}
