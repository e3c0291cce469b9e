import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDocument } from '../../config/document.ts';
import { doubts, forwardAuthSchema, readForwardAuth } from '../../config/forward-auth.ts';

const rule = { host: 'app.xyz.com', policy: 'signed-on' };
const read = (fields: object) =>
  parseDocument('f.yaml', JSON.stringify({ listen: '127.0.0.1:8081', rules: [rule], ...fields }), forwardAuthSchema);
const problem = (fields: object) => {
  try {
    read(fields);
  } catch (error) {
    return String((error as Error).message);
  }
  return 'none';
};

test('one or several of each, and what is left out: no proxies, the names of headers that others use', () => {
  const { proxies, rules, headers, assertion } = read({ rules: [{ ...rule, path: '/a', methods: 'GET' }] });
  assert.deepEqual(proxies, []); // check 51
  assert.deepEqual(rules, [{ host: ['app.xyz.com'], path: ['/a'], methods: ['GET'], policy: 'signed-on' }]);
  assert.equal(headers.user, 'Remote-User');
  assert.equal(assertion, true);
});

test('name and password are taken from programs where a rule says so, and for a realm that can be sent', () => {
  const { rules, realm } = read({ rules: [{ ...rule, basic: true }], realm: 'the "shop"' });
  assert.deepEqual([rules[0]?.basic, realm], [true, 'the "shop"']);
  assert.equal(read({}).realm, 'sign-on');
  for (const policy of ['allow', 'deny'])
    assert.match(problem({ rules: [{ ...rule, policy, basic: true }] }), /basic: is for the policies/);
  assert.match(problem({ rules: [{ ...rule, basic: 'yes' }] }), /rules\[0\]\.basic: must be true or false/);
  for (const bad of ['', 'straße', 'a\nb', 'x'.repeat(201)])
    assert.match(problem({ realm: bad }), /realm: must be 1 to 200/);
});

test('what could never fit, or would fit more than it says, is refused with its place', () => {
  for (const host of [
    'App.xyz.com',
    'app.xyz.com:443',
    'https://app.xyz.com',
    '*',
    '*.',
    'a*.xyz.com',
    '.xyz.com',
    'a..b',
    '',
  ])
    assert.match(problem({ rules: [{ ...rule, host }] }), /^f\.yaml:1: rules\[0\]\.host/, host);
  for (const path of [
    'public',
    '/a//b',
    '/a/../b',
    '/a/.',
    '/a;x',
    '/a%20b',
    '/a?x',
    '/a#',
    '/a*',
    '/*/a',
    '/a\\b',
    '//',
    '',
  ])
    assert.match(problem({ rules: [{ ...rule, path }] }), /^f\.yaml:1: rules\[0\]\.path/, path);
  for (const path of ['/', '/*', '/a', '/a/', '/a/*', '/straße/*', '/a.b/..c', '/.well-known/*'])
    assert.equal(problem({ rules: [{ ...rule, path }] }), 'none', path);
  for (const one of ['10.0.0.0/33', '10.0.0', 'localhost', '::/129', '10.0.0.1/', 'fe80::1%eth0'])
    assert.match(problem({ proxies: [one] }), /proxies/, one);
  assert.match(problem({ rules: [{ ...rule, policy: 'any-role' }] }), /roles: is missing/);
  assert.match(problem({ rules: [{ ...rule, roles: ['a'] }] }), /roles: is for the policies/);
  assert.match(problem({ rules: [{ ...rule, policy: 'open' }] }), /one of allow, signed-on/);
  assert.match(problem({ rules: [] }), /rules/);
  for (const user of ['Remote_User', 'Cookie', 'Host', 'X-Forwarded-For', 'a b', 'Location', '-x', 'remote-name'])
    assert.match(problem({ headers: { user } }), /headers/, user);
});

test('the form is where site.origin says, unless it is said here; nowhere is a problem', () => {
  assert.equal(readForwardAuth(read({}), 'https://sso.xyz.com').login, 'https://sso.xyz.com/login');
  assert.equal(
    readForwardAuth(read({ login: 'https://a.xyz.com/in' }), 'https://sso.xyz.com').login,
    'https://a.xyz.com/in',
  );
  assert.throws(() => readForwardAuth(read({}), undefined), /forwardAuth\.login: is missing/);
  for (const login of ['/login', 'javascript:alert(1)', 'https://a@b/', 'https://a/#x'])
    assert.match(problem({ login }), /login/, login);
});

test('what cannot work is a warning that names the host', () => {
  const config = readForwardAuth(read({}), 'https://sso.xyz.com');
  assert.match(doubts(config, {}).join(), /proxies is empty.*app\.xyz\.com lies outside the cookieDomain/);
  assert.match(doubts(config, { cookieDomain: 'xyz.com' }).join(), /app\.xyz\.com is in no entry of origins/);
  const proxied = { ...config, proxies: ['127.0.0.1'] };
  assert.deepEqual(doubts(proxied, { cookieDomain: 'xyz.com', origins: ['https://app.xyz.com:8443'] }), []);
});
