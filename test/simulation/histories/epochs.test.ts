/**
 * When a majority has lost its state, and what closings outlive: each script breaks S1 or S8 without
 * the rule that it is named after (FINAL-LOGOUT.md, Restart and What is replicated). T = 6 s, `refuse`.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FrameType, Script } from './script.ts';

const leaseMs = 6_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;
const voters = ['n1', 'n2', 'n3'];
/** All that brings an epoch to a node, but for the sign-ons of it. */
const told: readonly FrameType[] = ['compare', 'differs', 'keys', 'page', 'question', 'answer', 'grant', 'seal'];

test('S1: an epoch has a number that no other ever had: who was away through it believes nothing of the one before', async () => {
  const script = new Script({ others: ['x1'], disks: 'none' });
  await script.begin();
  const id = await script.signOn('n1');
  script.world.cluster.split([['x1']]);
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  for (const voter of voters) script.crash(voter, 'wiped');
  for (const voter of voters) script.start(voter);
  await script.until('the voters accept', () => voters.every((voter) => script.mayAccept(voter)));
  script.world.cluster.heal();
  await script.until('x1 accepts', () => script.mayAccept('x1'));
  assert.ok(!script.accepts('x1', id));
});

test('S1: a raise does not make leases of before forgotten: until T has passed every end waits for them', async () => {
  const script = new Script({ others: ['x1'], disks: 'none' });
  await script.begin();
  const id = await script.signOn('n1');
  await script.pass(leaseMs);
  script.world.cluster.split([['n3']]);
  script.crash('n1', 'wiped');
  script.crash('n2', 'wiped');
  script.start('n1');
  script.start('n2');
  await script.until('the voters accept', () => script.mayAccept('n1') && script.mayAccept('n2'), 4_000);
  const ending = script.logOut('n1', id);
  await script.pass(300);
  assert.ok(script.accepts('n3', id), 'by leases that nobody remembers');
  assert.ok(!ending.isComplete);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
});

test('S1: a lease of an older epoch counts for no sign-on of a newer one, whose end does not wait for it', async () => {
  const script = new Script({ others: ['x1'], disks: 'none' });
  await script.begin();
  await script.pass(leaseMs);
  for (const voter of voters) script.crash(voter, 'wiped');
  script.meddle('lose', { to: 'x1', types: told });
  script.meddle('lose', { from: 'x1', types: ['lease', 'sealed'] });
  for (const voter of voters) script.start(voter);
  await script.until('the voters accept', () => voters.every((voter) => script.mayAccept(voter)), 4_000);
  const id = await script.signOn('n1');
  assert.equal(script.node('x1').heart.entries.get(id)?.state, 'open');
  script.meddle('lose', { to: 'x1' });
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, 500);
  await script.pass(500);
  assert.ok(!script.mayAccept('x1'), 'its leases are of the epoch before');
});

test('S1: a sign-on of an epoch that is not known here proves it: leases of the one before count no more', async () => {
  const script = new Script({ others: ['x1'], disks: 'none' });
  await script.begin();
  await script.pass(leaseMs);
  const known = script.node('x1').heart.finality.epoch;
  for (const voter of voters) script.crash(voter, 'wiped');
  script.meddle('lose', { to: 'x1', types: told });
  script.meddle('lose', { from: 'x1', types: ['lease', 'sealed'] });
  const batches = script.meddle('lose', { to: 'x1', types: ['batch'] });
  for (const voter of voters) script.start(voter);
  await script.until('the voters accept', () => voters.every((voter) => script.mayAccept(voter)), 4_000);
  assert.equal(script.node('x1').heart.finality.epoch, known);
  batches();
  const id = await script.signOn('n1');
  assert.equal(script.node('x1').heart.entries.get(id)?.state, 'open');
  script.meddle('lose', { to: 'x1' });
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, 500);
  await script.pass(500);
  assert.ok(!script.mayAccept('x1'), 'its leases are of the epoch before');
});

test('S8: the end of a user waits for leases of former epochs, though it travels with the end of a sign-on of this one', async () => {
  const script = new Script({ disks: 'none' });
  await script.begin();
  const id = await script.signOn('n1');
  await script.pass(leaseMs);
  script.world.cluster.split([['n3']]);
  script.crash('n1', 'wiped');
  script.crash('n2', 'wiped');
  script.start('n1');
  script.start('n2');
  await script.until('the voters accept', () => script.mayAccept('n1') && script.mayAccept('n2'), 4_000);
  const later = await script.signOn('n1', 'ben');
  const ending = script.endSubject('n1', 'ada');
  script.logOut('n1', later);
  await script.pass(300);
  assert.ok(script.accepts('n3', id), 'by leases that nobody remembers');
  assert.ok(!ending.isComplete);
  await script.until('the end is complete', () => ending.isComplete, leaseMs + 1_000);
});

test('L1: a grant brings the epoch as well: a node that hears nothing else accepts what is opened in it', async () => {
  const script = new Script({ others: ['x1'], disks: 'none' });
  await script.begin();
  for (const voter of voters) script.crash(voter, 'wiped');
  script.meddle('lose', { to: 'x1', types: told.filter((type) => type !== 'grant') });
  script.meddle('lose', { to: 'x1', types: ['batch'] });
  for (const voter of voters) script.start(voter);
  await script.until('the voters accept', () => voters.every((voter) => script.mayAccept(voter)), 4_000);
  await script.pass(2 * leaseMs);
  assert.ok(script.mayAccept('x1'));
});

