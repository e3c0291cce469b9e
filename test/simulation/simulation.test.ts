/**
 * Any history keeps the invariants: 1,000 seeds of about 3,000 events on two processes. A failure prints
 * its seed and what happened to the sign-on, session or user that it concerns.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runMany } from './many.ts';
import { type PlantName, plants } from './plants.ts';
import { failureText, runSeed } from './seed.ts';

/** Each mistake is found within so many seeds; most within three. */
const seedsAtMost = 100;

test('the same seed gives the same history, event by event', async () => {
  const first = await runSeed(42, { events: 1_500 });
  const again = await runSeed(42, { events: 1_500 });
  const other = await runSeed(43, { events: 1_500 });
  assert.deepEqual(again, first);
  assert.notEqual(other.hash, first.hash);
});

for (const plant of (Object.keys(plants) as PlantName[]).filter((name) => name !== 'none')) {
  test(`the checkers notice it if ${plant}`, async () => {
    for (let seed = 1; seed <= seedsAtMost; seed++) {
      const { breach } = await runSeed(seed, { plant });
      if (breach !== undefined && plants[plant].breaks.includes(breach.rule)) return;
    }
    assert.fail(`${seedsAtMost} seeds passed with this mistake`);
  });
}

test('a failure prints its seed, its rule and the history of what it concerns', async () => {
  const result = await runSeed(1, { plant: 'one copy is enough' });
  const text = failureText(result);
  assert.match(text, /^seed 1 breaks W: /);
  assert.match(text, / s {2}n\d opened /);
  assert.match(text, /npm run simulate -- --seed 1 --seeds 1$/);
});

test('1,000 histories with loss, doubles, delay, reordering, partitions, pauses, crashes and restarts keep every invariant: S2, S3, S5, S7, S8, D1, D2', async () => {
  const sum = await runMany({ seed: 1, seeds: 1_000, events: 3_000, workers: 2 });
  assert.equal(sum.broken.length, 0, sum.broken.map(failureText).join('\n\n'));
  assert.equal(sum.seeds, 1_000);
});
