/**
 * Registries, session tables and receipts of several nodes, over copies that reach whoever can be
 * reached at once, and a finality that is told by the test: no channel, no gossip, no leases. A closing
 * is confirmed by a node that holds it when `tell` is called; quorum and T are as FINAL-LOGOUT.md says.
 */

import type { SsoEntry } from '../../sso/entry.ts';
import { entryLattice } from '../../sso/entry.ts';
import type { Asked, Copies } from '../../sso/gossip/copies.ts';
import type { Change, Lattice } from '../../sso/gossip/lattice.ts';
import { Replica } from '../../sso/gossip/replica.ts';
import { HybridClock } from '../../sso/hybrid-clock.ts';
import { deriveKeys } from '../../sso/keys.ts';
import type { Log } from '../../sso/log.ts';
import type { Closing, EndedApp, Finality, Progress, Seal } from '../../sso/logout/finality.ts';
import { storeProven } from '../../sso/logout/proof.ts';
import { type ReceiptRecord, receiptLattice } from '../../sso/logout/receipt-lattice.ts';
import { type ReceiptLimits, Receipts } from '../../sso/logout/receipts.ts';
import { seededRandom } from '../../sso/random.ts';
import { type Opened, Registry, type RegistryLimits } from '../../sso/registry.ts';
import { sessionLattice } from '../../sso/session/lattice.ts';
import type { SessionRecord } from '../../sso/session/record.ts';
import { SessionTable } from '../../sso/session/table.ts';
import { type Subject, subjectLattice } from '../../sso/subject.ts';
import { type VirtualClock, virtualClock } from '../../sso/testing/virtual-clock.ts';
import type { SsoId } from '../../sso/token.ts';
import { setting } from '../session/support/changes.ts';

/** The copies of others that can be reached, and whether those are all. */
interface Reach<V> {
  readonly peers: readonly TestMap<V>[];
  readonly everybody: boolean;
}

/** One node's copy of a map. */
export class TestMap<V> implements Copies<V> {
  readonly #replica: Replica<V>;
  readonly #clock: VirtualClock;
  readonly #reach: () => Reach<V>;
  readonly #changed: ((change: Change<V>) => void)[] = [];
  readonly #forgotten: ((key: string, last: V) => void)[] = [];
  puts = 0;
  questions = 0;

  constructor(lattice: Lattice<V>, clock: VirtualClock, reach: () => Reach<V>) {
    this.#replica = new Replica(lattice);
    this.#clock = clock;
    this.#reach = reach;
  }

