/** Stories of VALVE-BEHAVIOUR.md 2.6: a sign-on on several nodes, and nodes that are cut off or die. */

import assert from 'node:assert/strict';
import {
  A,
  B,
  copyOf,
  guarded,
  minutes,
  seconds,
  see,
  setCookies,
  ssoName,
  story,
  three,
  who,
} from '../support/story.ts';

story(
  'V80: a sign-on on one node is known on the others, with the same principal and roles',
  { nodes: three },
  async (it) => {
    const browser = await it.signedOn('bob', 'n1');
    await it.cluster.settle();
    const seen = [];
    for (const at of three) seen.push(await see(browser, `${A}/protected`, at));
    for (const { user, roles, how } of seen)
      assert.deepEqual([user, roles, how], ['bob', ['admin', 'customer'], 'form']);
    assert.deepEqual(
      seen.map(({ node }) => node),
      three,
    );
  },
);

story(
  'V81: the very next request on a node that has not heard of the sign-on is let in, not challenged',
  { nodes: three },
  async (it) => {
    await it.cluster.split([['n1', 'n3'], ['n2']]);
    const browser = await it.signedOn('alice', 'n1');
    await it.cluster.heal();
    const response = await browser.get(`${A}/protected`, { at: 'n2' }).expect(200);
    assert.deepEqual(setCookies(response, ssoName), []);
  },
);

story('V81: also while every frame takes long', { nodes: three }, async (it) => {
  it.cluster.delay(60);
  const browser = await it.signedOn('alice', 'n1');
  await Promise.all(['n2', 'n3', 'n2'].map((at) => browser.get(`${B}/protected`, { at }).expect(200)));
});

for (const silenceMs of [0, 60 * seconds]) {
  story(
    `V82: a node that can ask nobody challenges and keeps the cookie (cut off ${silenceMs === 0 ? 'and knowing it' : 'without noticing'})`,
    { silenceMs },
    async (it) => {
      await it.cluster.split([['n1'], ['n2']]);
      const browser = await it.signedOn('alice', 'n1');
      const before = it.cluster.now();
      const response = await browser.get(`${A}/protected`, { at: 'n2' });
      assert.ok(response.status === 401 || response.status === 503, `${response.status}`);
      assert.ok(it.cluster.now() - before < 1_500, 'the question is bounded');
      assert.deepEqual(setCookies(response, ssoName), []);
      assert.equal(await who(browser, A, 'n2'), null);
      await it.cluster.heal();
      await it.cluster.settle();
      assert.equal(await guarded(browser, A, 'n2'), 200, 'nothing was lost');
    },
  );
}

story('V82: a logout on a node that can ask nobody says so and keeps the cookie', {}, async (it) => {
  await it.cluster.split([['n1'], ['n2']]);
  const browser = await it.signedOn('alice', 'n1');
  const response = await browser.post(`${A}/logout`, { at: 'n2' }).expect(503);
  assert.deepEqual(setCookies(response, ssoName), []);
  assert.equal(await who(browser, A, 'n1'), 'alice');
});

story('V83: after a logout on one node both nodes challenge, and the sessions are gone on both', {}, async (it) => {
  const browser = await it.signedOn('alice', 'n1');
  await browser.post(`${A}/note?text=of-a`, { at: 'n1' }).expect(200);
  await browser.post(`${B}/note?text=of-b`, { at: 'n2' }).expect(200);
  const copy = copyOf(it, browser);
  await browser.post(`${A}/logout`, { at: 'n2' }).expect(200);
  for (const at of ['n1', 'n2']) {
    for (const app of [A, B]) {
      assert.equal(await guarded(copyOf(it, copy), app, at), 401);
      assert.equal((await see(copyOf(it, copy), `${app}/session`, at)).note, '');
    }
  }
  assert.deepEqual([it.causes('n1'), it.causes('n2')], [['logout'], ['logout']]);
});

story(
  'V84: a session that lives on one node alone ends with a logout on another',
  { options: { cluster: { copies: 1 } } },
  async (it) => {
    const browser = await it.signedOn('alice', 'n1');
    await it.cluster.settle();
    it.cluster.network.cut('n1', 'n2');
    await browser.post(`${A}/note?text=only-here`, { at: 'n1' }).expect(200);
    const copy = copyOf(it, browser);
    await it.cluster.heal();
    await browser.post(`${A}/logout`, { at: 'n2' }).expect(200);
    assert.equal((await see(copy, `${A}/session`, 'n1')).note, '');
    assert.equal(await guarded(copy, A, 'n1'), 401);
  },
);

