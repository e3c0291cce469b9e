import assert from 'node:assert/strict';
import { test } from 'node:test';
import express, { type RequestHandler } from 'express';
import { type Authenticate, type LoginOptions, login } from '../../sso/valve/login.ts';
import {
  agent,
  alice,
  app,
  bob,
  deletions,
  hosts,
  issued,
  raw,
  secure,
  secureSettings,
  sessionRecorder,
  setCookies,
  type World,
  withoutValve,
  world,
} from './world.ts';

const password = 'correct horse';
const directory: Authenticate = (credentials) =>
  credentials.username === 'alice' && credentials.password === password ? alice : undefined;
const good = { username: 'alice', password };
const wrong = { username: 'alice', password: 'wrong' };

interface Extra {
  readonly express?: typeof express;
  readonly before?: readonly RequestHandler[];
}

function host(w: World, authenticate: Authenticate = directory, options: LoginOptions = {}, extra: Extra = {}) {
  return app(w, (routes) => void routes.all('/login', login(w.parts, authenticate, options)), extra);
}

test('a box that is ticked makes the sign-on one that is remembered, and its cookie outlives the browser, where that is allowed', async () => {
  const day = 86_400_000;
  const allowed = world({}, undefined, { rememberMs: 30 * day });
  for (const [w, remember, maxAge, life] of [
    [allowed, 'on', 30 * 86_400, 30 * day],
    [allowed, 'off', undefined, day / 2],
    [world(), 'on', undefined, day / 2],
  ] as const) {
    const answer = await agent(host(w))
      .post('/login')
      .type('form')
      .set('Sec-Fetch-Mode', 'navigate')
      .send({ ...good, remember });
    const [line] = setCookies(answer);
    assert.equal(/; Max-Age=(\d+)/.exec(line!)?.[1], maxAge?.toString());
    const [view] = w.registry.entriesOf('alice').slice(-1);
    assert.equal(view?.remembered, maxAge !== undefined);
    assert.equal(view?.endsAt, w.clock.now() + life);
  }
});

test('a cookie that is set anew keeps to what is left of a sign-on that is remembered', async () => {
  const w = world({}, undefined, { rememberMs: 1_000_000 });
  const at = host(w);
  const cookie = issued(
    await agent(at)
      .post('/login')
      .send({ ...good, remember: true }),
  )!;
  w.clock.advance(400_000);
  const other = `${w.parts.settings.cookieName}=x`;
  const again = await agent(at).get('/who').set('Cookie', `${other}; ${cookie}`);
  assert.equal(again.body.name, 'alice');
  const line = setCookies(again).find((one) => one.startsWith(cookie));
  assert.match(line!, /; Max-Age=600;/);
});

test('a sign-on notes what the browser calls itself, and the address by the trust proxy of the host, both within limits', async () => {
  const w = world();
  const at = host(w);
  await agent(at).post('/login').set('User-Agent', 'Firefox/143').set('X-Forwarded-For', '192.0.2.9').send(good);
  await agent(at)
    .post('/login')
    .set('User-Agent', 'x'.repeat(5_000))
    .set('X-Forwarded-For', 'y'.repeat(500))
    .send(good);
  const [first, second] = w.registry.entriesOf('alice');
  assert.deepEqual([first?.device, first?.source], ['Firefox/143', '192.0.2.9']);
  assert.deepEqual([second?.device?.length, second?.source?.length], [256, 64]);
});

