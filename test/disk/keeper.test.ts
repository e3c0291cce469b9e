import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Keeper } from '../../sso/disk/keeper.ts';
import { MemoryDisk, Platter } from '../../sso/disk/memory-disk.ts';
import { GossipNode, type GossipParts } from '../../sso/gossip/gossip.ts';
import { seededRandom } from '../../sso/random.ts';
import { virtualClock } from '../../sso/testing/virtual-clock.ts';
import { type Cell, cell, cellLattice, hour, startAt } from '../gossip/cells.ts';
import { diskFailed } from './contract.ts';

interface Life {
  readonly at?: number;
  readonly platter?: Platter;
  readonly forgetting?: NonNullable<GossipParts['forgetting']>;
}

/** One life of a node alone that keeps a map of cells on a platter. */
function node({ at = startAt, platter = new Platter(), forgetting }: Life = {}) {
  const clock = virtualClock(at);
  const gossip = new GossipNode({
    self: { node: 'n1', incarnation: 1, route: 'r', address: '' },
    clock,
    random: seededRandom(1),
    ...(forgetting && { forgetting }),
  });
  const cells = gossip.map(cellLattice);
  const disk = new MemoryDisk({ clock, platter });
  const keeper = new Keeper({ disk, clock });
  keeper.keep(cellLattice, cells);
  const open = async () => {
    const opening = keeper.open();
    let isOpen = false;
    void opening.then(() => (isOpen = true));
    while (!isOpen) await clock.advanceAsync(0);
    return opening;
  };
  return { clock, gossip, cells, disk, keeper, platter, open, written: () => platter.values('cells') };
}

test('a value that was put and flushed is there in the next life, and its note', async () => {
  const first = node();
  assert.deepEqual(await first.open(), { state: 'missing', note: undefined, values: 0, unreadable: 0 });
  first.cells.put('a', cell('one'));
  first.keeper.note('n');
  await first.keeper.flush();
  first.disk.crash();
  const second = node({ platter: first.platter });
  assert.deepEqual(await second.open(), { state: 'intact', note: 'n', values: 1, unreadable: 0 });
  assert.equal(second.cells.get('a')?.text, 'one');
  await second.clock.advanceAsync(10_000);
  assert.equal(second.platter.transactions, 1, 'what came from the disk is not written again');
});

test('changes of one turn are one value of each key, and are written without being asked', async () => {
  const { clock, cells, keeper, disk, open, platter, written } = node();
  await open();
  for (let version = 1; version <= 100; version++) cells.put('a', cell(`text${version}`, { version }));
  assert.equal(keeper.waiting, 1);
  assert.equal(disk.waiting, 0);
  await clock.advanceAsync(0);
  assert.equal(disk.waiting, 1);
  await clock.advanceAsync(1_000);
  assert.equal(platter.transactions, 1);
  assert.match(written().get('a') ?? '', /text100/);
});

test('what merely was concluded, or heard of, is kept like what was put here', async () => {
  const { cells, keeper, open, written } = node();
  await open();
  cells.settle('a', cell('concluded'));
  await keeper.flush();
  assert.match(written().get('a') ?? '', /concluded/);
});

test('the note is never durable before a change that was made before it: torn at every transaction', async () => {
  for (let seed = 0; seed < 40; seed++) {
    const platter = Object.assign(new Platter(), { flushMs: 5, atMost: 3 });
    const { clock, cells, disk, keeper, open } = node({ platter });
    await open();
    for (let index = 0; index < 10; index++) cells.put(`k${index}`, cell('x'));
    keeper.note('ten');
    cells.put('later', cell('x'));
    void keeper.flush().catch(() => {});
    await clock.advanceAsync(seed % 25);
    disk.crash(seededRandom(seed));
    const count = [...platter.values('cells').keys()].filter((key) => key !== 'later').length;
    assert.equal(count % 3 === 0 || count === 10, true, `seed ${seed}: ${count}`);
    if (platter.note !== undefined) assert.equal(count, 10, `seed ${seed}`);
  }
});

test('a thousand callers share flushes', async () => {
  const { clock, cells, keeper, open, platter } = node({
    platter: Object.assign(new Platter(), { flushMs: 5, atMost: 10_000 }),
  });
  await open();
  const all = Array.from({ length: 1_000 }, (_, index) => {
    cells.put(`k${index}`, cell('x'));
    return keeper.flush();
  });
  await clock.advanceAsync(20);
  await Promise.all(all);
  assert.equal(platter.transactions, 2);
});

