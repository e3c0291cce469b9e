/** The methods of `req.session`, with callbacks and with promises. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Request, Response } from 'express';
import type { Session } from '../../sso/session/session.ts';
import type { SessionOptions } from '../../sso/session/sessions.ts';
import { inUse } from './support/in-use.ts';
import { application, bag, Visitor } from './support/visitor.ts';
import { World, type WorldOptions } from './support/world.ts';

type Route = (req: Request, res: Response) => void | Promise<void>;

/** An application by paths; `/set` puts alice in, `/` says who is there. */
function routes(paths: Record<string, Route>, options: Partial<SessionOptions> = {}, worldOptions: WorldOptions = {}) {
  const world = new World(worldOptions);
  const app = application(world.node, options, async (req, res) => {
    const route = paths[req.path];
    if (route !== undefined) await route(req, res);
    else if (req.path === '/set') {
      bag(req).user = 'alice';
      res.send('set');
    } else res.send(String(bag(req).user));
  });
  return { world, app, visitor: new Visitor() };
}

const live = (world: World) => inUse(world.node).length;

/** As a promise, whichever way the method answers. */
const byCallback = (session: Session, method: 'save' | 'reload' | 'regenerate' | 'destroy') =>
  new Promise<void>((resolve, reject) => {
    const returned = session[method]((error) => (error ? reject(error as Error) : resolve()));
    assert.equal(returned, session, 'with a callback the session is returned, for chaining');
  });
const byPromise = (session: Session, method: 'save' | 'reload' | 'regenerate' | 'destroy') => session[method]();

for (const [way, call] of [
  ['callback', byCallback],
  ['promise', byPromise],
] as const) {
  test(`regenerate (${way}): another id and an empty session, and the old id is dead`, async () => {
    const { world, app, visitor } = routes({
      '/regenerate': async (req, res) => {
        const before = bag(req);
        await call(before, 'regenerate');
        assert.notEqual(bag(req), before);
        assert.notEqual(bag(req).id, before.id);
        assert.equal(bag(req).user, undefined);
        before.user = 'nobody sees this';
        bag(req).count = 1;
        res.send('ok');
      },
    });
    await visitor.get(app, '/set');
    const old = visitor.copy();
    await visitor.get(app, '/regenerate');
    assert.notEqual(visitor.cookie, old.cookie);
    assert.equal(live(world), 1);
    assert.equal((await old.get(app)).text, 'undefined');
    assert.deepEqual(old.lines, []);
  });

  test(`destroy (${way}): the session is gone from the request, the table and the browser`, async () => {
    const { world, app, visitor } = routes({
      '/destroy': async (req, res) => {
        await call(bag(req), 'destroy');
        res.send(String(bag(req)));
      },
    });
    assert.equal((await visitor.get(app, '/destroy')).text, 'undefined');
    assert.deepEqual(visitor.lines, [], 'no cookie came, none is taken away');
    await visitor.get(app, '/set');
    const old = visitor.copy();
    await visitor.get(app, '/destroy');
    assert.equal(visitor.cookies.size, 0);
    assert.equal(live(world), 0);
    assert.equal((await old.get(app)).text, 'undefined');
  });

  test(`reload (${way}): what was saved meanwhile, in another object`, async () => {
    const inner: { get?: () => Promise<unknown> } = {};
    const { app, visitor } = routes({
      '/reload': async (req, res) => {
        const before = bag(req);
        before.user = 'unsaved';
        await inner.get?.();
        await call(before, 'reload');
        assert.notEqual(bag(req), before);
        assert.equal(bag(req).id, before.id);
        res.send(String(bag(req).user));
      },
      '/bob': (req, res) => {
        bag(req).user = 'bob';
        res.send('ok');
      },
    });
    await visitor.get(app, '/set');
    inner.get = () => visitor.copy().get(app, '/bob');
    assert.equal((await visitor.get(app, '/reload')).text, 'bob');
    assert.equal((await visitor.get(app)).text, 'bob');
  });

  test(`reload (${way}) fails for a session that is not there any more, or never was`, async () => {
    const { world, app, visitor } = routes({
      '/reload': async (req, res) => {
        void bag(req).user;
        for (const key of inUse(world.node)) world.node.table.end(key, 'destroyed');
        await assert.rejects(call(bag(req), 'reload'), {
          code: 'ERR_SESSION_INVALID',
          message: 'failed to load session',
        });
        await assert.rejects(call(bag(req), 'reload'), { message: 'failed to load session' }, 'and again');
        res.send('ok');
      },
    });
    assert.equal((await visitor.get(app, '/reload')).text, 'ok');
    await visitor.get(app, '/set');
    assert.equal((await visitor.get(app, '/reload')).text, 'ok');
  });

  test(`save (${way}): it is in the table, on a second member, and is not written again at the end`, async () => {
    const { world, app, visitor } = routes({
      '/save': async (req, res) => {
        bag(req).user = 'alice';
        await call(bag(req), 'save');
        assert.equal(live(world), 1);
        assert.equal(world.node.waits, 1);
        res.send('saved');
      },
    });
    await visitor.get(app, '/save');
    assert.equal(visitor.lines.length, 1);
    assert.equal(world.node.copies.puts, 1);
    assert.equal(world.node.waits, 1);
    assert.equal((await visitor.get(app)).text, 'alice');
  });

  test(`save (${way}) says what cannot be saved`, async () => {
    const { world, app, visitor } = routes({
      '/save': async (req, res) => {
        bag(req).note = { socket: req.socket };
        await assert.rejects(call(bag(req), 'save'), { code: 'ERR_SESSION_INVALID' });
        delete bag(req).note;
        res.send('ok');
      },
    });
    assert.equal((await visitor.get(app, '/save')).text, 'ok');
    assert.equal(live(world), 0);
  });
}

