import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { demoSite, markup, type TestSite } from './support/site.ts';
import { type Visitor, visitor } from './support/visitor.ts';

let site: TestSite;
before(async () => {
  site = await demoSite();
});
after(() => site.sso.stop());

const shopHost = 'app1.xyz.localhost:8081';
const reportsHost = 'app2.xyz.localhost:8081';

async function signedOn(name: string, password: string, host = shopHost): Promise<Visitor> {
  const person = visitor(site.listener, host);
  const answer = await person.post('/login', {
    username: name,
    password,
    csrf: await person.csrf('/login'),
    return_to: '/orders',
  });
  assert.equal(answer.status, 303);
  assert.equal(answer.headers['location'], '/orders');
  return person;
}

/** The same browser at the other application. */
const at = (person: Visitor, host: string) => visitor(site.listener, host, person.cookies);

test('whoever is signed on in one application is known in the other, and each keeps its own session', async () => {
  const person = await signedOn('alice', 'wonderland');
  const reports = at(person, reportsHost);
  for (const count of [1, 2, 3]) assert.match((await person.get('/')).text, new RegExp(`id="requests">${count}<`));
  const { text } = await reports.get('/');
  assert.match(text, /Hello, Alice Example/);
  assert.match(text, /id="requests">1</);
  assert.match(text, /<th scope="row">shop<\/th><td>node1<\/td>/);
  assert.match(text, /<th scope="row">reports<\/th><td>node1<\/td>/);
});

test('a protected page asks for a sign-on and comes back; a missing role is 403 and is never asked', async () => {
  const stranger = visitor(site.listener, reportsHost);
  assert.equal((await stranger.get('/staff')).headers['location'], '/login?return_to=%2Fstaff');
  const alice = await signedOn('alice', 'wonderland', reportsHost);
  const refused = await alice.get('/staff');
  assert.equal(refused.status, 403);
  assert.match(refused.text, /does not have the role staff/);
  assert.equal((await alice.get('/staff').set('Accept', 'application/json').set('Sec-Fetch-Mode', 'cors')).status, 403);
  assert.equal((await (await signedOn('bob', 'builder', reportsHost)).get('/staff')).status, 200);
});

