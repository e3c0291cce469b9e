/**
 * What one peer that can be reached is owed: data that was changed here and that it has not confirmed. A change goes as
 * what it altered, and again, whole, where the peer lacks what it builds on or does not confirm it in time. Nothing
 * survives the lane: when a peer comes back it is compared with, whatever it was owed before.
 *
 * `owes` is the promise of this file: it is true from the change until the peer has said that it merged it.
 */

import type { Peer } from '../../channel/channel.ts';
import { targetFrameBytes } from '../../gossip/message.ts';
import { type DataDelta, joinDeltas } from '../data/delta.ts';
import { carryFrame } from './frames.ts';

/** Frames that a peer may have to confirm at once; of them, such as repair what it lacks. */
const framesAtMost = 16;
const repairsAtMost = 8;
/** Frames of one turn: beyond, others have their turn first. */
const framesPerTurn = 4;
/** By what the time for a confirmation grows at most while none comes. */
const patienceAtMost = 16;

/** A change on its way to several peers: written out once. */
export interface Load {
  readonly altered: DataDelta | 'all';
  text?: string | undefined;
}

interface Sent {
  readonly keys: readonly string[];
  readonly at: number;
}

/** A record or its change as JSON; `skip`: this peer is not to have it any more; `too-large`: no frame can carry it. */
export type Content = (key: string, load: Load, node: string) => string | 'skip' | 'too-large';

export const whole: Load = { altered: 'all' };

export class Lane {
  readonly peer: Peer;
  /** All that the peer lacked when it came up is owed to it or was confirmed: until then nothing is known of what it has. */
  compared = false;
  readonly #resendMs: number;
  readonly #puts = new Map<string, Load>();
  readonly #repairs = new Set<string>();
  readonly #frames = new Map<number, Sent>();
  /** The last frame that has a key. */
  readonly #sentIn = new Map<string, number>();
  /** What the peer cannot take: nothing but a comparison tries again. */
  readonly #refused = new Set<string>();
  readonly #wholes = new Set<string>();
  /** What it confirmed before it was compared with. */
  readonly #confirmed = new Set<string>();
  readonly #nextNumber: () => number;
  #patience = 1;

  /** `nextNumber`: one that no frame of any lane had, so that what is said of a former connection says nothing of this one. */
  constructor(peer: Peer, resendMs: number, nextNumber: () => number) {
    this.peer = peer;
    this.#nextNumber = nextNumber;
    this.#resendMs = resendMs;
  }

  /** A change of data that the peer has, as far as is known; or all of it. */
  put(key: string, load: Load): void {
    const isBehind = this.#repairs.delete(key) || this.#refused.has(key) || !this.compared;
    const waiting = this.#puts.get(key);
    this.#puts.set(key, isBehind ? whole : waiting === undefined ? load : joined(waiting, load));
  }

