/** The session's cookie in the answer: name, attributes, when it is set and when not. */

import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import express, { type ErrorRequestHandler, type Request, type RequestHandler, type Response } from 'express';
import { SsoError } from '../../sso/errors.ts';
import type { CookieOptions } from '../../sso/session/cookie.ts';
import { type SessionOptions, sessions } from '../../sso/session/sessions.ts';
import type { SessionStore } from '../../sso/session/store.ts';
import { inUse } from './support/in-use.ts';
import { application, bag, eventually, Visitor } from './support/visitor.ts';
import { World } from './support/world.ts';

interface Given {
  readonly options?: Partial<SessionOptions>;
  readonly headers?: Record<string, string>;
  readonly secure?: boolean;
  readonly allowInsecureCookie?: boolean;
  readonly path?: string;
}

/** The Set-Cookie line of a first visit, its value as `*` and its time as the seconds from now. */
async function line({
  options = {},
  headers = {},
  secure,
  allowInsecureCookie = false,
  path = '/',
}: Given): Promise<string | undefined> {
  const world = new World({ allowInsecureCookie });
  const app = express();
  app.set('trust proxy', secure === true);
  app.use(
    sessions(world.node.parts, { app: 'shop', saveUninitialized: true, ...options }),
    (_req, res) => void res.send('ok'),
  );
  const visitor = new Visitor();
  await visitor.get(app, path, secure === true ? { 'x-forwarded-proto': 'https', ...headers } : headers);
  assert.ok(visitor.lines.length < 2);
  return visitor.lines[0]
    ?.replace(/=[^;]*/, '=*')
    .replace(/Expires=([^;]*)/, (_, date) => `Expires=${(Date.parse(date) - world.clock.now()) / 1000}s`);
}

test('check 3: the cookie has the prefix __Host-, Path=/, Secure, HttpOnly and SameSite=Lax, and no domain', async () => {
  assert.equal(await line({ secure: true }), '__Host-latchkey-shop=*; Path=/; HttpOnly; Secure; SameSite=Lax');
});

test('with allowInsecureCookie the name is plain and so is the connection', async () => {
  assert.equal(await line({ allowInsecureCookie: true }), 'latchkey-shop=*; Path=/; HttpOnly; SameSite=Lax');
});

test('check 12: a cookie for secure connections is set over none that is not, no session is left behind, and the log says it once', async () => {
  const world = new World({ allowInsecureCookie: false });
  const app = application(world.node, { saveUninitialized: true });
  for (let i = 0; i < 3; i++) {
    const visitor = new Visitor();
    await visitor.get(app);
    assert.deepEqual(visitor.lines, []);
  }
  assert.deepEqual(inUse(world.node), []);
  assert.equal(world.log.filter(({ message }) => message.includes('trust proxy')).length, 1);
});

