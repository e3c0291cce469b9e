/** Stories of VALVE-BEHAVIOUR.md 1.5: sessions that go to the disk and come back, and those for which there is no room. */

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import express from 'express';
import request from 'supertest';
import { startNode } from '../../sso/index.ts';
import type { SessionNotice } from '../../sso/session/index.ts';
import {
  copyOf,
  granularities,
  perGranularity,
  type ReplicatedOptions,
  replicated,
  type Settings,
} from '../support/replicated.ts';

const seconds = 1_000;
const minutes = 60 * seconds;
const seldom: ReplicatedOptions['options'] = { cluster: { intervalMs: 60_000 } };

interface Kept {
  note: string;
  deep: { one: { x: number }; same?: { x: number } };
}

interface Heard {
  readonly node: string;
  readonly notice: SessionNotice;
}

/** Applications with these settings, and what their listeners hear on every node, copies included. */
async function listened(
  t: TestContext,
  apps: Readonly<Record<string, Settings | ((node: string) => Settings)>>,
  options: Omit<ReplicatedOptions, 'apps'> = {},
) {
  const heard: Heard[] = [];
  const listening = (settings: Settings | ((node: string) => Settings)) => (node: string) => ({
    ...(typeof settings === 'function' ? settings(node) : settings),
    sessionNotificationPolicy: () => true,
    onEvent: (notice: SessionNotice) => void heard.push({ node, notice }),
  });
  const it = await replicated(t, {
    disks: true,
    options: seldom,
    ...options,
    apps: Object.fromEntries(Object.entries(apps).map(([app, settings]) => [app, listening(settings)])),
  });
  /** The sessions of which this kind of notice was heard at this node. */
  const of = (kind: SessionNotice['kind'], node: string) =>
    heard.filter((one) => one.node === node && one.notice.kind === kind).map(({ notice }) => notice);
  return { it, heard, of };
}

test('V46: a session that is passivated and activated again keeps data, link and sign-on, and is not told as destroyed', async (t) => {
  const { it, heard, of } = await listened(
    t,
    perGranularity({ useSessionPassivation: true, passivationMaxIdleTime: 60, idleMs: 30 * minutes }),
  );
  const browser = it.browser();
  await browser.signIn('alice', { at: 'n1' });
  for (const app of granularities) {
    await it.shop<Kept>(app).does(browser, 'n1', (session) => {
      const one = { x: 1 };
      session.note = 'of alice';
      session.deep = { one, same: one };
    });
  }
  assert.deepEqual(of('passivated', 'n1'), []);
  await it.cluster.advance(80 * seconds);
  for (const at of ['n1', 'n2'])
    assert.deepEqual(
      of('passivated', at)
        .map(({ app, cause }) => `${app} ${cause}`)
        .sort(),
      granularities.map((app) => `${app} passivation`).sort(),
      `${at}: the copies of other nodes, too`,
    );
  const [entry] = it.cluster.at('n1').sso.entries('alice');
  assert.equal(entry?.sessions.length, 3, 'the links stand');
  for (const app of granularities) {
    await it.shop<Kept>(app).does(browser, 'n1', ({ note, deep }) => {
      assert.equal(note, 'of alice');
      assert.deepEqual(deep, { one: { x: 1 }, same: { x: 1 } });
      assert.equal(deep.one, deep.same);
      deep.one.x = 2;
    });
  }
  assert.deepEqual(
    of('activated', 'n1').map(({ app, cause }) => `${app} ${cause}`),
    granularities.map((app) => `${app} activation`),
  );
  await it.cluster.kill('n1');
  for (const app of granularities)
    assert.equal(
      await it.shop<Kept>(app).does(browser, 'n2', ({ deep }) => deep.same?.x),
      2,
      'the change on top of a passivated copy',
    );
  assert.deepEqual(
    heard.filter(({ notice: { kind, cause } }) => kind === 'destroyed' && cause !== 'failaway'),
    [],
  );
  assert.equal(it.cluster.at('n2').sso.entries('alice').length, 1);
});

