/** The store, under express-session itself. */

import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { test } from 'node:test';
import express, { type Express, type Request, type Response } from 'express';
import expressSession from 'express-session';
import type { SsoError } from '../../sso/errors.ts';
import type { EndHandler, SessionEnd } from '../../sso/session/end-handlers.ts';
import { passedAtOnce } from '../../sso/session/passes.ts';
import { store as makeStore, type SessionStore } from '../../sso/session/store.ts';
import type { SsoId } from '../../sso/token.ts';
import { inUse } from './support/in-use.ts';
import { stepsOf } from './support/steps.ts';
import { application, bag, eventually, Visitor } from './support/visitor.ts';
import { type TestNode, World } from './support/world.ts';

type Route = (req: Request, res: Response) => unknown;
type Options = Partial<Parameters<typeof expressSession>[0]>;

/** An application on express-session, behind what stands for the valve. */
function appOf(
  world: World,
  paths: Record<string, Route> = {},
  options: Options = {},
  node: TestNode = world.node,
  onEnd?: EndHandler,
): { app: Express; store: SessionStore } {
  const store = makeStore(node.parts, { app: 'shop', idleMs: 60_000, onEnd });
  const app = express();
  app.use((req, _res, next) => node.parts.context.run(req, next));
  app.use(expressSession({ store, secret: 'keyboard cat', resave: false, saveUninitialized: false, ...options }));
  app.use(async (req, res) => {
    const route = paths[req.path];
    if (route !== undefined) await route(req, res);
    else if (req.path === '/set') bag(req).user = String(req.query['user'] ?? 'alice');
    if (!res.headersSent) res.send(String(bag(req)?.user));
  });
  return { app, store };
}

const start = (paths: Record<string, Route> = {}, options: Options = {}) => {
  const world = new World();
  return { world, visitor: new Visitor(), ...appOf(world, paths, options) };
};

const linked = (world: World, signOn: SsoId) => world.node.table.linked(signOn).length;
const call = <T>(run: (callback: (error: unknown, value?: T) => void) => void) =>
  new Promise<T | undefined>((resolve, reject) =>
    run((error, value) => (error ? reject(error as Error) : resolve(value))),
  );

test('express-session keeps its sessions in the store: made, found, changed, saved only when changed', async () => {
  const { world, app, visitor } = start();
  await visitor.get(app, '/set');
  assert.equal((await visitor.get(app)).text, 'alice');
  const { puts } = world.node.copies;
  await visitor.get(app);
  assert.equal(world.node.copies.puts, puts);
  await visitor.get(app, '/set?user=bob');
  assert.equal((await visitor.get(app)).text, 'bob');
});

test('a session of the store is read on another node, and its maxAge and idle limit hold', async () => {
  const world = new World({ routes: ['node1', 'node2'] });
  const one = appOf(world, {}, { cookie: { maxAge: 5_000 } });
  const two = appOf(world, {}, { cookie: { maxAge: 5_000 } }, world.nodes[1]);
  const visitor = new Visitor();
  world.clock.advance(Date.now() - world.clock.now()); // express-session knows the real clock alone
  await visitor.get(one.app, '/set');
  assert.equal((await visitor.get(two.app)).text, 'alice');
  world.clock.advance(6_000);
  assert.equal((await visitor.get(two.app)).text, 'undefined');
});

test('a maxAge that another request sets meanwhile is not undone by a slow one that saves twice', async () => {
  let go = () => {};
  const gate = new Promise<void>((resolve) => (go = resolve));
  let isSlow = false;
  const { world, visitor, app } = start({
    '/remember': (req) => (Object.assign(bag(req), { count: 1 }).cookie.maxAge = 86_400_000),
    '/slow': async (req) => {
      isSlow = bag(req).user === 'alice';
      await gate;
      bag(req).note = 'slow';
      await call((done) => bag(req).save(done));
      bag(req).cart = [];
    },
    '/see': (req, res) =>
      void res.json([bag(req)?.note, bag(req)?.cart, bag(req)?.count, bag(req)?.cookie.originalMaxAge]),
  });
  await visitor.get(app, '/set');
  const slow = visitor.copy().get(app, '/slow');
  await eventually(() => isSlow);
  await visitor.get(app, '/remember');
  go();
  await slow;
  world.clock.advance(3_600_000);
  assert.deepEqual((await visitor.get(app, '/see')).body, ['slow', [], 1, 86_400_000]);
});

