/** The clocks of test nodes: the wall clock alone is wrong, by as much as a test likes, from any moment on. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { every } from '../../sso/clock.ts';
import { CorrectedClock } from '../../sso/corrected-clock.ts';
import { seededRandom } from '../../sso/random.ts';
import { Pump } from '../../sso/testing/pump.ts';
import { virtualClock } from '../../sso/testing/virtual-clock.ts';
import { year } from './voters.ts';

test("a node's wall clock is wrong by a year, and leaps at any moment, while its timers and its monotonic clock go on", async () => {
  const world = virtualClock();
  const pump = new Pump(world);
  const skew = { ms: year };
  const clock = pump.clock(skew);
  const fired: number[] = [];
  const cancel = every(clock, 1_000, () => fired.push(clock.monotonic()));
  const from = clock.monotonic();
  assert.equal(clock.now(), world.now() + year);
  for (const leap of [-year, 0, year, -1]) {
    skew.ms = leap;
    await pump.advance(1_500);
    assert.equal(clock.now(), world.now() + leap);
  }
  cancel();
  assert.equal(clock.monotonic() - from, 6_000);
  assert.deepEqual(fired, [1_000, 2_000, 3_000, 4_000, 5_000, 6_000]);
});

for (const [voters, wrong] of [
  [3, 1],
  [5, 2],
] as const) {
  test(`nodes that ask each other every 2 s: with ${wrong} of ${voters} clocks leaping by up to a year every second, all are within 1 s for an hour`, () => {
    const random = seededRandom(voters);
    const between = (least: number, most: number) => Math.round(least + random.fraction() * (most - least));
    const world = virtualClock();
    const pump = new Pump(world);
    const nodes = Array.from({ length: voters }, () => {
      const skew = { ms: between(-1_000, 1_000) };
      const raw = pump.clock(skew);
      const quorum = Math.floor(voters / 2) + 1;
      return { skew, raw, clock: new CorrectedClock({ clock: raw, voters, quorum, isVoter: true }) };
    });
    for (const asker of nodes) {
      every(asker.raw, 2_000, () => {
        const sentAt = asker.raw.monotonic();
        for (const voter of nodes) {
          if (voter === asker || random.fraction() < 0.2) continue;
          asker.raw.after(between(0, 1_500), () => {
            const theirNow = voter.raw.now();
            asker.raw.after(between(0, 1_500), () =>
              asker.clock.heard(String(nodes.indexOf(voter)), theirNow, sentAt, asker.raw.monotonic()),
            );
          });
        }
      });
    }
    world.advance(10_000);
    every(pump.clock(), 1_000, () => {
      nodes[between(0, wrong - 1)]!.skew.ms = random.fraction() < 0.3 ? 0 : between(-year, year);
      for (const { clock } of nodes) {
        const error = clock.now() - world.now();
        assert.ok(Math.abs(error) <= 1_002, `off by ${error} ms`);
        assert.ok(clock.forgetNow() - world.now() <= 1_002);
      }
    });
    world.advance(3_600_000);
    assert.ok(nodes.slice(wrong).every(({ clock }) => !clock.isFarOff()));
  });
}
