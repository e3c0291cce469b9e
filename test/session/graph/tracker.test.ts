import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import type { Class } from '../../../sso/session/graph/classes.ts';
import { attributesPart, type StoredFields, wholeField } from '../../../sso/session/graph/stored.ts';
import { readAll, removed } from '../../../sso/session/graph/tracker.ts';
import { NaiveFields } from './support/naive-fields.ts';
import { sameGraph } from './support/same-graph.ts';
import { granularities, Store } from './support/store.ts';

class Person {
  name: string;
  address: Address | undefined;
  spouse: Person | undefined;
  #secret = 0;
  constructor(name: string, address?: Address) {
    constructed += 1;
    this.name = name;
    this.address = address;
  }
  greet() {
    return `I am ${this.name}`;
  }
  set loud(_: unknown) {
    throw new Error('a setter was called');
  }
  get secret() {
    return this.#secret;
  }
}
class Student extends Person {}
class Address {
  street = 'Main Street';
}
let constructed = 0;

for (const granularity of granularities) {
  const store = (classes: readonly Class[] = [], maxLength?: number) => new Store(granularity, classes, maxLength);

  test(`${granularity}: what JSON has no words for survives`, () => {
    const it = store();
    const values = {
      date: new Date(5),
      never: new Date(Number.NaN),
      map: new Map<unknown, unknown>([
        [1, 'number'],
        ['1', 'text'],
        [Number.NaN, null],
      ]),
      set: new Set([3, 1, 2]),
      big: 12n,
      numbers: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0],
      hole: { there: undefined, list: [undefined, 1] },
      dollars: { $date: 1, $$: 2, $ref: { $map: [] } },
    };
    it.request((session) => Object.assign(session, values));
    assert.equal(sameGraph(it.all(), values, { keyOrder: true }), undefined);
  });

  test(`${granularity}: the members of Maps and Sets keep their order, also when one is set anew or another node's is older`, () => {
    const it = store();
    it.request((session) => {
      session['map'] = new Map([...'abc'].map((key) => [key, 1]));
      session['set'] = new Set('abc');
    });
    it.request(({ map, set }) => {
      map?.delete('a');
      map?.set('a', 1);
      map?.set('d', 1);
      set?.delete('b');
      set?.add('b');
    });
    assert.deepEqual([...it.all()['map'].keys()].join(''), 'bcad');
    assert.deepEqual([...it.all()['set']].join(''), 'acb');
  });

  test(`${granularity}: an object that is shared within an attribute, and a cycle, arrive as one`, () => {
    const it = store();
    it.request((session) => {
      const address = { street: 'A' };
      session['couple'] = { husband: { address }, wife: { address }, self: undefined };
      session['couple'].self = session['couple'];
    });
    it.request((session) => {
      session['list'] = [{ n: 1 }];
      session['list'].push(session['list'][0]);
    });
    const { couple, list } = it.all();
    assert.equal(list[0], list[1]);
    assert.equal(couple.husband.address, couple.wife.address);
    assert.equal(couple.self, couple);
  });

  test(`${granularity}: an instance of a registered class arrives as one, made without its constructor or setters`, () => {
    const it = store([Person, Address]);
    const person = new Person('Ann', new Address());
    Object.defineProperty(person, 'loud', { value: 1, enumerable: true });
    it.request((session) => {
      session['ann'] = person;
    });
    const before = constructed;
    const { ann } = it.all();
    assert.equal(constructed, before);
    assert.ok(ann instanceof Person && ann.address instanceof Address);
    assert.equal(ann.greet(), 'I am Ann');
    assert.equal(Object.getOwnPropertyDescriptor(ann, 'loud')?.value, 1);
  });

  test(`${granularity}: an instance of a subclass that is not registered arrives as its registered class, with one notice`, () => {
    const it = store([Person]);
    const { leftOut } = it.request((session) => {
      session['bob'] = new Student('Bob');
    });
    assert.equal(Object.getPrototypeOf(it.all()['bob']), Person.prototype);
    assert.deepEqual(leftOut, [{ path: 'bob', what: 'is a Student, which is not registered: it arrives as a Person' }]);
  });

  test(`${granularity}: an abstract class may be registered, for the instances of its subclasses`, () => {
    abstract class Shape {
      edges = 0;
      abstract area(): number;
      isRound() {
        return this.edges === 0;
      }
    }
    class Circle extends Shape {
      area = () => Math.PI;
    }
    const it = store([Shape]);
    it.request((session) => {
      session['shape'] = new Circle();
    });
    const { shape } = it.all();
    assert.ok(shape instanceof Shape && shape.isRound());
  });

  test(`${granularity}: a registered class that is a Map stays one, with its own fields`, () => {
    class Cart extends Map<string, number> {
      owner = 'Ann';
    }
    const it = store([Cart]);
    it.request((session) => {
      session['cart'] = new Cart([['apple', 2]]);
    });
    it.request(({ cart }) => {
      cart.set('pear', 1);
      cart.owner = 'Bob';
    });
    const { cart } = it.all();
    assert.ok(cart instanceof Cart);
    assert.deepEqual([...cart], [...Object.entries({ apple: 2, pear: 1 })]);
    assert.equal(cart.owner, 'Bob');
  });

  test(`${granularity}: a class that this node has not registered keeps its name for those that have`, () => {
    const there = store([Person]);
    there.request((session) => {
      session['ann'] = new Person('Ann');
    });
    const here = store();
    here.stored = there.stored;
    assert.deepEqual(here.request(({ ann }) => ann).changes.fields, []);
    here.request(({ ann }) => {
      ann.name = 'Anna';
    });
    there.stored = here.stored;
    assert.equal(there.all()['ann'].greet(), 'I am Anna');
  });

  test(`${granularity}: a registered Map, Set or Date keeps all it holds, whatever its class shows when it is gone through`, () => {
    class Shelf extends Map<string, number> {
      override *entries(): MapIterator<[string, number]> {
        yield ['shown', 1];
        return undefined;
      }
      override [Symbol.iterator]() {
        return this.entries();
      }
    }
    class Tags extends Set<string> {
      override *values(): SetIterator<string> {
        yield 'shown';
        return undefined;
      }
      override [Symbol.iterator]() {
        return this.values();
      }
    }
    class Seconds extends Date {
      override getTime() {
        return super.getTime() / 1000;
      }
    }
    const it = store([Shelf, Tags, Seconds]);
    it.request((session) => {
      session['shelf'] = new Shelf([['apple', 2]]);
      session['tags'] = new Tags(['red']);
      session['at'] = new Seconds(5_000);
    });
    assert.deepEqual(it.request(({ shelf, tags, at }) => [shelf, tags, at]).changes.fields, []);
    it.request(({ shelf, tags, at }) => {
      shelf.set('pear', 3);
      tags.add('blue');
      at.setTime(7_000);
    });
    const { shelf, tags, at } = it.all();
    assert.deepEqual([shelf.size, shelf.get('apple'), shelf.get('pear')], [2, 2, 3]);
    assert.deepEqual([tags.size, tags.has('red'), tags.has('blue')], [2, true, true]);
    assert.deepEqual([at.valueOf(), at.getTime()], [7_000, 7]);
  });

  test(`${granularity}: a Map, a Set or a Date behind a Proxy, as of a reactive library, is read as what it shows`, () => {
    const behind = <O extends object>(object: O): O =>
      new Proxy(object, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    const it = store();
    it.request((session) => {
      session['map'] = behind(new Map([['apple', 2]]));
      session['set'] = behind(new Set(['red']));
      session['at'] = behind(new Date(5_000));
    });
    assert.deepEqual(it.all(), { map: new Map([['apple', 2]]), set: new Set(['red']), at: new Date(5_000) });
  });

  test(`${granularity}: a Map, Set, array or Date of a class that this node has not registered keeps name and own fields for those that have`, () => {
    const of = {
      Shelf: class Shelf extends Map {},
      Tags: class Tags extends Set {},
      List: class List extends Array {},
      Day: class Day extends Date {},
    };
    const there = store(Object.values(of));
    there.request((session) => {
      for (const [name, Each] of Object.entries(of)) session[name] = Object.assign(new Each(), { owner: 'Ann' });
      session['same'] = { shelf: session['Shelf'] };
    });
    const here = store();
    here.stored = there.stored;
    const untouched = here.request(({ Shelf, Tags, List, Day, same }) => [Shelf, Tags, List, Day, same]);
    assert.deepEqual(untouched.changes.fields, []);
    here.request(({ Shelf, Tags, List, Day, same }) => {
      Shelf.set('apple', 2);
      Tags.add('red');
      List.push(1);
      Day.setTime(5_000);
      same.shelf.set('pear', 3);
    });
    there.stored = here.stored;
    const { Shelf, Tags, List, Day, same } = there.all();
    for (const [name, each] of Object.entries({ Shelf, Tags, List, Day })) {
      assert.ok(each instanceof of[name as keyof typeof of], name);
      assert.equal(Object.entries(each).find(([own]) => own === 'owner')?.[1], 'Ann', name);
    }
    assert.deepEqual([Shelf.get('apple'), Tags.has('red'), List[0], Day.getTime()], [2, true, 1, 5_000]);
    assert.ok(same.shelf instanceof of.Shelf);
    assert.equal(same.shelf.get('pear'), 3);
  });

  test(`${granularity}: other instances travel as JSON carries them, and look changed only when that does`, () => {
    const it = store();
    it.request((session) => {
      session['link'] = {
        home: new URL('http://a.example/'),
        buffer: Buffer.from('x'),
        point: new (class Point {
          x = 1;
        })(),
      };
    });
    assert.deepEqual(it.all()['link'], {
      home: 'http://a.example/',
      buffer: { type: 'Buffer', data: [120] },
      point: { x: 1 },
    });
    const tracker = it.tracker();
    const point = new (class Point {
      x = { y: 1 };
    })();
    const touched = new Map([['point', point]]);
    it.stored = it.stored.change(tracker.compare(touched).changes);
    tracker.rebase(it.stored);
    assert.deepEqual(tracker.compare(touched).changes.fields, []);
    point.x.y = 2;
    it.stored = it.stored.change(tracker.compare(touched).changes);
    assert.deepEqual(it.all()['point'], { x: { y: 2 } });
  });

  test(`${granularity}: a class that is lost on the way is told once, where instances are asked for; one with toJSON says itself how it travels`, () => {
    class Lost {
      x = 1;
    }
    class Said extends Lost {
      toJSON() {
        return 'said';
      }
    }
    const told = (classes: readonly (new () => object)[]) => {
      const { leftOut } = store(classes).request((session) => {
        session['list'] = [new Lost(), new Lost()];
        session['more'] = { said: new Said(), lost: new Lost() };
      });
      return leftOut.map(({ path, what }) => `${path} ${what}`);
    };
    const one = ['list[0] is a Lost, which is not registered: it arrives as what JSON makes of it, without its class'];
    assert.deepEqual(told([class Other {}]), one);
    assert.deepEqual(told([]), granularity === 'FIELD' ? one : []);
    assert.deepEqual(told([Lost]), ['more.said is a Said, which is not registered: it arrives as a Lost']);
  });

  test(`${granularity}: toJSON is told the name or the place, and null is kept as JSON keeps it`, () => {
    class Nothing {
      toJSON() {
        return null;
      }
    }
    class Placed {
      toJSON(key: unknown) {
        return `${typeof key} ${key}`;
      }
    }
    const placed = new Placed();
    const values = { top: new Nothing(), in: { v: new Nothing(), l: [new Nothing(), placed], p: placed }, p: placed };
    const it = store();
    it.request((session) => Object.assign(session, values));
    assert.deepEqual(it.all(), JSON.parse(JSON.stringify(values)));
    assert.deepEqual(it.all()['in'].l, [null, 'string 1']);
  });

  test(`${granularity}: an object whose JSON is the same at two places stays one, and looks unchanged at the next`, () => {
    class Price {
      amount = 1;
      toJSON() {
        return { text: `${this.amount} EUR` };
      }
    }
    const it = store();
    const price = new Price();
    const tracker = it.tracker();
    const list = [price, price];
    const touched = new Map([['list', list]]);
    const write = () => {
      const { changes } = tracker.compare(touched);
      it.stored = it.stored.change(changes);
      tracker.rebase(it.stored);
      return changes.fields.length;
    };
    write();
    const [first, second] = it.all()['list'];
    assert.equal(first, second);
    list.reverse();
    assert.equal(write(), 0);
    price.amount = 2;
    assert.ok(write() > 0);
    assert.deepEqual(it.all(), { list: [{ text: '2 EUR' }, { text: '2 EUR' }] });
  });

  test(`${granularity}: classes are named with their article`, () => {
    class Account {
      self = this;
    }
    const { refused } = store().request((session) => {
      session['a'] = new Account();
      session['b'] = Object.assign(Object.create({ constructor: undefined }), { on() {}, emit() {} });
    });
    assert.match(refused[0]!.what, /^is an Account, of which no JSON can be made/);
    assert.equal(refused[1]?.what, 'is an object, which cannot travel');
  });

  test(`${granularity}: functions and symbols are left out, by their path; undefined is no attribute`, () => {
    const it = store();
    const { leftOut, refused } = it.request((session) => {
      session['page'] = {
        render: () => {},
        list: [Symbol('s'), 1],
        handlers: new Map([['a b', () => {}]]),
        'on-click': () => {},
      };
      session['work'] = () => {};
      session['none'] = undefined;
    });
    assert.deepEqual(it.all(), { page: { list: [null, 1], handlers: new Map() } });
    assert.deepEqual(leftOut.map(({ path, what }) => `${path} ${what}`).sort(), [
      'page.handlers.get("a b") is a function, which is left out',
      'page.list[0] is a symbol, which is left out',
      'page.render is a function, which is left out',
      'page["on-click"] is a function, which is left out',
      'work is a function, which is left out',
    ]);
    assert.deepEqual(refused, []);
  });

  test(`${granularity}: what cannot travel is refused with its path; its attribute stays as it was, the others are written`, () => {
    const it = store();
    it.request((session) => Object.assign(session, { cart: { items: [1] }, user: 'Ann' }));
    const circular = new (class Loop {
      self = this;
    })();
    const { refused } = it.request((session) => {
      session['cart'].items.push(2, { socket: new EventEmitter() });
      session['user'] = 'Bob';
      session['loop'] = { circular };
      session['trap'] = {
        get now() {
          throw new Error('not now');
        },
      };
    });
    assert.deepEqual(it.all(), { cart: { items: [1] }, user: 'Bob' });
    assert.deepEqual(
      refused.map(({ path }) => path.split('.')[0]),
      ['cart', 'loop', 'trap'],
    );
    assert.deepEqual(refused[0], { path: 'cart.items[2].socket', what: 'is an EventEmitter, which cannot travel' });
    assert.match(refused[2]!.what, /not now/);
  });

  test(`${granularity}: what cannot be read is told with the path that leads to it, in what is new and in what was stored before`, () => {
    const it = store();
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const bad = {
      enumerable: true,
      get: () => {
        throw new Error('not now');
      },
    };
    const shapeless = Object.create(Map.prototype);
    it.request((session) => Object.assign(session, { old: { list: [0], map: new Map([[1, {}]]), n: 1 } }));
    for (const spoil of [() => {}, (old: { n: number }) => void (old.n += 1)]) {
      const { refused } = it.request((session) => {
        spoil(session['old']);
        Object.defineProperty(session['old'].map.get(1), 'bad', bad);
        session['x'] = { in: [Object.defineProperty({}, 'a b', bad)] };
        session['list'] = Object.defineProperty([0, 1], 1, bad);
        session['gone'] = { p: proxy, q: 1 };
        session['within'] = new Set([proxy]);
        session['proxy'] = proxy;
        session['shapeless'] = { shapeless };
      });
      assert.deepEqual(
        refused.map(({ path }) => path),
        ['old.map.get(1).bad', 'x.in[0]["a b"]', 'list[1]', 'gone.p', 'within.has(…)', 'proxy', 'shapeless.shapeless'],
      );
      for (const { path, what } of refused)
        assert.match(
          what,
          path === 'shapeless.shapeless'
            ? /^cannot be read: Method Map\.prototype\.entries called on incompatible receiver/
            : /^cannot be read: (not now|Cannot perform '\w+' on a proxy that has been revoked)$/,
          path,
        );
      assert.deepEqual(it.all(), { old: { list: [0], map: new Map([[1, {}]]), n: 1 } });
    }
  });

  test(`${granularity}: what would make the session too long is refused, the rest is written, and making it shorter always works`, () => {
    const it = store([], 1_000);
    const { refused } = it.request((session) =>
      Object.assign(session, { a: 'x'.repeat(400), b: { c: 'y'.repeat(700) }, d: 1 }),
    );
    assert.deepEqual(Object.keys(it.all()), ['a', 'd']);
    assert.deepEqual(refused, [{ path: 'b.c', what: 'is too much: a session has at most 1000 characters' }]);
    const sparse: unknown[] = [];
    sparse[4_000_000_000] = 1;
    assert.equal(it.request((session) => Object.assign(session, { a: 'x', sparse })).refused[0]?.path, 'sparse');
    assert.equal(it.all()['a'], 'x');
  });

  test(`${granularity}: 600 levels survive; what lies far deeper is refused without an overflow, and soon`, () => {
    const it = store();
    const nested = (levels: number) => {
      let value: Record<string, unknown> = {};
      for (let level = 1; level < levels; level += 1) value = { in: value };
      return value;
    };
    const depth = (value: Record<string, unknown>): number => {
      let levels = 0;
      for (let each: unknown = value; each !== undefined; each = (each as Record<string, unknown>)['in']) levels += 1;
      return levels;
    };
    it.request((session) => {
      session['deep'] = nested(600);
    });
    assert.equal(depth(it.all()['deep']), 600);
    const { refused } = it.request((session) => {
      session['deeper'] = nested(100_000);
    });
    assert.match(refused[0]!.path, /^deeper/);
    assert.ok(refused[0]!.path.length < 200);
    assert.deepEqual(Object.keys(it.all()), ['deep']);
  });

  test(`${granularity}: prototype keys are data, as attributes and within them`, () => {
    const it = store();
    const evil = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": 1}');
    it.request((session) => {
      session['x'] = evil;
      Reflect.set(session, '__proto__', { deep: evil });
    });
    const all = it.all();
    assert.deepEqual(Object.keys(all).sort(), ['__proto__', 'x']);
    assert.equal(Object.getPrototypeOf(all), Object.prototype);
    assert.equal(all['x'].polluted, undefined);
    assert.deepEqual(Object.keys(all['x']), ['__proto__', 'constructor']);
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  });

  test(`${granularity}: an attribute is the same object at every read, also after a write`, () => {
    const it = store();
    it.request((session) => Object.assign(session, { a: {}, b: 1 }));
    const tracker = it.tracker();
    const a = tracker.read('a') as Record<string, unknown>;
    a['x'] = 1;
    it.stored = it.stored.change(tracker.compare(new Map([['a', a]])).changes);
    tracker.rebase(it.stored);
    assert.equal(tracker.read('a'), a);
    assert.equal(tracker.read('none'), undefined);
    assert.deepEqual(tracker.names(), ['a', 'b']);
    assert.deepEqual(tracker.compare(new Map([['a', a]])).changes.fields, []);
    assert.deepEqual(it.all(), { a: { x: 1 }, b: 1 });
  });

  test(`${granularity}: an attribute that is taken away is gone, with all that only it led to`, () => {
    const it = store();
    it.request((session) => Object.assign(session, { a: { deep: [new Date(1)] }, b: 1 }));
    it.request((session) => {
      delete session['a'];
    });
    assert.deepEqual(it.all(), { b: 1 });
    assert.deepEqual([...it.stored.parts()], ['0']);
  });

  test(`${granularity}: a second write of one request does not undo what another request wrote between`, () => {
    const it = store();
    it.request((session) => Object.assign(session, { a: { n: 1 }, b: { n: 1 } }));
    const slow = it.tracker();
    const touched = new Map([...'ab'].map((name) => [name, slow.read(name)]));
    (touched.get('a') as { n: number }).n = 2;
    it.stored = it.stored.change(slow.compare(touched).changes);
    it.request(({ b }) => {
      b.n = 2;
    });
    slow.rebase(it.stored);
    if (granularity !== 'SESSION') assert.deepEqual(slow.compare(touched).changes.fields, []);
    assert.deepEqual(it.all(), { a: { n: 2 }, b: { n: 2 } });
  });
}

