/** The other nodes as final logout knows them: who speaks for which voter, which lives there are, who may hold what was closed. */

import type { Peer } from '../channel/channel.ts';
import { Acquaintance } from './acquaintance.ts';
import type { Expected, Life } from './confirmations.ts';
import type { Answer } from './recovery.ts';
import type { Voters } from './voters.ts';

/** A node as gossip knows it. */
export interface Member {
  readonly node: string;
  readonly incarnation: number;
  readonly state: string;
}

export class Acquaintances {
  readonly #self: Peer;
  readonly #voters: Voters;
  readonly #members: () => readonly Member[];
  readonly #byNode = new Map<string, Acquaintance>();

  constructor(self: Peer, voters: Voters, members: () => readonly Member[]) {
    this.#self = self;
    this.#voters = voters;
    this.#members = members;
  }

  /** This life of a node, if it is the one that is known. */
  get({ node, incarnation }: Peer): Acquaintance | undefined {
    const known = this.#byNode.get(node);
    return known?.peer.incarnation === incarnation ? known : undefined;
  }

  /** A life can be reached: it is met, or met again. */
  meet(peer: Peer): Acquaintance {
    const known = this.get(peer);
    if (known !== undefined) return known;
    const met = new Acquaintance(peer);
    met.voter = this.#byNode.get(peer.node)?.voter;
    this.#byNode.set(peer.node, met);
    return met;
  }

  /** The vote that a member claims, if it is another's of the list and no later life of another name claims it. */
  voteOf(known: Acquaintance, claimed: string | undefined): string | undefined {
    const { list, own } = this.#voters;
    if (claimed === undefined || claimed === own || !list.includes(claimed)) return undefined;
    for (const other of this.#byNode.values()) {
      const isLater = other.peer.incarnation > known.peer.incarnation;
      if (other !== known && other.voter === claimed && isLater) return undefined;
    }
    return claimed;
  }

  /** Whether every other voter has been met in this life. */
  get hasMetAll(): boolean {
    const met = new Set([...this.#byNode.values()].map(({ voter }) => voter));
    return this.#voters.list.every((voter) => voter === this.#voters.own || met.has(voter));
  }

  /** What each has answered last. */
  answers(): readonly Answer[] {
    return [...this.#byNode.values()].flatMap((known) => {
      const { answer } = known;
      return answer === undefined ? [] : [{ ...answer, voter: this.voteOf(known, answer.voter) }];
    });
  }

  /** These voters have said anew what they are: nothing is concluded from what they answered before. */
  forgetAnswers(voters: readonly string[]): void {
    for (const known of this.#byNode.values())
      if (known.voter !== undefined && voters.includes(known.voter)) known.forgetAnswer();
  }

  /** All nodes that may hold what was closed, oneself included. */
  expected(): readonly Expected[] {
    return this.#members().map(({ node, incarnation, state }) => {
      const voter = node === this.#self.node ? this.#voters.own : this.#byNode.get(node)?.voter;
      return { node, incarnation, voter, hasLeft: state === 'left' };
    });
  }

  /** The latest life of each node that is known, oneself included. */
  lives(): readonly Life[] {
    const lives = new Map<string, number>();
    for (const { node, incarnation } of this.#members()) lives.set(node, incarnation);
    for (const { peer } of this.#byNode.values())
      lives.set(peer.node, Math.max(peer.incarnation, lives.get(peer.node) ?? 0));
    return [...lives];
  }
}
