/**
 * Where the session of one request is kept, and how it is found by what the cookie says. A session is
 * handed out only to the sign-on that it belongs to (SECURITY.md, A linked session belongs to its
 * entry): with another one, or with none, the request has no session and gets a fresh one on demand. An
 * anonymous visitor's session that meets a sign-on moves to a new id.
 */

import type { IncomingMessage } from 'node:http';
import { SsoError } from '../errors.ts';
import type { SsoId } from '../token.ts';
import type { SessionData } from './data/session-data.ts';
import { isGenuine, newSessionId, renewedSessionId } from './id.ts';
import { Missing } from './missing.ts';
import type { SessionParts } from './parts.ts';
import type { LiveSession } from './record.ts';
import type { SessionSettings } from './settings.ts';
import type { SessionLook } from './table.ts';

/** The session of one request in the table, or its place there. */
export interface Seat {
  readonly id: string;
  readonly key: string;
  /** The sign-on it belongs to; an anonymous visitor's has none. */
  readonly signOn: SsoId | undefined;
  /** What is in it, as this request found it or has written it last; `undefined` for an empty session. */
  data: SessionData | undefined;
  readonly lastAccessAt: number;
  /** When the session was made, if it is not new; it stays the same when the session moves. */
  readonly createdAt: number | undefined;
  /** It is in the table. */
  stored: boolean;
  /** The key whose place this one takes: it ends as `renewed` once this one is written. */
  from: string | undefined;
  /** The key of one that has ended for this one, which begins empty: it takes no more room than that did. */
  replaces: string | undefined;
  /** To be written even if nothing was put into it. */
  required: boolean;
}

export class SeatFinder {
  readonly #parts: SessionParts;
  readonly #settings: SessionSettings;
  readonly #missing: Missing;

  constructor(parts: SessionParts, settings: SessionSettings) {
    this.#parts = parts;
    this.#settings = settings;
    this.#missing = new Missing(parts.clock);
  }

  /** A place for a new session of this request. */
  fresh(req: IncomingMessage, signOn: SsoId | undefined): Seat {
    return this.#empty(this.#newId(req), signOn);
  }

