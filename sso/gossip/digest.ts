/**
 * Fingerprints of a map, so that two nodes find what differs without sending what does not: 4,096
 * buckets by the key's hash, each the exclusive-or of a 64-bit hash of every key and value in it. Adding
 * and taking away are the same operation, so a digest is kept up to date at the cost of one hash, and in
 * no particular order. 64 buckets make a group; a comparison begins with the groups. The hash is fast,
 * not cryptographic: who can forge a collision is a member, and a member may write what it likes anyway.
 */

import { endianness } from 'node:os';

export const bucketCount = 4_096;
export const groupCount = 64;
export const bucketsPerGroup = bucketCount / groupCount;

/** Hashes a key once, and any number of texts under it. One instance serves a module: hashing allocates nothing. */
export class Hasher {
  bucket = 0;
  low = 0;
  high = 0;
  #keyLow = 0;
  #keyHigh = 0;

  /** Begins with a key: `bucket` says where it belongs. */
  key(key: string): this {
    let low = 0x3c6ef372;
    let high = 0x1b873593;
    for (let index = 0; index < key.length; index++) {
      const code = key.charCodeAt(index);
      low = Math.imul(low ^ code, 0x9e3779b1);
      high = Math.imul(high ^ code, 0x5f356495);
    }
    this.#keyLow = low;
    this.#keyHigh = high;
    this.bucket = mixed(low ^ (high >>> 7)) >>> 20;
    return this;
  }

  /** The hash of the key with this text goes to `low` and `high`. */
  text(text: string): this {
    let low = this.#keyLow ^ 0x10001;
    let high = this.#keyHigh ^ 0x10001;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      low = Math.imul(low ^ code, 0x9e3779b1);
      high = Math.imul(high ^ code, 0x5f356495);
    }
    this.low = mixed(low ^ (high >>> 15)) | 0;
    this.high = mixed(high ^ (low >>> 13)) | 0;
    return this;
  }
}

/** The avalanche of MurmurHash3 (Appleby): each bit of the input moves half of the output. */
function mixed(value: number): number {
  let mix = value ^ (value >>> 16);
  mix = Math.imul(mix, 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return mix ^ (mix >>> 16);
}

/** The buckets' hashes and their groups', two 32-bit lanes each, kept up to date. */
export class Digest {
  /** Two lanes a group. */
  readonly groups = new Int32Array(2 * groupCount);
  readonly #buckets: (Int32Array | undefined)[] = new Array(groupCount).fill(undefined);
  #text: string | undefined;

  /** Adds the hash that the hasher holds, or takes it away. */
  toggle({ bucket, low, high }: Hasher): void {
    const group = Math.floor(bucket / bucketsPerGroup);
    const buckets = (this.#buckets[group] ??= new Int32Array(2 * bucketsPerGroup));
    const at = 2 * (bucket % bucketsPerGroup);
    buckets[at]! ^= low;
    buckets[at + 1]! ^= high;
    // Turned by the bucket's place: two buckets that differ in the same way must not cancel each other out.
    const turn = bucket & 31;
    this.groups[2 * group]! ^= (low << turn) | (low >>> (32 - turn));
    this.groups[2 * group + 1]! ^= (high << turn) | (high >>> (32 - turn));
    this.#text = undefined;
  }

  /** The groups for a message. Made once while nothing changes: an idle cluster compares every second. */
  get text(): string {
    return (this.#text ??= lanesText(this.groups));
  }

  /** Two lanes a bucket of this group; `undefined` if none of them ever held anything. */
  buckets(group: number): Int32Array | undefined {
    return this.#buckets[group];
  }
}

/** Several digests taken as one, or one without what is in others: both are the same. To be read at once. */
export class DigestView {
  readonly #parts: readonly Digest[];

  constructor(parts: readonly Digest[]) {
    this.#parts = parts;
  }

  groups(): Int32Array {
    const [first, ...others] = this.#parts;
    if (first !== undefined && others.length === 0) return first.groups;
    const groups = new Int32Array(2 * groupCount);
    for (const part of this.#parts) toggleAll(groups, part.groups);
    return groups;
  }

  /** The groups for a message. */
  text(): string {
    const [first, ...others] = this.#parts;
    return first !== undefined && others.length === 0 ? first.text : lanesText(this.groups());
  }

  buckets(group: number): Int32Array {
    const buckets = new Int32Array(2 * bucketsPerGroup);
    for (const part of this.#parts) toggleAll(buckets, part.buckets(group));
    return buckets;
  }

  /** One number for all of it, as text: equal copies show the same, for tests, logs and metrics. */
  root(): string {
    let low = 0;
    let high = 0;
    for (const lane of this.groups()) {
      low = mixed(low ^ lane);
      high = mixed(Math.imul(high, 31) ^ lane);
    }
    return (low >>> 0).toString(16).padStart(8, '0') + (high >>> 0).toString(16).padStart(8, '0');
  }
}

function toggleAll(lanes: Int32Array, some: Int32Array | undefined): void {
  if (some !== undefined) for (let index = 0; index < lanes.length; index++) lanes[index]! ^= some[index]!;
}

/** The groups or buckets of which two nodes' lanes say something else, by their places in them. */
export function differingLanes(mine: Int32Array, theirs: Int32Array): number[] {
  const differing: number[] = [];
  for (let at = 0; 2 * at < mine.length; at++)
    if (mine[2 * at] !== theirs[2 * at] || mine[2 * at + 1] !== theirs[2 * at + 1]) differing.push(at);
  return differing;
}

/** Lanes are little-endian in messages. */
const isTurned = endianness() === 'BE';

/** Lanes as text for a message; empty if all of them are zero. */
export function lanesText(lanes: Int32Array): string {
  if (isZero(lanes)) return '';
  const bytes = Buffer.from(lanes.buffer, lanes.byteOffset, lanes.byteLength);
  return (isTurned ? Buffer.from(bytes).swap32() : bytes).toString('base64');
}

/** The lanes in a peer's text, `count` of them, or `undefined` if it holds something else. */
export function parseLanes(text: unknown, count: number): Int32Array | undefined {
  const lanes = new Int32Array(count);
  if (text === '') return lanes;
  if (typeof text !== 'string' || text.length !== 4 * Math.ceil((4 * count) / 3)) return undefined;
  const bytes = Buffer.from(lanes.buffer);
  if (Buffer.byteLength(text, 'base64') !== bytes.length || bytes.write(text, 'base64') !== bytes.length)
    return undefined;
  if (isTurned) bytes.swap32();
  return lanes;
}

function isZero(lanes: Int32Array): boolean {
  for (let at = 0; at < lanes.length; at++) if (lanes[at] !== 0) return false;
  return true;
}
