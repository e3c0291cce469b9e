/** Stories of VALVE-BEHAVIOUR.md 1.3 and 1.4: what of a session is on the other node after a failover, by trigger and by granularity. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { seededRandom } from '../../sso/random.ts';
import { type Graph, pictureOf, randomStep, type Step } from '../support/graph-programs.ts';
import { granularities, perGranularity, replicated, triggers } from '../support/replicated.ts';

interface Cart {
  cart: { items: string[] };
  count: number;
}

test('V97: a change without a set call is lost at a failover with the trigger SET, and kept with the others', async (t) => {
  const apps = Object.fromEntries(
    triggers.flatMap((replicationTrigger) =>
      granularities.map((replicationGranularity) => [
        `${replicationTrigger}-${replicationGranularity}`,
        { replicationTrigger, replicationGranularity },
      ]),
    ),
  );
  const it = await replicated(t, { apps });
  const browser = it.browser();
  for (const app of Object.keys(apps)) {
    const shop = it.shop<Cart>(app);
    await shop.does(browser, 'n1', (session) => {
      session.cart = { items: ['pen'] };
      session.count = 1;
    });
    await shop.does(browser, 'n1', (session) => void session.cart.items.push('ink'));
    await shop.does(browser, 'n1', (session) => void (session.count = 2));
  }
  await it.cluster.kill('n1');
  for (const app of Object.keys(apps)) {
    const seen = await it.shop<Cart>(app).does(browser, 'n2', ({ cart, count }) => ({ cart, count }));
    const items = app.startsWith('SET-') ? ['pen'] : ['pen', 'ink'];
    assert.deepEqual(seen, { cart: { items }, count: 2 }, app);
  }
});

interface Address {
  street: string;
  city: string;
}
interface Person {
  name: string;
  address: Address;
  spouse?: Person;
}
interface Family {
  husband: Person;
  wife: Person;
}

/** The sample of the guide: two attributes, and one address that belongs to both. */
const family = (session: Family) => {
  const address = { street: 'Main Street', city: 'Xyz' };
  session.husband = { name: 'Ben', address };
  session.wife = { name: 'Ann', address };
};

test('V98: an object that two attributes share is one on the other node with SESSION and FIELD, and two with ATTRIBUTE', async (t) => {
  const it = await replicated(t);
  const browser = it.browser();
  for (const app of granularities) await it.shop<Family>(app).does(browser, 'n1', family);
  await it.cluster.kill('n1');
  for (const app of granularities) {
    const shop = it.shop<Family>(app);
    const isOne = await shop.does(browser, 'n2', ({ husband, wife }) => {
      assert.deepEqual(husband, { name: 'Ben', address: { street: 'Main Street', city: 'Xyz' } });
      assert.deepEqual(wife, { name: 'Ann', address: { street: 'Main Street', city: 'Xyz' } });
      const isOne = husband.address === wife.address;
      husband.address.street = 'Side Street';
      return isOne;
    });
    assert.equal(isOne, app !== 'ATTRIBUTE', app);
    const streets = await shop.does(browser, 'n2', ({ husband, wife }) => [
      husband.address.street,
      wife.address.street,
    ]);
    assert.deepEqual(streets, ['Side Street', app === 'ATTRIBUTE' ? 'Main Street' : 'Side Street'], app);
  }
});

test("V98, the guide's family: with FIELD husband, wife and their address are one web, also in cycles, and stay it from node to node", async (t) => {
  const it = await replicated(t, { nodes: ['n1', 'n2', 'n3'] });
  const browser = it.browser();
  const shop = it.shop<Family & { house: { owners: Person[]; at: Address } }>('FIELD');
  await shop.does(browser, 'n1', (session) => {
    family(session);
    session.husband.spouse = session.wife;
    session.wife.spouse = session.husband;
    assert.equal(session.husband, session.husband);
  });
  await shop.does(browser, 'n2', (session) => {
    const { husband, wife } = session;
    assert.equal(session.husband, husband, 'the same at every look');
    assert.equal(husband.spouse, wife);
    assert.equal(wife.spouse, husband);
    assert.equal(husband.address, wife.address);
    session.house = { owners: [wife, husband], at: wife.address };
  });
  await it.cluster.kill('n1');
  await shop.does(browser, 'n3', ({ house }) => void (house.owners[0]!.spouse!.address.city = 'Abc'));
  await it.cluster.kill('n2');
  await shop.does(browser, 'n3', ({ husband, wife, house }) => {
    assert.deepEqual(
      [husband.address.city, wife.address.city, house.at.city, house.at.street],
      ['Abc', 'Abc', 'Abc', 'Main Street'],
    );
    assert.equal(house.owners[0], wife);
    assert.equal(house.owners[1], husband);
    assert.equal(house.at, husband.address);
    assert.equal(wife.spouse?.spouse, wife);
  });
  await shop.does(browser, 'n3', (session) => {
    session.wife.address = { street: 'New Street', city: 'Abc' };
  });
  await it.cluster.restart('n1');
  await it.cluster.settle();
  await shop.does(browser, 'n1', ({ husband, wife, house }) => {
    assert.notEqual(husband.address, wife.address, 'who moves out shares no more');
    assert.equal(house.at, husband.address);
    assert.deepEqual([husband.address.street, wife.address.street], ['Main Street', 'New Street']);
  });
});

