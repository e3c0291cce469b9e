/**
 * A user's living sign-ons by age, kept so that whoever has very many of them pays for one more what it
 * costs to end one, and not for looking at all of them. It is true for as long as nothing can have become
 * over by itself: until the first of them ends by its limit, or an epoch begins. What was closed meanwhile is
 * not taken out, but passed over.
 */

import type { OpenEntry } from '../entry.ts';
import type { SsoId } from '../token.ts';

export interface Ranked {
  readonly id: SsoId;
  readonly entry: OpenEntry;
}

/** Oldest first, the same order on every node: by the stamp of the opening, then by id. */
export function byAge(a: Ranked, b: Ranked): number {
  return a.entry.openedStamp - b.entry.openedStamp || (a.id < b.id ? -1 : 1);
}

/** So many closed ones are carried along at most, beside as many again as are living. */
const closedAtMost = 64;

export class Ranking {
  readonly #epoch: number;
  /** Oldest first, from `#first` on. */
  #list: Ranked[];
  #first = 0;
  #earliestEnd = Number.POSITIVE_INFINITY;

  /** @param living all that the user has, in any order */
  constructor(living: readonly Ranked[], epoch: number) {
    this.#epoch = epoch;
    this.#list = [...living].sort(byAge);
    for (const { entry } of living) this.#earliestEnd = Math.min(this.#earliestEnd, entry.endsAt);
  }

  /** @param count how many the user has, closed ones not counted */
  isTrue(now: number, epoch: number, count: number): boolean {
    return (
      now < this.#earliestEnd && epoch === this.#epoch && this.#list.length - this.#first <= 2 * count + closedAtMost
    );
  }

  add(one: Ranked): void {
    this.#earliestEnd = Math.min(this.#earliestEnd, one.entry.endsAt);
    const list = this.#list;
    let at = list.length;
    // As a rule it is the latest.
    while (at > this.#first && byAge(one, list[at - 1]!) < 0) at--;
    if (at === list.length) list.push(one);
    else list.splice(at, 0, one);
  }

  /** The oldest, which is none of them any more; `undefined`: there is none. */
  takeOldest(): SsoId | undefined {
    const oldest = this.#list[this.#first];
    if (oldest === undefined) return undefined;
    this.#first++;
    if (this.#first > 512 && this.#first * 2 > this.#list.length) {
      this.#list = this.#list.slice(this.#first);
      this.#first = 0;
    }
    return oldest.id;
  }
}
