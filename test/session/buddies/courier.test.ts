/** Where the data of sessions with buddies is, and that it gets there, over a network that loses, doubles and reorders, and nodes that come and go. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CourierWorld, isHeld } from './world.ts';

const five = ['n1', 'n2', 'n3', 'n4', 'n5'];

test('the data of a session is with its owner and its buddies, its record on every node', async () => {
  const world = await CourierWorld.of(five);
  for (const count of [1, 2, 3]) {
    const key = `s${count}`;
    world.make('n1', key, count);
    await world.pass(100);
    for (const name of five) assert.equal(world.listed(name, key).length, count + 1);
    assert.deepEqual([...world.holders(key)].sort(), world.listed('n1', key));
  }
});

test('a change travels to the buddies alone, as what it altered, in one frame a turn', async () => {
  const world = await CourierWorld.of(five);
  world.make('n1', 's');
  const big = world.write('n1', 's', 'x'.repeat(20_000));
  await world.pass(100);
  const before = world.at('n1').courier.counters();
  const batches = world.at('n1').gossip.counters()['batches-sent'];
  const writes = [world.write('n1', 's'), world.write('n1', 's'), world.write('n1', 's')];
  await world.pass(100);
  const after = world.at('n1').courier.counters();
  assert.equal(after['buddy-frames-sent']! - before['buddy-frames-sent']!, 1);
  assert.ok(after['buddy-bytes-sent']! - before['buddy-bytes-sent']! < 600, 'no more than what was altered');
  assert.equal(world.at('n1').gossip.counters()['batches-sent'], batches);
  const [buddy] = world.session('n1', 's').buddies!;
  const attributes = world.attributes(buddy!, 's');
  assert.ok(
    [big, ...writes].every((name) => attributes.includes(name)),
    'so it is to be',
  );
});

test('what a buddy did not confirm in time is sent again, whole', async () => {
  const world = await CourierWorld.of(five);
  world.make('n1', 's');
  await world.pass(100);
  world.network.lose(1);
  const name = world.write('n1', 's');
  await world.pass(300);
  world.network.lose(0);
  const [buddy] = world.session('n1', 's').buddies!;
  assert.ok(!world.attributes(buddy!, 's').includes(name), 'it was lost');
  await world.pass(1_000);
  assert.ok(world.attributes(buddy!, 's').includes(name), 'it came at last');
  assert.equal(world.at('n1').courier.unconfirmed, 0);
});

test('a change that lacks what it builds on is asked for whole', async () => {
  const world = await CourierWorld.of(five);
  world.make('n1', 's');
  await world.pass(100);
  world.network.lose(1);
  world.write('n1', 's');
  await world.pass(10);
  world.network.lose(0);
  const second = world.write('n1', 's');
  await world.pass(50);
  const [buddy] = world.session('n1', 's').buddies!;
  assert.ok(world.attributes(buddy!, 's').includes(second), 'the whole came');
  assert.equal(world.at('n1').courier.counters()['buddy-lacked'], 1);
});

test('`stored` waits for a buddy that can be reached, for so long at most, and not where there is none', async () => {
  const world = await CourierWorld.of(five);
  world.make('n1', 's');
  const { courier } = world.at('n1');
  const [buddy] = world.session('n1', 's').buddies!;
  await world.done(courier.stored('s', 250));
  assert.deepEqual(world.attributes(buddy!, 's'), world.attributes('n1', 's'));
  world.network.lose(1);
  world.write('n1', 's');
  const from = world.clock.monotonic();
  await world.done(courier.stored('s', 250));
  assert.ok(world.clock.monotonic() - from >= 250, 'all the time');
  world.network.lose(0);
  world.network.split([['n1']]);
  await world.pass(100);
  world.write('n1', 's');
  const alone = world.clock.monotonic();
  await world.done(courier.stored('s', 250));
  assert.ok(world.clock.monotonic() - alone < 5, 'at once');
});

test('a buddy that cannot be reached any more is replaced for what it has not confirmed, and that alone', async () => {
  const world = await CourierWorld.of(five);
  world.make('n1', 's');
  await world.pass(100);
  const [buddy] = world.session('n1', 's').buddies!;
  for (let count = 0; count < 40; count++) world.make('n1', `other ${count}`);
  await world.pass(100);
  const others = () => five.filter((name) => name !== buddy).map((name) => world.listed(name, 'other 1').join());
  const placed = others();
  world.network.lose(1);
  const name = world.write('n1', 's');
  await world.pass(5);
  world.network.lose(0);
  world.kill(buddy!);
  await world.done(world.at('n1').courier.stored('s', 250));
  const [next] = world.session('n1', 's').buddies!;
  assert.notEqual(next, buddy);
  assert.ok(world.attributes(next!, 's').includes(name), 'the new buddy has it');
  await world.pass(20_000);
  assert.deepEqual(others(), placed);
});

test('a node that needs a session fetches it, serves it from then on, and old copies go once new ones are confirmed', async () => {
  for (const count of [1, 2]) {
    const world = await CourierWorld.of(five, count);
    const name = world.make('n1', 's', count);
    await world.pass(100);
    for (const at of ['n5', 'n2', 'n4', 'n3', 'n1']) {
      const from = world.clock.monotonic();
      assert.equal(await world.use(at, 's'), 'here');
      assert.ok(world.clock.monotonic() - from < 20, 'one trip');
      assert.deepEqual(world.attributes(at, 's'), [name]);
      await world.pass(4_000);
      assert.deepEqual([...world.holders('s')].sort(), world.listed('n1', 's'));
      assert.equal(world.holders('s').length, count + 1);
      assert.ok(world.holders('s').includes(at), `${at} has it`);
    }
  }
});

test('nothing moves because a node died; a buddy serves on without a trip where nobody else has it', async () => {
  const world = await CourierWorld.of(five);
  const name = world.make('n1', 's');
  await world.pass(100);
  const [buddy] = world.session('n1', 's').buddies!;
  world.kill('n1');
  await world.pass(30_000);
  assert.deepEqual(world.holders('s'), [buddy]);
  const from = world.clock.monotonic();
  assert.equal(await world.use(buddy!, 's'), 'here');
  assert.equal(world.clock.monotonic(), from);
  await world.pass(100);
  assert.equal(world.holders('s').length, 2);
  assert.deepEqual(world.attributes(buddy!, 's'), [name]);
});

test('where nobody who has it can be asked a session is out of reach; lost only once all have said that they have nothing', async () => {
  const world = await CourierWorld.of(five);
  world.make('n1', 's');
  await world.pass(100);
  const [buddy] = world.session('n1', 's').buddies!;
  const at = five.find((name) => name !== 'n1' && name !== buddy)!;
  world.kill('n1');
  world.kill(buddy!);
  assert.equal(await world.use(at, 's'), 'out of reach');
  await world.pass(60_000);
  assert.equal(await world.use(at, 's'), 'out of reach', 'a node that is lost may come back with its data');
  world.start('n1');
  await world.pass(3_000);
  assert.equal(await world.use(at, 's'), 'out of reach');
  world.start(buddy!);
  await world.pass(3_000);
  assert.equal(await world.use(at, 's'), 'lost');
});

test('a copy of one who is not to have it is not served while those cannot be asked who are', async () => {
  const world = await CourierWorld.of(five, 1, { offerMs: 1_000_000 });
  const first = world.make('n1', 's');
  await world.pass(100);
  const [buddy] = world.session('n1', 's').buddies!;
  const owner = five.find((name) => name !== 'n1' && name !== buddy)!;
  await world.use(owner, 's');
  await world.pass(100);
  const later = world.write(owner, 's');
  await world.pass(100);
  const listed = world.listed(owner, 's');
  assert.ok(!listed.includes('n1') && world.holders('s').includes('n1'), 'an old copy');
  const kept = listed.map((name) => [name, world.kill(name)] as const);
  assert.equal(await world.use('n1', 's'), 'out of reach');
  for (const [name, disk] of kept) world.start(name, disk);
  await world.pass(3_000);
  assert.equal(await world.use('n1', 's'), 'here');
  assert.deepEqual(world.attributes('n1', 's'), [first, later]);
});

test('what an owner hears from elsewhere it tells its buddies at once', async () => {
  const world = await CourierWorld.of(five, 1, { digestMs: 1_000_000 });
  world.make('n1', 's');
  await world.pass(100);
  world.network.split([['n1']]);
  await world.pass(100);
  const [buddy] = world.session('n2', 's').buddies!;
  const at = five.find((name) => name !== 'n1' && name !== buddy)!;
  const alone = world.write('n1', 's');
  await world.use(at, 's');
  world.network.heal();
  await world.pass(4_000);
  for (const holder of world.listed(at, 's'))
    assert.deepEqual([holder, world.attributes(holder, 's').includes(alone)], [holder, true]);
});

test('nothing is called lost while one who may have a copy cannot be asked', async () => {
  const world = await CourierWorld.of(five, 1, { offerMs: 1_000_000 });
  world.make('n1', 's');
  await world.pass(100);
  const [buddy] = world.session('n1', 's').buddies!;
  const owner = five.find((name) => name !== 'n1' && name !== buddy)!;
  await world.use(owner, 's');
  await world.pass(100);
  const listed = world.listed(owner, 's');
  const at = five.find((name) => name !== 'n1' && !listed.includes(name))!;
  world.network.split([['n1']]);
  for (const name of listed) world.kill(name);
  for (const name of listed) world.start(name);
  await world.pass(5_000);
  assert.equal(await world.use(at, 's'), 'out of reach', 'n1 has an old copy');
  world.network.heal();
  await world.pass(5_000);
  assert.equal(await world.use(at, 's'), 'here');
});

test('an owner whose disk lost what was put there gets it back from its buddies', async () => {
  const world = await CourierWorld.of(five);
  const name = world.make('n1', 's');
  await world.pass(100);
  const { data } = world.session('n1', 's');
  data.stow({ load: () => undefined }, 's');
  assert.deepEqual(world.attributes('n1', 's'), []);
  const { courier } = world.at('n1');
  assert.equal(await world.done(courier.fetch('s', world.session('n1', 's'))), 'here');
  assert.deepEqual(world.attributes('n1', 's'), [name]);
});

test('a question that a hung holder does not answer ends after 250 ms, with what others gave', async () => {
  const world = await CourierWorld.of(five);
  const name = world.make('n1', 's', 2);
  await world.pass(100);
  const at = five.find((one) => !world.listed('n1', 's').includes(one))!;
  world.network.cut('n1', at);
  const from = world.clock.monotonic();
  assert.equal(await world.use(at, 's'), 'here');
  assert.ok(world.clock.monotonic() - from <= 260, 'bounded');
  assert.deepEqual(world.attributes(at, 's'), [name]);
});

test('V93: both sides of a partition go on with a session, and both changes are there afterwards', async () => {
  for (const count of [1, 2]) {
    const world = await CourierWorld.of(five, 7 + count);
    world.make('n1', 's', count);
    await world.pass(100);
    const [buddy] = world.session('n1', 's').buddies!;
    world.network.split([['n1', five.find((name) => !world.listed('n1', 's').includes(name))!]]);
    await world.pass(500);
    assert.equal(await world.use(buddy!, 's'), 'here');
    const names = [world.write('n1', 's'), world.write(buddy!, 's')];
    await world.pass(15_000);
    names.push(world.write('n1', 's'), world.write(buddy!, 's'));
    world.network.heal();
    await world.pass(15_000);
    assert.deepEqual([...world.holders('s')].sort(), world.listed('n1', 's'));
    for (const holder of world.holders('s'))
      assert.ok(
        names.every((name) => world.attributes(holder, 's').includes(name)),
        holder,
      );
  }
});

test('a buddy that comes back empty gets all it should hold, while its owners go on', async () => {
  const world = await CourierWorld.of(five);
  for (let count = 0; count < 600; count++) world.make('n1', `s${count}`);
  await world.pass(2_000);
  const [buddy] = world.session('n1', 's0').buddies!;
  const kept = Array.from({ length: 600 }, (_, at) => `s${at}`).filter((key) =>
    world.session('n1', key).buddies!.includes(buddy!),
  );
  assert.ok(kept.length > 50, 'enough of them');
  world.kill(buddy!);
  await world.pass(1_000);
  world.start(buddy!);
  await world.pass(3_000);
  assert.deepEqual(
    kept.filter((key) => !world.holders(key).includes(buddy!)),
    [],
  );
});

test('an owner that comes back empty gets from its buddies what it had; nothing is lost if those die then', async () => {
  const world = await CourierWorld.of(five);
  const name = world.make('n1', 's');
  await world.pass(100);
  const [buddy] = world.session('n1', 's').buddies!;
  world.kill('n1');
  await world.pass(1_000);
  world.start('n1');
  await world.pass(5_000);
  world.kill(buddy!);
  await world.pass(100);
  assert.equal(await world.use('n1', 's'), 'here');
  assert.deepEqual(world.attributes('n1', 's'), [name]);
});

test('V85: who kills the next node as soon as the last one has all it is to hold again loses nothing', async () => {
  const world = await CourierWorld.of(five);
  const names = new Map<string, string>();
  for (const at of five)
    for (let count = 0; count < 40; count++) names.set(`${at} ${count}`, world.make(at, `${at} ${count}`));
  await world.pass(500);
  world.network.delay({ min: 2, max: 20 });
  for (const node of five) {
    world.kill(node);
    await world.pass(700);
    const lost = [...names.keys()].filter((key) => world.listed(five.find((one) => one !== node)!, key).includes(node));
    const { courier } = world.start(node);
    let most = 0;
    for (let ms = 0; !isUp(world, node) || courier.view().refilling > 0; ms++) {
      assert.ok(ms < 2_000, 'it comes within two seconds');
      await world.pass(1);
      most = Math.max(most, courier.view().refilling);
    }
    assert.ok(lost.length > 40 && most > 0, `${node} lacked ${most} of ${lost.length}`);
    assert.deepEqual(
      lost.filter((key) => !world.holders(key).includes(node)),
      [],
    );
  }
  for (const [key, name] of names) {
    assert.equal(await world.use('n1', key), 'here');
    assert.deepEqual(world.attributes('n1', key), [name]);
  }
});

/** Two of five that hold some sessions alone lose them. Both come back. */
async function bothLost(): Promise<{ world: CourierWorld; both: readonly string[]; buddy: string; third: string }> {
  const world = await CourierWorld.of(five);
  const keys = Array.from({ length: 100 }, (_, at) => `s${at}`);
  for (const key of keys) world.make('n1', key);
  await world.pass(500);
  const buddy = world.session('n1', 's0').buddies![0]!;
  const both = keys.filter((key) => world.listed('n1', key).includes(buddy));
  world.kill('n1');
  world.kill(buddy);
  await world.pass(1_000);
  world.start('n1');
  world.start(buddy);
  await world.pass(2_000);
  for (const name of ['n1', buddy]) assert.equal(world.at(name).courier.view().refilling, both.length, name);
  return { world, both, buddy, third: five.find((name) => name !== 'n1' && name !== buddy)! };
}

