import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ProtectOptions, protect } from '../../sso/valve/protect.ts';
import {
  type AppOptions,
  agent,
  alice,
  app,
  deletions,
  hosts,
  issued,
  sessionRecorder,
  setCookies,
  type World,
  withoutValve,
  world,
} from './world.ts';

function host(w: World, options: ProtectOptions = {}, extra: AppOptions = {}) {
  return app(
    w,
    (routes) => {
      routes.all('/p', protect(w.parts, options), (req, res) => void res.json({ name: req.sso.principal?.name }));
      routes.use('/shop', protect(w.parts, options), (req, res) => void res.json({ path: req.path }));
    },
    extra,
  );
}

for (const { name, express } of hosts) {
  test(`V02: a person is led to the form with 303 and comes back to the page; nothing is made or set (${name})`, async () => {
    const w = world();
    const at = host(w, { login: '/login' }, { express });
    const answer = await agent(at).get('/p?a=1&b=2').set('Sec-Fetch-Mode', 'navigate');
    assert.equal(answer.status, 303);
    assert.equal(answer.headers['location'], '/login?return_to=%2Fp%3Fa%3D1%26b%3D2');
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.match(answer.headers['vary']!, /Cookie/);
    assert.deepEqual(setCookies(answer), []);
    assert.equal(w.entries.size, 0);
  });

  test(`V05: whoever is signed on goes on, makes and links a session, and the answer is not stored (${name})`, async () => {
    const w = world();
    const { cookie } = await w.open();
    const recorder = sessionRecorder();
    const answer = await agent(host(w, { login: '/login' }, { express, before: [recorder.handler] }))
      .get('/p')
      .set('Cookie', cookie);
    assert.deepEqual(answer.body, { name: 'alice' });
    assert.deepEqual(recorder.calls, ['ensure']);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.match(answer.headers['vary']!, /Cookie/);
  });

  test(`a rejection inside reaches next(err), also from ${name}`, async () => {
    const w = world();
    const at = host(
      w,
      { challenge: async () => Promise.reject(Object.assign(new Error('x'), { code: 'ERR_OWN' })) },
      { express },
    );
    assert.equal((await agent(at).get('/p')).body.code, 'ERR_OWN');
  });
}

test('a program gets 401 with JSON and the address of the form, and nothing that opens a window', async () => {
  const at = host(world(), { login: '/login' });
  for (const headers of [
    {},
    { 'Sec-Fetch-Mode': 'cors', Accept: 'text/html' },
    { 'Sec-Fetch-Mode': 'no-cors' },
    { Accept: 'application/json' },
  ]) {
    const answer = await agent(at).get('/p').set(headers);
    assert.equal(answer.status, 401);
    assert.equal(answer.body.error, 'not-signed-in');
    assert.equal(answer.body.loginUrl, '/login');
    assert.equal(answer.headers['www-authenticate'], 'Latchkey realm="sign-on"');
  }
});

test('an old browser is told from a program by what it accepts, and only for a GET', async () => {
  const at = host(world(), { login: '/login' });
  assert.equal((await agent(at).get('/p').set('Accept', 'text/html,application/xhtml+xml')).status, 303);
  assert.equal((await agent(at).post('/p').set('Accept', 'text/html')).status, 401);
});

test('a posted form that needs a sign-on leads to the form page, but not back to the POST', async () => {
  const answer = await agent(host(world(), { login: '/login' }))
    .post('/p')
    .set('Sec-Fetch-Mode', 'navigate');
  assert.equal(answer.headers['location'], '/login');
});

test('the return address is the whole path, and one that could lead away is left out', async () => {
  const at = host(world(), { login: '/login?lang=de' });
  assert.equal(
    (await agent(at).get('/shop/a%20b?x=%2F').set('Sec-Fetch-Mode', 'navigate')).headers['location'],
    '/login?lang=de&return_to=%2Fshop%2Fa%2520b%3Fx%3D%252F',
  );
  assert.equal(
    (await agent(at).get('/shop/%2e%2e/x').set('Sec-Fetch-Mode', 'navigate')).headers['location'],
    '/login?lang=de',
  );
});

test('check 47: with the form on another host the whole address goes along, if it is a configured origin', async () => {
  const w = world({ origins: ['https://app1.xyz.com', 'https://sso.xyz.com'] });
  const at = host(w, { login: 'https://sso.xyz.com/login' });
  const get = (name: string) => agent(at).get('/p').set('Host', name).set('Sec-Fetch-Mode', 'navigate');
  assert.equal(
    (await get('app1.xyz.com')).headers['location'],
    'https://sso.xyz.com/login?return_to=https%3A%2F%2Fapp1.xyz.com%2Fp',
  );
  assert.equal((await get('evil.org')).headers['location'], 'https://sso.xyz.com/login');
});

