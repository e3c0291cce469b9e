/**
 * Couriers over real gossip, on a network and a clock in memory, without tables: records are made, written and taken over
 * as a table would. Every write puts an attribute of its own, so that none takes the place of another and each that is
 * missing later is missed.
 */

import { type MemoryNetwork, memoryNetwork } from '../../../sso/channel/memory.ts';
import type { Copies } from '../../../sso/gossip/copies.ts';
import { Counters } from '../../../sso/gossip/counters.ts';
import { GossipNode } from '../../../sso/gossip/gossip.ts';
import { HybridClock } from '../../../sso/hybrid-clock.ts';
import { type Random, seededRandom } from '../../../sso/random.ts';
import { Courier, type CourierOptions } from '../../../sso/session/buddies/courier.ts';
import type { Fetched } from '../../../sso/session/buddies/depot.ts';
import { placedOf } from '../../../sso/session/buddies/holders.ts';
import { SessionData } from '../../../sso/session/data/session-data.ts';
import { sessionLatticeOf } from '../../../sso/session/lattice.ts';
import { endSession, hasData, type LiveSession, type SessionRecord } from '../../../sso/session/record.ts';
import { decodeSession, encodeWhole } from '../../../sso/session/record-codec.ts';
import { virtualClock } from '../../../sso/testing/virtual-clock.ts';
import { setting } from '../support/changes.ts';
import { attributesOf } from '../support/tables.ts';

export interface CourierNode {
  readonly name: string;
  readonly life: string;
  readonly gossip: GossipNode;
  readonly sessions: Copies<SessionRecord>;
  readonly courier: Courier;
  readonly hybrid: HybridClock;
}

/** What a node's disk kept: records with their data. */
export type Kept = ReadonlyMap<string, string>;

export class CourierWorld {
  readonly clock = virtualClock();
  readonly random: Random;
  readonly network: MemoryNetwork;
  readonly counters = new Counters();
  readonly #names: readonly string[];
  readonly #options: Partial<CourierOptions>;
  readonly #running = new Map<string, CourierNode>();
  #lives = 0;
  #writes = 0;

  constructor(names: readonly string[], seed = 1, options: Partial<CourierOptions> = {}) {
    this.#names = names;
    this.#options = options;
    this.random = seededRandom(seed);
    this.network = memoryNetwork({ clock: this.clock, random: this.random });
  }

  /** All nodes, joined. */
  static async of(names: readonly string[], seed = 1, options: Partial<CourierOptions> = {}): Promise<CourierWorld> {
    const world = new CourierWorld(names, seed, options);
    for (const name of names) world.start(name);
    await world.pass(2_000);
    return world;
  }

