import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSafePage, safeReturnAddress, withQuery } from '../../sso/http/return-address.ts';

const own = 'https://app1.xyz.com';
const origins = ['https://app2.xyz.com', 'http://app3.xyz.com:8080'];
const allowed = new Set([own, ...origins]);

/** What a browser on our page makes of the Location header. */
function leadsTo(location: string): string {
  return new URL(location, `${own}/login`).origin;
}

function take(address: unknown): string | undefined {
  return safeReturnAddress(address, origins, 'app1.xyz.com');
}

test('addresses of ours are taken, on this host as paths', () => {
  const good: readonly (readonly [string, string])[] = [
    ['/', '/'],
    ['/orders', '/orders'],
    ['/orders?page=2&x=%2Fy%2F..#top', '/orders?page=2&x=%2Fy%2F..#top'],
    ['/?u=https://evil.org//x', '/?u=https://evil.org//x'],
    ['/a/./b/../c', '/a/c'],
    ['/a:b@c', '/a:b@c'],
    ['/%C3%BCber%20alles', '/%C3%BCber%20alles'],
    ['/x#//evil.org', '/x#//evil.org'],
    ['/a//b', '/a//b'],
    [`${own}/x?y`, '/x?y'],
    ['https://app2.xyz.com', 'https://app2.xyz.com/'],
    ['https://app2.xyz.com/x?y#z', 'https://app2.xyz.com/x?y#z'],
    ['HTTPS://APP2.XYZ.COM/', 'https://app2.xyz.com/'],
    ['https://app2.xyz.com:443/', 'https://app2.xyz.com/'],
    ['http://app3.xyz.com:8080/', 'http://app3.xyz.com:8080/'],
  ];
  for (const [address, location] of good) assert.equal(take(address), location, address);
});

/** Pieces that parsers have disagreed about, put together in all ways. */
function corpus(): string[] {
  const targets = [
    'evil.org',
    'evil.org/x',
    'app1.xyz.com.evil.org',
    'xn--pp1-xyz.com',
    '[::ffff:1.2.3.4]',
    '0x7f000001',
    'evil.org:443',
  ];
  const openings = [
    '//', '///', '////', '/\\', '\\/', '\\\\', '\\', '/\t/', '/\n/', '/\r\n/', '\t//', ' //', '//\t', '/ /', '/%09/', '/%0a/', '/%0d%0a/', '/%2f', '/%2F%2F', '%2f%2f', '/%5c', '/%255c',
    '/%252f%252f', '/.//', '/..//', '/./..//', '/a/..//', '/%2e//', '/%2e%2e//', '/a/%2e%2e//', '/.%2e//', 'https:', 'https:/', 'https://', 'https:///', 'https:\\\\', 'http://', 'http:', 'HTTPS://',
    'hTTps:\t//', 'ht\ntps://', 'https://app2.xyz.com@', 'https://app2.xyz.com:x@', 'https://app2.xyz.com%40', 'https://app2.xyz.com\\@', 'https://app2.xyz.com%00.', 'https://app2.xyz.com.', 'https://app2.xyz.com-',
    'https://@', 'https://:@', 'https://a:b@', 'ftp://', 'ws://', 'file://', 'file:///', 'blob:https://', 'javascript://', 'javascript:alert(1)//', 'java\tscript:', 'JavaScript:', ' javascript:', '\x01javascript:', 'data:text/html,',
    'vbscript:', 'about:', 'view-source:https://', '?//', '#//', './/', '..//', '//\u3002', '/\u3000/', '\u2028//', '/\u200b/', '\ufeff//', '／／', '/／', '。', '//%E3%80%82', '/\0/', '/\x7f/', '/\xa0/', '\b//', '/\v/', '/\f/', '@', ':', ';//', '~//',
  ]; // biome-ignore format: a list of spellings
  const more = [
    '', ' ', '.', '..', 'orders', 'app2.xyz.com', 'https://app2.xyz.com:444/', 'http://app2.xyz.com/', 'https://app3.xyz.com:8080/', 'http://app3.xyz.com/', 'https://xyz.com/', 'https://app2.xyz.com.evil.org/',
    'https://evilapp2.xyz.com/', 'https://app2.xyz.com\x00/', 'https://app2。xyz。com/', 'https://app2.xyz.com\t/', 'https://ａｐｐ2.xyz.com/', 'https://app2.xyz.com:443@evil.org/', 'https://app2.xyz.com:99999/',
    'https://user@app2.xyz.com/', 'https://@app2.xyz.com/', 'https://:@app2.xyz.com/', 'https://app2.xyz.com/%2e%2e/', 'https://app2.xyz.com/a\\b', 'https://app2.xyz.com//evil.org', `/${'a'.repeat(2_048)}`, `/${'a'.repeat(65_536)}`,
    '/a\r\nSet-Cookie: x=y', '/a\r\n\r\n<script>', '/%0d%0aSet-Cookie:%20x=y', '/%00', '/a%2f%2fb', '/a%5cb', '/%7f', '/a b', '/ü', '/%252e%252e/',
  ]; // biome-ignore format: a list of spellings
  return [...openings.flatMap((opening) => targets.map((target) => opening + target)), ...more];
}