test('what nobody has any more is waited for until nothing came for five seconds, and never again', async () => {
  const { world, buddy } = await bothLost();
  await world.pass(5_000);
  for (const name of ['n1', buddy]) assert.equal(world.at(name).courier.view().refilling, 0);
  world.kill('n1');
  await world.pass(60_000);
  assert.equal(world.at(buddy).courier.view().refilling, 0);
});

test('sessions that begin, and lost ones that end, make nobody wait longer for what is lost', async () => {
  const { world, both, buddy, third } = await bothLost();
  for (let second = 0; second < 5; second++) {
    for (let count = 0; count < 20; count++) world.make(third, `later ${second} ${count}`);
    world.end(third, both[second]!);
    await world.pass(1_000);
  }
  for (const name of ['n1', buddy]) assert.equal(world.at(name).courier.view().refilling, 0);
});

test('V85: one that starts while it is cut off waits as well, as soon as it knows for what', async () => {
  const world = await CourierWorld.of(five);
  for (let count = 0; count < 100; count++) world.make('n1', `s${count}`);
  await world.pass(500);
  world.kill('n1');
  world.network.delay({ min: 2, max: 20 });
  world.network.split([['n1']]);
  const { courier } = world.start('n1');
  await world.pass(20_000);
  assert.ok(isUp(world, 'n1'));
  world.network.heal();
  let most = 0;
  for (let ms = 0; ms < 3_000; ms++) {
    await world.pass(1);
    most = Math.max(most, courier.view().refilling);
  }
  assert.equal(most, 100);
  assert.equal(courier.view().refilling, 0);
});

