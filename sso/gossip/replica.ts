/**
 * One node's copy of a replicated map. It merges, keeps the digest true, refuses what is over and
 * forgets what has been over for a minute; it knows neither peers nor what its values mean. Values are
 * kept in 4,096 small maps, the digest's buckets: a comparison reads one without an index, and none ever
 * grows so large that rehashing it stalls the process. Beyond key and value an entry costs some 50 bytes.
 *
 * "Over" is judged by whole minutes, the same way for merging and for digests: else a value that one
 * copy holds and another refuses would make them differ until the minute is through.
 */

import { Calendar } from './calendar.ts';
import { bucketCount, Digest, DigestView, Hasher } from './digest.ts';
import type { Change, Lattice } from './lattice.ts';

const msPerMinute = 60_000;
/** Keys that one digest, or one call of `forget`, looks at to bring the calendar forward: a few milliseconds. */
const slice = 4_000;
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
  #size = 0;

  constructor(lattice: Lattice<V>) {
    this.lattice = lattice;
    this.#calendar = new Calendar({
      dueOf: (key) => {
        const value = this.get(key);
        return value === undefined ? undefined : this.dueOf(value);
      },
      hash: (key) => hasher.key(key).text(this.textOf(this.get(key)!)),
    });
  }

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    return this.#buckets[hasher.key(key).bucket]?.get(key);
  }

  *entries(): IterableIterator<[string, V]> {
    for (const bucket of this.#buckets) if (bucket !== undefined) yield* bucket;
  }

  /** What a bucket holds, to read at once. */
  bucket(index: number): ReadonlyMap<string, V> | undefined {
    return this.#buckets[index];
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
    const bucket = this.#buckets[index];
    const before = bucket?.get(key);
    if (before !== undefined) return this.#replace(key, before, this.lattice.merge(before, value), own);
    const due = this.dueOf(value);
    if (due <= minuteOf(now)) return undefined;
    if (bucket === undefined) this.#buckets[index] = new Map([[key, value]]);
    else bucket.set(key, value);
    this.#size++;
    this.#digest.toggle(hasher.text(this.textOf(value)));
    this.#calendar.enter(key, due, undefined, hasher);
    return { key, before, after: value, own };
  }

  /** Holds `value` in the place of what it held more in: `undefined` where the digest or the calendar would be another. */
  shed(key: string, value: V): Change<V> | undefined {
    const bucket = this.#buckets[hasher.key(key).bucket];
    const before = bucket?.get(key);
    if (before === undefined || before === value) return undefined;
    if (this.dueOf(before) !== this.dueOf(value) || this.textOf(before) !== this.textOf(value)) return undefined;
    bucket!.set(key, value);
    return { key, before, after: value, own: false };
  }

  /** Frees what has been over for a minute, some thousand values a call at most. `now`: the time that a majority's clocks have reached. `more`: call again. */
  forget(now: number): {
    readonly freed: readonly { readonly key: string; readonly last: V }[];
    readonly more: boolean;
  } {
    const minute = minuteOf(now);
    const ready = this.#calendar.advance(minute + 1, slice);
    const freed = this.#calendar.over(minute - 1, slice).map((key) => ({ key, last: this.#remove(key) }));
    return { freed, more: !ready || freed.length === slice };
  }

  /** The digest of what is not over as of a minute; an asker's whose clock is far off gets that of the nearest minute known exactly. */
  digest(minute: number, now: number): DigestView {
    this.#calendar.advance(Math.min(minute, minuteOf(now) + aheadMinutes), slice);
    return new DigestView([this.#digest, ...this.#calendar.overDigests(minute)]);
  }

  #replace(key: string, before: V, after: V, own: boolean): Change<V> | undefined {
    if (after === before) return undefined;
    this.#buckets[hasher.bucket]!.set(key, after);
    const dueBefore = this.dueOf(before);
    const due = this.dueOf(after);
    const textBefore = this.textOf(before);
    const text = this.textOf(after);
    if (due === dueBefore && text === textBefore) return { key, before, after, own };
    this.#digest.toggle(hasher.text(textBefore));
    const left = this.#calendar.leave(key, dueBefore, hasher);
    this.#digest.toggle(hasher.text(text));
    this.#calendar.enter(key, due, left ? undefined : dueBefore, hasher);
    return { key, before, after, own };
  }

  #remove(key: string): V {
    const bucket = this.#buckets[hasher.key(key).bucket]!;
    const last = bucket.get(key)!;
    bucket.delete(key);
    if (bucket.size === 0) this.#buckets[hasher.bucket] = undefined;
    this.#size--;
    this.#digest.toggle(hasher.text(this.textOf(last)));
    this.#calendar.leave(key, this.dueOf(last), hasher);
    return last;
  }
}
