/** Stories of VALVE-BEHAVIOUR.md 1.5 where data lies on some nodes only: a node counts and passivates what it holds, its own and as a buddy, and nothing else. */

import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import type { SessionNotice } from '../../sso/session/index.ts';
import {
  begun,
  besides,
  buddies,
  buddyOf,
  type Cart,
  five,
  holdersOf,
  namesIn,
  placed,
  type Visitor,
} from '../support/placed.ts';
import {
  granularities,
  perGranularity,
  type Replicated,
  type ReplicatedOptions,
  type Settings,
} from '../support/replicated.ts';

const seconds = 1_000;
const minutes = 60 * seconds;

/** Applications with these settings, and what their listeners hear on every node, copies included. */
async function listened(t: TestContext, apps: Readonly<Record<string, Settings>>, options: ReplicatedOptions = {}) {
  const heard: { readonly node: string; readonly notice: SessionNotice }[] = [];
  const it = await placed(t, {
    ...options,
    apps: Object.fromEntries(
      Object.entries(apps).map(([app, settings]) => [
        app,
        (node: string) => ({
          ...settings,
          sessionNotificationPolicy: () => true,
          onEvent: (notice: SessionNotice) => void heard.push({ node, notice }),
        }),
      ]),
    ),
  });
  /** The nodes that told this kind of notice, in their order. */
  const nodesOf = (kind: SessionNotice['kind']) =>
    heard
      .filter(({ notice }) => notice.kind === kind)
      .map(({ node }) => node)
      .sort();
  return { it, heard, nodesOf };
}

/** A figure of a node's metrics. */
async function figure(it: Replicated, at: string, name: string): Promise<number> {
  const { text } = await it.browser().get('/metrics', { at });
  const value = new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1];
  assert.ok(value !== undefined, `${name} is not among the metrics of ${at}`);
  return Number(value);
}

test('V46: a session is passivated where its data is, and nowhere else; fetched by another node it is whole, and nothing is told as ended', async (t) => {
  const { it, heard, nodesOf } = await listened(
    t,
    perGranularity({ ...buddies(1), useSessionPassivation: true, passivationMaxIdleTime: 60, idleMs: 30 * minutes }),
  );
  const visitors = [];
  for (const app of granularities) {
    const visitor = await begun(it, app, 'n1', `marker-${app}`);
    const deep = it.shop<Cart & { one: { x: number }; same: { x: number } }>(app);
    await visitor.browser.signIn(`alice-${app}`, { at: 'n1' });
    await deep.does(visitor.browser, 'n1', (session) => {
      const address = { x: 1 };
      Object.assign(session, { one: address, same: address });
    });
    await it.cluster.settle();
    visitors.push({ ...visitor, deep, app, holders: holdersOf(it, visitor.note) });
  }
  await it.cluster.advance(90 * seconds);
  assert.deepEqual(nodesOf('passivated'), visitors.flatMap(({ holders }) => holders).sort());
  heard.length = 0;
  for (const { app, browser, deep, note, holders } of visitors) {
    assert.equal(it.cluster.at('n1').sso.entries(`alice-${app}`)[0]?.sessions.length, 1, 'its link stands');
    const [third, fourth] = besides(...holders);
    for (const at of [third!, fourth!]) {
      await deep.does(browser, at, (session) => {
        assert.deepEqual([session.note, namesIn(session)], [note, ['pen']], `${app} at ${at}`);
        if (app !== 'ATTRIBUTE') assert.equal(session.one, session.same, `${app} at ${at}: one address`);
        session.one.x++;
      });
    }
  }
  await it.cluster.advance(20 * seconds);
  const destroyed = heard.filter(({ notice: { kind, cause } }) => kind === 'destroyed' && cause !== 'failaway');
  assert.deepEqual(destroyed, []);
  for (const { note, holders } of visitors) assert.equal(holdersOf(it, note).length, 2, `${note} from ${holders}`);
  const left = five.filter((at) => it.cluster.at(at).passivated.size > 0);
  assert.deepEqual(left, [], 'on no shelf is a copy of what others hold now');
});

test('V46: the node of a passivated session dies: its buddy, and any other, activates it', async (t) => {
  const { it } = await listened(
    t,
    perGranularity({ ...buddies(1), useSessionPassivation: true, passivationMaxIdleTime: 20 }),
  );
  const visitors = [];
  for (const app of granularities)
    for (let i = 0; i < 4; i++) visitors.push(await begun(it, app, 'n1', `marker-${app}-${i}`));
  await it.cluster.advance(40 * seconds);
  await it.cluster.kill('n1');
  for (const [i, { browser, shop, note }] of visitors.entries()) {
    const seen = await shop.does(browser, besides('n1')[i % 4]!, (session) => {
      session.cart.set('ink', { pieces: 1 });
      return [session.note, namesIn(session)];
    });
    assert.deepEqual(seen, [note, ['pen', 'ink']]);
  }
});

test('V46: a holder that passivated and was killed has the session when it is back, and its owner’s later changes', async (t) => {
  const { it } = await listened(
    t,
    perGranularity({ ...buddies(1), useSessionPassivation: true, passivationMaxIdleTime: 20 }),
  );
  for (const app of granularities) {
    const { browser, shop, note } = await begun(it, app, 'n1', `marker-${app}`);
    await it.cluster.advance(40 * seconds);
    const buddy = buddyOf(it, note, 'n1');
    await it.cluster.kill(buddy);
    await shop.does(browser, 'n1', ({ cart }) => void cart.set('ink', { pieces: 1 }));
    await it.cluster.restart(buddy);
    await it.cluster.settle();
    await it.cluster.kill('n1');
    assert.deepEqual(await shop.does(browser, buddy, namesIn), ['pen', 'ink'], app);
    await it.cluster.restart('n1');
    await it.cluster.settle();
  }
});

