/** Stories of VALVE-BEHAVIOUR.md 2.1: when the SSO cookie is made, and what is in it. */

import assert from 'node:assert/strict';
import type { Seen } from '../support/applications.ts';
import {
  A,
  B,
  deletes,
  guarded,
  see,
  setCookies,
  signOn,
  specification,
  ssoName,
  story,
  who,
} from '../support/story.ts';

story('V01: a public page challenges nobody and sets no cookie', {}, async (it) => {
  const response = await it.browser().get(`${A}/public`).expect(200);
  assert.equal((response.body as Seen).user, null);
  assert.deepEqual(setCookies(response), []);
  assert.equal(response.get('WWW-Authenticate'), undefined);
});

story('V02: a protected page asks in the way of its application, and sets no SSO cookie', {}, async (it) => {
  const browser = it.browser();
  const form = await browser
    .get(`${A}/protected?page=2`)
    .set('Sec-Fetch-Mode', 'navigate')
    .set('Accept', 'text/html')
    .expect(303);
  const target = new URL(form.get('Location')!, A);
  assert.equal(target.origin + target.pathname, `${A}/login`);
  assert.equal(target.searchParams.get('return_to'), '/protected?page=2');
  const fetched = await browser.get(`${A}/protected`).set('Sec-Fetch-Mode', 'cors').expect(401);
  assert.match(fetched.type, /json/);
  assert.equal(typeof (fetched.body as { error: unknown }).error, 'string');
  assert.equal((fetched.body as { loginUrl: unknown }).loginUrl, '/login');
  const basic = await browser.get(`${B}/protected`).expect(401);
  assert.match(basic.get('WWW-Authenticate') ?? '', /^Basic realm="desk", charset="UTF-8"$/i);
  const quiet = await browser.get(`${B}/protected`).set('Sec-Fetch-Mode', 'cors').expect(401);
  assert.doesNotMatch(quiet.get('WWW-Authenticate') ?? '', /Basic/i, 'fetch must not open a window of the browser');
  for (const response of [form, fetched, basic, quiet]) assert.deepEqual(setCookies(response, ssoName), []);
});

story('V03: the right password makes one SSO cookie, and a session that is linked to the sign-on', {}, async (it) => {
  const browser = it.browser();
  const response = await signOn(browser, 'alice', 'n1').expect(200);
  assert.equal(setCookies(response, ssoName).length, 1);
  const seen = await see(browser, `${A}/protected`, 'n1');
  assert.deepEqual([seen.user, seen.roles, seen.how], ['alice', ['customer'], 'form']);
  const [entry, ...others] = it.entries('n1', 'alice');
  assert.deepEqual(others, []);
  assert.deepEqual(
    entry?.sessions.map(({ app }) => app),
    ['a'],
    'linked, though the application never touched it',
  );
});

story('V03: Basic credentials sign on, too, and leave one cookie and one linked session', {}, async (it) => {
  const browser = it.browser();
  const response = await browser.get(`${B}/protected`).auth('bob', 'the password of bob').expect(200);
  assert.equal((response.body as Seen).user, 'bob');
  assert.equal((response.body as Seen).how, 'basic');
  assert.equal(setCookies(response, ssoName).length, 1);
  assert.equal(it.entries('n1', 'bob').length, 1);
  assert.deepEqual(
    it.entries('n1', 'bob')[0]?.sessions.map(({ app }) => app),
    ['b'],
  );
  assert.equal(await who(browser, A), 'bob');
});

story('V04: a wrong password is asked for again and leaves nothing behind', {}, async (it) => {
  const browser = it.browser();
  const program = await signOn(browser, 'alice', 'n1', A, 'wrong').expect(401);
  const person = await browser
    .post(`${A}/login`)
    .type('form')
    .set('Sec-Fetch-Mode', 'navigate')
    .set('Sec-Fetch-Site', 'same-origin')
    .send({ username: 'alice', password: 'wrong' })
    .expect(303);
  assert.equal(new URL(person.get('Location')!, A).pathname, '/login');
  const basic = await browser.get(`${B}/protected`).auth('alice', 'wrong').expect(401);
  const unknown = await signOn(browser, 'nobody', 'n1', A, 'wrong').expect(401);
  const method = await signOn(browser, 'toString', 'n1', A, 'wrong').expect(401);
  for (const response of [program, person, basic, unknown, method]) assert.deepEqual(setCookies(response, ssoName), []);
  for (const node of ['n1', 'n2']) assert.deepEqual(it.entries(node), []);
  assert.equal(await guarded(browser, A), 401);
});