test('who uses the store without express-session says when the cookie ends, as express-openid-connect does: the session lives so long', async () => {
  for (const cookie of ['maxAge', 'expires', 'text', 'nothing'] as const) {
    const { world, store } = start();
    const endsAt = world.clock.now() + 300_000;
    const given = {
      maxAge: { expires: endsAt, maxAge: 300_000 },
      expires: { expires: new Date(endsAt) },
      text: { expires: new Date(endsAt).toISOString() },
      nothing: {},
    }[cookie];
    await call((done) => store.set('id', { data: 'x', cookie: given }, done));
    world.clock.advance(200_000);
    const found = await call<{ data?: string } | null>((done) => store.get('id', done as never));
    assert.equal(found?.data, cookie === 'nothing' ? undefined : 'x', cookie);
    world.clock.advance(400_000);
    assert.equal(await call((done) => store.get('id', done as never)), null);
  }
});

test('the store fits the type of express-session where an application declares data that are required', async () => {
  /** As `@types/express-session` has it, with `interface SessionData { views: number }` of the application. */
  interface Declared {
    readonly cookie: { originalMaxAge: number | null };
    readonly views: number;
  }
  const { app, store, visitor } = start(
    { '/views': (req) => void Object.assign(bag(req), { views: 3 }) },
    { genid: () => 'known' },
  );
  await visitor.get(app, '/views');
  const theirs: {
    get(id: string, callback: (error: unknown, session?: Declared | null) => void): void;
    all(callback: (error: unknown, sessions?: Declared[] | null) => void): void;
  } = store;
  const found = await call<Declared | null>((done) => theirs.get('known', done));
  const all = await call<Declared[] | null>((done) => theirs.all(done));
  assert.deepEqual(
    [found, ...(all ?? [])].map((session) => session?.views),
    [3, 3],
  );
});

test('touch keeps a session alive that is only looked at', async () => {
  const { world, app, visitor } = start();
  await visitor.get(app, '/set');
  for (let i = 0; i < 4; i++) {
    world.clock.advance(40_000);
    assert.equal((await visitor.get(app)).text, 'alice');
  }
});

test('the end of a session of the store is told to its application once: with its sign-on, and by destroy', async () => {
  const world = new World();
  const ends: SessionEnd[] = [];
  const { app } = appOf(
    world,
    { '/destroy': (req) => new Promise((done) => req.session.destroy(done)) },
    {},
    world.node,
    (end) => void ends.push(end),
  );
  const people = [new Visitor(), new Visitor()];
  const signOn = world.open();
  people[0]!.signOn = signOn;
  for (const [index, visitor] of people.entries()) await visitor.get(app, `/set?user=${index}`);
  await world.node.parts.signOns.end(signOn, 'logout', undefined);
  await people[1]!.get(app, '/destroy');
  assert.deepEqual(
    ends.map(({ cause, signOnCause, attributes }) => [cause, signOnCause, attributes['user']]),
    [
      ['sign-on', 'logout', '0'],
      ['destroyed', undefined, '1'],
    ],
  );
});

test("a new session is linked to the request's sign-on, and ends with it", async () => {
  const { world, app, visitor } = start();
  visitor.signOn = world.open();
  await visitor.get(app, '/set');
  assert.equal(linked(world, visitor.signOn), 1);
  world.close(visitor.signOn);
  assert.equal((await visitor.get(app)).text, 'undefined');
});

test('check 30: a linked session is given to its own sign-on alone', async () => {
  const { world, app, visitor } = start();
  visitor.signOn = world.open();
  await visitor.get(app, '/set');
  for (const signOn of [undefined, world.open()]) {
    const other = visitor.copy();
    other.signOn = signOn;
    assert.equal((await other.get(app)).text, 'undefined');
  }
  assert.equal((await visitor.get(app)).text, 'alice');
});

test('an anonymous session that meets a sign-on moves to a new id with what is in it, once something is written', async () => {
  const { world, app, visitor } = start({ '/add': (req) => void (bag(req).count = 1) });
  await visitor.get(app, '/set');
  const old = visitor.copy();
  visitor.signOn = world.open();
  assert.equal((await visitor.get(app)).text, 'alice');
  await visitor.get(app, '/add');
  assert.notEqual(visitor.cookie, old.cookie);
  assert.equal(linked(world, visitor.signOn), 1);
  assert.equal((await visitor.get(app)).text, 'alice');
  assert.equal((await old.get(app)).text, 'undefined');
});

