import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DerivedCache } from '../../sso/valve/derived-cache.ts';
import { manualClock } from './world.ts';

test('a value is kept until its deadline by our clock, and the same value comes back', () => {
  const clock = manualClock();
  const cache = new DerivedCache<object>(clock, 10);
  const value = {};
  cache.set('a', value, 1_000);
  clock.advance(999);
  assert.equal(cache.get('a'), value);
  clock.advance(1);
  assert.equal(cache.get('a'), undefined);
  cache.set('a', value, 1_000);
  cache.delete('a');
  assert.equal(cache.get('a'), undefined);
});

test('check 78: a full cache is emptied, it never throws, and never holds more than its limit', () => {
  const cache = new DerivedCache<number>(manualClock(), 100);
  let held = 0;
  for (let i = 0; i < 1_000; i++) {
    cache.set(`k${i}`, i, 1_000);
    assert.equal(cache.get(`k${i}`), i);
    cache.set(`k${i}`, i + 1, 1_000);
  }
  for (let i = 0; i < 1_000; i++) if (cache.get(`k${i}`) !== undefined) held++;
  assert.ok(held > 0 && held <= 100);
});

test('names of an object are keys like any other', () => {
  const cache = new DerivedCache<number>(manualClock(), 10);
  for (const key of ['toString', '__proto__', 'constructor', 'hasOwnProperty', '']) {
    assert.equal(cache.get(key), undefined);
    cache.set(key, 1, 1_000);
    assert.equal(cache.get(key), 1);
  }
});
