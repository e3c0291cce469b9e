/**
 * What beats in every node, put together without HTTP: gossip, the maps it shares, what makes a logout
 * final, the disk, the registry, sessions and receipts. `node.ts` mounts middleware on it; the
 * simulation and the benchmarks put questions to it directly.
 */

import type { Channel, Peer } from './channel/channel.ts';
import type { Clock } from './clock.ts';
import { CorrectedClock } from './corrected-clock.ts';
import type { Disk } from './disk/disk.ts';
import { Keeper } from './disk/keeper.ts';
import type { Shelf } from './disk/shelf.ts';
import { type Cause, closeEntry, entryLattice, type SsoEntry, withLife } from './entry.ts';
import type { CompactableCopies, Copies } from './gossip/copies.ts';
import { GossipNode, type GossipOptions, gossipDefaults, type HandedOver } from './gossip/gossip.ts';
import type { Lattice } from './gossip/lattice.ts';
import { HybridClock } from './hybrid-clock.ts';
import type { Keys } from './keys.ts';
import { lifeOf } from './life.ts';
import { type Log, silentLog } from './log.ts';
import { Alone } from './logout/alone.ts';
import { Conductor } from './logout/conductor.ts';
import { epochLattice } from './logout/epoch.ts';
import type { Finality } from './logout/finality.ts';
import { storeProven } from './logout/proof.ts';
import { type ReceiptRecord, receiptLattice } from './logout/receipt-lattice.ts';
import { Receipts, type ReceiptsParts } from './logout/receipts.ts';
import type { Voters } from './logout/voters.ts';
import type { Random } from './random.ts';
import { longestLifeMs } from './registry/limits.ts';
import { Registry, type RegistryLimits, registryLimits } from './registry.ts';
import { Courier, type CourierOptions } from './session/buddies/courier.ts';
import { sessionLattice, sessionLatticeOf } from './session/lattice.ts';
import { SessionNotices } from './session/notices/notices.ts';
import { Passivation } from './session/passivation/passivation.ts';
import type { SessionRecord } from './session/record.ts';
import { encodeWhole } from './session/record-codec.ts';
import { type SessionLimits, SessionTable } from './session/table.ts';
import { Turns } from './session/turns.ts';
import { type Subject, subjectLattice } from './subject.ts';
import { type Cell, cellLattice } from './throttle/cell.ts';

export interface Lattices {
  readonly entries: Lattice<SsoEntry>;
  readonly subjects: Lattice<Subject>;
  readonly sessions: Lattice<SessionRecord>;
}

export const lattices: Lattices = { entries: entryLattice, subjects: subjectLattice, sessions: sessionLattice };

export interface Maps {
  readonly entries: Copies<SsoEntry>;
  readonly subjects: Copies<Subject>;
  readonly sessions: Copies<SessionRecord>;
}

export interface HeartParts {
  readonly self: Peer;
  /** The sticky suffix. */
  readonly route: string;
  /** Where the other nodes reach this one; '' if it is not known. */
  readonly address: string;
  /** As of `ClusterOptions`. Default none. */
  readonly buddyPool?: string | undefined;
  /** As of `ClusterOptions`. Default: the node's name. */
  readonly host?: string | undefined;
  /** Left out, with `voters`: a node without a cluster. */
  readonly channel?: Channel | undefined;
  readonly voters?: Voters | undefined;
  /** The raw system clock. */
  readonly clock: Clock;
  readonly random: Random;
  readonly keys: Pick<Keys, 'token' | 'passivation'>;
  readonly disk?: Disk | undefined;
  /** Where sessions are put that need not be in memory; only with a disk, whose lock covers it. */
  readonly shelf?: Shelf | undefined;
  /** The disk is a restored copy. */
  readonly restored?: boolean;
  /** Whether the node takes new sign-ons, as far as its owner is concerned. Default: always. */
  readonly accepting?: () => boolean;
  readonly gossip?: Partial<GossipOptions>;
  readonly registry?: Partial<RegistryLimits>;
  readonly sessions?: Partial<SessionLimits>;
  /** How data is kept that only some nodes have. */
  readonly buddies?: Partial<CourierOptions>;
  /** Others than production's, for planted mistakes. */
  readonly lattices?: Lattices;
  /** Sees the maps before anything else listens to them, so that it hears changes in the order of the merges. */
  readonly watch?: (maps: Maps) => void;
  /** For metrics, as of `Receipts`. */
  readonly onAnswered?: ReceiptsParts['onAnswered'];
  readonly onComplete?: ReceiptsParts['onComplete'];
  readonly log?: Log;
}

