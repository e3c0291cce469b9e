import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LogoutOptions, logout } from '../../sso/valve/sign-off.ts';
import { agent, app, deletions, hosts, secure, secureSettings, setCookies, type World, world } from './world.ts';

function host(w: World, options: LogoutOptions = {}, express = hosts[0]!.express) {
  return app(w, (routes) => void routes.all('/logout', logout(w.parts, options)), { express });
}

for (const { name, express } of hosts) {
  test(`V66: a posted sign-off ends the sign-on, deletes its cookie and answers with the receipt (${name})`, async () => {
    const w = world();
    const { cookie, id } = await w.open();
    const answer = await agent(host(w, {}, express))
      .post('/logout')
      .set('Cookie', cookie);
    assert.equal(answer.status, 200);
    assert.deepEqual([answer.body.state, answer.body.cause], ['complete', 'logout']);
    assert.equal(deletions(answer).length, 1);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.equal(w.registry.isOpen(id), false);
  });

  test(`check 43, 45: a form is led by 303 to a return address of ours, or to the default (${name})`, async () => {
    const w = world({ origins: ['https://app2.xyz.com'] });
    const leave = async (address: string) => {
      const { cookie } = await w.open();
      const answer = await agent(host(w, { returnTo: '/bye' }, express))
        .post('/logout')
        .type('form')
        .set('Sec-Fetch-Mode', 'navigate')
        .set('Cookie', cookie)
        .send({ return_to: address });
      assert.equal(answer.status, 303);
      return answer.headers['location'];
    };
    assert.equal(await leave('/start'), '/start');
    assert.equal(await leave('https://app2.xyz.com/'), 'https://app2.xyz.com/');
    for (const bad of [
      'https://evil.org/',
      '//evil.org',
      'https://app2.xyz.com.evil.org/',
      'javascript:alert(1)',
      '/\t/evil.org',
    ])
      assert.equal(await leave(bad), '/bye');
  });
}

