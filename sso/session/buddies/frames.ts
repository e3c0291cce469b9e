/**
 * The frames by which nodes that share the data of sessions talk: positional tuples, as gossip's
 * (`../../gossip/message.ts`). Reading is total: any bytes are a message, `unknown` (a later version's) or `undefined`
 * (no member sends that). A later version may append to a tuple.
 */

import { bucketCount, groupCount, lanesText, parseLanes } from '../../gossip/digest.ts';
import { type Items, isCount, isItems, isKey, parseGroups, parseTalk, talkFrame } from '../../gossip/message.ts';

/** What of a session's data a holder has: `[key, version, key, version, …]`. */
export type Versions = readonly string[];

export type BuddyMessage =
  /** Records with their data, or changes of them. */
  | { readonly type: 'carry'; readonly number: number; readonly items: Items }
  /** These frames are merged, but for the keys that lack what their changes build on, or could not be read. */
  | { readonly type: 'carried'; readonly numbers: readonly number[]; readonly lacking: readonly string[] }
  | { readonly type: 'fetch'; readonly id: number; readonly keys: readonly string[] }
  /** Part of the answer: the records with their data, and the keys whose data is not here. Unasked, by the number of an offer: what of it has ended. */
  | {
      readonly type: 'fetched';
      readonly id: number;
      readonly items: Items;
      readonly missing: readonly string[];
    }
  /** I have data of these versions: is it needed? */
  | { readonly type: 'offer'; readonly id: number; readonly versions: Versions }
  /** It is held where it is to be held, or is wanted; of what is not named, and has not ended, ask again. */
  | {
      readonly type: 'offered';
      readonly id: number;
      readonly kept: readonly string[];
      readonly wanted: readonly string[];
    }
  /** The digest of what my node owns and you should hold, as of a minute. `first`: the groups before it are done. */
  | {
      readonly type: 'digest';
      readonly id: number;
      readonly minute: number;
      readonly groups: Int32Array;
      readonly first: number;
    }
  /** My buckets of every group that differs, up to the group `next`. */
  | {
      readonly type: 'differs';
      readonly id: number;
      readonly next: number;
      readonly groups: readonly (readonly [group: number, buckets: Int32Array])[];
    }
  /** What do you hold in these buckets? */
  | {
      readonly type: 'buckets';
      readonly id: number;
      readonly minute: number;
      readonly buckets: readonly number[];
    }
  /** That, of the first `done` of them: `[key, hash, key, hash, …]`. */
  | {
      readonly type: 'keys';
      readonly id: number;
      readonly done: number;
      readonly hashes: readonly (string | number)[];
    };

/** Keys of one `fetch`. */
export const fetchAtMost = 500;
/** Frames from this type on are the couriers'. */
export const firstBuddyType = 64;
/** The order is the byte on the wire: append, never insert. */
const types = [
  'carry', 'carried', 'fetch', 'fetched', 'offer', 'offered', 'digest', 'differs', 'buckets', 'keys',
] as const; // biome-ignore format: the list is short
type Type = (typeof types)[number];

/** `items`: keys and data, each as JSON. */
export const carryFrame = (number: number, items: readonly string[]): Uint8Array =>
  frameOf('carry', `[${number},[${items.join()}]]`);
export const carriedFrame = (numbers: readonly number[], lacking: readonly string[]): Uint8Array =>
  frameOf('carried', JSON.stringify([numbers, lacking]));
export const fetchFrame = (id: number, keys: readonly string[]): Uint8Array =>
  frameOf('fetch', JSON.stringify([id, keys]));
export const fetchedFrame = (id: number, items: readonly string[], missing: readonly string[]): Uint8Array =>
  frameOf('fetched', `[${id},[${items.join()}],${JSON.stringify(missing)}]`);
export const offerFrame = (id: number, versions: Versions): Uint8Array =>
  frameOf('offer', JSON.stringify([id, versions]));
export const offeredFrame = (id: number, kept: readonly string[], wanted: readonly string[]): Uint8Array =>
  frameOf('offered', JSON.stringify([id, kept, wanted]));
