/**
 * One browser's single sign-on as it is replicated: open, or closed for ever. The merge is the heart of
 * final logout: closed absorbs open, the earlier close wins among two, and two opens of one key that
 * differ become closed with cause `conflict` (FINAL-LOGOUT.md, What is replicated). Who, how and until
 * when never change in an entry; who signs in again gets another one.
 */

import type { Lattice } from './gossip/lattice.ts';
import { mergeOrigins, type Origin, parseOrigin } from './origin.ts';
import { isName, type Principal, parsePrincipal } from './principal.ts';

/**
 * Why a sign-on ended. Carried with the end, never inferred (V49, V90). A node drops an end whose cause it does not know: a
 * version that adds one reads it before a later version sends it.
 */
export const causes = [
  'logout',
  'invalidated',
  'idle',
  'expired',
  'empty',
  'replaced',
  'administrator',
  'subject-ended',
  'conflict',
  'epoch',
] as const;
export type Cause = (typeof causes)[number];

export interface OpenEntry {
  readonly state: 'open';
  /** Roles here are those of the sign-on; those in force are the registry's to say. */
  readonly principal: Principal;
  /** How the user was authenticated: `form`, `basic`, or the application's own word. */
  readonly how: string;
  /** Hybrid-clock stamp of the opening; also the version of its roles. */
  readonly openedStamp: number;
  /** When the credentials were checked, milliseconds. */
  readonly authenticatedAt: number;
  /** Absolute end, milliseconds. */
  readonly endsAt: number;
  readonly epoch: number;
  /** The ends of this subject that were known when the check of the credentials began. */
  readonly seenEnds: Ends;
  /** Last activity, coarse: the idle limit counts from here. A maximum. */
  readonly usedAt: number;
  /** Last request without a session of an application, coarse: `maxEmptyLife` counts from here. A maximum. */
  readonly aliveAt: number;
  /** From where, for the eyes of its user: decides nothing, and a copy that lacks it is the same entry. */
  readonly origin?: Origin | undefined;
  /** Opened to be remembered: it lives `remember.lifeMs`, and neither being idle nor being empty ends it. */
  readonly remembered?: true | undefined;
}

export interface ClosedEntry {
  readonly state: 'closed';
  readonly cause: Cause;
  readonly closedAt: number;
  readonly endsAt: number;
}

export type SsoEntry = OpenEntry | ClosedEntry;

/** When each life of each node (`node:incarnation`) last ended a subject's sign-ons, as a stamp of its hybrid clock. Each a maximum. */
export type Ends = Readonly<Record<string, number>>;

export const noEnds: Ends = Object.freeze(Object.create(null));

/** How far clocks may differ, milliseconds; a closed entry is kept twice as long after its end. */
export const clockErrorMs = 2_000;

export function closeEntry(entry: SsoEntry, cause: Cause, closedAt: number): ClosedEntry {
  return { state: 'closed', cause, closedAt, endsAt: entry.endsAt };
}

export const entryLattice: Lattice<SsoEntry> = {
  name: 'entries',
  merge: mergeEntries,
  encode(value) {
    if (value.state === 'closed') return [value.cause, value.closedAt, value.endsAt];
    const { principal: p } = value;
    return [
      'open', p.name, p.roles, p.attributes ?? 0, value.how, value.openedStamp, value.authenticatedAt, value.endsAt,
      value.epoch, value.seenEnds === noEnds ? 0 : value.seenEnds, value.usedAt, value.aliveAt, encodeTail(value),
    ]; // biome-ignore format: the tuple is a table
  },
  decode: decodeEntry,
  digestText(value) {
    if (value.state === 'closed') return `${value.cause} ${value.closedAt} ${value.endsAt}`;
    const { principal: p, seenEnds } = value;
    const rare = p.attributes === undefined && seenEnds === noEnds ? '' : JSON.stringify([p.attributes ?? 0, seenEnds]);
    // A name holds no control characters: the line breaks keep the parts apart.
    return `${p.name}\n${value.how}\n${JSON.stringify(p.roles)}${rare} ${value.openedStamp} ${value.authenticatedAt} ${value.endsAt} ${value.epoch}`;
  },
  forgetAt: (value) => value.endsAt + 2 * clockErrorMs,
  /** Not the stamp: that follows the one of the roles it replaces, however far ahead it is. */
  aheadAt: (value) => (value.state === 'open' ? value.authenticatedAt : undefined),
  capped(value, latest) {
    if (value.state === 'closed') return value.closedAt <= latest ? value : { ...value, closedAt: Math.floor(latest) };
    if (value.usedAt <= latest && value.aliveAt <= latest) return value;
    const most = Math.floor(latest);
    return { ...value, usedAt: Math.min(value.usedAt, most), aliveAt: Math.min(value.aliveAt, most) };
  },
};

/** As the lattice, and a sign-on that would live longer than `lifeMs`, the longest that any may, counts as one from the future (check 71). The limit is the same on all nodes. */
export function withLife(lattice: Lattice<SsoEntry>, lifeMs: number): Lattice<SsoEntry> {
  return {
    ...lattice,
    aheadAt(value) {
      const openedAt = lattice.aheadAt?.(value);
      // An end is a whole second.
      return openedAt === undefined ? undefined : Math.max(openedAt, value.endsAt - lifeMs - 1_000);
    },
  };
}

