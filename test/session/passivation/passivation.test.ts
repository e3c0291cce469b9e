/**
 * The conditions of the guide (VALVE-BEHAVIOUR.md 1.5), one by one, and what may not go wrong with what lies on the disk: it is not
 * believed unless it is exactly what was put there, and it goes with the session it belongs to. On the public surface; each node's
 * disk is in memory (`cluster.at('n1').passivated`), encrypted as the real one is.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LmdbShelf } from '../../../sso/disk/lmdb-shelf.ts';
import { Heart } from '../../../sso/heart.ts';
import type { SessionEnd } from '../../../sso/index.ts';
import { deriveKeys } from '../../../sso/keys.ts';
import { systemRandom } from '../../../sso/random.ts';
import type { Browser } from '../../../sso/testing/index.ts';
import { virtualClock } from '../../../sso/testing/virtual-clock.ts';
import {
  copyOf,
  type Replicated,
  type ReplicatedOptions,
  replicated,
  type Settings,
} from '../../support/replicated.ts';

const seconds = 1_000;
const minutes = 60 * seconds;

interface Kept {
  note: string;
  other: string;
  cart: string[];
}

const asleepAfterAMinute: Settings = { useSessionPassivation: true, passivationMaxIdleTime: 60, idleMs: 60 * minutes };

async function shopOf(t: TestContext, settings: Settings, options: Omit<ReplicatedOptions, 'apps'> = {}) {
  const it = await replicated(t, { disks: true, apps: { shop: settings }, ...options });
  const shop = it.shop<Kept>('shop');
  return {
    it,
    shop,
    /** So many visitors, each with a session of this node. */
    async visitors(count: number, at = 'n1', note = 'note'): Promise<Browser[]> {
      const all: Browser[] = [];
      for (let i = 0; i < count; i++) {
        const browser = it.browser();
        await shop.does(browser, at, (session) => void (session.note = `${note} ${i}`));
        all.push(browser);
      }
      return all;
    },
    noteOf: (browser: Browser, at = 'n1') => shop.does(browser, at, ({ note }) => note),
    refused: async (at = 'n1') =>
      (await shop.asks(it.browser(), at, (session) => void (session.note = 'x'))).status === 503,
    async elapse(ms: number): Promise<void> {
      await it.cluster.advance(ms);
    },
  };
}

const asleep = (it: Replicated, at = 'n1') => it.cluster.at(at).passivated.size;
const counted = (it: Replicated, name: string, at = 'n1') => it.cluster.at(at).sso.counters()[name] ?? 0;

test('1.5: what was not used for longer than passivationMaxIdleTime is passivated within 10 s, however few there are; not before', async (t) => {
  const { it, visitors, noteOf, elapse } = await shopOf(t, asleepAfterAMinute, { nodes: ['n1'] });
  const [one, two] = await visitors(2);
  await elapse(30 * seconds);
  await noteOf(two!);
  await elapse(29 * seconds);
  assert.equal(asleep(it), 0, 'not before its time');
  await elapse(11 * seconds + 500);
  assert.equal(asleep(it), 1, 'the one that was used since is not');
  await elapse(30 * seconds);
  assert.equal(asleep(it), 2);
  assert.equal(await noteOf(one!), 'note 0');
  await it.cluster.advance(0);
  assert.equal(asleep(it), 1, 'one that is used is taken off the disk');
});

test('1.5: beyond maxActiveSessions those idle for longer than passivationMinIdleTime go, least recently used first, and no more than must', async (t) => {
  const settings = { useSessionPassivation: true, passivationMinIdleTime: 30, maxActiveSessions: 3 };
  const { it, shop, visitors, noteOf, elapse } = await shopOf(t, settings, { nodes: ['n1'] });
  const all: Browser[] = [];
  for (let i = 0; i < 3; i++) {
    all.push(...(await visitors(1, 'n1', `${i}`)));
    await elapse(5 * seconds);
  }
  await elapse(40 * seconds);
  assert.equal(asleep(it), 0, 'three of three are not too many');
  await noteOf(all[0]!);
  await shop.does(it.browser(), 'n1', (session) => void (session.note = 'new'));
  await elapse(0);
  assert.equal(asleep(it), 1, 'one more, one less');
  await noteOf(all[0]!);
  await noteOf(all[2]!);
  assert.equal(counted(it, 'sessions-activated'), 0);
  assert.equal(await noteOf(all[1]!), '1 0');
  assert.equal(counted(it, 'sessions-activated'), 1, 'the least recently used was the one');
  await elapse(15 * seconds);
  assert.equal(asleep(it), 0, 'one that comes back is no new one, and all four are younger than 30 s');
  await elapse(30 * seconds);
  assert.equal(asleep(it), 1, 'until one is not');
});

