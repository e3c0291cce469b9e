import assert from 'node:assert/strict';
import { test } from 'node:test';
import { basicChallenge, parseBasic } from '../../sso/valve/basic.ts';
import type { Authenticate } from '../../sso/valve/login.ts';
import { type ProtectOptions, protect } from '../../sso/valve/protect.ts';
import { agent, alice, app, bob, issued, setCookies, type World, world } from './world.ts';

const people: Readonly<Record<string, typeof alice>> = { 'alice:wonder': alice, 'bob:builder': bob };

function counted(): { readonly authenticate: Authenticate; asked: number } {
  const directory = {
    asked: 0,
    authenticate: ((credentials) => {
      directory.asked++;
      return people[`${credentials.username}:${credentials.password}`];
    }) as Authenticate,
  };
  return directory;
}

function host(w: World, authenticate: Authenticate, options: ProtectOptions = {}) {
  return app(w, (routes) => {
    routes.get(
      '/p',
      protect(w.parts, { basic: { realm: 'the shop', authenticate }, ...options }),
      (req, res) => void res.json({ name: req.sso.principal?.name, how: req.sso.how }),
    );
    routes.post('/out', async (req, res) => void res.json(await req.sso.logout()));
  });
}

const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;

test('V02: HTTP Basic challenges with a quoted realm and the charset (RFC 7617)', async () => {
  const answer = await agent(host(world(), () => false)).get('/p');
  assert.equal(answer.status, 401);
  assert.equal(answer.headers['www-authenticate'], 'Basic realm="the shop", charset="UTF-8"');
  assert.equal(basicChallenge('a "b" \\c'), 'Basic realm="a \\"b\\" \\\\c", charset="UTF-8"');
});

test("a page's fetch or XMLHttpRequest gets no Basic challenge, so no window opens", async () => {
  const at = host(world(), () => false);
  for (const headers of [
    { 'Sec-Fetch-Mode': 'cors' },
    { 'Sec-Fetch-Mode': 'same-origin' },
    { 'X-Requested-With': 'XMLHttpRequest' },
  ]) {
    const answer = await agent(at).get('/p').set(headers);
    assert.equal(answer.status, 401);
    assert.doesNotMatch(answer.headers['www-authenticate']!, /basic/i);
  }
  const both = host(world(), () => false, { login: '/login' });
  assert.equal((await agent(both).get('/p').set('Sec-Fetch-Mode', 'navigate')).status, 303);
  assert.match((await agent(both).get('/p')).headers['www-authenticate']!, /^Basic /);
});

test('V03, V22: right credentials sign on, also beside a dead cookie: one new cookie', async () => {
  const w = world();
  const dead = await w.open(bob);
  await w.registry.close(dead.id, 'logout');
  for (const cookie of ['a=b', dead.cookie, 'latchkey=junk']) {
    const answer = await agent(host(w, counted().authenticate))
      .get('/p')
      .set('Authorization', basic('alice:wonder'))
      .set('Cookie', cookie);
    assert.deepEqual(answer.body, { name: 'alice', how: 'basic' });
    assert.equal(setCookies(answer).length, 1);
    assert.notEqual(issued(answer), dead.cookie);
  }
});

test('V04: wrong, malformed or undecodable credentials are challenged, never an exception', async () => {
  const w = world();
  const at = host(w, counted().authenticate);
  const headers = ['alice:wrong', 'alice', ':', '', 'alice:won\0der', 'alice:wonder\n'].map(basic);
  const raws = [
    'Basic',
    'Basic ',
    'Basic !!!!',
    'Basic YWxpY2U6d29uZGVy=YQ',
    'Basic YWxpY2U6 d29uZGVy',
    `Basic ${Buffer.from([0xff, 0x3a, 0xfe]).toString('base64')}`,
    `Basic ${'A'.repeat(9_000)}`,
  ];
  for (const authorization of [...headers, ...raws]) {
    const answer = await agent(at).get('/p').set('Authorization', authorization);
    assert.equal(answer.status, 401, authorization.slice(0, 60));
    assert.deepEqual(setCookies(answer), []);
  }
  assert.equal(w.entries.size, 0);
});