  /** The new place of an anonymous session that is linked to `signOn` now: what is in it goes along. */
  renewed(req: IncomingMessage, seat: Seat, signOn: SsoId): Seat {
    const { keys } = this.#parts;
    const { app, genid } = this.#settings;
    const { data, lastAccessAt, createdAt } = seat;
    if (!seat.stored) {
      const { from, replaces } = seat;
      return { ...this.fresh(req, signOn), data, from, replaces, required: true };
    }
    // An id that follows from the old one, so that parallel requests with the old cookie arrive at the same session; genid's cannot.
    const id = genid === undefined ? renewedSessionId(keys.sessionId[0]!, app, seat.id, signOn) : genid(req);
    return { ...this.#empty(id, signOn), data, lastAccessAt, createdAt, from: seat.key, required: true };
  }

  /** The place of a session as the table has it. */
  taken(id: string, key: string, { signOn, data, lastAccessAt, createdAt }: LiveSession): Seat {
    return {
      id,
      key,
      signOn,
      data,
      lastAccessAt,
      createdAt,
      stored: true,
      from: undefined,
      replaces: undefined,
      required: false,
    };
  }

  /**
   * The session that `id` names, for a request with this sign-on. A promise only where the members have to be asked.
   * @throws SsoError ERR_UNAVAILABLE there is such a session, and those who have its data cannot be asked now
   */
  find(req: IncomingMessage, id: string, signOn: SsoId | undefined): Seat | undefined | Promise<Seat | undefined> {
    const { table } = this.#parts;
    const key = table.key(this.#settings.app, id);
    const look = table.look(key);
    if (look.state === 'live') return this.#take(req, id, key, look.session, signOn);
    if (look.state === 'ended') return this.#successor(req, id, look, signOn);
    // Nothing is moved here for somebody who is not given it.
    if (look.state === 'away' && !isFor(look.session, signOn)) return undefined;
    if (look.state === 'elsewhere' || (look.state === 'unknown' && !this.#mayAsk(id, key, signOn))) return undefined;
    return this.#inquire(req, id, key, signOn);
  }

  /**
   * The first of several whose session a request with this sign-on would be given, as far as can be said without asking anybody;
   * else the first of which the members may say so.
   */
  likeliest<T extends { readonly id: string }>(several: readonly T[], signOn: SsoId | undefined): T | undefined {
    const { table } = this.#parts;
    let doubtful: T | undefined;
    for (const one of several) {
      const look = table.look(table.key(this.#settings.app, one.id));
      if ((look.state === 'live' || look.state === 'away') && isFor(look.session, signOn)) return one;
      if (look.state === 'doubtful' && isFor(look.session, signOn)) doubtful ??= one;
    }
    return doubtful;
  }

  async #inquire(req: IncomingMessage, id: string, key: string, signOn: SsoId | undefined): Promise<Seat | undefined> {
    const look = await this.#parts.table.inquire(key, this.#settings.telling.buddies);
    if (look.state === 'out of reach') throw outOfReach();
    if (look.state === 'live') return this.#take(req, id, key, look.session, signOn);
    if (look.state === 'ended') return this.#successor(req, id, look, signOn);
    this.#missing.note(key, look.state === 'unknown');
    return undefined;
  }

  #take(
    req: IncomingMessage,
    id: string,
    key: string,
    session: LiveSession,
    signOn: SsoId | undefined,
  ): Seat | undefined {
    const seat = this.taken(id, key, session);
    if (session.signOn === signOn) {
      const { unreplicatedMs, telling } = this.#settings;
      this.#parts.table.touch(key, { afterMs: unreplicatedMs, buddies: telling.buddies });
      return seat;
    }
    return session.signOn === undefined && signOn !== undefined ? this.renewed(req, seat, signOn) : undefined;
  }

  /** A request that was under way with the old id when the session moved to the new one. */
  #successor(
    req: IncomingMessage,
    id: string,
    look: SessionLook,
    signOn: SsoId | undefined,
  ): Seat | undefined | Promise<Seat | undefined> {
    const { app, genid } = this.#settings;
    if (look.state !== 'ended' || look.cause !== 'renewed' || signOn === undefined || genid !== undefined)
      return undefined;
    return this.find(req, renewedSessionId(this.#parts.keys.sessionId[0]!, app, id, signOn), signOn);
  }

  /** Peers are asked for ids that we made, and for an application's own only by who is signed on. */
  #mayAsk(id: string, key: string, signOn: SsoId | undefined): boolean {
    if (this.#missing.has(key)) return false;
    return (
      isGenuine(this.#parts.keys.sessionId, this.#settings.app, id) ||
      (this.#settings.genid !== undefined && signOn !== undefined)
    );
  }

  #empty(id: string, signOn: SsoId | undefined): Seat {
    const { table, clock } = this.#parts;
    const key = table.key(this.#settings.app, id);
    return {
      id,
      key,
      signOn,
      data: undefined,
      lastAccessAt: clock.now(),
      createdAt: undefined,
      stored: false,
      from: undefined,
      replaces: undefined,
      required: false,
    };
  }

  #newId(req: IncomingMessage): string {
    const { random, keys } = this.#parts;
    const { app, genid } = this.#settings;
    return genid === undefined ? newSessionId(random, keys.sessionId[0]!, app) : genid(req);
  }
}

/** Whether a request with this sign-on would be given the session, or what is in it. */
export function isFor(session: LiveSession, signOn: SsoId | undefined): boolean {
  return session.signOn === undefined || session.signOn === signOn;
}

/** Who has the data of the session cannot be asked now: a fresh one in its place would look as if all were lost. */
export const outOfReach = (): SsoError =>
  new SsoError('ERR_UNAVAILABLE', 'what is in this session is on nodes that cannot be reached now');

/** What is to be read again is over; worded as express-session has it. */
export const notLoaded = (): SsoError => new SsoError('ERR_SESSION_INVALID', 'failed to load session');
