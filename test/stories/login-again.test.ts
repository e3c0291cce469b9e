/** Stories of VALVE-BEHAVIOUR.md 2.5: signing on again, ids that change, and signing off. */

import assert from 'node:assert/strict';
import type { Receipt } from '../../sso/index.ts';
import type { Seen } from '../support/applications.ts';
import {
  A,
  B,
  C,
  copyOf,
  deletes,
  guarded,
  minutes,
  seconds,
  see,
  setCookies,
  signOn,
  specification,
  ssoName,
  story,
  who,
  whoEverywhere,
} from '../support/story.ts';

const sessionName = '__Host-latchkey-a';

story(
  'V60: a planted SSO id is never adopted: who signs on gets a new one, and the planted one is dead on all nodes',
  { nodes: ['n1', 'n2', 'n3'] },
  async (it) => {
    const attacker = await it.signedOn('carol', 'n2');
    const planted = attacker.cookie(ssoName)!;
    const ended = await it.signedOn('bob', 'n2');
    const endedId = ended.cookie(ssoName)!;
    await ended.post(`${A}/logout`).expect(200);
    for (const value of [planted, endedId]) {
      const victim = it.browser();
      victim.jar.take(new URL(A), [`${ssoName}=${value}; Domain=xyz.test; Path=/; Secure; HttpOnly`]);
      await signOn(victim, 'alice', 'n1').expect(200);
      assert.notEqual(victim.cookie(ssoName), value);
      assert.deepEqual(await whoEverywhere(it, victim), ['alice', 'alice', 'alice']);
      for (const { name } of it.cluster.nodes) {
        const response = await it.browser().get(`${A}/public`, { at: name }).set('Cookie', `${ssoName}=${value}`);
        assert.equal((response.body as Seen).user, null);
      }
    }
    assert.deepEqual(
      it.ends.filter(({ name }) => name === 'carol').map(({ cause }) => cause),
      ['replaced', 'replaced', 'replaced'],
    );
  },
);

story(
  "V61: the application's session id changes at sign-on, its content moves, and a logout still ends it",
  {},
  async (it) => {
    const browser = it.browser();
    await browser.post(`${A}/note?text=basket`).expect(200);
    const anonymous = copyOf(it, browser);
    const before = browser.cookie(sessionName)!;
    const response = await signOn(browser, 'alice', 'n1').expect(200);
    assert.equal(setCookies(response, sessionName).length, 1);
    assert.notEqual(browser.cookie(sessionName)!.split('.')[0], before.split('.')[0]);
    assert.equal((await see(browser, `${A}/session`, 'n2')).note, 'basket');
    assert.equal((await see(anonymous, `${A}/session`, 'n2')).note, '', 'the old id opens nothing');
    const receipt = (await browser.post(`${B}/logout`, { at: 'n2' }).expect(200)).body as Receipt;
    assert.deepEqual(receipt.applications, [{ app: 'a', sessions: 1 }]);
  },
);

story('V62: a session whose id has just changed on one node ends with a logout on another', {}, async (it) => {
  const browser = await it.signedOn();
  await browser.post(`${A}/note?text=old`, { at: 'n1' }).expect(200);
  const before = browser.cookie(sessionName);
  await browser.post(`${A}/regenerate`, { at: 'n1' }).expect(200);
  await browser.post(`${A}/note?text=new`, { at: 'n1' }).expect(200);
  assert.notEqual(browser.cookie(sessionName), before);
  const copy = copyOf(it, browser);
  const receipt = (await browser.post(`${B}/logout`, { at: 'n2' }).expect(200)).body as Receipt;
  assert.deepEqual(receipt.applications, [{ app: 'a', sessions: 1 }], 'the renamed one, and the old one no more');
  assert.equal((await see(copy, `${A}/session`, 'n1')).note, '');
  assert.equal(await guarded(copy, A, 'n1'), 401);
});

story('V61: regenerate starts empty, keeps the sign-on and keeps the link', {}, async (it) => {
  const browser = await it.signedOn();
  await browser.post(`${A}/note?text=old`).expect(200);
  const seen = (await browser.post(`${A}/regenerate`).expect(200)).body as Seen;
  assert.deepEqual([seen.user, seen.note], ['alice', '']);
  assert.deepEqual(it.causes(), []);
  await it.cluster.settle();
  assert.deepEqual(
    it.entries('n2', 'alice').map(({ sessions }) => sessions.map(({ app }) => app)),
    [['a']],
  );
});

