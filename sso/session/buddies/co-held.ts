/**
 * Digests of what two nodes should both hold: for each pair of an owner and one of its buddies, the sessions
 * of the one whose data is with the other. Both keep theirs by the changes of their records alone, so that
 * comparing costs nothing where nothing differs. Keys and hashes are gossip's (`../../gossip/digest.ts`); the
 * buckets are its map's, so that what differs is found without an index of its own.
 *
 * A session that is over is forgotten here a little earlier, there a little later. So it is left out of a
 * comparison as of a minute on both sides, from the minute on in which it is over, or a hundredth of its idle
 * time before: with so coarse a grain for sessions that last long, few minutes have to be told apart.
 *
 * Owner and buddy are nodes, not lives: one that comes back with nothing is refilled by the other.
 */

import type { Copies } from '../../gossip/copies.ts';
import { bucketsPerGroup, groupCount, Hasher } from '../../gossip/digest.ts';
import { nodeOf } from '../../life.ts';
import { sessionLattice } from '../lattice.ts';
import type { LiveSession, SessionRecord } from '../record.ts';

/** Lanes of all groups, and of the buckets of one group: two each. */
export const groupLanes = 2 * groupCount;
export const bucketLanes = 2 * bucketsPerGroup;

/** What an owner and a buddy should both hold, as this node has it. */
export interface Pair {
  /** Sessions, those among them that are over and not forgotten yet. */
  readonly size: number;
  /** Two lanes a group, of what is not over as of a minute. */
  groups(minute: number): Int32Array;
  /** Two lanes a bucket of this group: looks at all keys of the group, those of one bucket in a step. */
  buckets(group: number, minute: number): Generator<undefined, Int32Array>;
  /** What a bucket (of all, from 0) holds of it. */
  keys(bucket: number, minute: number): KeyHash[];
}

/** The hash covers the key and the version of the data: 53 bits. */
export type KeyHash = readonly [key: string, hash: number];

export interface CoHeldParts {
  /** This node's name. */
  readonly node: string;
  readonly copies: Pick<Copies<SessionRecord>, 'bucket'>;
}

export class CoHeld {
  readonly #parts: CoHeldParts;
  readonly #owned = new Map<string, HeldPair>();
  readonly #kept = new Map<string, HeldPair>();
  readonly #counts = { owned: 0, kept: 0, elsewhere: 0 };

  constructor(parts: CoHeldParts) {
    this.#parts = parts;
  }

  /** What this node owns and a buddy should hold too; `undefined`: nothing. */
  owned(buddy: string): Pair | undefined {
    return this.#owned.get(buddy);
  }

  /** What another node owns and this one should hold too; `undefined`: nothing. */
  kept(owner: string): Pair | undefined {
    return this.#kept.get(owner);
  }

  /** The sessions that only some nodes have, by what this node is to them. */
  get counts(): Readonly<Record<Role, number>> {
    return this.#counts;
  }

  /** A record became another, or (without `after`) was forgotten. To be told of every change, in their order. */
  changed(key: string, before: SessionRecord | undefined, after: SessionRecord | undefined): void {
    const was = this.#placeOf(before);
    const is = this.#placeOf(after);
    if (was === undefined && is === undefined) return;
    if (was?.role !== is?.role) {
      if (was !== undefined) this.#counts[was.role]--;
      if (is !== undefined) this.#counts[is.role]++;
    }
    if (was?.session.data.version === is?.session.data.version && was?.slot === is?.slot && isSame(was, is)) return;
    hasher.key(key);
    // Added before it is taken away: a pair of this session alone is not to be made anew.
    if (is !== undefined) this.#toggle(is, 1);
    if (was !== undefined) this.#toggle(was, -1);
  }

  #toggle({ session, slot, role, names }: Place, count: 1 | -1): void {
    if (role === 'elsewhere') return;
    const pairs = role === 'owned' ? this.#owned : this.#kept;
    hasher.text(session.data.version);
    for (const name of names) {
      let pair = pairs.get(name);
      if (pair === undefined) pairs.set(name, (pair = this.#pair(role, name)));
      pair.toggle(hasher, slot, count);
      if (pair.size === 0) pairs.delete(name);
    }
  }

  #pair(role: Role, name: string): HeldPair {
    const { node, copies } = this.#parts;
    const [owner, buddy] = role === 'owned' ? [node, name] : [name, node];
    return new HeldPair(copies, ({ owner: life, buddies }) => isOf(life, owner) && buddies!.includes(buddy));
  }