test('V85: a node that comes back empty to many sessions is filled within seconds, though at first it knows none of them', async () => {
  const world = await CourierWorld.of(['n1', 'n2', 'n3']);
  for (let count = 0; count < 12_000; count++) {
    world.make('n1', `a session with a key that is as long as keys are ${count}`);
    if (count % 500 === 0) await world.pass(5);
  }
  await world.pass(3_000);
  world.kill('n1');
  await world.pass(700);
  world.network.delay({ min: 1, max: 2 });
  const { courier, sessions } = world.start('n1');
  for (let ms = 0; !isUp(world, 'n1') || courier.view().refilling > 0; ms += 50) {
    assert.ok(ms < 4_000, `${courier.view().refilling} are not there`);
    await world.pass(50);
  }
  assert.equal(sessions.size, 12_000);
  for (const [key, record] of sessions.entries()) assert.ok(isHeld(record), key);
});

test('who becomes a buddy later does not wait for what it is given', async () => {
  const world = await CourierWorld.of(['n1', 'n2', 'n3']);
  let most = 0;
  for (let count = 0; count < 50; count++) {
    world.make('n1', `s${count}`);
    for (let ms = 0; ms < 5; ms++) {
      await world.pass(1);
      for (const { courier } of world.running) most = Math.max(most, courier.view().refilling);
    }
  }
  assert.equal(most, 0);
});

