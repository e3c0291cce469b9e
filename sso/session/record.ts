/**
 * An application's session as it is replicated: what never changes (application, sign-on, creation),
 * the data, in which every change counts (data/), what the later stamp wins (owner, idle limit), what is
 * a maximum (last access), and an end that absorbs all. Keyed by SHA-256 of application and session id:
 * the id itself never travels. A session's sign-on is fixed at its creation (S7): linking moves the data
 * to a new id.
 */

import { maxValueBytes } from '../gossip/message.ts';
import type { SsoId } from '../token.ts';
import type { DataDelta } from './data/delta.ts';
import { SessionData } from './data/session-data.ts';

/** Why a session ended. `sign-on`: its entry closed, whose own cause says why. */
export const sessionCauses = [
  'timeout',
  'app-stopped',
  'node-lost',
  'sign-on',
  'destroyed',
  'left',
  'renewed',
  'conflict',
] as const;
export type SessionCause = (typeof sessionCauses)[number];

export interface LiveSession {
  readonly state: 'live';
  readonly app: string;
  /** The sign-on it lives off, or `undefined`: an anonymous visitor's. */
  readonly signOn: SsoId | undefined;
  readonly createdAt: number;
  /** Absolute end, milliseconds: its entry's; without one 30 days after its creation. */
  readonly endsAt: number;
  /** Hybrid-clock stamp of the last change of `idleMs`: the later wins; 0 until it is changed. */
  readonly version: number;
  /** Hybrid-clock stamp of the last change of `owner`, `releasedAt` and `buddies`, apart from the data: who takes a session over may hold an older copy of it. */
  readonly ownerStamp: number;
  /** The node and its life (`node:incarnation`) that serves it: the session counts as a link of its sign-on while that life goes on. '' = released. */
  readonly owner: string;
  /** When the owner gave it up (its application was stopped), milliseconds; 0 while owned. */
  readonly releasedAt: number;
  /** Milliseconds without a request after which it is over; 0 = never (V43). */
  readonly idleMs: number;
  /** The attributes and the cookie's settings. */
  readonly data: SessionData;
  /** The data stays on the node that serves it (`distributable: false`): everywhere else the record has none. */
  readonly stays: boolean;
  /**
   * The nodes, by name, that hold the data beside the owner's; `undefined`: every node does. Everywhere else the record has no
   * data. Changes with the owner: by `ownerStamp`.
   */
  readonly buddies: readonly string[] | undefined;
  /** Last request, coarse. A maximum. */
  readonly lastAccessAt: number;
}

/**
 * What one change of a live record altered: it only travels, and is merged into the record it builds on. Where that is not
 * held, the sender is asked for the whole (`Lattice.lacks`).
 */
export interface ChangedSession
  extends Pick<
    LiveSession,
    'createdAt' | 'endsAt' | 'owner' | 'ownerStamp' | 'releasedAt' | 'buddies' | 'idleMs' | 'version' | 'lastAccessAt'
  > {
  readonly state: 'changed';
  /** The first characters of the sign-on, '' without one: with creation and end they say which record it is. */
  readonly signOnStart: string;
  /** `undefined`: the data did not change. */
  readonly data: DataDelta | undefined;
}

export interface EndedSession {
  readonly state: 'ended';
  readonly cause: SessionCause;
  readonly endedAt: number;
  readonly endsAt: number;
}

/** What is held. */
export type HeldSession = LiveSession | EndedSession;
/** What is held or travels. */
export type SessionRecord = HeldSession | ChangedSession;

/** When a session without a sign-on ends at the latest, milliseconds after its creation. */
export const anonymousLifeMs = 30 * 86_400_000;
/** For clocks that differ, and activity that is told coarsely, milliseconds. */
const anonymousMarginMs = 120_000;
/** What a node may know too little of the last use of a session that another one served until it was lost, at most, milliseconds. */
const untoldMs = 60_000;
/** The most a session's data may hold, in characters of names and JSON of values. */
export const maxDataLength = 256 * 1024;
/** What a record has beside its data at most, as JSON: names of application and lives, and numbers. */
export const framingBytes = 4_096;
/** The most it may have on its way, in bytes: a frame carries a record as a whole. Text grows to 15/16 of it at least, with few fields to all of it (data/bytes.ts). */
export const maxDataBytes = maxValueBytes - framingBytes;

/**
 * The instant from which the session is over if nobody uses it again, milliseconds.
 * @param usedAt its last use. Default: the one that its record tells
 */
export function idleAt(
  session: Pick<LiveSession, 'idleMs' | 'endsAt' | 'lastAccessAt'>,
  usedAt = session.lastAccessAt,
): number {
  return session.idleMs > 0 ? Math.min(session.endsAt, usedAt + session.idleMs) : session.endsAt;
}

/** For how long a node that never saw it used keeps a copy beyond its idle limit, milliseconds: its last use may not have been told (V89). */
export function graceMs({ idleMs }: Pick<LiveSession, 'idleMs'>): number {
  return idleMs > 0 ? Math.min(untoldMs, idleMs / 2) : 0;
}

/**
 * The record of an end is kept as long as a late copy of the session could be taken for a live one: a linked session's
 * until its sign-on is over, an anonymous one's until it would be idle by any copy of it.
 */
export function endSession(session: HeldSession, cause: SessionCause, endedAt: number): EndedSession {
  const { endsAt } = session;
  if (session.state === 'ended' || session.signOn !== undefined || session.idleMs === 0)
    return { state: 'ended', cause, endedAt, endsAt };
  const lastUse = Math.max(endedAt, session.lastAccessAt);
  return { state: 'ended', cause, endedAt, endsAt: Math.min(endsAt, lastUse + session.idleMs + anonymousMarginMs) };
}

/** What a change told of this record says, besides the data. */
export function changeOf(session: LiveSession, data: DataDelta | undefined): ChangedSession {
  const { createdAt, endsAt, owner, ownerStamp, releasedAt, buddies, idleMs, version, lastAccessAt } = session;
  const signOnStart = signOnStartOf(session);
  return {
    state: 'changed',
    createdAt,
    endsAt,
    signOnStart,
    owner,
    ownerStamp,
    releasedAt,
    buddies,
    idleMs,
    version,
    lastAccessAt,
    data,
  };
}

/** Whether a session's data stays on a node that is another one. */
export function isElsewhere(session: LiveSession, life: string): boolean {
  return session.stays && session.owner !== life && session.data.latest === 0;
}

/** Whether only some nodes have the data, and another one than this life serves the session: what of the data is here may be old, or nothing. */
export const isAway = ({ buddies, owner }: Pick<LiveSession, 'buddies' | 'owner'>, life: string): boolean =>
  buddies !== undefined && owner !== life;

/** Whether any of its data is here. One that was never written to has none to lose. */
export const hasData = ({ data }: Pick<LiveSession, 'data'>): boolean =>
  !data.isLost && data.version !== SessionData.empty.version;

/** Whether nothing of its data is here, since only other nodes have it; who serves it has always written something, if only that there is nothing. */
export const isAbsent = (session: Pick<LiveSession, 'buddies' | 'data'>): boolean =>
  session.buddies !== undefined && !session.data.isLost && !hasData(session);

/** Enough of a sign-on to tell it from others. */
export const signOnStartOf = ({ signOn }: Pick<LiveSession, 'signOn'>): string => signOn?.slice(0, 12) ?? '';
