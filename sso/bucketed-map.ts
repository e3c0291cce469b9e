/**
 * A map of strings that grows without stalling anybody: a `Map` of half a million keys takes a quarter of
 * a second when it doubles, because it moves all of them at once. Here the keys lie in 1,024 small maps.
 */

const bucketCount = 1_024;

export class BucketedMap<V> {
  readonly #buckets: (Map<string, V> | undefined)[] = new Array(bucketCount).fill(undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    return this.#buckets[bucketOf(key)]?.get(key);
  }

  has(key: string): boolean {
    return this.#buckets[bucketOf(key)]?.has(key) ?? false;
  }

  set(key: string, value: V): this {
    const bucket = (this.#buckets[bucketOf(key)] ??= new Map());
    const before = bucket.size;
    bucket.set(key, value);
    this.#size += bucket.size - before;
    return this;
  }

  delete(key: string): boolean {
    const had = this.#buckets[bucketOf(key)]?.delete(key) ?? false;
    if (had) this.#size--;
    return had;
  }

  /** In no order that matters. */
  *keys(): IterableIterator<string> {
    for (const bucket of this.#buckets) if (bucket !== undefined) yield* bucket.keys();
  }

  /** In no order that matters; what is written or taken away meanwhile is seen. */
  *entries(): IterableIterator<[string, V]> {
    for (const bucket of this.#buckets) if (bucket !== undefined) yield* bucket.entries();
  }
}

/** FNV-1a, folded. */
export function bucketOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return (hash ^ (hash >>> 16)) & (bucketCount - 1);
}
