/** Checks 1 to 13 of SECURITY.md, A: cookies. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { Response } from 'supertest';
import { SsoError, startNode, stickyRoute } from '../../sso/index.ts';
import type { Seen } from '../support/applications.ts';
import { passwordOf } from '../support/applications.ts';
import { A, B, copyOf, deletes, guarded, see, setCookies, signOn, ssoName, story, who } from '../support/story.ts';

story(
  'check 1: over HTTPS the SSO cookie is Secure, HttpOnly, SameSite=Lax, Path=/, with the configured Domain and a prefix',
  {},
  async (it) => {
    const response = await signOn(it.browser(), 'alice', 'n1').expect(200);
    const line = response.get('Set-Cookie')!.find((header) => header.startsWith(`${ssoName}=`))!;
    const attributes = line.split('; ').slice(1).sort();
    assert.deepEqual(attributes, ['Domain=xyz.test', 'HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure']);
    assert.match(line, /^__Secure-/);
  },
);

story(
  'check 2: without a cookieDomain its name starts with __Host- and it has no Domain',
  { hostOnly: true },
  async (it) => {
    const response = await signOn(it.browser(), 'alice', 'n1').expect(200);
    const line = response.get('Set-Cookie')!.find((header) => header.startsWith('__Host-latchkey='))!;
    assert.doesNotMatch(line, /domain/i);
    assert.match(line, /; Path=\/;/);
  },
);

story(
  'check 3: the cookies of sessions and visitors have the __Host- prefix; the route cookie decides nothing',
  { options: { hooks: { onSignOn: [stickyRoute()] } } },
  async (it) => {
    const browser = it.browser();
    const token = await browser.get(`${A}/form-token`).expect(200);
    const note = await browser.post(`${A}/note?text=x`).expect(200);
    const names = [...setCookies(token), ...setCookies(note)].map(({ key }) => key);
    assert.equal(names.length, 2);
    assert.ok(
      names.every((name) => name.startsWith('__Host-')),
      `${names}`,
    );
    await signOn(browser, 'alice', 'n1').expect(200);
    const route = browser.cookie('STICKY_ROUTE')!;
    assert.equal(route, 'route.n1', 'no host, no address, no secret');
    const rest = browser
      .cookies(A)
      .filter(({ key }) => key !== 'STICKY_ROUTE')
      .map((cookie) => cookie.cookieString());
    for (const value of ['route.n2', 'route.evil', '', 'x; y', 'route.n1.n1']) {
      await it.browser().get(`${A}/protected`, { at: 'n1' }).set('Cookie', `STICKY_ROUTE=${value}`).expect(401);
      await it
        .browser()
        .get(`${A}/protected`, { at: 'n1' })
        .set('Cookie', [`STICKY_ROUTE=${value}`, ...rest].join('; '))
        .expect(200);
    }
  },
);

test('check 4: a cookieDomain that cannot work is refused at start, with the reason', async () => {
  const secret = 'Jx0a7rYyQF1mVt5cKq9PzW3LsNnBdE8uTgHi2oRk';
  const table: readonly (readonly [string, RegExp])[] = [
    ['com', /public suffix/],
    ['co.uk', /public suffix/],
    ['github.io', /public suffix/],
    ['127.0.0.1', /IP address/],
    ['10.0', /IP address/],
    ['[::1]', /no domain name/],
    ['::1', /no domain name/],
    ['.xyz.com', /begin with a dot/],
    ['xyz.com.', /end with a dot/],
    ['xyz..com', /no domain name/],
    ['xyz.com/', /no domain name/],
    ['https://xyz.com', /no domain name/],
    ['xyz.com:8443', /no domain name/],
    ['xyz .com', /no domain name/],
    ['-x.com', /no domain name/],
    ['bücher.de', /no domain name/],
    ['xyz.com; Secure', /no domain name/],
    ['', /no domain name/],
    ['localhost', /public suffix/],
  ];
  for (const [cookieDomain, reason] of table) {
    await assert.rejects(
      startNode({ secret, cookieDomain }),
      (error) =>
        error instanceof SsoError &&
        error.code === 'ERR_CONFIG_INVALID' &&
        error.message.startsWith('cookieDomain: ') &&
        reason.test(error.message),
      cookieDomain,
    );
  }
});

story(
  'check 5: two SSO cookies that both name an open sign-on make nobody known; all are deleted, and it is logged',
  {},
  async (it) => {
    const [mine, theirs] = [(await it.signedOn('alice')).cookie(ssoName)!, (await it.signedOn('bob')).cookie(ssoName)!];
    const headers: (string | string[])[] = [
      `${ssoName}=${mine}; ${ssoName}=${theirs}`,
      `${ssoName}=${theirs}; a=b; ${ssoName}=${mine}`,
      [`${ssoName}=${mine}`, `${ssoName}=${theirs}`],
      [`${ssoName}=${theirs}`, `${ssoName}=${mine}`],
    ];
    for (const header of headers) {
      const test = it.browser().get(`${A}/protected`);
      test.set('Cookie', header as string);
      const response = await test.expect(401);
      const cookies = setCookies(response, ssoName);
      assert.ok(cookies.every(deletes));
      assert.deepEqual(
        cookies.map(({ domain }) => domain).sort(),
        [null, 'xyz.test'].sort(),
        'every variant we could have set',
      );
    }
    assert.equal(it.logged('n1', /./).length, headers.length);
    assert.deepEqual(it.causes(), [], 'neither sign-on has ended');
  },
);

story('check 5: with two values of which none is open nobody is known, and both go', {}, async (it) => {
  const response = await it
    .browser()
    .get(`${A}/protected`)
    .set('Cookie', `${ssoName}=garbage; ${ssoName}=${'A'.repeat(70)}`)
    .expect(401);
  assert.ok(setCookies(response, ssoName).length > 0 && setCookies(response, ssoName).every(deletes));
});

story('check 6: the same value twice is one value', {}, async (it) => {
  const value = (await it.signedOn()).cookie(ssoName)!;
  const response = await it
    .browser()
    .get(`${A}/protected`)
    .set('Cookie', `${ssoName}=${value}; ${ssoName}=${value}`)
    .expect(200);
  assert.equal((response.body as Seen).user, 'alice');
});

story('check 7: what cookie-parser would turn into an object is malformed, and no exception', {}, async (it) => {
  for (const value of ['j:{"$ne":1}', 'j:{"__proto__":{"x":1}}', 'j%3A%7B%22%24ne%22%3A1%7D', 'j:[]', 's:x.y']) {
    await it
      .browser()
      .get(`${A}/protected`)
      .set('Cookie', `${ssoName}=${value}; __Host-latchkey-a=${value}`)
      .expect(401);
  }
});

story('check 8: no spelling but the exact one is read as the SSO cookie', {}, async (it) => {
  const value = (await it.signedOn()).cookie(ssoName)!;
  const bytes = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
  const spellings = [
    `__secure-latchkey=${value}`,
    `__SECURE-LATCHKEY=${value}`,
    `__Host-latchkey=${value}`,
    `latchkey=${value}`,
    `${ssoName}\t=${value}`,
    `\t\u00a0${ssoName}=${value}`,
    bytes(`\u2000${ssoName}=${value}`),
    bytes(`\u00a0${ssoName}=${value}`),
    `=${ssoName}=${value}`,
    `${ssoName}="${value}"`,
    `$Version=1; $${ssoName}=${value}`,
    `x${ssoName}=${value}`,
    `a=b, ${ssoName}=${value}`,
    `%5F_Secure-latchkey=${value}`,
    `x="; ${ssoName}=x${value}"`,
    `${ssoName}[]=${value}`,
  ];
  for (const spelling of spellings) {
    const response = await it.browser().get(`${A}/public`).set('Cookie', spelling).expect(200);
    assert.equal((response.body as Seen).user, null, JSON.stringify(spelling));
  }
  const exact = await it.browser().get(`${A}/public`).set('Cookie', `a=b;${ssoName}=${value};c=d`).expect(200);
  assert.equal((exact.body as Seen).user, 'alice');
});

story('check 9: an SSO id anywhere but in its cookie is ignored and never adopted', {}, async (it) => {
  const value = (await it.signedOn()).cookie(ssoName)!;
  const requests = [
    it.browser().get(`${A}/protected?${ssoName}=${value}&sso=${value}`),
    it.browser().get(`${A}/protected`).set('Authorization', `Bearer ${value}`),
    it
      .browser()
      .get(`${B}/protected`)
      .set('Authorization', `Basic ${Buffer.from(`${value}:`).toString('base64')}`),
    it
      .browser()
      .get(`${A}/protected`)
      .set({ [ssoName]: value, 'X-Sso': value, Cookie2: `${ssoName}=${value}` }),
  ];
  for (const request of requests) {
    const response = await request.expect(401);
    assert.deepEqual(setCookies(response, ssoName), []);
  }
  const browser = it.browser();
  const posted = await browser
    .post(`${A}/login?${ssoName}=${value}`)
    .send({ username: 'bob', password: passwordOf('bob'), [ssoName]: value, token: value, id: value })
    .expect(200);
  assert.notEqual(setCookies(posted, ssoName)[0]?.value, value);
  assert.equal(await who(browser, A), 'bob');
});

story(
  'check 10: SSO tokens and session ids are long, of one alphabet, without repeats or a bias of bits',
  { nodes: ['n1'] },
  async (it) => {
    const tokens: string[] = [];
    const ids: string[] = [];
    for (let i = 0; i < 100; i++) {
      const browser = it.browser();
      await browser.signIn(`user${i}`);
      const response = await browser.get(`${A}/protected`).expect(200);
      tokens.push(browser.cookie(ssoName)!);
      ids.push(setCookies(response, '__Host-latchkey-a')[0]!.value.split('.')[0]!);
    }
    assert.ok(tokens.every((token) => /^[A-Za-z0-9_-]{70}$/.test(token)));
    assert.ok(ids.every((id) => /^[A-Za-z0-9_-]{65}$/.test(id)));
    for (const randoms of [
      tokens.map((token) => Buffer.from(token, 'base64url').subarray(0, 32)),
      ids.map((id) => Buffer.from(id.slice(0, 43), 'base64url')),
    ]) {
      assert.equal(new Set(randoms.map(String)).size, randoms.length);
      assert.ok(randoms.every((bytes) => bytes.length === 32));
      for (let bit = 0; bit < 256; bit++) {
        const ones = randoms.filter((bytes) => (bytes[bit >> 3]! >> (bit & 7)) & 1).length;
        assert.ok(Math.abs(ones - 50) < 35, `bit ${bit} is one in ${ones} of 100`); // 7 standard deviations
      }
    }
  },
);

story('check 11: the cookie stays small however much is known of the user', {}, async (it) => {
  const browser = it.browser();
  const roles = Array.from({ length: 256 }, (_, i) => `${i}`.padEnd(100, 'r'));
  const attributes = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`attribute${i}`, 'v'.repeat(1_000)]));
  await browser.signIn({ name: 'n'.repeat(256), roles, attributes });
  assert.ok(`${ssoName}=${browser.cookie(ssoName)}`.length < 512);
  assert.equal((await see(browser, `${A}/protected`, 'n2')).roles.length, 256);
});

story('check 12: over plain HTTP no cookie with a secret is ever set', {}, async (it) => {
  const browser = it.cluster.browser('http://app1.xyz.test');
  const answers: Response[] = [
    await browser.get('/public'),
    await browser.get('/form-token'),
    await browser.post('/note?text=x'),
    await signOn(browser, 'alice', 'n1', 'http://app1.xyz.test'),
    await browser.post('/by-hand/open?name=alice'),
    await browser.get('http://app2.xyz.test/protected').auth('alice', passwordOf('alice')),
  ];
  for (const answer of answers) {
    assert.deepEqual(
      setCookies(answer)
        .filter((cookie) => !deletes(cookie))
        .map(String),
      [],
      `${answer.status}`,
    );
  }
  assert.deepEqual(browser.cookies('http://app1.xyz.test'), [], 'a browser has kept nothing');
  assert.deepEqual(it.entries('n1'), []);
});

story(
  'check 13: every answer that sets or clears a cookie says no-store and Vary: Cookie, whatever the application said',
  {
    apps: {
      more: (app) => {
        app.get('/cached', (req, res) => {
          res.set({ 'Cache-Control': 'public, max-age=600', Vary: 'Accept-Language' });
          Object.assign(req.session, { note: 'cached' });
          res.json({});
        });
      },
    },
  },
  async (it) => {
    const browser = it.browser();
    const signed = await signOn(browser, 'alice', 'n1').expect(200);
    const stale = copyOf(it, browser);
    const answers = [
      signed,
      await browser.get(`${A}/form-token`),
      await browser.post(`${A}/note?text=x`),
      await browser.get(`${B}/cached`),
      await browser.get(`${A}/session`, { at: 'n2' }),
      await browser.post(`${A}/regenerate`),
      await it.browser().get(`${A}/form-token`),
      await it.browser().get(`${B}/protected`).auth('bob', passwordOf('bob')),
      await it.browser().post(`${B}/note?text=visitor`),
      await browser.post(`${A}/logout`),
      await stale.get(`${A}/public`),
    ];
    let seen = 0;
    for (const answer of answers) {
      if (setCookies(answer).length === 0) continue;
      seen++;
      assert.match(answer.get('Cache-Control') ?? '', /\bno-store\b/, answer.get('Set-Cookie')?.join());
      assert.match(answer.get('Vary') ?? '', /\bCookie\b/i);
    }
    assert.match(
      (await browser.get(`${B}/cached`)).get('Vary') ?? '',
      /Accept-Language/,
      'what the application said is kept',
    );
    assert.ok(seen >= 8, `only ${seen} of them set a cookie`);
    const kept = await it.signedOn();
    await kept.get(`${A}/protected`).expect(200);
    const plain = await kept.get(`${A}/protected`).expect(200);
    assert.deepEqual(setCookies(plain), []);
    assert.match(plain.get('Cache-Control') ?? '', /no-store/, 'protected pages are not kept by a cache either');
    assert.equal(await guarded(kept, A), 200);
  },
);

story('check 14: a logout clears the browser of what the operator names, and of nothing by default', {}, async (it) => {
  const browser = await it.signedOn();
  assert.equal((await browser.post(`${A}/logout`).expect(200)).get('Clear-Site-Data'), undefined);
});

story(
  'check 14: clearSiteData names cache and storage',
  { options: { clearSiteData: ['cache', 'storage'] } },
  async (it) => {
    const browser = await it.signedOn();
    assert.equal((await browser.get(`${A}/protected`)).get('Clear-Site-Data'), undefined);
    assert.equal((await browser.post(`${A}/logout`).expect(200)).get('Clear-Site-Data'), '"cache", "storage"');
  },
);
