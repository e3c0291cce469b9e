/** How the sessions of an application travel, by its settings: what is dirty, what goes as one, when, and who waits for it. */

import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { test } from 'node:test';
import express, { type Request, type Response } from 'express';
import { SsoError } from '../../sso/errors.ts';
import type { Session } from '../../sso/session/session.ts';
import { type SessionOptions, sessions } from '../../sso/session/sessions.ts';
import { inUse } from './support/in-use.ts';
import { application, bag, eventually, Visitor } from './support/visitor.ts';
import { type TestNode, World, type WorldOptions } from './support/world.ts';

type Bag = Session & Record<string, unknown>;
type Act = (session: Bag, req: Request, res: Response) => unknown;

const granularities = ['SESSION', 'ATTRIBUTE', 'FIELD'] as const;
const marker = 'canary-5f1c';

/** An application on each node: a request's `x-act` header names what is done with the session. */
function nodes(options: Partial<SessionOptions>, worldOptions: WorldOptions = { routes: ['node1', 'node2'] }) {
  const world = new World(worldOptions);
  const visitor = new Visitor();
  const act: { now: Act } = { now: () => {} };
  const apps = world.nodes.map((node) =>
    application(node, options, async (req, res, next) => {
      const given = await act.now((req as unknown as { session: Bag }).session, req, res);
      if (res.writableEnded) return;
      if (given === undefined) next();
      else res.json(given);
    }),
  );
  /** Does this on a node, as the visitor; gives what the application answered. */
  const at = async (i: number, what: Act, who = visitor) => {
    act.now = what;
    const { body, text, status, headers } = await who.get(apps[i]!);
    return { body, text, status, headers };
  };
  const shown = async (i: number) => (await at(i, ({ cookie: _, ...kept }) => kept)).body;
  return { world, visitor, at, shown, apps, act };
}

const node1 = (world: World) => world.node as TestNode;
const errors = (world: World) => world.log.filter(({ level }) => level === 'error').map(({ message }) => message);
const warnings = (world: World) => world.log.filter(({ level }) => level === 'warn').map(({ message }) => message);