test('a node that comes back with a disk that is behind is brought up to date, and what it alone had is not lost', async () => {
  const world = await CourierWorld.of(five);
  world.make('n1', 's');
  await world.pass(100);
  world.network.split([['n1']]);
  const alone = world.write('n1', 's');
  await world.pass(20);
  const kept = world.kill('n1');
  world.network.heal();
  const at = world.session('n2', 's').buddies![0]!;
  await world.pass(1_000);
  await world.use(at, 's');
  const later = world.write(at, 's');
  await world.pass(100);
  world.start('n1', kept);
  await world.pass(15_000);
  assert.deepEqual([...world.holders('s')].sort(), world.listed(at, 's'));
  for (const holder of world.holders('s'))
    assert.ok([alone, later].every((name) => world.attributes(holder, 's').includes(name)));
});

test('V88: a node that leaves hands over what nobody else has who stays, and so one after the other', async () => {
  const world = await CourierWorld.of(five);
  const names = new Map<string, string>();
  for (const [index, at] of five.entries())
    for (let count = 0; count < 8; count++)
      names.set(`s${index} ${count}`, world.make(at, `s${index} ${count}`, 1 + (count % 2)));
  await world.pass(500);
  for (const at of ['n1', 'n2', 'n3']) {
    assert.equal((await world.leave(at)).lost, 0, at);
    await world.pass(2_000);
  }
  for (const [key, name] of names) {
    assert.equal(await world.use('n5', key), 'here', key);
    assert.deepEqual(world.attributes('n5', key), [name]);
  }
});

