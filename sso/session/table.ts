/**
 * The sessions of all applications, as this node knows them: what is live, who lives off which
 * sign-on, and the only way to write. A session is judged by its entry at every use, link or no link:
 * an entry that is closed or over ends it. What has ended is never written again (V67), whoever
 * finishes late; and a node never calls a session over merely because it did not see it used (V89).
 */

import { hash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { SsoError } from '../errors.ts';
import type { Asked, Copies, Gossip } from '../gossip/copies.ts';
import type { Change } from '../gossip/lattice.ts';
import type { HybridClock } from '../hybrid-clock.ts';
import type { Log } from '../log.ts';
import type { EndedApp } from '../logout/finality.ts';
import type { Served } from '../logout/receipts.ts';
import type { LinkedEnd, Links, SessionView } from '../registry.ts';
import type { SsoId } from '../token.ts';
import { EndedApps, type EndHandler, EndHandlers } from './end-handlers.ts';
import { LinkIndex } from './links.ts';
import {
  anonymousLifeMs,
  endSession,
  idleAt,
  type LiveSession,
  maxDataLength,
  type SessionCause,
  type SessionRecord,
} from './record.ts';

export type SessionLook =
  | { readonly state: 'live'; readonly session: LiveSession }
  /** Unused for its idle limit as far as this node saw: another one may know better. */
  | { readonly state: 'doubtful'; readonly session: LiveSession }
  | { readonly state: 'ended'; readonly cause: SessionCause }
  | { readonly state: 'unknown' }
  /** Unknown here, and not everybody could be asked. */
  | { readonly state: 'undecided' };

/** What the table asks about sign-ons; the registry answers. */
export interface SignOnState {
  /** `open`, or `over` if it is closed, expired or ended by its subject, or `unknown` here. */
  stateOf(id: SsoId): 'open' | 'over' | 'unknown';
  endsAt(id: SsoId): number | undefined;
  /** The entry's end, for sessions that end with it: the same instant on every node. */
  closedAt(id: SsoId): number | undefined;
  /** Asks the members for an entry that is unknown here. */
  fetch(id: SsoId): Promise<unknown>;
  /** A linked session ended at this instant: the entry was not empty until then. */
  lived(id: SsoId, until: number): void;
}

export interface SessionTableParts {
  readonly copies: Copies<SessionRecord>;
  readonly gossip: Pick<Gossip, 'stored'>;
  readonly signOns: SignOnState;
  readonly clock: Clock;
  readonly hybrid: HybridClock;
  /** This life of this node: `node:incarnation`. */
  readonly life: string;
  /** When a life ended, milliseconds; `undefined` while it goes on. */
  readonly lifeEndedAt: (life: string) => number | undefined;
  readonly limits?: Partial<SessionLimits>;
  readonly log?: Log;
}

/** What a request writes. */
export interface SessionWrite {
  readonly app: string;
  readonly signOn: SsoId | undefined;
  readonly idleMs: number;
  readonly data: string;
  /** Of a session that moves to a new id: when it was made. Two requests that move it at once agree by that (S7). Default now. */
  readonly createdAt?: number | undefined;
}

export interface SessionLimits {
  /** Sessions on all nodes; one more is refused with 503. Default 1,000,000. */
  readonly sessions: number;
  /** Sessions of one sign-on; one more ends the oldest. Default 256. */
  readonly sessionsPerSignOn: number;
  /** Members that hold a changed session before the answer's last byte, this one included. Default 2. */
  readonly copies: number;
  /** The longest that an answer waits for that, milliseconds. Default 250. */
  readonly waitMs: number;
}

export const sessionLimits: SessionLimits = { sessions: 1_000_000, sessionsPerSignOn: 256, copies: 2, waitMs: 250 };

/** Activity is told at most this many times within an idle limit. */
const coarseness = 20;
/** How often activity is told for a session that never times out, milliseconds. */
const idleFreeMs = 60_000;

export class SessionTable implements Links {
  readonly #parts: SessionTableParts;
  readonly #limits: SessionLimits;
  readonly #links = new LinkIndex();
  readonly #handlers: EndHandlers;
  /** While the sessions of a sign-on end: why it ended, and what ended of this life's. */
  #ending: { readonly end: LinkedEnd; readonly apps: EndedApps } | undefined;
  /** Live ones: records of ends are no sessions, and refuse nobody a new one. */
  #live = 0;

  constructor(parts: SessionTableParts) {
    this.#parts = parts;
    this.#limits = { ...sessionLimits, ...parts.limits };
    this.#handlers = new EndHandlers(parts.log);
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

  look(key: string): SessionLook {
    const session = this.#parts.copies.get(key);
    if (session === undefined) return unknown;
    if (session.state === 'ended') return { state: 'ended', cause: session.cause };
    if (session.signOn !== undefined) {
      const signOn = this.#parts.signOns.stateOf(session.signOn);
      if (signOn === 'over') return { state: 'ended', cause: 'sign-on' };
      if (signOn === 'unknown') return unknown;
    }
    return { state: this.#parts.clock.now() < idleAt(session) ? 'live' : 'doubtful', session };
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
    return asked.living ? { state: 'ended', cause: 'timeout' } : { state: 'live', session: look.session };
  }

  /**
   * Makes a session or writes it anew. `undefined`: it has ended, or its sign-on is not open: nothing was saved (V67).
   * @throws SsoError ERR_SESSION_INVALID the data is too large · ERR_LIMIT_REACHED too many sessions
   */
  write(key: string, what: SessionWrite): LiveSession | undefined {
    const { copies, clock, hybrid, signOns, life } = this.#parts;
    if (what.data.length > maxDataLength) {
      throw new SsoError(
        'ERR_SESSION_INVALID',
        `the session's data has ${what.data.length} characters; at most ${maxDataLength} can be kept`,
      );
    }
    if (what.signOn !== undefined && signOns.stateOf(what.signOn) !== 'open') return undefined;
    const known = copies.get(key);
    if (known?.state === 'ended' || (known !== undefined && known.signOn !== what.signOn)) return undefined;
    if (known === undefined) this.#makeRoom(what.signOn);
    const now = clock.now();
    const endsAt = what.signOn === undefined ? undefined : signOns.endsAt(what.signOn);
    const session: LiveSession = {
      state: 'live',
      app: what.app,
      signOn: what.signOn,
      createdAt: known?.createdAt ?? what.createdAt ?? now,
      endsAt: known?.endsAt ?? endsAt ?? now + anonymousLifeMs,
      version: hybrid.next(known?.version),
      owner: life,
      ownerStamp: known?.owner === life ? known.ownerStamp : hybrid.next(known?.ownerStamp),
      releasedAt: 0,
      idleMs: what.idleMs,
      data: what.data,
      lastAccessAt: now,
    };
    const written = copies.put(key, session);
    if (written === undefined && copies.refuses(key, session) === 'too-large') {
      throw new SsoError('ERR_SESSION_INVALID', "the session's data is too large to travel to the other nodes");
    }
    return written?.state === 'live' ? written : undefined;
  }

  /** A request used the session: says so coarsely, and links it to this node if the node that served it is gone (V86). */
  touch(key: string): void {
    const { copies, clock, hybrid, life, lifeEndedAt } = this.#parts;
    const session = copies.get(key);
    if (session?.state !== 'live') return;
    const now = clock.now();
    if (session.owner !== life && (session.owner === '' || lifeEndedAt(session.owner) !== undefined)) {
      copies.put(key, {
        ...session,
        lastAccessAt: now,
        owner: life,
        releasedAt: 0,
        ownerStamp: hybrid.next(session.ownerStamp),
      });
    } else if (now - session.lastAccessAt > (session.idleMs > 0 ? session.idleMs / coarseness : idleFreeMs)) {
      copies.put(key, { ...session, lastAccessAt: now });
    }
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

  /** Tells an application when a session of its ends that this node served: its sign-on ended, it timed out, it was destroyed. */
  onEnd(app: string, handler: EndHandler): void {
    this.#handlers.add(app, handler);
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
      if (session.state === 'live' && session.app === app && this.look(key).state === 'live') yield [key, session];
    }
  }

  /** The application stops on this node: its links go, the data stays for whoever serves it next (V44). */
  release(app: string): void {
    const { copies, clock, hybrid, life } = this.#parts;
    const now = clock.now();
    for (const [key, session] of [...copies.entries()]) {
      if (session.state === 'live' && session.app === app && session.owner === life) {
        copies.put(key, { ...session, owner: '', releasedAt: now, ownerStamp: hybrid.next(session.ownerStamp) });
      }
    }
  }

  /** Resolves once all that was written is on a second member, at the latest after `waitMs`. */
  stored(): Promise<unknown> {
    return this.#parts.gossip.stored(this.#limits.copies, this.#limits.waitMs);
  }

  #linkEnd(session: LiveSession): number {
    if (session.releasedAt > 0) return Math.min(session.releasedAt, idleAt(session));
    return Math.min(idleAt(session), this.#parts.lifeEndedAt(session.owner) ?? Number.POSITIVE_INFINITY);
  }

  #makeRoom(signOn: SsoId | undefined): void {
    if (this.#live >= this.#limits.sessions) {
      throw new SsoError('ERR_LIMIT_REACHED', `the limit of ${this.#limits.sessions} sessions is reached`);
    }
    if (signOn === undefined) return;
    const keys = this.#links.of(signOn);
    if (keys.length >= this.#limits.sessionsPerSignOn) this.end(keys[0]!, 'left');
  }

  #changed({ key, before, after, own }: Change<SessionRecord>): void {
    const { hybrid, signOns, copies } = this.#parts;
    this.#live += Number(after.state === 'live') - Number(before?.state === 'live');
    if (after.state === 'live') {
      if (!own) hybrid.hear(Math.max(after.version, after.ownerStamp));
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
      this.#ended(key, before, after.cause, after.endedAt);
    }
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
    if (session.signOn !== undefined) {
      this.#links.remove(session.signOn, key);
      this.#parts.signOns.lived(session.signOn, this.#linkEnd(session));
    }
    this.#ended(key, session, 'timeout', idleAt(session));
  }
}

const unknown: SessionLook = { state: 'unknown' };
