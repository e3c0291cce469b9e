import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import type { Request, Response } from 'express';
import type { Principal } from '../../sso/principal.ts';
import {
  agent,
  alice,
  app,
  attributes,
  bob,
  deletions,
  hosts,
  issued,
  secure,
  secureSettings,
  sessionRecorder,
  setCookies,
  type World,
  world,
} from './world.ts';

/** A host with one route, whose handler is the test's. */
function handling(
  w: World,
  handler: (req: Request, res: Response) => unknown,
  recorder = sessionRecorder(),
  express = hosts[0]!.express,
) {
  return app(
    w,
    (routes) => {
      routes.all('/do', recorder.handler, (req, res, next) => {
        Promise.resolve()
          .then(() => handler(req, res))
          .then(() => res.headersSent || res.json({}), next);
      });
    },
    { express },
  );
}

const signOn = (principal: Principal) => (req: Request) => req.sso.open(principal, 'test');

for (const { name, express } of hosts) {
  test(`V03: open() sets exactly one cookie, and the next request is signed in by it (${name})`, async () => {
    const w = world();
    const recorder = sessionRecorder();
    const host = handling(w, signOn(alice), recorder, express);
    const answer = await agent(host).post('/do');
    assert.equal(setCookies(answer).length, 1);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.match(answer.headers['vary']!, /Cookie/);
    const [id] = [...w.entries.entries()].map(([key]) => key);
    assert.deepEqual(recorder.calls, [`link ${id}`]);
    assert.deepEqual((await agent(host).get('/who').set('Cookie', issued(answer)!)).body, {
      name: 'alice',
      roles: ['customer'],
      how: 'test',
    });
  });

  test(`V63, V66: logout() ends the sign-on in this very request and takes its cookie away (${name})`, async () => {
    const w = world();
    const { cookie, id } = await w.open();
    const recorder = sessionRecorder();
    const host = handling(
      w,
      async (req, res) => {
        const receipt = await req.sso.logout();
        res.json({ receipt, signedIn: req.sso.signedIn, principal: req.sso.principal ?? null });
      },
      recorder,
      express,
    );
    const answer = await agent(host).post('/do').set('Cookie', cookie);
    assert.equal(answer.body.receipt.state, 'complete');
    assert.equal(answer.body.receipt.cause, 'logout');
    assert.deepEqual([answer.body.signedIn, answer.body.principal], [false, null]);
    assert.equal(deletions(answer).length, 1);
    assert.deepEqual(recorder.calls, ['drop']);
    assert.equal(w.registry.isOpen(id), false);
  });
}

test('an anonymous request has nothing, and says so without throwing', async () => {
  const host = handling(world(), ({ sso }, res) =>
    res.json([
      sso.signedIn,
      sso.principal ?? 0,
      sso.roles,
      sso.how ?? 0,
      sso.authenticatedAt ?? 0,
      sso.openedAt ?? 0,
      sso.endsAt ?? 0,
      sso.hasRole('x'),
    ]),
  );
  assert.deepEqual((await agent(host).get('/do')).body, [false, 0, [], 0, 0, 0, 0, false]);
});

test('req.sso says who, how, since when and until when', async () => {
  const w = world();
  const { cookie } = await w.open();
  const openedAt = w.clock.now();
  w.clock.advance(5_000);
  const host = handling(w, ({ sso }, res) =>
    res.json([
      sso.signedIn,
      sso.how,
      sso.authenticatedAt,
      sso.openedAt,
      sso.endsAt,
      sso.hasRole('customer'),
      sso.hasRole('x'),
    ]),
  );
  assert.deepEqual((await agent(host).get('/do').set('Cookie', cookie)).body, [
    true,
    'form',
    openedAt,
    openedAt,
    openedAt + 12 * 3_600_000,
    true,
    false,
  ]);
});

test('V31, V38: the roles are those in force, also when they change during the request', async () => {
  const w = world();
  const { cookie } = await w.open();
  const host = handling(w, async ({ sso }, res) => {
    const before = sso.roles;
    await w.registry.setRoles('alice', ['auditor']);
    res.json([before, sso.roles, sso.principal?.roles, sso.hasRole('auditor')]);
  });
  assert.deepEqual((await agent(host).get('/do').set('Cookie', cookie)).body, [
    ['customer'],
    ['auditor'],
    ['auditor'],
    true,
  ]);
});

