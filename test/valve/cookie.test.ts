import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCookie, ssoCookie } from '../../sso/http/cookie.ts';
import { mintToken } from '../../sso/token.ts';
import { attributes, secureSettings, world } from './world.ts';

const name = '__Secure-latchkey';

test('a cookie is read wherever it stands in the header', () => {
  for (const header of [
    `${name}=v`,
    `a=b; ${name}=v`,
    `${name}=v; a=b`,
    `a=b; ${name}=v; c=d`,
    `a=b;${name}=v`,
    `a; ${name}=v`,
  ]) {
    assert.deepEqual(readCookie(header, name), ['v'], header);
  }
  assert.deepEqual(readCookie(undefined, name), []);
  assert.deepEqual(readCookie('', name), []);
  assert.deepEqual(readCookie(`${name}=`, name), ['']);
  assert.deepEqual(readCookie(`${name}`, name), []);
});

test('check 5: every different value of the name is read, in the order of the header', () => {
  assert.deepEqual(readCookie(`${name}=one; ${name}=two`, name), ['one', 'two']);
  assert.deepEqual(readCookie(`${name}=two; a=b; ${name}=one`, name), ['two', 'one']);
});

test('check 6: two identical values are one', () => {
  assert.deepEqual(readCookie(`${name}=v; ${name}=v`, name), ['v']);
});

test('check 8: nothing but exactly our name, where RFC 6265 puts it, is read as ours', () => {
  const others = [
    `__secure-latchkey=v`,
    `__SECURE-LATCHKEY=v`,
    ` ${name}=v`,
    `a=b;  ${name}=v`,
    `a=b;\t${name}=v`,
    `a=b; \xa0${name}=v`,
    `a=b;\xa0${name}=v`,
    `a=b; \xc2\xa0${name}=v`,
    `a=b; \xe2\x80\x80${name}=v`,
    `${name}\t=v`,
    `${name} =v`,
    `=${name}=v`,
    `a=b; =${name}=v`,
    `x${name}=v`,
    `${name}x=v`,
    `a=${name}=v`,
    `a="b ${name}=v"`,
    `$Version=1; ${name}=v`,
    `$version="1"; ${name}=v; $Path="/"`,
    `a=b, ${name}=v`,
  ];
  for (const header of others) assert.deepEqual(readCookie(header, name), [], JSON.stringify(header));
});

test('check 8: quotes and white space are part of the value, which is no token then', () => {
  assert.deepEqual(readCookie(`${name}="v"`, name), ['"v"']);
  assert.deepEqual(readCookie(`${name}=v ; a=b`, name), ['v ']);
  assert.deepEqual(readCookie(`${name}= v; a=b`, name), [' v']);
  assert.deepEqual(readCookie(`${name}=v\t; a=b`, name), ['v\t']);
});

test('check 1, V08, V12, V13: with a domain the cookie is Secure, HttpOnly, SameSite=Lax, Path=/ and exactly that Domain', () => {
  const cookie = ssoCookie(world(secureSettings).parts.settings);
  assert.deepEqual(attributes(cookie.issue('t')), ['Domain=xyz.com', 'HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure']);
  assert.match(cookie.issue('t'), /^__Secure-latchkey=t; /);
});

test('check 2, V07: without a domain the cookie has no Domain attribute', () => {
  const cookie = ssoCookie(world({ cookieName: '__Host-latchkey', allowInsecureCookie: false }).parts.settings);
  assert.deepEqual(attributes(cookie.issue('t')), ['HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure']);
  assert.equal(cookie.deletions.length, 1);
});

test('V06: the cookie lives as long as the browser: neither Max-Age nor Expires', () => {
  assert.doesNotMatch(ssoCookie(world(secureSettings).parts.settings).issue('t'), /max-age|expires/i);
});

test('V14, V15, V21: the deletion has the attributes of the issue, whatever is configured', () => {
  const variants = [
    secureSettings,
    { ...secureSettings, sameSite: 'none' as const, partitioned: true },
    { ...secureSettings, cookieName: 'sso', sameSite: 'strict' as const },
    { cookieName: '__Host-latchkey', allowInsecureCookie: false, partitioned: true },
    {},
  ];
  for (const settings of variants) {
    const cookie = ssoCookie(world(settings).parts.settings);
    assert.deepEqual(attributes(cookie.deletions[0]!), attributes(cookie.issue('t')));
    assert.match(cookie.deletions[0]!, /^[^=]+=; Max-Age=0; /);
    assert.match(cookie.deletions[0]!, /Expires=Thu, 01 Jan 1970/);
  }
  assert.match(ssoCookie(world({ ...secureSettings, partitioned: true }).parts.settings).issue('t'), /Partitioned/);
});

test('V23: a deletion goes wherever we could have set the cookie: host-only, and under every previous domain and name', () => {
  const cookie = ssoCookie(
    world({ ...secureSettings, previousCookieDomains: [undefined, 'old.xyz.com', 'xyz.com'] }).parts.settings,
  );
  const places = cookie.deletions.map((line) => `${line.split('=', 1)} ${/Domain=([^;]+)/.exec(line)?.[1] ?? 'host'}`);
  assert.deepEqual(places, [
    '__Secure-latchkey xyz.com',
    '__Secure-latchkey host',
    '__Host-latchkey host',
    '__Secure-latchkey old.xyz.com',
  ]);
  assert.deepEqual(cookie.formerNames, ['__Host-latchkey']);
  assert.deepEqual(cookie.otherDeletions, cookie.deletions.slice(1));
});

test('a __Host- cookie is never deleted under a domain, where it cannot be', () => {
  const cookie = ssoCookie(
    world({ cookieName: '__Host-latchkey', allowInsecureCookie: false, previousCookieDomains: ['xyz.com'] }).parts
      .settings,
  );
  assert.deepEqual(cookie.formerNames, ['__Secure-latchkey']);
  assert.ok(cookie.deletions.every((line) => !(line.startsWith('__Host-') && line.includes('Domain='))));
});

test('check 11: name, value and attributes stay below 512 bytes whatever the principal holds', () => {
  const { parts } = world({
    ...secureSettings,
    cookieDomain: `${'a'.repeat(60)}.${'b'.repeat(60)}.xyz.com`,
    partitioned: true,
  });
  const { token } = mintToken(parts.random, parts.keys.token[0]!, parts.clock.now());
  assert.equal(token.length, 70);
  assert.ok(ssoCookie(parts.settings).issue(token).length < 512);
});
