/** Stories of VALVE-BEHAVIOUR.md 2.6: changes of one session that did not know of each other, nodes that die and come back, and frames that go astray. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { seededRandom } from '../../sso/random.ts';
import { type Graph, pictureOf, randomStep } from '../support/graph-programs.ts';
import { copyOf, granularities, meeting, type Replicated, replicated, type Shop } from '../support/replicated.ts';

const three = ['n1', 'n2', 'n3'] as const;

type Bag = Record<string, unknown>;

/** What an application keeps in this browser's session, as each node tells it. */
async function everywhere(it: Replicated, shop: Shop<Bag>, browser: ReturnType<Replicated['browser']>) {
  const seen: Bag[] = [];
  for (const { name } of it.cluster.nodes.filter(({ isUp }) => isUp)) {
    seen.push(
      await shop.does(copyOf(it, browser), name, (session) => {
        const { cookie: _, ...kept } = session;
        return kept as Bag;
      }),
    );
  }
  return seen;
}

/** All nodes tell the same, which this returns. */
async function agreed(it: Replicated, shop: Shop<Bag>, browser: ReturnType<Replicated['browser']>): Promise<Bag> {
  const seen = await everywhere(it, shop, browser);
  for (const one of seen) assert.deepEqual(one, seen[0], `${shop.app}: the nodes agree`);
  return seen[0]!;
}

/** What each node has counted. */
const conflicts = (it: Replicated) => it.cluster.nodes.map(({ name }) => it.counted(name, /conflict/i));

test('V93: attributes that two sides of a split set are both there once it heals, on every node; with SESSION the later side wins whole', async (t) => {
  const it = await replicated(t, { nodes: three });
  const browser = it.browser();
  for (const app of granularities)
    await it.shop<Bag>(app).does(browser, 'n1', (session) => void (session['before'] = [0]));
  await it.cluster.settle();
  await it.cluster.split([['n1'], ['n2', 'n3']]);
  for (const app of granularities) {
    const shop = it.shop<Bag>(app);
    await shop.does(copyOf(it, browser), 'n1', (session) => void (session['x'] = { of: 'n1' }));
    await it.cluster.advance(100);
    await shop.does(copyOf(it, browser), 'n2', (session) => void (session['y'] = { of: 'n2' }));
  }
  await it.cluster.heal();
  await it.cluster.settle();
  for (const app of granularities) {
    assert.deepEqual(
      await agreed(it, it.shop<Bag>(app), browser),
      app === 'SESSION' ? { before: [0], y: { of: 'n2' } } : { before: [0], x: { of: 'n1' }, y: { of: 'n2' } },
      app,
    );
  }
});

test('V93: without sticky routing a request finds what the answer before it changed, where answers wait for all nodes (cluster.copies)', async (t) => {
  const it = await replicated(t, { nodes: three, options: { cluster: { copies: three.length } } });
  for (const app of granularities) {
    const browser = it.browser();
    const shop = it.shop<{ list: number[] }>(app);
    await shop.does(browser, 'n1', (session) => void (session.list = []));
    it.cluster.network.delay({ min: 1, max: 60 });
    for (let i = 0; i < 30; i++) {
      const seen = await shop.does(browser, three[(i * 2 + (i >> 2)) % 3]!, ({ list }) => list.push(i));
      assert.equal(seen, i + 1, `${app}: request ${i}`);
    }
    it.cluster.network.delay(0);
  }
});

