/** Any order of frames, flushes, decisions and outcomes: no more attempts pass than the budget has, and none is kept out in vain. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../sso/random.ts';
import { throttleDefaults } from '../../sso/throttle/limits.ts';
import type { Admission, Attempt } from '../../sso/throttle/throttle.ts';
import { stranger, ThrottleWorld } from './world.ts';

const seeds = Number(process.env['LATCHKEY_THROTTLE_SEEDS'] ?? 120);
const { failures, firstWaitMs, longestWaitMs } = throttleDefaults.account;

interface History {
  /** Attempts that went on, and how many were told to wait. */
  readonly admitted: number;
  readonly refused: number;
}

/** `right`: the chance that a password is right. `timeMs`: how far time may leap where it does. */
async function history(seed: number, attempts: number, right: number, timeMs: number): Promise<History> {
  const random = seededRandom(seed);
  const world = new ThrottleWorld({ seed });
  const pick = (below: number) => Math.floor(random.fraction() * below);
  const underWay: Attempt[] = [];
  let failed = 0;
  let failedAt = 0;
  let admitted = 0;
  let refused = 0;
  let asked = 0;
  let broken: unknown;
  const told = (admission: Admission) => {
    if (admission.kind === 'throttled') return void refused++;
    // What an observer knows who sees all nodes at this instant.
    const now = world.clock.now();
    const wait = failed < failures ? 0 : Math.min(longestWaitMs, firstWaitMs * 2 ** (failed - failures));
    const budget = failed < failures ? failures - failed : now >= failedAt + wait ? 1 : 0;
    assert.ok(underWay.length < budget, `seed ${seed}: ${underWay.length} under way, ${failed} failed`);
    admitted++;
    underWay.push(admission.attempt);
  };
  for (;;) {
    if (broken !== undefined) throw broken;
    const steps = world.steps();
    // Frames that take longer than a node waits for them are a partition.
    const mayLeap = timeMs > 0 && steps.length === 0;
    if (asked < attempts) {
      steps.push(() => {
        asked++;
        const { throttle } = world.nodes[pick(world.nodes.length)]!;
        const address = `192.0.2.${pick(200)}`;
        void throttle
          .admit(stranger({ address }))
          .then(told)
          .catch((error) => (broken = error));
      });
    }
    if (underWay.length > 0) {
      steps.push(() => {
        const [attempt] = underWay.splice(pick(underWay.length), 1);
        const isRight = random.fraction() < right;
        if (!isRight) {
          failed++;
          failedAt = world.clock.now();
        }
        attempt!.end(isRight ? 'succeeded' : 'failed');
      });
    }
    if (mayLeap && random.fraction() < 0.2) steps.push(() => world.clock.advance(pick(timeMs)));
    if (steps.length > 0) steps[pick(steps.length)]!();
    else if (admitted + refused < attempts) world.clock.advance(100);
    else return { admitted, refused };
    await new Promise(setImmediate);
  }
}

test('check 32: in no order of events do more wrong passwords pass than the budget has, over three nodes, and no fewer', async () => {
  for (let seed = 1; seed <= seeds; seed++) {
    const { admitted, refused } = await history(seed, 30, 0, 0);
    assert.deepEqual([admitted, refused], [failures, 25], `seed ${seed}`);
  }
});

test('check 32: while time passes each failure beyond the budget costs its wait, in any order of events', async () => {
  let beyond = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const { admitted } = await history(10_000 + seed, 40, 0, 5_000);
    if (admitted > failures) beyond++;
  }
  assert.ok(beyond > seeds / 10, `${beyond} histories went beyond`);
});

test('right passwords of one account that come together from everywhere all pass', async () => {
  for (let seed = 1; seed <= seeds; seed++) {
    const { refused } = await history(20_000 + seed, 40, 1, 0);
    assert.equal(refused, 0, `seed ${seed}`);
  }
});

test('check 32: right and wrong passwords mixed: the wrong ones that pass are within the budget', async () => {
  for (let seed = 1; seed <= seeds; seed++) await history(30_000 + seed, 40, 0.5, 3_000);
});