test('check 29: who is pushed out by later sign-ons while signing on is told to try again, not that the password is wrong', async () => {
  const w = world({}, undefined, { entriesPerSubject: 1 });
  const { registry } = w;
  const crowded: World = {
    ...w,
    parts: {
      ...w.parts,
      registry: Object.assign(Object.create(registry), {
        ...Object.fromEntries(
          (['look', 'rolesOf', 'mark', 'openNow', 'isOpen', 'close', 'endsAt'] as const).map((name) => [
            name,
            (registry[name] as (...given: never[]) => unknown).bind(registry),
          ]),
        ),
        held: async () => void registry.openNow({ principal: alice, how: 'form', mark: registry.mark() }),
      }),
    },
  };
  const answer = await agent(host(crowded)).post('/login').send(good);
  assert.equal(answer.status, 503);
  assert.equal(answer.body.error, 'unavailable');
  assert.deepEqual(setCookies(answer), []);
  assert.equal(registry.entriesOf('alice').length, 1);
});

test('entryId names the sign-on of the request among those of its user, also right after signing on', async () => {
  const w = world();
  const at = app(w, (routes) => {
    routes.get('/id', (req, res) => void res.json({ id: req.sso.entryId ?? null }));
    routes.post('/open', (req, res, next) => {
      req.sso.open(alice).then(() => void res.json({ id: req.sso.entryId }), next);
    });
  });
  assert.deepEqual((await agent(at).get('/id')).body, { id: null });
  const opened = await agent(at).post('/open');
  assert.deepEqual((await agent(at).get('/id').set('Cookie', issued(opened)!)).body, opened.body);
  assert.equal(w.registry.entriesOf('alice')[0]?.id, opened.body.id);
  assert.notEqual(issued(opened)?.split('=')[1], opened.body.id, 'no cookie');
});

for (const { name, express: major } of hosts) {
  test(`V03: a right password posted as JSON signs on and is answered with the principal (${name})`, async () => {
    const w = world();
    const at = host(w, directory, {}, { express: major });
    const answer = await agent(at).post('/login').send(good);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body, { principal: { name: 'alice', roles: ['customer'] }, returnTo: '/' });
    assert.equal(setCookies(answer).length, 1);
    assert.deepEqual((await agent(at).get('/who').set('Cookie', issued(answer)!)).body, {
      name: 'alice',
      roles: ['customer'],
      how: 'form',
    });
  });

  test(`check 43: a right password posted by a form is answered with 303 to the return address (${name})`, async () => {
    const answer = await agent(host(world(), directory, {}, { express: major }))
      .post('/login?return_to=/orders%3Fpage%3D2')
      .type('form')
      .set('Sec-Fetch-Mode', 'navigate')
      .send(good);
    assert.equal(answer.status, 303);
    assert.equal(answer.headers['location'], '/orders?page=2');
    assert.equal(answer.headers['cache-control'], 'no-store');
  });

  test(`V04: a wrong password signs nobody on: 401 for programs, back to the form for people (${name})`, async () => {
    const w = world();
    const at = host(w, directory, {}, { express: major });
    const json = await agent(at).post('/login').send(wrong);
    assert.equal(json.status, 401);
    assert.equal(json.body.error, 'credentials');
    assert.doesNotMatch(json.headers['www-authenticate']!, /basic/i);
    const form = await agent(at).post('/login?return_to=/orders').type('form').set('Accept', 'text/html').send(wrong);
    assert.equal(form.status, 303);
    assert.equal(form.headers['location'], '/login?error=credentials&return_to=%2Forders');
    for (const answer of [json, form]) assert.deepEqual(setCookies(answer), []);
    assert.equal(w.entries.size, 0);
  });

  test(`a rejection inside reaches next(err), also from ${name}`, async () => {
    const w = world();
    const at = app(w, (routes) => void routes.post('/login', withoutValve, login(w.parts, directory)), {
      express: major,
    });
    const answer = await agent(at).post('/login').send(good);
    assert.equal(answer.body.code, 'ERR_CONFIG_INVALID');
  });
}

test('nothing but POST signs on', async () => {
  const w = world();
  for (const method of ['get', 'head', 'put', 'delete', 'patch', 'options'] as const) {
    const answer = await agent(host(w))[method]('/login?username=alice&password=correct%20horse');
    assert.equal(answer.status, 405, method);
    assert.equal(answer.headers['allow'], 'POST');
  }
  assert.equal(w.entries.size, 0);
});

