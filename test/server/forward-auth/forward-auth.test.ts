import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { forwardAuth } from '../../../server/forward-auth/forward-auth.ts';
import { type Principal, verifyAssertion } from '../../../sso/index.ts';
import { testCluster } from '../../../sso/testing/index.ts';
import { silent } from '../support/site.ts';
import { type AskedNode, askedNode, authenticate, configOf } from './support/ask.ts';

const alice: Principal = {
  name: 'alice',
  roles: ['customer', 'staff'],
  attributes: { displayName: 'Alice Example', email: 'alice@xyz.com' },
};
const root: Principal = { name: 'root', roles: ['admin', 'root'] };

let node: AskedNode;
let cookies: { alice: string; root: string };

before(async () => {
  node = await askedNode();
  cookies = { alice: await node.signOn(alice), root: await node.signOn(root) };
});
after(() => node.stop());

const forwarded = (
  target: string,
  { host = 'app.xyz.com', method = 'GET', proto = 'https', from = '192.0.2.1' } = {},
) => [
  `X-Forwarded-Method: ${method}`,
  `X-Forwarded-Proto: ${proto}`,
  `X-Forwarded-Host: ${host}`,
  `X-Forwarded-Uri: ${target}`,
  `X-Forwarded-For: ${from}`,
];
const caddy = '/forward-auth/caddy';
const asks = (target: string, cookie?: string, more: readonly string[] = [], options = {}) =>
  node.ask(caddy, [...forwarded(target, options), ...(cookie === undefined ? [] : [`Cookie: ${cookie}`]), ...more]);

const identity = ({ headers }: { headers: Readonly<Record<string, string>> }) =>
  ['remote-user', 'remote-groups', 'remote-name', 'remote-email'].map((name) => headers[name]);

test('somebody who is signed on passes, with who it is, a statement that the published keys verify for this host alone, and no cookie', async () => {
  const answer = await asks('/reports?year=2026', cookies.alice);
  assert.equal(answer.status, 200);
  assert.deepEqual(identity(answer), ['alice', 'customer,staff', 'Alice Example', 'alice@xyz.com']);
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.doesNotMatch(answer.all, /set-cookie/i);
  const token = answer.headers['latchkey-assertion'];
  const { keys } = await keySetOf(node);
  const options = { keySet: { keys }, issuer: 'latchkey' };
  const verified = await verifyAssertion(token, { ...options, audience: 'app.xyz.com' });
  assert.ok(verified.valid);
  assert.deepEqual([verified.name, verified.roles], ['alice', ['customer', 'staff']]);
  assert.equal((await verifyAssertion(token, { ...options, audience: 'other.xyz.com' })).valid, false);
  assert.equal((await asks('/x', cookies.alice)).headers['latchkey-assertion'], token, 'it serves half its life');
});

async function keySetOf({ sso }: AskedNode): Promise<{ keys: Record<string, unknown>[] }> {
  let text = '';
  const res = { setHeader() {}, end: (body: string) => void (text = body) };
  await new Promise<void>((resolve, reject) => {
    sso.keySet()({} as never, { ...res, end: (body: string) => resolve(void (text = body)) } as never, reject);
  });
  return JSON.parse(text);
}

test('check 54: on a public path the identity headers are there as well, empty for nobody, so that they replace what a client sent', async () => {
  const answer = await asks('/public/x', undefined, ['Remote-User: root', 'Remote_User: root']);
  assert.equal(answer.status, 200);
  assert.deepEqual(identity(answer), ['', '', '', '']);
  assert.equal(answer.headers['latchkey-assertion'], '');
  assert.equal((await asks('/public/x', cookies.alice)).headers['remote-user'], 'alice');
});

test('a role that is missing is 403 and no form; any of several, and all of several', async () => {
  assert.equal((await asks('/admin/x', cookies.alice)).status, 403);
  assert.equal((await asks('/admin/x', cookies.root)).status, 200);
  assert.equal((await asks('/both', cookies.root)).status, 200);
  await node.sso.setRoles('root', ['admin']);
  assert.equal((await asks('/admin/x', cookies.root)).status, 200);
  assert.equal((await asks('/both', cookies.root)).status, 403);
  assert.equal((await asks('/never', cookies.root)).status, 403);
  assert.equal((await asks('/', cookies.root, [], { host: 'unknown.xyz.com' })).status, 403);
});

