/** Sessions and the sign-on they live off: linked whenever both exist, handed out to that one alone, ended with it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Express, Request, Response } from 'express';
import { type SessionHandle, sessionHandle } from '../../sso/session/handle.ts';
import type { SessionOptions } from '../../sso/session/sessions.ts';
import type { SsoId } from '../../sso/token.ts';
import { inUse } from './support/in-use.ts';
import { application, bag, eventually, Visitor } from './support/visitor.ts';
import { World, type WorldOptions } from './support/world.ts';

type Route = (req: Request, res: Response) => unknown;

const handle = (req: Request): SessionHandle => sessionHandle(req)!;

/** An application by paths: `/set?user=` puts somebody in, `/` says who is there, `/static` does not look. */
function appOf(world: World, paths: Record<string, Route> = {}, options: Partial<SessionOptions> = {}): Express {
  return application(world.node, options, async (req, res) => {
    const route = paths[req.path];
    if (route !== undefined) await route(req, res);
    else if (req.path === '/set') bag(req).user = String(req.query['user'] ?? 'alice');
    if (!res.headersSent) res.send(req.path === '/static' || bag(req) === undefined ? '-' : String(bag(req).user));
  });
}

function start(
  paths: Record<string, Route> = {},
  options: Partial<SessionOptions> = {},
  worldOptions: WorldOptions = {},
) {
  const world = new World(worldOptions);
  return { world, app: appOf(world, paths, options), visitor: new Visitor() };
}

const linked = (world: World, signOn: SsoId) => world.node.table.linked(signOn).map(({ session }) => session.app);

test('V25: a session that is made on a public page while somebody is signed on is linked, and ends with the sign-on', async () => {
  const { world, app, visitor } = start();
  visitor.signOn = world.open();
  await visitor.get(app, '/set');
  assert.deepEqual(linked(world, visitor.signOn), ['shop']);
  world.close(visitor.signOn);
  assert.equal((await visitor.get(app)).text, 'undefined');
});

test('V61: what a request that was under way put into the old session while another one signed on is in the new one', async () => {
  let go = () => {};
  const gate = new Promise<void>((resolve) => (go = resolve));
  const paths: Record<string, Route> = {
    '/login': async (req) => {
      assert.equal(bag(req).user, 'alice');
      await gate; // a database
      const signOn = world.open();
      handle(req).link(signOn);
      bag(req).count = 1;
      visitor.signOn = signOn;
    },
    '/coupon': (req) => void Object.assign(bag(req), { coupon: 'X' }),
    '/all': (req, res) => res.json(bag(req)),
  };
  // At SESSION the later write is the whole session.
  const { world, app, visitor } = start(paths, { replicationGranularity: 'ATTRIBUTE' });
  await visitor.get(app, '/set');
  const other = visitor.copy();
  const login = visitor.get(app, '/login');
  await other.get(app, '/coupon');
  go();
  await login;
  const { cookie: _, ...kept } = (await visitor.get(app, '/all')).body;
  assert.deepEqual(kept, { user: 'alice', coupon: 'X', count: 1 });
});

test('V61, check 15: at sign-on the session moves to a new id, linked to the entry, and the old id is dead', async () => {
  const signOns: SsoId[] = [];
  const { world, app, visitor } = start({
    '/login': (req) => {
      const before = bag(req);
      const { id } = before;
      signOns.push(world.open());
      handle(req).link(signOns[0]!);
      assert.equal(bag(req), before, 'what the application holds goes on being its session');
      assert.notEqual(bag(req).id, id);
      assert.equal((req as unknown as { sessionID: string }).sessionID, bag(req).id);
      bag(req).count = 1;
    },
  });
  await visitor.get(app, '/set');
  const planted = visitor.copy();
  await visitor.get(app, '/login');
  visitor.signOn = signOns[0];
  assert.equal((await visitor.get(app)).text, 'alice', 'what the visitor had goes along');
  assert.deepEqual(linked(world, signOns[0]!), ['shop']);
  assert.equal((await planted.get(app)).text, 'undefined');
  const { cookie } = visitor;
  planted.cookie = cookie;
  assert.equal((await planted.get(app)).text, 'undefined', 'and the new id alone is worth nothing either');
});

test('V60: an id that was planted but names nothing is not taken at sign-on', async () => {
  const { world, app, visitor } = start({ '/login': (req) => handle(req).link(world.open()) });
  await visitor.get(app, '/set');
  const planted = visitor.cookie;
  world.clock.advance(86_400_000);
  await visitor.get(app, '/login');
  assert.notEqual(visitor.cookie, planted);
});

