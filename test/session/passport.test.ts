/** Passport over our sessions: it regenerates at sign-on and sign-off, saves, and expects both to be as express-session has them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import express4 from 'express4';
import { Passport } from 'passport';
import { Strategy } from 'passport-local';
import { sessionHandle } from '../../sso/session/handle.ts';
import { sessions } from '../../sso/session/sessions.ts';
import { bag, Visitor } from './support/visitor.ts';
import { World } from './support/world.ts';

interface User {
  readonly name: string;
}
type PassportRequest = Request & {
  user?: User;
  logout(done: (error?: unknown) => void): void;
  isAuthenticated(): boolean;
};

function application(world: World, make: typeof express): Express {
  const passport = new Passport();
  passport.use(new Strategy((name, password, done) => done(null, password === 'open sesame' ? { name } : false)));
  passport.serializeUser((user: User, done) => done(null, user.name));
  passport.deserializeUser((name: string, done) => done(null, { name }));
  const app = make();
  app.use(sessions(world.node.parts, { app: 'shop' }));
  app.use(make.json(), passport.session());
  app.post('/cart', (req, res) => {
    bag(req).cart = ['shoe'];
    res.send('ok');
  });
  app.post('/login', passport.authenticate('local', { keepSessionInfo: true }), (req, res) => {
    // What `req.sso.open(principal, 'passport')` does to the session.
    const signOn = world.open();
    sessionHandle(req)?.link(signOn);
    res.send(signOn);
  });
  app.get('/', (req, res) => {
    const { user } = req as unknown as PassportRequest;
    res.json({ user: user?.name, cart: bag(req).cart });
  });
  app.post('/logout', (req, res, next) => {
    (req as unknown as PassportRequest).logout((error) => (error ? next(error) : res.send('ok')));
  });
  app.use(
    (error: Error, _req: Request, res: Response, _next: NextFunction) => void res.status(500).send(error.message),
  );
  return app;
}

for (const [version, make] of [
  ['5', express],
  ['4.21', express4],
] as const) {
  test(`passport signs on and off over req.session, under Express ${version}`, async () => {
    const world = new World();
    const app = application(world, make);
    const visitor = new Visitor();
    await visitor.post(app, '/cart');
    const anonymous = visitor.copy();

    assert.equal((await visitor.post(app, '/login', { username: 'alice', password: 'wrong' })).status, 401);
    assert.deepEqual((await visitor.get(app)).body, { cart: ['shoe'] });

    const { text } = await visitor.post(app, '/login', { username: 'alice', password: 'open sesame' });
    visitor.signOn = text as typeof visitor.signOn;
    assert.deepEqual((await visitor.get(app)).body, { user: 'alice', cart: ['shoe'] });
    assert.equal(world.node.table.linked(visitor.signOn!).length, 1);
    assert.deepEqual((await anonymous.get(app)).body, {}, 'check 15: the id from before is dead');

    const signedOn = visitor.copy();
    await visitor.post(app, '/logout');
    assert.deepEqual((await visitor.get(app)).body, {});
    assert.deepEqual((await signedOn.get(app)).body, {}, 'the id of the sign-on as well');
    assert.equal(
      world.stateOf(visitor.signOn!),
      'open',
      'the sign-on is for req.sso.logout() to end: passport only regenerates',
    );
  });

  test(`rejections and late errors reach the error handlers of Express ${version}`, async () => {
    const world = new World();
    const app = make();
    const failing = { ...world.node.parts, signOns: { ...world.node.parts.signOns, of: () => { throw new Error('no valve'); } } }; // biome-ignore format: one part
    app.use('/sync', sessions(failing, { app: 'shop' }));
    const { table } = world.node;
    const unreachable = {
      ...world.node.parts,
      table: Object.assign(Object.create(table), {
        key: (a: string, i: string) => table.key(a, i),
        look: () => ({ state: 'unknown' }),
        inquire: () => Promise.reject(new Error('no peers')),
      }),
    };
    app.use('/async', sessions(unreachable, { app: 'shop' }));
    app.use('/ok', sessions(world.node.parts, { app: 'shop' }), (req, res) => {
      bag(req).user = 'alice';
      res.send('ok');
    });
    app.use(
      (error: Error, _req: Request, res: Response, _next: NextFunction) => void res.status(500).send(error.message),
    );
    const visitor = new Visitor();
    assert.equal((await visitor.get(app, '/ok')).text, 'ok');
    assert.equal((await visitor.get(app, '/sync')).text, 'no valve');
    assert.equal((await visitor.get(app, '/async')).text, 'no peers');
  });
}
