/**
 * `req.sso`: the sign-on as one request sees it, and the only place that changes it. Signing on and off
 * are decided at once and written when the headers go out, so a request that does both leaves one
 * cookie behind (V65), and an answer whose entry was closed meanwhile leaves none (V67). Reading it marks
 * the answer as depending on the cookie; not reading it costs nothing.
 */

import type { Request, Response } from 'express';
import type { Audit } from '../audit/audit.ts';
import type { OpenEntry } from '../entry.ts';
import { SsoError } from '../errors.ts';
import { vary } from '../http/answer.ts';
import { connectionOf } from '../http/connection.ts';
import { isCrossSite } from '../http/cross-site.ts';
import { RequestNotes } from '../http/request-notes.ts';
import { areHeadersGone } from '../http/stand-in.ts';
import { stampMs } from '../hybrid-clock.ts';
import { isName, type Principal, requirePrincipal } from '../principal.ts';
import type { Receipt } from '../receipt.ts';
import { sessionHandle } from '../session/handle.ts';
import type { SsoId, SsoToken } from '../token.ts';
import { type AnswerCookieParts, AnswerCookies } from './answer-cookies.ts';
import type { Assertions } from './assertion.ts';
import { type CsrfBinding, isCsrfToken, mintCsrfToken } from './csrf.ts';
import { hookComeBack, hookSignOff, hookSignOn } from './hooks.ts';
import { leaseWaitMs } from './lease-wait.ts';
import { openWithin, requireOpenable, requirePlace } from './opening.ts';
import type { Recheck } from './recheck.ts';
import { type Mapped, type MapRoles, RoleMapping } from './role-mapping.ts';
import type { ValveParts } from './settings.ts';
import type { OpenOptions, Sso } from './sso.ts';

export type { Sso } from './sso.ts';

/** A node's parts, and what its valve shares among requests. */
export interface RequestParts extends ValveParts, Omit<AnswerCookieParts, 'registry'> {
  readonly assertions: Assertions;
  /** For requireReauthentication, if it is set. */
  readonly reauthentication: Recheck | undefined;
  readonly audit: Audit;
}

/** Why nobody can say whether a request is signed in: nodes are away (challenge), the application's check failed, or this node has no leases (503). */
export type Unsure = 'undecided' | 'failed' | 'cut-off';

const noRoles: readonly string[] = Object.freeze([]);

export class RequestSso extends RequestNotes implements Sso {
  readonly #parts: RequestParts;
  readonly #req: Request;
  readonly #res: Response;
  #mark: number;
  #id: SsoId | undefined;
  #entry: OpenEntry | undefined;
  #front: Principal | undefined;
  #mapping: RoleMapping | undefined;
  #unsure: Unsure | undefined;
  /** Looks open, while this node may not accept: nobody is let in by it, but it can be ended. */
  #withheld: SsoId | undefined;
  /** A sign-on of this request that is over: a second logout answers with its receipt (V69). */
  #over: SsoId | undefined;
  #answerCookies: AnswerCookies | undefined;
  #presented = 0;

  constructor(parts: RequestParts, req: Request, res: Response) {
    super(req.app); // the application that handles the request now is the host
    this.#parts = parts;
    this.#req = req;
    this.#res = res;
    this.#mark = parts.registry.mark();
  }

