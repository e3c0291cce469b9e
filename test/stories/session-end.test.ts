/** Stories of VALVE-BEHAVIOUR.md 2.4: an end of a session, and what it means for the sign-on: the cause decides. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { SsoError, startNode } from '../../sso/index.ts';
import {
  A,
  B,
  C,
  copyOf,
  deletes,
  guarded,
  hours,
  minutes,
  type Story,
  seconds,
  see,
  setCookies,
  ssoName,
  story,
  who,
  whoEverywhere,
} from '../support/story.ts';

/** A browser with something kept in A and in B. */
async function withTwoSessions(it: Story) {
  const browser = await it.signedOn();
  await browser.post(`${A}/note?text=of-a`).expect(200);
  await browser.post(`${B}/note?text=of-b`, { at: 'n2' }).expect(200);
  return browser;
}

for (const [way, a] of [
  ['/destroy', {}],
  ['/destroy-by-null', { unset: 'destroy' as const }],
  ['/destroy-by-store', {}],
] as const) {
  story(
    `V40: an application that ends its session in code (${way.slice(1)}) ends the sign-on, and every session with it`,
    { apps: { a } },
    async (it) => {
      const browser = await withTwoSessions(it);
      const copy = copyOf(it, browser);
      await browser.post(A + way, { at: 'n1' }).expect(200);
      const response = await copy.get(`${B}/protected`, { at: 'n2' }).expect(401);
      assert.ok(setCookies(response, ssoName).some(deletes), 'the SSO cookie of the next request is deleted');
      assert.equal((await see(copy, `${B}/session`, 'n2')).note, '');
      assert.deepEqual(await whoEverywhere(it, browser), [null, null]);
      assert.deepEqual([it.causes('n1'), it.causes('n2')], [['invalidated'], ['invalidated']]);
    },
  );
}

story(
  'V41: a session that times out ends its link only; the application goes on without a challenge',
  { apps: { a: { idleMs: 5 * minutes }, b: { idleMs: 60 * minutes } } },
  async (it) => {
    const browser = await withTwoSessions(it);
    const before = browser.cookie(ssoName);
    await it.cluster.advance(6 * minutes);
    assert.equal((await see(browser, `${B}/protected/session`, 'n2')).note, 'of-b');
    const again = await see(browser, `${A}/protected/session`, 'n1');
    assert.deepEqual([again.user, again.note], ['alice', ''], 'a new session');
    assert.equal(browser.cookie(ssoName), before, 'the same sign-on');
    assert.deepEqual(it.causes(), []);
    await browser.post(`${A}/destroy`).expect(200);
    assert.equal(await guarded(browser, B, 'n2'), 401, 'and the new session is linked, too');
  },
);

story(
  'V42: when all sessions have timed out the sign-on stays, empty',
  { options: { maxEmptyLife: 1800 }, apps: { a: { idleMs: minutes }, b: { idleMs: minutes } } },
  async (it) => {
    const browser = await withTwoSessions(it);
    await it.cluster.advance(20 * minutes);
    assert.deepEqual(
      it.entries('n1', 'alice').map(({ sessions }) => sessions),
      [[]],
    );
    assert.equal(await guarded(browser, A, 'n2'), 200);
    assert.equal((await see(browser, `${B}/session`)).note, '');
  },
);

story(
  'V43: a session without an idle limit never times out',
  { options: { cluster: { intervalMs: 60_000 } }, apps: { a: { idleMs: 0 } } },
  async (it) => {
    const browser = await it.signedOn();
    await browser.post(`${A}/note?text=kept`).expect(200);
    await it.cluster.advance(11 * hours);
    assert.equal((await see(browser, `${A}/protected/session`, 'n2')).note, 'kept');
  },
);

story('V44: an application that stops on a node takes its links along, and nothing else', {}, async (it) => {
  const browser = await withTwoSessions(it);
  for (const node of it.cluster.nodes) node.sso.stopApplication('a');
  await it.cluster.settle();
  assert.deepEqual(
    it.entries('n1', 'alice').map(({ sessions }) => sessions.map(({ app }) => app)),
    [['b']],
  );
  assert.equal((await see(browser, `${B}/protected/session`, 'n2')).note, 'of-b');
  assert.equal(
    (await see(browser, `${A}/protected/session`, 'n1')).note,
    'of-a',
    'deployed again: no challenge, and the data is there',
  );
  assert.deepEqual(it.causes(), []);
});

