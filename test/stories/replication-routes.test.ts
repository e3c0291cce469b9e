/** Stories of VALVE-BEHAVIOUR.md 1.10 and 2.7 in every granularity, with and without a route in the cookie; and V70. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { copyOf, granularities, meeting, perGranularity, replicated } from '../support/replicated.ts';

const minutes = 60_000;

interface Kept {
  cart: string[];
}

/** The values of the cookies of this name that an answer sets. */
const valuesIn = (answer: { get(name: 'Set-Cookie'): string[] | undefined }, name: string) =>
  (answer.get('Set-Cookie') ?? [])
    .filter((line) => line.startsWith(`${name}=`))
    .map((line) => line.slice(name.length + 1).split(';', 1)[0]!);

test('V110, V111: in every granularity the cookie is id.route; on another node the same session goes on under that node’s route, set once', async (t) => {
  const it = await replicated(t, { apps: { ...perGranularity(), routed: { useRoute: true } } });
  for (const app of [...granularities, 'routed']) {
    const shop = it.shop<Kept>(app);
    const browser = it.browser();
    await shop.does(browser, 'n1', (session) => void (session.cart = ['pen']));
    const [id, route] = browser.cookie(shop.cookie)!.split('.');
    assert.match(id!, /^[A-Za-z0-9_-]+$/);
    assert.equal(route, 'n1');
    const moved = await shop.asks(browser, 'n2', ({ cart }) => assert.deepEqual(cart, ['pen']));
    assert.deepEqual(valuesIn(moved, shop.cookie), [`${id}.n2`], app);
    const again = await shop.asks(browser, 'n2', ({ cart }) => assert.deepEqual(cart, ['pen']));
    assert.deepEqual(valuesIn(again, shop.cookie), [], `${app}: set once`);
    await it.cluster.settle();
    assert.deepEqual(await shop.does(browser, 'n1', ({ cart }) => cart), ['pen']);
    assert.equal(browser.cookie(shop.cookie), `${id}.n1`, `${app}: and back`);
  }
});

test('V112, V112b: parallel changes with the old route, and one more later, are one session under one cookie', async (t) => {
  const it = await replicated(t);
  for (const app of granularities) {
    const shop = it.shop<Kept & Record<string, unknown>>(app);
    const browser = it.browser();
    await shop.does(browser, 'n1', (session) => void (session.cart = ['pen']));
    const late = copyOf(it, browser);
    const meet = meeting(3);
    const answers = await Promise.all(
      [0, 1, 2].map((i) =>
        shop.asks(copyOf(it, browser), 'n2', async (session) => {
          assert.deepEqual(session.cart, ['pen']);
          await meet();
          session[`of request ${i}`] = i;
        }),
      ),
    );
    const values = new Set(answers.flatMap((answer) => valuesIn(answer, shop.cookie)));
    assert.deepEqual([...values], [browser.cookie(shop.cookie)!.replace('.n1', '.n2')], app);
    const seen = await shop.does(late, 'n2', (session) => [0, 1, 2].map((i) => session[`of request ${i}`]));
    if (app === 'SESSION') assert.ok(seen.some((one) => one !== undefined));
    else assert.deepEqual(seen, [0, 1, 2], `${app}: no change is lost, no second session made`);
    assert.equal(late.cookie(shop.cookie), [...values][0]);
  }
});

test('V113: a cookie of no session is neither rewritten nor adopted, in any granularity', async (t) => {
  const it = await replicated(t, { apps: { ...perGranularity(), bare: { useRoute: false } } });
  for (const app of [...granularities, 'bare']) {
    const shop = it.shop<Kept>(app);
    const browser = it.browser();
    await shop.does(browser, 'n1', (session) => void (session.cart = ['pen']));
    const dead = browser.cookie(shop.cookie)!;
    await shop.does(browser, 'n1', (session) => session.destroy());
    for (const value of [dead, 'made-up.n1', `${'A'.repeat(65)}.n1`, '.n1', `${'A'.repeat(65)}`]) {
      const cookie = `${shop.cookie}=${value}`;
      const looked = await shop
        .asks(it.browser(), 'n2', ({ cart }) => assert.equal(cart, undefined))
        .set('Cookie', cookie);
      assert.ok(
        valuesIn(looked, shop.cookie).every((set) => set === ''),
        `${app} ${value}`,
      );
      const wrote = await shop
        .asks(it.browser(), 'n2', (session) => void (session.cart = ['ink']))
        .set('Cookie', cookie);
      const [fresh] = valuesIn(wrote, shop.cookie);
      assert.ok(fresh !== undefined && fresh.split('.')[0] !== value.split('.')[0], `${app} ${value}: a new id`);
    }
  }
});

