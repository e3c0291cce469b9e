/** Nodes with the measured application, a process each, on loopback. */

import { type Child, startChild } from './child.ts';
import { freePort } from './redis.ts';
import type { Place, Setup } from './session-worker.ts';
import { stopAll, until } from './site.ts';
import { type WireCounter, wireCounter } from './wire-counter.ts';

export interface SessionCluster {
  /** All requests go to the first. */
  readonly children: readonly Child[];
  /** Of the first one's application. */
  readonly port: number;
  /** Bytes on the wires of the first node so far, TLS and all: what it sent, and what came back. Only where they are counted. */
  wire(): { readonly sent: number; readonly received: number };
  stop(): Promise<void>;
}

export interface SessionClusterOptions {
  readonly size: number;
  readonly options?: Setup['options'];
  /** Puts a proxy into every connection. Default false. */
  readonly isCounted?: boolean;
}

/** Resolves when all reach each other and may accept sign-ons. */
export async function sessionCluster(name: string, how: SessionClusterOptions): Promise<SessionCluster> {
  const { size, options = {}, isCounted = false } = how;
  const nodes = (await Promise.all(Array.from({ length: size }, () => freePort()))).map((port) => `127.0.0.1:${port}`);
  const counters: { readonly from: string; readonly to: string; readonly counter: WireCounter }[] = [];
  if (isCounted)
    for (const from of nodes)
      for (const to of nodes) if (from !== to) counters.push({ from, to, counter: await wireCounter(to) });
  const children = nodes.map((_, place) => startChild(`${name} ${place + 1}`, 'session-worker'));
  const stop = async () => {
    await stopAll(children);
    for (const { counter } of counters) counter.stop();
  };
  try {
    const ports = await Promise.all(
      children.map((child, at) => {
        const listen = nodes[at]!;
        const reach = counters.filter(({ from }) => from === listen).map(({ to, counter }) => [to, counter.address]);
        const cluster: Place = { name: `n${at + 1}`, listen, nodes, reach: Object.fromEntries(reach) };
        return child.call<number>('start', { kind: 'latchkey', options, cluster } satisfies Setup);
      }),
    );
    for (const child of children) {
      await until(async () => (await child.call<number>('reaches')) >= size - 1);
      await until(() => child.call<boolean>('isAccepting'));
    }
    return { children, port: ports[0]!, wire: () => wireOf(nodes[0]!), stop };
  } catch (error) {
    await stop();
    throw error;
  }

  function wireOf(node: string): { readonly sent: number; readonly received: number } {
    const total = { sent: 0, received: 0 };
    for (const { from, to, counter } of counters) {
      const { up, down } = counter.bytes;
      if (from === node) {
        total.sent += up;
        total.received += down;
      } else if (to === node) {
        total.sent += down;
        total.received += up;
      }
    }
    return total;
  }
}