const attributes: readonly [title: string, given: Given, expected: string | undefined][] = [
  [
    'a path below the root',
    { secure: true, options: { cookie: { path: '/admin' } }, path: '/admin' },
    '__Secure-latchkey-shop=*; Path=/admin; HttpOnly; Secure; SameSite=Lax',
  ],
  [
    'a domain',
    { secure: true, options: { cookie: { domain: 'xyz.com' } } },
    '__Secure-latchkey-shop=*; Domain=xyz.com; Path=/; HttpOnly; Secure; SameSite=Lax',
  ],
  [
    'a name',
    { secure: true, options: { name: 'connect.sid' } },
    'connect.sid=*; Path=/; HttpOnly; Secure; SameSite=Lax',
  ],
  [
    'a name by its old word',
    { secure: true, options: { key: 'sid' } },
    'sid=*; Path=/; HttpOnly; Secure; SameSite=Lax',
  ],
  [
    'maxAge',
    { secure: true, options: { cookie: { maxAge: 60_000 } } },
    '__Host-latchkey-shop=*; Path=/; Expires=60s; HttpOnly; Secure; SameSite=Lax',
  ],
  [
    'undefined attributes: the defaults',
    {
      secure: true,
      options: { cookie: { secure: undefined, sameSite: undefined, httpOnly: undefined, path: undefined } },
    },
    '__Host-latchkey-shop=*; Path=/; HttpOnly; Secure; SameSite=Lax',
  ],
  [
    'everything else',
    {
      secure: true,
      options: { name: 's', cookie: { httpOnly: false, sameSite: 'strict', partitioned: true, priority: 'high' } },
    },
    's=*; Path=/; Secure; Partitioned; Priority=High; SameSite=Strict',
  ],
  [
    'sameSite false',
    { secure: true, options: { cookie: { sameSite: false } } },
    '__Host-latchkey-shop=*; Path=/; HttpOnly; Secure',
  ],
  [
    'secure auto on a secure connection',
    { secure: true, options: { cookie: { secure: 'auto' } } },
    'latchkey-shop=*; Path=/; HttpOnly; Secure; SameSite=Lax',
  ],
  [
    'secure auto on another',
    { options: { cookie: { secure: 'auto' } } },
    'latchkey-shop=*; Path=/; HttpOnly; SameSite=Lax',
  ],
  [
    'sameSite auto on a secure connection',
    { secure: true, options: { cookie: { sameSite: 'auto' } } },
    '__Host-latchkey-shop=*; Path=/; HttpOnly; Secure; SameSite=None',
  ],
  [
    'sameSite auto on another',
    { allowInsecureCookie: true, options: { cookie: { sameSite: 'auto' } } },
    'latchkey-shop=*; Path=/; HttpOnly; SameSite=Lax',
  ],
  [
    'secure and sameSite auto on a secure connection',
    { secure: true, options: { cookie: { secure: 'auto', sameSite: 'auto' } } },
    'latchkey-shop=*; Path=/; HttpOnly; Secure; SameSite=None',
  ],
  [
    'secure false',
    { secure: true, options: { cookie: { secure: false } } },
    'latchkey-shop=*; Path=/; HttpOnly; SameSite=Lax',
  ],
  [
    'secure true, with allowInsecureCookie, on a connection that is not',
    { allowInsecureCookie: true, options: { cookie: { secure: true } } },
    undefined,
  ],
  [
    'proxy true and X-Forwarded-Proto',
    { options: { proxy: true }, headers: { 'x-forwarded-proto': 'https' } },
    '__Host-latchkey-shop=*; Path=/; HttpOnly; Secure; SameSite=Lax',
  ],
  [
    'proxy true and a list of protocols',
    { options: { proxy: true }, headers: { 'x-forwarded-proto': 'HTTPS , http' } },
    '__Host-latchkey-shop=*; Path=/; HttpOnly; Secure; SameSite=Lax',
  ],
  ['proxy true and no header', { options: { proxy: true } }, undefined],
  ['proxy false, whatever Express thinks', { options: { proxy: false }, secure: true }, undefined],
  ['no proxy option, and Express that trusts none', { headers: { 'x-forwarded-proto': 'https' } }, undefined],
  [
    'a function of the request',
    { secure: true, options: { cookie: (req) => ({ path: req.path, secure: true, maxAge: 5_000 }) }, path: '/test' },
    'latchkey-shop=*; Path=/test; Expires=5s; HttpOnly; Secure; SameSite=Lax',
  ],
];

for (const [title, given, expected] of attributes) {
  test(`the cookie with ${title}`, async () => assert.equal(await line(given), expected));
}

test('a request for which a function gives no cookie that a browser takes is refused, and no session is kept that nobody could name', async () => {
  const wrong: readonly [give: () => unknown, message: RegExp][] = [
    [() => ({ maxAge: Number.NaN }), /^cookie: maxAge, or expires, must lead to a date$/],
    [() => ({ path: 5 }), /^cookie: path must be a text$/],
    [() => ({ maxAge: 'a day' }), /^cookie: maxAge must be a number or Date$/],
    [() => ({ domain: 'a;b' }), /^cookie: .*domain/],
    [() => 'secure', /^cookie: the function must return an object of attributes, and at once$/],
    [() => [], /^cookie: the function must return an object/],
    [() => new Date(), /^cookie: the function must return an object/],
    [() => Promise.resolve({ path: '/' }), /^cookie: the function must return an object/],
    [() => Promise.reject(new Error('no database')), /^cookie: the function must return an object/],
  ];
  for (const [give, message] of wrong) {
    const world = new World();
    let refused: unknown;
    const app = express();
    app.use(
      sessions(world.node.parts, { app: 'shop', saveUninitialized: true, cookie: give as () => CookieOptions }),
      (_req, res) => void res.send('ok'),
    );
    app.use(((error, _req, res, _next) => {
      refused = error;
      res.status(error.status).end();
    }) as ErrorRequestHandler);
    const visitor = new Visitor();
    assert.equal((await visitor.get(app)).status, 500);
    assert.ok(refused instanceof SsoError, `an SsoError for ${give}`);
    assert.equal(refused.code, 'ERR_CONFIG_INVALID');
    assert.match(refused.message, message);
    assert.deepEqual(visitor.lines, []);
    assert.deepEqual(inUse(world.node), []);
  }
});