test('1.5: copies held for other nodes count, and are passivated like one’s own', async (t) => {
  const settings = { useSessionPassivation: true, passivationMinIdleTime: 30, maxActiveSessions: 3 };
  const { it, visitors, refused, elapse } = await shopOf(t, settings, { nodes: ['n1', 'n2'] });
  await visitors(2, 'n1');
  await visitors(1, 'n2');
  assert.deepEqual([await refused('n1'), await refused('n2')], [true, true]);
  await elapse(31 * seconds);
  assert.equal(await refused('n2'), false);
  await it.cluster.settle();
  assert.deepEqual([asleep(it, 'n1'), asleep(it, 'n2')], [1, 1]);
});

test('1.5: with passivationMinIdleTime -1 nothing goes before passivationMaxIdleTime, and without a limit only that counts', async (t) => {
  const settings = { useSessionPassivation: true, passivationMaxIdleTime: 300, maxActiveSessions: 2 };
  const { it, visitors, refused, elapse } = await shopOf(t, settings, { nodes: ['n1'] });
  await visitors(2);
  await elapse(200 * seconds);
  assert.equal(await refused(), true);
  assert.equal(asleep(it), 0);
  await elapse(111 * seconds);
  assert.equal(asleep(it), 2);
  assert.equal(await refused(), false);
});

test('1.5: copies that arrive when a node starts are passivated at once where there are too many of them', async (t) => {
  const settings = { useSessionPassivation: true, passivationMinIdleTime: 0, maxActiveSessions: 5 };
  const { it, visitors, noteOf, elapse } = await shopOf(t, settings, { nodes: ['n1', 'n2'] });
  const all: Browser[] = [];
  for (let i = 0; i < 20; i++) {
    all.push(...(await visitors(1, 'n1', `${i}`)));
    await elapse(seconds);
  }
  await it.cluster.join('n3');
  await elapse(2 * seconds);
  assert.equal(it.cluster.now() % (10 * seconds) === 0, false);
  assert.equal(asleep(it, 'n3'), 15);
  assert.equal(asleep(it, 'n1'), 15, 'and what was sent from the disk of a node stays there');
  assert.equal(counted(it, 'sessions-activated', 'n1'), 0);
  for (const name of ['n1', 'n2']) await it.cluster.kill(name);
  for (const [i, browser] of all.entries()) assert.equal(await noteOf(browser, 'n3'), `${i} 0`);
});

test('1.5: what a node finds in its own state at a start counts, too', async (t) => {
  const settings = { useSessionPassivation: true, passivationMinIdleTime: 0, maxActiveSessions: 5 };
  const { it, visitors, noteOf, elapse } = await shopOf(t, settings, { nodes: ['n1'] });
  const all: Browser[] = [];
  for (let i = 0; i < 12; i++) {
    all.push(...(await visitors(1, 'n1', `${i}`)));
    await elapse(seconds);
  }
  await elapse(20 * seconds);
  await it.cluster.stopNode('n1');
  assert.equal(asleep(it), 0, 'a stop leaves nothing there');
  await it.cluster.restart('n1');
  await elapse(15 * seconds);
  assert.equal(asleep(it), 7);
  for (const [i, browser] of all.entries()) assert.equal(await noteOf(browser), `${i} 0`);
});

