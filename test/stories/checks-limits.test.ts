/** Checks 25 to 30 of SECURITY.md, B: what runs out, and who comes after whom. "Node set" = every node of three. */

import assert from 'node:assert/strict';
import type { Browser } from '../../sso/testing/index.ts';
import type { Seen } from '../support/applications.ts';
import {
  A,
  accepted,
  B,
  C,
  guarded,
  minutes,
  type Story,
  seconds,
  see,
  setCookies,
  signOn,
  ssoName,
  story,
  three,
} from '../support/story.ts';

story(
  'check 25: one session that idles out ends alone, and the last one does not end the sign-on either',
  { apps: { a: { idleMs: minutes }, b: { idleMs: 10 * minutes } } },
  async (it) => {
    const browser = await it.signedOn();
    await browser.post(`${A}/note?text=a`).expect(200);
    await browser.post(`${B}/note?text=b`).expect(200);
    await it.cluster.advance(2 * minutes);
    assert.deepEqual(
      it.entries('n1', 'alice').map(({ sessions }) => sessions.map(({ app }) => app)),
      [['b']],
    );
    assert.equal((await see(browser, `${B}/protected/session`)).note, 'b');
    await it.cluster.advance(11 * minutes);
    assert.deepEqual(
      it.entries('n2', 'alice').map(({ sessions }) => sessions),
      [[]],
    );
    assert.equal(await guarded(browser, C, 'n2'), 200);
  },
);

const limits = { nodes: three, options: { idleMs: 2 * minutes, lifeMs: 12 * minutes, processExpiresInterval: 1e6 } };

story(
  'check 26: over its idle limit a sign-on is denied on every node, with no traffic and no sweeper',
  limits,
  async (it) => {
    const values = [(await it.signedOn('alice')).cookie(ssoName)!, (await it.signedOn('bob')).cookie(ssoName)!];
    await it.cluster.advance(100 * seconds);
    assert.equal(await guarded(await withCookie(it, values[0]!), A, 'n2'), 200, 'activity on one node');
    await it.cluster.advance(22 * seconds);
    assert.equal(await accepted(it, values[1]!), 0);
    assert.equal(await accepted(it, values[0]!), 9, 'counts on all');
    await it.cluster.advance(2 * minutes + 2 * seconds);
    assert.equal(await accepted(it, values[0]!), 0);
    assert.deepEqual([...new Set(it.causes())], ['idle']);
  },
);

story('check 26: a page that polls does not keep its user signed on', limits, async (it) => {
  const browser = await it.signedOn('alice');
  for (let i = 0; i < 6; i++) {
    await it.cluster.advance(21 * seconds);
    await browser
      .get(`${A}/public`, { at: three[i % 3]! })
      .set('Sec-Fetch-Mode', 'cors')
      .set('Sec-Fetch-Site', 'same-origin');
  }
  assert.equal(await accepted(it, browser.cookie(ssoName) ?? ''), 0);
});

story(
  'check 26: over its absolute limit a sign-on is denied on every node, also under continuous traffic',
  limits,
  async (it) => {
    const browser = await it.signedOn('alice');
    const value = browser.cookie(ssoName)!;
    for (let i = 1; i < 12; i++) {
      await it.cluster.advance(minutes);
      assert.equal(await guarded(browser, A, three[i % 3]), 200, `minute ${i}`);
    }
    await it.cluster.advance(minutes + 2 * seconds);
    assert.equal(await accepted(it, value), 0);
  },
);

story(
  'check 30: after another user signed on in the same browser nothing of the first one is left, whatever cookies went astray',
  {},
  async (it) => {
    const browser = await it.signedOn('alice');
    for (const app of [A, B]) await browser.post(`${app}/note?text=secret-of-alice`).expect(200);
    const left = [A, B].flatMap((app) =>
      browser
        .cookies(app)
        .filter(({ key }) => key !== ssoName && key !== '__Host-latchkey-known')
        .map((cookie) => ({ app, header: cookie.cookieString() })),
    );
    assert.equal(left.length, 2);
    const bobAlone = await it.signedOn('bob', 'n2');
    for (const { app, header } of left) {
      for (const at of ['n1', 'n2']) {
        const live = await it
          .browser()
          .get(`${app}/session`, { at })
          .set('Cookie', `${ssoName}=${bobAlone.cookie(ssoName)}; ${header}`)
          .expect(200);
        assert.deepEqual(
          [(live.body as Seen).user, (live.body as Seen).note],
          ['bob', ''],
          "while alice's sign-on lives",
        );
      }
    }
    await browser.post(`${A}/logout`).expect(200);
    for (const { app, header } of left) browser.jar.take(new URL(app), [`${header}; Path=/; Secure`]);
    await signOn(browser, 'bob', 'n2').expect(200);
    for (const app of [A, B]) {
      for (const at of ['n1', 'n2']) {
        const seen = await see(browser, `${app}/session`, at);
        assert.deepEqual([seen.user, seen.note], ['bob', ''], 'after her logout');
      }
    }
  },
);

story('check 30: a session that alice left behind without a logout is not handed to bob', {}, async (it) => {
  const browser = await it.signedOn('alice');
  for (const app of [A, B]) await browser.post(`${app}/note?text=secret-of-alice`).expect(200);
  await signOn(browser, 'bob', 'n2').expect(200);
  for (const app of [A, B, C]) {
    const seen = await see(browser, `${app}/session`, 'n1');
    assert.deepEqual([seen.user, seen.note], ['bob', '']);
  }
});

/** A browser with nothing but this SSO cookie. */
async function withCookie(it: Story, value: string): Promise<Browser> {
  const browser = it.browser();
  browser.jar.take(new URL(A), [`${ssoName}=${value}; Domain=xyz.test; Path=/; Secure`]);
  assert.equal(setCookies(await browser.get(`${A}/public`), ssoName).length, 0);
  return browser;
}
