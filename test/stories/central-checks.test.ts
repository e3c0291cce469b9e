/**
 * Checks 13, 14, 31, 36, 42 to 44, 46 to 48 and 50 of SECURITY.md at `latchkey serve`, as somebody finds it who knows its
 * addresses and nothing of its sources: two nodes as processes, asked in bytes.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { hashSync } from '@node-rs/argon2';
import { runHere } from '../server/support/program.ts';
import { everythingOf, type Headers, navigationOn, personAt, setCookies } from '../support/person.ts';
import { type Answered, ask, form, header, headerLines, rawly } from '../support/pipeline.ts';
import { type Served, type ServedCluster, serve } from '../support/served.ts';

const host = 'sso.xyz.test';
let cluster: ServedCluster;
let one: Served;
let two: Served;
before(async () => {
  cluster = await serve(2, {
    cookieDomain: 'xyz.test',
    origins: ['https://app1.xyz.test'],
    clearSiteData: ['cache'],
    log: { level: 'info' },
  });
  [one, two] = cluster.nodes as [Served, Served];
});
after(() => cluster.stop());

const navigation = navigationOn(host);
const person = () => personAt(host, one);
const isSso = (line: string) => line.startsWith('__Secure-latchkey=');

test('check 13: every answer of a served node that sets or clears a cookie is kept out of caches and varies with it', async () => {
  const alice = person();
  const answers = [
    await alice.get('/login'),
    await alice.signOn('alice', 'wrong'),
    await alice.signOn(),
    await alice.get('/'),
  ];
  const stale = alice.cookies.get('__Secure-latchkey')!;
  answers.push(await alice.post('/logout', form({ csrf: await alice.token('/logout') })));
  for (const value of [stale, 'garbage', '"x"', 'j:{"a":1}']) {
    const visitor = person();
    visitor.cookies.set('__Secure-latchkey', value);
    answers.push(
      await visitor.get('/'),
      await visitor.get('/login'),
      await visitor.get('/logout'),
      await visitor.get('/nowhere'),
    );
  }
  let withCookie = 0;
  for (const answer of answers) {
    if (setCookies(answer).length === 0) continue;
    withCookie++;
    assert.match(header(answer, 'cache-control') ?? '', /\bno-store\b/, everythingOf(answer).slice(0, 400));
    assert.match(header(answer, 'vary') ?? '', /\bcookie\b/i, everythingOf(answer).slice(0, 400));
  }
  assert.ok(withCookie >= 5, `${withCookie} answers had a cookie`);
});

test('check 14: the logout of a served node clears the cookie where it was set, says what else to clear, and never "cookies"', async () => {
  const alice = person();
  const issued = setCookies(await alice.signOn()).find(isSso)!;
  const attributes = (line: string) =>
    line
      .split('; ')
      .slice(1)
      .filter((part) => !/^(max-age|expires)=/i.test(part))
      .sort();
  assert.ok(await alice.isKnown(two));
  const answer = await alice.post('/logout', form({ csrf: await alice.token('/logout') }), {}, one);
  assert.equal(answer.status, 303);
  const cleared = setCookies(answer).find(isSso)!;
  assert.match(cleared, /max-age=0/i);
  assert.deepEqual(attributes(cleared), attributes(issued));
  assert.equal(header(answer, 'clear-site-data'), '"cache"');
  alice.cookies.set('__Secure-latchkey', /=([^;]+)/.exec(issued)![1]!);
  assert.equal(await alice.isKnown(one), false);
  alice.cookies.set('__Secure-latchkey', /=([^;]+)/.exec(issued)![1]!);
  assert.equal(await alice.isKnown(two), false);
});

test('check 31: a served node answers an unknown user and a wrong password alike, header by header, until both are slowed alike', async () => {
  /** All but what differs between two answers to one and the same request. */
  const fingerprint = ({ status, headers, body }: Answered) => ({
    status,
    headers: [...headers]
      .filter(([name]) => !['date', 'set-cookie', 'etag'].includes(name))
      .map(([name, values]) => [
        name,
        name === 'retry-after' || name === 'content-length'
          ? 'n'
          : String(values).replace(/retry_after=\d+/, 'retry_after=n'),
      ]),
    body: body.replace(/name="csrf" value="[^"]+"/g, '').replace(/"retryAfterMs":\d+/, 'n'),
  });
  for (const [headers, names] of [
    [{}, ['carol', 'nobody', '%00', 'x'.repeat(200), 'çarol']],
    [{ Accept: 'application/json', 'Sec-Fetch-Mode': 'cors' }, ['dave', 'no-one', "' or 1=1", 'y'.repeat(200), 'đave']],
  ] as const) {
    const refused = new Set<string>();
    const slowed = new Set<string>();
    const pages = new Set<string>();
    for (const name of names) {
      for (let attempt = 0; attempt < 7; attempt++) {
        const answer = fingerprint(await person().signOn(name, 'wrong', headers));
        const isSlowed = answer.status === 429 || JSON.stringify(answer.headers).includes('error=throttled');
        (isSlowed ? slowed : refused).add(JSON.stringify(answer));
      }
      pages.add(JSON.stringify(fingerprint(await person().get('/login?error=credentials'))));
    }
    // When somebody is slowed depends on time; how it is said does not, nor on whether there is such a user.
    assert.deepEqual([refused.size, pages.size], [1, 1], [...refused, ...pages].join('\n'));
    assert.ok(slowed.size <= 1, [...slowed].join('\n'));
  }
});