  get running(): readonly CourierNode[] {
    return [...this.#running.values()];
  }

  at(name: string): CourierNode {
    return this.#running.get(name)!;
  }

  isUp(name: string): boolean {
    return this.#running.has(name);
  }

  /** A new life of a node, with what its disk kept. */
  start(name: string, kept: Kept = new Map()): CourierNode {
    const { clock, network, random } = this;
    const incarnation = 100 + this.#lives++;
    const self = { node: name, incarnation, route: name, address: `${name}:7800`, host: name };
    const channel = network.channel({ node: name, incarnation, nodes: this.#names });
    const gossip = new GossipNode({ self, channel, clock, random });
    const lattice = sessionLatticeOf();
    const sessions = gossip.map(lattice);
    const hybrid = new HybridClock(clock);
    const courier = new Courier({
      self, talk: gossip, copies: sessions, lattice, members: gossip, voters: this.#names.length, hybrid, clock,
      hasMetAll: () => channel.pending().length === 0, options: this.#options,
    }); // biome-ignore format: the object is a table
    for (const [key, text] of kept) sessions.restore(key, decodeSession(JSON.parse(text))!);
    const node = { name, life: `${name}:${incarnation}`, gossip, sessions, courier, hybrid };
    this.#running.set(name, node);
    void gossip.start();
    return node;
  }

  /** As `kill -9`. Returns what was on its disk. */
  kill(name: string): Kept {
    const node = this.at(name);
    this.#running.delete(name);
    this.network.kill(name);
    node.courier.close();
    void node.gossip.stop();
    return new Map([...node.sessions.entries()].map(([key, value]) => [key, JSON.stringify(encodeWhole(value))]));
  }

  /** Leaves as a node does that is stopped. Resolves to what it could not hand over. */
  async leave(name: string, ms = 1_000): Promise<{ readonly handedOver: number; readonly lost: number }> {
    const node = this.at(name);
    await this.done(node.gossip.drain());
    const handedOver = await this.done(node.courier.handOver(ms));
    await this.done(node.gossip.leave());
    this.#running.delete(name);
    node.courier.close();
    await this.done(node.gossip.stop());
    return handedOver;
  }

  /** A session that a node serves, with so many buddies. Returns its first attribute. */
  make(at: string, key: string, buddies = 1, value: unknown = 1): string {
    const node = this.at(at);
    const name = this.#name();
    const now = this.clock.now();
    const session: LiveSession = {
      state: 'live', app: 'shop', signOn: undefined, createdAt: now, endsAt: now + 86_400_000, version: 0, owner: node.life,
      ownerStamp: node.hybrid.next(), releasedAt: 0, idleMs: 0, data: SessionData.empty, stays: false,
      buddies: node.courier.choose(key, buddies), lastAccessAt: now,
    }; // biome-ignore format: the object is a table
    const { data } = this.#changed(node, key, session, name, value);
    node.courier.put(key, { ...session, data }, 'all', false);
    return name;
  }

  /** A write of a node that serves the session. Returns the attribute. */
  write(at: string, key: string, value: unknown = 1, name = this.#name(), alone = false): string {
    const node = this.at(at);
    const known = this.session(at, key);
    const { data, delta } = this.#changed(node, key, known, name, value);
    const { length } = known.buddies!;
    const buddies = node.courier.choose(key, Math.max(1, length), known.buddies);
    if (buddies === known.buddies) node.courier.put(key, { ...known, data }, delta, true, alone);
    else
      node.courier.put(key, { ...known, data, buddies, ownerStamp: node.hybrid.next(known.ownerStamp) }, 'all', false);
    return name;
  }

  /** A late write of a node that does not serve the session any more. Returns the attribute. */
  writeLate(at: string, key: string): string {
    const node = this.at(at);
    const known = this.session(at, key);
    const name = this.#name();
    const { data, delta } = this.#changed(node, key, known, name);
    node.courier.put(key, { ...known, data }, delta, false);
    return name;
  }

  /** A request on any node: it fetches the session and takes it over if another serves it. */
  async use(at: string, key: string): Promise<Fetched> {
    const node = this.at(at);
    const known = this.session(at, key);
    if (known.owner === node.life) return 'here';
    const fetched = await this.done(node.courier.fetch(key, known));
    if (fetched === 'here' && this.isUp(at) && this.at(at) === node) this.#take(node, key);
    return fetched;
  }

  #take(node: CourierNode, key: string): void {
    const session = node.sessions.get(key);
    if (session?.state !== 'live' || session.owner === node.life) return;
    const buddies = node.courier.choose(key, Math.max(1, session.buddies!.length));
    const taken = { ...session, owner: node.life, ownerStamp: node.hybrid.next(session.ownerStamp), buddies };
    node.courier.put(key, taken, 'all', false);
  }

  end(at: string, key: string): void {
    this.at(at).sessions.put(key, endSession(this.session(at, key), 'destroyed', this.clock.now()));
  }

  session(at: string, key: string): LiveSession {
    const session = this.at(at).sessions.get(key);
    if (session?.state !== 'live') throw new Error(`${at} has no live session ${key}`);
    return session;
  }

  /** The names of its attributes as a node has them. */
  attributes(at: string, key: string): readonly string[] {
    return Object.keys(attributesOf(this.at(at).sessions.get(key)) ?? {});
  }

  /** The nodes that have its data. */
  holders(key: string): readonly string[] {
    return this.running.filter(({ sessions }) => isHeld(sessions.get(key))).map(({ name }) => name);
  }

  /** Where its data is to be, as a node knows it. */
  listed(at: string, key: string): readonly string[] {
    const { owner, buddies } = this.session(at, key);
    return [owner.slice(0, owner.lastIndexOf(':')), ...buddies!].sort();
  }

  async pass(ms: number): Promise<void> {
    await this.clock.advanceAsync(ms);
  }

  /** Lets time pass until it is done. */
  async done<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    void work.finally(() => {
      isDone = true;
    });
    for (let step = 0; !isDone; step++) {
      if (step > 20_000) throw new Error('it never ends');
      await this.clock.advanceAsync(step === 0 ? 0 : 1);
    }
    return work;
  }

  #name(): string {
    return `w${++this.#writes}`;
  }

  #changed({ hybrid, life }: CourierNode, key: string, { data }: LiveSession, name: string, value: unknown = 1) {
    return data.change(setting({ [name]: value }), `${life}/${key.slice(0, 4)}`, hybrid.next(data.latest));
  }
}

export function isHeld(record: SessionRecord | undefined): boolean {
  const session = placedOf(record);
  return session !== undefined && hasData(session);
}