story(
  'V63: a logout in code is known in the rest of its request, and ends all sessions of all applications',
  {},
  async (it) => {
    const browser = await it.signedOn();
    for (const app of [A, B, C]) await browser.post(`${app}/note?text=kept`).expect(200);
    const copy = copyOf(it, browser);
    const body = (await browser.post(`${A}/by-hand/logout`).expect(200)).body as { receipt: Receipt; after: Seen };
    assert.deepEqual([body.after.user, body.after.roles], [null, []]);
    assert.deepEqual([body.receipt.state, body.receipt.cause, body.receipt.sessions], ['complete', 'logout', 3]);
    assert.deepEqual([...body.receipt.nodes.confirmed].sort(), ['n1', 'n2']);
    for (const at of ['n1', 'n2']) {
      for (const app of [A, B, C]) {
        assert.notEqual(await guarded(copyOf(it, copy), app, at), 200);
        assert.equal((await see(copyOf(it, copy), `${app}/session`, at)).note, '');
      }
    }
  },
);

story('V64: a logout while nobody is signed on creates nothing: no sign-on, no session, no cookie', {}, async (it) => {
  for (const path of ['/logout', '/by-hand/logout']) {
    const browser = it.browser();
    const response = await browser.post(A + path).expect(401);
    assert.deepEqual(setCookies(response), []);
  }
  assert.deepEqual(it.entries('n1'), []);
  assert.deepEqual(it.causes(), []);
});

story('V65: signing off and on as another in one request leaves one cookie, of the second user', {}, async (it) => {
  const browser = await it.signedOn('alice');
  await browser.post(`${A}/note?text=of-alice`).expect(200);
  await browser.post(`${B}/note?text=of-alice`).expect(200);
  const copy = copyOf(it, browser);
  const old = browser.cookie(ssoName);
  const response = await browser.post(`${A}/by-hand/switch?name=bob`).expect(200);
  const cookies = setCookies(response, ssoName);
  assert.equal(cookies.filter((cookie) => !deletes(cookie)).length, 1);
  assert.ok(!deletes(cookies.at(-1)!), 'the last word is the new cookie');
  assert.notEqual(browser.cookie(ssoName), old);
  assert.deepEqual(await whoEverywhere(it, browser), ['bob', 'bob']);
  for (const app of [A, B]) assert.equal((await see(browser, `${app}/session`)).note, '', "nothing of alice's is left");
  assert.deepEqual(await whoEverywhere(it, copy), [null, null]);
});

for (const path of ['/logout', '/by-hand/logout', '/destroy']) {
  story(`V66: the answer to ${path} deletes the SSO cookie and the application's session cookie`, {}, async (it) => {
    const browser = it.browser();
    const signed = await signOn(browser, 'alice', 'n1').expect(200);
    const noted = await browser.post(`${A}/note?text=x`).expect(200);
    const [sso] = setCookies(signed, ssoName);
    const session = setCookies(noted, sessionName)[0] ?? setCookies(signed, sessionName)[0];
    const response = await browser.post(A + path).expect(200);
    for (const issued of [sso!, session!]) {
      const deletions = setCookies(response, issued.key).filter(deletes);
      assert.ok(
        deletions.some((cookie) => JSON.stringify(specification(cookie)) === JSON.stringify(specification(issued))),
        issued.key,
      );
    }
    // What remembers that somebody signed on from this browser lets nobody in, and stays.
    assert.deepEqual(
      browser.cookies(A).map(({ key }) => key),
      ['__Host-latchkey-known'],
    );
  });
}

for (const at of ['n1', 'n2'] as const) {
  story(`V67: a request under way on ${at} when its sign-on ends saves nothing and sets no cookie`, {}, async (it) => {
    const browser = await it.signedOn();
    await browser.post(`${B}/note?text=before`, { at }).expect(200);
    const copy = copyOf(it, browser);
    const gate = it.gates.close('slow');
    const slow = copy.post(`${B}/slow/note?gate=slow&text=late`, { at }).then((response) => response);
    await gate.reached;
    const receipt = (await browser.post(`${A}/logout`, { at: 'n1' }).expect(200)).body as Receipt;
    assert.equal(receipt.state, 'complete');
    gate.open();
    const cookies = setCookies(await slow);
    assert.ok(cookies.every(deletes), `${cookies}`);
    await it.cluster.settle();
    for (const node of ['n1', 'n2']) {
      assert.equal((await see(copyOf(it, copy), `${B}/session`, node)).note, '', node);
      assert.equal(await guarded(copyOf(it, copy), B, node), 401);
      assert.deepEqual(it.entries(node), []);
    }
    await signOn(copy, 'alice', at).expect(200);
    assert.equal((await see(copy, `${B}/session`, at)).note, '', 'nor for the next sign-on');
  });
}

story(
  'V67: a sign-on that is ended while its own answer is under way sets no cookie',
  {
    apps: {
      more: (app, sso) => {
        app.post('/open-and-end', async (req, res) => {
          await req.sso.open({ name: 'carol', roles: [] });
          await sso.endSubject('carol');
          res.json({});
        });
      },
    },
  },
  async (it) => {
    const browser = it.browser();
    const response = await browser.post(`${A}/open-and-end`).expect(200);
    assert.ok(setCookies(response, ssoName).every(deletes));
    assert.equal(await who(browser, A), null);
  },
);

