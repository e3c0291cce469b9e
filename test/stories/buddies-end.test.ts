/**
 * Stories of how sessions end whose data lies on two nodes: a logout, a timeout, another id, an end in code. Whatever holds a copy,
 * and whoever was away meanwhile, an ended session is ended (V67, V92), and one that is in use is not (V89).
 */

import assert from 'node:assert/strict';
import test from 'node:test';
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
  serving,
} from '../support/placed.ts';
import { copyOf, granularities, perGranularity, type Replicated, type Shop } from '../support/replicated.ts';

const seconds = 1_000;
const minutes = 60 * seconds;

/** No node knows the session that these cookies name. */
async function isGone(shop: Shop<Cart>, it: Replicated, browser: ReturnType<Replicated['browser']>, says: string) {
  for (const { name } of it.cluster.nodes.filter(({ isUp }) => isUp))
    assert.equal(await shop.does(copyOf(it, browser), name, ({ note }) => note), undefined, `${says} at ${name}`);
}

test('V83: a logout at any node ends the session on all, though its data is on two; nothing of it stays there', async (t) => {
  const it = await placed(t);
  for (const app of granularities) {
    for (const at of five) {
      const { browser, shop, note } = await begun(it, app, 'n1', `marker-${app}-${at}`, 'alice');
      await it.cluster.settle();
      assert.equal(holdersOf(it, note).length, 2);
      const before = copyOf(it, browser);
      await browser.post('/logout', { at }).expect(200);
      await isGone(shop, it, before, `${app}, logout at ${at}`);
      await it.cluster.settle();
      assert.deepEqual(holdersOf(it, note), [], `${app}: data that is left`);
    }
  }
});

test('a session that is ended in code on a node that lacked it ends on all, and whoever listens for the end is told once', async (t) => {
  const ends: string[] = [];
  const onEnd = ({ cause }: { readonly cause: string }) => void ends.push(cause);
  const it = await placed(t, { apps: perGranularity({ ...buddies(1), onEnd }) });
  for (const app of granularities) {
    const { browser, shop, note } = await begun(it, app, 'n1', `marker-${app}`);
    await it.cluster.settle();
    const [third] = besides('n1', buddyOf(it, note, 'n1'));
    const before = copyOf(it, browser);
    await shop.does(browser, third!, (session) => session.destroy());
    await isGone(shop, it, before, app);
    await it.cluster.advance(20 * seconds);
    assert.deepEqual(holdersOf(it, note), [], app);
    assert.equal(ends.splice(0).length, 1, app);
  }
});

test('V67: a request that is in flight at the session’s node, or at one that has just fetched it, cannot revive what a logout ended', async (t) => {
  const it = await placed(t);
  for (const app of granularities) {
    for (const inFlightAt of ['n1', 'n2', 'n3']) {
      const { browser, shop, note } = await begun(it, app, 'n1', `marker-${app}-${inFlightAt}`, 'alice');
      const before = copyOf(it, browser);
      const answer = await shop.asks(copyOf(it, browser), inFlightAt, async (session) => {
        assert.equal(session.note, note);
        await browser.post('/logout', { at: 'n5' }).expect(200);
        session.note = `${note} revived`;
      });
      for (const line of answer.get('Set-Cookie') ?? [])
        assert.ok(!line.startsWith(`${shop.cookie}=`) || /=;|max-age=0|expires=thu, 01 jan 1970/i.test(line), line);
      await it.cluster.settle();
      await isGone(shop, it, before, `${app}, in flight at ${inFlightAt}`);
      assert.deepEqual(holdersOf(it, note), [], app);
    }
  }
});

test('V87: whoever holds the data and was away during the logout, with it on disk, brings nothing back', async (t) => {
  const it = await placed(t);
  for (const app of granularities) {
    const { browser, shop, note } = await begun(it, app, 'n1', `marker-${app}`, 'alice');
    await it.cluster.settle();
    const buddy = buddyOf(it, note, 'n1');
    const [third] = besides('n1', buddy);
    const before = copyOf(it, browser);
    for (const at of ['n1', buddy]) await it.cluster.kill(at);
    await browser.post('/logout', { at: third! }).expect(200);
    for (const at of ['n1', buddy]) await it.cluster.restart(at);
    await it.cluster.settle();
    await isGone(shop, it, before, app);
    for (const at of five) assert.deepEqual(it.cluster.at(at).sso.entries('alice'), [], at);
    await it.cluster.advance(20 * seconds);
    assert.deepEqual(holdersOf(it, note), [], app);
  }
});

test('V92: a logout on one side of a split wins over the use of the session on the other, whichever side holds the data', async (t) => {
  const it = await placed(t, { options: serving });
  for (const app of granularities) {
    for (const logoutWithData of [true, false]) {
      const { browser, shop, note } = await begun(it, app, 'n1', `marker-${app}-${logoutWithData}`, 'alice');
      await it.cluster.settle();
      const buddy = buddyOf(it, note, 'n1');
      const [third] = besides('n1', buddy);
      const before = copyOf(it, browser);
      await it.cluster.split([['n1', buddy]]);
      if (logoutWithData) await browser.post('/logout', { at: buddy });
      else {
        await shop.does(copyOf(it, browser), buddy, ({ cart }) => void cart.set('meanwhile', { pieces: 1 }));
        await browser.post('/logout', { at: third! });
      }
      await it.cluster.heal();
      await it.cluster.settle();
      await isGone(shop, it, before, `${app} ${logoutWithData}`);
      assert.deepEqual(holdersOf(it, note), [], app);
    }
  }
});

