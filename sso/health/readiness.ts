/**
 * Whether a balancer may send requests here, and if not, why, and what is waited for. A pure function of
 * the picture. What it says is for anybody who can reach the page: reasons and numbers, no names and no
 * addresses (SECURITY.md, check 50); `detailsOf` has those, for an operator.
 */

import type { HealthSnapshot } from './snapshot.ts';

/** In this order they are told. */
export const reasons = [
  'stopped',
  'joining',
  'refused',
  'recovering',
  'refilling',
  'draining',
  'resting',
  'without-quorum',
  'disk',
  'clock',
] as const;
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
  // The other reasons say what it has not; this one why it will not get it by waiting.
  refused: {
    holds: ({ state, finality, refusals }) => state !== 'stopped' && !finality.accepting && refusals.length > 0,
    waitsFor: refusedFor,
    retryAfterS: () => 30,
  },
  recovering: {
    holds: isRecovering,
    waitsFor: ({ finality }) =>
      finality.vote !== undefined && finality.voters.length === 1
        ? 'the leases of its former life to run out'
        : finality.standing === 'disk'
          ? 'the leases of its former life to run out, and a voter that remembers it'
          : sourcesOf(finality),
    retryAfterS: ({ finality }) => Math.max(1, Math.ceil(finality.leaseMs / 1000)),
  },
  // It serves as ever: whoever ends nodes one after the other is to wait for it.
  refilling: {
    holds: (snapshot) => snapshot.state === 'up' && snapshot.sessions.placed.refilling > 0,
    waitsFor: ({ sessions }) =>
      `the data of ${sessions.placed.refilling} session${sessions.placed.refilling === 1 ? '' : 's'} that it is to hold again`,
    retryAfterS: () => 1,
  },
  draining: {
    holds: ({ state }) => state === 'draining',
    waitsFor: () => undefined,
    retryAfterS: () => 1,
  },
  // It serves as ever: what is tried out is the balancer.
  resting: {
    holds: (snapshot) => isServing(snapshot) && snapshot.restsForMs > 0,
    waitsFor: () => 'the end of a rest that an operator has asked for, to see what the balancer does',
    retryAfterS: ({ restsForMs }) => Math.max(1, Math.ceil(restsForMs / 1000)),
  },
  'without-quorum': {
    holds: (snapshot) => isServing(snapshot) && !isRecovering(snapshot) && !snapshot.finality.accepting,
    waitsFor: ({ finality }) =>
      finality.mode === 'serve'
        ? 'a lease of one voter at least'
        : finality.voters.length === 1
          ? 'a lease of the one voter'
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
    waitsFor: () => "its clock, or the others', to be set right: they differ too much",
    retryAfterS: () => 30,
  },
};

/** What has to be put right before other nodes take this one, by the reason that was given. */
const cures: Readonly<Record<string, string>> = {
  name: 'credentials that name it',
  cluster: 'the name of their cluster',
  version: 'frames of a version that they speak',
  full: 'room among their members',
};

/** In words of ours: values and names are the log's, and `detailsOf`'s. */
function refusedFor({ refusals }: HealthSnapshot): string {
  const differ = [...new Set(refusals.flatMap((one) => one.differ))];
  const others = [...new Set(refusals.map(({ reason }) => reason).filter((reason) => reason !== 'settings'))];
  const cure = (reason: string) => (Object.hasOwn(cures, reason) ? cures[reason]! : 'what its log says');
  const settings = differ.length > 0 ? [`its ${listed(differ)} to be the same as on the nodes that refuse it`] : [];
  return listed([...settings, ...others.map(cure)]) || 'what its log says';
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

function sourcesOf({ voters, quorum, vote, mode }: HealthSnapshot['finality']): string {
  if (vote === undefined) return 'the state of one voter';
  const others = mode === 'serve' ? 1 : voters.length - quorum + 1;
  return others === 1 ? 'the state of one other voter' : `the state of ${others} other voters`;
}

/** The leases that count: those that run, and a recovered voter's own. */
export function leasesOf({ leases, vote, standing }: HealthSnapshot['finality']): number {
  return leases.filter(({ remainingMs }) => remainingMs > 0).length + (vote !== undefined && standing === 'up' ? 1 : 0);
}

/** Everything, addresses included: for whoever runs the node. */
export function detailsOf(snapshot: HealthSnapshot): object {
  const { state, finality, members, clock, diskFailure, queues, signOns, sessions, refusals } = snapshot;
  const states: Record<string, number> = {};
  for (const member of members) states[member.state] = (states[member.state] ?? 0) + 1;
  return { state, finality, members: states, refusals, clock, diskFailure, queues, signOns, sessions };
}