test('check 44: what only visits ends nothing: image, frame, prefetch, HEAD, link', async () => {
  const w = world();
  const { cookie, id } = await w.open();
  const visits: [string, Record<string, string>][] = [
    ['get', { 'Sec-Fetch-Dest': 'image', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Site': 'cross-site' }],
    ['get', { 'Sec-Fetch-Dest': 'iframe', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Site': 'cross-site' }],
    ['get', { 'Sec-Purpose': 'prefetch', 'Sec-Fetch-Mode': 'navigate' }],
    ['get', { Accept: 'text/html' }],
    ['get', {}],
    ['head', { Accept: 'text/html' }],
    ['head', {}],
    ['options', {}],
    ['put', {}],
    ['delete', { 'Sec-Fetch-Mode': 'navigate' }],
  ];
  for (const [method, headers] of visits) {
    const answer = await agent(host(w))[method as 'get']('/logout').set('Cookie', cookie).set(headers);
    assert.ok(answer.status === 200 || answer.status === 405, method);
    if (answer.status === 405) assert.equal(answer.headers['allow'], 'POST');
    assert.deepEqual(deletions(answer), []);
  }
  assert.ok(w.registry.isOpen(id));
});

test('check 44: a person who visits is asked, by a page that nothing can frame, with a form that works once', async () => {
  const w = world({ origins: ['https://app2.xyz.com'] });
  const { cookie, id } = await w.open();
  const at = host(w, { requireCsrf: true });
  const page = await agent(at).get('/logout?return_to=/start').set('Cookie', cookie).set('Accept', 'text/html');
  assert.equal(page.type, 'text/html');
  assert.equal(
    page.headers['content-security-policy'],
    "default-src 'none'; form-action 'self' https://app2.xyz.com; frame-ancestors 'none'; base-uri 'none'",
  );
  assert.equal(page.headers['referrer-policy'], 'same-origin');
  assert.equal(page.headers['cache-control'], 'no-store');
  const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)![1]!;
  const returnTo = /name="return_to" value="([^"]+)"/.exec(page.text)![1]!;
  const post = (fields: object) =>
    agent(at).post('/logout').type('form').set('Cookie', cookie).set('Sec-Fetch-Mode', 'navigate').send(fields);
  assert.equal((await post({ return_to: returnTo })).status, 403);
  assert.equal((await post({ csrf: `${csrf.slice(1)}A` })).status, 403);
  assert.ok(w.registry.isOpen(id));
  const left = await post({ csrf, return_to: returnTo });
  assert.deepEqual([left.status, left.headers['location']], [303, '/start']);
  assert.equal(w.registry.isOpen(id), false);
});

test('check 38: the page escapes what it shows', async () => {
  const w = world();
  const { cookie } = await w.open({ name: `<script>alert("x")</script>'&`, roles: [] });
  const page = await agent(host(w))
    .get(`/logout?return_to=${encodeURIComponent('/a"><script>alert(1)</script>')}`)
    .set('Cookie', cookie)
    .set('Accept', 'text/html');
  assert.doesNotMatch(page.text, /<script|"x"|'&/);
  assert.match(page.text, /&#60;script&#62;/);
});

test('check 36: a sign-off from another origin is refused and ends nothing', async () => {
  const w = world({ origins: ['https://app2.xyz.com'] });
  const { cookie, id } = await w.open();
  for (const mark of [
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
    { Origin: 'https://evil.org' },
    { Origin: 'null' },
  ]) {
    const answer = await agent(host(w)).post('/logout').set('Cookie', cookie).set(mark);
    assert.deepEqual([answer.status, answer.body.error], [403, 'cross-site']);
    assert.deepEqual(setCookies(answer), []);
  }
  assert.ok(w.registry.isOpen(id));
});

test('check 22, V64: with nothing to end the answer is 401, nothing is made, and never 200', async () => {
  const w = world();
  for (const headers of [
    {},
    { Cookie: 'session=abc.n1' },
    { Authorization: 'Bearer x' },
    { Cookie: 'latchkey=junk' },
  ]) {
    const answer = await agent(host(w)).post('/logout').set(headers);
    assert.deepEqual([answer.status, answer.body.error], [401, 'not-signed-in']);
  }
  assert.equal((await agent(host(w)).post('/logout').set('Sec-Fetch-Mode', 'navigate')).status, 401);
  assert.equal((await agent(host(w)).get('/logout').set('Accept', 'text/html')).status, 401);
  assert.equal(w.entries.size, 0);
});

test('check 23: a forged or foreign token in a sign-off ends nothing', async () => {
  const w = world();
  const mine = await w.open();
  const other = await world().open();
  const altered = `${mine.cookie.slice(0, -1)}${mine.cookie.endsWith('A') ? 'B' : 'A'}`;
  for (const cookie of [altered, other.cookie, `latchkey=${mine.id}`]) {
    assert.equal((await agent(host(w)).post('/logout').set('Cookie', cookie)).status, 401);
  }
  const named = await agent(host(w)).post('/logout').set('Cookie', altered).send({ id: mine.id, token: mine.token });
  assert.equal(named.status, 401);
  assert.ok(w.registry.isOpen(mine.id));
});

test('check 22: while not every node can be asked for the sign-on the answer is 503', async () => {
  const w = world();
  const { cookie } = await world().open();
  w.entries.peers = async () => ({ everybody: false });
  assert.equal((await agent(host(w)).post('/logout').set('Cookie', cookie)).status, 503);
});

test('check 48: a malformed body is refused, and ends nothing', async () => {
  const w = world();
  const { cookie, id } = await w.open();
  assert.equal((await agent(host(w)).post('/logout').set('Cookie', cookie).type('json').send('{')).status, 400);
  assert.equal(
    (await agent(host(w)).post('/logout').set('Cookie', cookie).type('form').send('return_to=/a&return_to=/b')).status,
    400,
  );
  assert.equal(
    (
      await agent(host(w))
        .post('/logout')
        .set('Cookie', cookie)
        .type('form')
        .send(`x=${'x'.repeat(20_000)}`)
    ).status,
    413,
  );
  assert.ok(w.registry.isOpen(id));
});

test('check 14: the deletion has the name, domain and path of the cookie', async () => {
  const w = world(secureSettings);
  const { cookie } = await w.open();
  const answer = await secure(agent(host(w)).post('/logout')).set('Cookie', cookie);
  assert.match(deletions(answer, '__Secure-latchkey')[0]!, /^__Secure-latchkey=; Max-Age=0; Domain=xyz.com; Path=\/; /);
});

test('a default that is no address is refused when the application starts', () => {
  assert.throws(() => logout(world().parts, { returnTo: '//evil.org' }), { code: 'ERR_CONFIG_INVALID' });
});
