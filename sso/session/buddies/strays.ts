/**
 * Data that may be where it need not be, or may lack where it should be: of sessions that this node has, and is neither
 * the owner nor a buddy of; and, when a node comes up, of sessions whose owner's life is over and which both should hold.
 * Each is offered by its version, again and again, until it is said to be kept, or is asked for. Only what is kept where it
 * should be is let go of here: nothing is dropped that is not elsewhere.
 */

import type { Peer } from '../../channel/channel.ts';
import { targetFrameBytes } from '../../gossip/message.ts';
import { lifeOf } from '../../life.ts';
import type { Turns } from '../turns.ts';
import { isSamePeer } from './company.ts';
import type { PlacedSession } from './holders.ts';

/** Sessions of one frame, and characters of their keys and versions; frames without an answer for one peer. */
const offerKeys = 500;
const offerLength = targetFrameBytes;
const offersAtMost = 16;
/** Keys that are looked at in one turn; fewer if that takes long, as it may to let go of what lies on the disk. */
const slice = 1_000;
/** An answer is waited for so long, milliseconds. */
const answerMs = 10_000;

interface Offer {
  readonly peer: Peer;
  readonly versions: ReadonlyMap<string, string>;
  readonly at: number;
}

/** What is to be offered to one peer. */
interface List {
  readonly peer: Peer;
  readonly versions: Map<string, string>;
  length: number;
}

export interface StraysParts {
  /** Those of whom each has to say that data is kept which is too much here; `undefined`: one cannot be asked; `none`: it is not too much. */
  readonly targets: (key: string) => readonly Peer[] | undefined | 'none';
  /** The session if it is to be offered to this peer for it to be brought up to date. */
  readonly refill: (key: string, peer: Peer) => boolean;
  readonly session: (key: string) => PlacedSession | undefined;
  readonly say: (to: Peer, id: number, versions: readonly string[]) => void;
  readonly shed: (key: string) => void;
  readonly carry: (key: string, to: Peer) => void;
  readonly turns: Pick<Turns, 'run'>;
  readonly monotonic: () => number;
  readonly nextId: () => number;
}

export class Strays {
  readonly #parts: StraysParts;
  readonly #keys = new Set<string>();
  /** By the node that is to be brought up to date. */
  readonly #refills = new Map<string, Set<string>>();
  readonly #offers = new Map<number, Offer>();
  /** Where more than one has to say so: the lives that have, of which version. */
  readonly #said = new Map<string, { readonly version: string; readonly lives: Set<string> }>();
  #passing = false;
  #passAgain = false;

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
    if (this.#keys.size === 0) return;
    this.#keys.delete(key);
    this.#said.delete(key);
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
    this.#said.clear();
    for (const [id, { peer }] of this.#offers) if (peer.node === node) this.#offers.delete(id);
  }

  /** Offers everything once, in slices; after what is under way, if that is so. `peers`: those that can be reached. */
  pass(peers: ReadonlyMap<string, Peer>): void {
    if (this.#passing) {
      this.#passAgain = true;
      return;
    }
    const now = this.#parts.monotonic();
    for (const [id, { at }] of this.#offers) if (now - at >= answerMs) this.#offers.delete(id);
    this.#passing = true;
    const lists = new Map<string, List>();
    const done = () => {
      for (const { peer, versions } of lists.values()) this.#send(peer, versions);
      this.#passing = false;
      if (!this.#passAgain) return;
      this.#passAgain = false;
      this.pass(peers);
    };
    this.#parts.turns.run(this.#pass(peers, lists), slice, done);
  }

  /** A peer's answer. What was changed or placed otherwise meanwhile is offered again. */
  offered(from: Peer, id: number, kept: readonly string[], wanted: readonly string[]): void {
    const offer = this.#offers.get(id);
    if (offer === undefined || !isSamePeer(offer.peer, from)) return;
    this.#offers.delete(id);
    this.#parts.turns.run(this.#answered(from, offer, kept, wanted), slice);
  }

  *#answered(
    from: Peer,
    { versions }: Offer,
    kept: readonly string[],
    wanted: readonly string[],
  ): Generator<undefined> {
    for (const key of kept) {
      const version = versions.get(key);
      if (version !== undefined) this.#kept(from, key, version);
      yield;
    }
    for (const key of wanted) {
      if (versions.has(key)) this.#parts.carry(key, from);
      yield;
    }
  }

  /** This peer says that the version which it was offered is kept where it answers for. */
  #kept(from: Peer, key: string, version: string): void {
    const { session, targets, shed } = this.#parts;
    if (session(key)?.data.version !== version) return;
    this.#refills.get(from.node)?.delete(key);
    if (!this.#keys.has(key)) return;
    const peers = targets(key);
    if (peers === undefined) return;
    if (peers !== 'none' && !this.#haveAllSaid(peers, from, key, version)) return;
    this.delete(key);
    if (peers !== 'none') shed(key);
  }

  #haveAllSaid(peers: readonly Peer[], from: Peer, key: string, version: string): boolean {
    if (!peers.some((peer) => isSamePeer(peer, from))) return false;
    if (peers.length === 1) return true;
    let said = this.#said.get(key);
    if (said?.version !== version) this.#said.set(key, (said = { version, lives: new Set() }));
    said.lives.add(lifeOf(from));
    return peers.every((peer) => said.lives.has(lifeOf(peer)));
  }

  /** All that is to be offered, and what is none of it any more. */
  *#candidates(peers: ReadonlyMap<string, Peer>): Generator<readonly [key: string, to: Peer] | undefined> {
    for (const key of this.#keys) {
      const targets = this.#parts.targets(key);
      if (targets === 'none') this.delete(key);
      if (targets === 'none' || targets === undefined) yield undefined;
      else for (const to of targets) yield [key, to];
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

  *#pass(peers: ReadonlyMap<string, Peer>, lists: Map<string, List>): Generator<undefined> {
    for (const candidate of this.#candidates(peers)) {
      if (candidate !== undefined) this.#list(candidate[0], candidate[1], lists);
      yield;
    }
  }

  /** Sends what is listed for a peer when that fills a frame. */
  #list(key: string, peer: Peer, lists: Map<string, List>): void {
    const held = this.#parts.session(key);
    if (held === undefined || this.#openAt(peer) >= offersAtMost) return;
    const { version } = held.data;
    const list = lists.get(peer.node) ?? { peer, versions: new Map<string, string>(), length: 0 };
    lists.set(peer.node, list);
    list.versions.set(key, version);
    list.length += key.length + version.length;
    if (list.versions.size < offerKeys && list.length < offerLength) return;
    this.#send(list.peer, list.versions);
    lists.delete(peer.node);
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
