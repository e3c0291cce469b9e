/** What may happen to a session while it is on its way to the disk, and any course of events, on one node with a disk that takes its time. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../../sso/random.ts';
import type { LiveSession } from '../../../sso/session/record.ts';
import { minutes, seconds, world } from './world.ts';

test('a session that is used while it is being written stays in memory, and the disk gets rid of it', async () => {
  const at = await world();
  at.write('a', 'one');
  await at.elapse(75 * seconds);
  assert.equal(at.shelf.isBusy, true);
  assert.equal(at.read('a'), 'one');
  at.shelf.isSlow = false;
  at.shelf.release();
  await at.settle();
  assert.notEqual(at.formOf('a'), 'stowed');
  assert.deepEqual(at.passivation.view, { active: 1, passivated: 0 });
  assert.equal(at.shelf.values.size, 0);
});

test('many that come back at once and go to the disk again are all there', async () => {
  const at = await world();
  at.shelf.isSlow = false;
  const names = Array.from({ length: 1_200 }, (_, index) => `s${index}`);
  for (const name of names) at.write(name, name);
  for (let round = 0; round < 3; round++) {
    await at.elapse(75 * seconds);
    // What is of no use on the disk any more waits there for its turn, some hundred at a time.
    for (const name of names) assert.equal(at.read(name), name, `round ${round}`);
    at.heart.passivation.configure('shop', { maxActive: 10, passivates: true, minIdleMs: -1, maxIdleMs: 60 * seconds });
  }
  await at.elapse(75 * seconds);
  for (const name of names) assert.equal(at.read(name), name);
});

test('nor is a change lost that comes while its session is being written', async () => {
  const at = await world();
  at.write('a', 'one');
  await at.elapse(75 * seconds);
  at.write('a', 'two');
  at.shelf.isSlow = false;
  at.shelf.release();
  await at.settle();
  assert.equal(at.read('a'), 'two');
  await at.elapse(75 * seconds);
  assert.equal(at.formOf('a'), 'stowed');
  assert.equal(at.read('a'), 'two');
});

test('of one that ends while it is being written the disk keeps nothing', async () => {
  const at = await world();
  at.write('a', 'one');
  await at.elapse(75 * seconds);
  at.table.end(at.keyOf('a'), 'destroyed');
  at.shelf.isSlow = false;
  at.shelf.release();
  await at.settle();
  assert.equal(at.shelf.values.size, 0);
  assert.deepEqual(at.passivation.view, { active: 0, passivated: 0 });
});

test('a request that has its session from before it went to the disk goes on reading, whatever others write meanwhile', async () => {
  const at = await world();
  at.shelf.isSlow = false;
  at.write('a', 'one');
  const held = (at.heart.sessions.get(at.keyOf('a')) as LiveSession).data;
  await at.elapse(75 * seconds);
  assert.equal(held.form, 'stowed');
  // What comes from another node takes the place of the data unread.
  const { data } = held.change(
    { fields: [{ part: '0', field: '.note', text: '"two"' }], gone: [] },
    'n2:1',
    held.latest + 1,
  );
  await at.elapse(75 * seconds);
  assert.equal(held.form, 'stowed');
  const session = at.heart.sessions.get(at.keyOf('a')) as LiveSession;
  at.heart.sessions.settle(at.keyOf('a'), { ...session, data, lastAccessAt: at.clock.now() });
  await at.settle();
  assert.equal(at.shelf.values.size, 0);
  assert.equal(held.get('0', '.note'), '"one"');
  assert.equal(held.isLost, false);
  assert.equal(at.read('a'), 'two');
});

test('one that is on its way makes room at once, but only for one', async () => {
  const at = await world({ maxActive: 2, minIdleMs: 10 * seconds, maxIdleMs: Number.POSITIVE_INFINITY });
  at.write('a', 'one');
  at.write('b', 'two');
  assert.throws(() => at.write('c', 'three'), { code: 'ERR_LIMIT_REACHED', status: 503 });
  await at.elapse(5 * seconds);
  at.read('b');
  await at.elapse(6 * seconds);
  assert.ok(at.write('c', 'three'));
  assert.throws(() => at.write('d', 'four'), { code: 'ERR_LIMIT_REACHED' });
  await at.settle();
  at.shelf.isSlow = false;
  at.shelf.release();
  await at.settle();
  assert.deepEqual([at.formOf('a'), at.formOf('b') === 'stowed'], ['stowed', false]);
  assert.deepEqual(at.passivation.counters()['sessions-rejected'], 2);
});

test('one that is chosen, used, and chosen once more before anything is written goes once', async () => {
  const at = await world({ maxActive: 1, minIdleMs: 10 * seconds, maxIdleMs: Number.POSITIVE_INFINITY });
  at.shelf.isSlow = false;
  at.write('a', 'one');
  await at.elapse(11 * seconds);
  at.write('b', 'two');
  assert.equal(at.read('a'), 'one');
  at.clock.leap(20 * seconds);
  at.write('c', 'three');
  await at.settle();
  assert.deepEqual(at.passivation.view, { active: 1, passivated: 2 });
  assert.equal(at.passivation.counters()['sessions-passivated'], 2);
});

test('a session with nothing in it is not written to the disk', async () => {
  const at = await world();
  at.table.write(at.keyOf('a'), {
    app: 'shop',
    signOn: undefined,
    idleMs: 20 * minutes,
    changes: { fields: [], gone: [] },
  });
  await at.elapse(75 * seconds);
  assert.equal(at.shelf.isBusy, false);
  assert.equal(at.table.look(at.keyOf('a')).state, 'live');
});

test('whatever happens in whatever order: every session reads what was written last, and what is counted is what is there', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = seededRandom(seed);
    const pick = (count: number) => Math.floor(random.fraction() * count);
    const at = await world({ maxActive: 6, minIdleMs: 20 * seconds });
    const notes = new Map<string, string>();
    for (let step = 0; step < 150; step++) {
      const name = `s${pick(12)}`;
      const what = pick(10);
      if (what < 3) {
        try {
          if (at.write(name, `${step}`) !== undefined) notes.set(name, `${step}`);
          else assert.notEqual(at.table.look(at.keyOf(name)).state, 'live');
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'ERR_LIMIT_REACHED');
          assert.equal(notes.has(name), false, 'only a new one is refused');
        }
      } else if (what < 6) {
        const note = at.read(name);
        assert.equal(note, notes.get(name), `seed ${seed}, step ${step}, ${name}`);
      } else if (what === 6) {
        at.table.end(at.keyOf(name), 'destroyed');
        notes.delete(name);
      } else if (what === 7) at.shelf.release();
      else if (what === 8) at.setFault(pick(4) === 0 ? 'full' : undefined);
      else await at.elapse(pick(30) * seconds);
      if (pick(3) === 0) await at.settle();
    }
    at.setFault(undefined);
    at.shelf.isSlow = false;
    at.shelf.release();
    await at.elapse(35 * seconds);
    const live = [...at.heart.sessions.entries()].filter(([, session]) => session.state === 'live');
    const stowed = live.filter(([, session]) => (session as LiveSession).data.form === 'stowed');
    const { active, passivated } = at.passivation.view;
    assert.deepEqual([active, passivated], [live.length - stowed.length, stowed.length], `seed ${seed}`);
    assert.deepEqual([...at.shelf.values.keys()].sort(), stowed.map(([key]) => key).sort(), `seed ${seed}`);
    assert.ok(active <= 6, `seed ${seed}: ${active}`);
    for (const [name, note] of notes) assert.equal(at.read(name), note, `seed ${seed}, ${name}`);
    assert.equal(at.passivation.counters()['sessions-unreadable'], 0);
  }
});