test('check 36: a sign-on from another origin, a sibling host or an opaque origin is refused before anything is read', async () => {
  const w = world({ origins: ['https://app2.xyz.com'] });
  let asked = 0;
  const at = host(w, () => {
    asked++;
    return alice;
  });
  const marks: Record<string, string>[] = [
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site', Origin: 'https://app2.xyz.com' },
    { 'Sec-Fetch-Site': 'none', Origin: 'null' },
    { Origin: 'https://evil.org' },
    { Origin: 'null' },
  ];
  for (const mark of marks) {
    const answer = await agent(at).post('/login').set(mark).send(good);
    assert.equal(answer.status, 403, JSON.stringify(mark));
    assert.equal(answer.body.error, 'cross-site');
    assert.deepEqual(setCookies(answer), []);
  }
  assert.equal(asked, 0);
});

test('check 35: a password is compared as it was sent: long, Unicode, with NUL, spaces and percent signs', async () => {
  for (const secret of [
    'x'.repeat(64),
    'x'.repeat(4_000),
    'pässwörd 😀 é ﬀ',
    'a\0b',
    ' leading and trailing ',
    '%41%00+&=;',
    'a\r\nb\tc',
  ]) {
    const seen: string[] = [];
    const at = host(world(), (credentials) => {
      seen.push(credentials.password);
      return undefined;
    });
    await agent(at).post('/login').send({ username: 'alice', password: secret });
    await agent(at)
      .post('/login')
      .type('form')
      .send(`username=alice&password=${encodeURIComponent(secret)}`);
    assert.deepEqual(seen, [secret, secret]);
  }
});

test('check 35: a password over the limit is a clean 413, and nothing is cut and compared', async () => {
  const w = world();
  let asked = 0;
  const at = host(w, () => {
    asked++;
    return alice;
  });
  for (const size of [17_000, 1_000_000]) {
    for (const type of ['json', 'form']) {
      const answer = await agent(at)
        .post('/login')
        .type(type)
        .send({ username: 'alice', password: 'x'.repeat(size) });
      assert.equal(answer.status, 413);
      assert.equal(answer.body.error, 'body-size');
    }
  }
  assert.equal(asked, 0);
});

test('a body far over the limit is cut off, with an answer', async () => {
  const header =
    'POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n';
  assert.match(await raw(host(world()), header + 'x'.repeat(4_300_000)), /^HTTP\/1.1 413/);
});

test('check 48: doubles, lists and objects are refused with 400; what would pollute a prototype is dropped', async () => {
  const w = world();
  const seen: object[] = [];
  const at = host(w, (credentials) => {
    seen.push(credentials);
    return undefined;
  });
  const refused: [string, string][] = [
    ['form', 'username=alice&username=bob&password=x'],
    ['json', '{"username":["alice"],"password":"x"}'],
    ['json', '{"username":{"$ne":1},"password":"x"}'],
    ['json', '{"username":"alice","password":"x","other":[]}'],
    ['json', '["alice","x"]'],
    ['json', '"alice"'],
    ['json', 'null'],
    ['json', '{"username":"alice"'],
    ['json', '[['.repeat(8_000)],
    ['form', 'username=%zz&password=x'],
    ['form', 'username=alice&password=%ff'],
    ['form', 'username=alice'],
    ['form', 'username[a]=alice&password=x'],
    ['form', Array.from({ length: 200 }, (_, i) => `f${i}=x`).join('&')],
  ];
  for (const [type, body] of refused) {
    const answer = await agent(at).post('/login').type(type).send(body);
    assert.equal(answer.status, 400, body.slice(0, 80));
    assert.deepEqual(setCookies(answer), []);
  }
  assert.equal(seen.length, 0);
  await agent(at)
    .post('/login')
    .type('form')
    .send('username=a&password=b&__proto__=x&constructor=y&prototype=z&code=123');
  await agent(at)
    .post('/login')
    .type('json')
    .send('{"username":"a","password":"b","__proto__":{"admin":true},"code":123,"none":null}');
  for (const credentials of seen) assert.deepEqual({ ...credentials }, { username: 'a', password: 'b', code: '123' });
  assert.equal(({} as { admin?: unknown }).admin, undefined);
});