for (const nothing of [undefined, null, false])
  test(`a function of the request that returns ${nothing} gives the usual cookie`, async () => {
    const cookie = (() => nothing) as unknown as () => CookieOptions;
    assert.equal(
      await line({ secure: true, options: { cookie } }),
      'latchkey-shop=*; Path=/; HttpOnly; Secure; SameSite=Lax',
    );
  });

/** One that gives each first part of the path a session of its own, as in the README of express-session, and counts how often it is asked. */
function byPath(steps: Record<string, RequestHandler>, cookieOf = (req: Request): CookieOptions => pathOf(req)) {
  const asked = { times: 0 };
  const world = new World();
  const app = express();
  const cookie = (req: Request) => {
    asked.times++;
    return cookieOf(req);
  };
  app.use(sessions(world.node.parts, { app: 'shop', cookie }));
  const router = express.Router();
  for (const [path, step] of Object.entries(steps)) router.get(path, step);
  router.use((req, res) => void res.json(++(bag(req) as { count: number }).count || (bag(req).count = 1)));
  app.use('/shop', router);
  return { app, asked, visitor: new Visitor(), world };
}

const pathOf = ({ url }: Request): CookieOptions => ({
  path: `/${/^\/([^/?]*)/.exec(url)?.[1] ?? ''}`,
  maxAge: 60_000,
});
const paths = ({ lines }: Visitor) => lines.map((line) => /Path=([^;]*)/.exec(line)?.[1]);

test('a function of the request is asked as it comes, and once: not by the time its path is that of a router', async () => {
  const { app, asked, visitor } = byPath({ '/leave': (req, res) => void bag(req).destroy(() => res.end()) });
  assert.equal((await visitor.get(app, '/shop/cart')).text, '1');
  assert.deepEqual(paths(visitor), ['/shop']);
  assert.equal(asked.times, 1);
  assert.equal((await visitor.get(app, '/shop/cart')).text, '2');
  await visitor.get(app, '/shop/leave');
  assert.deepEqual(paths(visitor), ['/shop'], 'and taken away where it was set');
  assert.equal(visitor.cookies.size, 0);
  assert.equal(asked.times, 3);
});

test('a function of the request may look for the session that is to have the cookie: it finds none', async () => {
  const seen: unknown[] = [];
  const { app, visitor } = byPath({}, (req) => {
    seen.push(req.session);
    return {};
  });
  assert.equal((await visitor.get(app, '/shop/cart')).text, '1');
  assert.deepEqual(seen, [undefined]);
});

test('a function of the request is asked again for a session that begins anew, and may look at the one before', async () => {
  const login: RequestHandler = (req, res) => {
    Object.assign(req, { remember: true });
    bag(req).regenerate(() => {
      bag(req).count = 1;
      res.end();
    });
  };
  const { app, visitor } = byPath({ '/login': login }, (req) => {
    const isOld = bag(req)?.count === 1;
    return (req as { remember?: boolean }).remember && isOld ? { maxAge: 5_000 } : {};
  });
  await visitor.get(app, '/shop/cart');
  assert.doesNotMatch(visitor.lines[0]!, /Expires/);
  await visitor.get(app, '/shop/login');
  assert.match(visitor.lines[0]!, /Expires/);
});

test('a cookie by a function that browsers refuse for its name is warned of, once', async () => {
  const world = new World();
  const app = application(world.node, { name: '__Host-c', cookie: () => ({ domain: 'xyz.com' }) });
  for (let i = 0; i < 3; i++) await new Visitor().get(app);
  const warned = world.log.filter(({ message }) => message.includes('browsers refuse a cookie of this name'));
  assert.equal(warned.length, 1);
});

