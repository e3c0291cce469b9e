import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { SsoError } from '../../sso/errors.ts';
import { pick, seededRandom } from '../../sso/random.ts';
import { moduleAt, processArguments } from '../support/own-process.ts';
import { diskFailed, held } from './contract.ts';
import { type Place, temporaryPlace } from './place.ts';

const options = { timeout: 60_000 };

/** A process that writes; `lines` are what it says. */
function startWriter(place: Place) {
  const child = spawn(process.execPath, [...processArguments, moduleAt('test/disk/writer.ts'), place.directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Reads lines until one says that a round is durable and `enough` rounds were. Returns the last round. */
async function durable(lines: AsyncIterator<string>, enough: number): Promise<number> {
  for (let count = 0, last = 0; ; ) {
    const { value, done } = await lines.next();
    assert.ok(!done, 'the writer ended by itself');
    const [, round] = /^durable (\d+)$/.exec(value) ?? [];
    if (round === undefined) continue;
    last = Number(round);
    if (++count >= enough) return last;
  }
}

test(
  'a process that is killed in the middle of writing leaves all that was durable, whole rounds only, and no lock: 5 kills',
  options,
  async () => {
    const place = temporaryPlace();
    const random = seededRandom(3);
    let before = 0;
    try {
      for (let round = 0; round < 5; round++) {
        const { child, lines } = startWriter(place);
        try {
          const last = await durable(lines, pick(random, [1, 2, 5, 17, 40])!);
          assert.ok(last > before, 'the next process went on where the last one was');
          await kill(child);
          const disk = place.disk();
          const kept = await disk.open();
          assert.equal(kept.state, 'intact');
          const note = Number(kept.note);
          assert.ok(note >= last, `round ${last} was durable, the note says ${note}`);
          const rounds = Object.values(held(kept, 'a')).map((text) => Number(text.split(' ')[0]));
          assert.deepEqual(
            rounds,
            Array.from({ length: 50 }, () => note),
          );
          before = note;
          await disk.close();
        } finally {
          child.kill('SIGKILL');
        }
      }
    } finally {
      place.end();
    }
  },
);

test(
  'a second process is refused with the directory and the number of the first, and can have it when that one is gone',
  options,
  async () => {
    const place = temporaryPlace();
    const { child, lines } = startWriter(place);
    try {
      await durable(lines, 1);
      const disk = place.disk();
      await assert.rejects(disk.open(), (error) => {
        assert.ok(error instanceof SsoError && error.code === 'ERR_DISK_FAILED');
        assert.ok(error.message.includes(`${place.directory} is in use by process ${child.pid}`), error.message);
        return true;
      });
      await durable(lines, 1);
      await kill(child);
      const next = place.disk();
      assert.equal((await next.open()).state, 'intact');
      assert.match(readFileSync(place.file('lock'), 'latin1'), new RegExp(`^${process.pid} `));
      await next.close();
    } finally {
      child.kill('SIGKILL');
      place.end();
    }
  },
);

test(
  'a lock that names this very process number is left from an earlier life: numbers are used again',
  options,
  async () => {
    const place = temporaryPlace();
    mkdirSync(place.directory);
    writeFileSync(place.file('lock'), `${process.pid} an-earlier-boot/1/2\n`);
    const disk = place.disk();
    await disk.open();
    await assert.rejects(place.disk().open(), /another node of this process/);
    await disk.close();
    place.end();
  },
);

/** A file system of 2 MB in memory, or why there can be none. */
function smallDisk(): { readonly path: string; readonly end: () => void } | string {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux to mount a small tmpfs';
  const path = mkdtempSync(join(tmpdir(), 'latchkey-small-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', path], { stdio: 'ignore', timeout: 10_000 });
  } catch {
    rmSync(path, { recursive: true });
    return 'a tmpfs cannot be mounted here';
  }
  const end = () => {
    execFileSync('umount', ['-l', path], { stdio: 'ignore', timeout: 10_000 });
    rmSync(path, { recursive: true });
  };
  return { path, end };
}

test(
  'disk full: flushes say so, what was durable stays, what waits is written as soon as there is room',
  options,
  async (t) => {
    const small = smallDisk();
    if (typeof small === 'string') return t.skip(small);
    const place = temporaryPlace(small.path);
    try {
      const ballast = join(small.path, 'ballast');
      writeFileSync(ballast, Buffer.alloc(600 * 1_024));
      const disk = place.disk();
      await disk.open();
      let count = 0;
      let durableCount = 0;
      const more = async () => {
        for (let index = 0; index < 400; index++) disk.put('a', `key${count++}`, 'x'.repeat(300));
        disk.note(String(count));
        await disk.flush();
        durableCount = count;
      };
      await assert.rejects(async () => {
        for (let round = 0; round < 50; round++) await more();
      }, diskFailed);
      assert.match(disk.failure ?? '', /the disk that holds .* is full/);
      await assert.rejects(disk.flush(), diskFailed);
      await assert.rejects(more(), diskFailed);
      assert.equal(disk.waiting, count - durableCount);
      // What a process that died now would leave.
      await disk.close();
      const next = place.disk();
      const kept = await next.open();
      assert.equal(kept.note, String(durableCount));
      assert.equal(Object.keys(held(kept, 'a')).length, durableCount);
      next.put('b', 'x', 'y'.repeat(500_000));
      await assert.rejects(next.flush(), diskFailed);
      rmSync(ballast);
      await next.flush();
      assert.equal(next.failure, undefined);
      await next.close();
      const last = place.disk();
      assert.equal(held(await last.open(), 'b')['x']?.length, 500_000);
      await last.close();
    } finally {
      place.end();
      small.end();
    }
  },
);
