/** Meshes on loopback whose every connection goes through a proxy, so that it can be broken, frozen and read. */

import type { Peer } from '../../sso/channel/channel.ts';
import { type MeshChannel, meshChannel } from '../../sso/channel/mesh.ts';
import type { MeshLimits, MeshOptions } from '../../sso/channel/mesh-options.ts';
import { systemClock } from '../../sso/clock.ts';
import { deriveKeys } from '../../sso/keys.ts';
import { seededRandom } from '../../sso/random.ts';
import type { ContractNetwork } from '../contracts/channel.ts';
import { TcpProxy } from './tcp-proxy.ts';

export const goodSecret = 'mgeoRn0Ki2yZ4xpQ7LwTtB9sVcHdJu5F';
export const otherSecret = 'Xk3vQy8NfPzR1aWm6TgHb4LdSo9CjE2U';

export const meshKeys = (secret: string | readonly string[] = goodSecret, cluster = 'latchkey') => {
  const { mesh } = deriveKeys(secret);
  return (node: string) => mesh(cluster, node);
};

/** Short, so that tests that need a limit to pass take no time; never so short that a busy machine breaks one. */
export const quickLimits: Partial<MeshLimits> = {
  redialMs: 20,
  redialAtMostMs: 200,
  pingMs: 200,
  silenceMs: 4_000,
  closeMs: 2_000,
};

/** A mesh on a port of its own, with everything that a test does not care about. */
export function quickMesh(options: Partial<MeshOptions> & { readonly node: string }): MeshChannel {
  const { limits, cluster = 'latchkey', ...rest } = options;
  return meshChannel({
    incarnation: 1,
    cluster,
    listen: '127.0.0.1:0',
    nodes: [],
    keys: meshKeys(goodSecret, cluster),
    fingerprint: 'as all',
    clock: systemClock,
    random: seededRandom(Buffer.from(options.node).reduce((sum, byte) => sum * 31 + byte, 7)),
    ...rest,
    limits: { ...quickLimits, ...limits },
  });
}

export class MeshNetwork implements ContractNetwork {
  readonly #nodes: readonly string[];
  readonly #options: Partial<MeshOptions>;
  /** By `dialler listener`. */
  readonly #proxies = new Map<string, TcpProxy>();

  constructor(nodes: readonly string[], options: Partial<MeshOptions> = {}) {
    this.#nodes = nodes;
    this.#options = options;
  }

  async start(): Promise<this> {
    const pairs = this.#nodes.flatMap((from) => this.#nodes.filter((to) => to !== from).map((to) => `${from} ${to}`));
    await Promise.all(pairs.map(async (pair) => void this.#proxies.set(pair, await new TcpProxy().start())));
    return this;
  }

  /** What lies between the one who dials and the one who listens. */
  wire(from: string, to: string): TcpProxy {
    return this.#proxies.get(`${from} ${to}`)!;
  }

  channel(self: Peer & Partial<MeshOptions>): MeshChannel {
    const others = this.#nodes.filter((node) => node !== self.node);
    const channel = quickMesh({
      ...this.#options,
      ...self,
      nodes: others.map((node) => this.wire(self.node, node).address),
    });
    const open = channel.open.bind(channel);
    channel.open = async (events) => {
      await open(events);
      const port = Number(channel.address().split(':').at(-1));
      for (const node of others) this.wire(node, self.node).target = port;
    };
    return channel;
  }

  part(a: string, b: string): void {
    this.wire(a, b).part();
    this.wire(b, a).part();
  }

  heal(): void {
    for (const proxy of this.#proxies.values()) proxy.heal();
  }

  async end(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.end()));
  }
}
