/**
 * What a voter that has restarted may say, and what its peers believe: each script breaks S1 without
 * the rule that it is named after (FINAL-LOGOUT.md, Logout and Restart). T = 6 s, `refuse`.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Script } from './script.ts';

const leaseMs = 6_000;
const five = ['n1', 'n2', 'n3', 'n4', 'n5'];

test('S1: a voter that recovers does not confirm: nobody counts on what it may have forgotten', async () => {
  const script = new Script();
  await script.begin();
  const id = await script.signOn('n1');
  script.crash('n2', 'wiped');
  script.world.cluster.split([['n3']]);
  script.start('n2');
  const ending = script.logOut('n1', id);
  await script.pass(2 * leaseMs);
  assert.equal(script.standing('n2'), 'lost', 'of two other voters it has found one');
  assert.ok(!ending.isComplete);
  assert.deepEqual(ending.receipt?.nodes.confirmed, ['n1']);
  script.world.cluster.heal();
  await script.until('the logout is complete', () => ending.isComplete);
});

test('S1: a voter that recovers lends no lease: it may have forgotten the logout', async () => {
  const script = new Script();
  await script.begin();
  const id = await script.signOn('n1');
  script.world.cluster.split([['n3']]);
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  script.crash('n2', 'wiped');
  script.world.cluster.split([['n1']]);
  script.start('n2');
  await script.pass(3 * leaseMs);
  assert.equal(script.standing('n2'), 'lost');
  assert.ok(!script.mayAccept('n3'));
  script.world.cluster.heal();
  await script.until('n3 accepts', () => script.mayAccept('n3'));
  assert.ok(!script.accepts('n3', id));
});

test('S1: two that have lost everything do not vouch for each other', async () => {
  const script = new Script({ voters: five });
  await script.begin();
  const id = await script.signOn('n1');
  script.world.cluster.split([['n4', 'n5']]);
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  script.crash('n2', 'wiped');
  script.crash('n3', 'wiped');
  script.world.cluster.split([['n1']]);
  script.start('n2');
  script.start('n3');
  await script.pass(3 * leaseMs);
  assert.ok(!script.mayAccept('n4'), 'those who know of the logout are away or have forgotten it');
  script.world.cluster.heal();
  await script.until('n4 accepts', () => script.mayAccept('n4'));
  assert.ok(!script.accepts('n4', id));
});

test('S1: what a life confirmed that has been replaced counts no more', async () => {
  const script = new Script({ voters: five });
  await script.begin();
  const id = await script.signOn('n1');
  script.world.cluster.split([['n1', 'n2']]);
  const ending = script.logOut('n1', id);
  await script.pass(500);
  script.crash('n2', 'wiped');
  script.world.cluster.split([['n1']]);
  script.start('n2');
  await script.until('n2 has recovered by the others', () => script.standing('n2') === 'up');
  await script.pass(1_000);
  script.world.cluster.split([['n1', 'n3']]);
  await script.pass(3 * leaseMs);
  assert.ok(script.accepts('n5', id), 'a majority does not know of it');
  assert.ok(!ending.isComplete);
  script.world.cluster.heal();
  await script.until('the logout is complete', () => ending.isComplete);
});

test("S1: nothing is confirmed that is not flushed: a power cut right after the closing takes it from the voter's disk", async () => {
  const script = new Script();
  await script.begin();
  const id = await script.signOn('n1');
  script.world.cluster.split([['n3']]);
  const ending = script.logOut('n1', id);
  await script.pass(6);
  script.crash('n2', 'flushed');
  await script.pass(2 * leaseMs);
  script.world.cluster.split([['n1']]);
  script.start('n2');
  await script.until('n3 accepts by the lease of n2', () => script.accepts('n3', id), 3 * leaseMs);
  assert.ok(!ending.isComplete);
  script.world.cluster.heal();
  await script.until('the logout is complete', () => ending.isComplete);
});

test('S1: a restored copy that nobody spoke of is found by who remembers a later life, and counts as lost', async () => {
  const script = new Script();
  await script.begin();
  const id = await script.signOn('n1');
  await script.pass(2_000);
  script.world.cluster.machine('n2').backUp();
  script.crash('n2');
  script.start('n2');
  await script.until('n3 has a lease of the next life of n2', () => script.mayAccept('n2'));
  await script.pass(leaseMs);
  script.world.cluster.split([['n3']]);
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  script.crash('n2');
  script.world.cluster.restore('n2');
  script.world.cluster.split([['n1']]);
  script.start('n2');
  await script.pass(3 * leaseMs);
  assert.equal(script.standing('n2'), 'lost');
  assert.ok(!script.mayAccept('n3'));
  script.world.cluster.heal();
  await script.until('n3 accepts', () => script.mayAccept('n3'));
  assert.ok(!script.accepts('n3', id));
});

test('S1: a restored copy that somebody speaks of counts as lost until its voter has recovered, across restarts', async () => {
  const script = new Script();
  await script.begin();
  const id = await script.signOn('n1');
  await script.pass(2_000);
  script.world.cluster.machine('n2').backUp();
  script.world.cluster.split([['n3']]);
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  script.crash('n2');
  script.world.cluster.restore('n2');
  script.world.cluster.split([['n1']]);
  script.start('n2', { restored: true });
  await script.pass(1_000);
  script.crash('n2');
  script.start('n2');
  await script.pass(3 * leaseMs);
  assert.equal(script.standing('n2'), 'lost', 'also when it is started once more without a word');
  assert.ok(!script.mayAccept('n3'));
});

test('L1: a voter with its disk, and one without, accept again within T of their start', async () => {
  const script = new Script();
  await script.begin();
  const id = await script.signOn('n1');
  for (const disk of ['kept', 'wiped', 'torn'] as const) {
    script.crash('n3', disk);
    await script.pass(500);
    script.start('n3');
    await script.until(`n3 accepts, its disk ${disk}`, () => script.accepts('n3', id), leaseMs + 2_000);
  }
});