for (const replicationGranularity of granularities) {
  test(`${replicationGranularity}: what takes the place of a session that this request saved already leaves nothing of it`, async () => {
    const { at, shown } = nodes({ replicationGranularity });
    await at(0, async (s, req) => {
      s['b'] = 2;
      await s.save();
      (req as { session: unknown }).session = { a: 1 };
    });
    assert.deepEqual(await shown(1), { a: 1 });
  });

  test(`${replicationGranularity}: what is put in, changed, taken out and put in anew is the same on the other node`, async () => {
    const { at, shown } = nodes({ replicationGranularity });
    await at(0, (s) => void Object.assign(s, { user: 'alice', cart: { items: ['book'] }, note: 1 }));
    assert.deepEqual(await shown(1), { user: 'alice', cart: { items: ['book'] }, note: 1 });
    await at(1, (s) => {
      (s['cart'] as { items: string[] }).items.push('pen');
      delete s['note'];
    });
    assert.deepEqual(await shown(0), { user: 'alice', cart: { items: ['book', 'pen'] } });
    await at(0, (_s, req) => void ((req as { session: unknown }).session = { cart: { items: [] }, more: true }));
    assert.deepEqual(await shown(1), { cart: { items: [] }, more: true });
  });

  test(`${replicationGranularity}: two requests at once, on one node, that change different attributes ${
    replicationGranularity === 'SESSION' ? 'keep the later change alone' : 'both keep their change'
  }`, async () => {
    const { at, shown, visitor, act, apps } = nodes({ replicationGranularity });
    await at(0, (s) => void Object.assign(s, { a: [0], b: [0], c: [0] }));
    await at(0, async (s) => {
      (s['a'] as number[]).push(1);
      void s['b'];
      act.now = (inner) => {
        (inner['b'] as number[]).push(2);
        inner['d'] = [2];
      };
      await visitor.copy().get(apps[0]!);
    });
    const both = { a: [0, 1], b: [0, 2], c: [0], d: [2] };
    const later = { a: [0, 1], b: [0], c: [0] };
    assert.deepEqual(await shown(1), replicationGranularity === 'SESSION' ? later : both);
  });

  test(`${replicationGranularity}: one request that is saved twice undoes nothing that another changed meanwhile`, async () => {
    const { at, shown, visitor, act, apps } = nodes({ replicationGranularity });
    await at(0, (s) => void Object.assign(s, { a: [0], b: [0], gone: [0] }));
    await at(0, async (s) => {
      void s['b'];
      void s['gone'];
      (s['a'] as number[]).push(1);
      await s.save();
      act.now = (inner) => {
        (inner['b'] as number[]).push(2);
        inner['d'] = [2];
        delete inner['gone'];
      };
      await visitor.copy().get(apps[0]!);
      (s['a'] as number[]).push(3);
      s['late'] = 1;
    });
    const kept = (await shown(1)) as Record<string, unknown>;
    assert.deepEqual([kept['a'], kept['late']], [[0, 1, 3], 1]);
    if (replicationGranularity !== 'SESSION') assert.deepEqual(kept, { a: [0, 1, 3], b: [0, 2], d: [2], late: 1 });
  });

  test(`${replicationGranularity}: what is written, and deleted once the headers are out, is gone`, async () => {
    const { at, shown } = nodes({ replicationGranularity });
    await at(0, (s) => void Object.assign(s, { user: 'alice', list: [1] }));
    await at(0, (s, _req, res) => {
      s['more'] = { deep: [1] };
      (s['list'] as number[]).push(2);
      res.write('begun');
      delete s['more'];
      (s['list'] as number[]).pop();
      res.end();
    });
    assert.deepEqual(await shown(1), { user: 'alice', list: [1] });
  });

  test(`${replicationGranularity}: what was read and compares equal is not written (dirty means compared)`, async () => {
    const { world, at } = nodes({ replicationGranularity });
    await at(0, (s) => void Object.assign(s, { list: [{ a: 1 }], map: new Map([[1, new Date(0)]]) }));
    const { puts } = node1(world).copies;
    await at(0, (s) => JSON.stringify(s));
    await at(0, (s) => {
      const list = s['list'] as { a: number }[];
      list[0]!.a = 2;
      list[0]!.a = 1;
      s['list'] = [...list];
      delete s['map'];
      s['map'] = new Map([[1, new Date(0)]]);
    });
    assert.equal(node1(world).copies.puts - puts, replicationGranularity === 'FIELD' ? 1 : 0);
  });

  test(`${replicationGranularity}: what cannot travel is named by its path; the answer goes out and the rest is kept`, async () => {
    const { world, at, shown } = nodes({ replicationGranularity });
    await at(0, (s) => void Object.assign(s, { cart: { items: ['book'] }, user: 'alice' }));
    const { status, text } = await at(0, (s, _req, res) => {
      if (replicationGranularity !== 'SESSION') s['user'] = 'bob';
      (s['cart'] as { items: unknown[] }).items.push({ socket: new Socket() });
      res.send('paid');
    });
    assert.deepEqual([status, text], [200, 'paid']);
    assert.equal(errors(world).length, 1);
    assert.match(errors(world)[0]!, /the session holds what cannot be kept: cart\.items\[1\]\.socket /);
    const user = replicationGranularity === 'SESSION' ? 'alice' : 'bob';
    assert.deepEqual(await shown(1), { cart: { items: ['book'] }, user });
  });

  test(`${replicationGranularity}: what cannot travel costs an answer that is written piece by piece no cookie, and the session nothing else`, async () => {
    const { world, at, shown, visitor } = nodes({ replicationGranularity });
    const streamed = (put: Act): Act => {
      return async (s, req, res) => {
        await put(s, req, res);
        // As it is then: `regenerate` makes another one.
        (req as unknown as { session: Bag }).session['bad'] = new Socket();
        res.write('pa');
        res.end('id');
      };
    };
    await at(
      0,
      streamed((s) => void (s['keep'] = 1)),
    );
    assert.deepEqual(await shown(0), { keep: 1 }, 'a new one');
    assert.match(errors(world)[0]!, /cannot be kept: bad /);
    const id = visitor.cookie;
    await at(
      0,
      streamed(async (s, req) => {
        await s.regenerate();
        (req as unknown as { session: Bag }).session['keep'] = 2;
      }),
    );
    assert.notEqual(visitor.cookie, id);
    assert.deepEqual(await shown(0), { keep: 2 }, 'one with another id');
    await at(
      1,
      streamed(() => {}),
    );
    assert.match(visitor.cookie, /\.node2$/, 'and one that goes on elsewhere');
    await at(
      0,
      streamed((s) => void (s['keep'] = 3)),
      new Visitor(),
    );
    assert.equal(errors(world).length, 4, 'each is told once');
  });

  test(`${replicationGranularity}: functions and symbols are left out, with one warning for each path`, async () => {
    const { world, at, shown } = nodes({ replicationGranularity });
    const put: Act = (s) => void Object.assign(s, { cart: { total: () => 5, count: 2 }, kind: Symbol('kind'), n: 1 });
    await at(0, put);
    await at(0, put);
    assert.deepEqual(await shown(1), { cart: { count: 2 }, n: 1 });
    const told = warnings(world).filter((message) => message.includes('cart.total'));
    assert.equal(told.length, 1);
    assert.deepEqual(errors(world), []);
  });

  test(`${replicationGranularity}: an instance of a registered class has its class on the other node`, async () => {
    class Money {
      amount = 0;
      get isMuch() {
        return this.amount > 100;
      }
    }
    const { at } = nodes({ replicationGranularity, classes: [Money] });
    await at(0, (s) => void (s['price'] = Object.assign(new Money(), { amount: 500 })));
    const { body } = await at(1, (s) => [s['price'] instanceof Money, (s['price'] as Money).isMuch]);
    assert.deepEqual(body, [true, true]);
  });

  test(`${replicationGranularity}: two attributes that share an object ${
    replicationGranularity === 'ATTRIBUTE' ? 'have one each on the next request (V98)' : 'share it on the other node'
  }`, async () => {
    const { at } = nodes({ replicationGranularity });
    await at(0, (s) => {
      const address = { city: 'Berlin' };
      Object.assign(s, { husband: { address }, wife: { address } });
    });
    type Spouse = { address: { city: string } };
    const { body } = await at(1, (s) => {
      (s['husband'] as Spouse).address.city = 'Rome';
      return [(s['wife'] as Spouse).address.city, Object.is(s['husband'], s['husband'])];
    });
    assert.deepEqual(body, [replicationGranularity === 'ATTRIBUTE' ? 'Berlin' : 'Rome', true]);
  });

  test(`${replicationGranularity}: a session that was written with another granularity goes on`, async () => {
    const world = new World({ routes: ['node1', 'node2'] });
    const visitor = new Visitor();
    for (const before of granularities) {
      const write = application(world.nodes[0]!, { replicationGranularity: before }, (req, res) => {
        Object.assign((req as unknown as { session: Bag }).session, { user: 'alice', cart: ['book'], extra: before });
        res.send('ok');
      });
      const change = application(world.nodes[1]!, { replicationGranularity }, (req, res) => {
        const session = (req as unknown as { session: Bag }).session;
        (session['cart'] as string[]).push('pen');
        delete session['extra'];
        res.send('ok');
      });
      const show = application(world.nodes[0]!, {}, (req, res) => {
        const { cookie: _, ...kept } = (req as unknown as { session: Bag }).session;
        res.json(kept);
      });
      await visitor.get(write);
      await visitor.get(change);
      assert.deepEqual((await visitor.get(show)).body, { user: 'alice', cart: ['book', 'pen'] }, before);
    }
  });
}

