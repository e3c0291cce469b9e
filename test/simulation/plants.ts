/** Mistakes planted into the production code through its own options, to prove that the checkers can fail. */

import type { SsoEntry } from '../../sso/entry.ts';
import type { Lattice } from '../../sso/gossip/lattice.ts';
import { type Lattices, lattices as productionLattices } from '../../sso/heart.ts';
import type { RegistryLimits } from '../../sso/registry.ts';
import type { SessionRecord } from '../../sso/session/record.ts';
import type { Subject } from '../../sso/subject.ts';

export interface Plant {
  /** The seed to begin with, where the first ones do not show the mistake. Default 1. */
  readonly from?: number;
  /** Rules of which one says so. */
  readonly breaks: readonly string[];
  readonly lattices?: Lattices;
  readonly registry?: Partial<RegistryLimits>;
  /** Messages of this type never arrive. */
  readonly loses?: 'compare';
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

const planted = {
  'an open copy wins over a closed one': {
    breaks: ['S2'],
    lattices: withEntries({
      merge: (mine, theirs) =>
        mine.state === 'closed' && theirs.state === 'open' ? theirs : entries.merge(mine, theirs),
    }),
  },
  'a closing is forgotten after 30 s': {
    breaks: ['S1', 'S2', 'D2', 'V82'],
    lattices: withEntries({
      forgetAt: (value) => (value.state === 'closed' ? value.closedAt + 30_000 : entries.forgetAt(value)),
    }),
  },
  'copies are never compared': { breaks: ['L', 'D1', 'D2', 'S1'], loses: 'compare' },
  'the digest does not say whether an entry is closed': {
    breaks: ['S1', 'D2', 'receipt'],
    lattices: withEntries({ digestText: (value) => String(value.endsAt) }),
  },
  'one copy is enough': { breaks: ['W'], registry: { copies: 1 } },
  'the ends of a subject are noted only when the check of the credentials is over': { breaks: ['S8'], marksLate: true },
  'the later end of a subject replaces those of other nodes': {
    from: 150,
    breaks: ['receipt', 'S8'],
    lattices: withSubjects({
      merge(mine, theirs) {
        const both = subjects.merge(mine, theirs);
        return both === mine ? mine : { ...both, ends: theirs.endedAt >= mine.endedAt ? theirs.ends : mine.ends };
      },
    }),
  },
  'an ended session can be written again': {
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
        mine.state === 'live' && theirs.state === 'live' && mine.data !== theirs.data
          ? mine
          : sessions.merge(mine, theirs),
    }),
  },
} as const satisfies Readonly<Record<string, Plant>>;

export type PlantName = 'none' | keyof typeof planted;

export const plants: Readonly<Record<PlantName, Plant>> = { none: { breaks: [] }, ...planted };
