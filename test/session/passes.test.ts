/** What goes through all sessions does so in turns: nothing is missed that stays, nothing is met twice, and no turn takes more than so many steps. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SsoError } from '../../sso/errors.ts';
import { passedAtOnce } from '../../sso/session/passes.ts';
import { stepsOf } from './support/steps.ts';
import { held, idleMs, minuteMs, type TableNode, Tables, write } from './support/tables.ts';

const count = 5 * passedAtOnce;

/** Two nodes with so many sessions of an application, which the first serves, and one of another. */
function full(more: Parameters<typeof write>[3] = {}) {
  const tables = new Tables(2);
  const [first, second] = [tables.nodes[0]!, tables.nodes[1]!];
  const keys = Array.from({ length: count }, (_, index) => first.table.key('shop', `s${index}`));
  for (const key of keys) write(first, key, { n: 1 }, more);
  first.table.write(first.table.key('blog', 'other'), {
    app: 'blog',
    signOn: undefined,
    idleMs,
    changes: { fields: [], gone: [] },
  });
  const steps = stepsOf(first.copies, tables.clock);
  return { tables, first, second, keys, steps };
}

const owner = ({ copies }: TableNode, key: string) => {
  const session = copies.get(key);
  return session?.state === 'live' ? session.owner : session?.state;
};

test('each session of an application is met once, and no turn takes more than so many steps', async () => {
  const { tables, first, keys, steps } = full();
  const met: string[] = [];
  const done = first.table.each('shop', (key) => void met.push(key));
  assert.ok(met.length > 0 && met.length < count, 'it begins at once, and is not done at once');
  await tables.pass(0);
  await done;
  assert.deepEqual(met, keys);
  assert.equal(
    steps.turns.reduce((sum, one) => sum + one, 0),
    count + 1,
  );
  assert.ok(steps.turns.every((one) => one <= passedAtOnce));
  assert.ok(steps.turns.length >= count / passedAtOnce);
});

test('in the middle: what has ended by its turn is not met, what changed is met as it is then, and nothing else is missed', async () => {
  const { tables, first, keys } = full();
  const met = new Map<string, unknown>();
  let times = 0;
  const done = first.table.each('shop', (key) => {
    times++;
    met.set(key, held(first, key)?.['n']);
  });
  const ended = [keys[0]!, keys.at(-2)!];
  for (const key of ended) first.table.end(key, 'destroyed');
  write(first, keys.at(-1)!, { n: 2 });
  const fresh = first.table.key('shop', 'fresh');
  write(first, fresh, { n: 3 });
  await tables.pass(0);
  await done;
  met.delete(fresh);
  assert.equal(met.get(keys[0]!), 1, 'it was there when its turn was');
  assert.equal(met.has(keys.at(-2)!), false);
  assert.equal(met.get(keys.at(-1)!), 2);
  assert.deepEqual(
    [...met.keys()],
    keys.filter((key) => key !== keys.at(-2)),
  );
  assert.ok(times <= count, 'nothing was met twice');
});

test('who throws ends a pass alone, and hears of it; who closes lets nobody wait, and nobody take the part for the whole', async () => {
  const { tables, first } = full();
  let met = 0;
  const broken = first.table.each('shop', () => {
    if (++met > passedAtOnce) throw new SsoError('ERR_SESSION_INVALID', 'broken');
  });
  const others: string[] = [];
  const other = first.table.each('shop', (key) => void others.push(key));
  const rejected = assert.rejects(broken, { code: 'ERR_SESSION_INVALID' });
  await tables.pass(0);
  await Promise.all([rejected, other]);
  assert.deepEqual([met, others.length], [passedAtOnce + 1, count]);
  const closed = first.table.each('shop', () => void met++);
  first.table.close();
  await assert.rejects(closed, { code: 'ERR_UNAVAILABLE', status: 503 });
  const before = met;
  await tables.pass(0);
  const late = first.table.each('shop', () => void met++);
  await assert.rejects(late, { code: 'ERR_UNAVAILABLE' });
  assert.equal(met, before);
});

