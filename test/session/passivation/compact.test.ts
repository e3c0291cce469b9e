/** The record of a session on the disk is kept as bytes: who reads it gets one for the moment, and what is counted stays true. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LiveSession } from '../../../sso/session/record.ts';
import { store as makeStore } from '../../../sso/session/store.ts';
import { World } from '../support/world.ts';
import { minutes, seconds, world } from './world.ts';

async function withOneAsleep() {
  const at = await world();
  at.shelf.isSlow = false;
  at.write('a', 'one');
  await at.elapse(75 * seconds);
  assert.deepEqual(at.passivation.view, { active: 0, passivated: 1 });
  const key = at.keyOf('a');
  const held = () => at.heart.sessions.get(key) as LiveSession;
  return {
    ...{ at, key, held },
    /** A record that is a value is the same at every look. */
    isBytes() {
      const once = held();
      return held() !== once;
    },
    counted: (name: string) => at.passivation.counters()[`sessions-${name}`],
  };
}

test('what is on the disk is kept as bytes, and is a record again when it is used', async () => {
  const { at, isBytes, counted } = await withOneAsleep();
  assert.ok(isBytes());
  assert.equal(at.read('a'), 'one');
  assert.ok(!isBytes());
  await at.settle();
  assert.deepEqual([at.passivation.view, counted('activated')], [{ active: 1, passivated: 0 }, 1]);
});

test('of several that were read for the moment the first that is opened is the one that is held; it counts once', async () => {
  const { at, held, counted } = await withOneAsleep();
  const [first, second] = [held(), held()];
  assert.equal(second.data.get('0', '.note'), '"one"');
  assert.equal(held().data, second.data);
  assert.equal(first.data.get('0', '.note'), '"one"');
  assert.equal(held().data, second.data);
  assert.deepEqual([counted('activated'), at.passivation.view.passivated], [1, 0]);
});

test('a request that holds it from before goes on reading, after another has brought it back', async () => {
  const at = await world();
  at.shelf.isSlow = false;
  at.write('a', 'one');
  const before = at.heart.sessions.get(at.keyOf('a')) as LiveSession;
  await at.elapse(75 * seconds);
  assert.equal(at.read('a'), 'one');
  await at.settle();
  assert.equal(at.shelf.values.size, 0);
  assert.equal(before.data.get('0', '.note'), '"one"');
});

test('a record that changes but for its data goes on being bytes', async () => {
  const { at, key, held, isBytes, counted } = await withOneAsleep();
  const used = { ...held(), lastAccessAt: held().lastAccessAt + 5 * minutes };
  at.heart.sessions.settle(key, used);
  assert.ok(isBytes());
  assert.equal(held().lastAccessAt, used.lastAccessAt);
  assert.deepEqual([at.passivation.view, counted('activated')], [{ active: 0, passivated: 1 }, 0]);
  at.table.release('shop');
  assert.ok(isBytes());
  assert.equal(held().owner, '');
});

test('comparing and sending leave it where it is', async () => {
  const { at, key, isBytes, counted } = await withOneAsleep();
  for (const [found, session] of at.heart.sessions.entries()) {
    assert.equal(found, key);
    assert.match(JSON.stringify((session as LiveSession).data.encode()), /one/);
  }
  assert.ok(isBytes());
  assert.equal(counted('activated'), 0);
});

test('a list of all sessions reads it on the disk and leaves it there; it counts as one', async () => {
  const { at, isBytes, counted } = await withOneAsleep();
  const { parts } = new World().node;
  const store = makeStore({ ...parts, table: at.table, clock: at.clock }, { app: 'shop' });
  const all = await new Promise((resolve) => store.all((_error, sessions) => resolve(sessions)));
  assert.deepEqual(
    (all as { note?: string }[]).map(({ note }) => note),
    ['one'],
  );
  assert.equal(await new Promise((resolve) => store.length((_error, length) => resolve(length))), 1);
  assert.ok(isBytes());
  assert.deepEqual([counted('activated'), at.passivation.view], [0, { active: 0, passivated: 1 }]);
});

test('an end and time take it out of memory and off the disk', async () => {
  const ended = await withOneAsleep();
  ended.at.table.end(ended.key, 'destroyed');
  const forgotten = await withOneAsleep();
  await forgotten.at.elapse(40 * minutes);
  assert.equal(forgotten.at.heart.sessions.get(forgotten.key), undefined);
  for (const { at } of [ended, forgotten]) {
    await at.settle();
    assert.deepEqual([at.passivation.view, at.shelf.values.size], [{ active: 0, passivated: 0 }, 0]);
  }
});

test('where the disk has lost it, the record that is held says so, and it counts as lost once', async () => {
  const { at, held, isBytes, counted } = await withOneAsleep();
  const other = held();
  at.shelf.values.clear();
  assert.equal(at.table.look(at.keyOf('a')).state, 'doubtful');
  assert.deepEqual([held().data.isLost, isBytes(), other.data.get('0', '.note')], [true, false, undefined]);
  assert.deepEqual([counted('unreadable'), at.passivation.view], [1, { active: 0, passivated: 0 }]);
});

test('a change of what the disk has lost is not saved: it would take the place of every good copy', async () => {
  const { at, key, held } = await withOneAsleep();
  at.shelf.values.clear();
  assert.equal(at.write('a', 'two'), undefined);
  assert.deepEqual([held().data.isLost, at.heart.sessions.get(key)?.state], [true, 'live']);
});