test('V98: within one attribute shared references and cycles survive in every granularity', async (t) => {
  const it = await replicated(t);
  const browser = it.browser();
  for (const app of granularities) {
    const shop = it.shop<{ family: Family & { self?: unknown } }>(app);
    await shop.does(browser, 'n1', (session) => {
      const both = {} as Family & { self?: unknown };
      family(both);
      both.self = both;
      session.family = both;
    });
    await shop.does(browser, 'n2', ({ family }) => {
      assert.equal(family.husband.address, family.wife.address, app);
      assert.equal(family.self, family, app);
    });
  }
});

/** What JSON cannot carry, deep inside. */
interface Kinds {
  all: {
    when: Date;
    scores: Map<string, { best: number }>;
    tags: Set<string>;
    big: bigint;
    numbers: number[];
    nothing: undefined;
    list: unknown[];
  };
}

test('dates, maps, sets, bigints and odd numbers arrive as what they are, and changes inside them without a set call, too', async (t) => {
  const it = await replicated(t, { nodes: ['n1', 'n2', 'n3'] });
  const browser = it.browser();
  for (const app of granularities) {
    const shop = it.shop<Kinds>(app);
    await shop.does(browser, 'n1', (session) => {
      session.all = {
        when: new Date(86_400_000),
        scores: new Map([['a', { best: 1 }]]),
        tags: new Set(['new']),
        big: 2n ** 70n,
        numbers: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0.1],
        nothing: undefined,
        list: [null, undefined, true, 'ü\u2028\ud800', [], {}],
      };
    });
    await shop.does(browser, 'n2', ({ all }) => {
      assert.ok(all.when instanceof Date && all.scores instanceof Map && all.tags instanceof Set, app);
      all.when.setTime(5);
      all.scores.get('a')!.best = 2;
      all.scores.set('b', { best: 3 });
      all.tags.add('old');
      all.tags.delete('new');
      all.big += 1n;
      all.numbers.push(7);
    });
    await shop.does(browser, 'n3', ({ all }) => {
      assert.deepEqual(
        all,
        {
          when: new Date(5),
          scores: new Map([
            ['a', { best: 2 }],
            ['b', { best: 3 }],
          ]),
          tags: new Set(['old']),
          big: 2n ** 70n + 1n,
          numbers: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0.1, 7],
          nothing: undefined,
          list: [null, undefined, true, 'ü\u2028\ud800', [], {}],
        },
        app,
      );
      assert.ok(Object.is(all.numbers[3], -0), app);
    });
  }
});

let constructed = 0;
class Item {
  name: string;
  price: number;
  constructor(name: string, price: number) {
    constructed++;
    this.name = name;
    this.price = price;
  }
  label(): string {
    return `${this.name}: ${this.price}`;
  }
}
class Book extends Item {
  readonly pages: number[] = [];
  override label(): string {
    return `book ${super.label()}, ${this.pages.length} pages`;
  }
}
class Money {
  readonly cents: number;
  constructor(cents: number) {
    this.cents = cents;
  }
  toJSON() {
    return `${this.cents} cents`;
  }
}

test('instances of registered classes arrive as instances, subclasses as what they are, and no constructor runs; others as their JSON', async (t) => {
  const it = await replicated(t, { apps: perGranularity({ classes: [Item, Book] }) });
  const browser = it.browser();
  for (const app of granularities) {
    const shop = it.shop<{ basket: { items: Item[]; total: Money | string } }>(app);
    await shop.does(browser, 'n1', (session) => {
      session.basket = { items: [new Item('pen', 3), new Book('Tales', 20)], total: new Money(2300) };
    });
    constructed = 0;
    await shop.does(browser, 'n2', ({ basket }) => {
      const [pen, tales] = basket.items;
      assert.ok(pen instanceof Item && !(pen instanceof Book), app);
      assert.ok(tales instanceof Book && Object.getPrototypeOf(tales) === Book.prototype, app);
      assert.deepEqual([pen.label(), tales.label()], ['pen: 3', 'book Tales: 20, 0 pages']);
      assert.equal(basket.total, '2300 cents', `${app}: toJSON is honoured`);
      assert.equal(constructed, 0, `${app}: nothing was constructed`);
      pen.price = 4;
      tales.pages.push(1);
    });
    await it.cluster.settle();
    const labels = await shop.does(browser, 'n1', ({ basket }) => basket.items.map((item) => item.label()));
    assert.deepEqual(labels, ['pen: 4', 'book Tales: 20, 1 pages'], app);
  }
});

