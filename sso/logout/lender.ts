/**
 * The giver's side of leases: the closings of this life with their running numbers, and the grants that
 * were given with them. First the closings that the asker lacks, then the lease: so whoever holds one
 * knows all that its giver knew when it gave it.
 */

import type { Peer } from '../channel/channel.ts';
import type { Talk } from '../gossip/talk.ts';
import { Closings } from './closings.ts';
import type { Closing } from './finality.ts';
import { partsOf } from './frames.ts';
import { Grants, type Running } from './grants.ts';
import type { Instant } from './instant.ts';
import { grantFrame, type Message } from './message.ts';
import type { Voters } from './voters.ts';

/** What an answer says of this node, whether there is a lease in it or not. */
export type Standpoint = Pick<
  Extract<Message, { type: 'grant' }>,
  'voter' | 'standing' | 'checked' | 'epoch' | 'pair' | 'remembers'
>;

export class Lender {
  readonly #talk: Talk;
  readonly #self: Peer;
  readonly #closings: Closings;
  readonly #grants: Grants;

  constructor(talk: Talk, self: Peer, { leaseMs }: Voters) {
    this.#talk = talk;
    this.#self = self;
    this.#closings = new Closings(3 * leaseMs);
    this.#grants = new Grants(leaseMs);
  }

  /** How many closings this life knows. */
  get number(): number {
    return this.#closings.number;
  }

  /** A life begins. `hasState`: with what an earlier one knew. `forgot`: it may have granted what it does not remember. */
  began(now: Instant, { hasState, forgot }: { readonly hasState: boolean; readonly forgot: boolean }): void {
    if (hasState) this.#closings.began();
    if (forgot) this.#grants.forgot(now);
  }

  note(closing: Closing, now: Instant): void {
    this.#closings.note(closing, now.monotonic);
  }

  /** Whether a closing has a number. */
  has(closing: Closing): boolean {
    return this.#closings.has(closing);
  }

  /** Answers a question for a lease; with one if `mayGrant`. */
  answer(
    to: Peer,
    asked: Extract<Message, { type: 'lease' }>,
    standpoint: Standpoint,
    mayGrant: boolean,
    now: Instant,
  ): void {
    const have = asked.incarnation === this.#self.incarnation ? asked.have : 0;
    const { number } = this.#closings;
    // What is spread comes first: V8 then copies it in one go, and leases are asked for all day.
    const head = {
      ...standpoint,
      type: 'grant',
      ask: asked.ask,
      incarnation: to.incarnation,
      number,
      wall: now.wall,
    } as const;
    this.#grants.has(to.node, to.incarnation, have);
    const lacking = this.#closings.since(have);
    if (lacking === undefined) {
      this.#talk.say(to, grantFrame({ ...head, granted: false, from: have, to: have, compare: true }, '[]'));
      return;
    }
    if (mayGrant) this.#grants.give(to.node, to.incarnation, have, number, now);
    let from = have;
    for (const part of partsOf(this.#talk, lacking, number)) {
      const granted = mayGrant && part.isLast;
      this.#talk.say(to, grantFrame({ ...head, granted, from, to: part.to, compare: false }, part.maps));
      from = part.to;
    }
  }

  /** A life has said that it is over. */
  left(node: string, incarnation: number): void {
    this.#grants.left(node, incarnation);
  }

  /** Grants that run and were given before these closings were stored. */
  running(closings: readonly Closing[], now: Instant): readonly Running[] {
    const number = Math.max(0, ...closings.map((closing) => this.#closings.numberOf(closing)));
    return this.#grants.running(number, now);
  }

  /** How long grants of a former life may run yet, milliseconds. */
  restMs(now: Instant): number {
    return this.#grants.restMs(now);
  }
}
