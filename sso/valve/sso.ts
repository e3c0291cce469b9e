/**
 * What an application sees of the sign-on: the type of `req.sso`. Only types, so that naming it loads
 * nothing; `request.ts` is the work behind it.
 */

import type { Principal } from '../principal.ts';
import type { Receipt } from '../receipt.ts';
import type { SsoId } from '../token.ts';

export interface OpenOptions {
  /** The user wishes to be remembered. Where the operator has not set `remember`, the sign-on is one like any other. Default false. */
  readonly remember?: boolean;
}

/** The sign-on of a request. Without one: not signed in, no roles, everything else `undefined`. */
export interface Sso {
  readonly signedIn: boolean;
  /**
   * Somebody may be signed on, but this node cannot say so now: it is cut off from the others, or a check of the application's
   * failed. Then nobody counts as signed in, the cookie stays as it is, and `protect()` answers 503. `logout` works all the same.
   */
  readonly unavailable: boolean;
  /** With the roles in force, which may be others than at the sign-on (V38), or with those that the application derives from them (`mapRoles`, V37). */
  readonly principal: Principal | undefined;
  readonly roles: readonly string[];
  /** `form`, `basic`, the application's own word; `front` where something in front of us vouches (V26). */
  readonly how: string | undefined;
  /** When the credentials were checked, milliseconds since 1970. */
  readonly authenticatedAt: number | undefined;
  readonly openedAt: number | undefined;
  /** When it is over at the latest, milliseconds since 1970. */
  readonly endsAt: number | undefined;
  /** Which of `sso.entries(name)` it is: the id there, which is no secret and no cookie. */
  readonly entryId: SsoId | undefined;
  hasRole(role: string): boolean;
  /**
   * Whether a sign-on may be opened here now; a node that lacks leases at this moment waits for them, a quarter of a second at most.
   * For a page of a form, which says so better than a refusal; `open` and `login` wait by themselves.
   */
  mayOpen(): Promise<boolean>;
  /**
   * The check of somebody's credentials begins: if the user's sign-ons are ended from now on, `open` refuses. Without it the
   * check counts from the beginning of the request.
   */
  begin(): void;
  /**
   * Signs on a principal that the application has authenticated by its own means; `how` names them (default `application`).
   * Always a new sign-on with a new session id; one that was there ends with cause `replaced`. Resolves with the principal.
   * @throws SsoError ERR_PRINCIPAL_INVALID · ERR_INSECURE_CONNECTION · ERR_FOREIGN_HOST · ERR_ANSWER_STARTED · ERR_UNAVAILABLE ·
   * ERR_LIMIT_REACHED there are too many, or later ones of the user took its place already ·
   * ERR_NOT_SIGNED_IN the user's sign-ons were ended while the credentials were checked
   */
  open(principal: Principal, how?: string, options?: OpenOptions): Promise<Principal>;
  /**
   * Ends the sign-on everywhere, with all sessions of all applications. Resolves with the receipt.
   * @throws SsoError ERR_NOT_SIGNED_IN there is nothing to end · ERR_UNAVAILABLE whether there is a sign-on cannot be said now
   */
  logout(): Promise<Receipt>;
  /**
   * Ends this application's session alone; the sign-on goes on.
   * @throws SsoError ERR_NOT_SIGNED_IN · ERR_UNAVAILABLE whether there is a sign-on cannot be said now
   */
  leave(): Promise<void>;
  /**
   * A token for a form of the application's own, bound to the sign-on, or to a cookie that this sets while nobody is signed on.
   * @throws SsoError ERR_ANSWER_STARTED it would need that cookie, and the headers are sent
   */
  csrfToken(): string;
  /** Whether this is such a token, of this very sign-on or visitor. */
  isCsrfToken(token: unknown): boolean;
  /** Whether the browser says that a page of another origin has sent this: a sibling host is another; `origins` are not. For forms of the application's own. */
  isCrossSite(): boolean;
  /**
   * A signed statement, for 30 to 60 seconds, that lets `audience` know who is asking.
   * @throws SsoError ERR_NOT_SIGNED_IN · ERR_UNAVAILABLE whether there is a sign-on cannot be said now · ERR_CONFIG_INVALID
   */
  assertion(options: { readonly audience: string }): Promise<string>;
}

declare global {
  namespace Express {
    interface Request {
      /** Set by `valve()`. */
      sso: Sso;
    }
  }
}