test('V93: of the same attribute the later version wins on every node, and the conflict is counted', async (t) => {
  const it = await replicated(t, { nodes: three });
  const browser = it.browser();
  for (const app of granularities)
    await it.shop<Bag>(app).does(browser, 'n1', (session) => void (session['x'] = 'before'));
  await it.cluster.settle();
  assert.deepEqual(conflicts(it), [0, 0, 0], 'what knew of each other is no conflict');
  for (const [turn, first, second] of [
    ['a', 'n1', 'n3'],
    ['b', 'n3', 'n1'],
  ] as const) {
    const counted = conflicts(it);
    await it.cluster.split([['n1'], ['n2', 'n3']]);
    for (const app of granularities) {
      const shop = it.shop<Bag>(app);
      await shop.does(copyOf(it, browser), first, (session) => void (session['x'] = `${turn}, first`));
      await it.cluster.advance(100);
      await shop.does(copyOf(it, browser), second, (session) => void (session['x'] = `${turn}, later`));
    }
    await it.cluster.heal();
    await it.cluster.settle();
    for (const app of granularities)
      assert.deepEqual(await agreed(it, it.shop<Bag>(app), browser), { x: `${turn}, later` }, app);
    const added = conflicts(it).map((count, at) => count - counted[at]!);
    assert.ok(Math.max(...added) > 0, `counted: ${JSON.stringify(it.cluster.at('n1').sso.counters())}`);
    // A node that is sent both values together has not seen them meet.
    for (const count of added) assert.ok(count === 0 || count === granularities.length, `counted: ${added}`);
  }
  const counted = conflicts(it);
  for (const app of granularities)
    await it.shop<Bag>(app).does(browser, 'n2', (session) => void (session['x'] = 'settled'));
  await it.cluster.advance(10_000);
  for (const app of granularities)
    assert.deepEqual(await agreed(it, it.shop<Bag>(app), browser), { x: 'settled' }, app);
  assert.deepEqual(conflicts(it), counted, 'each once');
});

test('V93: of two nodes the one that merges counts a conflict, once for each field; the other is sent both values together', async (t) => {
  const it = await replicated(t, { options: { cluster: { whenCutOff: 'serve' } } });
  const browser = it.browser();
  for (const [app, names, fields] of [
    ['ATTRIBUTE', ['x'], 1],
    ['ATTRIBUTE', ['x', 'y'], 2],
    ['FIELD', ['x', 'y'], 2],
    ['SESSION', ['x', 'y'], 1],
  ] as const) {
    const shop = it.shop<Bag>(app);
    const set = (at: string, value: string) =>
      shop.does(
        copyOf(it, browser),
        at,
        (session) => void Object.assign(session, Object.fromEntries(names.map((name) => [name, value]))),
      );
    await shop.does(browser, 'n1', (session) => void Object.assign(session, { x: 0, y: 0 }));
    await it.cluster.settle();
    const counted = conflicts(it);
    await it.cluster.split([['n1'], ['n2']]);
    await set('n1', 'first');
    await it.cluster.advance(100);
    await set('n2', 'later');
    await it.cluster.heal();
    await it.cluster.settle();
    await it.cluster.advance(10_000);
    assert.equal((await agreed(it, shop, browser))['x'], 'later');
    const added = conflicts(it).map((count, at) => count - counted[at]!);
    assert.deepEqual(added.sort(), [0, fields], `${app}: ${names}`);
  }
});

test('V93: with FIELD two sides of a split change different fields of one object, and both are kept', async (t) => {
  const it = await replicated(t, { nodes: three });
  const browser = it.browser();
  const shop = it.shop<{
    form: { name: string; address: { street: string; city: string }; tags: Map<string, number> };
  }>('FIELD');
  await shop.does(browser, 'n1', (session) => {
    session.form = { name: 'Ann', address: { street: 'a', city: 'b' }, tags: new Map([['one', 1]]) };
  });
  await it.cluster.settle();
  await it.cluster.split([['n1'], ['n2'], ['n3']]);
  await shop.does(copyOf(it, browser), 'n1', ({ form }) => {
    form.address.street = 'street of n1';
    form.tags.set('n1', 1);
  });
  await shop.does(copyOf(it, browser), 'n2', ({ form }) => {
    form.address.city = 'city of n2';
    form.tags.set('n2', 2);
  });
  await shop.does(copyOf(it, browser), 'n3', ({ form }) => {
    form.name = 'name of n3';
    form.tags.delete('one');
  });
  await it.cluster.heal();
  await it.cluster.settle();
  for (const at of three) {
    const form = await shop.does(copyOf(it, browser), at, ({ form }) => form);
    assert.equal(form.name, 'name of n3', at);
    assert.deepEqual(form.address, { street: 'street of n1', city: 'city of n2' }, at);
    assert.deepEqual(Object.fromEntries(form.tags), { n1: 1, n2: 2 }, at);
  }
});