test('sign-out ends both applications and leads to the receipt, which says what it says', async () => {
  const person = await signedOn('alice', 'wonderland');
  const reports = at(person, reportsHost);
  await reports.get('/');
  const answer = await person.post('/logout', { csrf: await person.csrf('/') });
  assert.equal(answer.status, 303);
  const { status, text } = await person.get(answer.headers['location']!);
  assert.equal(status, 200);
  assert.match(text, /<h1>You are signed out everywhere<\/h1>/);
  assert.match(text, /<dt>Sessions ended<\/dt><dd>2 \(/);
  assert.match(text, /<dt>Confirmed by<\/dt><dd>node1<\/dd>/);
  assert.doesNotMatch(text, /Look again/);
  assert.match((await person.get('/')).text, /Nobody is signed on here/);
  assert.match((await reports.get('/')).text, /Nobody is signed on here/);
});

test('leaving one application ends its session and keeps the sign-on', async () => {
  const person = await signedOn('alice', 'wonderland');
  await person.get('/');
  await person.get('/');
  assert.equal((await person.post('/leave', { csrf: await person.csrf('/') })).headers['location'], '/');
  const { text } = await person.get('/');
  assert.match(text, /The sign-on goes on/);
  assert.match(text, /id="requests">1</);
  assert.doesNotMatch((await person.get('/')).text, /The sign-on goes on/);
});

test('check 38: markup in names, roles, addresses and cookies stays text on every page', async () => {
  const person = await signedOn(markup, 'apple');
  const payload = '"><script>alert(1)</script>';
  person.cookies.set('demo-note', encodeURIComponent(`killed.${payload}`));
  const pages = [
    '/',
    `/login?error=${encodeURIComponent(payload)}&return_to=${encodeURIComponent(`/${payload}`)}`,
    '/orders',
    `/${encodeURIComponent(payload)}`,
    '/logout',
    `/login?return_to=a&return_to=${encodeURIComponent(payload)}`,
  ];
  for (const page of pages) {
    const { text } = await person.get(page);
    assert.doesNotMatch(text, /<script(?! src="\/follow\.js" defer><\/script>)|<b>|<i>/, page);
  }
  assert.match((await person.get('/')).text, /&lt;b&gt;&quot;Eve&quot;&lt;\/b&gt;&amp;&#39;x/);
});

test('check 37: every page says what a browser may do with it', async () => {
  const person = await signedOn('alice', 'wonderland');
  for (const page of ['/', '/login', '/orders', '/nowhere', '/style.css']) {
    const { headers } = await person.get(page);
    const policy = headers['content-security-policy'] ?? '';
    for (const part of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"])
      assert.ok(policy.includes(part), `${page}: ${policy}`);
    assert.doesNotMatch(policy, /unsafe|\*/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['referrer-policy'], 'same-origin');
    assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
    assert.equal(headers['x-powered-by'], undefined);
  }
  assert.equal((await person.get('/')).headers['cache-control'], 'no-store');
});

test('check 50: pages of errors and unknown hosts tell nothing about what runs here', async () => {
  const person = visitor(site.listener, shopHost);
  const answers = [
    { answer: await person.get('/nowhere'), status: 404 },
    { answer: await person.post('/login', { username: 'alice', password: 'x'.repeat(1_000_000) }), status: 413 },
    { answer: await person.post('/leave', {}), status: 403 },
    { answer: await person.post('/logout', { a: 'x'.repeat(20_000) }), status: 413 },
    { answer: await person.get('/%ff'), status: 404 },
    { answer: await visitor(site.listener, 'app3.xyz.localhost:8081').get('/'), status: 421 },
    { answer: await visitor(site.listener, '127.0.0.1:8081').get('/etc/passwd'), status: 404 },
  ];
  for (const { answer, status } of answers) {
    assert.equal(answer.status, status, answer.text);
    assert.doesNotMatch(answer.text, /node1|at .*\.[tj]s|express|latchkey\/|\/work|Error:/i);
  }
});

test('check 36: forms from elsewhere change nothing', async () => {
  const person = await signedOn('alice', 'wonderland');
  const csrf = await person.csrf('/');
  for (const [path, site] of [
    ['/leave', 'cross-site'],
    ['/logout', 'same-site'],
    ['/demo/start', 'cross-site'],
    ['/demo/kill', 'same-site'],
    ['/demo/power-cut', 'cross-site'],
  ] as const) {
    for (const fields of [{}, { csrf: 'x'.repeat(43) }]) {
      const answer = await person
        .post(path, { ...fields, node: 'node2' })
        .set('Sec-Fetch-Site', site)
        .set('Origin', 'http://evil.xyz.localhost:8081');
      assert.equal(answer.status, 403, path);
    }
  }
  assert.match((await person.get('/')).text, /Hello, Alice/);
  assert.deepEqual(site.restarted, []);
  assert.equal((await person.post('/demo/start', { csrf, node: 'node2' })).status, 303);
  assert.deepEqual(site.restarted, ['node2'], 'and no power was cut');
  assert.equal((await person.post('/demo/start', { csrf, node: 'node9' })).status, 404);
});

test('check 31: an unknown name and a wrong password are answered alike', async () => {
  const answers = [];
  for (const username of ['alice', 'nobody']) {
    const { status, headers, text } = await visitor(site.listener, shopHost).post('/login', {
      username,
      password: 'wrong',
    });
    const { date: _date, ...others } = headers as Record<string, string>;
    answers.push({ status, text, headers: others });
  }
  assert.deepEqual(answers[0], answers[1]);
  assert.equal(answers[0]?.headers['location'], '/login?error=credentials');
});

test('T13: while too many passwords are being verified, a sign-on is refused at once with 503', async () => {
  site.load.busy = true;
  const answer = await visitor(site.listener, shopHost).post('/login', { username: 'alice', password: 'wonderland' });
  site.load.busy = false;
  assert.equal(answer.status, 503);
  assert.equal(answer.headers['retry-after'], '1');
  assert.equal(answer.headers['set-cookie'], undefined);
});

test('a program is told with JSON: who it is, and the receipt', async () => {
  const person = await signedOn('alice', 'wonderland');
  const json = (test: ReturnType<Visitor['get']>) =>
    test.set('Accept', 'application/json').set('Sec-Fetch-Mode', 'cors');
  const { body } = await json(person.get('/whoami'));
  assert.deepEqual(
    [body.signedIn, body.name, body.roles, body.node, body.requestsInThisSession],
    [true, 'alice', ['customer'], 'node1', 1],
  );
  const { body: receipt } = await json(person.post('/logout'));
  assert.equal(receipt.state, 'complete');
  assert.deepEqual((await json(person.get(`/receipts/${receipt.id}`))).body, receipt);
  assert.equal((await json(person.get('/whoami'))).body.signedIn, false);
});