test('a session belongs to its path and what lies below, wherever the application is mounted', async () => {
  const world = new World();
  const inner = express();
  inner.use(
    sessions(world.node.parts, { app: 'shop', saveUninitialized: true, cookie: { path: '/foo/bar' } }),
    (req, res) => void res.send(typeof bag(req)),
  );
  const app = express();
  app.use('/foo', inner);
  app.use(inner);
  for (const [path, kind] of [
    ['/foo/bar', 'object'],
    ['/foo/bar/baz?x=1', 'object'],
    ['/foo/barista', 'undefined'],
    ['/', 'undefined'],
    ['/foo/foo/bar', 'undefined'],
  ] as const) {
    const visitor = new Visitor();
    assert.equal((await visitor.get(app, path)).text, kind, path);
    assert.equal(visitor.lines.length, kind === 'object' ? 1 : 0, path);
  }
});

/** Visits in turn; each says whether the cookie was set, and for how many seconds (`null`: with the browser). */
async function visits(
  options: Partial<SessionOptions>,
  ...steps: ((session: ReturnType<typeof bag>) => void)[]
): Promise<(number | null | undefined)[]> {
  const world = new World();
  let step = 0;
  const app = application(world.node, options, (req, res) => {
    steps[step]!(bag(req));
    res.send('ok');
  });
  const visitor = new Visitor();
  const seen: (number | null | undefined)[] = [];
  for (; step < steps.length; step++) {
    await visitor.get(app);
    const expires = /Expires=([^;]*)/.exec(visitor.lines[0] ?? '')?.[1];
    seen.push(
      visitor.lines.length === 0
        ? undefined
        : expires === undefined
          ? null
          : (Date.parse(expires) - world.clock.now()) / 1_000,
    );
    world.clock.advance(1_000);
  }
  return seen;
}

const change = (session: ReturnType<typeof bag>) => void (session.count = (session.count ?? 0) + 1);
const nothing = () => {};

test('a cookie that goes with the browser is set once', async () => {
  assert.deepEqual(await visits({}, change, change, nothing), [null, undefined, undefined]);
});

test('a cookie that ends by itself gets more time when the session changes, and with rolling at every request', async () => {
  const cookie = { maxAge: 60_000 };
  assert.deepEqual(await visits({ cookie }, change, nothing, change), [60, undefined, 60]);
  assert.deepEqual(await visits({ cookie, rolling: true }, change, nothing, nothing), [60, 60, 60]);
});

test('cookie.maxAge of one session can be changed, to little, to much, and away', async () => {
  const to = (maxAge: number | null) => (session: ReturnType<typeof bag>) => {
    change(session);
    session.cookie.maxAge = maxAge;
  };
  assert.deepEqual(
    await visits({ cookie: { maxAge: 2_000 } }, change, to(5_000), change, to(3_000_000_000), to(null), change),
    [2, 5, 5, 3_000_000, null, undefined],
  );
});

test('a changed cookie reaches the browser though nothing else changed: "remember me"', async () => {
  const remember = (session: ReturnType<typeof bag>) => {
    session.cookie.maxAge = 86_400_000;
    session.cookie.sameSite = 'strict';
  };
  assert.deepEqual(await visits({}, change, remember, nothing, remember), [null, 86_400, undefined, undefined]);
});

for (const [where, cookie] of [
  ['on its node', {}],
  ['on another', {}],
  ['on its node, where all cookies end by themselves', { maxAge: 60_000 }],
] as const) {
  test(`a maxAge that another request sets meanwhile ${where} is not undone by a slow one that writes: the session lives so long, and so does its cookie`, async () => {
    const world = new World({ routes: ['node1', 'node2'] });
    let go = () => {};
    const gate = new Promise<void>((resolve) => (go = resolve));
    let isSlow = false;
    const [one, two] = world.nodes.map((node) =>
      application(node, { idleMs: 60_000, cookie }, async (req, res) => {
        const session = bag(req);
        session.count = (session.count ?? 0) + 1;
        if (req.path === '/remember') session.cookie.maxAge = 86_400_000;
        if (req.path === '/slow') {
          session.user = 'alice';
          isSlow = true;
          await gate;
        }
        res.json([session.user, session.cookie.originalMaxAge]);
      }),
    );
    const visitor = new Visitor();
    await visitor.get(one!);
    const slow = visitor.copy();
    const answered = slow.get(one!, '/slow');
    await eventually(() => isSlow);
    await visitor.get(where === 'on another' ? two! : one!, '/remember');
    go();
    await answered;
    for (const line of slow.lines)
      assert.match(line, new RegExp(new Date(world.clock.now() + 86_400_000).toUTCString()));
    world.clock.advance(3_600_000);
    for (const app of [one!, two!]) assert.deepEqual((await visitor.get(app)).body, ['alice', 86_400_000]);
  });
}

