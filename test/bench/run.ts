/** `npm run bench -- [--only a,b] [--rounds N] [--most N]`: measures, and prints tables in Markdown. Nothing is asserted: figures of one machine prove nothing on another. */

import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { tool } from '../support/tool.ts';
import { accountPage } from './account-page.ts';
import type { Bench } from './bench.ts';
import { build } from './build.ts';
import { faults } from './faults.ts';
import { forwardAuth } from './forward-auth.ts';
import { http } from './http.ts';
import { join as joining } from './join.ts';
import { loginFlood } from './login-flood.ts';
import { logout } from './logout.ts';
import { loop } from './loop.ts';
import { memory } from './memory.ts';
import { passivation } from './passivation.ts';
import { repair } from './repair.ts';
import { restart } from './restart.ts';
import { sessionGrowth } from './session-growth.ts';
import { sessionHttp } from './session-http.ts';
import { sessionLoop } from './session-loop.ts';
import { sessionMemory } from './session-memory.ts';
import { sessionWire } from './session-wire.ts';
import { signOns } from './sign-ons.ts';

const benches: readonly Bench[] = [
  ...[loop, http, logout, signOns, joining, memory, faults, repair, restart],
  ...[forwardAuth, loginFlood, accountPage],
  ...[sessionHttp, sessionWire, sessionLoop, sessionMemory, passivation, sessionGrowth],
];

const usage = `npm run bench -- [--only a,b] [--rounds N] [--most N]

  --only a,b   some of these (all)
  --rounds N   of each (5)
  --most N     no more sign-ons than this (1000000)

${benches.map(({ key, title }) => `  ${key}  ${title}`).join('\n')}`;
const { values, whole, refuse } = tool(usage, {
  only: { type: 'string' },
  rounds: { type: 'string', default: '5' },
  most: { type: 'string', default: '1000000' },
});
const rounds = whole('rounds');
const most = whole('most');
const wanted = values.only?.split(',');
if (wanted?.some((key) => !benches.some((bench) => bench.key === key)))
  refuse(`--only takes some of ${benches.map(({ key }) => key).join()}`);

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
  console.log(
    `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${rounds} rounds; medians, and in brackets the lowest and highest, or of many the quartiles.\n`,
  );
  for (const bench of benches.filter(({ key }) => wanted?.includes(key) ?? true)) {
    const table = await bench.run({
      rounds,
      most,
      say: (line) => void process.stderr.write(`${bench.key}: ${line}\n`),
    });
    console.log(`### ${bench.key}. ${bench.title}\n\n${table}\n`);
  }
}
