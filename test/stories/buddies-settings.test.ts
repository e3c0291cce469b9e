/** Stories of the settings by which data is placed: for each application, by the size of the cluster, by pool and host (VALVE-BEHAVIOUR.md 1.7), and what is refused. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { Session, SessionNotice } from '../../sso/session/index.ts';
import { begun, besides, buddies, buddyOf, type Cart, five, holdersOf, namesIn, placed } from '../support/placed.ts';
import { copyOf, type Replicated, replicated, type Settings } from '../support/replicated.ts';

const seconds = 1_000;

/** Which nodes, beside their own, hold what was made of so many sessions at this node. */
async function chosen(it: Replicated, app: string, at: string, count: number): Promise<readonly (readonly string[])[]> {
  const notes = [];
  for (let i = 0; i < count; i++) notes.push((await begun(it, app, at, `marker-${app}-${at}-${i};`)).note);
  await it.cluster.settle();
  return notes.map((note) => holdersOf(it, note).filter((name) => name !== at));
}

/** All names in these lists, each once. */
const namesOf = (lists: readonly (readonly string[])[]) => [...new Set(lists.flat())].sort();

test('applications of one node with different settings: total, one buddy, two, its own node alone; each keeps to its own', async (t) => {
  const it = await placed(t, {
    apps: {
      total: { buddies: 'total', replicationGranularity: 'FIELD' },
      one: { ...buddies(1), replicationGranularity: 'SESSION' },
      two: { ...buddies(2), replicationGranularity: 'FIELD', cacheMode: 'async' },
      local: { distributable: false },
    },
  });
  const browser = it.browser();
  await browser.signIn('alice', { at: 'n1' });
  // What never leaves its node is on no disk either.
  const apps = { total: 5, one: 2, two: 3, local: 0 };
  for (const app of Object.keys(apps)) {
    await it.shop<Cart>(app).does(browser, 'n1', (session) => {
      session.note = `marker-${app}`;
      session.cart = new Map([['pen', { pieces: 1 }]]);
    });
  }
  await it.cluster.settle();
  for (const [app, count] of Object.entries(apps)) assert.equal(holdersOf(it, `marker-${app}`).length, count, app);
  const third = besides('n1').find(
    (at) => !holdersOf(it, 'marker-two').includes(at) && !holdersOf(it, 'marker-one').includes(at),
  )!;
  for (const app of ['total', 'one', 'two'])
    assert.deepEqual(await it.shop<Cart>(app).does(browser, third, namesIn), ['pen'], app);
  const before = copyOf(it, browser);
  await browser.post('/logout', { at: third }).expect(200);
  for (const app of Object.keys(apps))
    for (const at of five)
      assert.equal(
        await it.shop<Cart>(app).does(copyOf(it, before), at, ({ note }) => note),
        undefined,
        `${app} at ${at}`,
      );
});

test('by default every node of up to three holds a session, and one buddy beyond', async (t) => {
  for (const [count, holders] of [
    [2, 2],
    [3, 3],
    [4, 2],
    [5, 2],
  ] as const) {
    const it = await placed(t, { nodes: five.slice(0, count), apps: { shop: {} } });
    const { note } = await begun(it, 'shop', 'n1', 'marker');
    await it.cluster.settle();
    assert.equal(holdersOf(it, note).length, holders, `${count} nodes`);
  }
});

test('the default goes by the cluster as it is: with a fourth node what is made and what moves has one buddy, what stays keeps all; nodes that are down for a while count', async (t) => {
  const it = await placed(t, { nodes: ['n1', 'n2', 'n3'], apps: { shop: {} } });
  const [stays, moves] = [await begun(it, 'shop', 'n1', 'stays'), await begun(it, 'shop', 'n1', 'moves')];
  await it.cluster.join('n4');
  await it.cluster.settle();
  const fresh = await begun(it, 'shop', 'n1', 'fresh');
  await moves.shop.does(moves.browser, 'n2', ({ cart }) => void cart.set('ink', { pieces: 1 }));
  await it.cluster.advance(20 * seconds);
  assert.deepEqual(holdersOf(it, stays.note), ['n1', 'n2', 'n3', 'n4']);
  for (const { note } of [fresh, moves]) assert.equal(holdersOf(it, note).length, 2, `${note}: ${holdersOf(it, note)}`);
  await it.cluster.kill('n3');
  await it.cluster.advance(2 * seconds);
  const during = await begun(it, 'shop', 'n1', 'during');
  await it.cluster.settle();
  assert.equal(holdersOf(it, during.note).length, 2, 'a node that is down is one of the four all the same');
  for (const { browser, shop } of [stays, moves, fresh, during])
    for (const at of ['n1', 'n2', 'n4']) assert.equal((await shop.does(copyOf(it, browser), at, namesIn))?.[0], 'pen');
  await it.cluster.restart('n3');
  await it.cluster.stopNode('n4');
  await it.cluster.settle();
  const again = await begun(it, 'shop', 'n1', 'again');
  await it.cluster.settle();
  assert.deepEqual(holdersOf(it, again.note), ['n1', 'n2', 'n3'], 'one that has left is none');
});