test('check 41, 45: of a corpus of several hundred spellings not one leads elsewhere, by the URL parser of browsers', () => {
  const all = corpus();
  assert.ok(new Set(all).size >= 500, `${new Set(all).size} strings`);
  for (const address of all) {
    const location = take(address);
    if (location === undefined) continue;
    assert.ok(allowed.has(leadsTo(location)), `${JSON.stringify(address)} → ${location}`);
    assert.match(location, /^[\x21-\x7e]+$/);
    assert.ok(location.length <= 2_100);
  }
});

test('check 41: what parsers disagree about is refused, even where it would stay on this host', () => {
  const refused = [
    '', 'orders', '?x', '#x', '//app1.xyz.com', '///x', '/\\x', '\\x', '/a\\b', '/a b', ' /a', '/a ', '/a\t', '/a\n', '/ü', '/%2e%2e/x', '/%2E/x', '/a%2fb', '/a%5Cb', '/%09/x', '/%0a', '/%00', '/%7f', '/%252fx', '/%25252Fx',
    '/.//x', '/a/..//x', 'https:x', 'https:/x', 'https:///x', 'https://user@app2.xyz.com/', 'https://user:pw@app2.xyz.com/', 'https://@app2.xyz.com/', 'https://app2.xyz.com//x', 'http://app2.xyz.com/', 'https://app2.xyz.com:8443/',
  ]; // biome-ignore format: a list of spellings
  for (const address of refused) assert.equal(take(address), undefined, address);
  for (const address of [undefined, null, 1, {}, ['/a'], true]) assert.equal(take(address), undefined);
});

test('check 42: no scheme but http and https, at use or at registration', () => {
  for (const address of [
    'javascript:alert(1)',
    'JAVASCRIPT:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://app2.xyz.com/x',
    'mailto:a@b',
    'tel:1',
    'ftp://app2.xyz.com/',
  ]) {
    assert.equal(take(address), undefined, address);
    assert.equal(isSafePage(address), false, address);
  }
});

test('a path is taken up to 2,048 characters', () => {
  assert.ok(take(`/${'a'.repeat(2_047)}`));
  assert.equal(take(`/${'a'.repeat(2_048)}`), undefined);
});

test('check 47: whatever the Host header says, an address on it is answered as a path', () => {
  assert.equal(safeReturnAddress('https://evil.org/x', [], 'evil.org'), '/x');
  assert.equal(safeReturnAddress('https://evil.org//x', [], 'evil.org'), undefined);
  assert.equal(safeReturnAddress('https://app1.xyz.com/x', []), undefined);
});

test('check 41: no string of fragments that matter, in any order, leads elsewhere (seeded)', () => {
  const fragment = fc.constantFrom(
    '/', '\\', '//', '.', '..', ':', '@', '?', '#', '%2f', '%5c', '%2e', '%09', '%00', '%25', '\t', '\n', ' ', 'https:', 'http:', 'javascript:', 'evil.org', 'app1.xyz.com', 'app2.xyz.com', 'a', ';', '&', '\u3002', '\uff0f', '\xa0', ':443', '[::1]',
  ); // biome-ignore format: a list of spellings
  fc.assert(
    fc.property(fc.array(fragment, { minLength: 1, maxLength: 8 }), (parts) => {
      const location = take(parts.join(''));
      return location === undefined || allowed.has(leadsTo(location));
    }),
    { seed: 41, numRuns: 5_000 },
  );
});

test('pages of the operator are paths or http(s) addresses, and parameters are added to them as text', () => {
  for (const page of ['/login', '/login?a=b', 'https://sso.xyz.com/login', 'http://sso.xyz.com:8080'])
    assert.equal(isSafePage(page), true, page);
  for (const page of ['', 'login', '//evil.org', '/\\evil.org', 'https:login', 'https://a@b/', '/.//x', '/a b'])
    assert.equal(isSafePage(page), false, page);
  assert.equal(withQuery('/login?a=b#c', { error: 'x y&z', none: undefined }), '/login?a=b&error=x+y%26z#c');
  assert.equal(
    withQuery('https://sso.xyz.com/login', { return_to: '/a?b' }),
    'https://sso.xyz.com/login?return_to=%2Fa%3Fb',
  );
});
