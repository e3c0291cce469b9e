/** Sessions of one application below those of another: the first to come makes `req.session`, and it is said that the other has none. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import express from 'express';
import expressSession from 'express-session';
import { sessions } from '../../sso/session/sessions.ts';
import { bag, Visitor } from './support/visitor.ts';
import { World } from './support/world.ts';

const warningsOf = (world: World) => world.log.filter(({ level }) => level === 'warn');

test('another application’s sessions below are warned of once, with both names; the outer ones are what the request has', async () => {
  const world = new World();
  const { parts } = world.node;
  const host = express();
  host.use(sessions(parts, { app: 'shop' }));
  host.use('/desk', sessions(parts, { app: 'desk', cookie: { path: '/desk' } }));
  host.use((req, res) => {
    bag(req).count = (bag(req).count ?? 0) + 1;
    res.send(String(bag(req).count));
  });
  const visitor = new Visitor();
  assert.equal((await visitor.get(host, '/')).text, '1');
  assert.deepEqual(warningsOf(world), []);
  for (const count of ['2', '3']) assert.equal((await visitor.get(host, '/desk')).text, count);
  const [warning, ...others] = warningsOf(world);
  assert.deepEqual(others, []);
  assert.deepEqual(warning?.fields, { app: 'desk', other: 'shop' });
  assert.match(warning.message, /of the application "shop", which comes before: "desk" keeps nothing/);
  assert.deepEqual([...visitor.cookies.keys()], ['latchkey-shop']);
});

test('the same application mounted twice above one another, and two beside each other, are not warned of', async () => {
  const world = new World();
  const { parts } = world.node;
  const host = express();
  host.use('/shop', sessions(parts, { app: 'shop', cookie: { path: '/shop' } }));
  host.use('/shop', sessions(parts, { app: 'shop', cookie: { path: '/shop' } }));
  host.use('/desk', sessions(parts, { app: 'desk', cookie: { path: '/desk' } }));
  host.use((req, res) => void res.send(typeof bag(req)));
  const visitor = new Visitor();
  for (const path of ['/shop', '/desk']) assert.equal((await visitor.get(host, path)).text, 'object');
  assert.deepEqual(warningsOf(world), []);
});

test('an inner one whose path the request is not under does not mind the outer', async () => {
  const world = new World();
  const { parts } = world.node;
  const host = express();
  host.use(sessions(parts, { app: 'shop' }), sessions(parts, { app: 'desk', cookie: { path: '/desk' } }));
  host.use((_req, res) => void res.send('ok'));
  await new Visitor().get(host, '/');
  assert.deepEqual(warningsOf(world), []);
  await new Visitor().get(host, '/desk');
  assert.equal(warningsOf(world).length, 1);
});

test('below another session middleware an application has no sessions, and that is said once', async () => {
  const world = new World();
  const host = express();
  host.use(expressSession({ secret: 'keyboard cat', resave: false, saveUninitialized: false }));
  host.use(sessions(world.node.parts, { app: 'shop' }));
  host.use((_req, res) => void res.send('ok'));
  for (let i = 0; i < 2; i++) await new Visitor().get(host, '/');
  const [warning, ...others] = warningsOf(world);
  assert.deepEqual(others, []);
  assert.match(
    warning!.message,
    /req\.session already, of another middleware, which comes before: "shop" keeps nothing/,
  );
});
