/** Checks 15 to 24 of SECURITY.md, B: new ids, and logouts. "Node set" = every node of three. */

import assert from 'node:assert/strict';
import type { Receipt } from '../../sso/index.ts';
import type { Browser } from '../../sso/testing/index.ts';
import { passwordOf } from '../support/applications.ts';
import { A, accepted, B, C, copyOf, guarded, see, signOn, ssoName, story, three, who } from '../support/story.ts';

story(
  'check 15: an id planted by cookie, query, header or body is denied on all nodes after the victim signed on',
  { nodes: three },
  async (it) => {
    const attacker = it.browser();
    await attacker.post(`${A}/note?text=planted`).expect(200);
    const session = attacker.cookie('__Host-latchkey-a')!;
    const planted = (await it.signedOn('carol')).cookie(ssoName)!;
    const victim = it.browser();
    victim.jar.take(new URL(A), [
      `${ssoName}=${planted}; Domain=xyz.test; Path=/; Secure`,
      `__Host-latchkey-a=${session}; Path=/; Secure`,
    ]);
    await victim
      .post(`${A}/login?${ssoName}=${planted}&sid=${session}`)
      .set('X-Session-Id', session)
      .send({ username: 'alice', password: passwordOf('alice'), [ssoName]: planted })
      .expect(200);
    assert.notEqual(victim.cookie(ssoName), planted);
    assert.notEqual(victim.cookie('__Host-latchkey-a')?.split('.')[0], session.split('.')[0]);
    assert.equal(await accepted(it, planted), 0);
    await victim.post(`${A}/note?text=of-the-victim`, { at: 'n2' }).expect(200);
    for (const at of three) {
      const seen = await see(attacker, `${A}/session`, at);
      assert.equal(seen.user, null);
      assert.notEqual(seen.note, 'of-the-victim', 'the attacker shares nothing with the victim');
    }
    await attacker.post(`${A}/note?text=of-the-attacker`, { at: 'n3' }).expect(200);
    assert.equal((await see(victim, `${A}/session`, 'n1')).note, 'of-the-victim');
  },
);

story(
  'check 16: signing on while signed on gives a new id each time, and the old one is denied everywhere; a change of roles keeps it',
  { nodes: three },
  async (it) => {
    const browser = await it.signedOn('alice', 'n1');
    const ids = [browser.cookie(ssoName)!];
    for (const [path, at] of [
      ['/login', 'n2'],
      ['/by-hand/open?name=alice', 'n3'],
      ['/login', 'n1'],
    ] as const) {
      if (path === '/login') await signOn(browser, 'alice', at).expect(200);
      else await browser.post(A + path, { at }).expect(200);
      const id = browser.cookie(ssoName)!;
      assert.ok(!ids.includes(id));
      for (const old of ids) assert.equal(await accepted(it, old), 0);
      assert.equal(await accepted(it, id), 9);
      ids.push(id);
    }
    await it.cluster.at('n2').sso.setRoles('alice', ['customer', 'admin']);
    await browser.get(`${A}/admin`, { at: 'n3' }).expect(200);
    assert.equal(browser.cookie(ssoName), ids.at(-1));
  },
);

story(
  "check 17: a form token from before the sign-on is worth nothing after it, nor is another visitor's",
  {},
  async (it) => {
    const browser = it.browser();
    const { token: before } = (await browser.get(`${A}/form-token`).expect(200)).body as { token: string };
    const { token: foreign } = (await it.browser().get(`${A}/form-token`).expect(200)).body as { token: string };
    const post = (csrf: string) =>
      browser.post(`${A}/login`).send({ username: 'alice', password: passwordOf('alice'), csrf });
    await post(foreign).expect(403);
    await post('').expect(403);
    assert.equal(await who(browser, A), null);
    const visitor = '__Host-latchkey-pre';
    const tossed = `${visitor}=${browser.cookie(visitor)}; ${visitor}=${'A'.repeat(43)}`;
    await post(before).set('Cookie', tossed).expect(403);
    await post(before).expect(200);
    await post(before).expect(403);
    await browser.post(`${A}/logout`).send({ csrf: before }).expect(403);
    assert.equal(await who(browser, A), 'alice');
    const { token: after } = (await browser.get(`${A}/form-token`).expect(200)).body as { token: string };
    await browser.post(`${A}/logout`).send({ csrf: after }).expect(200);
  },
);

story(
  'check 18: after a logout is acknowledged no probe on any node, with any cookie of it, is let in',
  { nodes: three },
  async (it) => {
    const browser = await it.signedOn('alice', 'n1');
    for (const [app, at] of [
      [A, 'n1'],
      [B, 'n2'],
      [C, 'n3'],
    ] as const)
      await browser.post(`${app}/note?text=mine`, { at }).expect(200);
    const copy = copyOf(it, browser);
    const receipt = (await browser.post(`${A}/logout`, { at: 'n1' }).expect(200)).body as Receipt;
    assert.equal(receipt.state, 'complete');
    const probes = Array.from({ length: 12 }, () =>
      [A, B, C].flatMap((app) => ['n2', 'n3', 'n1'].map((at) => ({ app, at }))),
    ).flat();
    for (const { app, at } of probes) {
      const cookies = copy
        .cookies(app)
        .map((cookie) => cookie.cookieString())
        .join('; ');
      const response = await it.browser().get(`${app}/protected/session`, { at }).set('Cookie', cookies);
      assert.ok(response.status === 401 || response.status === 403, `${response.status} from ${app} at ${at}`);
    }
  },
);

