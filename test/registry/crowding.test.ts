/** The limit of sign-ons for one user, where copies are not complete (check 29). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeEntry } from '../../sso/entry.ts';
import { seededRandom } from '../../sso/random.ts';
import type { SsoId } from '../../sso/token.ts';
import { type WorldOptions, World as Worlds } from '../logout/receipts-world.ts';

const three = ['n1', 'n2', 'n3'];

class World extends Worlds {
  constructor(most: number, options: WorldOptions = {}) {
    super(three, { ...options, limits: { entriesPerSubject: most } });
  }

  open(name: string, user = 'alice'): readonly SsoId[] {
    return [...this.at(name).registry.entriesOf(user)].map(({ id }) => id);
  }

  /** The same on every node. */
  agreed(user = 'alice'): readonly SsoId[] {
    const [first, ...others] = three.map((name) => [...this.open(name, user)].sort());
    for (const other of others) assert.deepEqual(other, first);
    return first!;
  }
}

test('check 29: who signs on once too often ends the oldest, cause replaced; of others nothing ends', async () => {
  const world = new World(3);
  const other = world.signOn('n1', 'bob').id;
  const ids: SsoId[] = [];
  for (let i = 0; i < 6; i++) {
    ids.push(world.signOn(three[i % 3]!).id);
    await world.pass(1_000);
  }
  assert.deepEqual(world.agreed(), ids.slice(3).sort());
  assert.deepEqual(
    world.at('n2').closed.map(({ id, cause }) => [id, cause]),
    ids.slice(0, 3).map((id) => [id, 'replaced']),
  );
  assert.equal(world.at('n3').registry.isOpen(other), true);
});

test('check 29: what nodes opened without hearing of each other is one too many for all of them: the same, the oldest, end', async () => {
  const world = new World(4);
  world.cut(...three);
  const ids: SsoId[] = [];
  for (let i = 0; i < 9; i++) {
    ids.push(world.signOn(three[i % 3]!).id);
    await world.pass(10);
  }
  for (const name of three) assert.equal(world.open(name).length, 3, 'as far as this node knows');
  world.heal();
  await world.pass(1);
  assert.deepEqual(world.agreed(), ids.slice(5).sort());
});

test('check 29: sign-ons of one instant end by their ids, so that all nodes choose the same', async () => {
  const world = new World(2);
  world.cut(...three);
  const opened = three.flatMap((name) => [world.signOn(name), world.signOn(name)]);
  const stamps = opened.map(({ entry }) => entry.openedStamp);
  assert.ok(new Set(stamps).size < stamps.length, 'some have the same stamp');
  world.heal();
  await world.pass(1);
  const latest = opened
    .sort((a, b) => a.entry.openedStamp - b.entry.openedStamp || (a.id < b.id ? -1 : 1))
    .slice(4)
    .map(({ id }) => id);
  assert.deepEqual(world.agreed(), latest.sort());
});

test('a node that has not heard of all ends none but what is one too many among all', async () => {
  for (let seed = 0; seed < 40; seed++) {
    const most = 1 + (seed % 4);
    const world = new World(most);
    world.cut(...three);
    const ids: SsoId[] = [];
    for (let i = 0; i < 8; i++) {
      ids.push(world.signOn(three[(seed * 7 + i * i) % 3]!).id);
      await world.pass(5);
    }
    // Every node hears of the others' in an order of its own, one by one.
    for (const name of three) {
      const order = ids.map((id, i) => [id, (i * 5 + seed * 3 + name.charCodeAt(1)) % 8] as const);
      for (const [id] of order.sort((a, b) => a[1] - b[1])) {
        const entry = three.map((one) => world.at(one).entries.get(id)).find((one) => one?.state === 'open');
        if (entry !== undefined) world.at(name).entries.merge(id, entry, false);
        await world.pass(1);
        for (const one of ids.slice(-most)) {
          const known = world.at(name).entries.get(one);
          assert.ok(known === undefined || known.state === 'open', `seed ${seed}: one of the latest has ended`);
        }
      }
    }
    world.heal();
    await world.pass(1);
    for (const name of three) await world.at(name).registry.sweep();
    assert.deepEqual(world.agreed(), ids.slice(-most).sort(), `seed ${seed}`);
  }
});

