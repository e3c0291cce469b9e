/**
 * Keeps the data of sessions that have buddies where it is to be: with its owner and those, and nowhere else. The record
 * without its data is on every node by gossip; here travels the rest. The owner tells its buddies what it alters and keeps
 * what they have not confirmed (lane.ts); what both should hold is compared now and then, and when a buddy comes up
 * (comparing.ts); who needs data that is elsewhere asks for it (fetches.ts); who has data that is too much there offers it
 * until it is known to be kept (strays.ts). Order, loss and repetition of frames do no harm: all that arrives is merged.
 */

import type { Peer } from '../../channel/channel.ts';
import { type Cancel, type Clock, every } from '../../clock.ts';
import type { Copies } from '../../gossip/copies.ts';
import { Counters } from '../../gossip/counters.ts';
import type { HandedOver } from '../../gossip/gossip.ts';
import type { Change, Lattice } from '../../gossip/lattice.ts';
import type { Listener, Talk } from '../../gossip/talk.ts';
import type { HybridClock } from '../../hybrid-clock.ts';
import { lifeOf, nodeOf } from '../../life.ts';
import { type Log, silentLog } from '../../log.ts';
import { changeOf, type LiveSession, type SessionRecord } from '../record.ts';
import type { Alteration } from '../teller.ts';
import { Answers } from './answers.ts';
import { CoHeld } from './co-held.ts';
import { Company, type CourierMember, type CourierMembers } from './company.ts';
import { answerBuckets, answerDigest, Comparing } from './comparing.ts';
import { isTooLarge, loadText, readRecord, toldOf } from './content.ts';
import type { CopiesWanted, Depot, Fetched } from './depot.ts';
import { Fetches } from './fetches.ts';
import { type BuddyMessage, carriedFrame, fetchFrame, firstBuddyType, offerFrame, parseBuddyFrame } from './frames.ts';
import { HandingOver } from './handing-over.ts';
import { hasData, isListed, listedOf, type PlacedSession, placedOf, withoutData } from './holders.ts';
import { type Content, Lane, type Load, whole } from './lane.ts';
import { Passes, writingSlice } from './passes.ts';
import { Strays } from './strays.ts';
import { Waits } from './waits.ts';

export interface CourierOptions {
  /** The longest that data is asked for, milliseconds. Smaller: a slow holder counts as out of reach. Larger: a hung one delays a request. Default 250. */
  readonly fetchMs: number;
  /** What a buddy did not confirm for so long is sent again, milliseconds; longer while nothing is confirmed. Default 500. */
  readonly resendMs: number;
  /** Between two offers of the same data, milliseconds. Default 1,000. */
  readonly offerMs: number;
  /** Between comparisons with each buddy, milliseconds. Smaller: what was missed is repaired sooner. Larger: less idle traffic. Default 10,000. */
  readonly digestMs: number;
}

export const courierDefaults: CourierOptions = { fetchMs: 250, resendMs: 500, offerMs: 1_000, digestMs: 10_000 };

export interface CourierParts {
  readonly self: Peer;
  readonly talk: Pick<Talk, 'listen' | 'say' | 'peers'>;
  readonly copies: Copies<SessionRecord>;
  /** That of `copies`. */
  readonly lattice: Lattice<SessionRecord>;
  readonly members: CourierMembers;
  /** Whether every configured node has been met in this life: one that was not may hold what nobody else does. */
  readonly hasMetAll: () => boolean;
  /** Configured ones; 0 without. */
  readonly voters: number;
  readonly hybrid: Pick<HybridClock, 'next'>;
  readonly clock: Clock;
  /** The time of a majority, milliseconds: what claims to be far beyond it is capped. Default: never. */
  readonly latest?: (() => number) | undefined;
  readonly log?: Log | undefined;
  readonly options?: Partial<CourierOptions> | undefined;
}

