/** `npm run bench -- [--only a,b] [--rounds N] [--most N]`: measures, and prints tables in Markdown. Nothing is asserted: figures of one machine prove nothing on another. */

import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Bench } from './bench.ts';
import { build } from './build.ts';
import { faults } from './faults.ts';
import { http } from './http.ts';
import { join as joining } from './join.ts';
import { logout } from './logout.ts';
import { loop } from './loop.ts';
import { memory } from './memory.ts';
import { repair } from './repair.ts';
import { restart } from './restart.ts';
import { signOns } from './sign-ons.ts';

const benches: readonly Bench[] = [loop, http, logout, signOns, joining, memory, faults, repair, restart];

if (import.meta.url.endsWith('.ts')) {
  const { folder, remove } = build();
  try {
    process.exitCode =
      spawnSync(process.execPath, [join(folder, 'run.js'), ...process.argv.slice(2)], { stdio: 'inherit' }).status ?? 1;
  } finally {
    remove();
  }
} else {
  await measure();
}

async function measure(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      most: { type: 'string', default: '1000000' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log('npm run bench -- [--only a,b] [--rounds N] [--most N]\n');
    for (const { key, title } of benches) console.log(`${key}  ${title}`);
    return;
  }
  const rounds = Number(values.rounds);
  if (!Number.isSafeInteger(rounds) || rounds < 1) throw new Error('--rounds must be a whole number above 0');
  const wanted = values.only?.split(',');
  const unknown = wanted?.filter((key) => !benches.some((bench) => bench.key === key)) ?? [];
  if (unknown.length > 0)
    throw new Error(`--only takes ${benches.map(({ key, title }) => `${key} (${title})`).join(', ')}`);

  console.log(
    `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${rounds} rounds; medians, and in brackets the lowest and highest, or of many the quartiles.\n`,
  );
  for (const bench of benches.filter(({ key }) => wanted?.includes(key) ?? true)) {
    const table = await bench.run({
      rounds,
      most: Number(values.most),
      say: (line) => void process.stderr.write(`${bench.key}: ${line}\n`),
    });
    console.log(`### ${bench.key}. ${bench.title}\n\n${table}\n`);
  }
}