export const digestFrame = (id: number, minute: number, groups: Int32Array, first: number): Uint8Array =>
  frameOf('digest', JSON.stringify([id, minute, lanesText(groups), first]));
export const differsFrame = (
  id: number,
  next: number,
  groups: readonly (readonly [group: number, buckets: Int32Array])[],
): Uint8Array =>
  frameOf('differs', JSON.stringify([id, next, groups.map(([group, buckets]) => [group, lanesText(buckets)])]));
export const bucketsFrame = (id: number, minute: number, buckets: readonly number[]): Uint8Array =>
  frameOf('buckets', JSON.stringify([id, minute, buckets]));
export const keysFrame = (id: number, done: number, hashes: readonly (string | number)[]): Uint8Array =>
  frameOf('keys', JSON.stringify([id, done, hashes]));

function frameOf(type: Type, json: string): Uint8Array {
  return talkFrame(firstBuddyType + types.indexOf(type), json);
}

export function parseBuddyFrame(frame: Uint8Array): BuddyMessage | 'unknown' | undefined {
  // By the type first: what is in a frame of a later version may be of another kind altogether.
  const type = types[frame[1]! - firstBuddyType];
  if (type === undefined) return 'unknown';
  const parsed = parseTalk(frame);
  return parsed && parsers[type](parsed.data);
}

const parsers: {
  readonly [T in Type]: (data: readonly unknown[]) => (BuddyMessage & { readonly type: T }) | undefined;
} = {
  carry: ([number, items]) => (isCount(number) && isItems(items) ? { type: 'carry', number, items } : undefined),
  carried: ([numbers, lacking]) =>
    isListOf(numbers, isCount) && isListOf(lacking, isKey) ? { type: 'carried', numbers, lacking } : undefined,
  fetch: ([id, keys]) =>
    isCount(id) && isListOf(keys, isKey) && keys.length <= fetchAtMost ? { type: 'fetch', id, keys } : undefined,
  fetched: ([id, items, missing]) =>
    isCount(id) && isItems(items) && isListOf(missing, isKey) ? { type: 'fetched', id, items, missing } : undefined,
  offer: ([id, versions]) =>
    isCount(id) && isListOf(versions, isText) && versions.length % 2 === 0
      ? { type: 'offer', id, versions }
      : undefined,
  offered: ([id, kept, wanted]) =>
    isCount(id) && isListOf(kept, isKey) && isListOf(wanted, isKey) ? { type: 'offered', id, kept, wanted } : undefined,
  digest([id, minute, text, first]) {
    const groups = parseLanes(text, 2 * groupCount);
    return isCount(id) && isCount(minute) && isCount(first) && groups
      ? { type: 'digest', id, minute, groups, first }
      : undefined;
  },
  differs([id, next, data]) {
    if (!isCount(id) || !isCount(next) || next > groupCount) return undefined;
    if (!Array.isArray(data) || data.length > groupCount) return undefined;
    const groups = parseGroups(data);
    return groups && { type: 'differs', id, next, groups };
  },
  buckets: ([id, minute, buckets]) =>
    isCount(id) && isCount(minute) && isListOf(buckets, isBucket) && buckets.length <= bucketCount
      ? { type: 'buckets', id, minute, buckets }
      : undefined,
  keys([id, done, hashes]) {
    if (!isCount(id) || !isCount(done) || !isListOf(hashes, isKeyOrHash) || hashes.length % 2 !== 0) return undefined;
    for (let index = 0; index < hashes.length; index += 2)
      if (typeof hashes[index] !== 'string' || typeof hashes[index + 1] !== 'number') return undefined;
    return { type: 'keys', id, done, hashes };
  },
};

const isText = (value: unknown): value is string => typeof value === 'string';
const isBucket = (value: unknown): value is number => isCount(value) && value < bucketCount;
const isKeyOrHash = (value: unknown): value is string | number => isKey(value) || Number.isSafeInteger(value);

function isListOf<T>(value: unknown, is: (item: unknown) => item is T): value is readonly T[] {
  return Array.isArray(value) && value.every((item) => is(item));
}
