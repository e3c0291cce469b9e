/**
 * One process has a data directory: a file that names it, made in one step with its content (`link`), so
 * that of two that start together one sees the other. A process that was killed leaves its file behind;
 * that is found out by its number, and on Linux also by the instant at which it began and by the boot,
 * since numbers are used again (in a container the first process is always 1). Not seen: a process on
 * another machine, or in another container, that shares the directory.
 */

import { linkSync, readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SsoError } from '../errors.ts';
import { makeFile } from './directory.ts';

/** Who holds it, as the file says. */
interface Holder {
  readonly pid: number;
  /** When and where the process began, as far as the operating system tells: empty if it does not. */
  readonly birth: string;
}

const fileName = 'lock';
/** So often a file that was left behind is taken away before the start gives up. */
const attempts = 5;
/** Directories that this process has: its own number says nothing where births are unknown. */
const own = new Set<string>();

/** Takes the lock. Returns what lets go of it. @throws SsoError ERR_DISK_FAILED another process has it */
export function lockDirectory(directory: string): () => void {
  const path = join(directory, fileName);
  const text = `${process.pid} ${birthOf('self')}\n`;
  const made = join(directory, `${fileName}.${process.pid}`);
  makeFile(made);
  writeFileSync(made, text);
  try {
    for (let attempt = 0; attempt < attempts; attempt++) {
      if (linked(made, path)) {
        own.add(path);
        return () => {
          own.delete(path);
          if (read(path) === text) rmSync(path, { force: true });
        };
      }
      const found = read(path);
      if (found === undefined) continue;
      const holder = parseHolder(found);
      if (holder !== undefined && isAlive(path, holder)) throw taken(directory, holder);
      takeAway(path, found);
    }
    throw new SsoError('ERR_DISK_FAILED', `dataDir: other processes keep locking ${directory}`);
  } finally {
    rmSync(made, { force: true });
  }
}

function taken(directory: string, { pid }: Holder): SsoError {
  const who = pid === process.pid ? 'another node of this process' : `process ${pid}`;
  return new SsoError(
    'ERR_DISK_FAILED',
    `dataDir: ${directory} is in use by ${who}: each node has a directory of its own`,
  );
}

/** Removes a file that was left behind, unless another process has just replaced it: that one gets it back. */
function takeAway(path: string, left: string): void {
  const aside = `${path}.left-${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (read(aside) !== left) linked(aside, path);
  rmSync(aside, { force: true });
}

function isAlive(path: string, { pid, birth }: Holder): boolean {
  if (birth !== '' && birthOf('self') !== '') return birthOf(pid) === birth;
  if (pid === process.pid) return own.has(path);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Linux: the boot, the space of process numbers, and the clock tick of the process' start (proc(5), field 22); else nothing. */
function birthOf(pid: number | 'self'): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    const space = readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return `${boot}/${space}/${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch {
    return '';
  }
}

function parseHolder(text: string): Holder | undefined {
  const [, pid, birth] = /^(\d+) (\S*)\n$/.exec(text) ?? [];
  return pid === undefined ? undefined : { pid: Number(pid), birth: birth ?? '' };
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
