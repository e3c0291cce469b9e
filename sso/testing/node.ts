/** One node of a test cluster: its process, as far as there is one, with the doors that browsers use. */

import type { RequestListener } from 'node:http';
import type { Channel, Peer } from '../channel/channel.ts';
import type { MemoryNetwork } from '../channel/memory.ts';
import { type ClusterOptions, type NodeOptions, type SsoNode, startNode } from '../index.ts';
import type { Random } from '../random.ts';
import { NodeDisk, type TestDisk } from './disk.ts';
import { type Host, openHost } from './host.ts';
import { LogLines } from './log-lines.ts';
import type { Pump, Skew } from './pump.ts';
import { signInDoor, signInPath } from './sign-in.ts';

/** The virtual host of a node: an Express application, or whatever listens to requests. */
export type HostOf = (sso: SsoNode, name: string) => RequestListener;

/** What `startNode` takes, but for what the test cluster sets: the route and the world. */
export type NodeOptionsForTests = Omit<Partial<NodeOptions>, 'route' | 'world' | 'cluster'> & {
  readonly cluster?: Partial<ClusterOptions>;
};

export interface TestWorld {
  readonly pump: Pump;
  readonly network: MemoryNetwork;
  readonly random: Random;
  /** The cluster's secret, unless the options name one. */
  readonly secret: string;
  /** The configured nodes. */
  readonly nodes: readonly string[];
  /** Whether the node has a data directory. */
  readonly hasDisk: boolean;
  readonly onFrame: ((from: string, frame: Uint8Array) => void) | undefined;
}

export class TestNode {
  readonly name: string;
  /** How far this node's wall clock is ahead of the others', milliseconds; may be changed at any time. */
  readonly skew: Skew = { ms: 0 };
  /** What the node has logged, over all its lives. */
  readonly log = new LogLines();
  readonly #hostOf: HostOf;
  readonly #options: NodeOptionsForTests;
  readonly #world: TestWorld;
  readonly #disk: NodeDisk | undefined;
  #life: { readonly sso: SsoNode; readonly host: Host } | undefined;

  /** Use `testCluster`. */
  constructor(name: string, hostOf: HostOf, options: NodeOptionsForTests, world: TestWorld) {
    this.name = name;
    this.#hostOf = hostOf;
    this.#options = options;
    this.#world = world;
    this.#disk = world.hasDisk ? new NodeDisk(world.pump.clock()) : undefined;
  }

  get isUp(): boolean {
    return this.#life !== undefined;
  }

  /** What of its data directory holds passivated sessions, by their hashes: encrypted, and there to be looked at, and spoilt. */
  get passivated(): Map<string, Uint8Array> {
    if (this.#disk === undefined) throw new Error(`${this.name} has no disk: set the cluster's \`disks\``);
    return this.#disk.shelf.values;
  }

  /** The node, as `startNode` gave it: `await cluster.at('n1').sso.endSubject('alice')`. Time passes while a call is awaited. */
  get sso(): SsoNode {
    return this.#up.sso;
  }

  /** An address for `request(…)` or `fetch`, which the application takes for HTTPS. */
  get secure(): string {
    return this.#up.host.secure;
  }

  /** The same, as plain HTTP. */
  get plain(): string {
    return this.#up.host.plain;
  }

  /** Its data directory, for faults: `cluster.at('n1').disk.fault = 'full'`. */
  get disk(): TestDisk {
    if (this.#disk === undefined) throw new Error(`${this.name} has no disk: set the cluster's \`disks\``);
    return this.#disk.platter;
  }

  /** `changes`: other options than the node's own, for this life. */
  async start(changes: NodeOptionsForTests = {}): Promise<void> {
    if (this.isUp) throw new Error(`${this.name} is up`);
    const { pump, random, secret, nodes } = this.#world;
    const options = { ...this.#options, ...changes };
    const addresses = nodes.map((name) => `${name}:7800`);
    const cluster = {
      listen: `${this.name}:7800`,
      nodes: addresses,
      host: this.name,
      ...this.#options.cluster,
      ...changes.cluster,
    };
    const names = cluster.nodes.map((address) => address.split(':')[0]!);
    const sso = await startNode({
      secret,
      log: this.log,
      ...options,
      route: this.name,
      cluster,
      world: {
        clock: pump.clock(this.skew),
        random,
        channel: (self) => this.#channel(self, names),
        ...(this.#disk && { disk: this.#disk, shelf: this.#disk.shelf }),
      },
    });
    const door = signInDoor(sso);
    const shown = pumped(sso, pump);
    const listener = this.#hostOf(shown, this.name);
    const host = await openHost(
      (req, res) => (req.url === signInPath ? door : listener)(req, res),
      () => pump.enter(),
    );
    this.#life = { sso: shown, host };
  }

  /** As `kill -9`: nobody is told, connections are cut. */
  async kill(): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    this.#world.network.kill(this.name);
    this.#disk?.crash();
    await Promise.all([life?.sso.kill(), life?.host.close()]);
  }

  /** Leaves the cluster, serves what is under way, and ends. */
  async stop(): Promise<void> {
    const life = this.#life;
    await life?.sso.stop();
    this.#life = undefined;
    await life?.host.close();
  }

  #channel(self: Peer, nodes: readonly string[]): Channel {
    const { network, onFrame } = this.#world;
    const channel = network.channel({ ...self, nodes });
    return onFrame === undefined ? channel : overheard(channel, (frame) => onFrame(this.name, frame));
  }

  get #up(): { readonly sso: SsoNode; readonly host: Host } {
    if (this.#life === undefined) throw new Error(`${this.name} is not up`);
    return this.#life;
  }
}

/** The channel, with every frame told before it is sent. */
function overheard(channel: Channel, onFrame: (frame: Uint8Array) => void): Channel {
  return {
    open: (events) => channel.open(events),
    peers: () => channel.peers(),
    pending: () => channel.pending(),
    send(to, frame) {
      onFrame(frame);
      channel.send(to, frame);
    },
    broadcast(frame) {
      onFrame(frame);
      channel.broadcast(frame);
    },
    know: (addresses) => channel.know(addresses),
    counters: () => channel.counters(),
    close: () => channel.close(),
  };
}

/** The node, with time passing while what it promises is awaited. */
function pumped(node: SsoNode, pump: Pump): SsoNode {
  return new Proxy(node, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        const result: unknown = Reflect.apply(value, target, args);
        return result instanceof Promise ? pump.run(result) : result;
      };
    },
  });
}