test('a session goes on when the granularity changes: reading takes what there is, what does not change is not written', () => {
  for (const before of granularities)
    for (const after of granularities.filter((each) => each !== before)) {
      const it = new Store(before);
      const session = { a: { x: [1] }, b: new Map([[1, { y: 1 }]]), c: 1 };
      it.request((all) => Object.assign(all, session));
      assert.deepEqual(
        it.request(({ a, b, c }) => [a, b, c], after).changes,
        { fields: [], gone: [] },
        `${before} → ${after}`,
      );
      it.request(({ a }) => a.x.push(2), after);
      it.request((all) => {
        delete all['c'];
      }, after);
      assert.deepEqual(it.all(), { a: { x: [1, 2] }, b: session.b });
      it.request(({ b }) => (b.get(1).z = 1), after);
      assert.equal(granularityOf(it.stored), after, `${before} → ${after}`);
      if (after !== 'FIELD') assert.deepEqual([...it.stored.parts()], ['0']);
    }
});

test('ATTRIBUTE: plain data is exactly its JSON, and an attribute that did not change is not written', () => {
  const it = new Store('ATTRIBUTE');
  const user = { id: 1, name: 'Ann "A."\n', roles: ['x', null, true], at: 1.5e300 };
  const { changes } = it.request((session) => Object.assign(session, { user, n: 1, t: 'text' }));
  assert.deepEqual(
    changes.fields.map(({ field, text }) => [field, text]),
    [
      ['.user', JSON.stringify(user)],
      ['.n', '1'],
      ['.t', '"text"'],
    ],
  );
  assert.deepEqual(
    it.request((session) => Object.assign(session, { user: structuredClone(user), t: 'new' })).changes.fields,
    [{ part: '0', field: '.t', text: '"new"' }],
  );
});