export interface CourierView {
  /** Sessions with buddies that this node serves, or served in an earlier life. */
  readonly owned: number;
  /** Those whose buddy it is. */
  readonly kept: number;
  /** Those whose data is with others. */
  readonly elsewhere: number;
  /** Changes that buddies have not confirmed, those of two of them counted twice. */
  readonly unconfirmed: number;
  /** Sessions whose data is here and need not be. */
  readonly strays: number;
  /** Questions for data that are open. */
  readonly fetching: number;
}

/** Between looks at what was not answered in time, milliseconds. */
const tickMs = 250;
/** Sessions that get other buddies in one turn. */
const keysPerTurn = 500;
const forever = () => Number.POSITIVE_INFINITY;

/** What can be reached of a peer. */
interface Link {
  readonly lane: Lane;
  readonly comparing: Comparing;
}

export class Courier implements Depot, Listener {
  readonly #parts: CourierParts;
  readonly #log: Log;
  readonly #options: CourierOptions;
  readonly #node: string;
  readonly #life: string;
  readonly #counters = new Counters();
  readonly #company: Company;
  readonly #passes: Passes;
  readonly #answers: Answers;
  readonly #coHeld: CoHeld;
  readonly #fetches: Fetches;
  readonly #strays: Strays;
  readonly #waits: Waits;
  readonly #links = new Map<string, Link>();
  readonly #peers = new Map<string, Peer>();
  /** What is to be confirmed at the end of the turn. */
  readonly #acks = new Map<Peer, { readonly numbers: number[]; readonly lacking: string[] }>();
  readonly #handingOver = new Set<HandingOver>();
  /** The key that this node is putting. */
  #putting: string | undefined;
  #flushing = false;
  #tick: Cancel | undefined;
  #digests: Cancel | undefined;
  #offersAt = 0;
  #id = 0;
  #closed = false;

