/**
 * A set of buckets: as a list while there are few, as one bit for each from then on. The calendar has one for each minute
 * in which something ends, and there may be as many of those as a month has minutes.
 */

import { bucketCount } from './digest.ts';

/** As a list up to so many. */
const few = 32;

export class Buckets {
  #list: number[] | undefined = [];
  #bits: Int32Array | undefined;

  add(bucket: number): void {
    if (this.#bits !== undefined) this.#bits[bucket >>> 5]! |= 1 << (bucket & 31);
    else if (!this.#list!.includes(bucket)) {
      this.#list!.push(bucket);
      if (this.#list!.length > few) this.#spread();
    }
  }

  addAll(others: Buckets): void {
    for (const bucket of others) this.add(bucket);
  }

  has(bucket: number): boolean {
    if (this.#bits === undefined) return this.#list!.includes(bucket);
    return (this.#bits[bucket >>> 5]! & (1 << (bucket & 31))) !== 0;
  }

  delete(bucket: number): void {
    if (this.#bits !== undefined) this.#bits[bucket >>> 5]! &= ~(1 << (bucket & 31));
    else this.#list = this.#list!.filter((one) => one !== bucket);
  }

  /** In no order that matters; those that are taken out meanwhile may still come. */
  *[Symbol.iterator](): Generator<number> {
    if (this.#bits === undefined) {
      yield* this.#list!;
      return;
    }
    const bits = this.#bits;
    for (let word = 0; word < bits.length; word++) {
      for (let left = bits[word]!; left !== 0; left &= left - 1) yield 32 * word + 31 - Math.clz32(left & -left);
    }
  }

  #spread(): void {
    this.#bits = new Int32Array(bucketCount / 32);
    for (const bucket of this.#list!) this.#bits[bucket >>> 5]! |= 1 << (bucket & 31);
    this.#list = undefined;
  }
}
