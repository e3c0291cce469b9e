/**
 * What a disk is worth, and who may vouch for whom while it recovers: each script breaks a promise
 * without the rule that it is named after (FINAL-LOGOUT.md, Restart). T = 6 s, `refuse`.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FrameType, Script } from './script.ts';

const leaseMs = 6_000;
const hourMs = 3_600_000;
const five = ['n1', 'n2', 'n3', 'n4', 'n5'];
const copies: readonly FrameType[] = ['batch', 'compare', 'differs', 'keys', 'page', 'question', 'answer'];

test('S1: closings outlive a restart of those who confirmed them', async () => {
  const script = new Script();
  const { cluster } = script.world;
  await script.begin();
  const id = await script.signOn('n1');
  cluster.split([['n3']]);
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  for (const voter of ['n1', 'n2']) script.crash(voter);
  for (const voter of ['n1', 'n2']) script.start(voter);
  await script.until('n1 has recovered', () => script.standing('n1') === 'up');
  cluster.heal();
  await script.until('n3 accepts', () => script.mayAccept('n3'));
  assert.ok(!script.accepts('n3', id));
});

test('S1: closings outlive a restart of all voters though their receipt has nobody left to tell, and proves nothing any more', async () => {
  const script = new Script({ others: ['x1'] });
  await script.begin();
  const id = await script.signOn('n1');
  await script.pass(1_000);
  const { life } = script.node('x1');
  void script.world.cluster.leave('x1');
  await script.until('x1 has left, with the sign-on on its disk', () => !life.alive, 3_000);
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, 1_000);
  await script.pass(1_000);
  for (const voter of five.slice(0, 3)) script.crash(voter);
  for (const voter of five.slice(0, 3)) script.start(voter);
  await script.until('n1 has recovered', () => script.standing('n1') === 'up');
  script.start('x1');
  await script.until('x1 accepts', () => script.mayAccept('x1'));
  for (const name of ['n1', 'x1']) assert.ok(!script.accepts(name, id), name);
});

test('D1: sign-ons outlive a restart of all nodes with their disks', async () => {
  const script = new Script();
  await script.begin();
  const id = await script.signOn('n1');
  await script.pass(1_000);
  for (const voter of five.slice(0, 3)) script.crash(voter);
  for (const voter of five.slice(0, 3)) script.start(voter);
  await script.until('n1 accepts it', () => script.accepts('n1', id));
});

test('S1: what is read from the disk is not judged by the clock of the machine, which may be 13 hours ahead', async () => {
  const script = new Script();
  const { cluster } = script.world;
  await script.begin();
  const id = await script.signOn('n1');
  cluster.split([['n3']]);
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  script.crash('n1');
  cluster.split([['n2']]);
  cluster.leap('n1', 13 * hourMs);
  script.start('n1');
  await script.pass(100);
  cluster.leap('n1', undefined);
  await script.until('n3 accepts by the lease of n1', () => script.mayAccept('n3'), 3 * leaseMs);
  assert.ok(!script.accepts('n3', id));
});

test('S1: a source counts once its state is here: nobody recovers by words alone', async () => {
  const script = new Script();
  await script.begin();
  await script.signOn('n1');
  for (const voter of ['n1', 'n3']) {
    script.crash(voter);
    script.start(voter);
    await script.until('it has recovered, so that its numbers do not tell everything', () => script.mayAccept(voter));
  }
  script.crash('n2', 'wiped');
  const through = script.meddle('lose', { to: 'n2', types: copies });
  script.start('n2');
  await script.pass(2 * leaseMs);
  assert.equal(script.standing('n2'), 'lost');
  through();
  await script.until('n2 has recovered', () => script.standing('n2') === 'up');
});

test('S1: a disk that nobody has looked at vouches for nobody', async () => {
  const script = new Script({ voters: five });
  const { cluster } = script.world;
  await script.begin();
  const id = await script.signOn('n1');
  await script.pass(2_000);
  cluster.machine('n2').backUp();
  cluster.split([['n4', 'n5']]);
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  script.crash('n2');
  script.crash('n3', 'wiped');
  cluster.restore('n2');
  cluster.split([['n1']]);
  script.start('n2');
  script.start('n3');
  await script.pass(3_000);
  assert.equal(script.standing('n3'), 'lost');
  assert.ok(!script.mayAccept('n4'));
  cluster.heal();
  await script.until('n4 accepts', () => script.mayAccept('n4'));
  assert.ok(!script.accepts('n4', id));
});

test('S1: a disk is believed after T, so that whoever remembers a later life has time to say so', async () => {
  const script = new Script();
  const { cluster } = script.world;
  await script.begin();
  const id = await script.signOn('n1');
  await script.pass(2_000);
  cluster.machine('n2').backUp();
  cluster.split([['n3']]);
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  script.crash('n2');
  cluster.restore('n2');
  cluster.split([['n1']]);
  script.start('n2');
  await script.pass(3_000);
  assert.ok(!script.mayAccept('n3'));
  cluster.heal();
  await script.until('n3 accepts', () => script.mayAccept('n3'));
  assert.ok(!script.accepts('n3', id));
});

test('S1: a copy of the same life is found old by the number of closings that it had flushed', async () => {
  const script = new Script();
  const { cluster } = script.world;
  await script.begin();
  const id = await script.signOn('n1');
  const other = await script.signOn('n3', 'ben');
  await script.pass(2_000);
  cluster.machine('n2').backUp();
  script.cut('n1', 'n3');
  const through = script.meddle('lose', { from: 'n2', to: 'n3', types: [...copies, 'grant'] });
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  script.logOut('n3', other);
  await script.pass(1_000);
  script.crash('n2');
  cluster.restore('n2');
  through();
  cluster.heal();
  cluster.split([['n1']]);
  script.start('n2');
  await script.pass(3 * leaseMs);
  assert.equal(script.standing('n2'), 'lost');
  assert.ok(!script.mayAccept('n3'));
});

test("S1: a voter remembers others' lives across its own restart", async () => {
  const script = new Script();
  const { cluster } = script.world;
  await script.begin();
  const id = await script.signOn('n1');
  await script.pass(2_000);
  cluster.machine('n2').backUp();
  script.crash('n2');
  script.start('n2');
  await script.until('n2 accepts', () => script.mayAccept('n2'));
  await script.pass(leaseMs);
  script.cut('n2', 'n3');
  script.crash('n3');
  script.start('n3');
  await script.until('n3 accepts', () => script.mayAccept('n3'), 2 * leaseMs);
  cluster.split([['n3']]);
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  script.crash('n2');
  cluster.restore('n2');
  cluster.heal();
  cluster.split([['n1']]);
  script.start('n2');
  await script.pass(3 * leaseMs);
  assert.equal(script.standing('n2'), 'lost');
  assert.ok(!script.mayAccept('n3'));
});

test('L1: a life that its disk does not know of has granted nothing: nobody takes the disk for an old copy', async () => {
  const script = new Script();
  const { cluster } = script.world;
  await script.begin();
  await script.pass(2_000);
  script.crash('n2');
  cluster.split([['n1']]);
  script.start('n2');
  await script.pass(leaseMs / 2);
  cluster.failDisk('n2', 'full');
  await script.until('n2 has recovered', () => script.standing('n2') === 'up', leaseMs);
  await script.pass(leaseMs / 2);
  script.crash('n2', 'flushed');
  cluster.failDisk('n2', undefined);
  script.start('n2');
  await script.until('n2 has recovered with its disk', () => script.standing('n2') === 'up', leaseMs + 1_000);
});

test('epoch: a word about a loss counts for a second: who has recovered since is not counted among the lost', async () => {
  const script = new Script({ voters: five });
  const { cluster } = script.world;
  await script.begin();
  await script.signOn('n1');
  const { epoch } = script.node('n1').heart.finality;
  script.crash('n2', 'wiped');
  script.crash('n3', 'wiped');
  cluster.split([['n2', 'n3']]);
  script.start('n2');
  script.start('n3');
  await script.pass(1_000);
  cluster.heal();
  cluster.split([['n3']]);
  await script.until('n2 has recovered', () => script.standing('n2') === 'up');
  await script.pass(2 * leaseMs);
  script.crash('n4', 'wiped');
  cluster.split([['n3', 'n4']]);
  script.start('n4');
  await script.pass(leaseMs);
  for (const voter of five) assert.ok(script.node(voter).heart.finality.epoch <= epoch, voter);
});

test('S1: a disk says that a voter has recovered once all that it recovered is on it: a power cut in between leaves one that counts as lost', async () => {
  const script = new Script();
  const { cluster } = script.world;
  await script.begin();
  const others = Array.from({ length: 20 }, () => script.open('n1', 'ben')!);
  const id = await script.signOn('n1');
  await script.pass(2_000);
  cluster.split([['n3']]);
  for (const other of others) script.logOut('n1', other);
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  script.crash('n2', 'wiped');
  cluster.heal();
  script.cut('n1', 'n3');
  const through = script.meddle('lose', {
    from: 'n2',
    to: 'n3',
    types: ['batch', 'differs', 'page', 'answer', 'seal', 'grant'],
  });
  script.start('n2');
  await script.until('n2 has recovered', () => script.standing('n2') === 'up', leaseMs);
  await script.pass(16);
  script.crash('n2', 'flushed');
  through();
  cluster.split([['n1']]);
  script.start('n2');
  await script.pass(3 * leaseMs);
  assert.equal(script.standing('n2'), 'lost');
  assert.ok(!script.mayAccept('n3'));
});
