import assert from 'node:assert/strict';
import { createHmac, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { test } from 'node:test';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { deriveKeys } from '../../sso/keys.ts';
import { keySet, verifyAssertion } from '../../sso/valve/assertion.ts';
import { agent, alice, app, secret, type World, world } from './world.ts';

const issuer = 'https://sso.xyz.com';
const audience = 'https://orders.xyz.com';

function host(w: World) {
  return app(w, (routes) => {
    routes.get(
      '/assertion',
      async (req, res) =>
        void res.json({ token: await req.sso.assertion({ audience: String(req.query['aud'] ?? audience) }) }),
    );
    routes.get('/keys', keySet(w.parts.keys).handler());
  });
}

async function issue(w: World, principal = alice): Promise<string> {
  const { cookie } = await w.open(principal);
  return (await agent(host(w)).get('/assertion').set('Cookie', cookie)).body.token;
}

async function check(w: World, token: unknown, more: { issuer?: string; audience?: string; afterMs?: number } = {}) {
  const now = w.clock.now() + (more.afterMs ?? 0);
  return verifyAssertion(token, {
    keySet: await keySet(w.parts.keys).keys(),
    issuer: more.issuer ?? issuer,
    audience: more.audience ?? audience,
    now: () => now,
  });
}

/** A token by hand, signed with the cluster's own key: only its contents can be wrong. */
async function forge(w: World, header: object, claims: object, key: KeyObject = clusterKey(w)): Promise<string> {
  const { keys } = await keySet(w.parts.keys).keys();
  const now = Math.floor(w.clock.now() / 1000);
  const base = { iss: issuer, aud: audience, sub: 'alice', roles: [], iat: now, exp: now + 60, jti: 'x' };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${part({ alg: 'EdDSA', typ: 'latchkey-assertion+jwt', kid: keys[0]!.kid, ...header })}.${part({ ...base, ...claims })}`;
  return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`;
}

function clusterKey(w: World): KeyObject {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), w.parts.keys.assertionSeeds[0]!]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

test('an assertion says who asks, for one audience, for a minute, by a key of the published set', async () => {
  const w = world();
  const token = await issue(w);
  const keys = (await agent(host(w)).get('/keys')).body;
  const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(keys), {
    currentDate: new Date(w.clock.now()),
  });
  const now = Math.floor(w.clock.now() / 1000);
  const { jti, sid, ...claims } = payload;
  assert.deepEqual(protectedHeader, { alg: 'EdDSA', typ: 'latchkey-assertion+jwt', kid: keys.keys[0].kid });
  assert.deepEqual(claims, {
    iss: issuer,
    aud: audience,
    sub: 'alice',
    roles: ['customer'],
    auth_time: now,
    iat: now,
    exp: now + 60,
  });
  assert.ok(typeof jti === 'string' && typeof sid === 'string');
  assert.deepEqual(await check(w, token), {
    valid: true,
    name: 'alice',
    roles: ['customer'],
    signOn: sid,
    endsAt: (now + 60) * 1000,
  });
});

test('check 74: an assertion holds neither the token nor the SsoId', async () => {
  const w = world();
  const { cookie, token: cookieToken, id } = await w.open();
  const { token } = (await agent(host(w)).get('/assertion').set('Cookie', cookie)).body;
  const text = JSON.stringify([decodeJwt(token), decodeProtectedHeader(token)]);
  assert.ok(!text.includes(cookieToken) && !text.includes(id));
});

test("every node's assertions verify against every node's key set, of every secret in use", async () => {
  const newer = 'kT6pWz2bNx9vQr4mJd8sFh3yLc7gUa5e';
  const before = await issue(world());
  const rotated = world({}, [newer, secret]);
  assert.equal((await check(rotated, before)).valid, true);
  assert.equal((await check(rotated, await issue(rotated))).valid, true);
  assert.equal((await check(world(), await issue(rotated))).valid, false);
});

