/** Checks 23, 24, 30, 74 and 78 of SECURITY.md for what sessions hold, in every granularity. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { SessionNotice } from '../../sso/session/index.ts';
import { copyOf, granularities, perGranularity, replicated } from '../support/replicated.ts';

const three = ['n1', 'n2', 'n3'] as const;

interface Kept {
  note: string;
  cart: { items: string[] };
  map: Map<string, string>;
}

test('check 23: the id of another’s session, wherever a request puts it, shows, changes and ends nothing of it', async (t) => {
  const it = await replicated(t, { nodes: three });
  const [victim, thief] = [it.browser(), it.browser()];
  await victim.signIn('bob', { at: 'n2' });
  await thief.signIn('alice', { at: 'n1' });
  for (const app of granularities) {
    const shop = it.shop<Kept>(app);
    await shop.does(victim, 'n2', (session) => void (session.cart = { items: ['of bob'] }));
    const theirs = victim.cookie(shop.cookie)!;
    const own = () =>
      copyOf(it, thief)
        .cookies()
        .map((cookie) => cookie.cookieString())
        .join('; ');
    for (const cookie of [`${shop.cookie}=${theirs}`, `${own()}; ${shop.cookie}=${theirs}`]) {
      for (const at of ['n1', 'n2']) {
        for (const work of [
          (session: Kept) => {
            assert.equal(session.cart, undefined, app);
            session.cart = { items: ['of alice'] };
          },
          (session: { destroy(): unknown }) => session.destroy(),
          (session: { regenerate(): unknown }) => session.regenerate(),
        ])
          await shop.asks(it.browser(), at, work as never).set('Cookie', cookie);
      }
    }
    for (const at of three)
      assert.deepEqual(
        await shop.does(copyOf(it, victim), at, ({ cart }) => cart),
        { items: ['of bob'] },
        `${app} ${at}`,
      );
  }
  assert.equal(it.cluster.at('n3').sso.entries('bob').length, 1);
});

test('check 24: a session whose id has changed ends with the sign-on, and its old id shows nothing', async (t) => {
  const it = await replicated(t, { nodes: three });
  for (const app of granularities) {
    const shop = it.shop<Kept>(app);
    const browser = it.browser();
    await browser.signIn('alice', { at: 'n1' });
    await shop.does(browser, 'n1', (session) => void (session.cart = { items: ['first'] }));
    const old = copyOf(it, browser);
    await shop.does(browser, 'n2', async (session, req) => {
      await session.regenerate();
      (req.session as unknown as Kept).cart = { items: ['second'] };
    });
    const renewed = copyOf(it, browser);
    assert.notEqual(old.cookie(shop.cookie), renewed.cookie(shop.cookie));
    assert.equal(await shop.does(old, 'n3', ({ cart }) => cart), undefined, app);
    assert.deepEqual(await shop.does(copyOf(it, renewed), 'n3', ({ cart }) => cart), { items: ['second'] });
    await browser.post('/logout', { at: 'n3' }).expect(200);
    for (const at of three)
      assert.equal(await shop.does(copyOf(it, renewed), at, ({ cart }) => cart), undefined, `${app} ${at}`);
  }
});

test('check 30: nothing of the first user’s session is left for the next one in the same browser', async (t) => {
  const it = await replicated(t);
  for (const ended of [true, false]) {
    const browser = it.browser();
    await browser.signIn('alice', { at: 'n1' });
    for (const app of granularities)
      await it.shop<Kept>(app).does(browser, 'n1', (session) => {
        session.note = 'secret of alice';
        session.cart = { items: ['of alice'] };
      });
    const left = copyOf(it, browser);
    if (ended) await browser.post('/logout', { at: 'n2' }).expect(200);
    for (const browserOfBob of [browser, left]) {
      await browserOfBob.signIn('bob', { at: 'n2' });
      for (const app of granularities) {
        const shop = it.shop<Kept>(app);
        for (const at of ['n2', 'n1']) {
          await shop.does(browserOfBob, at, (session, req) => {
            assert.equal(req.sso.principal?.name, 'bob');
            assert.notEqual(session.note, 'secret of alice', app);
            assert.ok(!session.cart?.items.includes('of alice'), app);
            session.cart = { items: ['of bob'] };
          });
        }
      }
    }
  }
});

test('check 74: no session id is on the wire, on the disk, in a log, a notice, a counter or the metrics', async (t) => {
  const notices: SessionNotice[] = [];
  const it = await replicated(t, {
    nodes: three,
    disks: true,
    logsErrors: true,
    apps: perGranularity({
      useSessionPassivation: true,
      passivationMaxIdleTime: 20,
      sessionNotificationPolicy: () => true,
      onEvent: (notice) => void notices.push(notice),
    }),
  });
  it.hush();
  const secrets = new Set<string>();
  for (const app of granularities) {
    const shop = it.shop<Kept>(app);
    const browser = it.browser();
    const note = () => secrets.add(browser.cookie(shop.cookie)!.split('.')[0]!);
    await shop.does(browser, 'n1', (session) => {
      session.note = 'marked-note';
      session.cart = { items: ['pen'] };
    });
    note();
    await shop.does(browser, 'n2', ({ cart }) => void cart.items.push('marked-item'));
    await browser.signIn('alice', { at: 'n3' });
    await shop.does(browser, 'n3', ({ cart }) => void cart.items.push('more'));
    note();
    await shop.does(browser, 'n1', (session) => session.regenerate());
    await shop.does(browser, 'n1', (session) => void (session.note = 'again'));
    note();
    await shop.asks(browser, 'n1', (session, req) => void Object.assign(session, { bad: req.socket }));
    await shop
      .asks(it.browser(), 'n2', ({ note }) => note)
      .set('Cookie', `${shop.cookie}=${browser.cookie(shop.cookie)}x`);
  }
  await it.cluster.advance(60_000);
  await it.cluster.kill('n3');
  await it.cluster.restart('n3');
  await it.cluster.settle();
  assert.equal(secrets.size, 9);
  assert.ok(notices.some(({ kind }) => kind === 'passivated') && notices.length > 30, `${notices.length}`);
  const wire = it.wire.join('\n');
  assert.ok(wire.includes('marked-note') && wire.includes('marked-item'), 'the wire was heard');
  const views = JSON.stringify([
    notices,
    ...it.cluster.nodes.map(({ sso, log }) => [log.lines, sso.entries(), sso.members(), sso.counters()]),
  ]);
  const metrics = await Promise.all(three.map(async (at) => (await it.browser().get('/metrics', { at })).text));
  const disks = JSON.stringify(it.cluster.nodes.map(({ disk }) => [...disk.values('sessions')]));
  for (const secret of secrets) {
    for (const spelling of [
      secret,
      Buffer.from(secret).toString('hex'),
      Buffer.from(secret, 'base64url').toString('latin1'),
    ]) {
      for (const [where, text] of Object.entries({ wire, views, disks, metrics: metrics.join('\n') }))
        assert.ok(!text.includes(spelling), `a session id is in ${where}`);
    }
  }
});

test('check 78: fields that come and go leave nothing behind: what a new node gets of the session is as small as the session', async (t) => {
  const it = await replicated(t);
  for (const app of granularities) {
    const shop = it.shop<Kept & Record<string, unknown>>(app);
    const browser = it.browser();
    it.hush();
    await shop.does(browser, 'n1', (session) => void (session.note = `marker-${app}`));
    const key = it.keyOf(`marker-${app}`);
    for (let round = 0; round < 6; round++) {
      const at = round % 2 === 0 ? 'n1' : 'n2';
      await shop.does(browser, at, (session) => {
        session.map = new Map(Array.from({ length: 150 }, (_, i) => [`round ${round} entry ${i}`, 'x'.repeat(20)]));
        for (let i = 0; i < 50; i++) session[`attribute ${round} ${i}`] = i;
      });
      await shop.does(browser, at, (session) => {
        session.map.clear();
        for (const name of Object.keys(session)) if (name.startsWith('attribute')) delete session[name];
      });
    }
    await it.cluster.settle();
    it.hush();
    await it.cluster.join(`late-${app}`);
    await it.cluster.settle();
    const longest = Math.max(
      ...it
        .framesOf(key)
        .filter((frame) => frame.includes('marker-'))
        .map(({ length }) => length),
    );
    assert.ok(longest > 0 && longest < 2_000, `${app}: ${longest} characters for one note`);
  }
});

test('check 78: a session that grows too large is refused by its path; what was stored stays, on every node', async (t) => {
  const it = await replicated(t, { logsErrors: true });
  for (const app of granularities) {
    const shop = it.shop<Kept>(app);
    const browser = it.browser();
    await shop.does(browser, 'n1', (session) => void (session.cart = { items: [] }));
    const before = it.failures.length;
    for (let i = 0; i < 12; i++)
      await shop.asks(browser, 'n1', ({ cart }) => void cart.items.push(`${i}`.padEnd(40_000, 'x')));
    assert.ok(it.failures.length > before, app);
    const items = await shop.does(browser, 'n2', ({ cart }) => cart.items);
    assert.ok(items.length >= 4 && items.length < 8, `${app}: ${items.length} of 40 kB within 256 KiB`);
    assert.deepEqual(
      items.map((item) => Number.parseInt(item, 10)),
      [...items.keys()],
      'the first ones',
    );
    await shop.does(browser, 'n1', ({ cart }) => void (cart.items.length = 1));
    assert.equal(await shop.does(browser, 'n2', ({ cart }) => cart.items.length), 1, 'and it goes on');
  }
});

test('check 78: when all places are taken a new session is refused with 503 and Retry-After, and none is given up for it', async (t) => {
  const it = await replicated(t, { options: { limits: { sessions: 4 } }, logsErrors: true });
  const browsers = [];
  for (let i = 0; i < 4; i++) {
    const browser = it.browser();
    await it.shop<Kept>('FIELD').does(browser, 'n1', (session) => void (session.note = `${i}`));
    browsers.push(browser);
  }
  const stranger = it.browser();
  const answer = await it.shop<Kept>('ATTRIBUTE').asks(stranger, 'n2', (session) => void (session.note = 'x'));
  assert.equal(answer.status, 503);
  assert.match(answer.get('Retry-After') ?? '', /^[1-9]\d*$/);
  assert.equal(answer.get('Set-Cookie'), undefined, 'no cookie for what is not there');
  assert.deepEqual(
    it.failures.map(({ error: { code } }) => code),
    ['ERR_LIMIT_REACHED'],
  );
  for (const [i, browser] of browsers.entries())
    assert.equal(await it.shop<Kept>('FIELD').does(browser, 'n2', ({ note }) => note), `${i}`);
});