test('V93: of a removal and a change of one attribute, on two sides of a split, the later wins on every node', async (t) => {
  const it = await replicated(t, { nodes: three });
  const browser = it.browser();
  const apps = ['ATTRIBUTE', 'FIELD'];
  for (const app of apps)
    await it.shop<Bag>(app).does(browser, 'n1', (session) => Object.assign(session, { v: 1, w: 1, x: 1, y: 1, z: 1 }));
  await it.cluster.settle();
  await it.cluster.split([['n1'], ['n2', 'n3']]);
  for (const app of apps) {
    const shop = it.shop<Bag>(app);
    await shop.does(copyOf(it, browser), 'n2', (session) => void (session['x'] = 2));
    await it.cluster.advance(100);
    await shop.does(copyOf(it, browser), 'n1', (session) => {
      delete session['w'];
      delete session['x'];
      session['y'] = undefined;
    });
    await it.cluster.advance(100);
    await shop.does(copyOf(it, browser), 'n3', (session) => void (session['w'] = 2));
  }
  await it.cluster.heal();
  await it.cluster.settle();
  for (const app of apps) assert.deepEqual(await agreed(it, it.shop<Bag>(app), browser), { v: 1, z: 1, w: 2 }, app);
  for (const app of apps) {
    const shop = it.shop<Bag>(app);
    await shop.does(browser, 'n3', (session) => void (session['x'] = 'again'));
    assert.deepEqual(await agreed(it, shop, browser), { v: 1, z: 1, w: 2, x: 'again' }, app);
  }
});

test('V93: who signs out by taking the user away is signed out, though another request changed the user meanwhile', async (t) => {
  const it = await replicated(t, { nodes: three });
  for (const [app, at] of [
    ['ATTRIBUTE', 'n1'],
    ['FIELD', 'n1'],
    ['SESSION', 'n1'],
    ['ATTRIBUTE', 'n2'],
    ['FIELD', 'n2'],
    ['SESSION', 'n2'],
  ] as const) {
    const browser = it.browser();
    const shop = it.shop<Bag>(app);
    await shop.does(browser, 'n1', (session) => void (session['user'] = { name: 'alice', seen: 0 }));
    await it.cluster.settle();
    await shop.does(copyOf(it, browser), 'n1', async (session) => {
      assert.deepEqual(session['user'], { name: 'alice', seen: 0 });
      await shop.does(copyOf(it, browser), at, (other) => void (other['user'] = { name: 'alice', seen: 1 }));
      await it.cluster.advance(30);
      delete session['user'];
    });
    await it.cluster.settle();
    assert.deepEqual(await agreed(it, shop, browser), {}, `${app}, the other request at ${at}`);
  }
});

test('V93: requests at once that change different attributes keep each other’s change, on one node and on two', async (t) => {
  const it = await replicated(t, { nodes: three });
  const browser = it.browser();
  for (const app of ['ATTRIBUTE', 'FIELD']) {
    const shop = it.shop<Bag>(app);
    await shop.does(browser, 'n1', (session) => void (session['list'] = []));
    for (const nodes of [
      ['n1', 'n1', 'n1'],
      ['n1', 'n2', 'n3'],
    ]) {
      const meet = meeting(nodes.length);
      await Promise.all(
        nodes.map((at, i) =>
          shop.does(copyOf(it, browser), at, async (session) => {
            assert.ok(Array.isArray(session['list']));
            await meet();
            session[`of request ${i} at ${at}`] = i;
          }),
        ),
      );
      await it.cluster.settle();
    }
    assert.deepEqual(
      await agreed(it, shop, browser),
      {
        list: [],
        'of request 0 at n1': 0,
        'of request 1 at n1': 1,
        'of request 2 at n1': 2,
        'of request 1 at n2': 1,
        'of request 2 at n3': 2,
      },
      app,
    );
  }
});

test('a request that only reads undoes nothing that another one changes meanwhile', async (t) => {
  const it = await replicated(t);
  const browser = it.browser();
  for (const app of granularities) {
    const shop = it.shop<{ cart: string[]; note: string }>(app);
    await shop.does(browser, 'n1', (session) => void (session.cart = ['pen']));
    const meet = meeting(2);
    let changed = () => {};
    const isChanged = new Promise<void>((resolve) => (changed = resolve));
    const reader = shop.does(copyOf(it, browser), 'n1', async ({ cart }) => {
      await meet();
      await isChanged;
      return cart.length;
    });
    await shop.does(copyOf(it, browser), 'n1', async ({ cart }) => {
      await meet();
      cart.push('ink');
    });
    changed();
    assert.equal(await reader, 1, `${app}: it has its own copy`);
    assert.deepEqual(await shop.does(browser, 'n1', ({ cart }) => cart), ['pen', 'ink'], app);
  }
});

