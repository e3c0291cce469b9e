/** express-session's behaviours, in our sentences; with its defaults where a test depends on them. */

import assert from 'node:assert/strict';
import http from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import cookieParser from 'cookie-parser';
import express, { type ErrorRequestHandler, type Request, type Response } from 'express';
import { sessionHandle } from '../../sso/session/handle.ts';
import { sessions } from '../../sso/session/sessions.ts';
import { inUse } from './support/in-use.ts';
import { application, bag, Visitor } from './support/visitor.ts';
import { World } from './support/world.ts';

const counting = () => {
  const world = new World();
  const app = application(world.node, {}, (req, res) => {
    bag(req).count = (bag(req).count ?? 0) + 1;
    res.send(`hits: ${bag(req).count}`);
  });
  return { world, app, visitor: new Visitor() };
};

const live = (world: World, app = 'shop') => inUse(world.node, app).length;

test('a session is made when something is put into it, and is found again by its cookie', async () => {
  const { world, app, visitor } = counting();
  assert.equal((await visitor.get(app)).text, 'hits: 1');
  assert.equal((await visitor.get(app)).text, 'hits: 2');
  assert.equal((await new Visitor().get(app)).text, 'hits: 1');
  assert.equal(live(world), 2);
});

test('a visitor who leaves nothing gets no session and no cookie', async () => {
  const world = new World();
  const app = application(world.node, {}, (req, res) => void res.send(String(bag(req).count)));
  const visitor = new Visitor();
  await visitor.get(app);
  assert.deepEqual(visitor.lines, []);
  assert.equal(live(world), 0);
});

test('attributes that JSON drops leave nothing either', async () => {
  const world = new World();
  const app = application(world.node, {}, (req, res) => {
    bag(req).note = undefined;
    Object.assign(bag(req), { method() {} });
    bag(req).cookie.maxAge = 5_000;
    res.send('ok');
  });
  await new Visitor().get(app);
  assert.equal(live(world), 0);
});

test('with saveUninitialized every visitor gets a session', async () => {
  const world = new World();
  const app = application(world.node, { saveUninitialized: true });
  const visitor = new Visitor();
  await visitor.get(app);
  const { cookie } = visitor;
  assert.equal(live(world), 1);
  await visitor.get(app);
  assert.deepEqual(visitor.lines, [], 'and keeps it');
  assert.equal(visitor.cookie, cookie);
});

test('only changes are saved: reading a session writes nothing and sets no cookie', async () => {
  const world = new World();
  const app = application(world.node, { resave: true, cookie: { maxAge: 60_000 } }, (req, res) => {
    if (req.method === 'POST') bag(req).cart = ['shoe'];
    res.send(JSON.stringify(bag(req).cart));
  });
  const visitor = new Visitor();
  await visitor.post(app);
  const { puts } = world.node.copies;
  assert.equal((await visitor.get(app)).text, '["shoe"]');
  assert.deepEqual(visitor.lines, []);
  assert.equal(world.node.copies.puts, puts);
  assert.equal(world.node.waits, 1, 'nobody waits for a second member where nothing was written');
});

test('a change within an attribute is a change, also in one that is called "cookie"', async () => {
  const world = new World();
  const app = application(world.node, {}, (req, res) => {
    const session = bag(req) as unknown as { user: { cookie: number } };
    session.user ??= { cookie: 0 };
    session.user.cookie++;
    res.send(String(session.user.cookie));
  });
  const visitor = new Visitor();
  for (const expected of ['1', '2', '3']) assert.equal((await visitor.get(app)).text, expected);
});

test('attributes and cookie are what is enumerable, and names that are taken are no attributes', async () => {
  const world = new World();
  const app = application(world.node, {}, (req, res) => {
    Object.assign(bag(req), { test1: 1, test2: 'b' });
    const inherited: string[] = [];
    for (const name in bag(req)) inherited.push(name);
    res.json({
      own: Object.keys(bag(req)).sort(),
      inherited: inherited.sort(),
      json: Object.keys(JSON.parse(JSON.stringify(bag(req)))).sort(),
    });
  });
  const names = ['cookie', 'test1', 'test2'];
  assert.deepEqual((await new Visitor().get(app)).body, { own: names, inherited: names, json: names });

  const planted = JSON.parse('{"save":"no","id":"no","__proto__":{"admin":true},"constructor":1,"user":"alice"}');
  const { table } = world.node;
  const reading = application(world.node, { genid: () => 'apple' }, (req, res) => {
    const { user, admin } = bag(req) as { user?: string; admin?: boolean };
    res.json({ user, admin, save: typeof bag(req).save, id: bag(req).id });
  });
  table.write(table.key('shop', 'apple'), {
    app: 'shop',
    signOn: undefined,
    idleMs: 0,
    changes: {
      fields: Object.entries(planted).map(([name, value]) => ({
        ...{ part: '0', field: `.${name}` },
        text: JSON.stringify(value),
      })),
      gone: [],
    },
  });
  const visitor = new Visitor();
  visitor.cookie = 'apple.node1';
  assert.deepEqual((await visitor.get(reading)).body, { user: 'alice', save: 'function', id: 'apple' });
});

