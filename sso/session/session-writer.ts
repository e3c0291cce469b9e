/**
 * Writes the session of one request: into the table, and as a cookie into the answer. Only changes are
 * written; what has ended is not written again, and gets no cookie (V67). A new record is written before
 * the one whose place it takes ends, so a sign-on never looks empty in between (V52).
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { appendCookie } from '../http/answer.ts';
import { areHeadersGone, isStandIn } from '../http/stand-in.ts';
import { SessionCookie } from './cookie.ts';
import { cookieField, cookieOfText, cookieText, idleLimit, settingsPart } from './cookie-text.ts';
import type { Changes } from './data/changes.ts';
import type { SessionData } from './data/session-data.ts';
import type { Draft } from './draft.ts';
import type { Problem } from './graph/problem.ts';
import type { TrackerOptions } from './graph/tracker.ts';
import { cookieValue } from './id.ts';
import { type LeftOut, refusal } from './left-out.ts';
import { requireLine } from './options/cookie.ts';
import type { SessionParts } from './parts.ts';
import type { SessionCause } from './record.ts';
import type { Seat, SeatFinder } from './seat.ts';
import { Session } from './session.ts';
import type { SessionSettings } from './settings.ts';
import type { SessionStore } from './store.ts';
import { isThere, sessionOf } from './table-parts.ts';
import type { Watch } from './watch.ts';

/** What `sessions()` is made of, the same for all its requests. */
export interface SessionKit {
  readonly parts: SessionParts;
  readonly settings: SessionSettings;
  readonly finder: SeatFinder;
  /** `req.sessionStore`. */
  readonly store: SessionStore;
  /** Says in the log, once, that sessions are lost because their cookie is for secure connections and this is none. */
  readonly warnInsecure: () => void;
  /** Says in the log, once, that what is put into the session of a request is not saved, since nobody can say now whose it is. */
  readonly warnWithheld: () => void;
  /** How what changed is found. */
  readonly tracking: TrackerOptions;
  /** Says in the log what of sessions is not kept. */
  readonly leftOut: LeftOut;
}

/**
 * A session as one request has it open. A class, not a literal: of a literal the engine notes whether what it made is still
 * there at a collection, and if many requests were under way then it makes all to come in the old generation, where each
 * holds on to its whole request until that is collected.
 */
export class OpenSession {
  readonly session: Session;
  readonly watch: Watch;
  readonly draft: Draft;
  /** The settings of its cookie as the browser was given them, as text; `undefined`: the usual ones. */
  readonly foundCookie: string | undefined;
  readonly known: Known;

  constructor(
    session: Session,
    watch: Watch,
    draft: Draft,
    seen: SessionData | undefined,
    foundCookie: string | undefined,
  ) {
    this.session = session;
    this.watch = watch;
    this.draft = draft;
    this.foundCookie = foundCookie;
    this.known = new Known(seen, foundCookie);
  }
}

/** What is known of what is stored. It goes with the draft: objects that share that know what each of them has written. */
class Known {
  /** What the draft was compared with: what others have put in since is not taken away by it. */
  seen: SessionData | undefined;
  /** The settings of the cookie, as `foundCookie`. */
  cookie: string | undefined;

  constructor(seen: SessionData | undefined, cookie: string | undefined) {
    this.seen = seen;
    this.cookie = cookie;
  }
}

/** The cookie that came with the request. */
export interface Arrived {
  /** `undefined`: the cookie is none that we could have set. */
  readonly id: string | undefined;
  /** With another node's route, or a predecessor's quotes: to be set once more if the session exists (V111, V120). */
  readonly rewrite: boolean;
}

export class SessionWriter {
  readonly #kit: SessionKit;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #arrived: Arrived | undefined;
  /** The session, or its sign-on, has ended while the request was under way. */
  #over = false;
  /** What was written last and may be on no second member yet. */
  #written: string | undefined;
  /** The same of something that ended. */
  #ended = false;
  /** What somebody waits for already, or nobody: an application need not wait for what it saves, the answer does. */
  #storing: Promise<unknown> | undefined;
  /** What was not written last, and why. */
  #refused: { readonly what: string; readonly error: unknown } | undefined;
  /** The data changed in this request: a cookie that ends by itself gets more time. */
  #changed = false;

  constructor(kit: SessionKit, req: IncomingMessage, res: ServerResponse, arrived: Arrived | undefined) {
    this.#kit = kit;
    this.#req = req;
    this.#res = res;
    this.#arrived = arrived;
  }

  /** Another session takes the place of the one that was written until now. */
  reset(): void {
    this.#over = false;
    this.#refused = undefined;
    this.#changed = false;
  }

