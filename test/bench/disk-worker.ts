/** The other ends of the comparisons with a disk: a bare append with fdatasync, and a bare reading of all that LMDB holds. */

import { appendFileSync, fdatasyncSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import { noteKey, textOf } from '../../sso/disk/lmdb-record.ts';
import { answerCalls } from './child.ts';
import { sharedNow } from './shared-now.ts';
import { stallCalls } from './stalls.ts';

let file: number;

answerCalls({
  ...stallCalls,
  openFile(folder: string) {
    file = openSync(join(folder, 'appended'), 'a');
  },
  /** Appends so many bytes and flushes them. Resolves with the milliseconds. */
  append(bytes: number) {
    const begun = sharedNow();
    appendFileSync(file, Buffer.alloc(bytes, 97));
    fdatasyncSync(file);
    return sharedNow() - begun;
  },
  /** Reads a state file and parses every value into a Map. Resolves with the milliseconds. */
  async readAll(path: string) {
    const begun = sharedNow();
    const database = open<Buffer, Buffer>({
      path,
      noSubdir: true,
      encoding: 'binary',
      keyEncoding: 'binary',
      readOnly: true,
    });
    const values = new Map<string, unknown>();
    for (const { key, value } of database.getRange({}))
      if (!key.equals(noteKey)) values.set(key.toString(), JSON.parse(textOf(value)));
    const ms = sharedNow() - begun;
    await database.close();
    return { ms, values: values.size };
  },
});
