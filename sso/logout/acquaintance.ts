/** What one life of another node has told in answers to questions for a lease, and how much of what it holds is here. */

import type { Peer } from '../channel/channel.ts';
import type { Instant } from './instant.ts';
import type { Message } from './message.ts';
import type { Answer } from './recovery.ts';

/** Questions whose answers may still come. */
const openAtMost = 16;

type Granted = Extract<Message, { type: 'grant' }>;

export class Acquaintance {
  readonly peer: Peer;
  /** Its address among the voters; unknown until it has said so. */
  voter: string | undefined;
  #have = 0;
  #asks = 0;
  #hasCompared = false;
  readonly #asked = new Map<number, Instant>();
  #answer: { readonly said: Granted; readonly at: number } | undefined;

  constructor(peer: Peer) {
    this.peer = peer;
  }

  /** All its closings up to this number are here. */
  get have(): number {
    return this.#have;
  }

  /** Whether it has answered at all: until then it may be a voter. */
  get isKnown(): boolean {
    return this.#answer !== undefined;
  }

  /** A question leaves now. Returns its number. */
  ask(now: Instant): number {
    this.#asked.set(++this.#asks, now);
    this.#asked.delete(this.#asks - openAtMost);
    return this.#asks;
  }

  /** All that it held when its last closing was this one is here. */
  compared(number: number): void {
    this.#hasCompared = true;
    this.#have = Math.max(this.#have, number);
  }

  /** Takes an answer whose closings have been merged. Returns when its question left, if it is one of this life's that is open. */
  answered(said: Granted, monotonic: number): Instant | undefined {
    if (said.from <= this.#have) this.#have = Math.max(this.#have, said.to);
    this.voter = said.voter;
    const askedAt = this.#asked.get(said.ask);
    if (askedAt !== undefined && said.ask >= (this.#answer?.said.ask ?? 0)) this.#answer = { said, at: monotonic };
    return askedAt;
  }

  /** What it said last is no longer true: nothing is concluded from it. */
  forgetAnswer(): void {
    this.#answer = undefined;
  }

  /** What recovery judges by; `undefined` until it has answered. */
  get answer(): Answer | undefined {
    if (this.#answer === undefined) return undefined;
    const { said, at } = this.#answer;
    return {
      node: this.peer.node,
      incarnation: this.peer.incarnation,
      voter: said.voter,
      standing: said.standing,
      checked: said.checked,
      remembers: said.remembers,
      // Grants bring closings alone; a comparison brings the members, too, by whom former lives are known.
      merged: this.#hasCompared && this.#have >= said.number,
      at,
    };
  }
}