test('the browser gets the new id of a regenerated session even if nothing is put into it', async () => {
  const { world, app, visitor } = routes({
    '/regenerate': async (req, res) => {
      await bag(req).regenerate();
      res.send(bag(req).id);
    },
  });
  await visitor.get(app, '/set');
  const { text } = await visitor.get(app, '/regenerate');
  assert.equal(visitor.cookie, `${text}.node1`);
  assert.equal(live(world), 1);
});

test('an empty session that is saved by hand is kept, and its cookie set', async () => {
  const { app, visitor } = routes({
    '/save': async (req, res) => {
      await bag(req).save();
      res.send(bag(req).id);
    },
    '/id': (req, res) => void res.send(bag(req).id),
  });
  const { text } = await visitor.get(app, '/save');
  assert.equal((await visitor.get(app, '/id')).text, text);
});

test('touch and resetMaxAge put the time of the cookie back, and return the session', async () => {
  const { app, visitor } = routes(
    {
      '/touch': (req, res) => {
        const session = bag(req);
        session.cookie.expires = null;
        session.cookie.originalMaxAge = 60_000;
        assert.equal(session.touch().resetMaxAge(), session);
        res.send(String(session.cookie.maxAge));
      },
    },
    { cookie: { maxAge: 60_000 } },
  );
  assert.equal((await visitor.get(app, '/touch')).text, '60000');
});

test('a failure that nobody waits for ends in the log, not the process', async () => {
  const { world, app, visitor } = routes({
    '/save': (req, res) => {
      bag(req).note = { socket: req.socket };
      void bag(req).save();
      delete bag(req).note;
      res.send('ok');
    },
    '/destroy': (req, res) => {
      void bag(req).destroy();
      res.send('ok');
    },
  });
  assert.equal((await visitor.get(app, '/save')).text, 'ok');
  visitor.signOn = world.open();
  world.ending = () => Promise.reject(new Error('the cluster is gone'));
  assert.equal((await visitor.get(app, '/destroy')).text, 'ok');
  assert.ok(world.log.some(({ level, message }) => level === 'error' && message.includes('the cluster is gone')));
});

test('req.session = null keeps the stored session, or destroys it if unset says so', async () => {
  const unset: Record<string, Route> = {
    '/null': (req, res) => {
      (req as { session: unknown }).session = null;
      res.send(String((req as { session: unknown }).session));
    },
    '/delete': (req, res) => {
      void bag(req).user;
      delete (req as { session?: unknown }).session;
      res.send(String((req as { session?: unknown }).session));
    },
    '/delete-unread': (req, res) => {
      delete (req as { session?: unknown }).session;
      res.send(String((req as { session?: unknown }).session));
    },
  };
  for (const path of ['/null', '/delete', '/delete-unread']) {
    const expected = path === '/null' ? 'null' : 'undefined';
    const keep = routes(unset);
    await keep.visitor.get(keep.app, '/set');
    assert.equal((await keep.visitor.get(keep.app, path)).text, expected);
    assert.equal((await keep.visitor.get(keep.app)).text, 'alice');

    const destroy = routes(unset, { unset: 'destroy' });
    await destroy.visitor.get(destroy.app, path);
    assert.deepEqual(destroy.visitor.lines, []);
    await destroy.visitor.get(destroy.app, '/set');
    assert.equal((await destroy.visitor.get(destroy.app, path)).text, expected);
    assert.equal(live(destroy.world), 0);
    assert.equal(destroy.visitor.cookies.size, 0);
  }
});

