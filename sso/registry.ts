/**
 * The sign-ons, as this node knows them: open, find, touch, close. Looking one up is in memory; the
 * limits are judged at every use and by no sweeper; what only *seems* over because this node did not
 * see it used is asked for at the members before anyone says so. A closed entry is never open again.
 */

import type { Clock } from './clock.ts';
import { type Cause, closeEntry, type OpenEntry, type SsoEntry } from './entry.ts';
import { SsoError } from './errors.ts';
import type { Asked, Copies, Gossip } from './gossip/copies.ts';
import type { Change } from './gossip/lattice.ts';
import { type HybridClock, stampMs } from './hybrid-clock.ts';
import type { Keys } from './keys.ts';
import { type Log, silentLog } from './log.ts';
import type { Principal } from './principal.ts';
import type { Random } from './random.ts';
import type { Receipt } from './receipt.ts';
import { endOnce, endsEntry, openingMarginMs, type Subject, unknownSubject } from './subject.ts';
import { SubjectIndex } from './subject-index.ts';
import { mintToken, type SsoId, type SsoToken } from './token.ts';

export type Look =
  | { readonly state: 'open'; readonly entry: OpenEntry }
  /** Over by what this node saw alone: `inquire` before anyone says so. */
  | { readonly state: 'doubtful'; readonly entry: OpenEntry; readonly cause: 'idle' | 'empty' }
  /** Closed, past its end, or ended with its subject: for ever. */
  | { readonly state: 'over'; readonly cause: Cause }
  | { readonly state: 'unknown' };

/** `undecided`: not every member could be asked. Challenge, and keep the cookie (V82). */
export type Inquiry = Exclude<Look, { state: 'doubtful' }> | { readonly state: 'undecided' };

export interface Opened {
  /** For the cookie, and for nothing else. */
  readonly token: SsoToken;
  readonly id: SsoId;
  readonly entry: OpenEntry;
}

export interface Closed {
  readonly id: SsoId;
  /** Who had signed on, if this node ever knew. */
  readonly principal: Principal | undefined;
  readonly cause: Cause;
  /** Whether it was closed through this node. */
  readonly own: boolean;
}

/** One sign-on, for an account page or an administrator. */
export interface EntryView {
  /** A hash: it cannot be used as a cookie. */
  readonly id: SsoId;
  readonly principal: Principal;
  readonly how: string;
  /** Milliseconds since 1970; `usedAt` is coarse. */
  readonly authenticatedAt: number;
  readonly openedAt: number;
  readonly usedAt: number;
  readonly endsAt: number;
  readonly sessions: readonly { readonly app: string; readonly node: string; readonly lastAccessAt: number }[];
}

/** What the registry asks about sessions; the session table answers. */
export interface Links {
  linkedUntil(id: SsoId): number;
  keysOf(id: SsoId): readonly string[];
  ask(keys: readonly string[]): Promise<Asked>;
  endLinked(id: SsoId, closedAt: number): ReadonlyMap<string, number>;
  views(id: SsoId): EntryView['sessions'];
}

export interface RegistryLimits {
  /** Absolute life of a sign-on, milliseconds. Default 12 h. */
  readonly lifeMs: number;
  /** Idle limit of a sign-on, milliseconds; 0 = none. Default 0: `maxEmptyLife` and the sessions' own limits bound idleness. */
  readonly idleMs: number;
  /** How long a sign-on without any session stays usable, milliseconds (the guide's maxEmptyLife, there in seconds). Default 1,800,000. */
  readonly maxEmptyLifeMs: number;
  /** Sign-ons on all nodes, open and closed; one more is refused with 503. Default 1,000,000. */
  readonly entries: number;
  /** Open sign-ons of one user; one more ends the oldest. Default 1,000. */
  readonly entriesPerSubject: number;
  /** Members that hold a new sign-on before its cookie is sent, this one included. Default 2. */
  readonly copies: number;
  /** The longest that a sign-on waits for that, milliseconds. Default 250. */
  readonly copyMs: number;
  /** The longest that a logout waits for confirmations, milliseconds. Default 1,000. */
  readonly logoutMs: number;
}

