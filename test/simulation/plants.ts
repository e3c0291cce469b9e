/** Mistakes planted into the production code through its own options, to prove that the checkers can fail. */

import type { SsoEntry } from '../../sso/entry.ts';
import type { Lattice } from '../../sso/gossip/lattice.ts';
import { type Lattices, lattices as productionLattices } from '../../sso/heart.ts';
import type { RegistryLimits } from '../../sso/registry.ts';
import type { Changes } from '../../sso/session/data/changes.ts';
import { applyDelta } from '../../sso/session/data/delta.ts';
import type { LiveSession, SessionRecord } from '../../sso/session/record.ts';
import { encodeWhole } from '../../sso/session/record-codec.ts';
import type { Subject } from '../../sso/subject.ts';
import type { LosableType } from './cluster.ts';
import { fieldPart } from './fields.ts';

export interface Plant {
  /** Found within so many seeds. Default 100. */
  readonly within?: number;
  /** The seed to begin with, where those before it do not show the mistake. Default 1. */
  readonly from?: number;
  /** Rules of which one says so. */
  readonly breaks: readonly string[];
  readonly lattices?: Lattices;
  readonly registry?: Partial<RegistryLimits>;
  /** Messages of this type never arrive. */
  readonly loses?: LosableType;
  /** Only where some nodes have the data of sessions: there it is looked for. */
  readonly buddies?: true;
  /** Takes the mark of a sign-on when the check of its credentials is over. */
  readonly marksLate?: boolean;
}

const { entries, subjects, sessions } = productionLattices;

const withEntries = (lattice: Partial<Lattice<SsoEntry>>): Lattices => ({
  ...productionLattices,
  entries: { ...entries, ...lattice },
});
const withSubjects = (lattice: Partial<Lattice<Subject>>): Lattices => ({
  ...productionLattices,
  subjects: { ...subjects, ...lattice },
});
const withSessions = (lattice: Partial<Lattice<SessionRecord>>): Lattices => ({
  ...productionLattices,
  sessions: { ...sessions, ...lattice },
});

/** Takes fields away, as if somebody had seen what is in them. */
function without(
  session: LiveSession,
  fields: readonly { readonly part: string; readonly field: string }[],
): LiveSession {
  const there = fields.filter(({ part, field }) => session.data.get(part, field) !== undefined);
  return there.length === 0
    ? session
    : changedBySomebody(
        session,
        there.map(({ part, field }) => ({ part, field, text: undefined })),
      );
}

/** Puts back what only a former copy has. */
function withAll(session: LiveSession, former: LiveSession): LiveSession {
  const missing = [...former.data.fields(fieldPart)].filter(
    ([field]) => session.data.get(fieldPart, field) === undefined,
  );
  if (missing.length === 0) return session;
  return changedBySomebody(
    session,
    missing.map(([field, text]) => ({ part: fieldPart, field, text })),
  );
}

function changedBySomebody(session: LiveSession, fields: Changes['fields']): LiveSession {
  const { data } = session.data.change({ fields, gone: [] }, 'n0:1', session.data.latest + 1);
  return { ...session, data };
}