test('what was removed on one node is gone on the other: attributes, fields, elements, and what they alone held', async (t) => {
  const it = await replicated(t);
  const browser = it.browser();
  for (const app of granularities) {
    const shop = it.shop<{ a?: number; deep: { list: unknown[]; gone?: object; map: Map<string, unknown> } }>(app);
    await shop.does(browser, 'n1', (session) => {
      session.a = 1;
      session.deep = { list: [1, { two: 2 }, 3, 4], gone: { far: { away: true } }, map: new Map([['k', [1]]]) };
    });
    await shop.does(browser, 'n1', (session) => {
      delete session.a;
      delete session.deep.gone;
      session.deep.list.splice(0, 2);
      session.deep.map.clear();
    });
    await it.cluster.settle();
    await shop.does(browser, 'n2', (session) => {
      assert.equal('a' in session, false, app);
      assert.deepEqual(Object.keys(session), ['cookie', 'deep'], app);
      assert.deepEqual(session.deep, { list: [3, 4], map: new Map() }, app);
      assert.equal(session.deep.list.length, 2);
    });
  }
});

test("V96: names of prototypes and of the library's own spelling are data like any other, and pollute nothing", async (t) => {
  const it = await replicated(t);
  const browser = it.browser();
  const text =
    '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":"x","$":1,"$type":"Date","$ref":0,"$$":{"$date":5},"*":"*",".":"."}';
  for (const app of granularities) {
    const shop = it.shop<Record<string, unknown>>(app);
    await shop.does(browser, 'n1', (session) => {
      session['data'] = JSON.parse(text);
      session['*'] = { '*': 1 };
      session['.x'] = ['$ref'];
      session['$'] = '$';
      session[''] = 'empty';
    });
    await shop.does(browser, 'n2', (session) => {
      assert.equal(JSON.stringify(session['data']), text, app);
      assert.ok(Object.hasOwn(session['data'] as object, '__proto__'), app);
      assert.equal(Object.getPrototypeOf(session['data']), Object.prototype, app);
      assert.deepEqual([session['$'], session['']], ['$', 'empty'], app);
      assert.deepEqual([session['*'], session['.x']], [{ '*': 1 }, ['$ref']], app);
    });
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
  }
});

test('what cannot travel is told with the path to it, the answer goes out, and the rest of the session is kept', async (t) => {
  const it = await replicated(t, { logsErrors: true });
  const browser = it.browser();
  for (const app of granularities) {
    const shop = it.shop<{ good: number; cart: { items: unknown[] }; big: string; old: string }>(app);
    await shop.does(browser, 'n1', (session) => void (session.old = 'as before'));
    const answer = await shop.asks(browser, 'n1', (session, req) => {
      session.good = 1;
      session.cart = { items: [1, 2, { socket: req.socket }] };
    });
    assert.equal(answer.status, 200, app);
    const { good, cart, old } = await shop.does(browser, 'n2', ({ good, cart, old }) => ({ good, cart, old }));
    assert.deepEqual(
      [good, cart, old],
      [1, undefined, 'as before'],
      `${app}: the rest is kept, on the other node, too`,
    );
    assert.match(it.failures.at(-1)!.error.message, /cart\.items\[2\]\.socket/, app);
    assert.ok(it.logged('n1', /cart\.items\[2\]\.socket/).length > 0, `${app}: the log has the path`);
    await shop.asks(browser, 'n1', (session) => {
      session.good = 2;
      session.big = 'x'.repeat(1 << 20);
    });
    const after = await shop.does(browser, 'n2', ({ good, big }) => ({ good, big }));
    assert.deepEqual(after, { good: 2, big: undefined }, `${app}: too large`);
    assert.match(it.failures.at(-1)!.error.message, /big/, app);
  }
});

