/** Leases as their giver notes them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Grants } from '../../sso/logout/grants.ts';
import type { Instant } from '../../sso/logout/instant.ts';

const lease = 6_000;
const noted = 6_012;
const at = (monotonic: number, wall = monotonic): Instant => ({ monotonic, wall: 1_000_000 + wall });

test('a grant given before a closing runs for T and drift; one given with it says nothing', () => {
  const grants = new Grants(lease);
  grants.give('x', 1, 0, 4, at(0));
  grants.give('y', 1, 0, 5, at(0));
  assert.deepEqual(grants.running(5, at(1_000)), [{ node: 'x', incarnation: 1, remainingMs: noted - 1_000 }]);
  assert.deepEqual(grants.running(5, at(noted)), []);
});

test('one deaf node that keeps asking holds up nothing: later grants carry the closing', () => {
  const grants = new Grants(lease);
  grants.give('x', 1, 0, 4, at(0));
  for (const now of [2_000, 4_000, 6_000]) grants.give('x', 1, 0, 5, at(now));
  assert.equal(grants.running(5, at(6_000))[0]?.remainingMs, 12);
  assert.deepEqual(grants.running(5, at(6_013)), []);
});

test('who says that it has the closing needs no waiting for', () => {
  const grants = new Grants(lease);
  grants.give('x', 1, 0, 4, at(0));
  grants.has('x', 1, 5);
  assert.deepEqual(grants.running(5, at(1)), []);
});

test('a note ends only when both clocks say so', () => {
  const grants = new Grants(lease);
  grants.give('x', 1, 0, 4, at(0));
  assert.equal(grants.running(5, at(7_000, 3_000)).length, 1, 'the wall clock went back');
  assert.equal(grants.running(5, at(3_000, 3_600_000)).length, 1, 'the wall clock leapt ahead');
  assert.deepEqual(grants.running(5, at(7_000, 7_000)), []);
});

test('a wall clock that was set back by more than a lease holds up nothing for hours', () => {
  const grants = new Grants(lease);
  grants.give('x', 1, 0, 4, at(0));
  assert.deepEqual(grants.running(5, at(7_000, -46_800_000)), []);
});

test('lives of one node are told apart', () => {
  const grants = new Grants(lease);
  grants.give('x', 1, 0, 4, at(0));
  grants.give('x', 2, 0, 5, at(10));
  assert.deepEqual(grants.running(5, at(20)), [{ node: 'x', incarnation: 1, remainingMs: noted - 20 }]);
});

test('what a former life granted runs for T from the start', () => {
  const grants = new Grants(lease);
  assert.equal(grants.restMs(at(0)), 0);
  grants.forgot(at(0));
  assert.equal(grants.restMs(at(2_000)), noted - 2_000);
  assert.equal(grants.restMs(at(noted)), 0);
});
