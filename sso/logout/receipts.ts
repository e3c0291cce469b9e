/**
 * The receipts: issued here, found at any node, and looked after until every configured node has the
 * closing. Who issued one looks after it; after its restart it takes up again what it finds; when it is
 * gone, the first living node by name does. Where a closing is over by time before everybody had it, nobody
 * is told any more: no node accepts its sign-on, by the clocks of a majority, and the receipt is complete.
 * A receipt is written into the copies when it is complete or has been waited for a while: a logout that
 * goes well costs one value, and a pending one is on other nodes before it is answered.
 */

import { bounded, type Cancel, type Clock } from '../clock.ts';
import type { Cause } from '../entry.ts';
import { SsoError } from '../errors.ts';
import type { Copies } from '../gossip/copies.ts';
import type { MemberView } from '../gossip/roster.ts';
import { nodeOf } from '../life.ts';
import { type Log, silentLog } from '../log.ts';
import type { Random } from '../random.ts';
import { isReceiptId, type Receipt } from '../receipt.ts';
import type { Closing, Finality, Progress, Seal } from './finality.ts';
import {
  advance,
  afterItsTime,
  type EndedByNode,
  isUnderWay,
  mergeApps,
  type ReceiptRecord,
  uselessAt,
  viewOf,
} from './receipt-lattice.ts';

/** A session, as far as a receipt counts it. */
export interface Served {
  readonly app: string;
  /** Which life (`node:incarnation`) serves it; '' if none does. */
  readonly life: string;
}

/** A closing that somebody wants a receipt for. */
export interface Issue {
  readonly closing: Closing;
  readonly cause: Cause;
  /** Milliseconds since 1970. */
  readonly closedAt: number;
  /** Of the end of a subject: its stamp, by this node's hybrid clock. */
  readonly stamp?: number | undefined;
  /** The epoch of the sign-on, where it is one and known: of forgotten leases only those of earlier epochs can be left. */
  readonly epoch?: number | undefined;
  /** When the closing is over, milliseconds since 1970: a pending receipt is kept so long. */
  readonly overAt: number;
  /** The sessions that end with it as this node saw them just before. */
  readonly served: readonly Served[];
  /** The longest that the answer waits for `complete`, milliseconds. */
  readonly waitMs: number;
}

export interface ReceiptLimits {
  /** Receipts that are kept on all nodes: a complete one beyond is answered and not kept. Pending ones always are, one for each closing. Default 100,000. */
  readonly receipts: number;
  /** So long a logout may take before its pending receipt is written into the copies, milliseconds: when it is answered others have it. Default 100. */
  readonly keepAfterMs: number;
  /** How often it is looked whose pending receipts have to be taken up, milliseconds. Default 2,000. */
  readonly reviewMs: number;
  /** Questions for unknown receipts at once; one more is refused with 503. Default 64. */
  readonly questions: number;
}

export const receiptLimits: ReceiptLimits = {
  receipts: 100_000,
  keepAfterMs: 100,
  reviewMs: 2_000,
  questions: 64,
};

export interface ReceiptsParts {
  readonly copies: Copies<ReceiptRecord>;
  readonly finality: Pick<Finality, 'seal'>;
  /** Stores the closing that a receipt proves, if it is not known; whether it is stored here now. */
  readonly hold: (record: ReceiptRecord) => boolean;
  readonly members: () => readonly Pick<MemberView, 'node' | 'incarnation' | 'state'>[];
  /** This life of this node: `node:incarnation`. */
  readonly life: string;
  readonly clock: Clock;
  /** The time that a majority has reached for certain, by which closings are forgotten. Default: the clock's. */
  readonly certain?: { now(): number } | undefined;
  readonly random: Random;
  readonly limits?: Partial<ReceiptLimits>;
  readonly log?: Log;
  /** A receipt was answered to who asked for it, in this state. */
  readonly onAnswered?: ((state: Receipt['state']) => void) | undefined;
  /** A receipt that this life issued is complete, so long after the close, milliseconds. */
  readonly onComplete?: ((afterMs: number) => void) | undefined;
}

/** A receipt that this node looks after. */
interface Tracked {
  readonly id: string;
  readonly seal: Seal;
  record: ReceiptRecord;
  /** Whether it is in the copies: not while the first answer is waited for. */
  kept: boolean;
}

export class Receipts {
  readonly #parts: ReceiptsParts;
  readonly #limits: ReceiptLimits;
  readonly #node: string;
  readonly #tracked = new Map<string, Tracked>();
  /** The receipts that this node issued for entries, by the entry: who asks twice gets the same one (V69). */
  readonly #byEntry = new Map<string, string>();
  /** Ids of kept receipts with somebody left to tell. */
  readonly #underWay = new Set<string>();
  #questions = 0;
  #running = false;
  #review: Cancel | undefined;

