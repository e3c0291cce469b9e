/** The cookie of known browsers. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deriveKeys } from '../../sso/keys.ts';
import { seededRandom } from '../../sso/random.ts';
import { KnownBrowsers } from '../../sso/throttle/known-browser.ts';

const secret = 'dQ3vXn8wRk5tYb2mHs7cLp4zGf9jAe6u';
const day = 86_400_000;

function browsers({ secrets = secret as string | string[], lifeMs = 90 * day, insecure = false, seed = 1 } = {}) {
  const clock = { now: 1_800_000_000_000 };
  const known = new KnownBrowsers({
    keys: deriveKeys(secrets).throttle,
    random: seededRandom(seed),
    now: () => clock.now,
    lifeMs,
    allowInsecureCookie: insecure,
  });
  return { known, clock };
}

const pairOf = (line: string | undefined) => line!.split(';', 1)[0]!;

test('check 3: the cookie is host-only, Secure, HttpOnly and SameSite=Lax, kept for 90 days', () => {
  const line = browsers().known.issue(undefined, 'alice')!;
  assert.match(line, /^__Host-latchkey-known=[A-Za-z0-9_-]{39};/);
  assert.deepEqual(line.split('; ').slice(1).sort(), [
    'HttpOnly',
    'Max-Age=7776000',
    'Path=/',
    'SameSite=Lax',
    'Secure',
  ]);
  const plain = browsers({ insecure: true }).known.issue(undefined, 'alice')!;
  assert.match(plain, /^latchkey-known=/);
  assert.doesNotMatch(plain, /Secure/);
});

test('check 34: a browser is known to the accounts that signed on from it and to no other, under a new name each time', () => {
  const { known } = browsers();
  const first = pairOf(known.issue(undefined, 'alice'));
  const name = known.read(first, 'alice');
  assert.match(name!, /^[A-Za-z0-9_-]{12}$/);
  assert.equal(known.read(first, 'bob'), undefined);
  const both = pairOf(known.issue(first, 'bob'));
  assert.equal(known.read(both, 'alice'), name);
  assert.ok(known.read(both, 'bob'));
  const again = pairOf(known.issue(both, 'alice'));
  assert.notEqual(known.read(again, 'alice'), name);
  assert.equal(again.split('.').length, 2);
});

test('four accounts are remembered, the latest ones; the cookie stays small', () => {
  const { known } = browsers();
  let header: string | undefined;
  for (let i = 1; i <= 6; i++) header = pairOf(known.issue(header, `user${i}`));
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6].map((i) => known.read(header, `user${i}`) !== undefined),
    [false, false, true, true, true, true],
  );
  assert.ok(header!.length < 256);
});

test('it ends with its time, and nobody can prolong, alter or make one', () => {
  const { known, clock } = browsers();
  const header = pairOf(known.issue(undefined, 'alice'));
  const value = header.slice(header.indexOf('=') + 1);
  const bytes = Buffer.from(value, 'base64url');
  for (let bit = 0; bit < bytes.length * 8; bit += 5) {
    const altered = Buffer.from(bytes);
    altered[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(known.read(`__Host-latchkey-known=${altered.toString('base64url')}`, 'alice'), undefined);
  }
  for (const wrong of ['', 'x', `${value}.`, `${value}x`, `"${value}"`, [value, value, value, value, value].join('.')])
    assert.equal(known.read(`__Host-latchkey-known=${wrong}`, 'alice'), undefined);
  assert.equal(known.read(`${header}; __Host-latchkey-known=${'A'.repeat(39)}`, 'alice'), undefined);
  assert.equal(browsers({ secrets: `${secret}other` }).known.read(header, 'alice'), undefined);
  clock.now += 90 * day - 2_000;
  assert.ok(known.read(header, 'alice'));
  clock.now += 2_000;
  assert.equal(known.read(header, 'alice'), undefined);
});

test('check 73: what an older secret made is known after a rotation', () => {
  const header = pairOf(browsers({ secrets: secret }).known.issue(undefined, 'alice'));
  assert.ok(browsers({ secrets: [`${secret}new`, secret], seed: 2 }).known.read(header, 'alice'));
});

test('with a life of 0 no browser is known, and no cookie set', () => {
  const { known } = browsers({ lifeMs: 0 });
  assert.equal(known.issue(undefined, 'alice'), undefined);
  assert.equal(known.read(pairOf(browsers().known.issue(undefined, 'alice')), 'alice'), undefined);
});
