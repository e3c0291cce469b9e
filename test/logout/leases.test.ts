/** Leases as their asker holds them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant } from '../../sso/logout/instant.ts';
import { Leases } from '../../sso/logout/leases.ts';
import { votersOf } from '../../sso/logout/voters.ts';

const at = (monotonic: number, wall = monotonic): Instant => ({ monotonic, wall: 1_000_000 + wall });
const held = ({ until }: Leases, now: Instant) => now.monotonic < until.monotonic && now.wall < until.wall;
const addresses = ['a', 'b', 'c', 'd', 'e'];
const leasesOf = (count: number, own: string | undefined, whenCutOff?: 'refuse' | 'serve') =>
  new Leases(votersOf(addresses.slice(0, count), own, { leaseMs: 6_000, whenCutOff }));

test('a quorum is more than half, oneself included: two of three, three of four and of five', () => {
  for (const [count, others] of [
    [1, 0],
    [2, 1],
    [3, 1],
    [4, 2],
    [5, 2],
  ] as const) {
    const leases = leasesOf(count, 'a', 'refuse');
    for (let given = 0; given < others; given++) {
      assert.equal(held(leases, at(1)), false, `${count} voters, ${given} leases`);
      leases.note(addresses[given + 1]!, at(0), 0);
    }
    assert.equal(held(leases, at(1)), true, `${count} voters, ${others} leases`);
  }
});

test('a node without a vote needs the whole quorum from others', () => {
  const leases = leasesOf(3, undefined);
  leases.note('a', at(0), 0);
  assert.equal(held(leases, at(1)), false);
  leases.note('b', at(0), 0);
  assert.equal(held(leases, at(1)), true);
});

test('it ends T after its question was sent, a little earlier for drift, by whichever clock says so first', () => {
  const leases = leasesOf(3, 'a');
  leases.note('b', at(0), 0);
  assert.equal(held(leases, at(5_987)), true);
  assert.equal(held(leases, at(5_988)), false);
  assert.equal(held(leases, at(1_000, 6_000)), false, 'the wall clock leapt ahead');
  assert.equal(held(leases, at(6_000, 1_000)), false, 'the wall clock went back');
});

test('it lasts as long as the last of those that make the quorum', () => {
  const leases = leasesOf(5, 'a');
  leases.note('b', at(0), 0);
  leases.note('c', at(1_000), 0);
  assert.equal(held(leases, at(5_990)), false, 'only one is left');
  leases.note('d', at(2_000), 0);
  assert.equal(held(leases, at(6_900)), true);
});

test('an answer that comes late renews nothing that is later already', () => {
  const leases = leasesOf(3, 'a');
  leases.note('b', at(1_000), 0);
  leases.note('b', at(0), 0);
  assert.equal(held(leases, at(6_900)), true);
});

test('a lease of an older epoch does not count', () => {
  const leases = leasesOf(3, 'a');
  leases.note('b', at(0), 1);
  leases.raised(2);
  assert.equal(held(leases, at(1)), false);
  leases.note('c', at(0), 1);
  assert.equal(held(leases, at(1)), false);
  leases.note('c', at(0), 2);
  assert.equal(held(leases, at(1)), true);
});

test('in serve mode a voter needs none, a node without a vote one', () => {
  assert.equal(held(leasesOf(2, 'a'), at(1)), true);
  const without = leasesOf(2, undefined);
  assert.equal(held(without, at(1)), false);
  without.note('b', at(0), 0);
  assert.equal(held(without, at(1)), true);
});

test('whenCutOff is refuse from three voters on, else serve; where it is given, that', () => {
  assert.deepEqual(
    [1, 2, 3, 5].map((count) => votersOf(addresses.slice(0, count), 'a').mode),
    ['serve', 'serve', 'refuse', 'refuse'],
  );
  assert.equal(votersOf(['a', 'b'], 'a', { whenCutOff: 'refuse' }).mode, 'refuse');
});
