/**
 * The directory that a node keeps its files in: made for its owner only, mended if it is open to others,
 * and marked with the version of its format. What does not look like a data directory is left alone:
 * a mistyped path must not change the permissions of somebody's home.
 */

import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { SsoError } from '../errors.ts';

/** The version that this code writes and the latest that it reads. */
export const formatVersion = 1;

const formatFile = 'format';
export const stateFile = 'state.mdb';
export const stateLockFile = 'state.mdb-lock';
export const shelfFile = 'passivated.mdb';
export const shelfLockFile = 'passivated.mdb-lock';
const ourName =
  /^(format|format\.new|lock|lock\.\S+|(state|passivated)\.mdb(-lock)?|lost\+found|.*\.damaged-[\dTZ.-]+)$/;

/** So little room on a disk counts as none, bytes. */
const noRoomBytes = 64 * 1_024;

/** Makes the directory if it is not there, and mends its permissions. Returns what was mended. @throws SsoError ERR_DISK_FAILED */
export function prepareDirectory(directory: string): readonly string[] {
  try {
    makeDirectory(directory);
    const names = readdirSync(directory);
    const foreign = names.find((name) => !ourName.test(name));
    if (!names.includes(formatFile) && foreign !== undefined) {
      const why = `${directory} holds ${JSON.stringify(foreign)} and is no data directory: name an empty one`;
      throw new SsoError('ERR_DISK_FAILED', `dataDir: ${why}`);
    }
    const files = names
      .filter((name) => ourName.test(name) && name !== 'lost+found')
      .map((name) => join(directory, name));
    return [mended(directory, 0o700), ...files.map((file) => mended(file, 0o600))].filter((path) => path !== undefined);
  } catch (error) {
    throw failed(directory, error);
  }
}

/**
 * The directory and what is missing above it, for their owner only. By hand: Node's own recursive way never returns where a
 * file system says "no such directory" below one that is there, as /proc does.
 */
function makeDirectory(directory: string): void {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = dirname(directory);
  if (parent !== directory) makeDirectory(parent);
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    // Another process may have made it meanwhile; what is there and is none is an error all the same.
    if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

/** The version of what is in the directory; `undefined`: it is not marked, or not by us. */
export function readFormat(directory: string): number | undefined {
  try {
    const [, version] = /^latchkey data (\d{1,9})\n$/.exec(readFileSync(join(directory, formatFile), 'latin1')) ?? [];
    return version === undefined ? undefined : Number(version);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw failed(directory, error);
  }
}

/** Marks the directory, durably. */
export function writeFormat(directory: string): void {
  const made = join(directory, `${formatFile}.new`);
  makeFile(made);
  writeFileSync(made, `latchkey data ${formatVersion}\n`, { flush: true });
  renameSync(made, join(directory, formatFile));
  syncDirectory(directory);
}

/** An empty file for its owner only, whatever the umask says, if there is none: what opens it later finds it so. */
export function makeFile(path: string): void {
  const file = openSync(path, 'a', 0o600);
  try {
    fchmodSync(file, 0o600);
  } finally {
    closeSync(file);
  }
}

/** Gives what can't be read another name. Returns the new name; `undefined` if there was nothing. */
export function putAside(directory: string, name: string, now: number): string | undefined {
  const path = join(directory, name);
  if (!existsSync(path)) return undefined;
  const time = new Date(now).toISOString().replaceAll(':', '-');
  let aside = `${path}.damaged-${time}`;
  for (let again = 2; existsSync(aside); again++) aside = `${path}.damaged-${time}-${again}`;
  renameSync(path, aside);
  syncDirectory(directory);
  return aside;
}

/** Makes the names in a directory durable, where the operating system can. */
export function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** An error of the operating system in words for an operator. */
export function failed(directory: string, error: unknown): SsoError {
  if (error instanceof SsoError) return error;
  return new SsoError('ERR_DISK_FAILED', `dataDir: ${why(directory, error)}`, { cause: error });
}

function why(directory: string, error: unknown): string {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  if (code === 'ENOSPC' || code === 'EDQUOT' || /MAP_FULL|No space|quota/i.test(String(message)) || isFull(directory))
    return `the disk that holds ${directory} is full`;
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return `${directory} cannot be written by this user (${code}): it must belong to the user that the node runs as`;
  if (code === 'EEXIST' || code === 'ENOTDIR')
    return `${directory} is a file, or lies below one: it must be a directory`;
  if (code === 'ENOENT' || code === 'ENOSYS' || code === 'EOPNOTSUPP')
    return `${directory} cannot be made: its file system takes no files of ours (${code})`;
  return `${directory} cannot be used: ${String(message)}`;
}

/** A full disk shows as an input error where part of a page still found room. */
function isFull(directory: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize < noRoomBytes;
  } catch {
    return false;
  }
}

/** Closes a file or directory to everybody but its owner. Returns its path if that was needed. */
function mended(path: string, mode: number): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (process.platform === 'win32' || found === undefined || (found.mode & 0o777) === mode) return undefined;
  chmodSync(path, mode);
  return path;
}
