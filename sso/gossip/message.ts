/**
 * What frames mean: a version byte, a type byte, then positional tuples as JSON, which V8 reads and
 * writes faster than anything of our own. Reading is total: any bytes are a message or the reason why
 * they are none, and nothing throws (V96, check 69). Values of maps stay as they came; only their
 * lattice's `decode` makes them typed. A later version may append to a tuple: what is beyond is ignored.
 */

import { maxFrameBytes } from '../channel/channel.ts';
import { bucketCount, bucketsPerGroup, groupCount, parseLanes } from './digest.ts';
import { isFlat } from './nesting.ts';

/** Keys and what they hold, in turn: `[key, data, key, data, …]`. */
export type Items = readonly unknown[];

export type Message =
  /** What changed at the sender, its frame number `number`; 0: a repair that is not numbered. */
  | {
      readonly type: 'batch';
      readonly number: number;
      readonly confirm: boolean;
      readonly maps: readonly (readonly [map: string, items: Items])[];
    }
  /** All batches of yours up to `number` are merged here. */
  | { readonly type: 'ack'; readonly number: number }
  /** Say so as soon as all batches of mine up to `number` are merged. */
  | { readonly type: 'confirm'; readonly number: number }
  /** Compare these groups of buckets with yours, as of a minute. `size`: how many values I hold. `sees`: whom I can reach. */
  | {
      readonly type: 'compare';
      readonly id: number;
      readonly minute: number;
      readonly size: number;
      readonly sees: readonly string[];
      readonly maps: readonly (readonly [map: string, groups: Int32Array])[];
    }
  /** The buckets of mine in every group that differs. `number`: my last batch, which all this includes. `whole`: no group was left out. */
  | {
      readonly type: 'differs';
      readonly id: number;
      readonly number: number;
      readonly whole: boolean;
      readonly size: number;
      readonly sees: readonly string[];
      /** What the answerer's rooms above gossip count of what its maps hold now: whoever completes this comparison has all of it. */
      readonly mark: number;
      readonly maps: readonly (readonly [
        map: string,
        groups: readonly (readonly [group: number, buckets: Int32Array])[],
      ])[];
    }
  /** My keys in these buckets with their hashes: `[bucket, key, low, high, key, low, high, …]`. */
  | {
      readonly type: 'keys';
      readonly id: number;
      readonly minute: number;
      readonly map: string;
      readonly buckets: readonly (readonly [bucket: number, ...hashes: (string | number)[]])[];
    }
  /** What you lack or have otherwise in the first `done` of those buckets, and which keys I lack or have otherwise. */
  | {
      readonly type: 'page';
      readonly id: number;
      readonly map: string;
      readonly done: number;
      readonly wanted: readonly string[];
      readonly items: Items;
    }
  /** What do you hold under these keys? */
  | { readonly type: 'question'; readonly id: number; readonly map: string; readonly keys: readonly string[] }
  | {
      readonly type: 'answer';
      readonly id: number;
      readonly map: string;
      readonly unknown: readonly string[];
      readonly items: Items;
    };

/** Why bytes are no message. */
export type Fault = 'size' | 'version' | 'type' | 'nesting' | 'json' | 'shape';

/** The longest key of any map, in characters. */
export const maxKeyLength = 512;
/** A value's JSON may be this long in bytes: a frame holds it with its key and whatever stands around them. */
export const maxValueBytes = maxFrameBytes - 8 * 1024;
/** Frames are filled up to here, so that neither side works on one for long; only a value that is larger by itself makes a larger one. */
export const targetFrameBytes = 64 * 1024;

const version = 1;
/** The order is the byte on the wire: append, never insert. */
const types = ['batch', 'ack', 'confirm', 'compare', 'differs', 'keys', 'page', 'question', 'answer'] as const;
type Type = (typeof types)[number];

/** Frames this small are parsed as they are: whatever they nest becomes five megabytes at most, for a moment. */
const harmlessBytes = 80 * 1024;

/** From this type on frames belong to the rooms above: gossip carries them and does not read them. */
export const firstTalk = 32;

/** Whether a frame is of this version, and for a room above. */
export function isTalk(frame: Uint8Array): boolean {
  return frame.length >= 4 && frame[0] === version && frame[1]! >= firstTalk;
}

/** A frame of a room above. */
export function talkFrame(type: number, json: string): Uint8Array {
  return Buffer.from(String.fromCharCode(version, type) + json, 'utf8');
}

/** The type and the tuple of a frame of a room above, or `undefined` if there is none in it. Its shape is for that room to check. */
export function parseTalk(frame: Uint8Array): { readonly type: number; readonly data: readonly unknown[] } | undefined {
  if (frame.length > maxFrameBytes) return undefined;
  const data = parseTuple(frame);
  return typeof data === 'string' ? undefined : { type: frame[1]!, data };
}

/** A frame of this type; `json` is the tuple, written out. */
export function frameOf(type: Type, json: string): Uint8Array {
  return Buffer.from(String.fromCharCode(version, types.indexOf(type)) + json, 'utf8');
}

