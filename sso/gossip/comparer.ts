/**
 * The asker's side of comparisons: whom to compare with next, and how far the present one has come. One
 * at a time, so that a joining node pulls everything from one peer and finds nothing left at the others.
 * Two pages are under way, so that the peer writes one while this node merges the other. A peer that
 * does not answer holds it up for `stallMs` at most.
 *
 * Where two ask one another at the same time both would move everything twice: then the node with the
 * much smaller copy goes on (it pulls what it lacks), between equals the smaller name, and the other one
 * waits until it has not been asked for `quietMs`. A peer that lacks very much and comes by more from one look to
 * the next is being given it by somebody already: it is left alone, or all would reach it as often as it has peers.
 */

import { bucketsPerPage, compareJson, type Differing, differingBuckets, keysJson } from './comparison.ts';
import type { Counters } from './counters.ts';
import { frameOf, type Message } from './message.ts';
import { repairFrames } from './outbox.ts';
import type { PeerState } from './peer.ts';
import { minuteOf } from './replica.ts';
import { type SharedMaps, writtenAll } from './shared-maps.ts';
import type { Moment, Steps } from './steps.ts';

/** Without an answer for so long a comparison is given up. */
const stallMs = 1_000;
const quietMs = 100;
const pagesUnderWay = 2;
/** A peer that lacks so many values takes a while to come by them. */
const veryMany = 10_000;
/** Between two looks at how many such a peer holds, milliseconds: in less it has merged several pages, or nobody gives it any. */
const lookMs = 500;

interface Comparison {
  readonly id: number;
  readonly peer: PeerState;
  readonly minute: number;
  /** By the monotonic clock, as `touchedAt`. */
  readonly begunAt: number;
  touchedAt: number;
  /** The peer's last batch when it answered: what is compared includes it. Unknown until then. */
  number: number | undefined;
  whole: boolean;
  mark: number;
  /** Something was left out: it is not told as complete. */
  skipped: boolean;
  /** Whether it goes on though the peer asks, too. Judged once: the copies' sizes move meanwhile. */
  first: boolean;
  /** What has not been asked for yet. */
  readonly left: Differing[];
  /** What each page under way was asked for. */
  readonly asked: Map<number, Differing>;
}

export class Comparer {
  readonly #node: string;
  readonly #maps: SharedMaps;
  readonly #counters: Counters;
  readonly #queue = new Map<PeerState, number>();
  /** How many values a peer held when it was last looked at. */
  readonly #seen = new WeakMap<PeerState, number>();
  #ids = 0;
  #current: Comparison | undefined;

  constructor(node: string, maps: SharedMaps, counters: Counters) {
    this.#node = node;
    this.#maps = maps;
    this.#counters = counters;
  }

  /** When the present comparison last came forward, by the monotonic clock; `undefined` while there is none. */
  get touchedAt(): number | undefined {
    return this.#current?.touchedAt;
  }