test('an origin alone names central nodes: people are led to its /login and back, scripts get 401 with its address, preflights pass', async () => {
  const w = world({ origins: ['https://app1.xyz.com'] });
  const at = host(w, { login: 'https://sso.xyz.com' });
  const person = await agent(at).get('/p?x=1').set('Host', 'app1.xyz.com').set('Sec-Fetch-Mode', 'navigate');
  assert.equal(person.status, 303);
  assert.equal(
    person.headers['location'],
    'https://sso.xyz.com/login?return_to=https%3A%2F%2Fapp1.xyz.com%2Fp%3Fx%3D1',
  );
  for (const mode of ['cors', 'same-origin', 'no-cors']) {
    const script = await agent(at).get('/p').set('Host', 'app1.xyz.com').set('Sec-Fetch-Mode', mode);
    assert.equal(script.status, 401);
    assert.equal(script.body.loginUrl, 'https://sso.xyz.com/login');
    assert.equal(script.headers['location'], undefined);
  }
  const preflight = await agent(at)
    .options('/p')
    .set('Origin', 'https://app2.xyz.com')
    .set('Access-Control-Request-Method', 'POST');
  assert.equal(preflight.status, 200, 'the application answers it');
  assert.deepEqual(w.lines, []);
  const get = (login: string) => agent(host(w, { login })).get('/p').set('Sec-Fetch-Mode', 'navigate');
  for (const [login, page] of [
    ['https://sso.xyz.com:8443', 'https://sso.xyz.com:8443/login'],
    ['HTTPS://sso.xyz.com', 'https://sso.xyz.com/login'],
    ['https://sso.xyz.com/', 'https://sso.xyz.com/'],
    ['https://sso.xyz.com/enter?lang=de', 'https://sso.xyz.com/enter?lang=de'],
  ] as const)
    assert.equal((await get(login)).headers['location'], page);
});

test('a form on another host is warned about where no origin is configured to which anybody could come back', () => {
  const [without, own] = [world(), world({ origins: ['https://app1.xyz.com'] })];
  for (const w of [without, own]) for (const login of ['/login', 'https://sso.xyz.com']) host(w, { login });
  assert.ok(without.lines.length > 0);
  assert.ok(without.lines.every(({ level, message }) => level === 'warn' && message.includes('not led back')));
  assert.deepEqual(own.lines, []);
});

test('the page of the form itself is never challenged, so that a whole application can be protected', async () => {
  const w = world();
  const at = app(w, (routes) => {
    routes.use(protect(w.parts, { login: '/login' }));
    routes.use((_req, res) => void res.json({ reached: true }));
  });
  assert.equal((await agent(at).get('/login?return_to=/x')).body.reached, true);
  for (const path of ['/login/', '/login/x', '/loginx', '/LOGIN', '/x/login', '/login%2f..%2fx'])
    assert.equal((await agent(at).get(path)).status, 401, path);
});

test('V30: a missing role is 403 and never a challenge; the sign-on stays', async () => {
  const w = world();
  const { cookie, id } = await w.open();
  const recorder = sessionRecorder();
  const at = host(
    w,
    { roles: ['clerk', 'auditor'], login: '/login', basic: { realm: 'x', authenticate: () => false } },
    { before: [recorder.handler] },
  );
  const json = await agent(at).get('/p').set('Cookie', cookie);
  assert.deepEqual([json.status, json.body.error], [403, 'role-missing']);
  assert.equal(json.headers['www-authenticate'], undefined);
  const page = await agent(at).get('/p').set('Cookie', cookie).set('Sec-Fetch-Mode', 'navigate');
  assert.deepEqual([page.status, page.type], [403, 'text/plain']);
  assert.deepEqual(setCookies(page), []);
  assert.ok(w.registry.isOpen(id));
  assert.deepEqual(recorder.calls, []);
});

test('roles: any of `roles`, all of `allRoles`', async () => {
  const w = world();
  const { cookie } = await w.open({ name: 'alice', roles: ['a', 'b'] });
  const status = async (options: ProtectOptions) =>
    (await agent(host(w, options)).get('/p').set('Cookie', cookie)).status;
  assert.equal(await status({ roles: ['x', 'a'] }), 200);
  assert.equal(await status({ roles: ['x'] }), 403);
  assert.equal(await status({ allRoles: ['a', 'b'] }), 200);
  assert.equal(await status({ allRoles: ['a', 'x'] }), 403);
  assert.equal(await status({ roles: ['a'], allRoles: ['x'] }), 403);
  assert.equal(await status({ roles: ['toString', '__proto__'] }), 403);
});