test('V67, V92: a session that one side destroyed is not revived by what the other side, or a slow request, changes', async (t) => {
  const it = await replicated(t, { nodes: three });
  const browser = it.browser();
  for (const app of granularities)
    await it.shop<Bag>(app).does(browser, 'n1', (session) => void (session['x'] = 'old'));
  await it.cluster.settle();
  const before = copyOf(it, browser);
  await it.cluster.split([['n1'], ['n2', 'n3']]);
  const slow: Promise<unknown>[] = [];
  const gates: (() => void)[] = [];
  for (const app of granularities) {
    const shop = it.shop<Bag>(app);
    const meet = meeting(2);
    const gate = new Promise<void>((resolve) => gates.push(resolve));
    slow.push(
      shop
        .asks(copyOf(it, before), 'n1', async (session) => {
          void session['x'];
          await meet();
          await gate;
          session['x'] = 'of the slow request';
        })
        .then((answer) => assert.deepEqual(answer.get('Set-Cookie') ?? [], [], `${app}: no cookie for what has ended`)),
    );
    await shop.does(copyOf(it, before), 'n1', async (session) => {
      await meet();
      await session.destroy();
    });
    gates.at(-1)!();
    for (let i = 0; i < 3; i++)
      await shop.does(copyOf(it, before), 'n2', (session) => void (session['x'] = `late ${i}`));
  }
  await Promise.all(slow);
  await it.cluster.heal();
  await it.cluster.settle();
  for (const app of granularities) assert.deepEqual(await agreed(it, it.shop<Bag>(app), before), {}, app);
});

for (const seed of [1, 2]) {
  test(`V94: with frames lost, doubled, reordered and late each change arrives in the end, and all nodes agree (seed ${seed})`, async (t) => {
    const it = await replicated(t, { nodes: three, seed });
    const browser = it.browser();
    const expected: Bag = {};
    for (const app of granularities)
      await it.shop<Bag>(app).does(browser, 'n1', (session) => void (session['deep'] = { list: [] }));
    await it.cluster.settle();
    const { network } = it.cluster;
    network.double(0.3);
    network.reorder(0.3, 300);
    network.lose(0.2);
    it.cluster.delay(15);
    for (let round = 0; round < 5; round++) {
      const at = three[round % 3]!;
      expected[`r${round}`] = round;
      for (const app of granularities) {
        const shop = it.shop<Bag>(app);
        await shop.does(copyOf(it, browser), at, (session) => {
          session[`r${round}`] = round;
          (session['deep'] as { list: number[] }).list.push(round);
        });
      }
      // What went astray is repaired by comparison.
      network.lose(0);
      await it.cluster.advance(5_000);
      network.lose(0.2);
    }
    network.double(0);
    network.reorder(0);
    network.lose(0);
    await it.cluster.settle();
    for (const app of granularities)
      assert.deepEqual(
        await agreed(it, it.shop<Bag>(app), browser),
        { deep: { list: [0, 1, 2, 3, 4] }, ...expected },
        app,
      );
  });
}

test('V86: sessions whose node died go on at whoever serves them, linked anew there, and no logout is raised; those that nobody used again leave their sign-on empty', async (t) => {
  const it = await replicated(t, { nodes: three, options: { maxEmptyLife: 300, cluster: { intervalMs: 20_000 } } });
  const causes: string[] = [];
  it.cluster.at('n2').sso.on('closed', ({ cause }) => void causes.push(cause));
  const [served, idle] = [it.browser(), it.browser()];
  for (const [browser, name] of [
    [served, 'alice'],
    [idle, 'bob'],
  ] as const) {
    await browser.signIn(name, { at: 'n1' });
    for (const app of granularities)
      await it.shop<Bag>(app).does(browser, 'n1', (session) => void (session['of'] = [name]));
  }
  await it.cluster.kill('n1');
  await it.cluster.advance(30_000);
  for (const app of granularities)
    assert.deepEqual(await it.shop<Bag>(app).does(served, 'n2', ({ of }) => of), ['alice'], app);
  await it.cluster.advance(7 * 60_000);
  for (const at of ['n2', 'n3']) {
    const { sso } = it.cluster.at(at);
    assert.equal(sso.entries('alice')[0]?.sessions.length, granularities.length, `${at}: linked anew`);
    assert.deepEqual(sso.entries('bob'), [], `${at}: empty since the loss`);
  }
  assert.deepEqual(causes, ['empty']);
});