test('a maxAge of an anonymous session goes along when that moves to a sign-on, and with regenerate it does not', async () => {
  const { world, visitor, app } = start({
    '/remember': (req) => void (Object.assign(bag(req), { user: 'bob' }).cookie.maxAge = 86_400_000),
    '/add': (req) => void (bag(req).count = 1),
    '/regenerate': async (req) => {
      await call((done) => bag(req).regenerate(done));
      bag(req).count = 1;
    },
    '/see': (req, res) => void res.json([bag(req).user, bag(req).cookie.originalMaxAge]),
  });
  await visitor.get(app, '/set');
  await visitor.get(app, '/remember');
  visitor.signOn = world.open();
  await visitor.get(app, '/add');
  world.clock.advance(3_600_000);
  assert.deepEqual((await visitor.get(app, '/see')).body, ['bob', 86_400_000]);
  await visitor.get(app, '/regenerate');
  assert.deepEqual((await visitor.get(app, '/see')).body, [null, null]);
});

test('regenerate gives another id and an empty session, keeps the link and the sign-on', async () => {
  const { world, app, visitor } = start({
    '/regenerate': async (req) => {
      const { id } = bag(req);
      await call((done) => bag(req).regenerate(done));
      assert.notEqual(bag(req).id, id);
      assert.equal(bag(req).user, undefined);
      assert.equal(linked(world, visitor.signOn!), 1);
      bag(req).count = 1;
    },
  });
  visitor.signOn = world.open();
  await visitor.get(app, '/set');
  const old = visitor.copy();
  await visitor.get(app, '/regenerate');
  assert.equal(world.stateOf(visitor.signOn), 'open');
  assert.notEqual(visitor.cookie, old.cookie);
  assert.equal(linked(world, visitor.signOn), 1);
  world.close(visitor.signOn);
  assert.equal((await visitor.get(app)).text, 'undefined');
});

test('regenerate of an anonymous session ends the old one and no more', async () => {
  const { world, app, visitor } = start({ '/regenerate': (req) => call((done) => bag(req).regenerate(done)) });
  await visitor.get(app, '/set');
  const old = visitor.copy();
  await visitor.get(app, '/regenerate');
  assert.notEqual(visitor.cookie, old.cookie);
  assert.equal(inUse(world.node).length, 1);
  assert.equal((await old.get(app)).text, 'undefined');
});

for (const [what, destroy, options] of [
  ['req.session.destroy()', (req: Request) => call((done) => bag(req).destroy(done)), {}],
  ['store.destroy', (req: Request) => call((done) => req.sessionStore.destroy(bag(req).id, done)), {}],
  [
    'req.session = null with unset "destroy"',
    (req: Request) => void ((req as { session: unknown }).session = null),
    { unset: 'destroy' },
  ],
] as const) {
  test(`V40: ${what} ends the whole sign-on, also if the session was not saved yet; an anonymous session only itself`, async () => {
    const { world, app, visitor } = start({ '/destroy': destroy }, options);
    for (const set of [true, false]) {
      visitor.signOn = world.open();
      if (set) await visitor.get(app, '/set');
      await visitor.get(app, '/destroy');
      assert.equal(world.causeOf(visitor.signOn), 'invalidated');
    }
    const nobody = new Visitor();
    const other = world.open();
    await nobody.get(app, '/set');
    await nobody.get(app, '/destroy');
    assert.equal(world.stateOf(other), 'open');
    assert.deepEqual(inUse(world.node), []);
  });
}

for (const first of [true, false]) {
  test(`V67: a request under way brings nothing back after a logout, ${first ? 'not even its first session' : 'with its session'}`, async () => {
    const world = new World();
    let go = () => {};
    const logout = new Promise<void>((resolve) => (go = resolve));
    let waits = false;
    const { app } = appOf(world, {
      '/slow': async (req) => {
        waits = true;
        await logout;
        bag(req).user = 'late';
      },
    });
    const visitor = new Visitor();
    visitor.signOn = world.open();
    if (!first) await visitor.get(app, '/set');
    const answer = visitor.get(app, '/slow');
    await eventually(() => waits);
    world.close(visitor.signOn);
    go();
    await answer;
    assert.deepEqual(inUse(world.node), []);
    assert.equal((await visitor.get(app)).text, 'undefined');
  });
}

