/** What the table keeps of a session's changes and uses, and what it tells the other nodes of them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SsoError } from '../../sso/errors.ts';
import { maxDataLength } from '../../sso/session/record.ts';
import { setting } from './support/changes.ts';
import { inUse } from './support/in-use.ts';
import { held, idleMs, minuteMs, Tables, write } from './support/tables.ts';

/** Two nodes that both hold a session with one attribute, made by the first. */
function two() {
  const tables = new Tables(2);
  const [first, second] = [tables.nodes[0]!, tables.nodes[1]!];
  const key = first.table.key('shop', 'one');
  write(first, key, { user: 'ada' });
  first.copies.sent.length = 0;
  return { tables, first, second, key };
}

test('two requests at one node that change different attributes both keep their change, and each tells its own alone', () => {
  const { first, second, key } = two();
  write(first, key, { basket: ['book'] });
  write(first, key, { language: 'de' });
  for (const node of [first, second])
    assert.deepEqual(held(node, key), { user: 'ada', basket: ['book'], language: 'de' });
  assert.deepEqual(
    first.copies.sent.map(({ record }) => record.state),
    ['changed', 'changed'],
  );
  assert.equal(JSON.stringify(first.copies.sent[1]).includes('basket'), false);
});

test('V93: both sides of a split keep their change of different attributes; of the same one the later wins on both', async () => {
  const { tables, first, second, key } = two();
  for (const { copies } of tables.nodes) copies.lagging = true;
  write(first, key, { x: 1, same: 'first' });
  await tables.pass(5);
  write(second, key, { y: 2, same: 'second' });
  for (const { copies } of tables.nodes) copies.catchUp();
  for (const node of tables.nodes) assert.deepEqual(held(node, key), { user: 'ada', x: 1, y: 2, same: 'second' });
});

test('a change survives that an attribute is taken away elsewhere at the same time', () => {
  const { tables, first, second, key } = two();
  for (const { copies } of tables.nodes) copies.lagging = true;
  write(first, key, { user: undefined });
  write(second, key, { user: 'eve' });
  for (const { copies } of tables.nodes) copies.catchUp();
  for (const node of tables.nodes) assert.deepEqual(held(node, key), { user: 'eve' });
});

test('only what a request has seen is taken away: what another wrote into the attribute meanwhile stays', () => {
  const { first, second, key } = two();
  const seen = first.table.look(key);
  assert.ok(seen.state === 'live');
  write(first, key, { user: 'eve' });
  write(first, key, { user: undefined }, { seen: seen.session.data });
  for (const node of [first, second]) assert.deepEqual(held(node, key), { user: 'eve' });
});

test('a session that moves brings its data along, also where another request has moved it with less', () => {
  const { tables, first, second, key } = two();
  const moved = first.table.key('shop', 'moved');
  const earlier = second.table.look(key);
  for (const { copies } of tables.nodes) copies.lagging = true;
  write(first, key, { basket: 1 });
  const later = first.table.look(key);
  assert.ok(earlier.state === 'live' && later.state === 'live');
  const { createdAt } = later.session;
  const place = { createdAt, replaces: 'other' };
  write(second, moved, { y: 2 }, { ...place, initial: earlier.session.data });
  for (const { copies } of tables.nodes) copies.catchUp();
  write(first, moved, { x: 1 }, { ...place, initial: later.session.data });
  for (const { copies } of tables.nodes) copies.catchUp();
  for (const node of tables.nodes) assert.deepEqual(held(node, moved), { user: 'ada', basket: 1, x: 1, y: 2 });
});

test('check 24: data that grows beyond the limit is refused and nothing is written; what is too large may always shrink', () => {
  const { first, key } = two();
  const large = (error: unknown) => error instanceof SsoError && error.code === 'ERR_SESSION_INVALID';
  assert.throws(() => write(first, key, { x: 'x'.repeat(maxDataLength) }), large);
  write(first, key, { x: 'x'.repeat(maxDataLength / 2) });
  assert.throws(() => write(first, key, { y: 'y'.repeat(maxDataLength / 2) }), large);
  assert.deepEqual(Object.keys(held(first, key)!), ['user', 'x']);
  write(first, key, { x: undefined });
  assert.deepEqual(held(first, key), { user: 'ada' });
});

