/** The two rules, by numbers. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Budget, ladder, rate, type Tally } from '../../sso/throttle/budget.ts';

const none: Tally = { failed: 0, failedBefore: 0, failedAt: 0 };
const hour = 3_600_000;
const steps = ladder({ failures: 5, firstWaitMs: 1_000, longestWaitMs: 300_000, windowMs: hour });
const tenMinutes = rate({ failures: 100, windowMs: 600_000 });

test('five failures are free; then the wait doubles from a second to five minutes, one attempt at a time', () => {
  const now = 1_000_000;
  for (let failed = 0; failed < 5; failed++) assert.equal(steps.roomFor({ ...none, failed }, now).room, 5 - failed);
  const waits = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300];
  for (const [at, seconds] of waits.entries()) {
    const tally = { failed: 3, failedBefore: 2 + at, failedAt: now };
    assert.deepEqual(steps.roomFor(tally, now), { room: 0, retryAfterMs: seconds * 1_000 });
    assert.deepEqual(steps.roomFor(tally, now + seconds * 1_000 - 1), { room: 0, retryAfterMs: 1 });
    assert.equal(steps.roomFor(tally, now + seconds * 1_000).room, 1);
  }
  const noWait = ladder({ failures: 1, firstWaitMs: 0, longestWaitMs: 0, windowMs: hour });
  assert.equal(noWait.roomFor({ failed: 5_000, failedBefore: 0, failedAt: now }, now).room, 1);
  assert.equal(steps.roomFor({ failed: 1e9, failedBefore: 0, failedAt: now }, now).retryAfterMs, 300_000);
});

test('a failure that another node dates in the future makes nobody wait for longer than the wait', () => {
  assert.equal(steps.roomFor({ failed: 5, failedBefore: 0, failedAt: 9e12 }, 1_000_000).retryAfterMs, 1_000);
});

test('a rate counts the last window by what is left of it, and tells when there is room', () => {
  const start = 600_000 * 50;
  assert.equal(tenMinutes.roomFor(none, start).room, 100);
  assert.equal(tenMinutes.roomFor({ ...none, failed: 40 }, start + 1).room, 60);
  assert.equal(tenMinutes.roomFor({ ...none, failedBefore: 100 }, start + 300_000).room, 50);
  assert.equal(tenMinutes.roomFor({ ...none, failed: 100 }, start).room, 0);
});

test('after the time that is told there is room, and not before', () => {
  const windowMs = 600_000;
  const later = (budget: Budget, tally: Tally, now: number, ms: number) => {
    const turns = Math.floor((now + ms) / windowMs) - Math.floor(now / windowMs);
    const moved = turns === 0 ? tally : turns === 1 ? { ...none, failedBefore: tally.failed } : none;
    return budget.roomFor(moved, now + ms).room;
  };
  for (const failed of [0, 1, 50, 99, 100, 101, 250, 1_000]) {
    for (const failedBefore of [0, 1, 60, 100, 300, 5_000]) {
      for (const passedMs of [0, 1, 12_345, 300_000, 599_999]) {
        const now = windowMs * 70 + passedMs;
        const tally = { failed, failedBefore, failedAt: now };
        const { room, retryAfterMs } = tenMinutes.roomFor(tally, now);
        if (room > 0) continue;
        const what = `${failed} after ${failedBefore}, ${passedMs} ms: ${retryAfterMs}`;
        assert.ok(later(tenMinutes, tally, now, retryAfterMs + 1) >= 1, what);
        if (retryAfterMs > 2) assert.equal(later(tenMinutes, tally, now, retryAfterMs - 2), 0, what);
      }
    }
  }
});