test('functions and symbols are left out, with one warning for each place', async (t) => {
  const it = await replicated(t);
  const browser = it.browser();
  for (const app of granularities) {
    const shop = it.shop<{ bag: { x: number; work?: () => void; mark?: symbol; list: unknown[] } }>(app);
    for (let time = 1; time <= 3; time++) {
      await shop.does(browser, 'n1', (session) => {
        session.bag = { x: time, work: () => {}, mark: Symbol('m'), list: [1] };
      });
    }
    const seen = await shop.does(browser, 'n2', ({ bag }) => bag);
    assert.deepEqual(seen, { x: 3, list: [1] }, app);
    for (const path of [/bag\.work/, /bag\.mark/]) {
      const warnings = it.logged('n1', path).filter((line) => JSON.stringify(line).includes(app));
      assert.equal(warnings.length, 1, `${app}: ${path} is told once: ${JSON.stringify(warnings)}`);
    }
  }
});

test('nesting as deep as anybody could want neither overflows nor is lost without a word', async (t) => {
  const it = await replicated(t, { logsErrors: true });
  const browser = it.browser();
  for (const app of granularities) {
    const shop = it.shop<{ deep: unknown; too: unknown }>(app);
    const nested = (levels: number) => {
      let value: unknown = 'end';
      for (let level = 0; level < levels; level++) value = { in: value };
      return value;
    };
    await shop.does(browser, 'n1', (session) => void (session.deep = nested(400)));
    const levels = await shop.does(browser, 'n2', ({ deep }) => {
      let count = 0;
      for (let at = deep; at !== 'end'; at = (at as { in: unknown }).in) count++;
      return count;
    });
    assert.equal(levels, 400, app);
    const before = it.failures.length;
    await shop.asks(browser, 'n1', (session) => void (session.too = nested(100_000)));
    assert.ok(it.failures.length > before, `${app}: refused`);
    assert.match(it.failures.at(-1)!.error.message, /too/, app);
    assert.equal(await shop.does(browser, 'n2', ({ too }) => too), undefined, app);
  }
});

test('a session goes on when the granularity is changed, node by node', async (t) => {
  const now: { granularity: (typeof granularities)[number] } = { granularity: 'SESSION' };
  const it = await replicated(t, { apps: { shop: () => ({ replicationGranularity: now.granularity }) } });
  const browser = it.browser();
  const shop = it.shop<{ cart: { items: number[]; when: Date }; count: number }>('shop');
  await shop.does(browser, 'n1', (session) => {
    session.cart = { items: [0], when: new Date(1) };
    session.count = 0;
  });
  let turn = 0;
  for (const granularity of ['ATTRIBUTE', 'FIELD', 'SESSION', 'FIELD', 'ATTRIBUTE', 'SESSION'] as const) {
    now.granularity = granularity;
    const [at, other] = turn % 2 === 0 ? ['n1', 'n2'] : ['n2', 'n1'];
    await it.cluster.stopNode(at!);
    await it.cluster.restart(at!);
    await it.cluster.settle();
    turn++;
    for (const node of [at!, other!]) {
      const { cart, count } = await shop.does(browser, node, ({ cart, count }) => ({ cart, count }));
      assert.deepEqual(
        [cart.items.at(-1), cart.when, count],
        [turn - 1, new Date(1), turn - 1],
        `${granularity} ${node}`,
      );
    }
    await shop.does(browser, at!, (session) => {
      session.cart.items.push(turn);
      session.count = turn;
    });
  }
  const items = await shop.does(browser, 'n1', ({ cart }) => cart.items);
  assert.deepEqual(items, [0, 1, 2, 3, 4, 5, 6]);
});

for (const seed of [1, 2, 3]) {
  test(`programs at random leave the same graph on the other node as in a process that never ended (seed ${seed})`, async (t) => {
    const it = await replicated(t, { seed, options: { cluster: { intervalMs: 20_000 } } });
    for (const app of granularities) {
      const shop = it.shop<Graph>(app);
      const random = seededRandom(seed);
      const browser = it.browser();
      const model: Graph = {};
      for (let turn = 0; turn < 10; turn++) {
        const steps: Step[] = [];
        while (steps.length < 1 + (turn % 3)) {
          const step = randomStep(model, random);
          step(model);
          steps.push(step);
        }
        const [at, other] = random.fraction() < 0.5 ? ['n1', 'n2'] : ['n2', 'n1'];
        await shop.does(browser, at!, (session) => {
          for (const step of steps) step(session);
        });
        for (const name of Object.keys(model)) {
          // JSON drops attributes without a value, and what two attributes share is two from now on.
          if (model[name] === undefined) delete model[name];
          else if (app === 'ATTRIBUTE') model[name] = structuredClone(model[name]);
        }
        if (turn === 5) await it.cluster.advance(40_000);
        const seen = await shop.does(browser, other!, ({ cookie: _, ...kept }) => pictureOf(kept));
        assert.equal(seen, pictureOf(model), `${app}, turn ${turn}`);
      }
    }
  });
}