story(
  'V05: who signed on in A is known in B, with the same roles, a session of its own, and no second SSO cookie',
  {},
  async (it) => {
    const browser = await it.signedOn('bob');
    await browser.get(`${A}/protected`).expect(200);
    const response = await browser.get(`${B}/protected`, { at: 'n2' }).expect(200);
    const seen = response.body as Seen;
    assert.deepEqual([seen.user, seen.roles, seen.node], ['bob', ['admin', 'customer'], 'n2']);
    assert.deepEqual(setCookies(response, ssoName), [], 'issued once');
    await it.cluster.settle();
    for (const node of ['n1', 'n2']) {
      assert.deepEqual(
        it.entries(node, 'bob').map(({ sessions }) => sessions.map(({ app }) => app).sort()),
        [['a', 'b']],
      );
    }
  },
);

story(
  'V06: the SSO cookie is a random value for the life of the browser, without user, route or expiry',
  {},
  async (it) => {
    const [first] = setCookies(await signOn(it.browser(), 'alice', 'n1'), ssoName);
    const [second] = setCookies(await signOn(it.browser(), 'alice', 'n1'), ssoName);
    assert.match(first!.value, /^[A-Za-z0-9_-]{70}$/);
    assert.notEqual(first!.value, second!.value);
    assert.equal(first!.path, '/');
    assert.equal(first!.maxAge, null);
    assert.equal(first!.expires, 'Infinity');
    const bytes = Buffer.from(first!.value, 'base64url').toString('latin1');
    for (const word of ['alice', 'customer', 'n1'])
      assert.ok(!bytes.includes(word) && !first!.value.includes(word), word);
  },
);

for (const cookieDomain of [undefined, '/']) {
  const options = (): { cookieDomain?: string } => (cookieDomain === undefined ? {} : { cookieDomain });
  story(
    `V07: without a cookieDomain (${cookieDomain}) the cookie belongs to the host alone`,
    { hostOnly: true, options },
    async (it) => {
      const browser = it.browser();
      const [cookie] = setCookies(await signOn(browser, 'alice', 'n1').expect(200), '__Host-latchkey');
      assert.equal(cookie?.domain, null);
      assert.equal(await who(browser, A, 'n2'), 'alice');
      assert.equal(await who(browser, B, 'n2'), null);
    },
  );
}

story(
  'V08: with cookieDomain xyz.test all its hosts share the sign-on, and no other host is sent the cookie',
  {},
  async (it) => {
    const browser = it.browser();
    const [cookie] = setCookies(await signOn(browser, 'alice', 'n1'), ssoName);
    assert.equal(cookie?.domain, 'xyz.test');
    assert.equal(await who(browser, B), 'alice');
    assert.equal(await who(browser, 'https://deep.app9.xyz.test'), 'alice');
    for (const stranger of ['https://xyz.test.evil.org', 'https://evilxyz.test', 'https://other.test']) {
      assert.equal(browser.cookie(ssoName, stranger), undefined);
      assert.equal(await who(browser, stranger), null);
    }
  },
);

story(
  'V09: a host outside the cookieDomain answers a sign-on with 421, sets no cookie, and logs one line',
  {},
  async (it) => {
    const browser = it.cluster.browser('https://app.other.test');
    const response = await signOn(browser, 'alice', 'n1', 'https://app.other.test').expect(421);
    assert.deepEqual(setCookies(response), []);
    assert.deepEqual(it.entries('n1'), []);
    assert.equal(it.cluster.at('n1').log.lines.filter(({ level }) => level === 'warn').length, 1);
  },
);

story('V10, V12, V13: by default the cookie is Secure, HttpOnly, and SameSite=Lax in so many words', {}, async (it) => {
  const response = await signOn(it.browser(), 'alice', 'n1').expect(200);
  const [cookie] = setCookies(response, ssoName);
  assert.deepEqual([cookie?.secure, cookie?.httpOnly, cookie?.sameSite], [true, true, 'lax']);
});

for (const sameSite of ['strict', 'none'] as const) {
  story(`V13: sameSite ${sameSite} is set where it is asked for`, { options: { sameSite } }, async (it) => {
    const [cookie] = setCookies(await signOn(it.browser(), 'alice', 'n1'), ssoName);
    assert.deepEqual([cookie?.sameSite, cookie?.secure], [sameSite, true]);
  });
}

story(
  'V11: behind a proxy that ends TLS the cookie is Secure if the host trusts it',
  { apps: { settings: { 'trust proxy': 'loopback' } } },
  async (it) => {
    const browser = it.cluster.browser('http://app1.xyz.test');
    const response = await signOn(browser, 'alice', 'n1', 'http://app1.xyz.test')
      .set('X-Forwarded-Proto', 'https')
      .expect(200);
    assert.equal(setCookies(response, ssoName)[0]?.secure, true);
  },
);