test('V47: a session whose time runs out while it is passivated ends as a timeout: the link goes, the sign-on stays', async (t) => {
  const ends: { cause: string; note: unknown }[] = [];
  const { it, of } = await listened(t, {
    shop: {
      useSessionPassivation: true,
      passivationMaxIdleTime: 60,
      idleMs: 5 * minutes,
      onEnd: (end) => void ends.push({ cause: end.cause, note: end.attributes['note'] }),
    },
  });
  const browser = it.browser();
  await browser.signIn('alice', { at: 'n1' });
  const shop = it.shop<Kept>('shop');
  await shop.does(browser, 'n1', (session) => void (session.note = 'asleep'));
  await it.cluster.advance(2 * minutes);
  assert.equal(of('passivated', 'n1').length, 1);
  assert.equal(it.cluster.at('n1').sso.entries('alice')[0]?.sessions.length, 1);
  // Told when it is freed: after the idle limit, the grace for what another node may not have told, and a sweep.
  await it.cluster.advance(10 * minutes);
  for (const at of ['n1', 'n2']) {
    const [entry] = it.cluster.at(at).sso.entries('alice');
    assert.deepEqual(entry?.sessions, [], `${at}: the link is gone, the sign-on is not`);
  }
  assert.deepEqual(ends, [{ cause: 'timeout', note: 'asleep' }], 'once, with what it held on the disk');
  assert.deepEqual(
    of('destroyed', 'n1').map(({ cause }) => cause),
    ['timeout'],
  );
  assert.equal(await shop.does(browser, 'n1', ({ note }) => note), undefined);
});

test('V40, V63: a logout ends sessions that are passivated, and what they were is told', async (t) => {
  const notes: unknown[] = [];
  const { it, of } = await listened(t, {
    shop: { useSessionPassivation: true, passivationMaxIdleTime: 60, onEnd: (end) => void notes.push(end.cause) },
  });
  const browser = it.browser();
  await browser.signIn('alice', { at: 'n1' });
  const shop = it.shop<Kept>('shop');
  await shop.does(browser, 'n1', (session) => void (session.note = 'asleep'));
  const before = copyOf(it, browser);
  await it.cluster.advance(2 * minutes);
  assert.equal(of('passivated', 'n1').length, 1);
  await browser.post('/logout', { at: 'n2' }).expect(200);
  await it.cluster.settle();
  for (const at of ['n1', 'n2'])
    assert.equal(await shop.does(copyOf(it, before), at, ({ note }) => note), undefined, at);
  assert.equal(notes.length, 1);
});

test('V101: at maxActiveSessions with all younger than the minimum idle time a new session is refused with 503 and Retry-After; one that fails over is accepted', async (t) => {
  const settings = { useSessionPassivation: true, passivationMinIdleTime: 600, maxActiveSessions: 20 };
  const { it } = await listened(t, { shop: settings }, { nodes: ['n1', 'n2', 'n3'] });
  const shop = it.shop<Kept>('shop');
  const browsers = [];
  for (let i = 0; i < 20; i++) {
    const browser = it.browser();
    await shop.does(browser, i % 2 === 0 ? 'n1' : 'n2', (session) => void (session.note = `visitor ${i}`));
    browsers.push(browser);
  }
  for (const at of ['n1', 'n2', 'n3']) {
    const stranger = it.browser();
    const answer = await shop.asks(stranger, at, (session) => void (session.note = 'one too many'));
    assert.equal(answer.status, 503, `${at}: copies of others count`);
    assert.match(answer.get('Retry-After') ?? '', /^[1-9]\d*$/);
    assert.equal(stranger.cookie(shop.cookie), undefined, 'no cookie for what is not there');
  }
  const reader = it.browser();
  assert.equal(await shop.does(reader, 'n1', ({ note }) => note), undefined, 'who only looks is served');
  await it.cluster.kill('n1');
  for (const [i, browser] of browsers.entries()) {
    await shop.does(browser, 'n3', (session) => {
      assert.equal(session.note, `visitor ${i}`, 'failed over');
      session.note = `visitor ${i} again`;
    });
  }
  await it.cluster.advance(11 * minutes);
  const late = it.browser();
  await shop.does(late, 'n3', (session) => void (session.note = 'now there is room'));
  assert.equal(await shop.does(browsers[0]!, 'n3', ({ note }) => note), 'visitor 0 again', 'and nobody lost theirs');
});