story('check 18: nor one that is under way on all nodes while the logout is made', { nodes: three }, async (it) => {
  const browser = await it.signedOn('alice', 'n1');
  const cookie = `${ssoName}=${browser.cookie(ssoName)}`;
  let acknowledged = false;
  let late = 0;
  let probes = 0;
  const hammer = async (at: string): Promise<void> => {
    for (let after = 0; after < 10; ) {
      const begun = acknowledged;
      const { status } = await it.browser().get(`${B}/protected`, { at }).set('Cookie', cookie);
      probes++;
      if (begun) after++;
      if (begun && status === 200) late++;
    }
  };
  const hammers = three.flatMap((at) => [hammer(at), hammer(at)]);
  await browser.post(`${A}/logout`, { at: 'n2' }).expect(200);
  acknowledged = true;
  await Promise.all(hammers);
  assert.ok(probes > 60);
  assert.equal(late, 0);
});

story(
  'check 21: an old SSO id that is shown again at the sign-on page stays dead, and the new sign-on has another',
  { nodes: three },
  async (it) => {
    const browser = await it.signedOn('alice', 'n1');
    const old = browser.cookie(ssoName)!;
    const copy = copyOf(it, browser);
    await browser.post(`${A}/logout`).expect(200);
    const page = await copy.visit(`${A}/login`, { at: 'n2' });
    assert.equal(page.status, 200);
    copy.jar.take(new URL(A), [`${ssoName}=${old}; Domain=xyz.test; Path=/; Secure`]);
    await signOn(copy, 'alice', 'n3').expect(200);
    assert.notEqual(copy.cookie(ssoName), old);
    assert.equal(await accepted(it, old), 0);
    assert.equal(await accepted(it, copy.cookie(ssoName)!), 9);
  },
);

story('check 22: a logout ends the whole sign-on or says that it ended nothing', {}, async (it) => {
  const browser = await it.signedOn();
  await browser.post(`${A}/note?text=x`).expect(200);
  const session = browser.cookie('__Host-latchkey-a')!;
  const sso = browser.cookie(ssoName)!;
  for (const path of ['/logout', '/by-hand/logout']) {
    await it
      .browser()
      .post(A + path)
      .set('Cookie', `__Host-latchkey-a=${session}`)
      .expect(401);
    await it
      .browser()
      .post(A + path)
      .set('Authorization', `Bearer ${sso}`)
      .expect(401);
    assert.equal(await guarded(browser, B), 200);
  }
  const receipt = (await it.browser().post(`${A}/logout`).set('Cookie', `${ssoName}=${sso}`).expect(200))
    .body as Receipt;
  assert.deepEqual(
    receipt.applications.map(({ app }) => app).sort(),
    ['a', 'b'],
    'with the SSO cookie alone the sessions end, too',
  );
  assert.equal(await guarded(browser, B), 401);
});

story('check 23: the ids of others in a logout request end nothing of theirs', {}, async (it) => {
  const victim = await it.signedOn('bob', 'n2');
  await victim.post(`${A}/note?text=x`).expect(200);
  const theirs = {
    sid: victim.cookie('__Host-latchkey-a')!,
    sso: victim.cookie(ssoName)!,
    id: String(it.entries('n1', 'bob')[0]!.id),
  };
  const attempts: ((browser: Browser) => Promise<unknown>)[] = [
    (browser) =>
      browser
        .post(`${A}/logout?sid=${theirs.sid}&id=${theirs.id}&token=${theirs.sso}`)
        .send({ ...theirs, name: 'bob', username: 'bob' }),
    (browser) =>
      browser.post(`${A}/logout`).set('X-Session-Id', theirs.sid).set('Authorization', `Bearer ${theirs.sso}`),
    (browser) =>
      browser
        .post(`${A}/logout`)
        .set('Cookie', `${ssoName}=${browser.cookie(ssoName)}; __Host-latchkey-a=${theirs.sid}`),
    (browser) =>
      browser
        .post(`${A}/destroy`)
        .set('Cookie', `${ssoName}=${browser.cookie(ssoName)}; __Host-latchkey-a=${theirs.sid}`),
    () => it.browser().post(`${A}/destroy`).set('Cookie', `__Host-latchkey-a=${theirs.sid}`),
    () => it.browser().post(`${A}/destroy-by-store`).set('Cookie', `__Host-latchkey-a=${theirs.sid}`),
    () => it.browser().post(`${A}/regenerate`).set('Cookie', `__Host-latchkey-a=${theirs.sid}`),
    () => it.browser().post(`${B}/destroy`).set('Cookie', `__Host-latchkey-b=${theirs.sid}`),
  ];
  for (const [i, attempt] of attempts.entries()) {
    await attempt(await it.signedOn('alice'));
    assert.equal((await see(victim, `${A}/protected/session`, 'n1')).note, 'x', `attempt ${i}`);
  }
  assert.ok(it.ends.every(({ name }) => name === 'alice'));
});

story('check 24: a session whose id has changed ends with the sign-on', { nodes: three }, async (it) => {
  const browser = await it.signedOn();
  await browser.post(`${A}/regenerate`, { at: 'n2' }).expect(200);
  await browser.post(`${A}/note?text=after`, { at: 'n3' }).expect(200);
  const copy = copyOf(it, browser);
  const receipt = (await browser.post(`${B}/logout`, { at: 'n1' }).expect(200)).body as Receipt;
  assert.equal(receipt.sessions, 1);
  for (const at of three) assert.equal((await see(copyOf(it, copy), `${A}/session`, at)).note, '');
});
