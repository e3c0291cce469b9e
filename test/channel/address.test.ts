import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress, isWildcard, parseAddress } from '../../sso/channel/address.ts';

test('an address is a host and a port, an IPv6 host in brackets, in one spelling', () => {
  for (const [text, host, port] of [
    ['10.0.0.1:7800', '10.0.0.1', 7800],
    ['Node-1.Internal:0', 'node-1.internal', 0],
    ['[::1]:65535', '::1', 65_535],
    ['[FE80::1]:1', 'fe80::1', 1],
  ] as const) {
    assert.deepEqual(parseAddress(text), { host, port });
    assert.equal(formatAddress(host, port), text.toLowerCase());
  }
});

test('what is no address is none', () => {
  for (const text of [
    '',
    'n1',
    ':80',
    'n1:',
    'n1:65536',
    'n1:-1',
    'n1:1e3',
    '::1:80',
    '[n1]:80',
    '[]:80',
    'a b:80',
    'http://n1:80',
    'n1:80 ',
    'n/1:80',
    `${'a'.repeat(254)}:80`,
  ]) {
    assert.equal(parseAddress(text), undefined, text);
  }
});

test('a wildcard tells nobody where to dial', () => {
  assert.deepEqual(['0.0.0.0', '::', '127.0.0.1', '::1'].map(isWildcard), [true, true, false, false]);
});