test('a body in another type, encoding or charset is refused with 415', async () => {
  const w = world();
  for (const [header, value] of [
    ['Content-Type', 'text/plain'],
    ['Content-Type', 'multipart/form-data; boundary=x'],
    ['Content-Type', 'application/json; charset=utf-16'],
    ['Content-Type', 'application/x-www-form-urlencoded; charset=iso-8859-1'],
    ['Content-Encoding', 'gzip'],
  ] as const) {
    const answer = await agent(host(w))
      .post('/login')
      .set('Content-Type', 'application/json')
      .set(header, value)
      .send('{"username":"alice"}');
    assert.equal(answer.status, 415, value);
  }
  const good8 = await agent(host(w))
    .post('/login')
    .set('Content-Type', 'application/json; charset="UTF-8"')
    .send(JSON.stringify(good));
  assert.equal(good8.status, 200);
});

test('a body that the application has parsed already is taken as it left it', async () => {
  for (const parser of [express.json(), express.text({ type: '*/*' }), express.raw({ type: '*/*' })]) {
    assert.equal(
      (
        await agent(host(world(), directory, {}, { before: [parser] }))
          .post('/login')
          .send(good)
      ).status,
      200,
    );
  }
  const extended = [express.urlencoded({ extended: true })];
  const form = await agent(host(world(), directory, {}, { before: extended }))
    .post('/login')
    .type('form')
    .send(good);
  assert.equal(form.status, 200);
  const list = await agent(host(world(), directory, {}, { before: extended }))
    .post('/login')
    .type('form')
    .send('username=a&username=b&password=x');
  assert.equal(list.status, 400);
});

test('check 40: a check that throws, rejects, never answers or gives no principal denies with 503', async () => {
  const w = world();
  const failing: Authenticate[] = [
    () => assert.fail('directory down'),
    async () => Promise.reject(new Error('directory down')),
    () => true as never,
    () => ({}) as never,
    () => ({ error: 'no such user', name: 'alice', roles: [] }) as never,
    () => 'alice' as never,
    async () => ({ name: '' }) as never,
  ];
  for (const authenticate of failing) {
    const answer = await agent(host(w, authenticate)).post('/login').send(good);
    assert.equal(answer.status, 503);
    assert.equal(answer.headers['retry-after'], '1');
    assert.equal(w.lines.at(-1)!.level, 'error');
    assert.deepEqual(setCookies(answer), []);
  }
  for (const nobody of [undefined, null, false] as const)
    assert.equal(
      (
        await agent(host(w, () => nobody))
          .post('/login')
          .send(good)
      ).status,
      401,
    );
  assert.equal(w.entries.size, 0);
});

test('check 40: a check without an answer in time denies, and its late "yes" signs nobody on', async () => {
  const w = world();
  let late: (principal: typeof alice) => void = () => {};
  const started = defer();
  const at = host(
    w,
    () => {
      started.resolve();
      return new Promise((resolve) => (late = resolve));
    },
    { timeLimitMs: 2_000 },
  );
  const answering = agent(at)
    .post('/login')
    .send(good)
    .then((answer) => answer);
  await started.promise;
  w.clock.advance(2_000);
  const answer = await answering;
  late(alice);
  assert.equal(answer.status, 503);
  await new Promise(setImmediate);
  assert.equal(w.entries.size, 0);
});

