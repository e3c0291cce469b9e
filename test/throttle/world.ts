/**
 * Throttles of several nodes over a gossip of the test's own, small enough that every order of events is
 * in its hands: what is put waits to be flushed, frames of one node to another arrive in order, and, as in
 * the real one, a confirmation may overtake what its sender has put and not flushed yet.
 */

import type { Copies, Stored } from '../../sso/gossip/copies.ts';
import type { Change } from '../../sso/gossip/lattice.ts';
import { deriveKeys } from '../../sso/keys.ts';
import { seededRandom } from '../../sso/random.ts';
import { type VirtualClock, virtualClock } from '../../sso/testing/virtual-clock.ts';
import { type Cell, cellLattice } from '../../sso/throttle/cell.ts';
import { type ThrottleOptions, throttleLimits } from '../../sso/throttle/limits.ts';
import { type Asking, Throttle } from '../../sso/throttle/throttle.ts';

export const keys = deriveKeys('dQ3vXn8wRk5tYb2mHs7cLp4zGf9jAe6u');

type Frame = { readonly batch: number; readonly items: readonly [string, Cell][] } | { readonly ack: number };

export interface Node {
  readonly name: string;
  readonly throttle: Throttle;
  readonly cells: Copies<Cell>;
  /** How often something was put. */
  puts: number;
}

export interface WorldOptions {
  readonly nodes?: readonly string[];
  readonly throttle?: ThrottleOptions;
  readonly seed?: number;
  readonly insecure?: boolean;
}

export class ThrottleWorld {
  readonly clock: VirtualClock = virtualClock();
  readonly nodes: readonly Node[];
  readonly warnings: object[] = [];
  readonly #parts = new Map<string, FakeGossip>();
  readonly #channels = new Map<string, Frame[]>();
  #cut = new Set<string>();

  constructor({ nodes = ['n1', 'n2', 'n3'], throttle = {}, seed = 1, insecure = true }: WorldOptions = {}) {
    for (const name of nodes) {
      const others = nodes.filter((other) => other !== name);
      for (const other of others) this.#channels.set(`${name}>${other}`, []);
      const send = (to: string, frame: Frame) => void this.#channels.get(`${name}>${to}`)!.push(frame);
      this.#parts.set(name, new FakeGossip(name, others, this.clock, send, (to) => !this.#isCut(name, to)));
    }
    this.nodes = nodes.map((name, at) => {
      const gossip = this.#parts.get(name)!;
      return {
        name,
        cells: gossip.cells,
        get puts() {
          return gossip.puts;
        },
        throttle: new Throttle({
          cells: gossip.cells,
          gossip,
          clock: this.clock,
          random: seededRandom(seed * 100 + at),
          keys,
          life: `${name}:1`,
          limits: throttleLimits(throttle),
          allowInsecureCookie: insecure,
          log: { warn: (fields: object) => void this.warnings.push(fields) },
        }),
      } as Node;
    });
  }

