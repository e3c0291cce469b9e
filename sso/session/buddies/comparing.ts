/**
 * Comparing with one buddy what this life owns and that one should hold: the groups of the digest, the buckets of those
 * that differ, the keys of the buckets that differ. What the buddy lacks or has otherwise is owed to it from then on; what
 * it has more than this node, it offers by itself (strays.ts). Each step is asked for, and worked on bucket by bucket, in as many turns
 * as it takes (turns.ts), so neither side works on much at once.
 */

import { bucketCount, bucketsPerGroup, differingLanes, groupCount } from '../../gossip/digest.ts';
import { targetFrameBytes } from '../../gossip/message.ts';
import { minuteOf } from '../../gossip/replica.ts';
import type { Turns } from '../turns.ts';
import { bucketLanes, type CoHeld, groupLanes, type Pair } from './co-held.ts';
import { type BuddyMessage, bucketsFrame, differsFrame, digestFrame, keysFrame } from './frames.ts';
import type { Lane } from './lane.ts';

/** Sessions that one question or answer makes a node look at, more or less. */
const sessionsPerStep = 4_000;
/** Buckets that are looked at in one turn; fewer if they take long. */
const slice = 1_024;
/** A question that is not answered for so long is begun anew, milliseconds. */
const answerMs = 2_000;
/** Bytes of a key and its hash in a frame, about. */
const hashBytes = 64;

export interface ComparingParts {
  readonly lane: Lane;
  readonly coHeld: CoHeld;
  /** Sessions of this node, placed ones and others. */
  readonly sessions: () => number;
  readonly say: (frame: Uint8Array) => void;
  readonly turns: Pick<Turns, 'run'>;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly nextId: () => number;
  /** A key that was found to differ. */
  readonly found: () => void;
}

export class Comparing {
  readonly #parts: ComparingParts;
  #id = 0;
  #minute = 0;
  /** When the last question was asked; `undefined`: none is open. */
  #askedAt: number | undefined;
  #buckets: number[] = [];
  /** The group with which the next question begins. */
  #group = 0;

  constructor(parts: ComparingParts) {
    this.#parts = parts;
  }

  /** Whether an answer is waited for. */
  get isOpen(): boolean {
    return this.#askedAt !== undefined;
  }

  /** Begins, unless one goes on. */
  begin(): void {
    const { now, monotonic } = this.#parts;
    if (this.#askedAt !== undefined && monotonic() - this.#askedAt < answerMs) return;
    if (this.#pair === undefined) {
      this.#end();
      return;
    }
    this.#minute = minuteOf(now());
    this.#buckets = [];
    this.#group = 0;
    this.#askDigest();
  }

  /** Goes on where an answer did not come, as far as none was there yet. */
  check(): void {
    if (!this.#parts.lane.compared) this.begin();
  }

  /** The buddy's buckets of the groups that differ, up to the group `next`. */
  differs(id: number, next: number, groups: readonly (readonly [group: number, buckets: Int32Array])[]): void {
    if (id !== this.#id || this.#askedAt === undefined || this.#buckets.length > 0 || next <= this.#group) return;
    this.#work(this.#differing(groups), () => {
      this.#group = next;
      this.#next();
    });
  }

  /** What the buddy holds in the first `done` of the buckets that were asked for. */
  keys(id: number, done: number, hashes: readonly (string | number)[]): void {
    if (id !== this.#id || this.#askedAt === undefined || done === 0 || done > this.#buckets.length) return;
    this.#work(this.#lacking(this.#buckets.splice(0, done), hashes), () => this.#next());
  }

  *#differing(groups: readonly (readonly [group: number, buckets: Int32Array])[]): Generator<undefined> {
    const pair = this.#pair;
    for (const [group, theirs] of groups) {
      const mine = pair === undefined ? noBuckets : yield* pair.buckets(group, this.#minute);
      for (const at of differingLanes(mine, theirs)) this.#buckets.push(group * bucketsPerGroup + at);
    }
  }

  *#lacking(buckets: readonly number[], hashes: readonly (string | number)[]): Generator<undefined> {
    const { lane, found } = this.#parts;
    const theirs = new Map<unknown, unknown>();
    for (let index = 0; index < hashes.length; index += 2) theirs.set(hashes[index], hashes[index + 1]);
    const pair = this.#pair;
    for (const bucket of buckets) {
      for (const [key, hash] of pair?.keys(bucket, this.#minute) ?? []) {
        if (theirs.get(key) === hash) continue;
        lane.differs(key);
        found();
      }
      yield;
    }
  }

  /** An answer is gone through; the same one again says nothing, and a comparison that begins meanwhile puts an end to it. */
  #work(steps: Iterator<undefined>, done: () => void): void {
    const { nextId, monotonic, turns } = this.#parts;
    const id = nextId();
    this.#id = id;
    this.#askedAt = monotonic();
    turns.run(this.#while(id, steps), slice, () => {
      if (id === this.#id) done();
    });
  }

  *#while(id: number, steps: Iterator<undefined>): Generator<undefined> {
    while (id === this.#id && steps.next().done !== true) {
      this.#askedAt = this.#parts.monotonic();
      yield;
    }
  }