test('check 16: each sign-on has a new id, and the one before it is closed as replaced', async () => {
  const w = world();
  const { cookie, id } = await w.open(alice);
  const answer = await agent(handling(w, signOn(alice)))
    .post('/do')
    .set('Cookie', cookie);
  assert.notEqual(issued(answer), cookie);
  assert.deepEqual(w.registry.look(id), { state: 'over', cause: 'replaced' });
  assert.deepEqual(
    (
      await agent(handling(w, () => {}))
        .get('/who')
        .set('Cookie', cookie)
    ).body,
    { roles: [] },
  );
});

test('check 15, 21, V60: a planted token is never adopted: the sign-on gets a new id, and the old one stays dead', async () => {
  const w = world();
  const planted = await w.open(bob);
  await w.registry.close(planted.id, 'logout');
  const answer = await agent(handling(w, signOn(alice)))
    .post('/do')
    .set('Cookie', planted.cookie);
  assert.equal(setCookies(answer).length, 1);
  assert.notEqual(issued(answer), planted.cookie);
  assert.equal(w.registry.isOpen(planted.id), false);
  assert.deepEqual(
    (
      await agent(handling(w, () => {}))
        .get('/who')
        .set('Cookie', planted.cookie)
    ).body,
    { roles: [] },
  );
});

test('V22, V23: a sign-on where several cookies came is the only one left: the others are deleted everywhere', async () => {
  const w = world(secureSettings);
  const [one, two] = [await w.open(alice), await w.open(bob)];
  const answer = await secure(agent(handling(w, signOn(alice))).post('/do')).set(
    'Cookie',
    `${one.cookie}; ${two.cookie}`,
  );
  const lines = setCookies(answer, '__Secure-latchkey');
  assert.equal(lines.filter((line) => !line.includes('Max-Age=0')).length, 1);
  assert.deepEqual(deletions(answer, '__Secure-latchkey').map(attributes), [
    ['HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure'],
  ]);
});

test('V65: logout() and open() in one request leave exactly one cookie, of the new sign-on', async () => {
  const w = world();
  const { cookie, id } = await w.open(alice);
  const recorder = sessionRecorder();
  const host = handling(
    w,
    async (req) => {
      await req.sso.logout();
      await req.sso.open(bob);
    },
    recorder,
  );
  const answer = await agent(host).post('/do').set('Cookie', cookie);
  assert.equal(setCookies(answer).length, 1);
  assert.equal((await agent(host).get('/who').set('Cookie', issued(answer)!)).body.name, 'bob');
  assert.deepEqual(w.registry.look(id), { state: 'over', cause: 'logout' });
  assert.equal(recorder.calls[0], 'drop');
  assert.match(recorder.calls[1]!, /^link /);
});

test('open() and logout() in one request leave no sign-on, and delete rather than set', async () => {
  const w = world();
  const host = handling(w, async (req) => {
    await req.sso.open(alice);
    await req.sso.logout();
  });
  const answer = await agent(host).post('/do');
  assert.equal(issued(answer), undefined);
  assert.equal(deletions(answer).length, 1);
});

test('V67: a sign-on that is closed before the headers go out sets no cookie', async () => {
  const w = world();
  const host = handling(w, async (req) => {
    await req.sso.open(alice);
    await w.registry.endSubject('alice');
  });
  assert.deepEqual(setCookies(await agent(host).post('/do')), []);
});

test('V64: logout() of nobody is an error and makes nothing', async () => {
  const w = world();
  const recorder = sessionRecorder();
  const answer = await agent(handling(w, (req) => req.sso.logout(), recorder)).post('/do');
  assert.equal(answer.status, 401);
  assert.equal(answer.body.code, 'ERR_NOT_SIGNED_IN');
  assert.deepEqual(setCookies(answer), []);
  assert.equal(w.entries.size, 0);
  assert.deepEqual(recorder.calls, []);
});

test('V69: a second logout, by the same request or a later one, answers with a receipt and has no second effect', async () => {
  const w = world();
  const { cookie } = await w.open();
  const host = handling(w, async (req, res) =>
    res.json((await Promise.all([req.sso.logout(), req.sso.logout()])).map(({ cause, closedAt }) => [cause, closedAt])),
  );
  const closedAt = w.clock.now();
  assert.deepEqual((await agent(host).post('/do').set('Cookie', cookie)).body, Array(2).fill(['logout', closedAt]));
  w.clock.advance(1_000);
  assert.deepEqual((await agent(host).post('/do').set('Cookie', cookie)).body, Array(2).fill(['logout', closedAt]));
});

