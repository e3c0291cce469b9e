/**
 * An application's session as it is replicated: what never changes (application, sign-on, creation),
 * what the later version wins (data, owner, idle limit), what is a maximum (last access), and an end
 * that absorbs all. Keyed by SHA-256 of application and session id: the id itself never travels.
 * A session's sign-on is fixed at its creation (S7): linking moves the data to a new id.
 */

import { clockErrorMs, isInstant } from '../entry.ts';
import type { Lattice } from '../gossip/lattice.ts';
import { isName } from '../principal.ts';
import { parseSsoId, type SsoId } from '../token.ts';

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
  /** Hybrid-clock stamp of the last write of `data` and `idleMs`: the later wins. */
  readonly version: number;
  /** Hybrid-clock stamp of the last change of `owner` and `releasedAt`, apart from the data: who takes a session over may hold an older copy of it. */
  readonly ownerStamp: number;
  /** The node and its life (`node:incarnation`) that serves it: the session counts as a link of its sign-on while that life goes on. '' = released. */
  readonly owner: string;
  /** When the owner gave it up (its application was stopped), milliseconds; 0 while owned. */
  readonly releasedAt: number;
  /** Milliseconds without a request after which it is over; 0 = never (V43). */
  readonly idleMs: number;
  /** The attributes and the cookie's settings, as JSON text. */
  readonly data: string;
  /** Last request, coarse. A maximum. */
  readonly lastAccessAt: number;
}

export interface EndedSession {
  readonly state: 'ended';
  readonly cause: SessionCause;
  readonly endedAt: number;
  readonly endsAt: number;
}

export type SessionRecord = LiveSession | EndedSession;

/** When a session without a sign-on ends at the latest, milliseconds after its creation. */
export const anonymousLifeMs = 30 * 86_400_000;
/** For clocks that differ, and activity that is told coarsely, milliseconds. */
const anonymousMarginMs = 120_000;
/** The most a session's data may hold, in characters of JSON. */
export const maxDataLength = 256 * 1024;

/** The instant from which the session is over if nobody uses it again, milliseconds. */
export function idleAt(session: LiveSession): number {
  return session.idleMs > 0 ? Math.min(session.endsAt, session.lastAccessAt + session.idleMs) : session.endsAt;
}

/**
 * The record of an end is kept as long as a late copy of the session could be taken for a live one: a linked session's
 * until its sign-on is over, an anonymous one's until it would be idle by any copy of it.
 */
export function endSession(session: SessionRecord, cause: SessionCause, endedAt: number): EndedSession {
  const { endsAt } = session;
  if (session.state === 'ended' || session.signOn !== undefined || session.idleMs === 0)
    return { state: 'ended', cause, endedAt, endsAt };
  const lastUse = Math.max(endedAt, session.lastAccessAt);
  return { state: 'ended', cause, endedAt, endsAt: Math.min(endsAt, lastUse + session.idleMs + anonymousMarginMs) };
}

export const sessionLattice: Lattice<SessionRecord> = {
  name: 'sessions',
  merge(mine, theirs) {
    if (mine.state === 'ended') return theirs.state === 'ended' ? mergeEnded(mine, theirs) : absorb(mine, theirs);
    if (theirs.state === 'ended') return absorb(theirs, mine);
    if (
      mine.app !== theirs.app ||
      mine.signOn !== theirs.signOn ||
      mine.createdAt !== theirs.createdAt ||
      mine.endsAt !== theirs.endsAt
    ) {
      return absorb({ state: 'ended', cause: 'conflict', endedAt: mine.createdAt, endsAt: mine.endsAt }, theirs);
    }
    const lastAccessAt = Math.max(mine.lastAccessAt, theirs.lastAccessAt);
    const data = isLater(theirs, mine) ? theirs : mine;
    const held = isOwnedLater(theirs, mine) ? theirs : mine;
    if (data === held && data.lastAccessAt === lastAccessAt) return data;
    const { owner, ownerStamp, releasedAt } = held;
    return { ...data, owner, ownerStamp, releasedAt, lastAccessAt };
  },
  encode(value) {
    if (value.state === 'ended') return [value.cause, value.endedAt, value.endsAt];
    return [
      'live', value.app, value.signOn ?? 0, value.createdAt, value.endsAt, value.version, value.owner, value.ownerStamp,
      value.releasedAt, value.idleMs, value.data, value.lastAccessAt,
    ]; // biome-ignore format: the tuple is a table
  },
  decode: decodeSession,
  digestText(value) {
    if (value.state === 'ended') return `${value.cause} ${value.endedAt} ${value.endsAt}`;
    return `${value.app} ${value.signOn} ${value.createdAt} ${value.endsAt} ${value.version} ${value.owner} ${value.ownerStamp} ${value.releasedAt} ${value.idleMs} ${value.data}`;
  },
  /** A live one that nobody used for its idle limit is over by itself and needs no record of its end: a late copy of it is over too. */
  forgetAt: (value) => (value.state === 'ended' ? value.endsAt : idleAt(value)) + 2 * clockErrorMs,
  /** Else a request on a node whose clock was wrong would keep the session from ever being idle. */
  capped: (value, latest) =>
    value.state === 'ended' || value.lastAccessAt <= latest ? value : { ...value, lastAccessAt: Math.floor(latest) },
};

