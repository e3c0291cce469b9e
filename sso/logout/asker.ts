/**
 * The asker's side of leases: whom it asks, and how often. While this life recovers it asks everybody, and
 * often; once it is up the voters, several times in the life of a lease, and those who are not known yet.
 */

import type { Cancel, Clock } from '../clock.ts';
import type { Talk } from '../gossip/talk.ts';
import type { Acquaintance } from './acquaintance.ts';
import type { Acquaintances } from './acquaintances.ts';
import { instantOf } from './instant.ts';
import { leaseFrame } from './message.ts';
import type { Recovering } from './recovering.ts';
import type { Voters } from './voters.ts';

export interface AskerParts {
  readonly talk: Talk;
  readonly voters: Voters;
  /** The raw clock: a lease counts from the moment its question was sent, by both of its readings. */
  readonly clock: Clock;
  readonly peers: Pick<Acquaintances, 'get'>;
  /** Looks again whether it has recovered, at each beat. */
  readonly recovering: Pick<Recovering, 'standing' | 'judge'>;
}

const asksPerLease = 3;
/** Between two looks while it recovers, milliseconds. */
const recoveringMs = 250;
/** Between two questions to all because somebody waits, milliseconds. */
const hastyMs = 50;

export class Asker {
  readonly #parts: AskerParts;
  #hastyAt = Number.NEGATIVE_INFINITY;
  #closed = false;
  #cancelBeat: Cancel = () => {};

  constructor(parts: AskerParts) {
    this.#parts = parts;
  }

  /** Asks all, again and again until it is closed. */
  beat(): void {
    if (this.#closed) return;
    this.askAll();
    const { clock, voters, recovering } = this.#parts;
    const ms = voters.leaseMs / asksPerLease;
    this.#cancelBeat = clock.after(recovering.standing === 'up' ? ms : Math.min(ms, recoveringMs), () => {
      recovering.judge();
      this.beat();
    });
  }

  /** Everybody who has a lease to give, or is to say what this life needs to recover. */
  askAll(): void {
    const { talk, peers, recovering } = this.#parts;
    for (const peer of talk.peers()) {
      const known = peers.get(peer);
      if (known === undefined) continue;
      if (recovering.standing !== 'up' || known.voter !== undefined || !known.isKnown) this.ask(known);
    }
  }

  /** Somebody waits: not before the next beat, but at once, unless all were asked just now for the same reason. */
  askHastily(): void {
    const monotonic = this.#parts.clock.monotonic();
    if (monotonic - this.#hastyAt < hastyMs) return;
    this.#hastyAt = monotonic;
    this.askAll();
  }

  ask(known: Acquaintance): void {
    const { talk, voters, clock, recovering } = this.#parts;
    const ask = known.ask(instantOf(clock));
    const { incarnation } = known.peer;
    const { standing } = recovering;
    talk.say(
      known.peer,
      leaseFrame({ type: 'lease', ask, incarnation, have: known.have, standing, voter: voters.own }),
    );
  }

  /** No beat comes any more. */
  close(): void {
    this.#closed = true;
    this.#cancelBeat();
  }
}