  get #pair(): Pair | undefined {
    return this.#parts.coHeld.owned(this.#parts.lane.peer.node);
  }

  #next(): void {
    if (this.#buckets.length > 0) {
      const buckets = this.#buckets.slice(0, perStep(bucketCount, this.#parts.sessions()));
      this.#ask((id) => bucketsFrame(id, this.#minute, buckets));
    } else if (this.#group < groupCount) this.#askDigest();
    else this.#end();
  }

  #askDigest(): void {
    const groups = this.#pair?.groups(this.#minute) ?? new Int32Array(groupLanes);
    this.#ask((id) => digestFrame(id, this.#minute, groups, this.#group));
  }

  #end(): void {
    this.#askedAt = undefined;
    this.#parts.lane.compared = true;
  }

  #ask(frame: (id: number) => Uint8Array): void {
    this.#id = this.#parts.nextId();
    this.#askedAt = this.#parts.monotonic();
    this.#parts.say(frame(this.#id));
  }
}

/** How many of all groups or buckets are looked at in a step. */
const perStep = (count: number, sessions: number): number =>
  Math.max(1, Math.floor((sessionsPerStep * count) / Math.max(1, sessions)));

const noBuckets = new Int32Array(bucketLanes);

/** A buddy's answer to the digest of its owner: of so many groups as a step takes. `sessions`: how many this node has. */
export function* answerDigest(
  pair: Pair | undefined,
  { id, minute, groups: theirs, first }: BuddyMessage & { readonly type: 'digest' },
  sessions: number,
): Generator<undefined, Uint8Array> {
  const differing = differingLanes(pair?.groups(minute) ?? new Int32Array(groupLanes), theirs).filter(
    (group) => group >= first,
  );
  const most = perStep(groupCount, sessions);
  const groups: (readonly [number, Int32Array])[] = [];
  for (const group of differing.slice(0, most))
    groups.push([group, pair === undefined ? noBuckets : yield* pair.buckets(group, minute)]);
  return differsFrame(id, differing[most] ?? groupCount, groups);
}

/** Its answer about buckets: of as many of them as a frame takes. `isHere`: what is not, is left out, and so comes. */
export function* answerBuckets(
  pair: Pair | undefined,
  id: number,
  minute: number,
  buckets: readonly number[],
  isHere: (key: string) => boolean,
): Generator<undefined, Uint8Array> {
  const hashes: (string | number)[] = [];
  let done = 0;
  for (const bucket of buckets) {
    if (done > 0 && (hashes.length / 2) * hashBytes > targetFrameBytes) break;
    for (const [key, hash] of pair?.keys(bucket, minute) ?? []) if (isHere(key)) hashes.push(key, hash);
    done++;
    yield;
  }
  return keysFrame(id, done, hashes);
}
