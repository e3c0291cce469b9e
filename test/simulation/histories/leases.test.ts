/**
 * What leases are for: each script breaks S1 without the rule that it is named after (FINAL-LOGOUT.md,
 * Leases). Three voters, T = 6 s, `refuse`, if nothing else is said.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FrameType, Script } from './script.ts';

const leaseMs = 6_000;
const hourMs = 3_600_000;
/** All that brings a closing to a node besides its leases. */
const news: readonly FrameType[] = ['batch', 'seal', 'compare', 'differs', 'keys', 'page', 'question', 'answer'];

test('S1, S4: a logout waits for the leases of who is cut off, and who is cut off stops when they end (quorum, and the wait before the acknowledgement)', async () => {
  const script = new Script();
  await script.begin();
  const id = await script.signOn('n1');
  script.world.cluster.split([['n3']]);
  const ending = script.logOut('n1', id);
  await script.pass(1_000);
  assert.ok(script.accepts('n3', id), 'it goes on while its leases run');
  assert.equal(ending.receipt?.state, 'pending');
  await script.until('the logout is complete', () => ending.isComplete, leaseMs);
  assert.ok(!script.accepts('n3', id));
  await script.pass(3 * leaseMs);
  assert.ok(!script.mayAccept('n3'));
});

test('S1: a lease counts from the question, not from the grant: one that was under way for long is worth nothing', async () => {
  const script = new Script();
  await script.begin();
  const id = await script.signOn('n1');
  const through = script.meddle('hold', { to: 'n3', types: ['grant'] });
  await script.pass(leaseMs / 2);
  through();
  script.meddle('lose', { to: 'n3' });
  script.meddle('lose', { from: 'n3' });
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete);
  script.release();
  await script.pass(10);
  assert.ok(!script.mayAccept('n3'), 'a grant of long ago');
});

test('S1: a lease counts from the question, also where the grant took three seconds and is believed', async () => {
  const script = new Script();
  await script.begin();
  const id = await script.signOn('n1');
  const through = script.meddle('hold', { to: 'n3', types: ['grant'] });
  await script.pass(leaseMs / 2);
  through();
  script.release();
  await script.pass(10);
  script.meddle('lose', { to: 'n3' });
  script.meddle('lose', { from: 'n3' });
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  assert.ok(!script.mayAccept('n3'), 'its leases have run out');
});

test('S1: a grant brings the closings that its asker lacks: a node that hears nothing else learns of a logout by its next lease', async () => {
  const script = new Script();
  await script.begin();
  const id = await script.signOn('n1');
  script.meddle('lose', { to: 'n3', types: news });
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  await script.pass(leaseMs);
  assert.ok(script.mayAccept('n3'), 'its leases go on');
  assert.ok(!script.accepts('n3', id));
});

test('L2: a node that is deaf to closings, and keeps asking for leases, holds up no logout for longer than T', async () => {
  const script = new Script({ others: ['x1'] });
  await script.begin();
  const id = await script.signOn('n1');
  script.meddle('lose', { to: 'x1', types: [...news, 'grant'] });
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  assert.ok(!script.accepts('x1', id));
});

test("S1: the granter's note ends when both of its clocks say so: one whose wall clock leaps ahead waits all the same", async () => {
  const script = new Script();
  await script.begin();
  const id = await script.signOn('n1');
  script.cut('n2', 'n3');
  await script.pass(2 * leaseMs);
  assert.ok(script.accepts('n3', id), 'by the lease of n1 alone');
  script.world.cluster.split([['n3']]);
  script.world.cluster.leap('n1', hourMs);
  const ending = script.logOut('n1', id);
  await script.pass(1_000);
  assert.ok(script.accepts('n3', id));
  assert.ok(!ending.isComplete);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs);
});

test('S1, S4: a lease ends when either clock says so: a wall clock that is set back by an hour makes it no longer', async () => {
  const script = new Script();
  await script.begin();
  const id = await script.signOn('n1');
  script.world.cluster.split([['n3']]);
  script.world.cluster.leap('n3', -hourMs);
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  await script.pass(leaseMs);
  assert.ok(!script.mayAccept('n3'));
});

test('S4: a lease ends when either clock says so: a wall clock that leaps ahead ends it at once', async () => {
  const script = new Script();
  await script.begin();
  script.world.cluster.split([['n3']]);
  script.world.cluster.leap('n3', hourMs);
  assert.ok(!script.mayAccept('n3'));
});

test('S1: a node without a vote is waited for as well', async () => {
  const script = new Script({ others: ['x1'] });
  await script.begin();
  const id = await script.signOn('n1');
  await script.pass(2 * leaseMs);
  script.world.cluster.split([['x1']]);
  const ending = script.logOut('n1', id);
  await script.pass(leaseMs / 2);
  assert.ok(script.accepts('x1', id));
  assert.ok(!ending.isComplete);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs);
  assert.ok(!script.accepts('x1', id));
});

test('S1: a process that stood still for 25 s accepts nothing the moment it goes on', async () => {
  const script = new Script();
  await script.begin();
  const id = await script.signOn('n1');
  script.world.cluster.pause('n3');
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  await script.pass(25_000 - leaseMs);
  script.world.cluster.resume('n3');
  assert.ok(!script.accepts('n3', id), 'before it has read anything that waits for it');
  await script.until('n3 accepts again', () => script.mayAccept('n3'), 2_000);
  assert.ok(!script.accepts('n3', id));
});

test('S4: with one of two voters down, `serve` goes on and `refuse` stops; a logout in `serve` mode is pending until both have it', async () => {
  for (const whenCutOff of ['serve', 'refuse'] as const) {
    const script = new Script({ voters: ['n1', 'n2'], whenCutOff });
    await script.begin();
    const id = await script.signOn('n1');
    const other = await script.signOn('n1');
    script.crash('n2');
    const ending = script.logOut('n1', id);
    await script.pass(2 * leaseMs);
    assert.ok(!ending.isComplete);
    assert.equal(ending.receipt?.finalAt, undefined);
    assert.equal(script.accepts('n1', other), whenCutOff === 'serve');
    script.start('n2');
    await script.until('the logout is complete', () => ending.isComplete, 2 * leaseMs);
    await script.until('n2 accepts', () => script.accepts('n2', other));
    assert.ok(!script.accepts('n2', id));
  }
});

test('S4, S1: in serve mode a node without a vote stops when no voter lends it a lease', async () => {
  const script = new Script({ voters: ['n1', 'n2'], others: ['x1'], whenCutOff: 'serve' });
  await script.begin();
  const id = await script.signOn('n1');
  script.world.cluster.split([['x1']]);
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  await script.pass(leaseMs);
  assert.ok(!script.mayAccept('x1'));
});

test('L2: the wall clock of a granter that was set back by an hour holds up no logout for an hour', async () => {
  const script = new Script();
  await script.begin();
  const id = await script.signOn('n1');
  script.world.cluster.split([['n3']]);
  script.world.cluster.leap('n1', -hourMs);
  script.world.cluster.leap('n2', -hourMs);
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
});
