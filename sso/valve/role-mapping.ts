/**
 * Roles of one application, derived from the same identity (V32, V37): what the directory calls `staff` may
 * be `clerk` in a shop and nothing at all in a forum. A mapping holds for the rest of the request, within
 * the Express application that asked for it and whatever is mounted below: an application that hands the
 * request on has given its roles to nobody. It always starts from the identity's own roles, never from
 * those of another mapping, and it changes what this request sees alone: not the sign-on, not an assertion.
 */

import type { Request } from 'express';
import { RequestNotes } from '../http/request-notes.ts';
import type { Log } from '../log.ts';
import { type Principal, parseRoles } from '../principal.ts';
import { sessionHandle } from '../session/handle.ts';

/**
 * The roles that this principal has here; `principal` has those in force for all applications. `app`: as `sso.sessions({ app })`
 * calls it, if one is mounted before. It answers at once; one that throws, or gives no list of names, lets nobody in.
 */
export type MapRoles = (principal: Principal, app: string | undefined) => readonly string[];

/** What a mapping made of a principal. `failed`: it has no roles now, and `protect` answers 503. */
export interface Mapped {
  readonly principal: Principal;
  readonly failed: boolean;
}

export class RoleMapping {
  readonly #map: MapRoles;
  readonly #req: Request;
  readonly #log: Log;
  /** Where it holds. */
  readonly #application: object | undefined;
  /** That of an application around this one. */
  readonly #outer: RoleMapping | undefined;
  #from: Principal | undefined;
  #mapped: Mapped | undefined;

  constructor(map: MapRoles, req: Request, log: Log, before: RoleMapping | undefined) {
    this.#map = map;
    this.#req = req;
    this.#log = log;
    this.#application = req.app;
    this.#outer = before !== undefined && before.#application === this.#application ? before.#outer : before;
  }

  /** `undefined`: no mapping holds where the request is now. */
  of(principal: Principal): Mapped | undefined {
    if (!this.#holds()) return this.#outer?.of(principal);
    if (this.#mapped === undefined || this.#from?.name !== principal.name || this.#from.roles !== principal.roles) {
      this.#from = principal;
      this.#mapped = this.#apply(principal);
    }
    return this.#mapped;
  }

  /** Whether the request is still within. One that is called by a function of the host's has no parent: it is wherever it was called. */
  #holds(): boolean {
    const host = RequestNotes.hostOf(this.#req);
    type Application = { readonly parent?: Application } | undefined;
    for (let at = this.#req.app as Application; at !== undefined; at = at.parent) {
      if (at === this.#application) return true;
      if (at === host) return false;
    }
    return true;
  }

  #apply(principal: Principal): Mapped {
    try {
      const roles = parseRoles(this.#map(principal, sessionHandle(this.#req)?.app));
      if (roles !== undefined) return { principal: Object.freeze({ ...principal, roles }), failed: false };
      this.#log.error({}, 'mapRoles gave no list of roles: the request goes on without any');
    } catch (error) {
      this.#log.error({ err: error }, 'mapRoles failed: the request goes on without roles');
    }
    return { principal: Object.freeze({ ...principal, roles: noRoles }), failed: true };
  }
}

const noRoles: readonly string[] = Object.freeze([]);
