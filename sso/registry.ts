/**
 * The sign-ons, as this node knows them: open, find, touch, close. Looking one up is in memory; the
 * limits are judged at every use and by no sweeper; what only *seems* over because this node did not
 * see it used is asked for at the members before anyone says so. A closed entry is never open again.
 */

import { type Cause, closeEntry, type OpenEntry } from './entry.ts';
import { SsoError } from './errors.ts';
import type { Closing } from './logout/finality.ts';
import type { Issue } from './logout/receipts.ts';
import type { Origin } from './origin.ts';
import type { Principal } from './principal.ts';
import type { Receipt } from './receipt.ts';
import { Asking } from './registry/asking.ts';
import { type Closed, Consequences, type EntryOpened } from './registry/consequences.ts';
import { Crowding } from './registry/crowding.ts';
import { longestLifeMs, type RegistryLimits, registryLimits } from './registry/limits.ts';
import { type Inquiry, judge, type Look, overAt } from './registry/look.ts';
import type { RegistryParts } from './registry/parts.ts';
import { Roles } from './registry/roles.ts';
import { Sweeper } from './registry/sweeper.ts';
import { type EntryView, entryView } from './registry/view.ts';
import { endOnce, unknownSubject } from './subject.ts';
import { SubjectIndex } from './subject-index.ts';
import { mintToken, type SsoId, type SsoToken } from './token.ts';

export type { Closed } from './registry/consequences.ts';
export { type RegistryLimits, registryLimits } from './registry/limits.ts';
export type { Inquiry, Look } from './registry/look.ts';
export type { LinkedEnd, Links, RegistryParts, SessionView } from './registry/parts.ts';
export type { EntryView } from './registry/view.ts';

export interface Opened {
  /** For the cookie, and for nothing else. */
  readonly token: SsoToken;
  readonly id: SsoId;
  readonly entry: OpenEntry;
}

export interface Opening {
  readonly principal: Principal;
  readonly how: string;
  /** Taken by `mark` when the check of the credentials began. */
  readonly mark: number;
  /** A sign-on that this one takes the place of: closed with cause `replaced`. */
  readonly replaces?: SsoId;
  /** From where, as far as it is known. */
  readonly origin?: Origin | undefined;
  /** Whether it shall live `rememberMs`; where that is 0, it is one like any other. */
  readonly remember?: boolean;
}

/** Activity is told at most this many times within a limit. */
const coarseness = 20;
/** How often activity is told where there is no idle limit, milliseconds. */
const unlimitedMs = 60_000;