test('set after the end is dropped, whoever calls it', async () => {
  const { world, app, store, visitor } = start({ '/id': (req, res) => void res.send(bag(req).id) });
  await visitor.get(app, '/set');
  const { text: id } = await visitor.get(app, '/id');
  await call((done) => store.destroy(id, done));
  await call((done) => store.set(id, { cookie: {}, user: 'late' }, done));
  assert.equal(await call((done) => store.get(id, done)), null);
  assert.deepEqual(inUse(world.node), []);
});

test("all, length, load and clear see the application's sessions, and clear signs nobody off", async () => {
  const { world, app, store, visitor } = start();
  visitor.signOn = world.open();
  await visitor.get(app, '/set');
  await new Visitor().get(app, '/set?user=bob');
  await call((done) => makeStore(world.node.parts, { app: 'blog' }).set('x', { cookie: {} }, done));
  const all = await call<readonly { user?: unknown }[]>((done) => store.all(done as never));
  assert.deepEqual(all?.map(({ user }) => user).sort(), ['alice', 'bob']);
  assert.equal(await call((done) => store.length(done)), 2);
  await call((done) => store.set('known', { cookie: { originalMaxAge: null }, user: 'carol' }, done));
  const loaded = await call<{ user?: unknown; id?: string }>((done) => store.load('known', done as never));
  assert.equal(loaded?.user, 'carol');
  assert.equal(loaded?.id, 'known');
  assert.equal(await call((done) => store.load('unknown', done as never)), undefined);
  await call((done) => store.clear(done));
  assert.equal(await call((done) => store.length(done)), 0);
  assert.equal(world.stateOf(visitor.signOn), 'open');
});

test('all and clear go through many sessions in turns: who ends meanwhile is not listed, who is there is listed once and ended', async () => {
  const { world, store } = start();
  const { copies, table } = world.node;
  const ids = Array.from({ length: 5 * passedAtOnce }, (_, index) => `s${index}`);
  for (const id of ids) await call((done) => store.set(id, { cookie: {}, user: id }, done));
  const steps = stepsOf(copies, world.clock);
  const listed = call<readonly { user?: unknown }[]>((done) => store.all(done as never));
  table.end(table.key('shop', ids.at(-1)!), 'destroyed');
  assert.deepEqual(
    (await listed)?.map(({ user }) => user),
    ids.slice(0, -1),
  );
  const cleared = call((done) => store.clear(done));
  assert.equal(await call((done) => store.length(done)), ids.length - 1 - passedAtOnce);
  await cleared;
  assert.equal(await call((done) => store.length(done)), 0);
  assert.ok(steps.turns.length >= 10 && steps.turns.every((one) => one <= passedAtOnce), steps.turns.join());
});

test('all and clear of a node that stops in the middle, or has stopped, fail: no part of a list, and nothing called cleared that stays', async () => {
  const { world, store } = start();
  const { table } = world.node;
  const ids = Array.from({ length: 5 * passedAtOnce }, (_, index) => `s${index}`);
  for (const id of ids) await call((done) => store.set(id, { cookie: {}, user: id }, done));
  const given: unknown[][] = [];
  const said = (name: string) =>
    new Promise<void>((resolve) => {
      const callback = (...args: unknown[]) => {
        const [error, value] = args as [SsoError | null, unknown];
        given.push([name, error?.code, error?.status, value]);
        resolve();
      };
      if (name === 'all') store.all(callback);
      else store.clear(callback);
    });
  const under = [said('all'), said('clear')];
  table.close();
  await Promise.all([...under, said('all'), said('clear')]);
  const failed = (name: string) => [name, 'ERR_UNAVAILABLE', 503, undefined];
  assert.deepEqual(given, [...['all', 'clear', 'all', 'clear'].map(failed)]);
  assert.notEqual(await call((done) => store.length(done)), 0);
});

