import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RuleConfig } from '../../../config/forward-auth.ts';
import { normalPath } from '../../../server/forward-auth/normal-path.ts';
import { rules } from '../../../server/forward-auth/rules.ts';

interface Question {
  readonly host?: string;
  readonly target?: string;
  readonly method?: string;
  readonly address?: string | undefined;
}

/** The ruling in a word: its kind, or why it denies. */
function ask(list: readonly RuleConfig[], question: Question): string {
  const { host = 'app.xyz.com', target = '/', method = 'GET' } = question;
  const address = 'address' in question ? question.address : '192.0.2.1';
  const ruling = rules(list).judge({ host, path: normalPath(target), method, address });
  return ruling.kind === 'deny' ? ruling.why : ruling.kind;
}

const app = { host: ['app.xyz.com'] } as const satisfies Partial<RuleConfig>;
const list = (...all: Partial<RuleConfig>[]) =>
  all.map((one) => ({ ...app, policy: 'signed-on', ...one }) as RuleConfig);

test('the first rule that fits wins; a host that no rule names is refused, and so is what no rule fits', () => {
  const some = list(
    { path: ['/public/*'], policy: 'allow' },
    { path: ['/admin/*'], policy: 'any-role', roles: ['admin'] },
    { methods: ['GET'] },
  );
  assert.equal(ask(some, { target: '/public/x' }), 'allow');
  assert.equal(ask(some, { target: '/admin/x' }), 'roles');
  assert.equal(ask(some, { target: '/x' }), 'signed-on');
  assert.equal(ask(some, { target: '/x', method: 'POST' }), 'no-rule');
  assert.equal(ask(some, { host: 'other.xyz.com' }), 'host');
  assert.equal(ask(some, { host: 'app.xyz.com.' }), 'host');
  assert.equal(ask([], {}), 'host');
  assert.equal(ask(list({ policy: 'deny' }, { policy: 'allow' }), {}), 'rule');
});

test('a wildcard is every host below a domain, and not the domain itself', () => {
  const some = list({ host: ['*.xyz.com'] });
  for (const [host, answer] of [
    ['a.xyz.com', 'signed-on'],
    ['a.b.xyz.com', 'signed-on'],
    ['xyz.com', 'host'],
    ['.xyz.com', 'host'],
    ['evilxyz.com', 'host'],
    ['a.xyz.com.evil.org', 'host'],
  ] as const)
    assert.equal(ask(some, { host }), answer, host);
});

test('check 52: a path and all below it, by whole segments; with a slash at the end or without is one', () => {
  const some = list({ path: ['/a/*', '/only'], policy: 'allow' }, { path: '/*'.split(' '), policy: 'deny' });
  for (const target of ['/a', '/a/', '/a/b', '/a/b/c?d', '/only', '/only/'])
    assert.equal(ask(some, { target }), 'allow', target);
  for (const target of ['/', '/ab', '/a.b', '/only/x', '/b/a']) assert.equal(ask(some, { target }), 'rule', target);
});

test('check 52: what might be a path of a rule, read by another server, is refused, whichever way the rules go', () => {
  const closedThenOpen = list({ path: ['/admin/*'], policy: 'any-role', roles: ['admin'] }, { policy: 'allow' });
  const openThenClosed = list({ path: ['/public/*'], policy: 'allow' }, {});
  for (const target of [
    '/admin;x/y',
    '/x;/admin',
    '//admin/y',
    '/ADMIN/y',
    '/Admin',
    '/%41dmin',
    '/x%2fadmin',
    '/admin%23',
    '/ａdmin',
    '/%EF%BD%81dmin',
  ])
    assert.match(ask(closedThenOpen, { target }), /^(unclear|malformed)$/, target);
  for (const target of [
    '/public;/x',
    '//public/x',
    '/PUBLIC/x',
    '/public%2f..%2fx',
    '/public%23x',
    '/public%3fx',
    '/%70ublic/x',
  ])
    assert.match(ask(openThenClosed, { target }), /^(unclear|malformed)$/, target);
  assert.equal(ask(closedThenOpen, { target: '/other;x' }), 'unclear', 'nothing is known of it: it could be /admin');
  assert.equal(ask(closedThenOpen, { target: '/other' }), 'allow');
});

test('where no rule of a host is about paths an ambiguous path is as good as any; a malformed one never is (check 55)', () => {
  const some = list({});
  assert.equal(ask(some, { target: '/a%2fb;c//d' }), 'signed-on');
  for (const target of ['/%00', '/../x', '*', 'https://app.xyz.com/', '/%ff'])
    assert.equal(ask(some, { target }), 'malformed', target);
  const open = list({ policy: 'allow' });
  for (const target of ['/%00', '/../x', '*', 'https://app.xyz.com/', '/%ff'])
    assert.equal(ask(open, { target }), 'malformed', target);
});

test('a rule that certainly does not fit for another reason leaves nothing in doubt', () => {
  const some = list({ path: ['/admin/*'], methods: ['DELETE'], policy: 'deny' }, { policy: 'allow' });
  assert.equal(ask(some, { target: '/x;y' }), 'allow');
  assert.equal(ask(some, { target: '/x;y', method: 'DELETE' }), 'unclear');
});

test("networks are the client's; a client whose address is not told is refused by the rule that asks for it", () => {
  const some = list({ networks: ['10.0.0.0/8', 'fd00::/8', '192.0.2.7'], policy: 'allow' }, {});
  for (const address of ['10.1.2.3', 'fd12::1', '192.0.2.7', '::ffff:10.0.0.1', '::FFFF:192.0.2.7', 'FD00::1'])
    assert.equal(ask(some, { address }), 'allow', address);
  for (const address of ['11.0.0.1', 'fe00::1', '192.0.2.8', '::ffff:11.0.0.1', '::1'])
    assert.equal(ask(some, { address }), 'signed-on', address);
  assert.equal(ask(some, { address: undefined }), 'unclear');
  assert.equal(ask(list({}), { address: undefined }), 'signed-on');
});
