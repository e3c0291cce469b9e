/** What config/from-express-session.md says of express-session and of this library, side by side. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { test } from 'node:test';
import express, { type Express, type RequestHandler } from 'express';
import expressSession from 'express-session';
import { commonOptionNames } from '../../sso/session/options/common.ts';
import type { SessionOptions } from '../../sso/session/sessions.ts';
import { store as makeStore } from '../../sso/session/store.ts';
import { application, showError, Visitor } from './support/visitor.ts';
import { World } from './support/world.ts';

type Kept = Record<string, unknown>;
const kept = (req: object) => (req as { session: Kept }).session;

/** Work is told in place, and runs where a handler would. */
class Shop {
  readonly app: Express;
  readonly #works: ((session: Kept) => unknown)[] = [];

  constructor(mount: (handler: RequestHandler) => Express) {
    this.app = mount(async (req, res, next) => {
      try {
        await this.#works[Number(req.headers['x-work'])]!(kept(req));
        res.send('done');
      } catch (error) {
        next(error);
      }
    });
  }

  async does<T>(visitor: Visitor, work: (session: Kept) => T | Promise<T>): Promise<T> {
    let result: { readonly value: T } | undefined;
    const text = await this.tries(visitor, async (session) => {
      result = { value: await work(session) };
    });
    assert.equal(text, 'done');
    return result!.value;
  }

  /** Resolves with the answer's text. */
  async tries(visitor: Visitor, work: (session: Kept) => unknown): Promise<string> {
    const number = this.#works.push(work) - 1;
    return (await visitor.get(this.app, '/', { 'x-work': String(number) })).text;
  }
}

/** express-session with its memory store: as connect-redis it keeps the JSON of a session. */
function theirs(): Shop {
  return new Shop((handler) => {
    const app = express();
    app.use(expressSession({ secret: 'x', resave: false, saveUninitialized: false }), handler);
    app.use(showError);
    return app;
  });
}

/** Two nodes: what is put in at the first is read at the second. */
function ours(options: Partial<SessionOptions> = {}): [Shop, Shop, World] {
  const world = new World({ routes: ['node1', 'node2'] });
  const [first, second] = world.nodes.map((node) => new Shop((handler) => application(node, options, handler)));
  return [first!, second!, world];
}

class Point {
  x = 1;
  y = 2;
  sum() {
    return this.x + this.y;
  }
}

class Price {
  cents = 5;
  toJSON() {
    return `${this.cents} cents`;
  }
}

/** What becomes of a value from one request to the next. */
async function carriedBy(writer: Shop, reader: Shop, value: unknown): Promise<unknown> {
  const visitor = new Visitor();
  const answer = await writer.tries(visitor, (session) => {
    session['there'] = true;
    session['value'] = value;
  });
  if (answer !== 'done') return answer;
  return await reader.does(visitor, (session) => {
    assert.equal(session['there'], true);
    return session['value'];
  });
}

const date = new Date(1_767_225_600_000);
const rows: readonly (readonly [name: string, value: unknown, theirs: unknown, ours: unknown])[] = [
  ['plain values', { a: [1, 'x', true, null] }, { a: [1, 'x', true, null] }, { a: [1, 'x', true, null] }],
  ['a Date', date, date.toJSON(), date],
  ['a Map', new Map([['a', 1]]), {}, new Map([['a', 1]])],
  ['a Set', new Set([1]), {}, new Set([1])],
  ['numbers that JSON lacks', [Number.NaN, Number.POSITIVE_INFINITY, -0], [null, null, 0], [Number.NaN, Number.POSITIVE_INFINITY, -0]],
  ['undefined within an object', { a: undefined }, {}, { a: undefined }],
  ['an instance of a class that is not listed', new Point(), { x: 1, y: 2 }, { x: 1, y: 2 }],
  ['one with toJSON', new Price(), '5 cents', '5 cents'],
  ['a function within an object', { a: 1, run: () => 1 }, { a: 1 }, { a: 1 }],
]; // biome-ignore format: a table