export const registryLimits: RegistryLimits = {
  lifeMs: 12 * 3_600_000,
  idleMs: 0,
  maxEmptyLifeMs: 1_800_000,
  entries: 1_000_000,
  entriesPerSubject: 1_000,
  copies: 2,
  copyMs: 250,
  logoutMs: 1_000,
};

export interface RegistryParts {
  readonly entries: Copies<SsoEntry>;
  readonly subjects: Copies<Subject>;
  readonly gossip: Pick<Gossip, 'stored'>;
  readonly links: Links;
  readonly keys: Pick<Keys, 'token'>;
  readonly clock: Clock;
  readonly hybrid: HybridClock;
  readonly random: Random;
  /** This life of this node: `node:incarnation`. */
  readonly life: string;
  /** Whether this node takes sign-ons now. */
  readonly accepting: () => boolean;
  readonly limits?: Partial<RegistryLimits>;
  readonly log?: Log;
}

/** Activity is told at most this many times within a limit. */
const coarseness = 20;
/** How often activity is told where there is no idle limit, milliseconds. */
const unlimitedMs = 60_000;
/** The answer that opens a sign-on has this long to make its first session, milliseconds: with maxEmptyLife 0 a sweep would be faster. */
const openingMs = 1_000;
/** Entries that a sweep judges in one go before other work gets its turn. */
const sweepSlice = 1_000;
/** Entries that a sweep asks the members for at once. */
const sweepAsks = 256;