test('each application has limits of its own, and one without limits has none', async (t) => {
  const it = await replicated(t, {
    disks: true,
    nodes: ['n1'],
    apps: { shop: asleepAfterAMinute, forum: { ...asleepAfterAMinute, passivationMaxIdleTime: 120 }, wiki: {} },
  });
  const browser = it.browser();
  for (const app of ['shop', 'forum', 'wiki'])
    await it.shop<Kept>(app).does(browser, 'n1', (session) => void (session.note = app));
  await it.cluster.advance(75 * seconds);
  assert.equal(asleep(it), 1);
  await it.cluster.advance(60 * seconds);
  assert.equal(asleep(it), 2);
  await it.cluster.advance(20 * minutes);
  assert.equal(asleep(it), 2);
  for (const app of ['shop', 'forum', 'wiki'])
    assert.equal(await it.shop<Kept>(app).does(browser, 'n1', ({ note }) => note), app);
});

test('sessions that are over count no more, though they are still remembered', async (t) => {
  const { visitors, refused, elapse } = await shopOf(
    t,
    { maxActiveSessions: 3, idleMs: 60 * seconds },
    { nodes: ['n1'] },
  );
  await visitors(3);
  await elapse(59 * seconds);
  assert.equal(await refused(), true);
  await elapse(2 * seconds);
  assert.equal(await refused(), false);
});

test('a change made on another node reaches a session that is passivated here, and both are there after a failover', async (t) => {
  const { it, shop, visitors, elapse } = await shopOf(t, asleepAfterAMinute);
  const [browser] = await visitors(1);
  await shop.does(browser!, 'n1', (session) => void (session.cart = ['pen']));
  await elapse(75 * seconds);
  assert.deepEqual([asleep(it, 'n1'), asleep(it, 'n2')], [1, 1]);
  await shop.does(copyOf(it, browser!), 'n2', (session) => void (session.other = 'from n2'));
  await it.cluster.settle();
  assert.deepEqual([asleep(it, 'n1'), asleep(it, 'n2')], [0, 0]);
  await it.cluster.kill('n2');
  const { note, other, cart } = await shop.does(browser!, 'n1', (session) => ({ ...session }));
  assert.deepEqual({ note, other, cart }, { note: 'note 0', other: 'from n2', cart: ['pen'] });
});

test('use alone on another node brings nothing back here', async (t) => {
  const settings = { ...asleepAfterAMinute, maxUnreplicatedInterval: 0 };
  const { it, visitors, noteOf, elapse } = await shopOf(t, settings);
  const [browser] = await visitors(1);
  await elapse(75 * seconds);
  await noteOf(copyOf(it, browser!), 'n2');
  await it.cluster.settle();
  assert.deepEqual([asleep(it, 'n1'), asleep(it, 'n2')], [1, 0]);
});

test('V47: the disk keeps nothing of a session that timed out, was destroyed, or ended with its sign-on', async (t) => {
  const { it, shop, elapse } = await shopOf(t, { ...asleepAfterAMinute, idleMs: 10 * minutes });
  const [alice, bob, carol] = [it.browser(), it.browser(), it.browser()];
  await alice.signIn('alice', { at: 'n1' });
  await bob.signIn('bob', { at: 'n1' });
  for (const browser of [alice, bob, carol]) await shop.does(browser, 'n1', (session) => void (session.note = 'x'));
  await elapse(75 * seconds);
  assert.deepEqual([asleep(it, 'n1'), asleep(it, 'n2')], [3, 3]);
  await alice.post('/logout', { at: 'n2' }).expect(200);
  await shop.does(copyOf(it, carol), 'n1', (session) => session.destroy());
  await it.cluster.settle();
  assert.deepEqual([asleep(it, 'n1'), asleep(it, 'n2')], [1, 1]);
  await elapse(30 * minutes);
  assert.deepEqual([asleep(it, 'n1'), asleep(it, 'n2')], [0, 0]);
  assert.equal(counted(it, 'sessions-unreadable'), 0);
});

test('V47: what was in a session that times out while passivated is told to its end handler', async (t) => {
  const ends: SessionEnd[] = [];
  const settings = { ...asleepAfterAMinute, idleMs: 10 * minutes, onEnd: (end: SessionEnd) => void ends.push(end) };
  const { visitors, elapse } = await shopOf(t, settings, { nodes: ['n1'] });
  await visitors(1);
  await elapse(30 * minutes);
  assert.deepEqual(
    ends.map(({ cause, attributes }) => [cause, attributes['note']]),
    [['timeout', 'note 0']],
  );
});

