/** A node that stood still holds sessions as they were before: a request there waits until it knows what the others did meanwhile. */

import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import express, { type RequestHandler } from 'express';
import expressSession from 'express-session';
import { store } from '../../sso/session/store.ts';
import { application, bag, Visitor } from './support/visitor.ts';
import { type TestNode, World } from './support/world.ts';

const counts: RequestHandler = (req, res) => {
  bag(req).count = (bag(req).count ?? 0) + 1;
  res.send(String(bag(req).count));
};

function underExpressSession(node: TestNode) {
  const app = express();
  app.use((req, _res, next) => node.parts.context.run(req, next));
  const secret = 'keyboard cat';
  app.use(
    expressSession({ store: store(node.parts, { app: 'shop' }), secret, resave: false, saveUninitialized: false }),
  );
  return app.use(counts);
}

const overThere = (node: TestNode) =>
  application(node, {}, async (req, res, next) => {
    if (req.path === '/end') {
      await bag(req).destroy();
      res.send('ended');
    } else counts(req, res, next);
  });

/** What a request is answered that comes to the second node before it knows what was done at the first while it stood still. */
async function late(made: (node: TestNode) => RequestListener, meanwhile: readonly string[]): Promise<string> {
  const world = new World({ routes: ['n1', 'n2'] });
  const [n1, n2] = world.nodes as [TestNode, TestNode];
  const [first, second] = [made(n1), made(n2)];
  const visitor = new Visitor();
  await visitor.get(second);
  n1.copies.lagging = true;
  const elsewhere = visitor.copy();
  for (const path of meanwhile) await elsewhere.get(first, path);
  const answer = visitor.get(second);
  await Promise.race([answer, standStill(n2)]);
  n1.copies.catchUp();
  n2.catchingUp.end();
  return (await answer).text;
}

/** Resolves when somebody waits for it to catch up. */
function standStill(node: TestNode): Promise<void> {
  return new Promise((resolve) => node.catchingUp.begin(resolve));
}

for (const [name, made] of [
  ['sessions()', overThere],
  ['store()', underExpressSession],
] as const) {
  test(`${name}: what was answered elsewhere while a node stood still is in the session that a request there works on`, async () => {
    assert.equal(await late(made, ['/', '/']), '4');
  });
}

test('a session that ended while a node stood still is none for a request there', async () => {
  assert.equal(await late(overThere, ['/end']), '1');
});

test('of several cookies the one is taken that names a session, also while the node does not know what the others did', async () => {
  const world = new World();
  const app = application(world.node, {}, counts);
  const [gone, visitor] = [new Visitor(), new Visitor()];
  for (const one of [gone, visitor]) await one.get(app);
  world.node.table.end(world.node.parts.table.key('shop', gone.cookie.split('.', 1)[0]!), 'left');
  const [name] = [...visitor.cookies.keys()];
  const cookie = `${name}=${gone.cookie}; ${name}=${visitor.cookie}`;
  const asked = standStill(world.node);
  const answer = new Visitor().get(app, '/', { cookie });
  await Promise.race([answer, asked]);
  world.node.catchingUp.end();
  assert.equal((await answer).text, '2');
});
