import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CookieOptions, SessionCookie } from '../../sso/session/cookie.ts';
import { TestClock } from './support/world.ts';

const make = (options?: unknown, clock = new TestClock()) => new SessionCookie(options as CookieOptions, clock);

test('a cookie goes with the browser session, is for the server alone and for every path, unless told otherwise', () => {
  const { path, maxAge, expires, originalMaxAge, httpOnly, secure } = make();
  assert.deepEqual(
    { path, maxAge, expires, originalMaxAge, httpOnly, secure },
    { path: '/', maxAge: null, expires: null, originalMaxAge: null, httpOnly: true, secure: undefined },
  );
});

test('maxAge and expires are two views of one instant, and the clock is the one that was handed in', () => {
  const clock = new TestClock();
  const cookie = make({ maxAge: 60_000 }, clock);
  assert.equal(cookie.expires?.valueOf(), clock.now() + 60_000);
  clock.advance(10_000);
  assert.equal(cookie.maxAge, 50_000);
  assert.equal(cookie.originalMaxAge, 60_000);
  cookie.expires = new Date(clock.now() + 5_000);
  assert.equal(cookie.maxAge, 5_000);
  assert.equal(cookie.originalMaxAge, 5_000);
  cookie.maxAge = 3_000_000_000;
  assert.equal(cookie.expires?.valueOf(), clock.now() + 3_000_000_000);
  cookie.maxAge = null;
  assert.equal(cookie.expires, null);
});

test('maxAge may be a Date, as it once was', () => {
  const clock = new TestClock();
  assert.equal(make({ maxAge: new Date(clock.now() + 7_000) }, clock).maxAge, 7_000);
});

test('options that are no object, and a maxAge that is no number, are refused as express-session refuses them', () => {
  for (const options of [42, 'foo', true, () => {}]) assert.throws(() => make(options), /argument options must/);
  for (const maxAge of ['42', true, () => {}]) assert.throws(() => make({ maxAge }), /maxAge must be a number/);
});

test('"data" is no option: it is what the attributes are given out as', () => {
  const cookie = make({
    data: { foo: 'bar' },
    path: '/foo',
    sameSite: 'strict',
    partitioned: true,
    priority: 'high',
    domain: 'xyz.com',
  });
  const data = {
    originalMaxAge: null,
    partitioned: true,
    priority: 'high',
    expires: null,
    secure: undefined,
    httpOnly: true,
    domain: 'xyz.com',
    path: '/foo',
    sameSite: 'strict',
  };
  assert.deepEqual(cookie.data, data);
  assert.deepEqual(cookie.toJSON(), data);
});

test('serialize writes the attributes in the words of RFC 6265', () => {
  const clock = new TestClock();
  const cookie = make({ maxAge: 1_000, secure: true, sameSite: 'none', partitioned: true, priority: 'low' }, clock);
  const line = cookie.serialize('name', 'a b');
  assert.ok(line.startsWith('name=a%20b; '));
  for (const attribute of [
    'Path=/',
    'HttpOnly',
    'Secure',
    'SameSite=None',
    'Partitioned',
    'Priority=Low',
    `Expires=${new Date(clock.now() + 1_000).toUTCString()}`,
  ]) {
    assert.ok(line.split('; ').includes(attribute), `${attribute} in ${line}`);
  }
});

test('what is switched on by another word than true is on, as with express-session: nothing loses HttpOnly or Secure by it', () => {
  const on = { httpOnly: 'true', secure: 1, partitioned: 'yes' };
  assert.equal(make(on).line('name', 'value'), 'name=value; Path=/; HttpOnly; Secure; Partitioned');
  const off = { httpOnly: null, secure: 'auto', partitioned: 0 };
  assert.equal(make(off).line('name', 'value'), 'name=value; Path=/');
});

test('V14, V66: the line that deletes a cookie has the attributes of the one that set it', () => {
  const cookie = make({
    domain: 'xyz.com',
    path: '/admin',
    secure: true,
    sameSite: 'lax',
    partitioned: true,
    maxAge: 1_000,
  });
  const attributes = (line: string) =>
    line
      .split('; ')
      .slice(1)
      .filter((attribute) => !/^(expires|max-age)=/i.test(attribute));
  assert.deepEqual(attributes(cookie.deletion('name')), attributes(cookie.line('name', 'value')));
  assert.match(cookie.deletion('name'), /^name=;.*Expires=Thu, 01 Jan 1970 00:00:00 GMT.*; Max-Age=0$/);
});