/** A start waits for leases where a quorum can be reached: recovery takes T at most, and this much more, milliseconds. */
const marginMs = 1_000;

export class Heart implements Maps {
  /** `node:incarnation`. */
  readonly life: string;
  /** Corrected by the voters' clocks: whatever is decided by time is decided by this one. */
  readonly clock: Clock;
  readonly gossip: GossipNode;
  readonly finality: Finality;
  readonly registry: Registry;
  readonly table: SessionTable;
  /** Tells applications what happens to their sessions here. */
  readonly notices: SessionNotices;
  readonly passivation: Passivation;
  /** Keeps the data of sessions where it is to be, if that is not everywhere. */
  readonly courier: Courier;
  readonly receipts: Receipts;
  readonly entries: Copies<SsoEntry>;
  readonly subjects: Copies<Subject>;
  readonly sessions: CompactableCopies<SessionRecord>;
  /** Counts of attempts to sign on: in memory alone. */
  readonly attempts: Copies<Cell>;
  readonly #parts: HeartParts;
  readonly #corrected: CorrectedClock | undefined;
  readonly #conductor: Conductor | undefined;
  readonly #alone: Alone | undefined;
  readonly #keeper: Keeper | undefined;
  /** Long work over all sessions. */
  readonly #turns: Turns;
  #sessionConflicts = 0;

