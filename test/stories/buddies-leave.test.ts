/** Stories of V88 where data lies on some nodes only: who leaves hands over what would be gone with it, and nobody notices. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { begun, besides, buddies, buddyOf, five, holdersOf, namesIn, placed, serving } from '../support/placed.ts';
import { granularities, perGranularity, type Replicated } from '../support/replicated.ts';

const seconds = 1_000;

/** So many sessions of each application at each node, every other one of somebody who is signed on. */
async function visitorsOf(it: Replicated, each: number, at: readonly string[] = five) {
  const visitors = [];
  for (const app of granularities) {
    for (const name of at) {
      for (let i = 0; i < each; i++) {
        const user = i % 2 === 0 ? undefined : `user-${app}-${name}-${i}`;
        visitors.push({ ...(await begun(it, app, name, `${app} ${name} ${i};`, user)), user });
      }
    }
  }
  return visitors;
}

/** Everybody has what they had, wherever they are sent now. */
async function nobodyLost(visitors: Awaited<ReturnType<typeof visitorsOf>>, nodes: readonly string[], says = '') {
  for (const [i, { browser, shop, note, user }] of visitors.entries()) {
    const at = nodes[i % nodes.length]!;
    const seen = await shop.does(browser, at, (session, req) => [
      session.note,
      namesIn(session)?.[0],
      req.sso.principal?.name,
    ]);
    assert.deepEqual(seen, [note, 'pen', user], `${note} at ${at} ${says}`);
  }
}

test('V88: a node that stops loses no session: the last change is with others, and each is on two nodes once it is used', async (t) => {
  const it = await placed(t);
  const visitors = await visitorsOf(it, 4, ['n1']);
  await it.cluster.settle();
  const last = visitors[0]!;
  await last.shop.does(last.browser, 'n1', ({ cart }) => void cart.set('last', { pieces: 1 }));
  await it.cluster.stopNode('n1');
  assert.deepEqual(await last.shop.does(last.browser, 'n3', namesIn), ['pen', 'last']);
  await nobodyLost(visitors, besides('n1'));
  await it.cluster.advance(20 * seconds);
  for (const { note } of visitors) assert.equal(holdersOf(it, note).length, 2, `${note} ${holdersOf(it, note)}`);
});

test('V88: node and buddy stop one after the other, and nobody uses the session meanwhile: who leaves last hands it over', async (t) => {
  const it = await placed(t, { options: serving });
  const visitors = await visitorsOf(it, 4, ['n1']);
  await it.cluster.settle();
  for (const at of ['n1', 'n2', 'n3', 'n4']) {
    await it.cluster.stopNode(at);
    await it.cluster.settle();
    for (const { note } of visitors) assert.ok(holdersOf(it, note).length > 0, `${note} after ${at} has left`);
  }
  await nobodyLost(visitors, ['n5']);
});

test('V88: the buddy has died when the node stops: what only that one has goes to another before it says that it leaves', async (t) => {
  const it = await placed(t, { apps: { shop: buddies(1) } });
  const all = [];
  for (let i = 0; i < 12; i++) all.push(await begun(it, 'shop', 'n1', `marker-${i};`));
  await it.cluster.settle();
  const dead = buddyOf(it, all[0]!.note, 'n1');
  await it.cluster.kill(dead);
  await it.cluster.stopNode('n1');
  const left = besides('n1', dead);
  await it.cluster.settle();
  for (const { note } of all) assert.ok(holdersOf(it, note).length > 0, note);
  for (const [i, { browser, shop, note }] of all.entries())
    assert.deepEqual(await shop.does(browser, left[i % 3]!, (session) => [session.note, namesIn(session)]), [
      note,
      ['pen'],
    ]);
});

test('V88: a buddy leaves: the owner chooses another at once, without waiting for a write', async (t) => {
  const it = await placed(t);
  const visitors = await visitorsOf(it, 6, ['n1']);
  await it.cluster.settle();
  const leaves = buddyOf(it, visitors[0]!.note, 'n1');
  await it.cluster.stopNode(leaves);
  await it.cluster.advance(15 * seconds);
  for (const { note } of visitors) assert.notEqual(buddyOf(it, note, 'n1'), leaves, note);
  await it.cluster.kill('n1');
  await nobodyLost(visitors, besides('n1', leaves));
});

test('V88: a rolling restart of all nodes, which keep nothing on disk, loses no session, used or not', async (t) => {
  const it = await placed(t, { disks: false });
  const visitors = await visitorsOf(it, 4);
  const [idle, busy] = [0, 1].map((half) => visitors.filter((_, i) => i % 2 === half));
  for (const [turn, at] of five.entries()) {
    await it.cluster.stopNode(at);
    await nobodyLost(busy!, besides(at), `while ${at} is away`);
    await it.cluster.restart(at);
    for (const { browser, shop } of busy!.slice(0, 10))
      await shop.does(browser, five[turn]!, ({ cart }) => void cart.set(`in turn ${turn}`, { pieces: turn }));
  }
  await nobodyLost(idle!, five);
  await nobodyLost(busy!, five);
  for (const { browser, shop } of busy!.slice(0, 10))
    assert.deepEqual(await shop.does(browser, 'n2', namesIn), ['pen', ...five.map((_, turn) => `in turn ${turn}`)]);
});

test('V88: a rolling restart with two buddies, one node right after the other, loses none either', async (t) => {
  const it = await placed(t, { disks: false, apps: perGranularity(buddies(2)) });
  const visitors = await visitorsOf(it, 2);
  for (const at of five) {
    await it.cluster.stopNode(at);
    await it.cluster.restart(at);
  }
  await nobodyLost(visitors, five);
});

test('V88: with snapshotMode interval a stop sends what was to be sent later to the buddies first', async (t) => {
  const apps = { slow: { ...buddies(1), snapshotMode: 'interval', snapshotInterval: 60_000 } } as const;
  const it = await placed(t, { apps });
  const { browser, shop } = await begun(it, 'slow', 'n1', 'marker');
  await it.cluster.advance(61 * seconds);
  await shop.does(browser, 'n1', ({ cart }) => void cart.set('last', { pieces: 1 }));
  const { browser: other, note } = await begun(it, 'slow', 'n1', 'made since');
  await it.cluster.stopNode('n1');
  assert.deepEqual(await shop.does(browser, 'n4', namesIn), ['pen', 'last']);
  assert.equal(await shop.does(other, 'n3', (session) => session.note), note);
});

test('V88: a stop while frames are slow hands over all the same', async (t) => {
  const it = await placed(t, { disks: false, apps: perGranularity({ ...buddies(1), cacheMode: 'async' }) });
  const visitors = await visitorsOf(it, 8, ['n1']);
  it.cluster.delay(40);
  for (const { browser, shop } of visitors)
    await shop.does(browser, 'n1', ({ cart }) => void cart.set('last', { pieces: 1 }));
  await it.cluster.stopNode('n1');
  it.cluster.delay(0);
  for (const { browser, shop, note } of visitors)
    assert.deepEqual(await shop.does(browser, 'n2', namesIn), ['pen', 'last'], note);
});
