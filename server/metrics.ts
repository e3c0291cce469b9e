/**
 * What `latchkey serve` counts beside the library's own metrics, in a registry of its own: what it told
 * proxies and how long that took, and what the re-check of people found. Labels are words of ours; no user,
 * host or address is one (check 50).
 */

import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Round } from './directories/round.ts';
import { type Decision, decisions } from './forward-auth/outcome.ts';

export interface ServerMetrics {
  /** For `sso.metrics({ also })`. */
  readonly registry: Registry;
  /** A proxy's question was answered, after so many milliseconds. */
  decided(decision: Decision, ms: number): void;
  /** A round of the re-check is over. */
  rechecked(round: Round): void;
}

/** Seconds. Most decisions are made in memory; those with a password wait for a hash, those without leases for other nodes. */
const decisionBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** @param parts what there is to count in this process: a series of what cannot happen would only puzzle */
export function serverMetrics(parts: { readonly forwardAuth: boolean; readonly recheck: boolean }): ServerMetrics {
  const registry = new Registry();
  const asked = parts.forwardAuth ? forwardAuthMetrics(registry) : undefined;
  const people = parts.recheck ? recheckMetrics(registry) : undefined;
  return {
    registry,
    decided: (decision, ms) => asked?.(decision, ms),
    rechecked: (round) => people?.(round),
  };
}

function forwardAuthMetrics(registry: Registry): ServerMetrics['decided'] {
  const registers = [registry];
  const answers = new Counter({
    name: 'latchkey_forward_auth_decisions_total',
    help: 'Questions of proxies that this node answered, by what it said.',
    labelNames: ['decision'],
    registers,
  });
  const durations = new Histogram({
    name: 'latchkey_forward_auth_duration_seconds',
    help: 'From a question of a proxy until its answer.',
    buckets: decisionBuckets,
    registers,
  });
  // Made once: finding a series by its labels costs more than counting in it.
  const series = Object.fromEntries(decisions.map((decision) => [decision, answers.labels(decision)]));
  for (const one of Object.values(series)) one.inc(0);
  return (decision, ms) => {
    series[decision]!.inc();
    durations.observe(ms / 1000);
  };
}

function recheckMetrics(registry: Registry): ServerMetrics['rechecked'] {
  const registers = [registry];
  const rounds = new Counter({
    name: 'latchkey_recheck_rounds_total',
    help: 'Rounds in which this node asked the directory about the people of its share; away: broken off, since it did not answer.',
    labelNames: ['result'],
    registers,
  });
  const people = new Counter({
    name: 'latchkey_recheck_people_total',
    help: 'People whom the directory was asked about: ended, changed (other roles), unanswered; the others are as they were.',
    labelNames: ['result'],
    registers,
  });
  const heldBack = new Gauge({
    name: 'latchkey_recheck_held_back',
    help: 'People whom the last round missed and did not end, since so many at once are not believed. More than 0: look at the log.',
    registers,
  });
  for (const result of ['done', 'away', 'held-back']) rounds.inc({ result }, 0);
  for (const result of ['asked', 'ended', 'changed', 'unanswered']) people.inc({ result }, 0);
  return (round) => {
    rounds.inc({ result: round.away ? 'away' : round.heldBack > 0 ? 'held-back' : 'done' });
    for (const result of ['asked', 'ended', 'changed', 'unanswered'] as const) people.inc({ result }, round[result]);
    heldBack.set(round.heldBack);
  };
}
