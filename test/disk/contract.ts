/** What every disk promises, as tests: each adapter runs them all. Everything is awaited by events. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Disk, Kept } from '../../sso/disk/disk.ts';
import { SsoError } from '../../sso/errors.ts';

/** Something that keeps what disks write, one after the other. */
export interface ContractPlace {
  /** A disk on it, not open yet. */
  disk(): Disk;
  /** Makes what is kept unreadable; while no disk is open. */
  damage(): void;
  /** Frees what the place itself holds. */
  end(): void;
}

const options = { timeout: 30_000 };

/** The code of our errors, for `assert.rejects`. */
export const diskFailed = (error: unknown) => error instanceof SsoError && error.code === 'ERR_DISK_FAILED';

/** What a map holds, as an object. */
export const held = (kept: Kept, map: string) => Object.fromEntries(kept.values(map));

export function diskContract(name: string, makePlace: () => ContractPlace): void {
  /** Runs `use` with a fresh place; `session` opens a disk, uses it and closes it. */
  const check = (title: string, use: (place: ContractPlace, session: Session) => Promise<void>) =>
    test(`${name}: ${title}`, options, async () => {
      const place = makePlace();
      const open = new Set<Disk>();
      const session: Session = async (run = async () => {}) => {
        const disk = place.disk();
        open.add(disk);
        const kept = await disk.open();
        const values = Object.fromEntries(['a', 'b'].map((map) => [map, held(kept, map)]));
        await run(disk);
        await disk.close();
        return { state: kept.state, note: kept.note, a: values['a']!, b: values['b']! };
      };
      try {
        await use(place, session);
      } finally {
        for (const disk of open) await disk.close();
        place.end();
      }
    });

  check('a first start finds nothing, and says so', async (_place, session) => {
    assert.deepEqual(await session(), { state: 'missing', note: undefined, a: {}, b: {} });
    assert.equal((await session()).state, 'missing', 'nothing was ever written');
  });

  check('what was flushed is there at the next start, by map, with the note', async (_place, session) => {
    await session(async (disk) => {
      disk.put('a', 'x', 'one');
      disk.put('b', 'x', 'other');
      disk.put('a', 'y', '');
      disk.note('first');
      await disk.flush();
      assert.equal(disk.waiting, 0);
      assert.equal(disk.failure, undefined);
    });
    assert.deepEqual(await session(), { state: 'intact', note: 'first', a: { x: 'one', y: '' }, b: { x: 'other' } });
  });

  check('the last value of a key counts, and a removal removes', async (_place, session) => {
    await session(async (disk) => {
      disk.put('a', 'x', 'one');
      disk.put('a', 'x', 'two');
      disk.put('a', 'y', 'gone before it was written');
      disk.remove('a', 'y');
      disk.put('a', 'z', 'gone later');
      await disk.flush();
      disk.remove('a', 'z');
      disk.remove('a', 'never there');
      disk.note('first');
      disk.note('last');
      await disk.flush();
    });
    assert.deepEqual(await session(), { state: 'intact', note: 'last', a: { x: 'two' }, b: {} });
  });

  check('closing writes what waits', async (_place, session) => {
    await session(async (disk) => {
      disk.put('a', 'x', 'one');
      assert.equal(disk.waiting, 1);
    });
    assert.deepEqual((await session()).a, { x: 'one' });
  });

  check('keys and texts come back as they were, whatever is in them', async (_place, session) => {
    const keys = ['ä', '名前', 'a b', '"', '\\', '\\"', '😀', '\ud83d', 'x\ude00y', '__proto__ ', '-'.repeat(512)];
    const texts = ['', 'ü€😀', '"\\', 'x'.repeat(5_000), 'long '.repeat(40_000)];
    await session(async (disk) => {
      for (const [index, key] of keys.entries()) disk.put('a', key, texts[index % texts.length]!);
      await disk.flush();
    });
    const { a } = await session();
    assert.deepEqual(a, Object.fromEntries(keys.map((key, index) => [key, texts[index % texts.length]])));
  });

  check('a hundred callers flush at once, and all of them find their own value durable', async (_place, session) => {
    await session(async (disk) => {
      await Promise.all(
        Array.from({ length: 100 }, async (_, index) => {
          disk.put('a', `k${index}`, String(index));
          await disk.flush();
        }),
      );
    });
    assert.equal(Object.keys((await session()).a).length, 100);
  });

  check('a flush of nothing resolves', async (_place, session) => {
    await session(async (disk) => {
      await disk.flush();
      await disk.flush();
    });
  });

  check('while one has it, another is refused, and can have it afterwards', async (place, session) => {
    await session(async (disk) => {
      await assert.rejects(place.disk().open(), diskFailed);
      disk.put('a', 'x', 'one');
      await disk.flush();
    });
    assert.deepEqual((await session()).a, { x: 'one' });
  });

  check('what cannot be read is put aside, and nothing of it is given', async (place, session) => {
    await session(async (disk) => {
      disk.put('a', 'x', 'one');
      disk.note('first');
      await disk.flush();
    });
    place.damage();
    const after = await session(async (disk) => {
      disk.put('a', 'y', 'two');
      await disk.flush();
    });
    assert.deepEqual(after, { state: 'damaged', note: undefined, a: {}, b: {} });
    assert.deepEqual(await session(), { state: 'intact', note: undefined, a: { y: 'two' }, b: {} });
  });

  check('after closing nothing is written, and closing again does nothing', async (_place, session) => {
    let late: Disk | undefined;
    await session(async (disk) => {
      late = disk;
    });
    late!.put('a', 'x', 'late');
    await assert.rejects(late!.flush(), diskFailed);
    await late!.close();
    assert.deepEqual((await session()).a, {});
  });
}

type Session = (run?: (disk: Disk) => Promise<void>) => Promise<{
  readonly state: Kept['state'];
  readonly note: string | undefined;
  readonly a: Readonly<Record<string, string>>;
  readonly b: Readonly<Record<string, string>>;
}>;