  constructor(parts: ReceiptsParts) {
    this.#parts = parts;
    this.#limits = { ...receiptLimits, ...parts.limits };
    this.#node = nodeOf(parts.life);
    parts.copies.onChange(({ key, after }) => this.#note(key, after));
    parts.copies.onForget((key, last) => this.#forgotten(key, last));
  }

  /** Receipts with somebody left to tell, as far as this node knows. */
  get underWay(): number {
    return this.#underWay.size;
  }

  /** Takes up what was left by a former life or by nodes that are gone: once gossip runs, and the disk has been read. */
  start(): void {
    this.#running = true;
    for (const [id, record] of this.#parts.copies.entries()) this.#note(id, record);
    this.#takeUp();
  }

  /** Ends the timer and lets go of what is looked after; what is kept stays with the others and on the disk. */
  stop(): void {
    this.#running = false;
    this.#review?.();
    this.#review = undefined;
    for (const { seal } of this.#tracked.values()) seal.drop();
    this.#tracked.clear();
  }

  /** Takes a closing, which is stored here, to everybody; answers when it is complete, at the latest after `waitMs`. */
  async issue(what: Issue): Promise<Receipt> {
    const id = what.closing.map === 'entries' ? this.#byEntry.get(what.closing.key) : undefined;
    if (id !== undefined) {
      const record = this.#parts.copies.get(id);
      const tracked = this.#tracked.get(id);
      if (tracked !== undefined) return this.#answer(tracked, what.waitMs);
      if (record !== undefined) return viewOf(id, record);
    }
    return this.#answer(this.#begin(what), what.waitMs);
  }

  /**
   * The receipt of this id as it stands, from here or from a member. `undefined`: nobody knows it.
   * @throws SsoError ERR_UNAVAILABLE it is unknown here, and not every node could be asked
   */
  async find(id: string): Promise<Receipt | undefined> {
    if (!isReceiptId(id)) return undefined;
    const { copies } = this.#parts;
    const held = copies.get(id);
    if (held !== undefined) return viewOf(id, held);
    if (this.#questions >= this.#limits.questions)
      throw new SsoError('ERR_UNAVAILABLE', 'too many receipts are being asked for');
    this.#questions++;
    try {
      const { everybody } = await copies.ask([id]);
      const record = copies.get(id);
      if (record !== undefined) return viewOf(id, record);
      if (everybody) return undefined;
    } finally {
      this.#questions--;
    }
    throw new SsoError('ERR_UNAVAILABLE', 'the receipt is unknown here, and not every node could be asked for it');
  }

  #begin({ closing, cause, stamp = 0, closedAt, overAt, served, epoch }: Issue): Tracked {
    const id = Buffer.from(this.#parts.random.bytes(idBytes)).toString('base64url');
    const record = {
      closing,
      cause,
      stamp,
      closedAt: Math.floor(closedAt),
      maker: this.#parts.life,
      overAt: Math.ceil(overAt),
      completeAt: 0,
      finalAt: 0,
      confirmed: [],
      seen: this.#seen(served),
      outstanding: [],
      revision: 0,
    };
    const tracked = this.#track(id, record, false, epoch);
    if (closing.map === 'entries') this.#byEntry.set(closing.key, id);
    return tracked;
  }

  async #answer(tracked: Tracked, waitMs: number): Promise<Receipt> {
    const first = Math.min(waitMs, this.#limits.keepAfterMs);
    await this.#wait(tracked, first);
    if (tracked.record.completeAt === 0 && waitMs > first) await this.#wait(tracked, waitMs - first);
    const receipt = viewOf(tracked.id, tracked.record);
    this.#parts.onAnswered?.(receipt.state);
    return receipt;
  }

  /** Until it is complete, at the latest after `ms`; from then on it is in the copies. */
  async #wait(tracked: Tracked, ms: number): Promise<void> {
    if (tracked.record.completeAt === 0) await bounded(this.#parts.clock, ms, tracked.seal.complete, undefined);
    this.#progress(tracked, tracked.seal.progress);
    if (!tracked.kept && this.#tracked.get(tracked.id) === tracked) this.#keep(tracked);
  }

  /** From here on every node can be asked for it; one for which there is no room was answered, and that is all. */
  #keep(tracked: Tracked): void {
    const { id, record } = tracked;
    const { copies } = this.#parts;
    if (record.completeAt === 0 || copies.size < this.#limits.receipts)
      tracked.kept = copies.put(id, record) !== undefined;
    if (!tracked.kept || !isUnderWay(record)) this.#drop(tracked);
    if (!tracked.kept) this.#forgetEntry(id, record);
  }

  /** What is seen of other nodes' sessions. Of a former life of a node nobody can speak: those count under nobody's name. */
  #seen(served: readonly Served[]): EndedByNode {
    const incarnations = new Map(this.#parts.members().map(({ node, incarnation }) => [node, incarnation]));
    const seen = new Map<string, Map<string, number>>();
    for (const { app, life } of served) {
      const node = nodeOf(life);
      const speaker = life === this.#parts.life || `${node}:${incarnations.get(node)}` === life ? node : '';
      const apps = seen.get(speaker) ?? new Map<string, number>();
      seen.set(speaker, apps.set(app, (apps.get(app) ?? 0) + 1));
    }
    return [...seen]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([node, apps]) => [
        node,
        mergeApps(
          [],
          [...apps].map(([app, sessions]) => ({ app, sessions, failure: undefined })),
        ),
      ]);
  }

  #track(id: string, record: ReceiptRecord, kept = false, epoch?: number): Tracked {
    const seal = this.#parts.finality.seal(record.closing, epoch);
    const tracked: Tracked = { id, seal, record, kept };
    this.#tracked.set(id, tracked);
    seal.onProgress((progress) => this.#progress(tracked, progress));
    void seal.everywhere.then(() => this.#progress(tracked, seal.progress));
    this.#progress(tracked, seal.progress);
    return tracked;
  }

  #progress(tracked: Tracked, progress: Progress): void {
    if (this.#tracked.get(tracked.id) !== tracked) return;
    const { clock, copies, life, onComplete } = this.#parts;
    const before = (tracked.kept ? copies.get(tracked.id) : undefined) ?? tracked.record;
    tracked.record = advance(before, progress, clock.now());
    const { completeAt, closedAt, maker } = tracked.record;
    if (before.completeAt === 0 && completeAt !== 0 && maker === life) onComplete?.(completeAt - closedAt);
    if (!tracked.kept) return;
    if (tracked.record !== before) copies.put(tracked.id, tracked.record);
    if (!isUnderWay(tracked.record)) this.#drop(tracked);
  }

  #drop(tracked: Tracked): void {
    tracked.seal.drop();
    this.#tracked.delete(tracked.id);
  }

  #note(id: string, record: ReceiptRecord): void {
    if (isUnderWay(record)) this.#underWay.add(id);
    else this.#underWay.delete(id);
    this.#arm();
  }

  #forgotten(id: string, last: ReceiptRecord): void {
    this.#underWay.delete(id);
    const tracked = this.#tracked.get(id);
    if (tracked !== undefined) this.#drop(tracked);
    this.#forgetEntry(id, last);
  }

  #forgetEntry(id: string, { closing }: ReceiptRecord): void {
    if (this.#byEntry.get(closing.key) === id) this.#byEntry.delete(closing.key);
  }

  #arm(): void {
    if (!this.#running || this.#review !== undefined || this.#underWay.size === 0) return;
    this.#review = this.#parts.clock.after(this.#limits.reviewMs, () => {
      this.#review = undefined;
      this.#takeUp();
    });
  }

  /** Takes up what is this node's to look after, and lets go of what its maker looks after again. */
  #takeUp(): void {
    const { copies, hold, log = silentLog } = this.#parts;
    const living = this.#living();
    for (const id of this.#underWay) {
      const record = copies.get(id);
      if (record === undefined || this.#isOver(id, record)) continue;
      const tracked = this.#tracked.get(id);
      const own = keeperOf(record, living) === this.#node;
      if (tracked !== undefined && !own) this.#drop(tracked);
      if (tracked !== undefined || !own || !hold(record)) continue;
      log.debug({ receipt: id, maker: record.maker }, 'a pending receipt is taken up');
      this.#settle(this.#track(id, record, true));
    }
    this.#arm();
  }

  /** Whether its closing is over by time: then whoever has the receipt ends it, for the others may lack both by now. */
  #isOver(id: string, record: ReceiptRecord): boolean {
    const { copies, certain, clock } = this.#parts;
    if (record.completeAt > 0 || (certain ?? clock).now() < uselessAt(record)) return false;
    const tracked = this.#tracked.get(id);
    if (tracked !== undefined) this.#drop(tracked);
    copies.settle(id, afterItsTime(record));
    return true;
  }

  /** What was everywhere already when it was taken up. */
  #settle(tracked: Tracked): void {
    if (!isUnderWay(tracked.record) && this.#tracked.get(tracked.id) === tracked) this.#drop(tracked);
  }

  /** Nodes that live as far as this one knows, itself included, by name. */
  #living(): readonly string[] {
    const others = this.#parts
      .members()
      .filter(({ node, state }) => node !== this.#node && (state === 'up' || state === 'draining'));
    return [this.#node, ...others.map(({ node }) => node)].sort();
  }
}

const idBytes = 12;

/** Who looks after a receipt: its maker, in whatever life; else the first living node. */
function keeperOf({ maker }: ReceiptRecord, living: readonly string[]): string | undefined {
  const node = nodeOf(maker);
  return living.includes(node) ? node : living[0];
}
