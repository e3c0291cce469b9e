import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { systemClock } from '../../sso/clock.ts';
import { LmdbDisk } from '../../sso/disk/lmdb-disk.ts';
import { SsoError } from '../../sso/errors.ts';
import { seededRandom } from '../../sso/random.ts';
import { LogLines } from '../../sso/testing/log-lines.ts';
import { moduleAt, processArguments } from '../support/own-process.ts';
import { diskContract, diskFailed, held } from './contract.ts';
import { cutOff, fillWithNonsense, temporaryPlace } from './place.ts';

for (const [how, harm] of [
  ['cut off', cutOff],
  ['overwritten', fillWithNonsense],
] as const)
  diskContract(`lmdb, a damaged file is one that was ${how}`, () => {
    const place = temporaryPlace();
    return { disk: () => place.disk(), damage: () => harm(place.file('state.mdb')), end: () => place.end() };
  });

const options = { timeout: 60_000 };

/** Writes 500 values, of which some are long, and closes. */
async function fill(place: ReturnType<typeof temporaryPlace>): Promise<Record<string, string>> {
  const disk = place.disk();
  await disk.open();
  const values: Record<string, string> = {};
  for (let index = 0; index < 500; index++) {
    values[`key${index}`] = `${index} `.repeat(index % 50 === 0 ? 3_000 : 40);
    disk.put('a', `key${index}`, values[`key${index}`]!);
    if (index % 100 === 99) await disk.flush();
  }
  disk.note('filled');
  await disk.close();
  return values;
}

test(
  'files are for their owner only, whatever the umask says, and a directory that was open is mended and reported',
  options,
  async () => {
    const place = temporaryPlace();
    const umask = process.umask(0);
    try {
      await fill(place);
      assert.equal(place.mode('.'), '700');
      const names = readdirSync(place.directory);
      assert.deepEqual(names.sort(), ['format', 'state.mdb', 'state.mdb-lock']);
      for (const name of names) {
        assert.equal(place.mode(name), '600', name);
        chmodSync(place.file(name), 0o644);
      }
      chmodSync(place.directory, 0o755);
      process.umask(0o777);
      const log = new LogLines();
      const disk = place.disk(log);
      assert.equal((await disk.open()).state, 'intact');
      for (const name of ['lock', ...names]) assert.equal(place.mode(name), '600', name);
      assert.equal(place.mode('.'), '700');
      assert.deepEqual(
        log.lines.map(({ message }) => message),
        ['the data directory was open to other users'],
      );
      await disk.close();
    } finally {
      process.umask(umask);
      place.end();
    }
  },
);

test("a directory that holds somebody else's files is refused and left as it was", options, async () => {
  const place = temporaryPlace();
  mkdirSync(place.directory, { mode: 0o755 });
  writeFileSync(place.file('letter.txt'), 'dear');
  chmodSync(place.directory, 0o755);
  await assert.rejects(place.disk().open(), /ERR_DISK_FAILED|"letter\.txt" and is no data directory/);
  assert.equal(place.mode('.'), '755');
  assert.deepEqual(readdirSync(place.directory), ['letter.txt']);
  place.end();
});

test('a data directory is made with what is missing above it, all of it for the owner only', options, async () => {
  const place = temporaryPlace();
  const directory = place.file('a/b');
  const disk = new LmdbDisk({ directory, clock: systemClock });
  assert.equal((await disk.open()).state, 'missing');
  await disk.close();
  for (const made of ['.', 'a', 'a/b']) assert.equal(place.mode(made), '700');
  place.end();
});

test('where a file system takes no directory the start ends at once, in words, and does not hang', {
  ...options,
  skip: existsSync('/proc/self') ? false : 'there is no /proc here',
}, async () => {
  // In a process of its own: Node's own recursive way of making it never returns, and would take this one with it.
  for (const directory of ['/proc/latchkey', '/proc/latchkey/a/b']) {
    const text = `
        import { prepareDirectory } from ${JSON.stringify(pathToFileURL(moduleAt('sso/disk/directory.ts')))};
        try { prepareDirectory(${JSON.stringify(directory)}); } catch ({ code, message }) { console.log(code, message); }`;
    const ran = spawnSync(process.execPath, [...processArguments, '--input-type=module', '-e', text], {
      timeout: 30_000,
      encoding: 'utf8',
    });
    assert.equal(ran.signal, null, 'it ended by itself');
    assert.match(
      ran.stdout,
      /^ERR_DISK_FAILED dataDir: \/proc\/latchkey\S* cannot be (made: its file system takes no files of ours \(ENOENT\)|written by this user .*)\n$/,
    );
  }
});