test('after its node has stopped a store saves and destroys nothing, and says so', async () => {
  const { world, store } = start();
  await call((done) => store.set('known', { cookie: {}, user: 'alice' }, done));
  world.node.table.close();
  const refused = { code: 'ERR_UNAVAILABLE', status: 503 };
  for (const id of ['known', 'new'])
    await assert.rejects(
      call((done) => store.set(id, { cookie: {}, user: 'bob' }, done)),
      refused,
      id,
    );
  await assert.rejects(
    call((done) => store.destroy('known', done)),
    refused,
  );
  assert.equal((await call<{ user: string }>((done) => store.get('known', done as never)))?.user, 'alice');
});

/** As `start`, with room for so many sessions. */
const startWithin = (sessions: number, paths: Record<string, Route> = {}) => {
  const world = new World({ limits: { sessions } });
  return { world, visitor: new Visitor(), ...appOf(world, paths) };
};

test('one session too many is refused while the answer can still say so; the error handler and the log have the reason; one that exists is served (V101)', async () => {
  const { world, app, visitor } = startWithin(1);
  const errors: SsoError[] = [];
  app.use(((error, _req, _res, _next) => void errors.push(error)) as express.ErrorRequestHandler);
  await visitor.get(app, '/set');
  const stranger = new Visitor();
  const { status, headers, text } = await stranger.get(app, '/set?user=bob');
  assert.deepEqual([status, headers['retry-after'], text], [503, '10', 'bob']);
  await eventually(() => errors.length === 1);
  assert.deepEqual([errors[0]!.code, errors[0]!.status], ['ERR_LIMIT_REACHED', 503]);
  assert.deepEqual(
    world.log.map(({ level, message }) => [level, message]),
    [['warn', 'session: the limit of 1 sessions is reached']],
  );
  assert.equal((await stranger.get(app)).status, 200, 'who puts nothing in is no session');
  assert.equal((await visitor.get(app, '/set?user=carol')).status, 200);
  assert.equal((await visitor.get(app)).text, 'carol');
});

test('an answer that has begun stays as it is, and its error handler hears that the session was refused (V101)', async () => {
  const { world, app } = startWithin(0, {
    '/stream': (req, res) => {
      res.write('begun ');
      bag(req).user = 'bob';
      res.end('ended');
    },
  });
  const errors: SsoError[] = [];
  app.use(((error, _req, _res, _next) => void errors.push(error)) as express.ErrorRequestHandler);
  const { status, text } = await new Visitor().get(app, '/stream');
  assert.deepEqual([status, text], [200, 'begun ended']);
  await eventually(() => errors.length === 1);
  assert.equal(world.log.at(-1)?.message, 'session: the limit of 0 sessions is reached');
});

test('who saves by hand where there is no room has the error, which is a 503 with Retry-After wherever it is handed on (V101)', async () => {
  const { app } = startWithin(0, {
    '/save': async (req) => {
      bag(req).user = 'bob';
      await call((done) => bag(req).save(done));
    },
  });
  app.set('env', 'test'); // Express' own handler writes to the console otherwise
  const { status, headers } = await new Visitor().get(app, '/save');
  assert.deepEqual([status, headers['retry-after']], [503, '10']);
});

test('an anonymous session that begins anew keeps its place, though another has taken it meanwhile', async () => {
  let meanwhile = async () => {};
  const { app, visitor } = startWithin(1, {
    '/regenerate': async (req) => {
      await call((done) => bag(req).regenerate(done));
      await meanwhile();
      bag(req).user = 'new';
    },
  });
  const other = new Visitor();
  await visitor.get(app, '/set');
  meanwhile = async () => assert.equal((await other.get(app, '/set')).status, 200);
  assert.equal((await visitor.get(app, '/regenerate')).status, 200);
  assert.equal((await visitor.get(app)).text, 'new');
  assert.equal((await other.get(app)).text, 'alice');
  meanwhile = async () => {};
  assert.equal((await other.get(app, '/regenerate')).status, 200);
  assert.equal((await new Visitor().get(app, '/set')).status, 503);
});

test('regenerate takes the place of a session, and an anonymous one moves, though there is no room for more', async () => {
  const { world, app, visitor } = startWithin(2, {
    '/regenerate': async (req) => {
      await call((done) => bag(req).regenerate(done));
      bag(req).user = 'new';
    },
  });
  visitor.signOn = world.open();
  const moving = new Visitor();
  for (const each of [visitor, moving]) await each.get(app, '/set');
  assert.equal((await visitor.get(app, '/regenerate')).status, 200);
  assert.equal((await visitor.get(app)).text, 'new');
  moving.signOn = world.open();
  assert.equal((await moving.get(app, '/set?user=bob')).status, 200);
  assert.equal((await moving.get(app)).text, 'bob');
});