test('check 36: a served node refuses forms that another site, a sibling or nobody of this browser has sent', async () => {
  const table: readonly (readonly [Headers, number])[] = [
    [{}, 303],
    [{ Origin: `https://${host}` }, 303],
    [{ Origin: 'null' }, 303],
    [{ 'Sec-Fetch-Site': 'cross-site' }, 403],
    [{ 'Sec-Fetch-Site': 'cross-site', Origin: `https://${host}` }, 403],
    [{ 'Sec-Fetch-Site': 'same-site', Origin: 'https://app3.xyz.test' }, 403],
    [{ 'Sec-Fetch-Site': 'same-site' }, 403],
    [{ 'Sec-Fetch-Site': 'none-of-these' }, 403],
    [{ 'Sec-Fetch-Site': '', Origin: 'null' }, 403],
    [{ 'Sec-Fetch-Site': '', Origin: 'https://evil.test' }, 403],
    [{ 'Sec-Fetch-Site': '', Origin: `http://${host}` }, 403],
    [{ 'Sec-Fetch-Site': '', Origin: `https://${host}.evil.test` }, 403],
    [{ 'Sec-Fetch-Site': '', Origin: `https://${host}:8443` }, 403],
  ];
  for (const [headers, status] of table) {
    const guest = person();
    const answer = await guest.signOn('alice', 'wonderland', headers);
    assert.equal(answer.status, status, JSON.stringify(headers));
    assert.equal(await guest.isKnown(), status === 303, JSON.stringify(headers));
    const bob = person();
    await bob.signOn('bob', 'builder');
    const csrf = await bob.token('/logout');
    const out = await bob.post('/logout', form({ csrf }), headers);
    assert.equal(out.status, status, `logout ${JSON.stringify(headers)}`);
    assert.equal(await bob.isKnown(), status !== 303, `logout ${JSON.stringify(headers)}`);
  }
  const [mallory, alice] = [person(), person()];
  const csrf = await mallory.token('/login');
  await alice.get('/login');
  const credentials = { username: 'bob', password: 'builder' };
  for (const fields of [{}, { csrf }, { csrf: '' }, { csrf: 'x'.repeat(43) }]) {
    assert.equal((await alice.post('/login', form({ ...credentials, ...fields }))).status, 403, JSON.stringify(fields));
    assert.equal(await alice.isKnown(), false);
  }
});

