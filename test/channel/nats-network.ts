/** Nodes that meet at one NATS server, each through a proxy of its own, so that it can be cut off. */

import type { Channel, ChannelParts, Peer } from '../../sso/channel/channel.ts';
import { type NatsOptions, natsChannel } from '../../sso/channel/nats.ts';
import type { NatsLimits } from '../../sso/channel/nats-options.ts';
import { systemClock } from '../../sso/clock.ts';
import { systemRandom } from '../../sso/random.ts';
import type { ContractNetwork } from '../contracts/channel.ts';
import { goodSecret } from './mesh-network.ts';
import { natsKeys } from './nats-keys.ts';
import { type NatsTestServer, natsPassword, natsUser } from './nats-server.ts';
import { TcpProxy } from './tcp-proxy.ts';

/** Short, so that tests that need a limit to pass take no time; never so short that a busy machine breaks one. */
export const quickNats: Partial<NatsLimits> = {
  redialMs: 20,
  redialAtMostMs: 200,
  pingMs: 100,
  silenceMs: 2_000,
  closeMs: 2_000,
};

/** A channel with everything that a test does not care about. */
export function quickChannel(
  servers: string,
  parts: Partial<ChannelParts> & { readonly node: string },
  options: Partial<NatsOptions> = {},
): Channel {
  const { cluster = 'latchkey' } = parts;
  const make = natsChannel({
    servers,
    user: natsUser,
    pass: natsPassword,
    ...options,
    limits: { ...quickNats, ...options.limits },
  });
  return make({
    incarnation: 1,
    nodes: [],
    keys: natsKeys(goodSecret, cluster),
    fingerprint: 'as all',
    clock: systemClock,
    random: systemRandom,
    ...parts,
    cluster,
  });
}

let networks = 0;

export class NatsNetwork implements ContractNetwork {
  readonly #nodes: readonly string[];
  readonly #server: NatsTestServer;
  readonly #options: Partial<NatsOptions>;
  readonly #proxies = new Map<string, TcpProxy>();
  /** Of its own, so that what one test leaves behind is nothing to the next. */
  readonly cluster = `network-${(networks += 1)}`;

  constructor(server: NatsTestServer, nodes: readonly string[], options: Partial<NatsOptions> = {}) {
    this.#server = server;
    this.#nodes = nodes;
    this.#options = options;
  }

  async start(): Promise<this> {
    for (const node of this.#nodes) {
      const proxy = await new TcpProxy().start();
      proxy.target = this.#server.port;
      this.#proxies.set(node, proxy);
    }
    return this;
  }

  /** What lies between a node and the server. */
  wire(node: string): TcpProxy {
    return this.#proxies.get(node)!;
  }

  channel(self: Peer & Partial<ChannelParts>): Channel {
    return quickChannel(
      this.wire(self.node).address,
      { nodes: this.#nodes, cluster: this.cluster, ...self },
      this.#options,
    );
  }

  /** The second one loses the server, and with it everybody: over a server there is nothing else between two nodes. */
  part(_a: string, b: string): void {
    this.wire(b).part();
  }

  heal(): void {
    for (const proxy of this.#proxies.values()) proxy.heal();
  }

  async end(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.end()));
  }
}