test('check 22: a logout whose sign-on nobody can tell now is an error, not a success', async () => {
  const w = world();
  const { cookie } = await world().open();
  w.entries.peers = async () => ({ everybody: false });
  const answer = await agent(handling(w, (req) => req.sso.logout()))
    .post('/do')
    .set('Cookie', cookie);
  assert.equal(answer.status, 503);
  assert.equal(answer.body.code, 'ERR_UNAVAILABLE');
});

test('leave() ends this application alone; without a sign-on it is an error', async () => {
  const w = world();
  const { cookie, id } = await w.open();
  const recorder = sessionRecorder();
  const host = handling(w, (req) => req.sso.leave(), recorder);
  await agent(host).post('/do').set('Cookie', cookie);
  assert.deepEqual(recorder.calls, ['leave']);
  assert.ok(w.registry.isOpen(id));
  assert.equal((await agent(host).post('/do')).body.code, 'ERR_NOT_SIGNED_IN');
});

test('V82: where nobody can tell whether there is a sign-on, leave() and assertion() are unavailable, not refused as a stranger’s', async () => {
  const acts: Record<string, (req: Request) => unknown> = {
    leave: (req) => req.sso.leave(),
    assertion: (req) => req.sso.assertion({ audience: 'api' }),
  };
  for (const [name, act] of Object.entries(acts)) {
    const w = world();
    const { cookie, id } = await w.open();
    const host = handling(w, act, sessionRecorder());
    w.finality.leases = false;
    const answer = await agent(host).post('/do').set('Cookie', cookie);
    assert.deepEqual([answer.status, answer.body.code], [503, 'ERR_UNAVAILABLE'], name);
    w.finality.leases = true;
    assert.ok(w.registry.isOpen(id));
    assert.equal((await agent(host).post('/do')).body.code, 'ERR_NOT_SIGNED_IN', name);
  }
});

test('check 12, V10, V11: behind a trusted TLS proxy the cookie is Secure; over plain HTTP the sign-on is refused and logged', async () => {
  const w = world(secureSettings);
  const host = handling(w, signOn(alice));
  const good = await secure(agent(host).post('/do'));
  assert.match(setCookies(good)[0]!, /; Secure/);
  const plain = await agent(host).post('/do').set('Host', 'app1.xyz.com');
  assert.equal(plain.status, 403);
  assert.equal(plain.body.code, 'ERR_INSECURE_CONNECTION');
  assert.deepEqual(setCookies(plain), []);
  assert.match(w.lines.at(-1)!.message, /not secure/);
  assert.equal(w.entries.size, 1);
});

test('V11: X-Forwarded-Proto counts only by the trust proxy setting of the host', async () => {
  const w = world(secureSettings);
  const host = handling(w, signOn(alice));
  host.set('trust proxy', false);
  assert.equal((await secure(agent(host).post('/do'))).body.code, 'ERR_INSECURE_CONNECTION');
});

test('V08, V09: on a host outside the cookieDomain a sign-on is answered 421, sets no cookie, and is logged in one line', async () => {
  for (const foreign of ['app.other.com', 'xyz.com.evil.org', 'evilxyz.com', 'xyz.co', '127.0.0.1']) {
    const w = world(secureSettings);
    const answer = await secure(agent(handling(w, signOn(alice))).post('/do'), foreign);
    assert.equal(answer.status, 421, foreign);
    assert.equal(answer.body.code, 'ERR_FOREIGN_HOST');
    assert.deepEqual(setCookies(answer), []);
    assert.equal(w.lines.length, 1);
    assert.equal(w.entries.size, 0);
  }
  for (const own of ['xyz.com', 'APP2.XYZ.COM', 'a.b.xyz.com:8443']) {
    assert.equal(
      (await secure(agent(handling(world(secureSettings), signOn(alice))).post('/do'), own)).status,
      200,
      own,
    );
  }
});