story('V69: two logouts at the same time on two nodes both succeed, with one effect', {}, async (it) => {
  const browser = await it.signedOn();
  const copies = [copyOf(it, browser), copyOf(it, browser), copyOf(it, browser)];
  const answers = await Promise.all([
    copies[0]!.post(`${A}/logout`, { at: 'n1' }),
    copies[1]!.post(`${A}/logout`, { at: 'n2' }),
    copies[2]!.post(`${B}/logout`, { at: 'n1' }),
  ]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200],
  );
  await it.cluster.settle();
  assert.deepEqual([it.causes('n1'), it.causes('n2')], [['logout'], ['logout']], 'told once on each node');
});

story(
  'V70: the same session id in two applications is two sessions: the timeout of one leaves the other',
  {
    apps: {
      a: { genid: () => 'the-one-id-of-both', idleMs: minutes },
      b: { genid: () => 'the-one-id-of-both', idleMs: 60 * minutes },
    },
  },
  async (it) => {
    const browser = await it.signedOn();
    await browser.post(`${A}/note?text=of-a`).expect(200);
    await browser.post(`${B}/note?text=of-b`).expect(200);
    assert.equal((await see(browser, `${A}/session`)).note, 'of-a');
    assert.equal((await see(browser, `${B}/session`)).note, 'of-b');
    await it.cluster.advance(90 * seconds);
    assert.equal((await see(browser, `${B}/protected/session`, 'n2')).note, 'of-b');
    assert.deepEqual(
      it.entries('n2', 'alice').map(({ sessions }) => sessions.map(({ app }) => app)),
      [['b']],
    );
  },
);

story('V71: two sessions of one application under one sign-on both end with it', {}, async (it) => {
  const browser = await it.signedOn();
  await browser.post(`${B}/note?text=first`).expect(200);
  const profile = it.browser();
  profile.jar.take(
    new URL(A),
    browser
      .cookies(A)
      .filter(({ key }) => key === ssoName)
      .map((cookie) => cookie.toString()),
  );
  await profile.post(`${B}/note?text=second`, { at: 'n2' }).expect(200);
  assert.equal((await see(browser, `${B}/session`)).note, 'first');
  assert.equal((await see(profile, `${B}/session`)).note, 'second');
  const copies = [copyOf(it, browser), copyOf(it, profile)];
  const receipt = (await browser.post(`${A}/logout`).expect(200)).body as Receipt;
  assert.deepEqual(
    receipt.applications.find(({ app }) => app === 'b'),
    { app: 'b', sessions: 2 },
  );
  for (const copy of copies) assert.equal((await see(copy, `${B}/session`, 'n2')).note, '');
});

story(
  'V72: an administrator ends a user: the next request of any of their sign-ons is challenged, on every node',
  { nodes: ['n1', 'n2', 'n3'] },
  async (it) => {
    const browsers = [
      await it.signedOn('alice', 'n1'),
      await it.signedOn('alice', 'n2'),
      await it.signedOn('alice', 'n3'),
    ];
    const other = await it.signedOn('bob', 'n1');
    // Until T after a start, leases of former lives, which nobody remembers, may run.
    await it.cluster.advance(7 * seconds);
    const receipt = await it.cluster.at('n3').sso.endSubject('alice', { cause: 'administrator' });
    assert.deepEqual([receipt.state, receipt.cause], ['complete', 'administrator']);
    for (const browser of browsers) {
      for (const { name } of it.cluster.nodes) assert.equal(await guarded(copyOf(it, browser), A, name), 401, name);
    }
    assert.deepEqual(it.causes('n1'), ['administrator', 'administrator', 'administrator']);
    assert.equal(await who(other, A, 'n3'), 'bob');
    await signOn(browsers[0]!, 'alice', 'n2').expect(200);
    assert.deepEqual(await whoEverywhere(it, browsers[0]!), ['alice', 'alice', 'alice'], 'and may sign on again');
  },
);

story('V72: each end of a user tells its own cause, on every node', {}, async (it) => {
  for (const [at, cause] of [
    ['n1', 'subject-ended'],
    ['n2', 'administrator'],
    ['n1', 'subject-ended'],
  ] as const) {
    const browser = await it.signedOn('alice', at);
    await it.cluster.at(at).sso.endSubject('alice', { cause });
    assert.deepEqual(await whoEverywhere(it, browser), [null, null]);
    assert.deepEqual([it.causes('n1').at(-1), it.causes('n2').at(-1)], [cause, cause]);
    await it.cluster.advance(seconds);
  }
});

story('leave() ends the session of one application; the sign-on and the others go on', {}, async (it) => {
  const browser = await it.signedOn();
  await browser.post(`${A}/note?text=of-a`).expect(200);
  await browser.post(`${B}/note?text=of-b`).expect(200);
  const copy = copyOf(it, browser);
  await browser.post(`${A}/leave`).expect(200);
  assert.equal((await see(copy, `${A}/session`)).note, '');
  assert.equal((await see(browser, `${B}/protected/session`)).note, 'of-b');
  assert.deepEqual(it.causes(), []);
});
