/**
 * One seed from beginning to end: a history of about so many events with faults, then some rounds of
 * peace, then the verdict; in some worlds peace lasts until everybody has recovered. The same seed gives
 * the same history, event by event.
 */

import type { Breach } from './checkers.ts';
import { type Climate, climateOf } from './climate.ts';
import { chanceOf } from './cluster.ts';
import { Faults } from './faults.ts';
import { withBuddies } from './placement.ts';
import { type Plant, type PlantName, plants } from './plants.ts';
import { judgeHealed, judgePlaces, judgeRecovered } from './verdict.ts';
import { World } from './world.ts';

export interface SeedResult {
  readonly seed: number;
  /** Frames delivered, timers fired, operations. */
  readonly events: number;
  /** Equal for equal histories. */
  readonly hash: string;
  readonly signOns: number;
  readonly sessions: number;
  /** Only some nodes have the data of sessions. */
  readonly hasBuddies: boolean;
  /** Ends that some node called complete, or final from an instant on. */
  readonly ended: number;
  /** Virtual seconds that passed. */
  readonly seconds: number;
  readonly breach: (Breach & { readonly history: readonly string[] }) | undefined;
}

const roundsOfPeace = 5;
/** D2: for up to five nodes, and for more, milliseconds. */
const equalWithinMs = 5_000;
const moreEqualWithinMs = 10_000;
/** When digests of what only some nodes have were compared (every 10 s), and strays were offered (every second), milliseconds after healing. */
const placedMs = 25_000;
/** And when what has moved then has gone where it was, milliseconds. */
const gatheredMs = 6_000;
/** After T: L1, and what frames take, milliseconds. */
const acceptingMs = 2_500;
/** How long whoever is asked, for leases or receipts, may take, milliseconds. */
const answerMs = 500;
export async function runSeed(
  seed: number,
  options: { readonly events?: number; readonly plant?: PlantName } = {},
): Promise<SeedResult> {
  const { events = 4_000, plant = 'none' } = options;
  const chance = chanceOf(seed);
  const planted: Plant = plants[plant];
  const former = climateOf(chance('climate'));
  // Older mistakes are looked for in worlds without buddies, where they were found first.
  const isPlain = plant !== 'none' && planted.buddies !== true;
  const climate = isPlain ? former : withBuddies(former, chance('buddies'), planted.buddies);
  const world = new World({ climate, chance, plant: planted });
  const { schedule, cluster, model, checkers, workload, history } = world;
  const faults = new Faults(cluster, climate, schedule, history, chance('faults'));
  const begunAt = schedule.now;

  for (const name of cluster.names) cluster.start(name);
  faults.begin();
  workload.begin();
  await world.run(Number.POSITIVE_INFINITY, () => schedule.steps >= events);
  workload.end();
  faults.end();
  const healedAt = schedule.now;
  await world.run(healedAt + equalMs(climate));
  if (checkers.breach === undefined) judgeHealed(cluster, climate, model, checkers, schedule.now);
  if (climate.placement !== undefined) {
    await world.run(healedAt + placedMs);
    if (checkers.breach === undefined) judgePlaces(cluster, checkers);
    workload.gatherAll();
    await world.run(schedule.now + gatheredMs);
    if (checkers.breach === undefined) judgePlaces(cluster, checkers);
  }
  if (climate.longPeace) {
    await world.run(Math.max(schedule.now, healedAt + climate.leaseMs * 1.01 + acceptingMs));
    for (const { heart } of cluster.reachable) void heart.finality.waitToAccept(answerMs);
    await world.run(schedule.now + answerMs);
    if (checkers.breach === undefined) judgeRecovered(cluster, checkers);
    await world.run(Math.max(schedule.now, healedAt + 2 * climate.leaseMs * 1.01 + 2 * acceptingMs + equalWithinMs));
    workload.judgeReceipts();
    await world.run(schedule.now + answerMs);
    if (checkers.breach === undefined) judgeHealed(cluster, climate, model, checkers, schedule.now);
  }
  const { breach } = checkers;
  return {
    seed,
    events: schedule.steps,
    hash: history.hash,
    signOns: model.signOns.size,
    sessions: model.sessions.size,
    hasBuddies: climate.placement !== undefined,
    ended: [...model.signOns.values()].filter(({ final }) => final !== undefined).length,
    seconds: (schedule.now - begunAt) / 1_000,
    breach: breach && { ...breach, history: [textOf(climate), ...history.about(breach.about)] },
  };
}

function equalMs({ intervalMs, voters, others }: Climate): number {
  const nodes = voters.length + others.length;
  return Math.max(roundsOfPeace * intervalMs * (nodes > 5 ? 2 : 1), nodes > 5 ? moreEqualWithinMs : equalWithinMs);
}

function textOf({
  voters,
  others,
  whenCutOff,
  leaseMs,
  disks,
  loss,
  delay,
  late,
  lifeMs,
  intervalMs,
  placement,
}: Climate): string {
  return `voters ${voters.join(' ')}, others ${others.join(' ') || 'none'}, ${whenCutOff}, T ${leaseMs} ms, disks: ${disks}, loss ${loss}, delay ${delay.min} to ${delay.max} ms, ${late.part} late by ${late.byMs} ms, life ${lifeMs} ms, a round every ${intervalMs} ms, sessions with ${placement === undefined ? 'everybody' : JSON.stringify(placement.copies)}`;
}

/** What a failure prints. */
export function failureText({ seed, breach }: SeedResult): string {
  if (breach === undefined) return '';
  return [
    `seed ${seed} breaks ${breach.rule}: ${breach.message}`,
    ...breach.history,
    `once more: npm run simulate -- --seed ${seed} --seeds 1`,
  ].join('\n');
}
