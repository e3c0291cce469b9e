/** Temporary data directories, and what is done to them from outside. */

import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../sso/clock.ts';
import { LmdbDisk } from '../../sso/disk/lmdb-disk.ts';
import type { Log } from '../../sso/log.ts';

export interface Place {
  /** Does not exist until a disk makes it. */
  readonly directory: string;
  disk(log?: Log): LmdbDisk;
  file(name: string): string;
  /** Permission bits, octal. */
  mode(name: string): string;
  end(): void;
}

export function temporaryPlace(parent = tmpdir()): Place {
  const root = mkdtempSync(join(parent, 'latchkey-disk-'));
  const directory = join(root, 'data');
  const file = (name: string) => join(directory, name);
  return {
    directory,
    disk: (log) => new LmdbDisk({ directory, clock: systemClock, ...(log === undefined ? {} : { log }) }),
    file,
    mode: (name) => (statSync(file(name)).mode & 0o777).toString(8),
    end: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** Cuts off the second half of the file. */
export function cutOff(path: string): void {
  truncateSync(path, Math.floor(statSync(path).size / 8_192) * 4_096);
}

export function fillWithNonsense(path: string): void {
  writeFileSync(path, Buffer.alloc(statSync(path).size, 'nonsense'));
}
