/** Stories of VALVE-BEHAVIOUR.md 1.6 and 1.7: when a change is sent, who waits for it, what stays here, and how long a session lives. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { copyOf, granularities, perGranularity, type ReplicatedOptions, replicated } from '../support/replicated.ts';

const seconds = 1_000;
const minutes = 60 * seconds;
/** Nodes compare seldom, so that a test sees what a request itself sends, and hours are cheap. */
const seldom: ReplicatedOptions['options'] = { cluster: { intervalMs: 60_000 } };

interface Kept {
  note: string;
  big: { list: { name: string; text: string }[] };
}

/** A session of which the nodes know, with nothing on the wire since. */
async function told(it: Awaited<ReturnType<typeof replicated>>, app: string, note = 'marker') {
  const browser = it.browser();
  it.hush();
  await it.shop<Kept>(app).does(browser, 'n1', (session) => void (session.note = note));
  const key = it.keyOf(note);
  it.hush();
  return { browser, key };
}

test('V99: with maxUnreplicatedInterval 60 a read after 30 s sends nothing, the one after 61 s sends the time', async (t) => {
  const it = await replicated(t, { apps: perGranularity({ maxUnreplicatedInterval: 60 }), options: seldom });
  for (const app of granularities) {
    const shop = it.shop<Kept>(app);
    const { browser, key } = await told(it, app, `marker-${app}`);
    await it.cluster.advance(30 * seconds);
    it.hush();
    assert.equal(await shop.does(browser, 'n1', ({ note }) => note), `marker-${app}`);
    assert.deepEqual(it.framesOf(key), [], `${app}: 30 s`);
    await it.cluster.advance(31 * seconds);
    it.hush();
    assert.equal(await shop.does(browser, 'n1', ({ note }) => note), `marker-${app}`);
    assert.equal(it.framesOf(key).filter((frame) => !frame.includes('marker')).length, 1, `${app}: the time alone`);
    it.hush();
    await shop.does(browser, 'n1', ({ note }) => note);
    assert.deepEqual(it.framesOf(key), [], `${app}: and once`);
  }
});

test('V99: 0 tells with every request, and -1 only together with a change', async (t) => {
  const it = await replicated(t, {
    apps: { always: { maxUnreplicatedInterval: 0 }, never: { maxUnreplicatedInterval: -1 } },
    options: seldom,
  });
  for (const [app, expected] of [
    ['always', 1],
    ['never', 0],
  ] as const) {
    const shop = it.shop<Kept>(app);
    const { browser, key } = await told(it, app, `marker-${app}`);
    for (let i = 0; i < 3; i++) {
      await it.cluster.advance(2 * minutes);
      it.hush();
      await shop.does(browser, 'n1', ({ note }) => note);
      assert.equal(it.framesOf(key).length, expected, `${app} ${i}`);
    }
    it.hush();
    await shop.does(browser, 'n1', (session) => void (session.note = 'changed'));
    assert.equal(it.framesOf(key).length, 1, app);
  }
});

test('V100: a maxUnreplicatedInterval beyond the idle limit counts as 0, with a warning at the start', async (t) => {
  const it = await replicated(t, {
    apps: { shop: { maxUnreplicatedInterval: 4_000, idleMs: 1_800 * seconds } },
    options: seldom,
  });
  assert.equal(it.logged('n1', /maxUnreplicatedInterval/).length, 1);
  assert.equal(it.logged('n2', /maxUnreplicatedInterval/).length, 1);
  const { browser, key } = await told(it, 'shop');
  await it.cluster.advance(10 * seconds);
  it.hush();
  await it.shop<Kept>('shop').does(browser, 'n1', ({ note }) => note);
  assert.equal(it.framesOf(key).length, 1);
});

test('V88: with snapshotMode interval a change is sent after the interval; a node that stops sends it first', async (t) => {
  const apps = { slow: { snapshotMode: 'interval', snapshotInterval: 5_000 } } as const;
  const it = await replicated(t, { apps, nodes: ['n1', 'n2', 'n3'], options: seldom });
  const shop = it.shop<Kept & { count: number }>('slow');
  const { browser } = await toldLater();
  for (const round of [1, 2]) {
    it.hush();
    for (const count of [1, 2, 3])
      await shop.does(browser, 'n1', (session) => void (session.note = `round-${round}-${count}`));
    assert.deepEqual(it.framesOf(`round-${round}`), [], 'not with the request');
    await it.cluster.advance(5_001);
    const frames = it.framesOf(`round-${round}-3`);
    assert.ok(
      frames.length >= 1 && it.framesOf(`round-${round}-1`).length === 0,
      'once, as it is at the end of the interval',
    );
  }
  await shop.does(browser, 'n1', (session) => void (session.note = 'last'));
  await it.cluster.stopNode('n1');
  for (const at of ['n2', 'n3']) assert.equal(await shop.does(copyOf(it, browser), at, ({ note }) => note), 'last');
  await shop.does(browser, 'n2', (session) => void (session.note = 'lost with the node'));
  await it.cluster.kill('n2');
  assert.equal(await shop.does(browser, 'n3', ({ note }) => note), 'last', 'a crash takes along what was not sent');

  async function toldLater() {
    const browser = it.browser();
    await shop.does(browser, 'n1', (session) => void (session.count = 0));
    await it.cluster.advance(5_001);
    return { browser };
  }
});

