import assert from 'node:assert/strict';
import test from 'node:test';
import { bounded, every } from '../../sso/clock.ts';
import { Pump, pumpLimits } from '../../sso/testing/pump.ts';
import { virtualClock } from '../../sso/testing/virtual-clock.ts';

function pumpWithClock() {
  const virtual = virtualClock();
  const pump = new Pump(virtual);
  return { pump, virtual, clock: pump.clock() };
}

test('time stands still until it is told to pass', async () => {
  const { pump, clock } = pumpWithClock();
  const began = clock.now();
  let fired = 0;
  clock.after(5, () => fired++);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([clock.now() - began, fired], [0, 0]);
  await pump.advance(5);
  assert.deepEqual([clock.now() - began, fired], [5, 1]);
});

test('what is awaited lets time pass as far as it needs, and not much further', async () => {
  const { pump, clock } = pumpWithClock();
  const began = clock.monotonic();
  const outcome = await pump.run(bounded(clock, 250, new Promise<never>(() => {}), 'late'));
  assert.equal(outcome, 'late');
  const passed = clock.monotonic() - began;
  assert.ok(passed >= 250 && passed <= 550, `${passed}`);
});

test('a call that will never end is given up after a minute of virtual time', async () => {
  const { pump, clock } = pumpWithClock();
  const began = clock.monotonic();
  await assert.rejects(pump.run(new Promise(() => {})), /still waiting after 60 s/);
  assert.ok(clock.monotonic() - began >= pumpLimits.awaitedMs);
});

test('several that wait at once all come to their end', async () => {
  const { pump, clock } = pumpWithClock();
  const waits = [100, 40_000, 3_000, 250].map((ms) => pump.run(bounded(clock, ms, new Promise<never>(() => {}), ms)));
  assert.deepEqual(await Promise.all(waits), [100, 40_000, 3_000, 250]);
});

test('a request that is held up stops time after its limit, and goes on when it is let go', async () => {
  const { pump, clock } = pumpWithClock();
  let ticks = 0;
  const cancel = every(clock, 1_000, () => ticks++);
  const began = clock.monotonic();
  const leave = pump.enter();
  while (clock.monotonic() - began < pumpLimits.heldMs) await new Promise((resolve) => setImmediate(resolve));
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(clock.monotonic() - began, pumpLimits.heldMs);
  const answered = bounded(clock, 250, new Promise<never>(() => {}), 'after all').finally(leave);
  assert.equal(await answered, 'after all');
  assert.ok(ticks >= 15);
  cancel();
});

test("a node's clock may be ahead: its wall clock alone, now or later", async () => {
  const { pump, clock } = pumpWithClock();
  const skew = { ms: 600_000 };
  const ahead = pump.clock(skew);
  assert.equal(ahead.now() - clock.now(), 600_000);
  assert.equal(ahead.monotonic(), clock.monotonic());
  skew.ms = -5;
  assert.equal(ahead.now() - clock.now(), -5);
  let fired = false;
  ahead.after(10, () => (fired = true));
  await pump.advance(10);
  assert.equal(fired, true);
});
