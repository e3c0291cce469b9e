/** Checks 46 to 50 of SECURITY.md, D: odd requests, and what answers give away. */

import assert from 'node:assert/strict';
import { passwordOf, type Seen } from '../support/applications.ts';
import { A, B, C, fromOwnPage, navigation, setCookies, signOn, ssoName, story } from '../support/story.ts';

story('check 46: a preflight of a foreign origin is never answered with a permission of ours', {}, async (it) => {
  const browser = await it.signedOn();
  for (const path of ['/protected', '/login', '/logout', '/keys']) {
    const response = await browser.options(A + path).set({
      Origin: 'https://evil.test',
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'content-type',
    });
    assert.equal(response.get('Access-Control-Allow-Credentials'), undefined, path);
    assert.notEqual(response.get('Access-Control-Allow-Origin'), 'https://evil.test', path);
  }
});

for (const [what, hostOnly] of [
  ['with', false],
  ['without', true],
] as const) {
  story(`check 47: forged host headers lead nowhere (${what} a cookieDomain)`, { hostOnly }, async (it) => {
    const forged = [
      { Host: 'evil.test' },
      { 'X-Forwarded-Host': 'evil.test' },
      {
        'X-Forwarded-Host': 'evil.test',
        Forwarded: 'host=evil.test',
        'X-Host': 'evil.test',
        'X-Original-Host': 'evil.test',
      },
    ];
    for (const headers of forged) {
      const browser = it.browser();
      const asked = await browser.get(`${A}/protected`).set(headers).set(navigation);
      const signed = await browser
        .post(`${A}/login`)
        .type('form')
        .set(headers)
        .set(fromOwnPage)
        .send({ username: 'alice', password: passwordOf('alice'), return_to: '/orders' });
      for (const response of [asked, signed]) {
        assert.ok(
          !JSON.stringify([response.headers['location'], response.headers['set-cookie'], response.text]).includes(
            'evil.test',
          ),
          JSON.stringify(headers),
        );
      }
      const foreign = await browser
        .post(`${A}/login`)
        .type('form')
        .set(headers)
        .set(fromOwnPage)
        .send({ username: 'alice', password: 'wrong', return_to: 'https://evil.test/x' });
      assert.ok(
        foreign.get('Location')?.includes('//evil.test') !== true &&
          foreign.get('Location')?.includes('evil.test') !== true,
        foreign.get('Location'),
      );
    }
  });
}

story('check 48: doubled, nested and odd fields are refused or ignored, and pollute nothing', {}, async (it) => {
  const password = encodeURIComponent(passwordOf('alice'));
  const refused: readonly (readonly [string, string])[] = [
    ['form', `username=alice&username=bob&password=${password}`],
    ['form', `username[]=alice&password=${password}`],
    ['form', `username[x]=alice&password=${password}`],
    ['form', `password=${password}`],
    ['json', '{"username":{"$ne":1},"password":{"$ne":1}}'],
    ['json', '{"username":["alice"],"password":["x"]}'],
    ['json', '["alice","x"]'],
    ['json', '"alice"'],
    ['json', 'null'],
    ['json', '{"username":"alice"'],
    ['json', '{"__proto__":{"username":"alice","password":"x"}}'],
  ];
  for (const [type, body] of refused) {
    const response = await it.browser().post(`${A}/login`).type(type).send(body);
    assert.equal(response.status, 400, body);
    assert.deepEqual(setCookies(response), []);
  }
  await it.browser().post(`${A}/login`).type('xml').send('<a/>').expect(415);
  const odd = [
    '__proto__[admin]=1',
    'constructor[prototype][admin]=1',
    '__proto__=x',
    'hasOwnProperty=1',
    'a[b][c]=d',
    'roles=admin',
    'principal[name]=bob',
  ];
  for (const field of odd) {
    const browser = it.browser();
    const response = await browser
      .post(`${A}/login?${field}`)
      .type('form')
      .send(`username=alice&password=${password}&${field}`);
    assert.ok(response.status === 200 || response.status === 400, field);
    if (response.status === 200)
      assert.deepEqual(((await browser.get(`${A}/public`)).body as Seen).roles, ['customer']);
  }
  const json = await it
    .browser()
    .post(`${A}/login`)
    .type('json')
    .send(
      `{"username":"alice","password":${JSON.stringify(passwordOf('alice'))},"__proto__":{"admin":true},"toString":1}`,
    );
  assert.ok(json.status === 200 || json.status === 400);
  assert.equal(({} as { admin?: unknown }).admin, undefined);
  const twice = await it
    .browser()
    .post(`${A}/login?return_to=/a&return_to=https://evil.test`)
    .type('form')
    .set(fromOwnPage)
    .send({ username: 'alice', password: passwordOf('alice') });
  assert.ok(twice.status === 303 || twice.status === 400);
  assert.ok(!twice.get('Location')?.includes('evil.test'));
});

story('check 50: what is refused names no stack, version, node or id', {}, async (it) => {
  const signedOn = await it.signedOn();
  const secrets = [signedOn.cookie(ssoName)!, String(it.entries('n1', 'alice')[0]!.id)];
  const stale = it.browser();
  const answers = [
    await stale.get(`${A}/protected`),
    await stale.get(`${B}/protected`),
    await stale.get(`${C}/protected`),
    await stale.get(`${A}/protected`).set('Cookie', `${ssoName}=garbage`),
    await stale.get(`${A}/protected`).set(navigation),
    await signedOn.get(`${A}/admin`),
    await signedOn.get(`${A}/admin`).set(navigation),
    await stale.post(`${A}/login`).type('json').send('{'),
    await stale.post(`${A}/login`).type('xml').send('<a/>'),
    await stale.post(`${A}/login`).send({ username: 'alice', password: 'p'.repeat(20_000) }),
    await stale.post(`${A}/login`).set('Sec-Fetch-Site', 'cross-site').send({}),
    await stale.post(`${A}/logout`),
    await stale.get(`${A}/logout`),
    await signOn(stale, 'alice', 'n1', A, 'wrong'),
    await signOn(it.cluster.browser('http://app1.xyz.test'), 'alice', 'n1', 'http://app1.xyz.test'),
    await signOn(it.cluster.browser('https://app.other.test'), 'alice', 'n1', 'https://app.other.test'),
    await stale.post(`${A}/login`).type('form').set('Content-Encoding', 'gzip').send('x'),
  ];
  for (const answer of answers) {
    assert.ok(answer.status >= 300 && answer.status < 500, `${answer.status}`);
    const everything = `${answer.text} ${JSON.stringify({ ...answer.headers, 'x-powered-by': undefined })}`;
    assert.doesNotMatch(everything, /\n\s+at |node_modules|\.ts\b|latchkey\/|express\/|\bn1\b|\bn2\b|ERR_/, everything);
    for (const secret of secrets) assert.ok(!everything.includes(secret));
  }
});
