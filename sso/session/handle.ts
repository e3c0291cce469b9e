/**
 * How the valve and an application's sessions meet in one request, without knowing each other: the
 * sessions put their handle on the request, the valve finds it there; the valve hands the sessions a
 * `SignOnView` when they are made. So imports go one way: the valve knows this file, sessions know no valve.
 */

import type { IncomingMessage } from 'node:http';
import type { Cause } from '../entry.ts';
import { RequestNotes } from '../http/request-notes.ts';
import { requestAsTable } from '../http/request-shape.ts';
import type { SsoId } from '../token.ts';

/** The application's session of this request, as the valve needs it. */
export interface SessionHandle {
  readonly app: string;
  /**
   * After a sign-on: the session's data moves to a new id, linked to this entry, and the old id ends (V61). Data that was
   * ever linked to another entry is dropped. Makes a session if there is none.
   */
  link(signOn: SsoId): void;
  /** A protected resource is being answered: makes and links a session even if the application never touches it. */
  ensure(): void;
  /** Ends this application's session alone (`req.sso.leave()`): the cookie goes, the sign-on stays. */
  leave(): Promise<void>;
  /** The sign-on ended in this request: what is left saves nothing, and the session's cookie is deleted (V66, V67). */
  drop(): void;
}

/** For a request that comes by no valve. */
const handleKey = Symbol('latchkey.session');

export function setSessionHandle(req: IncomingMessage, handle: SessionHandle): void {
  if (RequestNotes.noteSession(req, handle)) return;
  requestAsTable(req);
  (req as { [handleKey]?: SessionHandle })[handleKey] = handle;
}

export function sessionHandle(req: IncomingMessage): SessionHandle | undefined {
  return (
    (RequestNotes.sessionOf(req) as SessionHandle | undefined) ?? (req as { [handleKey]?: SessionHandle })[handleKey]
  );
}

/** What sessions need to know of sign-ons; the valve gives it. */
export interface SignOnView {
  /** The open entry of this request, if it is signed in. */
  of(req: IncomingMessage): SsoId | undefined;
  /**
   * Whether this request may be signed on, and nobody can say so now, since this node has no leases: its session is neither handed
   * out nor replaced by another.
   */
  isWithheld(req: IncomingMessage): boolean;
  /** Ends the whole sign-on because an application destroyed its session (V40, V49, V53). Resolves when the cluster has been told. */
  end(signOn: SsoId, cause: Cause, req: IncomingMessage | undefined): Promise<unknown>;
  /** Whether this entry is open and not over, as far as this node knows. */
  isOpen(signOn: SsoId): boolean;
  /** The entry's absolute end, milliseconds; `undefined` if it is not open. */
  endsAt(signOn: SsoId): number | undefined;
}