test('RFC 7617: UTF-8, colons in the password, and any case of the scheme; another scheme is none of ours', () => {
  assert.deepEqual(parseBasic(basic('jürgen:pä:ss')), { username: 'jürgen', password: 'pä:ss' });
  assert.deepEqual(parseBasic(basic('alice:').replace('Basic', 'bAsIc')), { username: 'alice', password: '' });
  assert.equal(parseBasic('Bearer x'), undefined);
  assert.equal(parseBasic('Basics x'), undefined);
  assert.equal(parseBasic(undefined), undefined);
});

test("Basic for the sign-on's own user changes nothing and asks nobody", async () => {
  const w = world();
  const directory = counted();
  const { cookie, id } = await w.open(alice);
  const answer = await agent(host(w, directory.authenticate))
    .get('/p')
    .set('Cookie', cookie)
    .set('Authorization', basic('alice:whatever'));
  assert.deepEqual(answer.body, { name: 'alice', how: 'form' });
  assert.deepEqual(setCookies(answer), []);
  assert.equal(directory.asked, 0);
  assert.ok(w.registry.isOpen(id));
});

test("somebody else's right credentials decide: the sign-on is replaced; wrong ones are challenged and it stays", async () => {
  const w = world();
  const { cookie, id } = await w.open(alice);
  const at = host(w, counted().authenticate);
  const refused = await agent(at).get('/p').set('Cookie', cookie).set('Authorization', basic('bob:wrong'));
  assert.equal(refused.status, 401);
  assert.ok(w.registry.isOpen(id));
  const answer = await agent(at).get('/p').set('Cookie', cookie).set('Authorization', basic('bob:builder'));
  assert.deepEqual(answer.body, { name: 'bob', how: 'basic' });
  assert.deepEqual(w.registry.look(id), { state: 'over', cause: 'replaced' });
});

test('a client without cookies shares one sign-on, and its password is checked once a minute, also when it comes in parallel', async () => {
  const w = world();
  const directory = counted();
  const at = host(w, directory.authenticate);
  const get = () => agent(at).get('/p').set('Authorization', basic('alice:wonder'));
  const answers = await Promise.all(Array.from({ length: 8 }, get));
  assert.ok(answers.every(({ body }) => body.name === 'alice'));
  assert.equal(w.entries.size, 1);
  assert.equal(directory.asked, 1);
  assert.equal(answers.filter((answer) => setCookies(answer).length > 0).length, 1);
  w.clock.advance(59_000);
  await get();
  assert.equal(directory.asked, 1);
  w.clock.advance(2_000);
  await get();
  assert.equal(directory.asked, 2);
  assert.equal(w.entries.size, 1);
});

test('requests of one client that come while its password is being checked wait for that one check', async () => {
  const w = world();
  const waiting: ((principal: typeof alice) => void)[] = [];
  let arrived = 0;
  const guard = protect(w.parts, {
    basic: { realm: 'x', authenticate: () => new Promise((resolve) => void waiting.push(resolve)) },
  });
  const at = app(
    w,
    (routes) => {
      routes.get('/p', guard, (req, res) => void res.json({ name: req.sso.principal?.name }));
    },
    {
      before: [
        (_req, _res, next) => {
          arrived++;
          next();
        },
      ],
    },
  );
  const requests = Array.from({ length: 5 }, async () =>
    agent(at).get('/p').set('Authorization', basic('alice:wonder')),
  );
  while (arrived < 5 || waiting.length === 0) await new Promise(setImmediate);
  waiting[0]!(alice);
  const answers = await Promise.all(requests);
  assert.ok(answers.every(({ body }) => body.name === 'alice'));
  assert.deepEqual([waiting.length, w.entries.size], [1, 1]);
});

