/** Stories of VALVE-BEHAVIOUR.md 2.2: ids that are unknown, stale, doubled or malformed, and who counts as known. */

import assert from 'node:assert/strict';
import type { Principal } from '../../sso/index.ts';
import type { Browser } from '../../sso/testing/index.ts';
import { passwordOf, type Seen } from '../support/applications.ts';
import {
  A,
  B,
  copyOf,
  deletes,
  guarded,
  minutes,
  type Story,
  see,
  setCookies,
  signOn,
  specification,
  ssoName,
  story,
  who,
  whoEverywhere,
} from '../support/story.ts';

/** A browser whose SSO cookie names a sign-on that was ended from elsewhere. */
async function withStaleCookie(it: Story): Promise<Browser> {
  const browser = await it.signedOn();
  const copy = copyOf(it, browser);
  await browser.post(`${A}/logout`).expect(200);
  return copy;
}

story('V20: a cookie whose sign-on is gone is deleted, and the request goes on anonymous', {}, async (it) => {
  const browser = await withStaleCookie(it);
  const response = await browser.get(`${A}/public`, { at: 'n2' }).expect(200);
  assert.equal((response.body as Seen).user, null);
  const cookies = setCookies(response, ssoName);
  assert.ok(cookies.length > 0 && cookies.every(deletes));
  assert.equal(browser.cookie(ssoName), undefined, 'the browser has let go of it');
});

story('V21: the deletion carries the name, path, domain and flags of the issue, so it hits', {}, async (it) => {
  const [issued] = setCookies(await signOn(it.browser(), 'bob', 'n1'), ssoName);
  const browser = await withStaleCookie(it);
  const deletions = setCookies(await browser.get(`${A}/public`).expect(200), ssoName);
  assert.ok(
    deletions.some((cookie) => JSON.stringify(specification(cookie)) === JSON.stringify(specification(issued!))),
  );
});

story('V22: right credentials beside an unknown id sign on, and one SSO cookie wins', {}, async (it) => {
  const stale = await withStaleCookie(it);
  for (const value of [stale.cookie(ssoName)!, 'A'.repeat(70), 'no token at all']) {
    const response = await it
      .browser()
      .get(`${B}/protected`)
      .set('Cookie', `${ssoName}=${value}`)
      .auth('bob', passwordOf('bob'))
      .expect(200);
    assert.equal((response.body as Seen).user, 'bob');
    const last = setCookies(response, ssoName).at(-1)!;
    assert.equal(setCookies(response, ssoName).filter((cookie) => !deletes(cookie)).length, 1);
    assert.ok(!deletes(last) && last.value !== value);
  }
});

story(
  "V22: someone else's credentials beside a valid cookie decide: the old sign-on ends as replaced",
  {},
  async (it) => {
    const browser = await it.signedOn('alice');
    const copy = copyOf(it, browser);
    await browser.get(`${B}/protected`).auth('bob', 'wrong').expect(401);
    assert.equal(await who(browser, A), 'alice', 'wrong ones change nothing');
    const before = browser.cookie(ssoName);
    const own = await browser.get(`${B}/protected`).auth('alice', passwordOf('alice')).expect(200);
    assert.deepEqual(setCookies(own, ssoName), [], 'nor do her own');
    const response = await browser.get(`${B}/protected`, { at: 'n2' }).auth('bob', passwordOf('bob')).expect(200);
    assert.equal((response.body as Seen).user, 'bob');
    assert.notEqual(browser.cookie(ssoName), before);
    assert.deepEqual(await whoEverywhere(it, copy), [null, null]);
    assert.deepEqual(it.causes('n1'), ['replaced']);
  },
);

story('V22: a Basic client without cookies has one sign-on, not one for each request', {}, async (it) => {
  for (let i = 0; i < 5; i++) {
    await it.browser().get(`${B}/protected`, { at: 'n1' }).auth('bob', passwordOf('bob')).expect(200);
  }
  assert.equal(it.entries('n1', 'bob').length, 1);
});

story(
  'V23: of two cookies the one whose sign-on is open is used, set anew, and the others are deleted',
  {},
  async (it) => {
    const stale = (await withStaleCookie(it)).cookie(ssoName)!;
    const open = (await it.signedOn('bob')).cookie(ssoName)!;
    for (const values of [
      [open, stale],
      [stale, open],
      [open, 'garbage'],
      ['garbage', open],
    ]) {
      const response = await it
        .browser()
        .get(`${B}/protected`)
        .set('Cookie', values.map((value) => `${ssoName}=${value}`).join('; '))
        .expect(200);
      assert.equal((response.body as Seen).user, 'bob');
      const cookies = setCookies(response, ssoName);
      assert.deepEqual(
        cookies.filter((cookie) => !deletes(cookie)).map(({ value, domain }) => [value, domain]),
        [[open, 'xyz.test']],
      );
      assert.ok(
        cookies.some((cookie) => deletes(cookie) && cookie.domain === null),
        'a host-only variant is taken away',
      );
      assert.ok(!deletes(cookies.at(-1)!));
    }
  },
);

