/** What the table does with sessions of which only some nodes have the data: who serves them, what all are told, and what is not lost. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SsoError } from '../../sso/errors.ts';
import { encodeSession } from '../../sso/session/record-codec.ts';
import { setting } from './support/changes.ts';
import { held, idleMs, minuteMs, type TableNode, Tables, write } from './support/tables.ts';

type Placed = TableNode & { readonly depot: NonNullable<TableNode['depot']> };

const one = { how: { buddies: 1 } } as const;

/** Three nodes; the first has made a session whose buddy is the second, and the third has nothing but its record. */
function placed() {
  const tables = new Tables(3, {}, true);
  const [first, second, third] = tables.nodes as readonly Placed[] as [Placed, Placed, Placed];
  first.depot.buddies = ['n2'];
  second.depot.buddies = ['n3'];
  third.depot.buddies = ['n2'];
  const key = first.table.key('shop', 'one');
  write(first, key, { user: 'ada' }, one);
  const begun = [...first.copies.sent];
  for (const { copies, depot } of [first, second, third]) {
    copies.sent.length = 0;
    depot.puts.length = 0;
    depot.chosen.length = 0;
  }
  return { tables, first, second, third, key, begun };
}

function recordOf({ copies }: TableNode, key: string) {
  const session = copies.get(key);
  assert.ok(session?.state === 'live');
  return session;
}

test('a session is made with buddies: all are told its record, and nobody but those has its data', () => {
  const { first, second, third, key, begun } = placed();
  assert.deepEqual(recordOf(third, key).buddies, ['n2']);
  assert.equal(begun.length, 1);
  assert.equal(JSON.stringify(encodeSession(begun[0]!.record)).includes('ada'), false);
  assert.deepEqual(
    [first, second, third].map((node) => held(node, key)),
    [{ user: 'ada' }, { user: 'ada' }, {}],
  );
});

test('a session in which nothing was ever written has data all the same: its buddy can be seen to have it', () => {
  const tables = new Tables(3, {}, true);
  const [first, second] = tables.nodes as readonly Placed[] as [Placed, Placed];
  first.depot.buddies = ['n2'];
  const key = first.table.key('shop', 'empty');
  write(first, key, {}, one);
  assert.deepEqual(held(first, key), {});
  assert.notEqual(recordOf(second, key).data.latest, 0);
  assert.equal(recordOf(second, key).data.version, recordOf(first, key).data.version);
});

test('a change of the data alone is told to the buddies, and to nobody else', async () => {
  const { tables, first, second, third, key } = placed();
  await tables.pass(5_000);
  write(first, key, { basket: ['book'] }, one);
  assert.deepEqual(first.copies.sent, []);
  assert.deepEqual(
    first.depot.puts.map(({ altered, silent }) => [typeof altered, silent]),
    [['object', true]],
    'as what it altered',
  );
  assert.deepEqual(held(second, key), { user: 'ada', basket: ['book'] });
  assert.equal(recordOf(third, key).lastAccessAt, recordOf(first, key).lastAccessAt);
});

test('what all know of a session is told to all when it changes: its idle limit, its buddies', () => {
  const { first, third, key } = placed();
  write(first, key, { x: 1 }, { ...one, idleMs: 2 * idleMs });
  first.depot.buddies = ['n3'];
  write(first, key, { x: 2 }, one);
  assert.deepEqual(
    first.depot.puts.map(({ altered, silent }) => [altered === 'all', silent]),
    [
      [false, false],
      [true, false],
    ],
  );
  assert.deepEqual(first.depot.chosen.at(-1), { wanted: 1, present: ['n2'] });
  assert.deepEqual(recordOf(third, key).buddies, ['n3']);
  assert.deepEqual(held(third, key), { user: 'ada', x: 2 });
});

test('V89: however often a session is written, the others know in time that it is used, and are not told each time', async () => {
  const { tables, first, third, key } = placed();
  const { clock } = tables;
  for (let written = 0; written < 120; written++) {
    await tables.pass(minuteMs);
    write(first, key, { written }, one);
    const known = clock.now() - recordOf(third, key).lastAccessAt;
    assert.ok(known <= idleMs / 2, `${known / minuteMs} minutes ago, for all that the third knows`);
  }
  assert.ok(first.copies.sent.length <= 9, `${first.copies.sent.length} times`);
  for (const { record } of first.copies.sent) assert.ok(record.state === 'changed' && record.data === undefined);
});