export class Registry {
  readonly #parts: RegistryParts;
  readonly #limits: RegistryLimits;
  readonly #index: SubjectIndex;
  readonly #roles: Roles;
  readonly #consequences: Consequences;
  readonly #asking: Asking;
  readonly #crowding: Crowding;
  readonly #sweeper: Sweeper;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
    this.#limits = { ...registryLimits, ...parts.limits };
    this.#index = new SubjectIndex(this.#limits.entriesPerSubject);
    this.#roles = new Roles(parts.subjects, this.#index, longestLifeMs(this.#limits));
    this.#crowding = new Crowding({
      index: this.#index,
      entries: parts.entries,
      clock: parts.clock,
      accepting: parts.accepting,
      epoch: () => parts.finality.epoch,
      isOver: (id) => this.look(id).state === 'over',
      close: (id) => void this.#closeNow(id, 'replaced'),
    });
    this.#consequences = new Consequences(parts, this.#index, this.#roles);
    this.#consequences.onOpened((opened) => this.#crowding.opened(opened));
    this.#asking = new Asking(parts);
    this.#sweeper = new Sweeper({
      entries: parts.entries,
      clock: parts.clock,
      look: (id) => this.look(id),
      closeOver: (id, entry, cause) => {
        if (cause === 'epoch' || entry.endsAt <= this.#certainNow()) this.#consequences.closeOver(id, entry, cause);
      },
      closeDoubtful: (ids) => this.#closeDoubtful(ids),
    });
    // Not at once: what was merged together with the epoch is told to the listeners first.
    parts.finality.onEpoch(() => parts.clock.soon(() => void this.#sweeper.endEpochs()));
  }

  /** The verdict on an id, from memory. The hot path of every request. */
  look(id: SsoId): Look {
    const { entries, clock, finality, links } = this.#parts;
    return judge(entries.get(id), clock.now(), finality.epoch, this.#limits, () => links.linkedUntil(id));
  }

  /** Asks the members once, bounded, then decides: closes what is idle or empty in everybody's view. */
  async inquire(id: SsoId): Promise<Inquiry> {
    const before = this.look(id);
    if (before.state === 'open' || before.state === 'over') return before;
    const asked = before.state === 'unknown' ? await this.#asking.fetch(id) : await this.#asking.refresh([id]);
    const after = this.look(id);
    if (after.state === 'unknown') return asked.everybody ? after : { state: 'undecided' };
    if (after.state !== 'doubtful') return after;
    if (!asked.living || !this.#isCertain(id)) return { state: 'undecided' };
    this.#end(id, after.entry, after.cause, this.#parts.clock.now());
    return { state: 'over', cause: after.cause };
  }

  /** The roles in force: the later of those any sign-on brought and those that were set (V31, V38, S5). */
  rolesOf(entry: OpenEntry): readonly string[] {
    return this.#roles.of(entry);
  }

  /** Taken when a check of credentials begins: `open` refuses if the subject was ended since. */
  mark(): number {
    return this.#consequences.mark;
  }

  /**
   * Opens a sign-on and has it on W members, bounded, before it resolves. `replaces` is closed with cause `replaced`.
   * `undefined`: the subject's sign-ons were ended while the credentials were checked; nothing was opened.
   * @throws SsoError ERR_UNAVAILABLE this node takes no sign-ons now · ERR_LIMIT_REACHED
   */
  async open(request: Opening): Promise<Opened | undefined> {
    const opened = this.openNow(request);
    if (opened !== undefined) await this.held();
    return opened;
  }

  /** Resolves once what was opened is on W members, at the latest after `copyMs`. */
  async held(): Promise<void> {
    await this.#parts.gossip.stored(this.#limits.copies, this.#limits.copyMs);
  }

  /** As `open`, without waiting for a second copy. */
  openNow({ principal, how, mark, replaces, origin, remember = false }: Opening): Opened | undefined {
    const { entries, subjects, clock, hybrid, random, keys, finality, accepting } = this.#parts;
    if (!accepting()) throw new SsoError('ERR_UNAVAILABLE', 'this node takes no sign-ons now');
    const { name } = principal;
    if (this.#consequences.endedSince(name, mark)) return undefined;
    if (entries.size >= this.#limits.entries)
      throw new SsoError('ERR_LIMIT_REACHED', `the limit of ${this.#limits.entries} sign-ons is reached`);
    if (replaces !== undefined) this.#closeNow(replaces, 'replaced');
    this.#crowding.makeRoom(name);
    const now = clock.now();
    const { lifeMs, rememberMs } = this.#limits;
    const remembered = remember && rememberMs > 0 ? true : undefined;
    const endsAt = Math.ceil((now + (remembered ? rememberMs : lifeMs)) / 1000) * 1000;
    const { token, id } = mintToken(random, keys.token[0]!, endsAt);
    const entry: OpenEntry = {
      state: 'open',
      principal,
      how,
      openedStamp: hybrid.next(this.#roles.stampOf(name)),
      authenticatedAt: now,
      endsAt,
      epoch: finality.epoch,
      seenEnds: (subjects.get(name) ?? unknownSubject).ends,
      usedAt: now,
      aliveAt: now,
      origin,
      remembered,
    };
    this.#roles.note(entry, true);
    entries.put(id, entry);
    return { token, id, entry };
  }

  /** A request was signed in by this entry. Told coarsely: at most 20 times within a limit. */
  touch(id: SsoId, activity: boolean): void {
    const entry = this.#parts.entries.get(id);
    if (entry?.state !== 'open') return;
    const now = this.#parts.clock.now();
    const { idleMs, maxEmptyLifeMs } = this.#limits;
    const used = activity && now - entry.usedAt > (idleMs > 0 ? idleMs / coarseness : unlimitedMs);
    const alive = now - entry.aliveAt > maxEmptyLifeMs / coarseness;
    if (used || alive)
      this.#parts.entries.put(id, {
        ...entry,
        usedAt: used ? now : entry.usedAt,
        aliveAt: alive ? now : entry.aliveAt,
      });
  }

  /**
   * Ends a sign-on everywhere and says within `logoutMs` how far the news has come; it goes on by itself. A second call has
   * no second effect, and its receipt becomes complete as well (V69).
   * @throws SsoError ERR_NOT_SIGNED_IN nobody knows it · ERR_UNAVAILABLE it is unknown here, and not everybody could be asked
   */
  async close(id: SsoId, cause: Cause): Promise<Receipt> {
    const { entries, links } = this.#parts;
    // What is known is closed in this very turn: the caller's next line finds it so.
    if (entries.get(id) === undefined) await this.#asking.requireKnown(id);
    const entry = entries.get(id);
    const [served, epoch] = entry?.state === 'open' ? [links.served(id), entry.epoch] : [[], undefined];
    const closed = this.#closeNow(id, cause);
    const { closedAt, endsAt: overAt } = closed;
    return this.#receipt({
      closing: { map: 'entries', key: id },
      cause: closed.cause,
      closedAt,
      overAt,
      served,
      epoch,
    });
  }

  /** Ends all sign-ons of a user, those that are being checked at this moment included. */
  async endSubject(name: string, cause: Cause = 'subject-ended'): Promise<Receipt> {
    const { subjects, clock, hybrid, life, links } = this.#parts;
    const now = clock.now();
    const known = subjects.get(name) ?? unknownSubject;
    const served = this.#index.idsOf(name).flatMap((id) => links.served(id));
    const keepUntil = this.#roles.keepUntil(known, now);
    const ends = endOnce(known.ends, life, hybrid.next(), now - 2 * longestLifeMs(this.#limits));
    subjects.put(name, { ...known, ends, endedAt: now, endedCause: cause, keepUntil });
    const closing: Closing = { map: 'subjects', key: name };
    return this.#receipt({ closing, cause, stamp: ends[life], closedAt: now, overAt: keepUntil, served });
  }

  /** Gives a user other roles in all of their sign-ons, seen by the next request on every node (V38). */
  async setRoles(name: string, roles: readonly string[]): Promise<void> {
    const { clock, hybrid, gossip } = this.#parts;
    this.#roles.set(name, roles, (replaced) => hybrid.next(replaced), clock.now());
    await gossip.stored('all', this.#limits.logoutMs);
  }

  /** A user's open sign-ons, oldest first. */
  entriesOf(name: string): readonly EntryView[] {
    const views = this.#index.idsOf(name).flatMap((id) => {
      const look = this.look(id);
      return look.state === 'open' || look.state === 'doubtful' ? [this.#view(id, look.entry)] : [];
    });
    return views.sort((a, b) => a.openedAt - b.openedAt);
  }

  /** Who has open sign-ons, in no particular order. */
  *users(): IterableIterator<string> {
    for (const name of this.#index.names()) if (this.#index.idsOf(name).some((id) => this.isOpen(id))) yield name;
  }

  /** Every sign-on that is open here, in no particular order. */
  *openEntries(): IterableIterator<EntryView> {
    for (const [id, entry] of this.#parts.entries.entries()) {
      if (entry.state === 'open' && this.look(id as SsoId).state === 'open') yield this.#view(id as SsoId, entry);
    }
  }

  isOpen(id: SsoId): boolean {
    const state = this.look(id).state;
    return state === 'open' || state === 'doubtful';
  }

  /** For sessions, whose life follows the entry's. */
  stateOf(id: SsoId): 'open' | 'over' | 'unknown' {
    const { entries, clock, finality } = this.#parts;
    const entry = entries.get(id);
    if (entry === undefined) return 'unknown';
    return entry.state === 'open' && clock.now() < entry.endsAt && entry.epoch >= finality.epoch ? 'open' : 'over';
  }

  /** The absolute end, milliseconds; `undefined` if unknown here. */
  endsAt(id: SsoId): number | undefined {
    return this.#parts.entries.get(id)?.endsAt;
  }

  /** When it ended, or will: the same instant on every node. */
  closedAt(id: SsoId): number | undefined {
    const entry = this.#parts.entries.get(id);
    return entry?.state === 'open' ? overAt(entry, this.#parts.finality.epoch) : entry?.closedAt;
  }

  /** Asks the members for an entry that is unknown here. */
  async fetch(id: SsoId): Promise<void> {
    await this.#asking.fetch(id);
  }

  /** A session of this sign-on lived until then: it was not empty before. Every node concludes the same by itself. */
  lived(id: SsoId, until: number): void {
    const entry = this.#parts.entries.get(id);
    const aliveAt = Math.min(until, this.#parts.clock.now());
    if (entry?.state === 'open' && aliveAt > entry.aliveAt) this.#parts.entries.settle(id, { ...entry, aliveAt });
  }

  /** Sign-ons that are open here, those that are over and not swept yet included. */
  get openCount(): number {
    return this.#index.size;
  }

  onClosed(listener: (closed: Closed) => void): void {
    this.#consequences.onClosed(listener);
  }

  onOpened(listener: (opened: EntryOpened) => void): void {
    this.#consequences.onOpened(listener);
  }

  /** Closes what is over by its limits, in slices, so that memory of sessions is freed and listeners hear of it; judging needs no sweep. */
  sweep(): Promise<void> {
    this.#crowding.sweep();
    return this.#sweeper.sweep();
  }

  async #closeDoubtful(ids: readonly SsoId[]): Promise<void> {
    if (ids.length === 0 || !(await this.#asking.refresh(ids)).living) return;
    for (const id of ids) {
      const look = this.look(id);
      if (look.state === 'doubtful' && this.#isCertain(id))
        this.#end(id, look.entry, look.cause, this.#parts.clock.now());
    }
  }

  /** Whether an entry is idle or empty by the time that a majority's clocks have reached, too. */
  #isCertain(id: SsoId): boolean {
    const { entries, finality, links } = this.#parts;
    const look = judge(entries.get(id), this.#certainNow(), finality.epoch, this.#limits, () => links.linkedUntil(id));
    return look.state !== 'open';
  }

  #certainNow(): number {
    const { certain, clock } = this.#parts;
    return (certain ?? clock).now();
  }

  #closeNow(id: SsoId, cause: Cause): { readonly cause: Cause; readonly closedAt: number; readonly endsAt: number } {
    const { entries, clock } = this.#parts;
    const entry = entries.get(id);
    const closedAt = clock.now();
    if (entry === undefined) return { cause, closedAt, endsAt: closedAt };
    if (entry.state === 'closed') return entry;
    this.#end(id, entry, cause, closedAt);
    return { cause, closedAt, endsAt: entry.endsAt };
  }

  #end(id: SsoId, entry: OpenEntry, cause: Cause, now: number): void {
    this.#parts.entries.put(id, closeEntry(entry, cause, now));
  }

  #receipt(what: Omit<Issue, 'waitMs'>): Promise<Receipt> {
    return this.#parts.receipts.issue({ ...what, waitMs: this.#limits.logoutMs });
  }

  #view(id: SsoId, entry: OpenEntry): EntryView {
    return entryView(id, entry, this.rolesOf(entry), this.#parts.links.views(id));
  }
}
