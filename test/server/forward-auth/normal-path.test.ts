import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { maxTargetLength, normalPath } from '../../../server/forward-auth/normal-path.ts';

const table = (kind: string, targets: readonly string[]) => {
  for (const target of targets) assert.equal(normalPath(target).kind, kind, JSON.stringify(target));
};

test('check 52: a path that every server reads alike is that path, decoded, in its own case', () => {
  for (const [target, path] of [
    ['/', '/'],
    ['/reports', '/reports'],
    ['/Reports/2026/', '/Reports/2026/'],
    ['/a/b.c?x=1&y=//../%2e%2e', '/a/b.c'],
    ['/a?', '/a'],
    ['/%7Eada', '/~ada'],
    ['/stra%C3%9Fe', '/straße'],
    ['/a%20b', '/a b'],
    ['/.well-known/x', '/.well-known/x'],
    ['/...', '/...'],
    ['/a..b/..c/d..', '/a..b/..c/d..'],
    ['/a|b[c]', '/a|b[c]'],
    ["/@x/!$&'()*+,=:", "/@x/!$&'()*+,=:"],
  ] as const)
    assert.deepEqual(normalPath(target), { kind: 'plain', path }, target);
});

test('check 52: a path that servers could read differently is ambiguous', () => {
  table('ambiguous', [
    '//',
    '//public/x',
    '/public//x',
    '/public/x//',
    '/admin;',
    '/admin;jsessionid=1',
    '/public;/admin',
    '/admin%3b',
    '/admin%3Bx=1',
    '/public%2fadmin',
    '/public%2Fadmin',
    '/public%5cadmin',
    '/public%23/admin',
    '/public%3f/admin',
    '/%61dmin',
    '/a%2Db',
    '/a%5fb',
    '/file%2Ejs',
    '/%2561dmin',
    '/100%25',
    '/a%252fb',
  ]);
});

test('checks 52 and 55: what no browser sends is malformed: dot segments in every dress, fragments, control characters, broken UTF-8, whole addresses, *', () => {
  table('malformed', [
    '/.',
    '/..',
    '/public/../admin',
    '/public/./admin',
    '/public/..',
    '/public/%2e%2e/admin',
    '/public/.%2E/admin',
    '/public/%2e/admin',
    '/public/..;/admin',
    '/public/..;x=1/admin',
    '/public/..%2fadmin',
    '/public%2f..%2fadmin',
    '/public/..%5cadmin',
    '/public/%252e%252e/admin',
    '/public/%25252e%25252e/admin',
    '/public/..%252fadmin',
    '/public#/admin',
    '/public?x#y',
    '/public\\..\\admin',
    '/a\\b',
    '/a b',
    '/a\tb',
    '/a\r\nb',
    '/a\u0000',
    '/a%00',
    '/a%0a',
    '/a%0D%0Ab',
    '/a%7f',
    '/a%',
    '/a%2',
    '/a%zz',
    '/a%u0041',
    '/%ff',
    '/%c0%af',
    '/%c0%ae%c0%ae/',
    '/%e0%80%af',
    '/%ed%a0%80',
    '/%f4%90%80%80',
    '/%c2%85',
    '/é',
    '/a?\u00e9',
    '/a?x y',
    '',
    '*',
    'admin',
    '?x',
    'https://app.xyz.com/admin',
    'http://evil.org',
    `/${'a'.repeat(maxTargetLength)}`,
  ]);
});

test('check 52: whatever is written, a plain path has nothing left that a server could read differently, and every reading of it agrees', () => {
  const piece = fc.constantFrom(
    ...[
      '/',
      '//',
      '.',
      '..',
      ';',
      '%2e',
      '%2F',
      '%5c',
      '\\',
      '%25',
      '%00',
      '%3b',
      '#',
      '?',
      'a',
      'Z',
      '%61',
      '%C3%9F',
      '%ff',
      '\n',
      ' ',
    ],
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const target = `/${pieces.join('')}`;
      const read = normalPath(target);
      if (read.kind !== 'plain') return;
      assert.doesNotMatch(read.path, /\/\/|[;\\%?#\p{Cc}]|(^|\/)\.{1,2}(\/|$)/u, target);
      const browser = new URL(target, 'https://here.invalid');
      assert.equal(decodeURIComponent(browser.pathname), read.path, target);
      assert.equal(browser.host, 'here.invalid');
    }),
    { numRuns: 20_000, seed: 52 },
  );
});