  constructor(parts: HeartParts) {
    const { self, channel, voters, random, log = silentLog, disk } = parts;
    this.#parts = parts;
    this.life = lifeOf(self);
    this.#corrected =
      voters &&
      new CorrectedClock({
        clock: parts.clock,
        voters: voters.list.length,
        quorum: voters.quorum,
        isVoter: voters.own !== undefined,
        log,
      });
    const clock = this.#corrected ?? parts.clock;
    this.clock = clock;
    const hybrid = new HybridClock(clock);
    const corrected = this.#corrected;
    this.gossip = new GossipNode({
      self: {
        ...self,
        route: parts.route,
        address: parts.address,
        buddyPool: parts.buddyPool,
        host: parts.host ?? self.node,
      },
      channel,
      clock,
      random,
      log,
      options: parts.gossip ?? {},
      hasMetAll: () => this.#conductor?.hasMetAll ?? true,
      ...(corrected && { forgetting: { now: () => corrected.forgetNow(), may: () => corrected.hasMajority() } }),
    });
    const shared = parts.lattices ?? { ...lattices, sessions: sessionLatticeOf(() => void this.#sessionConflicts++) };
    // In this order they travel: no entry outruns its epoch or the end of its subject in one batch or comparison.
    const epochs = this.gossip.map(epochLattice);
    this.subjects = this.gossip.map(shared.subjects);
    const longest = longestLifeMs({ ...registryLimits, ...parts.registry });
    this.entries = this.gossip.map(withLife(shared.entries, longest));
    this.sessions = this.gossip.map(shared.sessions);
    const receiptCopies: Copies<ReceiptRecord> = this.gossip.map(receiptLattice);
    this.attempts = this.gossip.map(cellLattice);
    parts.watch?.(this);
    this.#keeper = disk && new Keeper({ disk, clock, log });
    const keeper = this.#keeper;
    keeper?.keep(epochLattice, epochs);
    keeper?.keep(shared.subjects, this.subjects);
    keeper?.keep(shared.entries, this.entries);
    // Whatever data is here is kept, also of sessions whose data is not told to all.
    keeper?.keep({ ...shared.sessions, encode: encodeWhole }, this.sessions);
    keeper?.keep(receiptLattice, receiptCopies);
    if (voters === undefined || corrected === undefined) {
      this.#alone = new Alone({ node: self.node, clock, flush: keeper && (() => keeper.flush()) });
      this.finality = this.#alone;
    } else {
      this.#conductor = new Conductor({
        self,
        voters,
        clock: parts.clock,
        corrected,
        random,
        talk: this.gossip,
        members: () => this.gossip.members(),
        epochs,
        entries: this.entries,
        subjects: this.subjects,
        log,
      });
      this.finality = this.#conductor;
      const conductor = this.#conductor;
      this.gossip.onMember((_before, member) => {
        if (member.state === 'left') conductor.left(member);
      });
    }
    this.receipts = new Receipts({
      copies: receiptCopies,
      finality: this.finality,
      hold: (record) => storeProven(record, this),
      members: () => this.gossip.members(),
      life: this.life,
      clock,
      certain: corrected && { now: () => corrected.forgetNow() },
      random,
      log,
      onAnswered: parts.onAnswered,
      onComplete: parts.onComplete,
    });
    const turns = new Turns({ clock });
    this.#turns = turns;
    // First of those that listen to the sessions: it has to see what a change found in memory before others look at it.
    this.passivation = new Passivation({
      copies: this.sessions,
      lastUse: (key, session) => this.table.lastUse(key, session),
      shelf: parts.shelf,
      keys: parts.keys,
      clock,
      random,
      moved: {
        passivated: (key, session) => this.notices.passivated(key, session),
        activated: (key, session) => this.notices.activated(key, session),
        lost: (key) => this.courier.regain(key),
      },
      turns,
      log,
    });
    this.notices = new SessionNotices({
      copies: this.sessions,
      clock,
      turns,
      life: this.life,
      signOnCause: (id) => this.table.endingCause ?? causeOfClosed(this.entries.get(id)),
      log,
    });
    this.courier = new Courier({
      self,
      talk: this.gossip,
      copies: this.sessions,
      lattice: shared.sessions,
      members: this.gossip,
      hasMetAll: () => (channel?.pending().length ?? 0) === 0 && (this.#conductor?.hasMetAll ?? true),
      voters: voters?.list.length ?? 0,
      hybrid,
      clock,
      latest: () => ((corrected?.hasMajority() ?? true) ? clock.now() : Number.POSITIVE_INFINITY),
      log,
      options: parts.buddies,
    });
    this.table = new SessionTable({
      copies: this.sessions,
      gossip: this.gossip,
      signOns: {
        stateOf: (id) => this.registry.stateOf(id),
        endsAt: (id) => this.registry.endsAt(id),
        closedAt: (id) => this.registry.closedAt(id),
        fetch: (id) => this.registry.fetch(id),
        lived: (id, until) => this.registry.lived(id, until),
      },
      clock,
      hybrid,
      life: this.life,
      lifeEndedAt: (one) => this.gossip.lifeEndedAt(one),
      catchingUp: () => this.gossip.catchingUp(),
      limits: parts.sessions ?? {},
      residence: this.passivation,
      depot: this.courier,
      turns,
      log,
    });
    this.registry = new Registry({
      entries: this.entries,
      subjects: this.subjects,
      gossip: this.gossip,
      links: this.table,
      finality: this.finality,
      receipts: this.receipts,
      keys: parts.keys,
      clock,
      certain: corrected && { now: () => corrected.forgetNow() },
      hybrid,
      random,
      life: this.life,
      accepting: () => this.mayOpen(),
      limits: parts.registry ?? {},
      log,
    });
  }

  /** Whether it may open sign-ons now: the owner agrees, it may accept them, they can be kept, and its clock can be believed. */
  mayOpen(): boolean {
    const { accepting = () => true } = this.#parts;
    return accepting() && this.finality.mayAccept() && this.diskFailure === undefined && !this.#corrected?.isFarOff();
  }

  /** Why the data directory cannot be written, in words; `undefined` while all is well. */
  get diskFailure(): string | undefined {
    return this.#keeper?.failure;
  }

  /** Fields of sessions that were seen to be changed twice, neither change knowing the other (V93). */
  get sessionConflicts(): number {
    return this.#sessionConflicts;
  }

  /** Values that are not on the disk yet. */
  get unwritten(): number {
    return this.#keeper?.waiting ?? 0;
  }

  /** Whether it is so far off, or so far from the others', that no sign-on is opened here. */
  get isClockFarOff(): boolean {
    return this.#corrected?.isFarOff() ?? false;
  }

  /** How far the wall clock is ahead of the corrected one, milliseconds; 0 without a cluster. */
  get clockOffsetMs(): number {
    return this.#corrected?.offBy() ?? 0;
  }

  /**
   * Reads the disk, joins the cluster, and waits a moment for leases. Resolves while it may still be recovering.
   * @throws SsoError ERR_DISK_FAILED, ERR_CHANNEL_FAILED
   */
  async start(): Promise<void> {
    const { restored = false } = this.#parts;
    const keeper = this.#keeper;
    const kept = await keeper?.open();
    this.passivation.start();
    if (restored && this.#alone !== undefined) this.#endRestored();
    await this.#conductor?.start(
      keeper &&
        kept && {
          state: kept.state,
          note: kept.note,
          restored,
          setNote: (text) => keeper.note(text),
          flush: () => keeper.flush(),
        },
    );
    await this.gossip.start();
    this.receipts.start();
    if (this.#conductor?.canReachQuorum()) await this.finality.waitToAccept(this.finality.view().leaseMs + marginMs);
  }

  /** Nobody else can tell which of a restored copy's sign-ons were closed since: all of them are over. */
  #endRestored(): void {
    for (const [id, entry] of this.entries.entries())
      if (entry.state === 'open') this.entries.put(id, closeEntry(entry, 'epoch', this.clock.now()));
  }

  /** Hands over what only this node holds. Without a cluster there is nobody to take it: what is on the disk is not lost. */
  async drain(): Promise<HandedOver> {
    await this.table.flush();
    const [told, given] = await Promise.all([this.gossip.drain(), this.#handOver()]);
    const lost = this.#alone !== undefined && this.#keeper !== undefined ? 0 : told.lost + given.lost;
    return { handedOver: told.handedOver + given.handedOver, lost };
  }

  /** Gives to others the data of sessions that nobody else has who stays. */
  #handOver(): Promise<HandedOver> {
    return this.courier.handOver(this.#leaveMs);
  }

  get #leaveMs(): number {
    return this.#parts.gossip?.leaveMs ?? gossipDefaults.leaveMs;
  }

  /** Says that this life is over, once it accepts nothing any more. */
  async leave(): Promise<void> {
    this.#conductor?.close();
    await this.table.flush();
    await this.#handOver();
    await this.gossip.leave();
    // Requests have ended meanwhile: what they wrote goes as well. Who comes from now on is told that nothing is written any more.
    await this.table.flush();
    const rest = this.table.flush();
    this.table.close();
    await rest;
    await this.gossip.stored('all', this.#leaveMs);
    if (this.courier.unconfirmed > 0) await this.#handOver();
  }

  /** Ends every timer, socket and file; tells nobody. */
  async kill(): Promise<void> {
    this.#conductor?.close();
    this.table.close();
    this.#turns.close();
    this.courier.close();
    this.#alone?.close();
    this.receipts.stop();
    await this.gossip.stop();
    await this.#keeper?.close();
    await this.passivation.close();
  }
}

function causeOfClosed(entry: SsoEntry | undefined): Cause | undefined {
  return entry?.state === 'closed' ? entry.cause : undefined;
}
