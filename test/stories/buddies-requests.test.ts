/**
 * Stories of what a request may do on a node that lacked its session's data a moment ago: everything that it may do elsewhere. The
 * application does not notice where the data was.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import express, { type Request } from 'express';
import expressSession from 'express-session';
import type { SsoNode } from '../../sso/index.ts';
import { testCluster } from '../../sso/testing/index.ts';
import { begun, besides, buddies, buddyOf, type Cart, five, holdersOf, namesIn, placed } from '../support/placed.ts';
import { copyOf, granularities, meeting, perGranularity } from '../support/replicated.ts';

const seconds = 1_000;

test('parallel requests to a node that lacks the session are all served, each keeps its change, and there is one session', async (t) => {
  const it = await placed(t);
  for (const app of ['ATTRIBUTE', 'FIELD']) {
    const { browser, note } = await begun(it, app, 'n1', `marker-${app}`);
    const shop = it.shop<Cart & Record<string, number>>(app);
    await it.cluster.settle();
    const [third] = besides('n1', buddyOf(it, note, 'n1'));
    it.cluster.delay(20);
    const meet = meeting(6);
    const answers = await Promise.all(
      [0, 1, 2, 3, 4, 5].map((i) =>
        shop.asks(copyOf(it, browser), third!, async (session) => {
          assert.equal(session.note, note);
          await meet();
          session[`of request ${i}`] = i;
        }),
      ),
    );
    it.cluster.delay(0);
    const cookies = answers.map((answer) =>
      (answer.get('Set-Cookie') ?? []).find((line) => line.startsWith(shop.cookie)),
    );
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200, 200, 200],
    );
    assert.equal(new Set(cookies.map((line) => line?.split(';')[0])).size, 1, 'V112: one cookie');
    const seen = await shop.does(copyOf(it, browser), third!, (session) =>
      [0, 1, 2, 3, 4, 5].map((i) => session[`of request ${i}`]),
    );
    assert.deepEqual(seen, [0, 1, 2, 3, 4, 5], app);
  }
});

test('reload, save, touch and regenerate do on another node what they do on its own', async (t) => {
  const it = await placed(t);
  for (const app of granularities) {
    const { browser, shop, note } = await begun(it, app, 'n1', `marker-${app}`);
    await it.cluster.settle();
    const [third, fourth] = besides('n1', buddyOf(it, note, 'n1'));
    // The request at n1 goes on while the session moves away and is changed; reload() fetches what is there now.
    await shop.does(copyOf(it, browser), 'n1', async (session, req) => {
      assert.deepEqual(namesIn(session), ['pen']);
      await shop.does(copyOf(it, browser), third!, ({ cart }) => void cart.set('of the third', { pieces: 1 }));
      await session.reload();
      assert.deepEqual(namesIn(req.session as unknown as Cart), ['pen', 'of the third'], app);
    });
    await shop.does(copyOf(it, browser), fourth!, async (session) => {
      session.cart.set('saved', { pieces: 1 });
      await session.save();
      session.touch();
    });
    await it.cluster.kill(fourth!);
    assert.deepEqual(await shop.does(copyOf(it, browser), third!, namesIn), ['pen', 'of the third', 'saved'], app);
    const old = copyOf(it, browser);
    await shop.does(browser, 'n1', async (session, req) => {
      await session.regenerate();
      (req.session as unknown as Cart).note = 'a new one';
    });
    assert.equal(await shop.does(copyOf(it, browser), third!, (session) => session.note), 'a new one');
    assert.equal(await shop.does(old, third!, (session) => session.note), undefined, `${app}: the old id`);
    await it.cluster.restart(fourth!);
    await it.cluster.settle();
  }
});

test('what shares an object in FIELD and SESSION shares it on the node that fetched it, cycles and classes too', async (t) => {
  class Person {
    name = '';
    address?: { street: string };
    spouse?: Person;
  }
  const it = await placed(t, { apps: perGranularity({ ...buddies(1), classes: [Person] }) });
  for (const app of ['SESSION', 'FIELD']) {
    const shop = it.shop<{ note: string; husband: Person; wife: Person; born: Date; set: Set<string> }>(app);
    const browser = it.browser();
    await shop.does(browser, 'n1', (session) => {
      session.note = `marker-${app}`;
      const [husband, wife] = [new Person(), new Person()];
      husband.address = wife.address = { street: 'Short Road 1' };
      Object.assign(husband, { name: 'Joe', spouse: wife });
      Object.assign(wife, { name: 'Ann', spouse: husband });
      Object.assign(session, { husband, wife, born: new Date(0), set: new Set(['a']) });
    });
    for (const at of ['n2', 'n3', 'n4', 'n5', 'n1']) {
      await shop.does(browser, at, ({ husband, wife, born, set }) => {
        assert.ok(husband instanceof Person && born instanceof Date && set.has('a'), `${app} at ${at}`);
        assert.equal(husband.address, wife.address, `${app} at ${at}: one address`);
        assert.equal(husband.spouse, wife);
        assert.equal(wife.spouse, husband);
        husband.address!.street = `${wife.address!.street} ${at}`;
      });
    }
    assert.equal(await shop.does(browser, 'n3', ({ wife }) => wife.address!.street), 'Short Road 1 n2 n3 n4 n5 n1');
  }
});

test('a session as large as it may be moves whole, and a small change of it moves alone', async (t) => {
  const it = await placed(t, { options: { cluster: { intervalMs: 60_000 } } });
  for (const app of granularities) {
    const shop = it.shop<{ note: string; pages: string[]; count: number }>(app);
    const browser = it.browser();
    // Of random letters, which nothing can make short.
    const page = (i: number) =>
      Array.from({ length: 20_000 }, (_, j) => ((i * 7_919 + j * j * 31) % 36).toString(36)).join('');
    await shop.does(browser, 'n1', (session) => {
      session.note = `marker-${app}`;
      session.pages = Array.from({ length: 12 }, (_, i) => page(i));
    });
    await it.cluster.advance(5 * seconds);
    const [third] = besides('n1', buddyOf(it, `marker-${app}`, 'n1'));
    const seen = await shop.does(browser, third!, (session) => {
      session.count = 1;
      return session.pages;
    });
    assert.deepEqual(
      seen.map((one) => one.length),
      Array.from({ length: 12 }, () => 20_000),
      app,
    );
    assert.equal(seen[11], page(11));
    await it.cluster.advance(20 * seconds);
    if (app !== 'SESSION') {
      it.hush();
      await shop.does(browser, third!, (session) => void (session.count = 2));
      await it.cluster.advance(5 * seconds);
      const longest = Math.max(...it.wire.map(({ length }) => length));
      assert.ok(longest < 4_000, `${app}: ${longest} characters for one number`);
    }
    await it.cluster.kill(third!);
    assert.deepEqual(
      await shop.does(browser, 'n1', ({ pages, count }) => [pages.length, count !== undefined]),
      [12, true],
      app,
    );
    await it.cluster.restart(third!);
    await it.cluster.settle();
  }
});

test('D1: with cacheMode sync an answer waits until a buddy has the change, which survives its node at once; async does not wait', async (t) => {
  const it = await placed(t, {
    disks: false,
    apps: {
      sync: { ...buddies(1), replicationGranularity: 'FIELD' },
      two: { ...buddies(2), replicationGranularity: 'ATTRIBUTE' },
      async: { ...buddies(1), cacheMode: 'async' },
    },
    options: { cluster: { intervalMs: 60_000 } },
  });
  const visitors = new Map<string, Awaited<ReturnType<typeof begun>>>();
  for (const app of ['sync', 'two', 'async']) visitors.set(app, await begun(it, app, 'n1', 'before'));
  await it.cluster.advance(5 * seconds);
  it.cluster.delay(60);
  const took = async (app: string) => {
    const { browser, shop } = visitors.get(app)!;
    const from = it.cluster.now();
    await shop.does(browser, 'n1', (session) => void (session.note = 'after'));
    return it.cluster.now() - from;
  };
  assert.ok((await took('async')) < 60);
  for (const app of ['two', 'sync']) {
    const ms = await took(app);
    assert.ok(ms >= 60 && ms <= 250, `${app} took ${ms} ms`);
  }
  await it.cluster.kill('n1');
  it.cluster.delay(0);
  for (const app of ['sync', 'two']) {
    const { browser, shop } = visitors.get(app)!;
    for (const at of ['n2', 'n3', 'n4', 'n5'])
      assert.equal(await shop.does(copyOf(it, browser), at, (session) => session.note), 'after', `${app} at ${at}`);
  }
});

test('with snapshotMode interval a session that moves before its snapshot loses nothing of both nodes', async (t) => {
  const it = await placed(t, {
    apps: { slow: { ...buddies(1), snapshotMode: 'interval', snapshotInterval: 30_000 } },
  });
  const { browser, shop, note } = await begun(it, 'slow', 'n1', 'marker');
  await it.cluster.advance(31 * seconds);
  const [third] = besides('n1', buddyOf(it, note, 'n1'));
  const kept = it.shop<Cart & { x: number; y: number }>('slow');
  await kept.does(browser, 'n1', (session) => void (session.x = 1));
  await kept.does(browser, third!, (session) => void (session.y = 2));
  await it.cluster.advance(90 * seconds);
  for (const at of five) assert.deepEqual(await kept.does(copyOf(it, browser), at, ({ x, y }) => [x, y]), [1, 2], at);
  assert.equal(await shop.does(browser, 'n1', (session) => session.note), note);
});

test('express-session itself over sso.store() finds its sessions on every node, and its store’s own calls do, too', async (t) => {
  interface Bag {
    user?: string;
    count?: number;
  }
  const stores = new Map<string, ReturnType<SsoNode['store']>>();
  const cluster = await testCluster({
    nodes: five,
    disks: true,
    host: (sso, node) => {
      const app = express();
      const store = sso.store({ app: 'shop', buddies: 1 });
      stores.set(node, store);
      app.use(sso.valve());
      app.use(expressSession({ store, secret: 'keyboard cat', resave: false, saveUninitialized: false, name: 'sid' }));
      app.get('/', (req: Request, res) => {
        const bag = req.session as unknown as Bag;
        bag.user ??= String(req.query['user']);
        bag.count = (bag.count ?? 0) + 1;
        res.json({ user: bag.user, count: bag.count, id: req.sessionID });
      });
      app.get('/end', (req, res) => void req.session.destroy(() => res.json({})));
      return app;
    },
  });
  t.after(() => cluster.stop());
  const found = (at: string, id: string) =>
    cluster.run(
      new Promise<Bag | undefined>((resolve, reject) =>
        stores
          .get(at)!
          .get(id, (error, bag) => (error ? reject(error) : resolve((bag ?? undefined) as Bag | undefined))),
      ),
    );
  const browser = cluster.browser('https://shop.xyz.test');
  let id = '';
  for (const [i, at] of [...five, 'n1'].entries()) {
    const { body } = await browser.get('/?user=alice', { at }).expect(200);
    assert.deepEqual([body.user, body.count], ['alice', i + 1], at);
    id = body.id;
  }
  for (const at of five) {
    const bag = await found(at, id);
    assert.deepEqual([bag?.user, bag?.count], ['alice', 6], at);
  }
  await cluster.kill('n1');
  await cluster.advance(2 * seconds);
  const { body } = await browser.get('/?user=bob', { at: 'n3' }).expect(200);
  assert.deepEqual([body.user, body.count], ['alice', 7]);
  await browser.get('/end', { at: 'n5' }).expect(200);
  await cluster.settle();
  for (const at of five.slice(1)) assert.equal(await found(at, id), undefined, at);
});

test('check 74: no session id is on the wire, on a disk, in a log or in the metrics when data is carried, fetched, offered and handed over', async (t) => {
  const it = await placed(t);
  it.hush();
  const secrets = new Set<string>();
  for (const app of granularities) {
    const { browser, shop, note } = await begun(it, app, 'n1', `marker-${app}`, 'alice');
    await it.cluster.settle();
    const buddy = buddyOf(it, note, 'n1');
    const [third] = besides('n1', buddy);
    secrets.add(browser.cookie(shop.cookie)!.split('.')[0]!);
    await shop.does(browser, third!, ({ cart }) => void cart.set('more', { pieces: 1 }));
    await it.cluster.kill(third!);
    await shop.does(browser, 'n1', ({ cart }) => void cart.set('again', { pieces: 1 }));
    await it.cluster.restart(third!);
    await it.cluster.stopNode('n1');
    await it.cluster.restart('n1');
    await it.cluster.settle();
  }
  const wire = it.wire.join('\n');
  assert.ok(
    granularities.every((app) => wire.includes(`marker-${app}`)),
    'the wire was heard',
  );
  const metrics = await Promise.all(five.map(async (at) => (await it.browser().get('/metrics', { at })).text));
  const views = JSON.stringify(
    it.cluster.nodes.map(({ sso, log, disk }) => [log.lines, sso.counters(), [...disk.values('sessions')]]),
  );
  for (const secret of secrets)
    for (const text of [
      secret,
      Buffer.from(secret).toString('hex'),
      Buffer.from(secret, 'base64url').toString('latin1'),
    ])
      for (const where of [wire, views, metrics.join('\n')]) assert.ok(!where.includes(text));
  assert.equal(secrets.size, 3);
});

test('check 78: fields that come and go leave nothing behind: what a new buddy gets is as small as the session', async (t) => {
  const it = await placed(t);
  for (const app of granularities) {
    const { browser, note } = await begun(it, app, 'n1', `marker-${app}`);
    const shop = it.shop<Cart & Record<string, unknown>>(app);
    for (let round = 0; round < 5; round++) {
      const at = five[round]!;
      await shop.does(browser, at, (session) => {
        for (let i = 0; i < 60; i++) session[`attribute ${round} ${i}`] = 'x'.repeat(50);
      });
      await shop.does(browser, at, (session) => {
        for (const name of Object.keys(session)) if (name.startsWith('attribute')) delete session[name];
      });
    }
    await it.cluster.advance(20 * seconds);
    it.hush();
    const holders = holdersOf(it, note);
    await shop.does(browser, besides(...holders)[0]!, (session) => session.note);
    await it.cluster.settle();
    const longest = Math.max(...it.framesOf(note).map(({ length }) => length));
    assert.ok(longest > 0 && longest < 2_000, `${app}: ${longest} characters for one note`);
  }
});