story(
  'V45: the sign-on outlives the only application that it had sessions in',
  { options: { maxEmptyLife: 1800 } },
  async (it) => {
    const kept = await it.signedOn('alice');
    const lost = await it.signedOn('bob');
    for (const browser of [kept, lost]) await browser.get(`${A}/protected`).expect(200);
    for (const node of it.cluster.nodes) node.sso.stopApplication('a');
    await it.cluster.advance(25 * minutes);
    assert.equal(await guarded(kept, A), 200);
    await it.cluster.advance(6 * minutes);
    assert.equal(await guarded(lost, A), 401, 'empty for longer than maxEmptyLife');
  },
);

story('V48: nodes that are shut down one after the other sign nobody out, and sessions come back', {}, async (it) => {
  const browser = await withTwoSessions(it);
  for (const name of ['n1', 'n2']) {
    await it.cluster.stopNode(name);
    const other = name === 'n1' ? 'n2' : 'n1';
    assert.equal(await guarded(browser, A, other), 200);
    await it.cluster.restart(name);
  }
  assert.equal((await see(browser, `${A}/protected/session`, 'n1')).note, 'of-a');
  assert.equal((await see(browser, `${B}/protected/session`, 'n2')).note, 'of-b');
  assert.deepEqual(it.causes(), []);
});

story(
  'V49: a slow request that ends its session in code ends the sign-on, though the session has timed out meanwhile',
  { apps: { a: { idleMs: seconds } } },
  async (it) => {
    const browser = await withTwoSessions(it);
    const gate = it.gates.close('slow');
    const slow = browser.post(`${A}/slow/destroy?gate=slow`).then((response) => response.status);
    await gate.reached;
    await it.cluster.advance(1_500);
    gate.open();
    assert.equal(await slow, 200);
    assert.equal(await guarded(browser, B, 'n2'), 401);
    assert.deepEqual(it.causes('n2'), ['invalidated'], 'not taken for a timeout');
  },
);

const shortSessions = { a: { idleMs: minutes }, b: { idleMs: minutes }, c: { idleMs: minutes } };

story(
  'V50: within maxEmptyLife an empty sign-on is good, and then no longer empty',
  { options: { maxEmptyLife: 1800 }, apps: shortSessions },
  async (it) => {
    const browser = await withTwoSessions(it);
    for (let round = 0; round < 3; round++) {
      await it.cluster.advance(1_000 * seconds);
      assert.equal(
        await guarded(browser, A, round % 2 === 0 ? 'n2' : 'n1'),
        200,
        'the clock of emptiness begins anew each time',
      );
    }
  },
);

story(
  'V51: after maxEmptyLife the sign-on is over, though no sweep has run, and its cookie is deleted',
  { options: { maxEmptyLife: 1800, processExpiresInterval: 1e6 }, apps: shortSessions },
  async (it) => {
    const browser = await withTwoSessions(it);
    const copy = copyOf(it, browser);
    await it.cluster.advance(minutes + 1_801 * seconds);
    const response = await browser.get(`${A}/protected`, { at: 'n2' }).expect(401);
    assert.ok(setCookies(response, ssoName).some(deletes));
    assert.deepEqual(await whoEverywhere(it, copy), [null, null]);
    assert.deepEqual([...new Set(it.causes())], ['empty']);
  },
);

story(
  'V52: with maxEmptyLife 0 the sign-on ends with the timeout of its last session',
  { options: { maxEmptyLife: 0 }, apps: { a: { idleMs: minutes }, b: { idleMs: 2 * minutes } } },
  async (it) => {
    const browser = await withTwoSessions(it);
    await it.cluster.advance(90 * seconds);
    assert.equal(await guarded(copyOf(it, browser), A), 200, 'B still has a session');
    await it.cluster.advance(10 * minutes);
    assert.equal(await guarded(browser, A), 401);
  },
);

story(
  'V53: an invalidated last session ends the sign-on at once, without grace',
  { options: { maxEmptyLife: 1800 } },
  async (it) => {
    const browser = await it.signedOn();
    const copy = copyOf(it, browser);
    await browser.get(`${A}/protected`).expect(200);
    await browser.post(`${A}/destroy`).expect(200);
    for (const at of ['n2', 'n1']) assert.equal(await guarded(copy, A, at), 401);
  },
);

/** The numbers of the JBAS-2212 test: sessions of 5 s, sweeps of 10 s, 30 s of empty life, two nodes. */
const jbas2212 = {
  options: { maxEmptyLife: 30, processExpiresInterval: 10 },
  apps: { a: { idleMs: 5 * seconds }, b: { idleMs: 5 * seconds }, c: { idleMs: 5 * seconds } },
};