function mergeEntries(mine: SsoEntry, theirs: SsoEntry): SsoEntry {
  if (mine.state === 'closed') return theirs.state === 'closed' ? mergeClosed(mine, theirs) : absorb(mine, theirs);
  if (theirs.state === 'closed') return absorb(theirs, mine);
  if (!sameOpening(mine, theirs)) {
    return absorb({ state: 'closed', cause: 'conflict', closedAt: mine.authenticatedAt, endsAt: mine.endsAt }, theirs);
  }
  const usedAt = Math.max(mine.usedAt, theirs.usedAt);
  const aliveAt = Math.max(mine.aliveAt, theirs.aliveAt);
  const origin = mergeOrigins(mine.origin, theirs.origin);
  const remembered = mine.remembered ?? theirs.remembered;
  const isMine =
    usedAt === mine.usedAt && aliveAt === mine.aliveAt && origin === mine.origin && remembered === mine.remembered;
  return isMine ? mine : { ...mine, usedAt, aliveAt, origin, remembered };
}

/** A conflict says "before all that disagreed", so that three copies give the same in any order. */
function absorb(closed: ClosedEntry, open: OpenEntry): ClosedEntry {
  const closedAt = closed.cause === 'conflict' ? Math.min(closed.closedAt, open.authenticatedAt) : closed.closedAt;
  const endsAt = Math.max(closed.endsAt, open.endsAt);
  return closedAt === closed.closedAt && endsAt === closed.endsAt ? closed : { ...closed, closedAt, endsAt };
}

/** The earlier close wins; a conflict gives way to every real end, whichever came first, or the order of merging would show. */
function mergeClosed(mine: ClosedEntry, theirs: ClosedEntry): ClosedEntry {
  const endsAt = Math.max(mine.endsAt, theirs.endsAt);
  const first = isEarlier(theirs, mine) ? theirs : mine;
  return first.endsAt === endsAt ? first : { ...first, endsAt };
}

function isEarlier(a: ClosedEntry, b: ClosedEntry): boolean {
  if ((a.cause === 'conflict') !== (b.cause === 'conflict')) return b.cause === 'conflict';
  return a.closedAt < b.closedAt || (a.closedAt === b.closedAt && a.cause < b.cause);
}

function sameOpening(a: OpenEntry, b: OpenEntry): boolean {
  return (
    a.openedStamp === b.openedStamp &&
    a.endsAt === b.endsAt &&
    a.authenticatedAt === b.authenticatedAt &&
    a.epoch === b.epoch &&
    a.how === b.how &&
    a.principal.name === b.principal.name &&
    sameText(a.principal.roles, b.principal.roles) &&
    sameText(a.principal.attributes, b.principal.attributes) &&
    sameText(a.seenEnds, b.seenEnds)
  );
}

function sameText(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

const causeSet: ReadonlySet<unknown> = new Set(causes);

function decodeEntry(data: unknown): SsoEntry | undefined {
  if (!Array.isArray(data)) return undefined;
  if (data[0] !== 'open') {
    const [cause, closedAt, endsAt] = data;
    return data.length >= 3 && causeSet.has(cause) && isInstant(closedAt) && isInstant(endsAt)
      ? { state: 'closed', cause, closedAt, endsAt }
      : undefined;
  }
  if (data.length < 12) return undefined;
  const [, name, roles, attributes, how, openedStamp, authenticatedAt, endsAt, epoch, ends, usedAt, aliveAt, more] =
    data;
  const principal = parsePrincipal(attributes === 0 ? { name, roles } : { name, roles, attributes });
  const seenEnds = ends === 0 ? noEnds : decodeEnds(ends);
  if (principal === undefined || seenEnds === undefined || !isName(how)) return undefined;
  if (!isInstant(openedStamp) || !isInstant(authenticatedAt) || !isInstant(endsAt) || !isInstant(epoch))
    return undefined;
  const tail = decodeTail(more);
  if (!isInstant(usedAt) || !isInstant(aliveAt) || tail === undefined) return undefined;
  const { origin, remembered } = tail;
  return {
    state: 'open', principal, how, openedStamp, authenticatedAt, endsAt, epoch, seenEnds, usedAt, aliveAt, origin, remembered,
  }; // biome-ignore format: as the tuple
}

type Tail = Pick<OpenEntry, 'origin' | 'remembered'>;

const noTail: Tail = {};

/** What a version before this one neither sends nor keeps: one item, so that a later one can go on behind it. */
function encodeTail({ origin, remembered }: Tail): unknown {
  if (origin === undefined && remembered === undefined) return 0;
  return [origin?.device ?? '', origin?.source ?? '', remembered === true ? 1 : 0];
}

function decodeTail(data: unknown): Tail | undefined {
  if (data === 0 || data === undefined) return noTail;
  if (!Array.isArray(data) || data.length < 3) return undefined;
  const [device, source, remembered] = data;
  const parsed = parseOrigin(device, source);
  if (parsed === undefined || (remembered !== 0 && remembered !== 1)) return undefined;
  return { origin: parsed.origin, remembered: remembered === 1 ? true : undefined };
}

export function decodeEnds(data: unknown): Ends | undefined {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined;
  const ends: Record<string, number> = Object.create(null);
  for (const [life, count] of Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (life.length > 300 || !isInstant(count)) return undefined;
    ends[life] = count;
  }
  return Object.keys(ends).length === 0 ? noEnds : Object.freeze(ends);
}

/** A finite, whole, non-negative number: instants, stamps and counters of a peer. */
export function isInstant(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
