/**
 * What the simulation itself knows to be true, from what it asked for and was answered: who signed on
 * when, what was ended, what each life of a node has heard. The checkers judge the nodes by this, never
 * by the code under test.
 */

import type { Cause, OpenEntry } from '../../sso/entry.ts';
import type { SsoId } from '../../sso/token.ts';

export interface SignOn {
  readonly id: SsoId;
  readonly name: string;
  /** Every sign-on brings roles of its own, so that roles name the sign-on, or the change, they came from. */
  readonly roles: readonly string[];
  readonly stamp: number;
  readonly endsAt: number;
  /** True times at which the check of the credentials began, and ended. */
  readonly checkBeganAt: number;
  readonly openedAt: number;
  /** The ends of its subject that its opener had ever heard of: `life → count`. */
  readonly heardEnds: Readonly<Record<string, number>>;
  /** `open` resolved: a cookie was sent. */
  acknowledged: boolean;
  /** Somebody asked for its end, and for which causes. */
  readonly endsAsked: Set<Cause>;
  /** The latest use through each life, true time. */
  readonly usedThrough: Map<Life, number>;
}

export interface AppSession {
  readonly key: string;
  readonly app: string;
  readonly name: string;
  readonly signOn: SsoId | undefined;
  readonly idleMs: number;
  /** The latest version that was acknowledged, and the lives that had it then. */
  acknowledged: { readonly version: number; readonly holders: readonly Life[] } | undefined;
}

/** One end of a subject, as it was asked for. */
export interface SubjectEnd {
  readonly name: string;
  readonly life: Life;
  /** The counter that names it; unknown, and so beyond all, until it is made. */
  count: number;
  readonly at: number;
}

/** Roles that were set for a user, as they were asked for. */
export interface RolesSet {
  readonly name: string;
  readonly roles: readonly string[];
  readonly stamp: number;
}

/** One life of a node, and all it has ever heard: nothing is forgotten here. */
export interface Life {
  /** `node:incarnation`. */
  readonly name: string;
  readonly node: string;
  alive: boolean;
  /** Sign-ons it ever held, with the true time of the first copy. */
  readonly held: Map<string, number>;
  /** Closed sign-ons, with the true time of hearing. */
  readonly closed: Map<string, number>;
  readonly endedSessions: Set<string>;
  readonly heldVersions: Map<string, number>;
  /** Ends of subjects: `name → life → count`. */
  readonly ends: Map<string, Readonly<Record<string, number>>>;
  readonly rolesStamps: Map<string, number>;
}

export function newLife(node: string, incarnation: number): Life {
  return {
    name: `${node}:${incarnation}`,
    node,
    alive: true,
    held: new Map(),
    closed: new Map(),
    endedSessions: new Set(),
    heldVersions: new Map(),
    ends: new Map(),
    rolesStamps: new Map(),
  };
}

/** How much longer than the life of a sign-on an end of its user is remembered at least, milliseconds, less what clocks differ by. */
const remembranceMs = 58_000;

export class Model {
  readonly #endsRememberedMs: number;
  readonly signOns = new Map<string, SignOn>();
  readonly sessions = new Map<string, AppSession>();
  /** Ids and keys in the order of their making, to pick from. */
  readonly ids: SsoId[] = [];
  readonly keys: string[] = [];
  readonly lives: Life[] = [];
  readonly subjectEnds: SubjectEnd[] = [];
  readonly rolesSet: RolesSet[] = [];

  constructor(lifeMs: number) {
    this.#endsRememberedMs = lifeMs + remembranceMs;
  }

  /** True time at which the check of the credentials began that ends in the next opening. */
  checkBeganAt = 0;

  /** A life has just opened this. */
  opened(id: SsoId, entry: OpenEntry, life: Life, now: number): void {
    const { principal, openedStamp, endsAt } = entry;
    this.ids.push(id);
    this.signOns.set(id, {
      id,
      name: principal.name,
      roles: principal.roles,
      stamp: openedStamp,
      endsAt,
      checkBeganAt: this.checkBeganAt,
      openedAt: now,
      heardEnds: life.ends.get(principal.name) ?? {},
      acknowledged: false,
      endsAsked: new Set(),
      usedThrough: new Map(),
    });
  }

  /** Whether an end of this sign-on's subject was asked for that its opener had not heard of: it may end. */
  mayEndWithItsSubject(signOn: SignOn): boolean {
    return this.subjectEnds.some(
      (end) => end.name === signOn.name && end.count > (signOn.heardEnds[end.life.name] ?? 0),
    );
  }

  /**
   * Whether this life has heard of an end that came after the check of this sign-on's credentials began: it must end. A
   * check that a pause held up for as long as the end is remembered is beyond that promise.
   */
  mustEndWithItsSubject(signOn: SignOn, life: Life): boolean {
    const heard = life.ends.get(signOn.name);
    if (heard === undefined) return false;
    return this.subjectEnds.some(
      (end) =>
        end.name === signOn.name &&
        end.at > signOn.checkBeganAt &&
        end.at > signOn.openedAt - this.#endsRememberedMs &&
        end.count <= (heard[end.life.name] ?? 0),
    );
  }
}