test('a navigation of nobody is sent to the form and back to where it wanted to be; fetch and programs get 401 with JSON', async () => {
  const back = encodeURIComponent('https://app.xyz.com/reports?year=2026&a=b');
  for (const lines of [['Sec-Fetch-Mode: navigate'], ['Accept: text/html,*/*']]) {
    const answer = await asks('/reports?year=2026&a=b', undefined, lines);
    assert.deepEqual([answer.status, answer.headers['location']], [303, `https://sso.xyz.com/login?return_to=${back}`]);
  }
  for (const lines of [
    ['Sec-Fetch-Mode: cors', 'Accept: text/html'],
    ['Sec-Fetch-Mode: websocket'],
    ['Accept: */*'],
    [],
  ]) {
    const answer = await asks('/reports', undefined, lines);
    assert.equal(answer.status, 401);
    assert.equal(answer.headers['location'], undefined);
    assert.deepEqual(JSON.parse(answer.body), {
      error: 'not-signed-in',
      message: 'Nobody is signed on here.',
      loginUrl: 'https://sso.xyz.com/login',
    });
  }
  const posted = await asks('/reports', undefined, ['Sec-Fetch-Mode: navigate'], { method: 'POST' });
  assert.deepEqual([posted.status, posted.headers['location']], [303, 'https://sso.xyz.com/login']);
  const long = await asks(`/${'a'.repeat(3_000)}`, undefined, ['Sec-Fetch-Mode: navigate']);
  assert.equal(long.headers['location'], 'https://sso.xyz.com/login');
});

test('a query behind the address of the question, as Caddy 2.6 leaves it there, means nothing', async () => {
  const lines = [...forwarded('/a?x=y'), `Cookie: ${cookies.alice}`];
  assert.equal((await node.ask(`${caddy}?x=y/../../envoy`, lines)).status, 200);
  assert.equal((await node.ask(`${caddy}/x?y`, lines)).status, 404);
});

test('nginx gets 401 and the address in a header of its own, since auth_request passes on nothing else', async () => {
  const lines = ['X-Original-URL: https://app.xyz.com:443/reports?x', 'X-Original-Method: GET'];
  const answer = await node.ask('/forward-auth/nginx', [...lines, 'Sec-Fetch-Mode: navigate']);
  assert.equal(answer.status, 401);
  assert.equal(
    answer.headers['latchkey-login'],
    `https://sso.xyz.com/login?return_to=${encodeURIComponent('https://app.xyz.com/reports?x')}`,
  );
  assert.equal((await node.ask('/forward-auth/nginx', lines)).headers['latchkey-login'], undefined);
  assert.equal((await node.ask('/forward-auth/nginx', [...lines, `Cookie: ${cookies.alice}`])).status, 200);
  assert.equal((await node.ask('/forward-auth/nginx', [...forwarded('/x'), `Cookie: ${cookies.alice}`])).status, 200);
});

test('check 47: links are made of configured origins and of the host that a rule names, whatever Host the question has', async () => {
  const answer = await node.raw(
    `${['GET /forward-auth/caddy HTTP/1.1', 'Host: evil.org', ...forwarded('/x'), 'Sec-Fetch-Mode: navigate'].join('\r\n')}\r\n\r\n`,
  );
  assert.equal(
    answer.headers['location'],
    `https://sso.xyz.com/login?return_to=${encodeURIComponent('https://app.xyz.com/x')}`,
  );
  assert.equal((await asks('/x', undefined, ['Sec-Fetch-Mode: navigate'], { host: 'evil.org' })).status, 403);
});

test('check 51: with no proxies configured, and from any address that is none, nothing is believed and everybody is refused', async (t) => {
  for (const proxies of [undefined, [], ['10.0.0.0/8', '::1']]) {
    const other = await askedNode(proxies === undefined ? { proxies: [] } : { proxies });
    t.after(() => other.stop());
    const cookie = await other.signOn(alice);
    for (const host of ['open.xyz.com', 'app.xyz.com']) {
      const answer = await other.ask(caddy, [...forwarded('/public/x', { host }), `Cookie: ${cookie}`]);
      assert.equal(answer.status, 403);
      assert.equal(answer.headers['remote-user'], undefined);
    }
    await other.ask(caddy, forwarded('/public/x'));
    assert.equal(other.lines.filter((line) => /not in forwardAuth.proxies/.test(line)).length, 1, 'said once');
  }
});