const moving = (node: string) =>
  node === 'n1'
    ? { cookieDomain: 'xyz.test', cookieName: '__Secure-sso' }
    : { cookieDomain: 'app1.xyz.test', cookieName: '__Secure-sso', previousCookieDomains: ['xyz.test'] };

story(
  'V23: a cookie of the previous cookieDomain still counts, and a new sign-on leaves one that works',
  { options: moving },
  async (it) => {
    const browser = it.browser();
    await signOn(browser, 'alice', 'n1').expect(200);
    assert.equal(await who(browser, A, 'n2'), 'alice', 'changing the domain signs nobody out');
    await signOn(browser, 'bob', 'n2').expect(200);
    for (let visit = 0; visit < 3; visit++) assert.equal(await who(browser, A, 'n2'), 'bob');
    assert.equal(browser.cookies(A).filter(({ key }) => key === '__Secure-sso').length, 1, 'the old cookie is gone');
    await browser.post(`${A}/logout`, { at: 'n2' }).expect(200);
    assert.deepEqual(
      browser.cookies(A).filter(({ key }) => key === '__Secure-sso'),
      [],
    );
  },
);

const firstDomain = (node: string) => (node === 'n1' ? {} : { cookieDomain: 'xyz.test', previousCookieDomains: ['/'] });

story(
  'V23: an installation that gets its first cookieDomain signs nobody out',
  { hostOnly: true, options: firstDomain },
  async (it) => {
    const browser = it.browser();
    await signOn(browser, 'alice', 'n1').expect(200);
    assert.equal(await who(browser, A, 'n2'), 'alice');
    assert.equal(await who(browser, A, 'n2'), 'alice');
    assert.equal(await who(browser, B, 'n2'), 'alice', 'and the new domain shares it');
  },
);

story(
  'V24: a malformed id is unknown: no exception, no question to the cluster, and the cookie goes',
  {},
  async (it) => {
    const genuine = (await it.signedOn()).cookie(ssoName)!;
    await it.cluster.split([['n1'], ['n2']]);
    const flipped = genuine.slice(0, 20) + (genuine[20] === 'A' ? 'B' : 'A') + genuine.slice(21);
    const values = [
      '',
      'x',
      'A'.repeat(8_000),
      genuine.slice(1),
      `${genuine}A`,
      `"${genuine}x"`,
      flipped,
      `${genuine.slice(0, 35)}.${genuine.slice(36)}`,
      '%0d%0aSet-Cookie:%20x=y',
      '../../etc',
      'j:{"$ne":1}',
      '\u00ff\u00fe',
    ];
    for (const value of values) {
      const before = it.cluster.now();
      const response = await it
        .browser()
        .get(`${A}/protected`, { at: 'n2' })
        .set('Cookie', `${ssoName}=${value}`)
        .expect(401);
      assert.ok(it.cluster.now() - before < 200, `asked the others for ${value}`);
      const cookies = setCookies(response, ssoName);
      assert.ok(cookies.every(deletes));
      if (value !== '') assert.ok(cookies.length > 0, `kept ${value}`);
    }
    assert.ok(
      it.cluster
        .at('n2')
        .log.lines.every(
          ({ fields, message }) => !/\n/.test(message) && !JSON.stringify(fields).includes('Set-Cookie: x'),
        ),
    );
  },
);

story('V25: a public page knows who is signed on, and the session it makes ends with the sign-on', {}, async (it) => {
  const browser = await it.signedOn();
  const seen = await see(browser, `${B}/public`, 'n2');
  assert.equal(seen.user, 'alice');
  await browser.post(`${B}/note?text=basket`, { at: 'n2' }).expect(200);
  assert.deepEqual(
    it
      .entries('n2', 'alice')[0]
      ?.sessions.map(({ app }) => app)
      .sort(),
    ['a', 'b'],
  );
  const copy = copyOf(it, browser);
  const receipt = (await browser.post(`${A}/logout`, { at: 'n1' }).expect(200)).body as { sessions: number };
  assert.equal(receipt.sessions, 2);
  await signOn(copy, 'alice', 'n2').expect(200);
  assert.equal((await see(copy, `${B}/session`, 'n2')).note, '');
});