  /** `undefined`: it is no session, or every node's. */
  #placeOf(record: SessionRecord | undefined): Place | undefined {
    if (record?.state !== 'live' || record.buddies === undefined) return undefined;
    const { node } = this.#parts;
    const slot = slotOf(record);
    if (isOf(record.owner, node)) {
      const names = record.buddies.filter((one, at, all) => one !== node && all.indexOf(one) === at);
      return { session: record, slot, role: 'owned', names };
    }
    if (!record.buddies.includes(node)) return { session: record, slot, role: 'elsewhere', names: [] };
    // What was released has no owner to compare with.
    const owner = nodeOf(record.owner);
    return { session: record, slot, role: 'kept', names: owner === '' ? [] : [owner] };
  }
}

/** What this node is to a session: its owner, its buddy, or neither. */
type Role = 'owned' | 'kept' | 'elsewhere';

/** Where a session belongs on this node. */
interface Place {
  readonly session: LiveSession;
  readonly slot: number;
  readonly role: Role;
  readonly names: readonly string[];
}

function isSame(a: Place | undefined, b: Place | undefined): boolean {
  return a?.role === b?.role && (a?.names === b?.names || a?.names.join() === b?.names.join());
}

/** Whether a life is one of this node. */
const isOf = (life: string, node: string): boolean => life.startsWith(node) && life.lastIndexOf(':') === node.length;

const hasher = new Hasher();

class HeldPair implements Pair {
  readonly #copies: CoHeldParts['copies'];
  /** Whether a session that only some nodes have is one of this pair's. */
  readonly #has: (session: LiveSession) => boolean;
  readonly #all = new Int32Array(groupLanes);
  /** Of those that are over from the same minute on. */
  readonly #slots = new Map<number, { size: number; readonly lanes: Int32Array }>();
  #size = 0;

  constructor(copies: CoHeldParts['copies'], has: (session: LiveSession) => boolean) {
    this.#copies = copies;
    this.#has = has;
  }

  get size(): number {
    return this.#size;
  }

  toggle(hash: Hasher, slot: number, count: 1 | -1): void {
    this.#size += count;
    const group = Math.floor(hash.bucket / bucketsPerGroup);
    toggleLanes(this.#all, group, hash);
    if (slot === Number.POSITIVE_INFINITY) return;
    let some = this.#slots.get(slot);
    if (some === undefined) this.#slots.set(slot, (some = { size: 0, lanes: new Int32Array(groupLanes) }));
    some.size += count;
    if (some.size === 0) this.#slots.delete(slot);
    else toggleLanes(some.lanes, group, hash);
  }

  groups(minute: number): Int32Array {
    const groups = this.#all.slice();
    for (const [slot, { lanes }] of this.#slots)
      if (slot <= minute) for (let at = 0; at < groups.length; at++) groups[at]! ^= lanes[at]!;
    return groups;
  }

  *buckets(group: number, minute: number): Generator<undefined, Int32Array> {
    const lanes = new Int32Array(bucketLanes);
    for (let at = 0; at < bucketsPerGroup; at++) {
      for (const [key, session] of this.#of(group * bucketsPerGroup + at, minute))
        toggleLanes(lanes, at, hasher.key(key).text(session.data.version));
      yield;
    }
    return lanes;
  }

  keys(bucket: number, minute: number): KeyHash[] {
    const keys: KeyHash[] = [];
    for (const [key, session] of this.#of(bucket, minute)) {
      const { low, high } = hasher.key(key).text(session.data.version);
      keys.push([key, (high >>> 11) * 0x1_0000_0000 + (low >>> 0)]);
    }
    return keys;
  }

  *#of(bucket: number, minute: number): Generator<readonly [string, LiveSession]> {
    for (const [key, record] of this.#copies.bucket(bucket) ?? []) {
      if (record.state !== 'live' || record.buddies === undefined) continue;
      if (this.#has(record) && slotOf(record) > minute) yield [key, record];
    }
  }
}

function toggleLanes(lanes: Int32Array, at: number, { low, high }: Hasher): void {
  lanes[2 * at]! ^= low;
  lanes[2 * at + 1]! ^= high;
}

const msPerMinute = 60_000;
/** So many slots, or up to twice as many, from the last use of a session to its end. */
const slots = 128;

/** From which minute on it is left out: the one from which it is over, rounded down where it is far from the last use. */
function slotOf(session: LiveSession): number {
  const forgetAt = sessionLattice.forgetAt(session);
  const due = Math.ceil(forgetAt / msPerMinute);
  const minutes = (forgetAt - session.lastAccessAt) / msPerMinute;
  const grain = minutes <= slots ? 1 : 2 ** Math.floor(Math.log2(minutes / slots));
  return Math.floor(due / grain) * grain;
}