test('check 42: a configuration whose addresses are scripts, wildcards or no origins is refused before anything starts', async () => {
  const base = { secret: { env: 'LATCHKEY_SECRET' }, users: 'users.yaml' };
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-'));
  writeFileSync(
    join(directory, 'users.yaml'),
    JSON.stringify({ users: [{ name: 'alice', roles: [], password: hashSync('x') }] }),
  );
  try {
    const hostile = [
      'javascript:alert(1)',
      'data:text/html,x',
      'blob:https://xyz.test',
      'https://*.xyz.test',
      '*',
      'null',
      'https://xyz.test/path',
      'https://a@xyz.test',
      '//xyz.test',
      'ftp://xyz.test',
    ];
    for (const address of hostile) {
      const file = join(directory, 'one.yaml');
      writeFileSync(file, JSON.stringify({ ...base, origins: [address] }));
      const { code, stderr, stdout } = await runHere(['check-config', file], { LATCHKEY_SECRET: 'c9'.repeat(32) });
      assert.notEqual(code, 0, address);
      assert.match(stderr + stdout, /origins/, address);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('check 43: whatever a served node answers to posted credentials, it is never a redirect that repeats the post', async () => {
  for (const [name, password] of [
    ['alice', 'wonderland'],
    ['nobody-at-all', 'x'],
    ['', ''],
  ] as const) {
    const guest = person();
    for (const target of ['/login', '/login/', '/login?return_to=https://app1.xyz.test/orders', '//login', '/LOGIN']) {
      const csrf = await guest.token('/login').catch(() => '');
      const answer = await guest.post(target, form({ username: name, password, csrf }));
      assert.ok(![301, 302, 307, 308].includes(answer.status), `${target}: ${answer.status}`);
      guest.cookies.clear();
    }
  }
});

test('check 44: nothing but a POST ends a sign-on at a served node: images, frames, prefetches, HEAD and other methods do not', async () => {
  const alice = person();
  await alice.signOn();
  const csrf = await alice.token('/logout');
  const asked: readonly (readonly [string, string, Headers])[] = [
    ['GET', '/logout', { 'Sec-Fetch-Dest': 'image', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Site': 'cross-site' }],
    ['GET', '/logout', { 'Sec-Fetch-Dest': 'iframe', 'Sec-Fetch-Site': 'cross-site' }],
    ['GET', '/logout', { Purpose: 'prefetch', 'Sec-Purpose': 'prefetch;prerender', 'Sec-Fetch-Mode': 'no-cors' }],
    [
      'GET',
      `/logout?csrf=${csrf}&confirm=yes&_method=POST`,
      { 'X-HTTP-Method-Override': 'POST', 'X-Method-Override': 'POST' },
    ],
    ['HEAD', '/logout', {}],
    ['OPTIONS', '/logout', {}],
    ['PUT', '/logout', {}],
    ['DELETE', '/logout', {}],
    ['PATCH', '/logout', {}],
  ];
  const cookie = [...alice.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  for (const [method, target, headers] of asked) {
    const answer = await rawly(
      one.port,
      `${method} ${target} HTTP/1.1\r\n${headerLines({ ...navigation, Cookie: cookie, ...headers })}Connection: close\r\n\r\n`,
    );
    assert.doesNotMatch(answer, /__Secure-latchkey=;|__Secure-latchkey=[^;]*;[^\n]*max-age=0/i, `${method} ${target}`);
    assert.ok(await alice.isKnown(two), `${method} ${target}`);
  }
});

test('check 46: a served node gives no other origin leave to read or to send with credentials', async () => {
  const alice = person();
  await alice.signOn();
  for (const target of [
    '/',
    '/login',
    '/logout',
    '/account',
    '/receipts/AAAAAAAAAAAAAAAA',
    '/.well-known/jwks.json',
    '/readyz',
    '/nowhere',
    '/style.css',
  ]) {
    for (const origin of ['https://evil.test', 'null', 'https://app3.xyz.test', 'https://sso.xyz.test.evil.test']) {
      const cross = { Origin: origin, 'Sec-Fetch-Mode': 'cors', 'Sec-Fetch-Site': 'cross-site' };
      for (const method of ['OPTIONS', 'GET', 'POST']) {
        const asked = {
          ...cross,
          'Access-Control-Request-Method': 'POST',
          'Access-Control-Request-Headers': 'content-type',
        };
        const cookie = [...alice.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
        const [answer] = await ask(one.port, [
          {
            method,
            target,
            headers: { ...navigation, Cookie: cookie, ...asked },
            ...(method === 'POST' && { body: '' }),
          },
        ]);
        const allowed = header(answer!, 'access-control-allow-origin');
        assert.equal(header(answer!, 'access-control-allow-credentials'), undefined, `${method} ${target}`);
        assert.ok(allowed === undefined || allowed === '*', `${method} ${target} for ${origin}: ${allowed}`);
      }
    }
  }
  assert.ok(await alice.isKnown());
});

test('check 47: forged host headers lead nobody elsewhere: no answer of a served node repeats them', async () => {
  const forged: readonly Headers[] = [
    { Host: 'evil.test' },
    { Host: 'evil.test:443' },
    { Host: `${host}.evil.test` },
    { Host: `${host}@evil.test` },
    { 'X-Forwarded-Host': 'evil.test' },
    { 'X-Forwarded-Host': `evil.test, ${host}` },
    { 'X-Host': 'evil.test', 'X-Forwarded-Server': 'evil.test', 'X-Original-Host': 'evil.test' },
    { Forwarded: 'host=evil.test;proto=https' },
    { 'X-Forwarded-Prefix': '//evil.test', 'X-Original-URL': '//evil.test', 'X-Rewrite-URL': '//evil.test' },
    { Referer: 'https://evil.test/' },
  ];
  for (const headers of forged) {
    const guest = person();
    const answers = [
      await guest.get('/login', headers),
      await guest.get('/', headers),
      await guest.get('/nowhere', headers),
      await guest.get('/logout', headers),
    ];
    const csrf = await guest.token('/login');
    answers.push(
      await guest.post(
        '/login',
        form({ username: 'alice', password: 'wonderland', csrf, return_to: 'https://evil.test/x' }),
        headers,
      ),
    );
    for (const answer of answers)
      assert.ok(
        !everythingOf(answer).includes('evil.test'),
        `${JSON.stringify(headers)}: ${everythingOf(answer).slice(0, 500)}`,
      );
    for (const line of answers.flatMap(setCookies)) assert.doesNotMatch(line, /domain=(?!xyz\.test)/i);
  }
});

test('check 48: doubled, nested and odd fields are refused or taken as text, and pollute nothing', async () => {
  const odd = [
    'username=alice&username=bob&password=wonderland',
    'username=bob&password=wrong&password=builder',
    'username[]=alice&password=wonderland',
    'username[$ne]=x&password[$ne]=x',
    'username=alice&password=wonderland&__proto__[roles][]=staff',
    'username=alice&password=wonderland&constructor[prototype][roles]=staff',
    'username=alice&password=wonderland&__proto__=x&toString=x&hasOwnProperty=x',
    'username=alice&password=wonderland&roles=staff&principal[name]=bob',
    'username=alice&password=wonderland&return_to=/&return_to=https://evil.test',
    'username=alice&password=wonderland&return_to[]=https://evil.test',
    'username=alice&password=wonderland&csrf=x',
    `username=alice&password=wonderland&${'a=b&'.repeat(5_000)}`,
    `username=alice&password=wonderland&a${'[b]'.repeat(2_000)}=c`,
    'username=%ff%fe&password=%c0%af',
    'username&password',
    '=&=&=',
  ];
  for (const fields of odd) {
    const guest = person();
    const answer = await guest.post('/login', `csrf=${encodeURIComponent(await guest.token('/login'))}&${fields}`);
    assert.ok([303, 400, 403, 413].includes(answer.status), `${fields.slice(0, 80)}: ${answer.status}`);
    assert.ok(!everythingOf(answer).includes('evil.test'), fields);
    const page = await guest.get('/');
    assert.doesNotMatch(page.body, /staff|Bob Example/, fields.slice(0, 80));
    if (/username.*username|username\[|password=wrong/.test(fields))
      assert.doesNotMatch(page.body, /Alice Example/, fields);
  }
  const guest = person();
  for (const target of [
    '/login?return_to=/a&return_to=//evil.test',
    '/login?return_to[]=//evil.test',
    '/login?return_to[a]=b',
    '/login?__proto__[x]=y',
    '/login?error[]=credentials',
    '/login?error=constructor',
    '/login?error=__proto__',
    '/login?retry_after=-1&error=throttled',
    '/login?retry_after=9e99&error=throttled',
    '/login?%ff=%ff',
    '/logout?return_to[]=//evil.test',
    '/receipts/__proto__',
    '/?lang[]=de&lang=__proto__',
  ]) {
    const answer = await guest.get(target);
    assert.ok([200, 303, 400, 401, 404].includes(answer.status), `${target}: ${answer.status}`);
    assert.ok(!everythingOf(answer).includes('evil.test'), target);
    assert.doesNotMatch(answer.body, /undefined|NaN|\[object|Infinity|9e99|native code/, target);
  }
  assert.ok(!(await person().isKnown()));
  const alice = person();
  assert.equal((await alice.signOn()).status, 303, 'and everything goes on');
});

test('check 50: no page, error or refusal of a served node tells what runs here, where, or whose', async () => {
  const alice = person();
  await alice.signOn();
  const secrets = [...alice.cookies.values()];
  const answers: Answered[] = [];
  for (const guest of [person(), alice]) {
    for (const target of [
      '/nowhere',
      '/login/../../etc/passwd',
      '/%',
      '/%ff',
      '/receipts/AAAAAAAAAAAAAAAA',
      '/receipts/',
      '/account/nowhere',
      '/livez',
      '/readyz',
      '/metrics',
      '/style.css/x',
      `/${'a'.repeat(5_000)}`,
      '/.git/config',
      '/package.json',
      '/server/main.ts',
      '/%2e%2e/package.json',
      '/login%00',
      '/constructor',
      '/__proto__',
    ])
      answers.push(await guest.get(target));
    answers.push(await guest.post('/login', '{', { 'Content-Type': 'application/json' }));
    answers.push(await guest.post('/login', '<a/>', { 'Content-Type': 'text/xml' }));
    answers.push(await guest.post('/login', form({ username: 'a', password: 'p'.repeat(100_000) })));
    answers.push(await guest.post('/login', 'x', { 'Content-Encoding': 'gzip' }));
    answers.push(await guest.post('/nowhere', form({ a: 'b' })));
    answers.push(
      await guest
        .get('/', { 'Accept-Language': '\u0001'.repeat(3), Accept: 'x/'.repeat(900) })
        .catch(() => answers[0]!),
    );
  }
  // What was asked for may be said: the links of the languages lead to the same address.
  const texts = answers.map(everythingOf).map((text) => text.replaceAll('/server/main.ts', ''));
  for (const bytes of [
    'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n',
    'GET /\r\n\r\n',
    'BLAH / HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    '\u0000\u0001\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n',
    `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
    'POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    'CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test\r\n\r\n',
  ])
    texts.push(await rawly(one.port, bytes));
  for (const text of texts) {
    assert.doesNotMatch(
      text,
      /\n\s+at |node_modules|\.ts\b|express|x-powered-by|ERR_|\bnode[12]\b|127\.0\.0\.1|\/(home|work|tmp|root)\/|argon2|v20\.|TypeError|ReferenceError/i,
      text.slice(0, 2_000),
    );
    for (const secret of secrets) assert.ok(!text.includes(secret), text.slice(0, 500));
  }
});

test('T7: no cookie, token or password of these tests is in a log, and each line is JSON', async () => {
  const alice = person();
  const csrf = await alice.token('/login');
  await alice.post('/login', form({ username: 'alice', password: 'wonderland', csrf }));
  const canaries = [csrf, 'wonderland', 'c9'.repeat(32), ...alice.cookies.values()];
  for (const { output } of cluster.nodes) {
    for (const canary of canaries) assert.ok(!output().includes(canary), canary);
    for (const line of output().trim().split('\n').slice(0, -1)) JSON.parse(line);
  }
});