for (const [what, silenceMs] of [
  ['the others notice', 0],
  ['nobody has noticed', 60 * seconds],
] as const) {
  story(
    `V85: when a node dies nobody is challenged, one by one or in parallel, and sessions are there (${what})`,
    { nodes: three, silenceMs },
    async (it) => {
      const browsers = [];
      for (const name of ['alice', 'bob', 'carol', 'alice', 'bob']) {
        const browser = await it.signedOn(name, 'n1');
        await browser.post(`${A}/note?text=of-${name}`, { at: 'n1' }).expect(200);
        browsers.push({ name, browser });
      }
      // A machine without power ends no connection: the others go on sending to it.
      if (silenceMs > 0) await it.cluster.split([['n1']]);
      else await it.cluster.kill('n1');
      for (const { name, browser } of browsers) {
        const response = await browser.get(`${A}/protected/session`, { at: 'n2' }).expect(200);
        assert.deepEqual([response.body.user, response.body.note], [name, `of-${name}`]);
        assert.deepEqual(setCookies(response, ssoName), []);
      }
      const answers = await Promise.all(
        browsers.flatMap(({ browser }) =>
          ['n3', 'n2', 'n3', 'n3'].map((at) => browser.get(`${A}/protected/session`, { at })),
        ),
      );
      assert.deepEqual(
        answers.map(({ status }) => status),
        answers.map(() => 200),
      );
      assert.deepEqual(
        answers.map(({ body }) => body.note),
        browsers.flatMap(({ name }) => Array(4).fill(`of-${name}`)),
      );
      assert.deepEqual(it.causes(), []);
    },
  );
}

story('V85: what a dying node had acknowledged a moment ago is not lost', { nodes: three }, async (it) => {
  const browser = await it.signedOn('alice', 'n1');
  for (let visit = 1; visit <= 5; visit++) await browser.get(`${A}/protected/visits`, { at: 'n1' }).expect(200);
  await it.cluster.kill('n1');
  assert.equal((await see(browser, `${A}/protected/visits`, 'n3')).visits, 6);
  const late = await it.signedOn('bob', 'n2');
  await it.cluster.kill('n2');
  assert.equal(await guarded(late, A, 'n3'), 200, 'a sign-on is on two nodes before its cookie is sent');
});

const linksOnOneNode = { nodes: three, options: { maxEmptyLife: 300 }, apps: { a: { idleMs: 0 }, b: { idleMs: 0 } } };

story(
  'V86: the links of a dead node count no more: its sign-ons are empty from then on, and no logout is raised',
  linksOnOneNode,
  async (it) => {
    const early = await it.signedOn('alice', 'n1');
    const late = await it.signedOn('bob', 'n1');
    for (const browser of [early, late]) await browser.get(`${A}/protected/visits`, { at: 'n1' }).expect(200);
    await it.cluster.advance(10 * minutes);
    assert.deepEqual(it.causes(), [], 'while the node lives its sessions keep them');
    await it.cluster.kill('n1');
    await it.cluster.advance(4 * minutes);
    assert.equal(await guarded(early, A, 'n2'), 200, 'the empty life begins with the loss, not with the last request');
    await it.cluster.advance(2 * minutes);
    assert.equal(await guarded(late, A, 'n3'), 401);
    assert.equal(await guarded(early, A, 'n3'), 200, 'n2 serves its session: it is linked anew');
    assert.deepEqual(
      [...new Set(it.causes())].filter((cause) => cause !== 'empty'),
      [],
      'no logout',
    );
  },
);

story(
  'V86: the empty life begins with the loss, also when the dead node has come back meanwhile',
  linksOnOneNode,
  async (it) => {
    const browser = await it.signedOn('bob', 'n1');
    await browser.get(`${A}/protected/visits`, { at: 'n1' }).expect(200);
    await it.cluster.kill('n1');
    await it.cluster.advance(6 * minutes);
    assert.equal(await guarded(copyOf(it, browser), A, 'n2'), 401);
    await it.cluster.restart('n1');
    await it.cluster.settle();
    for (const at of three) assert.equal(await guarded(copyOf(it, browser), A, at), 401, `over is over, at ${at}`);
    await it.cluster.advance(2 * minutes);
    assert.deepEqual(
      three.map((at) => it.causes(at)),
      [[], ['empty'], ['empty']],
      'it ended while n1 was away',
    );
  },
);
