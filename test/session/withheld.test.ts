/** Sessions of a request of which nobody can say now whether it is signed on: what belongs to a sign-on is neither handed out nor lost. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Request } from 'express';
import { sessionHandle } from '../../sso/session/handle.ts';
import type { SessionOptions } from '../../sso/session/sessions.ts';
import { application, bag, Visitor } from './support/visitor.ts';
import { World, withheldHeader } from './support/world.ts';

function start(act: (req: Request) => unknown = () => {}, options: Partial<SessionOptions> = {}) {
  const world = new World();
  const app = application(world.node, options, async (req, res) => {
    if (req.path === '/act') await act(req);
    if (req.path === '/set') bag(req).user = 'alice';
    res.send(req.path === '/' ? String(bag(req).user) : '-');
  });
  const visitor = new Visitor();
  /** As the visitor, at a node without leases. */
  const withheld = async (path: string) => {
    const { signOn } = visitor;
    visitor.signOn = undefined;
    const answer = await visitor.get(app, path, { [withheldHeader]: '1' });
    visitor.signOn = signOn;
    return answer;
  };
  return { world, app, visitor, withheld };
}

test('without leases a linked session is not handed out, and is there again with its data and its cookie afterwards', async () => {
  for (const options of [{}, { saveUninitialized: true, rolling: true }]) {
    const { world, app, visitor, withheld } = start(() => {}, options);
    visitor.signOn = world.open();
    await visitor.get(app, '/set');
    assert.equal((await withheld('/')).text, 'undefined');
    assert.deepEqual(visitor.lines, []);
    await withheld('/set');
    assert.deepEqual(visitor.lines, [], 'what is put into its place lasts for the request');
    assert.equal((await visitor.get(app)).text, 'alice');
    assert.equal(world.node.copies.size, 1);
  }
});

test('without leases an application that saves, destroys, unsets or begins anew what it has instead takes nothing away', async () => {
  const acts: ((req: Request) => unknown)[] = [
    (req) => bag(req).save(),
    (req) => assert.rejects(bag(req).destroy(), { code: 'ERR_UNAVAILABLE' }, 'nobody is told that it has ended'),
    (req) => bag(req).regenerate(),
    (req) => Object.assign(req, { session: null }),
  ];
  for (const act of acts) {
    const { world, app, visitor, withheld } = start(act, { unset: 'destroy' });
    const signOn = world.open();
    visitor.signOn = signOn;
    await visitor.get(app, '/set');
    await withheld('/act');
    assert.deepEqual(visitor.lines, []);
    assert.equal(world.stateOf(signOn), 'open');
    assert.equal((await visitor.get(app)).text, 'alice');
  }
});

test("without leases an anonymous visitor's session goes on, and a new one can begin", async () => {
  const { visitor, withheld } = start();
  await withheld('/set');
  assert.equal(visitor.lines.length, 1);
  assert.equal((await withheld('/')).text, 'alice');
});

test('a sign-on, or the end of one, in such a request has its session again', async () => {
  const later = new World().open();
  const signing = start((req) => {
    sessionHandle(req)!.link(later);
    bag(req).user = 'bob';
  });
  signing.visitor.signOn = signing.world.open();
  await signing.visitor.get(signing.app, '/set');
  const { cookie } = signing.visitor;
  signing.world.open();
  await signing.withheld('/act');
  assert.notEqual(signing.visitor.cookie, cookie);
  const ending = start((req) => sessionHandle(req)!.drop());
  ending.visitor.signOn = ending.world.open();
  await ending.visitor.get(ending.app, '/set');
  await ending.withheld('/act');
  assert.equal(ending.visitor.cookies.size, 0);
});