story(
  'V11: a sign-on over a connection that is not secure by the trust proxy setting is refused and logged',
  {},
  async (it) => {
    const browser = it.cluster.browser('http://app1.xyz.test');
    for (const forwarded of ['http', 'https']) {
      const response = await signOn(browser, 'alice', 'n1', 'http://app1.xyz.test')
        .set('X-Forwarded-Proto', forwarded)
        .expect(403);
      assert.deepEqual(setCookies(response), []);
    }
    assert.deepEqual(it.entries('n1'), []);
    assert.equal(it.logged('n1', /secure/).length, 2);
  },
);

story(
  'V11: allowInsecureCookie lets plain HTTP sign on, under a plain name, and warns at start',
  { options: { allowInsecureCookie: true } },
  async (it) => {
    const browser = it.cluster.browser('http://app1.xyz.test');
    const [cookie, ...others] = setCookies(
      await signOn(browser, 'alice', 'n1', 'http://app1.xyz.test').expect(200),
      'latchkey',
    );
    assert.deepEqual(others, []);
    assert.equal(cookie?.secure, false);
    assert.equal(await who(browser, 'http://app2.xyz.test', 'n2'), 'alice');
    assert.equal(it.logged('n1', /allowInsecureCookie/).length, 1);
  },
);

story(
  'V14: a partitioned cookie is set and deleted with Partitioned',
  { options: { partitioned: true } },
  async (it) => {
    const browser = it.browser();
    const [issued] = setCookies(await signOn(browser, 'alice', 'n1'), ssoName);
    assert.deepEqual(issued?.extensions, ['Partitioned']);
    const deleted = setCookies(await browser.post(`${A}/logout`).expect(200), ssoName).filter(deletes);
    assert.ok(
      deleted.some((cookie) => JSON.stringify(specification(cookie)) === JSON.stringify(specification(issued!))),
    );
  },
);

story('V15: another cookieName is read, set and deleted', { options: { cookieName: '__Secure-door' } }, async (it) => {
  const browser = it.browser();
  const response = await signOn(browser, 'alice', 'n1').expect(200);
  const [issued] = setCookies(response, '__Secure-door');
  assert.ok(issued !== undefined);
  assert.deepEqual(setCookies(response, ssoName), []);
  assert.equal(await who(browser, B, 'n2'), 'alice');
  await browser
    .get(`${A}/public`)
    .set('Cookie', `${ssoName}=${issued.value}`)
    .expect(200)
    .expect(/"user":null/);
  const [deleted] = setCookies(await browser.post(`${A}/logout`).expect(200), '__Secure-door');
  assert.ok(deletes(deleted!));
  assert.deepEqual(specification(deleted!), specification(issued));
  assert.equal(await who(browser, A), null);
});

story(
  'V15: a name without a prefix is taken literally, with a warning at start',
  { options: { cookieName: 'SSO' } },
  async (it) => {
    const browser = it.browser();
    const [issued] = setCookies(await signOn(browser, 'alice', 'n1').expect(200), 'SSO');
    assert.deepEqual([issued?.secure, issued?.httpOnly, issued?.domain], [true, true, 'xyz.test']);
    assert.equal(await who(browser, B, 'n2'), 'alice');
    assert.ok(it.logged('n1', /prefix|__Secure-|__Host-/).length > 0, 'a warning');
  },
);

story('V16: neither a session id nor the SSO id counts in a URL, and no answer puts one there', {}, async (it) => {
  const browser = await it.signedOn();
  await browser.post(`${A}/note?text=mine`).expect(200);
  const sso = browser.cookie(ssoName)!;
  const session = browser.cookie('__Host-latchkey-a')!;
  const anonymous = it.browser();
  for (const path of [
    `/protected;jsessionid=${session}`,
    `/protected;${ssoName}=${sso}`,
    `/protected?${ssoName}=${sso}`,
    `/protected?sid=${session}`,
  ]) {
    const response = await anonymous.get(B + path);
    assert.ok(response.status === 401 || response.status === 404, `${response.status}`);
    assert.ok(!JSON.stringify(response.headers).includes(sso) && !response.text.includes(sso));
  }
  const inB = await anonymous.get(`${B}/session`).set('Cookie', `__Host-latchkey-b=${session}`).expect(200);
  assert.notEqual((inB.body as Seen).note, 'mine', "A's session id is not valid in B");
  const redirect = await browser.get(`${A}/logout`).set('Sec-Fetch-Mode', 'navigate').set('Accept', 'text/html');
  assert.ok(!redirect.text.includes(sso) && !redirect.text.includes(session));
});
