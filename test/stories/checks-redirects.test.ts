/** Checks 41 to 45 of SECURITY.md, D: where browsers are sent, and what signs them off. */

import assert from 'node:assert/strict';
import test from 'node:test';
import type { Response } from 'supertest';
import { SsoError, startNode } from '../../sso/index.ts';
import { virtualClock } from '../../sso/testing/virtual-clock.ts';
import { passwordOf, type Seen } from '../support/applications.ts';
import { A, B, fromOwnPage, navigation, setCookies, ssoName, story, who } from '../support/story.ts';

/** Addresses that lead, or may lead some browser, away from the origin; built from parts, so that new parts multiply. */
function hostileAddresses(): readonly string[] {
  const hosts = [
    'evil.test',
    'app1.xyz.test.evil.test',
    'evil.test#app1.xyz.test',
    'evil.test?app1.xyz.test',
    'evil.test/app1.xyz.test',
    'app1.xyz.test@evil.test',
    'app1.xyz.test:x@evil.test',
    'app1.xyz.test:80@evil.test',
    'evilxyz.test',
    'evil。test',
    'app1.xyz.test%2eevil.test',
    '127.0.0.1',
    '[::1]',
    '0x7f.1',
    'app3.xyz.test',
    'app1.xyz.test:8443',
    'app1.xyz.test%00.evil.test',
    'app1.xyz.test\u0000.evil.test',
    'app1.xyz.test\\.evil.test',
  ];
  const leads = [
    '//',
    '///',
    '////',
    '/\\',
    '\\/',
    '\\\\',
    '/\t/',
    '/\n/',
    '/\r/',
    '\t//',
    ' //',
    '\u00a0//',
    '\u2003//',
    '/%09/',
    '/%5c',
    '/%2f',
    '%2f%2f',
    '/%2f%2f',
    '/.//',
    '/..//',
    '/a/..//',
    '/./\\',
    '/%2e/%2f',
    'https://',
    'https:/',
    'https:',
    'HTTPS://',
    'http://',
    'https:\\\\',
    'https:///',
    'ht\ntps://',
    '\u0001https://',
    'ftp://',
    'ws://',
    'blob:https://',
    'view-source:https://',
    '/\u2215',
    '//\u2044',
    '/;//',
    '/\u0009//',
    '.',
    '@',
    ':',
  ];
  const scripts = [
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'java\nscript:alert(1)',
    '\tjavascript:alert(1)',
    'javascript://app1.xyz.test/%0aalert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:x',
    'file:///etc/passwd',
    '/\r\nLocation: https://evil.test',
    '/\r\nSet-Cookie: a=b',
    `/${'a'.repeat(65_536)}`,
    '',
    ' ',
    '?',
    '#',
    'null',
    'undefined',
    '[object Object]',
  ];
  return [...hosts.flatMap((host) => leads.map((lead) => lead + host)), ...scripts];
}

const allowed = new Set([A, B]);

/** Where a browser on application A goes with this `Location`, and with the address it hands on. */
function targetOf(response: Response): readonly string[] {
  const location = new URL(response.get('Location')!, A);
  const handedOn = location.searchParams.get('return_to');
  return [location.origin, ...(handedOn === null ? [] : [new URL(handedOn, A).origin])];
}

story(
  'check 41: no return address of a corpus leads off the configured origins',
  { options: { origins: [A, B] } },
  async (it) => {
    const corpus = hostileAddresses();
    assert.ok(corpus.length >= 700);
    const ask = async (address: string): Promise<void> => {
      // A wrong password: the answer hands the address on only if a right one would be sent there.
      const response = await it
        .browser()
        .post(`${A}/login`)
        .type('form')
        .set(fromOwnPage)
        .send({ username: 'alice', password: 'wrong', return_to: address });
      if (response.status === 413) return;
      assert.equal(response.status, 303, JSON.stringify(address.slice(0, 100)));
      for (const origin of targetOf(response))
        assert.ok(allowed.has(origin), `${JSON.stringify(address)} leads to ${origin}`);
      assert.equal(response.get('Set-Cookie'), undefined);
    };
    for (let i = 0; i < corpus.length; i += 20) await Promise.all(corpus.slice(i, i + 20).map(ask));
  },
);

story(
  'check 41: after a sign-on and at the challenge, too, only safe addresses are followed; the good ones are',
  { options: { origins: [A, B] } },
  async (it) => {
    const corpus = hostileAddresses();
    const some = corpus.filter((address, i) => i % 23 === 0 || address.includes('script') || address.includes('\r'));
    for (const address of some.filter((one) => one.length < 10_000)) {
      const browser = it.browser();
      const response = await browser
        .post(`${A}/login`)
        .type('form')
        .set(fromOwnPage)
        .send({ username: 'alice', password: passwordOf('alice'), return_to: address })
        .expect(303);
      for (const origin of targetOf(response)) assert.ok(allowed.has(origin), JSON.stringify(address));
      assert.ok(response.get('Set-Cookie')!.every((line) => !line.startsWith('a=b')));
    }
    for (const path of ['//evil.test/protected', '/protected//evil.test', '/protected?return_to=https://evil.test']) {
      const response = await it
        .browser()
        .get(A + path)
        .set(navigation);
      if (response.status === 303) for (const origin of targetOf(response)) assert.ok(allowed.has(origin), path);
    }
    for (const [address, location] of [
      ['/orders?page=2#x', '/orders?page=2#x'],
      [`${B}/orders`, `${B}/orders`],
      [`${A}/orders`, undefined],
    ] as const) {
      const response = await it
        .browser()
        .post(`${A}/login`)
        .type('form')
        .set(fromOwnPage)
        .send({ username: 'alice', password: passwordOf('alice'), return_to: address })
        .expect(303);
      if (location === undefined) assert.equal(new URL(response.get('Location')!, A).href, address);
      else assert.equal(response.get('Location'), location);
    }
  },
);