test('the key set holds public keys alone, by RFC 7638 thumbprint, and may be cached', async () => {
  const answer = await agent(host(world())).get('/keys');
  assert.equal(answer.type, 'application/jwk-set+json');
  assert.equal(answer.headers['cache-control'], 'public, max-age=300');
  assert.deepEqual(Object.keys(answer.body.keys[0]).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x']);
  const seed = Buffer.from(deriveKeys(secret).assertionSeeds[0]!);
  assert.ok(!answer.text.includes(seed.toString('base64url')));
});

test('one assertion serves half its life; other roles, another audience and another sign-on get their own', async () => {
  const w = world();
  const { cookie } = await w.open();
  const at = host(w);
  const get = async (aud = audience, by = cookie) =>
    (
      await agent(at)
        .get(`/assertion?aud=${encodeURIComponent(aud)}`)
        .set('Cookie', by)
    ).body.token as string;
  const first = await get();
  assert.equal(await get(), first);
  w.clock.advance(29_999);
  assert.equal(await get(), first);
  assert.equal((await check(w, first)).valid, true);
  assert.notEqual(await get('https://other.xyz.com'), first);
  assert.notEqual(await get(audience, (await w.open()).cookie), first);
  await w.registry.setRoles('alice', ['auditor']);
  const promoted = await get();
  assert.deepEqual(decodeJwt(promoted)['roles'], ['auditor']);
  w.clock.advance(30_001);
  assert.notEqual(await get(), promoted);
});

test('an assertion never outlives its sign-on', async () => {
  const w = world();
  const { cookie } = await w.open();
  for (let i = 0; i < 24; i++) {
    w.clock.advance(1_798_000);
    await agent(host(w)).get('/who').set('Cookie', cookie);
  }
  w.clock.advance(24 * 2_000 - 10_000);
  const { token } = (await agent(host(w)).get('/assertion').set('Cookie', cookie)).body;
  const { iat, exp } = decodeJwt(token);
  assert.equal(exp! - iat!, 10);
});

test('nobody gets no assertion; a front does, without a sign-on; an audience must be a name', async () => {
  const w = world();
  assert.equal((await agent(host(w)).get('/assertion')).body.code, 'ERR_NOT_SIGNED_IN');
  const front = world({ principalFrom: () => alice });
  const { token } = (await agent(host(front)).get('/assertion')).body;
  assert.deepEqual(
    { ...(await check(front, token)), endsAt: 0 },
    { valid: true, name: 'alice', roles: ['customer'], signOn: undefined, endsAt: 0 },
  );
  const { cookie } = await w.open();
  assert.equal((await agent(host(w)).get('/assertion?aud=').set('Cookie', cookie)).body.code, 'ERR_CONFIG_INVALID');
});

test('a principal at all its limits still fits', async () => {
  const w = world();
  const roles = Array.from({ length: 256 }, (_, i) => `${i}`.padEnd(128, 'x'));
  const token = await issue(w, { name: 'n'.repeat(256), roles });
  assert.deepEqual((await check(w, token)).valid, true);
});

test('check 56: no algorithm but ours, in no spelling, and no key but from the configuration', async () => {
  const w = world();
  const attacker = generateKeyPairSync('ed25519');
  const jwk = attacker.publicKey.export({ format: 'jwk' });
  const { keys } = await keySet(w.parts.keys).keys();
  const none = (await forge(w, { alg: 'none' }, {})).replace(/[^.]+$/, '');
  const [head, body] = (await forge(w, { alg: 'HS256' }, {})).split('.');
  const confused = `${head}.${body}.${createHmac('sha256', keys[0]!.x!).update(`${head}.${body}`).digest('base64url')}`;
  const refused = [
    none,
    await forge(w, { alg: 'none' }, {}),
    await forge(w, { alg: 'None' }, {}),
    await forge(w, { alg: 'eddsa' }, {}),
    await forge(w, { alg: 'EDDSA' }, {}),
    await forge(w, { alg: 'RS256' }, {}),
    confused,
    await forge(w, {}, {}, attacker.privateKey),
    await forge(w, { jwk }, {}, attacker.privateKey),
    await forge(w, { jwk }, {}),
    await forge(w, { jku: 'https://evil.org/keys' }, {}, attacker.privateKey),
    await forge(w, { x5u: 'https://evil.org/cert' }, {}),
    await forge(w, { x5c: ['x'] }, {}),
    await forge(w, { kid: 'other' }, {}),
    await forge(w, { kid: '../../dev/null' }, {}),
    await forge(w, { kid: undefined }, {}),
    await forge(w, { crit: ['x'], x: 1 }, {}),
  ];
  for (const [i, token] of refused.entries()) assert.equal((await check(w, token)).valid, false, `token ${i}`);
  assert.equal((await check(w, await forge(w, {}, {}))).valid, true);
});

test('check 56: the algorithm is ours to choose, also where a key set names none', async () => {
  const w = world();
  const { keys } = await keySet(w.parts.keys).keys();
  const set = { keys: keys.map(({ alg: _alg, ...key }) => key) };
  const verify = (token: string) => verifyAssertion(token, { keySet: set, issuer, audience, now: () => w.clock.now() });
  assert.equal((await verify(await forge(w, {}, {}))).valid, true);
  assert.equal((await verify(await forge(w, { alg: 'Ed25519' }, {}))).valid, false);
});

test('check 57: another audience, issuer or type is refused; so is every other kind of token of ours', async () => {
  const w = world();
  const { token: cookieToken, id } = await w.open();
  const good = await issue(w);
  assert.equal((await check(w, good, { audience: 'https://other.xyz.com' })).valid, false);
  assert.equal((await check(w, good, { issuer: 'https://evil.org' })).valid, false);
  for (const typ of ['JWT', 'at+jwt', 'logout+jwt', 'latchkey-ticket+jwt', undefined])
    assert.equal((await check(w, await forge(w, { typ }, {}))).valid, false, typ);
  for (const claims of [
    { aud: undefined },
    { aud: [] },
    { iss: undefined },
    { sub: undefined },
    { sub: '' },
    { sub: 1 },
    { roles: 'admin' },
    { roles: undefined },
    { jti: undefined },
    { iat: undefined },
  ]) {
    assert.equal((await check(w, await forge(w, {}, claims))).valid, false, JSON.stringify(claims));
  }
  for (const other of [cookieToken, id]) assert.equal((await check(w, other)).valid, false);
  const cookieOfAssertion = await agent(host(w)).get('/who').set('Cookie', `latchkey=${good}`);
  assert.deepEqual(cookieOfAssertion.body, { roles: [] });
});

test('check 58: exp and nbf hold within 5 seconds; without exp there is no assertion', async () => {
  const w = world();
  const token = await issue(w);
  assert.equal((await check(w, token, { afterMs: 59_000 })).valid, true);
  assert.equal((await check(w, token, { afterMs: 65_000 })).valid, false);
  const now = Math.floor(w.clock.now() / 1000);
  assert.equal((await check(w, await forge(w, {}, { nbf: now + 5 }))).valid, false);
  assert.equal((await check(w, await forge(w, {}, { nbf: now }))).valid, true);
  for (const exp of [undefined, 'x', null]) assert.equal((await check(w, await forge(w, {}, { exp }))).valid, false);
});

test('check 59: whatever else is handed in is refused without an exception, and large things before any work', async () => {
  const w = world();
  const good = await issue(w);
  const nested = Buffer.from('['.repeat(20_000)).toString('base64url');
  for (const token of [
    undefined,
    null,
    1,
    {},
    [],
    '',
    '.',
    '..',
    '...',
    '....',
    'a.b.c',
    `${good}.`,
    `${good}x`,
    good.slice(1),
    good.slice(0, -3),
    `${nested}.${nested}.x`,
    'a.b.c.d.e',
  ]) {
    assert.equal((await check(w, token)).valid, false);
  }
  assert.deepEqual(await check(w, `${good}${'x'.repeat(70_000)}`), { valid: false, why: 'size' });
});
