/**
 * How closings travel, with grants and by themselves, and who is waited for: each script breaks a promise
 * without the rule that it is named after (FINAL-LOGOUT.md, Leases and Logout). Three voters, T = 6 s,
 * `refuse`, if nothing else is said.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FrameType, Script } from './script.ts';

const leaseMs = 6_000;
/** All that brings a closing to a node besides its leases and the question to confirm it. */
const copies: readonly FrameType[] = ['batch', 'compare', 'differs', 'keys', 'page', 'question', 'answer'];
const news: readonly FrameType[] = [...copies, 'seal'];

test('S1, S4: two of four voters are no majority: neither half accepts, and a logout is pending', async () => {
  const script = new Script({ voters: ['n1', 'n2', 'n3', 'n4'] });
  await script.begin();
  const id = await script.signOn('n1');
  script.world.cluster.split([['n3', 'n4']]);
  const ending = script.logOut('n1', id);
  await script.pass(2 * leaseMs);
  for (const voter of ['n1', 'n3']) assert.ok(!script.mayAccept(voter), voter);
  assert.ok(!ending.isComplete);
});

test('S1, S4: a node without a vote needs a whole quorum of leases from others', async () => {
  const script = new Script({ others: ['x1'] });
  await script.begin();
  const id = await script.signOn('n1');
  script.world.cluster.split([['n3', 'x1']]);
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  await script.pass(leaseMs);
  assert.ok(!script.mayAccept('x1'));
});

test('S8: a grant brings ends of users as well: they end what nobody else has heard of', async () => {
  const script = new Script();
  await script.begin();
  script.meddle('lose', { to: 'n3', types: news });
  script.meddle('lose', { from: 'n3', types: copies });
  const id = script.open('n3');
  assert.ok(id);
  const ending = script.endSubject('n1');
  await script.until('the end is complete', () => ending.isComplete, leaseMs + 1_000);
  await script.pass(leaseMs);
  assert.ok(script.mayAccept('n3'), 'its leases go on');
  assert.ok(!script.accepts('n3', id));
});

test('S1: what a voter knows from a former life is compared before it lends a lease: numbers say nothing of it', async () => {
  const script = new Script();
  await script.begin();
  const id = await script.signOn('n1');
  script.world.cluster.split([['n3']]);
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  script.crash('n1');
  script.start('n1');
  await script.until('n1 has recovered', () => script.standing('n1') === 'up');
  script.crash('n2');
  const through = script.meddle('lose', { to: 'n3', types: news });
  script.world.cluster.heal();
  await script.pass(leaseMs);
  assert.ok(!script.mayAccept('n3'), 'a lease without what its giver knows is worth nothing');
  through();
  await script.until('n3 accepts', () => script.mayAccept('n3'));
  assert.ok(!script.accepts('n3', id));
});

test('S1: numbers of closings count within one life of who gave them: the next one begins anew', async () => {
  const script = new Script();
  await script.begin();
  const id = await script.signOn('n1');
  for (let count = 0; count < 20; count++) script.logOut('n1', await script.signOn('n1', 'ben'));
  await script.pass(leaseMs);
  script.crash('n1');
  script.start('n1');
  await script.until('n1 accepts', () => script.mayAccept('n1'));
  script.cut('n2', 'n3');
  await script.pass(2 * leaseMs);
  assert.ok(script.accepts('n3', id), 'by the lease of n1 alone');
  script.meddle('lose', { to: 'n3', types: news });
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  await script.pass(leaseMs);
  assert.ok(!script.accepts('n3', id));
});

test('S1: closings that take several frames are all here before the lease counts, though half of the frames are lost', async () => {
  const script = new Script();
  const { cluster } = script.world;
  await script.begin();
  const id = await script.signOn('n1');
  script.meddle('lose', { to: 'n3', types: news });
  const grants = script.meddle('lose', { to: 'n3', types: ['grant'] });
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  for (let count = 0; count < 250; count++) script.endSubject('n1', `${count}`.padStart(250, 'somebody '));
  await script.pass(1_000);
  assert.ok(!script.mayAccept('n3'));
  grants();
  cluster.network.lose(0.5);
  await script.pass(10 * leaseMs);
  cluster.network.lose(0);
  await script.until('n3 accepts', () => script.mayAccept('n3'));
  assert.ok(!script.accepts('n3', id));
});