test('V101: without passivation maxActiveSessions is a limit alone: the next new session is refused until one has ended', async (t) => {
  const { it } = await listened(t, { shop: { maxActiveSessions: 2 } });
  const shop = it.shop<Kept>('shop');
  const [first, second, third] = [it.browser(), it.browser(), it.browser()];
  for (const browser of [first, second]) await shop.does(browser, 'n1', (session) => void (session.note = 'x'));
  assert.equal((await shop.asks(third, 'n1', (session) => void (session.note = 'x'))).status, 503);
  await shop.does(second, 'n1', (session) => session.destroy());
  await shop.does(third, 'n1', (session) => void (session.note = 'x'));
  assert.equal((await shop.asks(second, 'n1', (session) => void (session.note = 'x'))).status, 503);
  await shop.does(first, 'n1', async (session) => {
    await session.regenerate();
  });
  await shop.does(first, 'n1', (session) => void (session.note = 'a new id is no new session'));
  await first.signIn('alice', { at: 'n1' });
  assert.equal(
    await shop.does(first, 'n1', (session) => {
      session.note += ', nor is a sign-on';
      return session.note;
    }),
    'a new id is no new session, nor is a sign-on',
  );
});

test('the least recently used go first, when a new session comes, and only as many as must', async (t) => {
  const { it, heard } = await listened(
    t,
    { shop: { useSessionPassivation: true, passivationMinIdleTime: 30, maxActiveSessions: 4 } },
    { nodes: ['n1'] },
  );
  const shop = it.shop<Kept>('shop');
  const browsers = [];
  for (let i = 0; i < 4; i++) {
    const browser = it.browser();
    await shop.does(browser, 'n1', (session) => void (session.note = `${i}`));
    browsers.push(browser);
    await it.cluster.advance(5 * seconds);
  }
  await it.cluster.advance(40 * seconds);
  await shop.does(browsers[0]!, 'n1', ({ note }) => note);
  assert.deepEqual(
    heard.filter(({ notice }) => notice.kind === 'passivated'),
    [],
    'at the limit is not beyond it',
  );
  await shop.does(it.browser(), 'n1', (session) => void (session.note = 'new'));
  assert.equal(heard.filter(({ notice }) => notice.kind === 'passivated').length, 1);
  heard.length = 0;
  assert.equal(await shop.does(browsers[2]!, 'n1', ({ note }) => note), '2');
  assert.equal(heard.filter(({ notice }) => notice.kind === 'activated').length, 0, 'not a younger one');
  assert.equal(await shop.does(browsers[1]!, 'n1', ({ note }) => note), '1');
  assert.equal(
    heard.filter(({ notice }) => notice.kind === 'activated').length,
    1,
    'it was the one used least recently',
  );
});

test('with passivationMinIdleTime -1 nothing makes room for a new session, but passivationMaxIdleTime frees it', async (t) => {
  const { it } = await listened(
    t,
    { shop: { useSessionPassivation: true, passivationMaxIdleTime: 120, maxActiveSessions: 1 } },
    { nodes: ['n1'] },
  );
  const shop = it.shop<Kept>('shop');
  const first = it.browser();
  await shop.does(first, 'n1', (session) => void (session.note = 'first'));
  await it.cluster.advance(100 * seconds);
  assert.equal((await shop.asks(it.browser(), 'n1', (session) => void (session.note = 'x'))).status, 503);
  await it.cluster.advance(40 * seconds);
  await shop.does(it.browser(), 'n1', (session) => void (session.note = 'x'));
  assert.equal(await shop.does(first, 'n1', ({ note }) => note), 'first');
});

test('a node that starts passivates the copies that it gets beyond its limit, and has them all when it takes over', async (t) => {
  const { it, of } = await listened(
    t,
    { shop: { useSessionPassivation: true, passivationMinIdleTime: 10, maxActiveSessions: 5 } },
    { nodes: ['n1', 'n2'] },
  );
  const shop = it.shop<Kept>('shop');
  const browsers = [];
  for (let i = 0; i < 12; i++) {
    const browser = it.browser();
    await shop.does(browser, 'n1', (session) => void (session.note = `${i}`));
    browsers.push(browser);
    await it.cluster.advance(11 * seconds);
  }
  await it.cluster.join('n3');
  await it.cluster.settle();
  await it.cluster.advance(15 * seconds);
  assert.ok(of('passivated', 'n3').length >= 7, `${of('passivated', 'n3').length}`);
  for (const name of ['n1', 'n2']) await it.cluster.kill(name);
  for (const [i, browser] of browsers.entries())
    assert.equal(await shop.does(browser, 'n3', ({ note }) => note), `${i}`);
});