test('SET: a change inside an object that was not set again is lost; an object that was read and set is kept (V97)', async () => {
  for (const replicationTrigger of ['SET', 'SET_AND_NON_PRIMITIVE_GET', 'SET_AND_GET'] as const) {
    const { at, shown } = nodes({ replicationTrigger });
    await at(0, (s) => void Object.assign(s, { cart: ['book'], list: [1] }));
    await at(0, (s) => {
      (s['cart'] as string[]).push('pen');
      const list = s['list'] as number[];
      list.push(2);
      s['list'] = list;
    });
    const cart = replicationTrigger === 'SET' ? ['book'] : ['book', 'pen'];
    assert.deepEqual(await shown(1), { cart, list: [1, 2] }, replicationTrigger);
  }
});

test('only reads: the first tells nothing, one after maxUnreplicatedInterval tells the time (V99)', async () => {
  const { world, at } = nodes({ maxUnreplicatedInterval: 60 });
  const { copies } = node1(world);
  const told = async (afterMs: number) => {
    world.clock.advance(afterMs);
    const { puts } = copies;
    await at(0, (s) => s['user']);
    return copies.puts - puts;
  };
  await at(0, (s) => void (s['user'] = 'alice'));
  assert.equal(await told(30_000), 0);
  assert.equal(await told(31_000), 1);
  assert.equal(await told(31_000), 0);
});