test('S1: a voter that starts with its disk has forgotten what it granted: until T has passed every end waits for it', async () => {
  const script = new Script();
  await script.begin();
  const id = await script.signOn('n1');
  script.meddle('lose', { from: 'n3', to: 'n2', types: ['lease'] });
  const asks = script.meddle('lose', { from: 'n1', to: 'n2', types: ['lease'] });
  await script.pass(2 * leaseMs);
  script.crash('n1');
  asks();
  script.start('n1');
  await script.until('n1 has recovered', () => script.standing('n1') === 'up', 1_000);
  script.world.cluster.split([['n3']]);
  const ending = script.logOut('n1', id);
  await script.pass(300);
  assert.ok(script.accepts('n3', id), 'by a lease that n1 does not remember');
  assert.ok(!ending.isComplete);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
});

test('L2: a node that has left is not waited for: a rolling restart delays no logout', async () => {
  const script = new Script({ others: ['x1'] });
  await script.begin();
  const id = await script.signOn('n1');
  const { life } = script.node('x1');
  void script.world.cluster.leave('x1');
  await script.until('x1 has left', () => !life.alive, 3_000);
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, 500);
});

test('L2: who has heard that a node has left does not wait for it, though those who lent to it have not heard', async () => {
  const script = new Script({ others: ['x1'] });
  await script.begin();
  const id = await script.signOn('n1');
  for (const from of ['n1', 'x1']) for (const to of ['n2', 'n3']) script.meddle('lose', { from, to, types: copies });
  const { life } = script.node('x1');
  void script.world.cluster.leave('x1');
  await script.until('x1 has left', () => !life.alive, 3_000);
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, 500);
});

test('S1: a node accepts nothing any more before it says that it leaves', async () => {
  const script = new Script({ others: ['x1'] });
  await script.begin();
  const id = await script.signOn('n1');
  script.meddle('lose', { to: 'x1' });
  const { life, heart } = script.node('x1');
  void script.world.cluster.leave('x1');
  await script.until('n1 has heard that it leaves', () =>
    script
      .node('n1')
      .heart.gossip.members()
      .some(({ node, state }) => node === 'x1' && state === 'left'),
  );
  assert.ok(life.alive);
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, 500);
  assert.ok(!heart.finality.mayAccept());
});

test('S1: another life of a node that confirmed is waited for: it may hold leases without the closing', async () => {
  const script = new Script({ others: ['x1'] });
  const { cluster } = script.world;
  await script.begin();
  const id = await script.signOn('n1');
  script.meddle('lose', { from: 'n3', to: 'n2', types: ['lease'] });
  cluster.split([['n1', 'x1']]);
  const ending = script.logOut('n1', id);
  await script.until('x1 has confirmed', () => ending.receipt?.nodes.confirmed.includes('x1') === true);
  script.crash('x1', 'wiped');
  cluster.split([['n1']]);
  script.start('x1');
  await script.until('x1 accepts by the leases of n2 and n3', () => script.accepts('x1', id));
  await script.pass(2 * leaseMs);
  script.meddle('lose', { to: 'x1' });
  cluster.heal();
  cluster.split([['n1', 'n2']]);
  await script.pass(300);
  assert.ok(script.accepts('x1', id));
  assert.ok(!ending.isComplete);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
});

test('S1: who confirms says which lives it has met: what a former one of them confirmed is void', async () => {
  const script = new Script({ voters: ['n1', 'n2', 'n3', 'n4', 'n5'] });
  const { cluster } = script.world;
  await script.begin();
  const id = await script.signOn('n1');
  cluster.split([['n1', 'n2']]);
  const ending = script.logOut('n1', id);
  await script.pass(500);
  script.crash('n2', 'wiped');
  cluster.split([['n1']]);
  script.start('n2');
  await script.until('n2 has recovered by the others', () => script.standing('n2') === 'up');
  script.meddle('lose', { from: 'n3', to: 'n1', types: [...news, 'grant', 'lease'] });
  cluster.split([['n1', 'n3']]);
  await script.pass(3 * leaseMs);
  assert.ok(script.accepts('n5', id), 'a majority does not know of it');
  assert.ok(!ending.isComplete);
});

test('S1: lives of nodes without a vote are told of as well: whose grants were forgotten is waited for', async () => {
  const script = new Script({ voters: ['n1', 'n2', 'n3', 'n4', 'n5'], others: ['x1'] });
  const { cluster } = script.world;
  await script.begin();
  const id = await script.signOn('n1');
  script.meddle('lose', { from: 'x1', to: 'n5', types: ['lease'] });
  const forgetful = ['n2', 'n3', 'n4'].map((voter) => ({
    voter,
    asks: script.meddle('lose', { from: voter, types: ['lease'] }),
  }));
  await script.pass(2 * leaseMs);
  cluster.split([['n1', 'x1']]);
  const ending = script.logOut('n1', id);
  await script.until('x1 has confirmed', () => ending.receipt?.nodes.confirmed.includes('x1') === true);
  script.crash('x1', 'wiped');
  await script.pass(2 * leaseMs);
  cluster.split([['n1']]);
  script.start('x1');
  await script.until('x1 accepts by the leases of n2, n3 and n4', () => script.accepts('x1', id));
  cluster.split([['n1'], ['x1']]);
  for (const { voter, asks } of forgetful) {
    script.crash(voter);
    asks();
    script.start(voter);
    await script.until('it has recovered by the others', () => script.standing(voter) === 'up', 1_000);
  }
  cluster.heal();
  cluster.split([['x1']]);
  await script.pass(300);
  assert.ok(script.accepts('x1', id), 'by leases that nobody remembers');
  assert.ok(!ending.isComplete);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
});