test('a node that comes back after a crash finds nothing stale on its disk', async (t) => {
  const { it } = await listened(t, perGranularity({ useSessionPassivation: true, passivationMaxIdleTime: 20 }));
  const browser = it.browser();
  for (const app of granularities)
    await it.shop<Kept>(app).does(browser, 'n1', (session) => void (session.note = 'old'));
  await it.cluster.advance(40 * seconds);
  await it.cluster.kill('n2');
  for (const app of granularities)
    await it.shop<Kept>(app).does(browser, 'n1', (session) => void (session.note = 'new'));
  await it.cluster.restart('n2');
  await it.cluster.settle();
  await it.cluster.kill('n1');
  for (const app of granularities)
    assert.equal(await it.shop<Kept>(app).does(browser, 'n2', ({ note }) => note), 'new', app);
});

test('check 74, V46: what a passivated session holds is not readable in the data directory, which is open to its user alone', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-passivation-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const nothing = () => {};
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
  const sso = await startNode({
    secret: '5a'.repeat(32),
    dataDir: directory,
    allowInsecureCookie: true,
    route: 'n1',
    log,
  });
  t.after(() => sso.stop());
  const moved: string[] = [];
  let passivated = () => {};
  const isPassivated = new Promise<void>((resolve) => (passivated = resolve));
  const app = express();
  app.use(
    sso.valve(),
    sso.sessions({
      app: 'shop',
      useSessionPassivation: true,
      maxActiveSessions: 1,
      passivationMinIdleTime: 0,
      sessionNotificationPolicy: () => true,
      onEvent: ({ kind }) => {
        moved.push(kind);
        if (kind === 'passivated') passivated();
      },
    }),
  );
  app.get('/', (req, res) => {
    const session = req.session as Partial<Kept>;
    session.note ??= String(req.query['note']);
    res.send(session.note);
  });
  const [first, second] = [request.agent(app), request.agent(app)];
  const made = await first.get('/?note=the-canary-in-the-session').expect(200);
  const id = /latchkey-shop=([^.;]+)/.exec(made.get('Set-Cookie')!.join())![1]!;
  await second.get('/?note=another').expect(200);
  await isPassivated;
  const files = filesIn(directory);
  assert.ok(
    files.some((file) => /passiv/i.test(basename(file)) && statSync(file).size > 0),
    `it is on the disk: ${files}`,
  );
  for (const file of files) {
    const bytes = readFileSync(file).toString('latin1');
    for (const word of ['canary', id]) assert.ok(!bytes.includes(word), `${file} shows ${word}`);
  }
  assert.equal(statSync(directory).mode & 0o077, 0);
  await first.get('/').expect(200, 'the-canary-in-the-session');
  assert.ok(moved.includes('activated'));
});

test('useSessionPassivation without a data directory is refused at start, by its name; so is what is no number', async (t) => {
  const it = await replicated(t, { apps: {}, nodes: ['n1'] });
  const { sso } = it.cluster.at('n1');
  for (const [settings, name] of [
    [{ useSessionPassivation: true }, /useSessionPassivation.*dataDir/],
    [{ maxActiveSessions: 0 }, /maxActiveSessions/],
    [{ maxActiveSessions: 1.5 }, /maxActiveSessions/],
    [{ passivationMinIdleTime: -2 }, /passivationMinIdleTime/],
    [{ passivationMaxIdleTime: Number.NaN }, /passivationMaxIdleTime/],
    [{ replicationTrigger: 'GET' }, /replicationTrigger/],
    [{ replicationGranularity: 'field' }, /replicationGranularity/],
    [{ cacheMode: 'REPL_SYNC' }, /cacheMode/],
    [{ snapshotMode: 'later' }, /snapshotMode/],
    [{ snapshotInterval: -1 }, /snapshotInterval/],
    [{ maxUnreplicatedInterval: -2 }, /maxUnreplicatedInterval/],
    [{ distributable: 'no' }, /distributable/],
    [{ sessionNotificationPolicy: 'all', onEvent: () => {} }, /sessionNotificationPolicy/],
    [{ classes: [class {}] }, /class/],
    [{ classes: [{}] }, /class/],
    [{ useRoute: 'yes' }, /useRoute/],
    [{ replicationgranularity: 'FIELD' }, /replicationgranularity/],
  ] as const) {
    assert.throws(
      () => sso.sessions({ app: 'shop', ...(settings as object) }),
      { code: 'ERR_CONFIG_INVALID', message: name },
      JSON.stringify(settings),
    );
  }
  class Twice {}
  const other = { Twice: class Twice {} }.Twice;
  assert.throws(() => sso.sessions({ app: 'shop', classes: [Twice, other] }), { code: 'ERR_CONFIG_INVALID' });
});

function filesIn(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
