/** Requests to a node that has not the data of the session that they come with. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import express, { type Request, type Response } from 'express';
import expressSession from 'express-session';
import { sessionHandle } from '../../sso/session/handle.ts';
import type { Session } from '../../sso/session/session.ts';
import type { SessionOptions } from '../../sso/session/sessions.ts';
import { store as makeStore } from '../../sso/session/store.ts';
import { application, bag, Visitor } from './support/visitor.ts';
import { type TestNode, World } from './support/world.ts';

type Placed = TestNode & { readonly depot: NonNullable<TestNode['depot']> };

const call = <T>(run: (callback: (error: unknown, value?: T) => void) => void) =>
  new Promise<T | undefined>((resolve, reject) =>
    run((error, value) => (error ? reject(error as Error) : resolve(value))),
  );

/** Three nodes; whoever serves a session has its data with the second. */
function cluster(options: Partial<SessionOptions> = {}) {
  const world = new World({ routes: ['n1', 'n2', 'n3'], depots: true });
  const nodes = world.nodes as readonly Placed[] as [Placed, Placed, Placed];
  for (const { depot } of nodes) depot.buddies = ['n2'];
  nodes[1].depot.buddies = ['n1'];
  let handled = 0;
  const apps = nodes.map((node) =>
    application(node, { buddies: 1, ...options }, async (req, res) => {
      handled++;
      if (req.path === '/set') bag(req).user = 'alice';
      if (req.path === '/link') sessionHandle(req)?.link(world.signOnOf(req)!);
      if (req.path === '/reload') await call((done) => void bag(req).reload(done as (error?: unknown) => void));
      res.send(String(bag(req).user));
    }),
  );
  return { world, nodes, apps, visitor: new Visitor(), handled: () => handled };
}

test('a session is fetched for whom it belongs to, once, and is served there from then on', async () => {
  const { world, nodes, apps, visitor } = cluster();
  visitor.signOn = world.open();
  await visitor.get(apps[0]!, '/set');
  assert.equal((await visitor.get(apps[2]!)).text, 'alice');
  assert.equal((await visitor.get(apps[2]!)).text, 'alice');
  assert.equal(nodes[2].depot.fetched.length, 1);
});

test('check 23: for a stranger with the cookie, signed on or not, nothing is fetched and nothing moves', async () => {
  const { world, nodes, apps, visitor } = cluster();
  visitor.signOn = world.open();
  await visitor.get(apps[0]!, '/set');
  const puts = nodes.map(({ depot }) => depot.puts.length);
  for (const signOn of [undefined, world.open()]) {
    const stranger = visitor.copy();
    stranger.signOn = signOn;
    assert.equal((await stranger.get(apps[2]!)).text, 'undefined');
  }
  assert.deepEqual(nodes[2].depot.fetched, []);
  assert.deepEqual(
    nodes.map(({ depot }) => depot.puts.length),
    puts,
  );
  assert.equal((await visitor.get(apps[0]!)).text, 'alice');
});

test('V61: what a visitor had put into a session elsewhere goes along at the sign-on', async () => {
  const { world, apps, visitor } = cluster();
  await visitor.get(apps[0]!, '/set');
  visitor.signOn = world.open();
  assert.equal((await visitor.get(apps[2]!, '/link')).text, 'alice');
  assert.equal((await visitor.get(apps[0]!)).text, 'alice');
});

test('while nobody can be asked who has it the answer is 503 with Retry-After: no fresh session, and the cookie stays', async () => {
  const { nodes, apps, visitor, handled } = cluster();
  await visitor.get(apps[0]!, '/set');
  const before = handled();
  nodes[2].depot.finds = 'out of reach';
  for (let i = 0; i < 2; i++) {
    const { status, headers, text } = await visitor.get(apps[2]!);
    assert.deepEqual([status, Number(headers['retry-after']) > 0, visitor.lines], [503, true, []]);
    assert.match(text, /^ERR_UNAVAILABLE/);
  }
  assert.equal(handled(), before);
  nodes[2].depot.finds = 'here';
  assert.equal((await visitor.get(apps[2]!)).text, 'alice', 'and nothing is remembered of it');
});

test('a session whose data nobody has is over, and the visitor gets a fresh one', async () => {
  const { nodes, apps, visitor } = cluster();
  await visitor.get(apps[0]!, '/set');
  nodes[2].depot.finds = 'lost';
  const { status, text } = await visitor.get(apps[2]!);
  assert.deepEqual([status, text], [200, 'undefined']);
});

test('of two cookies of the name the one whose session is elsewhere counts as one that can be handed out', async () => {
  const { apps, visitor } = cluster();
  await visitor.get(apps[0]!, '/set');
  const [name] = [...visitor.cookies.keys()];
  const { text } = await visitor.get(apps[2]!, '/', {
    cookie: `${name}=${'A'.repeat(65)}.n1; ${name}=${visitor.cookie}`,
  });
  assert.equal(text, 'alice');
});

