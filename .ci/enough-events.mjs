/** Fails if the simulation's last line tells of fewer events than asked for, or of a broken seed: `node .ci/enough-events.mjs LOG EVENTS`. */

import { readFileSync } from 'node:fs';

const [log, atLeast] = process.argv.slice(2);
const lines = readFileSync(log, 'utf8').split(/[\r\n]+/);
const last = lines.findLast((line) => / seeds, \d+ events/.test(line)) ?? '';
const events = Number(/(\d+) events/.exec(last)?.[1] ?? 0);
const broken = Number(/(\d+) broken/.exec(last)?.[1] ?? Number.NaN);
if (broken !== 0 || events < Number(atLeast)) {
  console.error(
    `the simulation is not what CI asks for: ${last || 'it told of no events'}; asked for ${atLeast} events, 0 broken`,
  );
  process.exit(1);
}
