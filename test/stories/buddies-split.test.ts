/** Stories of splits, lost frames and holders that cannot be asked: what is not known is not answered with something else (V82), and nothing that was changed is lost (V93). */

import assert from 'node:assert/strict';
import test from 'node:test';
import { seededRandom } from '../../sso/random.ts';
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
import { copyOf, granularities, type Replicated } from '../support/replicated.ts';

const seconds = 1_000;

/** What nodes have counted under names that match. */
const counted = (it: Replicated, name: RegExp) => five.reduce((sum, at) => sum + it.counted(at, name), 0);

test('V82: who can reach nobody that holds the session answers 503 with Retry-After, gives no fresh one, and takes no cookie away', async (t) => {
  const it = await placed(t, { options: serving });
  for (const app of granularities) {
    const { browser, shop, note } = await begun(it, app, 'n1', `marker-${app}`);
    await it.cluster.settle();
    const buddy = buddyOf(it, note, 'n1');
    const away = besides('n1', buddy);
    await it.cluster.split([['n1', buddy]]);
    const cookie = browser.cookie(shop.cookie);
    for (const at of away) {
      let ran = false;
      const from = it.cluster.now();
      const answer = await shop.asks(browser, at, () => {
        ran = true;
      });
      assert.equal(answer.status, 503, `${app} at ${at}: ${answer.text}`);
      assert.match(answer.get('Retry-After') ?? '', /^[1-9]\d*$/);
      assert.equal(ran, false, `${app}: the handler is not called`);
      assert.equal(browser.cookie(shop.cookie), cookie, `${app}: the cookie stays`);
      assert.ok(it.cluster.now() - from <= 600, `${app}: bounded`);
    }
    assert.deepEqual(
      await shop.does(copyOf(it, browser), buddy, namesIn),
      ['pen'],
      `${app}: where the data is it is served`,
    );
    await shop.does(copyOf(it, browser), buddy, ({ cart }) => void cart.set('meanwhile', { pieces: 1 }));
    await it.cluster.heal();
    await it.cluster.settle();
    assert.deepEqual(
      await shop.does(browser, away[0]!, namesIn),
      ['pen', 'meanwhile'],
      `${app}: and after the split everywhere`,
    );
  }
});

test('both holders have died a moment ago: 503 until one is back with its disk, and then the session is there', async (t) => {
  const it = await placed(t);
  for (const app of granularities) {
    const { browser, shop, note } = await begun(it, app, 'n1', `marker-${app}`);
    await it.cluster.settle();
    const buddy = buddyOf(it, note, 'n1');
    const [third, fourth] = besides('n1', buddy);
    for (const at of ['n1', buddy]) await it.cluster.kill(at);
    const answer = await shop.asks(browser, third!, () => {});
    assert.equal(answer.status, 503, app);
    assert.match(answer.get('Retry-After') ?? '', /^[1-9]\d*$/);
    await it.cluster.restart(buddy);
    await it.cluster.advance(2 * seconds);
    assert.deepEqual(await shop.does(browser, fourth!, namesIn), ['pen'], app);
    await it.cluster.restart('n1');
    await it.cluster.settle();
  }
});

test('both holders have died and stay away: nobody knows that they have lost it, so nobody says so; back with nothing, the visitor gets a fresh one, and the sign-on stays', async (t) => {
  const it = await placed(t);
  for (const app of granularities) {
    const { browser, shop, note } = await begun(it, app, 'n1', `marker-${app}`, `alice-${app}`);
    await it.cluster.settle();
    const buddy = buddyOf(it, note, 'n1');
    for (const at of ['n1', buddy]) await it.cluster.kill(at);
    await it.cluster.advance(40 * seconds);
    for (const at of besides('n1', buddy))
      assert.equal((await shop.asks(copyOf(it, browser), at, () => {})).status, 503, `${app} at ${at}`);
    for (const at of ['n1', buddy]) {
      it.cluster.at(at).disk.wipe();
      await it.cluster.restart(at);
    }
    await it.cluster.settle();
    for (const at of five) {
      const seen = await shop.does(copyOf(it, browser), at, (session, req) => [session.note, req.sso.principal?.name]);
      assert.deepEqual(seen, [undefined, `alice-${app}`], `${app} at ${at}`);
    }
    await shop.does(browser, 'n2', (session) => void (session.note = 'fresh'));
    assert.equal(await shop.does(browser, 'n1', (session) => session.note), 'fresh');
  }
});

test('V93: two sides of a split, one with the node and one with the buddy, change the session: both changes are kept, on two nodes', async (t) => {
  const it = await placed(t, { options: serving });
  for (const app of granularities) {
    const { browser, note } = await begun(it, app, 'n1', `marker-${app}`);
    const shop = it.shop<Cart & { x?: object; y?: object }>(app);
    await it.cluster.settle();
    const buddy = buddyOf(it, note, 'n1');
    const [third, fourth] = besides('n1', buddy);
    await it.cluster.split([['n1', third!]]);
    await shop.does(copyOf(it, browser), third!, (session) => void (session.x = { of: 'one side' }));
    await it.cluster.advance(100);
    await shop.does(copyOf(it, browser), fourth!, (session) => void (session.y = { of: 'the other' }));
    await it.cluster.advance(3 * seconds);
    await it.cluster.heal();
    await it.cluster.advance(20 * seconds);
    for (const at of five) {
      const seen = await shop.does(copyOf(it, browser), at, ({ x, y }) => ({ x, y }));
      const expected = { x: app === 'SESSION' ? undefined : { of: 'one side' }, y: { of: 'the other' } };
      assert.deepEqual(seen, expected, `${app} at ${at}`);
    }
    await it.cluster.advance(20 * seconds);
    assert.equal(holdersOf(it, note).length, 2, `${app}: ${holdersOf(it, note)}`);
  }
});

