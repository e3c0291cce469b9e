import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeEntry } from '../../sso/entry.ts';
import { mintToken, ssoId } from '../../sso/token.ts';
import { signOnOf, signOnView, valve } from '../../sso/valve/valve.ts';
import {
  agent,
  alice,
  app,
  attributes,
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
  world,
} from './world.ts';

const nothing = () => {};

/** A genuine token that no entry belongs to. */
function stray({ parts, clock }: World, endsInMs = 3_600_000) {
  return mintToken(parts.random, parts.keys.token[0]!, clock.now() + endsInMs);
}

for (const { name, express } of hosts) {
  test(`V05, V25: a sign-on is known on every application and page, and its cookie is not issued again (${name})`, async () => {
    const w = world();
    const { cookie } = await w.open();
    const answer = await agent(app(w, nothing, { express }))
      .get('/who')
      .set('Cookie', cookie);
    assert.deepEqual(answer.body, { name: 'alice', roles: ['customer'], how: 'form' });
    assert.deepEqual(setCookies(answer), []);
  });

  test(`V20, V21: a sign-on that is over makes nobody, and its cookie is deleted where it was set (${name})`, async () => {
    const w = world(secureSettings);
    const { cookie, id } = await w.open();
    await w.registry.close(id, 'logout');
    const answer = await secure(agent(app(w, nothing, { express })).get('/who')).set('Cookie', cookie);
    assert.deepEqual(answer.body, { roles: [] });
    const [first, ...others] = deletions(answer, '__Secure-latchkey');
    assert.deepEqual(attributes(first!), ['Domain=xyz.com', 'HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure']);
    assert.equal(others.length, 1);
    assert.equal(answer.headers['cache-control'], 'no-store');
  });
}

test('V01: without a cookie nothing is asked, made or set', async () => {
  const w = world();
  const answer = await agent(app(w, nothing)).get('/who');
  assert.deepEqual(answer.body, { roles: [] });
  assert.deepEqual(setCookies(answer), []);
  assert.equal(w.entries.asked, 0);
  assert.equal(w.entries.size, 0);
});

test('check 7, V24: malformed values are nobody: no exception, no look-up elsewhere, and the cookie is deleted', async () => {
  const w = world();
  const { token } = await w.open();
  const host = app(w, nothing);
  const values = [
    '',
    'x',
    'j:{"$ne":1}',
    'j:{"__proto__":{"a":1}}',
    `"${token}"`,
    ` ${token}`,
    `${token} x`,
    `${token}x`,
    token.slice(1),
    `${token.slice(0, -1)}=`,
    'a'.repeat(8_000),
    '%00',
    '../../etc',
    "' or 1=1 --",
    '\xff'.repeat(70),
  ];
  for (const value of values) {
    const answer = await agent(host).get('/who').set('Cookie', `latchkey=${value}; other=1`);
    assert.equal(answer.status, 200, value);
    assert.deepEqual(answer.body, { roles: [] }, value);
    assert.equal(deletions(answer).length, 1, value);
  }
  assert.equal(w.entries.asked, 0);
});

test('check 8: what is not read as ours is left alone', async () => {
  const w = world();
  const { token } = await w.open();
  for (const header of [
    `Latchkey=${token}`,
    `xlatchkey=${token}`,
    `=latchkey=${token}`,
    `$Version=1; latchkey=${token}`,
    `a=b;  latchkey=${token}`,
  ]) {
    const answer = await agent(app(w, nothing)).get('/who').set('Cookie', header);
    assert.deepEqual(answer.body, { roles: [] }, header);
    assert.deepEqual(setCookies(answer), [], header);
  }
});

test('check 9, V16: a token in the query, the path, the body, Authorization or another header is ignored', async () => {
  const w = world();
  const { token } = await w.open();
  const host = app(w, (routes) =>
    routes.all('/echo{/:any}', (req, res) => void res.json({ signedIn: req.sso.signedIn })),
  );
  const attempts = [
    agent(host).get(`/echo?latchkey=${token}`),
    agent(host).get(`/echo/${token}`),
    agent(host).get(`/echo/x;latchkey=${token}`),
    agent(host).post('/echo').type('form').send({ latchkey: token }),
    agent(host).get('/echo').set('Authorization', `Bearer ${token}`),
    agent(host).get('/echo').set('X-Latchkey', token).set('Latchkey', token),
  ];
  for (const attempt of attempts) assert.deepEqual((await attempt).body, { signedIn: false });
});