test('replicationFieldBatchMode false: each field goes in a message of its own, and a new session before them', () => {
  const { first, second } = two();
  const key = first.table.key('shop', 'alone');
  write(first, key, { a: 1, b: 2, c: 3 }, { how: { alone: true } });
  assert.deepEqual(
    first.copies.sent.map(({ record, alone }) => [record.state, alone]),
    [
      ['live', true],
      ['changed', true],
      ['changed', true],
    ],
  );
  assert.deepEqual(held(second, key), { a: 1, b: 2, c: 3 });
});

test('replicationFieldBatchMode false: where no frame could carry what lies between two fields, they go together, and those before them by themselves', () => {
  const { first, second, key } = two();
  const how = { alone: true };
  const large = '€'.repeat(140_000);
  write(first, key, { a: 'x', b: large }, { how });
  first.copies.sent.length = 0;
  write(first, key, { n: 1, a: large, b: 'x' }, { how });
  for (const node of [first, second]) assert.deepEqual(held(node, key), { user: 'ada', n: 1, a: large, b: 'x' });
  assert.deepEqual(
    first.copies.sent.map(({ record }) => JSON.stringify(record).includes('€')),
    [false, true],
  );
});

test('replicationFieldBatchMode false: of what is refused in the end nothing is kept, not what went before it either', () => {
  const { first, key } = two();
  first.copies.sent.length = 0;
  const large = { n: 1, a: '€'.repeat(130_000), b: '€'.repeat(130_000) };
  assert.throws(() => write(first, key, large, { how: { alone: true } }), { code: 'ERR_SESSION_INVALID' });
  assert.deepEqual(held(first, key), { user: 'ada' });
  assert.deepEqual(first.copies.sent, []);
});

test('replicationFieldBatchMode false: what fits only as one change goes as one', () => {
  /** How many attributes each node has after such a change. */
  const kept = (bytes: number, isAlone: boolean): number[] => {
    const { first, second, key } = two();
    const small = Array.from({ length: 50 }, (_, i) => [`f${i}`, i]);
    const large = 'x'.repeat(bytes % 3) + '€'.repeat(Math.floor(bytes / 3));
    try {
      write(first, key, { ...Object.fromEntries(small), large }, { how: { alone: isAlone } });
    } catch {}
    return [first, second].map((node) => Object.keys(held(node, key) as object).length);
  };
  let [fits, over] = [0, 2_000_000];
  while (over - fits > 1) {
    const bytes = (fits + over) >> 1;
    if (kept(bytes, false)[0] === 52) fits = bytes;
    else over = bytes;
  }
  for (const less of [20, 100, 500, 2_000]) assert.deepEqual(kept(fits - less, true), [52, 52], String(less));
  assert.deepEqual(kept(over + 20, true), [1, 1]);
});

test('V99: with an interval of 60 s a read after 30 s sends nothing, one after 61 s sends the time and no data', async () => {
  const { tables, first, second, key } = two();
  const afterMs = minuteMs;
  await tables.pass(30_000);
  first.table.touch(key, { afterMs });
  assert.equal(first.copies.sent.length, 0);
  await tables.pass(31_000);
  first.table.touch(key, { afterMs });
  assert.equal(first.copies.sent.length, 1);
  const { record } = first.copies.sent[0]!;
  assert.ok(record.state === 'changed' && record.data === undefined);
  const there = second.copies.get(key);
  assert.ok(there?.state === 'live' && there.lastAccessAt === tables.clock.now());
});

test('an interval of 0 tells every use; a write tells it anyway, and begins the interval anew', async () => {
  const { tables, first, key } = two();
  for (let i = 0; i < 3; i++) {
    await tables.pass(1_000);
    first.table.touch(key, { afterMs: 0 });
  }
  assert.equal(first.copies.sent.length, 3);
  write(first, key, { n: 1 });
  await tables.pass(50_000);
  first.table.touch(key, { afterMs: minuteMs });
  assert.equal(first.copies.sent.length, 4);
});

test('V89: with an interval of -1 a use is told within half the idle limit, so that no other node calls the session over', async () => {
  const { tables, first, second, key } = two();
  const told: number[] = [];
  for (let minute = 1; minute <= 120; minute++) {
    await tables.pass(minuteMs);
    const before = first.copies.sent.length;
    first.table.touch(key, { afterMs: Number.POSITIVE_INFINITY });
    if (first.copies.sent.length > before) told.push(minute);
    assert.equal(second.table.look(key).state, 'live', `minute ${minute}`);
  }
  assert.deepEqual(told, [15, 30, 45, 60, 75, 90, 105, 120]);
});