test('a directory that a later version wrote is refused in words and left as it was', options, async () => {
  const place = temporaryPlace();
  await fill(place);
  writeFileSync(place.file('format'), 'latchkey data 2\n');
  const before = readFileSync(place.file('state.mdb'));
  await assert.rejects(place.disk().open(), (error) => {
    assert.ok(error instanceof SsoError && error.code === 'ERR_DISK_FAILED');
    assert.match(error.message, /was written by a later version \(format 2; this one reads up to 1\)/);
    assert.ok(error.message.includes(place.directory));
    return true;
  });
  assert.ok(before.equals(readFileSync(place.file('state.mdb'))));
  assert.ok(!existsSync(place.file('lock')));
  place.end();
});

test('what is put aside keeps every byte under another name, and the log says so', options, async () => {
  const place = temporaryPlace();
  await fill(place);
  cutOff(place.file('state.mdb'));
  const damaged = readFileSync(place.file('state.mdb'));
  const log = new LogLines();
  const disk = place.disk(log);
  assert.equal((await disk.open()).state, 'damaged');
  await disk.close();
  const aside = readdirSync(place.directory).filter((name) => name.startsWith('state.mdb.damaged-'));
  assert.equal(aside.length, 1);
  assert.ok(damaged.equals(readFileSync(place.file(aside[0]!))));
  assert.match(log.lines.at(-1)?.message ?? '', /put aside/);
  place.end();
});

test('a foreign file under our name is put aside', options, async () => {
  const place = temporaryPlace();
  mkdirSync(place.directory);
  writeFileSync(place.file('state.mdb'), 'a database of another program');
  const disk = place.disk();
  assert.equal((await disk.open()).state, 'damaged');
  await disk.close();
  const again = place.disk();
  assert.equal((await again.open()).state, 'missing');
  await again.close();
  place.end();
});

test(
  'one flipped bit anywhere: either it is found out or every value is as it was, and the process lives',
  options,
  async () => {
    const place = temporaryPlace();
    const values = await fill(place);
    const sound = readFileSync(place.file('state.mdb'));
    const random = seededRandom(7);
    const found = { damaged: 0, intact: 0 };
    for (let round = 0; round < 90; round++) {
      const bytes = Buffer.from(sound);
      // Heads and page headers are few: every third flip goes there.
      const page = Math.floor(random.fraction() * (bytes.length / 4_096)) * 4_096;
      const within = Math.floor(random.fraction() * (round % 3 === 0 ? 32 : 4_096));
      const at =
        round % 9 === 0
          ? Math.floor(random.fraction() * 2) * 4_096 + 16 + Math.floor(random.fraction() * 144)
          : page + within;
      bytes[at] = bytes[at]! ^ (1 << Math.floor(random.fraction() * 8));
      writeFileSync(place.file('state.mdb'), bytes);
      const disk = place.disk();
      const kept = await disk.open();
      if (kept.state === 'intact') {
        assert.deepEqual(held(kept, 'a'), values, `byte ${at}`);
        assert.equal(kept.note, 'filled', `byte ${at}`);
        for (let index = 0; index < 20; index++) disk.put('b', `after${index}`, 'x'.repeat(1_000));
        await disk.close();
        const again = place.disk();
        assert.equal((await again.open()).state, 'intact', `byte ${at}: writing went over what is in use`);
        await again.close();
        found.intact++;
      } else found.damaged++;
      await disk.close();
    }
    console.log(`# 90 flipped bits: ${found.damaged} found out, ${found.intact} in pages that no value uses`);
    assert.ok(found.damaged > 20);
    place.end();
  },
);

test('a data directory that cannot be made says which and why', options, async () => {
  const place = temporaryPlace();
  writeFileSync(place.directory, 'a file where the directory should be');
  await assert.rejects(place.disk().open(), (error) => diskFailed(error) && String(error).includes(place.directory));
  place.end();
});
