/**
 * How two copies of a session's record become one. Each part has its own order: data is joined change by
 * change, so that two nodes that changed different fields both keep theirs (V93); owner and idle limit
 * go by their stamps, the last access is the later, and an end absorbs all. A change is merged only into
 * a record that has what it builds on; `lacks` says where it has not.
 *
 * The digest covers the context of the data alone: equal contexts are equal data.
 */

import { clockErrorMs } from '../entry.ts';
import type { Lattice } from '../gossip/lattice.ts';
import { applyDelta, canApply } from './data/delta.ts';
import { mergeData } from './data/session-data.ts';
import {
  type ChangedSession,
  type EndedSession,
  framingBytes,
  graceMs,
  type HeldSession,
  idleAt,
  type LiveSession,
  type SessionRecord,
  signOnStartOf,
} from './record.ts';
import { decodeSession, encodeSession } from './record-codec.ts';

/**
 * `onConflict` is called for each field two changes of which, neither knowing of the other, meet in the copy that a node holds.
 * A node that is sent both together does not call it: they met elsewhere.
 */
export function sessionLatticeOf(onConflict?: () => void): Lattice<SessionRecord> {
  return {
    name: 'sessions',
    isPatient: true,
    onConflict,
    merge,
    lacks,
    isDelta: ({ state }) => state === 'changed',
    mostBytes(value) {
      if (value.state === 'live') return framingBytes + value.data.mostBytes;
      return value.state === 'ended' || value.data === undefined ? framingBytes : Number.POSITIVE_INFINITY;
    },
    encode: encodeSession,
    decode: decodeSession,
    digestText(value) {
      if (value.state === 'ended') return `${value.cause} ${value.endedAt} ${value.endsAt}`;
      const { owner, ownerStamp, releasedAt, buddies, idleMs, version, createdAt, endsAt } = value;
      const common = `${createdAt} ${endsAt} ${version} ${owner} ${ownerStamp} ${releasedAt} ${idleMs}`;
      if (value.state === 'changed') return common;
      const content = buddies !== undefined ? buddiesText(value) : value.stays ? '' : value.data.version;
      return `${value.app} ${value.signOn} ${common} ${content}`;
    },
    /** A live one that nobody used for its idle limit is over by itself and needs no record of its end: a late copy of it is over too. */
    forgetAt(value) {
      if (value.state === 'ended') return value.endsAt + 2 * clockErrorMs;
      return idleAt(value) + graceMs(value) + 2 * clockErrorMs;
    },
    /** Else a request on a node whose clock was wrong would keep the session from ever being idle. */
    capped: (value, latest) =>
      value.state === 'ended' || value.lastAccessAt <= latest ? value : { ...value, lastAccessAt: Math.floor(latest) },
  };
}

export const sessionLattice = sessionLatticeOf();

/** Whether a change builds on what is not in `mine`: on another record, or on changes that have not come. */
function lacks(mine: SessionRecord | undefined, theirs: SessionRecord): boolean {
  if (theirs.state !== 'changed') return false;
  if (mine === undefined || mine.state === 'changed') return true;
  // An end by conflict has to know the record that it takes the place of.
  if (mine.state === 'ended') return mine.cause === 'conflict';
  if (!isOf(mine, theirs)) return true;
  return theirs.data !== undefined && !canApply(mine.data, theirs.data);
}

function merge(mine: SessionRecord, theirs: SessionRecord, conflict?: () => void): HeldSession {
  if (mine.state === 'changed') throw new Error('a change is merged into a record, nothing into a change');
  if (mine.state === 'ended') {
    if (theirs.state === 'changed') return mine;
    return theirs.state === 'ended' ? mergeEnded(mine, theirs) : absorb(mine, theirs);
  }
  if (theirs.state === 'ended') return absorb(theirs, mine);
  if (theirs.state === 'changed') return lacks(mine, theirs) ? mine : join(mine, theirs, conflict);
  if (
    mine.app !== theirs.app ||
    mine.signOn !== theirs.signOn ||
    mine.createdAt !== theirs.createdAt ||
    mine.endsAt !== theirs.endsAt
  ) {
    return absorb({ state: 'ended', cause: 'conflict', endedAt: mine.createdAt, endsAt: mine.endsAt }, theirs);
  }
  return join(mine, theirs, conflict);
}

/** Returns `mine` itself where nothing is new. */
function join(mine: LiveSession, theirs: LiveSession | ChangedSession, conflict?: () => void): LiveSession {
  const settings = isLater(theirs, mine) ? theirs : mine;
  const held = isOwnedLater(theirs, mine) ? theirs : mine;
  const lastAccessAt = Math.max(mine.lastAccessAt, theirs.lastAccessAt);
  // All copies of a record that stays say so. A version before takes one with buddies for one that stays, and sends it back so.
  const stays = held.buddies === undefined && mine.stays && (theirs.state === 'changed' || theirs.stays);
  const data = joinData(mine, theirs, conflict);
  if (
    settings === mine &&
    held === mine &&
    data === mine.data &&
    lastAccessAt === mine.lastAccessAt &&
    stays === mine.stays
  )
    return mine;
  const { idleMs, version } = settings;
  const { owner, ownerStamp, releasedAt, buddies } = held;
  const { app, signOn, createdAt, endsAt } = mine;
  // Field by field: every change comes by, and a spread with others after it takes microseconds.
  return {
    state: 'live', app, signOn, createdAt, endsAt, version, owner, ownerStamp, releasedAt, idleMs, data, stays, buddies, lastAccessAt,
  }; // biome-ignore format: as the tuple
}

function joinData(mine: LiveSession, theirs: LiveSession | ChangedSession, conflict?: () => void): LiveSession['data'] {
  if (theirs.state === 'live') return mergeData(mine.data, theirs.data, conflict);
  return theirs.data === undefined ? mine.data : applyDelta(mine.data, theirs.data, conflict);
}

function isOf(mine: LiveSession, theirs: ChangedSession): boolean {
  return (
    mine.createdAt === theirs.createdAt && mine.endsAt === theirs.endsAt && signOnStartOf(mine) === theirs.signOnStart
  );
}

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

type Held = Pick<LiveSession, 'idleMs' | 'version' | 'owner' | 'ownerStamp' | 'releasedAt' | 'buddies'>;

function isLater(a: Held, b: Held): boolean {
  return a.version === b.version ? a.idleMs > b.idleMs : a.version > b.version;
}

function isOwnedLater(a: Held, b: Held): boolean {
  if (a.ownerStamp !== b.ownerStamp) return a.ownerStamp > b.ownerStamp;
  if (a.owner !== b.owner) return a.owner > b.owner;
  return a.releasedAt === b.releasedAt ? buddiesText(a) > buddiesText(b) : a.releasedAt > b.releasedAt;
}

const buddiesText = ({ buddies }: Held): string => (buddies === undefined ? '' : `at ${buddies.join()}`);
