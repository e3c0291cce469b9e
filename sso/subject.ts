/**
 * What is known of a user beyond single sign-ons: when all of them were ended, and the roles set
 * meanwhile. A subject's end needs no clock: an entry carries the ends that were known when the check
 * of its credentials began, and any later one, from any node, ends it (FINAL-LOGOUT.md).
 */

import { type Cause, causes, clockErrorMs, decodeEnds, type Ends, isInstant, noEnds, type OpenEntry } from './entry.ts';
import type { Lattice } from './gossip/lattice.ts';
import { stampMs } from './hybrid-clock.ts';
import { parseRoles } from './principal.ts';

export interface Subject {
  readonly ends: Ends;
  /** Why and when the sign-ons were last ended: the later, for the log and the page. */
  readonly endedAt: number;
  readonly endedCause: Cause;
  /** Roles that were set, and the hybrid-clock stamp that says since when; stamp 0: never set. */
  readonly roles: readonly string[];
  readonly rolesStamp: number;
  /** Until when an entry may live that this concerns. A maximum. */
  readonly keepUntil: number;
}

export const unknownSubject: Subject = {
  ends: noEnds,
  endedAt: 0,
  endedCause: 'subject-ended',
  roles: [],
  rolesStamp: 0,
  keepUntil: 0,
};

/** An entry may be opened by a node that does not know of an end for so long after its check began, milliseconds. */
export const openingMarginMs = 60_000;

/**
 * Whether an end of this subject that the entry's opener did not know of has been heard. An end that is older than the
 * entry by a whole life of a sign-on is none of its business: its opener may have forgotten it, others not yet.
 */
export function endsEntry(subject: Subject, entry: OpenEntry): boolean {
  if (subject.ends === noEnds) return false;
  const oldest = 2 * entry.authenticatedAt - entry.endsAt - openingMarginMs;
  for (const life in subject.ends) {
    const end = subject.ends[life]!;
    if (end > (entry.seenEnds[life] ?? 0) && stampMs(end) > oldest) return true;
  }
  return false;
}

export const subjectLattice: Lattice<Subject> = {
  name: 'subjects',
  merge(mine, theirs) {
    const ends = mergeEnds(mine.ends, theirs.ends);
    const laterEnd =
      theirs.endedAt > mine.endedAt || (theirs.endedAt === mine.endedAt && theirs.endedCause > mine.endedCause);
    const laterRoles =
      theirs.rolesStamp > mine.rolesStamp ||
      (theirs.rolesStamp === mine.rolesStamp && JSON.stringify(theirs.roles) > JSON.stringify(mine.roles));
    if (ends === mine.ends && !laterEnd && !laterRoles && theirs.keepUntil <= mine.keepUntil) return mine;
    return {
      ends,
      endedAt: laterEnd ? theirs.endedAt : mine.endedAt,
      endedCause: laterEnd ? theirs.endedCause : mine.endedCause,
      roles: laterRoles ? theirs.roles : mine.roles,
      rolesStamp: laterRoles ? theirs.rolesStamp : mine.rolesStamp,
      keepUntil: Math.max(mine.keepUntil, theirs.keepUntil),
    };
  },
  encode: (value) => [value.ends, value.endedAt, value.endedCause, value.roles, value.rolesStamp, value.keepUntil],
  decode(data) {
    if (!Array.isArray(data) || data.length < 6) return undefined;
    const [endsData, endedAt, endedCause, rolesData, rolesStamp, keepUntil] = data;
    const ends = decodeEnds(endsData);
    const roles = parseRoles(rolesData);
    if (ends === undefined || roles === undefined || !(causes as readonly unknown[]).includes(endedCause))
      return undefined;
    if (!isInstant(endedAt) || !isInstant(rolesStamp) || !isInstant(keepUntil)) return undefined;
    return { ends, endedAt, endedCause, roles, rolesStamp, keepUntil };
  },
  /**
   * Neither this nor the stamps of the ends are capped: an end from the future concerns whatever is opened without
   * knowing it, for as long as that lasts, so it has to be kept as long. `endedAt` is for people to read.
   */
  forgetAt: (value) => value.keepUntil + 2 * clockErrorMs,
};

function mergeEnds(mine: Ends, theirs: Ends): Ends {
  const later = Object.entries(theirs).filter(([life, count]) => count > (mine[life] ?? 0));
  return later.length === 0 ? mine : withEnds(mine, later);
}

/**
 * The ends after this life of this node ended the subject once more, at this hybrid-clock stamp: later than every one
 * before, forgotten ones included. Those from before `oldestAt` (milliseconds) concern no entry any more and are left out.
 */
export function endOnce(ends: Ends, life: string, stamp: number, oldestAt: number): Ends {
  const known = Object.fromEntries(Object.entries(ends).filter(([, end]) => stampMs(end) >= oldestAt));
  return withEnds(known, [[life, Math.max(stamp, (ends[life] ?? 0) + 1)]]);
}

/** Keys in order, so that equal ends are equal text. */
function withEnds(ends: Ends, later: readonly (readonly [string, number])[]): Ends {
  const sorted: Record<string, number> = Object.create(null);
  for (const [life, count] of [...Object.entries(ends), ...later].sort(([a, m], [b, n]) =>
    a < b ? -1 : a > b ? 1 : m - n,
  ))
    sorted[life] = count;
  return Object.freeze(sorted);
}
