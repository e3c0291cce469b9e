/**
 * Leases as their giver notes them: to which life, with all closings up to which number, and until when.
 * A note ends only when both clocks say so, and what is told of it is time remaining, never a reading.
 */

import { lifeOf } from '../life.ts';
import type { Instant } from './instant.ts';
import { drift } from './voters.ts';

interface Grant {
  /** It carried all closings up to this number. */
  readonly upTo: number;
  readonly until: Instant;
}

interface Grantee {
  readonly node: string;
  readonly incarnation: number;
  /** It has said that it has all closings up to this number. */
  has: number;
  /** In the order of giving. */
  grants: Grant[];
}

/** A grant that runs and does not carry the closing asked about. */
export interface Running {
  readonly node: string;
  readonly incarnation: number;
  readonly remainingMs: number;
}

export class Grants {
  readonly #lastsMs: number;
  readonly #grantees = new Map<string, Grantee>();
  #rest: Instant | undefined;

  /** `leaseMs`: T. */
  constructor(leaseMs: number) {
    this.#lastsMs = leaseMs * (1 + drift);
  }

  /** Whatever a former life of this node granted, and forgot, runs for T from now at most. */
  forgot(now: Instant): void {
    this.#rest = after(now, this.#lastsMs);
  }

  /** How long a forgotten grant may still run, milliseconds. */
  restMs(now: Instant): number {
    return this.#rest === undefined ? 0 : this.#remaining(this.#rest, now);
  }

  /** A lease to a life that says it has all closings up to `has`, with those up to `upTo`. */
  give(node: string, incarnation: number, has: number, upTo: number, now: Instant): void {
    const life = lifeOf({ node, incarnation });
    let grantee = this.#grantees.get(life);
    if (grantee === undefined) this.#grantees.set(life, (grantee = { node, incarnation, has, grants: [] }));
    grantee.has = Math.max(grantee.has, has);
    const last = grantee.grants.at(-1);
    const grant = { upTo, until: after(now, this.#lastsMs) };
    if (last?.upTo === upTo) grantee.grants[grantee.grants.length - 1] = grant;
    else grantee.grants.push(grant);
    grantee.grants = grantee.grants.filter(({ until }) => this.#remaining(until, now) > 0);
  }

  /** A life says that it has all closings up to this number. */
  has(node: string, incarnation: number, upTo: number): void {
    const grantee = this.#grantees.get(lifeOf({ node, incarnation }));
    if (grantee !== undefined) grantee.has = Math.max(grantee.has, upTo);
  }

  /** A life has said that it is over: it accepts nothing any more, whatever runs. */
  left(node: string, incarnation: number): void {
    this.#grantees.delete(lifeOf({ node, incarnation }));
  }

  /** Grants that run and were given without the closing of this number. */
  running(number: number, now: Instant): readonly Running[] {
    const running: Running[] = [];
    for (const [life, { node, incarnation, has, grants }] of this.#grantees) {
      let remainingMs = 0;
      let latest = 0;
      for (const { upTo, until } of grants) {
        const left = this.#remaining(until, now);
        latest = Math.max(latest, left);
        if (upTo < number) remainingMs = Math.max(remainingMs, left);
      }
      if (latest === 0) this.#grantees.delete(life);
      if (remainingMs > 0 && has < number) running.push({ node, incarnation, remainingMs });
    }
    return running;
  }

  /** A wall clock that was set back by more than a whole lease says nothing any more. */
  #remaining(until: Instant, now: Instant): number {
    const byWall = until.wall - now.wall;
    return Math.max(0, until.monotonic - now.monotonic, byWall > this.#lastsMs ? 0 : byWall);
  }
}

function after(now: Instant, ms: number): Instant {
  return { monotonic: now.monotonic + ms, wall: now.wall + ms };
}
