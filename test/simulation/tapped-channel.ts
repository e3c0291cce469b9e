/**
 * A channel with a tap: everything it delivers can be held back while its process is paused, is kept by
 * chance to be delivered again much later, and stops with the process.
 */

import type { Channel, ChannelEvents, Peer } from '../../sso/channel/channel.ts';
import type { Random } from '../../sso/random.ts';
import type { Host } from './schedule.ts';

/** A frame that once arrived. */
interface Kept {
  readonly from: Peer;
  readonly frame: Uint8Array;
}

const keptAtMost = 48;

export class TappedChannel implements Channel {
  readonly #inner: Channel;
  readonly #host: Host;
  readonly #random: Random;
  /** Hears of every frame; false: it is not delivered. */
  readonly #arrived: (from: Peer, frame: Uint8Array) => boolean;
  readonly #kept: Kept[] = [];
  readonly #now: () => number;
  #count = 0;
  /** The peers that the node has been told of. */
  #told = 0;
  #aloneUntil = 0;
  #events: ChannelEvents | undefined;

  constructor(
    inner: Channel,
    host: Host,
    random: Random,
    now: () => number,
    arrived: (from: Peer, frame: Uint8Array) => boolean,
  ) {
    this.#inner = inner;
    this.#now = now;
    this.#host = host;
    this.#random = random;
    this.#arrived = arrived;
  }

  open(events: ChannelEvents): Promise<void> {
    this.#events = events;
    return this.#inner.open({
      up: (peer) =>
        this.#deliver(() => {
          if (++this.#told === 1) this.#aloneUntil = this.#now();
          events.up(peer);
        }),
      down: (peer) =>
        this.#deliver(() => {
          this.#told--;
          events.down(peer);
        }),
      gap: (peer) => this.#deliver(() => events.gap(peer)),
      frame: (from, frame) => {
        this.#keep(from, frame);
        this.#deliver(() => {
          if (this.#arrived(from, frame)) events.frame(from, frame);
        });
      },
    });
  }

  /** The last moment, true time, at which no other member could be reached as far as the node knew. */
  get aloneUntil(): number {
    return this.#told === 0 ? this.#now() : this.#aloneUntil;
  }

  /** Delivers once more a frame that its sender's same life sent to this life, however long ago. Returns it, if there is one. */
  replay(): Kept | undefined {
    const kept = this.#kept[Math.floor(this.#random.fraction() * this.#kept.length)];
    if (kept === undefined || !this.#isUp(kept.from)) return undefined;
    this.#deliver(() => this.#events?.frame(kept.from, kept.frame.slice()));
    return kept;
  }

  /** Delivers a frame that was held back, unless its sender's life is gone meanwhile: then it is lost, as the channel promises. */
  late(from: Peer, frame: Uint8Array): void {
    if (this.#isUp(from)) this.#deliver(() => this.#events?.frame(from, frame));
  }

  peers(): readonly Peer[] {
    return this.#inner.peers();
  }

  pending(): readonly string[] {
    return this.#inner.pending();
  }

  send(to: Peer, frame: Uint8Array): void {
    this.#inner.send(to, frame);
  }

  broadcast(frame: Uint8Array): void {
    this.#inner.broadcast(frame);
  }

  know(addresses: readonly string[]): void {
    this.#inner.know(addresses);
  }

  counters(): Readonly<Record<string, number>> {
    return this.#inner.counters();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #deliver(run: () => void): void {
    if (this.#host.gone) return;
    if (this.#host.held !== undefined) this.#host.held.push(run);
    else run();
  }

  #isUp({ node, incarnation }: Peer): boolean {
    return this.peers().some((peer) => peer.node === node && peer.incarnation === incarnation);
  }

  /** Early frames are as likely to be kept as late ones. */
  #keep(from: Peer, frame: Uint8Array): void {
    this.#count++;
    if (this.#kept.length < keptAtMost) this.#kept.push({ from, frame: frame.slice() });
    else if (this.#random.fraction() < keptAtMost / this.#count)
      this.#kept[Math.floor(this.#random.fraction() * keptAtMost)] = { from, frame: frame.slice() };
  }
}
