/**
 * Sessions of one application that are in memory, by their last use: which comes next when some have to go.
 * One set of keys for each second; within a second the order is that in which this node heard of the uses. A
 * use moves a key from one set to another, whatever their number, and no map grows so large that rehashing it stalls anybody.
 */

import { BucketedMap } from '../../bucketed-map.ts';

/** The order of seconds is cleared of those without a key when it has so many more than are in use. */
const slack = 1_024;

interface Place {
  readonly key: string;
  second: number;
}

export class LastUse {
  /** In whose second's set a key is. The key is kept as it was first given: the map of sessions has that very string. */
  readonly #places = new BucketedMap<Place>();
  readonly #keys = new Map<number, Set<string>>();
  /** Ascending; one that no key is in any more may be among them. */
  #order: number[] = [];
  /**
   * Where the keys of a second are being taken from, and the one that comes next. A set keeps the places of what was taken away
   * for a while: who began at its start each time would go through all of them.
   */
  #head: { readonly keys: Set<string>; readonly rest: Iterator<string>; next: string | undefined } | undefined;

  get size(): number {
    return this.#places.size;
  }

  has(key: string): boolean {
    return this.#places.has(key);
  }

  /** The session is in memory, and was last used at this instant, milliseconds. */
  note(key: string, at: number): void {
    const second = Math.floor(at / 1_000);
    const place = this.#places.get(key);
    if (place === undefined) {
      this.#places.set(key, { key, second });
      this.#enter(key, second);
    } else {
      this.#leave(place);
      place.second = second;
      this.#enter(place.key, second);
    }
  }

  /** It is in memory no more. True if it was. */
  remove(key: string): boolean {
    const place = this.#places.get(key);
    if (place === undefined) return false;
    this.#places.delete(key);
    this.#leave(place);
    return true;
  }

  /** The least recently used one. */
  oldest(): string | undefined {
    let empty = 0;
    try {
      for (const second of this.#order) {
        const keys = this.#keys.get(second);
        if (keys !== undefined) return this.#first(keys);
        empty++;
      }
      return undefined;
    } finally {
      if (empty > 0) this.#order.splice(0, empty);
    }
  }

  #first(keys: Set<string>): string | undefined {
    if (this.#head?.keys !== keys) this.#head = { keys, rest: keys.values(), next: undefined };
    this.#head.next ??= this.#head.rest.next().value;
    return this.#head.next;
  }

  #enter(key: string, second: number): void {
    const keys = this.#keys.get(second);
    if (keys !== undefined) {
      keys.add(key);
      return;
    }
    this.#keys.set(second, new Set([key]));
    const place = placeOf(this.#order, second);
    if (this.#order[place] === second) return;
    if (place === this.#order.length) this.#order.push(second);
    else this.#order.splice(place, 0, second);
    if (this.#order.length > 2 * this.#keys.size + slack)
      this.#order = this.#order.filter((one) => this.#keys.has(one));
  }

  #leave({ key, second }: Place): void {
    const keys = this.#keys.get(second)!;
    keys.delete(key);
    if (this.#head?.next === key) this.#head.next = undefined;
    if (keys.size > 0) return;
    this.#keys.delete(second);
    if (this.#head?.keys === keys) this.#head = undefined;
  }
}

/** Where in ascending numbers this one is, or belongs. */
function placeOf(numbers: readonly number[], one: number): number {
  let from = 0;
  let to = numbers.length;
  if (to === 0 || numbers[to - 1]! < one) return to;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (numbers[middle]! < one) from = middle + 1;
    else to = middle;
  }
  return from;
}
