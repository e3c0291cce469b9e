/**
 * `npm run mutants -- [--only WORDS] [--seeds N] [--from SEED] [--seconds N] [--workers N] [--all] [--lanes NAMES] [--quick] [--list]`:
 * plants one mistake after the other in a copy of the code, and says what finds it. A script or a seed
 * finds a mistake if it fails with it and passes without. Ends with 1 if one is found by nothing and
 * nobody has said why.
 */

import { tool } from '../support/tool.ts';
import { Bench } from './bench.ts';
import { type Finding, historyFiles, runSeeds, runTests, unitFiles } from './lanes.ts';
import type { Mutation } from './mutation.ts';
import { mutations } from './mutations.ts';

const usage = `npm run mutants -- [--only WORDS] [--seeds N] [--from SEED] [--seconds N] [--workers N] [--all] [--lanes NAMES] [--quick] [--list]

  --only WORDS   those whose name contains this; may be given several times
  --seeds N      at most so many seeds for each; 0: none (40)
  --from SEED    the first of them (1)
  --seconds N    at most so long for the seeds of each (60)
  --workers N    mistakes at a time (1)
  --all          seeds as well where a script has found it
  --lanes NAMES  where they are looked for: some of histories,seeds,unit
  --quick        a few that die at once, by their own script alone
  --list         names them, and plants none`;
const { values, whole, refuse } = tool(usage, {
  /** Those whose name contains this. */
  only: { type: 'string', multiple: true, default: [''] },
  /** At most so many seeds for each; 0: none. */
  seeds: { type: 'string', default: '40' },
  /** The first of them. */
  from: { type: 'string', default: '1' },
  /** At most so long for the seeds of each, seconds. */
  seconds: { type: 'string', default: '60' },
  workers: { type: 'string', default: '1' },
  /** Seeds as well where a script has found it. */
  all: { type: 'boolean', default: false },
  /** Where mistakes are looked for: some of histories, seeds, unit. */
  lanes: { type: 'string', default: 'histories,seeds,unit' },
  /** A few that die at once, by their own script alone: for CI. */
  quick: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
});

const laneNames = ['histories', 'seeds', 'unit'] as const;
const lanes = new Set(values.quick ? ['histories'] : values.lanes.split(','));
for (const lane of lanes)
  if (!(laneNames as readonly string[]).includes(lane)) refuse(`--lanes takes some of ${laneNames.join()}`);
const seeds = lanes.has('seeds') ? whole('seeds', 0) : 0;
const from = whole('from', 1);
const seconds = whole('seconds', 1);
/** All scripts, or all unit tests, of one mistake: seconds. What takes longer does not end. */
const testsAtMost = 180;

const chosen = mutations.filter(
  ({ name, quick }) => values.only.some((one) => name.includes(one)) && (!values.quick || quick),
);
if (chosen.length === 0) refuse(`there is no mistake "${values.only.join()}": --list shows them`);

interface Result {
  readonly mutation: Mutation;
  /** What the simulation's scripts and seeds found. */
  readonly simulation: Finding | undefined;
  readonly unit: Finding | undefined;
}

/** Files of tests that fail in the code as it is: they find nothing. */
const unsound = new Set<string>();
const areSound = (files: readonly string[]) => files.filter((file) => !unsound.has(file));

if (values.list) {
  for (const { name, rule, file, breaks } of chosen)
    console.log(`${name}\n    ${rule}\n    ${file} · ${breaks.join(' ') || 'unit tests only'}`);
} else {
  process.exitCode = await plantAll();
}

async function plantAll(): Promise<number> {
  const begunAt = performance.now();
  const sound = new Bench();
  const benches = Array.from(
    { length: Math.min(whole('workers', 1), chosen.length) },
    () => new Bench(sound.directory),
  );
  for (const mutation of chosen) benches[0]!.plant(mutation);
  benches[0]!.mend();
  const results: Result[] = [];
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  process.once('exit', () => {
    for (const bench of [sound, ...benches]) bench.remove();
  });
  const withHistories = values.quick
    ? [...new Set(chosen.map(({ history }) => `test/simulation/histories/${history}.test.ts`))]
    : historyFiles(sound.directory);
  const withUnits = lanes.has('unit')
    ? [...new Set(chosen.flatMap(({ file }) => unitFiles(sound.directory, file)))]
    : [];
  for (const file of [...(lanes.has('histories') ? withHistories : []), ...withUnits]) {
    const base = await runTests(sound.directory, [file], testsAtMost);
    if (base.kind === 'passed') continue;
    unsound.add(file);
    console.error(`${file} fails without any mistake, and is left out: ${base.what}`);
  }
  const queue = [...chosen];
  await Promise.all(
    benches.map(async (bench) => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const result = await judge(bench, sound, next);
        results.push(result);
        console.log(lineOf(result));
      }
    }),
  );
  return summed(results, (performance.now() - begunAt) / 1_000);
}

