/**
 * A whole cluster inside one test process: the production code of every node, with time, chance and
 * network handed in. Requests are real HTTP on loopback; what lies between the nodes is simulated, so a
 * test can split it, kill a node, or let hours pass, and takes milliseconds.
 */

import { type MemoryNetwork, memoryNetwork } from '../channel/memory.ts';
import { seededRandom } from '../random.ts';
import { Browser } from './browser.ts';
import { type HostOf, type NodeOptionsForTests, TestNode, type TestWorld } from './node.ts';
import { Pump } from './pump.ts';
import { type VirtualClock, virtualClock } from './virtual-clock.ts';

export interface TestClusterOptions {
  /** What a node serves: the function that your program calls, too. */
  readonly host: HostOf;
  /** The nodes' names, which are also their routes. Default `n1`, `n2`, `n3`. */
  readonly nodes?: readonly string[];
  /** What is set on every node, or on the node of this name; what is left out has the defaults of production. */
  readonly options?: NodeOptionsForTests | ((node: string) => NodeOptionsForTests);
  /** Which nodes keep their state in a data directory, all or those for which this is true; it is in memory, and outlives the node's lives. Default: none does. */
  readonly disks?: boolean | ((node: string) => boolean);
  /** The same seed gives the same chance: network, tokens, rounds. Default 1. */
  readonly seed?: number;
  /** What the clocks show at first, milliseconds since 1970. Default 2026-01-01T00:00Z. */
  readonly startAt?: number;
  /** How long nodes that are cut off from each other go on believing in their connection, milliseconds. Default 0: they notice at once. */
  readonly silenceMs?: number;
  /** Called with every frame that a node sends: for checks of what is on the wire. */
  readonly onFrame?: (from: string, frame: Uint8Array) => void;
}

/** Its lives are told apart by when they began. */
const startMs = 10;

/** Starts the nodes and resolves when all are up and know each other. Stop it at the end of the test. */
export async function testCluster(options: TestClusterOptions): Promise<TestCluster> {
  const cluster = new TestCluster(options);
  await cluster.start();
  return cluster;
}

export class TestCluster {
  readonly #options: TestClusterOptions;
  readonly #clock: VirtualClock;
  readonly #pump: Pump;
  readonly #nodes = new Map<string, TestNode>();
  readonly #firstNames: readonly string[];
  readonly #secret: string;
  /** The network between the nodes, for faults beyond those named here: loss, doubles, what is on the wire. */
  readonly network: MemoryNetwork;

