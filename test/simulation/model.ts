/**
 * What the simulation itself knows to be true, from what it asked for and was answered: who signed on
 * when, what was ended, what each life of a node has heard. The checkers judge the nodes by this, never
 * by the code under test.
 */

import type { Cause, OpenEntry } from '../../sso/entry.ts';
import type { FinalityView } from '../../sso/logout/finality.ts';
import type { SessionData } from '../../sso/session/data/session-data.ts';
import type { LiveSession } from '../../sso/session/record.ts';
import type { Telling } from '../../sso/session/table.ts';
import type { SsoId } from '../../sso/token.ts';
import type { FieldWrite } from './fields.ts';

export type Standing = FinalityView['standing'];

export interface SignOn {
  readonly id: SsoId;
  readonly name: string;
  /** Every sign-on brings roles of its own, so that roles name the sign-on, or the change, they came from. */
  readonly roles: readonly string[];
  readonly stamp: number;
  readonly endsAt: number;
  readonly epoch: number;
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
  /** What a receipt has promised: no node accepts it from then on, true time. The earliest such promise. */
  final: Final | undefined;
}

export interface Final {
  readonly at: number;
  /** A receipt says that it is complete, not only from when on it will be. */
  readonly isComplete: boolean;
  /** `S1`: its own end; `S8`: that of its subject. */
  readonly rule: 'S1' | 'S8';
  /** Who promised, and what, in words. */
  readonly promise: string;
}

export interface AppSession {
  readonly key: string;
  readonly app: string;
  readonly name: string;
  readonly signOn: SsoId | undefined;
  readonly idleMs: number;
  /** How its application's changes are told. */
  readonly telling: Telling;
  /** All changes of its fields, in the order in which they were asked for; refused ones are taken out again. */
  writes: FieldWrite[];
  readonly byText: Map<string, FieldWrite>;
  /** The latest use through each life, true time. */
  readonly usedThrough: Map<Life, number>;
  /** Nodes that were asked for it, and that a record of it named: nobody else is given its data. */
  readonly named: Set<string>;
  /** The node that answered a request with it last. */
  lastThrough?: string;
}

/** One end of a subject, as it was asked for. */
export interface SubjectEnd {
  readonly name: string;
  readonly life: Life;
  /** The counter that names it; unknown, and so beyond all, until it is made. */
  count: number;
  /** True time at which it was asked for. */
  readonly at: number;
  final: Final | undefined;
}

/** Roles that were set for a user, as they were asked for. */
export interface RolesSet {
  readonly name: string;
  readonly roles: readonly string[];
  readonly stamp: number;
}

/** What a life last had of a session. */
export interface HeldSession extends Pick<LiveSession, 'data' | 'lastAccessAt'> {
  /** Since when it has had this data, true time. */
  readonly since: number;
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
  /** True time of its end; Infinity while it lives. */
  diedAt: number;
  /** What it last had of each session. */
  readonly heldSessions: Map<string, HeldSession>;
  /** Sessions whose data it let go of. */
  readonly shedSessions: Set<string>;
  /** What a request on it saw last of each session that has buddies. */
  readonly seenSessions: Map<string, SessionData>;
  /** Ends of subjects: `name → life → count`. */
  readonly ends: Map<string, Readonly<Record<string, number>>>;
  readonly rolesStamps: Map<string, number>;
  /** What it says of its recovery. */
  standing: Standing;
  /** The latest epoch it was told of. */
  epoch: number;
}

export function newSession(
  made: Pick<AppSession, 'key' | 'app' | 'name' | 'signOn' | 'idleMs' | 'telling'>,
): AppSession {
  return { ...made, writes: [], byText: new Map(), usedThrough: new Map(), named: new Set() };
}

export function newLife(node: string, incarnation: number): Life {
  return {
    name: `${node}:${incarnation}`,
    node,
    alive: true,
    held: new Map(),
    closed: new Map(),
    endedSessions: new Set(),
    diedAt: Number.POSITIVE_INFINITY,
    heldSessions: new Map(),
    shedSessions: new Set(),
    seenSessions: new Map(),
    ends: new Map(),
    rolesStamps: new Map(),
    standing: 'lost',
    epoch: 0,
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

  /** The latest epoch that any node has known. */
  epoch = 0;

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
      epoch: entry.epoch,
      checkBeganAt: this.checkBeganAt,
      openedAt: now,
      heardEnds: life.ends.get(principal.name) ?? {},
      acknowledged: false,
      endsAsked: new Set(),
      usedThrough: new Map(),
      final: this.#finalWithSubject(principal.name),
    });
  }

  /** Whether this end of a subject ends a sign-on whose check began then, and which was opened then. */
  isOver(signOn: Pick<SignOn, 'checkBeganAt' | 'openedAt'>, end: SubjectEnd): boolean {
    return end.at > signOn.checkBeganAt && end.at > signOn.openedAt - this.#endsRememberedMs;
  }

  /** The promise about a user's end that a sign-on comes under whose check began before that end, and which is opened only now. */
  #finalWithSubject(name: string): Final | undefined {
    return this.subjectEnds.find((end) => end.name === name && end.final !== undefined && end.at > this.checkBeganAt)
      ?.final;
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
      (end) => end.name === signOn.name && this.isOver(signOn, end) && end.count <= (heard[end.life.name] ?? 0),
    );
  }
}