test('a sign-on makes a session even if the application never looks at it, and so does a protected resource', async () => {
  const { world, app, visitor } = start({
    '/login': (req, res) => {
      visitor.signOn = world.open();
      handle(req).link(visitor.signOn);
      res.send('in');
    },
    '/protected': (req, res) => {
      handle(req).ensure();
      res.send('secret');
    },
  });
  await visitor.get(app, '/login');
  assert.deepEqual(linked(world, visitor.signOn!), ['shop']);
  const other = new Visitor();
  other.signOn = world.open();
  await other.get(app, '/protected');
  assert.deepEqual(linked(world, other.signOn), ['shop']);
  assert.equal(other.lines.length, 1);
  await other.get(app, '/protected');
  assert.equal(other.lines.length, 0);
});

test('an anonymous session meets a sign-on from another application: it moves to a new id with what is in it', async () => {
  const { world, app, visitor } = start();
  await visitor.get(app, '/set');
  const old = visitor.copy();
  visitor.signOn = world.open();
  await visitor.get(app, '/static');
  assert.notEqual(visitor.cookie, old.cookie);
  assert.deepEqual(linked(world, visitor.signOn), ['shop']);
  assert.equal((await visitor.get(app)).text, 'alice');
  assert.deepEqual(visitor.lines, []);
  assert.equal((await old.get(app)).text, 'undefined', 'the old id is dead for whoever is not signed on');
});

test('requests that were under way with the old id arrive at the same new one', async () => {
  const { world, app, visitor } = start();
  await visitor.get(app, '/set');
  visitor.signOn = world.open();
  const tabs = [visitor.copy(), visitor.copy(), visitor.copy()];
  const texts = await Promise.all(tabs.map(async (tab) => (await tab.get(app)).text));
  assert.deepEqual(texts, ['alice', 'alice', 'alice']);
  assert.equal(new Set(tabs.map(({ cookie }) => cookie)).size, 1);
  assert.equal(world.node.table.linked(visitor.signOn).length, 1);
  const late = visitor.copy();
  assert.equal((await late.get(app, '/set?user=bob')).text, 'bob');
  assert.equal((await tabs[0]!.get(app)).text, 'bob');
});

test('a parallel request that changed nothing does not undo what another one wrote into the moved session', async () => {
  const { world, visitor } = start();
  let go = () => {};
  const slow = new Promise<void>((resolve) => (go = resolve));
  let waits = false;
  const app = appOf(world, {
    '/slow': async (req) => {
      void bag(req).user;
      waits = true;
      await slow;
    },
  });
  await visitor.get(app, '/set');
  visitor.signOn = world.open();
  const tab = visitor.copy();
  const answer = tab.get(app, '/slow');
  await eventually(() => waits);
  await visitor.get(app, '/set?user=bob');
  go();
  await answer;
  assert.equal((await tab.get(app)).text, 'bob');
});

test("with ids of the application's own the session moves just the same", async () => {
  let count = 0;
  const { world, app, visitor } = start({}, { genid: () => `id${++count}` });
  await visitor.get(app, '/set');
  visitor.signOn = world.open();
  assert.equal((await visitor.get(app)).text, 'alice');
  assert.equal(visitor.cookie, 'id2.node1');
  assert.deepEqual(linked(world, visitor.signOn), ['shop']);
});

test('check 30: a linked session is handed out to its own sign-on alone, and what was in it never goes over', async () => {
  const { world, app, visitor } = start();
  const alice = world.open();
  visitor.signOn = alice;
  await visitor.get(app, '/set');
  const { cookie } = visitor;

  const bob = visitor.copy();
  bob.signOn = world.open();
  assert.equal((await bob.get(app)).text, 'undefined');
  assert.deepEqual(bob.lines, []);
  await bob.get(app, '/set?user=bob');
  assert.notEqual(bob.cookie, cookie);
  assert.deepEqual(linked(world, bob.signOn), ['shop']);

  const nobody = visitor.copy();
  nobody.signOn = undefined;
  assert.equal((await nobody.get(app)).text, 'undefined', 'nor to nobody: the session cookie alone is not enough');
  assert.equal((await visitor.get(app)).text, 'alice', 'and it is still there for its own');
});

test('check 30: after a logout the next user of the browser gets nothing of it, whichever cookies are left', async () => {
  const { world, app, visitor } = start();
  visitor.signOn = world.open();
  await visitor.get(app, '/set');
  world.close(visitor.signOn);
  for (const signOn of [undefined, world.open()]) {
    const next = visitor.copy();
    next.signOn = signOn;
    assert.equal((await next.get(app)).text, 'undefined');
    await next.get(app, '/set?user=bob');
    assert.notEqual(next.cookie, visitor.cookie);
  }
});

