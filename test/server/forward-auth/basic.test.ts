/** Programs behind a proxy: name and password with each request, where a rule takes them, and from programs alone. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Authenticate } from '../../../sso/index.ts';
import { type AskedNode, askedNode, authenticate } from './support/ask.ts';

const rules = [
  { host: 'app.xyz.com', path: '/api/*', policy: 'signed-on', basic: true },
  { host: 'app.xyz.com', path: '/admin/*', policy: 'any-role', roles: ['admin'], basic: true },
  { host: 'app.xyz.com', path: '/public/*', policy: 'allow' },
  { host: 'app.xyz.com', policy: 'signed-on' },
];

let node: AskedNode;
let asked = 0;
const counting: Authenticate = (credentials, req) => {
  asked++;
  return authenticate(credentials, req);
};
const decisions: string[] = [];

before(async () => {
  node = await askedNode(
    { rules, realm: 'our "API"' },
    { authenticate: counting, onDecision: (decision) => decisions.push(decision) },
  );
});
after(() => node.stop());

const basic = (pair: string) => `Authorization: Basic ${Buffer.from(pair).toString('base64')}`;
let address = 0;
const ask = (path: string, lines: readonly string[] = [], kind = 'caddy', from = `192.0.2.${++address}`) =>
  node.ask(`/forward-auth/${kind}`, [
    ...(kind === 'nginx'
      ? [`X-Original-URL: https://app.xyz.com${path}`, 'X-Original-Method: GET']
      : [
          'X-Forwarded-Method: GET',
          'X-Forwarded-Proto: https',
          'X-Forwarded-Host: app.xyz.com',
          `X-Forwarded-Uri: ${path}`,
        ]),
    `X-Forwarded-For: ${from}`,
    ...lines,
  ]);

test('a program with the right name and password passes, with who it is and without a cookie, and is looked at once', async () => {
  const before = asked;
  for (let i = 0; i < 5; i++) {
    const answer = await ask('/api/x', [basic('alice:alice'), 'Accept: */*'], 'caddy', '198.51.100.1');
    assert.equal(answer.status, 200, answer.all);
    assert.deepEqual([answer.headers['remote-user'], answer.headers['remote-groups']], ['alice', 'customer,staff']);
    assert.equal(answer.headers['latchkey-assertion']?.split('.').length, 3);
    assert.doesNotMatch(answer.all, /set-cookie/i);
  }
  assert.equal(asked - before, 1);
  const entries = node.sso.entries('alice');
  assert.deepEqual([entries.length, entries[0]?.how, entries[0]?.source], [1, 'basic', '198.51.100.1']);
});

test('whoever shows nothing is asked for it if it is a program, and sent to the form if it is a browser', async () => {
  const program = await ask('/api/x', ['Accept: */*']);
  assert.equal(program.status, 401);
  assert.equal(program.headers['www-authenticate'], 'Basic realm="our \\"API\\"", charset="UTF-8"');
  assert.equal((await ask('/api/x', ['Sec-Fetch-Mode: navigate'])).status, 303);
  const fetched = await ask('/api/x', ['Sec-Fetch-Mode: cors']);
  assert.equal(fetched.status, 401);
  assert.doesNotMatch(fetched.headers['www-authenticate']!, /basic/i);
});

test('a browser is never asked for a password, and one that sends it along is not believed: any page could have made it do so', async () => {
  const before = asked;
  const marks = [
    'Sec-Fetch-Mode: navigate',
    'Sec-Fetch-Mode: cors',
    'Sec-Fetch-Mode: no-cors',
    'User-Agent: Mozilla/5.0 (X11)',
  ];
  for (const mark of marks) {
    const answer = await ask('/api/x', [basic('alice:alice'), mark]);
    assert.notEqual(answer.status, 200);
    assert.doesNotMatch(answer.all, /basic realm/i);
  }
  assert.equal(asked, before);
});

test('where a rule does not take them, name and password are not looked at; another scheme never is', async () => {
  const before = asked;
  for (const path of ['/', '/other', '/api-else'])
    assert.equal((await ask(path, [basic('alice:alice')])).headers['www-authenticate'], 'Latchkey realm="sign-on"');
  assert.equal((await ask('/public/x', [basic('alice:alice')])).headers['remote-user'], '');
  assert.equal((await ask('/api/x', ['Authorization: Bearer x'])).status, 401);
  assert.equal(asked, before);
});

test('who is signed on by a cookie stays who it is, whatever else is sent', async () => {
  const before = asked;
  const cookie = await node.signOn({ name: 'carol', roles: [] });
  const answer = await ask('/api/x', [basic('alice:alice'), `Cookie: ${cookie}`]);
  assert.equal(answer.headers['remote-user'], 'carol');
  assert.equal(asked, before);
  assert.equal(node.sso.entries('carol').length, 1);
});

test('a role that is missing is 403, and asking again would not give it', async () => {
  assert.equal((await ask('/admin/x', [basic('alice:alice')])).status, 403);
  assert.equal((await ask('/admin/x', [basic('root:root')])).status, 200);
});

test('check 32: guessing is slowed as at the form: 401 with what is wrong, then 429 with Retry-After, for nginx in a header of its own', async () => {
  let status = 401;
  let tries = 0;
  for (; status === 401 && tries < 20; tries++) {
    const answer = await ask('/api/x', [basic(`mallory:${tries}`)], 'caddy', '203.0.113.9');
    ({ status } = answer);
    if (status === 401) assert.equal(JSON.parse(answer.body).error, 'credentials');
    else assert.match(answer.headers['retry-after']!, /^\d+$/);
  }
  assert.deepEqual([status, tries], [429, 6]);
  const nginx = await ask('/api/x', [basic('mallory:x')], 'nginx', '203.0.113.9');
  assert.equal(nginx.status, 401);
  assert.match(nginx.headers['latchkey-retry-after']!, /^[1-9]\d*$/);
  assert.equal(JSON.parse(nginx.body).error, 'throttled');
  assert.ok(decisions.includes('credentials') && decisions.includes('throttled'));
});

test('ended by an administrator, a program is looked at again at its next request', async () => {
  const from = '198.51.100.77';
  assert.equal((await ask('/api/x', [basic('root:root')], 'caddy', from)).status, 200);
  const before = asked;
  await node.sso.endSubject('root');
  assert.equal((await ask('/api/x', [basic('root:root')], 'caddy', from)).status, 200);
  assert.equal(asked, before + 1);
});
