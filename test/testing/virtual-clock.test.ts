import assert from 'node:assert/strict';
import { test } from 'node:test';
import { virtualClock } from '../../sso/testing/virtual-clock.ts';

test('timers fire at their instants, ties in the order they were set, and soon comes before the next', () => {
  const clock = virtualClock(1_000_000);
  const seen: string[] = [];
  const see = (what: string) => () => void seen.push(`${what}@${clock.now() - 1_000_000}`);
  clock.after(20, see('b'));
  clock.after(10, () => {
    see('a')();
    clock.soon(see('soon'));
    clock.after(0, see('at once'));
  });
  clock.after(20, see('c'));
  clock.after(21, see('too late'));
  clock.soon(see('first'));
  clock.advance(20);
  assert.deepEqual(seen, ['first@0', 'a@10', 'soon@10', 'at once@10', 'b@20', 'c@20']);
  assert.equal(clock.pending(), 1);
  assert.equal(clock.monotonic(), 20);
});

test('a cancelled timer does not fire, and cancelling twice or too late does nothing', () => {
  const clock = virtualClock();
  let fired = 0;
  const cancel = clock.after(5, () => fired++);
  const other = clock.after(6, () => fired++);
  cancel();
  cancel();
  assert.equal(clock.pending(), 1);
  clock.advance(10);
  other();
  assert.equal(fired, 1);
  assert.equal(clock.pending(), 0);
});

test('a thousand timers in any order fire in theirs', () => {
  const clock = virtualClock();
  const seen: number[] = [];
  for (let index = 0; index < 1_000; index++) {
    const ms = (index * 7_919) % 1_000;
    const cancel = clock.after(ms, () => seen.push(ms));
    if (index % 3 === 0) cancel();
  }
  clock.advance(1_000);
  assert.equal(seen.length, 666);
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  );
});

test('the wall clock leaps, timers do not notice', () => {
  const clock = virtualClock(0);
  let fired = false;
  clock.after(100, () => (fired = true));
  clock.leap(3_600_000);
  assert.equal(clock.now(), 3_600_000);
  assert.equal(clock.monotonic(), 0);
  clock.advance(99);
  assert.equal(fired, false);
  clock.leap(-3_600_000);
  clock.advance(1);
  assert.equal(fired, true);
  assert.equal(clock.now(), 100);
});

test('advanceAsync lets promises settle between two events', async () => {
  const clock = virtualClock(0);
  const seen: string[] = [];
  const sleep = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
  const run = async () => {
    for (let turn = 0; turn < 3; turn++) {
      await sleep(10);
      await Promise.resolve();
      seen.push(`slept until ${clock.now()}`);
    }
  };
  void run();
  clock.after(15, () => seen.push('timer'));
  await clock.advanceAsync(30);
  assert.deepEqual(seen, ['slept until 10', 'timer', 'slept until 20', 'slept until 30']);
});

test('runUntilIdle goes from timer to timer until none is left, or its time is over', () => {
  const clock = virtualClock();
  let count = 0;
  clock.after(10, () => clock.after(20, () => count++));
  assert.equal(clock.runUntilIdle(), 30);
  assert.equal(count, 1);
  const again = () => void clock.after(1_000, again);
  again();
  assert.equal(clock.runUntilIdle(5_500), 5_000);
});

test('soon calls that never end are an error, not a hang', () => {
  const clock = virtualClock();
  const again = () => clock.soon(again);
  again();
  assert.throws(() => clock.advance(1), /never end/);
});