test('owners choose anew for a buddy that leaves, before it has gone', async () => {
  const world = await CourierWorld.of(five);
  for (let count = 0; count < 20; count++) world.make('n1', `s${count}`);
  await world.pass(500);
  await world.leave('n3');
  await world.pass(500);
  for (let count = 0; count < 20; count++) {
    assert.ok(!world.listed('n1', `s${count}`).includes('n3'), `s${count}`);
    assert.equal(world.holders(`s${count}`).length, 2);
  }
});

test('what could not be handed over is counted as lost', async () => {
  const world = await CourierWorld.of(['n1', 'n2']);
  world.make('n1', 's');
  await world.pass(100);
  world.network.split([['n1']]);
  await world.pass(100);
  assert.deepEqual(await world.done(world.at('n1').courier.handOver(200)), { handedOver: 0, lost: 1 });
});

test('what takes long is handed over as long as it goes on, and what then stands still is counted as lost', async () => {
  const world = await CourierWorld.of(['n1', 'n2', 'n3']);
  const keys = Array.from({ length: 200 }, (_, count) => `s${count}`);
  for (const key of keys) world.make('n1', key, 1, 'x'.repeat(100_000));
  await world.pass(3_000);
  const alone = keys.filter((key) => world.listed('n1', key).includes('n2'));
  world.kill('n2');
  await world.pass(100);
  world.network.delay(50);
  const before = world.clock.now();
  const { handedOver, lost } = await world.done(world.at('n1').courier.handOver(200));
  assert.deepEqual({ lost, handedOver }, { lost: 0, handedOver: alone.length });
  assert.ok(world.clock.now() - before > 400, `${world.clock.now() - before} ms`);
  assert.deepEqual(
    keys.filter((key) => !world.holders(key).includes('n3')),
    [],
  );
});