test('reload() brings the session back that another node has taken over meanwhile, or says that it cannot be reached', async () => {
  const { nodes, apps, visitor } = cluster();
  await visitor.get(apps[0]!, '/set');
  const taken = async (req: Request, res: Response) => {
    const session = bag(req) as Session;
    await visitor.copy().get(apps[2]!);
    const said = await call((done) => void session.reload(done as (error?: unknown) => void)).catch(
      ({ code }: { code?: string }) => code,
    );
    res.send(`${said} ${bag(req).user}`);
  };
  const app = application(nodes[0], { buddies: 1 }, taken);
  assert.equal((await visitor.get(app)).text, 'undefined alice');
  nodes[0].depot.finds = 'out of reach';
  assert.equal((await visitor.get(app)).status, 200);
});

test('reload() brings nothing back that has left the request while others were asked', async () => {
  const { nodes, apps, visitor } = cluster();
  await visitor.get(apps[0]!, '/set');
  const app = application(nodes[0], { buddies: 1 }, async (req, res) => {
    const session = bag(req) as Session;
    await visitor.copy().get(apps[2]!);
    const reloaded = call((done) => void session.reload(done as (error?: unknown) => void)).then(
      () => 'reloaded',
      ({ code }: { code?: string }) => code,
    );
    sessionHandle(req)?.drop();
    res.send(`${await reloaded} ${bag(req).user}`);
  });
  assert.equal((await visitor.get(app)).text, 'ERR_SESSION_INVALID undefined');
});

test('an answer waits for the buddy of what it wrote, not for the cluster', async () => {
  const { nodes, apps, visitor } = cluster();
  await visitor.get(apps[0]!, '/set');
  assert.deepEqual([nodes[0].depot.waits, nodes[0].waits], [1, 0]);
});

test('where a session moves to a new id the answer waits for all to know that the old one is over', async () => {
  const { world, nodes, apps, visitor } = cluster();
  await visitor.get(apps[0]!, '/set');
  visitor.signOn = world.open();
  const { waits } = nodes[0];
  await visitor.get(apps[0]!, '/link');
  assert.equal(nodes[0].waits, waits + 1);
});

/** The same under express-session. */
function stores() {
  const world = new World({ routes: ['n1', 'n2', 'n3'], depots: true });
  const nodes = world.nodes as readonly Placed[] as [Placed, Placed, Placed];
  for (const { depot } of nodes) depot.buddies = ['n2'];
  const made = nodes.map((node) => {
    const store = makeStore(node.parts, { app: 'shop', buddies: 1 });
    const app = express();
    app.use((req, _res, next) => node.parts.context.run(req, next));
    app.use(expressSession({ store, secret: 'keyboard cat', resave: false, saveUninitialized: false }));
    app.use((req, res) => {
      if (req.path === '/set') bag(req).user = 'alice';
      if (req.path === '/add') bag(req).cart = [...(bag(req).cart ?? []), 'pen'];
      res.send(`${bag(req).user} ${bag(req).cart ?? ''}`);
    });
    return { store, app };
  });
  return { world, nodes, made, visitor: new Visitor() };
}

test('express-session: a session that another node serves is fetched, changed and kept; its own changes of before stay', async () => {
  const { nodes, made, visitor } = stores();
  await visitor.get(made[0]!.app, '/set');
  assert.equal((await visitor.get(made[2]!.app, '/add')).text, 'alice pen');
  assert.equal((await visitor.get(made[0]!.app, '/add')).text, 'alice pen,pen');
  assert.deepEqual([nodes[2].depot.fetched.length, nodes[0].depot.fetched.length], [1, 1]);
});

test('express-session: out of reach is an error with status 503, for a stranger it is nothing at all', async () => {
  const { world, nodes, made, visitor } = stores();
  visitor.signOn = world.open();
  await visitor.get(made[0]!.app, '/set');
  nodes[2].depot.finds = 'out of reach';
  assert.equal((await visitor.get(made[2]!.app)).status, 503);
  const stranger = visitor.copy();
  stranger.signOn = world.open();
  const fetched = nodes[2].depot.fetched.length;
  assert.equal((await stranger.get(made[2]!.app)).status, 200);
  assert.equal(nodes[2].depot.fetched.length, fetched);
});

test('express-session: out of reach is answered with Retry-After by Express itself, too', async () => {
  const { world, nodes, made, visitor } = stores();
  visitor.signOn = world.open();
  await visitor.get(made[0]!.app, '/set');
  nodes[2].depot.finds = 'out of reach';
  made[2]!.app.set('env', 'test'); // else Express prints the error
  const { status, headers } = await visitor.get(made[2]!.app);
  assert.deepEqual([status, headers['retry-after']], [503, '10']);
});

test('a store counts and clears the sessions of all nodes, and ends the sign-on of one that another node serves', async () => {
  const { world, made, visitor } = stores();
  await visitor.get(made[0]!.app, '/set');
  const other = new Visitor();
  other.signOn = world.open();
  await other.get(made[0]!.app, '/set');
  const { store } = made[2]!;
  assert.equal(await call((done) => store.length(done)), 2);
  const id = decodeURIComponent(other.cookie).slice(2).split('.')[0]!;
  await call((done) => store.destroy(id, done as (error?: unknown) => void));
  assert.equal(world.causeOf(other.signOn), 'invalidated');
  await call((done) => store.clear(done as (error?: unknown) => void));
  assert.equal(await call((done) => store.length(done)), 0);
});
