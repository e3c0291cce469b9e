/**
 * Compiles the sources as they are released, into a folder of its own: what runs TypeScript directly
 * keeps the names of functions by calls of its own, which a loop of microseconds would measure, too.
 */

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Build {
  /** Where this folder's compiled modules are. */
  readonly folder: string;
  remove(): void;
}

/** @throws Error nothing came out */
export function build(): Build {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const out = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const made = spawnSync(
    process.execPath,
    [compiler, '-p', join(root, 'tsconfig.json'), '--outDir', out, '--declaration', 'false'],
    { encoding: 'utf8' },
  );
  const folder = join(out, 'test/bench');
  if (!existsSync(join(folder, 'run.js'))) throw new Error(`the sources do not compile:\n${made.stdout}${made.stderr}`);
  cpSync(join(root, 'server/assets'), join(out, 'server/assets'), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(out, 'node_modules'));
  writeFileSync(join(out, 'package.json'), '{ "type": "module" }\n');
  return { folder, remove: () => rmSync(out, { recursive: true, force: true }) };
}
