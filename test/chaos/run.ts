/** `npm run chaos -- [--cells N] [--seed S] [--only PART-OF-NAME] [--again] [--list]`: real processes under faults, a line per cell, a table at the end. */

import { join } from 'node:path';
import { seededRandom, systemRandom } from '../../sso/random.ts';
import { build } from '../bench/build.ts';
import { figure, markdownTable, percentile } from '../bench/table.ts';
import { tool } from '../support/tool.ts';
import { type CellResult, runCell } from './cell.ts';
import { type Cell, matrix } from './matrix.ts';

const usage = `npm run chaos -- [--cells N] [--seed S] [--only PART-OF-NAME] [--again] [--list]

  --cells N   the first so many (all ${matrix.length})
  --seed S    chance (another one each time)
  --only TEXT those whose name contains this
  --again     a cell that the machine may have broken gets a second run
  --list      names them, and runs none`;
const { values, whole, refuse } = tool(usage, {
  cells: { type: 'string', default: String(matrix.length) },
  seed: { type: 'string', default: String(1 + Math.floor(systemRandom.fraction() * 1_000_000)) },
  only: { type: 'string', default: '' },
  again: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
});

const seed = whole('seed');
const cells = matrix.filter(({ name }) => name.includes(values.only)).slice(0, whole('cells'));
if (cells.length === 0) refuse(`there is no cell "${values.only}": --list shows them`);
if (values.list) for (const cell of cells) console.log(titleOf(cell));
else await runAll();

async function runAll(): Promise<void> {
  console.log(`${cells.length} cells, seed ${seed}`);
  const built = build();
  process.once('exit', () => built.remove());
  const folder = join(built.folder, '../chaos');
  const results: CellResult[] = [];
  for (const cell of cells) {
    // A cell's chance does not depend on the cells before it: it can be run again alone.
    const { fraction } = seededRandom(seed * 1_000 + matrix.indexOf(cell));
    let result = await runCell(cell, seed, fraction, folder);
    show(result);
    if (values.again && isBroken(result) && mayBeTheMachine(result)) {
      result = await runCell(cell, seed, fraction, folder);
      show(result);
    }
    results.push(result);
  }
  console.log(`\n${tableOf(results)}`);
  const broken = results.filter(isBroken);
  const skipped = results.filter(({ skipped }) => skipped !== undefined);
  console.log(`\nseed ${seed}: ${results.length} cells, ${broken.length} broken, ${skipped.length} skipped`);
  for (const { cell } of broken) console.log(`again: npm run chaos -- --seed ${seed} --only '${cell.name}'`);
  if (broken.length > 0) process.exitCode = 1;
}

function show(result: CellResult): void {
  console.log(lineOf(result));
  if (isBroken(result)) console.log(indented(result.history));
}

/** With `--again`: what a machine without time for its processes can cause. Accepting what ended, or losing what was acknowledged, it cannot. */
function mayBeTheMachine({ judgement, failed }: CellResult): boolean {
  const never = /^(S\d|lost|finalAt)$/;
  return failed !== undefined || (judgement?.breaches ?? []).every(({ rule }) => !never.test(rule));
}

function isBroken({ judgement, failed }: CellResult): boolean {
  return failed !== undefined || (judgement !== undefined && judgement.breaches.length > 0);
}

function titleOf({ name, size, voteless = 0, disk = false }: Cell): string {
  return `${name} · ${size}${voteless > 0 ? `+${voteless}` : ''} nodes${disk ? ', disk' : ''}`;
}

function lineOf(result: CellResult): string {
  const { cell, skipped, failed, seconds, records, judgement } = result;
  if (failed !== undefined) return `BROKEN   ${seconds.toFixed(1)} s  ${titleOf(cell)}: ${failed}`;
  if (records === undefined || judgement === undefined) return `skipped  ${titleOf(cell)}: ${skipped}`;
  const { counts, logouts } = records;
  const words = [
    `${counts.requests} requests`,
    `${counts.accepted} accepted`,
    `${counts.endedAsked} with ended sign-ons`,
    `${logouts.length} logouts (${judgement.pending} pending), slowest ${figure(Math.max(0, ...judgement.logoutMs))} ms`,
    `${judgement.excused} refusals excused`,
    `well ${figure(judgement.wellAfterMs)} ms after`,
    ...(judgement.starvedMs > 0 ? [`${figure(judgement.starvedMs)} ms without a processor`] : []),
    ...(isBroken(result) ? [`BROKEN: ${rulesOf(result)}`] : []),
  ];
  return `${isBroken(result) ? 'BROKEN ' : 'ok     '} ${seconds.toFixed(1)} s  ${titleOf(cell)}: ${words.join(', ')}`;
}

function rulesOf({ judgement }: CellResult): string {
  const counts = new Map<string, number>();
  for (const { rule } of judgement?.breaches ?? []) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  return [...counts].map(([rule, count]) => `${rule} ×${count}`).join(', ');
}

function tableOf(results: readonly CellResult[]): string {
  const head = [
    'cell',
    'verdict',
    'requests',
    'ended asked',
    'logouts',
    'p50 ms',
    'max ms',
    'excused',
    'well after ms',
  ];
  const rows = results.map((result) => {
    const { cell, skipped, failed, records, judgement } = result;
    if (failed !== undefined) return [titleOf(cell), 'failed'];
    if (records === undefined || judgement === undefined) return [titleOf(cell), `skipped: ${skipped}`];
    const { counts, logouts } = records;
    const { logoutMs, excused, wellAfterMs } = judgement;
    return [
      titleOf(cell),
      isBroken(result) ? rulesOf(result) : '0',
      ...[counts.requests, counts.endedAsked, logouts.length].map(String),
      ...[percentile(logoutMs, 0.5), percentile(logoutMs, 1), excused, wellAfterMs].map(figure),
    ];
  });
  return markdownTable(head, rows);
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}