test('what came together with its closing is not counted', async () => {
  const world = new World(2);
  world.cut('n2');
  const [first, second] = [world.signOn('n1'), world.signOn('n1')];
  void world.at('n1').registry.close(second.id, 'logout');
  const third = world.signOn('n2');
  const { entries } = world.at('n2');
  entries.merge(first.id, first.entry, false);
  entries.merge(second.id, second.entry, false);
  entries.merge(second.id, closeEntry(second.entry, 'logout', world.clock.now()), false);
  await world.pass(1);
  assert.deepEqual([...world.open('n2')].sort(), [first.id, third.id].sort());
});

test('who has opened none for a user lately leaves it to those who have, and to the sweep; who may open none ends none', async () => {
  const world = new World(2);
  world.cut(...three);
  const ids: SsoId[] = [];
  for (let i = 0; i < 4; i++) {
    ids.push(world.signOn(three[i % 2]!).id);
    await world.pass(10);
  }
  await world.pass(120_000);
  world.heal();
  await world.pass(1);
  assert.equal(world.agreed().length, 4, 'long ago');
  const { registry } = world.at('n3');
  world.at('n3').accepting = false;
  await registry.sweep();
  assert.equal(world.agreed().length, 4);
  world.at('n3').accepting = true;
  await registry.sweep();
  assert.deepEqual(world.agreed(), ids.slice(2).sort());
});

test("what is over and not swept yet takes nobody's place", async () => {
  const world = new World(2);
  const first = world.signOn('n1');
  await world.pass(11 * 3_600_000);
  const second = world.signOn('n1');
  await world.pass(1.5 * 3_600_000);
  assert.equal(world.at('n1').registry.look(first.id).state, 'over');
  const third = world.signOn('n1');
  assert.deepEqual(world.agreed(), [second.id, third.id].sort());
  assert.equal(world.at('n1').entries.get(first.id)?.state, 'open', 'it needed no end');
  assert.equal(world.at('n1').entries.get(second.id)?.state, 'open');
});

test('check 29: of somebody with very many the same ones end, whatever was signed off or ran out meanwhile, and on whichever node', async () => {
  const seeds = [1, 2, 3, 4, 5, 6].map((seed) => seed + (Date.now() % 1_000) * 10);
  for (const seed of seeds) {
    const random = seededRandom(seed);
    const upTo = (count: number) => Math.floor(random.fraction() * count);
    const most = 70 + upTo(20);
    const world = new World(most);
    let living: { readonly id: SsoId; readonly at: number }[] = [];
    for (let step = 0; step < 400; step++) {
      const what = upTo(100);
      living = living.filter(({ at }) => world.clock.now() - at < 12 * 3_600_000 - 2_000);
      if (what < 80) {
        const node = three[upTo(3)]!;
        const id = world.signOn(node).id;
        living = [...living.slice(-(most - 1)), { id, at: world.clock.now() }];
      } else if (what < 95 && living.length > 0) {
        const [out] = living.splice(upTo(living.length), 1);
        void world.at(three[upTo(3)]!).registry.close(out!.id, 'logout');
      } else await world.pass(upTo(10) === 0 ? 5 * 3_600_000 : 60_000);
      await world.pass(1);
    }
    const open = new Set(world.agreed());
    const young = living.filter(({ at }) => world.clock.now() - at < 11 * 3_600_000);
    for (const { id } of young) assert.ok(open.has(id), `seed ${seed}: one that should be open has ended`);
    assert.ok(open.size <= living.length, `seed ${seed}: ${open.size} are open, and ${living.length} should be`);
  }
});

test('one sign-on more of somebody at the limit does not look at all that they have', () => {
  const most = 300;
  const world = new World(most);
  for (let i = 0; i < most; i++) world.signOn('n1');
  world.signOn('n1');
  const { entries, registry } = world.at('n1');
  const get = entries.get.bind(entries);
  let looked = 0;
  entries.get = (key) => {
    looked++;
    return get(key);
  };
  for (let i = 0; i < 100; i++) world.signOn('n1');
  assert.equal(registry.openCount, most);
  assert.ok(looked < 100 * 20, `${looked} looks for 100 sign-ons`);
});

test('users names whoever has an open sign-on, once', async () => {
  const world = new World(10);
  for (const user of ['alice', 'bob', 'alice', 'carol']) world.signOn('n1', user);
  const { registry } = world.at('n2');
  assert.deepEqual([...registry.users()].sort(), ['alice', 'bob', 'carol']);
  await world.at('n1').registry.endSubject('bob');
  assert.deepEqual([...registry.users()].sort(), ['alice', 'carol']);
  await world.pass(13 * 3_600_000);
  assert.deepEqual([...registry.users()], [], 'over, though no sweep has run');
});