test('save and reload of a session that the store made', async () => {
  const { app, visitor } = start({
    '/reload': async (req) => {
      bag(req).user = 'bob';
      await call((done) => bag(req).save(done));
      bag(req).user = 'unsaved';
      await call((done) => bag(req).reload(done));
      bag(req).touch();
    },
  });
  await visitor.get(app, '/set');
  assert.equal((await visitor.get(app, '/reload')).text, 'bob');
});

test('what cannot be stored is an error of the call', async () => {
  const { store } = start();
  await assert.rejects(
    call((done) => store.set('x', { cookie: {}, user: new Socket() }, done)),
    { code: 'ERR_SESSION_INVALID' },
  );
});

for (const replicationGranularity of ['SESSION', 'ATTRIBUTE', 'FIELD'] as const) {
  test(`${replicationGranularity}: of two requests at once, which express-session saves whole, ${
    replicationGranularity === 'SESSION' ? 'the later one counts' : 'each keeps what it changed'
  }`, async () => {
    const inner: { get?: () => Promise<unknown> } = {};
    const world = new World({ routes: ['node1', 'node2'] });
    const app = express();
    const kept = makeStore(world.node.parts, { app: 'shop', replicationGranularity });
    app.use((req, _res, next) => world.node.parts.context.run(req, next));
    app.use(expressSession({ store: kept, secret: 'keyboard cat', resave: false, saveUninitialized: false }));
    app.use(async (req, res) => {
      const session = bag(req) as ReturnType<typeof bag> & { list?: number[] };
      if (req.path === '/set') Object.assign(session, { list: [1], user: 'alice', note: 'x' });
      if (req.path === '/slow') {
        session.list?.push(2);
        await inner.get?.();
      }
      if (req.path === '/quick') {
        session.user = 'bob';
        delete session.note;
      }
      const { cookie: _, ...attributes } = session as unknown as Record<string, unknown>;
      res.json(attributes);
    });
    const visitor = new Visitor();
    await visitor.get(app, '/set');
    inner.get = () => visitor.copy().get(app, '/quick');
    await visitor.get(app, '/slow');
    const expected =
      replicationGranularity === 'SESSION' ? { list: [1, 2], user: 'alice', note: 'x' } : { list: [1, 2], user: 'bob' };
    assert.deepEqual((await visitor.get(app)).body, expected);
    const { puts } = world.node.copies;
    await visitor.get(app);
    assert.equal(world.node.copies.puts, puts, 'and what is the same is not written');
  });
}

test('express-session that comes before the valve is warned of once, with a new session and with one that is found; behind it not, nor by load()', async () => {
  for (const isRight of [true, false]) {
    for (const begins of [true, false]) {
      const world = new World();
      const { parts } = world.node;
      const host = (right: boolean) => {
        const made = makeStore(parts, { app: 'shop' });
        const app = express();
        const valve: express.RequestHandler = (req, _res, next) => parts.context.run(req, next);
        const session = expressSession({
          store: made,
          secret: 'keyboard cat',
          resave: false,
          saveUninitialized: false,
        });
        app.use(...(right ? [valve, session] : [session, valve]));
        app.use((req, res) => {
          bag(req).user = 'alice';
          res.send('ok');
        });
        return { app, made };
      };
      const visitor = new Visitor();
      if (!begins) await visitor.get(host(true).app);
      const { app, made } = host(isRight);
      for (let i = 0; i < 2; i++) await visitor.get(app);
      const id = decodeURIComponent(visitor.cookie).slice(2).split('.')[0]!;
      await new Promise((resolve) => made.load(id, resolve));
      const warnings = world.log.filter(({ level }) => level === 'warn').map(({ message }) => message);
      assert.equal(warnings.length, isRight ? 0 : 1);
      if (!isRight)
        assert.match(
          warnings[0]!,
          /^store: express-session comes before valve\(\).*mount the valve first\. Such sessions/,
        );
    }
  }
});

