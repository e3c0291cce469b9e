import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Packing, slotMs } from '../../sso/session/packing.ts';

const taken = (packing: Packing, now: number) =>
  [...packing.take(now)].filter((key) => key !== undefined).toSorted((a, b) => (a < b ? -1 : 1));

test('who was left alone for half a minute is given once, at the latest ten seconds after', () => {
  const packing = new Packing();
  packing.note('a', 9_999);
  packing.note('b', 10_000);
  assert.deepEqual(taken(packing, 39_999), []);
  assert.deepEqual(taken(packing, 40_000), ['a'], 'its ten seconds are over for thirty');
  assert.deepEqual(taken(packing, 45_000), []);
  assert.deepEqual(taken(packing, 10_000 + 30_000 + slotMs), ['b']);
  assert.equal(packing.isEmpty, true);
});

test('whoever is used again, also while all are gone through, is not given', () => {
  const packing = new Packing();
  for (const key of ['a', 'b', 'c']) packing.note(key, 0);
  packing.note('a', 30_000);
  const given: (string | undefined)[] = [];
  for (const key of packing.take(50_000)) {
    given.push(key);
    if (key !== undefined) for (const other of ['b', 'c']) if (other !== key) packing.note(other, 50_000);
  }
  assert.equal(given.filter((key) => key !== undefined).length, 1);
  assert.equal(given.includes('a'), false);
  assert.deepEqual(taken(packing, 60_000), []);
  assert.deepEqual(taken(packing, 70_000), ['a']);
  assert.equal(packing.isEmpty, false);
});

test('who has nothing to pack still says that it goes on, so that a million in use stall nobody', () => {
  const packing = new Packing();
  for (let i = 0; i < 10; i++) packing.note(`s${i}`, 0);
  assert.equal([...packing.take(20_000)].length, 10);
});
