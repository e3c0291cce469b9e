/** What every shelf promises, and what the one over LMDB leaves behind. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { LmdbShelf } from '../../sso/disk/lmdb-shelf.ts';
import { MemoryShelf } from '../../sso/disk/memory-shelf.ts';
import type { Shelf } from '../../sso/disk/shelf.ts';
import { temporaryPlace } from './place.ts';

const bytes = (text: string) => Buffer.from(text);
const textOf = (value: Uint8Array | undefined) => value && Buffer.from(value).toString();

const shelves: Readonly<Record<string, (directory: string) => Shelf>> = {
  lmdb: (directory) => new LmdbShelf(directory),
  memory: () => new MemoryShelf(),
};

for (const [name, make] of Object.entries(shelves)) {
  test(`${name}: what was written can be read at once when the write has resolved, the last of a key counts, and what was removed is gone`, async (t) => {
    const place = temporaryPlace();
    t.after(place.end);
    mkdirSync(place.directory, { mode: 0o700 });
    const shelf = make(place.directory);
    await shelf.open();
    t.after(() => shelf.close());
    assert.equal(shelf.read('a'), undefined);
    await shelf.write(
      new Map([
        ['a', bytes('1')],
        ['b', bytes('x'.repeat(300_000))],
      ]),
    );
    assert.equal(textOf(shelf.read('a')), '1');
    assert.equal(shelf.read('b')?.length, 300_000);
    for (let round = 0; round < 20; round++) {
      await shelf.write(new Map([['a', bytes(`${round}`)]]));
      assert.equal(textOf(shelf.read('a')), `${round}`);
    }
    await Promise.all([
      shelf.write(new Map([['a', undefined]])),
      shelf.write(new Map([['c', bytes('3')]])),
      shelf.write(new Map([['a', bytes('again')]])),
      shelf.write(new Map([['c', undefined]])),
    ]);
    assert.equal(textOf(shelf.read('a')), 'again');
    assert.equal(shelf.read('c'), undefined);
    await shelf.write(new Map([['never there', undefined]]));
  });

  test(`${name}: what is read stays as it was, whatever is written later`, async (t) => {
    const place = temporaryPlace();
    t.after(place.end);
    mkdirSync(place.directory, { mode: 0o700 });
    const shelf = make(place.directory);
    await shelf.open();
    t.after(() => shelf.close());
    await shelf.write(new Map([['a', bytes('first')]]));
    const first = shelf.read('a');
    await shelf.write(new Map([['a', bytes('other')]]));
    shelf.read('a');
    assert.equal(textOf(first), 'first');
  });

  test(`${name}: a shelf is found empty, and a closed one holds nothing and takes nothing`, async (t) => {
    const place = temporaryPlace();
    t.after(place.end);
    mkdirSync(place.directory, { mode: 0o700 });
    const shelf = make(place.directory);
    await assert.rejects(shelf.write(new Map([['a', bytes('1')]])), { code: 'ERR_DISK_FAILED' }, 'not open yet');
    await shelf.open();
    await shelf.write(new Map([['a', bytes('1')]]));
    await shelf.close();
    await shelf.close();
    assert.equal(shelf.read('a'), undefined);
    await assert.rejects(shelf.write(new Map([['a', bytes('1')]])), { code: 'ERR_DISK_FAILED' });
    const next = make(place.directory);
    await next.open();
    assert.equal(next.read('a'), undefined);
    await next.close();
  });
}

test('lmdb: its file is for its owner alone, an earlier process leaves nothing that is read, and its end removes it', async (t) => {
  const place = temporaryPlace();
  t.after(place.end);
  mkdirSync(place.directory, { mode: 0o700 });
  const names = () => readdirSync(place.directory).sort();
  writeFileSync(place.file('passivated.mdb'), 'left by a process that was killed, and no LMDB file at all');
  writeFileSync(place.file('state.mdb'), 'not ours to touch');
  const shelf = new LmdbShelf(place.directory);
  shelf.purge();
  assert.deepEqual(names(), ['state.mdb']);
  writeFileSync(place.file('passivated.mdb'), 'left once more');
  await shelf.open();
  await shelf.write(new Map([['a', bytes('1')]]));
  assert.deepEqual(names(), ['passivated.mdb', 'passivated.mdb-lock', 'state.mdb']);
  for (const name of ['passivated.mdb', 'passivated.mdb-lock']) assert.equal(place.mode(name), '600');
  assert.equal(readFileSync(place.file('passivated.mdb')).includes('left'), false);
  await shelf.close();
  assert.deepEqual(names(), ['state.mdb']);
});

test('lmdb: a directory that is not there is an error in words, and so is one that is a file', async (t) => {
  const place = temporaryPlace();
  t.after(place.end);
  await assert.rejects(new LmdbShelf(place.directory).open(), { code: 'ERR_DISK_FAILED', message: /dataDir/ });
  assert.equal(existsSync(place.directory), false);
  writeFileSync(place.directory, '');
  await assert.rejects(new LmdbShelf(place.directory).open(), { code: 'ERR_DISK_FAILED', message: /dataDir/ });
  assert.equal(statSync(place.directory).size, 0);
});
