import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryDisk, Platter } from '../../sso/disk/memory-disk.ts';
import { seededRandom } from '../../sso/random.ts';
import { virtualClock } from '../../sso/testing/virtual-clock.ts';
import { diskContract, diskFailed, held } from './contract.ts';

diskContract('memory', () => {
  const platter = new Platter();
  return {
    disk: () => new MemoryDisk({ clock: virtualClock(), platter }),
    damage: () => void (platter.damaged = true),
    end: () => {},
  };
});

/** A platter with a disk on it that is open. */
async function mounted(more: Partial<Platter> = {}) {
  const clock = virtualClock();
  const platter = Object.assign(new Platter(), more);
  const mount = async () => {
    const disk = new MemoryDisk({ clock, platter });
    return { disk, kept: await disk.open() };
  };
  return { clock, platter, mount, ...(await mount()) };
}

test('a crash loses what was not flushed, and nothing else', async () => {
  const { disk, mount } = await mounted();
  disk.put('a', 'x', 'kept');
  disk.note('kept');
  await disk.flush();
  disk.put('a', 'x', 'lost');
  disk.put('a', 'y', 'lost');
  disk.note('lost');
  disk.crash();
  const { kept } = await mount();
  assert.deepEqual(held(kept, 'a'), { x: 'kept' });
  assert.equal(kept.note, 'kept');
});

test('a crash in the middle of a flush keeps its first transactions, never part of one, and never the note without all before it', async () => {
  const outcomes = new Set<number>();
  for (let seed = 0; seed < 100; seed++) {
    const { clock, disk, mount } = await mounted({ flushMs: 10, atMost: 4 });
    for (let index = 0; index < 16; index++) disk.put('a', `k${index}`, 'x');
    disk.note('all of them');
    void disk.flush();
    await clock.advanceAsync(15);
    disk.crash(seededRandom(seed));
    const { kept } = await mount();
    const count = Object.keys(held(kept, 'a')).length;
    assert.equal(count % 4, 0, `seed ${seed}: part of a transaction`);
    assert.ok(count >= 4, `seed ${seed}: the first was durable`);
    assert.equal(kept.note, count === 16 ? 'all of them' : undefined, `seed ${seed}`);
    outcomes.add(count);
  }
  assert.deepEqual(
    [...outcomes].sort((a, b) => a - b),
    [4, 8, 12, 16],
  );
});

test('a process that crashed writes nothing any more, whatever it still does', async () => {
  const { clock, disk, platter, mount } = await mounted({ flushMs: 10 });
  disk.put('a', 'x', 'late');
  void disk.flush();
  disk.crash();
  disk.put('a', 'y', 'later');
  await clock.advanceAsync(1_000);
  assert.equal(platter.transactions, 0);
  assert.equal((await mount()).kept.state, 'missing');
});

for (const [fault, words] of [
  ['full', /the disk is full/],
  ['unwritable', /cannot be written/],
] as const)
  test(`a disk that is ${fault}: flushes fail and say why, what was given waits, and the next flush after it writes all`, async () => {
    const { disk, platter, mount } = await mounted();
    platter.fault = fault;
    disk.put('a', 'x', 'one');
    await assert.rejects(disk.flush(), diskFailed);
    assert.match(disk.failure ?? '', words);
    disk.put('a', 'x', 'two');
    disk.put('a', 'y', 'other');
    await assert.rejects(disk.flush(), diskFailed);
    assert.equal(disk.waiting, 2);
    platter.fault = undefined;
    await disk.flush();
    assert.equal(disk.failure, undefined);
    assert.equal(disk.waiting, 0);
    await disk.close();
    assert.deepEqual(held((await mount()).kept, 'a'), { x: 'two', y: 'other' });
  });

test('a directory that cannot be written cannot be opened', async () => {
  const platter = Object.assign(new Platter(), { fault: 'unwritable' });
  await assert.rejects(new MemoryDisk({ clock: virtualClock(), platter }).open(), diskFailed);
});

test('a backup that is put back is the state of its day', async () => {
  const { disk, platter, mount } = await mounted();
  disk.put('a', 'x', 'old');
  disk.note('old');
  await disk.flush();
  const backup = platter.snapshot();
  disk.put('a', 'x', 'new');
  disk.put('a', 'y', 'new');
  disk.note('new');
  await disk.close();
  platter.restore(backup);
  const { kept } = await mount();
  assert.deepEqual([held(kept, 'a'), kept.note, kept.state], [{ x: 'old' }, 'old', 'intact']);
});
