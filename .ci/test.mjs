// `npm test`: every test but the end-to-end ones, which need built files and a browser (`npm run e2e`). What runs is
// the tree compiled once, in fewer processes than there are files; words after `npm test --` choose the files whose path
// holds one of them. A file alone: `node --import tsx --test test/layers.test.ts`.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compiled } from './compiled.mjs';
import { together } from './together.mjs';

const folders = (dir) =>
  readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return ['e2e', 'bench'].includes(entry.name) ? [] : folders(path);
    return entry.name.endsWith('.test.ts') ? [path] : [];
  });

const wanted = process.argv.slice(2);
const files = folders('test').filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)));
if (files.length === 0) {
  console.error('no test file has such a path');
  process.exit(1);
}
const folder = compiled();
// Room for what is young: most of what a test makes is garbage at once, and the collector is not to copy it.
const memory = '--min-semi-space-size=16';
const unwatched = pathToFileURL('.ci/unwatched.mjs').href;
// One more than the processors of a small machine: many tests wait for a process, a socket or a lease.
const atOnce = `--test-concurrency=${availableParallelism() + 1}`;
const options = ['--enable-source-maps', memory, '--import', unwatched, '--test', atOnce];
const child = spawn(process.execPath, [...options, ...together(files, folder)], {
  stdio: 'inherit',
  // Node 22 and later keep what they compiled from one process to the next.
  env: { ...process.env, NODE_COMPILE_CACHE: resolve(folder, 'code') },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => process.exit(code ?? 1));
