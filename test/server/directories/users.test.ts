import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashSync } from '@node-rs/argon2';
import { ConfigError } from '../../../config/document.ts';
import { canonicalName, parseUsers, userCheck, type Verify } from '../../../server/directories/users.ts';
import { verifyPassword } from '../../../server/hashing/hash.ts';

const hash = (password: string) => hashSync(Buffer.from(password), { memoryCost: 64, timeCost: 1 });
const aliceHash = hash('wonderland');
const bobHash = hash('builder');
const file = `users:\n  - { name: Alice, displayName: Alice Example, roles: [customer], password: '${aliceHash}' }\n  - { name: bob, password: '${bobHash}' }\n`;

const verified: string[] = [];
const verify: Verify = async (one, password) => {
  verified.push(one);
  return verifyPassword(one, password) ? 'matches' : 'differs';
};
const check = userCheck(parseUsers('users.yaml', file), verify);

test('the right password gives the principal with its roles and display name', async () => {
  assert.deepEqual(await check('Alice', 'wonderland'), {
    kind: 'known',
    principal: { name: 'Alice', roles: ['customer'], attributes: { displayName: 'Alice Example' } },
  });
  assert.deepEqual(await check('bob', 'builder'), { kind: 'known', principal: { name: 'bob', roles: [] } });
});

test('check 33: spellings of a name are one user: case, blanks, Unicode forms', async () => {
  for (const name of ['alice', ' ALICE ', 'Ａｌｉｃｅ', 'alice\u00a0', 'ａlice']) {
    const result = await check(name, 'wonderland');
    assert.equal(result.kind === 'known' && result.principal.name, 'Alice', JSON.stringify(name));
  }
  assert.equal(canonicalName('ﬁrst'), 'first');
  assert.equal(canonicalName(canonicalName('İSTANBUL')), canonicalName('İSTANBUL'));
});

test('check 31: an unknown name costs one verification of a hash that the file holds, as a wrong password does', async () => {
  verified.length = 0;
  assert.deepEqual(await check('alice', 'wrong'), { kind: 'refused' });
  assert.deepEqual(await check('nobody', 'wrong'), { kind: 'refused' });
  assert.equal(verified.length, 2);
  assert.ok([aliceHash, bobHash].includes(verified[1]!));
});

test('check 31: an unknown name stays unknown with any user’s password', async () => {
  for (const name of ['nobody', 'somebody', '', '__proto__', 'constructor', 'toString']) {
    for (const password of ['wonderland', 'builder', ''])
      assert.deepEqual(await check(name, password), { kind: 'refused' });
  }
});

test('check 35: a password longer than any is refused, not cut', async () => {
  assert.deepEqual(await check('alice', `wonderland${'x'.repeat(5_000)}`), { kind: 'refused' });
});

test('a full queue says busy and signs nobody on', async () => {
  const full = userCheck(parseUsers('users.yaml', file), async () => 'busy');
  assert.deepEqual(await full('alice', 'wonderland'), { kind: 'busy' });
});

test('T17: a users file that is wrong is told in one line, and no hash is shown', () => {
  const wrong: readonly (readonly [text: string, says: RegExp])[] = [
    ['users: []', /users: must hold at least one user/],
    ['people: []', /users: is missing|people: is not a known field/],
    [`users: [{ name: a }]`, /users\[0\]\.password: is missing: must be a hash as "latchkey hash-password" makes one/],
    [`users: [{ name: a, password: hunter2hunter2 }]`, /users\[0\]\.password: must be a hash/],
    [
      `users: [{ name: a, password: '${aliceHash.slice(0, 50)}' }]`,
      /users\[0\]\.password: is not a whole argon2id hash/,
    ],
    [`users: [{ password: '${aliceHash}' }]`, /users\[0\]\.name: is missing/],
    [`users: [{ name: 7, password: '${aliceHash}' }]`, /users\[0\]\.name: must be a name/],
    [`users: [{ name: "a\\u0000b", password: '${aliceHash}' }]`, /users\[0\]\.name: must be a name/],
    [`users: [{ name: " ", password: '${aliceHash}' }]`, /users\[0\]\.name: must not be blank/],
    [`users: [{ name: a, roles: customer, password: '${aliceHash}' }]`, /users\[0\]\.roles: must be a list of roles/],
    [
      `users: [{ name: a, role: x, password: '${aliceHash}' }]`,
      /users\[0\]\.role: is not a known field; did you mean "roles"\?/,
    ],
    [
      `users: [{ name: a, password: '${aliceHash}' }, { name: A, password: '${aliceHash}' }]`,
      /users\[1\]\.name: "a" is there twice/,
    ],
  ];
  for (const [text, says] of wrong) {
    assert.throws(
      () => parseUsers('users.yaml', text),
      (error) => {
        assert.ok(error instanceof ConfigError, String(error));
        assert.match(error.message, says);
        assert.ok(!error.message.includes('hunter2') && !error.message.includes(aliceHash.slice(30, 50)));
        return true;
      },
    );
  }
});