test('who stops to confirm is not waited for longer than once', async () => {
  const world = await CourierWorld.of(['n1', 'n2', 'n3']);
  for (let count = 0; count < 200; count++) world.make('n1', `s${count}`, 1, 'x'.repeat(100_000));
  await world.pass(3_000);
  world.kill('n2');
  await world.pass(100);
  world.network.delay(50);
  const handing = world.at('n1').courier.handOver(200);
  await world.pass(250);
  world.network.lose(1);
  const stoodStillAt = world.clock.now();
  const { lost } = await world.done(handing);
  assert.ok(lost > 0);
  assert.ok(world.clock.now() - stoodStillAt <= 450, `${world.clock.now() - stoodStillAt} ms`);
});

test('a buddy that is lost for long gets another in its place though nobody uses the session, one that starts again before does not', async () => {
  for (const count of [1, 2]) {
    const world = await CourierWorld.of(five, count);
    world.make('n1', 's', count);
    await world.pass(100);
    const { owner, buddies, ownerStamp } = world.session('n1', 's');
    const lost = buddies![0]!;
    const kept = world.kill(lost);
    // Ten seconds until it counts as lost, and thirty more.
    await world.pass(39_000);
    assert.equal(world.session('n1', 's').ownerStamp, ownerStamp, 'not yet');
    await world.pass(3_000);
    const now = world.session('n1', 's');
    assert.deepEqual([now.owner, now.buddies!.length, now.buddies!.includes(lost)], [owner, count, false]);
    assert.deepEqual([...world.holders('s')].sort(), world.listed('n1', 's'));
    assert.ok(
      buddies!.every((name) => name === lost || now.buddies!.includes(name)),
      'the others stay',
    );
    world.start(lost, kept);
    await world.pass(15_000);
    assert.deepEqual([...world.holders('s')].sort(), world.listed('n1', 's'), 'what it had goes');
    const [next] = now.buddies!;
    world.kill(next!);
    await world.pass(35_000);
    world.start(next!);
    await world.pass(15_000);
    assert.deepEqual(world.session('n1', 's').buddies, now.buddies, 'it was back in time');
    assert.ok(world.holders('s').includes(next!), 'and has it again');
    world.kill(next!);
    await world.pass(45_000);
    assert.ok(!world.listed('n1', 's').includes(next!), 'the next time it stays away');
    assert.equal(world.holders('s').length, count + 1);
  }
});

test('a session whose owner is gone for long stands on two nodes again, and is still nobody else’s; then its holder may die', async () => {
  const world = await CourierWorld.of(five);
  const name = world.make('n1', 's');
  await world.pass(100);
  const { owner, buddies } = world.session('n1', 's');
  world.kill('n1');
  await world.pass(39_000);
  assert.deepEqual(world.holders('s'), buddies, 'not yet');
  await world.pass(5_000);
  const [first] = buddies!;
  const now = world.session(first!, 's');
  assert.equal(now.owner, owner, 'nothing moved');
  assert.deepEqual([now.buddies!.length, now.buddies!.includes(first!)], [2, true]);
  assert.deepEqual([...world.holders('s')].sort(), [...now.buddies!].sort());
  const stamp = now.ownerStamp;
  await world.pass(60_000);
  assert.equal(world.session(first!, 's').ownerStamp, stamp, 'once');
  world.kill(first!);
  await world.pass(60_000);
  const others = world.running.map((node) => node.name);
  assert.equal(world.session(others[0]!, 's').buddies!.length, 2);
  assert.equal(world.holders('s').length, 2, 'and again');
  const at = others.find((one) => !world.holders('s').includes(one))!;
  assert.equal(await world.use(at, 's'), 'here');
  assert.deepEqual(world.attributes(at, 's'), [name]);
});

test('where nobody can take the place of one that is lost it stays listed, and is replaced as soon as somebody comes', async () => {
  const world = new CourierWorld(['n1', 'n2', 'n3']);
  for (const name of ['n1', 'n2']) world.start(name);
  await world.pass(3_000);
  world.make('n1', 's');
  await world.pass(100);
  world.kill('n2');
  await world.pass(50_000);
  assert.deepEqual(world.session('n1', 's').buddies, ['n2']);
  world.start('n3');
  await world.pass(5_000);
  assert.deepEqual(world.session('n1', 's').buddies, ['n3']);
  assert.deepEqual(world.holders('s'), ['n1', 'n3']);
});