test('what is left alone with its last use untold is told once, when the interval is over; after that an idle session costs nothing', async () => {
  const { tables, first, second, key } = two();
  await tables.pass(30_000);
  const usedAt = tables.clock.now();
  first.table.touch(key, { afterMs: minuteMs });
  await tables.pass(25 * minuteMs);
  assert.equal(first.copies.sent.length, 1);
  const there = second.copies.get(key);
  assert.ok(there?.state === 'live' && there.lastAccessAt === usedAt);
  assert.equal(tables.clock.pending(), 0, 'no timer is left');
});

test('V89: the node that serves a session knows its last use to the millisecond; another asks before it calls it over', async () => {
  const { tables, first, second, key } = two();
  first.copies.lagging = true;
  await tables.pass(28 * minuteMs);
  first.table.touch(key, { afterMs: minuteMs });
  await tables.pass(20_000);
  first.table.touch(key, { afterMs: minuteMs });
  await tables.pass(4 * minuteMs);
  assert.equal(first.table.look(key).state, 'live');
  assert.equal(second.table.look(key).state, 'doubtful');
  assert.equal((await second.table.inquire(key)).state, 'live');
  await tables.pass(idleMs - 4 * minuteMs - 1);
  assert.equal(first.table.look(key).state, 'live');
  await tables.pass(1);
  assert.equal(first.table.look(key).state, 'doubtful');
});

test('V89: a session of a lost node goes on for as long beyond its limit as its last use may have been untold', async () => {
  const { tables, second, key } = two();
  await tables.pass(idleMs + 30_000);
  assert.deepEqual(await second.table.inquire(key), { state: 'ended', cause: 'timeout' }, 'its node lives and says so');
  tables.lost.set('n1:1', tables.clock.now());
  assert.equal((await second.table.inquire(key)).state, 'live');
  await tables.pass(31_000);
  assert.equal((await second.table.inquire(key)).state, 'ended');
});

test('V86: a read takes over a session whose node is lost, and tells it at once', () => {
  const { tables, second, key } = two();
  second.table.touch(key, { afterMs: minuteMs });
  assert.equal(second.copies.sent.length, 0);
  tables.lost.set('n1:1', tables.clock.now());
  second.table.touch(key, { afterMs: minuteMs });
  assert.equal(second.copies.sent.length, 1);
  const session = second.copies.get(key);
  assert.ok(session?.state === 'live' && session.owner === 'n2:1');
});

test('snapshotMode interval: what changes within one is told at its end as one change', async () => {
  const { tables, first, second, key } = two();
  const how = { afterMs: 1_000 };
  write(first, key, { a: 1 }, { how });
  await tables.pass(400);
  write(first, key, { a: 2, b: 1 }, { how });
  await tables.pass(599);
  assert.equal(first.copies.sent.length, 0);
  assert.deepEqual(held(first, key), { user: 'ada', a: 2, b: 1 });
  await tables.pass(1);
  assert.equal(first.copies.sent.length, 1);
  assert.equal(first.copies.sent[0]!.record.state, 'changed');
  assert.deepEqual(held(second, key), { user: 'ada', a: 2, b: 1 });
  await tables.pass(10_000);
  assert.equal(first.copies.sent.length, 1);
});

test('snapshotMode interval: a change that is told at once takes along what waits; a new session is told as a whole; an ended one only as ended', async () => {
  const { tables, first, second, key } = two();
  const how = { afterMs: 1_000 };
  write(first, key, { a: 1 }, { how });
  write(first, key, { b: 1 });
  assert.deepEqual(held(second, key), { user: 'ada', a: 1, b: 1 });
  const fresh = first.table.key('shop', 'fresh');
  write(first, fresh, { c: 1 }, { how });
  write(first, fresh, { c: 2 }, { how });
  const over = first.table.key('shop', 'over');
  write(first, over, { d: 1 }, { how });
  first.table.end(over, 'destroyed');
  first.copies.sent.length = 0;
  await tables.pass(2_000);
  assert.deepEqual(
    first.copies.sent.map(({ key: one, record }) => [one === fresh, record.state]),
    [[true, 'live']],
  );
  assert.deepEqual(held(second, fresh), { c: 2 });
  assert.equal(second.table.look(over).state, 'ended');
});

test('snapshotMode interval: a new session that is saved at once is told though nothing changed since it was kept', async () => {
  const { first, second } = two();
  const fresh = first.table.key('shop', 'fresh');
  write(first, fresh, { c: 1 }, { how: { afterMs: 60_000 } });
  assert.equal(second.table.look(fresh).state, 'unknown');
  write(first, fresh, {});
  assert.deepEqual(held(second, fresh), { c: 1 });
});