  /** Use `testCluster`. */
  constructor(options: TestClusterOptions) {
    const { seed = 1, startAt, silenceMs = 0 } = options;
    this.#options = options;
    this.#clock = virtualClock(startAt);
    this.#pump = new Pump(this.#clock);
    this.#firstNames = options.nodes ?? ['n1', 'n2', 'n3'];
    this.#secret = Buffer.from(seededRandom(seed).bytes(48)).toString('base64url');
    this.network = memoryNetwork({ clock: this.#pump.clock(), random: seededRandom(seed), silenceMs });
  }

  /** Starts the configured nodes at the same moment. `testCluster` has done it. */
  async start(): Promise<void> {
    await this.#startAll(this.#firstNames.map((name) => this.#node(name)));
  }

  /** The nodes that were ever started, up or not. */
  get nodes(): readonly TestNode[] {
    return [...this.#nodes.values()];
  }

  /** The time on the clock of this node, milliseconds since 1970; without a name the time of the world. */
  now(node?: string): number {
    return this.#clock.now() + (node === undefined ? 0 : this.at(node).skew.ms);
  }

  at(name: string): TestNode {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`there is no node ${name}`);
    return node;
  }

  /** A browser with no cookies. `origin` is the page it is on; default `https://` and the cookieDomain, or localhost. */
  browser(origin = `https://${this.#optionsOf(this.#firstNames[0]!).cookieDomain ?? 'localhost'}`): Browser {
    return new Browser({ now: () => this.now(), door: (name, secure) => this.#door(name, secure) }, origin);
  }

  /** Lets time pass: `advance(30 * 60_000)` is half an hour, and takes no time at all. */
  async advance(ms: number): Promise<void> {
    await this.#pump.advance(ms);
  }

  /** Awaits something that waits for the cluster's time itself, and lets it pass meanwhile. Requests and calls of a node do so by themselves. */
  run<T>(work: Promise<T>): Promise<T> {
    return this.#pump.run(work);
  }

  /** Lets time pass until the copies of all nodes that can reach each other are equal: `settleMs`, several rounds of comparison. */
  async settle(): Promise<void> {
    await this.advance(5 * this.#roundMs);
  }

  /** Cuts the network: only nodes of one group reach each other; those that no group names are one more group. */
  async split(groups: readonly (readonly string[])[]): Promise<void> {
    this.network.split(groups);
    await this.advance(0);
  }

  /** Joins the network again. The nodes find each other by themselves; `settle` waits for it. */
  async heal(): Promise<void> {
    this.network.heal();
    await this.advance(0);
  }

  /** How long a frame is on its way between two nodes, milliseconds. */
  delay(ms: number): void {
    this.network.delay(ms);
  }

  /** Ends the node as `kill -9` does: it tells nobody, its connections are cut, its memory is gone, and what was not flushed to its disk. */
  async kill(name: string): Promise<void> {
    await this.#pump.run(this.at(name).kill());
  }

  /** Shuts the node down as an operator does: it hands over, leaves, and stops. */
  async stopNode(name: string): Promise<void> {
    await this.#pump.run(this.at(name).stop());
  }

  /**
   * Starts a node that was killed or stopped, with what its disk holds, or else with nothing. A process takes `startMs` to come
   * up. Resolves once the node accepts sign-ons, or cannot for now: `at(name).sso.finality()` says what it waits for. `changes`:
   * other options than its own, for this life.
   */
  async restart(name: string, changes?: NodeOptionsForTests): Promise<void> {
    await this.advance(startMs);
    await this.#startAll([this.at(name)], changes);
  }

  /** Starts one more node. */
  async join(name: string, changes?: NodeOptionsForTests): Promise<void> {
    await this.#startAll([this.#node(name)], changes);
  }

  /** Ends everything. */
  async stop(): Promise<void> {
    await this.#pump.run(Promise.all(this.nodes.map((node) => node.kill())));
  }

  /** Resolves when they are up, and what they said of it has arrived. */
  async #startAll(nodes: readonly TestNode[], changes?: NodeOptionsForTests): Promise<void> {
    await this.#pump.run(Promise.all(nodes.map((node) => node.start(changes))));
    await this.advance(0);
  }

  get #roundMs(): number {
    return this.#optionsOf(this.#firstNames[0]!).cluster?.intervalMs ?? 1_000;
  }

  #optionsOf(name: string): NodeOptionsForTests {
    const { options = {} } = this.#options;
    return typeof options === 'function' ? options(name) : options;
  }

  #node(name: string): TestNode {
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const { disks = false } = this.#options;
    const world: TestWorld = {
      pump: this.#pump,
      network: this.network,
      // A restarted node goes on with its chance: it must not make the tokens of its former life again.
      random: seededRandom((this.#options.seed ?? 1) * 1_000 + this.#nodes.size + 1),
      secret: this.#secret,
      nodes: this.#firstNames,
      hasDisk: typeof disks === 'function' ? disks(name) : disks,
      onFrame: this.#options.onFrame,
    };
    const node = new TestNode(name, this.#options.host, this.#optionsOf(name), world);
    this.#nodes.set(name, node);
    return node;
  }

  #door(name: string | undefined, secure: boolean): { readonly node: string; readonly address: string } | undefined {
    const node = name === undefined ? this.nodes.find(({ isUp }) => isUp) : this.at(name);
    return node?.isUp ? { node: node.name, address: secure ? node.secure : node.plain } : undefined;
  }
}
