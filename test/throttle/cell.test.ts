/** The laws of a counter that nodes share. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cell, cellLattice, inFlight, type Share, withShare } from '../../sso/throttle/cell.ts';
import { latticeContract } from '../contracts/lattice.ts';

const share: Share = { life: 'n1:1', reserved: 1_001, returned: 1_000, failed: 0, reservedAt: 5_000, failedAt: 0 };
const failed: Share = { ...share, failed: 1, failedAt: 6_000 };
const other: Share = { ...share, life: 'n2:1', reserved: 2_001, returned: 2_000, reservedAt: 4_000 };
const until = 900_000;
const cell = (...shares: Share[]): Cell => ({ until, shares });

latticeContract({
  lattice: cellLattice,
  values: [
    cell(share),
    cell(failed),
    cell({ ...share, returned: 1_001 }),
    cell({ ...share, reserved: 1_005, failed: 2, failedAt: 5_500 }),
    cell(other),
    cell({ ...other, returned: 2_001 }),
    cell(share, other),
    cell(failed, { ...other, failed: 1, failedAt: 9_000 }),
    { until: until + 60_000, shares: [share] },
    cell({ ...share, life: 'n1:2', reservedAt: 8_000 }),
  ],
  invalid: [
    [900_000, []],
    [900_000, [['', 1, 1, 0, 0, 0]]],
    [900_000, [['n1:1', -1, 1, 0, 0, 0]]],
    [900_000, [['n1:1', 1, 1.5, 0, 0, 0]]],
    [
      900_000,
      [
        ['n2:1', 1, 1, 0, 0, 0],
        ['n1:1', 1, 1, 0, 0, 0],
      ],
    ],
    [
      900_000,
      [
        ['n1:1', 1, 1, 0, 0, 0],
        ['n1:1', 1, 1, 0, 0, 0],
      ],
    ],
    [900_000, new Array(257).fill(['n1:1', 1, 1, 0, 0, 0])],
    [-1, [['n1:1', 1, 1, 0, 0, 0]]],
  ],
});

test('what is neither given back nor failed is in flight', () => {
  assert.equal(inFlight(share), 1);
  assert.equal(inFlight(failed), 0);
  assert.equal(inFlight({ ...share, returned: 1_001 }), 0);
});

test('a counter without a failure is forgotten soon after its attempts, one with a failure at the end of its windows', () => {
  assert.equal(cellLattice.forgetAt(cell({ ...share, returned: 1_001 })), 65_000);
  assert.equal(cellLattice.forgetAt(cell(share)), until);
  assert.equal(cellLattice.forgetAt(cell(failed)), until);
  assert.equal(cellLattice.forgetAt(cell({ ...share, returned: 1_001 }, other)), until);
});

test('a life writes its own share and leaves the others', () => {
  assert.deepEqual(withShare(cell(other), until, share), cell(share, other));
  assert.deepEqual(withShare(cell(share, other), until, failed), cell(failed, other));
  assert.deepEqual(withShare(undefined, until, share), cell(share));
});
