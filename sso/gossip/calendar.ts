/**
 * Which keys are over when, by the minute: the index that lets a digest leave out what is forgettable
 * and lets forgetting touch nothing else. Far minutes are plain lists (8 bytes a key); a key whose end
 * moves later stays where it is listed and is moved on when that minute comes near. Near minutes, those
 * up to the horizon, are exact sets with the digest of what they hold, so that a digest as of any of
 * them is one exclusive-or. All work is done in slices: a million keys of one minute stall nobody.
 *
 * Invariant: a held key with a finite end is in the set of its minute if that is up to the horizon,
 * else in a list of its minute or an earlier one beyond the horizon (or already in its minute's set).
 */

import { Digest, type Hasher } from './digest.ts';

/** Where the calendar learns about a key; `hash` leaves the key's present hash in the hasher it returns. */
export interface CalendarSource {
  /** The minute from which the key's value is over, or `undefined` if nothing is held. */
  dueOf(key: string): number | undefined;
  hash(key: string): Hasher;
}

interface Due {
  readonly keys: Set<string>;
  readonly digest: Digest;
}

export class Calendar {
  readonly #source: CalendarSource;
  readonly #far = new Map<number, string[]>();
  readonly #near = new Map<number, Due>();
  #horizon = -1;

  constructor(source: CalendarSource) {
    this.#source = source;
  }

  /** The latest minute for which digests are exact. */
  get horizon(): number {
    return this.#horizon;
  }

  /** Takes a key out of its minute's set, if it is in one; the hasher holds its hash of that time. Returns whether it was. */
  leave(key: string, due: number, hasher: Hasher): boolean {
    const near = this.#near.get(due);
    if (near === undefined || !near.keys.delete(key)) return false;
    if (near.keys.size === 0) this.#near.delete(due);
    else near.digest.toggle(hasher);
    return true;
  }

  /** Notes a key's minute. `listedAt`: the minute it was noted for until now, if it has not left that since. */
  enter(key: string, due: number, listedAt: number | undefined, hasher: Hasher): void {
    if (due === Number.POSITIVE_INFINITY) return;
    if (due <= this.#horizon) this.#addNear(key, due, hasher);
    else if (listedAt === undefined || listedAt > due) this.#addFar(key, due);
  }

  /** Moves the horizon towards `minute`, looking at `atMost` keys at most. Returns whether it is there. */
  advance(minute: number, atMost: number): boolean {
    let left = atMost;
    while (this.#horizon < minute) {
      const next = this.#nextListed(minute);
      if (next === undefined) {
        this.#horizon = minute;
        break;
      }
      const list = this.#far.get(next)!;
      for (let key = list.pop(); key !== undefined; key = list.pop()) {
        this.#place(key, next);
        if (--left <= 0) break;
      }
      if (list.length > 0) return false;
      this.#far.delete(next);
      this.#horizon = next;
      if (left <= 0) break;
    }
    return this.#horizon >= minute;
  }

  /** The digests of what is over as of `minute`. Exact up to the horizon. */
  *overDigests(minute: number): Generator<Digest> {
    for (const [due, { digest }] of this.#near) if (due <= minute) yield digest;
  }

  /** The keys that are over as of `minute`, `atMost` of them, in no order that matters. */
  over(minute: number, atMost: number): string[] {
    const keys: string[] = [];
    for (const [due, near] of this.#near) {
      if (due > minute) continue;
      for (const key of near.keys) {
        if (keys.length >= atMost) return keys;
        keys.push(key);
      }
    }
    return keys;
  }

  #place(key: string, listedAt: number): void {
    const due = this.#source.dueOf(key);
    if (due === undefined || due === Number.POSITIVE_INFINITY) return;
    if (due <= listedAt) this.#addNear(key, due, undefined);
    else this.#addFar(key, due);
  }

  #addNear(key: string, due: number, hasher: Hasher | undefined): void {
    let near = this.#near.get(due);
    if (near === undefined) this.#near.set(due, (near = { keys: new Set(), digest: new Digest() }));
    if (near.keys.has(key)) return;
    near.keys.add(key);
    near.digest.toggle(hasher ?? this.#source.hash(key));
  }

  #addFar(key: string, due: number): void {
    const list = this.#far.get(due);
    if (list === undefined) this.#far.set(due, [key]);
    else list.push(key);
  }

  /** The first minute after the horizon, up to `minute`, that has a list. */
  #nextListed(minute: number): number | undefined {
    if (minute - this.#horizon <= this.#far.size) {
      for (let at = this.#horizon + 1; at <= minute; at++) if (this.#far.has(at)) return at;
      return undefined;
    }
    let next: number | undefined;
    for (const at of this.#far.keys()) if (at <= minute && (next === undefined || at < next)) next = at;
    return next;
  }
}