test('V88: save() in interval mode sends at once, and so does FIELD in any mode', async (t) => {
  const it = await replicated(t, {
    apps: perGranularity({ snapshotMode: 'interval', snapshotInterval: 60_000 }),
    options: seldom,
  });
  const browser = it.browser();
  for (const app of granularities) {
    await it.shop<Kept>(app).does(browser, 'n1', async (session) => {
      session.note = app;
      if (app !== 'FIELD') await session.save();
    });
  }
  await it.cluster.kill('n1');
  for (const app of granularities) assert.equal(await it.shop<Kept>(app).does(browser, 'n2', ({ note }) => note), app);
});

test('V88: a node that is stopped in the middle of work loses no change in any granularity, and nobody is signed off', async (t) => {
  const it = await replicated(t, { apps: perGranularity({ cacheMode: 'async' }) });
  const browser = it.browser();
  await browser.signIn('alice', { at: 'n1' });
  for (const app of granularities)
    await it.shop<Kept>(app).does(browser, 'n1', (session) => void (session.note = 'first'));
  it.cluster.delay(40);
  for (const app of granularities)
    await it.shop<Kept>(app).does(browser, 'n1', (session) => void (session.note = 'last'));
  await it.cluster.stopNode('n1');
  for (const app of granularities)
    assert.equal(await it.shop<Kept>(app).does(browser, 'n2', ({ note }) => note), 'last', app);
  assert.equal(it.cluster.at('n2').sso.entries('alice').length, 1);
});

for (const maxUnreplicatedInterval of [60, -1]) {
  test(`V89: a session that is read on one node alone is expired by no other, though it told little of it (maxUnreplicatedInterval ${maxUnreplicatedInterval})`, async (t) => {
    const ended: string[] = [];
    // Three, so that two without the third know that it serves nobody any more.
    const it = await replicated(t, {
      nodes: ['n1', 'n2', 'n3'],
      options: { cluster: { intervalMs: 20_000 } },
      apps: {
        shop: (node) => ({ idleMs: 5 * minutes, maxUnreplicatedInterval, onEnd: () => void ended.push(node) }),
      },
    });
    const browser = it.browser();
    const shop = it.shop<Kept>('shop');
    await shop.does(browser, 'n1', (session) => void (session.note = 'kept'));
    for (let i = 0; i < 7; i++) {
      await it.cluster.advance(100 * seconds);
      assert.equal(await shop.does(browser, 'n2', ({ note }) => note), 'kept', `read ${i}`);
    }
    assert.equal(await shop.does(copyOf(it, browser), 'n1', ({ note }) => note), 'kept');
    await it.cluster.advance(4 * minutes);
    await it.cluster.kill('n2');
    assert.equal(await shop.does(browser, 'n1', ({ note }) => note), 'kept', 'and the time is right after a failover');
    assert.deepEqual(ended, []);
    await it.cluster.advance(7 * minutes);
    assert.equal(await shop.does(browser, 'n1', ({ note }) => note), undefined, 'idle is idle');
  });
}