test('where the owner’s life is over, what is too much on a node is let go of only once all that are to hold it and live have it', async () => {
  const world = await CourierWorld.of(five, 3, { replaceMs: 1_000_000 });
  world.make('n1', 's', 2);
  await world.pass(100);
  const second = five.find((name) => name !== 'n1' && !world.session('n1', 's').buddies!.includes(name))!;
  // The former owner keeps what it has, for nobody answers its offers.
  world.network.cut('n1', second);
  await world.use(second, 's');
  await world.pass(100);
  const listed = world.session(second, 's').buddies!;
  assert.ok(!listed.includes('n1') && world.holders('s').includes('n1'));
  const [has, lacks] = listed;
  world.kill(second);
  world.kill(lacks!);
  await world.pass(100);
  world.network.cut(has!, lacks!);
  world.network.cut('n1', lacks!);
  world.start(lacks!);
  await world.pass(15_000);
  assert.ok(!world.holders('s').includes(lacks!), `${lacks} has nothing`);
  assert.ok(world.holders('s').includes('n1'), 'n1 keeps it');
  world.network.heal();
  await world.pass(20_000);
  assert.ok(world.holders('s').includes(lacks!), 'it came');
  assert.ok(!world.holders('s').includes('n1'), 'then n1 lets go of it');
});

test('a buddy whose disk lost what was put there asks for it by itself, and again once somebody who has it is back', async () => {
  const world = await CourierWorld.of(five);
  const name = world.make('n1', 's');
  await world.pass(100);
  const [buddy] = world.session('n1', 's').buddies!;
  const lose = async () => {
    world.session(buddy!, 's').data.stow({ load: () => undefined }, 's');
    assert.deepEqual(world.attributes(buddy!, 's'), []);
    world.at(buddy!).courier.regain('s');
    await world.pass(300);
  };
  await lose();
  assert.deepEqual(world.attributes(buddy!, 's'), [name]);
  world.network.split([[buddy!]]);
  await world.pass(100);
  await lose();
  assert.deepEqual(world.attributes(buddy!, 's'), [], 'nobody can be asked');
  world.network.heal();
  await world.pass(2_000);
  assert.deepEqual(world.attributes(buddy!, 's'), [name]);
  assert.equal(world.at(buddy!).courier.counters()['sessions-regained'], 2);
});

test('what is told alone travels in a frame of its own', async () => {
  const world = await CourierWorld.of(five);
  world.make('n1', 's');
  const [buddy] = world.session('n1', 's').buddies!;
  const others = Array.from({ length: 20 }, (_, index) => `other ${index}`);
  for (const key of others) world.make('n1', key);
  const other = others.find((key) => world.session('n1', key).buddies![0] === buddy)!;
  await world.pass(100);
  const frames = () => world.at('n1').courier.counters()['buddy-frames-sent']!;
  for (const [alone, expected] of [
    [false, 1],
    [true, 4],
  ] as const) {
    const before = frames();
    world.write('n1', other);
    const names = [1, 2, 3].map((value) => world.write('n1', 's', value, undefined, alone));
    await world.pass(50);
    assert.equal(frames() - before, expected);
    assert.ok(names.every((name) => world.attributes(buddy!, 's').includes(name)));
  }
});

test('a session that ended is not brought back by whoever still has its data', async () => {
  const world = await CourierWorld.of(five);
  world.make('n1', 's');
  await world.pass(100);
  const [buddy] = world.session('n1', 's').buddies!;
  world.network.split([[buddy!]]);
  await world.pass(500);
  world.end('n1', 's');
  await world.pass(1_000);
  await world.use(buddy!, 's');
  world.write(buddy!, 's');
  world.network.heal();
  await world.pass(5_000);
  for (const name of five) assert.equal(world.at(name).sessions.get('s')?.state, 'ended', name);
  assert.deepEqual(world.holders('s'), []);
});