  get size(): number {
    return this.#replica.size;
  }
  get(key: string): V | undefined {
    return this.#replica.get(key);
  }
  entries(): IterableIterator<[string, V]> {
    return this.#replica.entries();
  }
  bucket(index: number): Iterable<readonly [string, V]> | undefined {
    return this.#replica.bucket(index);
  }
  put(key: string, value: V, told?: V): V | undefined {
    this.puts++;
    this.merge(key, value, true);
    const { lacks } = this.#replica.lattice;
    for (const peer of this.reached())
      peer.merge(key, told === undefined || lacks?.(peer.get(key), told) ? this.get(key)! : told, false);
    return this.get(key);
  }
  settle(key: string, value: V, own = false): V | undefined {
    this.merge(key, value, own);
    return this.get(key);
  }
  restore(key: string, value: V): V | undefined {
    return this.settle(key, value);
  }
  merge(key: string, value: V, own: boolean): void {
    const change = this.#replica.merge(key, value, this.#clock.now(), own);
    if (change !== undefined) for (const listener of this.#changed) listener(change);
  }
  shed(): boolean {
    return false;
  }
  refuses(): undefined {
    return undefined;
  }
  onChange(listener: (change: Change<V>) => void): void {
    this.#changed.push(listener);
  }
  onForget(listener: (key: string, last: V) => void): void {
    this.#forgotten.push(listener);
  }
  async ask(keys: readonly string[]): Promise<Asked> {
    this.questions++;
    for (const peer of this.reached()) {
      for (const key of keys) if (peer.get(key) !== undefined) this.merge(key, peer.get(key)!, false);
    }
    const { everybody } = this.#reach();
    return { everybody, living: everybody };
  }
  reached(): readonly TestMap<V>[] {
    return this.#reach().peers;
  }
  forget(): void {
    for (const { key, last } of this.#replica.forget(this.#clock.now()).freed) {
      for (const listener of this.#forgotten) listener(key, last);
    }
  }
}

interface TestSeal {
  readonly closing: Closing;
  readonly at: number;
  progress: Progress;
  readonly seal: Seal;
  readonly notify: () => void;
  dropped: boolean;
}

export interface TestNode {
  readonly name: string;
  readonly life: string;
  readonly incarnation: number;
  readonly entries: TestMap<SsoEntry>;
  readonly subjects: TestMap<Subject>;
  readonly sessions: TestMap<SessionRecord>;
  readonly copies: TestMap<ReceiptRecord>;
  readonly registry: Registry;
  readonly table: SessionTable;
  readonly receipts: Receipts;
  /** Those that were not dropped. */
  readonly seals: () => readonly Closing[];
  readonly closed: { readonly id: SsoId; readonly own: boolean; readonly cause: string }[];
  readonly errors: object[];
  state: 'up' | 'left' | 'lost';
  accepting: boolean;
  epoch: number;
}

export interface WorldOptions {
  readonly mode?: 'refuse' | 'serve';
  readonly receipts?: Partial<ReceiptLimits>;
  /** Whether a closing is confirmed as soon as it is sealed. Default true. */
  readonly prompt?: boolean;
  /** T, milliseconds. Default 6,000. */
  readonly leaseMs?: number;
  readonly limits?: Partial<RegistryLimits>;
}

/** T, milliseconds, unless a test wants another. */
export const leaseMs = 6_000;

export class World {
  readonly clock = virtualClock();
  readonly nodes: TestNode[] = [];
  readonly #names: readonly string[];
  readonly #options: WorldOptions;
  readonly #sealsOf = new Map<TestNode, TestSeal[]>();
  readonly #endedAt = new Map<TestNode, Map<string, readonly EndedApp[]>>();
  readonly #epochListeners = new Map<TestNode, ((epoch: number) => void)[]>();
  readonly #cut = new Set<string>();
  #lives = 0;
  prompt: boolean;

  constructor(names: readonly string[], options: WorldOptions = {}) {
    this.#names = names;
    this.#options = options;
    this.prompt = options.prompt ?? true;
    for (const name of names) this.start(name);
  }

  at(name: string): TestNode {
    return this.nodes.findLast((node) => node.name === name)!;
  }

  /** A new life of a node, with what its disk kept of the former. */
  start(name: string): TestNode {
    const former = this.nodes.findLast((node) => node.name === name);
    const node = this.#make(name, seededRandom(++this.#lives));
    if (former !== undefined) {
      for (const map of ['subjects', 'entries', 'sessions', 'copies'] as const) {
        for (const [key, value] of former[map].entries()) (node[map] as TestMap<unknown>).settle(key, value);
      }
      this.nodes.splice(this.nodes.indexOf(former), 1);
    }
    this.nodes.push(node);
    node.receipts.start();
    return node;
  }

  /** The node is silent from now on, and lost for the others. */
  lose(name: string, state: 'lost' | 'left' = 'lost'): void {
    this.cut(name);
    this.at(name).state = state;
    this.at(name).receipts.stop();
  }

  cut(...names: readonly string[]): void {
    for (const name of names) this.#cut.add(name);
  }

  /** All can be reached again, and their copies become equal. */
  heal(): void {
    this.#cut.clear();
    for (const map of ['subjects', 'entries', 'sessions', 'copies'] as const) {
      for (const node of this.nodes) {
        const own = node[map] as TestMap<unknown>;
        for (const [key, value] of [...own.entries()]) for (const peer of own.reached()) peer.merge(key, value, false);
      }
    }
  }

  /** Whoever holds a closing confirms it now to whoever asks and can be reached. */
  tell(): void {
    for (const node of this.nodes) for (const one of this.#sealsOf.get(node)!) this.#advance(node, one);
  }

  raise(epoch: number): void {
    for (const node of this.nodes) {
      node.epoch = epoch;
      for (const listener of this.#epochListeners.get(node)!) listener(epoch);
    }
  }

  /** What a node told its finality that it ended, by closing. */
  endedBy(name: string): readonly (readonly [closing: string, apps: readonly EndedApp[]])[] {
    return [...this.#endedAt.get(this.at(name))!];
  }

  /** Time passes, and what was promised in it happens. */
  pass(ms: number): Promise<void> {
    return this.clock.advanceAsync(ms);
  }

  signOn(name: string, user = 'alice'): Opened {
    const { registry } = this.at(name);
    return registry.openNow({ principal: { name: user, roles: [] }, how: 'form', mark: registry.mark() })!;
  }

  /** A session that this node serves. */
  session(name: string, app: string, signOn: SsoId, id = `${app} at ${name}`): string {
    const { table } = this.at(name);
    const key = table.key(app, id);
    table.write(key, { app, signOn, idleMs: 1_800_000, changes: setting({ of: 'it' }) });
    return key;
  }

  #reachable(a: TestNode, b: TestNode): boolean {
    return a === b || (!this.#cut.has(a.name) && !this.#cut.has(b.name) && a.state === 'up' && b.state === 'up');
  }

  #make(name: string, random: ReturnType<typeof seededRandom>): TestNode {
    const { clock } = this;
    const incarnation = 1_000 + this.#lives;
    const life = `${name}:${incarnation}`;
    const hybrid = new HybridClock(clock);
    const others = () => this.nodes.filter((other) => other !== node && other.state !== 'left');
    const mapOf = <V>(lattice: Lattice<V>, map: (node: TestNode) => TestMap<V>) =>
      new TestMap(lattice, clock, () => {
        const reached = others().filter((other) => this.#reachable(node, other));
        return { peers: reached.map(map), everybody: reached.length === others().length };
      });
    const errors: object[] = [];
    const log: Log = { debug() {}, info() {}, warn() {}, error: (fields) => void errors.push(fields) };
    const entries = mapOf(entryLattice, (one) => one.entries);
    const subjects = mapOf(subjectLattice, (one) => one.subjects);
    const sessions = mapOf(sessionLattice, (one) => one.sessions);
    const copies = mapOf(receiptLattice, (one) => one.copies);
    const finality: Pick<Finality, 'epoch' | 'onEpoch' | 'ended' | 'seal'> = {
      get epoch() {
        return node.epoch;
      },
      onEpoch: (listener) => void this.#epochListeners.get(node)!.push(listener),
      ended: ({ map, key }, apps) => void this.#endedAt.get(node)!.set(`${map} ${key}`, apps),
      seal: (closing) => this.#seal(node, closing),
    };
    const receipts = new Receipts({
      copies,
      finality,
      hold: (record) => storeProven(record, { entries, subjects }),
      members: () =>
        this.nodes.map(({ name: one, incarnation: life, state }) => ({ node: one, incarnation: life, state })),
      life,
      clock,
      random,
      limits: this.#options.receipts ?? {},
    });
    const node = {
      name, life, incarnation, entries, subjects, sessions, copies, receipts, errors, closed: [], state: 'up', accepting: true, epoch: 0,
      seals: () => this.#sealsOf.get(node)!.filter(({ dropped }) => !dropped).map(({ closing }) => closing),
    } as unknown as TestNode & { registry: Registry; table: SessionTable }; // biome-ignore format: the object is a table
    this.#sealsOf.set(node, []);
    this.#endedAt.set(node, new Map());
    this.#epochListeners.set(node, []);
    node.table = new SessionTable({
      copies: sessions,
      gossip: { stored: async () => ({ nodes: [], outstanding: [] }) },
      signOns: {
        stateOf: (id) => node.registry.stateOf(id),
        endsAt: (id) => node.registry.endsAt(id),
        closedAt: (id) => node.registry.closedAt(id),
        fetch: (id) => node.registry.fetch(id),
        lived: (id, until) => node.registry.lived(id, until),
      },
      clock,
      hybrid,
      life,
      lifeEndedAt: () => undefined,
      log,
    });
    node.registry = new Registry({
      entries,
      subjects,
      gossip: { stored: async () => ({ nodes: [], outstanding: [] }) },
      links: node.table,
      finality,
      receipts,
      keys: deriveKeys('0123456789abcdefghijklmnopqrstuvwxyzABCDEF'),
      clock,
      hybrid,
      random,
      life,
      accepting: () => node.accepting,
      limits: this.#options.limits ?? {},
      log,
    });
    node.registry.onClosed(({ id, own, cause }) => node.closed.push({ id, own, cause }));
    return node;
  }

  #holds(node: TestNode, { map, key }: Closing): boolean {
    return map === 'entries' ? node.entries.get(key)?.state === 'closed' : node.subjects.get(key) !== undefined;
  }

  #seal(node: TestNode, closing: Closing): Seal {
    const listeners: ((progress: Progress) => void)[] = [];
    const complete = resolvable();
    const everywhere = resolvable();
    const one: TestSeal = {
      closing,
      at: this.clock.monotonic(),
      progress: {
        state: 'pending',
        finalAt: undefined,
        confirmed: [],
        outstanding: [...this.#names],
        ended: new Map(),
      },
      dropped: false,
      notify: () => {
        if (one.progress.state === 'complete') complete.resolve();
        if (one.progress.outstanding.length === 0) everywhere.resolve();
        for (const listener of listeners) listener(one.progress);
      },
      seal: {
        get progress() {
          return one.progress;
        },
        complete: complete.promise,
        everywhere: everywhere.promise,
        onProgress: (listener) => void listeners.push(listener),
        drop: () => void (one.dropped = true),
      },
    };
    this.#sealsOf.get(node)!.push(one);
    this.#advance(node, one, this.prompt);
    return one.seal;
  }

  #advance(node: TestNode, one: TestSeal, others = true): void {
    if (one.dropped || node.state !== 'up') return;
    const confirming = this.nodes.filter(
      (other) => (others || other === node) && this.#reachable(node, other) && this.#holds(other, one.closing),
    );
    const ended = new Map(one.progress.ended);
    for (const other of confirming) {
      ended.set(other.name, this.#endedAt.get(other)!.get(`${one.closing.map} ${one.closing.key}`) ?? []);
    }
    const confirmed = this.#names.filter((name) => ended.has(name));
    const outstanding = this.#names.filter((name) => !ended.has(name));
    const { leaseMs: t = leaseMs } = this.#options;
    const quorum = confirmed.length > this.#names.length / 2;
    const run = this.clock.monotonic() - one.at >= t;
    const serve = this.#options.mode === 'serve';
    const isComplete = serve ? outstanding.length === 0 : quorum && (outstanding.length === 0 || run);
    one.progress = {
      state: isComplete ? 'complete' : 'pending',
      finalAt: quorum && !serve ? (one.progress.finalAt ?? this.clock.now() + t) : undefined,
      confirmed,
      outstanding,
      ended,
    };
    one.notify();
  }
}

function resolvable(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
