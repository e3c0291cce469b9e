/**
 * Leases as this node holds them, and until when they make a quorum. One counts from the moment its
 * question was sent, and ends when either clock says so; one of an older epoch does not count.
 */

import type { Instant } from './instant.ts';
import { drift, type Voters } from './voters.ts';

interface Lease {
  readonly voter: string;
  readonly epoch: number;
  readonly until: Instant;
}

const never: Instant = { monotonic: Number.NEGATIVE_INFINITY, wall: Number.NEGATIVE_INFINITY };
const always: Instant = { monotonic: Number.POSITIVE_INFINITY, wall: Number.POSITIVE_INFINITY };

export class Leases {
  readonly #voters: Voters;
  readonly #leases = new Map<string, Lease>();
  #until: Instant = never;
  #epoch = 0;

  constructor(voters: Voters) {
    this.#voters = voters;
    this.#count();
  }

  /** A voter granted what was asked for at that instant. */
  note(voter: string, askedAt: Instant, epoch: number): void {
    const lasts = this.#voters.leaseMs * (1 - drift);
    const until = { monotonic: askedAt.monotonic + lasts, wall: askedAt.wall + lasts };
    if (epoch < this.#epoch || (this.#leases.get(voter)?.until.monotonic ?? 0) >= until.monotonic) return;
    this.#leases.set(voter, { voter, epoch, until });
    this.#count();
  }

  /** A later epoch is known: leases of older ones do not count any more. */
  raised(epoch: number): void {
    this.#epoch = epoch;
    for (const { voter, epoch: granted } of this.#leases.values()) if (granted < epoch) this.#leases.delete(voter);
    this.#count();
  }

  /** Until when there are enough of them: to be compared with both clocks. */
  get until(): Instant {
    return this.#until;
  }

  running(now: Instant): readonly { readonly voter: string; readonly remainingMs: number }[] {
    return [...this.#leases.values()].flatMap(({ voter, until }) => {
      const remainingMs = Math.min(until.monotonic - now.monotonic, until.wall - now.wall);
      return remainingMs > 0 ? [{ voter, remainingMs: Math.ceil(remainingMs) }] : [];
    });
  }

  #count(): void {
    const needed = this.#needed();
    if (needed <= 0) {
      this.#until = always;
      return;
    }
    const best = [...this.#leases.values()]
      .map(({ until }) => until)
      .sort((a, b) => b.monotonic - a.monotonic)
      .slice(0, needed);
    this.#until =
      best.length < needed
        ? never
        : { monotonic: best.at(-1)!.monotonic, wall: Math.min(...best.map(({ wall }) => wall)) };
  }

  /** How many leases of others it takes. */
  #needed(): number {
    const { own, quorum, mode } = this.#voters;
    if (mode === 'serve') return own === undefined ? 1 : 0;
    return own === undefined ? quorum : quorum - 1;
  }
}
