/**
 * A network within one process, for tests and for simulation: the same promises as the mesh, and every
 * fault it can meet, at the wish of whoever holds the network. Time and chance are handed in and all
 * that happens later goes through the clock, so the same seed gives the same run.
 *
 * Without faults a frame arrives by the next `clock.soon`, in the order of its pair. Losses by `lose`
 * are silent on purpose, harder than the mesh, which tells of each: what stands above must repair both.
 */

import type { Clock } from '../clock.ts';
import type { Random } from '../random.ts';
import type { Channel } from './channel.ts';
import { MemoryChannel, type MemoryChannelOptions, type MemoryHub, Wire } from './memory-channel.ts';
import { type DelayRange, MemoryFaults } from './memory-faults.ts';

export interface MemoryNetworkOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** How long two nodes that cannot reach each other go on believing in their connection, milliseconds. Default 0: the next `clock.soon`. */
  readonly silenceMs?: number;
}

/** After a connection was ended because of a frame that no member sends, until it is made anew. */
const redialMs = 250;

export function memoryNetwork(options: MemoryNetworkOptions): MemoryNetwork {
  return new MemoryNetwork(options);
}

export class MemoryNetwork {
  readonly #clock: Clock;
  readonly #silenceMs: number;
  readonly #faults: MemoryFaults;
  /** The open channels, by node. */
  readonly #open = new Map<string, MemoryChannel>();
  readonly #latest = new Map<string, number>();
  #flights: Flight[] = [];
  #settling = false;
  readonly #hub: MemoryHub = {
    enter: (channel) => this.#enter(channel),
    exit: (channel) => this.#exit(channel),
    carry: (wire, from, frame) => this.#carry(wire, from, frame),
  };

  /** Use `memoryNetwork`. */
  constructor({ clock, random, silenceMs = 0 }: MemoryNetworkOptions) {
    this.#clock = clock;
    this.#silenceMs = silenceMs;
    this.#faults = new MemoryFaults(random);
  }

  /** May be handed on without the network. */
  readonly channel = (options: MemoryChannelOptions): Channel => new MemoryChannel(this.#hub, options);

  /** Only nodes of one group reach each other; those that no group names are one more group. */
  split(groups: readonly (readonly string[])[]): void {
    this.#faults.split(groups);
    this.#part();
  }

  /** Nothing goes from one node to the other; without it their connection ends, too. */
  cut(from: string, to: string): void {
    this.#faults.cut(from, to);
    this.#part();
  }

  /** Ends `split` and `cut`. */
  heal(): void {
    this.#faults.heal();
    for (const wire of this.#wires()) if (wire.swallowed) this.#clock.soon(() => wire.confess());
    this.#settle();
  }

  /** Every frame takes so long, milliseconds, or as long as chance decides; the order of a pair is kept. */
  delay(ms: number | DelayRange): void {
    this.#faults.delay(typeof ms === 'number' ? { min: ms, max: ms } : ms);
  }

  /** This part of all frames is lost, and nobody told. 0 ends it, as of those below. */
  lose(fraction: number): void {
    this.#faults.lose(fraction);
  }

  /** This part of all frames comes twice. */
  double(fraction: number): void {
    this.#faults.double(fraction);
  }

  /** This part of all frames comes up to `extraMs` after its turn. */
  reorder(fraction: number, extraMs = 50): void {
    this.#faults.reorder(fraction, extraMs);
  }

  /**
   * Ends a process as `kill -9` does: it tells nobody, and what it had on the wire is lost. The others notice by the next
   * `clock.soon`; after `unnoticedMs`, as where the whole machine has lost its power.
   */
  kill(node: string, unnoticedMs = 0): void {
    const channel = this.#open.get(node);
    if (channel === undefined) return;
    channel.mute();
    this.#leave(channel, unnoticedMs);
  }

  #enter(channel: MemoryChannel): void {
    const { node, incarnation } = channel.self;
    const latest = this.#latest.get(node) ?? incarnation;
    if (latest > incarnation) return void channel.replaced(latest);
    this.#latest.set(node, incarnation);
    const former = this.#open.get(node);
    if (former !== undefined) {
      this.#leave(former);
      former.replaced(incarnation);
    }
    this.#open.set(node, channel);
    this.#settle();
  }

  /** Resolves once what the channel sent has arrived and its connections are ended. */
  #exit(channel: MemoryChannel): Promise<void> {
    const { node } = channel.self;
    if (this.#open.get(node) === channel) this.#open.delete(node);
    const busyMs = Math.max(0, ...channel.wires().map((wire) => wire.busyUntil(channel) - this.#clock.monotonic()));
    return new Promise((resolve) => {
      this.#later(busyMs, () => {
        for (const wire of channel.wires()) wire.end();
        resolve();
      });
    });
  }

  #carry(wire: Wire, from: MemoryChannel, frame: Uint8Array): void {
    if (this.#faults.blocked(from.self.node, wire.other(from).self.node)) return void wire.swallow(from);
    const copies = this.#faults.copies();
    if (copies === 0) from.count('lost');
    for (let i = 0; i < copies; i += 1) this.#carryCopy({ wire, from, frame });
  }

  #carryCopy(flight: Flight): void {
    const { wire, from } = flight;
    const now = this.#clock.monotonic();
    const delayMs = this.#faults.delayMs();
    const straggleMs = this.#faults.straggleMs();
    if (straggleMs > 0) return void this.#clock.after(delayMs + straggleMs, () => this.#arrive(flight));
    const at = Math.max(now + delayMs, wire.busyUntil(from));
    if (delayMs > 0 || wire.busyUntil(from) >= now) {
      wire.keepBusy(from, at);
      return void this.#clock.after(at - now, () => this.#arrive(flight));
    }
    if (this.#flights.push(flight) === 1) this.#clock.soon(() => this.#land());
  }

  #land(): void {
    const flights = this.#flights;
    this.#flights = [];
    for (const flight of flights) this.#arrive(flight);
  }

  #arrive({ wire, from, frame }: Flight): void {
    if (wire.state !== 'up') return;
    const to = wire.other(from);
    if (this.#faults.blocked(from.self.node, to.self.node)) return void wire.swallow(from);
    if (to.deliver(from.self, frame)) return;
    wire.end();
    this.#clock.after(redialMs, () => this.#settle());
  }

  /** Soon whoever can be connected is. */
  #settle(): void {
    if (this.#settling) return;
    this.#settling = true;
    this.#clock.soon(() => {
      this.#settling = false;
      const channels = [...this.#open.values()];
      for (const [i, a] of channels.entries()) {
        a.tried((node) => !this.#faults.apart(a.self.node, node));
        for (const b of channels.slice(i + 1)) this.#connect(a, b);
      }
    });
  }

  #connect(a: MemoryChannel, b: MemoryChannel): void {
    const both = [a, b];
    const open = both.every((channel) => this.#open.get(channel.self.node) === channel);
    if (!open || a.reaches(b.self) || this.#faults.apart(a.self.node, b.self.node)) return;
    // Of a former life that nobody has missed yet.
    for (const old of [a.wireTo(b.self.node), b.wireTo(a.self.node)]) old?.end();
    const wire = new Wire(a, b);
    for (const channel of both) channel.plug(wire);
    for (const channel of both) channel.greet(wire);
  }

  /** Ends the connections of those that cannot reach each other, after their silence. */
  #part(): void {
    const apart = ({ a, b }: Wire) => this.#faults.apart(a.self.node, b.self.node);
    for (const wire of this.#wires().filter(apart)) this.#later(this.#silenceMs, () => apart(wire) && wire.end());
    this.#settle();
  }

  /** The connections carry nothing more, and their other ends notice soon, or after so long. */
  #leave(channel: MemoryChannel, unnoticedMs = 0): void {
    this.#open.delete(channel.self.node);
    for (const wire of channel.wires()) {
      wire.stop();
      this.#later(unnoticedMs, () => wire.end());
    }
  }

  #later(ms: number, run: () => void): void {
    if (ms > 0) this.#clock.after(ms, run);
    else this.#clock.soon(run);
  }

  #wires(): readonly Wire[] {
    return [...new Set([...this.#open.values()].flatMap((channel) => channel.wires()))];
  }
}

interface Flight {
  readonly wire: Wire;
  readonly from: MemoryChannel;
  readonly frame: Uint8Array;
}
