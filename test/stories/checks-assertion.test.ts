/** Checks 57 to 59 of SECURITY.md, F, as far as they are about `req.sso.assertion`. */

import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { verifyAssertion } from '../../sso/index.ts';
import type { Browser } from '../../sso/testing/index.ts';
import { A, B, guarded, minutes, type Story, seconds, ssoName, story, who } from '../support/story.ts';

type KeySet = Extract<Parameters<typeof verifyAssertion>[1]['keySet'], { readonly keys: unknown }>;

async function assertionOf(browser: Browser, audience = 'https://api.xyz.test', at = 'n1'): Promise<string> {
  return (await browser.get(`${A}/assertion?audience=${encodeURIComponent(audience)}`, { at }).expect(200)).body
    .assertion;
}

async function keySetOf(it: Story, at = 'n1'): Promise<KeySet> {
  return (await it.browser().get(`${A}/keys`, { at }).expect(200)).body;
}

/** What a service behind the applications does. */
function verifier(it: Story, keySet: KeySet, changes: { issuer?: string; audience?: string } = {}) {
  const { issuer = 'latchkey', audience = 'https://api.xyz.test' } = changes;
  return (token: unknown) => verifyAssertion(token, { keySet, issuer, audience, now: () => it.cluster.now() });
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const opened = (text: string | undefined) =>
  JSON.parse(Buffer.from(text!, 'base64url').toString()) as Record<string, unknown>;

story('check 57: an assertion verifies against the keys of every node, and says who is asking', {}, async (it) => {
  const browser = await it.signedOn('bob');
  await it.cluster.at('n2').sso.setRoles('bob', ['deputy']);
  const [first, second] = [await keySetOf(it, 'n1'), await keySetOf(it, 'n2')];
  assert.deepEqual(first, second);
  assert.ok(!JSON.stringify(first).includes('"d"'), 'public keys only');
  for (const at of ['n1', 'n2']) {
    const verified = await verifier(it, at === 'n1' ? second : first)(await assertionOf(browser, undefined, at));
    assert.ok(verified.valid);
    assert.deepEqual([verified.name, verified.roles], ['bob', ['deputy']]);
    assert.ok(verified.endsAt > it.cluster.now() && verified.endsAt <= it.cluster.now() + 61 * seconds);
  }
  await it.browser().get(`${A}/assertion?audience=x`).expect(401);
});

story(
  'check 57: another audience, issuer, type, algorithm or key is refused',
  { options: { issuer: 'https://sso.xyz.test' } },
  async (it) => {
    const browser = await it.signedOn();
    const token = await assertionOf(browser);
    const keySet = await keySetOf(it);
    const right = { issuer: 'https://sso.xyz.test' };
    assert.ok((await verifier(it, keySet, right)(token)).valid);
    assert.equal((await verifier(it, keySet, { ...right, audience: 'https://other.xyz.test' })(token)).valid, false);
    assert.equal((await verifier(it, keySet)(token)).valid, false);
    const [head, body, signature] = token.split('.');
    const header = opened(head);
    const payload = opened(body);
    const own = generateKeyPairSync('ed25519');
    const jwk = own.publicKey.export({ format: 'jwk' });
    const signed = (changedHeader: object, changedPayload: object, key = own.privateKey) => {
      const text = `${part(changedHeader)}.${part(changedPayload)}`;
      return `${text}.${sign(null, Buffer.from(text), createPrivateKey(key.export({ type: 'pkcs8', format: 'pem' }))).toString('base64url')}`;
    };
    const forged: Readonly<Record<string, string>> = {
      'alg none': `${part({ ...header, alg: 'none' })}.${body}.`,
      'alg none with a signature': `${part({ ...header, alg: 'none' })}.${body}.${signature}`,
      'alg HS256': `${part({ ...header, alg: 'HS256' })}.${body}.${signature}`,
      'another type': `${part({ ...header, typ: 'JWT' })}.${body}.${signature}`,
      'another payload': `${head}.${part({ ...payload, sub: 'bob' })}.${signature}`,
      'no signature': `${head}.${body}.`,
      'own key': signed(header, payload),
      'own key in jwk': signed({ ...header, jwk }, payload),
      'own key at jku': signed({ ...header, jku: 'https://evil.test/keys' }, payload),
      'own key under x5u': signed({ ...header, x5u: 'https://evil.test/cert' }, payload),
      'a kid that leads elsewhere': signed({ ...header, kid: '../../etc/passwd' }, payload),
      'no kid': signed({ ...header, kid: undefined }, payload),
    };
    for (const [what, text] of Object.entries(forged))
      assert.equal((await verifier(it, keySet, right)(text)).valid, false, what);
  },
);

story('check 57: no kind of token is taken for another', {}, async (it) => {
  const browser = await it.signedOn();
  await browser.post(`${A}/note?text=x`).expect(200);
  const tokens: Readonly<Record<string, string>> = {
    assertion: await assertionOf(browser),
    sso: browser.cookie(ssoName)!,
    session: browser.cookie('__Host-latchkey-a')!,
    'session without route': browser.cookie('__Host-latchkey-a')!.split('.')[0]!,
    csrf: (await browser.get(`${A}/form-token`).expect(200)).body.token,
    'entry id': String(it.entries('n1', 'alice')[0]!.id),
  };
  const verify = verifier(it, await keySetOf(it));
  for (const [kind, token] of Object.entries(tokens)) {
    assert.equal((await verify(token)).valid, kind === 'assertion', `${kind} as an assertion`);
    const asCookie = await it.browser().get(`${A}/protected`).set('Cookie', `${ssoName}=${token}`);
    assert.equal(asCookie.status, kind === 'sso' ? 200 : 401, `${kind} as the SSO cookie`);
    const asSession = await it.browser().get(`${A}/session`).set('Cookie', `__Host-latchkey-a=${token}`).expect(200);
    assert.equal(asSession.body.note, '', `${kind} as a session without its sign-on`);
    const asBearer = await it.browser().get(`${B}/protected`).set('Authorization', `Bearer ${token}`);
    assert.equal(asBearer.status, 401, `${kind} as a bearer token`);
    const asForm = await browser.post(`${A}/login`).send({ username: 'alice', password: 'wrong', csrf: token });
    assert.equal(asForm.status, kind === 'csrf' ? 401 : 403, `${kind} as a form's token`);
  }
});

story(
  'check 58: an assertion holds for its minute, give or take five seconds, and not without an end',
  {},
  async (it) => {
    const browser = await it.signedOn();
    const token = await assertionOf(browser);
    const { exp, iat } = opened(token.split('.')[1]) as { exp: number; iat: number };
    assert.ok(exp - iat <= 60);
    const keySet = await keySetOf(it);
    const at = (ms: number) =>
      verifyAssertion(token, { keySet, issuer: 'latchkey', audience: 'https://api.xyz.test', now: () => ms });
    assert.equal((await at(exp * 1000 - seconds)).valid, true);
    assert.equal((await at(exp * 1000 + 6 * seconds)).valid, false);
    assert.equal((await at(iat * 1000 - 6 * seconds)).valid, false, 'from a clock that is far ahead');
    await it.cluster.advance(66 * seconds);
    const verify = verifier(it, keySet);
    assert.equal((await verify(token)).valid, false);
    assert.equal((await verify(await assertionOf(browser))).valid, true, 'a new one is to be had');
    await browser.post(`${A}/logout`).expect(200);
    await browser.get(`${A}/assertion?audience=x`).expect(401);
  },
);

story('check 58: a signed statement that lacks its end, its time or its user is refused', {}, async (it) => {
  const token = await assertionOf(await it.signedOn());
  const [head, body] = token.split('.').map((text, i) => (i < 2 ? opened(text) : {}));
  const own = generateKeyPairSync('ed25519');
  const keySet = {
    keys: [{ ...own.publicKey.export({ format: 'jwk' }), kid: 'own', alg: 'EdDSA', use: 'sig' }],
  } as KeySet;
  const verify = (payload: object) => {
    const text = `${part({ ...head, kid: 'own' })}.${part(payload)}`;
    return verifier(it, keySet)(`${text}.${sign(null, Buffer.from(text), own.privateKey).toString('base64url')}`);
  };
  assert.equal((await verify(body!)).valid, true, 'the forger has the key, so the rest of the test means something');
  for (const claim of ['exp', 'iat', 'sub', 'aud', 'iss'])
    assert.equal((await verify({ ...body, [claim]: undefined })).valid, false, claim);
  for (const exp of ['soon', null, -1, [], Number.POSITIVE_INFINITY])
    assert.equal((await verify({ ...body, exp })).valid, false, `${exp}`);
  for (const sub of ['', 5, null, { name: 'alice' }])
    assert.equal((await verify({ ...body, sub })).valid, false, `${sub}`);
});

story(
  'check 58: an assertion does not outlive its sign-on by its own minute',
  { options: { lifeMs: minutes } },
  async (it) => {
    const browser = await it.signedOn();
    await it.cluster.advance(50 * seconds);
    const token = await assertionOf(browser);
    const { exp } = opened(token.split('.')[1]) as { exp: number };
    assert.ok(exp * 1000 <= it.entries('n1', 'alice')[0]!.endsAt + seconds);
    await it.cluster.advance(12 * seconds);
    assert.equal(await guarded(browser, A), 401);
  },
);

story('check 59: what is too large or too deep is refused before it is parsed, in no time', {}, async (it) => {
  const browser = await it.signedOn();
  const verify = verifier(it, await keySetOf(it));
  const token = await assertionOf(browser);
  const [head, body, signature] = token.split('.');
  const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
  const huge = [
    'A'.repeat(10_000_000),
    `${token}${'A'.repeat(1_000_000)}`,
    `${Buffer.from(deep).toString('base64url')}.${body}.${signature}`,
    `${head}.${Buffer.from(deep).toString('base64url')}.${signature}`,
    `${part({ ...opened(head), zip: 'DEF' })}.${body}.${signature}`,
    `${head}.${body}.${signature}.${body}.${head}`,
    '.'.repeat(100_000),
    '..',
    '',
    'a.b.c',
    '\u0000',
  ];
  const others: unknown[] = [undefined, null, 5, {}, [], [token], { toString: () => token }, Buffer.from(token)];
  const began = performance.now();
  for (const text of [...huge, ...others]) assert.equal((await verify(text)).valid, false);
  assert.ok(performance.now() - began < 2_000);
  const names = await browser.get(`${A}/assertion?audience=${'x'.repeat(5_000)}`);
  assert.ok(names.status === 200 || names.status >= 400);
  assert.equal(await who(browser, A), 'alice');
});