story(
  'check 42: javascript: and data: are refused where an application names a page',
  {
    apps: {
      more: (_app, sso) => {
        for (const address of [
          'javascript:alert(1)',
          'data:text/html,x',
          'JAVASCRIPT:alert(1)',
          ' javascript:alert(1)',
          '//evil.test',
          '/\\evil.test',
        ]) {
          const refused = (error: unknown) => error instanceof SsoError && error.code === 'ERR_CONFIG_INVALID';
          assert.throws(() => sso.login(() => undefined, { page: address }), refused, address);
          assert.throws(() => sso.login(() => undefined, { returnTo: address }), refused, address);
          assert.throws(() => sso.logout({ returnTo: address }), refused, address);
          assert.throws(() => sso.protect({ login: address }), refused, address);
        }
      },
    },
  },
  async (it) => {
    assert.equal(it.cluster.nodes.length, 2);
  },
);

test('check 42: and among the origins', async () => {
  for (const origin of [
    'javascript:alert(1)',
    'data:text/html,x',
    'https://xyz.com/path',
    'https://*.xyz.com',
    'xyz.com',
    '*',
    'null',
    'ftp://xyz.com',
    'https://user@xyz.com',
  ]) {
    await assert.rejects(
      startNode({
        secret: 'Jx0a7rYyQF1mVt5cKq9PzW3LsNnBdE8uTgHi2oRk',
        origins: [origin],
        world: { clock: virtualClock() },
      }),
      (error) =>
        error instanceof SsoError && error.code === 'ERR_CONFIG_INVALID' && error.message.startsWith('origins[0]: '),
      origin,
    );
  }
});

story(
  'check 43: the redirect after posted credentials is a 303, right or wrong, and so is that after a logout',
  {},
  async (it) => {
    const browser = it.browser();
    for (const password of ['wrong', passwordOf('alice')]) {
      await browser
        .post(`${A}/login`)
        .type('form')
        .set(fromOwnPage)
        .send({ username: 'alice', password, return_to: '/protected' })
        .expect(303);
    }
    assert.equal(await who(browser, A), 'alice');
    await browser.post(`${A}/logout`).set(fromOwnPage).expect(303);
    assert.equal(await who(browser, A), null);
  },
);

story(
  'check 44: nothing but a POST signs off: images, frames, prefetches and HEAD do not, a visit is asked',
  {},
  async (it) => {
    const browser = await it.signedOn();
    const asked = [
      browser
        .get(`${A}/logout`)
        .set({ 'Sec-Fetch-Dest': 'image', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Site': 'cross-site' }),
      browser.get(`${A}/logout`).set({ ...navigation, 'Sec-Fetch-Dest': 'iframe', 'Sec-Fetch-Site': 'cross-site' }),
      browser.get(`${A}/logout`).set({ Purpose: 'prefetch', 'Sec-Purpose': 'prefetch', 'Sec-Fetch-Mode': 'no-cors' }),
      browser.head(`${A}/logout`).set(navigation),
      browser.options(`${A}/logout`),
      browser.put(`${A}/logout`),
      browser.delete(`${A}/logout`),
      browser.get(`${A}/logout?confirm=yes&_method=POST`).set('X-HTTP-Method-Override', 'POST'),
    ];
    for (const request of asked) {
      const response = await request;
      assert.deepEqual(setCookies(response, ssoName), []);
      assert.equal(await who(browser, A), 'alice');
    }
    const page = await browser.visit(`${A}/logout?return_to=/public`);
    assert.equal(page.status, 200);
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1];
    assert.ok(csrf !== undefined, 'the question is a form with a token');
    const done = await browser.submit(`${A}/logout`, { csrf, return_to: '/public' });
    assert.equal((done.body as Seen).user, null);
  },
);

story('check 45: a logout redirects by the same rules', { options: { origins: [A, B] } }, async (it) => {
  const browser = await it.signedOn();
  for (const [i, address] of hostileAddresses().entries()) {
    if (i % 41 !== 0 || address.length > 10_000) continue;
    await browser.signIn('alice');
    const response = await browser
      .post(`${A}/logout`)
      .type('form')
      .set(fromOwnPage)
      .send({ return_to: address })
      .expect(303);
    for (const origin of targetOf(response)) assert.ok(allowed.has(origin), JSON.stringify(address));
  }
  await browser.signIn('alice');
  const response = await browser
    .post(`${A}/logout`)
    .type('form')
    .set(fromOwnPage)
    .send({ return_to: `${B}/bye` })
    .expect(303);
  assert.equal(response.get('Location'), `${B}/bye`);
});