test('V89: left alone after its last change, the others hear of it within half the idle limit', async () => {
  const { tables, first, third, key } = placed();
  await tables.pass(14 * minuteMs);
  const writtenAt = tables.clock.now();
  write(first, key, { x: 1 }, one);
  assert.notEqual(recordOf(third, key).lastAccessAt, writtenAt);
  await tables.pass(idleMs / 2 + minuteMs);
  assert.equal(recordOf(third, key).lastAccessAt, writtenAt);
});

test('an application that wants uses to be told more often has them told with its changes', async () => {
  const { tables, first, key } = placed();
  for (let written = 0; written < 10; written++) {
    await tables.pass(30_000);
    write(first, key, { written }, { ...one, unreplicatedMs: minuteMs });
  }
  assert.equal(first.copies.sent.length, 5);
});

test('a session is served by its owner: it is away for all others, whether or not they have its data', async () => {
  const { first, second, third, key } = placed();
  assert.deepEqual(
    [first, second, third].map(({ table }) => table.look(key).state),
    ['live', 'away', 'away'],
  );
  const count = async ({ table }: TableNode, away: boolean) => {
    let met = 0;
    await table.each('shop', () => void met++, away);
    return met;
  };
  assert.deepEqual([await count(first, false), await count(second, false)], [1, 0]);
  assert.deepEqual([await count(second, true), await count(third, true)], [1, 1]);
});

test('who is asked for a session that is away fetches it in one trip, serves it from then on, and chooses anew', async () => {
  const { first, second, third, key } = placed();
  const look = await third.table.inquire(key, 2);
  assert.ok(look.state === 'live');
  assert.deepEqual(held(third, key), { user: 'ada' });
  assert.deepEqual([third.depot.fetched, third.copies.asked], [[key], []]);
  assert.deepEqual(third.depot.chosen, [{ wanted: 2, present: undefined }]);
  assert.deepEqual(
    third.depot.puts.map(({ altered, silent }) => [altered, silent]),
    [['all', false]],
  );
  assert.deepEqual(
    [first, second, third].map(({ table }) => table.look(key).state),
    ['away', 'away', 'live'],
  );
  assert.equal(recordOf(first, key).owner, 'n3:1');
  assert.ok(recordOf(third, key).ownerStamp > 0);
});

test('where all are to have it from then on, all are told all of it', async () => {
  const { first, second, third, key } = placed();
  await third.table.inquire(key, 'total');
  for (const node of [first, second, third]) {
    assert.equal(recordOf(node, key).buddies, undefined);
    assert.deepEqual(held(node, key), { user: 'ada' });
    assert.equal(node.table.look(key).state, 'live');
  }
});

test('what nobody has is over, on all nodes; what cannot be reached stays as it is', async () => {
  const { first, third, key } = placed();
  const before = recordOf(third, key);
  third.depot.finds = 'out of reach';
  assert.deepEqual(await third.table.inquire(key, 1), { state: 'out of reach' });
  assert.equal(recordOf(third, key), before);
  third.depot.finds = 'lost';
  assert.deepEqual(await third.table.inquire(key, 1), { state: 'ended', cause: 'node-lost' });
  assert.equal(first.copies.get(key)?.state, 'ended');
});

test('a session that another node takes over while it is fetched is fetched from there', async () => {
  const { first, second, third, key } = placed();
  third.depot.finds = 'lost';
  third.depot.meanwhile = () => {
    if (third.depot.fetched.length > 1) third.depot.finds = 'here';
    else {
      second.copies.settle(key, {
        ...recordOf(second, key),
        owner: 'n2:1',
        ownerStamp: recordOf(second, key).ownerStamp + 1,
      });
      for (const { copies } of [first, third]) copies.settle(key, recordOf(second, key));
      write(second, key, { x: 1 }, one);
    }
  };
  assert.equal((await third.table.inquire(key, 1)).state, 'live');
  assert.deepEqual(held(third, key), { user: 'ada', x: 1 });
  assert.equal(third.depot.fetched.length, 2);
  assert.equal(recordOf(first, key).owner, 'n3:1');
});

