/**
 * One node's copy of a replicated map. It merges, keeps the digest true, refuses what is over and
 * forgets what has been over for a minute; it knows neither peers nor what its values mean. Values are
 * kept in 4,096 small maps, the digest's buckets: a comparison reads one without an index, and none ever
 * grows so large that rehashing it stalls the process. Beyond key and value an entry costs some 40 bytes.
 * What somebody has put away as bytes (`compacted`) lies beside them in rows: reading it makes a value for
 * the moment, and a change makes it a value again. Digest and calendar do not know the difference.
 *
 * "Over" is judged by whole minutes, the same way for merging and for digests: else a value that one
 * copy holds and another refuses would make them differ until the minute is through.
 */

import { Calendar } from './calendar.ts';
import type { Compacted, Form } from './copies.ts';
import { bucketCount, Digest, DigestView, Hasher } from './digest.ts';
import type { Change, Lattice } from './lattice.ts';
import { Rows } from './rows.ts';

const msPerMinute = 60_000;
/** Keys that one digest, or one call of `forget`, looks at to bring the calendar forward: a few milliseconds. */
const slice = 4_000;
/** Freed by one call of `forget`, about: whoever hears of it has more to do than we. */
const freedAtOnce = 500;
/** How far beyond its own clock a replica follows an asker's minute: what makes a digest exact is kept for every one of them. */
const aheadMinutes = 15;

/** The whole minute that has begun at an instant. */
export const minuteOf = (now: number): number => Math.floor(now / msPerMinute);

const hasher = new Hasher();

export class Replica<V> {
  readonly lattice: Lattice<V>;
  readonly #buckets: (Map<string, V> | undefined)[] = new Array(bucketCount).fill(undefined);
  readonly #digest = new Digest();
  readonly #calendar: Calendar;
  /** Beside the buckets; made with the first row. */
  readonly #rows: (Rows | undefined)[] = [];
  #form: Form<V> | undefined;
  #size = 0;

