/** The picture of a node, taken when somebody asks for its health or its metrics; most of it is the heart's. */

import type { HealthSnapshot } from '../health/snapshot.ts';
import type { Heart } from '../heart.ts';

/** What the heart does not know. */
export type Surroundings = Pick<HealthSnapshot, 'state' | 'restsForMs' | 'refusals' | 'longLived'>;

export function pictureOf(heart: Heart, surroundings: Surroundings): HealthSnapshot {
  const { registry, table, passivation, courier, entries, receipts } = heart;
  const finality = heart.finality.view();
  const { unconfirmed, fetching, ...placed } = courier.view();
  return {
    ...surroundings,
    finality,
    members: heart.gossip.members(),
    signOns: { open: registry.openCount, closed: entries.size - registry.openCount },
    sessions: { live: table.liveCount, passivated: passivation.view.passivated, placed },
    counters: countersOf(heart),
    queues: {
      closings: finality.outstanding,
      'disk-writes': heart.unwritten,
      receipts: receipts.underWay,
      buddies: unconfirmed,
      'session-fetches': fetching,
    },
    clock: { offsetMs: heart.clockOffsetMs, isWrong: heart.isClockFarOff },
    diskFailure: heart.diskFailure,
  };
}

/** What has been counted since the start, by name. */
export function countersOf({
  gossip,
  passivation,
  courier,
  sessionConflicts,
}: Heart): Readonly<Record<string, number>> {
  const sessions = { ...passivation.counters(), ...courier.counters(), 'session-conflicts': sessionConflicts };
  return { ...gossip.counters(), ...sessions };
}
