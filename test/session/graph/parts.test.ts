/** Objects from their parts: the quick way for plain ones gives what the careful one gives, whatever the fields are. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Classes } from '../../../sso/session/graph/classes.ts';
import { absent, Parts } from '../../../sso/session/graph/parts.ts';
import { parsePrimitive } from '../../../sso/session/graph/primitive.ts';
import type { StoredFields } from '../../../sso/session/graph/stored.ts';

type Data = Readonly<Record<string, readonly (readonly [field: string, text: string])[]>>;

const withoutLines = (data: Data): StoredFields => ({
  get: (part, field) => data[part]?.find(([name]) => name === field)?.[1],
  fields: (part) => data[part] ?? [],
  parts: () => Object.keys(data),
});
const withLines = (data: Data): StoredFields => ({
  ...withoutLines(data),
  lines(part) {
    const fields = data[part];
    return fields && { names: fields.map(([name]) => name), text: fields.map(([, text]) => text).join('\n') };
  },
});

const cases: Readonly<Record<string, Data>> = {
  'plain ones': { o1: [['a', '1'], ['b', '"x"'], ['c', '["a1"]']], a1: [['0', 'null'], ['1', '["o2"]']], o2: [['d', '1.5']] },
  'empty ones': { o1: [['a', '["o2"]'], ['b', '["a1"]']], o2: [['!', '0']], a1: [['!', '0']] },
  'names that objects have from elsewhere': { o1: [['__proto__', '1'], ['toString', '2'], ['!!', '3'], ['a', '4']] },
  'a reference that leads nowhere, before and behind others': { o1: [['a', '["o9"]'], ['b', '["a1"]'], ['c', '3']], a1: [['0', '1'], ['1', '["o9"]'], ['2', '3']] },
  'a cycle': { o1: [['self', '["o1"]'], ['list', '["a1"]']], a1: [['0', '["o1"]'], ['1', '["a1"]']] },
  'places that are missing': { o1: [['a', '["a1"]']], a1: [['0', '1'], ['2', '3'], ['10', '10'], ['9', '9']] },
  'an object of a class that is not registered here': { o1: [['a', '["o2","Person"]']], o2: [['name', '"Ann"']] },
  'Map, Set and Date': { o1: [['m', '["m1"]'], ['s', '["s1"]'], ['d', '["d1"]']], m1: [['"k"', '[0,["o1"]]']], s1: [['7', '0']], d1: [['t', '5']] },
}; // biome-ignore format: a table

for (const [name, data] of Object.entries(cases))
  test(`a text with a line for each field gives the same objects: ${name}`, () => {
    const [slow, quick] = [withoutLines(data), withLines(data)].map((stored) => {
      const parts = new Parts(new Classes([]));
      return { parts, value: parts.value('["o1"]', stored) };
    });
    assert.deepEqual(quick!.value, slow!.value);
    for (const id of Object.keys(data)) {
      const [one, other] = [quick!.parts.withId(id), slow!.parts.withId(id)];
      assert.deepEqual(one?.shot, other?.shot);
      assert.deepEqual(Object.keys(one?.object ?? {}), Object.keys(other?.object ?? {}));
    }
  });

test('a part that is not there is no object', () => {
  for (const stored of [withoutLines({}), withLines({})])
    assert.equal(new Parts(new Classes([])).value('["o1"]', stored), absent);
});

test('numbers are read as JSON has them, and what is none is refused', () => {
  for (const [text, number] of [
    ['0', 0],
    ['7', 7],
    ['123456789012345', 123_456_789_012_345],
    ['9007199254740993', 9_007_199_254_740_992],
    ['-1', -1],
    ['1e3', 1_000],
    ['0.5', 0.5],
  ] as const)
    assert.equal(parsePrimitive(text), number, text);
  for (const text of ['', '00', '01', '1_0', '0x1', '1 2', '+1', '１']) assert.throws(() => parsePrimitive(text), text);
});