test('V88: whatever turn of a stop a request ends in, its change is with another node, or it is told that nothing is saved', async (t) => {
  const interval = { snapshotMode: 'interval', snapshotInterval: 30_000 } as const;
  const apps = { instant: {}, interval, placed: { buddies: 1 }, both: { ...interval, buddies: 1 } };
  const it = await replicated(t, { nodes: ['n1', 'n2', 'n3'], apps, logsErrors: true });
  const outcomes = new Map(Object.keys(apps).map((app) => [app, new Set<string>()]));
  for (let turns = 0; turns < 12; turns++) {
    const { sso } = it.cluster.at('n1');
    const browsers = Object.keys(apps).map((app) => [app, it.browser()] as const);
    for (const [app, browser] of browsers)
      await it.shop<Kept>(app).does(browser, 'n1', (session) => void (session.note = 'before'));
    await it.cluster.settle();
    const seen = it.failures.length;
    const answers = browsers.map(([app, browser]) =>
      it.shop<Kept>(app).asks(browser, 'n1', async (session) => {
        void sso.stop();
        for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
        session.note = 'after';
      }),
    );
    for (const answer of await Promise.all(answers)) assert.equal(answer.status, 200);
    await it.cluster.stopNode('n1');
    await it.cluster.settle();
    for (const [app, browser] of browsers) {
      const note = await it.shop<Kept>(app).does(browser, 'n2', (session) => session.note);
      const told = it.failures.slice(seen).filter((failure) => failure.app === app);
      assert.deepEqual(
        [note, ...told.map(({ error }) => error.code)],
        note === 'after' ? ['after'] : ['before', 'ERR_UNAVAILABLE'],
        `${app}, ${turns} turns`,
      );
      outcomes.get(app)!.add(note);
    }
    await it.cluster.restart('n1');
    await it.cluster.settle();
  }
  for (const [app, notes] of outcomes) assert.deepEqual([...notes], ['after', 'before'], app);
});

test('V89: a signed-on session that is used through one node does not lose its link to the clock of another', async (t) => {
  const it = await replicated(t, {
    apps: { shop: { idleMs: 4 * minutes, maxUnreplicatedInterval: -1 } },
    options: { maxEmptyLife: 0, cluster: { intervalMs: 20_000 } },
  });
  const browser = it.browser();
  await browser.signIn('alice', { at: 'n1' });
  const shop = it.shop<Kept>('shop');
  await shop.does(browser, 'n1', (session) => void (session.note = 'kept'));
  for (let i = 0; i < 6; i++) {
    await it.cluster.advance(3 * minutes);
    assert.equal(await shop.does(browser, 'n2', ({ note }) => note), 'kept');
  }
  for (const at of ['n1', 'n2']) assert.equal(it.cluster.at(at).sso.entries('alice').length, 1, at);
  await it.cluster.advance(10 * minutes);
  for (const at of ['n1', 'n2']) assert.equal(it.cluster.at(at).sso.entries('alice').length, 0, at);
});

test('V89: the last node of all keeps time as well: an unused session goes on while the others may have used it, and is over once they are lost', async (t) => {
  for (const cluster of [{}, { nodes: ['n1', 'n2', 'n3'] }]) {
    const it = await replicated(t, { apps: { shop: { idleMs: 4 * minutes } }, ...cluster });
    const shop = it.shop<Kept>('shop');
    const browser = it.browser();
    await shop.does(browser, 'n1', (session) => void (session.note = 'kept'));
    await it.cluster.settle();
    await it.cluster.advance(4 * minutes - 3 * seconds);
    for (const { name } of it.cluster.nodes) if (name !== 'n1') await it.cluster.kill(name);
    await it.cluster.advance(5 * seconds);
    const now = () => shop.does(browser, 'n1', ({ note }) => note);
    assert.equal(await now(), 'kept', 'the others fell silent a moment ago');
    await it.cluster.advance(3 * minutes);
    assert.equal(await now(), 'kept', 'used in time');
    await it.cluster.advance(4 * minutes + 1 * seconds);
    assert.equal(await now(), undefined, 'the others are lost');
  }
});

test('D1: with cacheMode sync an answer waits until another node has the change, and it survives the node; async does not wait', async (t) => {
  const it = await replicated(t, {
    apps: { sync: {}, async: { cacheMode: 'async' } },
    nodes: ['n1', 'n2', 'n3'],
    options: seldom,
  });
  const browser = it.browser();
  for (const app of ['sync', 'async'])
    await it.shop<Kept>(app).does(browser, 'n1', (session) => void (session.note = 'before'));
  await it.cluster.settle();
  it.cluster.delay(60);
  const took = async (app: string) => {
    const from = it.cluster.now();
    await it.shop<Kept>(app).does(browser, 'n1', (session) => void (session.note = 'after'));
    return it.cluster.now() - from;
  };
  const [async, sync] = [await took('async'), await took('sync')];
  assert.ok(async < 60, `async took ${async} ms`);
  assert.ok(sync >= 60 && sync <= 300, `sync took ${sync} ms`);
  await it.cluster.kill('n1');
  for (const at of ['n2', 'n3'])
    assert.equal(await it.shop<Kept>('sync').does(copyOf(it, browser), at, ({ note }) => note), 'after', at);
});

