/** The other nodes as the courier sees them: who stays, who is gone, whose life is over, and who is chosen as a buddy. */

import type { Peer } from '../../channel/channel.ts';
import { isGone, type MemberState } from '../../gossip/members.ts';
import { lifeOf, nodeOf } from '../../life.ts';
import { buddiesWanted, Choice, type Placed } from './choice.ts';
import type { CopiesWanted } from './depot.ts';

export interface CourierMember extends Placed {
  readonly incarnation: number;
}

/** What the courier asks of the members. */
export interface CourierMembers {
  members(): readonly CourierMember[];
  onMember(listener: (before: CourierMember | undefined, after: CourierMember) => void): void;
  /** When a life ended, milliseconds; `undefined` while it goes on. */
  lifeEndedAt(life: string): number | undefined;
}

export interface CompanyParts {
  readonly self: Peer;
  readonly members: CourierMembers;
  /** Configured ones; 0 without. */
  readonly voters: number;
  /** Who can be reached now. */
  readonly peers: ReadonlyMap<string, Peer>;
  /** Whether all members are known that anybody could name: who is none of them is gone. */
  readonly hasMetAll: () => boolean;
}

export class Company {
  readonly #parts: CompanyParts;
  #states: ReadonlyMap<string, MemberState> | undefined;
  #known = 0;
  /** Whether a member says no host, as only the version before does. */
  #hasFormer = false;
  #choice: Choice | undefined;

  constructor(parts: CompanyParts) {
    this.#parts = parts;
  }

  /** A member changed, or can be reached, or can't any more. */
  changed(): void {
    this.#states = undefined;
    this.#choice = undefined;
  }

  /** How many nodes are to hold a session's data beside the owner's; `undefined`: all, as also while one knows nothing else. */
  wanted(wanted: CopiesWanted | undefined): number | undefined {
    this.#look();
    if (this.#hasFormer) return undefined;
    return buddiesWanted(wanted, Math.max(this.#parts.voters, this.#known));
  }

  /** As `Choice.choose`. */
  choose(key: string, count: number, present?: readonly string[]): readonly string[] {
    const { peers, self, members } = this.#parts;
    // Else a write of each session would cost a ranking, though nothing is to change.
    if (present?.length === count && present.every((node) => peers.has(node) && this.lives(node))) return present;
    this.#choice ??= new Choice(self.node, members.members());
    return this.#choice.choose(key, count, present);
  }

  /** All members that have not left, this node or others, by name. */
  staying(): readonly string[] {
    return [...this.#look()].flatMap(([node, state]) => (state === 'left' ? [] : [node]));
  }

  /** Whether it is neither gone nor about to leave. */
  stays(node: string): boolean {
    const state = this.#look().get(node);
    return state === 'up' || state === 'joining';
  }

  /** Neither left nor lost. */
  lives(node: string): boolean {
    const state = this.#look().get(node);
    return state !== undefined && state !== 'left' && state !== 'lost';
  }

  /** Whether the life that served a session is over, or taken for it. */
  isOver(owner: string): boolean {
    const { members, self, peers } = this.#parts;
    if (owner === '' || members.lifeEndedAt(owner) !== undefined) return true;
    const node = nodeOf(owner);
    const incarnation = node === self.node ? self.incarnation : peers.get(node)?.incarnation;
    // One that was gone for so long that it is no member any more.
    if (incarnation === undefined) return !this.#look().has(node) && this.#parts.hasMetAll();
    return incarnation > Number(owner.slice(node.length + 1));
  }

  /** The life of a node that can be reached. */
  lifeAt(node: string): string | undefined {
    const peer = this.#parts.peers.get(node);
    return peer && lifeOf(peer);
  }

  #look(): ReadonlyMap<string, MemberState> {
    if (this.#states === undefined) {
      const members = this.#parts.members.members();
      this.#states = new Map(members.map(({ node, state }) => [node, state]));
      this.#hasFormer = members.some((one) => one.host === '' && one.node !== this.#parts.self.node && !isGone(one));
      this.#known = [...this.#states.values()].filter((state) => state !== 'left').length;
    }
    return this.#states;
  }
}

export const isSamePeer = (a: Peer, b: Peer): boolean => a.node === b.node && a.incarnation === b.incarnation;
