/** Routes: what may be one, and what is made of the name of a host. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { startNode } from '../../sso/index.ts';
import { defaultRoute, routeError, routeFromHost, routeLengthAtMost } from '../../sso/route.ts';

test('a host makes the route that the Plone page gives it: without its port, dots turned into dashes', () => {
  for (const [host, route] of [
    ['192.168.1.10', '192-168-1-10'],
    ['192.168.1.10:8282', '192-168-1-10'],
    ['foo.bar.com', 'foo-bar-com'],
    ['foo.bar.com.', 'foo-bar-com'],
    ['node1', 'node1'],
    ['Node_1:80', 'Node_1'],
  ] as const)
    assert.equal(routeFromHost(host), route);
});

test('a host that makes no route gives none', () => {
  for (const host of [
    '',
    ':80',
    '[::1]:8080',
    '::1',
    '-',
    '.',
    '...',
    'a b',
    'a"b',
    'a;b',
    'ä.test',
    `${'x'.repeat(61)}`,
  ])
    assert.equal(routeFromHost(host), undefined, host);
});

test('V116: a route that a balancer or a cookie cannot carry is refused with the reason', () => {
  for (const route of [
    'a;b',
    'a,b',
    'a b',
    '"a"',
    'a"',
    '.',
    '..',
    'a.',
    '.a',
    'a..b',
    '',
    'ä',
    'a\nb',
    'a=b',
    'a/b',
    'a%2Eb',
    'a!b',
  ])
    assert.match(routeError(route) ?? '', /^may hold letters, digits, "-", "_" and single dots/, JSON.stringify(route));
  assert.match(routeError('x'.repeat(routeLengthAtMost + 1)) ?? '', /^must be at most 60 characters: mod_jk/);
});

test('V114, V116: a route of letters, digits, dashes, underscores and single dots within is taken', () => {
  for (const route of ['node1', 'dom.n1', 'a.b.c', '192-168-1-10', '_', 'N', 'x'.repeat(routeLengthAtMost)])
    assert.equal(routeError(route), undefined, route);
});

test('V116: a node is refused at start for its route, and for nothing else', async () => {
  const secret = 'Jx0a7rYyQF1mVt5cKq9PzW3LsNnBdE8uTgHi2oRk';
  await assert.rejects(startNode({ secret, route: '192-168-1-10"' }), {
    code: 'ERR_CONFIG_INVALID',
    message: /^route: may hold letters/,
  });
  await assert.rejects(startNode({ secret, route: 'n'.repeat(61) }), {
    code: 'ERR_CONFIG_INVALID',
    message: /^route: must be at most 60 characters/,
  });
});

test('the name of any machine makes a route, unless it is too long for one', () => {
  assert.equal(defaultRoute('web1.example.com'), 'web1-example-com');
  assert.equal(defaultRoute('web 1.'), 'web-1');
  assert.equal(defaultRoute('..'), 'node');
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: routeLengthAtMost }), (name) => {
      assert.equal(routeError(defaultRoute(name)), undefined);
    }),
  );
  assert.match(routeError(defaultRoute(`web1.${'x'.repeat(60)}`)) ?? '', /^must be at most/);
});