  /** The peer may lack all of it. */
  repair(key: string): void {
    if (this.#puts.has(key)) this.#puts.set(key, whole);
    else this.#repairs.add(key);
  }

  /** As `repair`, where a comparison said that it differs: what is on its way need not be sent again. */
  differs(key: string): void {
    this.#refused.delete(key);
    if (!this.owes(key)) this.#repairs.add(key);
  }

  /** Whether something of this session waits to be confirmed. */
  owes(key: string): boolean {
    return this.#puts.has(key) || this.#repairs.has(key) || this.#sentIn.has(key) || this.#refused.has(key);
  }

  /** Whether the peer has what was put last, as it said on this connection. */
  stores(key: string): boolean {
    return !this.owes(key) && (this.compared || this.#confirmed.has(key));
  }

  /** What waits to be confirmed. */
  get owed(): readonly string[] {
    return [...new Set([...this.#puts.keys(), ...this.#sentIn.keys(), ...this.#repairs])];
  }

  /** Whether the peer could not take it. */
  refuses(key: string): boolean {
    return this.#refused.has(key);
  }

  /** Whether the peer has all that is here of this session, for certain. */
  hasAll(key: string): boolean {
    return this.compared && !this.owes(key);
  }

  /** Sessions that wait to be confirmed. */
  get size(): number {
    return this.#puts.size + this.#repairs.size + this.#sentIn.size;
  }

  /** Whether frames wait to be confirmed. */
  get isWaiting(): boolean {
    return this.#frames.size > 0;
  }

  get canSend(): boolean {
    return (
      (this.#puts.size > 0 && this.#frames.size < framesAtMost) ||
      (this.#repairs.size > 0 && this.#frames.size < repairsAtMost)
    );
  }

  /** The next frames, some at most: while `canSend` there are more. `isLate`: what is to be sent took long enough to read. */
  fill(contentOf: Content, now: number, isLate: () => boolean = () => false): readonly Uint8Array[] {
    const frames: Uint8Array[] = [];
    while (frames.length < framesPerTurn && this.canSend && (frames.length === 0 || !isLate())) {
      const items: string[] = [];
      const keys: string[] = [];
      let length = 0;
      for (let looked = 0; length < targetFrameBytes && (looked === 0 || !isLate()); looked++) {
        const next = this.#next(keys.length === 0 || this.#frames.size < repairsAtMost);
        if (next === undefined) break;
        const [key, load] = next;
        const content = contentOf(key, load, this.peer.node);
        const size = content.length;
        if (length > 0 && length + size > targetFrameBytes && content !== 'skip') break;
        this.#take(key, load);
        if (content === 'skip') continue;
        if (content === 'too-large') {
          this.#refused.add(key);
          continue;
        }
        items.push(JSON.stringify(key), content);
        keys.push(key);
        length += size + key.length + 4;
        if (load.altered === 'all') this.#wholes.add(key);
        else this.#wholes.delete(key);
      }
      if (keys.length === 0) {
        if (isLate()) break;
        continue;
      }
      const number = this.#nextNumber();
      for (const key of keys) this.#sentIn.set(key, number);
      this.#frames.set(number, { keys, at: now });
      frames.push(carryFrame(number, items));
    }
    return frames;
  }

  /** The peer merged these frames, but for some keys. Returns the keys that are owed no more. */
  carried(numbers: readonly number[], lacking: readonly string[]): readonly string[] {
    const lacked = new Set(lacking);
    // Almost always nothing was lacked.
    const answered = lacking.length === 0 ? [] : numbers.map((number) => [number, this.#frames.get(number)] as const);
    // One answer to several frames, also to such as were sent again since, does not say which of them a key was lacked in.
    const isClear = (key: string, number: number) =>
      answered.every(([other, sent]) => other === number || (sent !== undefined && !sent.keys.includes(key)));
    if (this.compared) this.#confirmed.clear();
    const done: string[] = [];
    for (const number of numbers) {
      const sent = this.#frames.get(number);
      if (sent === undefined) continue;
      this.#frames.delete(number);
      this.#patience = 1;
      for (const key of sent.keys) {
        if (this.#sentIn.get(key) !== number) continue;
        this.#sentIn.delete(key);
        // A change that came later and is not sent yet may build on what was lacked: it goes whole.
        if (!lacked.has(key)) {
          this.#refused.delete(key);
          this.#wholes.delete(key);
          if (this.owes(key)) continue;
          done.push(key);
          if (!this.compared) this.#confirmed.add(key);
        } else if (this.#wholes.delete(key) && isClear(key, number)) this.#refused.add(key);
        else this.repair(key);
      }
    }
    return done;
  }

  /** What was not confirmed in time is sent again. Returns whether there was any. */
  resend(now: number): boolean {
    let late = false;
    for (const [number, { keys, at }] of this.#frames) {
      if (now - at < this.#resendMs * this.#patience) continue;
      late = true;
      this.#frames.delete(number);
      for (const key of keys) {
        if (this.#sentIn.get(key) !== number) continue;
        this.#sentIn.delete(key);
        this.repair(key);
      }
    }
    if (late) this.#patience = Math.min(2 * this.#patience, patienceAtMost);
    return late;
  }

  /** This process stood still: the time for what was sent begins anew. */
  excuse(now: number): void {
    for (const [number, { keys }] of this.#frames) this.#frames.set(number, { keys, at: now });
  }

  #next(withRepairs: boolean): readonly [string, Load] | undefined {
    for (const entry of this.#puts) return entry;
    if (withRepairs) for (const key of this.#repairs) return [key, whole];
    return undefined;
  }

  #take(key: string, load: Load): void {
    if (this.#puts.get(key) === load) this.#puts.delete(key);
    else this.#repairs.delete(key);
  }
}

/** Two changes of this node, made one after the other. */
function joined(earlier: Load, later: Load): Load {
  if (earlier.altered === 'all' || later.altered === 'all') return whole;
  const altered = joinDeltas(earlier.altered, later.altered);
  return altered === undefined ? whole : { altered };
}
