/**
 * Writes the session of one request: into the table, and as a cookie into the answer. Only changes are
 * written; what has ended is not written again, and gets no cookie (V67). A new record is written before
 * the one whose place it takes ends, so a sign-on never looks empty in between (V52).
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { appendCookie } from '../http/answer.ts';
import { SessionCookie } from './cookie.ts';
import { cookieValue } from './id.ts';
import type { SessionCause } from './record.ts';
import type { Seat, SeatFinder } from './seat.ts';
import type { Session } from './session.ts';
import { cookieText, hasAttributes, idleLimit, sessionText } from './session-data.ts';
import type { SessionParts, SessionSettings } from './settings.ts';
import type { SessionStore } from './store.ts';

/** What `sessions()` is made of, the same for all its requests. */
export interface SessionKit {
  readonly parts: SessionParts;
  readonly settings: SessionSettings;
  readonly finder: SeatFinder;
  /** `req.sessionStore`. */
  readonly store: SessionStore;
  /** Says in the log, once, that sessions are lost because their cookie is for secure connections and this is none. */
  readonly warnInsecure: () => void;
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
  /** Something was written or ended that may be on no second member yet. */
  #unsure = false;
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
    this.#changed = false;
  }

  /**
   * Writes the session if it differs from what is in the table; one that is not there yet if there is something in it.
   * @param force writes it in any case
   * @throws SsoError ERR_SESSION_INVALID · ERR_LIMIT_REACHED
   */
  write(seat: Seat, session: Session, force: boolean): void {
    const { settings, parts } = this.#kit;
    if (this.#over) return;
    if (!(session.cookie instanceof SessionCookie)) session.cookie = new SessionCookie(session.cookie, parts.clock);
    const text = sessionText(session, settings.usualCookie);
    if (text === seat.stored && !force) return;
    if (seat.stored === undefined && !force) {
      if (!seat.required && !settings.saveUninitialized && !hasAttributes(session)) return;
      if (!this.#canReach(session)) return;
    }
    if (seat.from !== undefined && text === seat.text && parts.table.look(seat.key).state === 'live')
      seat.stored = text; // moved by a parallel request
    else this.put(seat, session, text);
  }

  put(seat: Seat, session: Session, text = sessionText(session, this.#kit.settings.usualCookie)): void {
    const { settings, parts } = this.#kit;
    const { signOn, createdAt } = seat;
    const record = {
      app: settings.app,
      signOn,
      createdAt,
      idleMs: idleLimit(session.cookie, settings.idleMs),
      data: text,
    };
    if (parts.table.write(seat.key, record) === undefined) {
      this.#over = true;
      return;
    }
    seat.stored = text;
    this.#unsure = true;
    this.#changed = true;
    if (seat.from !== undefined) parts.table.end(seat.from, 'renewed');
    seat.from = undefined;
  }

  /** Ends what is in the table of this seat, and what it would have taken the place of. */
  end(seat: Seat, cause: SessionCause): void {
    const { table } = this.#kit.parts;
    for (const key of [seat.stored === undefined ? undefined : seat.key, seat.from]) {
      if (key !== undefined && table.end(key, cause)) this.#unsure = true;
    }
  }

  /** Sets the cookie, if the browser has not the right one: a new id or route, or time that begins anew. `open` gives the session. */
  sendCookie(seat: Seat, open: () => Session): void {
    const { settings, parts } = this.#kit;
    if (this.#over || seat.stored === undefined || !this.#isDue(seat, open)) return;
    const { state } = parts.table.look(seat.key);
    if (state === 'ended' || state === 'unknown') return;
    const session = open();
    if (!this.#canReach(session)) return;
    session.touch();
    appendCookie(this.#res, session.cookie.line(settings.name, cookieValue(seat.id, parts.route)));
  }

  /** Takes the cookie away that came with the request, with the attributes it was set with (V66). */
  deleteCookie(): void {
    const { settings } = this.#kit;
    if (this.#arrived === undefined) return;
    appendCookie(this.#res, settings.cookieFor(this.#req).deletion(settings.name));
  }

  /** Resolves once what was written is on a second member; `undefined` if nothing was. */
  stored(): Promise<unknown> | undefined {
    if (!this.#unsure) return undefined;
    this.#unsure = false;
    return this.#kit.parts.table.stored();
  }

  #isDue(seat: Seat, open: () => Session): boolean {
    const { rolling, usualCookie } = this.#kit.settings;
    if (seat.id !== this.#arrived?.id || this.#arrived.rewrite || rolling) return true;
    if (!this.#changed) return false;
    const { cookie } = open();
    return cookie.expires !== null || seat.text?.startsWith(`[${cookieText(cookie, usualCookie)},`) === false;
  }

  /** A session that the browser never hears of would only lie about. */
  #canReach({ cookie }: Session): boolean {
    if (this.#res.headersSent) return false;
    if (!cookie.secure || this.#kit.settings.isSecure(this.#req)) return true;
    this.#kit.warnInsecure();
    return false;
  }
}
