/** Who gets other buddies and who keeps them: where nodes are cut off, start again, or are gone for long. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CourierWorld } from './world.ts';

const five = ['n1', 'n2', 'n3', 'n4', 'n5'];
const keys = Array.from({ length: 24 }, (_, index) => `s${index}`);

/** Of the others these alone reach n1. */
const reachedOnlyBy = (world: CourierWorld, reached: readonly string[]) => {
  world.network.heal();
  for (const name of five) if (name !== 'n1' && !reached.includes(name)) cutOff(world, 'n1', name);
};

const cutOff = (world: CourierWorld, a: string, b: string) => {
  world.network.cut(a, b);
  world.network.cut(b, a);
};

const anew = (world: CourierWorld, at: string) => world.at(at).courier.counters()['buddies-chosen-anew'] ?? 0;

test('a node that was cut off from all for long moves nothing when they come back to it one after the other', async () => {
  const world = await CourierWorld.of(five);
  // Of one buddy alone the others would give a session a second, as its owner is away.
  for (const key of keys) world.make('n1', key, 2);
  await world.pass(500);
  const placed = keys.map((key) => world.listed('n1', key).join());
  reachedOnlyBy(world, []);
  await world.pass(120_000);
  for (const reached of [['n2'], ['n2', 'n3'], ['n2', 'n3', 'n4'], five]) {
    reachedOnlyBy(world, reached);
    await world.pass(6_000);
  }
  await world.pass(60_000);
  assert.equal(anew(world, 'n1'), 0);
  assert.deepEqual(
    keys.map((key) => world.listed('n1', key).join()),
    placed,
  );
  for (const key of keys) assert.deepEqual([...world.holders(key)].sort(), world.listed('n1', key), key);
});

test('of those that a node was cut off from, one that stays away is replaced half a minute after the first is back', async () => {
  const world = await CourierWorld.of(five);
  for (const key of keys) world.make('n1', key);
  await world.pass(500);
  const waiting = keys.filter((key) => world.listed('n1', key).includes('n5'));
  assert.ok(waiting.length > 0);
  reachedOnlyBy(world, []);
  world.kill('n5');
  await world.pass(60_000);
  world.network.heal();
  await world.pass(25_000);
  assert.equal(anew(world, 'n1'), 0, 'not yet');
  await world.pass(10_000);
  for (const key of waiting) {
    assert.ok(!world.listed('n1', key).includes('n5'), key);
    assert.deepEqual([...world.holders(key)].sort(), world.listed('n1', key), key);
  }
});

test('a buddy that only starts again moves nothing, though the owner’s node has left for good and another comes just then', async () => {
  // The other comes before it is known that the buddy is lost, and after.
  for (const untilKnown of [0, 12_000]) {
    const world = await CourierWorld.of(five);
    for (const key of keys) world.make('n1', key, 2);
    await world.pass(500);
    await world.leave('n1');
    await world.pass(60_000);
    const placed = () => keys.map((key) => world.session('n4', key).buddies!.join());
    const before = placed();
    const other = world.kill('n3');
    await world.pass(15_000);
    const kept = world.kill('n2');
    await world.pass(untilKnown);
    world.start('n3', other);
    await world.pass(6_000);
    world.start('n2', kept);
    await world.pass(20_000);
    assert.deepEqual(placed(), before);
  }
});

test('in the place of one that is gone for long comes another, and one that is away for a moment keeps its own', async () => {
  const world = await CourierWorld.of(five);
  world.make('n1', 's', 2);
  await world.pass(500);
  const [gone, away] = world.session('n1', 's').buddies!;
  world.kill(gone!);
  await world.pass(35_000);
  const kept = world.kill(away!);
  await world.pass(15_000);
  const now = world.session('n1', 's').buddies!;
  assert.deepEqual([now.length, now.includes(gone!), now.includes(away!)], [2, false, true]);
  world.start(away!, kept);
  await world.pass(15_000);
  assert.deepEqual(world.session('n1', 's').buddies, now);
  assert.deepEqual([...world.holders('s')].sort(), world.listed('n1', 's'));
});

test('who can be reached again takes the place of one that is gone for long, although nobody comes up', async () => {
  const world = new CourierWorld(['n1', 'n2', 'n3', 'n4']);
  cutOff(world, 'n1', 'n4');
  for (const name of ['n1', 'n2', 'n3', 'n4']) world.start(name);
  await world.pass(3_000);
  world.make('n1', 's', 2);
  await world.pass(500);
  assert.deepEqual(world.listed('n1', 's'), ['n1', 'n2', 'n3']);
  world.kill('n2');
  await world.pass(60_000);
  assert.deepEqual(world.listed('n1', 's'), ['n1', 'n2', 'n3'], 'n1 knows of n4 by n3 alone');
  world.network.heal();
  await world.pass(5_000);
  assert.deepEqual(world.listed('n1', 's'), ['n1', 'n3', 'n4']);
  assert.deepEqual(world.holders('s'), ['n1', 'n3', 'n4']);
});

test('a session that began while nobody could be reached gets buddies once somebody can, though nobody was missed', async () => {
  const world = await CourierWorld.of(five);
  reachedOnlyBy(world, []);
  await world.pass(1_000);
  world.make('n1', 's');
  assert.deepEqual(world.session('n1', 's').buddies, []);
  await world.pass(1_000);
  world.network.heal();
  await world.pass(5_000);
  assert.equal(world.session('n1', 's').buddies!.length, 1);
  assert.deepEqual([...world.holders('s')].sort(), world.listed('n1', 's'));
});

test('one that was released while nobody could be reached, so that one node alone has it, gets a second holder as well', async () => {
  const world = await CourierWorld.of(five);
  reachedOnlyBy(world, []);
  await world.pass(1_000);
  world.make('n1', 's');
  const { courier, hybrid } = world.at('n1');
  const made = world.session('n1', 's');
  const released = { owner: '', releasedAt: world.clock.now(), buddies: ['n1'] };
  courier.put('s', { ...made, ...released, ownerStamp: hybrid.next(made.ownerStamp) }, 'no data', false);
  await world.pass(1_000);
  world.network.heal();
  await world.pass(5_000);
  assert.deepEqual([world.session('n1', 's').owner, world.session('n1', 's').buddies!.length], ['', 2]);
  assert.deepEqual([...world.holders('s')].sort(), [...world.session('n1', 's').buddies!].sort());
});

test('a split that lasts leaves a session with one buddy no second one: it goes once the owner is back, and not before the other has all', async () => {
  for (const seed of [1, 2, 3]) {
    const world = await CourierWorld.of(five, seed);
    const names = keys.map((key) => world.make('n1', key));
    await world.pass(500);
    world.network.split([['n1']]);
    await world.pass(60_000);
    const later = keys.map((key) => world.write('n1', key));
    const other = five.at(-1)!;
    for (const key of keys) assert.equal(world.session(other, key).buddies!.length, 2, 'the others made it two');
    world.network.heal();
    for (let ms = 0; ms < 20_000; ms += 10) {
      await world.pass(10);
      for (const key of keys) assert.ok(world.holders(key).length >= 2, `${key} after ${ms} ms`);
    }
    for (const [at, key] of keys.entries()) {
      assert.equal(world.session('n1', key).buddies!.length, 1, key);
      assert.deepEqual([...world.holders(key)].sort(), world.listed('n1', key), key);
      for (const holder of world.holders(key))
        assert.deepEqual([...world.attributes(holder, key)].sort(), [names[at], later[at]].sort(), holder);
    }
  }
});