test('SET_AND_GET: whatever is read tells the time at once, and once a request; what is not read does not', async () => {
  const { world, at } = nodes({ replicationTrigger: 'SET_AND_GET', maxUnreplicatedInterval: 600 });
  const { copies } = node1(world);
  const told = async (what: Act) => {
    world.clock.advance(1_000);
    const { puts } = copies;
    await at(0, what);
    return copies.puts - puts;
  };
  await at(0, (s) => void (s['user'] = 'alice'));
  assert.equal(await told((s) => [s['user'], s['user'], s['none']]), 1);
  assert.equal(await told((s) => s['none']), 0);
  assert.equal(await told(() => {}), 0);
});

test('0: every request tells that the session is in use, whether or not it is looked at', async () => {
  const { world, at } = nodes({ maxUnreplicatedInterval: 0 });
  await at(0, (s) => void (s['user'] = 'alice'));
  const { puts } = node1(world).copies;
  world.clock.advance(1);
  await at(0, () => {});
  world.clock.advance(1);
  await at(0, () => {});
  assert.equal(node1(world).copies.puts - puts, 2);
});

for (const [options, waits, saveWaits] of [
  [{}, 1, 1],
  [{ cacheMode: 'async' }, 0, 0],
  [{ snapshotMode: 'interval' }, 0, 1],
  [{ distributable: false }, 0, 0],
] as const) {
  test(`${JSON.stringify(options)}: an answer waits ${waits} times for a second member, and \`save()\` ${saveWaits} times`, async () => {
    const { world, at } = nodes(options);
    const node = node1(world);
    await at(0, (s) => void (s['user'] = 'alice'));
    assert.equal(node.waits, waits);
    node.waits = 0;
    await at(0, async (s) => {
      s['user'] = 'bob';
      await s.save();
      assert.equal(node.waits, saveWaits);
    });
  });
}

test('interval: a change is not told with its request, but by `save()`', async () => {
  const { world, at } = nodes({ snapshotMode: 'interval' });
  const { copies } = node1(world);
  await at(0, (s) => void (s['user'] = 'alice'));
  const { puts } = copies;
  await at(0, (s) => void (s['user'] = 'bob'));
  assert.equal(copies.puts, puts);
  await at(0, async (s) => {
    s['user'] = 'carol';
    await s.save();
  });
  assert.equal(copies.puts, puts + 1);
});

test('distributable: false keeps what is in a session on its node; another one has a fresh session (V84)', async () => {
  const { world, at, visitor } = nodes({ distributable: false });
  const [first, second] = world.nodes as [TestNode, TestNode];
  await at(0, (s) => void (s['user'] = marker));
  const held = JSON.stringify([...second.copies.entries()].map(([, record]) => record));
  assert.equal(second.copies.size, 1, 'it is known there');
  assert.ok(!held.includes(marker));
  assert.deepEqual((await at(0, (s) => s['user'])).body, marker);
  const before = visitor.cookie;
  assert.deepEqual((await at(1, (s) => [s['user'] ?? 'none'], visitor.copy())).body, ['none']);
  assert.deepEqual((await at(0, (s) => s['user'])).body, marker, 'and nothing happened to it');
  assert.equal(visitor.cookie, before);
  assert.equal(inUse(first).length, 1);
});

/** From now on there is no room for one more session. */
function fill({ node }: World): void {
  const { table } = node;
  const write = table.write.bind(table);
  const full = () => {
    throw new SsoError('ERR_LIMIT_REACHED', 'no room');
  };
  const isNew: typeof table.write = (key, what) =>
    node.copies.get(key) === undefined && what.replaces === undefined ? full() : write(key, what);
  Object.assign(table, { admit: full, write: isNew });
}

test('one session too many is refused while the answer can still say so; one that exists is served (V101)', async () => {
  const { world, at, visitor } = nodes({});
  await at(0, (s) => void (s['user'] = 'alice'));
  fill(world);
  const stranger = new Visitor();
  const refused = await at(0, (s) => void (s['user'] = 'bob'), stranger);
  assert.deepEqual([refused.status, refused.headers['retry-after']], [503, '10']);
  assert.equal(stranger.cookies.size, 0);
  assert.ok(warnings(world).some((message) => message.includes('no room')));
  const looked = await at(0, (s) => [s['user'] ?? 'none', delete s['user']], stranger);
  assert.deepEqual([looked.status, looked.body], [200, ['none', true]], 'who puts nothing in is no session');
  const served = await at(0, (s) => void (s['user'] = 'carol'), visitor);
  assert.equal(served.status, 200);
  assert.deepEqual((await at(0, (s) => [s['user']])).body, ['carol']);
});