story(
  'V54: 15.5 s after the last use both nodes know the user, though the sessions have timed out',
  jbas2212,
  async (it) => {
    const browser = await withTwoSessions(it);
    await it.cluster.advance(15.5 * seconds);
    assert.deepEqual(await whoEverywhere(it, browser), ['alice', 'alice']);
    assert.equal(await guarded(browser, A, 'n1'), 200);
    assert.equal(await guarded(browser, A, 'n2'), 200);
  },
);

story(
  'V55: idle for another 30.5 s the sign-on is over on both nodes and gone from both stores',
  jbas2212,
  async (it) => {
    const browser = await withTwoSessions(it);
    const copy = copyOf(it, browser);
    await it.cluster.advance(46 * seconds);
    for (const node of ['n1', 'n2']) assert.deepEqual(it.entries(node), [], node);
    assert.equal(await guarded(browser, A, 'n1'), 401);
    assert.equal(await guarded(copy, A, 'n2'), 401);
  },
);

story(
  'V56: an empty sign-on over its limit is swept from an idle cluster by the cluster itself',
  { options: { maxEmptyLife: 60, processExpiresInterval: 10 }, apps: shortSessions },
  async (it) => {
    await withTwoSessions(it);
    await it.cluster.advance(1.5 * minutes);
    assert.deepEqual(it.causes(), []);
    await it.cluster.advance(50 * seconds);
    assert.deepEqual([it.causes('n1'), it.causes('n2')], [['empty'], ['empty']]);
    assert.deepEqual(it.entries('n2'), []);
  },
);

story(
  'V57: many sign-ons that are over within a second are swept in one go, no sooner than the interval',
  { options: { maxEmptyLife: 30, processExpiresInterval: 60 } },
  async (it) => {
    const sweeps = new Set<number>();
    for (let i = 0; i < 40; i++) await it.browser().signIn(`user${i}`, { at: 'n1' });
    const opened = it.cluster.now();
    await it.cluster.advance(3 * minutes);
    const ends = it.ends.filter(({ node }) => node === 'n1');
    assert.equal(ends.length, 40);
    for (const { at } of ends) sweeps.add(Math.round(at / seconds));
    assert.ok(Math.min(...ends.map(({ at }) => at)) - opened >= 30 * seconds);
    assert.ok(Math.max(...sweeps) - Math.min(...sweeps) <= 1, `in one go, not over ${[...sweeps]}`);
  },
);

story(
  'V58: limits beyond 2^31 milliseconds do not overflow',
  {
    options: {
      maxEmptyLife: 2_200_000,
      processExpiresInterval: 2_200_000,
      lifeMs: 30 * 24 * hours,
      cluster: { intervalMs: 60_000 },
    },
    apps: shortSessions,
  },
  async (it) => {
    const browser = await withTwoSessions(it);
    await it.cluster.advance(3 * hours);
    assert.equal(await guarded(browser, A, 'n2'), 200);
    assert.deepEqual(it.causes(), []);
  },
);

test('V58: a limit that is no length of time is refused at start, by its name', async () => {
  const secret = 'Jx0a7rYyQF1mVt5cKq9PzW3LsNnBdE8uTgHi2oRk';
  for (const name of ['maxEmptyLife', 'processExpiresInterval'] as const) {
    for (const value of [-1, Number.NaN, '30', Number.POSITIVE_INFINITY, null]) {
      await assert.rejects(
        startNode({ secret, [name]: value as never }),
        (error) =>
          error instanceof SsoError && error.code === 'ERR_CONFIG_INVALID' && error.message.startsWith(`${name}: `),
        `${name} ${value}`,
      );
    }
  }
});

story(
  'V59: an observer that throws at the end of a sign-on hinders no other end, and is logged',
  {
    logsErrors: true,
    options: { maxEmptyLife: 30, processExpiresInterval: 10 },
    apps: {
      more: (app, sso) => {
        app.get('/never', () => {});
        sso.on('closed', ({ principal }) => {
          if (principal?.name === 'alice') throw new Error('observer');
        });
      },
    },
  },
  async (it) => {
    const names = ['alice', 'bob', 'carol'];
    for (const name of names) await it.browser().signIn(name, { at: 'n1' });
    await it.cluster.advance(2 * minutes);
    for (const node of ['n1', 'n2']) {
      assert.deepEqual(it.entries(node), [], node);
      assert.deepEqual(
        it.ends
          .filter((end) => end.node === node)
          .map(({ name }) => name)
          .sort(),
        names,
      );
      assert.ok(it.logged(node, /./).length > 0);
    }
    assert.equal(await who(await it.signedOn('bob'), C, 'n2'), 'bob', 'and the nodes go on');
  },
);
