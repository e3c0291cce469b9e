/** A disk that is full: one node's data directory lies on a small file system of its own, in memory, which something else fills. Only root may mount one. */

import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fault } from './faults.ts';

/** Room for what a node keeps in ten seconds. */
const sizeMegabytes = 16;

/** Why a small file system cannot be mounted here; `undefined`: it can. */
export function whyNotMounted(): string | undefined {
  if (process.platform !== 'linux') return 'tmpfs is Linux';
  if (process.getuid?.() !== 0) return 'only root may mount a tmpfs';
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-mount-'));
  try {
    mount(folder);
    unmount(folder);
    return undefined;
  } catch (error) {
    return `a tmpfs cannot be mounted: ${(error as Error).message.split('\n')[0]}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const diskFull: Fault = async (stage) => {
  const [victim] = stage.some(1) as [string];
  const folder = stage.dataDirOf(victim)!;
  const over = stage.excuse([victim], ['failed', 'hung', 'unavailable', 'sign-on', 'logout']);
  await stage.terminate([victim]);
  mount(folder);
  stage.onClear(() => unmount(folder));
  await stage.start([victim]);
  over();
  await stage.wait(4_000);
  const fullOver = stage.excuse([victim], ['sign-on', 'logout']);
  fill(join(folder, 'filler'));
  stage.note(`${victim} has no room on its disk`);
  await stage.wait(4_000);
  rmSync(join(folder, 'filler'));
  stage.note(`${victim} has room again`);
  fullOver();
};

function mount(folder: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMegabytes}m,mode=0700`, 'tmpfs', folder], { stdio: 'pipe' });
}

function unmount(folder: string): void {
  execFileSync('umount', [folder], { stdio: 'pipe' });
}

function fill(path: string): void {
  writeFileSync(path, '');
  const file = openSync(path, 'a');
  try {
    for (const size of [65_536, 4_096, 1]) {
      try {
        for (;;) writeSync(file, Buffer.alloc(size));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    }
  } finally {
    closeSync(file);
  }
}
