/**
 * The latest stay of every node that has proven itself, and how far it was heard: what is not greater is a
 * replay, and so is an earlier stay of the same life. Only a hello that names the receiver's own stay adds
 * to it, so a recording of an ended life cannot stand in the way of one that lives.
 */

import type { Envelope, Stay } from './nats-envelope.ts';

interface Life {
  readonly stay: Stay;
  /** The greatest number that was opened. */
  number: number;
}

export class NatsLives {
  readonly #latest = new Map<string, Life>();

  get size(): number {
    return this.#latest.size;
  }

  /** The latest incarnation of a node that was up. */
  incarnationOf(node: string): number | undefined {
    return this.#latest.get(node)?.stay.incarnation;
  }

  /** Looked at before an envelope is opened; nothing is noted. */
  isReplay({ stay, number }: Envelope): boolean {
    const latest = this.#latest.get(stay.node);
    if (latest === undefined || latest.stay.incarnation !== stay.incarnation) return false;
    if (latest.stay.count === stay.count) return latest.stay.salt !== stay.salt || number <= latest.number;
    return latest.stay.count > stay.count;
  }

  /** An envelope was opened. */
  hear({ stay, number }: Envelope): void {
    const latest = this.#latest.get(stay.node);
    if (latest?.stay.salt === stay.salt) latest.number = number;
  }

  /** A stay has proven itself, with this number. */
  meet(stay: Stay, number: number): void {
    this.#latest.set(stay.node, { stay, number });
  }

  clear(): void {
    this.#latest.clear();
  }
}
