/** A session that is only looked at costs the answer no hooks; whatever may change it is noticed. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Request, Response } from 'express';
import { Session, self } from '../../sso/session/session.ts';
import type { SessionOptions } from '../../sso/session/sessions.ts';
import { inUse } from './support/in-use.ts';
import { application, type Bag, bag, Visitor } from './support/visitor.ts';
import { World } from './support/world.ts';

/** A visitor whose session holds a user, a cart and a note, and an application whose path `/do` is `act`. */
async function visited(act: (req: Request, res: Response) => unknown, options: Partial<SessionOptions> = {}) {
  const world = new World();
  const app = application(world.node, options, async (req, res) => {
    if (req.path === '/put') Object.assign(bag(req), { user: 'alice', count: 1, cart: ['book'], note: 'x' });
    else if (req.path === '/do') await act(req, res);
    if (res.writableEnded) return;
    const { cookie: _, ...kept } = bag(req);
    res.json(req.path === '/show' ? kept : {});
  });
  const visitor = new Visitor();
  await visitor.get(app, '/put');
  const kept = async (): Promise<Bag> => {
    await visitor.get(app, '/do');
    return (await visitor.get(app, '/show')).body;
  };
  return { world, app, visitor, kept };
}

const before = { user: 'alice', count: 1, cart: ['book'], note: 'x' };
const hooked = (res: Response) => ['writeHead', 'write', 'end'].some((name) => Object.hasOwn(res, name));

test('reading text and numbers of a session hooks no answer, writes nothing, and varies by cookie', async () => {
  let seen: unknown;
  const { world, app, visitor } = await visited((req, res) => {
    const session = bag(req);
    seen = [session.user, session.count, 'note' in session, (session as { none?: string }).none, session.id.length];
    assert.equal(req.session, session);
    assert.ok(session instanceof Session);
    assert.equal(hooked(res), false);
    res.send('read');
  });
  const { puts } = world.node.copies;
  const answer = await visitor.get(app, '/do');
  assert.equal(answer.text, 'read');
  assert.deepEqual(seen, ['alice', 1, true, undefined, 65]);
  assert.equal(answer.headers['vary'], 'Cookie');
  assert.equal(answer.headers['set-cookie'], undefined);
  assert.equal(world.node.copies.puts, puts);
});

const changes: readonly [what: string, change: (session: Session & Bag) => void, after: object][] = [
  ['an assignment', (s) => void (s.user = 'bob'), { ...before, user: 'bob' }],
  ['a new attribute', (s) => void Object.assign(s, { more: 1 }), { ...before, more: 1 }],
  ['an addition to a list', (s) => void s.cart?.push('pen'), { ...before, cart: ['book', 'pen'] }],
  ['a deletion', (s) => void delete s.note, { user: 'alice', count: 1, cart: ['book'] }],
  [
    'a property defined',
    (s) => void Object.defineProperty(s, 'count', { value: 7, enumerable: true }),
    { ...before, count: 7 },
  ],
  [
    'a list that a descriptor gave away',
    (s) => Object.getOwnPropertyDescriptor(s, 'cart')?.value.push('pen'),
    { ...before, cart: ['book', 'pen'] },
  ],
  [
    'a list taken from all values',
    (s) => Object.values(s).forEach((value) => void (Array.isArray(value) && value.push('pen'))),
    { ...before, cart: ['book', 'pen'] },
  ],
];

for (const [what, change, after] of changes) {
  test(`${what} after the session was read is saved`, async () => {
    const { kept } = await visited((req) => {
      assert.equal(bag(req).user, 'alice');
      change(bag(req));
    });
    assert.deepEqual(await kept(), after);
  });

  test(`${what} after the headers were sent is saved`, async () => {
    const { kept } = await visited((req, res) => {
      assert.equal(bag(req).user, 'alice');
      res.write('begun');
      change(bag(req));
      res.end();
    });
    assert.deepEqual(await kept(), after);
  });
}

test('a change made within a wrapped `end` is saved', async () => {
  const { kept } = await visited((req, res) => {
    assert.equal(bag(req).user, 'alice');
    const { end } = res;
    res.end = function (this: Response, ...args: unknown[]) {
      bag(req).user = 'bob';
      return (end as (...all: unknown[]) => Response).apply(this, args);
    } as Response['end'];
    res.send('wrapped');
  });
  assert.deepEqual(await kept(), { ...before, user: 'bob' });
});

test('time given to the cookie after the session was read reaches the browser', async () => {
  const { app, visitor } = await visited((req) => {
    assert.equal(bag(req).user, 'alice');
    bag(req).cookie.maxAge = 60_000;
  });
  await visitor.get(app, '/do');
  assert.match(visitor.lines[0] ?? '', /Expires=/);
});

test('a session that was only read and then deleted from the request ends where unset destroys', async () => {
  const { world, app, visitor } = await visited(
    (req, res) => {
      assert.equal(bag(req).user, 'alice');
      delete (req as { session?: unknown }).session;
      res.send('gone');
    },
    { unset: 'destroy' },
  );
  await visitor.get(app, '/do');
  assert.deepEqual(inUse(world.node), []);
});

test('what inherits from a session keeps its own properties, and methods work through it', async () => {
  const { kept } = await visited(async (req) => {
    const heir = Object.create(bag(req)) as Session & Bag;
    heir.user = 'only here';
    assert.equal(bag(req).user, 'alice');
    assert.equal(heir.id, bag(req).id);
    assert.equal(heir[self], bag(req)[self]);
    bag(req).count = 2;
    await heir.save();
  });
  assert.deepEqual(await kept(), { ...before, count: 2 });
});