test('a sign-on in the place of another one drops the data that was linked to the first', async () => {
  const { world, app, visitor } = start({
    '/again': (req) => {
      const before = bag(req);
      visitor.signOn = world.open();
      handle(req).link(visitor.signOn);
      before.user = 'written to the old object';
    },
  });
  visitor.signOn = world.open();
  await visitor.get(app, '/set');
  const { cookie } = visitor;
  assert.equal((await visitor.get(app, '/again')).text, 'undefined');
  assert.notEqual(visitor.cookie, cookie);
  assert.equal((await visitor.get(app)).text, 'undefined');
});

test('V65: sign-off and sign-on in one request leave one session cookie, of a new empty session', async () => {
  const { world, app, visitor } = start({
    '/switch': (req) => {
      world.close(visitor.signOn!);
      handle(req).drop();
      visitor.signOn = world.open();
      handle(req).link(visitor.signOn);
    },
  });
  visitor.signOn = world.open();
  await visitor.get(app, '/set');
  const { cookie } = visitor;
  assert.equal((await visitor.get(app, '/switch')).text, 'undefined');
  assert.equal(visitor.lines.length, 1);
  assert.notEqual(visitor.cookie, cookie);
  assert.deepEqual(linked(world, visitor.signOn!), ['shop']);
});

test('V40, check 22: destroying a linked session ends the whole sign-on, in all applications', async () => {
  const world = new World();
  const shop = appOf(world, { '/destroy': (req) => bag(req).destroy() });
  const blog = appOf(world, {}, { app: 'blog' });
  const visitor = new Visitor();
  visitor.signOn = world.open();
  await visitor.get(shop, '/set');
  await visitor.get(blog, '/set');
  assert.deepEqual(linked(world, visitor.signOn), ['shop', 'blog']);
  await visitor.get(shop, '/destroy');
  assert.equal(world.causeOf(visitor.signOn), 'invalidated');
  assert.deepEqual([...visitor.cookies.keys()], ['latchkey-blog'], "V66: this application's cookie is gone");
  assert.equal((await visitor.get(blog)).text, 'undefined');
});

test('V40: so does req.session = null with unset "destroy", also where this application\'s session had timed out', async () => {
  const { world, app, visitor } = start(
    { '/null': (req) => void ((req as { session: unknown }).session = null) },
    { unset: 'destroy' },
  );
  for (const set of [true, false]) {
    visitor.signOn = world.open();
    if (set) await visitor.get(app, '/set');
    await visitor.get(app, '/null');
    assert.equal(world.causeOf(visitor.signOn), 'invalidated');
  }
});

test('check 22: the answer waits for the end of the sign-on, whether or not the application does', async () => {
  const { world, app, visitor } = start({
    '/destroy': (req, res) => {
      void bag(req).destroy();
      res.send('signed off');
    },
  });
  let confirm = () => {};
  world.ending = () => new Promise<void>((resolve) => (confirm = resolve));
  visitor.signOn = world.open();
  let answered = false;
  const answer = visitor.get(app, '/destroy').then(() => (answered = true));
  await eventually(() => world.causeOf(visitor.signOn!) !== undefined);
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(answered, false);
  confirm();
  await answer;
});

test('V49: a request that takes longer than its session may idle, and ends with destroy(), ends the whole sign-on', async () => {
  const { world, app, visitor } = start(
    {
      '/slow': async (req) => {
        void bag(req).user;
        world.clock.advance(1_500);
        await bag(req).destroy();
      },
    },
    { idleMs: 1_000 },
  );
  visitor.signOn = world.open();
  await visitor.get(app, '/set');
  await visitor.get(app, '/slow');
  assert.equal(world.causeOf(visitor.signOn), 'invalidated');
});

test('V41, check 25: a session that times out ends alone; the next request gets a new one under the same sign-on', async () => {
  const world = new World();
  const shop = appOf(world, {}, { idleMs: 60_000 });
  const blog = appOf(world, {}, { app: 'blog' });
  const visitor = new Visitor();
  visitor.signOn = world.open();
  await visitor.get(shop, '/set');
  await visitor.get(blog, '/set');
  world.clock.advance(61_000);
  assert.equal((await visitor.get(shop)).text, 'undefined');
  assert.equal((await visitor.get(blog)).text, 'alice');
  assert.equal(world.stateOf(visitor.signOn), 'open');
  await visitor.get(shop, '/set');
  assert.deepEqual(linked(world, visitor.signOn).sort(), ['blog', 'shop']);
});

