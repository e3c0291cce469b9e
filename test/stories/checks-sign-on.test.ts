/** Checks 35 to 40 of SECURITY.md, C: what is posted to a sign-on, and what the check of credentials answers. */

import assert from 'node:assert/strict';
import {
  A,
  B,
  C,
  fromOwnPage,
  guarded,
  navigation,
  setCookies,
  signOn,
  ssoName,
  story,
  who,
} from '../support/story.ts';

/** What the check of credentials was given last. */
let given: { username: string; password: string } | undefined;

story(
  'check 35: a password arrives as it was sent, however long or odd, and one that is too long is a clean 413',
  {
    options: { throttle: false },
    apps: {
      more: (app, sso) =>
        app.post(
          '/echo',
          sso.login((credentials) => {
            given = credentials;
            return undefined;
          }),
        ),
    },
  },
  async (it) => {
    const passwords = [
      'p'.repeat(64),
      'p'.repeat(72),
      `${'p'.repeat(72)}x`,
      'p'.repeat(10_000),
      'пароль 密码 🔑',
      'caf\u0065\u0301',
      'a\u0000b',
      ' spaces ',
      '',
      '%41+&=',
      '\r\n',
    ];
    for (const password of passwords) {
      for (const type of ['form', 'json']) {
        given = undefined;
        const posted = it.browser().post(`${A}/echo`).type(type);
        await posted.send({ username: 'alice', password }).expect(401);
        assert.deepEqual({ ...given! }, { username: 'alice', password }, type);
      }
    }
    given = undefined;
    for (const type of ['form', 'json']) {
      const response = await it
        .browser()
        .post(`${A}/echo`)
        .type(type)
        .send({ username: 'alice', password: 'p'.repeat(1 << 20) })
        .expect(413);
      assert.deepEqual(setCookies(response), []);
    }
    assert.equal(given, undefined, 'nothing was cut off and compared');
  },
);

story(
  'check 36: a sign-on that is posted from another origin is refused',
  { options: { origins: ['https://app2.xyz.test'] } },
  async (it) => {
    const table: readonly (readonly [Record<string, string>, number])[] = [
      [{}, 200],
      [{ 'Sec-Fetch-Site': 'same-origin' }, 200],
      [{ 'Sec-Fetch-Site': 'same-origin', Origin: 'null' }, 200],
      [{ Origin: A }, 200],
      [{ Origin: B }, 200],
      [{ 'Sec-Fetch-Site': 'same-site', Origin: B }, 403],
      [{ 'Sec-Fetch-Site': 'cross-site' }, 403],
      [{ 'Sec-Fetch-Site': 'same-site' }, 403],
      [{ 'Sec-Fetch-Site': 'same-site', Origin: C }, 403],
      [{ 'Sec-Fetch-Site': 'cross-site', Origin: A }, 403],
      [{ 'Sec-Fetch-Site': 'bogus' }, 403],
      [{ Origin: 'null' }, 403],
      [{ Origin: 'https://evil.test' }, 403],
      [{ Origin: C }, 403],
      [{ Origin: 'http://app1.xyz.test' }, 403],
      [{ Origin: `${A}:8443` }, 403],
      [{ Origin: `${A}.evil.test` }, 403],
      [{ 'Sec-Fetch-Site': 'cross-site', Origin: 'null' }, 403],
    ];
    for (const [headers, status] of table) {
      const browser = it.browser();
      const response = await signOn(browser, 'alice', 'n1').set(headers);
      assert.equal(response.status, status, JSON.stringify(headers));
      assert.equal(setCookies(response, ssoName).length, status === 200 ? 1 : 0);
      const signedOn = it.browser();
      await signedOn.signIn('bob');
      assert.equal(
        (await signedOn.post(`${A}/logout`).set(headers)).status,
        status,
        `logout ${JSON.stringify(headers)}`,
      );
      assert.equal(await who(signedOn, A), status === 200 ? null : 'bob');
    }
  },
);