test('one that ends while it is fetched has ended', async () => {
  const { first, third, key } = placed();
  third.depot.meanwhile = () => void first.table.end(key, 'destroyed');
  assert.deepEqual(await third.table.inquire(key, 1), { state: 'ended', cause: 'destroyed' });
  assert.equal(third.depot.puts.length, 0);
});

test('a session that is away and unused is asked about, as any other, and is over without being fetched', async () => {
  const { tables, third, key } = placed();
  await tables.pass(idleMs + 1);
  assert.deepEqual(await third.table.inquire(key, 1), { state: 'ended', cause: 'timeout' });
  assert.deepEqual([third.copies.asked, third.depot.fetched], [[key], []]);
});

test('V89: one that seems unused here and was used by its owner is fetched', async () => {
  const { tables, first, third, key } = placed();
  first.copies.lagging = true;
  await tables.pass(idleMs - minuteMs);
  first.table.touch(key, { afterMs: 0 });
  await tables.pass(2 * minuteMs);
  assert.equal((await third.table.inquire(key, 1)).state, 'live');
  assert.deepEqual(held(third, key), { user: 'ada' });
});

test('a use of a session that is away moves nothing', () => {
  const { tables, third, key } = placed();
  tables.lost.set('n1:1', tables.clock.now());
  third.table.touch(key, { afterMs: 0, buddies: 1 });
  assert.equal(recordOf(third, key).owner, 'n1:1');
  assert.deepEqual(third.depot.puts, []);
});

test('a session of all nodes gets buddies when another node begins to serve it, and not before', () => {
  const { tables, first, third } = placed();
  const key = first.table.key('shop', 'all');
  write(first, key, { user: 'bob' }, { how: { buddies: 'total' } });
  write(first, key, { x: 1 }, one);
  assert.equal(recordOf(first, key).buddies, undefined);
  tables.lost.set('n1:1', tables.clock.now());
  third.table.touch(key, { afterMs: 0, buddies: 1 });
  assert.deepEqual([recordOf(first, key).owner, recordOf(first, key).buddies], ['n3:1', ['n2']]);
  assert.equal(third.depot.puts[0]?.altered, 'all');
});

test('nothing that was answered is lost where a request ends after another node took the session over, and this one let go of it', async () => {
  const { first, third, key } = placed();
  const seen = recordOf(first, key).data;
  // Another request of the same node, later than the one that is under way.
  write(first, key, { first: 1 }, one);
  await third.table.inquire(key, 1);
  write(third, key, { third: 3 }, one);
  first.depot.shed(key);
  assert.deepEqual(held(first, key), {});
  write(first, key, { late: 'yes' }, { ...one, seen });
  assert.deepEqual(held(first, key), { user: 'ada', late: 'yes' }, 'what the request has seen and done');
  assert.deepEqual(held(third, key), { user: 'ada', first: 1, third: 3, late: 'yes' });
  assert.equal(recordOf(third, key).owner, 'n3:1', 'what is here is not all of it: it is served where it was');
  assert.equal((await first.table.inquire(key, 1)).state, 'live', 'the next request fetches the rest');
  assert.deepEqual(held(first, key), { user: 'ada', first: 1, third: 3, late: 'yes' });
  write(first, key, { user: undefined }, one);
  assert.deepEqual(held(first, key), { first: 1, third: 3, late: 'yes' });
});

test('what such a request takes away is gone, as far as it had seen it', async () => {
  const { first, third, key } = placed();
  const seen = recordOf(first, key).data;
  await third.table.inquire(key, 1);
  write(third, key, { third: 3 }, one);
  first.depot.shed(key);
  write(first, key, { user: undefined }, { how: { buddies: 1, afterMs: 1_000, alone: true }, seen });
  assert.deepEqual(held(third, key), { third: 3 });
});

