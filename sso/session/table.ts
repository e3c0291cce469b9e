/**
 * The sessions of all applications, as this node knows them: what is live, who lives off which
 * sign-on, and the only way to write. A session is judged by its entry at every use, link or no link:
 * an entry that is closed or over ends it. What has ended is never written again (V67), whoever
 * finishes late; and a node never calls a session over merely because it did not see it used (V89).
 */

import { hash } from 'node:crypto';
import type { Cause } from '../entry.ts';
import { SsoError } from '../errors.ts';
import type { Asked } from '../gossip/copies.ts';
import type { Change } from '../gossip/lattice.ts';
import type { EndedApp } from '../logout/finality.ts';
import type { Served } from '../logout/receipts.ts';
import type { LinkedEnd, Links, SessionView } from '../registry.ts';
import type { SsoId } from '../token.ts';
import { EndedApps, type EndHandler, EndHandlers } from './end-handlers.ts';
import type { Classes } from './graph/classes.ts';
import { LinkIndex } from './links.ts';
import { endSession, graceMs, idleAt, type LiveSession, type SessionCause, type SessionRecord } from './record.ts';
import {
  type SessionLimits,
  type SessionLook,
  type SessionTableParts,
  type SessionWrite,
  sessionLimits,
} from './table-parts.ts';
import { type Alteration, Teller, type Telling } from './teller.ts';
import { Uses } from './uses.ts';
import { alone, atOnce, begin, isElsewhere, requireFits, tooLarge } from './writing.ts';

export type { SessionLimits, SessionLook, SessionTableParts, SessionWrite, Telling };

export class SessionTable implements Links {
  readonly #parts: SessionTableParts;
  readonly #limits: SessionLimits;
  readonly #links = new LinkIndex();
  readonly #handlers: EndHandlers;
  readonly #teller: Teller;
  readonly #uses: Uses;
  /** While the sessions of a sign-on end: why it ended, and what ended of this life's. */
  #ending: { readonly end: LinkedEnd; readonly apps: EndedApps } | undefined;
  /** Live ones: records of ends are no sessions, and refuse nobody a new one. */
  #live = 0;