test('V88: flush tells at once what waits, changes and uses; so does the release of an application', async () => {
  const { tables, first, second, key } = two();
  write(first, key, { last: 'change' }, { how: { afterMs: 60_000 } });
  first.table.flush();
  assert.deepEqual(held(second, key), { user: 'ada', last: 'change' });
  await tables.pass(10_000);
  first.table.touch(key, { afterMs: minuteMs });
  first.table.flush();
  const there = second.copies.get(key);
  assert.ok(there?.state === 'live' && there.lastAccessAt === tables.clock.now());
  write(first, key, { last: 'of all' }, { how: { afterMs: 60_000 } });
  first.table.release('shop');
  assert.deepEqual(held(second, key), { user: 'ada', last: 'of all' });
  for (const { table } of tables.nodes) table.close();
  assert.equal(tables.clock.pending(), 0);
});

test('V84: data that stays is with its node alone; elsewhere the session is a link that can be ended, and is neither written nor handed out', async () => {
  const { tables, first, second } = two();
  const key = first.table.key('shop', 'stays');
  write(first, key, { secret: 'of n1' }, { how: { stays: true } });
  write(first, key, { more: 1 }, { how: { stays: true } });
  assert.equal(JSON.stringify(first.copies.sent).includes('secret'), false);
  assert.deepEqual(held(second, key), {});
  assert.equal(second.table.look(key).state, 'elsewhere');
  assert.equal(write(second, key, { x: 1 }, { how: { stays: true } }), undefined);
  assert.equal(inUse(second).length, 1, 'only the other one');
  first.table.release('shop');
  assert.equal(first.table.look(key).state, 'live', 'its node still has it');
  assert.equal((await second.table.inquire(key)).state, 'elsewhere');
  assert.deepEqual(held(first, key), { secret: 'of n1', more: 1 });
  assert.equal(second.table.end(key, 'left'), true);
  assert.equal(first.table.look(key).state, 'ended');
  assert.equal(tables.nodes.length, 2);
});

test('data that nobody used for half a minute is packed, on every node that holds it; a look opens it again', async () => {
  const { tables, first, second, key } = two();
  const form = ({ copies }: typeof first) => {
    const session = copies.get(key);
    return session?.state === 'live' ? session.data.form : undefined;
  };
  write(first, key, { n: 1 });
  assert.equal(form(first), 'open');
  await tables.pass(20_000);
  first.table.touch(key, { afterMs: minuteMs });
  await tables.pass(25_000);
  assert.equal(form(first), 'open', 'used 25 s ago');
  await tables.pass(30_000);
  assert.equal(form(first), 'packed');
  assert.equal(form(second), 'packed');
  assert.deepEqual(held(first, key), { user: 'ada', n: 1 });
  assert.equal(form(first), 'open');
});

test('thousands of sessions are packed in slices', async () => {
  const { tables, first, key } = two();
  const touched = 2_500;
  for (let i = 0; i < touched; i++) write(first, first.table.key('shop', `s${i}`), { i }, { how: { stays: true } });
  await tables.pass(2 * minuteMs);
  const forms = [...first.copies.entries()].map(([, session]) => session.state === 'live' && session.data.form);
  assert.ok(forms.length > touched && forms.every((form) => form === 'packed'));
  assert.equal(held(first, key)?.['user'], 'ada');
});

test('a new idle limit is told with the change and the later one wins; the same one is no change', () => {
  const { first, second, key } = two();
  write(first, key, {}, { idleMs: 5 * minuteMs });
  const there = second.copies.get(key);
  assert.ok(there?.state === 'live');
  assert.equal(there.idleMs, 5 * minuteMs);
  assert.ok(there.version > 0);
  write(second, key, { x: 1 }, { idleMs: 5 * minuteMs });
  const again = first.copies.get(key);
  assert.ok(again?.state === 'live' && again.version === there.version);
});

test('V67: what has ended is not written again, whatever a change says', () => {
  const { first, second, key } = two();
  first.table.end(key, 'destroyed');
  for (const node of [first, second]) {
    assert.equal(write(node, key, { x: 1 }), undefined);
    node.table.touch(key, { afterMs: 0 });
    assert.equal(node.table.look(key).state, 'ended');
  }
  assert.equal(first.table.write(key, { app: 'shop', signOn: undefined, idleMs, changes: setting({}) }), undefined);
});