test('V114: a route with dots: the id ends at the first, and the session fails over', async (t) => {
  const it = await replicated(t, { nodes: ['west.n1', 'east.n2'] });
  for (const app of granularities) {
    const shop = it.shop<Kept>(app);
    const browser = it.browser();
    await shop.does(browser, 'west.n1', (session) => void (session.cart = ['pen']));
    const [id, ...route] = browser.cookie(shop.cookie)!.split('.');
    assert.equal(route.join('.'), 'west.n1');
    assert.deepEqual(await shop.does(browser, 'east.n2', ({ cart }) => cart), ['pen']);
    assert.equal(browser.cookie(shop.cookie), `${id}.east.n2`);
  }
});

test('V115: with useRoute false the id stands alone, moves without a new cookie, and a suffix that arrives is ignored and kept; another application on the node has its route', async (t) => {
  const it = await replicated(t, { apps: { bare: { useRoute: false }, routed: {} } });
  const [bare, routed] = [it.shop<Kept>('bare'), it.shop<Kept>('routed')];
  const browser = it.browser();
  for (const shop of [bare, routed]) await shop.does(browser, 'n1', (session) => void (session.cart = ['pen']));
  assert.match(browser.cookie(bare.cookie)!, /^[A-Za-z0-9_-]+$/);
  assert.match(browser.cookie(routed.cookie)!, /^[A-Za-z0-9_-]+\.n1$/);
  const moved = await bare.asks(browser, 'n2', (session) => {
    assert.deepEqual(session.cart, ['pen']);
    session.cart.push('ink');
  });
  assert.deepEqual(valuesIn(moved, bare.cookie), []);
  const cookie = `${bare.cookie}=${browser.cookie(bare.cookie)}.n1`;
  const suffixed = await bare
    .asks(it.browser(), 'n2', ({ cart }) => assert.deepEqual(cart, ['pen', 'ink']))
    .set('Cookie', cookie);
  assert.equal(suffixed.status, 200);
  assert.deepEqual(valuesIn(suffixed, bare.cookie), [], 'kept as it is');
});

test('V70: the same id in two applications is two sessions: one times out, is changed or destroyed, the other is untouched', async (t) => {
  const id = 'the-one-id-of-both-applications';
  for (const granularity of granularities) {
    const it = await replicated(t, {
      apps: {
        a: { genid: () => id, idleMs: minutes, replicationGranularity: granularity },
        b: { genid: () => id, idleMs: 60 * minutes, replicationGranularity: granularity },
      },
    });
    const [a, b] = [it.shop<Kept>('a'), it.shop<Kept>('b')];
    const browser = it.browser();
    await browser.signIn('alice', { at: 'n1' });
    await a.does(browser, 'n1', (session) => void (session.cart = ['of a']));
    await b.does(browser, 'n1', (session) => void (session.cart = ['of b']));
    await b.does(browser, 'n2', ({ cart }) => void cart.push('more'));
    assert.deepEqual(await a.does(browser, 'n2', ({ cart }) => cart), ['of a'], granularity);
    await it.cluster.advance(90_000);
    assert.equal(await a.does(browser, 'n2', ({ cart }) => cart), undefined, granularity);
    assert.deepEqual(await b.does(browser, 'n1', ({ cart }) => cart), ['of b', 'more'], granularity);
    assert.deepEqual(
      it.cluster
        .at('n2')
        .sso.entries('alice')
        .map(({ sessions }) => sessions.map(({ app }) => app)),
      [['b']],
      granularity,
    );
  }
});
