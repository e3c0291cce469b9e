/** `npm run simulate -- --seeds N --seed S [--events N] [--workers N] [--plant NAME] [--all] [--least-events N]`: many histories, with a line of progress; ends with 1 at the first broken rule. */

import { availableParallelism } from 'node:os';
import { tool } from '../support/tool.ts';
import { runMany, type Sum } from './many.ts';
import { type PlantName, plants } from './plants.ts';
import { failureText } from './seed.ts';

const usage = `npm run simulate -- [--seeds N] [--seed S] [--events N] [--workers N] [--plant NAME] [--all] [--least-events N]

  --seeds N     so many histories (1000)
  --seed S      the first of them (1): the same seed and commit give the same history
  --events N    how long each is (4000)
  --workers N   processes (one for each core)
  --plant NAME  a mistake to look for: ${Object.keys(plants).join(' · ')}
  --all         goes on after the first broken rule
  --least-events N
                fails when all of them together had fewer (0): histories that do nothing prove nothing`;
const { values, whole, refuse } = tool(usage, {
  seeds: { type: 'string', default: '1000' },
  seed: { type: 'string', default: '1' },
  events: { type: 'string', default: '4000' },
  workers: { type: 'string', default: String(availableParallelism()) },
  plant: { type: 'string', default: 'none' },
  all: { type: 'boolean', default: false },
  'least-events': { type: 'string', default: '0' },
});
const leastEvents = whole('least-events', 0);
if (!Object.hasOwn(plants, values.plant)) refuse(`--plant must be one of: ${Object.keys(plants).join(' · ')}`);

const begunAt = performance.now();
const line = (sum: Sum) => {
  const seconds = (performance.now() - begunAt) / 1_000;
  return `${sum.seeds} seeds (${sum.withBuddies} with buddies), ${sum.events} events, ${sum.signOns} sign-ons, ${sum.ended} final ends, ${(sum.seconds / 3_600).toFixed(1)} virtual hours, ${sum.broken.length} broken; ${seconds.toFixed(1)} s`;
};
let shownAt = 0;
let told = 0;
const sum = await runMany(
  {
    seeds: whole('seeds'),
    seed: whole('seed'),
    events: whole('events'),
    workers: whole('workers'),
    plant: values.plant as PlantName,
    all: values.all,
  },
  (sum) => {
    for (const { seed, breach } of sum.broken.slice(told)) console.log(`\nseed ${seed} breaks ${breach?.rule}`);
    told = sum.broken.length;
    if (performance.now() - shownAt < 1_000 && process.stdout.isTTY) return;
    if (performance.now() - shownAt < 10_000 && !process.stdout.isTTY) return;
    shownAt = performance.now();
    process.stdout.write(process.stdout.isTTY ? `\r${line(sum)} ` : `${line(sum)}\n`);
  },
);
console.log(`${process.stdout.isTTY ? '\r' : ''}${line(sum)}`);
const byRule = grouped(sum.broken, ({ breach }) => breach?.rule ?? '');
for (const [first] of byRule.values()) console.log(`\n${failureText(first!)}`);
for (const [rule, broken] of byRule)
  console.log(
    `\n${rule}: ${broken.length}, seeds ${broken
      .map(({ seed }) => seed)
      .slice(0, 20)
      .join(' ')}`,
  );
if (sum.broken.length > 0) process.exitCode = 1;
if (sum.events < leastEvents) {
  console.log(`\n${sum.events} events in all, and ${leastEvents} were asked for`);
  process.exitCode = 1;
}

function grouped<T>(items: readonly T[], by: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(by(item), [...(groups.get(by(item)) ?? []), item]);
  return groups;
}