test('epoch: who has lost its state, and says so late, is not counted after it has raised an epoch with others', async () => {
  const script = new Script({ voters: [...voters, 'n4', 'n5'], disks: 'none' });
  for (const to of ['n1', 'n2']) script.meddle('lose', { from: 'n4', to, types: ['grant'] });
  script.meddle('lose', { from: 'n3', to: 'n4', types: ['grant'] });
  script.meddle('hold', { from: 'n2', to: 'n4', types: ['grant'] });
  for (const voter of ['n1', 'n2', 'n4']) script.start(voter);
  await script.pass(100);
  script.meddle('lose', { from: 'n1', to: 'n4', types: ['grant'] });
  script.start('n3');
  const epoch = (name: string) => script.node(name).heart.finality.epoch;
  await script.until('n4 has heard of the epoch', () => epoch('n4') > 0 && epoch('n4') === epoch('n1'), 600);
  await script.pass(50);
  const raised = epoch('n1');
  script.release();
  await script.pass(1_000);
  for (const voter of ['n1', 'n4']) assert.equal(epoch(voter), raised, voter);
});

test('S2: in serve mode, too, a copy that is known to be old is not believed: a lone voter has everybody sign in anew', async () => {
  const script = new Script({ voters: ['n1', 'n2'], whenCutOff: 'serve' });
  const { cluster } = script.world;
  await script.begin();
  const id = await script.signOn('n1');
  await script.pass(2_000);
  cluster.machine('n2').backUp();
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, 1_000);
  for (const voter of ['n1', 'n2']) script.crash(voter);
  cluster.restore('n2');
  script.start('n2', { restored: true });
  await script.until('n2 accepts', () => script.mayAccept('n2'));
  assert.ok(!script.accepts('n2', id));
});

test('epoch: one of three that has lost its state raises nothing, two of them do, and everybody signs in once', async () => {
  const script = new Script({ disks: 'none' });
  await script.begin();
  const id = await script.signOn('n1');
  const { epoch } = script.node('n1').heart.finality;
  script.crash('n3', 'wiped');
  script.start('n3');
  await script.until('n3 accepts', () => script.accepts('n3', id));
  assert.equal(script.node('n3').heart.finality.epoch, epoch);
  script.crash('n2', 'wiped');
  script.crash('n3', 'wiped');
  script.start('n2');
  script.start('n3');
  await script.until('n2 accepts', () => script.mayAccept('n2'));
  await script.pass(1_000);
  for (const voter of voters) {
    assert.ok(script.node(voter).heart.finality.epoch > epoch);
    assert.deepEqual(script.node(voter).heart.registry.look(id), { state: 'over', cause: 'epoch' });
  }
});

test('S1: all are stopped and started with five voters instead of three: everybody signs in once', async () => {
  const script = new Script({ laterVoters: [...voters, 'n4', 'n5'] });
  await script.begin();
  const id = await script.signOn('n1');
  for (const voter of voters) script.crash(voter);
  script.world.cluster.vote([...voters, 'n4', 'n5']);
  await script.begin();
  for (const { heart } of script.world.cluster.running) assert.notEqual(heart.registry.look(id).state, 'open');
  const next = await script.signOn('n4');
  assert.ok(script.accepts('n1', next));
});

test('S1: a closing is kept until its sign-on would have ended: a voter that was away for a minute does not revive it', async () => {
  const script = new Script({ lifeMs: 5 * minuteMs });
  await script.begin();
  const id = await script.signOn('n1');
  await script.pass(1_000);
  script.crash('n3');
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  await script.pass(2 * minuteMs);
  script.start('n3');
  await script.until('n3 accepts', () => script.mayAccept('n3'));
  assert.ok(!script.accepts('n3', id));
});

test('S1: nothing is forgotten by one clock: a voter whose clock is 13 hours ahead keeps its closings', async () => {
  const script = new Script({ lifeMs: hourMs });
  await script.begin();
  const id = await script.signOn('n1');
  await script.pass(1_000);
  script.crash('n3');
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  script.world.cluster.leap('n1', 13 * hourMs);
  await script.pass(3 * minuteMs);
  script.world.cluster.leap('n1', undefined);
  script.world.cluster.split([['n2']]);
  script.start('n3');
  await script.until('n3 accepts', () => script.mayAccept('n3'), 3 * leaseMs);
  assert.ok(!script.accepts('n3', id));
});

test('S8: what is known of a user counts from the beginning of a check: a sign-on that was being checked does not survive the end', async () => {
  const script = new Script();
  await script.begin();
  const checked = script.check('n3');
  const ending = script.endSubject('n1');
  await script.until('the end is complete', () => ending.isComplete);
  await script.pass(1_000);
  assert.equal(script.open('n3', 'ada', checked), undefined, 'its node had heard of the end');
  script.hold();
});

test('S8: a sign-on that is opened where the end of its user has not been heard is over as soon as both meet', async () => {
  const script = new Script();
  await script.begin();
  script.world.cluster.split([['n3']]);
  const ending = script.endSubject('n1');
  await script.pass(100);
  const id = script.open('n3');
  assert.ok(id !== undefined && script.accepts('n3', id));
  await script.until('the end is complete', () => ending.isComplete, leaseMs + 1_000);
  script.world.cluster.heal();
  await script.until('n3 accepts', () => script.mayAccept('n3'));
  await script.pass(5_000);
});

test('S3: one of three clocks is 13 hours wrong, either way: a sign-on ends within two seconds of its time', async () => {
  for (const ms of [-13 * hourMs, 13 * hourMs]) {
    const script = new Script({ lifeMs: minuteMs });
    await script.begin();
    script.world.cluster.leap('n2', ms);
    await script.pass(leaseMs);
    const id = await script.signOn('n1');
    await script.pass(minuteMs - 3_000);
    for (const voter of voters) assert.ok(script.accepts(voter, id), voter);
    await script.pass(5_000);
    for (const voter of voters) assert.ok(!script.accepts(voter, id), voter);
  }
});
