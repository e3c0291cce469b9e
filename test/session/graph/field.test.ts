import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Store } from './support/store.ts';

/** A session of some 40 KiB. */
function large() {
  const items = Array.from({ length: 300 }, (_, n) => ({
    id: n,
    name: `product ${n}`,
    text: 'x'.repeat(60),
    options: { gift: false },
    tags: new Set(['a']),
  }));
  return { shop: { carts: new Map([['main', { items }]]) }, user: 'Ann' };
}

test('one small change deep in a session of 40 KiB is that field alone, of objects, arrays, Maps, Sets and Dates', () => {
  const it = new Store('FIELD', [], 1e6);
  it.request((session) => Object.assign(session, large(), { last: { seen: new Date(1) } }));
  const only = (work: Parameters<Store['request']>[0]) => {
    const { changes } = it.request(work);
    assert.deepEqual(changes.gone, []);
    return changes.fields.map(({ field, text }) => [field, text]);
  };
  assert.ok(JSON.stringify(it.stored).length > 40 * 1024);
  assert.deepEqual(
    only(({ shop }) => (shop.carts.get('main').items[250].options.gift = true)),
    [['gift', 'true']],
  );
  assert.deepEqual(
    only(({ shop }) => shop.carts.get('main').items[7].tags.add('b')),
    [['"b"', '1']],
  );
  assert.deepEqual(
    only(({ shop }) => shop.carts.set('other', 1)),
    [['"other"', '[1,1]']],
  );
  assert.deepEqual(
    only(({ last }) => last.seen.setTime(9)),
    [['t', '9']],
  );
  assert.deepEqual(
    only(({ shop }) => shop.carts.get('main').items[3].tags.clear()),
    [
      ['"a"', undefined],
      ['!', '0'],
    ],
  );
  assert.deepEqual(
    only(({ shop }) => delete shop.carts.get('main').items[3].text),
    [['text', undefined]],
  );
  assert.deepEqual(
    only(({ shop }) => (shop.carts.get('main').items[4].id = 4)),
    [],
  );
});

test('an item pushed to an array is its fields and one link', () => {
  const it = new Store('FIELD', [], 1e6);
  it.request((session) => Object.assign(session, large()));
  const { changes } = it.request(({ shop }) => shop.carts.get('main').items.push({ id: 300 }));
  assert.deepEqual(
    changes.fields.map(({ field }) => field),
    ['300', 'id'],
  );
});

test('two requests that change different fields of one object both keep their change', () => {
  const it = new Store('FIELD');
  it.request((session) => Object.assign(session, { cart: { a: 1, b: 1, list: [1] } }));
  const requests = ['a', 'b'].map((field) => {
    const tracker = it.tracker();
    const cart = tracker.read('cart') as Record<string, number>;
    cart[field] = 2;
    return tracker.compare(new Map([['cart', cart]])).changes;
  });
  for (const changes of requests) it.stored = it.stored.change(changes);
  assert.deepEqual(it.all(), { cart: { a: 2, b: 2, list: [1] } });
});

test('an object linked from where it was not before is written whole, with all it leads to', () => {
  const it = new Store('FIELD');
  it.request((session) => Object.assign(session, { a: { item: { deep: { n: 1 } } }, b: {} }));
  const { changes } = it.request((session) => {
    session['b'].item = session['a'].item;
  });
  assert.deepEqual(changes.fields.map(({ field }) => field).sort(), ['!', 'deep', 'item', 'n']);
  // Another request takes the other link away, and with it, as far as it sees, the object.
  const { a, b } = it.all();
  assert.equal(a.item, b.item);
});

test('moving the members of an array writes their links alone', () => {
  const it = new Store('FIELD');
  it.request((session) => Object.assign(session, { list: [{ n: 1 }, { n: 2 }, { n: 3 }] }));
  const { changes } = it.request(({ list }) => list.reverse());
  assert.deepEqual(
    changes.fields.map(({ field }) => field),
    ['0', '2'],
  );
  assert.deepEqual(changes.gone, []);
});

test('a part goes when the last link to it does, cycles too, and stays as long as there is one, also in what nobody read', () => {
  const it = new Store('FIELD');
  it.request((session) => {
    const shared = { n: 1 };
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    Object.assign(session, { a: { shared, cycle }, keys: new Map([[shared, 1]]) });
  });
  const before = [...it.stored.parts()].length;
  it.request((session) => {
    session['a'] = 1;
  });
  assert.equal([...it.stored.parts()].length, before - 2);
  const [[key]] = it.all()['keys'];
  assert.deepEqual(key, { n: 1 });
  it.request(({ keys }) => keys.clear());
  assert.deepEqual(it.all(), { a: 1, keys: new Map() });
});

test('a change to an object whose attribute goes is kept where another attribute leads to it', () => {
  const it = new Store('FIELD');
  it.request((session) => {
    session['a'] = { n: 1 };
    session['b'] = session['a'];
  });
  it.request((session) => {
    session['a'].n = 2;
    delete session['a'];
  });
  assert.deepEqual(it.all(), { b: { n: 2 } });
});

test('a link whose part another node took away leads nowhere: no field, no member, and no place in an array', () => {
  const it = new Store('FIELD');
  it.request((session) =>
    Object.assign(session, {
      o: { x: { n: 1 }, y: 1 },
      list: [{ n: 1 }, 2],
      m: new Map([['k', { n: 1 }]]),
      gone: { n: 1 },
    }),
  );
  const gone = [...it.stored.parts()].filter((part) => it.stored.get(part, 'n') !== undefined);
  it.stored = it.stored.change({ fields: [], gone });
  assert.deepEqual(it.all(), { o: { y: 1 }, list: [2], m: new Map() });
  assert.deepEqual(it.request(({ o, list, m }) => [o, list, m]).changes.fields, []);
  it.request(({ list }) => list.push(3));
  assert.deepEqual(it.all()['list'], [2, 3]);
});

test('two members that two nodes gave one rank have one order everywhere, and do not look changed', () => {
  const it = new Store('FIELD');
  it.request((session) => Object.assign(session, { set: new Set([1]) }));
  const writes = ['x', 'b'].map((member) => {
    const tracker = it.tracker();
    const set = tracker.read('set') as Set<unknown>;
    set.add(member);
    return tracker.compare(new Map([['set', set]])).changes;
  });
  for (const changes of writes) it.stored = it.stored.change(changes);
  assert.deepEqual([...it.all()['set']], [1, 'b', 'x']);
  assert.deepEqual(it.request(({ set }) => set).changes.fields, []);
});

test('an object that was taken out, and is linked again by the same request after a write, is written anew', () => {
  const it = new Store('FIELD');
  it.request((session) => Object.assign(session, { a: { x: { n: 1 } } }));
  const tracker = it.tracker();
  const a = tracker.read('a') as Record<string, unknown>;
  const { x } = a;
  for (const step of [() => delete a['x'], () => Object.assign(a, { y: x })]) {
    step();
    it.stored = it.stored.change(tracker.compare(new Map([['a', a]])).changes);
    tracker.rebase(it.stored);
  }
  assert.deepEqual(it.all(), { a: { y: { n: 1 } } });
});

test('an object that becomes the key of a Map is written whole as well', () => {
  const it = new Store('FIELD');
  it.request((session) => Object.assign(session, { a: { n: 1 }, m: new Map() }));
  const { changes } = it.request(({ a, m }) => m.set(a, 1));
  assert.ok(changes.fields.some(({ field }) => field === 'n'));
});