test('all records are looked through once for a member that is another life and up, and what its former life owned is offered to all', async () => {
  const world = await CourierWorld.of(['n1', 'n2', 'n3', 'n4']);
  world.make('n1', 's', 2);
  await world.pass(500);
  const [at, other] = world.session('n1', 's').buddies!;
  // It hears of the new life by somebody else, when that is up.
  world.network.split([[at!]]);
  world.kill('n1');
  world.start('n1');
  await world.pass(3_000);
  world.network.heal();
  world.network.cut(at!, 'n1');
  world.network.cut('n1', at!);
  const { sessions, courier } = world.at(at!);
  let passes = 0;
  const entries = sessions.entries.bind(sessions);
  sessions.entries = () => {
    passes++;
    return entries();
  };
  const offered = courier.counters()['sessions-offered'] ?? 0;
  await world.pass(1_000);
  assert.ok(
    !world
      .at(at!)
      .gossip.peers()
      .some(({ node }) => node === 'n1'),
  );
  assert.equal(passes, 3, 'one for each of the two that it reaches again, and one for the new life');
  assert.equal(courier.counters()['sessions-offered']! - offered, 1, `${other} may lack it`);
});

test('what is idle costs a digest every ten seconds', async () => {
  const world = await CourierWorld.of(five);
  for (let count = 0; count < 50; count++) world.make('n1', `s${count}`);
  await world.pass(20_000);
  const before = world.at('n1').courier.counters();
  await world.pass(60_000);
  assert.deepEqual(world.at('n1').courier.counters(), before);
});

const isUp = (world: CourierWorld, name: string): boolean =>
  world
    .at(name)
    .gossip.members()
    .some(({ node, state }) => node === name && state === 'up');

test('what a node that leaves has given to one that dies before it has it goes to another', async () => {
  const world = await CourierWorld.of(['n1', 'n2', 'n3', 'n4']);
  const keys = Array.from({ length: 40 }, (_, count) => `s${count}`);
  for (const key of keys) world.make('n1', key);
  await world.pass(1_000);
  const alone = keys.filter((key) => world.listed('n1', key).includes('n2'));
  world.kill('n2');
  await world.pass(100);
  world.network.delay(50);
  const handing = world.at('n1').courier.handOver(1_000);
  await world.pass(10);
  assert.ok(alone.some((key) => world.listed('n1', key).includes('n3')));
  world.kill('n3');
  assert.deepEqual(await world.done(handing), { handedOver: alone.length, lost: 0 });
  for (const key of alone) assert.ok(world.holders(key).includes('n4'), key);
});

test('what a node that does not serve a session has told a buddy alone, and died, comes to its owner, also where the buddy leaves', async () => {
  for (const leaves of [false, true]) {
    const world = await CourierWorld.of(five);
    world.make('n1', 's', 2);
    await world.pass(100);
    const [first, second] = world.session('n1', 's').buddies!;
    world.network.cut(first!, 'n1');
    const name = world.writeLate(first!, 's');
    await world.pass(5);
    world.kill(first!);
    world.network.heal();
    assert.ok(world.attributes(second!, 's').includes(name));
    assert.ok(!world.attributes('n1', 's').includes(name));
    if (leaves) await world.leave(second!);
    else await world.pass(2_000);
    assert.ok(world.attributes('n1', 's').includes(name), leaves ? 'the buddy has left' : 'in time');
  }
});

test('what was written where no holder could be reached is waited for where one can be now, though they have compared what both should hold', async () => {
  const world = await CourierWorld.of(['n1', 'n2', 'n3', 'n4']);
  const keys = Array.from({ length: 10 }, (_, count) => `s${count}`);
  for (const key of keys) world.make('n1', key);
  await world.pass(100);
  for (const name of ['n3', 'n2']) {
    for (const key of keys) await world.use(name, key);
    await world.pass(10);
  }
  const isTooMuch = (key: string) => !world.listed('n3', key).includes('n3') && world.holders(key).includes('n3');
  const key = keys.find(isTooMuch)!;
  const listed = world.listed('n3', key);
  const others = world.running.map(({ name }) => name).filter((name) => !listed.includes(name));
  world.network.split([listed, others]);
  await world.pass(20);
  const name = world.writeLate('n3', key);
  await world.pass(10);
  world.network.delay(20);
  world.network.heal();
  const isReached = () =>
    world
      .at('n3')
      .gossip.peers()
      .some(({ node }) => listed.includes(node));
  while (!isReached()) await world.pass(1);
  await world.done(world.at('n3').courier.stored(key, 250));
  assert.ok(
    listed.some((node) => world.attributes(node, key).includes(name)),
    'one of them has it',
  );
});