test('a record whose texts are none of ours is a session with other attributes, never an error', async () => {
  const world = new World();
  const { table } = world.node;
  const app = application(world.node, { genid: () => 'apple' }, (req, res) => void res.json(Object.keys(bag(req))));
  for (const text of ['', 'null', '{', '[0]', '["x",1]', '{"$":["m",5]}', '{"path":5}']) {
    const fields = ['.user', ':user', '*', ':', 'x'].map((field) => ({ part: '0', field, text }));
    const changes = { fields: [...fields, { part: '', field: 'cookie', text }], gone: [] };
    table.write(table.key('shop', 'apple'), { app: 'shop', signOn: undefined, idleMs: 0, changes });
    const visitor = new Visitor();
    visitor.cookie = 'apple.node1';
    const res = await visitor.get(app);
    assert.equal(res.status, 200, text);
  }
});

test('what cannot be saved is an error for the application, and what was saved before stays', async () => {
  const world = new World();
  const errors: unknown[] = [];
  const app = express();
  app.use(sessions(world.node.parts, { app: 'shop' }), (req, res) => {
    if (req.path === '/socket') bag(req).note = req.socket;
    else if (req.path === '/circle') bag(req).note = bag(req);
    else if (req.path === '/large') bag(req).note = 'x'.repeat(300_000);
    else if (req.path === '/set') bag(req).user = 'alice';
    res.send(String(bag(req).user));
  });
  app.use(((error, _req, _res, _next) => void errors.push(error.code)) as express.ErrorRequestHandler);
  const visitor = new Visitor();
  await visitor.get(app, '/set');
  for (const path of ['/socket', '/circle', '/large']) assert.equal((await visitor.get(app, path)).text, 'alice');
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(errors, ['ERR_SESSION_INVALID', 'ERR_SESSION_INVALID', 'ERR_SESSION_INVALID']);
  assert.equal(world.log.filter(({ level }) => level === 'error').length, 3);
  assert.equal((await visitor.get(app)).text, 'alice');
});

test('check 78: one session too many is refused with 503, and those that are there go on', async () => {
  const world = new World({ limits: { sessions: 1 } });
  const app = application(world.node, {}, async (req, res) => {
    bag(req).user ??= 'alice';
    await bag(req).save();
    res.send('saved');
  });
  const visitor = new Visitor();
  await visitor.get(app);
  const refused = await new Visitor().get(app);
  assert.equal(refused.status, 503);
  assert.match(refused.text, /^ERR_LIMIT_REACHED/);
  assert.equal((await visitor.get(app)).text, 'saved');
});

test('check 78: the same where nobody saves by hand: the answer says so, and nothing is thrown at the application', async () => {
  const world = new World({ limits: { sessions: 1 } });
  const app = application(world.node, {}, (req, res) => {
    bag(req).user ??= 'alice';
    res.send('kept');
  });
  const visitor = new Visitor();
  assert.equal((await visitor.get(app)).text, 'kept');
  const refused = await new Visitor().get(app);
  assert.deepEqual(
    [refused.status, refused.headers['retry-after'], refused.headers['set-cookie']],
    [503, '10', undefined],
  );
  assert.equal((await visitor.get(app)).text, 'kept');
});

