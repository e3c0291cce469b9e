import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Context } from '../../../sso/session/data/context.ts';
import { firstPart, folded, isFoldable, unfolded } from '../../../sso/session/data/folding.ts';
import { canonical, type Entry, type Part, partOf } from '../../../sso/session/data/part.ts';
import { Recent } from '../../../sso/session/data/recent.ts';
import { SessionData } from '../../../sso/session/data/session-data.ts';
import type { State } from '../../../sso/session/data/state.ts';

const writers = ['n1:1/abcd', 'n2:1/abcd', 'n3:7/abcd'];
const context = new Context(undefined, writers, [5_000_000_000_000, 5_000, 4_000]);
const dot = fc.record(
  { writer: fc.constantFrom(...writers), stamp: fc.integer({ min: 1, max: 4_000 }) },
  { noNullPrototype: true },
);
const entry: fc.Arbitrary<Entry> = fc.record({
  name: fc.constantFrom('a', 'b', 'c', ':user'),
  text: fc.oneof(
    fc.constant(''),
    fc.json().map((text) => text.replaceAll('\n', ' ')),
    fc.constant('"ä€🛒"'),
  ),
  dot,
  birth: dot,
  seq: fc.nat(3),
});
const state: fc.Arbitrary<State> = fc
  .uniqueArray(fc.tuple(fc.constantFrom('', '0', 'ax.1', 'ox.2', 'ox.3', 'o.😀'), fc.array(entry, { minLength: 1 })), {
    minLength: 1,
    selector: ([id]) => id,
  })
  .map((parts) => ({
    context,
    parts: parts
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([id, entries]) => partOf(id, entries)!)
      .map(canonical),
  }));

test('what is folded is unfolded as it was, with every change, birth and place', () => {
  fc.assert(
    fc.property(state, (before) => {
      const kept = folded(before)!;
      assert.deepEqual(unfolded(kept), before);
      for (const [place, { id, shape, text }] of before.parts.entries()) {
        const first = firstPart(kept, id);
        if (place < 2) assert.deepEqual(first, { shape, text });
        else assert.equal(first, 'later');
      }
      assert.equal(firstPart(kept, '~'), before.parts.length > 2 ? 'later' : firstPart(kept, '~~'));
    }),
    { numRuns: 500, seed: 5 },
  );
});

const one = { writer: writers[0]!, stamp: 4_000 };
const parts = (...ids: string[]): Part[] =>
  ids.map((id) => partOf(id, [{ name: 'n', text: `"${id}"`, dot: one, birth: one, seq: 0 }])!);

test('sessions that are made alike share the list of their shapes, and one change of all parts is noted once', () => {
  const [first, second] = [
    folded({ context, parts: parts('0', 'a', 'b') }),
    folded({ context, parts: parts('0', 'x', 'y') }),
  ];
  assert.equal(first!.layout, second!.layout);
  assert.notEqual(first!.layout, folded({ context, parts: parts('0', 'x') })!.layout);
  assert.deepEqual(first!.changes, [0, 5_000_000_000_000 - 4_000]);
});

test('one part, many parts, and long texts stay as they are; so does what has a name that a line cannot hold', () => {
  const isSmall = (...all: Part[]) => isFoldable({ context, parts: all });
  assert.equal(isSmall(...parts('0', 'a')), true);
  assert.equal(isSmall(...parts('0')), false);
  assert.equal(isSmall(...parts(...Array.from({ length: 33 }, (_, place) => `o${place}`))), false);
  assert.equal(isSmall(...parts('0', 'a'.repeat(1_100))), false);
  assert.equal(folded({ context, parts: parts('0', 'a\nb') }), undefined);
});

test('of those that were used last a number stays; another version of one takes its place', () => {
  const recent = new Recent<string>(8);
  const gone = [...'abcdefgh'].map((name) => recent.add(name));
  assert.ok(gone.every((name) => name === undefined));
  assert.equal(recent.add('H', 'h'), undefined);
  assert.equal(recent.add('i', 'none'), 'a');
  assert.equal(recent.add('B', 'b'), 'b', 'that came too long ago to be looked for');
  assert.equal(recent.add('I', 'i'), undefined);
  assert.deepEqual(
    [...'123456'].map((name) => recent.add(name)),
    [...'cdefgH'],
  );
});

test('a folded session is read, written, merged and packed as an open one', () => {
  const fields = ['0', 'a', 'b', 'c'].flatMap((part) => [
    { part, field: 'x', text: `"${part}"` },
    { part, field: 'y', text: '1' },
  ]);
  const start = SessionData.empty.change({ fields, gone: [] }, 'n1:1', 1_000).data;
  const make = () => start.change({ fields: [{ part: 'b', field: 'y', text: '2' }], gone: [] }, 'n1:1', 1_001).data;
  const [open, kept] = [make(), make()];
  const looks: ((data: SessionData) => unknown)[] = [
    (data) => data.get('0', 'x'),
    (data) => data.get('b', 'y'),
    (data) => data.get('', 'x'),
    (data) => data.get('zz', 'x'),
    (data) => [...data.fields('0')],
    (data) => data.lines('c'),
    (data) => [...data.parts()],
    (data) => [data.form, data.length, data.mostBytes, data.version, data.latest, data.isLost],
    (data) => data.encode(),
    (data) => Buffer.from(data.packedBytes()).toString(),
    (data) => data.change({ fields: [{ part: 'd', field: 'x', text: '3' }], gone: ['a'] }, 'n1:1', 1_002).data.encode(),
    (data) => data.merge(start.change({ fields: [], gone: ['c'] }, 'n2:1', 1_001).data).encode(),
    (data) => {
      data.pack();
      return [data.form, data.encode()];
    },
  ];
  for (const look of looks) {
    kept.fold();
    assert.deepEqual(look(kept), look(open));
  }
});