test('V22: a client that shares a sign-on and then brings a dead cookie gets a sign-on with a cookie of its own', async () => {
  const w = world();
  const at = host(w, counted().authenticate);
  await agent(at).get('/p').set('Authorization', basic('alice:wonder'));
  const answer = await agent(at).get('/p').set('Authorization', basic('alice:wonder')).set('Cookie', 'latchkey=dead');
  assert.ok(issued(answer));
  assert.equal((await agent(at).get('/who').set('Cookie', issued(answer)!)).body.name, 'alice');
});

test("S8: a user whose sign-ons are ended while Basic checks the password isn't signed on; one ended before is", async () => {
  const w = world();
  const during = host(w, async () => {
    await w.registry.endSubject('alice');
    return alice;
  });
  assert.equal((await agent(during).get('/p').set('Authorization', basic('alice:wonder'))).status, 401);
  const guard = protect(w.parts, { basic: { realm: 'x', authenticate: () => alice } });
  const before = app(w, (routes) => {
    routes.use((_req, _res, next) => void w.registry.endSubject('alice').then(() => next(), next));
    routes.get('/p', guard, (_req, res) => void res.end());
  });
  assert.equal((await agent(before).get('/p').set('Authorization', basic('alice:wonder'))).status, 200);
});

test('a wrong password after a right one is not believed, whatever was proven before', async () => {
  const w = world();
  const at = host(w, counted().authenticate);
  await agent(at).get('/p').set('Authorization', basic('alice:wonder'));
  assert.equal((await agent(at).get('/p').set('Authorization', basic('alice:wonder2'))).status, 401);
  assert.equal((await agent(at).get('/p').set('Authorization', basic('alice:wond'))).status, 401);
});

test('another source has a sign-on of its own', async () => {
  const w = world();
  const at = host(w, counted().authenticate);
  for (const source of ['192.0.2.1', '192.0.2.2', '192.0.2.1']) {
    await agent(at).get('/p').set('Authorization', basic('alice:wonder')).set('X-Forwarded-For', source);
  }
  assert.equal(w.entries.size, 2);
});

test('after a logout, or the end of the user, a Basic client is checked and signed on anew', async () => {
  const w = world();
  const directory = counted();
  const at = host(w, directory.authenticate);
  const get = () => agent(at).get('/p').set('Authorization', basic('alice:wonder'));
  const first = await get();
  await agent(at).post('/out').set('Cookie', issued(first)!);
  assert.equal((await get()).status, 200);
  assert.equal(directory.asked, 2);
  await w.registry.endSubject('alice');
  assert.equal((await get()).status, 200);
  assert.equal(directory.asked, 3);
});

test('check 40: a directory that fails is 503, not a challenge', async () => {
  const w = world();
  for (const authenticate of [() => assert.fail('down'), () => ({}) as never]) {
    const answer = await agent(host(w, authenticate)).get('/p').set('Authorization', basic('alice:wonder'));
    assert.equal(answer.status, 503);
  }
  w.accepting = false;
  assert.equal(
    (
      await agent(host(w, () => alice))
        .get('/p')
        .set('Authorization', basic('alice:wonder'))
    ).status,
    503,
  );
});

test('a directory that knows the user by another name: the sign-on is that of the name it gives', async () => {
  const w = world();
  const at = host(w, () => alice);
  const first = await agent(at).get('/p').set('Authorization', basic('ALICE:x'));
  assert.equal(first.body.name, 'alice');
  const again = await agent(at).get('/p').set('Cookie', issued(first)!).set('Authorization', basic('ALICE:x'));
  assert.deepEqual(setCookies(again), []);
  assert.equal(w.entries.size, 1);
});

test('check 74: no password is kept or logged', async () => {
  const w = world();
  const at = host(w, counted().authenticate);
  await agent(at).get('/p').set('Authorization', basic('alice:wonder'));
  await agent(at).get('/p').set('Authorization', basic('alice:wonderful'));
  assert.doesNotMatch(JSON.stringify([w.lines, [...w.entries.entries()]]), /wonder/);
});
