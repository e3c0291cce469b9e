// The tree compiled once for a run of the tests: a process that has tsx compile what it imports takes a second of CPU
// for it, and a run starts hundreds. The copy has the shape of the tree and everything that tests read, sources too, so
// that a path beside a module leads to the same file. Source maps name the lines of the tree itself.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const rooms = ['sso', 'server', 'config', 'test'];

/** The folder of the copy; below the root, where packages are found as ever. It goes when this process ends. */
export function compiled() {
  mkdirSync('test-output', { recursive: true });
  const folder = mkdtempSync(join('test-output', 'compiled-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  for (const entry of readdirSync('.', { withFileTypes: true })) {
    if (entry.isFile() || rooms.includes(entry.name)) cpSync(entry.name, join(folder, entry.name), { recursive: true });
  }
  // Types are what `npm run check` is for.
  const options = ['--noCheck', '--declaration', 'false', '--inlineSourceMap', '--outDir', folder];
  const tsc = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json', ...options];
  const { status } = spawnSync(process.execPath, tsc, { stdio: 'inherit' });
  if (status !== 0) process.exit(1);
  return folder;
}
