/**
 * The sessions of all applications, as this node knows them: what is live, who lives off which
 * sign-on. What has ended is never written again (V67), whoever finishes late (writes.ts); a sign-on that
 * is closed or over ends its sessions.
 */

import { hash } from 'node:crypto';
import type { Cause } from '../entry.ts';
import { SsoError } from '../errors.ts';
import type { Asked } from '../gossip/copies.ts';
import type { Change } from '../gossip/lattice.ts';
import { nodeOf } from '../life.ts';
import type { EndedApp } from '../logout/finality.ts';
import type { Served } from '../logout/receipts.ts';
import type { LinkedEnd, Links, SessionView } from '../registry.ts';
import type { SsoId } from '../token.ts';
import type { CopiesWanted } from './buddies/depot.ts';
import { Census } from './census.ts';
import { SessionData } from './data/session-data.ts';
import { EndedApps, type EndHandler, EndHandlers } from './end-handlers.ts';
import type { Classes } from './graph/classes.ts';
import { Inquiries } from './inquiries.ts';
import { Judging } from './judging.ts';
import { LinkIndex } from './links.ts';
import { SessionPasses } from './passes.ts';
import { endSession, idleAt, isAway, type LiveSession, type SessionCause, type SessionRecord } from './record.ts';
import { Releases } from './releases.ts';
import {
  type SessionLimits,
  type SessionLook,
  type SessionTableParts,
  type SessionWrite,
  sessionLimits,
  type Use,
} from './table-parts.ts';
import { Teller, type Telling } from './teller.ts';
import { Turns } from './turns.ts';
import { Uses } from './uses.ts';
import { Writes } from './writes.ts';
import { atOnce, takenOver } from './writing.ts';

export type { SessionLimits, SessionLook, SessionTableParts, SessionWrite, Telling };

export class SessionTable implements Links {
  readonly #parts: SessionTableParts;
  readonly #limits: SessionLimits;
  readonly #links = new LinkIndex();
  readonly #census: Census;
  readonly #handlers: EndHandlers;
  readonly #teller: Teller;
  readonly #uses: Uses;
  readonly #judging: Judging;
  readonly #inquiries: Inquiries;
  readonly #writes: Writes;
  readonly #passes: SessionPasses;
  readonly #releases: Releases;
  #isClosed = false;
  /** While the sessions of a sign-on end: why it ended, and what ended of this life's. */
  #ending: { readonly end: LinkedEnd; readonly apps: EndedApps } | undefined;

