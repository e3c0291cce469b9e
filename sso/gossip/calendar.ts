/**
 * What is over when, by the minute: the index that lets a digest leave out what is forgettable and lets forgetting touch
 * little else. It names no keys, only the buckets in which something ends in a minute: so a key costs nothing here, and where
 * values are kept as bytes (rows.ts) nothing keeps its string alive. When a minute comes near, its buckets are gone through.
 * Near minutes, those up to the horizon, have a digest of what is over in them, so that a digest as of any of them is one
 * exclusive-or. All work is done in slices: a million keys of one minute stall nobody.
 *
 * Invariant: a held key with a finite end is in the digest of its minute, and its bucket is listed there, if that minute is
 * near; else its bucket is listed for its minute. While the horizon moves, a minute up to its aim is near in the buckets that
 * were gone through already. What a bucket is listed for may have moved since.
 */

import { Buckets } from './buckets.ts';
import { bucketCount, Digest, type Hasher } from './digest.ts';

/** Where the calendar learns about a bucket's keys; `hash` leaves the key's present hash in the hasher it returns. */
export interface CalendarSource {
  /**
   * Calls `each` for the keys of a bucket that are over from a minute on which is later than `after` and not later than `upTo`.
   * Returns how many keys it has looked at.
   */
  due(bucket: number, after: number, upTo: number, each: (key: string, due: number) => void): number;
  hash(key: string): Hasher;
}

/** Hashing a value takes as long as looking at so many. */
const hashing = 8;

interface Due {
  /** Keys in the digest. */
  count: number;
  readonly buckets: Buckets;
  readonly digest: Digest;
}

/** The horizon on its way. */
interface Move {
  readonly aim: number;
  /** To be gone through, in ascending order. */
  readonly buckets: Buckets;
  /** Those below were. */
  below: number;
}

export class Calendar {
  readonly #source: CalendarSource;
  readonly #far = new Map<number, Buckets>();
  readonly #near = new Map<number, Due>();
  #horizon = -1;
  #move: Move | undefined;

  constructor(source: CalendarSource) {
    this.#source = source;
  }

  /** The latest minute for which digests are exact. */
  get horizon(): number {
    return this.#horizon;
  }

  /** A key is no longer over from this minute on, or its value is another; the hasher holds its hash of that time. */
  leave(due: number, hasher: Hasher): void {
    if (!this.#isNear(due, hasher.bucket)) return;
    const near = this.#near.get(due)!;
    if (--near.count === 0) this.#near.delete(due);
    else near.digest.toggle(hasher);
  }

  /** A key is over from this minute on; the hasher holds its hash. */
  enter(due: number, hasher: Hasher): void {
    if (due === Number.POSITIVE_INFINITY) return;
    if (this.#isNear(due, hasher.bucket)) this.#addNear(due, hasher);
    else if (this.#move !== undefined && due <= this.#move.aim) this.#move.buckets.add(hasher.bucket);
    else bucketsOf(this.#far, due).add(hasher.bucket);
  }

  /** Moves the horizon towards `minute`, looking at some `atMost` keys, or fewer where values are to be hashed. Returns whether it is there. */
  advance(minute: number, atMost: number): boolean {
    let left = atMost;
    while (this.#move !== undefined || this.#horizon < minute) {
      const move = (this.#move ??= this.#begin(minute));
      for (; move.below < bucketCount; move.below++) {
        if (!move.buckets.has(move.below)) continue;
        if (left <= 0) return this.#horizon >= minute;
        left -= 1 + this.#goThrough(move.below, move.aim);
      }
      this.#horizon = move.aim;
      this.#move = undefined;
    }
    return true;
  }

  /** The digests of what is over as of `minute`. Exact up to the horizon. */
  *overDigests(minute: number): Generator<Digest> {
    for (const [due, { digest }] of this.#near) if (due <= minute) yield digest;
  }

  /** The keys that are over as of `minute`, `atMost` of them and the rest of a bucket, in no order that matters: the caller is to remove them. */
  over(minute: number, atMost: number): string[] {
    const keys: string[] = [];
    for (const [due, { buckets }] of this.#near) {
      if (due > minute) continue;
      for (const bucket of buckets) {
        if (keys.length >= atMost) return keys;
        this.#source.due(bucket, due - 1, due, (key) => keys.push(key));
        buckets.delete(bucket);
      }
    }
    return keys;
  }

  #isNear(due: number, bucket: number): boolean {
    if (due <= this.#horizon) return true;
    return this.#move !== undefined && due <= this.#move.aim && bucket < this.#move.below;
  }

  #addNear(due: number, hasher: Hasher): void {
    let near = this.#near.get(due);
    if (near === undefined) this.#near.set(due, (near = { count: 0, buckets: new Buckets(), digest: new Digest() }));
    near.count++;
    near.buckets.add(hasher.bucket);
    near.digest.toggle(hasher);
  }

  /** The buckets of all minutes up to the aim. */
  #begin(aim: number): Move {
    const buckets = new Buckets();
    const far = this.#far;
    const take = (minute: number) => {
      const listed = far.get(minute);
      if (listed === undefined) return;
      buckets.addAll(listed);
      far.delete(minute);
    };
    if (aim - this.#horizon <= far.size) for (let minute = this.#horizon + 1; minute <= aim; minute++) take(minute);
    else for (const minute of [...far.keys()]) if (minute <= aim) take(minute);
    return { aim, buckets, below: 0 };
  }

  /** Returns what it was worth, in keys that are looked at. */
  #goThrough(bucket: number, aim: number): number {
    let hashed = 0;
    const looked = this.#source.due(bucket, this.#horizon, aim, (key, due) => {
      this.#addNear(due, this.#source.hash(key));
      hashed++;
    });
    return looked + hashing * hashed;
  }
}

function bucketsOf(minutes: Map<number, Buckets>, minute: number): Buckets {
  let buckets = minutes.get(minute);
  if (buckets === undefined) minutes.set(minute, (buckets = new Buckets()));
  return buckets;
}