/** What a request at a path does with its session, until it is saved by hand or answered. */
function savingAt(world: World, change: (path: string, req: express.Request) => void) {
  const errors: unknown[] = [];
  const app = express();
  app.use(sessions(world.node.parts, { app: 'shop' }), async (req, res, next) => {
    change(req.path, req);
    try {
      if (req.path.startsWith('/save')) await bag(req).save();
    } catch (error) {
      return next(error);
    }
    res.json({ user: bag(req).user, note: bag(req).note });
  });
  app.use(((error, req, res, _next) => {
    errors.push(error.code);
    if (res.headersSent) return;
    if (req.path.endsWith('/repaired')) bag(req).note = 'plain';
    res.status(error.status).json(error.message);
  }) as ErrorRequestHandler);
  return { app, errors };
}

test('after its node has stopped nothing is saved: the answer goes out without a new cookie, and the error handler and the log say why', async () => {
  const world = new World();
  const { app, errors } = savingAt(world, (path, req) => {
    if (path !== '/read') bag(req).user = path;
  });
  const visitor = new Visitor();
  await visitor.get(app, '/before');
  const { puts } = world.node.copies;
  world.node.table.close();
  for (const who of [visitor, new Visitor()]) {
    const answer = await who.get(app, '/after');
    assert.deepEqual([answer.status, answer.body], [200, { user: '/after' }]);
    assert.deepEqual(who.lines, []);
  }
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(errors, ['ERR_UNAVAILABLE', 'ERR_UNAVAILABLE']);
  assert.equal(world.log.length, 2, 'one line for each request');
  for (const { level, fields, message } of world.log) {
    assert.deepEqual([level, fields], ['error', { app: 'shop', code: 'ERR_UNAVAILABLE' }]);
    assert.match(message, /^session: this node has stopped, .* end the server first, .* `await sso\.stop\(\)`$/);
  }
  assert.deepEqual((await visitor.get(app, '/read')).body, { user: '/before' });
  assert.equal(world.log.length, 2, 'who changes nothing has lost nothing');
  assert.equal(world.node.copies.puts, puts);
});

test('after its node has stopped save, destroy, regenerate and leave are refused, and what is stored stays', async () => {
  const world = new World();
  const asked: string[] = [];
  const app = application(world.node, {}, async (req, res) => {
    if (req.path === '/before') bag(req).user = 'alice';
    else {
      const how = req.path.slice(1) as 'save' | 'destroy' | 'regenerate' | 'leave';
      const done = how === 'leave' ? sessionHandle(req)!.leave() : bag(req)[how]();
      await assert.rejects(done, { code: 'ERR_UNAVAILABLE', status: 503 }, how);
      asked.push(how);
    }
    res.send('ok');
  });
  const visitor = new Visitor();
  await visitor.get(app, '/before');
  world.node.table.close();
  for (const how of ['save', 'destroy', 'regenerate', 'leave']) await visitor.copy().get(app, `/${how}`);
  assert.deepEqual(asked, ['save', 'destroy', 'regenerate', 'leave']);
  assert.equal(live(world), 1);
});

test('what save was refused is not tried again at the end of the answer, and told once; what has changed since is', async () => {
  const world = new World({ limits: { sessions: 1 } });
  let admitted = 0;
  const { table } = world.node;
  const admit = table.admit.bind(table);
  table.admit = (app) => {
    admitted++;
    admit(app);
  };
  const { app, errors } = savingAt(world, (path, req) => {
    bag(req).user = 'alice';
    if (path.startsWith('/save/socket')) bag(req).note = new Socket();
  });
  const visitor = new Visitor();
  await visitor.get(app, '/');
  admitted = 0;
  const full = await new Visitor().get(app, '/save');
  assert.deepEqual([full.status, full.headers['retry-after']], [503, '10']);
  assert.equal(admitted, 1);
  assert.match((await visitor.get(app, '/save/socket')).text, /note is a Socket/);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(errors, ['ERR_LIMIT_REACHED', 'ERR_SESSION_INVALID']);
  assert.deepEqual(
    world.log.map(({ fields }) => fields),
    errors.map((code) => ({ app: 'shop', code })),
  );
  await visitor.get(app, '/save/socket/repaired');
  assert.equal(world.log.length, 2, 'there is nothing to say of what was repaired');
  assert.deepEqual((await visitor.get(app, '/read')).body, { user: 'alice', note: 'plain' });
});