  constructor(lattice: Lattice<V>) {
    this.lattice = lattice;
    this.#calendar = new Calendar({
      due: (bucket, after, upTo, each) => this.#due(bucket, after, upTo, each),
      hash: (key) => {
        const text = this.textOf(this.get(key)!);
        return hasher.key(key).text(text);
      },
    });
  }

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    return this.#held(hasher.key(key).bucket, key);
  }

  *entries(): IterableIterator<[string, V]> {
    for (let index = 0; index < bucketCount; index++) {
      if (this.#form === undefined) yield* this.#buckets[index] ?? [];
      else yield* this.#read(index);
    }
  }

  /** What a bucket holds, to read at once. */
  bucket(index: number): Iterable<readonly [string, V]> | undefined {
    return this.#rows[index] === undefined ? this.#buckets[index] : this.#read(index);
  }

  /** As of `CompactableCopies`. */
  compacted(form: Form<V>): Compacted<V> {
    if (this.#form !== undefined) throw new Error(`the values of ${this.lattice.name} have a form already`);
    this.#form = form;
    return {
      put: (key) => this.#compact(key),
      get: (key) => {
        const bytes = this.#rows[hasher.key(key).bucket]?.get(key);
        return bytes && form.unpack(key, bytes);
      },
      take: (key, value) => {
        const index = hasher.key(key).bucket;
        if (this.#dropRow(index, key)) this.#hold(index, key, value);
      },
    };
  }

  /** The minute from which a value is over: the first whole one at or after its `forgetAt`. */
  dueOf(value: V): number {
    return Math.ceil(this.lattice.forgetAt(value) / msPerMinute);
  }

  /** What a value's hash covers. */
  textOf(value: V): string {
    return this.lattice.digestText?.(value) ?? JSON.stringify(this.lattice.encode(value));
  }

  /** Whether `merge` would refuse this value: it is over by `now`, which is the time for forgetting, and nothing is held under the key. */
  refuses(key: string, value: V, now: number): boolean {
    return this.dueOf(value) <= minuteOf(now) && this.get(key) === undefined;
  }

  /**
   * The map's only way to grow. `undefined`: nothing new, or refused. A value of a key that is held is never refused.
   * `now` is the time by which things are forgotten: a closing that is refused by a clock of its own is a closing forgotten.
   */
  merge(key: string, value: V, now: number, own = false): Change<V> | undefined {
    const index = hasher.key(key).bucket;
    const before = this.#held(index, key);
    if (before !== undefined) {
      const { lattice } = this;
      return this.#replace(index, key, before, lattice.merge(before, value, lattice.onConflict), own);
    }
    const due = this.dueOf(value);
    if (due <= minuteOf(now)) return undefined;
    this.#hold(index, key, value);
    this.#size++;
    hasher.text(this.textOf(value));
    this.#digest.toggle(hasher);
    this.#calendar.enter(due, hasher);
    return { key, before, after: value, own };
  }

  /** Holds `value` in the place of what it held more in: `undefined` where the digest or the calendar would be another. */
  shed(key: string, value: V): Change<V> | undefined {
    const index = hasher.key(key).bucket;
    const before = this.#held(index, key);
    if (before === undefined || before === value) return undefined;
    if (this.dueOf(before) !== this.dueOf(value) || this.textOf(before) !== this.textOf(value)) return undefined;
    this.#dropRow(index, key);
    this.#hold(index, key, value);
    return { key, before, after: value, own: false };
  }

  /** Frees what has been over for a minute, some thousand values a call at most. `now`: the time that a majority's clocks have reached. `more`: call again. */
  forget(now: number): {
    readonly freed: readonly { readonly key: string; readonly last: V }[];
    readonly more: boolean;
  } {
    const minute = minuteOf(now);
    const ready = this.#calendar.advance(minute + 1, slice);
    const freed = this.#calendar.over(minute - 1, freedAtOnce).map((key) => ({ key, last: this.#remove(key) }));
    return { freed, more: !ready || freed.length >= freedAtOnce };
  }

  /** The digest of what is not over as of a minute; an asker's whose clock is far off gets that of the nearest minute known exactly. */
  digest(minute: number, now: number): DigestView {
    this.#calendar.advance(Math.min(minute, minuteOf(now) + aheadMinutes), slice);
    const exact = Math.min(minute, this.#calendar.horizon);
    return new DigestView([this.#digest, ...this.#calendar.overDigests(exact)]);
  }

  /** Merging may call others, which look up other keys: the hasher is told the key once more. */
  #replace(index: number, key: string, before: V, after: V, own: boolean): Change<V> | undefined {
    if (after === before) return undefined;
    this.#dropRow(index, key);
    this.#hold(index, key, after);
    const dueBefore = this.dueOf(before);
    const due = this.dueOf(after);
    const textBefore = this.textOf(before);
    const text = this.textOf(after);
    if (due === dueBefore && text === textBefore) return { key, before, after, own };
    hasher.key(key).text(textBefore);
    this.#digest.toggle(hasher);
    this.#calendar.leave(dueBefore, hasher);
    hasher.text(text);
    this.#digest.toggle(hasher);
    this.#calendar.enter(due, hasher);
    return { key, before, after, own };
  }

  #remove(key: string): V {
    const index = hasher.key(key).bucket;
    const last = this.#held(index, key)!;
    if (!this.#dropRow(index, key)) this.#letGo(index, key);
    this.#size--;
    hasher.key(key).text(this.textOf(last));
    this.#digest.toggle(hasher);
    this.#calendar.leave(this.dueOf(last), hasher);
    return last;
  }

  #held(index: number, key: string): V | undefined {
    const value = this.#buckets[index]?.get(key);
    if (value !== undefined) return value;
    const bytes = this.#rows[index]?.get(key);
    return bytes && this.#form!.unpack(key, bytes);
  }

  #hold(index: number, key: string, value: V): void {
    const bucket = this.#buckets[index];
    if (bucket === undefined) this.#buckets[index] = new Map([[key, value]]);
    else bucket.set(key, value);
  }

  #letGo(index: number, key: string): void {
    const bucket = this.#buckets[index]!;
    bucket.delete(key);
    if (bucket.size === 0) this.#buckets[index] = undefined;
  }

  #compact(key: string): boolean {
    const index = hasher.key(key).bucket;
    const value = this.#buckets[index]?.get(key);
    const bytes = value === undefined ? undefined : this.#form!.pack(key, value);
    if (value === undefined || bytes === undefined) return false;
    if (this.#rows.length === 0) this.#rows.length = bucketCount;
    const rows = (this.#rows[index] ??= new Rows());
    if (rows.add(key, this.dueOf(value), bytes)) {
      this.#letGo(index, key);
      return true;
    }
    this.#form!.drop(bytes);
    if (rows.size === 0) this.#rows[index] = undefined;
    return false;
  }

  /** Whether there was one. */
  #dropRow(index: number, key: string): boolean {
    const rows = this.#rows[index];
    const bytes = rows?.remove(key);
    if (bytes === undefined) return false;
    if (rows!.size === 0) this.#rows[index] = undefined;
    this.#form!.drop(bytes);
    return true;
  }

  /** Those keys that are there now, with what they have when their turn comes: values become rows, and rows values, meanwhile. */
  *#read(index: number): Generator<[string, V]> {
    const keys = [...(this.#buckets[index]?.keys() ?? []), ...(this.#rows[index]?.keys() ?? [])];
    for (const key of keys) {
      const value = this.#held(index, key);
      if (value !== undefined) yield [key, value];
    }
  }

  #due(index: number, after: number, upTo: number, each: (key: string, due: number) => void): number {
    const bucket = this.#buckets[index];
    const rows = this.#rows[index];
    if (bucket !== undefined) {
      for (const [key, value] of bucket) {
        const due = this.dueOf(value);
        if (due > after && due <= upTo) each(key, due);
      }
    }
    rows?.due(after, upTo, each);
    return (bucket?.size ?? 0) + (rows?.size ?? 0);
  }
}