story('check 38: names and addresses are escaped where a page shows them', {}, async (it) => {
  const payloads = [
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    '&lt;b&gt;',
    '</p><svg/onload=alert(1)>',
    '`$' + '{alert(1)}`',
    '{{7*7}}',
  ];
  for (const payload of payloads) {
    const browser = it.browser();
    await browser.signIn({ name: payload, roles: [] });
    const page = await browser
      .get(`${A}/logout?return_to=${encodeURIComponent(`/x?${payload}`)}&error=${encodeURIComponent(payload)}`)
      .set(navigation)
      .expect(200);
    assert.match(page.type, /html/);
    const text = page.text.replace(
      /<(!doctype html|\/?(html|head|body|main|h1|p|title|form|button)|meta|html lang="en"|(meta|form|input|button)( [a-z_-]+="[^"<>]*")*)>/gi,
      '',
    );
    assert.doesNotMatch(text, /[<>"]/, `raw markup is left of ${payload}: ${text}`);
    assert.match(page.get('Content-Security-Policy') ?? '', /default-src 'none'/);
    assert.match(page.get('Content-Security-Policy') ?? '', /frame-ancestors 'none'/);
    assert.equal(page.get('X-Content-Type-Options'), 'nosniff');
    const asked = await it
      .browser()
      .get(`${A}/protected?${encodeURIComponent(payload)}`)
      .set(navigation)
      .expect(303);
    assert.doesNotMatch(asked.text, /<(script|img|svg)/);
    const refused = await it
      .browser()
      .post(`${A}/login`)
      .type('form')
      .set(fromOwnPage)
      .send({ username: payload, password: payload, return_to: payload });
    assert.ok(!refused.text.includes(payload));
  }
});

/** What a broken or hostile check of credentials may answer. */
const answers: Readonly<Record<string, () => unknown>> = {
  throws: () => {
    throw new Error('directory away');
  },
  rejects: () => Promise.reject(new Error('directory away')),
  hangs: () => new Promise(() => {}),
  undefined: () => undefined,
  null: () => null,
  false: () => false,
  true: () => true,
  text: () => 'alice',
  number: () => 1,
  empty: () => ({}),
  array: () => [{ name: 'alice', roles: [] }],
  error: () => ({ error: 'locked', name: 'alice', roles: [] }),
  'an Error': () => new Error('locked'),
  'an Error of roles': () => Object.assign(new Error('locked'), { roles: ['admin'] }),
  'no name': () => ({ roles: ['admin'] }),
  'an empty name': () => ({ name: '', roles: [] }),
  'a name that is none': () => ({ name: { toString: () => 'alice' }, roles: [] }),
  'roles that are none': () => ({ name: 'alice', roles: 'admin' }),
  'a role that is none': () => ({ name: 'alice', roles: [{}] }),
  'a name with control characters': () => ({ name: 'alice\u0000', roles: [] }),
};

story(
  'check 40: whatever goes wrong in the check of credentials, nobody is signed on',
  {
    logsErrors: true,
    options: { throttle: false },
    apps: {
      more: (app, sso) => {
        const check = (_credentials: unknown, req: { query: Record<string, unknown> }) =>
          answers[String(req.query['answer'])]!() as never;
        app.post('/check', sso.login(check));
        app.get(
          '/basic',
          sso.protect({ basic: { realm: 'x', authenticate: check } }),
          (_req, res) => void res.json({ let: 'in' }),
        );
      },
    },
  },
  async (it) => {
    for (const answer of Object.keys(answers)) {
      const browser = it.browser();
      const posted = await browser
        .post(`${A}/check?answer=${encodeURIComponent(answer)}`)
        .send({ username: 'alice', password: 'x' });
      const basic = await browser.get(`${A}/basic?answer=${encodeURIComponent(answer)}`).auth('alice', 'x');
      for (const response of [posted, basic]) {
        assert.ok([401, 403, 500, 503].includes(response.status), `${answer}: ${response.status}`);
        assert.deepEqual(setCookies(response, ssoName), []);
        assert.doesNotMatch(response.text, /directory away|locked|node_modules/);
      }
      assert.equal(await guarded(browser, A), 401);
    }
    assert.deepEqual(it.entries('n1'), []);
  },
);