test('V93: the same attribute on both sides: the later change wins on every node, and the conflict is counted', async (t) => {
  const it = await placed(t, { options: serving });
  for (const app of granularities) {
    const { browser, shop, note } = await begun(it, app, 'n1', `marker-${app}`);
    await it.cluster.settle();
    const before = counted(it, /conflict/i);
    if (app === granularities[0]) assert.equal(before, 0, 'what knew of each other is no conflict');
    const buddy = buddyOf(it, note, 'n1');
    await it.cluster.split([['n1']]);
    await shop.does(copyOf(it, browser), 'n1', (session) => void (session.note = `${note} first`));
    await it.cluster.advance(100);
    await shop.does(copyOf(it, browser), buddy, (session) => void (session.note = `${note} later`));
    await it.cluster.heal();
    await it.cluster.advance(20 * seconds);
    for (const at of five)
      assert.equal(await shop.does(copyOf(it, browser), at, (session) => session.note), `${note} later`, at);
    await it.cluster.settle();
    assert.ok(counted(it, /conflict/i) > before, `${app}: ${JSON.stringify(it.cluster.at('n1').sso.counters())}`);
  }
});

test('a split that lasts: whoever is on the larger side does not end sessions that live on the smaller one', async (t) => {
  const it = await placed(t);
  const { browser, shop, note } = await begun(it, 'FIELD', 'n1', 'marker');
  await it.cluster.settle();
  const buddy = buddyOf(it, note, 'n1');
  await it.cluster.split([['n1', buddy]]);
  await it.cluster.advance(5 * seconds);
  await it.cluster.heal();
  await it.cluster.settle();
  for (const at of five) assert.deepEqual(await shop.does(copyOf(it, browser), at, namesIn), ['pen'], at);
});

test('D1: frames are lost, doubled and late: what was answered is in the cart, on every node, once they are not', async (t) => {
  const it = await placed(t);
  const random = seededRandom(7);
  const chance = (of: number) => Math.floor(random.fraction() * of);
  for (const app of ['ATTRIBUTE', 'FIELD']) {
    const shop = it.shop<Cart & Record<string, unknown>>(app);
    const { browser, note } = await begun(it, app, 'n1', `marker-${app}`);
    await it.cluster.settle();
    it.cluster.network.lose(0.15);
    it.cluster.network.double(0.1);
    it.cluster.network.reorder(0.2, 300);
    const answered: string[] = [];
    let refused = 0;
    for (let i = 0; i < 30; i++) {
      const name = `thing ${i}`;
      const answer = await shop.asks(browser, five[chance(5)]!, (session) => {
        assert.equal(session.note, note, 'never a fresh one');
        session[name] = i;
      });
      if (answer.status === 200) answered.push(name);
      else {
        assert.equal(answer.status, 503, answer.text);
        refused++;
      }
    }
    it.cluster.network.lose(0);
    it.cluster.network.double(0);
    it.cluster.network.reorder(0);
    await it.cluster.advance(30 * seconds);
    for (const at of five) {
      const missing = await shop.does(copyOf(it, browser), at, (session) =>
        answered.filter((name) => !(name in session)),
      );
      assert.deepEqual(missing, [], `${app} at ${at}`);
    }
    assert.ok(answered.length >= 18, `${app}: ${answered.length} answered, ${refused} refused`);
    await it.cluster.advance(20 * seconds);
    assert.equal(holdersOf(it, note).length, 2, `${app}: ${holdersOf(it, note)}`);
  }
});

test('nodes come, go and are cut off while visitors fill their carts: nothing that was answered is missing in the end', async (t) => {
  const it = await placed(t, { options: serving, apps: { shop: { ...buddies(1), replicationGranularity: 'FIELD' } } });
  const random = seededRandom(11);
  const chance = (of: number) => Math.floor(random.fraction() * of);
  const visitors = [];
  for (let i = 0; i < 6; i++)
    visitors.push({ ...(await begun(it, 'shop', five[i % 5]!, `marker-${i}`)), put: ['pen'] });
  await it.cluster.settle();
  for (let round = 0; round < 9; round++) {
    const fault = round % 3;
    const at = five[chance(5)]!;
    if (fault === 0) await it.cluster.kill(at);
    if (fault === 1) await it.cluster.split([[at, five[chance(5)]!]]);
    if (fault === 2) await it.cluster.stopNode(at);
    for (const { browser, shop, note, put } of visitors) {
      for (let i = 0; i < 2; i++) {
        const up = five.filter((name) => it.cluster.at(name).isUp);
        const name = `thing ${round}.${i}`;
        const answer = await shop.asks(browser, up[chance(up.length)]!, (session) => {
          assert.equal(session.note, note, 'never a fresh one');
          session.cart.set(name, { pieces: round });
        });
        if (answer.status === 200) put.push(name);
        else assert.equal(answer.status, 503, answer.text);
      }
    }
    await it.cluster.heal();
    if (!it.cluster.at(at).isUp) await it.cluster.restart(at);
    await it.cluster.advance(8 * seconds);
  }
  await it.cluster.advance(20 * seconds);
  for (const { browser, shop, note, put } of visitors) {
    for (const at of five) {
      const names = new Set(await shop.does(copyOf(it, browser), at, namesIn));
      assert.deepEqual(
        put.filter((name) => !names.has(name)),
        [],
        `${note} at ${at}`,
      );
    }
    assert.ok(put.length > 9, `${note}: ${put.length}`);
  }
});
