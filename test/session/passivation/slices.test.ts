/** However many sessions are to leave the memory, are over or have nothing in them: one turn looks at no more than so many of them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minutes, seconds, world } from './world.ts';

const none = Number.POSITIVE_INFINITY;
/** More than one turn takes of anything. */
const count = 2_500;
const atOnce = 1_000;

/** So many sessions in memory, made where there was no limit yet. */
async function crowded(text: string | undefined) {
  const at = await world({ maxIdleMs: none });
  at.shelf.isSlow = false;
  const names = Array.from({ length: count }, (_, index) => `s${index}`);
  for (const name of names) {
    if (text !== undefined) at.write(name, text);
    else
      at.table.write(at.keyOf(name), {
        app: 'shop',
        signOn: undefined,
        idleMs: 20 * minutes,
        changes: { fields: [], gone: [] },
      });
  }
  await at.elapse(seconds);
  const limit = (maxActive: number, minIdleMs: number) =>
    at.passivation.configure('shop', { maxActive, passivates: true, minIdleMs, maxIdleMs: none });
  /** How often a session was looked at in each turn. */
  const turns: number[] = [];
  let isNew = true;
  const get = at.heart.sessions.get.bind(at.heart.sessions);
  const soon = at.clock.soon.bind(at.clock);
  Object.assign(at.heart.sessions, {
    get(key: string) {
      if (isNew) turns.push(0);
      isNew = false;
      turns[turns.length - 1]!++;
      return get(key);
    },
  });
  Object.assign(at.clock, {
    soon: (run: () => void) =>
      soon(() => {
        isNew = true;
        run();
        isNew = true;
      }),
  });
  return { ...at, names, limit, turns };
}

test('a limit that is far exceeded: a new session makes room for itself, and the others leave in turns', async () => {
  const at = await crowded('one');
  at.limit(10, 0);
  assert.ok(at.write('new', 'two'));
  assert.ok(at.turns[0]! <= atOnce, `${at.turns[0]} looked at for one`);
  await at.settle();
  assert.deepEqual(at.passivation.view, { active: 10, passivated: count - 9 });
  assert.ok(Math.max(...at.turns) <= atOnce, at.turns.join());
  assert.equal(at.names.filter((name) => at.formOf(name) === 'stowed').length, count - 9);
});

test('sessions that are over leave in turns, and a new one does not wait for that', async () => {
  const at = await crowded('one');
  at.limit(10, 0);
  Object.assign(at.clock, { now: () => Date.UTC(2026, 0, 1) + 25 * minutes });
  assert.ok(at.write('new', 'two'));
  assert.ok(at.turns[0]! <= atOnce, `${at.turns[0]} looked at for one`);
  await at.settle();
  assert.equal(at.passivation.view.active, 1);
  assert.ok(Math.max(...at.turns) <= atOnce, at.turns.join());
});

test('sessions with nothing in them are passed over in turns, and count no more', async () => {
  const at = await crowded(undefined);
  at.limit(10, 0);
  await at.elapse(10 * seconds);
  assert.equal(at.passivation.view.active, 10);
  assert.equal(at.shelf.values.size, 0);
  assert.ok(Math.max(...at.turns) <= 2 * atOnce, at.turns.join());
});
