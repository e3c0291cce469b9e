/** The judge of check 31 is judged: by values of the literature, and by samples of which is known what they are. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kolmogorovSmirnov } from './kolmogorov-smirnov.ts';
import { seededFraction } from './seeded.ts';

test('samples that do not overlap are as far apart as can be; a sample and itself are not apart at all', () => {
  const low = Array.from({ length: 50 }, (_, i) => i);
  const high = low.map((value) => value + 1_000);
  assert.equal(kolmogorovSmirnov(low, high).distance, 1);
  assert.ok(kolmogorovSmirnov(low, high).p < 1e-12);
  assert.deepEqual(kolmogorovSmirnov(low, low), { distance: 0, p: 1 });
});

test('the critical values are those of the tables: 1.36 for p = 0.05 and 1.63 for p = 0.01 (Smirnov 1948)', () => {
  const size = 10_000;
  const base = Array.from({ length: size }, (_, i) => i);
  for (const [critical, p] of [
    [1.358, 0.05],
    [1.628, 0.01],
  ] as const) {
    const shift = Math.round(critical * Math.sqrt(2 / size) * size);
    const moved = base.map((value) => value + shift);
    assert.ok(Math.abs(kolmogorovSmirnov(base, moved).p - p) < p / 10, `${kolmogorovSmirnov(base, moved).p}`);
  }
});

test('equal values are no distance: two samples of few distinct values are compared value by value', () => {
  assert.equal(kolmogorovSmirnov([1, 1, 2, 2], [1, 1, 2, 2]).distance, 0);
  assert.equal(kolmogorovSmirnov([1, 1, 1, 2], [1, 2, 2, 2]).distance, 0.5);
});

test('of one distribution chance alone calls as many samples different as p says; a shift of a tenth of its width is found', () => {
  const fraction = seededFraction(31);
  const draw = (shift: number) => Array.from({ length: 400 }, () => fraction() + fraction() + shift);
  const below = Array.from({ length: 400 }, () => kolmogorovSmirnov(draw(0), draw(0)).p).filter((p) => p < 0.05).length;
  assert.ok(below >= 6 && below <= 36, `${below} of 400 below 0.05, where 20 are expected`);
  assert.ok(kolmogorovSmirnov(draw(0), draw(0.2)).p < 1e-4);
});