test('with cacheMode sync an answer waits no longer than 250 ms for nodes that do not answer', async (t) => {
  const it = await replicated(t, {
    silenceMs: 60 * seconds,
    apps: { shop: {} },
    options: { cluster: { whenCutOff: 'serve' } },
  });
  const browser = it.browser();
  const shop = it.shop<Kept>('shop');
  await shop.does(browser, 'n1', (session) => void (session.note = 'before'));
  await it.cluster.split([['n1'], ['n2']]);
  const from = it.cluster.now();
  await shop.does(browser, 'n1', (session) => void (session.note = 'alone'));
  const tookMs = it.cluster.now() - from;
  assert.ok(tookMs >= 200 && tookMs <= 600, `${tookMs} ms`);
  await it.cluster.heal();
  await it.cluster.settle();
  assert.equal(await shop.does(browser, 'n2', ({ note }) => note), 'alone');
});

test('V84: with distributable false the data stays on its node, another gives a fresh session, and a logout there ends it', async (t) => {
  const it = await replicated(t, { apps: { local: { distributable: false }, shared: {} } });
  const browser = it.browser();
  await browser.signIn('alice', { at: 'n1' });
  const local = it.shop<Kept>('local');
  it.hush();
  await local.does(browser, 'n1', (session) => void (session.note = 'stays-here'));
  await it.shop<Kept>('shared').does(browser, 'n1', (session) => void (session.note = 'travels'));
  await it.cluster.settle();
  assert.ok(
    it.wire.some((frame) => frame.includes('travels')),
    'the wire was heard',
  );
  assert.ok(!it.wire.some((frame) => frame.includes('stays-here')), 'the data stays');
  const before = copyOf(it, browser);
  await local.does(copyOf(it, browser), 'n2', (session) => {
    assert.equal(session.note, undefined, 'the other node has none of it');
    session.note = 'of-n2';
  });
  assert.equal(await local.does(copyOf(it, before), 'n1', ({ note }) => note), 'stays-here', 'untouched by it');
  assert.ok(
    it.cluster
      .at('n2')
      .sso.entries('alice')[0]!
      .sessions.some(({ app }) => app === 'local'),
    'its link is known',
  );
  await browser.post('/logout', { at: 'n2' }).expect(200);
  assert.equal(await local.does(before, 'n1', ({ note }) => note), undefined, 'ended by the logout elsewhere');
});

test('what was looked at and not changed is not sent: dirty means compared', async (t) => {
  const it = await replicated(t, {
    apps: perGranularity(),
    options: seldom,
  });
  const browser = it.browser();
  for (const app of granularities) {
    const shop = it.shop<Kept>(app);
    await shop.does(browser, 'n1', (session) => {
      session.note = 'same';
      session.big = { list: [{ name: 'a', text: 'b' }] };
    });
    it.hush();
    await shop.does(browser, 'n1', (session) => {
      assert.equal(session.big.list[0]!.name, 'a');
      session.note = 'same';
      // With FIELD another object is another one, whatever is in it.
      if (app !== 'FIELD') session.big = { list: [{ name: 'a', text: 'b' }] };
      session.big.list.push({ name: 'x', text: 'y' });
      session.big.list.pop();
    });
    assert.deepEqual(it.wire, [], app);
  }
});

test('with FIELD one small change of a session of 40 KiB sends at most a fiftieth of it, in one message; with batch mode off in several', async (t) => {
  const it = await replicated(t, {
    apps: {
      batch: { replicationGranularity: 'FIELD' },
      single: { replicationGranularity: 'FIELD', replicationFieldBatchMode: false },
    },
    options: seldom,
  });
  const frames: Record<string, readonly string[]> = {};
  for (const app of ['batch', 'single']) {
    const shop = it.shop<Kept>(app);
    const { browser, key } = await told(it, app, `marker-${app}`);
    await shop.does(browser, 'n1', (session) => {
      session.big = {
        list: Array.from({ length: 400 }, (_, i) => ({ name: `name ${i}`, text: `${i} `.repeat(24).slice(0, 72) })),
      };
    });
    it.hush();
    await shop.does(browser, 'n1', ({ big }) => {
      big.list[200]!.text = 'changed-one';
      big.list[300]!.text = 'changed-two';
    });
    frames[app] = it.framesOf(key);
    const bytes = frames[app].reduce((sum, frame) => sum + frame.length, 0);
    assert.ok(bytes > 0 && bytes <= (2 * (40 * 1024)) / 50, `${app}: ${bytes} bytes for two changes`);
    const texts = await shop.does(copyOf(it, browser), 'n2', ({ big: { list } }) => [
      list[200]!.text,
      list[300]!.text,
      list.length,
    ]);
    assert.deepEqual(texts, ['changed-one', 'changed-two', 400]);
  }
  assert.equal(frames['batch']!.length, 1);
  assert.ok(frames['single']!.length >= 2, `${frames['single']!.length}`);
});