test('cookie.expires may be an instant, also one that is over, or null', async () => {
  const world = new World();
  const app = application(world.node, {}, (req, res) => {
    bag(req).user = 'alice';
    bag(req).cookie.expires = new Date(0);
    res.send('ok');
  });
  const visitor = new Visitor();
  await visitor.get(app);
  assert.match(visitor.lines[0]!, /Expires=Thu, 01 Jan 1970 00:00:00 GMT/);
  const none = (session: ReturnType<typeof bag>) => {
    change(session);
    session.cookie.expires = null;
  };
  assert.deepEqual(await visits({ cookie: { maxAge: 60_000 } }, none, none), [null, undefined]);
});

test('originalMaxAge is the same in all requests, and maxAge counts from the last one', async () => {
  const world = new World();
  const app = application(world.node, { cookie: { maxAge: 20_000 } }, (req, res) => {
    bag(req).user = 'alice';
    res.json([bag(req).cookie.originalMaxAge, bag(req).cookie.maxAge]);
  });
  const visitor = new Visitor();
  assert.deepEqual((await visitor.get(app)).body, [20_000, 20_000]);
  world.clock.advance(900);
  assert.deepEqual((await visitor.get(app)).body, [20_000, 19_100], 'told coarsely, in twentieths');
  world.clock.advance(10_000);
  assert.deepEqual((await visitor.get(app)).body, [20_000, 9_100]);
  assert.deepEqual((await visitor.get(app)).body, [20_000, 20_000]);
});

test("attributes of one session's cookie are kept with it", async () => {
  const world = new World({ allowInsecureCookie: false });
  const app = application(world.node, { proxy: true }, (req, res) => {
    if (req.path === '/set') Object.assign(bag(req).cookie, { httpOnly: false, maxAge: 5_000 });
    bag(req).count = (bag(req).count ?? 0) + 1;
    res.send('ok');
  });
  const visitor = new Visitor();
  const https = { 'x-forwarded-proto': 'https' };
  await visitor.get(app, '/set', https);
  await visitor.get(app, '/', https);
  assert.match(visitor.lines[0]!, /Expires=/);
  assert.doesNotMatch(visitor.lines[0]!, /HttpOnly/);
});

for (const [what, broken, message] of [
  ['a date that is none', { maxAge: Number.NaN }, /^maxAge, or expires, must lead to a date$/],
  ['a domain that is none', { domain: 'a b' }, /^option domain is invalid/],
] as const)
  test(`a cookie that a request gave ${what} is an error for the application; no session is kept for it, and of one that exists all else`, async () => {
    const world = new World();
    const errors: string[] = [];
    const app = express();
    app.use(sessions(world.node.parts, { app: 'shop' }), (req, res) => {
      const session = bag(req);
      if (req.path === '/leave') return void session.destroy(() => res.send('left'));
      session.count = (session.count ?? 0) + 1;
      if (req.path === '/broken') Object.assign(session.cookie, broken);
      return void res.send(String(session.count));
    });
    app.use(((error, _req, _res, _next) => void errors.push(error.message)) as ErrorRequestHandler);
    const visitor = new Visitor();
    assert.equal((await visitor.get(app, '/broken')).status, 200);
    await eventually(() => errors.length === 1);
    assert.match(errors[0]!, message);
    assert.deepEqual([visitor.lines, inUse(world.node)], [[], []]);
    for (const path of ['/', '/broken']) assert.equal((await visitor.get(app, path)).status, 200);
    await eventually(() => errors.length === 2);
    assert.match(errors[1]!, message);
    assert.equal((await visitor.get(app)).text, '3');
    assert.equal(errors.length, 2, 'the next request has its cookie as it was');
    await visitor.get(app, '/leave');
    assert.equal(visitor.cookies.size, 0);
  });

test('a middleware that is called without Express hands on what is wrong with the cookie, and throws nothing', async () => {
  const { node } = new World();
  const middleware = sessions(node.parts, { app: 'shop', cookie: ({ url }) => ({ path: url }) });
  const req = Object.assign(new IncomingMessage(new Socket()), { url: '/a;b' });
  const error = await new Promise<unknown>((done) => {
    middleware(req as Request, {} as Response, done);
  });
  assert.ok(error instanceof SsoError, String(error));
});

