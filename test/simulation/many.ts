/** Many seeds on several processes. The first broken one stops all of them. */

import { fork } from 'node:child_process';
import { moduleAt, processArguments } from '../support/own-process.ts';
import type { PlantName } from './plants.ts';
import type { SeedResult } from './seed.ts';
import type { Shard, ShardReport } from './shard.ts';

export interface Many {
  /** The first seed. */
  readonly seed: number;
  readonly seeds: number;
  /** Of each seed, about. */
  readonly events: number;
  readonly workers: number;
  /** No further seed is begun after so long. Default: all of them are. */
  readonly seconds?: number;
  readonly plant?: PlantName;
  /** Go on after a broken seed. Default false. */
  readonly all?: boolean;
}

export interface Sum {
  seeds: number;
  events: number;
  signOns: number;
  sessions: number;
  /** Seeds in which only some nodes have the data of sessions. */
  withBuddies: number;
  ended: number;
  /** Virtual time. */
  seconds: number;
  readonly broken: SeedResult[];
}

/** Runs them; `progress` hears of the sums now and then. @throws Error a worker ended before its time */
export async function runMany(many: Many, progress: (sum: Sum) => void = () => {}): Promise<Sum> {
  const { seed, seeds, events, workers, plant = 'none', seconds, all = false } = many;
  const sum: Sum = { seeds: 0, events: 0, signOns: 0, sessions: 0, withBuddies: 0, ended: 0, seconds: 0, broken: [] };
  const children = Array.from({ length: Math.min(workers, seeds) }, (_, index) => {
    const shard: Shard = { from: seed + index, until: seed + seeds, stride: workers, events, plant, seconds };
    return fork(moduleAt('test/simulation/shard.ts'), [JSON.stringify(shard)], {
      execArgv: [...processArguments],
    });
  });
  let stopped = false;
  const stop = () => {
    stopped = true;
    for (const child of children) child.kill();
  };
  await Promise.all(
    children.map(
      (child) =>
        new Promise<void>((resolve, reject) => {
          child.on('message', (report: ShardReport) => {
            if (stopped) return;
            sum.seeds += report.seeds;
            sum.events += report.events;
            sum.signOns += report.signOns;
            sum.sessions += report.sessions;
            sum.withBuddies += report.withBuddies;
            sum.ended += report.ended;
            sum.seconds += report.seconds;
            if (report.broken !== undefined) sum.broken.push(report.broken);
            progress(sum);
            if (report.broken !== undefined && !all) stop();
          });
          child.once('exit', (code) =>
            code === 0 || stopped ? resolve() : reject(new Error(`a worker of the simulation ended with ${code}`)),
          );
        }),
    ),
  );
  return sum;
}