test('V31, V38: what counts is the roles in force: a revoked one is missing at the very next request', async () => {
  const w = world();
  const { cookie } = await w.open();
  const at = host(w, { roles: ['customer'] });
  assert.equal((await agent(at).get('/p').set('Cookie', cookie)).status, 200);
  await w.registry.setRoles('alice', ['guest']);
  assert.equal((await agent(at).get('/p').set('Cookie', cookie)).status, 403);
  await w.registry.setRoles('alice', ['customer']);
  assert.equal((await agent(at).get('/p').set('Cookie', cookie)).status, 200);
});

test('V36: where no way to sign on is configured an anonymous request gets 403, and a signed-on one goes on', async () => {
  const w = world();
  const { cookie } = await w.open();
  const answer = await agent(host(w, { login: false })).get('/p');
  assert.equal(answer.status, 403);
  assert.equal(answer.headers['www-authenticate'], undefined);
  assert.equal(
    (
      await agent(host(w, { login: false }))
        .get('/p')
        .set('Cookie', cookie)
    ).status,
    200,
  );
});

test('where nothing is said about asking, the form is at /login', async () => {
  const w = world();
  const at = host(w);
  const page = await agent(at).get('/p').set('Accept', 'text/html');
  assert.equal(page.status, 303);
  assert.equal(page.headers.location, '/login?return_to=%2Fp');
  assert.equal((await agent(at).get('/p')).status, 401);
});

test('check 46: a preflight passes unasked, gets no CORS header from here, and nothing else passes as one', async () => {
  const w = world();
  const at = host(w, { login: '/login' });
  const preflight = await agent(at)
    .options('/p')
    .set('Origin', 'https://evil.org')
    .set('Access-Control-Request-Method', 'POST');
  assert.equal(preflight.status, 200);
  assert.equal(preflight.headers['access-control-allow-origin'], undefined);
  assert.equal((await agent(at).options('/p')).status, 401);
  assert.equal((await agent(at).options('/p').set('Origin', 'https://evil.org')).status, 401);
  assert.equal(
    (await agent(at).get('/p').set('Origin', 'https://evil.org').set('Access-Control-Request-Method', 'GET')).status,
    401,
  );
});

test('V20: a dead cookie is challenged and deleted in one answer', async () => {
  const w = world();
  const { cookie, id } = await w.open();
  await w.registry.close(id, 'logout');
  const answer = await agent(host(w, { login: '/login' }))
    .get('/p')
    .set('Cookie', cookie)
    .set('Sec-Fetch-Mode', 'navigate');
  assert.equal(answer.status, 303);
  assert.equal(deletions(answer).length, 1);
});

test('V82: a sign-on that not everybody could be asked for is challenged, and its cookie stays', async () => {
  const w = world();
  const { cookie } = await world().open();
  w.entries.peers = async () => ({ everybody: false });
  const answer = await agent(host(w, { login: '/login' }))
    .get('/p')
    .set('Cookie', cookie);
  assert.equal(answer.status, 401);
  assert.deepEqual(setCookies(answer), []);
});

test('V26: what a front vouches for passes, with its roles, without a session of a sign-on', async () => {
  const w = world({ principalFrom: () => alice });
  const recorder = sessionRecorder();
  const answer = await agent(host(w, { roles: ['customer'] }, { before: [recorder.handler] })).get('/p');
  assert.deepEqual(answer.body, { name: 'alice' });
  assert.deepEqual(recorder.calls, []);
  assert.equal((await agent(host(w, { roles: ['clerk'] })).get('/p')).status, 403);
});

test("V33: requireReauthentication asks once in its interval; 'no' is the application's challenge, and the sign-on stays", async () => {
  let may = true;
  let asked = 0;
  const check = (_principal: unknown, req: { path: string }) => {
    asked++;
    assert.equal(req.path, '/p');
    return may;
  };
  const w = world({ requireReauthentication: { check, everyMs: 60_000 } });
  const { cookie, id } = await w.open();
  const at = host(w, { login: '/login' });
  const get = () => agent(at).get('/p').set('Cookie', cookie).set('Sec-Fetch-Mode', 'navigate');
  assert.equal((await get()).status, 200);
  assert.equal(asked, 0);
  w.clock.advance(60_000);
  await get();
  await get();
  assert.equal(asked, 1);
  w.clock.advance(60_000);
  may = false;
  const answer = await get();
  assert.match(answer.headers['location']!, /^\/login/);
  assert.deepEqual(setCookies(answer), []);
  assert.ok(w.registry.isOpen(id));
  assert.equal((await agent(at).get('/who').set('Cookie', cookie)).body.name, 'alice');
});