/** The message in any bytes, or why they hold none. */
export function parseFrame(frame: Uint8Array): Message | Fault {
  if (frame.length > maxFrameBytes || frame.length < 4) return 'size';
  if (frame[0] !== version) return 'version';
  const type = types[frame[1]!];
  if (type === undefined) return 'type';
  const data = parseTuple(frame);
  return typeof data === 'string' ? data : (parsers[type](data) ?? 'shape');
}

function parseTuple(frame: Uint8Array): readonly unknown[] | Fault {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
  if (bytes.length > harmlessBytes && !isFlat(bytes)) return 'nesting';
  let data: unknown;
  try {
    data = JSON.parse(bytes.toString('utf8', 2));
  } catch {
    return 'json';
  }
  return Array.isArray(data) ? data : 'shape';
}

const parsers: { readonly [T in Type]: (data: readonly unknown[]) => (Message & { readonly type: T }) | undefined } = {
  batch([number, confirm, data]) {
    const maps = listOf(data, (pair) => {
      const [map, items] = asTuple(pair);
      return isKey(map) && isItems(items) ? ([map, items] as const) : undefined;
    });
    return isCount(number) && maps ? { type: 'batch', number, confirm: confirm === 1, maps } : undefined;
  },
  ack: ([number]) => (isCount(number) ? { type: 'ack', number } : undefined),
  confirm: ([number]) => (isCount(number) ? { type: 'confirm', number } : undefined),
  compare([id, minute, size, sees, data]) {
    const maps = listOf(data, (pair) => {
      const [map, text] = asTuple(pair);
      const groups = parseLanes(text, 2 * groupCount);
      return isKey(map) && groups ? ([map, groups] as const) : undefined;
    });
    if (!isCount(id) || !isCount(minute) || !isCount(size) || !isKeys(sees) || !maps) return undefined;
    return { type: 'compare', id, minute, size, sees, maps };
  },
  differs([id, number, whole, size, sees, data, mark = 0]) {
    const maps = listOf(data, (entry) => {
      const [map, list] = asTuple(entry);
      const groups = parseGroups(list);
      return isKey(map) && groups ? ([map, groups] as const) : undefined;
    });
    if (!isCount(id) || !isCount(number) || !isCount(size) || !isCount(mark) || !isKeys(sees) || !maps)
      return undefined;
    return { type: 'differs', id, number, whole: whole === 1, size, sees, mark, maps };
  },
  keys([id, minute, map, data]) {
    const buckets = listOf(data, (entry) => (isBucket(entry) ? entry : undefined));
    return isCount(id) && isCount(minute) && isKey(map) && buckets
      ? { type: 'keys', id, minute, map, buckets }
      : undefined;
  },
  page([id, map, done, wanted, items]) {
    if (!isCount(id) || !isKey(map) || !isCount(done) || !isKeys(wanted) || !isItems(items)) return undefined;
    return { type: 'page', id, map, done, wanted, items };
  },
  question([id, map, keys]) {
    return isCount(id) && isKey(map) && isKeys(keys) ? { type: 'question', id, map, keys } : undefined;
  },
  answer([id, map, unknown, items]) {
    return isCount(id) && isKey(map) && isKeys(unknown) && isItems(items)
      ? { type: 'answer', id, map, unknown, items }
      : undefined;
  },
};

export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
export const isKey = (value: unknown): value is string => typeof value === 'string' && value.length <= maxKeyLength;
const isKeys = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every(isKey);
const asTuple = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

export function isItems(value: unknown): value is Items {
  if (!Array.isArray(value) || value.length % 2 !== 0) return false;
  for (let index = 0; index < value.length; index += 2) if (!isKey(value[index])) return false;
  return true;
}

/** Groups with the hashes of their buckets, as a `differs` lists them. */
export function parseGroups(data: unknown): (readonly [group: number, buckets: Int32Array])[] | undefined {
  return listOf(data, (pair) => {
    const [group, text] = asTuple(pair);
    const buckets = parseLanes(text, 2 * bucketsPerGroup);
    return isCount(group) && group < groupCount && buckets ? ([group, buckets] as const) : undefined;
  });
}

function isBucket(value: unknown): value is readonly [number, ...(string | number)[]] {
  if (!Array.isArray(value) || value.length % 3 !== 1 || !isCount(value[0]) || value[0] >= bucketCount) return false;
  for (let index = 1; index < value.length; index += 3) {
    if (!isKey(value[index]) || !Number.isInteger(value[index + 1]) || !Number.isInteger(value[index + 2]))
      return false;
  }
  return true;
}

/** All of a list, parsed, or `undefined` if one of it is nothing of the kind. */
function listOf<T>(value: unknown, parse: (item: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const list: T[] = [];
  for (const item of value) {
    const parsed = parse(item);
    if (parsed === undefined) return undefined;
    list.push(parsed);
  }
  return list;
}
