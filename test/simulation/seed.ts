/**
 * One seed from beginning to end: a history of about so many events with faults, then five rounds of
 * peace, then the verdict. The same seed gives the same history, event by event.
 */

import { type Breach, Checkers } from './checkers.ts';
import { climateOf } from './climate.ts';
import { Cluster, chanceOf } from './cluster.ts';
import { Faults } from './faults.ts';
import { History } from './history.ts';
import { Model } from './model.ts';
import { type PlantName, plants } from './plants.ts';
import { Schedule } from './schedule.ts';
import { judgeHealed } from './verdict.ts';
import { Workload } from './workload.ts';

export interface SeedResult {
  readonly seed: number;
  /** Frames delivered, timers fired, operations. */
  readonly events: number;
  /** Equal for equal histories. */
  readonly hash: string;
  readonly signOns: number;
  readonly sessions: number;
  /** Virtual seconds that passed. */
  readonly seconds: number;
  readonly breach: (Breach & { readonly history: readonly string[] }) | undefined;
}

/** Events between two looks at the operating system: other work of this process gets its turn. */
const breathEvents = 500;
const roundsOfPeace = 5;

export async function runSeed(
  seed: number,
  options: { readonly events?: number; readonly plant?: PlantName } = {},
): Promise<SeedResult> {
  const { events = 3_000, plant: plantName = 'none' } = options;
  const plant = plants[plantName];
  const chance = chanceOf(seed);
  const climate = climateOf(chance('climate'));
  const schedule = new Schedule();
  const history = new History();
  const model = new Model(climate.lifeMs);
  const checkers = new Checkers(model, climate, () => schedule.now);
  const cluster = new Cluster({ climate, schedule, model, checkers, history, chance, plant });
  const workload = new Workload({
    cluster,
    climate,
    model,
    checkers,
    history,
    schedule,
    random: chance('workload'),
    plant,
  });
  const faults = new Faults(cluster, climate, schedule, history, chance('faults'));
  const begunAt = schedule.now;

  for (const name of climate.nodes) cluster.start(name);
  faults.begin();
  workload.begin();
  await schedule.settle();
  while (schedule.steps < events && checkers.breach === undefined) {
    await schedule.step(Number.POSITIVE_INFINITY);
    if (schedule.steps % breathEvents === 0) await breath();
  }
  workload.end();
  faults.end();
  await schedule.settle();
  const peaceUntil = schedule.now + roundsOfPeace * climate.intervalMs;
  while (checkers.breach === undefined && (await schedule.step(peaceUntil)));
  if (checkers.breach === undefined) judgeHealed(cluster, climate, model, checkers, schedule.now);
  const { breach } = checkers;
  return {
    seed,
    events: schedule.steps,
    hash: history.hash,
    signOns: model.signOns.size,
    sessions: model.sessions.size,
    seconds: (schedule.now - begunAt) / 1_000,
    breach: breach && { ...breach, history: history.about(breach.about) },
  };
}

const breath = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** What a failure prints. */
export function failureText({ seed, breach }: SeedResult): string {
  if (breach === undefined) return '';
  return [
    `seed ${seed} breaks ${breach.rule}: ${breach.message}`,
    ...breach.history,
    `once more: npm run simulate -- --seed ${seed} --seeds 1`,
  ].join('\n');
}