test('check 40: open() takes nothing for a principal that is none', async () => {
  const w = world();
  for (const wrong of [
    undefined,
    null,
    true,
    'alice',
    {},
    { error: 'x', name: 'alice' },
    { name: '' },
    { name: 'a\n' },
    { name: 'a', roles: 'x' },
    [alice],
  ]) {
    const answer = await agent(handling(w, (req) => req.sso.open(wrong as never))).post('/do');
    assert.equal(answer.body.code, 'ERR_PRINCIPAL_INVALID');
    assert.deepEqual(setCookies(answer), []);
  }
  assert.equal(
    (await agent(handling(w, (req) => req.sso.open(alice, '\0'))).post('/do')).body.code,
    'ERR_PRINCIPAL_INVALID',
  );
  assert.equal(w.entries.size, 0);
});

test('open() after the headers is an error and opens nothing', async () => {
  const w = world();
  let code: unknown;
  const host = handling(w, async (req, res) => {
    res.write('x');
    code = await req.sso.open(alice).catch((error) => error.code);
    res.end();
  });
  await agent(host).post('/do');
  assert.equal(code, 'ERR_ANSWER_STARTED');
  assert.equal(w.entries.size, 0);
});

test('open() whose headers go out meanwhile closes what it opened', async () => {
  const w = world();
  let code: unknown;
  const host = handling(w, async (req, res) => {
    const opening = req.sso.open(alice).catch((error) => error.code);
    res.end('x');
    code = await opening;
  });
  await agent(host).post('/do');
  assert.equal(code, 'ERR_ANSWER_STARTED');
  assert.deepEqual(
    [...w.entries.entries()].map(([, entry]) => entry.state),
    ['closed'],
  );
});

test('logout() after the headers still ends the sign-on', async () => {
  const w = world();
  const { cookie, id } = await w.open();
  const host = handling(w, async (req, res) => {
    res.write('x');
    await req.sso.logout();
    res.end();
  });
  await agent(host).post('/do').set('Cookie', cookie);
  assert.equal(w.registry.isOpen(id), false);
});

test("S8: a subject's end while its credentials are checked refuses the sign-on; begin() marks a later beginning", async () => {
  const w = world();
  const late = await agent(
    handling(w, async (req) => {
      await w.registry.endSubject('alice');
      await req.sso.open(alice);
    }),
  ).post('/do');
  assert.equal(late.status, 401);
  assert.deepEqual(setCookies(late), []);
  const changed = await agent(
    handling(w, async (req) => {
      await w.registry.endSubject('alice');
      req.sso.begin();
      await req.sso.open(alice);
    }),
  ).post('/do');
  assert.ok(issued(changed));
});

test('a node that takes no sign-ons refuses one with 503', async () => {
  const w = world();
  w.accepting = false;
  const answer = await agent(handling(w, signOn(alice))).post('/do');
  assert.equal(answer.status, 503);
  assert.equal(answer.body.code, 'ERR_UNAVAILABLE');
});

test('hooks run at sign-on, in each later request and at sign-off; one that fails is logged and changes nothing', async () => {
  const said: string[] = [];
  const good = {
    signOn: (_req: Request, res: Response, principal: Principal, node: { route: string | undefined }) => {
      said.push(`on ${principal.name} ${node.route}`);
      res.setHeader('X-Hook', 'on');
    },
    comeBack: () => void said.push('back'),
    signOff: () => void said.push('off'),
  };
  const fails = () => assert.fail('hook');
  const bad = { signOn: fails, comeBack: fails, signOff: fails };
  const w = world({ onSignOn: [bad, good] });
  const host = handling(w, (req) => (req.query['off'] ? req.sso.logout() : req.sso.open(alice)));
  const answer = await agent(host).post('/do');
  assert.equal(answer.headers['x-hook'], 'on');
  await agent(host).post('/do?off=1').set('Cookie', issued(answer)!);
  assert.deepEqual(said, ['on alice n1', 'back', 'off']);
  assert.deepEqual(
    w.lines.map(({ message }) => message),
    Array(3).fill('a sign-on hook failed'),
  );
});

test('check 14: Clear-Site-Data at logout is off by default, and names what is switched on, never cookies', async () => {
  for (const [clearSiteData, expected] of [
    [[], undefined],
    [['cache', 'storage'], '"cache", "storage"'],
  ] as const) {
    const w = world({ clearSiteData });
    const { cookie } = await w.open();
    const answer = await agent(handling(w, (req) => req.sso.logout()))
      .post('/do')
      .set('Cookie', cookie);
    assert.equal(answer.headers['clear-site-data'], expected);
  }
});

