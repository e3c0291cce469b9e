/** Sessions that nobody knew are not asked for at every request. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Missing } from '../../sso/session/missing.ts';
import { TestClock } from './support/world.ts';

test('what nobody knew is left alone for half a minute, what not everybody was asked for a second', () => {
  const clock = new TestClock();
  const missing = new Missing(clock);
  assert.equal(missing.has('a'), false);
  missing.note('a', true);
  missing.note('b', false);
  assert.deepEqual([missing.has('a'), missing.has('b')], [true, true]);
  clock.advance(1_000);
  assert.deepEqual([missing.has('a'), missing.has('b')], [true, false]);
  clock.advance(29_000);
  assert.equal(missing.has('a'), false);
});

test('cookies by the million fill no memory: what was noted is forgotten, and asked for once more', () => {
  const missing = new Missing(new TestClock());
  for (let count = 0; count <= 10_000; count++) missing.note(String(count), true);
  assert.deepEqual([missing.has('0'), missing.has('10000')], [false, true]);
});