test('V33: with everyMs 0 each protected request asks', async () => {
  let asked = 0;
  const w = world({ requireReauthentication: { check: () => ++asked > 0, everyMs: 0 } });
  const { cookie } = await w.open();
  const at = host(w);
  for (let i = 1; i <= 3; i++) {
    await agent(at).get('/p').set('Cookie', cookie);
    assert.equal(asked, i);
  }
  await agent(at).get('/who').set('Cookie', cookie);
  assert.equal(asked, 3);
});

test('V33, check 40: a check that throws, never answers or says nothing clear is 503, and the sign-on stays', async () => {
  for (const check of [() => assert.fail('down'), async () => Promise.reject(new Error('down')), () => 1 as never]) {
    const w = world({ requireReauthentication: { check, everyMs: 0 } });
    const { cookie, id } = await w.open();
    const answer = await agent(host(w, { login: '/login' }))
      .get('/p')
      .set('Cookie', cookie)
      .set('Sec-Fetch-Mode', 'navigate');
    assert.equal(answer.status, 503);
    assert.equal(answer.headers['retry-after'], '1');
    assert.deepEqual(setCookies(answer), []);
    assert.ok(w.registry.isOpen(id));
  }
});

test('V27: an account check that fails makes a protected resource 503, a challenge would lead nowhere', async () => {
  const w = world({ revalidate: { check: () => assert.fail('down'), everyMs: 0 } });
  const { cookie } = await w.open();
  assert.equal(
    (
      await agent(host(w, { login: '/login' }))
        .get('/p')
        .set('Cookie', cookie)
    ).status,
    503,
  );
});

test("V34: an application's own challenge may sign on and go on; its bare next() opens nothing", async () => {
  const w = world();
  const at = host(w, {
    roles: ['customer'],
    challenge: async (req, _res, next) => {
      if (req.headers['x-certificate'] === 'alice') await req.sso.open(alice, 'certificate');
      if (req.headers['x-certificate'] === 'mallory') await req.sso.open({ name: 'mallory', roles: [] }, 'certificate');
      next();
    },
  });
  const answer = await agent(at).get('/p').set('X-Certificate', 'alice');
  assert.deepEqual(answer.body, { name: 'alice' });
  assert.equal((await agent(at).get('/who').set('Cookie', issued(answer)!)).body.how, 'certificate');
  assert.equal((await agent(at).get('/p').set('X-Certificate', 'mallory')).status, 403);
  const bare = await agent(at).get('/p');
  assert.deepEqual([bare.status, bare.body.error], [401, 'not-signed-in']);
});

test("V33: after 'no' an application's challenge must sign on anew; its bare next() does not pass the old sign-on", async () => {
  const w = world({ requireReauthentication: { check: () => false, everyMs: 0 } });
  const { cookie } = await w.open();
  const at = host(w, { challenge: (_req, _res, next) => next() });
  assert.equal((await agent(at).get('/p').set('Cookie', cookie)).status, 401);
});

test('wrong options are refused when the application starts, and a missing valve is said', async () => {
  const w = world();
  for (const options of [
    { login: 'login' },
    { login: 'javascript:alert(1)' },
    { login: '//evil.org' },
    { basic: { realm: 'a\nb', authenticate: () => false as const } },
  ]) {
    assert.throws(() => protect(w.parts, options), { code: 'ERR_CONFIG_INVALID' });
  }
  const at = app(w, (routes) => void routes.get('/x', withoutValve, protect(w.parts)));
  assert.equal((await agent(at).get('/x')).body.code, 'ERR_CONFIG_INVALID');
});

test('check 47: behind a trusted proxy the return address to a form elsewhere follows the forwarded host, if it is configured', async () => {
  const w = world({ origins: ['https://app1.xyz.com'] });
  const at = host(w, { login: 'https://sso.xyz.com/login' });
  const get = () =>
    agent(at)
      .get('/p')
      .set('Host', 'inner:3000')
      .set('X-Forwarded-Host', 'app1.xyz.com')
      .set('Sec-Fetch-Mode', 'navigate');
  assert.match((await get()).headers['location']!, /return_to=https%3A%2F%2Fapp1\.xyz\.com%2Fp$/);
  at.set('trust proxy', false);
  assert.equal((await get()).headers['location'], 'https://sso.xyz.com/login');
});