test('check 17: a CSRF token is good for its own visitor or sign-on, and one from before the sign-on is refused after it', async () => {
  const w = world();
  const host = handling(w, async (req, res) => {
    const token = req.headers['x-token'];
    if (req.query['open']) await req.sso.open(alice);
    res.json({ token: req.sso.csrfToken(), good: req.sso.isCsrfToken(token) });
  });
  const visit = await agent(host).get('/do');
  const pre = issued(visit, 'latchkey-pre')!;
  const visitorToken = visit.body.token as string;
  const check = async (token: string, cookies: string) =>
    (await agent(host).get('/do').set('Cookie', cookies).set('X-Token', token)).body.good;
  assert.equal(await check(visitorToken, pre), true);
  assert.equal(await check(visitorToken, ''), false);
  const otherPre = issued(await agent(host).get('/do'), 'latchkey-pre')!;
  assert.equal(await check(visitorToken, otherPre), false);
  const opened = await agent(host).post('/do?open=1').set('Cookie', pre).set('X-Token', visitorToken);
  assert.equal(opened.body.good, false);
  assert.equal(deletions(opened, 'latchkey-pre').length, 1);
  const cookie = issued(opened)!;
  assert.equal(await check(visitorToken, `${cookie}; ${pre}`), false);
  assert.equal(await check(opened.body.token, cookie), true);
  const again = await agent(host).post('/do?open=1').set('Cookie', cookie);
  assert.equal(await check(opened.body.token, issued(again)!), false);
  for (const wrong of ['', 'x', opened.body.token.slice(1), `${opened.body.token}x`])
    assert.equal(await check(wrong, cookie), false);
});

test('a visitor cookie is made once, and not again while the browser brings it; check 3: it is __Host-, HttpOnly, Lax', async () => {
  const w = world(secureSettings);
  const host = handling(w, (req, res) => res.json([req.sso.csrfToken(), req.sso.csrfToken()]));
  const answer = await secure(agent(host).get('/do'));
  const [line, ...more] = setCookies(answer);
  assert.equal(more.length, 0);
  assert.match(line!, /^__Host-latchkey-pre=/);
  assert.deepEqual(attributes(line!), ['HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure']);
  assert.deepEqual(setCookies(await secure(agent(host).get('/do')).set('Cookie', line!.split(';', 1)[0]!)), []);
  assert.equal(setCookies(await secure(agent(host).get('/do')).set('Cookie', '__Host-latchkey-pre=junk')).length, 1);
});

test('a secret that is rotated: tokens for forms made under the old one are still good', async () => {
  const old = 'dQ3vXn8wRk5tYb2mHs7cLp4zGf9jAe6u';
  const host = (w: World) =>
    handling(w, (req, res) =>
      res.json({ token: req.sso.csrfToken(), good: req.sso.isCsrfToken(req.headers['x-token']) }),
    );
  const visit = await agent(host(world({}, old))).get('/do');
  const rotated = host(world({}, ['kT6pWz2bNx9vQr4mJd8sFh3yLc7gUa5e', old]));
  const answer = await agent(rotated)
    .get('/do')
    .set('Cookie', issued(visit, 'latchkey-pre')!)
    .set('X-Token', visit.body.token);
  assert.equal(answer.body.good, true);
});

test('check 7, 74: whoever prints or serializes req.sso sees who is signed on, and no key, token or id', async () => {
  const w = world();
  const { cookie, token, id } = await w.open();
  const host = handling(w, (req, res) =>
    res.json({ printed: inspect(req.sso, { depth: 20, showHidden: true }), json: JSON.stringify(req.sso) }),
  );
  const { printed, json } = (await agent(host).get('/do').set('Cookie', cookie)).body;
  assert.equal(JSON.parse(json).principal.name, 'alice');
  const seed = Buffer.from(w.parts.keys.assertionSeeds[0]!);
  for (const canary of [
    token,
    id,
    seed.toString('hex'),
    seed.toString('base64'),
    [...seed].join(','),
    'KeyObject',
    'assertionSeeds',
  ]) {
    assert.ok(!printed.includes(canary) && !json.includes(canary), canary);
  }
});
