/**
 * Keeps the data of sessions that have buddies where it is to be: with its owner and those, and nowhere else. The record
 * without its data is on every node by gossip; here travels the rest. The owner tells its buddies what it alters and keeps
 * what they have not confirmed (lane.ts); what both should hold is compared now and then, and when a buddy comes up
 * (comparing.ts); who needs data that is elsewhere asks for it (fetches.ts); who has data that is too much there offers it
 * until it is known to be kept (offers.ts). Order, loss and repetition of frames do no harm: all that arrives is merged.
 *
 * This file puts these rooms together, and tells them what the table, the channel and the members say.
 */

import type { Peer } from '../../channel/channel.ts';
import type { Clock } from '../../clock.ts';
import type { Copies } from '../../gossip/copies.ts';
import { Counters } from '../../gossip/counters.ts';
import type { HandedOver } from '../../gossip/gossip.ts';
import type { Change, Lattice } from '../../gossip/lattice.ts';
import type { Listener, Talk } from '../../gossip/talk.ts';
import type { HybridClock } from '../../hybrid-clock.ts';
import { lifeOf, nodeOf } from '../../life.ts';
import { type Log, silentLog } from '../../log.ts';
import { hasData, type LiveSession, type SessionRecord } from '../record.ts';
import type { Alteration } from '../teller.ts';
import { Turns } from '../turns.ts';
import { Answers } from './answers.ts';
import { Arrivals } from './arrivals.ts';
import { BuddyWaits } from './buddy-waits.ts';
import { CoHeld } from './co-held.ts';
import { Company, type CourierMember, type CourierMembers } from './company.ts';
import { isTooLarge, loadText, toldOf } from './content.ts';
import type { CopiesWanted, Depot, Fetched } from './depot.ts';
import { Fetches } from './fetches.ts';
import { fetchFrame, firstBuddyType, parseBuddyFrame } from './frames.ts';
import { HandingOver } from './handing-over.ts';
import { isListed, listedOf, type PlacedSession, placedOf } from './holders.ts';
import { type Content, type Load, whole } from './lane.ts';
import { Lines } from './lines.ts';
import { Offers } from './offers.ts';
import { PlacedPasses } from './placed-passes.ts';
import { Placing } from './placing.ts';
import { Refilling } from './refilling.ts';
import { Regaining } from './regaining.ts';
import { Surplus } from './surplus.ts';

export interface CourierOptions {
  /** So long all who have data are heard where it is needed, milliseconds. Larger: one that hangs delays a request. Default 250. */
  readonly fetchAllMs: number;
  /** The longest that data is asked for while nobody has given it, milliseconds. Smaller: a request is refused because a holder is busy. Default 1,000. */
  readonly fetchMs: number;
  /** What a buddy did not confirm for so long is sent again, milliseconds; longer while nothing is confirmed. Default 500. */
  readonly resendMs: number;
  /** Between two offers of the same data, milliseconds. Default 1,000. */
  readonly offerMs: number;
  /** Between comparisons with each buddy, milliseconds. Smaller: what was missed is repaired sooner. Larger: less idle traffic. Default 10,000. */
  readonly digestMs: number;
  /**
   * A holder that is lost, or has left, for so long gets another in its place, milliseconds. Smaller: a session that nobody uses
   * stands on fewer nodes for a shorter time. Larger: a node may take longer to start again without its data being copied to
   * others. Default 30,000: a process, or a container, is there again by then, and a machine that is not may stay away.
   */
  readonly replaceMs: number;
}

export const courierDefaults: CourierOptions = {
  fetchAllMs: 250,
  fetchMs: 1_000,
  resendMs: 500,
  offerMs: 1_000,
  digestMs: 10_000,
  replaceMs: 30_000,
};

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
  /** Sessions whose data is to be here and has not come since this node started; 0 once all has. */
  readonly refilling: number;
  /** Questions for data that are open. */
  readonly fetching: number;
}

const forever = () => Number.POSITIVE_INFINITY;

export class Courier implements Depot, Listener {
  readonly #parts: CourierParts;
  readonly #node: string;
  readonly #life: string;
  readonly #counters = new Counters();
  readonly #company: Company;
  readonly #turns: Turns;
  readonly #passes: PlacedPasses;
  readonly #coHeld: CoHeld;
  readonly #lines: Lines;
  readonly #fetches: Fetches;
  readonly #offers: Offers;
  readonly #placing: Placing;
  readonly #surplus: Surplus;
  readonly #refilling: Refilling;
  readonly #regaining: Regaining;
  readonly #arrivals: Arrivals;
  readonly #waits: BuddyWaits;
  readonly #handingOver = new Set<HandingOver>();
  #id = 0;
  #closed = false;

