/**
 * The disk over LMDB (`lmdb` 3): one file, copy-on-write, so that a process or a machine that stops at
 * any moment leaves the last transaction that was complete. Each transaction is flushed before its
 * promise resolves (`overlappingSync: false`: pages, fdatasync, then the head), off the main thread. Its
 * native code is loaded by `open`: whoever has no data directory does without. The order of writing is
 * write-behind.ts'; who may have the directory is lock.ts' and directory.ts'; that the file is sound is
 * found out by lmdb-check.ts before LMDB sees it.
 */

import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { RootDatabase } from 'lmdb';
import type { Clock } from '../clock.ts';
import { SsoError } from '../errors.ts';
import { type Log, silentLog } from '../log.ts';
import {
  failed,
  formatVersion,
  makeFile,
  prepareDirectory,
  putAside,
  readFormat,
  stateFile,
  stateLockFile,
  syncDirectory,
  writeFormat,
} from './directory.ts';
import type { Disk, Kept } from './disk.ts';
import { faultOf } from './lmdb-check.ts';
import { causeOf } from './lmdb-failure.ts';
import { keyOf, noteKey, recordKey, recordRange, recordValue, textOf } from './lmdb-record.ts';
import { lockDirectory } from './lock.ts';
import { type Transaction, WriteBehind, type WriteBehindOptions } from './write-behind.ts';

export interface LmdbDiskParts {
  /** The data directory; made if it is not there. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log?: Log;
  readonly options?: Partial<WriteBehindOptions>;
}

type Database = RootDatabase<Buffer, Buffer>;

export class LmdbDisk implements Disk {
  readonly #parts: LmdbDiskParts;
  readonly #log: Log;
  readonly #behind: WriteBehind;
  #state: 'new' | 'open' | 'closed' = 'new';
  #unlock = () => {};
  #lmdb: typeof import('lmdb') | undefined;
  /** Left out after a failure: the next attempt opens the file anew. */
  #database: Database | undefined;

  constructor(parts: LmdbDiskParts) {
    this.#parts = parts;
    this.#log = parts.log ?? silentLog;
    this.#behind = new WriteBehind({
      clock: parts.clock,
      write: (transaction) => this.#write(transaction),
      options: parts.options,
    });
  }

  get failure(): string | undefined {
    return this.#behind.failure;
  }

  get waiting(): number {
    return this.#behind.waiting;
  }

  async open(): Promise<Kept> {
    if (this.#state !== 'new') throw new Error('a disk is opened once');
    const { directory } = this.#parts;
    this.#lmdb = await import('lmdb').catch((error: Error) => {
      throw new SsoError('ERR_DISK_FAILED', `dataDir: lmdb cannot be loaded: ${error.message}`, { cause: error });
    });
    const mended = prepareDirectory(directory);
    if (mended.length > 0) this.#log.warn({ mended }, 'the data directory was open to other users');
    try {
      this.#unlock = lockDirectory(directory);
      const isDamaged = await this.#sortOut();
      const database = this.#openFile();
      syncDirectory(directory);
      this.#database = database;
      this.#state = 'open';
      const note = database.get(noteKey);
      const isEmpty = note === undefined && [...database.getKeys({ limit: 1 })].length === 0;
      const values = (map: string) => valuesOf(database, map);
      return { state: isDamaged ? 'damaged' : isEmpty ? 'missing' : 'intact', note: note && textOf(note), values };
    } catch (error) {
      await this.#letGo();
      throw failed(directory, error);
    }
  }

  put(map: string, key: string, text: string): void {
    this.#behind.put(map, key, text);
  }

  remove(map: string, key: string): void {
    this.#behind.put(map, key, undefined);
  }

  note(text: string): void {
    this.#behind.note(text);
  }

  flush(): Promise<void> {
    return this.#behind.flush();
  }

  async close(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'closed';
    await this.#behind.flush().catch((error: SsoError) => {
      this.#log.error({ waiting: this.waiting, why: error.message }, 'the disk was closed before all was written');
    });
    this.#behind.end();
    await this.#letGo();
  }

  /** Refuses what a later version wrote, and puts aside what nobody can read. Returns whether there was such. */
  async #sortOut(): Promise<boolean> {
    const { directory, clock } = this.#parts;
    const version = readFormat(directory);
    if (version !== undefined && version > formatVersion) {
      const why = `${directory} was written by a later version (format ${version}; this one reads up to ${formatVersion})`;
      throw new SsoError('ERR_DISK_FAILED', `dataDir: ${why}`);
    }
    const path = join(directory, stateFile);
    const isMarked = version !== undefined;
    const isThere = existsSync(path) && statSync(path).size > 0;
    const why = !isThere ? undefined : isMarked ? await faultOf(path, clock) : 'it is not marked as ours';
    if (why !== undefined) {
      const aside = [stateFile, stateLockFile, ...(isMarked ? [] : ['format'])]
        .map((name) => putAside(directory, name, clock.now()))
        .filter((name) => name !== undefined);
      this.#log.error({ why, aside }, 'the data on the disk cannot be read and has been put aside: it counts as lost');
    }
    if (!isMarked) writeFormat(directory);
    return why !== undefined;
  }

  #openFile(): Database {
    const { directory } = this.#parts;
    const path = join(directory, stateFile);
    makeFile(path);
    makeFile(join(directory, stateLockFile));
    return this.#lmdb!.open<Buffer, Buffer>({
      path,
      noSubdir: true,
      encoding: 'binary',
      keyEncoding: 'binary',
      overlappingSync: false,
      // Otherwise a failed commit would reject a promise that nobody can reach.
      eventTurnBatching: false,
    });
  }

  async #write({ writes, note }: Transaction): Promise<void> {
    const { directory } = this.#parts;
    try {
      this.#database ??= this.#openFile();
      const database = this.#database;
      await database.batch(() => {
        for (const { map, key, text } of writes) {
          const at = recordKey(map, key);
          if (text === undefined) void database.remove(at);
          else void database.put(at, recordValue(at, text));
        }
        if (note !== undefined) void database.put(noteKey, recordValue(noteKey, note));
      });
    } catch (error) {
      // After a failure of its own LMDB may refuse every further transaction: the next attempt begins with a fresh one.
      const cause = await causeOf(error);
      const database = this.#database;
      this.#database = undefined;
      await database?.close().catch(() => {});
      throw failed(directory, cause);
    }
  }

  async #letGo(): Promise<void> {
    const database = this.#database;
    this.#database = undefined;
    await database?.close().catch(() => {});
    this.#unlock();
    this.#unlock = () => {};
  }
}

function* valuesOf(database: Database, map: string): Generator<readonly [key: string, text: string]> {
  for (const { key, value } of database.getRange(recordRange(map))) yield [keyOf(map, key), textOf(value)];
}