test('check 51: headers of another kind of proxy mean nothing, two kinds at once or a header twice are refused', async () => {
  const original = ['X-Original-URL: https://app.xyz.com/public/x', 'X-Original-Method: GET'];
  assert.equal((await node.ask(caddy, original)).status, 403);
  assert.equal((await node.ask('/forward-auth/nginx', [...original, ...forwarded('/public/x')])).status, 403);
  for (const line of [...forwarded('/public/x').slice(0, 4)]) {
    for (const lines of [
      [line, ...forwarded('/public/x')],
      [...forwarded('/public/x'), `${line.split(':')[0]}:`],
    ])
      assert.equal((await node.ask(caddy, lines)).status, 403, line);
    const without = forwarded('/public/x').filter((one) => one !== line);
    assert.equal((await node.ask(caddy, without)).status, 403, `without ${line}`);
  }
  assert.equal(
    (await asks('/public/x', undefined, ['X_Forwarded_Uri: /admin', 'X-Rewrite-Url: /admin', 'X-Original-Url: /x']))
      .status,
    200,
  );
});

test('check 51: the client is whom the last proxy saw, never what the client says of itself', async () => {
  assert.equal((await asks('/inside', undefined, [], { from: '10.1.2.3' })).status, 200);
  assert.equal((await asks('/inside', undefined, [], { from: '10.1.2.3, 192.0.2.1' })).status, 401);
  assert.equal((await asks('/inside', undefined, [], { from: '192.0.2.1, 10.1.2.3, 127.0.0.1' })).status, 200);
  for (const from of ['', 'unknown', '10.1.2.3:80', '10.1.2', '10.1.2.3,', '[::1]'])
    assert.equal((await asks('/inside', undefined, [], { from })).status, 403, from);
});

test("check 53: a health check's name or path opens nothing", async () => {
  for (const agent of ['GoogleHC/1.0', 'kube-probe/1.29', 'ELB-HealthChecker/2.0', 'Latchkey'])
    for (const target of ['/', '/ping', '/healthz', '/livez', '/readyz', '/forward-auth/caddy', '/robots.txt'])
      assert.equal((await asks(target, undefined, [`User-Agent: ${agent}`])).status, 401);
});

test('check 52: tricks with the path meet no public rule and escape no closed one', async () => {
  for (const target of [
    '/public/../admin/x',
    '/public/%2e%2e/admin/x',
    '/public/..;/admin',
    '/public%2f..%2fadmin',
    '//public/x',
    '/public;/admin',
    '/PUBLIC/x',
    '/public#/../admin',
    '/public%23/x',
    '/public\\..\\admin',
    '/public/x/..%5c..%5cadmin',
    '/%70ublic%2fx',
    '/%70ublic/x', // Express, asked for it, does not find /public
  ]) {
    const answer = await asks(target);
    assert.equal(answer.status, 403, target);
  }
  for (const target of [
    '/ADMIN/x',
    '//admin/x',
    '/admin;x',
    '/x/../admin/x',
    '/%61dmin/x',
    '/admin/',
    '/admin?public/',
  ])
    assert.equal((await asks(target, cookies.alice)).status, 403, target);
  assert.equal((await asks('/public/x?/../../admin;#'.slice(0, -1))).status, 200);
});

test('check 55: what is no request of a browser is refused on a host where everything is public', async () => {
  const open = { host: 'open.xyz.com' };
  assert.equal((await asks('/', undefined, [], open)).status, 200);
  for (const target of [
    '*',
    'https://open.xyz.com/',
    '',
    'x',
    '/%',
    '/%ff',
    '/%00',
    '/a%0d%0ab',
    '/\xe9',
    '/a b',
    '/../x',
  ])
    assert.equal((await asks(target, undefined, [], open)).status, 403, target);
  for (const method of ['', 'get', 'G ET', 'GET, POST', '*', 'OPTIONS *'])
    assert.equal((await asks('/', undefined, [], { ...open, method })).status, 403, method);
  for (const host of [
    '',
    'open.xyz.com, open.xyz.com',
    'open.xyz.com@evil.org',
    'open.xyz.com/x',
    'open.xyz.com:0x50',
    'open..xyz.com',
    '[::1',
    'open.xyz.com.',
  ])
    assert.equal((await asks('/', undefined, [], { host })).status, 403, host);
  for (const proto of ['', 'ftp', 'https, http', 'javascript'])
    assert.equal((await asks('/', undefined, [], { ...open, proto })).status, 403, proto);
});

