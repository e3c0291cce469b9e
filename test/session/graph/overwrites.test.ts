/** The quick comparison finds what the careful one finds, or leaves it to that. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { overwritesOf, rootOf } from '../../../sso/session/graph/overwrites.ts';
import { PartsComparison } from '../../../sso/session/graph/parts-comparison.ts';
import { Problems } from '../../../sso/session/graph/problem.ts';
import { Reading } from '../../../sso/session/graph/reading.ts';
import { StandIns } from '../../../sso/session/graph/stand-ins.ts';
import { Store } from './support/store.ts';

class Point {
  x = 1;
}

function shop() {
  const address = { street: 'Long Road', zip: 7 };
  const item = { id: 1, tags: ['a', 'b'], at: new Date(5) };
  return {
    items: [item, { id: 2, tags: [], at: new Date(6) }],
    prices: [1, 2, 3],
    bill: address,
    ship: address,
    seen: new Map([['home', 1]]),
    roles: new Set(['reader']),
    point: new Point(),
    note: null as unknown,
    '!odd': 1,
  };
}
type Shop = ReturnType<typeof shop>;

/** The stored attribute as one request reads it, without what `leaves` takes away before it is stored. */
function opened(...leaves: readonly (keyof Shop)[]) {
  const it = new Store('FIELD', [Point]);
  it.request((session) => {
    session['shop'] = shop();
    for (const name of leaves) delete session['shop'][name];
  });
  const reading = new Reading(it.stored, it.classes);
  const value = reading.read('shop') as Shop;
  const root = rootOf(value, it.stored.get('0', ':shop'), reading.parts);
  assert.ok(root !== undefined);
  const careful = () => {
    const { parts, stored, classes } = reading;
    const comparison = new PartsComparison({
      ...{ parts, stored, classes, standIns: new StandIns(), problems: new Problems(), maxLength: 1e5 },
      newId: (kind) => `${kind}new`,
    });
    comparison.attribute('shop', value, stored.get('0', ':shop'));
    return comparison.changes();
  };
  return { value, careful, quick: () => overwritesOf([root], reading.parts) };
}

const uncommon = ['seen', 'roles', 'point', '!odd'] as const;

const quickOnes: Readonly<Record<string, (shop: Shop) => unknown>> = {
  nothing: () => {},
  'a field of a shared object': (shop) => (shop.ship.zip = 8),
  'an element, and one of an array within': (shop) => {
    shop.prices[1] = Number.NaN;
    shop.items[0]!.tags[1] = 'c';
  },
  'a Date': (shop) => shop.items[1]!.at.setTime(Number.NaN),
  'other kinds of primitives': (shop) => {
    shop.note = 7n;
    shop.bill.street = undefined as unknown as string;
    shop.prices[0] = -0;
  },
};
for (const [what, change] of Object.entries(quickOnes))
  test(`what is written over is found without a careful look: ${what}`, () => {
    const { value, quick, careful } = opened(...uncommon);
    change(value);
    const found = quick();
    assert.deepEqual({ fields: found?.fields, gone: [] }, careful());
  });

const others: Readonly<Record<string, (shop: Shop) => unknown>> = {
  'a new field': (shop) => Object.assign(shop.bill, { country: 'A' }),
  'a field that is no more': (shop) => delete (shop.bill as Partial<Shop['bill']>).zip,
  'another order of fields': (shop) => {
    const { street } = shop.bill;
    delete (shop.bill as Partial<Shop['bill']>).street;
    shop.bill.street = street;
  },
  'a new object in the place of a primitive': (shop) => (shop.note = {}),
  'a primitive in the place of an object': (shop) => (shop.bill = 1 as never),
  'another object in the place of one': (shop) => (shop.bill = { ...shop.ship }),
  'a function in the place of a primitive': (shop) => (shop.note = () => 1),
  'an element more': (shop) => shop.prices.push(4),
  'an element less': (shop) => shop.prices.pop(),
  'an object moved within its array': (shop) => shop.items.reverse(),
  'a field that another object has for it now': (shop) => {
    Object.setPrototypeOf(shop.bill, { zip: 9 });
    delete (shop.bill as Partial<Shop['bill']>).zip;
  },
  'an accessor that throws': (shop) =>
    Object.defineProperty(shop, 'note', {
      enumerable: true,
      get() {
        throw new Error('no');
      },
    }),
};
for (const [what, change] of Object.entries(others))
  test(`more than that is left to the careful look: ${what}`, () => {
    const { value, quick } = opened(...uncommon);
    change(value);
    assert.equal(quick(), undefined);
  });

for (const kept of uncommon)
  test(`what has members, a class or an odd name is left to it as well: ${kept}`, () => {
    const { value, quick } = opened(...uncommon.filter((name) => name !== kept));
    value.ship.zip = 8;
    assert.equal(quick(), undefined);
  });

test('once they are written, later values are compared with them', () => {
  const { value, quick } = opened(...uncommon);
  value.ship.zip = 8;
  const first = quick();
  assert.equal(first?.fields.length, 1);
  assert.deepEqual(quick()?.fields, first?.fields, 'not before they are written');
  first?.commit();
  assert.deepEqual(quick()?.fields, []);
  value.ship.zip = 7;
  assert.deepEqual(
    quick()?.fields.map(({ field, text }) => [field, text]),
    [['zip', '7']],
  );
});

test('a field written over where another node had emptied the object: the mark of the empty one goes', () => {
  const it = new Store('FIELD');
  it.request((session) => (session['bill'] = { zip: 7 }));
  const part = /"(.*)"/.exec(it.stored.get('0', ':bill')!)![1]!;
  it.stored = it.stored.change({ fields: [{ part, field: '!', text: '0' }], gone: [] });
  const { changes } = it.request((session) => (session['bill'].zip = 8));
  assert.deepEqual(
    changes.fields.map(({ field, text }) => [field, text]),
    [
      ['zip', '8'],
      ['!', undefined],
    ],
  );
});

test('a field that is inherited is none, whether or not it has the value that was stored', () => {
  for (const zip of [7, 9]) {
    const it = new Store('FIELD');
    it.request((session) => (session['bill'] = { street: 'Long Road', zip: 7 }));
    it.request(({ bill }) => {
      Object.setPrototypeOf(bill, { zip });
      delete bill.zip;
    });
    assert.deepEqual(it.all(), { bill: { street: 'Long Road' } });
  }
});

test('an array in which a place was closed is numbered anew when an element is written over', () => {
  const it = new Store('FIELD');
  it.request((session) => (session['list'] = [1, 2, 3]));
  const part = /"(.*)"/.exec(it.stored.get('0', ':list')!)![1]!;
  it.stored = it.stored.change({ fields: [{ part, field: '0', text: undefined }], gone: [] });
  it.request(({ list }) => (list[0] = 9));
  assert.deepEqual([...it.stored.fields(part)].sort(), [
    ['0', '9'],
    ['1', '3'],
  ]);
});

test('the text of all attributes that another node left beside the fields goes when one is written over, and what is in it alone stays', () => {
  const it = new Store('FIELD');
  it.request((session) => (session['visits'] = 7));
  it.stored = it.stored.change({ fields: [{ part: '0', field: '*', text: '{"old":1}' }], gone: [] });
  it.request((session) => (session['visits'] = 8));
  assert.equal(it.stored.get('0', '*'), undefined);
  assert.equal(it.stored.get('0', ':old'), '1');
  assert.deepEqual(it.all(), { visits: 8, old: 1 });
});