test('V41: a session that nobody uses ends by its time on every node, is told once, and the sign-on stays', async (t) => {
  const ends: string[] = [];
  const it = await placed(t, {
    apps: {
      shop: (node) => ({
        ...buddies(1),
        idleMs: 5 * minutes,
        onEnd: (end) => void ends.push(`${node} ${end.cause} ${(end as { data?: Cart }).data?.note}`),
      }),
    },
    options: { cluster: { intervalMs: 20_000 } },
  });
  const { browser, shop, note } = await begun(it, 'shop', 'n1', 'marker');
  await browser.signIn('alice', { at: 'n1' });
  await shop.does(browser, 'n1', ({ cart }) => void cart.set('ink', { pieces: 1 }));
  await it.cluster.advance(6 * minutes);
  await isGone(shop, it, browser, 'its time is over');
  await it.cluster.advance(10 * minutes);
  for (const at of five) assert.deepEqual(it.cluster.at(at).sso.entries('alice')[0]?.sessions, [], at);
  assert.equal(ends.length, 1, ends.join());
  assert.match(ends[0]!, /^n1 timeout /);
  assert.deepEqual(holdersOf(it, note), []);
});

test('V89: a session that is used is expired by nobody: not by its buddy, not by who had it before, not by who never had it', async (t) => {
  const ended: string[] = [];
  const it = await placed(t, {
    options: { cluster: { intervalMs: 20_000 } },
    apps: { shop: (node) => ({ ...buddies(1), idleMs: 5 * minutes, onEnd: () => void ended.push(node) }) },
  });
  const { browser, shop, note } = await begun(it, 'shop', 'n1', 'marker');
  await browser.signIn('alice', { at: 'n1' });
  for (let i = 0; i < 6; i++) {
    await it.cluster.advance(100 * seconds);
    assert.equal(await shop.does(browser, 'n2', (session) => session.note), note, `read ${i}`);
  }
  assert.equal(await shop.does(browser, 'n4', (session) => session.note), note);
  await it.cluster.advance(4 * minutes);
  await it.cluster.kill('n4');
  assert.equal(await shop.does(browser, 'n1', (session) => session.note), note, 'the time is right after a failover');
  assert.deepEqual(ended, []);
  await it.cluster.advance(7 * minutes);
  await isGone(shop, it, browser, 'idle is idle');
});

test('V61, V62, check 24: a session keeps its data when its id changes at a sign-on on a node that lacked it; the old id shows nothing', async (t) => {
  const it = await placed(t);
  for (const app of granularities) {
    const { browser, shop, note } = await begun(it, app, 'n1', `marker-${app}`);
    await it.cluster.settle();
    const [third, fourth] = besides('n1', buddyOf(it, note, 'n1'));
    const old = copyOf(it, browser);
    await browser.signIn('alice', { at: third! });
    assert.deepEqual(await shop.does(browser, third!, (session) => [session.note, namesIn(session)]), [note, ['pen']]);
    await shop.does(browser, third!, ({ cart }) => void cart.set('ink', { pieces: 1 }));
    assert.notEqual(browser.cookie(shop.cookie)!.split('.')[0], old.cookie(shop.cookie)!.split('.')[0]);
    await isGone(shop, it, old, `${app}: the old id`);
    assert.deepEqual(await shop.does(browser, fourth!, namesIn), ['pen', 'ink']);
    await it.cluster.advance(20 * seconds);
    assert.equal(holdersOf(it, note).length, 2, `${app}: ${holdersOf(it, note)}`);
    const renewed = copyOf(it, browser);
    await browser.post('/logout', { at: 'n1' }).expect(200);
    await isGone(shop, it, renewed, `${app}: after the logout`);
  }
});

test('check 23: the id of another’s session shows, changes and ends nothing of it on a node that would have to fetch it', async (t) => {
  const it = await placed(t);
  for (const app of granularities) {
    const { browser, shop, note } = await begun(it, app, 'n1', `marker-${app}`, 'bob');
    await shop.does(browser, 'n1', ({ cart }) => void cart.set('of bob', { pieces: 1 }));
    await it.cluster.settle();
    const [third, fourth] = besides('n1', buddyOf(it, note, 'n1'));
    const thief = it.browser();
    await thief.signIn('alice', { at: fourth! });
    const own = thief.cookies().map((cookie) => cookie.cookieString());
    const stolen = `${shop.cookie}=${browser.cookie(shop.cookie)}`;
    for (const cookie of [stolen, [...own, stolen].join('; ')]) {
      for (const at of [third!, fourth!])
        await shop
          .asks(it.browser(), at, async (session) => {
            assert.equal(session.note, undefined, `${app} at ${at}`);
            session.note = 'of alice';
            await session.destroy();
          })
          .set('Cookie', cookie);
    }
    for (const at of five)
      assert.deepEqual(await shop.does(copyOf(it, browser), at, namesIn), ['pen', 'of bob'], `${app} ${at}`);
    for (const { error } of it.failures) assert.notEqual(error.name, 'AssertionError', error.message);
  }
});

test('V86, V88: an application that stops on its node loses no session: another node serves it, and no logout is raised', async (t) => {
  const it = await placed(t, { apps: perGranularity(buddies(1)) });
  for (const app of granularities) {
    const { browser, shop, note } = await begun(it, app, 'n1', `marker-${app}`, 'alice');
    it.cluster.at('n1').sso.stopApplication(app);
    await it.cluster.settle();
    assert.equal(await shop.does(browser, 'n3', (session) => session.note), note, app);
    await it.cluster.advance(20 * seconds);
    assert.equal(holdersOf(it, note).length, 2, `${app}: ${holdersOf(it, note)}`);
  }
});
