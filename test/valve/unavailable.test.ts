/** What a request sees while the node has no leases: it may say neither who is asking nor that nobody is (FINAL-LOGOUT.md, Leases). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Express, Request, RequestHandler } from 'express';
import { mintToken } from '../../sso/token.ts';
import { login } from '../../sso/valve/login.ts';
import { type ProtectOptions, protect } from '../../sso/valve/protect.ts';
import { logout } from '../../sso/valve/sign-off.ts';
import {
  agent,
  alice,
  app,
  bob,
  deletions,
  hosts,
  issued,
  secret,
  secure,
  secureSettings,
  sessionRecorder,
  setCookies,
  type World,
  world,
} from './world.ts';

const inPage: RequestHandler = (req, res) =>
  void res.json({ name: req.sso.principal?.name, signedIn: req.sso.signedIn, unavailable: req.sso.unavailable });

function host(w: World, options: ProtectOptions = {}, before: readonly RequestHandler[] = []): Express {
  return app(
    w,
    (at) => {
      at.get('/public', inPage);
      at.get('/private', protect(w.parts, options), inPage);
      at.post(
        '/login',
        login(w.parts, ({ username }) => ({ name: username, roles: [] })),
      );
      at.use('/logout', logout(w.parts));
      at.post('/do', handle);
    },
    { before },
  );
}

let act: (req: Request) => unknown = () => {};
const handle: RequestHandler = async (req, res, next) => {
  try {
    res.json(await act(req));
  } catch (error) {
    next(error);
  }
};

const navigation = { 'Sec-Fetch-Mode': 'navigate', Accept: 'text/html' };
const unknownToken = (w: World) => mintToken(w.parts.random, w.parts.keys.token[0]!, w.clock.now() + 60_000).token;

test('without leases a sign-on is not accepted, not challenged and not deleted: 503 with Retry-After, and public pages go on', async () => {
  for (const { name, express } of hosts) {
    const w = world();
    const { cookie, id } = await w.open();
    w.finality.leases = false;
    const at = app(
      w,
      (routes) => {
        routes.get('/public', inPage);
        routes.get('/private', protect(w.parts), inPage);
      },
      { express },
    );
    const program = await agent(at).get('/private').set('Cookie', cookie);
    assert.deepEqual([program.status, program.body.error], [503, 'unavailable'], name);
    const person = await agent(at).get('/private').set('Cookie', cookie).set(navigation);
    assert.equal(person.status, 503);
    assert.match(person.headers['content-type']!, /^text\/plain/);
    assert.match(person.text, /try again/);
    for (const answer of [program, person]) {
      assert.equal(answer.headers['retry-after'], '1');
      assert.equal(answer.headers['cache-control'], 'no-store');
      assert.equal(answer.headers['location'], undefined);
      assert.equal(answer.headers['www-authenticate'], undefined);
      assert.deepEqual(setCookies(answer), []);
    }
    const open = await agent(at).get('/public').set('Cookie', cookie);
    assert.deepEqual(open.body, { signedIn: false, unavailable: true });
    assert.match(open.headers['vary']!, /Cookie/);
    assert.deepEqual(setCookies(open), []);
    w.finality.leases = true;
    const back = await agent(at).get('/private').set('Cookie', cookie);
    assert.deepEqual(back.body, { name: 'alice', signedIn: true, unavailable: false });
    assert.ok(w.registry.isOpen(id));
  }
});

test('a request waits at most 250 ms for leases, once, and goes on as if nothing had been when they come', async () => {
  const w = world();
  const { cookie } = await w.open();
  w.finality.leases = false;
  const late = await agent(host(w)).get('/private').set('Cookie', cookie);
  assert.equal(late.status, 503);
  assert.deepEqual(w.finality.waits, [250]);
  w.finality.meanwhile = () => {
    w.finality.leases = true;
  };
  const inTime = await agent(host(w)).get('/private').set('Cookie', cookie);
  assert.equal(inTime.body.name, 'alice');
  assert.deepEqual(w.finality.waits, [250, 250]);
});

test('S1: what ended while the request waited for leases is over for it', async () => {
  const w = world();
  const { cookie, id } = await w.open();
  w.finality.leases = false;
  w.finality.meanwhile = async () => {
    await w.registry.close(id, 'logout');
    w.finality.leases = true;
  };
  const answer = await agent(host(w)).get('/private').set('Cookie', cookie).set(navigation);
  assert.equal(answer.status, 303);
  assert.equal(deletions(answer).length, 1);
});

test('leases are asked for once in a request with a sign-on, and never for an anonymous one', async () => {
  const w = world();
  const { cookie } = await w.open();
  w.finality.asked = 0;
  await agent(host(w)).get('/public').set('Cookie', cookie);
  assert.equal(w.finality.asked, 1);
  await agent(host(w)).get('/public').set('Cookie', 'other=1');
  await agent(host(w)).get('/public');
  assert.equal(w.finality.asked, 1);
});

test('without leases an anonymous request goes on, and is challenged as ever', async () => {
  const w = world();
  w.finality.leases = false;
  assert.deepEqual((await agent(host(w)).get('/public')).body, { signedIn: false, unavailable: false });
  assert.equal((await agent(host(w)).get('/private')).status, 401);
  assert.deepEqual(w.finality.waits, []);
});

test('without leases a cookie is deleted on knowledge alone: closed, over or forged, and not because nobody here knows it', async () => {
  const w = world();
  const closed = await w.open();
  await w.registry.close(closed.id, 'logout');
  const stale = await w.open();
  const unknown = unknownToken(w);
  w.finality.leases = false;
  const get = (cookie: string) => agent(host(w)).get('/private').set('Cookie', cookie);
  for (const cookie of [closed.cookie, 'latchkey=forged']) {
    const answer = await get(cookie);
    assert.equal(answer.status, 401);
    assert.equal(deletions(answer).length, 1);
  }
  assert.deepEqual(w.finality.waits, [], 'and nobody waits for that');
  const answer = await get(`latchkey=${unknown}`);
  assert.equal(answer.status, 503);
  assert.deepEqual(setCookies(answer), []);
  w.clock.advance(13 * 3_600_000);
  assert.equal(deletions(await get(stale.cookie)).length, 1);
});

test('without leases no cookie is set anew, nor moved from an earlier domain', async () => {
  const w = world({ ...secureSettings, previousCookieDomains: ['old.xyz.com'] });
  const { cookie } = await w.open();
  const other = await w.open(bob);
  w.finality.leases = false;
  for (const header of [cookie, `${cookie}; __Secure-latchkey=forged`, `${cookie}; ${other.cookie}`]) {
    const answer = await secure(agent(host(w)).get('/private')).set('Cookie', header);
    assert.equal(answer.status, 503);
    assert.deepEqual(setCookies(answer), []);
  }
});

test('without leases nothing counts as activity, and no session is linked', async () => {
  const w = world();
  const { cookie, id } = await w.open();
  const session = sessionRecorder();
  w.clock.advance(20 * 60_000);
  const before = w.entries.get(id);
  w.finality.leases = false;
  await agent(host(w, {}, [session.handler]))
    .get('/private')
    .set('Cookie', cookie);
  assert.equal(w.entries.get(id), before);
  assert.deepEqual(session.calls, []);
});

test('logout works without leases: the sign-on is closed, its cookie and session go, and a second call has the same end', async () => {
  const w = world();
  const { cookie, id } = await w.open();
  const session = sessionRecorder();
  w.finality.leases = false;
  act = async (req) => [(await req.sso.logout()).cause, (await req.sso.logout()).cause, req.sso.unavailable];
  const answer = await agent(host(w, {}, [session.handler]))
    .post('/do')
    .set('Cookie', cookie);
  assert.deepEqual(answer.body, ['logout', 'logout', false]);
  assert.equal(w.registry.look(id).state, 'over');
  assert.equal(deletions(answer).length, 1);
  assert.deepEqual(session.calls, ['drop']);
});

test('the form of the sign-off is shown without leases, names nobody, and its token is taken', async () => {
  const w = world();
  const { cookie, id } = await w.open();
  w.finality.leases = false;
  const at = host(w);
  const page = await agent(at).get('/logout').set('Cookie', cookie).set(navigation);
  assert.equal(page.status, 200);
  assert.doesNotMatch(page.text, /alice/);
  assert.deepEqual(setCookies(page), []);
  const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)![1]!;
  const form = () => agent(at).post('/logout').type('form').set('Cookie', cookie);
  assert.equal((await form().send({ csrf: `${csrf}x` })).status, 403);
  const answer = await form().send({ csrf });
  assert.deepEqual([answer.status, answer.body.cause], [200, 'logout']);
  assert.equal(w.registry.look(id).state, 'over');
});

test('a logout that could name no sign-on for sure is 503: a receipt for what may live on would lie (check 22)', async () => {
  const w = world();
  const { cookie, id } = await w.open();
  w.finality.leases = false;
  const unknown = `latchkey=${unknownToken(w)}`;
  for (const header of [unknown, `${cookie}; ${unknown}`]) {
    for (const [method, status] of [
      ['post', 503],
      ['get', 503],
    ] as const) {
      const answer = await agent(host(w))[method]('/logout').set('Cookie', header).set(navigation);
      assert.equal(answer.status, status);
      assert.equal(answer.headers['retry-after'], '1');
    }
  }
  assert.ok(w.registry.isOpen(id));
});

test('a sign-on is refused with 503 and Retry-After without leases, and no password is checked for it', async () => {
  const w = world();
  w.finality.leases = false;
  let checked = 0;
  const authenticate = () => {
    checked++;
    return alice;
  };
  const at = app(w, (routes) => {
    routes.post('/login', login(w.parts, authenticate));
    routes.get('/basic', protect(w.parts, { basic: { realm: 'shop', authenticate } }), inPage);
    routes.post('/do', handle);
  });
  const { cookie } = await world().open();
  act = (req) => req.sso.open(alice);
  const basic = `Basic ${Buffer.from('alice:wonder').toString('base64')}`;
  for (const [answer, word] of [
    [await agent(at).post('/login').send({ username: 'alice', password: 'wonder' }), 'unavailable'],
    [
      await agent(at).post('/login').set('Cookie', cookie).send({ username: 'alice', password: 'wonder' }),
      'unavailable',
    ],
    [await agent(at).get('/basic').set('Authorization', basic), 'unavailable'],
    [await agent(at).get('/basic').set('Authorization', basic).set('Cookie', cookie), 'unavailable'],
    [await agent(at).post('/do'), 'ERR_UNAVAILABLE'],
  ] as const) {
    assert.deepEqual([answer.status, answer.body.error ?? answer.body.code], [503, word]);
    assert.equal(answer.headers['retry-after'], '1');
    assert.deepEqual(setCookies(answer), []);
  }
  assert.equal(checked, 0);
  assert.deepEqual(w.finality.waits, [250, 250, 250, 250, 250], 'each request waited once');
  assert.equal(w.entries.size, 0);
});

test('a sign-on waits for leases that come at once; over one that was withheld it takes its place', async () => {
  const w = world();
  const { cookie, id } = await w.open();
  w.finality.leases = false;
  let waits = 0;
  w.finality.meanwhile = () => {
    w.finality.leases = ++waits === 2;
  };
  act = async (req) => {
    assert.ok(req.sso.unavailable);
    w.finality.leases = true;
    return req.sso.open(bob);
  };
  const answer = await agent(host(w)).post('/do').set('Cookie', cookie);
  assert.equal(answer.body.name, 'bob');
  assert.ok(issued(answer));
  assert.deepEqual(w.registry.look(id), { state: 'over', cause: 'replaced' });
  w.finality.leases = false;
  const posted = await agent(host(w)).post('/login').send({ username: 'carol', password: 'x' });
  assert.equal(posted.status, 200);
});

test('HTTP Basic: the sign-on that a client without cookies shares is not accepted without leases either', async () => {
  const w = world();
  let checked = 0;
  const authenticate = () => {
    checked++;
    return alice;
  };
  const at = host(w, { basic: { realm: 'shop', authenticate } });
  const get = () =>
    agent(at)
      .get('/private')
      .set('Authorization', `Basic ${Buffer.from('alice:wonder').toString('base64')}`);
  assert.equal((await get()).status, 200);
  w.finality.leases = false;
  assert.equal((await get()).status, 503);
  w.finality.leases = true;
  assert.equal((await get()).status, 200);
  assert.deepEqual([checked, w.entries.size], [1, 1]);
});

test('leases that run out while an application checks the account, or asks again, withhold the sign-on', async () => {
  const lose = (w: World) => () => {
    w.finality.leases = false;
    return true;
  };
  let run: () => boolean = () => true;
  for (const setting of ['revalidate', 'requireReauthentication']) {
    const w = world({ [setting]: { check: () => run(), everyMs: 1 } });
    run = lose(w);
    const { cookie } = await w.open();
    w.clock.advance(1_000);
    const answer = await agent(host(w)).get('/private').set('Cookie', cookie);
    assert.equal(answer.status, 503, setting);
    assert.deepEqual(setCookies(answer), []);
  }
});

test('V26: who is vouched for by something in front of us needs no leases: there is no entry that anybody could have closed', async () => {
  const w = world({ principalFrom: () => alice });
  w.finality.leases = false;
  const answer = await agent(host(w)).get('/private').set('Cookie', 'latchkey=whatever');
  assert.deepEqual(answer.body, { name: 'alice', signedIn: true, unavailable: false });
  assert.deepEqual(w.finality.waits, []);
});

test('a check of the application that fails makes the request unavailable, too', async () => {
  const w = world({ revalidate: { check: () => assert.fail('down'), everyMs: 1 } }, secret);
  const { cookie } = await w.open();
  w.clock.advance(1_000);
  const answer = await agent(host(w)).get('/public').set('Cookie', cookie);
  assert.deepEqual(answer.body, { signedIn: false, unavailable: true });
});
