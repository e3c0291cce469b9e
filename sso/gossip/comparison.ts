/**
 * The steps of a comparison, as functions of a message and the copies at hand:
 *
 *     asker                                          answerer
 *     compare: group hashes of every map      →
 *                                             ←      differs: bucket hashes of the groups that differ
 *     keys: keys and hashes of some buckets   →
 *                                             ←      page: values that the asker lacks or has otherwise, keys wanted
 *     batch 0: the values wanted              →      … until all buckets that differ are through
 *
 * The answerer remembers nothing, so whatever is lost costs a round and no more. A bucket that is empty
 * at the asker is answered with its values at once: an empty node joins by the same steps. The asker
 * asks for the next page when it has merged the last, so no side works for long in one go.
 */

import { bucketsPerGroup, differingLanes, Hasher, lanesText } from './digest.ts';
import { type Message, targetFrameBytes } from './message.ts';
import { fits } from './outbox.ts';
import type { Replica } from './replica.ts';
import { type SharedMaps, written } from './shared-maps.ts';

type Of<T extends Message['type']> = Extract<Message, { readonly type: T }>;

/** Buckets asked for in one message at most. */
export const bucketsPerPage = 128;
/** Keys, or values, that one message works on: a few milliseconds on either side. */
const keysPerPage = 1_000;
/** Groups in one answer; what is beyond waits for the next comparison. */
const groupsPerAnswer = 256;

/** One bucket's list of keys, in bytes. What a fuller bucket (tens of millions of values) leaves out only comes twice. */
const mostBucketBytes = 2 * targetFrameBytes;

const hasher = new Hasher();

/** The tuple of a `compare`. */
export function compareJson(
  maps: SharedMaps,
  id: number,
  minute: number,
  sees: readonly string[],
  now: number,
): string {
  // Lanes as text need no escapes.
  const groups = Array.from(
    maps.all,
    (replica) => `[${JSON.stringify(replica.lattice.name)},"${replica.digest(minute, now).text()}"]`,
  );
  return `[${id},${minute},${maps.size},${JSON.stringify(sees)},[${groups.join()}]]`;
}

/** The tuple of a `differs` that answers it, and whether anything does. A map that only one side knows is left alone: versions may differ. */
export function differsJson(
  maps: SharedMaps,
  message: Of<'compare'>,
  number: number,
  sees: readonly string[],
  mark: number,
  now: number,
): { readonly json: string; readonly equal: boolean } {
  const differing: [map: string, groups: [group: number, buckets: string][]][] = [];
  let left = groupsPerAnswer;
  let whole = 1;
  for (const [map, theirs] of message.maps) {
    const replica = maps.get(map);
    if (replica === undefined) continue;
    const digest = replica.digest(message.minute, now);
    const mine = digest.groups();
    const groups: [number, string][] = [];
    for (const group of differingLanes(mine, theirs)) {
      if (--left < 0) whole = 0;
      else groups.push([group, lanesText(digest.buckets(group))]);
    }
    if (groups.length > 0) differing.push([map, groups]);
  }
  return {
    json: JSON.stringify([message.id, number, whole, maps.size, sees, differing, mark]),
    equal: differing.length === 0,
  };
}

/** Buckets of one map that differ, in ascending order. */
export interface Differing {
  readonly map: string;
  readonly buckets: readonly number[];
}

/** The asker's side of a `differs`: what has to be gone through. */
export function differingBuckets(maps: SharedMaps, message: Of<'differs'>, minute: number, now: number): Differing[] {
  return message.maps.flatMap(([map, groups]) => {
    const digest = maps.get(map)?.digest(minute, now);
    if (digest === undefined) return [];
    const buckets: number[] = [];
    for (const [group, theirs] of groups) {
      for (const at of differingLanes(digest.buckets(group), theirs)) buckets.push(group * bucketsPerGroup + at);
    }
    return buckets.length === 0 ? [] : [{ map, buckets }];
  });
}

/** The tuple of a `keys` for these buckets, and how many of them it has room to ask for: one at least. */
export function keysJson(
  replica: Replica<unknown>,
  buckets: readonly number[],
  id: number,
  minute: number,
): { readonly json: string; readonly asked: number } {
  const asked: (string | number)[][] = [];
  let left = keysPerPage;
  let bytes = 0;
  for (const index of buckets) {
    const list: (string | number)[] = [index];
    let listBytes = 0;
    for (const [key, value] of replica.bucket(index) ?? []) {
      if (replica.dueOf(value) <= minute) continue;
      hasher.key(key).text(replica.textOf(value));
      list.push(key, hasher.low, hasher.high);
      listBytes += Buffer.byteLength(key) + 28;
      if (listBytes > mostBucketBytes) break;
    }
    left -= list.length / 3;
    bytes += listBytes;
    if (asked.length > 0 && (left < 0 || bytes > targetFrameBytes)) break;
    asked.push(list);
  }
  return { json: JSON.stringify([id, minute, replica.lattice.name, asked]), asked: asked.length };
}

/** The tuple of a `page` that answers it: as many whole buckets as fit, or a part of the first. */
export function pageJson(replica: Replica<unknown>, message: Of<'keys'>): string {
  const page = new Page();
  let done = 0;
  for (const [bucket, ...hashes] of message.buckets.slice(0, bucketsPerPage)) {
    if (!fillPage(page, replica, bucket, hashes, message.minute)) break;
    done++;
  }
  return `[${message.id},${JSON.stringify(message.map)},${done},${JSON.stringify(page.wanted)},[${page.items.join(',')}]]`;
}

class Page {
  readonly wanted: string[] = [];
  /** Written items: a key and its value each. */
  readonly items: string[] = [];
  #bytes = 0;
  #left = keysPerPage;

  /** Whether so many bytes more have room; the first item always has. */
  take(bytes: number): boolean {
    const first = this.#bytes === 0;
    if (!first && (this.#bytes + bytes > targetFrameBytes || this.#left <= 0)) return false;
    this.#bytes += bytes;
    this.#left--;
    return true;
  }
}

/**
 * Adds one bucket's differences: where both hold a key this value alone, since the asker sees by merging
 * whether its own adds anything. Returns whether all of them had room.
 */
function fillPage(
  page: Page,
  replica: Replica<unknown>,
  bucket: number,
  hashes: readonly (string | number)[],
  minute: number,
): boolean {
  const theirs = new Map<string, number>();
  for (let at = 0; at < hashes.length; at += 3) theirs.set(String(hashes[at]), at);
  for (const [key, value] of replica.bucket(bucket) ?? []) {
    if (replica.dueOf(value) <= minute) continue;
    const at = theirs.get(key);
    if (at !== undefined) {
      theirs.delete(key);
      hasher.key(key).text(replica.textOf(value));
      if (hashes[at + 1] === hasher.low && hashes[at + 2] === hasher.high) continue;
    }
    const json = written(replica, value);
    if (!fits(json)) continue;
    const item = `${JSON.stringify(key)},${json}`;
    if (!page.take(Buffer.byteLength(item))) return false;
    page.items.push(item);
  }
  for (const key of theirs.keys()) {
    if (!page.take(Buffer.byteLength(key) + 3)) return false;
    page.wanted.push(key);
  }
  return true;
}
