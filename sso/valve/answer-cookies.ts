/**
 * The cookies of the sign-on in one answer. What is decided during the request is kept here and written
 * once, just before the headers: the last decision counts (V65), and a sign-on that was closed meanwhile
 * leaves no cookie (V67). An answer for which nothing was decided is not touched.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { appendCookie, beforeHeaders, vary } from '../http/answer.ts';
import { connectionOf } from '../http/connection.ts';
import type { SsoCookie } from '../http/cookie.ts';
import type { SsoId, SsoToken } from '../token.ts';
import type { VisitorCookie } from './csrf.ts';

export interface AnswerCookieParts {
  readonly cookie: SsoCookie;
  readonly visitor: VisitorCookie;
  readonly registry: { isOpen(id: SsoId): boolean };
}

type Change =
  | { readonly kind: 'none' }
  /** `alone`: every other place where it may lie is emptied. `keepMs`: how long the browser keeps it, where it is to outlive it. */
  | {
      readonly kind: 'set';
      readonly id: SsoId;
      readonly token: SsoToken;
      readonly alone: boolean;
      readonly keepMs: number | undefined;
    }
  | { readonly kind: 'delete' };

export class AnswerCookies {
  readonly #parts: AnswerCookieParts;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  #change: Change = none;
  #visitor: string | undefined;
  #hooked = false;

  constructor(parts: AnswerCookieParts, req: IncomingMessage, res: ServerResponse) {
    this.#parts = parts;
    this.#req = req;
    this.#res = res;
  }

  set(id: SsoId, token: SsoToken, alone: boolean, keepMs: number | undefined): void {
    this.#decide({ kind: 'set', id, token, alone, keepMs });
  }

  delete(): void {
    this.#decide({ kind: 'delete' });
  }

  /** The visitor's value that this browser has, or will have by this answer. */
  get visitor(): string | undefined {
    return this.#visitor ?? this.#parts.visitor.read(this.#req.headers.cookie);
  }

  setVisitor(value: string): void {
    this.#visitor = value;
    this.#decide(this.#change);
  }

  #decide(change: Change): void {
    this.#change = change;
    if (this.#hooked) return;
    this.#hooked = true;
    beforeHeaders(this.#res, () => this.#write());
  }

  #write(): void {
    const lines = [...this.#signOnLines(), ...this.#visitorLines()];
    if (lines.length === 0) return;
    for (const line of lines) appendCookie(this.#res, line);
    this.#res.setHeader('Cache-Control', 'no-store'); // check 13: whatever the application chose
    vary(this.#res, 'Cookie');
  }

  #signOnLines(): readonly string[] {
    const { cookie, registry } = this.#parts;
    const change = this.#change;
    if (change.kind === 'none') return [];
    if (change.kind === 'delete') return cookie.deletions;
    if (!registry.isOpen(change.id)) return [];
    const line = cookie.issue(change.token, change.keepMs);
    return change.alone ? [...cookie.otherDeletions, line] : [line];
  }

  /** A visitor who signs on is none any more: what was bound to the cookie is worth nothing now (T2, check 17). */
  #visitorLines(): readonly string[] {
    const { visitor } = this.#parts;
    if (this.#change.kind === 'set') return visitor.isPresent(this.#req.headers.cookie) ? [visitor.deletion] : [];
    const reaches = !visitor.secure || connectionOf(this.#req).secure; // check 12
    return this.#visitor === undefined || !reaches ? [] : [visitor.issue(this.#visitor)];
  }
}

const none: Change = { kind: 'none' };