story(
  'V25: a session that an anonymous visitor filled is linked as soon as its application sees the sign-on',
  {},
  async (it) => {
    const browser = it.browser();
    await browser.post(`${B}/note?text=basket`).expect(200);
    await signOn(browser, 'alice', 'n1').expect(200);
    assert.equal((await see(browser, `${B}/session`)).note, 'basket', 'the visitor keeps what was collected');
    assert.deepEqual(
      it
        .entries('n1', 'alice')[0]
        ?.sessions.map(({ app }) => app)
        .sort(),
      ['a', 'b'],
    );
    const copy = copyOf(it, browser);
    await browser.post(`${A}/logout`).expect(200);
    assert.equal((await see(copy, `${B}/session`)).note, '');
  },
);

story(
  'V26: a front proxy is believed through principalFrom alone, and then no SSO cookie is looked at',
  {
    options: {
      principalFrom: (req): Principal | undefined =>
        req.headers['x-front'] === 'secret' ? { name: 'carol', roles: ['front'] } : undefined,
    },
  },
  async (it) => {
    const browser = await it.signedOn();
    const front = await browser.get(`${A}/protected`).set('X-Front', 'secret').expect(200);
    assert.deepEqual(
      [(front.body as Seen).user, (front.body as Seen).how, (front.body as Seen).roles],
      ['carol', 'front', ['front']],
    );
    const stale = await it
      .browser()
      .get(`${A}/protected`)
      .set('X-Front', 'secret')
      .set('Cookie', `${ssoName}=garbage`)
      .expect(200);
    assert.deepEqual(setCookies(stale, ssoName), [], 'not looked at, so not deleted');
    assert.equal(await who(browser, A), 'alice');
  },
);

const planted: NonNullable<Parameters<typeof story>[1]['apps']>['before'] = (req, _res, next) => {
  Object.assign(req, { user: { name: 'mallory', roles: ['admin'] }, auth: { user: 'mallory' } });
  next();
};

story(
  'V26: without principalFrom neither req.user nor a header makes anybody known',
  { apps: { before: planted } },
  async (it) => {
    const response = await it
      .browser()
      .get(`${A}/protected`)
      .set({ 'X-Remote-User': 'mallory', 'X-Forwarded-User': 'mallory', 'X-Front': 'secret' });
    assert.equal(response.status, 401);
  },
);

/** Accounts that a directory no longer has. */
const gone = new Set<string>();
let asked = 0;
const isKnown = ({ name }: Principal): boolean => {
  asked++;
  return !gone.has(name);
};

story(
  'V27: a user whose account is gone is challenged on every node once the interval is over',
  {
    options: { revalidate: { everyMs: 5 * minutes, check: isKnown } },
  },
  async (it) => {
    const browser = await it.signedOn('alice');
    const second = await it.signedOn('alice', 'n2');
    const other = await it.signedOn('bob');
    asked = 0;
    for (let i = 0; i < 5; i++) assert.equal(await who(browser, A, 'n1'), 'alice');
    assert.ok(asked <= 1, 'not asked for every request');
    gone.add('alice');
    assert.equal(await guarded(browser, A, 'n1'), 200, 'within the interval the last answer holds');
    await it.cluster.advance(6 * minutes);
    assert.equal(await guarded(browser, A, 'n1'), 401);
    assert.deepEqual(await whoEverywhere(it, browser), [null, null]);
    assert.deepEqual(await whoEverywhere(it, second), [null, null], "all of the user's sign-ons");
    assert.equal(await who(other, A), 'bob');
    gone.delete('alice');
  },
);

story(
  'V27: while the directory fails nobody is let in, and nobody is signed out',
  {
    logsErrors: true,
    options: {
      revalidate: {
        everyMs: 5 * minutes,
        check: () => (gone.has('directory') ? Promise.reject(new Error('directory away')) : true),
      },
    },
  },
  async (it) => {
    const browser = await it.signedOn('alice');
    gone.add('directory');
    await it.cluster.advance(6 * minutes);
    const response = await browser.get(`${A}/protected`);
    assert.ok(response.status === 503 || response.status === 401, `${response.status}`);
    assert.deepEqual(setCookies(response, ssoName), []);
    gone.delete('directory');
    await it.cluster.advance(6 * minutes);
    assert.equal(await guarded(browser, A), 200);
  },
);

story('V28: the sign-on page may be visited while signed on: nothing is opened, nothing ends', {}, async (it) => {
  const browser = await it.signedOn();
  const before = browser.cookie(ssoName);
  const response = await browser.visit(`${A}/login`);
  assert.equal(response.status, 200);
  assert.deepEqual(setCookies(response, ssoName), []);
  assert.equal(browser.cookie(ssoName), before);
  assert.equal(it.entries('n1', 'alice').length, 1);
  assert.deepEqual(it.causes(), []);
});