test('V98: an object that two attributes share becomes two with ATTRIBUTE, and stays one with SESSION and FIELD', () => {
  for (const granularity of granularities) {
    const it = new Store(granularity, [Person, Address]);
    it.request((session) => {
      const address = new Address();
      session['husband'] = new Person('Joe', address);
      session['wife'] = new Person('Mary', address);
      session['husband'].spouse = session['wife'];
      session['wife'].spouse = session['husband'];
    });
    it.request(({ wife }) => {
      wife.address.street = 'Elm Street';
    });
    const { husband, wife } = it.all();
    const isShared = granularity !== 'ATTRIBUTE';
    assert.equal(husband.address === wife.address, isShared, granularity);
    assert.equal(husband.spouse === wife && wife.spouse === husband, isShared, granularity);
    assert.equal(husband.address.street, isShared ? 'Elm Street' : 'Main Street', granularity);
    assert.equal(husband.spouse.spouse, husband);
  }
});

test('text of nobody gives no value, and never an error', () => {
  const texts = [
    '',
    '{',
    '["x"]',
    '["o1"',
    '[]',
    '{"$map":1}',
    '{"$map":[1,[2]]}',
    '{"$new":[]}',
    '{"$new":1}',
    '{"$ref":7}',
    '{"$bigint":"x"}',
    '{"$unheard":1}',
    '{"$set":[{"$ref":0}]}',
    '{"$date":"x"}',
    '{"$new":["Map",{},{"$map":[]}]}',
    '[0,["gone"]]',
    '"',
  ];
  for (const text of texts)
    for (const granularity of granularities) {
      const it = new Store(granularity, [Person]);
      it.stored = NaiveFields.of({
        0: {
          '*': text,
          '.a': text,
          ':b': text,
          ':m': '["m1"]',
          ':s': '["s1"]',
          ':d': '["d1"]',
          ':l': '["a1"]',
          ':o': '["o1"]',
        },
        m1: { [text]: text, '1': `[1,${text}]` },
        s1: { [text]: text },
        d1: { t: text },
        a1: { 0: text, length: '1', '-1': '1' },
        o1: { x: text },
      });
      const tracker = it.tracker();
      const touched = new Map<string, unknown>(tracker.names().map((name) => [name, tracker.read(name)]));
      for (const name of touched.keys()) touched.set(name, touched.get(name) ?? removed);
      tracker.compare(touched);
      readAll(it.stored, it);
    }
});

/** In which granularity a session was written; of a mixture the finest, `undefined` where it has no attribute. */
function granularityOf(stored: StoredFields) {
  const names = [...stored.fields(attributesPart)].map(([field]) => field);
  if (names.some((name) => name.startsWith(':'))) return 'FIELD';
  if (names.some((name) => name.startsWith('.'))) return 'ATTRIBUTE';
  return names.includes(wholeField) ? 'SESSION' : undefined;
}
