/**
 * Whether a balancer may send requests here, and if not, why, and what is waited for. A pure function of
 * the picture. What it says is for anybody who can reach the page: reasons and numbers, no names and no
 * addresses (SECURITY.md, check 50); `detailsOf` has those, for an operator.
 */

import type { HealthSnapshot } from './snapshot.ts';

/** In this order they are told. */
export const reasons = ['stopped', 'joining', 'recovering', 'draining', 'without-quorum', 'disk', 'clock'] as const;
export type NotReadyReason = (typeof reasons)[number];

export interface NotReady {
  readonly reason: NotReadyReason;
  /** What has to happen, in words; `undefined`: nothing will, this life is ending. */
  readonly waitsFor: string | undefined;
}

export interface Readiness {
  readonly ready: boolean;
  readonly why: readonly NotReady[];
  /** When to ask again, whole seconds; 0 when ready. */
  readonly retryAfterS: number;
}

export function readiness(snapshot: HealthSnapshot): Readiness {
  const why = reasons.filter((reason) => table[reason].holds(snapshot));
  return {
    ready: why.length === 0,
    why: why.map((reason) => ({ reason, waitsFor: table[reason].waitsFor(snapshot) })),
    retryAfterS: Math.max(0, ...why.map((reason) => table[reason].retryAfterS(snapshot))),
  };
}

interface Row {
  readonly holds: (snapshot: HealthSnapshot) => boolean;
  readonly waitsFor: (snapshot: HealthSnapshot) => string | undefined;
  readonly retryAfterS: (snapshot: HealthSnapshot) => number;
}

const isServing = ({ state }: HealthSnapshot): boolean => state === 'up' || state === 'draining';
const isRecovering = (snapshot: HealthSnapshot): boolean =>
  snapshot.state !== 'stopped' && snapshot.finality.standing !== 'up';

const table: Readonly<Record<NotReadyReason, Row>> = {
  stopped: {
    holds: ({ state }) => state === 'stopped',
    waitsFor: () => undefined,
    retryAfterS: () => 30,
  },
  joining: {
    holds: ({ state }) => state === 'starting',
    waitsFor: () => 'a comparison with the configured nodes that can be reached',
    retryAfterS: () => 1,
  },
  recovering: {
    holds: isRecovering,
    waitsFor: ({ finality }) =>
      finality.standing === 'disk'
        ? 'the leases of its former life to run out, and a voter that remembers it'
        : sourcesOf(finality),
    retryAfterS: ({ finality }) => Math.max(1, Math.ceil(finality.leaseMs / 1000)),
  },
  draining: {
    holds: ({ state }) => state === 'draining',
    waitsFor: () => undefined,
    retryAfterS: () => 1,
  },
  'without-quorum': {
    holds: (snapshot) => isServing(snapshot) && !isRecovering(snapshot) && !snapshot.finality.accepting,
    waitsFor: ({ finality }) =>
      finality.mode === 'serve'
        ? 'a lease of one voter at least'
        : `leases of ${finality.quorum} of ${finality.voters.length} voters, and has ${leasesOf(finality)}`,
    retryAfterS: () => 1,
  },
  disk: {
    holds: ({ diskFailure }) => diskFailure !== undefined,
    waitsFor: () => 'its data directory to be writable again',
    retryAfterS: () => 10,
  },
  clock: {
    holds: ({ clock }) => clock.isWrong,
    waitsFor: () => "its clock to be set right: it differs too much from the others'",
    retryAfterS: () => 30,
  },
};

function sourcesOf({ voters, quorum, vote }: HealthSnapshot['finality']): string {
  const others = vote === undefined ? 1 : voters.length - quorum + 1;
  return others === 1 ? 'the state of one other voter' : `the state of ${others} other voters`;
}

/** The leases that count: those that run, and a recovered voter's own. */
export function leasesOf({ leases, vote, standing }: HealthSnapshot['finality']): number {
  return leases.filter(({ remainingMs }) => remainingMs > 0).length + (vote !== undefined && standing === 'up' ? 1 : 0);
}

/** Everything, addresses included: for whoever runs the node. */
export function detailsOf(snapshot: HealthSnapshot): object {
  const { state, finality, members, clock, diskFailure, queues, signOns, sessions } = snapshot;
  const states: Record<string, number> = {};
  for (const member of members) states[member.state] = (states[member.state] ?? 0) + 1;
  return { state, finality, members: states, clock, diskFailure, queues, signOns, sessions };
}