test('a passivated session that was altered on the disk is not believed: it is taken from another node, and counted', async (t) => {
  const { it, visitors, noteOf, elapse } = await shopOf(t, asleepAfterAMinute, { logsErrors: true });
  const [browser] = await visitors(1);
  await elapse(75 * seconds);
  const shelf = it.cluster.at('n1').passivated;
  for (const [key, value] of shelf) shelf.set(key, value.with(20, value[20]! ^ 1));
  assert.equal(await noteOf(browser!), 'note 0');
  assert.equal(counted(it, 'sessions-unreadable'), 1);
  assert.equal(it.logged('n1', /could not be read back/).length, 1);
  await elapse(75 * seconds);
  assert.equal(asleep(it, 'n1'), 1, 'it goes on like any other');
  assert.equal(await noteOf(browser!), 'note 0');
  assert.equal(counted(it, 'sessions-unreadable'), 1);
});

test('nor is one that lies in the place of another, or an earlier state of the same', async (t) => {
  const { it, shop, visitors, noteOf, elapse } = await shopOf(t, asleepAfterAMinute, { logsErrors: true });
  const [one, two, three] = await visitors(3);
  await elapse(75 * seconds);
  const shelf = it.cluster.at('n1').passivated;
  const earlier = new Map(shelf);
  await shop.does(three!, 'n1', (session) => void (session.note = 'later'));
  await elapse(75 * seconds);
  const keys = [...shelf.keys()];
  const changed = keys.filter((key) => !Buffer.from(shelf.get(key)!).equals(earlier.get(key)!));
  assert.equal(changed.length, 1);
  shelf.set(changed[0]!, earlier.get(changed[0]!)!);
  const [first, second] = keys.filter((key) => key !== changed[0]);
  shelf.set(first!, earlier.get(second!)!);
  shelf.set(second!, earlier.get(first!)!);
  assert.deepEqual([await noteOf(one!), await noteOf(two!), await noteOf(three!)], ['note 0', 'note 1', 'later']);
  assert.equal(counted(it, 'sessions-unreadable'), 3);
});

test('where no other node has it either the session ends, with its link and nothing more; it is counted and its application told', async (t) => {
  const ends: SessionEnd[] = [];
  const settings = { ...asleepAfterAMinute, onEnd: (end: SessionEnd) => void ends.push(end) };
  const { it, shop, noteOf, elapse } = await shopOf(t, settings, { nodes: ['n1'], logsErrors: true });
  const browser = it.browser();
  await browser.signIn('alice', { at: 'n1' });
  await shop.does(browser, 'n1', (session) => void (session.note = 'mine'));
  await elapse(75 * seconds);
  it.cluster.at('n1').passivated.clear();
  assert.equal(await noteOf(browser), undefined);
  assert.equal(counted(it, 'sessions-unreadable'), 1);
  assert.deepEqual(
    ends.map(({ cause }) => cause),
    ['node-lost'],
  );
  assert.equal(it.cluster.at('n1').sso.entries('alice').length, 1, 'the sign-on stays');
  await shop.does(browser, 'n1', (session) => void (session.note = 'a new one'));
  assert.equal(await noteOf(browser), 'a new one');
});

test('where the others cannot be asked, nobody says that it is gone: it is there again once they can', async (t) => {
  const { it, shop, visitors, noteOf, elapse } = await shopOf(t, asleepAfterAMinute, {
    nodes: ['n1', 'n2', 'n3'],
    options: { cluster: { whenCutOff: 'serve' } },
    logsErrors: true,
  });
  const [browser] = await visitors(1);
  await elapse(75 * seconds);
  await it.cluster.split([['n1'], ['n2', 'n3']]);
  it.cluster.at('n1').passivated.clear();
  const answer = await shop.asks(browser!, 'n1', ({ note }) => assert.equal(note, undefined));
  assert.equal(answer.get('Set-Cookie'), undefined, 'its cookie stays');
  await it.cluster.heal();
  await it.cluster.settle();
  assert.equal(await noteOf(browser!), 'note 0');
});