test('V44: an application that stops and comes back finds its sessions, and nobody was signed off', async () => {
  const { world, app, visitor } = start();
  visitor.signOn = world.open();
  await visitor.get(app, '/set');
  world.node.table.release('shop');
  assert.equal(world.stateOf(visitor.signOn), 'open');
  assert.equal((await visitor.get(appOf(world))).text, 'alice');
});

test('check 24, V62: the id changes with regenerate(), the link does not: the new session ends with the sign-on', async () => {
  const { world, app, visitor } = start({
    '/regenerate': async (req) => {
      await bag(req).regenerate();
      assert.deepEqual(linked(world, visitor.signOn!), ['shop'], 'never none, never two');
    },
  });
  visitor.signOn = world.open();
  await visitor.get(app, '/set');
  const { cookie } = visitor;
  assert.equal((await visitor.get(app, '/regenerate')).text, 'undefined');
  assert.equal(world.stateOf(visitor.signOn), 'open');
  assert.notEqual(visitor.cookie, cookie);
  await visitor.get(app, '/set?user=bob');
  assert.equal((await visitor.get(app)).text, 'bob');
  world.close(visitor.signOn);
  assert.equal((await visitor.get(app)).text, 'undefined');
});

test("V63: leave() ends this application's session alone; the sign-on and the others go on", async () => {
  const world = new World();
  const shop = appOf(world, { '/leave': async (req, res) => { await handle(req).leave(); res.send('bye'); } }); // biome-ignore format: one route
  const blog = appOf(world, {}, { app: 'blog' });
  const visitor = new Visitor();
  visitor.signOn = world.open();
  await visitor.get(shop, '/set');
  await visitor.get(blog, '/set');
  const old = visitor.copy();
  await visitor.get(shop, '/leave');
  assert.deepEqual([...visitor.cookies.keys()], ['latchkey-blog']);
  assert.deepEqual(linked(world, visitor.signOn), ['blog']);
  assert.equal((await old.get(shop)).text, 'undefined');
  assert.equal((await visitor.get(blog)).text, 'alice');
});

test('V66: the cookie is taken away with the attributes it was set with', async () => {
  const cookie = { path: '/', domain: 'xyz.com', partitioned: true, secure: true, maxAge: 60_000 } as const;
  const { world, app, visitor } = start({ '/logout': (req, res) => { handle(req).drop(); res.send('bye'); } }, { proxy: true, cookie }); // biome-ignore format: one route
  visitor.signOn = world.open();
  const https = { 'x-forwarded-proto': 'https' };
  await visitor.get(app, '/set', https);
  const [set] = visitor.lines;
  const res = await visitor.get(app, '/logout', https);
  const attributes = (line: string) =>
    line
      .split('; ')
      .slice(1)
      .filter((attribute) => !/^(expires|max-age)/i.test(attribute));
  assert.equal(visitor.lines.length, 1);
  assert.deepEqual(attributes(visitor.lines[0]!), attributes(set!));
  assert.equal(res.headers['cache-control'], 'no-store', 'check 13');
});

test('V64: a sign-off of nobody makes nothing', async () => {
  const { world, app, visitor } = start({ '/logout': (req, res) => { handle(req).drop(); res.send('bye'); } }); // biome-ignore format: one route
  await visitor.get(app, '/logout');
  assert.deepEqual(visitor.lines, []);
  assert.equal(world.node.copies.size, 0);
});

test('after a sign-off in the same request the session is another one, for what is still to be said', async () => {
  const { world, app, visitor } = start({
    '/logout': (req, res) => {
      const before = bag(req);
      world.close(visitor.signOn!);
      handle(req).drop();
      before.user = 'must not be saved';
      bag(req).note = 'you are signed off';
      res.send('bye');
    },
    '/note': (req, res) => void res.json({ ...bag(req), cookie: undefined }),
  });
  visitor.signOn = world.open();
  await visitor.get(app, '/set');
  await visitor.get(app, '/logout');
  visitor.signOn = undefined;
  assert.deepEqual((await visitor.get(app, '/note')).body, { note: 'you are signed off' });
});

const lateWrites: Record<string, Route> = {
  'changes its session': (req) => void (bag(req).user = 'late'),
  'makes its first session': (req) => void (bag(req).user = 'late'),
  'makes its first session only after the logout': (req) => void (bag(req).user = 'late'),
  'saves by hand': async (req) => {
    bag(req).user = 'late';
    await bag(req).save();
  },
  regenerates: async (req) => {
    await bag(req).regenerate();
    bag(req).user = 'late';
  },
  'has a route to write': () => {},
  'is a rolling one': () => {},
};

