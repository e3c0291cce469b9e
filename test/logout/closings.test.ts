/** Running numbers of closings, and what they are good for. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Closings } from '../../sso/logout/closings.ts';

const entry = (key: string) => ({ map: 'entries', key }) as const;
const keys = (closings: Closings, have: number) => closings.since(have)?.map(([number, { key }]) => `${number}${key}`);

test('what somebody lacks is all beyond the number that they have', () => {
  const closings = new Closings(18_000);
  for (const key of ['a', 'b', 'c']) closings.note(entry(key), 0);
  assert.deepEqual(keys(closings, 0), ['1a', '2b', '3c']);
  assert.deepEqual(keys(closings, 2), ['3c']);
  assert.deepEqual(keys(closings, 3), []);
  assert.equal(closings.numberOf(entry('b')), 2);
});

test('what is noted again counts anew, and is told once', () => {
  const closings = new Closings(18_000);
  for (const key of ['a', 'b', 'a']) closings.note(entry(key), 0);
  assert.deepEqual(keys(closings, 0), ['2b', '3a']);
  assert.equal(closings.numberOf(entry('a')), 3);
});

test('a life that began with the state of an earlier one is compared with: numbers alone say too little', () => {
  const closings = new Closings(18_000);
  closings.began();
  assert.equal(closings.number, 1);
  assert.equal(closings.since(0), undefined);
  closings.note(entry('a'), 0);
  assert.deepEqual(keys(closings, 1), ['2a']);
});

test('old ones are let go of, the young and the last two thousand are kept; who is too far behind compares', () => {
  const closings = new Closings(18_000);
  for (let i = 0; i < 5_000; i++) closings.note(entry(`k${i}`), i < 2_500 ? 0 : 20_000);
  assert.equal(closings.number, 5_000);
  assert.equal(closings.since(2_499), undefined);
  assert.equal(closings.since(2_500)?.length, 2_500);
  assert.equal(closings.numberOf(entry('k0')), 2_500, 'no more than that');
  assert.equal(closings.numberOf(entry('k4999')), 5_000);
});

test('however fast they come, a bounded number is kept', () => {
  const closings = new Closings(18_000);
  for (let i = 0; i < 250_000; i++) closings.note(entry(`k${i}`), 1);
  assert.equal(closings.since(249_000)?.length, 1_000);
  assert.equal(closings.since(100_000), undefined);
});
