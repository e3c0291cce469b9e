/**
 * Which nodes hold a session's data beside its owner. Rendezvous hashing (Thaler and Ravishankar 1998): of
 * the nodes that may be chosen those with the greatest hash of key and node. So every session of a node has
 * buddies of its own, a node that joins draws about 1/N of the choices to itself and changes no other, and one
 * that goes leaves its share to all. The guide's preferences come first (8.2.3): the owner's `buddyPool`, and
 * another host.
 *
 * Pure, and made anew when the members change, or who of them can be reached: to choose costs one hash for each node.
 */

import { Hasher } from '../../gossip/digest.ts';
import { isGone, type MemberState } from '../../gossip/members.ts';
import type { CopiesWanted } from './depot.ts';

/** A member, as far as a choice depends on it. */
export interface Placed {
  readonly node: string;
  /** '': none. Those without one are a pool as well. */
  readonly buddyPool: string;
  /** '': it is not known, and so counts as no other. */
  readonly host: string;
  readonly state: MemberState;
  /** Whether its frames come here now. Default true. */
  readonly reachable?: boolean | undefined;
}

/** In a cluster of so many nodes at most every node holds all data, unless an application says otherwise. */
export const totalAtMost = 3;
/** Beyond that, so many nodes beside the owner's. */
export const usualBuddies = 1;

/**
 * How many nodes beside the owner's are to hold the data; `undefined`: all.
 * @param known the nodes of the cluster, this one included: its voters, or its members that have not left, whichever are more
 */
export function buddiesWanted(wanted: CopiesWanted | undefined, known: number): number | undefined {
  if (wanted === 'total') return undefined;
  return wanted ?? (known <= totalAtMost ? undefined : usualBuddies);
}

const hasher = new Hasher();

/** What one owner chooses among these members. */
export class Choice {
  readonly #self: string;
  readonly #living: ReadonlySet<string>;
  readonly #reachable: ReadonlySet<string>;
  /** The nodes that may be chosen, those preferred first. */
  readonly #tiers: readonly (readonly string[])[];

  constructor(self: string, members: readonly Placed[]) {
    this.#self = self;
    const living = members.filter((one) => one.node !== self && !isGone(one));
    const reachable = living.filter((one) => one.reachable !== false);
    this.#living = new Set(living.map(({ node }) => node));
    this.#reachable = new Set(reachable.map(({ node }) => node));
    const own = members.find(({ node }) => node === self) ?? { buddyPool: '', host: '' };
    const tiers: string[][] = Array.from({ length: 8 }, () => []);
    for (const one of reachable) {
      // One that joins knows little yet, and is better than nobody; one that drains is about to go.
      if (one.state === 'up') tiers[distance(own, one)]!.push(one.node);
      else if (one.state === 'joining') tiers[4 + distance(own, one)]!.push(one.node);
    }
    this.#tiers = tiers;
  }

  /**
   * The buddies of the session of this key, `count` of them as far as there are so many. Those of `present` that live keep
   * their places, so that no data moves without need; in the place of one that left or is lost comes another, and in the place
   * of all if none of them can be reached now: else nobody would have what is written. Where nobody can come, the one that is
   * away stays listed: when it is back it is brought up to date. Beyond `count` the gone are dropped first, then the last.
   * Returns `present` itself where nothing is to change.
   */
  choose(key: string, count: number, present: readonly string[] = []): readonly string[] {
    const keeping = this.#keeping(present);
    const living = present.filter((node) => keeping.has(node)).slice(0, count);
    const others = this.#best(key, count - living.length, living);
    let vacancies = count - living.length - others.length;
    const chosen: string[] = [];
    for (const node of present) {
      if (living.includes(node)) chosen.push(node);
      else if (others.length > 0) chosen.push(others.shift()!);
      else if (node !== this.#self && !keeping.has(node) && vacancies-- > 0) chosen.push(node);
    }
    chosen.push(...others);
    return chosen.length === present.length && chosen.every((node, at) => node === present[at]) ? present : chosen;
  }

  /** Those that keep their places. */
  #keeping(present: readonly string[]): ReadonlySet<string> {
    const isCutOff = present.every((node) => !this.#reachable.has(node));
    return isCutOff ? this.#reachable : this.#living;
  }

  #best(key: string, count: number, taken: readonly string[]): string[] {
    const best: string[] = [];
    if (count <= 0) return best;
    hasher.key(key);
    for (const tier of this.#tiers) {
      const ranked = tier.filter((node) => !taken.includes(node)).map((node) => ({ node, weight: weightOf(node) }));
      ranked.sort((a, b) => b.weight - a.weight || (a.node < b.node ? -1 : 1));
      for (const { node } of ranked) if (best.length < count) best.push(node);
      if (best.length === count) break;
    }
    return best;
  }
}

/** Of the key that the hasher was given with this node: 53 bits. */
function weightOf(node: string): number {
  const { low, high } = hasher.text(node);
  return (high >>> 0) * 0x20_0000 + (low >>> 11);
}

/** 0: in the same pool, on another host; 1: in the same pool; 2: on another host; 3: any other. */
function distance(own: Pick<Placed, 'buddyPool' | 'host'>, other: Placed): number {
  const isElsewhere = other.host !== '' && own.host !== other.host;
  return (own.buddyPool === other.buddyPool ? 0 : 2) + (isElsewhere ? 0 : 1);
}
