import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deriveKeys } from '../../sso/keys.ts';
import { systemRandom } from '../../sso/random.ts';
import { cookieValue, isGenuine, newSessionId, parseCookieValue, renewedSessionId } from '../../sso/session/id.ts';
import type { SsoId } from '../../sso/token.ts';

const keys = deriveKeys('0123456789abcdefghijklmnopqrstuvwxyzABCDEF').sessionId;
const otherKeys = deriveKeys('another-one-of-0123456789abcdefghijklmnopqrs').sessionId;
const key = keys[0]!;
const signOn = 's'.repeat(43) as SsoId;

test('check 10: an id is 43 random and 22 check characters without a dot, and no two are alike', () => {
  const ids = Array.from({ length: 10_000 }, () => newSessionId(systemRandom, key, 'shop'));
  assert.equal(new Set(ids.map((id) => id.slice(0, 43))).size, ids.length);
  for (const id of ids) assert.match(id, /^[A-Za-z0-9_-]{65}$/);
  const bits = ids
    .flatMap((id) => [...Buffer.from(id.slice(0, 43), 'base64url')])
    .reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
  const share = bits / (ids.length * 256);
  assert.ok(Math.abs(share - 0.5) < 0.002, `${share} of the bits are set`);
});

test('an id is genuine for its application and its key alone', () => {
  const id = newSessionId(systemRandom, key, 'shop');
  assert.ok(isGenuine(keys, 'shop', id));
  assert.ok(isGenuine([...otherKeys, ...keys], 'shop', id), 'a rotated secret still verifies');
  assert.ok(!isGenuine(keys, 'blog', id));
  assert.ok(!isGenuine(otherKeys, 'shop', id));
});

test('any other character at any place makes an id one that we did not make', () => {
  const id = newSessionId(systemRandom, key, 'shop');
  for (let at = 0; at < id.length; at++) {
    const forged = `${id.slice(0, at)}${id[at] === 'A' ? 'B' : 'A'}${id.slice(at + 1)}`;
    assert.ok(!isGenuine(keys, 'shop', forged), `at ${at}`);
  }
  for (const other of ['', 'x', id.slice(1), `${id}A`, `${id} `, '.'.repeat(65)])
    assert.ok(!isGenuine(keys, 'shop', other));
});

test('the id that a session moves to is the same on every node, and another for every sign-on and every old id', () => {
  const id = newSessionId(systemRandom, key, 'shop');
  const moved = renewedSessionId(key, 'shop', id, signOn);
  assert.equal(moved, renewedSessionId(key, 'shop', id, signOn));
  assert.ok(isGenuine(keys, 'shop', moved));
  const others = [
    renewedSessionId(key, 'shop', id, 't'.repeat(43) as SsoId),
    renewedSessionId(key, 'blog', id, signOn),
    renewedSessionId(key, 'shop', newSessionId(systemRandom, key, 'shop'), signOn),
    renewedSessionId(otherKeys[0]!, 'shop', id, signOn),
  ];
  assert.equal(new Set([id, moved, ...others]).size, 6);
});

test('V110, V114: the cookie is <id>.<route>, and is split at the first dot', () => {
  const id = newSessionId(systemRandom, key, 'shop');
  assert.equal(cookieValue(id, 'dom.n1'), `${id}.dom.n1`);
  assert.equal(cookieValue(id, undefined), id);
  assert.deepEqual(parseCookieValue(`${id}.dom.n1`, false), { id, route: 'dom.n1', quoted: false });
  assert.deepEqual(parseCookieValue(id, false), { id, route: undefined, quoted: false });
  assert.deepEqual(parseCookieValue(`${id}.`, false), { id, route: '', quoted: false });
});

test('V120: the quotes of a predecessor are taken off', () => {
  const id = newSessionId(systemRandom, key, 'shop');
  assert.deepEqual(parseCookieValue(`"${id}.node2"`, false), { id, route: 'node2', quoted: true });
});

test('an id of the application goes into the cookie and back whatever characters it has', () => {
  for (const id of ['apple', '%', '/foo', 'a.b', 'ä ö;,="\\', '..', '.x']) {
    const value = cookieValue(id, 'node1');
    assert.match(value, /^[!#$%&'()*+\-./0-9:<=>?@A-Z[\]^_`a-z{|}~]+$/, 'only what RFC 6265 allows in a value');
    assert.deepEqual(parseCookieValue(value, true), { id, route: 'node1', quoted: false });
  }
});

test('check 9, V24: what is no id of ours is none, unless the application makes its own', () => {
  const id = newSessionId(systemRandom, key, 'shop');
  for (const value of [
    '',
    '.',
    '.node1',
    'x',
    `${id.slice(1)}.node1`,
    `${id}x.node1`,
    `${id}.${'r'.repeat(600)}`,
    's%3Aabc.SIG',
    'j:{"$ne":1}',
  ]) {
    assert.equal(parseCookieValue(value, false), undefined, value);
  }
  for (const value of ['', '.', '.node1', '%E0%A4%A.node1', 'x'.repeat(600)])
    assert.equal(parseCookieValue(value, true), undefined, value);
});