  constructor(parts: CourierParts) {
    const { self, talk, copies, members, clock, log = silentLog } = parts;
    this.#parts = parts;
    this.#log = log;
    this.#options = { ...courierDefaults, ...parts.options };
    this.#node = self.node;
    this.#life = lifeOf(self);
    this.#coHeld = new CoHeld({ node: self.node, copies });
    const nextId = () => ++this.#id;
    this.#company = new Company({ self, members, voters: parts.voters, peers: this.#peers });
    this.#passes = new Passes({ copies, clock });
    this.#answers = new Answers({
      node: this.#node,
      life: this.#life,
      copies,
      company: this.#company,
      laneTo: (node) => this.#links.get(node)?.lane,
      replace: (key, session) => void this.#replaceGone(key, session),
    });
    this.#waits = new Waits({ clock, isStored: (key) => this.#isStored(key) });
    this.#fetches = new Fetches({
      self,
      record: (key) => copies.get(key),
      peers: () => this.#peers,
      staying: () => this.#company.staying(),
      hasMetAll: parts.hasMetAll,
      say: (to, id, keys) => talk.say(to, fetchFrame(id, keys)),
      clock,
      ms: this.#options.fetchMs,
      nextId,
    });
    this.#strays = new Strays({
      target: (key) => this.#offerTarget(key),
      refill: (key, peer) => this.#mayLack(placedOf(copies.get(key)), peer),
      session: (key) => placedOf(copies.get(key)),
      say: (to, id, versions) => {
        this.#counters.count('sessions-offered', versions.length / 2);
        talk.say(to, offerFrame(id, versions));
      },
      shed: (key) => this.#shed(key),
      carry: (key, to) => {
        const lane = this.#laneOf(to);
        // What it could not take comes no better a second later.
        if (lane?.refuses(key) === false) lane.repair(key);
        this.#flushSoon();
      },
      soon: (run) => clock.soon(run),
      monotonic: () => clock.monotonic(),
      nextId,
    });
    copies.onChange((change) => this.#changed(change));
    copies.onForget((key, last) => this.#forgotten(key, last));
    members.onMember((before, after) => this.#memberChanged(before, after));
    talk.listen(this, firstBuddyType);
  }

  choose(key: string, wanted: CopiesWanted | undefined, present?: readonly string[]): readonly string[] | undefined {
    const count = this.#company.wanted(wanted);
    return count === undefined ? undefined : this.#company.choose(key, count, present);
  }

  refuses(key: string, session: LiveSession): 'over' | 'too-large' | undefined {
    const { lattice, copies } = this.#parts;
    return isTooLarge(lattice, session) ? 'too-large' : copies.refuses(key, session);
  }

  put(key: string, session: LiveSession, altered: Alteration, silent: boolean): SessionRecord | undefined {
    const { copies, lattice } = this.#parts;
    if (isTooLarge(lattice, session)) return undefined;
    const before = copies.get(key);
    // Told by itself: who served it until now is to hear of that before it hears of an end, which is not its own then.
    const isMoved = before?.state === 'live' && before.owner !== session.owner;
    this.#putting = key;
    let written: SessionRecord | undefined;
    try {
      written = silent
        ? copies.settle(key, session, true)
        : copies.put(key, session, toldOf(before, session, altered), isMoved);
    } finally {
      this.#putting = undefined;
    }
    const placed = placedOf(written);
    if (placed !== undefined) this.#owe(key, before, placed, altered);
    return written;
  }

  async fetch(key: string, session: LiveSession): Promise<Fetched> {
    if (placedOf(session) === undefined) return 'here';
    this.#counters.count('session-fetches');
    const fetched = await this.#fetches.fetch(key);
    if (fetched !== 'here') this.#counters.count(fetched === 'lost' ? 'sessions-lost' : 'sessions-out-of-reach');
    return fetched;
  }

  stored(key: string, ms: number): Promise<void> {
    return this.#waits.wait(key, ms);
  }

  /**
   * Gives to others what nobody else has who stays. To be called before this node says that it left. Resolves when all is
   * confirmed, at the latest after `ms`: `lost` are those that nobody confirmed.
   */
  async handOver(ms: number): Promise<HandedOver> {
    const handing = new HandingOver({
      node: this.#node,
      life: this.#life,
      passes: this.#passes,
      session: (key) => placedOf(this.#parts.copies.get(key)),
      laneTo: (node) => (this.#company.stays(node) ? this.#links.get(node)?.lane : undefined),
      lifeAt: (node) => this.#company.lifeAt(node),
      isStray: (key) => this.#strays.has(key),
      replace: (key, session) => this.#replaceGone(key, session).filter((one) => this.#company.stays(one)),
      flush: () => this.#flushSoon(),
      clock: this.#parts.clock,
    });
    this.#handingOver.add(handing);
    const handedOver = await handing.run(ms);
    this.#handingOver.delete(handing);
    this.#counters.count('sessions-handed-over', handedOver.handedOver);
    return handedOver;
  }

  /** Ends every timer and every wait; tells nobody. */
  close(): void {
    this.#closed = true;
    this.#passes.close();
    this.#tick?.();
    this.#digests?.();
    this.#links.clear();
    this.#peers.clear();
    this.#fetches.close();
    this.#waits.close();
    for (const handing of this.#handingOver) handing.close();
  }

  /** Changes that buddies have not confirmed; one that two of them have not, twice. */
  get unconfirmed(): number {
    let unconfirmed = 0;
    for (const { lane } of this.#links.values()) unconfirmed += lane.size;
    return unconfirmed;
  }

  /** What was counted, by name. */
  counters(): Readonly<Record<string, number>> {
    return this.#counters.all();
  }

  view(): CourierView {
    return {
      ...this.#coHeld.counts,
      unconfirmed: this.unconfirmed,
      strays: this.#strays.strayCount,
      fetching: this.#fetches.size,
    };
  }

  up(peer: Peer): void {
    if (this.#closed) return;
    const { clock, talk } = this.#parts;
    const lane = new Lane(peer, this.#options.resendMs, () => ++this.#id);
    const comparing = new Comparing({
      lane,
      coHeld: this.#coHeld,
      sessions: () => this.#parts.copies.size,
      say: (frame) => talk.say(peer, frame),
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      nextId: () => ++this.#id,
      found: () => {
        this.#counters.count('buddy-differed');
        this.#flushSoon();
      },
    });
    const former = this.#peers.get(peer.node);
    if (former !== undefined) this.down(former);
    this.#links.set(peer.node, { lane, comparing });
    this.#peers.set(peer.node, peer);
    this.#company.changed();
    comparing.begin();
    this.#refill((session) => (isListed(session, peer.node) ? [peer.node] : []));
    this.#digests ??= every(clock, this.#options.digestMs, () => this.#compareAll());
    this.#arm();
  }

  down(peer: Peer): void {
    if (this.#peers.get(peer.node)?.incarnation !== peer.incarnation) return;
    const owed = this.#links.get(peer.node)?.lane.owed ?? [];
    this.#links.delete(peer.node);
    this.#peers.delete(peer.node);
    this.#company.changed();
    this.#bringElsewhere(this.#waits.keys);
    this.#bringElsewhere(owed);
    this.#strays.down(peer.node);
    this.#fetches.down(peer);
    this.#waits.checkAll();
    for (const handing of this.#handingOver) handing.check();
  }

  frame(from: Peer, frame: Uint8Array): boolean {
    const message = parseBuddyFrame(frame);
    if (message === 'unknown') return true;
    if (message === undefined) {
      this.#counters.count('buddy-frames-bad');
      return false;
    }
    // Of a life that is gone nothing is believed; what it still asks nobody waits for.
    if (this.#peers.get(from.node)?.incarnation === from.incarnation) this.#handle(from, message);
    return true;
  }

  stalled(): void {
    for (const { lane } of this.#links.values()) lane.excuse(this.#parts.clock.monotonic());
  }

  #handle(from: Peer, message: BuddyMessage): void {
    const { talk, copies } = this.#parts;
    const { lane, comparing } = this.#links.get(from.node)!;
    switch (message.type) {
      case 'carry':
        this.#carry(from, message.number, message.items);
        return;
      case 'carried': {
        const confirmed = lane.carried(message.numbers, message.lacking);
        this.#counters.count('buddy-lacked', message.lacking.length);
        for (const key of confirmed) this.#waits.check(key);
        for (const handing of this.#handingOver) handing.check(confirmed);
        if (lane.canSend) this.#flushSoon();
        return;
      }
      case 'fetch':
        for (const frame of this.#answers.fetched(message.id, message.keys)) talk.say(from, frame);
        return;
      case 'fetched': {
        const given: string[] = [];
        for (let index = 0; index < message.items.length; index += 2) {
          const key = message.items[index] as string;
          if (this.#merge(key, message.items[index + 1]) !== 'lacking') given.push(key);
        }
        this.#fetches.fetched(from, message.id, given, message.missing);
        return;
      }
      case 'offer': {
        const frame = this.#answers.offered(message.id, message.versions);
        if (frame !== undefined) talk.say(from, frame);
        return;
      }
      case 'offered':
        this.#strays.offered(from, message.id, message.kept, message.wanted);
        return;
      case 'digest':
        talk.say(from, answerDigest(this.#coHeld.kept(from.node), message, copies.size));
        return;
      case 'differs':
        comparing.differs(message.id, message.next, message.groups);
        return;
      case 'buckets': {
        const { id, minute, buckets } = message;
        const pair = this.#coHeld.kept(from.node);
        talk.say(
          from,
          answerBuckets(pair, id, minute, buckets, (key) => this.#isHere(key, from)),
        );
        return;
      }
      case 'keys':
        comparing.keys(message.id, message.done, message.hashes);
        return;
      default:
        message satisfies never;
    }
  }

  /** Merges what a peer holds or changed, then confirms it. */
  #carry(from: Peer, number: number, items: readonly unknown[]): void {
    const lacking: string[] = [];
    for (let index = 0; index < items.length; index += 2) {
      const key = items[index] as string;
      if (this.#merge(key, items[index + 1]) === 'lacking') lacking.push(key);
    }
    this.#counters.count('buddy-received', items.length / 2);
    const acks = this.#acks.get(from);
    if (acks === undefined) this.#acks.set(from, { numbers: [number], lacking });
    else {
      acks.numbers.push(number);
      acks.lacking.push(...lacking);
    }
    this.#flushSoon();
  }

  /** `lacking`: it was not merged, since what it builds on is not here, or cannot be read. */
  #merge(key: string, data: unknown): 'lacking' | undefined {
    const { copies, lattice, latest = forever } = this.#parts;
    const value = readRecord(lattice, data, latest());
    if (value === undefined) {
      this.#counters.count('buddy-dropped');
      return 'lacking';
    }
    if (lattice.lacks?.(copies.get(key), value) === true) return 'lacking';
    const held = placedOf(copies.settle(key, value));
    // This node has what the sender has not.
    if (held !== undefined && held.owner !== this.#life && value.state === 'live' && hasData(held))
      if (held.data.version !== value.data.version) this.#stray(key);
    return undefined;
  }

  /** A holder beside this node has what was put, or nobody at all can be reached. Who is not chosen yet is waited for. */
  #isStored(key: string): boolean {
    const session = placedOf(this.#parts.copies.get(key));
    if (session === undefined || this.#links.size === 0) return true;
    return listedOf(session).some((node) => this.#links.get(node)?.lane.stores(key) === true);
  }

  /** Tells the buddies what this node's own change altered; where another node serves the session, that one, too. */
  #owe(key: string, before: SessionRecord | undefined, session: PlacedSession, altered: Alteration): void {
    const former = placedOf(before);
    const wasMine = former?.owner === this.#life;
    const isMine = session.owner === this.#life;
    if (former !== undefined && !wasMine && isMine) this.#counters.count('sessions-gravitated');
    if (!isMine && altered === 'no data') return;
    let load: Load | undefined;
    for (const node of listedOf(session)) {
      const lane = this.#links.get(node)?.lane;
      if (lane === undefined) continue;
      if (altered === 'all' || !wasMine || !isMine || !former.buddies.includes(node)) lane.put(key, whole);
      else if (altered !== 'no data') {
        load ??= { altered };
        lane.put(key, load);
      } else continue;
      this.#counters.count('buddy-told');
      this.#flushSoon();
    }
  }

  #changed({ key, before, after, own }: Change<SessionRecord>): void {
    this.#coHeld.changed(key, before, after);
    const former = placedOf(before);
    const session = placedOf(after);
    if (session === undefined) {
      this.#strays.delete(key);
      if (former === undefined) return;
      this.#waits.check(key);
      for (const handing of this.#handingOver) handing.check([key]);
      return;
    }
    if (session.owner === this.#life) {
      this.#strays.delete(key);
      // An own change is told when it is put: here is what came from elsewhere.
      if (own || key === this.#putting) return;
      const isNew = former?.owner !== this.#life || former.data.version !== session.data.version;
      for (const node of session.buddies) {
        const lane = this.#links.get(node)?.lane;
        if (lane === undefined || (!isNew && former.buddies.includes(node))) continue;
        lane.repair(key);
        this.#flushSoon();
      }
      return;
    }
    // Where its owner's life is over, whoever is told of it, or given data, last sees to it that the other holders have that too.
    if (former?.ownerStamp !== session.ownerStamp || former.data.version !== session.data.version)
      this.#refillOne(key, session);
    if (hasData(session) && (former?.owner === this.#life || !isListed(session, this.#node))) {
      this.#stray(key);
      if (former !== undefined && former.owner !== session.owner) this.#bringAlong(key, former, session);
    }
  }

  /** Another node serves it now, and may have fetched it before the last change here: what nobody confirmed goes to it at once. */
  #bringAlong(key: string, former: PlacedSession, session: PlacedSession): void {
    if (!listedOf(former).some((node) => this.#links.get(node)?.lane.owes(key)) && !this.#waits.has(key)) return;
    for (const node of listedOf(session)) this.#links.get(node)?.lane.repair(key);
    this.#flushSoon();
  }

  #forgotten(key: string, last: SessionRecord): void {
    this.#coHeld.changed(key, last, undefined);
    this.#strays.delete(key);
    this.#waits.check(key);
  }

  #stray(key: string): void {
    if (this.#strays.size === 0) this.#offersAt = this.#parts.clock.monotonic() + this.#options.offerMs;
    this.#strays.add(key);
    this.#arm();
  }

  /** Whoever has to say whether what is here is kept elsewhere. */
  #offerTarget(key: string): Peer | undefined | 'none' {
    const session = placedOf(this.#parts.copies.get(key));
    if (session === undefined || session.owner === this.#life || !hasData(session)) return 'none';
    const owner = nodeOf(session.owner);
    if (this.#company.lifeAt(owner) === session.owner) return this.#peers.get(owner);
    if (!this.#company.isOver(session.owner)) return undefined;
    if (isListed(session, this.#node)) return 'none';
    const buddy = session.buddies.find((node) => this.#peers.has(node));
    return buddy === undefined ? this.#peers.get(owner) : this.#peers.get(buddy);
  }

  #shed(key: string): void {
    const session = placedOf(this.#parts.copies.get(key));
    if (session === undefined || session.owner === this.#life || isListed(session, this.#node)) return;
    if (this.#fetches.isBusy(key)) {
      this.#stray(key);
      return;
    }
    if (this.#parts.copies.shed(key, withoutData(session))) this.#counters.count('sessions-shed');
    else this.#log.warn({ key }, 'the data of a session that is kept elsewhere could not be let go of');
  }

  /** Whether a node that came up may lack a session that it and this one should hold, and whose owner is over. */
  #mayLack(session: PlacedSession | undefined, peer: Peer): boolean {
    if (session === undefined || session.owner === this.#life || !hasData(session)) return false;
    if (!isListed(session, this.#node) || !isListed(session, peer.node)) return false;
    return (
      lifeOf(peer) !== session.owner && (nodeOf(session.owner) === peer.node || this.#company.isOver(session.owner))
    );
  }

  /** Offers others what they may lack, in slices. `nodesOf`: whom of a session. */
  #refill(nodesOf: (session: PlacedSession) => readonly string[]): void {
    this.#passes.run((key, session) => this.#refillOne(key, session, nodesOf(session)));
  }

  #refillOne(key: string, session: PlacedSession, nodes: readonly string[] = listedOf(session)): void {
    if (session.owner === this.#life) return;
    for (const node of nodes) {
      const peer = this.#peers.get(node);
      if (peer === undefined || !this.#mayLack(session, peer)) continue;
      this.#strays.refill(key, node);
      this.#arm();
    }
  }

  #memberChanged(before: CourierMember | undefined, after: CourierMember): void {
    this.#company.changed();
    const { node, state, incarnation } = after;
    if (node === this.#node || this.#closed) return;
    const isNew = before?.incarnation !== incarnation;
    if (state === before?.state && !isNew) return;
    if (state === 'left' || state === 'draining') this.#replaceBuddy(node);
    if (state === 'up') this.#giveBuddies();
    if (state === 'left' || state === 'lost' || (isNew && before !== undefined))
      this.#refill((session) => (nodeOf(session.owner) === node ? session.buddies : []));
    this.#waits.checkAll();
  }

  /** A buddy leaves: the sessions of this life get another one, in slices. */
  #replaceBuddy(leaving: string): void {
    if (this.#coHeld.owned(leaving) === undefined) return;
    const each = (key: string, session: PlacedSession) => {
      if (session.owner === this.#life && session.buddies.includes(leaving)) this.#replaceGone(key, session);
    };
    this.#passes.run(each, () => {}, writingSlice);
  }

  /** Sessions that were made while nobody was there get a buddy as soon as somebody is. */
  #giveBuddies(): void {
    this.#passes.run((key, session) => {
      if (session.owner === this.#life && session.buddies.length === 0) this.#replaceGone(key, session);
    });
  }

  /** What a buddy has not confirmed goes to another, if none of the session's can be reached any more: no more than that moves. */
  #bringElsewhere(keys: readonly string[], from = 0): void {
    if (this.#closed) return;
    const to = Math.min(keys.length, from + keysPerTurn);
    for (let index = from; index < to; index++) {
      const session = placedOf(this.#parts.copies.get(keys[index]!));
      if (session?.owner !== this.#life || session.buddies.some((node) => this.#peers.has(node))) continue;
      this.#replaceGone(keys[index]!, session);
    }
    if (to < keys.length) this.#parts.clock.soon(() => this.#bringElsewhere(keys, to));
  }

  /** Gives a session others in the place of buddies that leave or are gone. Returns its buddies. */
  #replaceGone(key: string, session: PlacedSession): readonly string[] {
    const { copies, hybrid } = this.#parts;
    const staying = session.buddies.filter((node) => node !== this.#node && this.#company.stays(node));
    const chosen = this.#company.choose(key, Math.max(1, session.buddies.length), staying);
    if (chosen.length === 0 || chosen.every((node) => session.buddies.includes(node))) return session.buddies;
    const next: LiveSession = { ...session, buddies: chosen, ownerStamp: hybrid.next(session.ownerStamp) };
    this.#putting = key;
    try {
      copies.put(key, next, changeOf(next, undefined));
    } finally {
      this.#putting = undefined;
    }
    this.#counters.count('buddies-chosen-anew');
    for (const node of chosen)
      if (session.owner !== this.#life || !session.buddies.includes(node)) this.#links.get(node)?.lane.put(key, whole);
    this.#flushSoon();
    return chosen;
  }

  #laneOf(peer: Peer): Lane | undefined {
    const lane = this.#links.get(peer.node)?.lane;
    return lane?.peer.incarnation === peer.incarnation ? lane : undefined;
  }

  /** Whether a buddy has what an owner's node asks about; whose life is over that node may lack it, and gets it offered. */
  #isHere(key: string, asker: Peer): boolean {
    const session = placedOf(this.#parts.copies.get(key));
    if (session === undefined || !hasData(session)) return false;
    this.#refillOne(key, session, [asker.node]);
    return true;
  }

  readonly #contentOf: Content = (key, load, node) => {
    const session = placedOf(this.#parts.copies.get(key));
    return session !== undefined && isListed(session, node) && hasData(session) ? loadText(session, load) : 'skip';
  };

  #flushSoon(): void {
    if (this.#flushing || this.#closed) return;
    this.#flushing = true;
    this.#parts.clock.soon(() => {
      this.#flushing = false;
      if (!this.#closed) this.#flush();
    });
  }

  /** One frame for each peer, more where one is not enough; confirmations first. */
  #flush(): void {
    const { talk, clock } = this.#parts;
    for (const [peer, { numbers, lacking }] of this.#acks) talk.say(peer, carriedFrame(numbers, lacking));
    this.#acks.clear();
    let more = false;
    for (const { lane } of this.#links.values()) {
      if (!lane.canSend) continue;
      for (const frame of lane.fill(this.#contentOf, clock.monotonic())) {
        this.#counters.count('buddy-frames-sent');
        this.#counters.count('buddy-bytes-sent', frame.length);
        talk.say(lane.peer, frame);
      }
      more ||= lane.canSend;
    }
    if (more) this.#flushSoon();
    this.#arm();
  }

  #compareAll(): void {
    for (const { comparing } of this.#links.values()) comparing.begin();
    this.#arm();
  }

  /** A look at what is open, as long as anything is. */
  #arm(): void {
    if (this.#tick !== undefined || this.#closed) return;
    let isOpen = this.#strays.size > 0;
    for (const { lane, comparing } of this.#links.values()) isOpen ||= lane.isWaiting || comparing.isOpen;
    if (!isOpen) return;
    this.#tick = this.#parts.clock.after(tickMs, () => {
      this.#tick = undefined;
      this.#look();
      this.#arm();
    });
  }

  #look(): void {
    const now = this.#parts.clock.monotonic();
    for (const { lane, comparing } of this.#links.values()) {
      if (lane.resend(now)) this.#counters.count('buddy-resent');
      if (lane.canSend) this.#flushSoon();
      comparing.check();
    }
    if (this.#strays.size === 0 || now < this.#offersAt) return;
    // Where very many wait, nobody gains by their being offered every second.
    this.#offersAt = now + this.#options.offerMs + this.#strays.size / 10;
    this.#strays.pass(this.#peers);
  }
}