test('what is wrong with the cookie is nothing to a request whose session is of another middleware', async () => {
  const { node } = new World();
  const app = express();
  app.use((req, _res, next) => {
    Object.assign(req, { session: {} });
    next();
  });
  app.use(sessions(node.parts, { app: 'shop', cookie: () => ({ maxAge: Number.NaN }) }), (_req, res) => void res.end());
  assert.equal((await new Visitor().get(app)).status, 200);
});

test('a cookie that was mended after save() had refused it is set, and the session kept', async () => {
  const world = new World();
  const app = application(world.node, {}, async (req, res, next) => {
    if (req.path !== '/mends') return void res.send(String(bag(req).count));
    bag(req).count = 1;
    bag(req).cookie.domain = 'a b';
    await assert.rejects(bag(req).save(), /domain/);
    bag(req).cookie.domain = undefined;
    next();
  });
  const visitor = new Visitor();
  await visitor.get(app, '/mends');
  assert.equal((await visitor.get(app)).text, '1');
});

test('a session whose cookie a store kept wrong is taken away with the usual attributes', async () => {
  const world = new World();
  const app = application(world.node, {}, (req, res, next) => {
    if (req.path === '/leave') return void bag(req).destroy(() => res.end());
    bag(req).count = 1;
    if (req.path !== '/wrong') return next();
    const wrong = { cookie: { originalMaxAge: null, domain: 'a b' }, count: 1 };
    (req.sessionStore as SessionStore).set(req.sessionID, wrong, next);
  });
  const visitor = new Visitor();
  for (const path of ['/', '/wrong', '/leave']) await visitor.get(app, path);
  assert.equal(visitor.lines.length, 1);
  assert.equal(visitor.cookies.size, 0);
});

for (const [what, broken] of [
  ['a date that is none', { maxAge: Number.NaN }],
  ['a domain that is none', { maxAge: 1_000, domain: 'a b' }],
  ['what is no cookie at all', '1 day'],
] as const)
  test(`a session that is given ${what} lives as long as before, with what else the request changed`, async () => {
    const world = new World();
    const app = application(world.node, {}, (req, res, next) => {
      bag(req).count = (bag(req).count ?? 0) + 1;
      if (req.path === '/month') bag(req).cookie.maxAge = 30 * 86_400_000;
      else if (req.path === '/broken' && typeof broken === 'object') Object.assign(bag(req).cookie, broken);
      else if (req.path === '/broken') Object.assign(bag(req), { cookie: { maxAge: broken } });
      else return void res.send(String(bag(req).count));
      next();
    });
    const visitor = new Visitor();
    for (const path of ['/month', '/broken']) assert.equal((await visitor.get(app, path)).status, 200);
    assert.match(world.log.at(-1)!.message, /^session: /, 'it is told');
    world.clock.advance(7 * 86_400_000);
    assert.equal((await visitor.get(app)).text, '3');
  });

test('V66: a session that has a path of its own is taken away there', async () => {
  const world = new World();
  const app = application(world.node, { rolling: true }, (req, res) => {
    if (req.path === '/sub/leave') return void bag(req).destroy(() => res.send('left'));
    bag(req).count = 1;
    bag(req).cookie.path = '/sub';
    return void res.send('ok');
  });
  const visitor = new Visitor();
  await visitor.get(app, '/sub');
  assert.deepEqual(paths(visitor), ['/sub']);
  await visitor.get(app, '/sub/leave');
  assert.deepEqual([paths(visitor), visitor.cookies.size], [['/sub'], 0]);
});

test('cookies that the application sets stay, whether before or with the headers', async () => {
  const world = new World();
  const app = application(world.node, { saveUninitialized: true }, (req, res) => {
    if (req.path === '/before') res.setHeader('Set-Cookie', 'previous=1');
    else res.writeHead(200, { 'Set-Cookie': 'previous=1' });
    res.end('ok');
  });
  for (const path of ['/before', '/with']) {
    const visitor = new Visitor();
    await visitor.get(app, path);
    assert.deepEqual([...visitor.cookies.keys()].sort(), ['latchkey-shop', 'previous']);
  }
});

test('a plain object in place of the cookie is taken for its options', async () => {
  assert.deepEqual(
    await visits({}, (session) => Object.assign(session, { user: 'alice', cookie: { maxAge: 7_000 } })),
    [7],
  );
});