  /**
   * Writes what of the session differs from what is in the table; one that is not there yet if there is something in it.
   * What cannot be kept stays as it was stored, and the rest is written all the same. What was refused and has not changed since is
   * not tried again, unless forced: the same error says so.
   * @param force writes it in any case, unless it is new and the answer can set no cookie, and tells it at once
   * @throws SsoError ERR_SESSION_INVALID · ERR_LIMIT_REACHED · ERR_UNAVAILABLE the node has stopped
   */
  write(seat: Seat, open: OpenSession, force: boolean): void {
    const { parts, leftOut } = this.#kit;
    const { session, watch, draft } = open;
    if (this.#over) return;
    const wrong = this.#mendCookie(seat, open);
    const found = draft.compare(watch.touched());
    const changes = this.#withCookie(found.changes, open);
    const was = this.#refused;
    const cookie = cookieText(session.cookie, this.#kit.settings.cookies.usual);
    if (!force && was !== undefined && was.what === asText(changes, found.refused, cookie)) throw was.error;
    let rest = changes;
    try {
      const isMeant = force && (found.refused.length === 0 || !isNothing(found.changes));
      // That of a connection lives as long as this does, cookie or not.
      const isForced = isMeant && (seat.stored || isStandIn(this.#res) || this.#canReach(session));
      if (isForced || this.#isWorth(seat, open, changes)) {
        const isMoved = seat.from !== undefined && isNothing(changes) && isThere(parts.table.look(seat.key)) && !force;
        if (isMoved)
          seat.stored = true; // by a parallel request
        else this.#put(seat, open, changes, force);
        rest = nothing;
      }
      if (found.leftOut.length > 0) leftOut.warn(found.leftOut);
      if (wrong !== undefined) throw wrong;
      if (found.refused.length > 0) throw refusal(found.refused);
    } catch (error) {
      this.#refused = { what: asText(rest, found.refused, cookie), error };
      throw error;
    }
  }

  /** Writes it in any case. */
  put(seat: Seat, open: OpenSession): void {
    this.#put(seat, open, this.#withCookie(nothing, open), false);
  }

  #isWorth(seat: Seat, { session, watch }: OpenSession, changes: Changes): boolean {
    if (seat.stored) return !isNothing(changes);
    const isAsked = seat.required || this.#kit.settings.saveUninitialized;
    if (!isAsked && !(watch.holdsNew && changes.fields.some(({ part }) => part !== settingsPart))) return false;
    return this.#canReach(session);
  }

  /** What a session that moves takes along: also what others wrote to it since this request found it. */
  #brought({ from, data }: Seat): SessionData | undefined {
    const held = from === undefined ? undefined : sessionOf(this.#kit.parts.table.look(from));
    return held === undefined ? data : held.data;
  }

  #put(seat: Seat, open: OpenSession, changes: Changes, force: boolean): void {
    const { settings, parts } = this.#kit;
    const { signOn, createdAt } = seat;
    const initial = seat.stored ? undefined : this.#brought(seat);
    const held = seat.stored ? sessionOf(parts.table.look(seat.key))?.data : initial;
    const isOwn = changes.fields.some(({ part }) => part === settingsPart);
    const cookie = isOwn ? open.session.cookie : this.#cookieNow(open, held);
    const telling = force ? settings.tellingNow : settings.telling;
    const written = parts.table.write(seat.key, {
      app: settings.app,
      signOn,
      createdAt,
      idleMs: idleLimit(cookie, settings.idleMs),
      changes,
      seen: open.known.seen,
      initial,
      telling,
      unreplicatedMs: settings.unreplicatedMs,
      replaces: seat.replaces ?? seat.from,
    });
    if (written === undefined) {
      this.#over = true;
      return;
    }
    open.draft.wrote(changes);
    open.known.cookie = cookieText(open.session.cookie, settings.cookies.usual);
    seat.data = written.data;
    open.known.seen = written.data;
    seat.stored = true;
    // What is told later cannot be waited for.
    if (settings.waits && telling.afterMs === 0) {
      this.#written = seat.key;
      if (seat.from !== undefined) this.#ended = true;
    }
    this.#changed = true;
    if (seat.from !== undefined) parts.table.end(seat.from, 'renewed');
    seat.from = undefined;
    seat.replaces = undefined;
  }

  /** `changes` and what changed of the cookie's settings. */
  #withCookie(changes: Changes, { session, known }: OpenSession): Changes {
    const text = cookieText(session.cookie, this.#kit.settings.cookies.usual);
    if (text === known.cookie) return changes;
    return { ...changes, fields: [...changes.fields, { part: settingsPart, field: cookieField, text }] };
  }

  /**
   * An application may put anything in the cookie's place, or into it. Of what no cookie can be made nothing is kept: a session that
   * exists, or needs no cookie, goes on with the one it had.
   * @returns what is wrong with it
   * @throws TypeError the session is new, and what is in the cookie's place is none
   */
  #mendCookie({ stored }: Seat, { session, known }: OpenSession): unknown {
    const { settings, parts } = this.#kit;
    const hasOther = stored || isStandIn(this.#res);
    try {
      if (!(session.cookie instanceof SessionCookie)) session.cookie = new SessionCookie(session.cookie, parts.clock);
      const isSame = cookieText(session.cookie, settings.cookies.usual) === known.cookie;
      if (hasOther && !isSame) requireLine(session.cookie, settings.name);
      return undefined;
    } catch (error) {
      if (!hasOther) throw error;
      session.cookie = cookieOfText(known.cookie, () => settings.cookies.of(this.#req), parts.clock);
      return error;
    }
  }

  /** With the settings that another request has given it meanwhile, of which this one knows nothing. @param held what is stored now */
  #cookieNow({ session, known }: OpenSession, held: SessionData | undefined): SessionCookie {
    const text = held?.get(settingsPart, cookieField);
    if (held === undefined || text === known.cookie) return session.cookie;
    const { settings, parts } = this.#kit;
    return cookieOfText(text, () => settings.cookies.of(this.#req), parts.clock).copy();
  }

  /** Ends what is in the table of this seat, and what it would have taken the place of. */
  end(seat: Seat, cause: SessionCause): void {
    const { table } = this.#kit.parts;
    for (const key of [seat.stored ? seat.key : undefined, seat.from]) {
      if (key !== undefined && table.end(key, cause)) this.#ended = true;
    }
  }

  /** Sets the cookie, if the browser has not the right one: a new id or route, or time that begins anew. `open` gives the session. */
  sendCookie(seat: Seat, open: () => OpenSession): void {
    const { settings, parts } = this.#kit;
    if (this.#over || !seat.stored || !this.#isDue(seat, open)) return;
    const look = parts.table.look(seat.key);
    if (look.state === 'ended' || look.state === 'unknown') return;
    const opened = open();
    if (!this.#canReach(opened.session)) return;
    // An application may keep something under the name of the method, or have taken all methods away.
    Session.prototype.resetMaxAge.call(opened.session);
    const cookie = this.#cookieNow(opened, sessionOf(look)?.data);
    appendCookie(this.#res, cookie.line(settings.name, cookieValue(seat.id, settings.route)));
  }

  /** Takes the cookie away that came with the request, with the attributes it was set with (V66). @param found what it named */
  deleteCookie(found: SessionData | undefined): void {
    const { settings, parts } = this.#kit;
    if (this.#arrived === undefined) return;
    const text = found?.get(settingsPart, cookieField);
    const usual = () => settings.cookies.of(this.#req);
    const kept = cookieOfText(text, usual, parts.clock);
    // A store, or an earlier version, may have kept what no cookie can be made of.
    const cookie = this.#isPossible(kept) ? kept : usual();
    appendCookie(this.#res, cookie.deletion(settings.name));
  }

  /** Resolves once all that was written is on a second member; `undefined` if nothing was, or that is so. */
  stored(): Promise<unknown> | undefined {
    const written = this.#written;
    const ended = this.#ended;
    if (written === undefined && !ended) return this.#storing;
    this.#written = undefined;
    this.#ended = false;
    const stored = this.#kit.parts.table.stored(written, ended);
    const storing = this.#storing === undefined ? stored : Promise.all([this.#storing, stored]);
    this.#storing = storing;
    const done = () => {
      if (this.#storing === storing) this.#storing = undefined;
    };
    storing.then(done, done);
    return storing;
  }

  #isDue(seat: Seat, open: () => OpenSession): boolean {
    const { rolling, cookies } = this.#kit.settings;
    if (seat.id !== this.#arrived?.id || this.#arrived.rewrite || rolling) return true;
    if (!this.#changed) return false;
    const { session, foundCookie } = open();
    return session.cookie.expires !== null || cookieText(session.cookie, cookies.usual) !== foundCookie;
  }

  #isPossible(cookie: SessionCookie): boolean {
    try {
      requireLine(cookie, this.#kit.settings.name);
      return true;
    } catch {
      return false;
    }
  }

  /** A session that the browser never hears of would only lie about. @throws TypeError no cookie can be made of the attributes */
  #canReach({ cookie }: Session): boolean {
    const { settings } = this.#kit;
    if (areHeadersGone(this.#res)) return false;
    if (cookieText(cookie, settings.cookies.usual) !== undefined) requireLine(cookie, settings.name);
    if (!cookie.secure || settings.isSecure(this.#req)) return true;
    this.#kit.warnInsecure();
    return false;
  }
}

const nothing: Changes = { fields: [], gone: [] };

const asText = (changes: Changes, refused: readonly Problem[], cookie: string | undefined): string =>
  JSON.stringify([changes, refused, cookie]);

function isNothing({ fields, gone }: Changes): boolean {
  return fields.length === 0 && gone.length === 0;
}
