/**
 * The shelf over LMDB: a file of its own in the data directory, beside the state, removed at the start and at the end. Since
 * nothing of it is ever restored, it is opened with `noSync`: no flush to the drive is ever waited for, and a power cut may
 * spoil what the next start removes unread. The other ways to be faster are left alone, for what they would cost:
 *
 * - `useWritemap`: LMDB would write into mapped memory, and a full disk would end the process with a signal, where now the
 *   transaction fails and the data stays in memory;
 * - `noMemInit`: unused parts of pages would carry to the disk whatever was in the process's memory before.
 *
 * Who may use the directory is settled before: whoever has a shelf has opened the disk (lmdb-disk.ts), which holds the lock.
 */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RootDatabase } from 'lmdb';
import { SsoError } from '../errors.ts';
import { failed, makeFile, shelfFile, shelfLockFile } from './directory.ts';
import { causeOf } from './lmdb-failure.ts';
import type { Shelf, ShelfWrites } from './shelf.ts';

type Database = RootDatabase<Buffer, Buffer>;

export class LmdbShelf implements Shelf {
  readonly #directory: string;
  #database: Database | undefined;

  /** `directory`: the data directory, which the disk has made. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  purge(): void {
    try {
      for (const name of [shelfFile, shelfLockFile]) rmSync(join(this.#directory, name), { force: true });
    } catch (error) {
      throw failed(this.#directory, error);
    }
  }

  async open(): Promise<void> {
    this.purge();
    try {
      const { open } = await import('lmdb');
      const path = join(this.#directory, shelfFile);
      makeFile(path);
      makeFile(join(this.#directory, shelfLockFile));
      this.#database = open<Buffer, Buffer>({
        path,
        noSubdir: true,
        encoding: 'binary',
        keyEncoding: 'binary',
        noSync: true,
        overlappingSync: false,
        // Otherwise a failed commit would reject a promise that nobody can reach.
        eventTurnBatching: false,
      });
    } catch (error) {
      throw failed(this.#directory, error);
    }
  }

  read(key: string): Uint8Array | undefined {
    try {
      return this.#database?.get(Buffer.from(key));
    } catch (error) {
      throw failed(this.#directory, error);
    }
  }

  async write(writes: ShelfWrites): Promise<void> {
    const database = this.#database;
    if (database === undefined) throw new SsoError('ERR_DISK_FAILED', 'dataDir: the shelf is not open');
    try {
      await database.batch(() => {
        for (const [key, value] of writes) {
          const at = Buffer.from(key);
          if (value === undefined) void database.remove(at);
          else void database.put(at, value as Buffer);
        }
      });
    } catch (error) {
      throw failed(this.#directory, await causeOf(error));
    }
  }

  async close(): Promise<void> {
    const database = this.#database;
    this.#database = undefined;
    if (database === undefined) return;
    await database.close().catch(() => {});
    this.purge();
  }
}
