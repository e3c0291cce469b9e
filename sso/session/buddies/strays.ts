/**
 * Data that may be where it need not be, or may lack where it should be: of sessions that this node has, and is neither
 * the owner nor a buddy of; and, when a node comes up, of sessions whose owner's life is over and which both should hold.
 * Each is offered by its version, again and again, until it is said to be kept, or is asked for. Only what is kept where it
 * should be is let go of here: nothing is dropped that is not elsewhere.
 */

import type { Peer } from '../../channel/channel.ts';
import { targetFrameBytes } from '../../gossip/message.ts';
import { isSamePeer } from './company.ts';
import type { PlacedSession } from './holders.ts';

/** Sessions of one frame, and characters of their keys and versions; frames without an answer for one peer. */
const offerKeys = 500;
const offerLength = targetFrameBytes;
const offersAtMost = 16;
/** Keys that are looked at in one turn. */
const slice = 1_000;
/** An answer is waited for so long, milliseconds. */
const answerMs = 10_000;

interface Offer {
  readonly peer: Peer;
  readonly versions: ReadonlyMap<string, string>;
  readonly at: number;
}

export interface StraysParts {
  /** Whom data is to be offered to that is too much here; `undefined`: nobody who can be reached; `none`: it is not too much. */
  readonly target: (key: string) => Peer | undefined | 'none';
  /** The session if it is to be offered to this peer for it to be brought up to date. */
  readonly refill: (key: string, peer: Peer) => boolean;
  readonly session: (key: string) => PlacedSession | undefined;
  readonly say: (to: Peer, id: number, versions: readonly string[]) => void;
  readonly shed: (key: string) => void;
  readonly carry: (key: string, to: Peer) => void;
  readonly soon: (run: () => void) => void;
  readonly monotonic: () => number;
  readonly nextId: () => number;
}

export class Strays {
  readonly #parts: StraysParts;
  readonly #keys = new Set<string>();
  /** By the node that is to be brought up to date. */
  readonly #refills = new Map<string, Set<string>>();
  readonly #offers = new Map<number, Offer>();
  #passing = false;

  constructor(parts: StraysParts) {
    this.#parts = parts;
  }

  /** Data that is too much here, and what others may lack. */
  get size(): number {
    let { size } = this.#keys;
    for (const keys of this.#refills.values()) size += keys.size;
    return size;
  }

  /** Data that is too much here. */
  get strayCount(): number {
    return this.#keys.size;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  add(key: string): void {
    this.#keys.add(key);
  }

  delete(key: string): void {
    if (this.#keys.size > 0) this.#keys.delete(key);
  }

  /** A node that came up may lack it. */
  refill(key: string, node: string): void {
    const keys = this.#refills.get(node);
    if (keys === undefined) this.#refills.set(node, new Set([key]));
    else keys.add(key);
  }

  /** A node can't be reached any more. */
  down(node: string): void {
    this.#refills.delete(node);
    for (const [id, { peer }] of this.#offers) if (peer.node === node) this.#offers.delete(id);
  }

  /** Offers everything once, in slices. `peers`: those that can be reached. */
  pass(peers: ReadonlyMap<string, Peer>): void {
    if (this.#passing) return;
    const now = this.#parts.monotonic();
    for (const [id, { at }] of this.#offers) if (now - at >= answerMs) this.#offers.delete(id);
    this.#passing = true;
    this.#step(this.#candidates(peers));
  }

  /** A peer's answer. What was changed or placed otherwise meanwhile is offered again. */
  offered(from: Peer, id: number, kept: readonly string[], wanted: readonly string[]): void {
    const offer = this.#offers.get(id);
    if (offer === undefined || !isSamePeer(offer.peer, from)) return;
    this.#offers.delete(id);
    const { session, target, shed, carry } = this.#parts;
    for (const key of kept) {
      const version = offer.versions.get(key);
      if (version === undefined || session(key)?.data.version !== version) continue;
      this.#refills.get(from.node)?.delete(key);
      if (!this.#keys.has(key)) continue;
      const to = target(key);
      if (to === undefined || (to !== 'none' && !isSamePeer(to, from))) continue;
      this.#keys.delete(key);
      if (to !== 'none') shed(key);
    }
    for (const key of wanted) if (offer.versions.has(key)) carry(key, from);
  }

  *#candidates(peers: ReadonlyMap<string, Peer>): Generator<readonly [key: string, to: Peer] | undefined> {
    for (const key of this.#keys) {
      const to = this.#parts.target(key);
      if (to === 'none') this.#keys.delete(key);
      yield to === undefined || to === 'none' ? undefined : [key, to];
    }
    for (const [node, keys] of this.#refills) {
      const peer = peers.get(node);
      for (const key of keys) {
        if (peer !== undefined && this.#parts.refill(key, peer)) yield [key, peer];
        else {
          keys.delete(key);
          yield undefined;
        }
      }
    }
  }

  #step(candidates: Iterator<readonly [key: string, to: Peer] | undefined>): void {
    const lists = new Map<string, { readonly peer: Peer; readonly versions: Map<string, string>; length: number }>();
    let more = true;
    for (let count = 0; count < slice; count++) {
      const next = candidates.next();
      if (next.done === true) {
        more = false;
        break;
      }
      if (next.value === undefined) continue;
      const [key, peer] = next.value;
      const held = this.#parts.session(key);
      if (held === undefined || this.#openAt(peer) >= offersAtMost) continue;
      const { version } = held.data;
      const list = lists.get(peer.node) ?? { peer, versions: new Map<string, string>(), length: 0 };
      lists.set(peer.node, list);
      list.versions.set(key, version);
      list.length += key.length + version.length;
      if (list.versions.size === offerKeys || list.length >= offerLength) {
        this.#send(list.peer, list.versions);
        lists.delete(peer.node);
      }
    }
    for (const { peer, versions } of lists.values()) this.#send(peer, versions);
    if (more) this.#parts.soon(() => this.#step(candidates));
    else this.#passing = false;
  }

  #openAt({ node }: Peer): number {
    if (this.#offers.size < offersAtMost) return 0;
    let open = 0;
    for (const { peer } of this.#offers.values()) if (peer.node === node) open++;
    return open;
  }

  #send(peer: Peer, versions: ReadonlyMap<string, string>): void {
    const id = this.#parts.nextId();
    this.#offers.set(id, { peer, versions, at: this.#parts.monotonic() });
    this.#parts.say(peer, id, [...versions].flat());
  }
}