test('V47: a passivated session whose time runs out ends as a timeout on every node, told once', async (t) => {
  const ends: string[] = [];
  const { it } = await listened(t, {
    shop: {
      ...buddies(1),
      useSessionPassivation: true,
      passivationMaxIdleTime: 60,
      idleMs: 5 * minutes,
      onEnd: ({ cause }) => void ends.push(cause),
    },
  });
  const { browser, shop, note } = await begun(it, 'shop', 'n1', 'marker');
  await browser.signIn('alice', { at: 'n1' });
  await it.cluster.advance(15 * minutes);
  for (const at of five) assert.deepEqual(it.cluster.at(at).sso.entries('alice')[0]?.sessions, [], at);
  assert.deepEqual(ends, ['timeout']);
  assert.deepEqual(holdersOf(it, note), []);
  assert.deepEqual(
    five.filter((at) => it.cluster.at(at).passivated.size > 0),
    [],
  );
  assert.equal(await shop.does(browser, 'n3', (session) => session.note), undefined);
});

test('V40: a logout ends a session that is passivated on two nodes, and it is gone from both shelves', async (t) => {
  const { it } = await listened(t, {
    shop: { ...buddies(1), useSessionPassivation: true, passivationMaxIdleTime: 60 },
  });
  const { browser, shop } = await begun(it, 'shop', 'n1', 'marker');
  await browser.signIn('alice', { at: 'n1' });
  await shop.does(browser, 'n1', ({ cart }) => void cart.set('ink', { pieces: 1 }));
  await it.cluster.advance(2 * minutes);
  assert.equal(five.filter((at) => it.cluster.at(at).passivated.size > 0).length, 2);
  await browser.post('/logout', { at: 'n3' }).expect(200);
  await it.cluster.settle();
  assert.deepEqual(
    five.filter((at) => it.cluster.at(at).passivated.size > 0),
    [],
  );
});

test('the guide’s arithmetic: eight nodes with as many sessions each hold all of them with total, and twice their own with one buddy', async (t) => {
  const nodes = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7', 'n8'];
  const each = 8;
  for (const [count, expected] of [
    ['total', 8 * each],
    [1, 2 * each],
    [2, 3 * each],
  ] as const) {
    const it = await placed(t, { nodes, disks: false, apps: { shop: { buddies: count } } });
    for (let i = 0; i < 8 * each; i++) await begun(it, 'shop', nodes[i % 8]!, `marker-${i}`);
    await it.cluster.settle();
    const held = [];
    for (const at of nodes) held.push(await figure(it, at, 'latchkey_sessions_active'));
    assert.equal(
      held.reduce((sum, one) => sum + one, 0),
      8 * expected,
      `${count}: ${held}`,
    );
    if (count !== 'total')
      assert.ok(
        held.every((one) => one > expected / 2 && one < expected * 1.75),
        `${count}: ${held}`,
      );
  }
});

test('V101: what a node holds as a buddy counts against maxActiveSessions, what it does not hold does not; one that fails over is accepted', async (t) => {
  const { it } = await listened(t, {
    shop: { ...buddies(1), useSessionPassivation: true, passivationMinIdleTime: 600, maxActiveSessions: 8 },
  });
  const visitors: Visitor[] = [];
  for (let i = 0; i < 8; i++) visitors.push(await begun(it, 'shop', 'n1', `marker-${i};`));
  await it.cluster.settle();
  const shop = it.shop<Cart>('shop');
  const tries = async (at: string) =>
    (await shop.asks(it.browser(), at, (session) => void (session.note = 'new'))).status;
  assert.equal(await tries('n1'), 503, 'its own');
  const room = Object.fromEntries(
    besides('n1').map((at) => [at, 8 - visitors.filter(({ note }) => holdersOf(it, note).includes(at)).length]),
  );
  assert.ok(
    Object.values(room).every((free) => free > 0),
    JSON.stringify(room),
  );
  for (const at of besides('n1')) assert.equal(await tries(at), 200, `${at} holds few of them`);
  await it.cluster.kill('n1');
  for (const { browser, note } of visitors)
    assert.equal(await shop.does(browser, 'n2', (session) => session.note), note, 'failed over, all to one node');
  assert.equal(await tries('n2'), 503, 'which is full now');
});

test('the buddies of more than a node may hold in memory are passivated there, and come back by use', async (t) => {
  const { it } = await listened(t, {
    shop: { ...buddies(4), useSessionPassivation: true, passivationMinIdleTime: 10, maxActiveSessions: 5 },
  });
  const visitors = [];
  for (let i = 0; i < 12; i++) {
    visitors.push(await begun(it, 'shop', 'n1', `marker-${i};`));
    await it.cluster.advance(11 * seconds);
  }
  await it.cluster.advance(20 * seconds);
  for (const at of five) assert.ok((await figure(it, at, 'latchkey_sessions_active')) <= 5, at);
  await it.cluster.kill('n1');
  for (const [i, { browser, shop, note }] of visitors.entries())
    assert.equal(await shop.does(browser, besides('n1')[i % 4]!, (session) => session.note), note);
});