test('what save was refused is told once whatever the granularity, though it holds objects that nobody has named yet', async () => {
  for (const replicationGranularity of ['SESSION', 'ATTRIBUTE', 'FIELD'] as const) {
    const world = new World({ limits: { sessions: 0 } });
    const told: unknown[] = [];
    const mount = sessions(world.node.parts, { app: 'shop', replicationGranularity });
    const app: express.RequestHandler = (req, res, next) => {
      const noted = (error?: unknown) => (error === undefined ? next() : void told.push(error));
      mount(req, res, noted);
    };
    const server = express().use(app, async (req, res) => {
      bag(req).note = { items: [{ id: 1 }] };
      await bag(req)
        .save()
        .catch((error: unknown) => told.push(error));
      res.send('done');
    });
    await new Visitor().get(server);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(told.length, 1, replicationGranularity);
  }
});

test('what save was refused is tried for a session that takes the place of the refused one', async () => {
  const world = new World({ limits: { sessions: 1 } });
  const { table } = world.node;
  const app = application(world.node, {}, async (req, res) => {
    bag(req).user = 'alice';
    if (req.path === '/again') {
      await assert.rejects(bag(req).save(), { code: 'ERR_LIMIT_REACHED' });
      table.end(inUse(world.node, 'shop')[0]!, 'destroyed');
      await bag(req).regenerate();
      bag(req).user = 'alice';
    }
    res.send(bag(req).id);
  });
  await new Visitor().get(app);
  const visitor = new Visitor();
  assert.equal((await visitor.get(app, '/again')).status, 200);
  assert.equal(visitor.lines.length, 1);
  assert.equal(live(world), 1);
});

test('a refusal that whoever called save passed over is answered all the same: a success would be none', async () => {
  const world = new World({ limits: { sessions: 0 } });
  const app = application(world.node, {}, (req, res) => {
    bag(req).user = 'alice';
    bag(req).save(() => res.send('saved'));
  });
  const visitor = new Visitor();
  assert.equal((await visitor.get(app)).status, 503);
  assert.deepEqual(visitor.lines, []);
  assert.deepEqual(
    world.log.map(({ fields }) => fields),
    [{ app: 'shop', code: 'ERR_LIMIT_REACHED' }],
  );
});

test('rolling sends the cookie with every answer of a session, and makes none', async () => {
  const world = new World();
  const app = application(world.node, { rolling: true, cookie: { maxAge: 60_000 } }, (req, res) => {
    if (req.method === 'POST') bag(req).user = 'bob';
    res.send('ok');
  });
  const visitor = new Visitor();
  await visitor.get(app);
  assert.deepEqual(visitor.lines, []);
  await visitor.post(app);
  const [first] = visitor.lines;
  world.clock.advance(10_000);
  await visitor.get(app);
  assert.equal(visitor.lines.length, 1);
  assert.notEqual(visitor.lines[0], first, 'its time begins anew');
  assert.equal(live(world), 1);
});

test('a session lasts as long as cookie.maxAge after its last request, else idleMs, else 30 minutes', async () => {
  for (const [options, ms] of [
    [{ cookie: { maxAge: 5_000 }, idleMs: 60_000 }, 5_000],
    [{ idleMs: 60_000 }, 60_000],
    [{}, 30 * 60_000],
  ] as const) {
    const world = new World();
    const app = application(world.node, options, (req, res) => {
      bag(req).count = (bag(req).count ?? 0) + 1;
      res.send(String(bag(req).count));
    });
    const visitor = new Visitor();
    await visitor.get(app);
    world.clock.advance(ms - 1);
    assert.equal((await visitor.get(app)).text, '2');
    const { cookie } = visitor;
    world.clock.advance(ms);
    assert.equal((await visitor.get(app)).text, '1');
    assert.notEqual(visitor.cookie, cookie, 'with another id');
  }
});

test('V43: a session with idleMs 0 never times out', async () => {
  const { world, visitor } = counting();
  const app = application(world.node, { idleMs: 0 }, (req, res) => {
    bag(req).count = (bag(req).count ?? 0) + 1;
    res.send(String(bag(req).count));
  });
  await visitor.get(app);
  world.clock.advance(20 * 86_400_000);
  assert.equal((await visitor.get(app)).text, '2');
});

test('a request that only looks around keeps a session alive, too', async () => {
  const world = new World();
  const app = application(world.node, { idleMs: 60_000 }, (req, res) => {
    if (req.path === '/set') bag(req).user = 'alice';
    if (req.path !== '/static') res.send(String(bag(req).user));
    else res.send('picture');
  });
  const visitor = new Visitor();
  await visitor.get(app, '/set');
  for (let i = 0; i < 5; i++) {
    world.clock.advance(50_000);
    await visitor.get(app, '/static');
    assert.deepEqual(visitor.lines, []);
  }
  assert.equal((await visitor.get(app)).text, 'alice');
});