for (const granularity of ['SESSION', 'ATTRIBUTE', 'FIELD'] as const) {
  test(`what a session may hold, at ${granularity}: as the page's table says, for both`, async () => {
    const redis = theirs();
    for (const [name, value, expected, here] of rows) {
      const [first, second] = ours({ replicationGranularity: granularity });
      assert.deepStrictEqual(await carriedBy(redis, redis, value), expected, `${name}, express-session`);
      assert.deepStrictEqual(await carriedBy(first, second, value), here, name);
    }
  });

  test(`what JSON cannot carry, at ${granularity}: bigint, cycles, shared objects, listed classes, prototype keys`, async () => {
    const redis = theirs();
    const [first, second] = ours({ replicationGranularity: granularity, classes: [Point] });
    assert.equal(await carriedBy(first, second, 5n), 5n);

    const cycle: Kept = { name: 'cycle' };
    cycle['self'] = cycle;
    const came = (await carriedBy(first, second, cycle)) as Kept;
    assert.equal(came['self'], came);

    const address = { street: 'Long Road 17' };
    const twice = { husband: address, wife: address };
    const apart = (await carriedBy(redis, redis, twice)) as Kept;
    assert.notEqual(apart['husband'], apart['wife']);
    const together = (await carriedBy(first, second, twice)) as Kept;
    assert.equal(together['husband'], together['wife']);

    const point = (await carriedBy(first, second, new Point())) as Point;
    assert.ok(point instanceof Point);
    assert.equal(point.sum(), 3);

    const odd = JSON.parse('{"__proto__":{"polluted":true},"constructor":1}');
    assert.deepStrictEqual(await carriedBy(first, second, odd), odd);
    assert.equal(({} as Kept)['polluted'], undefined);
  });
}

/** What is there after a slow request has set `a` and a quick one `b` meanwhile. */
async function changedAtOnce(shop: Shop): Promise<unknown> {
  const visitor = new Visitor();
  await shop.does(visitor, (session) => Object.assign(session, { a: 0, b: 0 }));
  let go: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  let slow: Promise<void> | undefined;
  await new Promise<void>((begun) => {
    slow = shop.does(visitor.copy(), async (session) => {
      session['a'] = 1;
      begun();
      await held;
    });
  });
  await shop.does(visitor, (session) => void (session['b'] = 1));
  go();
  await slow;
  return await shop.does(visitor, ({ a, b }) => [a, b]);
}

test('two requests at once that change different attributes: express-session loses one, here both stay', async () => {
  assert.deepEqual(await changedAtOnce(theirs()), [1, 0]);
  for (const replicationGranularity of ['ATTRIBUTE', 'FIELD'] as const)
    assert.deepEqual(await changedAtOnce(ours({ replicationGranularity })[0]), [1, 1]);
});

test('with sso.store() under express-session: what JSON has no words for stays, and both of two changes at once', async () => {
  const world = new World();
  const stored = new Shop((handler) => {
    const app = express();
    app.use((req, _res, next) => world.node.parts.context.run(req, next));
    const store = makeStore(world.node.parts, { app: 'shop' });
    app.use(expressSession({ store, secret: 'x', resave: false, saveUninitialized: false }), handler);
    app.use(showError);
    return app;
  });
  const values = { date, map: new Map([['a', 1]]) };
  assert.deepStrictEqual(await carriedBy(stored, stored, values), values);
  assert.deepEqual(await changedAtOnce(stored), [1, 1]);
});

test('what cannot travel is named by its path, the answer goes out, and everything else is saved', async () => {
  const [first, second, world] = ours();
  const visitor = new Visitor();
  await first.does(visitor, (session) => Object.assign(session, { cart: { items: ['old'] }, user: 'alice' }));
  const answer = await first.tries(visitor, (session) => {
    session['cart'] = { items: [1, 2, 3, { socket: new Socket() }] };
    session['user'] = 'bob';
  });
  assert.equal(answer, 'done');
  assert.ok(world.log.some(({ level, message }) => level === 'error' && message.includes('cart.items[3].socket')));
  assert.deepEqual(await second.does(visitor, ({ cart, user }) => [cart, user]), [{ items: ['old'] }, 'bob']);
});

test('the page names every option of sessions(), and links to headings that exist', () => {
  const page = readFileSync(new URL('../../config/from-express-session.md', import.meta.url), 'utf8');
  for (const name of [...commonOptionNames, 'replicationTrigger', 'useRoute']) {
    if (name !== 'app') assert.ok(page.includes(`| \`${name}\``) || page.includes(`, \`${name}\``), name);
  }
  const slug = (heading: string) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-');
  const headings = new Set([...page.matchAll(/^## (.*)$/gm)].map(([, heading]) => slug(heading!)));
  const links = [...page.matchAll(/\]\(#([^)]*)\)/g)].map(([, link]) => link!);
  assert.notEqual(links.length, 0);
  for (const link of links) assert.ok(headings.has(link), link);
});