test('V87: a node that comes back with old state on its disk learns what happened, undoes none of it, and revives nothing', async (t) => {
  const it = await replicated(t, { nodes: three, disks: true });
  const [stays, leaves] = [it.browser(), it.browser()];
  for (const browser of [stays, leaves]) {
    await browser.signIn(browser === stays ? 'alice' : 'bob', { at: 'n1' });
    for (const app of granularities)
      await it.shop<Bag>(app).does(browser, 'n1', (session) => Object.assign(session, { a: 'old', b: { x: 'old' } }));
  }
  await it.cluster.settle();
  const [before, left] = [copyOf(it, stays), copyOf(it, leaves)];
  await it.cluster.kill('n1');
  for (const app of granularities) {
    await it.shop<Bag>(app).does(stays, 'n2', (session) => {
      delete session['a'];
      (session['b'] as Bag)['x'] = 'new';
      session['c'] = 'new';
    });
  }
  await leaves.post('/logout', { at: 'n3' }).expect(200);
  await it.cluster.restart('n1');
  for (const app of granularities) {
    const kept = await it.shop<Bag>(app).does(copyOf(it, before), 'n1', ({ a, b, c }) => ({ a, b, c }));
    assert.deepEqual(kept, { a: undefined, b: { x: 'new' }, c: 'new' }, `${app}: at once`);
    assert.deepEqual(await agreed(it, it.shop<Bag>(app), left), {}, `${app}: what ended stays ended`);
  }
  await it.cluster.settle();
  for (const app of granularities)
    assert.deepEqual(await agreed(it, it.shop<Bag>(app), stays), { b: { x: 'new' }, c: 'new' }, app);
});

test('a node that missed a change asks for the whole session when the next one arrives, and has both at once', async (t) => {
  const it = await replicated(t, { apps: { shop: {} }, options: { cluster: { intervalMs: 60_000 } } });
  const browser = it.browser();
  const shop = it.shop<Bag>('shop');
  await shop.does(browser, 'n1', (session) => void (session['a'] = 1));
  await it.cluster.settle();
  it.cluster.network.lose(1);
  await shop.does(browser, 'n1', (session) => void (session['b'] = 2));
  it.cluster.network.lose(0);
  await shop.does(browser, 'n1', (session) => void (session['c'] = 3));
  await it.cluster.advance(500);
  await it.cluster.kill('n1');
  const seen = await shop.does(browser, 'n2', ({ a, b, c }) => [a, b, c]);
  assert.deepEqual(seen, [1, 2, 3]);
});

for (const seed of [1, 2]) {
  test(`V93: whatever three sides of a split do to one graph, they agree once it heals, and what they agree on can be read and changed (seed ${seed})`, async (t) => {
    const it = await replicated(t, { nodes: three, seed, options: { cluster: { whenCutOff: 'serve' } } });
    const browser = it.browser();
    const random = seededRandom(seed);
    for (const app of granularities)
      await it
        .shop<Graph>(app)
        .does(browser, 'n1', (session) => void Object.assign(session, { a: { x: [1] }, b: [{}] }));
    await it.cluster.settle();
    for (let round = 0; round < 2; round++) {
      await it.cluster.split([['n1'], ['n2'], ['n3']]);
      for (let turn = 0; turn < 6; turn++) {
        const at = three[turn % 3]!;
        const steps = 1 + Math.floor(random.fraction() * 1e9);
        for (const app of granularities) {
          await it.shop<Graph>(app).does(copyOf(it, browser), at, (session) => {
            const own = seededRandom(steps);
            for (let i = 0; i < 2; i++) {
              const { cookie: _, ...kept } = session;
              randomStep(kept, own)(session);
            }
          });
        }
      }
      await it.cluster.heal();
      await it.cluster.settle();
      for (const app of granularities) {
        const pictures = new Set<string>();
        for (const at of three)
          pictures.add(
            await it.shop<Graph>(app).does(copyOf(it, browser), at, ({ cookie: _, ...kept }) => pictureOf(kept)),
          );
        assert.equal(pictures.size, 1, `${app}: ${[...pictures].join('\n')}`);
      }
    }
  });
}
