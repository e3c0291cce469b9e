/** One of several processes that run seeds: takes a range and a stride, tells of every seed as soon as it is through. */

import { type PlantName, plants } from './plants.ts';
import { runSeed, type SeedResult } from './seed.ts';

export interface Shard {
  readonly from: number;
  /** Exclusive. */
  readonly until: number;
  readonly stride: number;
  readonly events: number;
  readonly plant: PlantName;
  /** No further seed is begun after so long, real time; `undefined`: all of them. */
  readonly seconds: number | undefined;
}

/** What a shard tells: seeds that kept the rules as sums, one that broke them in full. */
export interface ShardReport {
  readonly seeds: number;
  readonly events: number;
  readonly signOns: number;
  readonly sessions: number;
  readonly withBuddies: number;
  readonly ended: number;
  readonly seconds: number;
  readonly broken: SeedResult | undefined;
}

/** Seeds between two reports. */
const reportEvery = 10;

export async function runShard(shard: Shard, report: (report: ShardReport) => void): Promise<void> {
  let sum = nothing;
  const begunAt = performance.now();
  const isLate = () => shard.seconds !== undefined && performance.now() - begunAt > shard.seconds * 1_000;
  for (let seed = shard.from; seed < shard.until && !isLate(); seed += shard.stride) {
    const result = await runSeed(seed, shard);
    sum = {
      seeds: sum.seeds + 1,
      events: sum.events + result.events,
      signOns: sum.signOns + result.signOns,
      sessions: sum.sessions + result.sessions,
      withBuddies: sum.withBuddies + Number(result.hasBuddies),
      ended: sum.ended + result.ended,
      seconds: sum.seconds + result.seconds,
      broken: result.breach === undefined ? undefined : result,
    };
    if (sum.broken === undefined && sum.seeds < reportEvery && seed + shard.stride < shard.until && !isLate()) continue;
    report(sum);
    sum = nothing;
  }
}

const nothing: ShardReport = {
  seeds: 0,
  events: 0,
  signOns: 0,
  sessions: 0,
  withBuddies: 0,
  ended: 0,
  seconds: 0,
  broken: undefined,
};

if (process.send !== undefined && process.argv[2] !== undefined) {
  const shard = JSON.parse(process.argv[2]) as Shard;
  if (plants[shard.plant] === undefined) throw new Error(`there is no plant "${shard.plant}"`);
  await runShard(shard, (report) => void process.send!(report));
  process.disconnect();
}