/** As for entries: a conflict ends before all that disagreed, and gives way to every real end; that knows how long it is to be kept. */
function absorb(ended: EndedSession, live: LiveSession): EndedSession {
  if (ended.cause !== 'conflict') return ended;
  const endedAt = Math.min(ended.endedAt, live.createdAt);
  const endsAt = Math.max(ended.endsAt, live.endsAt);
  return endedAt === ended.endedAt && endsAt === ended.endsAt ? ended : { ...ended, endedAt, endsAt };
}

function mergeEnded(mine: EndedSession, theirs: EndedSession): EndedSession {
  if ((mine.cause === 'conflict') !== (theirs.cause === 'conflict')) return mine.cause === 'conflict' ? theirs : mine;
  const endsAt = Math.max(mine.endsAt, theirs.endsAt);
  const first = isEarlier(theirs, mine) ? theirs : mine;
  return first.endsAt === endsAt ? first : { ...first, endsAt };
}

function isEarlier(a: EndedSession, b: EndedSession): boolean {
  return a.endedAt < b.endedAt || (a.endedAt === b.endedAt && a.cause < b.cause);
}

function isLater(a: LiveSession, b: LiveSession): boolean {
  if (a.version !== b.version) return a.version > b.version;
  if (a.idleMs !== b.idleMs) return a.idleMs > b.idleMs;
  return a.data > b.data;
}

function isOwnedLater(a: LiveSession, b: LiveSession): boolean {
  if (a.ownerStamp !== b.ownerStamp) return a.ownerStamp > b.ownerStamp;
  return a.owner === b.owner ? a.releasedAt > b.releasedAt : a.owner > b.owner;
}

const causeSet: ReadonlySet<unknown> = new Set(sessionCauses);

function decodeSession(data: unknown): SessionRecord | undefined {
  if (!Array.isArray(data)) return undefined;
  if (data[0] !== 'live') {
    const [cause, endedAt, endsAt] = data;
    return data.length >= 3 && causeSet.has(cause) && isInstant(endedAt) && isInstant(endsAt)
      ? { state: 'ended', cause, endedAt, endsAt }
      : undefined;
  }
  if (data.length < 12) return undefined;
  const [, app, signOnData, createdAt, endsAt, version, owner, ownerStamp, releasedAt, idleMs, text, lastAccessAt] =
    data;
  const signOn = signOnData === 0 ? undefined : parseSsoId(signOnData);
  if (!isName(app) || (signOnData !== 0 && signOn === undefined)) return undefined;
  if (typeof owner !== 'string' || owner.length > 300 || typeof text !== 'string' || text.length > maxDataLength)
    return undefined;
  if (![createdAt, endsAt, version, ownerStamp, releasedAt, idleMs, lastAccessAt].every(isInstant)) return undefined;
  return {
    state: 'live',
    app,
    signOn,
    createdAt,
    endsAt,
    version,
    owner: shared(owner),
    ownerStamp,
    releasedAt,
    idleMs,
    data: text,
    lastAccessAt,
  };
}

/** A cluster has few lives and as many sessions as users: each life's name is kept once. */
const lives = new Map<string, string>();
const livesAtMost = 1_024;

function shared(life: string): string {
  const known = lives.get(life);
  if (known !== undefined) return known;
  if (lives.size >= livesAtMost) lives.clear();
  lives.set(life, life);
  return life;
}