  /** Cuts these nodes off from all others; with none, the network is whole, and copies are compared at once. */
  cut(...names: string[]): void {
    this.#cut = new Set(names);
    for (const [channel, frames] of this.#channels) {
      const [from, to] = channel.split('>') as [string, string];
      if (this.#isCut(from, to)) frames.length = 0;
    }
    for (const [, gossip] of this.#parts) gossip.check();
    if (names.length > 0) return;
    const all = [...this.#parts.values()].flatMap((gossip) => [...gossip.cells.entries()]);
    for (const gossip of this.#parts.values()) for (const [key, cell] of all) gossip.cells.settle(key, cell);
  }

  #isCut(one: string, other: string): boolean {
    return this.#cut.has(one) !== this.#cut.has(other);
  }

  /** Lets time pass, with the sweeps that go with it. */
  pass(ms: number): void {
    this.clock.advance(ms);
    for (const gossip of this.#parts.values()) gossip.forget(this.clock.now());
  }

  /** What may happen next: a flush, or the arrival of the next frame of a channel. */
  steps(): (() => void)[] {
    const flushes = [...this.#parts.values()].filter((one) => one.isWaiting).map((one) => () => one.flush());
    const arrivals = [...this.#channels].flatMap(([channel, frames]) => {
      const [from, to] = channel.split('>') as [string, string];
      if (frames.length === 0 || this.#isCut(from, to)) return [];
      return [() => this.#parts.get(to)!.receive(from, frames.shift()!)];
    });
    return [...flushes, ...arrivals];
  }

  /** Everything that is under way arrives; promises settle. */
  async settle(): Promise<void> {
    for (;;) {
      await new Promise(setImmediate);
      const steps = this.steps();
      if (steps.length === 0) return;
      for (const step of steps) step();
    }
  }

  /** Waits for a promise while frames travel and, where nothing else happens, time passes. */
  async run<T>(work: Promise<T>): Promise<T> {
    const end: { value?: T; over: boolean } = { over: false };
    const done = work.then((value) => Object.assign(end, { value, over: true }));
    while (!end.over) {
      await this.settle();
      if (!end.over) this.clock.advance(1);
    }
    await done;
    return end.value as T;
  }

  /** An attempt at a node, without its outcome. */
  admit(at: string, asking: Partial<Asking> = {}) {
    const node = this.nodes.find(({ name }) => name === at)!;
    return this.run(node.throttle.admit(stranger(asking)));
  }

  /** A wrong password: what it was told, `true` where it was looked at. */
  async fails(at: string, asking: Partial<Asking> = {}): Promise<true | number> {
    const admission = await this.admit(at, asking);
    if (admission.kind === 'throttled') return admission.retryAfterMs;
    admission.attempt.end('failed');
    await this.settle();
    return true;
  }

  /** A right password. */
  async succeeds(at: string, asking: Partial<Asking> = {}): Promise<true | number> {
    const admission = await this.admit(at, asking);
    if (admission.kind === 'throttled') return admission.retryAfterMs;
    admission.attempt.end('succeeded');
    await this.settle();
    return true;
  }
}

export function stranger(asking: Partial<Asking> = {}): Asking {
  return { name: 'alice', address: '192.0.2.1', cookie: undefined, ...asking };
}

class FakeGossip {
  readonly cells: Copies<Cell>;
  puts = 0;
  readonly #name: string;
  readonly #others: readonly string[];
  readonly #clock: VirtualClock;
  readonly #send: (to: string, frame: Frame) => void;
  readonly #reaches: (to: string) => boolean;
  readonly #map = new Map<string, Cell>();
  readonly #outbox = new Set<string>();
  readonly #acked = new Map<string, number>();
  readonly #waits = new Set<{ readonly number: number; readonly end: () => void }>();
  readonly #listeners: ((change: Change<Cell>) => void)[] = [];
  readonly #forgetters: ((key: string, last: Cell) => void)[] = [];
  #number = 0;

  constructor(
    name: string,
    others: readonly string[],
    clock: VirtualClock,
    send: (to: string, frame: Frame) => void,
    reaches: (to: string) => boolean,
  ) {
    this.#name = name;
    this.#others = others;
    this.#clock = clock;
    this.#send = send;
    this.#reaches = reaches;
    const map = this.#map;
    this.cells = {
      get size() {
        return map.size;
      },
      get: (key) => map.get(key),
      entries: () => map.entries(),
      bucket: () => undefined,
      put: (key, value) => {
        this.puts++;
        this.#outbox.add(key);
        return this.#merge(key, value, true);
      },
      settle: (key, value) => this.#merge(key, value, false),
      restore: (key, value) => this.#merge(key, value, false),
      shed: () => false,
      refuses: () => undefined,
      onChange: (listener) => void this.#listeners.push(listener),
      onForget: (listener) => void this.#forgetters.push(listener),
      ask: async () => ({ everybody: true, living: true }),
    };
  }

  get isWaiting(): boolean {
    return this.#outbox.size > 0;
  }

  stored(_copies: number | 'all', ms: number): Promise<Stored> {
    const number = this.isWaiting ? this.#number + 1 : this.#number;
    return new Promise((resolve) => {
      const wait = {
        number,
        end: () => {
          cancel();
          this.#waits.delete(wait);
          resolve({ nodes: [this.#name], outstanding: [] });
        },
      };
      const cancel = this.#clock.after(ms, wait.end);
      this.#waits.add(wait);
      this.check();
    });
  }

  forget(now: number): void {
    for (const [key, cell] of this.#map) {
      if (cellLattice.forgetAt(cell) > now) continue;
      this.#map.delete(key);
      for (const forgotten of this.#forgetters) forgotten(key, cell);
    }
  }

  flush(): void {
    const items = [...this.#outbox].map((key): [string, Cell] => [key, this.#map.get(key)!]);
    this.#outbox.clear();
    this.#number++;
    for (const other of this.#others) if (this.#reaches(other)) this.#send(other, { batch: this.#number, items });
    this.check();
  }

  receive(from: string, frame: Frame): void {
    if ('ack' in frame) {
      this.#acked.set(from, Math.max(this.#acked.get(from) ?? 0, frame.ack));
      this.check();
      return;
    }
    for (const [key, cell] of frame.items) this.#merge(key, cell, false);
    this.#send(from, { ack: frame.batch });
  }

  check(): void {
    for (const wait of this.#waits) {
      const silent = this.#others.some((other) => this.#reaches(other) && (this.#acked.get(other) ?? 0) < wait.number);
      if (!silent && this.#number >= wait.number) wait.end();
    }
  }

  #merge(key: string, value: Cell, own: boolean): Cell {
    const before = this.#map.get(key);
    const after = before === undefined ? value : cellLattice.merge(before, value);
    this.#map.set(key, after);
    if (after !== before) for (const listener of this.#listeners) listener({ key, before, after, own });
    return after;
  }
}