async function judge(bench: Bench, sound: Bench, mutation: Mutation): Promise<Result> {
  bench.plant(mutation);
  const { directory } = bench;
  const files = historyFiles(directory, mutation.history);
  let simulation = lanes.has('histories')
    ? await runTests(directory, areSound(values.quick ? files.slice(0, 1) : files), testsAtMost)
    : undefined;
  if (seeds > 0 && (simulation?.kind !== 'failed' || values.all)) {
    const seeded = await seedsOf(directory, sound);
    if (simulation?.kind !== 'failed' || seeded.kind === 'failed') simulation = seeded;
  }
  const unit = lanes.has('unit')
    ? await runTests(directory, areSound(unitFiles(directory, mutation.file)), testsAtMost)
    : undefined;
  bench.mend();
  return { mutation, simulation, unit };
}

/** Seeds that fail without the mistake as well find nothing. */
async function seedsOf(directory: string, sound: Bench): Promise<Finding> {
  const found = await runSeeds(directory, from, seeds, seconds);
  if (found.kind !== 'failed' || found.seed === undefined) return found;
  const without = await runSeeds(sound.directory, found.seed, 1, seconds);
  return without.kind === 'passed' ? found : { ...found, kind: 'passed', what: 'the seed fails without it as well' };
}

function isKilled(finding: Finding | undefined): boolean {
  return finding?.kind === 'failed';
}

function lineOf({ mutation, simulation, unit }: Result): string {
  const { name, survives } = mutation;
  const verdict = isKilled(simulation ?? unit) ? 'killed  ' : survives === undefined ? 'SURVIVED' : 'survived';
  const parts = [`${verdict} ${name}`];
  if (simulation !== undefined) parts.push(`simulation: ${textOf(simulation)}`);
  if (unit !== undefined) parts.push(`unit tests: ${textOf(unit)}`);
  return parts.join('\n         ');
}

function textOf(finding: Finding): string {
  const { kind, what, seed, rule, seconds } = finding;
  const by = [seed === undefined ? '' : `seed ${seed}`, rule ?? '', what].filter((one) => one !== '').join(' · ');
  return `${kind === 'failed' ? by : kind === 'passed' ? 'nothing' : kind === 'late' ? 'nothing in time' : by} (${seconds.toFixed(1)} s)`;
}

function summed(results: readonly Result[], seconds: number): number {
  const share = (count: number) => `${count} of ${results.length} (${((100 * count) / results.length).toFixed(1)} %)`;
  const bySimulation = results.filter(({ simulation }) => isKilled(simulation));
  const byUnit = results.filter(({ unit }) => isKilled(unit));
  const byNone = results.filter(({ simulation, unit }) => !isKilled(simulation) && !isKilled(unit));
  console.log('');
  if (lanes.has('histories') || lanes.has('seeds'))
    console.log(`killed by the simulation: ${share(bySimulation.length)}`);
  if (lanes.has('unit')) {
    console.log(`killed by unit tests: ${share(byUnit.length)}`);
    console.log(`killed by either: ${share(results.length - byNone.length)}`);
  }
  console.log(`${seconds.toFixed(0)} s`);
  const broken = results.filter(({ simulation }) => simulation?.kind === 'broken');
  for (const { mutation } of broken) console.error(`"${mutation.name}" does not load: it is no mistake but nonsense`);
  const unexplained = results.filter(
    ({ simulation, mutation }) => simulation !== undefined && !isKilled(simulation) && mutation.survives === undefined,
  );
  for (const { mutation } of unexplained) console.error(`"${mutation.name}" survives, and nobody has said why`);
  return broken.length + unexplained.length + unsound.size > 0 ? 1 : 0;
}