test('where there is no room nothing is thrown at a callback that assigns: the answer says so (V101)', async () => {
  const { world, at } = nodes({});
  fill(world);
  const later: Act = (s, _req, res) =>
    new Promise((resolve) =>
      setImmediate(() => {
        s['user'] = 'bob';
        res.json({ welcome: true });
        resolve(undefined);
      }),
    );
  const stranger = new Visitor();
  const { status, headers } = await at(0, later, stranger);
  assert.deepEqual([status, headers['retry-after']], [503, '10']);
  assert.equal(stranger.cookies.size, 0);
});

const answers: Record<string, (res: Response) => void> = {
  'a success': (res) => void res.json({ order: 'placed' }),
  'a redirect': (res) => void res.redirect(303, '/thanks'),
  'a page with a cookie': (res) => void res.cookie('order', '7').send('<h1>Thank you</h1>'),
  'an answer in pieces': (res) => {
    res.write('order ');
    setImmediate(() => res.end('placed'));
  },
};
for (const [which, answer] of Object.entries(answers))
  test(`where there is no room ${which} is not sent: the answer under 503 is ours (V101)`, async () => {
    const { world, apps, act } = nodes({});
    fill(world);
    act.now = (s, _req, res) => {
      s['user'] = 'bob';
      answer(res);
    };
    const program = await new Visitor().get(apps[0]!);
    const told = { error: 'unavailable', message: 'This is not possible at the moment. Please try again.' };
    assert.deepEqual([program.status, program.body], [503, told]);
    const person = await new Visitor().get(apps[0]!, '/', { 'sec-fetch-mode': 'navigate' });
    assert.deepEqual([person.status, person.text], [503, `${told.message}\n`]);
    for (const { headers } of [program, person])
      assert.deepEqual(
        ['retry-after', 'cache-control', 'location', 'set-cookie', 'etag'].map((name) => headers[name]),
        ['10', 'no-store', undefined, undefined, undefined],
      );
  });

test('where there is no room a 503 of the application stays its own, with Retry-After and no-store', async () => {
  const { world, at } = nodes({});
  fill(world);
  const { status, text, headers } = await at(0, async (s, _req, res) => {
    s['user'] = 'bob';
    await assert.rejects(s.save(), { code: 'ERR_LIMIT_REACHED', status: 503 });
    res.status(503).send('<h1>Come back in a minute</h1>');
  });
  assert.deepEqual([status, text], [503, '<h1>Come back in a minute</h1>']);
  assert.deepEqual([headers['retry-after'], headers['cache-control']], ['10', 'no-store']);
});

test('where there is no room who overhears what save() says is answered for, too', async () => {
  const { world, apps, act } = nodes({});
  fill(world);
  act.now = (s, _req, res) =>
    new Promise((resolve) => {
      s['user'] = 'bob';
      s.save(() => resolve(res.json({ order: 'placed' })));
    });
  const { status, body } = await new Visitor().get(apps[0]!);
  assert.deepEqual([status, body.error], [503, 'unavailable']);
});

test('where there is no room save() and regenerate() say so before anything is done', async () => {
  const { world, at } = nodes({});
  fill(world);
  for (const way of ['save', 'regenerate'] as const) {
    let ordered = false;
    const order: Act = async (s) => {
      await s[way]();
      ordered = true;
    };
    const { status, text } = await at(0, order, new Visitor());
    assert.deepEqual([status, text.slice(0, 17), ordered], [503, 'ERR_LIMIT_REACHED', false], way);
  }
});

for (const times of [1, 2])
  test(`an anonymous session that begins anew ${times === 1 ? 'once' : 'twice'} keeps its place, though another has taken it meanwhile`, async () => {
    const world = new World({ limits: { sessions: 1 } });
    let meanwhile = async () => {};
    const app = application(world.node, {}, async (req, res) => {
      if (req.path === '/anew') {
        for (let time = 0; time < times; time++) await bag(req).regenerate();
        await meanwhile();
      }
      if (req.path !== '/') bag(req).user = req.path;
      res.send(String(bag(req).user));
    });
    const [alice, bob] = [new Visitor(), new Visitor()];
    await alice.get(app, '/set');
    assert.equal((await bob.get(app, '/set')).status, 503, 'there is room for one');
    meanwhile = async () => assert.equal((await bob.get(app, '/set')).status, 200, 'the place is free');
    assert.equal((await alice.get(app, '/anew')).status, 200);
    assert.equal((await alice.get(app)).text, '/anew');
    meanwhile = async () => {};
    assert.equal((await bob.get(app, '/anew')).status, 200, 'there are more than may be, and each keeps its own');
    assert.equal((await bob.get(app)).text, '/anew');
    assert.equal((await new Visitor().get(app, '/set')).status, 503);
  });