test("the node's own work that is closed in the middle fails for nobody: a flush, and an application that stops", async () => {
  for (const work of ['flush', 'release'] as const) {
    const { tables, first, keys } = full();
    await tables.pass(10_000);
    for (const key of keys) first.table.touch(key, { afterMs: minuteMs });
    const { puts } = first.copies;
    const done = work === 'flush' ? first.table.flush() : first.table.release('shop');
    first.table.close();
    await done;
    assert.ok(first.copies.puts - puts < count, 'it was in the middle');
    await (work === 'flush' ? first.table.flush() : first.table.release('shop'));
  }
});

test('an application that stops lets go of what was there at the call; what is taken up meanwhile stays served', async () => {
  const { tables, first, second, keys, steps } = full();
  await tables.pass(10_000);
  first.table.touch(keys.at(-1)!, { afterMs: minuteMs });
  const usedAt = tables.clock.now();
  const done = first.table.release('shop');
  assert.deepEqual([owner(first, keys[0]!), owner(first, keys.at(-1)!)], ['', first.life]);
  const fresh = first.table.key('shop', 'fresh');
  write(first, fresh, { n: 3 });
  first.table.touch(keys[0]!, { afterMs: minuteMs });
  first.table.end(keys.at(-2)!, 'destroyed');
  await tables.pass(0);
  await done;
  assert.deepEqual([owner(first, fresh), owner(first, keys[0]!)], [first.life, first.life]);
  assert.equal(owner(first, keys.at(-2)!), 'ended');
  for (const key of keys.slice(1, -2)) assert.equal(owner(second, key), '', key);
  const last = second.copies.get(keys.at(-1)!);
  assert.ok(last?.state === 'live' && last.owner === '' && last.lastAccessAt === usedAt, 'its last use was told');
  assert.equal(owner(first, first.table.key('blog', 'other')), first.life);
  assert.ok(steps.turns.every((one) => one <= passedAtOnce));
  assert.equal(first.table.count('shop'), count);
});

test('an application that stops tells what waits of its sessions with them (V88)', async () => {
  const { tables, first, second, keys } = full();
  for (const key of keys) write(first, key, { n: 2 }, { how: { afterMs: minuteMs } });
  const done = first.table.release('shop');
  await tables.pass(0);
  await done;
  for (const key of keys) assert.deepEqual([held(second, key), owner(second, key)], [{ n: 2 }, '']);
});

test('V88: a flush tells of every use that was untold, some in each turn, and waits for the last', async () => {
  const { tables, first, second, keys } = full();
  await tables.pass(10_000);
  for (const key of keys) first.table.touch(key, { afterMs: minuteMs });
  const usedAt = tables.clock.now();
  const { puts } = first.copies;
  let isDone = false;
  const done = first.table.flush().then(() => (isDone = true));
  assert.equal(first.copies.puts - puts, passedAtOnce);
  assert.equal(isDone, false);
  await tables.pass(0);
  await done;
  for (const key of keys) {
    const session = second.copies.get(key);
    assert.ok(session?.state === 'live' && session.lastAccessAt === usedAt);
  }
});

test('sessions are kept count of: nothing is gone through, and what has ended, or stays with another node, is not counted', async () => {
  const { tables, first, second, keys, steps } = full();
  write(second, second.table.key('shop', 'stays'), { n: 1 }, { how: { stays: true } });
  assert.deepEqual([first.table.count('shop'), second.table.count('shop')], [count, count + 1]);
  for (const key of keys) first.table.end(key, 'destroyed');
  assert.deepEqual([first.table.count('shop'), second.table.count('shop'), first.table.count('blog')], [0, 1, 1]);
  await tables.pass(0);
  assert.deepEqual(steps.turns, []);
});
