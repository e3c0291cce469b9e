/**
 * The session of one request: what `req.session` is, and what becomes of it when the answer goes out.
 * It is read when the application first asks for it, and the response is hooked only once something may
 * have changed: one that was only looked at costs the answer nothing but `Vary`. Data is written before the
 * headers go, so that no cookie names what is not there, and once more at the end if it changed since.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { retryAfterSeconds, SsoError } from '../errors.ts';
import { answerInstead, beforeEnd, beforeHeaders, noStore, vary } from '../http/answer.ts';
import { refusalAnswer } from '../http/reply.ts';
import { areHeadersGone, isStandIn } from '../http/stand-in.ts';
import type { SsoId } from '../token.ts';
import type { SessionCookie } from './cookie.ts';
import { cookieField, cookieOfText, settingsPart } from './cookie-text.ts';
import type { SessionData } from './data/session-data.ts';
import { Draft } from './draft.ts';
import type { SessionHandle } from './handle.ts';
import type { ReplicationTrigger } from './options/replication.ts';
import { notLoaded, outOfReach, type Seat } from './seat.ts';
import { type Identity, Session, type SessionOwner } from './session.ts';
import { type Arrived, OpenSession, type SessionKit, SessionWriter } from './session-writer.ts';
import { sessionOf } from './table-parts.ts';
import { type Attributes, Watch, type Watcher } from './watch.ts';

type Next = (error?: unknown) => void;

export class RequestSession implements SessionHandle, SessionOwner, Watcher {
  readonly app: string;
  readonly trigger: ReplicationTrigger;
  readonly req: IncomingMessage;
  readonly #kit: SessionKit;
  readonly #res: ServerResponse;
  readonly #next: Next;
  readonly #arrived: Arrived | undefined;
  #madeWriter: SessionWriter | undefined;
  /** As it was when the request came: if it ends meanwhile, what is made now must not become an anonymous session (V67). */
  #signOn: SsoId | undefined;
  #seat: Seat | undefined;
  /** What the cookie named as it came, with the attributes that this was set with. */
  #found: SessionData | undefined;
  #open: OpenSession | undefined;
  /** Those that were open before it, of the same session. */
  #replaced: WeakMap<Session, OpenSession> | undefined;
  #identity: Identity = { id: '' };
  /** `unset`: the application put null in its place; `destroyed`: nothing is there any more. */
  #state: 'open' | 'unset' | 'destroyed' = 'open';
  /** The application gave `req.sessionID` a value of its own: nothing is written for that. */
  #muted = false;
  /**
   * The cookie names a session that this request is not given, and nobody can say now whether it is its own: what the application
   * has instead lasts for this request, and the cookie stays.
   */
  #withheld = false;
  /** The session that the cookie names is this request's no more: the cookie goes, unless another is set. */
  #forget = false;
  #hooked = false;
  #committed = false;
  #usedSaid = false;
  #failed = false;
  /** What `save` was refused with. */
  #refused: unknown;
  #ending: Promise<unknown> | undefined;

  constructor(
    kit: SessionKit,
    req: IncomingMessage,
    res: ServerResponse,
    next: Next,
    arrived: Arrived | undefined,
    signOn: SsoId | undefined,
  ) {
    this.app = kit.settings.app;
    this.trigger = kit.settings.trigger;
    this.req = req;
    this.#kit = kit;
    this.#res = res;
    this.#next = next;
    this.#arrived = arrived;
    this.#signOn = signOn;
  }

  /** Takes the session that was found, before the application sees the request. */
  begin(seat: Seat | undefined): void {
    this.#seat = seat;
    this.#found = seat?.data;
    if (seat === undefined) {
      this.#withheld = this.#arrived !== undefined && this.#kit.parts.signOns.isWithheld(this.req);
      if (this.#kit.settings.saveUninitialized) this.ensure();
    } else {
      const { rolling, unsetDestroys } = this.#kit.settings;
      // `delete req.session` is seen by nobody, and has to be found by the end: also by who never read it.
      if (rolling || unsetDestroys || seat.required || seat.id !== this.#arrived?.id || this.#arrived.rewrite)
        this.#hook();
    }
  }

  /** `req.session`. `null` once it was unset, `undefined` once it was destroyed. */
  get session(): Session | null | undefined {
    if (this.#state === 'open') return this.#opened().watch.handed;
    return this.#state === 'unset' ? null : undefined;
  }

  /** `null` and `undefined` unset it; the properties of an object take the place of the attributes. */
  set session(value: unknown) {
    if (value === null || value === undefined) {
      this.#hook();
      if (this.#state === 'open') this.#state = 'unset';
    } else if (value !== this.#open?.session && value !== this.#open?.watch.handed) {
      this.#hook();
      this.#state = 'open';
      const before = this.#opened();
      const session = new Session(this, this.#identity, before.session.cookie);
      const watch = new Watch(session, before.draft.tracker, this);
      watch.replace(value as Attributes, before.watch);
      this.#replace({ ...before, session, watch });
    }
  }

  /** `req.sessionID`. */
  get id(): string | undefined {
    return this.#state === 'open' ? this.#opened().session.id : this.#arrived?.id;
  }

  set id(value: unknown) {
    this.#muted = value !== this.id;
  }

  link(signOn: SsoId): void {
    const { finder } = this.#kit;
    const seat = this.#seat;
    this.#signOn = signOn;
    this.#withheld = false;
    this.#state = 'open';
    this.#writer.reset();
    if (seat !== undefined && seat.signOn === undefined) {
      this.#seat = finder.renewed(this.req, seat, signOn);
      this.#identity.id = this.#seat.id;
    } else if (seat?.signOn !== signOn) {
      this.#detach();
      this.#seat = finder.fresh(this.req, signOn);
    }
    this.#require();
  }

  ensure(): void {
    if (this.#state !== 'open') return;
    try {
      this.#admit();
    } catch (error) {
      this.#refuse();
      throw error;
    }
    this.#require();
  }

  async leave(): Promise<void> {
    const seat = this.#seat;
    this.#detach();
    this.#forget = true;
    this.#hook();
    if (seat !== undefined) this.#writer.end(seat, 'left');
    await this.#writer.stored();
  }

  drop(): void {
    this.#detach();
    this.#signOn = undefined;
    this.#withheld = false;
    this.#forget = true;
    this.#hook();
  }

  async save(session: Session): Promise<void> {
    const open = this.#openOf(session);
    if (open === undefined || this.#muted || this.#withheld) return;
    this.#hook();
    try {
      this.#writer.write(this.#seat!, open, true);
    } catch (error) {
      this.#refused = error;
      throw error;
    }
    await this.#writer.stored();
  }

  async reload(session: Session): Promise<void> {
    const { table } = this.#kit.parts;
    if (!this.#isOwn(session)) throw notLoaded();
    const seat = this.#seat!;
    let look = table.look(seat.key);
    if (look.state === 'doubtful' || look.state === 'away')
      look = await table.inquire(seat.key, this.#kit.settings.telling.buddies);
    if (look.state === 'out of reach') throw outOfReach();
    // It may have left this request while others were asked, or have moved to a sign-on.
    if (look.state !== 'live' || this.#seat?.key !== seat.key) throw notLoaded();
    const { data, lastAccessAt } = look.session;
    this.#seat = { ...this.#seat, data, stored: true, lastAccessAt };
    this.#replace(this.#begun());
  }

  async regenerate(session: Session): Promise<void> {
    if (!this.#isOwn(session)) return;
    const seat = this.#seat!;
    const replaces = this.#placeOf(seat);
    if (replaces === undefined && !this.#withheld && !this.#muted) this.#kit.parts.table.admit(this.app);
    this.#hook();
    const fresh = this.#fresh();
    const identity = { id: fresh.id };
    const empty = this.#empty(identity, this.#kit.settings.cookies.anew(this.req));
    this.#writer.reset();
    fresh.replaces = replaces;
    // Written at once if it is linked; without a sign-on with the answer, so that the browser gets the new id in any case.
    if (fresh.signOn !== undefined) this.#writer.put(fresh, empty);
    fresh.required = true;
    this.#writer.end(seat, 'renewed');
    this.#seat = fresh;
    this.#identity = identity;
    this.#open = empty;
    await this.#writer.stored();
  }

  async destroy(session: Session): Promise<void> {
    if (!this.#isOwn(session)) return;
    await (this.#withheld ? this.#destroyWithheld() : this.#invalidate());
  }

  /** Ends the whole sign-on if there is one, whether or not its session was saved yet (V40); else the session alone. */
  #invalidate(): Promise<unknown> {
    const seat = this.#seat ?? this.#fresh();
    if (this.#withheld) this.#detach();
    else this.drop();
    this.#state = 'destroyed';
    // What is linked ends with the sign-on, and is counted there.
    if (seat.signOn === undefined || !seat.stored) this.#writer.end(seat, 'destroyed');
    const ended =
      seat.signOn === undefined
        ? this.#writer.stored()
        : this.#kit.parts.signOns.end(seat.signOn, 'invalidated', this.req);
    const work = Promise.resolve(ended);
    // The answer waits for it, whether or not the application does.
    this.#ending = work.catch((error) => this.#log(error));
    return work;
  }

  /**
   * What the application has is not the session that it takes it for: perhaps it destroys it because it found it empty, so the
   * sign-on stays. But nobody must be told that it has ended: `req.sso.logout()` ends it, here as well.
   */
  #destroyWithheld(): Promise<never> {
    this.#detach();
    this.#state = 'destroyed';
    const error = new SsoError('ERR_UNAVAILABLE', 'this node is cut off: only req.sso.logout() ends a sign-on now');
    return Promise.reject(error);
  }

  /** Whether it is of the session that is open, though another object may be in its place by now. */
  #isOwn(session: Session): boolean {
    return Session.isOf(session, this.#identity) && this.#state === 'open' && this.#seat !== undefined;
  }

  /** As which an object of the session that is open was opened. */
  #openOf(session: Session): OpenSession | undefined {
    if (!this.#isOwn(session)) return undefined;
    return session === this.#open?.session ? this.#open : this.#replaced?.get(session);
  }

  /** Another object takes the place of the one that was handed out, of the same session: who still has that can save what it changes there. */
  #replace(next: OpenSession): void {
    const before = this.#open;
    if (before !== undefined) (this.#replaced ??= new WeakMap()).set(before.session, before);
    this.#open = next;
  }

  /** What was handed out until now is nobody's any more: it saves nothing. */
  #detach(): void {
    this.#seat = undefined;
    this.#open = undefined;
    this.#identity = { id: '' };
    this.#madeWriter?.reset();
  }

  #fresh(): Seat {
    this.#signOn ??= this.#kit.parts.signOns.of(this.req);
    return this.#kit.finder.fresh(this.req, this.#signOn);
  }

  /** To be written even if the application never touches it. */
  #require(): void {
    if (this.#state !== 'open') return;
    this.#seat ??= this.#fresh();
    if (this.#seat.stored) return;
    this.#seat.required = true;
    this.#hook();
  }

  /** Something may change from now on (Watcher). */
  changing(): void {
    if (this.#hooked) return;
    this.#hook();
    // Who wraps `end` and changes the session in there goes on with an `end` from before our hooks: saved all the same, only later.
    // A stand-in may have no events.
    this.#res.once?.('finish', () => {
      if (!this.#committed) this.#beforeEnd()?.catch((error) => this.#log(error));
    });
  }

  /** One more session, if this is to be one. @throws SsoError ERR_LIMIT_REACHED */
  #admit(): void {
    const seat = this.#seat;
    if (this.#withheld || this.#muted || seat?.stored === true) return;
    if (seat?.from !== undefined || seat?.replaces !== undefined) return;
    this.#kit.parts.table.admit(this.app);
  }

  /** The key of what ends for a session that begins anew, or has ended for this one: of parallel requests only one has its place. */
  #placeOf({ stored, key, from, replaces }: Seat): string | undefined {
    const leaving = stored ? key : from;
    if (leaving === undefined) return replaces;
    const look = this.#kit.parts.table.look(leaving);
    return look.state === 'away' || sessionOf(look) !== undefined ? leaving : undefined;
  }

  /** There are too many sessions for one more (V101): for whoever answers the error. */
  #refuse(): void {
    if (areHeadersGone(this.#res)) return;
    this.#res.statusCode = 503;
    this.#res.setHeader('Retry-After', String(retryAfterSeconds));
  }

  /** The same where the application has answered already. What it says, a success most often, is not so; its own 503 stays. */
  #answerFull(): void {
    if (this.#res.statusCode !== 503) {
      answerInstead(this.#res, refusalAnswer(this.req, 'unavailable', retryAfterSeconds));
      return;
    }
    this.#refuse();
    noStore(this.#res);
  }

  /** `SET_AND_GET`: that a session is in use is told at once (Watcher). */
  reading(): void {
    if (this.#usedSaid || this.#seat?.stored !== true) return;
    this.#usedSaid = true;
    this.#kit.parts.table.touch(this.#seat.key, { afterMs: 0, buddies: this.#kit.settings.telling.buddies });
  }

  #opened(): OpenSession {
    return (this.#open ??= this.#begun());
  }

  #begun(): OpenSession {
    const { settings, parts } = this.#kit;
    vary(this.#res, 'Cookie');
    // As in `begin`, of a session that this request begins.
    if (settings.unsetDestroys) this.#hook();
    const seat = (this.#seat ??= this.#fresh());
    this.#identity.id = seat.id;
    const { data } = seat;
    if (data === undefined) return this.#empty(this.#identity, settings.cookies.of(this.req));
    const text = data.get(settingsPart, cookieField);
    const cookie = cookieOfText(text, () => settings.cookies.of(this.req), parts.clock);
    if (cookie.originalMaxAge !== null) cookie.endAt(seat.lastAccessAt + cookie.originalMaxAge);
    return this.#on(new Session(this, this.#identity, cookie), data, text);
  }

  #empty(identity: Identity, cookie: SessionCookie): OpenSession {
    return this.#on(new Session(this, identity, cookie), undefined, undefined);
  }

  #on(session: Session, data: Seat['data'], foundCookie: string | undefined): OpenSession {
    const draft = new Draft(data, this.#kit.tracking);
    const watch = new Watch(session, draft.tracker, this);
    return new OpenSession(session, watch, draft, data, foundCookie);
  }

  /** Made when first needed: most requests write nothing. */
  get #writer(): SessionWriter {
    return (this.#madeWriter ??= new SessionWriter(this.#kit, this.req, this.#res, this.#arrived));
  }

  #hook(): void {
    if (this.#hooked) return;
    this.#hooked = true;
    const failed = (error: unknown) => this.#fail(error);
    beforeHeaders(this.#res, () => this.#beforeHeaders(), failed);
    beforeEnd(this.#res, () => this.#beforeEnd(), failed);
  }

  #beforeHeaders(): void {
    vary(this.#res, 'Cookie');
    if (!this.#committed) this.#commitInTime();
    if (this.#withheld) return;
    if (this.#seat?.stored === true && !this.#muted) this.#writer.sendCookie(this.#seat, () => this.#opened());
    else if (this.#forget) this.#writer.deleteCookie(this.#found);
  }

  /**
   * What cannot be kept hinders nothing else: the rest is written, its cookie set. An answer whose headers are not sent can still
   * say that there was no room. Nothing is thrown where the application assigns: that may be in a callback, and end the process.
   */
  #commitInTime(): void {
    try {
      this.#commit();
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ERR_LIMIT_REACHED') this.#answerFull();
      this.#fail(error);
    }
  }

  #beforeEnd(): Promise<unknown> | undefined {
    this.#committed = true;
    this.#commitInTime();
    const stored = this.#writer.stored();
    return this.#ending === undefined ? stored : Promise.all([this.#ending, stored]);
  }

  #commit(): void {
    // `delete req.session` is another way to unset it.
    if (this.#state === 'open' && !('session' in this.req)) this.#state = 'unset';
    if (this.#state === 'unset' && this.#kit.settings.unsetDestroys)
      this.#invalidate().catch((error) => this.#fail(error));
    const seat = this.#seat;
    if (this.#withheld && this.#open?.watch.holdsNew) this.#kit.warnWithheld();
    if (this.#state !== 'open' || seat === undefined || this.#muted || this.#withheld) return;
    if (this.#open !== undefined || (seat.required && !seat.stored)) this.#writer.write(seat, this.#opened(), false);
  }

  /**
   * As express-session does: the answer goes out as it is, and the error goes to the application's error handlers. Not before all of
   * the answer has left: of one whose headers are sent Express's own handler closes the connection. Where they are not yet, they say
   * so, or the next request on that connection would be lost.
   */
  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#log(error);
    // The application has it from `save`, and nothing has changed since.
    if (error === this.#refused) return;
    if (isStandIn(this.#res)) return;
    if (!this.#res.headersSent && this.#res.req.httpVersionMajor < 2) this.#res.setHeader('Connection', 'close');
    const tell = () => this.#kit.parts.clock.soon(() => this.#next(error));
    if (this.#res.writableFinished || this.#res.destroyed) tell();
    else this.#res.once('close', tell);
  }

  #log(error: unknown): void {
    const code = (error as { code?: unknown } | undefined)?.code;
    const { log } = this.#kit.parts;
    const message = `session: ${error instanceof Error ? error.message : error}`;
    // No fault of anything here: it says so to the browser, and to whoever watches the log.
    if (code === 'ERR_LIMIT_REACHED') log.warn({ app: this.app, code }, message);
    else log.error({ app: this.app, code }, message);
  }
}
