/**
 * The production parts of one node, put together as `sso/node.ts` does it, but with a hand on each of
 * them: the simulation and the benchmarks ask the registry and the sessions directly, without HTTP.
 */

import type { Channel, Peer } from '../../sso/channel/channel.ts';
import type { Clock } from '../../sso/clock.ts';
import { entryLattice, type SsoEntry } from '../../sso/entry.ts';
import type { Copies } from '../../sso/gossip/copies.ts';
import { GossipNode, type GossipOptions } from '../../sso/gossip/gossip.ts';
import type { Lattice } from '../../sso/gossip/lattice.ts';
import { HybridClock } from '../../sso/hybrid-clock.ts';
import type { Keys } from '../../sso/keys.ts';
import { silentLog } from '../../sso/log.ts';
import type { Random } from '../../sso/random.ts';
import { Registry, type RegistryLimits } from '../../sso/registry.ts';
import { type SessionRecord, sessionLattice } from '../../sso/session/record.ts';
import { type SessionLimits, SessionTable } from '../../sso/session/table.ts';
import { type Subject, subjectLattice } from '../../sso/subject.ts';

export interface Maps {
  readonly entries: Copies<SsoEntry>;
  readonly subjects: Copies<Subject>;
  readonly sessions: Copies<SessionRecord>;
}

export interface Lattices {
  readonly entries: Lattice<SsoEntry>;
  readonly subjects: Lattice<Subject>;
  readonly sessions: Lattice<SessionRecord>;
}

export const productionLattices: Lattices = {
  entries: entryLattice,
  subjects: subjectLattice,
  sessions: sessionLattice,
};

export interface NodePlan {
  readonly self: Peer;
  readonly address: string;
  readonly channel?: Channel;
  readonly clock: Clock;
  readonly random: Random;
  readonly keys: Keys;
  readonly lattices?: Lattices;
  readonly gossip?: Partial<GossipOptions>;
  readonly registry?: Partial<RegistryLimits>;
  readonly sessions?: Partial<SessionLimits>;
  readonly accepting: () => boolean;
  /** Sees the maps before anything else listens to them, so that it hears changes in the order of the merges. */
  readonly watch?: (maps: Maps) => void;
}

export interface NodeParts extends Maps {
  /** `node:incarnation`. */
  readonly life: string;
  readonly gossip: GossipNode;
  readonly registry: Registry;
  readonly table: SessionTable;
}

export function nodeParts(plan: NodePlan): NodeParts {
  const { self, address, channel, clock, random, keys, lattices = productionLattices } = plan;
  const life = `${self.node}:${self.incarnation}`;
  const hybrid = new HybridClock(clock);
  const gossip = new GossipNode({
    self: { ...self, route: self.node, address },
    channel,
    clock,
    random,
    log: silentLog,
    options: plan.gossip ?? {},
  });
  const entries = gossip.map(lattices.entries);
  const subjects = gossip.map(lattices.subjects);
  const sessions = gossip.map(lattices.sessions);
  plan.watch?.({ entries, subjects, sessions });
  let registry: Registry;
  const table = new SessionTable({
    copies: sessions,
    gossip,
    signOns: {
      stateOf: (id) => registry.stateOf(id),
      endsAt: (id) => registry.endsAt(id),
      closedAt: (id) => registry.closedAt(id),
      fetch: (id) => registry.fetch(id),
      lived: (id, until) => registry.lived(id, until),
    },
    clock,
    hybrid,
    life,
    lifeEndedAt: (one) => gossip.lifeEndedAt(one),
    limits: plan.sessions ?? {},
  });
  registry = new Registry({
    entries,
    subjects,
    gossip,
    links: {
      linkedUntil: (id) => table.linkedUntil(id),
      keysOf: (id) => table.keysOf(id),
      ask: (asked) => sessions.ask(asked),
      endLinked: (id, closedAt) => table.endLinked(id, closedAt),
      views: (id) =>
        table
          .linked(id)
          .map(({ session }) => ({ app: session.app, node: session.owner, lastAccessAt: session.lastAccessAt })),
    },
    keys,
    clock,
    hybrid,
    random,
    life,
    accepting: plan.accepting,
    limits: plan.registry ?? {},
  });
  return { life, gossip, registry, table, entries, subjects, sessions };
}
