/** One node's end of a network in memory, and what connects two of them. */

import { type Channel, type ChannelEvents, maxFrameBytes, type Peer } from './channel.ts';

export interface MemoryChannelOptions extends Peer {
  /** Names of configured nodes, for `pending`; whoever opens a channel on the network is found without. */
  readonly nodes?: readonly string[];
  /** As the mesh has it: a later process with this node's name lives. */
  readonly onReplaced?: (latest: number) => void;
}

/** What a channel asks of its network. */
export interface MemoryHub {
  enter(channel: MemoryChannel): void;
  exit(channel: MemoryChannel): Promise<void>;
  /** `frame` is a copy that nobody writes to. */
  carry(wire: Wire, from: MemoryChannel, frame: Uint8Array): void;
}

export class MemoryChannel implements Channel {
  readonly self: Peer;
  readonly #hub: MemoryHub;
  readonly #onReplaced: ((latest: number) => void) | undefined;
  readonly #wires = new Map<string, Wire>();
  readonly #untried: Set<string>;
  /** The life of each node that was up last. */
  readonly #met = new Map<string, number>();
  readonly #counts = new Map<string, number>();
  #events: ChannelEvents | undefined;
  #closing: Promise<void> | undefined;

  constructor(hub: MemoryHub, { node, incarnation, nodes = [], onReplaced }: MemoryChannelOptions) {
    this.self = { node, incarnation };
    this.#hub = hub;
    this.#onReplaced = onReplaced;
    this.#untried = new Set(nodes.filter((one) => one !== node));
  }

  async open(events: ChannelEvents): Promise<void> {
    this.#events = events;
    this.#hub.enter(this);
  }

  peers(): readonly Peer[] {
    return [...this.#wires.values()].map((wire) => wire.other(this).self);
  }

  pending(): readonly string[] {
    return [...this.#untried];
  }

  send(to: Peer, frame: Uint8Array): void {
    checkSize(frame);
    if (this.#events !== undefined && this.reaches(to))
      this.#hub.carry(this.#wires.get(to.node)!, this, new Uint8Array(frame));
  }

  broadcast(frame: Uint8Array): void {
    checkSize(frame);
    if (this.#events === undefined) return;
    const copy = new Uint8Array(frame);
    for (const wire of this.#wires.values()) this.#hub.carry(wire, this, copy);
  }

  /** Everybody on the network is found anyway. */
  know(): void {}

  counters(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  close(): Promise<void> {
    this.mute();
    return (this.#closing ??= this.#hub.exit(this));
  }

  // What follows is for the network.

  wires(): readonly Wire[] {
    return [...this.#wires.values()];
  }

  wireTo(node: string): Wire | undefined {
    return this.#wires.get(node);
  }

  reaches(peer: Peer): boolean {
    return this.wireTo(peer.node)?.other(this).self.incarnation === peer.incarnation;
  }

  plug(wire: Wire): void {
    this.#wires.set(wire.other(this).self.node, wire);
  }

  /** Both ends are plugged in. */
  greet(wire: Wire): void {
    const peer = wire.other(this).self;
    if (this.#wires.get(peer.node) !== wire) return;
    const again = this.#met.get(peer.node) === peer.incarnation;
    this.#met.set(peer.node, peer.incarnation);
    this.#events?.up(peer);
    if (again) this.miss(wire);
  }

  miss(wire: Wire): void {
    const peer = wire.other(this).self;
    if (this.#wires.get(peer.node) === wire) this.#events?.gap(peer);
  }

  unplug(wire: Wire): void {
    const peer = wire.other(this).self;
    if (this.#wires.get(peer.node) !== wire) return;
    this.#wires.delete(peer.node);
    this.#events?.down(peer);
  }

  /** `false`: it is not what a member sends. */
  deliver(from: Peer, frame: Uint8Array): boolean {
    if (this.#events?.frame(from, frame) !== false) return true;
    this.count('frame');
    return false;
  }

  /** Hears nothing from now on, and says nothing. */
  mute(): void {
    this.#events = undefined;
  }

  /** Another process has the name: nobody talks to this one any more. */
  replaced(latest: number): void {
    this.count('refused-by-member');
    this.#onReplaced?.(latest);
  }

  /** Those who could be asked have answered, be it that nobody is there. */
  tried(reachable: (node: string) => boolean): void {
    for (const node of this.#untried) if (reachable(node)) this.#untried.delete(node);
  }

  count(reason: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
  }
}

/** The connection of a pair. */
export class Wire {
  readonly a: MemoryChannel;
  readonly b: MemoryChannel;
  /** `stopped`: it carries nothing more, but its ends do not know yet. */
  state: 'up' | 'stopped' | 'ended' = 'up';
  /** Whether it lost frames without ending. */
  swallowed = false;
  /** When the last delayed frame of each end arrives. */
  readonly #busyUntil: [number, number] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];

  constructor(a: MemoryChannel, b: MemoryChannel) {
    this.a = a;
    this.b = b;
  }

  other(end: MemoryChannel): MemoryChannel {
    return end === this.a ? this.b : this.a;
  }

  busyUntil(from: MemoryChannel): number {
    return this.#busyUntil[from === this.a ? 0 : 1];
  }

  keepBusy(from: MemoryChannel, until: number): void {
    this.#busyUntil[from === this.a ? 0 : 1] = until;
  }

  swallow(from: MemoryChannel): void {
    this.swallowed = true;
    from.count('lost');
  }

  /** Tells of what it swallowed. */
  confess(): void {
    if (this.state !== 'up' || !this.swallowed) return;
    this.swallowed = false;
    this.a.miss(this);
    this.b.miss(this);
  }

  stop(): void {
    if (this.state === 'up') this.state = 'stopped';
  }

  end(): void {
    if (this.state === 'ended') return;
    this.state = 'ended';
    this.a.unplug(this);
    this.b.unplug(this);
  }
}

function checkSize(frame: Uint8Array): void {
  if (frame.length > maxFrameBytes)
    throw new RangeError(`a frame of ${frame.length} bytes: at most ${maxFrameBytes} travel`);
}
