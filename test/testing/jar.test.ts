import assert from 'node:assert/strict';
import test from 'node:test';
import { Jar } from '../../sso/testing/jar.ts';

const app1 = new URL('https://app1.xyz.test/shop/page');
const app2 = new URL('https://app2.xyz.test/');

function jarAt(now = { ms: Date.UTC(2026, 0, 1) }) {
  return { jar: new Jar(() => now.ms), now };
}

test('a cookie goes to its host alone, or to all hosts of its Domain', () => {
  const { jar } = jarAt();
  jar.take(app1, ['own=1; Path=/', 'shared=2; Domain=xyz.test; Path=/']);
  assert.equal(jar.header(app1), 'own=1; shared=2');
  assert.equal(jar.header(app2), 'shared=2');
  assert.equal(jar.header(new URL('https://deep.app2.xyz.test/')), 'shared=2');
  assert.equal(jar.header(new URL('https://evilxyz.test/')), undefined);
  assert.equal(jar.header(new URL('https://xyz.test.evil.org/')), undefined);
});

test('a Secure cookie does not go over plain HTTP', () => {
  const { jar } = jarAt();
  jar.take(app1, ['a=1; Path=/; Secure', 'b=2; Path=/']);
  assert.equal(jar.header(new URL('http://app1.xyz.test/')), 'b=2');
});

test('a longer path goes first, and only below itself', () => {
  const { jar } = jarAt();
  jar.take(app1, ['a=root; Path=/', 'a=shop; Path=/shop']);
  assert.equal(jar.header(app1), 'a=shop; a=root');
  assert.equal(jar.header(new URL('/other', app1)), 'a=root');
});

test('what a browser refuses is dropped: foreign domains, public suffixes, broken prefixes', () => {
  const { jar } = jarAt();
  jar.take(new URL('https://app.xyz.co.uk/'), [
    'a=1; Domain=other.test',
    'b=1; Domain=co.uk',
    '__Host-c=1; Domain=xyz.co.uk; Path=/; Secure',
    '__Host-d=1; Path=/',
    '__Secure-e=1; Path=/',
    '__Host-f=1; Path=/x; Secure',
    '',
  ]);
  assert.equal(jar.header(new URL('https://app.xyz.co.uk/')), undefined);
  jar.take(new URL('https://app.xyz.co.uk/'), [
    '__Host-g=1; Path=/; Secure',
    '__Secure-h=1; Domain=xyz.co.uk; Secure; Path=/',
  ]);
  assert.equal(jar.header(new URL('https://app.xyz.co.uk/')), '__Host-g=1; __Secure-h=1');
});

test('cookies run out by virtual time, Max-Age before Expires', () => {
  const { jar, now } = jarAt();
  jar.take(app1, [
    'a=1; Path=/; Max-Age=60',
    `b=2; Path=/; Expires=${new Date(now.ms + 30_000).toUTCString()}`,
    `c=3; Path=/; Max-Age=60; Expires=${new Date(0).toUTCString()}`,
    'd=4; Path=/',
  ]);
  assert.equal(jar.header(app1), 'a=1; b=2; c=3; d=4');
  now.ms += 31_000;
  assert.equal(jar.header(app1), 'a=1; c=3; d=4');
  now.ms += 31_000;
  assert.equal(jar.header(app1), 'd=4');
});

test('a deletion hits only what has the same name, domain and path', () => {
  const { jar } = jarAt();
  jar.take(app1, ['a=domain; Domain=xyz.test; Path=/', 'a=host; Path=/']);
  jar.take(app1, ['a=; Path=/; Max-Age=0']);
  assert.equal(jar.header(app1), 'a=domain');
  jar.take(app1, ['a=; Domain=xyz.test; Path=/shop; Max-Age=0', 'a=; Domain=xyz.test; Path=/; Max-Age=0']);
  assert.equal(jar.header(app1), undefined);
});

test('a private window that is closed keeps nothing', () => {
  const { jar } = jarAt();
  jar.take(app1, ['a=1; Path=/']);
  jar.clear();
  assert.deepEqual(jar.all(app1), []);
});