const planted = {
  'an open copy wins over a closed one': {
    from: 2,
    breaks: ['S2'],
    lattices: withEntries({
      merge: (mine, theirs) =>
        mine.state === 'closed' && theirs.state === 'open' ? theirs : entries.merge(mine, theirs),
    }),
  },
  'a closing is forgotten after 30 s': {
    from: 8,
    breaks: ['S1', 'S2', 'D2', 'V82'],
    lattices: withEntries({
      forgetAt: (value) => (value.state === 'closed' ? value.closedAt + 30_000 : entries.forgetAt(value)),
    }),
  },
  'copies are never compared': { breaks: ['L', 'D1', 'D2', 'S1'], loses: 'compare' },
  'the digest does not say whether an entry is closed': {
    from: 13,
    breaks: ['S1', 'D2', 'receipt'],
    lattices: withEntries({ digestText: (value) => String(value.endsAt) }),
  },
  'one copy is enough': { breaks: ['W'], registry: { copies: 1 } },
  'the ends of a subject are noted only when the check of the credentials is over': { breaks: ['S8'], marksLate: true },
  'the later end of a subject replaces those of other nodes': {
    from: 152,
    breaks: ['receipt', 'S8'],
    lattices: withSubjects({
      merge(mine, theirs) {
        const both = subjects.merge(mine, theirs);
        return both === mine ? mine : { ...both, ends: theirs.endedAt >= mine.endedAt ? theirs.ends : mine.ends };
      },
    }),
  },
  'an ended session can be written again': {
    from: 6,
    breaks: ['S2'],
    lattices: withSessions({
      merge: (mine, theirs) =>
        mine.state === 'ended' && theirs.state === 'live' ? theirs : sessions.merge(mine, theirs),
    }),
  },
  'a session keeps the first of two writes': {
    breaks: ['D1'],
    lattices: withSessions({
      merge: (mine, theirs) =>
        mine.state === 'live' && theirs.state !== 'ended' && mine.data.latest > 0 ? mine : sessions.merge(mine, theirs),
    }),
  },
  'a change is merged without what it builds on': {
    within: 10,
    breaks: ['S7', 'D1', 'D2'],
    lattices: withSessions({
      lacks: (mine, theirs) => theirs.state === 'changed' && mine?.state !== 'live',
      merge(mine, theirs) {
        if (mine.state !== 'live' || theirs.state !== 'changed' || theirs.data?.written === undefined)
          return sessions.merge(mine, theirs);
        // As if it built on whatever there is.
        const data = applyDelta(mine.data, { written: { ...theirs.data.written, from: mine.data.seen } });
        return data === mine.data ? mine : { ...mine, data };
      },
    }),
  },
  'a change without its base is dropped, and confirmed': {
    from: 36,
    within: 10,
    breaks: ['W', 'D1'],
    lattices: withSessions({
      lacks: (mine, theirs) => theirs.state === 'changed' && mine?.state !== 'live',
    }),
  },
  'a removal takes away what it has not seen': {
    within: 10,
    breaks: ['S7', 'D1'],
    lattices: withSessions({
      merge(mine, theirs) {
        const both = sessions.merge(mine, theirs);
        if (both.state !== 'live' || theirs.state !== 'changed') return both;
        const removed = (theirs.data?.written?.fields ?? []).filter(({ entry }) => entry === undefined);
        return without(both, removed);
      },
    }),
  },
  'a removal is forgotten where a copy still has the field': {
    within: 10,
    breaks: ['S7', 'D1', 'D2'],
    lattices: withSessions({
      merge(mine, theirs) {
        const both = sessions.merge(mine, theirs);
        return both.state === 'live' && mine.state === 'live' && theirs.state === 'changed'
          ? withAll(both, mine)
          : both;
      },
    }),
  },
  'the data goes with the owner': {
    within: 10,
    breaks: ['S7', 'D1', 'D2'],
    lattices: withSessions({
      merge(mine, theirs) {
        const both = sessions.merge(mine, theirs);
        if (both.state !== 'live' || mine.state !== 'live' || theirs.state !== 'live') return both;
        if (both.stays || theirs.data.includes(mine.data)) return both;
        return { ...both, data: (theirs.ownerStamp > mine.ownerStamp ? theirs : mine).data };
      },
    }),
  },
  // Seen only where nothing is lost or late, and everybody was there.
  'a use is never told': {
    from: 31,
    within: 10,
    breaks: ['W'],
    lattices: withSessions({
      encode: (value) => sessions.encode(value.state === 'changed' ? { ...value, lastAccessAt: 0 } : value),
    }),
  },
  'data that stays on its node travels': {
    within: 10,
    breaks: ['V84'],
    lattices: withSessions({
      encode: (value) => sessions.encode(value.state === 'live' ? { ...value, stays: false } : value),
    }),
  },
  'what one no longer needs is never offered': { buddies: true, within: 10, breaks: ['D2', 'D1', 'G'], loses: 'offer' },
  'data never arrives at its buddies': { buddies: true, within: 10, breaks: ['D2', 'D1', 'G', 'V88'], loses: 'carry' },
  'owner and buddies are never compared': {
    buddies: true,
    within: 10,
    breaks: ['D2', 'D1', 'G'],
    loses: 'digest',
  },
  'what only some are to have is told to all': {
    buddies: true,
    within: 10,
    breaks: ['G'],
    lattices: withSessions({ encode: encodeWhole }),
  },
  'who is to have a session does not go with its owner': {
    buddies: true,
    within: 10,
    breaks: ['D1', 'D2', 'G', 'V88'],
    lattices: withSessions({
      merge(mine, theirs) {
        const both = sessions.merge(mine, theirs);
        return both.state === 'live' && mine.state === 'live' ? { ...both, buddies: mine.buddies } : both;
      },
    }),
  },
} as const satisfies Readonly<Record<string, Plant>>;

export type PlantName = 'none' | keyof typeof planted;

export const plants: Readonly<Record<PlantName, Plant>> = { none: { breaks: [] }, ...planted };