function defer(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

test("S8: a user whose sign-ons are ended while the password is checked isn't signed on", async () => {
  const w = world();
  const answer = await agent(
    host(w, async () => {
      await w.registry.endSubject('alice');
      return alice;
    }),
  )
    .post('/login')
    .send(good);
  assert.equal(answer.status, 401);
  assert.equal(w.entries.size, 0);
});

test('an end of the user before the check of the password began does not count against the sign-on', async () => {
  const w = world();
  const changePassword: RequestHandler = (_req, _res, next) =>
    void w.registry.endSubject('alice').then(() => next(), next);
  const at = app(w, (routes) => void routes.post('/login', changePassword, login(w.parts, directory)));
  assert.equal((await agent(at).post('/login').send(good)).status, 200);
});

test('check 16, 21: a sign-on over another replaces it, with a new id; a wrong password leaves it', async () => {
  const w = world();
  const before = await w.open(bob);
  const recorder = sessionRecorder();
  const at = host(w, directory, {}, { before: [recorder.handler] });
  assert.equal((await agent(at).post('/login').set('Cookie', before.cookie).send(wrong)).status, 401);
  assert.ok(w.registry.isOpen(before.id));
  const answer = await agent(at).post('/login').set('Cookie', before.cookie).send(good);
  assert.equal(answer.body.principal.name, 'alice');
  assert.deepEqual(w.registry.look(before.id), { state: 'over', cause: 'replaced' });
  assert.equal(recorder.calls.length, 1);
});

test('V28: the page of the form, visited while signed on, signs nobody on and keeps the sign-on', async () => {
  const w = world();
  const { cookie, id } = await w.open();
  const at = app(w, (routes) => {
    routes.get('/login', (_req, res) => void res.send('<form>'));
    routes.post('/login', login(w.parts, directory));
  });
  const answer = await agent(at).get('/login').set('Cookie', cookie);
  assert.deepEqual(setCookies(answer), []);
  assert.ok(w.registry.isOpen(id));
});

test('check 12, V09: what the deployment forbids is said with its status, and nothing is opened', async () => {
  const w = world(secureSettings);
  const plain = await agent(host(w)).post('/login').set('Host', 'app1.xyz.com').send(good);
  assert.deepEqual([plain.status, plain.body.error], [403, 'insecure-connection']);
  const foreign = await secure(agent(host(w)).post('/login'), 'app.other.com').send(good);
  assert.deepEqual([foreign.status, foreign.body.error], [421, 'foreign-host']);
  assert.equal(w.entries.size, 0);
});

test('a node that takes no sign-ons says 503 before it asks for the password', async () => {
  const w = world();
  w.accepting = false;
  let asked = 0;
  const answer = await agent(
    host(w, () => {
      asked++;
      return alice;
    }),
  )
    .post('/login')
    .send(good);
  assert.deepEqual([answer.status, answer.body.error, asked], [503, 'unavailable', 0]);
});

test('check 41, 45: a return address that leads elsewhere gives way to the default', async () => {
  const at = host(world({ origins: ['https://app2.xyz.com'] }), directory, { returnTo: '/home' });
  const to = async (address: string) =>
    (
      await agent(at)
        .post('/login')
        .type('form')
        .set('Accept', 'text/html')
        .send({ ...good, return_to: address })
    ).headers['location'];
  assert.equal(await to('/orders'), '/orders');
  assert.equal(await to('https://app2.xyz.com/x?y#z'), 'https://app2.xyz.com/x?y#z');
  for (const bad of [
    '//evil.org',
    'https://evil.org',
    'javascript:alert(1)',
    '/\\evil.org',
    'https://app2.xyz.com.evil.org',
    'https://app2.xyz.com@evil.org',
    '',
  ]) {
    assert.equal(await to(bad), '/home', bad);
  }
  const doubled = await agent(at).post('/login?return_to=/a&return_to=/b').send(good);
  assert.equal(doubled.body.returnTo, '/home');
});

test('check 47: a forged host leads nowhere: the answer holds paths alone', async () => {
  const answer = await agent(host(world()))
    .post('/login')
    .set('Host', 'evil.org')
    .set('X-Forwarded-Host', 'evil.org')
    .type('form')
    .set('Accept', 'text/html')
    .send({ ...good, return_to: 'https://evil.org/x' });
  assert.equal(answer.headers['location'], '/x');
  const failure = await agent(host(world()))
    .post('/login')
    .set('Host', 'evil.org')
    .type('form')
    .set('Accept', 'text/html')
    .send(wrong);
  assert.equal(failure.headers['location'], '/login?error=credentials');
});

test('a failure never leads away, whatever path the handler is reached by', async () => {
  const w = world();
  const at = app(w, (routes) => void routes.use(login(w.parts, directory)));
  const answer = await raw(
    at,
    'POST //evil.org/x HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nContent-Type: application/json\r\nContent-Length: 31\r\nConnection: close\r\n\r\n{"username":"a","password":"b"}',
  );
  assert.match(answer, /^HTTP\/1.1 303/);
  assert.match(answer, /Location: \/\?error=credentials/);
});

test('options: names of the fields, the page, how', async () => {
  const w = world();
  const at = host(w, (c) => (c.username === 'alice' && c['realm'] === 'staff' ? alice : false), {
    fields: { username: 'user', password: 'pass' },
    page: '/welcome?a=b',
    how: 'ldap',
  });
  const answer = await agent(at).post('/login').send({ user: 'alice', pass: 'x', realm: 'staff' });
  assert.equal((await agent(at).get('/who').set('Cookie', issued(answer)!)).body.how, 'ldap');
  const failure = await agent(at)
    .post('/login')
    .type('form')
    .set('Accept', 'text/html')
    .send({ user: 'bob', pass: 'x' });
  assert.equal(failure.headers['location'], '/welcome?a=b&error=credentials');
  for (const options of [{ page: 'login' }, { page: '//evil.org' }, { returnTo: 'javascript:alert(1)' }, { how: '' }]) {
    assert.throws(() => login(w.parts, directory, options), { code: 'ERR_CONFIG_INVALID' });
  }
});

test('check 17: a token that is sent must be right; requireCsrf wants one in any case', async () => {
  const w = world();
  const at = app(w, (routes) => {
    routes.get('/form', (req, res) => void res.json({ csrf: req.sso.csrfToken() }));
    routes.post('/login', login(w.parts, directory));
    routes.post('/strict', login(w.parts, directory, { requireCsrf: true }));
  });
  const form = await agent(at).get('/form');
  const pre = issued(form, 'latchkey-pre')!;
  const { csrf } = form.body;
  const post = (path: string, fields: object, cookie = pre) =>
    agent(at)
      .post(path)
      .set('Cookie', cookie)
      .send({ ...good, ...fields });
  assert.equal((await post('/login', { csrf: 'wrong' })).status, 403);
  assert.equal((await post('/strict', {})).body.error, 'form-expired');
  const signedOn = await post('/strict', { csrf });
  assert.equal(signedOn.status, 200);
  assert.equal(deletions(signedOn, 'latchkey-pre').length, 1);
  const after = await post('/login', { csrf }, `${issued(signedOn)}; ${pre}`);
  assert.equal(after.status, 403);
});

test('check 50: no answer tells what runs here, or repeats what was sent', async () => {
  const w = world();
  const canary = '<b>canary</b>';
  const answers = [
    await agent(host(w)).post('/login').send({ username: canary, password: canary }),
    await agent(host(w)).post('/login').type('json').send(`{"${canary}`),
    await agent(host(w, () => assert.fail(canary)))
      .post('/login')
      .send(good),
    await agent(host(w)).get(`/login?${encodeURIComponent(canary)}`),
  ];
  for (const answer of answers) {
    assert.doesNotMatch(answer.text, /canary|node_modules|\.ts\b|at .*\(|latchkey|n1/i);
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    assert.equal(answer.headers['cache-control'], 'no-store');
  }
});