test('what a request has saved and then taken away is gone', async () => {
  const { app, visitor } = start({
    '/both': async (req) => {
      Object.assign(bag(req), { user: 'alice', count: 1 });
      await call((done) => bag(req).save(done));
      delete bag(req).user;
    },
    '/none': async (req) => {
      bag(req).note = 'short';
      await call((done) => bag(req).save(done));
      delete bag(req).note;
      delete bag(req).count;
    },
    '/show': (req, res) => void res.json({ ...bag(req), cookie: undefined }),
  });
  await visitor.get(app, '/both');
  assert.deepEqual((await visitor.get(app, '/show')).body, { count: 1 });
  await visitor.get(app, '/none');
  assert.deepEqual((await visitor.get(app, '/show')).body, {});
});

test('V81: a session that nobody knows is asked for once in half a minute, and found as soon as it comes', async () => {
  const world = new World({ routes: ['n1', 'n2'] });
  const [first, second] = world.nodes.map((node) => appOf(world, {}, {}, node).app) as [Express, Express];
  const [n1, n2] = world.nodes as [TestNode, TestNode];
  const visitor = new Visitor();
  visitor.signOn = world.open();
  n1.copies.lagging = true;
  await visitor.get(first, '/set');
  n2.copies.peers.length = 0;
  for (let count = 0; count < 3; count++) assert.equal((await visitor.copy().get(second)).text, 'undefined');
  assert.equal(n2.copies.asked.length, 1);
  world.clock.advance(30_000);
  await visitor.copy().get(second);
  assert.equal(n2.copies.asked.length, 2);
  n1.copies.catchUp();
  assert.equal((await visitor.get(second)).text, 'alice');
});

test('regenerate at the limit of a sign-on ends no other session of it', async () => {
  const world = new World({ limits: { sessionsPerSignOn: 2 } });
  const visitor = new Visitor();
  visitor.signOn = world.open();
  const other = application(world.node, { app: 'other' }, (req, res) => {
    bag(req).count = (bag(req).count ?? 0) + 1;
    res.send(String(bag(req).count));
  });
  const { app } = appOf(world, { '/anew': (req) => call((done) => bag(req).regenerate(done)) });
  await visitor.get(other);
  await visitor.get(app, '/set');
  await visitor.get(app, '/anew');
  assert.equal((await visitor.get(other)).text, '2');
});

/** What a request is given of another session while it works on its own. */
const look = (store: SessionStore, id: string) => call((done) => store.get(id, done));

test('who looks at another session takes nothing away from its own that others have put in meanwhile', async () => {
  const world = new World();
  const between: { act: () => Promise<unknown> } = { act: async () => {} };
  const { app, store } = appOf(world, {
    '/slow': async (req) => {
      await look(store, 'another');
      await look(store, otherId);
      await between.act();
      bag(req).count = 1;
    },
    '/add': (req) => void (bag(req).note = 'added'),
    '/show': (req, res) => void res.json({ ...bag(req), cookie: undefined }),
    '/id': (req, res) => void res.send(req.sessionID),
  });
  const [visitor, other] = [new Visitor(), new Visitor()];
  await other.get(app, '/set');
  const otherId = (await other.get(app, '/id')).text;
  await visitor.get(app, '/set');
  between.act = () => visitor.copy().get(app, '/add');
  await visitor.get(app, '/slow');
  assert.deepEqual((await visitor.get(app, '/show')).body, { user: 'alice', note: 'added', count: 1 });
});

test("an anonymous visitor's session that somebody else looks at who is signed on stays what it is", async () => {
  const world = new World();
  const { app, store } = appOf(world, {
    '/look': async (req) => {
      await look(store, otherId);
      bag(req).count = 1;
    },
    '/anew': async (req) => {
      await look(store, otherId);
      await call((done) => bag(req).regenerate(done));
    },
    '/id': (req, res) => void res.send(req.sessionID),
  });
  const [visitor, other] = [new Visitor(), new Visitor()];
  await other.get(app, '/set?user=eve');
  const otherId = (await other.get(app, '/id')).text;
  visitor.signOn = world.open();
  await visitor.get(app, '/set');
  assert.equal((await visitor.get(app, '/look')).text, 'alice');
  assert.equal((await other.get(app)).text, 'eve');
  assert.equal((await visitor.get(app, '/anew')).text, 'undefined');
  assert.equal((await other.get(app)).text, 'eve');
});