for (const [what, late] of Object.entries(lateWrites)) {
  test(`V67: a request under way that ${what} brings nothing back after a logout, and sets no cookie`, async () => {
    const world = new World();
    let go = () => {};
    const logout = new Promise<void>((resolve) => (go = resolve));
    let waits = false;
    const app = appOf(
      world,
      {
        '/slow': async (req) => {
          if (!what.includes('only after')) void bag(req).user;
          waits = true;
          await logout;
          await late(req, undefined as never);
        },
      },
      { rolling: what.includes('rolling'), cookie: { maxAge: 60_000 } },
    );
    const visitor = new Visitor();
    visitor.signOn = world.open();
    if (!what.includes('first')) await visitor.get(app, '/set');
    if (what.includes('route')) visitor.cookie = visitor.cookie.replace('.node1', '.node2');
    const { puts } = world.node.copies;
    const answer = visitor.get(app, '/slow');
    await eventually(() => waits);
    world.close(visitor.signOn);
    go();
    assert.equal((await answer).status, 200);
    assert.deepEqual(visitor.lines, []);
    assert.equal(world.node.copies.puts, puts);
    assert.deepEqual(inUse(world.node), []);
  });
}

test('V67: the same for an anonymous session that was destroyed meanwhile', async () => {
  const { world, visitor } = start();
  let go = () => {};
  const gone = new Promise<void>((resolve) => (go = resolve));
  let waits = false;
  const app = appOf(world, {
    '/slow': async (req) => {
      bag(req).user = 'late';
      waits = true;
      await gone;
    },
    '/destroy': (req) => bag(req).destroy(),
  });
  await visitor.get(app, '/set');
  const answer = visitor.copy();
  const slow = answer.get(app, '/slow');
  await eventually(() => waits);
  await visitor.get(app, '/destroy');
  go();
  await slow;
  assert.deepEqual(answer.lines, []);
  assert.equal((await answer.get(app)).text, 'undefined');
});

test('V70: the same id in two applications is two sessions, and one that times out leaves the other', async () => {
  const world = new World();
  const common = { genid: () => 'same', name: 'sid' };
  const shop = appOf(world, {}, { ...common, idleMs: 60_000 });
  const blog = appOf(world, {}, { ...common, app: 'blog' });
  const visitor = new Visitor();
  visitor.signOn = world.open();
  await visitor.get(shop, '/set');
  await visitor.get(blog, '/set?user=bob');
  assert.equal(visitor.cookie, 'same.node1');
  assert.equal((await visitor.get(shop)).text, 'alice');
  world.clock.advance(61_000);
  assert.equal((await visitor.get(blog)).text, 'bob');
  assert.deepEqual(linked(world, visitor.signOn), ['blog']);
});

test('V71: two sessions of one application under one sign-on both end with it', async () => {
  const { world, app, visitor } = start();
  const profile = new Visitor();
  profile.signOn = visitor.signOn = world.open();
  await visitor.get(app, '/set');
  await profile.get(app, '/set');
  assert.notEqual(profile.cookie, visitor.cookie);
  assert.deepEqual(linked(world, visitor.signOn), ['shop', 'shop']);
  world.close(visitor.signOn);
  for (const one of [visitor, profile]) assert.equal((await one.get(app)).text, 'undefined');
});

test('check 23: a foreign or forged session id in a request that destroys its session ends nothing of others', async () => {
  const { world, app, visitor } = start({ '/destroy': (req) => bag(req).destroy() });
  visitor.signOn = world.open();
  await visitor.get(app, '/set');
  const attacker = visitor.copy();
  attacker.signOn = undefined;
  await attacker.get(app, '/destroy');
  attacker.cookies.set('latchkey-shop', `${visitor.cookie.slice(0, 43)}${'A'.repeat(22)}.node1`);
  await attacker.get(app, '/destroy');
  assert.equal(world.stateOf(visitor.signOn), 'open');
  assert.equal((await visitor.get(app)).text, 'alice');
});

test('a session that begins anew at the limit of a sign-on takes its own place, and ends no other one', async () => {
  const world = new World({ limits: { sessionsPerSignOn: 2 } });
  const paths = { '/anew': (req: Request) => bag(req).regenerate() };
  const apps = ['first', 'second'].map((app) => appOf(world, paths, { app, name: app }));
  const [first, second] = apps as [Express, Express];
  const visitor = new Visitor();
  visitor.signOn = world.open();
  for (const app of apps) await visitor.get(app, '/set');
  await visitor.get(second, '/anew');
  assert.equal((await visitor.get(first)).text, 'alice');
  assert.equal((await visitor.get(second)).text, 'undefined');
  assert.equal(world.node.table.linked(visitor.signOn).length, 2);
});