test('an object put in place of the session becomes its attributes', async () => {
  const { app, visitor } = routes({
    '/replace': (req, res) => {
      const { id } = bag(req);
      (req as { session: unknown }).session = { count: 3, save: 'no method', cookie: 'no cookie' };
      assert.equal(bag(req).id, id);
      assert.equal(typeof bag(req).save, 'function');
      res.send('ok');
    },
    '/read': (req, res) => void res.json({ ...bag(req), cookie: undefined }),
  });
  await visitor.get(app, '/set');
  await visitor.get(app, '/replace');
  assert.deepEqual((await visitor.get(app, '/read')).body, { count: 3 });
});

test('what was handed out before a reload is of the same session: it saves what is changed in it, reloads, and ends', async () => {
  const { world, app, visitor } = routes({
    '/save': async (req, res) => {
      const before = bag(req) as Session & { note?: string };
      await before.reload();
      await before.reload();
      before.note = 'of the earlier';
      await before.save();
      before.note = 'never saved';
      res.send('ok');
    },
    '/read': (req, res) => void res.json({ ...bag(req), cookie: undefined }),
    '/end': async (req, res) => {
      const before = bag(req);
      await before.reload();
      await before.destroy();
      res.send(String(req.session));
    },
  });
  await visitor.get(app, '/set');
  assert.equal((await visitor.get(app, '/save')).text, 'ok');
  assert.deepEqual((await visitor.get(app, '/read')).body, { user: 'alice', note: 'of the earlier' });
  assert.equal((await visitor.get(app, '/end')).text, 'undefined');
  assert.equal(live(world), 0);
});

test('what was handed out before another object was put in its place ends the session as well', async () => {
  const { world, app, visitor } = routes({
    '/end': async (req, res) => {
      const before = bag(req);
      (req as { session: unknown }).session = { user: 'bob' };
      await before.destroy();
      res.send(String(req.session));
    },
  });
  await visitor.get(app, '/set');
  assert.equal((await visitor.get(app, '/end')).text, 'undefined');
  assert.equal(live(world), 0);
});

test('of two objects for the same attributes each knows what the other has saved: what it takes away, and its cookie, stay as it left them', async () => {
  const { app, visitor } = routes({
    '/fill': (req, res) => {
      bag(req).note = { items: [1] };
      res.send('ok');
    },
    '/replace': async (req, res) => {
      const before = bag(req);
      const note = before.note as { more?: object };
      (req as { session: unknown }).session = { note };
      note.more = { by: 'the earlier' };
      before.cookie.maxAge = 60_000;
      await before.save();
      delete note.more;
      bag(req).cookie.maxAge = null;
      res.send('ok');
    },
    '/read': (req, res) => void res.json(bag(req)),
  });
  await visitor.get(app, '/fill');
  await visitor.get(app, '/replace');
  const { cookie, ...rest } = (await visitor.get(app, '/read')).body;
  assert.deepEqual(rest, { note: { items: [1] } });
  assert.equal(cookie.originalMaxAge, null);
});

test('a session that was handed out before another began does nothing any more', async () => {
  const { world, app, visitor } = routes({
    '/old': async (req, res) => {
      const old = bag(req);
      await old.regenerate();
      bag(req).user = 'bob';
      await Promise.all([old.save(), old.regenerate(), old.destroy()]);
      await assert.rejects(old.reload(), { code: 'ERR_SESSION_INVALID', message: 'failed to load session' });
      assert.equal(bag(req).user, 'bob');
      res.send('ok');
    },
  });
  await visitor.get(app, '/set');
  assert.equal((await visitor.get(app, '/old')).text, 'ok');
  assert.equal((await visitor.get(app)).text, 'bob');
  assert.equal(live(world), 1);
});

test('the session knows its request, and req.sessionStore finds, replaces and destroys sessions', async () => {
  const { world, app, visitor } = routes({
    '/store': async (req, res) => {
      const { sessionStore } = req;
      assert.equal(bag(req).req, req);
      const stored = await new Promise<{ user?: string } | null | undefined>((resolve) =>
        sessionStore.get(bag(req).id, (_error, session) => resolve(session as { user?: string } | null | undefined)),
      );
      assert.equal(stored?.user, 'alice');
      const { id } = bag(req);
      await new Promise<void>((resolve) => sessionStore.regenerate(req, () => resolve()));
      assert.notEqual(bag(req).id, id);
      bag(req).user = 'bob';
      await bag(req).save();
      await new Promise<void>((resolve) => sessionStore.destroy(bag(req).id, () => resolve()));
      res.send('ok');
    },
  });
  await visitor.get(app, '/set');
  assert.equal((await visitor.get(app, '/store')).text, 'ok');
  assert.equal(live(world), 0);
});
