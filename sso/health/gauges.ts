/**
 * Every metric that is read off the picture of a node: one row each. Names follow Prometheus' conventions
 * (base units, `_total` for what only grows); labels are words of this table and of ours, never of users.
 */

import { memberStates } from '../gossip/members.ts';
import { type counterMetrics, sortedCounts } from './counter-names.ts';
import { leasesOf, readiness, reasons } from './readiness.ts';
import type { HealthSnapshot } from './snapshot.ts';

export interface MetricRow {
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter';
  /** The one label, if `of` gives a number for each of its values. */
  readonly label?: string;
  readonly of: (snapshot: HealthSnapshot) => number | Readonly<Record<string, number>>;
}

export const snapshotRows: readonly MetricRow[] = [
  gauge('latchkey_sign_ons_open', 'Sign-ons that are open, of all nodes.', ({ signOns }) => signOns.open),
  gauge(
    'latchkey_sign_ons_closed',
    'Closed sign-ons that are kept so that no late copy revives them.',
    ({ signOns }) => signOns.closed,
  ),
  gauge('latchkey_sessions_live', 'Sessions of applications, of all nodes.', ({ sessions }) => sessions.live),
  gauge(
    'latchkey_sessions_active',
    "Sessions of applications in this node's memory, those that it holds for other nodes among them.",
    ({ sessions: { live, passivated, placed } }) => Math.max(0, live - passivated - placed.elsewhere),
  ),
  gauge('latchkey_sessions_passivated', "Sessions of applications on this node's disk.", (s) => s.sessions.passivated),
  gauge(
    'latchkey_sessions_placed',
    'Sessions whose data is with some nodes only, by where that is for this node: owned, kept for another as its buddy, elsewhere.',
    ({ sessions: { placed } }) => ({ owned: placed.owned, kept: placed.kept, elsewhere: placed.elsewhere }),
    'data',
  ),
  gauge(
    'latchkey_sessions_strays',
    'Sessions whose data is here and belongs elsewhere: it stays until others are known to have it.',
    ({ sessions }) => sessions.placed.strays,
  ),
  gauge(
    'latchkey_sessions_refilling',
    'Sessions whose data this node is to hold and has not got since it started; not ready until then.',
    ({ sessions }) => sessions.placed.refilling,
  ),
  gauge('latchkey_ready', '1 if this node may be sent requests, else 0.', (s) => Number(readiness(s).ready)),
  gauge(
    'latchkey_not_ready',
    '1 for each reason for which this node may not be sent requests.',
    (s) =>
      oneOf(
        reasons,
        readiness(s).why.map(({ reason }) => reason),
      ),
    'reason',
  ),
  gauge(
    'latchkey_accepting',
    '1 if this node may accept a sign-on at this instant, by its leases, else 0.',
    ({ finality }) => Number(finality.accepting),
  ),
  gauge('latchkey_leases_held', "Leases that count, a voter's own included.", ({ finality }) => leasesOf(finality)),
  gauge('latchkey_leases_quorum', 'Leases that are a quorum.', ({ finality }) => finality.quorum),
  gauge('latchkey_voters', 'Configured voters.', ({ finality }) => finality.voters.length),
  gauge('latchkey_voter', '1 if this node has a vote, else 0.', ({ finality }) => Number(finality.vote !== undefined)),
  gauge('latchkey_lease_seconds', 'How long a lease lasts: T.', ({ finality }) => finality.leaseMs / 1000),
  gauge(
    'latchkey_when_cut_off',
    '1 for what this node does without a quorum of leases; alone: it has no cluster.',
    ({ finality }) => oneOf(['refuse', 'serve', 'alone'], [finality.mode]),
    'mode',
  ),
  gauge(
    'latchkey_standing',
    '1 for the standing of this node: up, or recovering with its disk, or recovering without its state.',
    ({ finality }) => oneOf(['up', 'disk', 'lost'], [finality.standing]),
    'standing',
  ),
  gauge('latchkey_epoch', 'The epoch in force; earlier sign-ons are over.', ({ finality }) => finality.epoch),
  gauge(
    'latchkey_closings_outstanding',
    'Closings on their way to nodes that have not confirmed them: logouts that are pending.',
    ({ finality }) => finality.outstanding,
  ),
  gauge(
    'latchkey_members',
    'Members by state, as this node sees them, itself included.',
    ({ members }) =>
      countBy(
        memberStates,
        members.map(({ state }) => state),
      ),
    'state',
  ),
  gauge(
    'latchkey_members_reachable',
    'Members whose frames reach this node now, itself included.',
    ({ members }) => members.filter(({ reachable }) => reachable).length,
  ),
  gauge('latchkey_queue_length', 'What waits now, by queue.', ({ queues }) => queues, 'queue'),
  gauge(
    'latchkey_clock_offset_seconds',
    'How far the clock of this machine is ahead of the corrected time.',
    ({ clock }) => clock.offsetMs / 1000,
  ),
  gauge('latchkey_disk_failed', '1 if the last write to the data directory failed, else 0.', ({ diskFailure }) =>
    Number(diskFailure !== undefined),
  ),
  gauge(
    'latchkey_long_lived_connections',
    'WebSockets, streamed responses and work that end with their sign-on.',
    ({ longLived }) => longLived.open,
    'kind',
  ),
  counter(
    'latchkey_long_lived_connections_closed_total',
    'Long-lived connections that were closed from here, by cause.',
    ({ longLived }) => longLived.closed,
    'cause',
  ),
  counter(
    'latchkey_frames_dropped_total',
    'Frames that were not taken or not sent, by reason.',
    ({ counters }) => sortedCounts(counters).framesDropped,
    'reason',
  ),
  counter(
    'latchkey_occurrences_total',
    'Whatever else the node counts, by its name in the code.',
    ({ counters }) => sortedCounts(counters).others,
    'kind',
  ),
];

/** The metric of one of our counters. */
export function counterRow(counts: keyof typeof counterMetrics, [name, help]: readonly [string, string]): MetricRow {
  return counter(name, help, ({ counters }) => counters[counts] ?? 0);
}

function gauge(name: string, help: string, of: MetricRow['of'], label?: string): MetricRow {
  return { name, help, type: 'gauge', of, ...(label !== undefined && { label }) };
}

function counter(name: string, help: string, of: MetricRow['of'], label?: string): MetricRow {
  return { name, help, type: 'counter', of, ...(label !== undefined && { label }) };
}

/** 1 for each that is among `present`, 0 for the others: a series that exists is a series that alerts can name. */
function oneOf(all: readonly string[], present: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries(all.map((one) => [one, Number(present.includes(one))]));
}

function countBy(all: readonly string[], present: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries(all.map((one) => [one, present.filter((other) => other === one).length]));
}