test('S1: who confirms has stored the closing that it was asked about', async () => {
  const script = new Script();
  await script.begin();
  const id = await script.signOn('n1');
  script.cut('n1', 'n3');
  script.meddle('lose', { from: 'n1', to: 'n2', types: [...copies, 'grant'] });
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  assert.ok(script.mayAccept('n2'), 'by the lease of n3');
  assert.ok(!script.accepts('n2', id));
});

test('S1: a voter whose disk is full confirms nothing until it can write', async () => {
  const script = new Script();
  const { cluster } = script.world;
  await script.begin();
  const id = await script.signOn('n1');
  cluster.split([['n3']]);
  cluster.failDisk('n2', 'full');
  const ending = script.logOut('n1', id);
  await script.pass(2 * leaseMs);
  assert.ok(!ending.isComplete);
  cluster.failDisk('n2', undefined);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
});

test('L2: a grant that carried the closing holds nothing up, however late its giver confirms', async () => {
  const script = new Script({ others: ['x1'] });
  await script.begin();
  const id = await script.signOn('n1');
  script.meddle('lose', { to: 'x1', types: [...news, 'grant'] });
  const through = script.meddle('lose', { types: ['seal'] });
  const ending = script.logOut('n1', id);
  await script.pass(leaseMs);
  assert.ok(!ending.isComplete);
  through();
  await script.until('the logout is complete', () => ending.isComplete, 1_000);
});

test('L2: a question that was lost is asked again', async () => {
  const script = new Script();
  await script.begin();
  const id = await script.signOn('n1');
  const through = script.meddle('lose', { types: ['seal'] });
  const ending = script.logOut('n1', id);
  await script.pass(500);
  assert.ok(!ending.isComplete);
  through();
  await script.until('the logout is complete', () => ending.isComplete, 2_000);
});

test('L2: a node that comes back is asked at once what it missed, not when its turn comes again', async () => {
  const script = new Script();
  const { cluster } = script.world;
  await script.begin();
  const id = await script.signOn('n1');
  cluster.split([['n1']]);
  const ending = script.logOut('n1', id);
  await script.pass(12_500);
  assert.ok(!ending.isComplete);
  cluster.heal();
  await script.until('the logout is complete', () => ending.isComplete, 1_000);
});

test('L2: a logout that was pending when its node crashed is taken up by the next life', async () => {
  const script = new Script();
  const { cluster } = script.world;
  await script.begin();
  const id = await script.signOn('n1');
  cluster.split([['n1']]);
  const ending = script.logOut('n1', id);
  await script.pass(1_500);
  assert.equal(ending.receipt?.state, 'pending');
  script.crash('n1');
  cluster.heal();
  script.start('n1');
  await script.until('the logout is complete', () => ending.isComplete, 3 * leaseMs);
});

test('L2: a node without a vote that has confirmed is asked again in its next life, which may have lost the closing', async () => {
  const script = new Script({ others: ['x1'] });
  await script.begin();
  const id = await script.signOn('n1');
  script.crash('n3');
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete, but for n3', () => ending.isComplete, leaseMs + 1_000);
  assert.equal(script.node('x1').heart.entries.get(id)?.state, 'closed');
  script.crash('x1', 'wiped');
  script.meddle('lose', { to: 'x1', types: [...copies, 'grant'] });
  script.start('x1');
  await script.pass(2 * leaseMs);
  assert.equal(
    script.node('x1').heart.entries.get(id)?.state,
    'closed',
    'by the question to confirm it, and nothing else',
  );
});

test('L2: a logout whose node never comes back is taken to everybody by another', async () => {
  const script = new Script();
  await script.begin();
  const id = await script.signOn('n1');
  script.meddle('lose', { from: 'n1', types: ['seal'] });
  const ending = script.logOut('n1', id);
  await script.pass(1_500);
  assert.equal(ending.receipt?.state, 'pending');
  script.crash('n1');
  await script.until('the logout is complete', () => ending.isComplete, 20_000);
});
