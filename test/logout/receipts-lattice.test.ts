/** The laws of receipts: copies of them become equal, whoever looks after them, and nothing in them is taken back. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advance, isUnderWay, type ReceiptRecord, receiptLattice, viewOf } from '../../sso/logout/receipt-lattice.ts';
import { latticeContract } from '../contracts/lattice.ts';

const pending: ReceiptRecord = {
  closing: { map: 'entries', key: 'k'.repeat(43) },
  cause: 'logout',
  stamp: 0,
  closedAt: 1_000,
  maker: 'n1:1',
  overAt: 90_000,
  completeAt: 0,
  finalAt: 0,
  confirmed: [['n1', [{ app: 'shop', sessions: 1, failure: undefined }]]],
  seen: [['n2', [{ app: 'forum', sessions: 2, failure: undefined }]]],
  outstanding: ['n2', 'n3'],
  revision: 1,
};

latticeContract({
  lattice: receiptLattice,
  tail: 1,
  fine: (value) => ({ ...value, stamp: 0 }),
  values: [
    pending,
    { ...pending, finalAt: 7_000 },
    { ...pending, finalAt: 6_500 },
    { ...pending, overAt: 95_000 },
    { ...pending, completeAt: 2_000, outstanding: [], revision: 3 },
    { ...pending, completeAt: 1_900, finalAt: 7_000 },
    { ...pending, confirmed: [['n1', []], ['n2', [{ app: 'forum', sessions: 1, failure: 'broken' }]]] },
    { ...pending, confirmed: [['n2', [{ app: 'forum', sessions: 3, failure: 'and broken' }]]], outstanding: ['n3'], revision: 2 },
    { ...pending, confirmed: [], outstanding: ['n1', 'n3'], revision: 2 },
    { ...pending, seen: [['', [{ app: 'shop', sessions: 1, failure: undefined }]]] },
    { ...pending, maker: 'n2:1', closedAt: 900 },
    { ...pending, cause: 'administrator' },
    { ...pending, closing: { map: 'subjects', key: 'alice' }, cause: 'subject-ended' },
    { ...pending, closing: { map: 'subjects', key: 'alice' }, cause: 'subject-ended', stamp: 5 },
  ], // biome-ignore format: a table
  invalid: [
    ['entries', 'k', 'logout', 1, 'n1:1', 1, 0, 0, [], [], []],
    ['sessions', 'k', 'logout', 1, 'n1:1', 1, 0, 0, [], [], [], 0, 0],
    ['entries', 'k', 'tired', 1, 'n1:1', 1, 0, 0, [], [], [], 0, 0],
    ['entries', 'k', 'logout', 1, 'n1:1', 1, -1, 0, [], [], [], 0, 0],
    ['entries', 'k', 'logout', 1, 'n1:1', 1, 0, 0, [['n1', [['shop', 1, '']]]], [], [], 0, 0],
    ['entries', 'k', 'logout', 1, 'n1:1', 1, 0, 0, [['n1', [['shop', 1.5, 0]]]], [], [], 0, 0],
    ['entries', 'k', 'logout', 1, 'n1:1', 1, 0, 0, [['n1']], [], [], 0, 0],
    ['entries', 'k', 'logout', 1, 'n1:1', 1, 0, 0, [], [], [1], 0, 0],
    ['entries', 'k', 'logout', 1, 'n1:1', 1, 0, 0, [], [], Array(5_000).fill('n'), 0, 0],
  ],
});

test('what came in another order, or twice, reads as the same record', () => {
  const data = receiptLattice.encode(pending) as unknown[];
  const shop = ['shop', 1, 0];
  data[8] = [['n2', []], ['n1', [shop, shop]]]; // biome-ignore format: short
  const text = JSON.stringify(receiptLattice.encode(receiptLattice.decode(data)!));
  data[8] = [['n1', [shop]], ['n2', []]]; // biome-ignore format: short
  assert.equal(text, JSON.stringify(data));
});

test('the view tells numbers, not which entry: each node by its own word, the others as they were seen', () => {
  const view = viewOf('id', pending);
  assert.deepEqual(view.applications, [
    { app: 'forum', sessions: 2 },
    { app: 'shop', sessions: 1 },
  ]);
  assert.equal(view.sessions, 3);
  assert.deepEqual(view.nodes, { confirmed: ['n1'], outstanding: ['n2', 'n3'] });
  assert.ok(!JSON.stringify(view).includes(pending.closing.key));
  const said = advance(
    pending,
    {
      state: 'pending',
      finalAt: 7_000.4,
      confirmed: ['n1', 'n2'],
      outstanding: ['n3'],
      ended: new Map([['n2', [{ app: 'forum', sessions: 1, failure: 'broken' }]]]),
    },
    3_000,
  );
  assert.deepEqual(viewOf('id', said), {
    ...view,
    finalAt: 7_001,
    applications: [
      { app: 'forum', sessions: 1 },
      { app: 'shop', sessions: 1 },
    ],
    sessions: 2,
    nodes: { confirmed: ['n1', 'n2'], outstanding: ['n3'] },
    failures: [{ app: 'forum', message: 'broken' }],
  });
});

test('progress that is none gives back the same record; what was confirmed to a former keeper is not outstanding again', () => {
  const progress = {
    state: 'pending',
    finalAt: undefined,
    confirmed: ['n1'],
    outstanding: ['n2', 'n3'],
    ended: new Map(),
  } as const;
  assert.equal(advance(pending, progress, 5_000), pending);
  const adopted = advance(pending, { ...progress, confirmed: ['n2'], outstanding: ['n1', 'n3'] }, 5_000);
  assert.deepEqual(viewOf('id', adopted).nodes, { confirmed: ['n1', 'n2'], outstanding: ['n3'] });
});

test('a complete receipt is kept 10 minutes, a pending one until its closing is over by every clock (4 s)', () => {
  assert.equal(receiptLattice.forgetAt(pending), 94_000);
  assert.equal(receiptLattice.forgetAt({ ...pending, completeAt: 2_000 }), 602_000);
  assert.equal(isUnderWay(pending), true);
  assert.equal(isUnderWay({ ...pending, completeAt: 2_000 }), true, 'two are yet to be told');
  assert.equal(isUnderWay({ ...pending, completeAt: 2_000, outstanding: [] }), false);
  assert.equal(viewOf('id', { ...pending, completeAt: 2_000, finalAt: 7_000 }).finalAt, undefined, 'it is final');
});