test('a node that comes to serve a session again and again does not grow it by a writer each time', async () => {
  const { first, third, key } = placed();
  for (let turn = 0; turn < 20; turn++) {
    const node = turn % 2 === 0 ? third : first;
    await node.table.inquire(key, 1);
    write(node, key, { turn }, one);
  }
  assert.deepEqual(held(first, key), { user: 'ada', turn: 19 });
  assert.ok(recordOf(first, key).data.seen.writers.length <= 3, recordOf(first, key).data.version);
});

test('an application that stops leaves its data where it is: the node holds it on, and any may take the session over', async () => {
  const { first, second, key } = placed();
  first.table.release('shop');
  const released = recordOf(second, key);
  assert.deepEqual([released.owner, released.buddies], ['', ['n2', 'n1']]);
  assert.equal(first.depot.puts.at(-1)?.altered, 'no data');
  assert.deepEqual(held(first, key), { user: 'ada' });
  assert.equal((await first.table.inquire(key, 1)).state, 'live');
  assert.deepEqual([recordOf(second, key).owner, recordOf(second, key).releasedAt], ['n1:1', 0]);
});

test('changes that are told at intervals go to the buddies as one, and only what they altered', async () => {
  const { tables, first, second, key } = placed();
  const later = { how: { buddies: 1, afterMs: 1_000 } } as const;
  write(first, key, { x: 1 }, later);
  write(first, key, { y: 2 }, later);
  assert.deepEqual([first.depot.puts, held(second, key)], [[], { user: 'ada' }]);
  await tables.pass(1_000);
  assert.deepEqual(
    first.depot.puts.map(({ altered, silent }) => [typeof altered, silent]),
    [['object', true]],
  );
  assert.deepEqual(held(second, key), { user: 'ada', x: 1, y: 2 });
});

test('what waits to be told when another node takes the session over is not told as this one’s', async () => {
  const { tables, first, third, key } = placed();
  write(first, key, { x: 1 }, { how: { buddies: 1, afterMs: 1_000 } });
  await third.table.inquire(key, 1);
  first.depot.puts.length = 0;
  await tables.pass(1_000);
  assert.deepEqual(first.depot.puts, []);
  assert.equal(recordOf(first, key).owner, 'n3:1');
  assert.deepEqual(held(third, key), { user: 'ada', x: 1 });
});

test('an answer waits for the buddies of what it wrote, and for all where something else ended as well', async () => {
  const { first, key } = placed();
  await first.table.stored(key);
  assert.deepEqual([first.depot.waits, first.waits], [1, 0]);
  await first.table.stored(key, true);
  assert.deepEqual([first.depot.waits, first.waits], [2, 1]);
  await first.table.stored();
  const all = first.table.key('shop', 'all');
  write(first, all, { user: 'bob' }, { how: { buddies: 'total' } });
  await first.table.stored(all, true);
  assert.deepEqual([first.depot.waits, first.waits], [2, 3]);
});

test('what no frame can carry to the buddies is refused', () => {
  const { first, key } = placed();
  first.depot.isFull = true;
  for (const afterMs of [0, 1_000])
    assert.throws(
      () => write(first, key, { x: 1 }, { how: { buddies: 1, afterMs } }),
      (error) => error instanceof SsoError && error.code === 'ERR_SESSION_INVALID',
    );
});

test('what stays on its node has no buddies', () => {
  const { first } = placed();
  const key = first.table.key('shop', 'local');
  write(first, key, { user: 'bob' }, { how: { buddies: 1, stays: true } });
  assert.equal(recordOf(first, key).buddies, undefined);
});

test('each change of a write that goes by itself finds the session as the one before left it', () => {
  const { first, second, key } = placed();
  const changes = setting({ x: 1, y: 2 });
  first.table.write(key, {
    app: 'shop',
    signOn: undefined,
    idleMs,
    changes,
    telling: { afterMs: 0, alone: true, stays: false, buddies: 1 },
  });
  assert.equal(first.depot.puts.length, 2);
  assert.ok(first.depot.puts.every(({ silent }) => silent));
  assert.deepEqual(held(second, key), { user: 'ada', x: 1, y: 2 });
});