  constructor(parts: SessionTableParts) {
    this.#parts = parts;
    this.#limits = { ...sessionLimits, ...parts.limits };
    this.#handlers = new EndHandlers(parts.log);
    this.#teller = new Teller(parts);
    this.#uses = new Uses({ copies: parts.copies, clock: parts.clock, teller: this.#teller });
    this.#census = new Census(parts.life);
    this.#judging = new Judging({ ...parts, uses: this.#uses });
    this.#inquiries = new Inquiries({
      ...parts,
      judging: this.#judging,
      teller: this.#teller,
      end: (key, cause) => void this.#end(key, cause),
    });
    this.#writes = new Writes({
      ...parts,
      teller: this.#teller,
      uses: this.#uses,
      makeRoom: ({ app, signOn, replaces }) => {
        if (replaces === undefined) this.admit(app);
        this.#makeRoom(signOn, replaces);
      },
    });
    const turns = parts.turns ?? new Turns({ clock: parts.clock });
    this.#passes = new SessionPasses({ copies: parts.copies, turns });
    this.#releases = new Releases({ ...parts, passes: this.#passes, teller: this.#teller, uses: this.#uses });
    parts.copies.onChange((change) => this.#changed(change));
    parts.copies.onForget((key, session) => this.#forgotten(key, session));
  }

  /** Sessions that are live, of all applications and nodes. */
  get liveCount(): number {
    return this.#census.live;
  }

  /** Where a session is kept: SHA-256 of application and session id, base64url. The same id in two applications is two sessions (V70). */
  key(app: string, id: string): string {
    return hash('sha256', `${app}\n${id}`, 'base64url');
  }

  /** What is known of a session, for whoever goes on to use it: what lies on the disk comes back into memory. */
  look(key: string): SessionLook {
    const look = this.#judging.look(key);
    if (look.state !== 'live' || this.#parts.catchingUp?.() === undefined) return look;
    return { state: 'doubtful', session: look.session };
  }

  /**
   * The same, after the members were asked if it is unknown here or seems unused: never `doubtful`. One that is away comes here.
   * @param wanted which nodes are to have its data then, as in `Telling`
   */
  inquire(key: string, wanted?: CopiesWanted): Promise<SessionLook> {
    return this.#inquiries.inquire(key, wanted);
  }

  /**
   * Makes a session or changes it. `undefined`: it has ended, its sign-on is not open, or its data is not here: nothing was
   * saved (V67).
   * @throws SsoError ERR_SESSION_INVALID the data is too large · ERR_LIMIT_REACHED too many sessions · ERR_UNAVAILABLE it is closed
   */
  write(key: string, what: SessionWrite): LiveSession | undefined {
    this.#requireOpen();
    return this.#writes.write(key, what);
  }

  /** Whether there is room for one more session, on all nodes and of this application in memory. @throws SsoError ERR_LIMIT_REACHED */
  admit(app: string): void {
    this.#requireRoom();
    this.#parts.residence?.admit(app);
  }

  /**
   * A request used the session: this node knows when, the others are told as `Activity` says; and it is linked to this node
   * if the node that served it is gone (V86). One that is away stays where it is: `inquire` takes it over.
   */
  touch(key: string, use: Use): void {
    const { copies, clock, life, lifeEndedAt, residence } = this.#parts;
    const session = copies.get(key);
    if (session?.state !== 'live') return;
    const isGone = session.owner !== life && (session.owner === '' || lifeEndedAt(session.owner) !== undefined);
    if (isGone && !isAway(session, life)) {
      const taken = takenOver(key, { ...session, lastAccessAt: clock.now() }, use.buddies, this.#parts);
      this.#teller.put(key, taken, taken.buddies === undefined ? 'no data' : 'all', atOnce);
      this.#uses.told(key);
    } else this.#uses.used(key, session, use.afterMs);
    residence?.used(key);
  }

  /** When the session was last used, as far as this node knows, milliseconds. */
  lastUse(key: string, session: LiveSession): number {
    return this.#uses.lastUse(key, session);
  }

  /**
   * Tells the other nodes everything that waits to be told: changes of an interval at once, then uses, in turns (V88). Resolves
   * once all is told that waited when it was called, or at `close`. Of few uses it is done at once.
   */
  flush(): Promise<void> {
    this.#teller.flush();
    return this.#passes.take(this.#uses.flushing());
  }

  /**
   * Ends every timer, and what is done in turns, which fails for who waits for `each`; tells nobody. From now on nothing is written
   * for requests: it would be here alone, and gone with the process.
   */
  close(): void {
    this.#isClosed = true;
    this.#uses.close();
    this.#teller.close();
    this.#passes.close();
  }

  /** Ends one session alone. True if it was live. @throws SsoError ERR_UNAVAILABLE it is closed */
  end(key: string, cause: SessionCause): boolean {
    this.#requireOpen();
    return this.#end(key, cause);
  }

  #end(key: string, cause: SessionCause): boolean {
    const { copies, clock } = this.#parts;
    const session = copies.get(key);
    if (session?.state !== 'live') return false;
    copies.put(key, endSession(session, cause, clock.now()));
    return true;
  }

  /**
   * Ends the sessions of a sign-on that closed, on this node; every node does the same for itself. Returns those that this
   * life served, by application, with what their handlers threw: the others are counted by the nodes that served them.
   */
  endLinked(signOn: SsoId, end: LinkedEnd): readonly EndedApp[] {
    const outer = this.#ending;
    const apps = new EndedApps();
    this.#ending = { end, apps };
    try {
      for (const key of [...this.#links.of(signOn)]) {
        const session = this.#parts.copies.get(key);
        if (session?.state === 'live') this.#parts.copies.settle(key, endSession(session, 'sign-on', end.closedAt));
      }
    } finally {
      this.#ending = outer;
    }
    return apps.all();
  }

  /**
   * Tells an application when a session of its ends that this node served: its sign-on ended, it timed out, it was destroyed.
   * @param classes whose instances its sessions hold
   */
  onEnd(app: string, handler: EndHandler, classes?: Classes): void {
    this.#handlers.add(app, handler, classes);
  }

  /** The live sessions of a sign-on that a node serves. */
  linked(signOn: SsoId): readonly { readonly key: string; readonly session: LiveSession }[] {
    const now = this.#parts.clock.now();
    return this.#links.of(signOn).flatMap((key) => {
      const session = this.#parts.copies.get(key);
      return session?.state === 'live' && session.releasedAt === 0 && now < idleAt(session) ? [{ key, session }] : [];
    });
  }

  /** The same as receipts count them. */
  served(signOn: SsoId): readonly Served[] {
    return this.linked(signOn).map(({ session }) => ({ app: session.app, life: session.owner }));
  }

  /** The same as a page shows them. */
  views(signOn: SsoId): readonly SessionView[] {
    return this.linked(signOn).map(({ session: { app, owner, lastAccessAt } }) => ({
      app,
      node: nodeOf(owner),
      lastAccessAt,
    }));
  }

  /** Asks the members for sessions. */
  ask(keys: readonly string[]): Promise<Asked> {
    return this.#parts.copies.ask(keys);
  }

  /** Keys of all sessions that name this sign-on, live or not: what has to be asked for before it is called empty. */
  keysOf(signOn: SsoId): readonly string[] {
    return this.#links.of(signOn);
  }

  /** Until when this sign-on had a session, milliseconds; Infinity while it has one that nobody need use; 0 if it never had one. */
  linkedUntil(signOn: SsoId): number {
    let until = 0;
    for (const key of this.#links.of(signOn)) {
      const session = this.#parts.copies.get(key);
      if (session?.state === 'live') until = Math.max(until, this.#linkEnd(session));
    }
    return until;
  }

  /**
   * Calls `run` with each session of an application that is to be used here, in turns: what was there at the call and still is
   * when its turn comes is met, once; what has ended by then is not; what comes meanwhile, also by moving to another id, may be
   * met or not. Resolves after the last one; rejects with what `run` threw, and goes no further then.
   * @param away also those whose data other nodes have
   * @throws SsoError ERR_UNAVAILABLE `close` came before the last one
   */
  each(app: string, run: (key: string, session: LiveSession) => void, away = false): Promise<void> {
    return this.#passes.run(app, (key, session) => {
      if (this.#isUsable(key, session, away)) run(key, session);
    });
  }

  #isUsable(key: string, session: LiveSession, away: boolean): boolean {
    const { state } = this.#judging.judge(key, session);
    return state === 'live' || (away && state === 'away' && !this.#judging.isUnused(key, session));
  }

  /**
   * How many of an application are live, here or on other nodes: what is kept count of, nothing is gone through. One that nobody
   * has used for its idle limit counts until its record is let go of, some minutes later; data that stays on another node does not.
   */
  count(app: string): number {
    return this.#census.of(app);
  }

  /** Why a sign-on is ending whose sessions end now; `undefined` at any other time. */
  get endingCause(): Cause | undefined {
    return this.#ending?.end.cause;
  }

  /**
   * The application stops on this node: its links go, the data stays for whoever serves it next (V44), here as well. What it gave
   * to `onEnd` hears nothing from now on; the rest in turns, as `Releases` says. Resolves once it is done, or at `close`.
   */
  release(app: string): Promise<void> {
    this.#handlers.remove(app);
    return this.#releases.run(app);
  }

  /**
   * Resolves once all that was written is on a second member, at the latest after `waitMs`.
   * @param key what was written, and nothing else that is waited for, unless sessions `ended`; default: whatever it was
   */
  stored(key?: string, ended = false): Promise<unknown> {
    const { gossip, depot, copies } = this.#parts;
    const { waitMs } = this.#limits;
    const session = key === undefined ? undefined : copies.get(key);
    const isPlaced = session?.state === 'live' && session.buddies !== undefined;
    const held = key !== undefined && isPlaced ? depot?.stored(key, waitMs) : undefined;
    if (held !== undefined && !ended) return held;
    const told = gossip.stored(this.#limits.copies, waitMs);
    return held === undefined ? told : Promise.all([held, told]);
  }

  #linkEnd(session: LiveSession): number {
    if (session.releasedAt > 0) return Math.min(session.releasedAt, idleAt(session));
    return Math.min(idleAt(session), this.#parts.lifeEndedAt(session.owner) ?? Number.POSITIVE_INFINITY);
  }

  #requireOpen(): void {
    if (!this.#isClosed) return;
    throw new SsoError(
      'ERR_UNAVAILABLE',
      'this node has stopped, and what is in its sessions is not saved any more: end the server first, and when all is answered `await sso.stop()`',
    );
  }

  #requireRoom(): void {
    if (this.liveCount >= this.#limits.sessions)
      throw new SsoError('ERR_LIMIT_REACHED', `the limit of ${this.#limits.sessions} sessions is reached`);
  }

  /** @param replaces about to end: the place is taken that it leaves */
  #makeRoom(signOn: SsoId | undefined, replaces: string | undefined): void {
    if (signOn === undefined) return;
    const keys = this.#links.of(signOn).filter((key) => key !== replaces);
    if (keys.length >= this.#limits.sessionsPerSignOn) this.#end(keys[0]!, 'left');
  }

  #changed(change: Change<SessionRecord>): void {
    const { key, before, after, own } = change;
    const { hybrid, signOns, copies } = this.#parts;
    this.#census.changed(before, after);
    if (after.state === 'changed') return;
    if (after.state === 'live') {
      this.#releases.changed(change);
      if (!own) hybrid.hear(Math.max(after.version, after.ownerStamp, after.data.latest));
      if (after.data.form === 'open' && after.data !== SessionData.empty) this.#uses.packLater(key);
      if (after.signOn === undefined) return;
      this.#links.add(after.signOn, key);
      // Its sign-on closed before the session was heard of: it ends here at the same instant as everywhere.
      if (signOns.stateOf(after.signOn) === 'over')
        copies.settle(key, endSession(after, 'sign-on', signOns.closedAt(after.signOn) ?? after.createdAt));
    } else if (before?.state === 'live') {
      if (before.signOn !== undefined) {
        this.#links.remove(before.signOn, key);
        signOns.lived(before.signOn, after.endedAt);
      }
      this.#letGo(key);
      this.#ended(key, before, after.cause, after.endedAt);
    }
  }

  /** Nothing of it is to be told any more. */
  #letGo(key: string): void {
    this.#teller.forget(key);
    this.#uses.told(key);
  }

  /** Tells the application, if this life served the session. One that moved to another id lives on. */
  #ended(key: string, session: LiveSession, cause: SessionCause, endedAt: number): void {
    if (session.owner !== this.#parts.life || cause === 'renewed') return;
    const ending = cause === 'sign-on' ? this.#ending : undefined;
    const failure = this.#handlers.run({ key, session, cause, signOnCause: ending?.end.cause, endedAt });
    if (this.#parts.clock.now() < idleAt(session) || failure !== undefined) ending?.apps.note(session.app, failure);
  }

  #forgotten(key: string, session: SessionRecord): void {
    if (session.state !== 'live') return;
    this.#census.changed(session, undefined);
    this.#letGo(key);
    if (session.signOn !== undefined) {
      this.#links.remove(session.signOn, key);
      this.#parts.signOns.lived(session.signOn, this.#linkEnd(session));
    }
    this.#ended(key, session, 'timeout', idleAt(session));
  }
}
