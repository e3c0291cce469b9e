/** A map in many small ones is a map. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BucketedMap, bucketOf } from '../sso/bucketed-map.ts';

test('whatever is set and deleted, it says what a Map says', () => {
  const key = fc.oneof(fc.constantFrom('', 'a', '__proto__', 'constructor'), fc.string({ maxLength: 40 }));
  const step = fc.oneof(
    fc.record({ set: key, value: fc.option(fc.integer(), { nil: undefined }) }),
    fc.record({ delete: key }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const map = new Map<string, number | undefined>();
      const bucketed = new BucketedMap<number | undefined>();
      for (const one of steps) {
        if ('set' in one) {
          map.set(one.set, one.value);
          bucketed.set(one.set, one.value);
        } else assert.equal(bucketed.delete(one.delete), map.delete(one.delete));
        assert.equal(bucketed.size, map.size);
      }
      for (const name of map.keys()) {
        assert.equal(bucketed.get(name), map.get(name));
        assert.ok(bucketed.has(name));
      }
      assert.ok(!bucketed.has('never set'));
      assert.deepEqual([...bucketed.keys()].sort(), [...map.keys()].sort());
      assert.deepEqual(new Map(bucketed.entries()), map);
    }),
  );
});

test('names that begin or end alike are spread: no bucket has twice its share', () => {
  for (const nameOf of [(i: number) => `user${i}@a-rather-long-name-of-a-company.example`, (i: number) => `${i}`]) {
    const sizes = new Array<number>(1_024).fill(0);
    for (let i = 0; i < 102_400; i++) sizes[bucketOf(nameOf(i))]!++;
    assert.ok(Math.max(...sizes) < 200, `${Math.max(...sizes)}`);
  }
});
