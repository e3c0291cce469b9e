/**
 * Stories of "where copies live" (VALVE-BEHAVIOUR.md 1.7): the data of a session lies on its node and on its buddies, and a node
 * that fails costs none, whoever is asked next.
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
import { copyOf, granularities, meeting, perGranularity } from '../support/replicated.ts';

const seconds = 1_000;
const minutes = 60 * seconds;

test('the data of a session lies on its node and on as many buddies as were asked for; its link is known everywhere', async (t) => {
  const it = await placed(t, {
    apps: { total: { buddies: 'total' }, one: buddies(1), two: buddies(2), four: buddies(4), eight: buddies(8) },
  });
  for (const [app, count] of Object.entries({ total: 5, one: 2, two: 3, four: 5, eight: 5 })) {
    for (const at of ['n1', 'n3']) {
      const { browser, note } = await begun(it, app, at, `marker-${app}-${at}`);
      await it.cluster.settle();
      const holders = holdersOf(it, note);
      assert.ok(holders.includes(at) && holders.length === count, `${app} at ${at}: ${holders}`);
      await browser.signIn(`${app}-${at}`, { at });
      await it.shop<Cart>(app).does(browser, at, ({ cart }) => void cart.set('ink', { pieces: 2 }));
      for (const name of five) {
        const [entry] = it.cluster.at(name).sso.entries(`${app}-${at}`);
        assert.deepEqual(
          entry?.sessions.map((session) => session.app),
          [app],
          `${app} at ${at}, seen by ${name}`,
        );
      }
    }
  }
});

test('D1: a change of very many objects at once, which says more than the whole session, is elsewhere before its answer ends', async (t) => {
  interface Long extends Cart {
    list?: { id: number; text: string }[];
    isPaid?: boolean;
  }
  const atField = { replicationGranularity: 'FIELD' } as const;
  const it = await placed(t, { apps: { total: { buddies: 'total', ...atField }, one: { ...buddies(1), ...atField } } });
  const browsers: [string, Awaited<ReturnType<typeof begun>>['browser']][] = [];
  for (const app of ['total', 'one']) {
    const { browser } = await begun(it, app, 'n1', `marker-${app}`);
    await it.cluster.settle();
    await it.shop<Long>(app).does(browser, 'n1', (session) => {
      session.list = Array.from({ length: 5_000 }, (_, id) => ({ id, text: 'x' }));
      session.isPaid = true;
    });
    browsers.push([app, browser]);
  }
  await it.cluster.kill('n1');
  for (const [app, browser] of browsers) {
    const seen = await it.shop<Long>(app).does(browser, 'n2', ({ list, isPaid }) => [list?.length, isPaid]);
    assert.deepEqual(seen, [5_000, true], app);
  }
});

test('V85, D1: the node of sessions is killed: whichever node is asked at once has the cart, one by one and in parallel', async (t) => {
  const it = await placed(t, { disks: false });
  const begin = async (app: string, i: number) => {
    const { browser, shop } = await begun(it, app, 'n1', `${app} ${i}`);
    if (i % 2 === 0) {
      await browser.signIn(`user-${app}-${i}`, { at: 'n1' });
      await shop.does(browser, 'n1', ({ cart }) => void cart.set('ink', { pieces: i }));
    }
    return { app, i, browser, shop };
  };
  const visitors: Awaited<ReturnType<typeof begin>>[] = [];
  for (const app of granularities) for (let i = 0; i < 10; i++) visitors.push(await begin(app, i));
  await it.cluster.kill('n1');
  const others = besides('n1');
  const look = async ({ app, i, browser, shop }: (typeof visitors)[number], at: string) => {
    const seen = await shop.does(browser, at, (session, req) => [
      session.note,
      namesIn(session),
      req.sso.principal?.name,
    ]);
    const expected = i % 2 === 0 ? [['pen', 'ink'], `user-${app}-${i}`] : [['pen'], undefined];
    assert.deepEqual(seen, [`${app} ${i}`, ...expected], `${app} ${i} at ${at}`);
  };
  for (const visitor of visitors.filter(({ i }) => i < 5)) await look(visitor, others[visitor.i % 4]!);
  await Promise.all(visitors.filter(({ i }) => i >= 5).map((visitor) => look(visitor, others[visitor.i % 4]!)));
  // Whoever was asked is its node now and has chosen buddies: the next one may die, too.
  await it.cluster.kill('n2');
  await Promise.all(visitors.map((visitor) => look(visitor, ['n3', 'n4', 'n5'][visitor.i % 3]!)));
});

test('a node that is asked for a session it lacks fetches it in one trip, and has it from then on; the old copy goes', async (t) => {
  const it = await placed(t);
  for (const app of granularities) {
    const { browser, shop, note } = await begun(it, app, 'n1', `marker-${app}`);
    await it.cluster.settle();
    const buddy = buddyOf(it, note, 'n1');
    const third = besides('n1', buddy)[0]!;
    it.cluster.delay(30);
    const took = async () => {
      const from = it.cluster.now();
      assert.deepEqual(await shop.does(browser, third, namesIn), ['pen'], app);
      return it.cluster.now() - from;
    };
    const [first, second] = [await took(), await took()];
    it.cluster.delay(0);
    // There and back, and the same again until another node has confirmed it.
    assert.ok(first >= 60 && first <= 150, `${app}: ${first} ms`);
    assert.ok(second < 30, `${app}: ${second} ms, though it is there`);
    await it.cluster.advance(20 * seconds);
    const holders = holdersOf(it, note);
    assert.ok(holders.includes(third) && holders.length === 2, `${app}: ${holders}`);
    assert.equal(browser.cookie(shop.cookie)!.split('.')[1], third, 'under the route of the node that has it now');
  }
});

test('a fetch does not wait for a node that is silent: the buddy’s answer is enough, within the bound', async (t) => {
  const it = await placed(t, { silenceMs: 60 * seconds, options: serving });
  const { browser, shop, note } = await begun(it, 'FIELD', 'n1', 'marker');
  await it.cluster.settle();
  const [third] = besides('n1', buddyOf(it, note, 'n1'));
  await it.cluster.split([['n1'], besides('n1')]);
  const from = it.cluster.now();
  assert.deepEqual(await shop.does(browser, third!, namesIn), ['pen']);
  const tookMs = it.cluster.now() - from;
  assert.ok(tookMs <= 600, `${tookMs} ms`);
});

test('requests that go to any node keep every change, and in the end the data lies on two nodes again', async (t) => {
  const it = await placed(t);
  for (const app of granularities) {
    const { browser, shop, note } = await begun(it, app, 'n1', `marker-${app}`);
    const names = ['pen'];
    for (let i = 0; i < 20; i++) {
      const at = five[(i * 3 + (i >> 2)) % 5]!;
      names.push(`thing ${i} of ${at}`);
      const seen = await shop.does(browser, at, (session) => {
        session.cart.set(names.at(-1)!, { pieces: i });
        return namesIn(session);
      });
      assert.deepEqual(seen, names, `${app}: request ${i} at ${at}`);
    }
    await it.cluster.advance(20 * seconds);
    assert.equal(holdersOf(it, note).length, 2, `${app}: ${holdersOf(it, note)}`);
  }
});

test('two requests at once on two nodes keep the changes of both, though the session can have one node only', async (t) => {
  const it = await placed(t);
  for (const app of ['ATTRIBUTE', 'FIELD']) {
    const shop = it.shop<Cart & Record<string, string>>(app);
    for (const [round, ...nodes] of [
      ['a', 'n1', 'n2'],
      ['b', 'n3', 'n4', 'n5'],
      ['c', ...five],
    ]) {
      const { browser } = await begun(it, app, 'n1', `marker-${app}-${round}`);
      const meet = meeting(nodes.length);
      await Promise.all(
        nodes.map((at) =>
          shop.does(copyOf(it, browser), at, async (session) => {
            assert.equal(session.note, `marker-${app}-${round}`, `${app} ${round} at ${at}`);
            await meet();
            session[`of ${at}`] = at;
          }),
        ),
      );
      await it.cluster.settle();
      for (const at of five) {
        const seen = await shop.does(copyOf(it, browser), at, (session) => nodes.map((name) => session[`of ${name}`]));
        assert.deepEqual(seen, nodes, `${app} ${round}, seen by ${at}`);
      }
      await it.cluster.advance(20 * seconds);
      assert.equal(holdersOf(it, `marker-${app}-${round}`).length, 2, `${app} ${round}`);
    }
  }
});

test('nothing moves only because a node died, and an idle session costs no traffic; one that stays away is replaced as a buddy, once', async (t) => {
  const it = await placed(t, {
    apps: { shop: { ...buddies(1), idleMs: 120 * minutes } },
    options: { cluster: { intervalMs: 10_000 } },
  });
  const visitors: Awaited<ReturnType<typeof begun>>[] = [];
  for (let i = 0; i < 16; i++) visitors.push(await begun(it, 'shop', `n${(i % 2) + 1}`, `marker-${i};`));
  await it.cluster.settle();
  const before = visitors.map(({ note }) => holdersOf(it, note));
  const carried = () => visitors.map(({ note }) => it.wire.filter((frame) => frame.includes(note)).length);
  const nothing = visitors.map(() => 0);
  const wasAt = (node: string) => before.map((holders) => Number(holders.includes(node)));
  it.hush();
  await it.cluster.advance(10 * minutes);
  assert.deepEqual(carried(), nothing, 'idle');
  await it.cluster.kill('n3');
  // Ten seconds until it counts as lost, and half a minute in which it may start again.
  await it.cluster.advance(35 * seconds);
  assert.deepEqual(carried(), nothing, 'a node died');
  assert.ok(wasAt('n3').includes(1), 'it held some');
  await it.cluster.advance(5 * minutes);
  assert.deepEqual(carried(), wasAt('n3'), 'what it held is copied once');
  const now = visitors.map(({ note }) => holdersOf(it, note));
  for (const [i, holders] of now.entries()) {
    assert.equal(holders.length, 2, `${i}: ${holders}`);
    assert.ok(holders.includes(`n${(i % 2) + 1}`), 'its node serves it as before');
    if (!before[i]!.includes('n3')) assert.deepEqual(holders, before[i], 'a buddy that lives is kept');
  }
  it.hush();
  // The nodes of the sessions die as well: nobody takes them over, and still none stands on one node alone.
  await it.cluster.kill('n1');
  await it.cluster.advance(5 * minutes);
  const last = visitors.map(({ note }) => holdersOf(it, note));
  assert.ok(
    last.every((holders) => holders.length === 2),
    `${last.join(' | ')}`,
  );
  await it.cluster.kill('n2');
  for (const { browser, shop, note } of visitors)
    assert.deepEqual(await shop.does(browser, 'n5', (session) => [session.note, namesIn(session)]), [note, ['pen']]);
});

test('buddies are spread over all nodes; one that joins moves nothing, and gets its part of what comes', async (t) => {
  const it = await placed(t, { apps: { shop: buddies(1) } });
  const made = async (count: number, what: string) => {
    const all = [];
    for (let i = 0; i < count; i++) all.push(await begun(it, 'shop', 'n1', `${what}-${i};`));
    await it.cluster.settle();
    return all;
  };
  const held = (notes: readonly { note: string }[], at: string) =>
    notes.filter(({ note }) => holdersOf(it, note).includes(at)).length;
  const old = await made(60, 'old');
  for (const at of besides('n1')) assert.ok(held(old, at) >= 5 && held(old, at) <= 30, `${at}: ${held(old, at)} of 60`);
  const before = old.map(({ note }) => holdersOf(it, note));
  await it.cluster.join('n6');
  await it.cluster.advance(60 * seconds);
  assert.deepEqual(
    old.map(({ note }) => holdersOf(it, note)),
    before,
    'nothing moved',
  );
  for (const { browser, shop } of old)
    await shop.does(browser, 'n1', ({ cart }) => void cart.set('ink', { pieces: 1 }));
  await it.cluster.settle();
  assert.deepEqual(
    old.map(({ note }) => holdersOf(it, note)),
    before,
    'nor did it by being used',
  );
  const fresh = await made(60, 'new');
  assert.ok(held(fresh, 'n6') >= 4 && held(fresh, 'n6') <= 26, `${held(fresh, 'n6')} of 60`);
});

test('a buddy that starts again with nothing is filled again, and then its owner may die', async (t) => {
  const it = await placed(t);
  const visitors = [];
  for (const app of granularities)
    for (let i = 0; i < 8; i++) visitors.push(await begun(it, app, 'n1', `${app}-${i};`));
  await it.cluster.settle();
  const of = new Map(visitors.map(({ note }) => [note, buddyOf(it, note, 'n1')]));
  for (const at of besides('n1')) {
    await it.cluster.kill(at);
    it.cluster.at(at).disk.wipe();
    await it.cluster.restart(at);
    await it.cluster.advance(3 * seconds);
    for (const { note } of visitors) assert.equal(buddyOf(it, note, 'n1'), of.get(note), `${note} after ${at}`);
  }
  await it.cluster.kill('n1');
  for (const { browser, shop, note } of visitors) {
    const at = besides('n1', of.get(note)!)[0]!;
    assert.deepEqual(await shop.does(browser, at, (session) => [session.note, namesIn(session)]), [note, ['pen']]);
  }
});

test('D1: each node in turn is killed and starts with nothing: sessions that nobody uses meanwhile are not lost either', async (t) => {
  const it = await placed(t, { disks: false });
  const visitors = [];
  for (const app of granularities)
    for (const at of five) for (let i = 0; i < 3; i++) visitors.push(await begun(it, app, at, `${app} ${at} ${i}`));
  for (const at of five) {
    await it.cluster.kill(at);
    await it.cluster.advance(2 * seconds);
    await it.cluster.restart(at);
    await it.cluster.advance(12 * seconds);
  }
  const seen = [];
  for (const [i, { browser, shop }] of visitors.entries())
    seen.push(await shop.does(browser, five[i % 5]!, ({ note }) => note));
  assert.deepEqual(
    seen,
    visitors.map(({ note }) => note),
  );
});

test('a node that comes back with its disk serves nothing stale: what was changed meanwhile is fetched, what was not is there', async (t) => {
  const it = await placed(t);
  for (const app of granularities) {
    const [moved, still] = [await begun(it, app, 'n1', `moved-${app}`), await begun(it, app, 'n1', `still-${app}`)];
    await it.cluster.settle();
    await it.cluster.kill('n1');
    const other = besides('n1', buddyOf(it, moved.note, 'n1'))[0]!;
    await moved.shop.does(moved.browser, other, ({ cart }) => void cart.set('meanwhile', { pieces: 1 }));
    await it.cluster.restart('n1');
    assert.deepEqual(await moved.shop.does(moved.browser, 'n1', namesIn), ['pen', 'meanwhile'], app);
    assert.deepEqual(await still.shop.does(still.browser, 'n1', namesIn), ['pen'], app);
    await it.cluster.advance(20 * seconds);
    for (const { note } of [moved, still])
      assert.equal(holdersOf(it, note).length, 2, `${note}: ${holdersOf(it, note)}`);
  }
});

test('all nodes lose their power at once: what was on their disks is there when they are back', async (t) => {
  const it = await placed(t);
  const visitors = [];
  for (const app of granularities) for (const at of five) visitors.push(await begun(it, app, at, `${app} ${at}`));
  await it.cluster.settle();
  for (const at of five) await it.cluster.kill(at);
  await Promise.all(five.map((at) => it.cluster.run(it.cluster.at(at).start())));
  await it.cluster.settle();
  for (const [i, { browser, shop, note }] of visitors.entries())
    assert.equal(await shop.does(browser, five[(i * 2) % 5]!, (session) => session.note), note);
});

test('with two buddies any two of the three that hold a session may die at the same instant', async (t) => {
  const it = await placed(t, { apps: perGranularity(buddies(2)) });
  for (const app of granularities) {
    const { browser, shop, note } = await begun(it, app, 'n1', `marker-${app}`);
    await it.cluster.settle();
    const holders = holdersOf(it, note);
    assert.equal(holders.length, 3, `${holders}`);
    const dead = holders.slice(0, 2);
    for (const at of dead) await it.cluster.kill(at);
    for (const at of besides(...dead))
      assert.deepEqual(await shop.does(copyOf(it, browser), at, namesIn), ['pen'], `${app} at ${at}`);
    for (const at of dead) await it.cluster.restart(at);
    await it.cluster.settle();
  }
});