  get signedIn(): boolean {
    vary(this.#res, 'Cookie');
    return this.#entry !== undefined || this.#front !== undefined;
  }

  get unavailable(): boolean {
    vary(this.#res, 'Cookie');
    return this.#unsure === 'failed' || this.#unsure === 'cut-off';
  }

  get principal(): Principal | undefined {
    vary(this.#res, 'Cookie');
    const identity = this.inForce();
    return identity && (this.mapped(identity)?.principal ?? identity);
  }

  get roles(): readonly string[] {
    return this.principal?.roles ?? noRoles;
  }

  get how(): string | undefined {
    vary(this.#res, 'Cookie');
    return this.#front === undefined ? this.#entry?.how : 'front';
  }

  get authenticatedAt(): number | undefined {
    vary(this.#res, 'Cookie');
    return this.#entry?.authenticatedAt;
  }

  get openedAt(): number | undefined {
    vary(this.#res, 'Cookie');
    return this.#entry && stampMs(this.#entry.openedStamp);
  }

  get endsAt(): number | undefined {
    vary(this.#res, 'Cookie');
    return this.#entry?.endsAt;
  }

  get entryId(): SsoId | undefined {
    vary(this.#res, 'Cookie');
    return this.#id;
  }

  hasRole(role: string): boolean {
    return this.roles.includes(role);
  }

  begin(): void {
    this.#mark = this.#parts.registry.mark();
  }

  async open(principal: Principal, how = 'application', { remember = false }: OpenOptions = {}): Promise<Principal> {
    if (!this.#mayOpenNow()) await this.mayOpen(); // the registry says no, if it still may not
    if (!(await this.sign(principal, how, remember))) {
      throw new SsoError('ERR_NOT_SIGNED_IN', "the user's sign-ons were ended while the credentials were checked");
    }
    return this.principal!;
  }

  async logout(): Promise<Receipt> {
    vary(this.#res, 'Cookie');
    const { registry } = this.#parts;
    const current = this.endable;
    const id = current ?? this.#over;
    if (id === undefined) throw this.#nobody('to end');
    if (current !== undefined) this.ended();
    return registry.close(id, 'logout');
  }

  async leave(): Promise<void> {
    if (!this.signedIn) throw this.#nobody('to leave');
    const session = sessionHandle(this.#req);
    if (session === undefined)
      throw new SsoError('ERR_CONFIG_INVALID', 'leave() ends a session of sso.sessions(), and none is mounted here');
    await session.leave();
  }

  csrfToken(): string {
    vary(this.#res, 'Cookie');
    const { random, keys, visitor } = this.#parts;
    let binding = this.#binding();
    if (binding === undefined) {
      if (areHeadersGone(this.#res))
        throw new SsoError('ERR_ANSWER_STARTED', 'the headers are sent: ask for the token before');
      const value = visitor.mint(random);
      this.#cookies.setVisitor(value);
      binding = `visitor:${value}`;
    }
    return mintCsrfToken(random, keys.csrf, binding);
  }

  isCsrfToken(token: unknown): boolean {
    vary(this.#res, 'Cookie');
    return isCsrfToken(this.#parts.keys.csrf, this.#binding(), token);
  }

  isCrossSite(): boolean {
    return isCrossSite(this.#req, this.#parts.settings.origins);
  }

  async assertion({ audience }: { readonly audience: string }): Promise<string> {
    vary(this.#res, 'Cookie');
    const principal = this.inForce(); // who verifies it knows nothing of this application's mapping
    if (principal === undefined) throw this.#nobody('to speak of');
    const entry = this.#entry;
    return this.#parts.assertions.make(
      { principal, signOn: entry && { id: this.#id!, authenticatedAt: entry.authenticatedAt, endsAt: entry.endsAt } },
      audience,
    );
  }

  /** What a page may show of it. Everything else is private: an application may print or serialize `req.sso`. */
  toJSON(): object {
    const { signedIn, unavailable, principal, how, authenticatedAt, openedAt, endsAt } = this;
    return { signedIn, unavailable, principal, how, authenticatedAt, openedAt, endsAt };
  }

  // What follows is for the valve and its handlers.

  get parts(): RequestParts {
    return this.#parts;
  }

  /** The address that the request came from, by the host's trust proxy setting. */
  get source(): string | undefined {
    return connectionOf(this.#req).ip;
  }

  /** How many different SSO cookies came with the request. */
  get presented(): number {
    return this.#presented;
  }

  present(values: number): void {
    this.#presented = values;
  }

  /** The entry that this request is signed in by. */
  get id(): SsoId | undefined {
    return this.#id;
  }

  get entry(): OpenEntry | undefined {
    return this.#entry;
  }

  /** The sign-on that `logout` would end: that of the request, also while this node may let nobody in by it. */
  get endable(): SsoId | undefined {
    return this.#id ?? this.#withheld;
  }

  get unsure(): Unsure | undefined {
    return this.#unsure;
  }

  async mayOpen(): Promise<boolean> {
    if (this.#mayOpenNow()) return true;
    if (this.#unsure === 'cut-off') return false;
    await this.#parts.finality.waitToAccept(leaseWaitMs);
    return this.#mayOpenNow();
  }

  /** The request is one of a sign-on that was there before: hooks may give the browser again what it has no more. */
  comeBack(): void {
    hookComeBack(this.#parts, this.#req, this.#res);
  }

  /** From here on this application derives its roles itself. */
  mapRoles(map: MapRoles): void {
    this.#mapping = new RoleMapping(map, this.#req, this.#parts.log, this.#mapping);
  }

  /** What the application at hand makes of this identity; `undefined`: it takes the roles as they are. */
  mapped(identity: Principal): Mapped | undefined {
    return this.#mapping?.of(identity);
  }

  /** The principal with the roles in force in all applications, without marking the answer. */
  inForce(): Principal | undefined {
    if (this.#entry === undefined) return this.#front;
    const { principal } = this.#entry;
    const roles = this.#parts.registry.rolesOf(this.#entry);
    return roles === principal.roles ? principal : Object.freeze({ ...principal, roles });
  }

  recognise(id: SsoId, entry: OpenEntry): void {
    this.#id = id;
    this.#entry = entry;
  }

  recogniseFront(principal: Principal): void {
    this.#front = principal;
  }

  doubt(why: 'undecided' | 'failed'): void {
    this.#id = this.#entry = undefined;
    this.#unsure = why;
  }

  /** This node may not accept now. `open`: the sign-on that would count. */
  withhold(open: SsoId | undefined): void {
    this.#id = this.#entry = undefined;
    this.#unsure = 'cut-off';
    this.#withheld = open;
  }

  /** The request's cookie names a sign-on that is over. */
  recogniseOver(id: SsoId): void {
    this.#over = id;
  }

  /** The answer sets today's cookie again and deletes all others we could have set. */
  renewCookie(id: SsoId, token: SsoToken): void {
    this.#cookies.set(id, token, true, this.#keepMs());
  }

  deleteCookie(): void {
    this.#cookies.delete();
  }

  /** `false`: the subject's sign-ons were ended since `begin`. Throws as `open` does. */
  async sign(given: Principal, how: string, remember = false): Promise<boolean> {
    const { registry, audit } = this.#parts;
    const principal = requirePrincipal(given);
    if (!isName(how)) throw new SsoError('ERR_PRINCIPAL_INVALID', 'how must name the way of authentication');
    const { name: user } = principal;
    const replaces = this.endable;
    const opened = openWithin(this.#parts, this.#req, this.#res, {
      ...{ principal, how, mark: this.#mark, remember },
      ...(replaces && { replaces }),
    });
    if (opened === undefined) {
      audit.refused({ reason: 'subject-ended', user, how, source: this.source });
      return false;
    }
    audit.signedOn({ user, how, signOn: opened.id, source: this.source });
    // Before any wait: a second sign-on in this request replaces this one, and leaves no orphan.
    this.#front = this.#unsure = this.#withheld = undefined;
    this.recognise(opened.id, opened.entry);
    this.#cookies.set(opened.id, opened.token, this.#presented > 1, this.#keepMs());
    sessionHandle(this.#req)?.link(opened.id);
    await registry.held();
    if (areHeadersGone(this.#res)) {
      await registry.close(opened.id, 'invalidated');
      requireOpenable(this.#parts, this.#req, this.#res);
    }
    if (!registry.isOpen(opened.id)) {
      if (this.#id === opened.id) requirePlace(this.#parts, opened.id);
      return false;
    }
    await hookSignOn(this.#parts, this.#req, this.#res, principal);
    return true;
  }

  /** After a wait: whether the sign-on of this request has not ended meanwhile. */
  isStillOpen(): boolean {
    return this.#id === undefined || this.#parts.registry.isOpen(this.#id);
  }

  /** The sign-on of this request was closed: from here on it is nobody's, and the answer takes its cookies away. */
  ended(): void {
    const { clearSiteData } = this.#parts.settings;
    this.#over = this.endable;
    this.#id = this.#entry = this.#unsure = this.#withheld = undefined;
    this.deleteCookie();
    sessionHandle(this.#req)?.drop();
    if (areHeadersGone(this.#res)) return;
    if (clearSiteData.length > 0)
      this.#res.setHeader('Clear-Site-Data', clearSiteData.map((kind) => `"${kind}"`).join(', '));
    hookSignOff(this.#parts, this.#req, this.#res);
  }

  #mayOpenNow(): boolean {
    const { accepting, finality } = this.#parts;
    return accepting() && finality.mayAccept();
  }

  /** How long the browser keeps the cookie: that of a sign-on that is not remembered ends with the browser. */
  #keepMs(): number | undefined {
    const entry = this.#entry;
    return entry?.remembered === true ? entry.endsAt - this.#parts.clock.now() : undefined;
  }

  /** Who has no sign-on hears so; who perhaps has one, which cannot be said now, is not told that there is none. */
  #nobody(purpose: string): SsoError {
    return this.#unsure === undefined
      ? new SsoError('ERR_NOT_SIGNED_IN', `there is no sign-on ${purpose}`)
      : new SsoError('ERR_UNAVAILABLE', `whether there is a sign-on ${purpose} cannot be said now`);
  }

  #binding(): CsrfBinding | undefined {
    const signOn = this.endable;
    if (signOn !== undefined) return `sign-on:${signOn}`;
    const value = this.#cookies.visitor;
    return value === undefined ? undefined : `visitor:${value}`;
  }

  /** Made when first needed: most requests decide nothing. */
  get #cookies(): AnswerCookies {
    return (this.#answerCookies ??= new AnswerCookies(this.#parts, this.#req, this.#res));
  }
}

/** The request's own, whoever's valve made it. @throws SsoError ERR_CONFIG_INVALID no valve stands before this handler */
export function ssoOf(req: Request): RequestSso {
  if (req.sso instanceof RequestSso) return req.sso;
  throw new SsoError('ERR_CONFIG_INVALID', 'valve() must be mounted before this handler');
}
