/**
 * Callers that wait until what they put is on other members. Everybody who asks for the same at one
 * time shares one wait. It ends when enough members confirmed, when all that can be reached did, or
 * when its time is over; a member that is silent meanwhile is asked again, and so learns what it missed.
 */

import type { Cancel, Clock } from '../clock.ts';
import type { Stored } from './copies.ts';
import type { PeerState } from './peer.ts';

/** Who asks for the same so soon after another shares its wait, milliseconds, and has so much less time. */
const sharedMs = 1;
/** Between two reminders. Longer than a round trip under load, so that they are an exception. */
const remindMs = 80;

export interface WaitsParts {
  readonly node: string;
  readonly clock: Clock;
  /** Members that have not left, this node left out: those of whom anything is known. */
  readonly expected: () => readonly string[];
  readonly peers: () => Iterable<PeerState>;
  /** Asks those that have not confirmed up to this batch to do so. */
  readonly remind: (number: number) => void;
  /** A wait ended by its time alone. */
  readonly late: () => void;
}

interface Wait {
  readonly copies: number | 'all';
  /** When its time is over, by the monotonic clock. */
  readonly endsAt: number;
  /** The batch that holds what is waited for; unknown until it leaves. */
  number: number | undefined;
  readonly promise: Promise<Stored>;
  readonly end: (late: boolean) => void;
}

export class Waits {
  readonly #parts: WaitsParts;
  /** Those whose batch has not left yet: few, since it leaves soon. */
  readonly #unsent = new Set<Wait>();
  readonly #open = new Set<Wait>();

  constructor(parts: WaitsParts) {
    this.#parts = parts;
  }

  /** Whether the next batch has to ask for a confirmation. */
  get isWaiting(): boolean {
    return this.#unsent.size > 0;
  }

  /** Waits for the batch `number`, or for the one that leaves next. */
  wait(copies: number | 'all', ms: number, number: number | undefined): Promise<Stored> {
    const endsAt = this.#parts.clock.monotonic() + ms;
    if (number === undefined)
      for (const known of this.#unsent)
        if (known.copies === copies && Math.abs(endsAt - known.endsAt) < sharedMs) return known.promise;
    const wait = this.#begin(copies, endsAt, number);
    if (number === undefined) this.#unsent.add(wait);
    else if (!this.#check(wait)) this.#parts.remind(number);
    return wait.promise;
  }

  /** What waited left with the batches up to this one. */
  sent(number: number): void {
    for (const wait of this.#unsent) wait.number = number;
    this.#unsent.clear();
    this.check();
  }

  /** A confirmation came, or a peer came or went. */
  check(): void {
    for (const wait of this.#open) this.#check(wait);
  }

  /** Ends all of them with what is known. */
  close(): void {
    for (const wait of this.#open) wait.end(false);
  }

  #begin(copies: number | 'all', endsAt: number, number: number | undefined): Wait {
    const { clock, remind, late } = this.#parts;
    let settle: (stored: Stored) => void = () => {};
    const promise = new Promise<Stored>((resolve) => (settle = resolve));
    let cancel: Cancel = () => {};
    const arm = () => {
      const left = endsAt - clock.monotonic();
      cancel = clock.after(Math.min(left, remindMs), () => {
        if (clock.monotonic() >= endsAt) return wait.end(true);
        if (wait.number !== undefined) remind(wait.number);
        arm();
      });
    };
    const wait: Wait = {
      copies,
      endsAt,
      number,
      promise,
      end: (isLate) => {
        cancel();
        if (isLate) late();
        this.#open.delete(wait);
        this.#unsent.delete(wait);
        settle(this.#stored(wait.number));
      },
    };
    this.#open.add(wait);
    arm();
    return wait;
  }

  #check(wait: Wait): boolean {
    if (wait.number === undefined) return false;
    let confirmed = 1;
    let silent = 0;
    for (const peer of this.#parts.peers()) {
      if (peer.acked >= wait.number) confirmed++;
      else if (peer.reachable) silent++;
    }
    const enough = wait.copies === 'all' ? silent === 0 : confirmed >= wait.copies || silent === 0;
    if (enough) wait.end(false);
    return enough;
  }

  #stored(number: number | undefined): Stored {
    const { node, expected, peers } = this.#parts;
    const nodes = [node];
    const outstanding = new Set(expected());
    for (const peer of peers()) {
      if (number !== undefined && peer.acked >= number) nodes.push(peer.peer.node);
      else if (peer.reachable) outstanding.add(peer.peer.node);
    }
    for (const name of nodes) outstanding.delete(name);
    return { nodes, outstanding: [...outstanding].sort() };
  }
}