test('a token spelled otherwise, altered or signed by another secret is forged: nobody is asked', async () => {
  const w = world();
  const { token } = stray(w);
  const other = stray(world({}, 'another-cluster-9f8e7d6c5b4a3920')).token;
  const altered = `${token.slice(0, 10)}${token[10] === 'A' ? 'B' : 'A'}${token.slice(11)}`;
  for (const value of [altered, other]) {
    const answer = await agent(app(w, nothing)).get('/who').set('Cookie', `latchkey=${value}`);
    assert.equal(deletions(answer).length, 1);
  }
  assert.equal(w.entries.asked, 0);
});

test('check 5, V23: of two values the one that is open counts, is set anew, and every other place is emptied; both orders, logged', async () => {
  const w = world(secureSettings);
  const { token } = await w.open();
  const dead = stray(w).token;
  for (const [one, two] of [
    [token, dead],
    [dead, token],
    [token, 'junk'],
  ]) {
    const answer = await secure(agent(app(w, nothing)).get('/who')).set(
      'Cookie',
      `__Secure-latchkey=${one}; __Secure-latchkey=${two}`,
    );
    assert.equal(answer.body.name, 'alice');
    const lines = setCookies(answer, '__Secure-latchkey');
    assert.equal(lines.length, 2);
    assert.match(lines[0]!, /^__Secure-latchkey=; Max-Age=0; Path=\//);
    assert.doesNotMatch(lines[0]!, /Domain/);
    assert.ok(lines[1]!.startsWith(`__Secure-latchkey=${token}; Domain=xyz.com; Path=/`));
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.match(w.lines.at(-1)!.message, /several SSO cookies/);
  }
});

test('check 5, T3: two values that are both open make nobody, are both deleted, and it is logged', async () => {
  const w = world(secureSettings);
  const mine = await w.open(alice);
  const tossed = await w.open(bob);
  for (const header of [`${mine.cookie}; ${tossed.cookie}`, `${tossed.cookie}; ${mine.cookie}`]) {
    const answer = await secure(agent(app(w, nothing)).get('/who')).set('Cookie', header);
    assert.deepEqual(answer.body, { roles: [] });
    assert.equal(deletions(answer, '__Secure-latchkey').length, 2);
    assert.equal(issued(answer, '__Secure-latchkey'), undefined);
    assert.match(w.lines.at(-1)!.message, /several SSO cookies/);
  }
  assert.ok(w.registry.isOpen(mine.id) && w.registry.isOpen(tossed.id));
});

test('check 5: values in two Cookie headers are read as those in one', async () => {
  const w = world();
  const mine = await w.open(alice);
  const tossed = await w.open(bob);
  const answer = await raw(
    app(w, nothing),
    `GET /who HTTP/1.1\r\nHost: x\r\nCookie: ${mine.cookie}\r\nCookie: ${tossed.cookie}\r\nConnection: close\r\n\r\n`,
  );
  assert.match(answer, /^HTTP\/1.1 200/);
  assert.match(answer, /Set-Cookie: latchkey=; Max-Age=0/);
  assert.match(answer, /\{"roles":\[\]\}/);
});

test('check 6: a value that comes twice is one: signed in, and nothing is set', async () => {
  const w = world();
  const { cookie } = await w.open();
  const answer = await agent(app(w, nothing)).get('/who').set('Cookie', `${cookie}; ${cookie}`);
  assert.equal(answer.body.name, 'alice');
  assert.deepEqual(setCookies(answer), []);
});

test('V81: a genuine token that is unknown here is asked for, and the answer waits for it', async () => {
  const w = world();
  const there = world();
  const { cookie, id } = await there.open();
  w.entries.peers = async () => {
    w.entries.put(id, there.entries.get(id)!);
    return { everybody: true };
  };
  const answer = await agent(app(w, nothing)).get('/who').set('Cookie', cookie);
  assert.equal(answer.body.name, 'alice');
  assert.deepEqual(setCookies(answer), []);
  assert.equal(w.entries.asked, 1);
});

test('V82: if not every member could be asked the cookie stays', async () => {
  const w = world();
  const { token } = stray(w);
  w.entries.peers = async () => ({ everybody: false });
  const answer = await agent(app(w, nothing)).get('/who').set('Cookie', `latchkey=${token}`);
  assert.deepEqual(answer.body, { roles: [] });
  assert.deepEqual(setCookies(answer), []);
});

test('not knowing is not gone: a question that fails, and a node that takes no sign-ons, keep the cookie', async () => {
  const w = world();
  w.entries.peers = async () => {
    throw new Error('the network is down');
  };
  const failing = await agent(app(w, nothing))
    .get('/who')
    .set('Cookie', `latchkey=${stray(w).token}`);
  assert.deepEqual(setCookies(failing), []);
  assert.equal(w.lines.at(-1)!.level, 'error');
  w.entries.peers = async () => ({ everybody: true });
  w.accepting = false;
  assert.deepEqual(
    setCookies(
      await agent(app(w, nothing))
        .get('/who')
        .set('Cookie', `latchkey=${stray(w).token}`),
    ),
    [],
  );
});

test('gone: every member answered that it knows no such token, so the cookie is deleted', async () => {
  const w = world();
  const answer = await agent(app(w, nothing))
    .get('/who')
    .set('Cookie', `latchkey=${stray(w).token}`);
  assert.equal(deletions(answer).length, 1);
});

test('gone: a token past its own end is deleted without a question', async () => {
  const w = world();
  const { token } = stray(w, 5_000);
  w.clock.advance(6_000);
  const answer = await agent(app(w, nothing)).get('/who').set('Cookie', `latchkey=${token}`);
  assert.equal(deletions(answer).length, 1);
  assert.equal(w.entries.asked, 0);
});

test('a dead token that is replayed asks the members once a second, and one that arrives meanwhile is seen at once', async () => {
  const w = world();
  const host = app(w, nothing);
  const there = world();
  const { cookie, id } = await there.open();
  const get = () => agent(host).get('/who').set('Cookie', cookie);
  await Promise.all([get(), get(), get()]);
  assert.equal(w.entries.asked, 1);
  await get();
  assert.equal(w.entries.asked, 1);
  w.clock.advance(1_001);
  await get();
  assert.equal(w.entries.asked, 2);
  w.entries.put(id, there.entries.get(id)!);
  assert.equal((await get()).body.name, 'alice');
});

test('a flood of genuine tokens in one request asks for four of them at most, and deletes nothing', async () => {
  const w = world();
  const header = Array.from({ length: 40 }, () => `latchkey=${stray(w).token}`).join('; ');
  const answer = await agent(app(w, nothing)).get('/who').set('Cookie', header);
  assert.equal(w.entries.asked, 4);
  assert.deepEqual(setCookies(answer), []);
});

test('a sign-on that only seems empty here is asked for before anyone says so, and closed if everybody agrees', async () => {
  const w = world();
  const { cookie, id } = await w.open();
  w.clock.advance(1_900_000);
  w.entries.peers = async () => ({ everybody: false });
  assert.deepEqual(setCookies(await agent(app(w, nothing)).get('/who').set('Cookie', cookie)), []);
  w.clock.advance(1_001);
  w.entries.peers = async () => ({ everybody: true });
  assert.equal(deletions(await agent(app(w, nothing)).get('/who').set('Cookie', cookie)).length, 1);
  assert.equal(w.registry.isOpen(id), false);
});

test('each signed-in request keeps the sign-on alive, whatever counts as activity', async () => {
  const w = world({ countsAsActivity: (req) => req.path !== '/poll' });
  const { cookie, id } = await w.open();
  const host = app(w, (routes) => routes.get('/poll', (_req, res) => void res.end()));
  for (let i = 0; i < 4; i++) {
    w.clock.advance(1_000_000);
    await agent(host).get('/poll').set('Cookie', cookie);
  }
  const entry = w.entries.get(id)!;
  assert.ok(entry.state === 'open' && entry.aliveAt === w.clock.now() && entry.usedAt === entry.authenticatedAt);
  await agent(host).get('/who').set('Cookie', cookie);
  const used = w.entries.get(id)!;
  assert.ok(used.state === 'open' && used.usedAt === w.clock.now());
});

test('a change of domain signs nobody out: the old cookie counts, is set anew once under the new domain, and deleted elsewhere', async () => {
  const w = world({ ...secureSettings, previousCookieDomains: [undefined, 'app1.xyz.com'] });
  const { token } = await w.open();
  const host = app(w, nothing);
  const formerName = await secure(agent(host).get('/who')).set('Cookie', `__Host-latchkey=${token}`);
  assert.equal(formerName.body.name, 'alice');
  assert.equal(issued(formerName, '__Secure-latchkey'), `__Secure-latchkey=${token}`);
  assert.equal(deletions(formerName, '__Host-latchkey').length, 1);
  const again = await secure(agent(host).get('/who')).set('Cookie', `__Host-latchkey=${token}`);
  assert.equal(
    issued(again, '__Secure-latchkey'),
    `__Secure-latchkey=${token}`,
    'while it still comes under the old name',
  );
  const second = world({ ...secureSettings, previousCookieDomains: ['app1.xyz.com'] });
  const sameName = await second.open();
  const secondHost = app(second, nothing);
  const moved = await secure(agent(secondHost).get('/who')).set('Cookie', sameName.cookie);
  assert.equal(issued(moved, '__Secure-latchkey'), sameName.cookie);
  assert.equal(deletions(moved, '__Secure-latchkey').length, 2);
  assert.deepEqual(setCookies(await secure(agent(secondHost).get('/who')).set('Cookie', sameName.cookie)), []);
});

test('V26: what an outer valve decided is kept', async () => {
  const w = world();
  const { cookie } = await w.open();
  const inner = world();
  const answer = await agent(
    app(
      w,
      (routes) =>
        void routes.get('/inner', valve(inner.parts), (req, res) => void res.json({ name: req.sso.principal?.name })),
    ),
  )
    .get('/inner')
    .set('Cookie', cookie);
  assert.equal(answer.body.name, 'alice');
  assert.deepEqual(setCookies(answer), []);
});

test('V26: neither req.user nor a req.sso of somebody else nor a header makes a principal', async () => {
  const w = world();
  const host = app(w, nothing, {
    before: [
      (req, _res, next) => {
        Object.assign(req, { user: alice, sso: { signedIn: true, principal: alice } });
        next();
      },
    ],
  });
  const answer = await agent(host)
    .get('/who')
    .set('X-User', 'alice')
    .set('Remote-User', 'alice')
    .set('X-Forwarded-User', 'alice');
  assert.deepEqual(answer.body, { roles: [] });
});

test('V26: principalFrom vouches for a principal, and the cookie is not looked at', async () => {
  const w = world({ principalFrom: (req) => (req.headers['x-front'] === 'yes' ? bob : undefined) });
  const { cookie } = await w.open(alice);
  const host = app(w, nothing);
  assert.deepEqual((await agent(host).get('/who').set('Cookie', cookie).set('X-Front', 'yes')).body, {
    name: 'bob',
    roles: ['clerk'],
    how: 'front',
  });
  assert.equal((await agent(host).get('/who').set('Cookie', cookie)).body.name, 'alice');
});

test('V26: a principalFrom that throws, or gives no principal, vouches for nobody', async () => {
  for (const principalFrom of [() => assert.fail('down'), () => ({ error: 'x' }) as never]) {
    const w = world({ principalFrom });
    const { cookie } = await w.open();
    const answer = await agent(app(w, nothing)).get('/who').set('Cookie', cookie);
    assert.deepEqual(answer.body, { roles: [] });
    assert.deepEqual(setCookies(answer), []);
    assert.equal(w.lines.at(-1)!.level, 'error');
  }
});

test('V27: an account that is gone ends all of its sign-ons at the next request; the check is asked once in its interval', async () => {
  let exists = true;
  let asked = 0;
  const check = () => {
    asked++;
    return exists;
  };
  const w = world({ revalidate: { check, everyMs: 60_000 } });
  const [one, two] = [await w.open(), await w.open()];
  const host = app(w, nothing);
  const get = (cookie: string) => agent(host).get('/who').set('Cookie', cookie);
  assert.equal((await get(one.cookie)).body.name, 'alice');
  assert.equal(asked, 0); // the credentials have just been checked
  w.clock.advance(60_000);
  await get(one.cookie);
  await get(two.cookie);
  assert.equal(asked, 1);
  w.clock.advance(60_000);
  exists = false;
  const answer = await get(one.cookie);
  assert.deepEqual(answer.body, { roles: [] });
  assert.equal(deletions(answer).length, 1);
  assert.equal(w.registry.isOpen(two.id), false);
});

test('V27: a check that throws or says nothing clear admits nobody and ends nothing', async () => {
  for (const check of [() => assert.fail('down'), () => 'yes' as never, async () => undefined as never]) {
    const w = world({ revalidate: { check, everyMs: 0 } });
    const { cookie, id } = await w.open();
    const answer = await agent(app(w, nothing)).get('/who').set('Cookie', cookie);
    assert.deepEqual(answer.body, { roles: [] });
    assert.deepEqual(setCookies(answer), []);
    assert.ok(w.registry.isOpen(id));
  }
});

test('check 13: an answer that read req.sso varies with the cookie, one that did not is left alone', async () => {
  const w = world();
  const { cookie } = await w.open();
  const host = app(w, (routes) => void routes.get('/public', (_req, res) => void res.set('Vary', 'Accept').end()));
  assert.match((await agent(host).get('/who').set('Cookie', cookie)).headers['vary']!, /Cookie/);
  assert.equal((await agent(host).get('/public').set('Cookie', cookie)).headers['vary'], 'Accept');
});

test('check 13: an answer that deletes the cookie is not stored, whatever the application wanted', async () => {
  const w = world();
  const host = app(
    w,
    (routes) =>
      void routes.get('/asset', (_req, res) => void res.set('Cache-Control', 'public, max-age=3600').end('x')),
  );
  const answer = await agent(host).get('/asset').set('Cookie', 'latchkey=dead');
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.match(answer.headers['vary']!, /Cookie/);
});

test('V67: a renewed cookie is not set if its entry closes while the answer is made', async () => {
  const w = world();
  const { token, id } = await w.open();
  const host = app(w, (routes) =>
    routes.get('/slow', async (_req, res) => {
      await w.registry.close(id, 'logout');
      res.end();
    }),
  );
  assert.deepEqual(setCookies(await agent(host).get('/slow').set('Cookie', `latchkey=${token}; latchkey=junk`)), []);
});

test('sessions see the sign-on of a request, and end it there as well', async () => {
  const w = world();
  const { cookie, id } = await w.open();
  const view = signOnView(w.parts);
  const host = app(w, (routes) =>
    routes.get('/destroy', async (req, res) => {
      assert.equal(view.of(req), id);
      assert.equal(signOnOf(req), id);
      assert.equal(view.isOpen(id), true);
      assert.equal(view.endsAt(id), req.sso.endsAt);
      await view.end(id, 'invalidated', req);
      res.json({ signedIn: req.sso.signedIn });
    }),
  );
  const answer = await agent(host).get('/destroy').set('Cookie', cookie);
  assert.deepEqual(answer.body, { signedIn: false });
  assert.equal(deletions(answer).length, 1);
  assert.equal(view.isOpen(id), false);
  assert.equal(signOnOf({}), undefined);
});

test('the middleware of a known sign-on calls next before it returns', async () => {
  const w = world();
  const { cookie } = await w.open();
  let called = false;
  const middleware = valve(w.parts) as (req: object, res: object, next: () => void) => void;
  middleware({ headers: { cookie }, method: 'GET' }, { headersSent: false }, () => {
    called = true;
  });
  assert.ok(called);
});

test('canary: no token, id or cookie value is logged by any of this', async () => {
  const w = world();
  const { token, id, cookie } = await w.open();
  const strays = [stray(w).token, stray(w).token];
  w.entries.peers = async () => assert.fail('down');
  for (const header of [cookie, `${cookie}; latchkey=${strays[0]}`, `latchkey=${strays[1]}`])
    await agent(app(w, nothing)).get('/who').set('Cookie', header);
  w.entries.put(id, closeEntry(w.entries.get(id)!, 'logout', w.clock.now()));
  await agent(app(w, nothing)).get('/who').set('Cookie', cookie);
  const text = JSON.stringify(w.lines, (_key, value) => (value instanceof Error ? `${value.stack}` : value));
  assert.ok(w.lines.length > 0);
  for (const canary of [token, id, ...strays, ...strays.map(ssoId)]) assert.ok(!text.includes(canary));
});

test('a valve that comes after an application’s sessions says so once; before them it says nothing', async () => {
  const w = world();
  const { cookie } = await w.open();
  const warnings = () => w.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
  const right = hosts[0]!.express().use(valve(w.parts), sessionRecorder().handler);
  const wrong = hosts[0]!.express().use(sessionRecorder().handler, valve(w.parts));
  for (const host of [right, wrong]) host.use((req, res) => void res.json({ name: req.sso.principal?.name }));
  for (const expected of [0, 1])
    for (let i = 0; i < 2; i++) {
      const { body } = await agent([right, wrong][expected]!).get('/').set('Cookie', cookie);
      assert.deepEqual([body, warnings().length], [{ name: 'alice' }, expected]);
    }
  assert.match(warnings()[0]!, /^valve\(\) comes after sessions\(\) of "shop", .*: mount the valve first$/);
});