export class Registry {
  readonly #parts: RegistryParts;
  readonly #limits: RegistryLimits;
  readonly #log: Log;
  readonly #index = new SubjectIndex();
  readonly #closedListeners: ((closed: Closed) => void)[] = [];
  readonly #openedListeners: ((opened: {
    readonly id: SsoId;
    readonly entry: OpenEntry;
    readonly own: boolean;
  }) => void)[] = [];
  /** Runs with every end of a subject that this node hears of; `#endMarks` says at which count a subject's last one came. */
  #marks = 0;
  readonly #endMarks = new Map<string, number>();
  #sweeping = false;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
    this.#limits = { ...registryLimits, ...parts.limits };
    this.#log = parts.log ?? silentLog;
    parts.entries.onChange((change) => this.#entryChanged(change));
    parts.entries.onForget((id, entry) => this.#entryForgotten(id as SsoId, entry));
    parts.subjects.onChange((change) => this.#subjectChanged(change));
    parts.subjects.onForget((name) => this.#endMarks.delete(name));
  }

  /** The verdict on an id, from memory. The hot path of every request. */
  look(id: SsoId): Look {
    const entry = this.#parts.entries.get(id);
    if (entry === undefined) return unknown;
    if (entry.state === 'closed') return { state: 'over', cause: entry.cause };
    const now = this.#parts.clock.now();
    if (now >= entry.endsAt) return { state: 'over', cause: 'expired' };
    const { idleMs, maxEmptyLifeMs } = this.#limits;
    if (idleMs > 0 && now - entry.usedAt > idleMs) return { state: 'doubtful', entry, cause: 'idle' };
    if (
      now - entry.aliveAt > maxEmptyLifeMs &&
      now - entry.authenticatedAt > openingMs &&
      now - this.#parts.links.linkedUntil(id) > maxEmptyLifeMs
    ) {
      return { state: 'doubtful', entry, cause: 'empty' };
    }
    return { state: 'open', entry };
  }

  /** Asks the members once, bounded, then decides: closes what is idle or empty in everybody's view. */
  async inquire(id: SsoId): Promise<Inquiry> {
    const before = this.look(id);
    if (before.state === 'open' || before.state === 'over') return before;
    const asked = before.state === 'unknown' ? await this.#fetch(id) : await this.#refresh([id]);
    const after = this.look(id);
    if (after.state === 'unknown') return asked.everybody ? after : { state: 'undecided' };
    if (after.state !== 'doubtful') return after;
    if (!asked.living) return { state: 'undecided' };
    this.#end(id, after.entry, after.cause, this.#parts.clock.now());
    return { state: 'over', cause: after.cause };
  }

  /** The roles in force: the later of those any sign-on brought and those that were set (V31, V38, S5). */
  rolesOf(entry: OpenEntry): readonly string[] {
    return this.#index.rolesOf(entry.principal.name) ?? entry.principal.roles;
  }

  /** Taken when a check of credentials begins: `open` refuses if the subject was ended since. */
  mark(): number {
    return this.#marks;
  }

  /**
   * Opens a sign-on and has it on W members, bounded, before it resolves. `replaces` is closed with cause `replaced`.
   * `undefined`: the subject's sign-ons were ended while the credentials were checked; nothing was opened.
   * @throws SsoError ERR_UNAVAILABLE this node takes no sign-ons now · ERR_LIMIT_REACHED
   */
  async open(request: {
    readonly principal: Principal;
    readonly how: string;
    readonly mark: number;
    readonly replaces?: SsoId;
  }): Promise<Opened | undefined> {
    const opened = this.openNow(request);
    if (opened !== undefined) await this.held();
    return opened;
  }

  /** Resolves once what was opened is on W members, at the latest after `copyMs`. */
  async held(): Promise<void> {
    await this.#parts.gossip.stored(this.#limits.copies, this.#limits.copyMs);
  }

  /** As `open`, without waiting for a second copy. */
  openNow(request: {
    readonly principal: Principal;
    readonly how: string;
    readonly mark: number;
    readonly replaces?: SsoId;
  }): Opened | undefined {
    const { entries, subjects, clock, hybrid, random, keys, accepting } = this.#parts;
    if (!accepting()) throw new SsoError('ERR_UNAVAILABLE', 'this node takes no sign-ons now');
    const { principal } = request;
    if ((this.#endMarks.get(principal.name) ?? 0) > request.mark) return undefined;
    if (entries.size >= this.#limits.entries)
      throw new SsoError('ERR_LIMIT_REACHED', `the limit of ${this.#limits.entries} sign-ons is reached`);
    if (request.replaces !== undefined) this.#closeNow(request.replaces, 'replaced');
    const oldest = this.#index.oldestBeyond(principal.name, this.#limits.entriesPerSubject);
    if (oldest !== undefined) this.#closeNow(oldest, 'replaced');
    const now = clock.now();
    const endsAt = Math.ceil((now + this.#limits.lifeMs) / 1000) * 1000;
    const { token, id } = mintToken(random, keys.token[0]!, endsAt);
    const entry: OpenEntry = {
      state: 'open',
      principal,
      how: request.how,
      openedStamp: hybrid.next(
        this.#index.latest(principal.name)?.rolesStamp ?? subjects.get(principal.name)?.rolesStamp,
      ),
      authenticatedAt: now,
      endsAt,
      epoch: 0,
      seenEnds: (subjects.get(principal.name) ?? unknownSubject).ends,
      usedAt: now,
      aliveAt: now,
    };
    this.#noteRoles(entry, true);
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
   * Ends a sign-on everywhere and says how far the news came within `logoutMs`. A second call has no second effect (V69).
   * @throws SsoError ERR_NOT_SIGNED_IN nobody knows it · ERR_UNAVAILABLE it is unknown here, and not everybody could be asked
   */
  async close(id: SsoId, cause: Cause): Promise<Receipt> {
    if (this.#parts.entries.get(id) === undefined) await this.#requireKnown(id);
    const ended = this.#closeNow(id, cause);
    return this.#receipt(ended.cause, ended.closedAt, ended.sessions);
  }

  /** Ends all sign-ons of a user, those that are being checked at this moment included. */
  async endSubject(name: string, cause: Cause = 'subject-ended'): Promise<Receipt> {
    const { subjects, clock, hybrid, life } = this.#parts;
    const now = clock.now();
    const known = subjects.get(name) ?? unknownSubject;
    const sessions = new Map<string, number>();
    for (const id of this.#index.idsOf(name)) addCounts(sessions, this.#countSessions(id));
    subjects.put(name, {
      ...known,
      ends: endOnce(known.ends, life, hybrid.next(), now - 2 * this.#limits.lifeMs),
      endedAt: now,
      endedCause: cause,
      keepUntil: Math.max(known.keepUntil, this.#keepUntil(now)),
    });
    return this.#receipt(cause, now, sessions);
  }

  /** Gives a user other roles in all of their sign-ons, seen by the next request on every node (V38). */
  async setRoles(name: string, roles: readonly string[]): Promise<void> {
    const { subjects, clock, hybrid, gossip } = this.#parts;
    const known = subjects.get(name) ?? unknownSubject;
    const now = clock.now();
    subjects.put(name, {
      ...known,
      roles,
      rolesStamp: hybrid.next(Math.max(known.rolesStamp, this.#index.latest(name)?.rolesStamp ?? 0)),
      keepUntil: Math.max(known.keepUntil, this.#keepUntil(now)),
    });
    await gossip.stored('all', this.#limits.logoutMs);
  }

  /** A user's open sign-ons, oldest first. */
  entriesOf(name: string): readonly EntryView[] {
    return this.#index.idsOf(name).flatMap((id) => {
      const look = this.look(id);
      return look.state === 'open' || look.state === 'doubtful' ? [this.#view(id, look.entry)] : [];
    });
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
    const entry = this.#parts.entries.get(id);
    if (entry === undefined) return 'unknown';
    return entry.state === 'open' && this.#parts.clock.now() < entry.endsAt ? 'open' : 'over';
  }

  /** The absolute end, milliseconds; `undefined` if unknown here. */
  endsAt(id: SsoId): number | undefined {
    return this.#parts.entries.get(id)?.endsAt;
  }

  closedAt(id: SsoId): number | undefined {
    const entry = this.#parts.entries.get(id);
    return entry?.state === 'closed' ? entry.closedAt : entry?.endsAt;
  }

  /** Asks the members for an entry that is unknown here. */
  async fetch(id: SsoId): Promise<void> {
    await this.#fetch(id);
  }

  /** A session of this sign-on lived until then: it was not empty before. Every node concludes the same by itself. */
  lived(id: SsoId, until: number): void {
    const entry = this.#parts.entries.get(id);
    const aliveAt = Math.min(until, this.#parts.clock.now());
    if (entry?.state === 'open' && aliveAt > entry.aliveAt) this.#parts.entries.settle(id, { ...entry, aliveAt });
  }

  onClosed(listener: (closed: Closed) => void): void {
    this.#closedListeners.push(listener);
  }

  onOpened(listener: (opened: { readonly id: SsoId; readonly entry: OpenEntry; readonly own: boolean }) => void): void {
    this.#openedListeners.push(listener);
  }

  /** Closes what is over by its limits, in slices, so that memory of sessions is freed and listeners hear of it; judging needs no sweep. */
  async sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    try {
      let doubtful: SsoId[] = [];
      let judged = 0;
      for (const [key, entry] of this.#parts.entries.entries()) {
        if (entry.state === 'open') {
          const look = this.look(key as SsoId);
          if (look.state === 'over') this.#parts.entries.settle(key, closeEntry(entry, look.cause, entry.endsAt));
          else if (look.state === 'doubtful') doubtful.push(key as SsoId);
        }
        if (doubtful.length >= sweepAsks) {
          await this.#closeDoubtful(doubtful);
          doubtful = [];
        }
        if (++judged % sweepSlice === 0) await new Promise<void>((resolve) => this.#parts.clock.soon(resolve));
      }
      await this.#closeDoubtful(doubtful);
    } finally {
      this.#sweeping = false;
    }
  }

  async #closeDoubtful(ids: readonly SsoId[]): Promise<void> {
    if (ids.length === 0 || !(await this.#refresh(ids)).living) return;
    for (const id of ids) {
      const look = this.look(id);
      if (look.state === 'doubtful') this.#end(id, look.entry, look.cause, this.#parts.clock.now());
    }
  }

  /** An entry that comes by asking is followed by its subject: it must not outrun the end of its user. */
  async #fetch(id: SsoId): Promise<Asked> {
    const asked = await this.#parts.entries.ask([id]);
    const entry = this.#parts.entries.get(id);
    if (entry?.state === 'open') await this.#parts.subjects.ask([entry.principal.name]);
    return asked;
  }

  /** A receipt for what was not ended would lie (check 22). */
  async #requireKnown(id: SsoId): Promise<void> {
    const { everybody } = await this.#fetch(id);
    if (this.#parts.entries.get(id) !== undefined) return;
    if (everybody) throw new SsoError('ERR_NOT_SIGNED_IN', 'there is no such sign-on');
    throw new SsoError('ERR_UNAVAILABLE', 'the sign-on is unknown here, and not every node could be asked for it');
  }

  async #refresh(ids: readonly SsoId[]): Promise<Asked> {
    const keys = ids.flatMap((id) => this.#parts.links.keysOf(id));
    const asked = [this.#parts.entries.ask(ids), ...(keys.length === 0 ? [] : [this.#parts.links.ask(keys)])];
    const answers = await Promise.all(asked);
    return { everybody: answers.every(({ everybody }) => everybody), living: answers.every(({ living }) => living) };
  }

  #closeNow(
    id: SsoId,
    cause: Cause,
  ): { readonly cause: Cause; readonly closedAt: number; readonly sessions: ReadonlyMap<string, number> } {
    const entry = this.#parts.entries.get(id);
    const now = this.#parts.clock.now();
    if (entry?.state !== 'open')
      return { cause: entry?.cause ?? cause, closedAt: entry?.closedAt ?? now, sessions: new Map() };
    const sessions = this.#countSessions(id);
    this.#end(id, entry, cause, now);
    return { cause, closedAt: now, sessions };
  }

  #end(id: SsoId, entry: OpenEntry, cause: Cause, now: number): void {
    this.#parts.entries.put(id, closeEntry(entry, cause, now));
  }

  #countSessions(id: SsoId): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { app } of this.#parts.links.views(id)) counts.set(app, (counts.get(app) ?? 0) + 1);
    return counts;
  }

  async #receipt(cause: Cause, closedAt: number, sessions: ReadonlyMap<string, number>): Promise<Receipt> {
    const { gossip, random } = this.#parts;
    const { nodes, outstanding } = await gossip.stored('all', this.#limits.logoutMs);
    const applications = [...sessions].map(([app, count]) => ({ app, sessions: count }));
    return {
      id: Buffer.from(random.bytes(12)).toString('base64url'),
      state: outstanding.length === 0 ? 'complete' : 'pending',
      cause,
      closedAt,
      applications,
      sessions: applications.reduce((sum, { sessions }) => sum + sessions, 0),
      nodes: { confirmed: nodes, outstanding },
      failures: [],
    };
  }

  #view(id: SsoId, entry: OpenEntry): EntryView {
    const roles = this.rolesOf(entry);
    return {
      id,
      principal: roles === entry.principal.roles ? entry.principal : { ...entry.principal, roles },
      how: entry.how,
      authenticatedAt: entry.authenticatedAt,
      openedAt: stampMs(entry.openedStamp),
      usedAt: Math.max(entry.usedAt, entry.aliveAt),
      endsAt: entry.endsAt,
      sessions: this.#parts.links.views(id),
    };
  }

  /** Until when a fact about a subject may concern an entry: one that is opened this moment by a node that does not know it. */
  #keepUntil(now: number): number {
    return now + this.#limits.lifeMs + openingMarginMs;
  }

  #entryChanged({ key, before, after, own }: Change<SsoEntry>): void {
    const id = key as SsoId;
    if (after.state === 'open') {
      if (before !== undefined) return;
      if (!own) {
        this.#parts.hybrid.hear(after.openedStamp);
        this.#noteRoles(after, false);
      }
      this.#index.add(id, after);
      const subject = this.#parts.subjects.get(after.principal.name);
      if (subject === undefined) this.#tell(this.#openedListeners, { id, entry: after, own });
      else {
        if (subject.rolesStamp > 0) this.#index.setRoles(after.principal.name, subject.roles, subject.rolesStamp);
        if (endsEntry(subject, after)) this.#endWithSubject(id, after, subject);
        else this.#tell(this.#openedListeners, { id, entry: after, own });
      }
      return;
    }
    if (before?.state === 'closed') return;
    if (before?.state === 'open') this.#index.remove(id, before.principal.name);
    this.#parts.links.endLinked(id, after.closedAt);
    this.#tell(this.#closedListeners, { id, principal: before?.principal, cause: after.cause, own });
  }

  #entryForgotten(id: SsoId, entry: SsoEntry): void {
    if (entry.state !== 'open') return;
    this.#index.remove(id, entry.principal.name);
    this.#parts.links.endLinked(id, entry.endsAt);
    this.#tell(this.#closedListeners, { id, principal: entry.principal, cause: 'expired', own: false });
  }

  #subjectChanged({ key: name, before, after, own }: Change<Subject>): void {
    if (!own) this.#parts.hybrid.hear(after.rolesStamp);
    if (after.rolesStamp > 0 && this.#index.has(name)) this.#index.setRoles(name, after.roles, after.rolesStamp);
    if (after.ends === (before ?? unknownSubject).ends) return;
    this.#endMarks.set(name, ++this.#marks);
    for (const id of this.#index.idsOf(name)) {
      const entry = this.#parts.entries.get(id);
      if (entry?.state === 'open' && endsEntry(after, entry)) this.#endWithSubject(id, entry, after);
    }
  }

  /**
   * A sign-on that brings other roles than those in force says so in the subject's record: entries come and go, and
   * which of them a node has seen open must not decide what roles it believes in (S5). Heard from another node, it is
   * settled: whoever saw both notes the same, and comparisons carry it to who did not.
   */
  #noteRoles({ principal: { name, roles }, openedStamp }: OpenEntry, own: boolean): void {
    const { subjects } = this.#parts;
    const record = subjects.get(name) ?? unknownSubject;
    const known =
      this.#index.latest(name) ??
      (record.rolesStamp > 0 ? { roles: record.roles, rolesStamp: record.rolesStamp } : undefined);
    if (known === undefined || known.roles === roles || JSON.stringify(known.roles) === JSON.stringify(roles)) return;
    const later = openedStamp > known.rolesStamp ? { roles, rolesStamp: openedStamp } : known;
    if (later.rolesStamp <= record.rolesStamp) return;
    const keepUntil = Math.max(record.keepUntil, this.#keepUntil(stampMs(later.rolesStamp)));
    const noted = { ...record, roles: later.roles, rolesStamp: later.rolesStamp, keepUntil };
    if (own) subjects.put(name, noted);
    else subjects.settle(name, noted);
  }

  /** Every node concludes this from the same two facts, so nothing is sent. */
  #endWithSubject(id: SsoId, entry: OpenEntry, subject: Subject): void {
    this.#parts.entries.settle(
      id,
      closeEntry(entry, subject.endedCause, Math.max(subject.endedAt, entry.authenticatedAt)),
    );
  }

  #tell<T>(listeners: readonly ((event: T) => void)[], event: T): void {
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#log.error({ err: error }, 'a listener failed');
      }
    }
  }
}

const unknown: Look = { state: 'unknown' };

function addCounts(sum: Map<string, number>, counts: ReadonlyMap<string, number>): void {
  for (const [app, count] of counts) sum.set(app, (sum.get(app) ?? 0) + count);
}