  constructor(parts: CourierParts) {
    const { self, talk, copies, members, clock, hybrid, lattice, log = silentLog, latest = forever } = parts;
    const { fetchAllMs, fetchMs, resendMs, offerMs, digestMs, replaceMs } = { ...courierDefaults, ...parts.options };
    const counters = this.#counters;
    const nextId = () => ++this.#id;
    const say = (to: Peer, frame: Uint8Array) => talk.say(to, frame);
    this.#parts = parts;
    this.#node = self.node;
    this.#life = lifeOf(self);
    this.#turns = new Turns({ clock });
    this.#passes = new PlacedPasses({ copies, turns: this.#turns });
    this.#coHeld = new CoHeld({ node: self.node, copies });
    this.#waits = new BuddyWaits({ clock, isStored: (key) => this.#isStored(key) });
    this.#lines = new Lines({
      talk,
      clock,
      coHeld: this.#coHeld,
      turns: this.#turns,
      counters,
      sessions: () => copies.size,
      contentOf: this.#contentOf,
      nextId,
      resendMs,
      digestMs,
      isOpen: () => this.#offers.size > 0,
      look: (now) => this.#offers.look(now),
    });
    const { peers } = this.#lines;
    this.#company = new Company({ self, members, voters: parts.voters, peers, hasMetAll: parts.hasMetAll });
    const common = { self, copies, clock, counters, lines: this.#lines, company: this.#company };
    this.#placing = new Placing({
      ...common,
      coHeld: this.#coHeld,
      passes: this.#passes,
      turns: this.#turns,
      hybrid,
      replaceMs,
    });
    this.#surplus = new Surplus({ ...common, life: this.#life, turns: this.#turns, hybrid, lookMs: replaceMs / 10 });
    this.#fetches = new Fetches({
      self,
      record: (key) => copies.get(key),
      peers: () => peers,
      staying: () => this.#company.staying(),
      hasMetAll: parts.hasMetAll,
      say: (to, id, keys) => talk.say(to, fetchFrame(id, keys)),
      clock,
      allMs: fetchAllMs,
      ms: fetchMs,
      nextId,
    });
    this.#offers = new Offers({
      ...common,
      passes: this.#passes,
      turns: this.#turns,
      isBusy: (key) => this.#fetches.isBusy(key),
      isAwaited: (key) => this.#waits.has(key),
      say,
      offerMs,
      nextId,
      log,
    });
    this.#refilling = new Refilling({ self, peers, clock });
    this.#regaining = new Regaining({ self, copies, clock, counters, fetch: (key) => this.#fetches.fetch(key) });
    const answers = new Answers({
      node: this.#node,
      life: this.#life,
      copies,
      company: this.#company,
      laneTo: (node) => this.#lines.laneTo(node),
      replace: (key, session) => void this.#placing.replaceGone(key, session),
    });
    this.#arrivals = new Arrivals({
      life: this.#life,
      copies,
      lattice,
      latest,
      lines: this.#lines,
      coHeld: this.#coHeld,
      turns: this.#turns,
      answers,
      fetches: this.#fetches,
      offers: this.#offers,
      confirmed: (keys) => this.#confirmed(keys),
      say,
      counters,
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

  put(
    key: string,
    session: LiveSession,
    altered: Alteration,
    silent: boolean,
    alone = false,
  ): SessionRecord | undefined {
    const { copies, lattice } = this.#parts;
    if (isTooLarge(lattice, session)) return undefined;
    const before = copies.get(key);
    // Told by itself: who served it until now is to hear of that before it hears of an end, which is not its own then.
    const isMoved = before?.state === 'live' && before.owner !== session.owner;
    const written = silent
      ? copies.settle(key, session, true)
      : copies.put(key, session, toldOf(before, session, altered), isMoved);
    const placed = placedOf(written);
    if (placed === undefined) return written;
    if (alone) this.#lines.flush();
    this.#owe(key, before, placed, altered);
    if (alone) this.#lines.flush();
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
    this.#bringStray(key);
    return this.#waits.wait(key, ms);
  }

  /** The disk has lost the data of a session: if it is to be here, it is asked for. */
  regain(key: string): void {
    if (!this.#closed) this.#regaining.lost(key);
  }

  /**
   * Gives to others what nobody else has who stays. To be called before this node says that it left. Resolves when all is
   * confirmed, or when nothing has been for `ms`: `lost` are those that nobody confirmed.
   */
  async handOver(ms: number): Promise<HandedOver> {
    const handing = new HandingOver({
      node: this.#node,
      life: this.#life,
      passes: this.#passes,
      session: (key) => placedOf(this.#parts.copies.get(key)),
      laneTo: (node) => (this.#company.stays(node) ? this.#lines.laneTo(node) : undefined),
      lifeAt: (node) => this.#company.lifeAt(node),
      isStray: (key) => this.#offers.has(key),
      replace: (key, session) => this.#placing.replaceGone(key, session).filter((one) => this.#company.stays(one)),
      flush: () => this.#lines.flushSoon(),
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
    this.#turns.close();
    this.#lines.close();
    this.#placing.close();
    this.#surplus.close();
    this.#fetches.close();
    this.#waits.close();
    for (const handing of this.#handingOver) handing.close();
  }

  /** Changes that buddies have not confirmed; one that two of them have not, twice. */
  get unconfirmed(): number {
    return this.#lines.unconfirmed;
  }

  /** What was counted, by name. */
  counters(): Readonly<Record<string, number>> {
    return this.#counters.all();
  }

  view(): CourierView {
    return {
      ...this.#coHeld.counts,
      unconfirmed: this.unconfirmed,
      strays: this.#offers.strayCount,
      refilling: this.#refilling.count,
      fetching: this.#fetches.size,
    };
  }

  up(peer: Peer): void {
    if (this.#closed) return;
    const former = this.#lines.peers.get(peer.node);
    if (former !== undefined) this.down(former);
    this.#lines.up(peer);
    this.#company.changed();
    this.#refill(peer.node, { isUp: true, isOver: false });
    this.#refilling.up();
    this.#regaining.up();
    this.#placing.peerUp(peer);
    for (const key of this.#waits.keys) this.#bringStray(key);
  }

  down(peer: Peer): void {
    if (this.#closed || this.#lines.at(peer) === undefined) return;
    const owed = this.#lines.down(peer);
    this.#company.changed();
    this.#placing.bringElsewhere(this.#waits.keys);
    this.#placing.bringElsewhere(owed);
    this.#offers.down(peer.node);
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
    this.#arrivals.handle(from, message);
    return true;
  }

  stalled(): void {
    this.#lines.stalled();
  }

  /** Offers what may be lacked: by a node that came up, of all it is to hold; where a life of it is over, by those that hold its sessions. */
  #refill(node: string, { isUp, isOver }: { readonly isUp: boolean; readonly isOver: boolean }): void {
    if (!isUp && !isOver) return;
    this.#offers.refill((session) => {
      const others = isOver && nodeOf(session.owner) === node ? session.buddies : [];
      return isUp && isListed(session, node) ? [node, ...others] : others;
    });
  }

  #confirmed(keys: readonly string[]): void {
    for (const key of keys) this.#waits.check(key);
    for (const handing of this.#handingOver) handing.check(keys);
  }

  /** A holder beside this node has what was put, or nobody at all can be reached. Who is not chosen yet is waited for. */
  #isStored(key: string): boolean {
    const session = placedOf(this.#parts.copies.get(key));
    if (session === undefined || this.#lines.peers.size === 0) return true;
    return listedOf(session).some((node) => this.#lines.laneTo(node)?.stores(key) === true);
  }

  /**
   * Sends what need not be here to those who are to have it, unless it is on its way: no comparison with who came up since it was
   * written says whether it has it.
   */
  #bringStray(key: string): void {
    const session = this.#offers.has(key) ? placedOf(this.#parts.copies.get(key)) : undefined;
    if (session === undefined) return;
    const isOnItsWay = (node: string) => this.#lines.laneTo(node)?.owes(key);
    this.#lines.repair(
      key,
      listedOf(session).filter((node) => !isOnItsWay(node)),
    );
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
      if (this.#lines.laneTo(node) === undefined) continue;
      if (altered === 'all' || !wasMine || !isMine || !former.buddies.includes(node))
        this.#lines.put(key, whole, [node]);
      else if (altered !== 'no data') {
        load ??= { altered };
        this.#lines.put(key, load, [node]);
      } else continue;
      this.#counters.count('buddy-told');
    }
  }

  #changed({ key, before, after, own }: Change<SessionRecord>): void {
    this.#coHeld.changed(key, before, after);
    this.#refilling.changed(key, after);
    const former = placedOf(before);
    const session = placedOf(after);
    if (session === undefined) {
      this.#offers.delete(key);
      if (former === undefined) return;
      this.#waits.check(key);
      for (const handing of this.#handingOver) handing.check([key]);
    } else if (session.owner !== this.#life) this.#offers.changed(key, former, session);
    else {
      this.#offers.delete(key);
      // An own change is told when it is put: here is what came from elsewhere.
      if (own) return;
      const isNew = former?.owner !== this.#life || former.data.version !== session.data.version;
      const lacking = isNew ? session.buddies : session.buddies.filter((node) => !former.buddies.includes(node));
      this.#lines.repair(key, lacking);
      if (former?.owner === this.#life) this.#surplus.placed(key, former, session);
    }
  }

  #forgotten(key: string, last: SessionRecord): void {
    this.#coHeld.changed(key, last, undefined);
    this.#refilling.changed(key, undefined);
    this.#offers.delete(key);
    this.#waits.check(key);
  }

  #memberChanged(before: CourierMember | undefined, after: CourierMember): void {
    this.#company.changed();
    const { node, state, incarnation } = after;
    if (state === 'up' && lifeOf(after) === this.#life) this.#refilling.joined();
    if (node === this.#node || this.#closed) return;
    const isNew = before?.incarnation !== incarnation;
    if (state === before?.state && !isNew) return;
    this.#placing.memberChanged(after);
    const isOver = state === 'left' || state === 'lost' || (isNew && before !== undefined);
    // Once it has the records: before, it can say nothing of what it is offered.
    this.#refill(node, { isUp: state === 'up', isOver });
    this.#waits.checkAll();
  }

  readonly #contentOf: Content = (key, load, node) => {
    const session = placedOf(this.#parts.copies.get(key));
    return session !== undefined && isListed(session, node) && hasData(session) ? loadText(session, load) : 'skip';
  };
}
