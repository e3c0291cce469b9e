/**
 * Any history keeps the invariants: 40 seeds on two processes, of about 5,000 events each, the same for everybody; `.ci/run`
 * goes through 5,000. A failure prints its seed and what happened to the sign-on, session or user that it concerns.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runMany } from './many.ts';
import { type PlantName, plants } from './plants.ts';
import { failureText, runSeed } from './seed.ts';

/** Each mistake is found within so many seeds, unless it says fewer; most within three. */
const seedsAtMost = 100;

/** As many as two processes get through in some ten seconds. */
const histories = 40;

test('the same seed gives the same history, event by event', async () => {
  const first = await runSeed(42, { events: 1_500 });
  const again = await runSeed(42, { events: 1_500 });
  const other = await runSeed(43, { events: 1_500 });
  assert.deepEqual(again, first);
  assert.notEqual(other.hash, first.hash);
});

for (const plant of (Object.keys(plants) as PlantName[]).filter((name) => name !== 'none')) {
  test(`the checkers notice it if ${plant}`, async () => {
    const { from = 1, within = seedsAtMost } = plants[plant];
    for (let seed = from; seed < from + within; seed++) {
      const { breach } = await runSeed(seed, { plant });
      if (breach !== undefined && plants[plant].breaks.includes(breach.rule)) return;
    }
    assert.fail(`${within} seeds passed with this mistake`);
  });
}

test('a failure prints its seed, its rule and the history of what it concerns', async () => {
  const result = await runSeed(1, { plant: 'one copy is enough' });
  const text = failureText(result);
  assert.match(text, /^seed 1 breaks W: /);
  assert.match(text, / s {2}[nx]\d opened /);
  assert.match(text, /npm run simulate -- --seed 1 --seeds 1$/);
});

test(`${histories} histories with every fault keep every invariant: S1, S2, S3, S4, S5, S7, S8, D1, D2, G, L1, L2`, async (t) => {
  const sum = await runMany({ seed: 1, seeds: histories, events: 4_000, workers: 2 });
  assert.equal(sum.broken.length, 0, sum.broken.map(failureText).join('\n\n'));
  assert.equal(sum.seeds, histories);
  assert.ok(sum.ended > sum.seeds, `${sum.ended} ends were final`);
  assert.ok(sum.withBuddies > sum.seeds / 4, `${sum.withBuddies} seeds with buddies`);
  t.diagnostic(`${sum.seeds} seeds (${sum.withBuddies} with buddies), ${sum.events} events, ${sum.ended} final ends`);
});