test('a value is no line: names with line ends or letters beyond ASCII arrive percent-encoded, and decode to what they were', async () => {
  const cookie = await node.signOn({
    name: 'jörg 100% ',
    roles: ['a,b', 'vertrieb süd'],
    attributes: { displayName: 'Jörg\r\nRemote-User: root', email: '\u{1F600}@xyz.com' },
  });
  const answer = await asks('/', cookie);
  assert.equal(answer.status, 200);
  assert.deepEqual(identity(answer), [
    'j%C3%B6rg 100%25%20',
    'a%2Cb,vertrieb s%C3%BCd',
    'J%C3%B6rg%0D%0ARemote-User: root',
    '%F0%9F%98%80@xyz.com',
  ]);
  assert.equal(decodeURIComponent(answer.headers['remote-user']!), 'jörg 100% ');
});

test('more roles than a header holds are left out whole, and it is said once', async () => {
  const roles = Array.from({ length: 200 }, (_, index) => `role-${String(index).padStart(3, '0')}-${'x'.repeat(50)}`);
  const cookie = await node.signOn({ name: 'busy', roles });
  for (let asked = 0; asked < 3; asked++) {
    const answer = await asks('/', cookie);
    const groups = answer.headers['remote-groups']!.split(',');
    assert.ok(groups.length > 50 && groups.every((group) => roles.includes(group)));
    assert.equal(answer.headers['latchkey-assertion'], '');
  }
  assert.equal(node.lines.filter((line) => /more roles or attributes/.test(line)).length, 1);
});

test('a sign-on that has ended is nobody at the next question, and no cookie is deleted by it', async () => {
  const cookie = await node.signOn({ name: 'carol', roles: [] });
  assert.equal((await asks('/', cookie)).status, 200);
  await node.sso.endSubject('carol');
  const answer = await asks('/', cookie);
  assert.equal(answer.status, 401);
  assert.doesNotMatch(answer.all, /set-cookie/i);
});

test('a node without leases answers 503 with Retry-After, keeps the public pages open, and asks nobody to sign on again', async (t) => {
  const cluster = await testCluster({
    host: (sso) => forwardAuth({ sso, log: silent, authenticate, config: configOf({ proxies: ['127.0.0.1', '::1'] }) }),
    options: { cookieDomain: 'xyz.com', allowInsecureCookie: true },
  });
  t.after(() => cluster.stop());
  const browser = cluster.browser('http://app.xyz.com');
  await browser.signIn(alice, { at: 'n1' });
  const at = (name: string, target: string) => {
    const question = browser.get(caddy, { at: name });
    for (const line of forwarded(target)) question.set(line.split(': ')[0]!, line.split(': ')[1]!);
    return question;
  };
  assert.equal((await at('n3', '/x')).headers['remote-user'], 'alice');
  await cluster.split([['n3'], ['n1', 'n2']]);
  await cluster.advance(6_100);
  const answer = await at('n3', '/x');
  assert.deepEqual([answer.status, answer.headers['retry-after'], answer.headers['set-cookie']], [503, '1', undefined]);
  assert.equal((await at('n3', '/public/x')).status, 200);
  assert.equal((await at('n1', '/x')).status, 200);
  assert.equal((await browser.get('/readyz', { at: 'n3' })).status, 503);
});

test('health is answered for balancers, everything else is 404, and no answer tells what runs here (check 50)', async () => {
  assert.equal((await node.ask('/livez', [])).status, 200);
  assert.equal((await node.ask('/readyz', [])).status, 200);
  for (const path of [
    '/',
    '/forward-auth',
    '/forward-auth/',
    '/forward-auth/apache',
    '/forward-auth/nginx/',
    '/login',
    '/forward-auth/Caddy',
  ])
    assert.equal((await node.ask(path, forwarded('/public/x'))).status, 404, path);
  assert.doesNotMatch((await asks('/never')).all, /latchkey|node|express|n1/i);
});
