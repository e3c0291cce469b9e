/**
 * Nodes as the others see them, replicated like everything else: the later life of a node wins, then
 * the later word about it (`beat`, which only its own process raises), then the graver state. Whoever
 * misses a member for long says that it is lost; one that lives and hears so raises its beat and is up
 * again. The beat alone makes no copies differ: it stays out of digests. So do pool and host, which a life never changes
 * and versions before do not keep.
 */

import type { Lattice } from './lattice.ts';

/** In the order of gravity: of one beat the later in this list wins. */
export const memberStates = ['joining', 'up', 'draining', 'lost', 'left'] as const;
export type MemberState = (typeof memberStates)[number];

export interface Member {
  /** One life of the node's process; a later one is larger. */
  readonly incarnation: number;
  /** When this life began, by its own clock, milliseconds. */
  readonly startedAt: number;
  readonly beat: number;
  readonly state: MemberState;
  /** When it came into this state, by the clock of who said so, milliseconds. */
  readonly since: number;
  /** Where its channel listens; '' if nowhere. */
  readonly address: string;
  /** The sticky suffix that balancers know it by. */
  readonly route: string;
  readonly applications: readonly string[];
  /** Nodes of one pool rather keep copies of sessions for each other (JBoss: buddyPoolName); '' = none. */
  readonly buddyPool: string;
  /** The machine that it runs on; '' = it did not say. */
  readonly host: string;
}

/** How long it is remembered that a node left or was lost, milliseconds. */
export const goneMemoryMs = 24 * 3_600_000;

export const memberLimits = { textLength: 256, applications: 256 } as const;

/** Whether this life of the node is over, or taken for it. */
export const isGone = ({ state }: Pick<Member, 'state'>): boolean => state === 'left' || state === 'lost';

export const memberLattice: Lattice<Member> = {
  name: 'members',
  merge: (mine, theirs) => (isLater(theirs, mine) ? theirs : mine),
  encode: (value) => [
    value.incarnation,
    value.startedAt,
    value.beat,
    value.state,
    value.since,
    value.address,
    value.route,
    value.applications,
    value.buddyPool,
    value.host,
  ],
  decode(data) {
    if (!Array.isArray(data) || data.length < 8) return undefined;
    // Versions before said neither pool nor host.
    const [incarnation, startedAt, beat, stateData, since, address, route, applications, buddyPool = '', host = ''] =
      data;
    const state = memberStates.find((one) => one === stateData);
    if (
      state === undefined ||
      ![incarnation, startedAt, beat, since].every(isCount) ||
      !isText(address) ||
      !isText(route) ||
      !isText(buddyPool) ||
      !isText(host)
    )
      return undefined;
    if (!Array.isArray(applications) || applications.length > memberLimits.applications || !applications.every(isText))
      return undefined;
    return { incarnation, startedAt, beat, state, since, address, route, applications, buddyPool, host };
  },
  digestText: (value) => `${value.incarnation} ${value.startedAt} ${restOf(value)}`,
  forgetAt: (value) => (isGone(value) ? value.since + goneMemoryMs : Number.POSITIVE_INFINITY),
};

/**
 * When the links of a life (`node:incarnation`) count as gone, milliseconds: it left, was lost, or
 * another life took its place. `undefined`: it goes on, or nothing is known of it.
 */
export function lifeEndedAt(member: Member | undefined, incarnation: number): number | undefined {
  if (member === undefined || member.incarnation < incarnation) return undefined;
  if (member.incarnation > incarnation) return member.startedAt;
  return isGone(member) ? member.since : undefined;
}

/** A total order, so that merging is taking the greatest. */
function isLater(a: Member, b: Member): boolean {
  if (a.incarnation !== b.incarnation) return a.incarnation > b.incarnation;
  if (a.beat !== b.beat) return a.beat > b.beat;
  if (a.state !== b.state) return memberStates.indexOf(a.state) > memberStates.indexOf(b.state);
  if (a.since !== b.since) return a.since < b.since;
  if (a.startedAt !== b.startedAt) return a.startedAt < b.startedAt;
  const [rest, other] = [restOf(a), restOf(b)];
  if (rest !== other) return rest > other;
  // '' is also what a node of a version before has made of them, and less than what the node itself has said.
  return a.host === b.host ? a.buddyPool > b.buddyPool : a.host > b.host;
}

function restOf(value: Member): string {
  return `${value.state} ${value.since} ${JSON.stringify([value.address, value.route, value.applications])}`;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= memberLimits.textLength;