test('a flush that is asked for while the maps are being restored waits until changes made meanwhile are durable', async () => {
  const platter = new Platter();
  const first = node({ platter });
  await first.open();
  for (let index = 0; index < 2_000; index++) first.cells.put(`k${index}`, cell('x'));
  await first.keeper.close();
  const { clock, cells, keeper, written } = node({ platter });
  const opening = keeper.open();
  await Promise.resolve();
  cells.put('k7', cell('closed meanwhile', { closed: true }));
  let resolved = false;
  const flushed = keeper.flush().then(() => (resolved = true));
  await Promise.resolve();
  assert.equal(resolved, false);
  await clock.advanceAsync(0);
  await Promise.all([opening, flushed]);
  assert.equal(cells.size, 2_000);
  assert.match(written().get('k7') ?? '', /closed meanwhile/);
  assert.match(cells.get('k7')?.text ?? '', /closed meanwhile/);
});

test('what cannot be decoded is counted and left alone; the others are restored', async () => {
  const platter = new Platter();
  const maps = new Map([
    [
      'cells',
      new Map([
        ['good', JSON.stringify(cellLattice.encode(cell('one')))],
        ['bad', '{'],
        ['later', '["x"]'],
      ]),
    ],
  ]);
  platter.restore({ maps, note: undefined });
  const { open, cells, clock, written } = node({ platter });
  assert.deepEqual(await open(), { state: 'intact', note: undefined, values: 1, unreadable: 2 });
  assert.equal(cells.size, 1);
  await clock.advanceAsync(10_000);
  assert.equal(written().size, 3);
});

test('what is forgotten is removed from the disk', async () => {
  const { clock, gossip, cells, keeper, open, written } = node();
  await open();
  await gossip.start();
  cells.put('a', cell('one'));
  cells.put('b', cell('stays', { endsAt: startAt + 48 * hour }));
  await keeper.flush();
  assert.equal(written().size, 2);
  await clock.advanceAsync(12 * hour + 180_000);
  assert.deepEqual([...written().keys()], ['b']);
  await gossip.stop();
});

test('what is over at the start comes back all the same, and leaves map and disk once it may be forgotten', async () => {
  const first = node();
  await first.open();
  first.cells.put('a', cell('one'));
  first.cells.put('b', cell('stays', { endsAt: startAt + 48 * hour }));
  await first.keeper.close();
  let may = false;
  const second = node({
    at: startAt + 13 * hour,
    platter: first.platter,
    forgetting: { now: () => second.clock.now(), may: () => may },
  });
  assert.deepEqual(await second.open(), { state: 'intact', note: undefined, values: 2, unreadable: 0 });
  await second.gossip.start();
  await second.clock.advanceAsync(600_000);
  assert.deepEqual([second.cells.size, second.written().size], [2, 2]);
  may = true;
  await second.clock.advanceAsync(180_000);
  assert.deepEqual([second.cells.size, [...second.written().keys()]], [1, ['b']]);
  await second.gossip.stop();
});

test('S1: a clock that is a year ahead at the start drops no closing from the disk', async () => {
  const first = node();
  await first.open();
  first.cells.put('a', cell('closed', { closed: true }));
  await first.keeper.close();
  const second = node({ at: startAt + 365 * 24 * hour, platter: first.platter });
  assert.equal((await second.open()).values, 1);
  second.cells.settle('a', cell('open, from a node that has not heard'));
  assert.equal(second.cells.get('a')?.closed, true);
});

test('a disk that fails is said to, and loses nothing of what is given meanwhile', async () => {
  const { cells, keeper, open, platter, written } = node();
  await open();
  platter.fault = 'full';
  cells.put('a', cell('one'));
  await assert.rejects(keeper.flush(), diskFailed);
  assert.match(keeper.failure ?? '', /full/);
  cells.put('b', cell('two'));
  assert.equal(keeper.waiting, 2);
  platter.fault = undefined;
  await keeper.flush();
  assert.equal(keeper.failure, undefined);
  assert.equal(written().size, 2);
});

test('a restored value that a map knows better does not take anything back, and the better one is written', async () => {
  const first = node();
  await first.open();
  first.cells.put('a', cell('open'));
  await first.keeper.close();
  const second = node({ platter: first.platter });
  second.cells.put('a', cell('closed', { closed: true }) satisfies Cell);
  await second.open();
  await second.keeper.flush();
  assert.equal(second.cells.get('a')?.closed, true);
  assert.match(second.written().get('a') ?? '', /closed/);
});