  /** When `begin` has something to do without any message, by the monotonic clock; `undefined`: not by itself. */
  get wakeAt(): number | undefined {
    if (this.#current !== undefined) return this.#current.touchedAt + stallMs;
    let earliest: number | undefined;
    for (const at of this.#queue.values()) if (earliest === undefined || at < earliest) earliest = at;
    return earliest;
  }

  /** Asks for a comparison with a peer, not before an instant of the monotonic clock. */
  want(peer: PeerState, notBefore = 0): void {
    if (!peer.reachable) return;
    const queued = this.#queue.get(peer);
    if (queued === undefined || notBefore < queued) this.#queue.set(peer, notBefore);
  }

  /** The peer is gone: what was begun with it is dropped. */
  drop(peer: PeerState): void {
    this.#queue.delete(peer);
    if (this.#current?.peer === peer) this.#current = undefined;
  }

  /** Begins a comparison if one is due and none is going on. `sees`: whom this node reaches. */
  begin(step: Steps, sees: readonly string[], moment: Moment): void {
    if (this.#current !== undefined) {
      if (moment.monotonic < this.#current.touchedAt + stallMs) return;
      this.#counters.count('comparisons-stalled');
      this.#current = undefined;
    }
    for (const [peer, notBefore] of this.#queue) {
      if (notBefore > moment.monotonic) continue;
      this.#queue.delete(peer);
      this.#counters.count('comparisons');
      const id = ++this.#ids;
      const minute = minuteOf(moment.now);
      this.#current = {
        id,
        peer,
        minute,
        begunAt: moment.monotonic,
        touchedAt: moment.monotonic,
        number: undefined,
        whole: true,
        mark: 0,
        skipped: false,
        first: true,
        left: [],
        asked: new Map(),
      };
      step.send.push({
        to: peer.peer,
        frame: frameOf('compare', compareJson(this.#maps, id, minute, sees, moment.now)),
      });
      return;
    }
  }

  /** The answer to `compare` came. */
  differs(step: Steps, from: PeerState, message: Extract<Message, { type: 'differs' }>, moment: Moment): void {
    const current = this.#current;
    if (current?.peer !== from || current.id !== message.id || current.number !== undefined) return;
    if (this.#isBeingFilled(from)) {
      this.#current = undefined;
      this.want(from, moment.monotonic + lookMs);
      return;
    }
    current.number = message.number;
    current.whole = message.whole;
    current.mark = message.mark;
    current.first = this.#goesFirst(from);
    current.left.push(...differingBuckets(this.#maps, message, current.minute, moment.now));
    this.#proceed(step, current, moment);
  }

  /** A page came: merges it and sends back what it wants. A key whose value here adds nothing to the peer's is not sent. */
  page(step: Steps, from: PeerState, message: Extract<Message, { type: 'page' }>, moment: Moment): void {
    const current = this.#current;
    const asked = current?.asked.get(message.id);
    const replica = this.#maps.get(message.map);
    if (current?.peer !== from || asked?.map !== message.map || replica === undefined) return;
    const wanted = new Set(message.wanted);
    this.#maps.merge(step, message.map, message.items, moment.now, (key, theirs) => {
      const mine = replica.get(key);
      if (mine !== undefined && replica.lattice.merge(theirs, mine) !== theirs) wanted.add(key);
    });
    this.#counters.count('values-repaired', step.changes.length);
    for (const frame of repairFrames(message.map, writtenAll(replica, wanted)))
      step.send.push({ to: from.peer, frame });
    current.asked.delete(message.id);
    // A bucket that does not end and brings nothing holds what can't be read or kept, or what came another way meanwhile: it must
    // not hold up the others, nor may the comparison be told as complete.
    if (step.changes.length === 0 && message.done === 0) current.skipped = true;
    const done = step.changes.length > 0 ? message.done : Math.max(1, message.done);
    if (done < asked.buckets.length) current.left.unshift({ map: asked.map, buckets: asked.buckets.slice(done) });
    this.#proceed(step, current, moment);
  }

  #proceed(step: Steps, current: Comparison, moment: Moment): void {
    const { peer, left, asked } = current;
    current.touchedAt = moment.monotonic;
    if (left.length === 0 && asked.size === 0) {
      this.#complete(step, current);
      return;
    }
    if (!current.first && moment.monotonic - peer.askedAt < quietMs) {
      this.#current = undefined;
      this.want(peer, peer.askedAt + quietMs);
      return;
    }
    while (asked.size < pagesUnderWay) {
      const { map, buckets } = left.shift() ?? {};
      if (map === undefined || buckets === undefined) return;
      const id = ++this.#ids;
      const page = keysJson(this.#maps.get(map)!, buckets.slice(0, bucketsPerPage), id, current.minute);
      if (page.asked < buckets.length) left.unshift({ map, buckets: buckets.slice(page.asked) });
      asked.set(id, { map, buckets: buckets.slice(0, page.asked) });
      step.send.push({ to: peer.peer, frame: frameOf('keys', page.json) });
    }
  }

  #complete(step: Steps, { peer, whole, skipped, number, mark, begunAt }: Comparison): void {
    this.#current = undefined;
    if (!whole) {
      this.want(peer);
      return;
    }
    peer.compared = true;
    if (skipped) return;
    peer.reached(number ?? 0);
    step.compared.push({ peer: peer.peer, mark, begunAt });
  }

  #isBeingFilled(peer: PeerState): boolean {
    const before = this.#seen.get(peer);
    this.#seen.set(peer, peer.size);
    return this.#maps.size - peer.size > veryMany && (before === undefined || peer.size > before);
  }

  #goesFirst(peer: PeerState): boolean {
    const mine = this.#maps.size;
    if (mine * 2 < peer.size) return true;
    if (peer.size * 2 < mine) return false;
    return this.#node < peer.peer.node;
  }
}
