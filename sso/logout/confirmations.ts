/**
 * How far one closing has come, by the confirmations that arrived: pure, so each rule is a test. It is
 * complete when enough voters hold it, and every other life that holds leases without it has confirmed
 * too, or so many of those voters' grants to it have run out that no quorum is left to it.
 */

import { lifeOf } from '../life.ts';
import type { Running } from './grants.ts';
import { blocking, drift, type Voters } from './voters.ts';

export type Life = readonly [node: string, incarnation: number];

/** What a node says when it has stored closings. */
export interface Confirmation {
  readonly node: string;
  readonly incarnation: number;
  /** The voter's address as which it confirms; `undefined`: it has no vote. */
  readonly voter: string | undefined;
  /** The grants it gave before it stored them, and that still run. */
  readonly running: readonly Running[];
  /** How long grants of its former life, which it forgot, may run yet, to anybody: milliseconds. */
  readonly restMs: number;
  /** Those grants were given in epochs before this one, by which it came up: they count for no sign-on of this one or a later. 0: that is not known. */
  readonly restEpoch: number;
  /** The latest lives it knows of. */
  readonly lives: readonly Life[];
}

interface Received extends Confirmation {
  /** By the monotonic clock of who received it. */
  readonly at: number;
}

/** A node that may hold the sign-on. */
export interface Expected {
  readonly node: string;
  readonly incarnation: number;
  /** Its address among the voters, if it has one. */
  readonly voter: string | undefined;
  /** This life has said that it is over: it accepts nothing any more. */
  readonly hasLeft: boolean;
}

export interface Count {
  /** Enough voters hold it, and from this monotonic instant on nobody can accept it; `undefined`: too few voters. */
  readonly finalAt: number | undefined;
  readonly confirmed: readonly string[];
  readonly outstanding: readonly string[];
}

export class Confirmations {
  readonly #voters: Voters;
  readonly #byNode = new Map<string, Received>();
  readonly #latest = new Map<string, number>();
  /** All lives that confirmed, replaced ones too: what a life has stored it refuses. */
  readonly #stored = new Set<string>();

  constructor(voters: Voters) {
    this.#voters = voters;
  }

  /** `at`: when it arrived, by this node's monotonic clock. */
  add(confirmation: Confirmation, at: number): void {
    const { node, incarnation, lives } = confirmation;
    this.heardOf(lives);
    this.heardOf([[node, incarnation]]);
    this.#stored.add(lifeOf({ node, incarnation }));
    if (incarnation === this.#latest.get(node)) this.#byNode.set(node, { ...confirmation, at });
  }

  /** Later lives make what earlier ones confirmed void: they may have forgotten it. */
  heardOf(lives: Iterable<Life>): void {
    for (const [node, incarnation] of lives) {
      if (incarnation <= (this.#latest.get(node) ?? 0)) continue;
      this.#latest.set(node, incarnation);
      if ((this.#byNode.get(node)?.incarnation ?? incarnation) < incarnation) this.#byNode.delete(node);
    }
  }

  hasConfirmed(node: string): boolean {
    return this.#byNode.has(node);
  }

  /** `expected`: the nodes of which this one knows. `epoch`: the earliest of the sign-ons that are closed; 0 if it is not known. */
  count(expected: readonly Expected[], epoch = 0): Count {
    const confirmed = [...this.#byNode.keys()];
    const named = new Set(expected.flatMap(({ voter }) => voter ?? []));
    const outstanding = [
      ...expected
        .filter((one) => !this.#byNode.has(one.node) && !(one.hasLeft && one.voter === undefined))
        .map(({ node }) => node),
      ...this.#voters.list.filter((voter) => !named.has(voter) && voter !== this.#voters.own),
    ].sort();
    return { finalAt: this.#finalAt(expected, outstanding, epoch), confirmed, outstanding };
  }

  #finalAt(expected: readonly Expected[], outstanding: readonly string[], epoch: number): number | undefined {
    const { list, quorum, mode } = this.#voters;
    const byVoter = new Map<string, Received>();
    for (const one of this.#byNode.values()) {
      const { voter } = one;
      if (voter !== undefined && (byVoter.get(voter)?.incarnation ?? 0) < one.incarnation) byVoter.set(voter, one);
    }
    const counted = [...byVoter.values()].map((one) =>
      one.restEpoch > 0 && epoch >= one.restEpoch ? { ...one, restMs: 0 } : one,
    );
    if (counted.length < (mode === 'refuse' ? quorum : list.length)) return undefined;
    let finalAt = Number.NEGATIVE_INFINITY;
    for (const life of this.#mayAccept(counted, expected, outstanding))
      finalAt = Math.max(finalAt, this.#cutOffAt(life, counted));
    return finalAt;
  }

  /** Lives that may hold leases given without the closing: those that are named, and where grants were forgotten anybody. */
  #mayAccept(
    counted: readonly Received[],
    expected: readonly Expected[],
    outstanding: readonly string[],
  ): ReadonlySet<string> {
    const lives = new Set<string>();
    for (const { running, restMs } of counted) {
      for (const { node, incarnation } of running) lives.add(lifeOf({ node, incarnation }));
      if (restMs > 0) for (const node of outstanding) lives.add(`${node}:`);
    }
    for (const life of this.#stored) lives.delete(life);
    for (const { node, incarnation, hasLeft } of expected) {
      if (!hasLeft) continue;
      lives.delete(lifeOf({ node, incarnation }));
      lives.delete(`${node}:`);
    }
    if (counted.some(({ restMs }) => restMs > 0)) lives.add(anybody);
    return lives;
  }

  /** When so many of these voters' grants to a life have run out that the rest makes no quorum. */
  #cutOffAt(life: string, counted: readonly Received[]): number {
    const needed = this.#voters.mode === 'refuse' ? blocking(this.#voters) : this.#voters.list.length;
    const ends = counted.map(({ at, running, restMs }) => {
      const named = running.filter(
        ({ node, incarnation }) => life === `${node}:` || life === lifeOf({ node, incarnation }),
      );
      const remainingMs = Math.max(restMs, ...named.map(({ remainingMs }) => remainingMs));
      return remainingMs === 0 ? Number.NEGATIVE_INFINITY : at + remainingMs * (1 + drift) + 1;
    });
    return ends.sort((a, b) => a - b)[needed - 1]!;
  }
}

/** Whoever forgotten grants were given to: it may be a life that nobody knows any more. */
const anybody = ':';
