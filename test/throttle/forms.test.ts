/** Names and addresses as they are counted. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accountForm, isInside, sourceForm } from '../../sso/throttle/forms.ts';

test('check 33: whatever a directory may take for one name is counted as one', () => {
  const same: readonly (readonly string[])[] = [
    [
      'alice',
      'ALICE',
      ' alice',
      'alice ',
      'Alice\t',
      '\u00a0alice\u3000',
      'ａｌｉｃｅ',
      'ali\u200bce',
      'al\u00adice',
      '\ufeffalice',
      'alic\u00e9',
      'alice\u0301',
      'ⓐlice',
      '𝐚𝐥𝐢𝐜𝐞',
      'al\0ice',
    ],
    ['straße', 'STRASSE', 'strasse', 'STRAẞE'],
    ['mary ann', 'Mary  Ann', 'mary\u2003ann', 'mary\nann'],
    ['ﬁn', 'fin', 'FIN'],
    ['σίσυφος', 'ΣΊΣΥΦΟΣ', 'σισυφοσ'],
    ['ali', 'ALI', 'alı', 'ALİ'],
    ['k', 'K', '\u212a'],
  ];
  for (const names of same)
    for (const name of names) assert.equal(accountForm(name), accountForm(names[0]!), JSON.stringify(name));
  for (const name of same.flat()) assert.equal(accountForm(accountForm(name)), accountForm(name));
  assert.equal(new Set(same.map(([name]) => accountForm(name!))).size, same.length);
  for (const [one, other] of [
    ['alice', 'alice1'],
    ['alice', 'bob'],
    ['a b', 'ab'],
    ['a@b', 'a'],
  ])
    assert.notEqual(accountForm(one!), accountForm(other!));
});

test('an address is counted as it is, or as the /64 of it', () => {
  assert.equal(sourceForm('192.0.2.7'), '192.0.2.7');
  assert.equal(sourceForm('::ffff:192.0.2.7'), '192.0.2.7');
  assert.equal(sourceForm('::FFFF:c000:0207'), '192.0.2.7');
  const network = '2001:db8:1:2::/64';
  for (const address of [
    '2001:db8:1:2::1',
    '2001:DB8:1:2:ffff:ffff:ffff:ffff',
    '2001:0db8:0001:0002::',
    '2001:db8:1:2::1%eth0',
    '2001:db8:1:2::192.0.2.1',
  ])
    assert.equal(sourceForm(address), network, address);
  assert.equal(sourceForm('::1'), '0:0:0:0::/64');
  assert.equal(sourceForm('fe80::1'), 'fe80:0:0:0::/64');
  assert.notEqual(sourceForm('2001:db8:1:3::1'), network);
  for (const none of [undefined, '', 'unix', '1.2.3', '1.2.3.4.5', ':::', 'localhost'])
    assert.equal(sourceForm(none), undefined);
});

test('a source of many people may be a proxy that nobody was told of', () => {
  for (const one of ['127.0.0.1', '10.1.2.3', '192.168.0.1', '172.16.0.1', '::1', 'fd00::1', 'fe80::1'])
    assert.ok(isInside(sourceForm(one)!), one);
  for (const one of ['192.0.2.1', '172.32.0.1', '11.0.0.1', '2001:db8::1']) assert.ok(!isInside(sourceForm(one)!), one);
});