test('of requests that begin one session anew at once only one has its place', async () => {
  const world = new World({ limits: { sessions: 1 } });
  let waiting = 0;
  let go = () => {};
  const gate = new Promise<void>((resolve) => (go = resolve));
  const app = application(world.node, {}, async (req) => {
    if (req.path === '/anew') {
      waiting++;
      await gate;
      await bag(req).regenerate();
    }
    bag(req).user = req.path;
    req.next!();
  });
  const alice = new Visitor();
  await alice.get(app, '/set');
  const answers = [1, 2, 3].map(() => alice.copy().get(app, '/anew'));
  for (const answer of answers) answer.catch(() => {});
  await eventually(() => waiting === 3);
  go();
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  assert.deepEqual(statuses.sort(), [200, 503, 503]);
  assert.equal(world.node.table.liveCount, 1);
});

test('an anonymous session that meets a sign-on moves though there is no room for more', async () => {
  const { world, at, visitor } = nodes({});
  await at(0, (s) => void (s['user'] = 'alice'));
  fill(world);
  visitor.signOn = world.open();
  const { status, body } = await at(0, (s) => {
    s['more'] = 1;
    return [s['user']];
  });
  assert.deepEqual([status, body], [200, ['alice']]);
  assert.deepEqual(await at(1, (s) => [s['user'], s['more']]).then((answer) => answer.body), ['alice', 1]);
});

test('both sides of a partition keep what they changed in different attributes (V93)', async () => {
  const { world, at, shown } = nodes({});
  const [first, second] = world.nodes as [TestNode, TestNode];
  await at(0, (s) => void Object.assign(s, { x: 0, y: 0, both: 0 }));
  for (const { copies } of [first, second]) copies.lagging = true;
  await at(0, (s) => void Object.assign(s, { x: 1, both: 1 }));
  world.clock.advance(5);
  await at(1, (s) => void Object.assign(s, { y: 2, both: 2 }));
  for (const { copies } of [first, second]) copies.catchUp();
  assert.deepEqual(await shown(0), { x: 1, y: 2, both: 2 });
  assert.deepEqual(await shown(1), await shown(0));
});

test('an answer whose session cannot be kept arrives whole, also while its last byte waits for a second member', async () => {
  const world = new World({ routes: ['node1', 'node2'] });
  world.node.holdStored = true;
  const app = express();
  app.use(sessions(world.node.parts, { app: 'shop' }), (req, res) => {
    Object.assign((req as unknown as { session: Bag }).session, { good: 1, bad: req.socket });
    res.json({ answer: 'whole' });
  });
  const answer = new Visitor().get(app);
  answer.catch(() => {});
  await eventually(() => world.node.waiting.length > 0);
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  for (const release of world.node.waiting) release();
  assert.deepEqual((await answer).body, { answer: 'whole' });
  assert.equal(errors(world).length, 1);
});

const unawaited: readonly (readonly [what: string, act: Act])[] = [
  ['saved', (session) => void Object.assign(session, { x: 1 }).save()],
  ['moved to a new id', (session) => void session.regenerate()],
];
for (const [what, act] of unawaited) {
  test(`an answer waits for what was ${what} without waiting for it`, async () => {
    const { world, visitor, apps, act: acts } = nodes({});
    visitor.signOn = world.open();
    world.node.holdStored = true;
    acts.now = act;
    let isAnswered = false;
    const answer = visitor.get(apps[0]!).then(() => (isAnswered = true));
    await eventually(() => world.node.waiting.length > 0);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isAnswered, false);
    for (const release of world.node.waiting) release();
    await answer;
  });
}

test('what is saved waits for what was saved before it', async () => {
  const { world, visitor, apps, act } = nodes({});
  world.node.holdStored = true;
  const saved: string[] = [];
  act.now = (session) => {
    void Object.assign(session, { x: 1 })
      .save()
      .then(() => saved.push('first'));
    return Object.assign(session, { x: 2 })
      .save()
      .then(() => void saved.push('second'));
  };
  const answer = visitor.get(apps[0]!);
  answer.catch(() => {});
  await eventually(() => world.node.waiting.length === 2);
  world.node.waiting[1]!();
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(saved, []);
  world.node.waiting[0]!();
  await answer;
  assert.deepEqual(saved, ['first', 'second']);
});