test('a disk that is full loses nothing: sessions stay in memory, new ones find no room, and it goes on when there is some', async (t) => {
  const settings = { useSessionPassivation: true, passivationMinIdleTime: 10, maxActiveSessions: 2 };
  const { it, visitors, noteOf, refused, elapse } = await shopOf(t, settings, { nodes: ['n1'], logsErrors: true });
  const all = await visitors(2);
  await elapse(20 * seconds);
  it.cluster.at('n1').disk.fault = 'full';
  await refused();
  await elapse(0);
  assert.equal(await refused(), true, 'nothing can make room');
  for (const [i, browser] of all.entries()) assert.equal(await noteOf(browser), `note ${i}`);
  it.cluster.at('n1').disk.fault = undefined;
  await elapse(30 * seconds);
  assert.equal(await refused(), false);
  await elapse(0);
  assert.ok(asleep(it) > 0);
});

test('what an earlier life left in the data directory is gone when a node starts; nothing in it was readable', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-passivated-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'passivated.mdb');
  const clock = virtualClock();
  const living = async () => {
    const heart = new Heart({
      self: { node: 'n1', incarnation: 1 },
      route: 'n1',
      address: '',
      clock,
      random: systemRandom,
      keys: deriveKeys('m7QvX2w9Lr4TzB8nKd3HsY6jPf1GcA5e'),
      shelf: new LmdbShelf(directory),
    });
    await heart.start();
    t.after(() => heart.kill());
    return heart;
  };
  const first = await living();
  const times = { minIdleMs: Number.POSITIVE_INFINITY, maxIdleMs: 60_000 };
  first.passivation.configure('shop', { maxActive: Number.POSITIVE_INFINITY, passivates: true, ...times });
  for (let i = 0; i < 100; i++) {
    first.table.write(first.table.key('shop', `${i}`), {
      app: 'shop',
      signOn: undefined,
      idleMs: 60 * minutes,
      changes: { fields: [{ part: '0', field: '.canaryName', text: `"canaryValue ${i}"` }], gone: [] },
    });
  }
  clock.advance(75 * seconds);
  // The disk is a real one, and works on a thread of its own: nothing but its answer is waited for.
  while (first.passivation.view.passivated < 100) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(0);
  }
  const left = readFileSync(file);
  assert.ok(left.length > 100 * 50);
  assert.equal(left.includes('canary'), false);
  const look = first.table.look(first.table.key('shop', '7'));
  assert.equal(look.state === 'live' && look.session.data.get('0', '.canaryName'), '"canaryValue 7"');
  await first.kill();
  assert.deepEqual(readdirSync(directory), [], 'a stop leaves nothing');
  writeFileSync(file, left);
  await living();
  assert.deepEqual(readdirSync(directory), [], 'and what a crash left is not looked at');
});

test('metrics say what is in memory, on the disk, and what had no room', async (t) => {
  const settings = { useSessionPassivation: true, passivationMinIdleTime: 30, maxActiveSessions: 2 };
  const { it, visitors, noteOf, refused, elapse } = await shopOf(t, settings, { nodes: ['n1'] });
  const metric = async (name: string) => {
    const { text } = await it.browser().get('/metrics', { at: 'n1' }).expect(200);
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  };
  const [first] = await visitors(2);
  assert.equal(await refused(), true);
  await elapse(40 * seconds);
  assert.equal(await refused(), false);
  await elapse(0);
  assert.equal(await metric('latchkey_sessions_active'), 2);
  assert.equal(await metric('latchkey_sessions_passivated'), 1);
  assert.equal(await metric('latchkey_sessions_live'), 3);
  assert.equal(await metric('latchkey_sessions_rejected_total'), 1);
  assert.equal(await metric('latchkey_session_passivations_total'), 1);
  assert.equal(await noteOf(first!), 'note 0');
  assert.equal(await metric('latchkey_session_activations_total'), 1);
  assert.equal(await metric('latchkey_sessions_unreadable_total'), 0);
});