test('nodes of one buddyPool choose each other, and others only where theirs has too few', async (t) => {
  const pools: Record<string, string> = { n1: 'a', n2: 'a', n3: 'b', n4: 'b', n5: 'b' };
  const it = await placed(t, {
    apps: { one: buddies(1), two: buddies(2) },
    options: (node) => ({ cluster: { buddyPool: pools[node]!, host: `machine-${node}` } }),
  });
  assert.deepEqual(namesOf(await chosen(it, 'one', 'n1', 10)), ['n2']);
  assert.deepEqual(namesOf(await chosen(it, 'one', 'n3', 16)), ['n4', 'n5']);
  assert.ok((await chosen(it, 'two', 'n3', 6)).every((names) => names.join() === 'n4,n5'));
  const mixed = await chosen(it, 'two', 'n1', 16);
  assert.ok(
    mixed.every((names) => names.includes('n2') && names.length === 2),
    JSON.stringify(mixed),
  );
  assert.deepEqual(namesOf(mixed), ['n2', 'n3', 'n4', 'n5']);
  await it.cluster.kill('n2');
  await it.cluster.advance(15 * seconds);
  assert.ok(
    (await chosen(it, 'one', 'n1', 6).then(namesOf)).every((name) => pools[name] === 'b'),
    'better than none',
  );
});

test('a buddy is on another host where there is one; the same pool comes first, and on another host within it', async (t) => {
  const hosts: Record<string, string> = { n1: 'x', n2: 'x', n3: 'y', n4: 'y', n5: 'x' };
  const it = await placed(t, { apps: { shop: buddies(1) }, options: (node) => ({ cluster: { host: hosts[node]! } }) });
  assert.deepEqual(namesOf(await chosen(it, 'shop', 'n1', 12)), ['n3', 'n4']);
  assert.deepEqual(namesOf(await chosen(it, 'shop', 'n3', 16)), ['n1', 'n2', 'n5']);
  const both = await placed(t, {
    apps: { shop: buddies(1), two: buddies(2), three: buddies(3) },
    options: (node) => ({
      cluster: {
        buddyPool: { n1: 'a', n2: 'a', n3: 'a', n4: 'b', n5: 'b' }[node] ?? 'b',
        host: { n1: 'x', n2: 'x', n3: 'y', n4: 'x', n5: 'z' }[node] ?? 'x',
      },
    }),
  });
  assert.deepEqual(namesOf(await chosen(both, 'shop', 'n1', 8)), ['n3'], 'same pool, another host');
  assert.deepEqual(namesOf(await chosen(both, 'two', 'n1', 8)), ['n2', 'n3'], 'then the same pool');
  assert.deepEqual(namesOf(await chosen(both, 'three', 'n1', 8)), ['n2', 'n3', 'n5'], 'then another host');
});

test('a node of another pool that is asked fetches the session, and its buddy is of its own pool then', async (t) => {
  const pools: Record<string, string> = { n1: 'a', n2: 'a', n3: 'b', n4: 'b', n5: 'b' };
  const it = await placed(t, { options: (node) => ({ cluster: { buddyPool: pools[node]! } }) });
  const { browser, shop, note } = await begun(it, 'FIELD', 'n1', 'marker');
  await it.cluster.settle();
  assert.equal(buddyOf(it, note, 'n1'), 'n2');
  assert.deepEqual(await shop.does(browser, 'n3', namesIn), ['pen']);
  await it.cluster.advance(20 * seconds);
  const [first, ...others] = holdersOf(it, note).filter((at) => at !== 'n3');
  assert.ok(first !== undefined && others.length === 0, `${holdersOf(it, note)}`);
});