test('genid gives the id, with the request in hand, and unsafe characters are encoded', async () => {
  const world = new World({ routes: [undefined] });
  const app = application(world.node, { genid: (req) => req.query['id'] as string }, (req, res) => {
    bag(req).user = 'alice';
    res.send(bag(req).id);
  });
  for (const id of ['apple', '%', '/foo', 'a.b']) {
    const visitor = new Visitor();
    assert.equal((await visitor.get(app, `/?id=${encodeURIComponent(id)}`)).text, id);
    assert.equal(visitor.cookie, encodeURIComponent(id).replaceAll('.', '%2E'));
    assert.equal((await visitor.get(app, '/?id=other')).text, id);
  }
  const failed = await new Visitor().get(app);
  assert.match(failed.text, /^ERR_CONFIG_INVALID: genid/, "an id that is none is the application's error");
});

test("nothing is done where there is a session already, of ours or another's", async () => {
  const world = new World();
  const app = express();
  const foreign = { mine: true };
  app.use('/foreign', (req, _res, next) => {
    (req as unknown as { session: object }).session = foreign;
    next();
  });
  app.use(
    sessions(world.node.parts, { app: 'outer' }),
    sessions(world.node.parts, { app: 'inner', saveUninitialized: true }),
  );
  app.use((req, res) => {
    bag(req).user = 'alice';
    res.send(String((req as unknown as { session: object }).session === foreign));
  });
  const visitor = new Visitor();
  assert.equal((await visitor.get(app, '/foreign')).text, 'true');
  assert.deepEqual(visitor.lines, []);
  await visitor.get(app);
  assert.deepEqual([...visitor.cookies.keys()], ['latchkey-outer']);
});

test('req.sessionID is the id; given another value, nothing is saved', async () => {
  const world = new World();
  const app = application(world.node, {}, (req, res) => {
    const { sessionID } = req as unknown as { sessionID: unknown };
    assert.equal(sessionID, bag(req).id);
    (req as { sessionID: unknown }).sessionID = req.path === '/own' ? sessionID : () => {};
    bag(req).user = 'alice';
    res.send('ok');
  });
  const visitor = new Visitor();
  await visitor.get(app);
  assert.deepEqual(visitor.lines, []);
  assert.equal(live(world), 0);
  await visitor.get(app, '/own');
  assert.equal(live(world), 1);
});

test('what an application puts under the name of a method, or in the place of all of them, hinders nothing from being saved', async () => {
  const world = new World();
  const app = application(world.node, {}, (req, res, next) => {
    if (req.path === '/read') return void res.json([bag(req).user, typeof bag(req).touch, typeof bag(req).save]);
    const session = bag(req) as unknown as Record<string, unknown>;
    session['user'] = 'alice';
    session[req.path.slice(1)] = { admin: true };
    next();
  });
  for (const name of ['touch', 'resetMaxAge', 'save', '__proto__']) {
    const visitor = new Visitor();
    await visitor.get(app, `/${name}`);
    assert.deepEqual((await visitor.get(app, '/read')).body, ['alice', 'function', 'function'], name);
  }
  assert.deepEqual(world.log, []);
});

test('an answer whose session cannot be kept says that its connection ends, for Express ends it: no later request is lost on it', async (t) => {
  const world = new World();
  const app = express();
  app.use(sessions(world.node.parts, { app: 'shop' }), (req, res) => {
    if (req.path === '/socket') bag(req).note = new Socket();
    res.send('paid');
  });
  app.use(((error, _req, res, next) => next(res.headersSent ? error : undefined)) as ErrorRequestHandler);
  const server = app.listen(0);
  t.after(() => server.close());
  const kept = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => kept.destroy());
  const ask = (path: string) =>
    new Promise<readonly [connection: string | undefined, text: string]>((resolve, reject) => {
      const { port } = server.address() as AddressInfo;
      const asked = http.get({ port, path, agent: kept }, async (answer) => {
        resolve([answer.headers.connection, Buffer.concat(await answer.toArray()).toString()]);
      });
      asked.on('error', reject);
    });
  assert.deepEqual(await ask('/'), ['keep-alive', 'paid']);
  assert.deepEqual(await ask('/socket'), ['close', 'paid']);
  assert.deepEqual(await ask('/'), ['keep-alive', 'paid']);
});