  constructor(parts: SessionTableParts) {
    this.#parts = parts;
    this.#limits = { ...sessionLimits, ...parts.limits };
    this.#handlers = new EndHandlers(parts.log);
    this.#teller = new Teller(parts);
    this.#uses = new Uses({ copies: parts.copies, clock: parts.clock, teller: this.#teller });
    parts.copies.onChange((change) => this.#changed(change));
    parts.copies.onForget((key, session) => this.#forgotten(key, session));
  }

  /** Sessions that are live, of all applications and nodes. */
  get liveCount(): number {
    return this.#live;
  }

  /** Where a session is kept: SHA-256 of application and session id, base64url. The same id in two applications is two sessions (V70). */
  key(app: string, id: string): string {
    return hash('sha256', `${app}\n${id}`, 'base64url');
  }

  /** What is known of a session, for whoever goes on to use it: what lies on the disk comes back into memory. */
  look(key: string): SessionLook {
    const look = this.#judge(key);
    if (look.state !== 'live' && look.state !== 'doubtful') return look;
    return this.#parts.residence?.activate(key, look.session) === false
      ? { state: 'doubtful', session: look.session }
      : look;
  }

  #judge(key: string): SessionLook {
    const session = this.#parts.copies.get(key);
    if (session === undefined || session.state === 'changed') return unknown;
    if (session.state === 'ended') return { state: 'ended', cause: session.cause };
    if (session.signOn !== undefined) {
      const signOn = this.#parts.signOns.stateOf(session.signOn);
      if (signOn === 'over') return { state: 'ended', cause: 'sign-on' };
      if (signOn === 'unknown') return unknown;
    }
    if (isElsewhere(session, this.#parts.life)) return { state: 'elsewhere', session };
    return { state: this.#isUnused(key, session) ? 'doubtful' : 'live', session };
  }

  /**
   * Asks the members once, bounded, for a session that is unknown here or seems unused; never answers `doubtful`. Where
   * nobody can say that it was not used elsewhere, one that is held here goes on (V89).
   */
  async inquire(key: string): Promise<SessionLook> {
    const { copies, signOns } = this.#parts;
    const asked = await copies.ask([key]);
    const session = copies.get(key);
    if (session?.state === 'live' && session.signOn !== undefined && signOns.stateOf(session.signOn) === 'unknown') {
      await signOns.fetch(session.signOn);
    }
    const look = this.look(key);
    if (look.state === 'unknown') return asked.everybody ? look : { state: 'undecided' };
    if (look.state !== 'doubtful') return look;
    if (look.session.data.isLost) {
      // Neither the disk nor anybody else has the data.
      if (!asked.everybody) return { state: 'undecided' };
      this.end(key, 'node-lost');
      return { state: 'ended', cause: 'node-lost' };
    }
    return asked.living && !this.#mayHaveBeenUsed(key, look.session)
      ? { state: 'ended', cause: 'timeout' }
      : { state: 'live', session: look.session };
  }

  /**
   * Makes a session or changes it. `undefined`: it has ended, its sign-on is not open, or its data is not here: nothing was
   * saved (V67).
   * @throws SsoError ERR_SESSION_INVALID the data is too large · ERR_LIMIT_REACHED too many sessions
   */
  write(key: string, what: SessionWrite): LiveSession | undefined {
    const { copies, life, signOns, residence } = this.#parts;
    const { signOn, changes, telling = atOnce } = what;
    if (signOn !== undefined && signOns.stateOf(signOn) !== 'open') return undefined;
    const known = copies.get(key);
    if (known !== undefined && (known.state !== 'live' || known.signOn !== signOn || isElsewhere(known, life)))
      return undefined;
    if (known?.data.isLost) return undefined;
    const begun = begin(known, what, this.#parts);
    const steps = telling.alone ? alone(changes) : [changes];
    requireFits(begun.data, steps);
    if (known === undefined) {
      if (what.replaces !== true) residence?.admit(what.app);
      this.#makeRoom(signOn);
    }
    let altered: Alteration = known === undefined || begun.data !== known.data ? 'all' : 'no data';
    let written: SessionRecord | undefined;
    let session = begun;
    for (const step of steps) {
      if (step.fields.length > 0 || step.gone.length > 0) {
        const stamp = this.#parts.hybrid.next(session.data.latest);
        const { data, delta } = session.data.change(step, writerOf(life, key), stamp, what.seen);
        session = { ...session, data };
        if (altered !== 'all') altered = delta;
      }
      written = this.#teller.put(key, session, altered, telling);
      if (written?.state !== 'live') break;
      session = written;
      altered = 'no data';
    }
    if (written === undefined && copies.refuses(key, session) === 'too-large')
      throw tooLarge('to travel to the other nodes');
    this.#uses.told(key);
    residence?.used(key);
    return written?.state === 'live' ? written : undefined;
  }

  /** Whether there is room for one more session, on all nodes and of this application in memory. @throws SsoError ERR_LIMIT_REACHED */
  admit(app: string): void {
    this.#requireRoom();
    this.#parts.residence?.admit(app);
  }

  /**
   * A request used the session: this node knows when, the others are told as `Activity` says; and it is linked to this node
   * if the node that served it is gone (V86).
   * @param told how long ago the others were told of a use at most, milliseconds; 0: each is told; Infinity: only what must be
   */
  touch(key: string, told: { readonly afterMs: number }): void {
    const { copies, clock, hybrid, life, lifeEndedAt, residence } = this.#parts;
    const session = copies.get(key);
    if (session?.state !== 'live') return;
    if (session.owner !== life && (session.owner === '' || lifeEndedAt(session.owner) !== undefined)) {
      const ownerStamp = hybrid.next(session.ownerStamp);
      const taken = { ...session, lastAccessAt: clock.now(), owner: life, releasedAt: 0, ownerStamp };
      this.#teller.put(key, taken, 'no data', atOnce);
      this.#uses.told(key);
    } else this.#uses.used(key, session, told.afterMs);
    residence?.used(key);
  }

  /** When the session was last used, as far as this node knows, milliseconds. */
  lastUse(key: string, session: LiveSession): number {
    return this.#uses.lastUse(key, session);
  }

  /** Tells the other nodes everything that waits to be told: changes of an interval, and uses (V88). */
  flush(): void {
    this.#teller.flush();
    this.#uses.flush();
  }

  /** Ends every timer; tells nobody. */
  close(): void {
    this.#uses.close();
    this.#teller.close();
  }

  /** Ends one session alone. True if it was live. */
  end(key: string, cause: SessionCause): boolean {
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
      node: owner.slice(0, owner.lastIndexOf(':')),
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

  *all(app: string): IterableIterator<[string, LiveSession]> {
    for (const [key, session] of this.#parts.copies.entries()) {
      if (session.state === 'live' && session.app === app && this.#judge(key).state === 'live') yield [key, session];
    }
  }

  /** Why a sign-on is ending whose sessions end now; `undefined` at any other time. */
  get endingCause(): Cause | undefined {
    return this.#ending?.end.cause;
  }

  /** The application stops on this node: its links go, the data stays for whoever serves it next (V44). */
  release(app: string): void {
    this.flush();
    const { copies, clock, hybrid, life } = this.#parts;
    const now = clock.now();
    for (const [key, session] of [...copies.entries()]) {
      if (session.state === 'live' && session.app === app && session.owner === life) {
        const released = { ...session, owner: '', releasedAt: now, ownerStamp: hybrid.next(session.ownerStamp) };
        this.#teller.put(key, released, 'no data', atOnce);
      }
    }
  }

  /** Resolves once all that was written is on a second member, at the latest after `waitMs`. */
  stored(): Promise<unknown> {
    return this.#parts.gossip.stored(this.#limits.copies, this.#limits.waitMs);
  }

  #isUnused(key: string, session: LiveSession): boolean {
    const now = this.#parts.clock.now();
    return now >= idleAt(session) && now >= this.#uses.idleAt(key, session);
  }

  /** The node that served it is lost, and may have been so before it told the last use (V89). */
  #mayHaveBeenUsed(key: string, session: LiveSession): boolean {
    const { clock, life, lifeEndedAt } = this.#parts;
    if (session.owner === life || session.owner === '' || lifeEndedAt(session.owner) === undefined) return false;
    return clock.now() < Math.min(session.endsAt, this.#uses.idleAt(key, session) + graceMs(session));
  }

  #linkEnd(session: LiveSession): number {
    if (session.releasedAt > 0) return Math.min(session.releasedAt, idleAt(session));
    return Math.min(idleAt(session), this.#parts.lifeEndedAt(session.owner) ?? Number.POSITIVE_INFINITY);
  }

  #requireRoom(): void {
    if (this.#live >= this.#limits.sessions)
      throw new SsoError('ERR_LIMIT_REACHED', `the limit of ${this.#limits.sessions} sessions is reached`);
  }

  #makeRoom(signOn: SsoId | undefined): void {
    this.#requireRoom();
    if (signOn === undefined) return;
    const keys = this.#links.of(signOn);
    if (keys.length >= this.#limits.sessionsPerSignOn) this.end(keys[0]!, 'left');
  }

  #changed({ key, before, after, own }: Change<SessionRecord>): void {
    const { hybrid, signOns, copies } = this.#parts;
    this.#live += Number(after.state === 'live') - Number(before?.state === 'live');
    if (after.state === 'changed') return;
    if (after.state === 'live') {
      if (!own) hybrid.hear(Math.max(after.version, after.ownerStamp, after.data.latest));
      if (after.data.form === 'open') this.#uses.packLater(key);
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
    this.#live--;
    this.#letGo(key);
    if (session.signOn !== undefined) {
      this.#links.remove(session.signOn, key);
      this.#parts.signOns.lived(session.signOn, this.#linkEnd(session));
    }
    this.#ended(key, session, 'timeout', idleAt(session));
  }
}

const unknown: SessionLook = { state: 'unknown' };

/** A session that moves takes its data along with all that was seen: under the new key this life is another writer (data/context.ts). */
const writerOf = (life: string, key: string): string => `${life}/${key.slice(0, 4)}`;