test('what cannot be is refused at start, by its name', async (t) => {
  const it = await replicated(t, { apps: {}, nodes: ['n1'] });
  const { sso } = it.cluster.at('n1');
  for (const [settings, name] of [
    [{ buddies: 0 }, /buddies/],
    [{ buddies: -1 }, /buddies/],
    [{ buddies: 9 }, /buddies/],
    [{ buddies: 1.5 }, /buddies/],
    [{ buddies: Number.NaN }, /buddies/],
    [{ buddies: '1' }, /buddies/],
    [{ buddies: 'all' }, /buddies/],
    [{ buddies: true }, /buddies/],
    [{ buddies: [1] }, /buddies/],
    [{ buddies: 1, distributable: false }, /distributable|buddies/],
  ] as const) {
    assert.throws(
      () => sso.sessions({ app: 'shop', ...(settings as object) }),
      { code: 'ERR_CONFIG_INVALID', message: name },
      JSON.stringify(settings),
    );
  }
  for (const [cluster, name] of [
    [{ buddyPool: '' }, /buddyPool/],
    [{ buddyPool: 'x'.repeat(65) }, /buddyPool/],
    [{ buddyPool: 7 }, /buddyPool/],
    [{ host: '' }, /host/],
    [{ host: 7 }, /host/],
  ] as const) {
    await assert.rejects(
      replicated(t, { apps: {}, nodes: ['n1'], options: { cluster: cluster as object } }),
      { code: 'ERR_CONFIG_INVALID', message: name },
      JSON.stringify(cluster),
    );
  }
});

test('an application hears of the sessions that its node uses, and of none that it holds for another; one that moves is told as a failover and a failaway', async (t) => {
  const heard: string[] = [];
  const listening = (settings: Settings) => (node: string) => ({
    ...buddies(1),
    ...settings,
    onEvent: ({ kind, cause, used, attribute }: SessionNotice) =>
      void heard.push([node, kind, cause, used ? 'used' : 'copy', attribute ?? ''].join(' ').trim()),
  });
  const it = await placed(t, {
    apps: { usual: listening({}), all: listening({ sessionNotificationPolicy: () => true }) },
  });
  for (const app of ['usual', 'all']) {
    const shop = it.shop<Cart>(app);
    const browser = it.browser();
    const told = async (at: string, work: (session: Session & Cart) => unknown) => {
      heard.length = 0;
      await shop.does(browser, at, work);
      await it.cluster.advance(20 * seconds);
      return heard.filter((line) => app === 'usual' || line.includes(' used')).sort();
    };
    assert.deepEqual(await told('n1', (session) => void (session.note = `marker-${app}`)), [
      'n1 attributeAdded modify used note',
      'n1 created create used',
    ]);
    const buddy = buddyOf(it, `marker-${app}`, 'n1');
    const copies = heard.filter((line) => line.includes(' copy'));
    if (app === 'all') assert.ok(copies.includes(`${buddy} created replication copy`), copies.join());
    assert.deepEqual(
      copies.filter((line) => /attribute/.test(line) && !line.startsWith(`${buddy} `)),
      [],
      'of data that is not here',
    );
    const [third] = besides('n1', buddy);
    const moved = await told(third!, ({ note }) => note);
    const usual = ['n1 passivated failaway used', `${third} activated failover used`];
    if (app === 'usual') assert.deepEqual(moved, usual);
    else for (const line of usual) assert.ok(moved.includes(line), moved.join());
    assert.deepEqual(
      heard.filter((line) => / attribute\w+ (modify|invalidate) /.test(line)),
      [],
      'nobody changed anything',
    );
    assert.deepEqual(await told(third!, (session) => void (session.note = `changed-${app}`)), [
      `${third} attributeReplaced modify used note`,
    ]);
    assert.deepEqual(await told(third!, (session) => session.destroy()), [
      `${third} attributeRemoved invalidate used note`,
      `${third} destroyed invalidate used`,
    ]);
  }
});

test('one small change sends its data to the buddies and to nobody else: as many frames as there are buddies', async (t) => {
  const it = await placed(t, {
    apps: { one: buddies(1), two: { ...buddies(2), replicationGranularity: 'FIELD' }, three: buddies(3) },
    options: { cluster: { intervalMs: 60_000 } },
  });
  for (const [app, count] of Object.entries({ one: 1, two: 2, three: 3 })) {
    const { browser, shop } = await begun(it, app, 'n1', `marker-${app}`);
    await it.cluster.advance(5 * seconds);
    it.hush();
    await shop.does(browser, 'n1', (session) => void (session.note = `changed-${app}`));
    await it.cluster.advance(30 * seconds);
    assert.equal(it.framesOf(`changed-${app}`).length, count, app);
  }
});