test('the answer is the same, however it is ended: twice, with null, in pieces, with a length', async () => {
  const world = new World();
  const use = sessions(world.node.parts, { app: 'shop' });
  const endings: Record<string, (res: http.ServerResponse) => void> = {
    'hello, world': (res) => {
      res.write('hello, ');
      res.end('world');
    },
    hello: (res) => {
      res.end('hello');
      res.end();
    },
    '': (res) => void res.end(null),
    'with length': (res) => {
      res.setHeader('Content-Length', 11);
      res.end('with length');
    },
  };
  for (const [text, end] of Object.entries(endings)) {
    const server = http.createServer((req, res) => {
      use(req as never, res as never, () => {
        bag(req).user = 'alice';
        end(res);
      });
    });
    const visitor = new Visitor();
    assert.equal((await visitor.get(server)).text, text);
    assert.equal(visitor.lines.length, 1, 'and the session is saved');
  }
  assert.equal(live(world), Object.keys(endings).length);
});

test('in a streamed answer the session is there before the cookie is, and later changes are saved at the end', async () => {
  const world = new World();
  const app = application(
    world.node,
    {},
    (req, res, next) => {
      if (req.path !== '/stream') return next();
      bag(req).user = 'alice';
      res.write('first ');
      assert.equal(live(world), 1);
      bag(req).count = 5;
      res.end('last');
    },
    (req, res) => void res.json({ user: bag(req).user, count: bag(req).count }),
  );
  const visitor = new Visitor();
  assert.equal((await visitor.get(app, '/stream')).text, 'first last');
  assert.deepEqual((await visitor.get(app)).body, { user: 'alice', count: 5 });
});

test('a session that begins after the headers are sent is not kept: no cookie could name it', async () => {
  const world = new World();
  const app = application(world.node, {}, (req, res) => {
    res.write('first ');
    bag(req).user = 'alice';
    res.end('last');
  });
  await new Visitor().get(app);
  assert.equal(live(world), 0);
});

for (const [what, allowInsecureCookie, begins] of [
  ['after the headers are sent', true, (res: Response) => void res.write('first ')],
  ['on a connection that its cookie is not for', false, () => {}],
] as const) {
  test(`a session that begins ${what} is not kept either where it is saved at once`, async () => {
    const world = new World({ allowInsecureCookie });
    const app = application(world.node, {}, async (req, res) => {
      begins(res);
      bag(req).user = 'alice';
      await bag(req).save();
      res.end('last');
    });
    await new Visitor().get(app);
    assert.equal(live(world), 0);
  });
}

test('a session that begins while a connection lives is kept for it by save(), though no cookie can name it', async () => {
  const world = new World();
  const middleware = sessions(world.node.parts, { app: 'shop' });
  const req = { headers: {}, socket: {}, url: '/' } as unknown as Request;
  await new Promise((next) => middleware(req, {} as Response, next));
  bag(req).count = 1;
  await bag(req).save();
  await bag(req).reload();
  assert.deepEqual([bag(req).count, live(world)], [1, 1]);
});

test('what cookie-parser read is read where the header is gone, and an object in its place is no id', async () => {
  const world = new World();
  const app = express();
  app.use(cookieParser(), (req, _res, next) => {
    req.headers.cookie = 'foo=bar';
    next();
  });
  app.use(sessions(world.node.parts, { app: 'shop' }), (req, res) => {
    bag(req).count = (bag(req).count ?? 0) + 1;
    res.send(String(bag(req).count));
  });
  const visitor = new Visitor();
  assert.equal((await visitor.get(app)).text, '1');
  assert.equal((await visitor.get(app)).text, '2');
  for (const value of ['j:{"$ne":1}', 'j:{"__proto__":1}', 's:x']) {
    visitor.cookie = encodeURIComponent(value);
    assert.equal((await visitor.get(app)).text, '1');
  }
});

test('whoever reads the session varies by cookie, and whoever sets its cookie is not to be stored (check 13)', async () => {
  const { app, visitor } = counting();
  const res = await visitor.get(app);
  assert.equal(res.headers['vary'], 'Cookie');
  assert.equal(res.headers['cache-control'], 'no-store');
  const world = new World();
  const untouched = await visitor.get(application(world.node, {}));
  assert.equal(untouched.headers['vary'], undefined);
});
