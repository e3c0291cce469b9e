/**
 * What comes late from, or for, a life that is over. A channel may hand over the last words of a life while
 * nobody has missed it: its machine lost its power, and frames of it are still on their way. No channel gives
 * a later life what was sent to an earlier one (channel.ts, `send`; the mesh has a connection for each life,
 * NATS a salt): scripts that do so all the same are marked, and show that nothing relies on it. T = 6 s.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FrameType, Script } from './script.ts';

const leaseMs = 6_000;
const five = ['n1', 'n2', 'n3', 'n4', 'n5'];
const copies: readonly FrameType[] = ['batch', 'compare', 'differs', 'keys', 'page', 'question', 'answer'];
const news: readonly FrameType[] = [...copies, 'seal'];

test('S1: the last word of a life counts no more once a later one is known, though it comes from a channel that has not missed it', async () => {
  const script = new Script({ voters: five, silenceMs: 5_000 });
  const { cluster } = script.world;
  await script.begin();
  const id = await script.signOn('n1');
  cluster.split([['n1', 'n2']]);
  const { life } = script.node('n2');
  script.meddle('hold', { from: 'n2', to: 'n1', types: ['sealed'] });
  const ending = script.logOut('n1', id);
  await script.pass(50);
  script.crash('n2', 'wiped', 5_000);
  cluster.split([['n1']]);
  script.start('n2');
  await script.until('n2 has recovered by the others', () => script.standing('n2') === 'up', 3_000);
  cluster.split([['n1', 'n3']]);
  await script.until(
    'n1 has heard of the later life',
    () =>
      script
        .node('n1')
        .heart.gossip.members()
        .some(({ node, incarnation }) => node === 'n2' && `n2:${incarnation}` !== life.name),
    1_500,
  );
  await script.pass(300);
  const peers = script
    .node('n1')
    .channel.peers()
    .map(({ node, incarnation }) => `${node}:${incarnation}`);
  assert.ok(peers.includes(life.name), 'n1 has not missed the former life');
  script.release();
  await script.pass(2 * leaseMs);
  assert.ok(script.accepts('n5', id), 'a majority does not know of it');
  assert.ok(!ending.isComplete);
  cluster.heal();
  await script.until('the logout is complete', () => ending.isComplete);
});

test('S1: a lease that was granted to a former life is none, even if a channel gave it to the next one', async () => {
  const script = new Script({ voters: five, others: ['x1'] });
  const held = script.meddle('hold', { from: 'n1', to: 'x1', types: ['grant'] });
  await script.begin(...five);
  await script.begin('x1');
  const id = await script.signOn('n1');
  await script.pass(leaseMs);
  held();
  script.crash('x1');
  script.meddle('lose', { from: 'n1', to: 'x1', types: ['grant'] });
  script.meddle('lose', { from: 'x1', to: 'n1', types: ['lease', 'sealed'] });
  script.start('x1');
  await script.until('x1 has recovered', () => script.mayAccept('x1'), 1_500);
  for (const near of ['n1', 'n2', 'n3']) for (const far of ['n4', 'n5']) script.cut(near, far);
  for (const near of ['n2', 'n3']) script.cut(near, 'x1');
  script.meddle('lose', { from: 'n1', to: 'x1' });
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
  await script.pass(1_000);
  assert.equal(script.node('x1').heart.finality.view().leases.length, 2, 'of n4 and n5');
  script.release('present');
  await script.pass(10);
  assert.ok(!script.mayAccept('x1'), 'the lease of n1 was of another life');
});

test('S1: numbers that a former life of the giver gave say nothing, even if a channel gave the question to the next one', async () => {
  const script = new Script();
  const { cluster } = script.world;
  await script.begin();
  const id = await script.signOn('n1');
  for (let count = 0; count < 20; count++) script.logOut('n1', await script.signOn('n1', 'ben'));
  const held = script.meddle('hold', { from: 'n3', to: 'n1', types: ['lease'] });
  await script.pass(leaseMs);
  held();
  script.crash('n1');
  script.start('n1');
  await script.until('n1 accepts', () => script.mayAccept('n1'));
  script.cut('n2', 'n3');
  await script.pass(2 * leaseMs);
  assert.ok(script.accepts('n3', id), 'by the lease of n1 alone');
  script.meddle('lose', { to: 'n3', types: news });
  script.release('present');
  cluster.split([['n3']]);
  const ending = script.logOut('n1', id);
  await script.pass(300);
  assert.ok(script.accepts('n3', id));
  assert.ok(!ending.isComplete);
  await script.until('the logout is complete', () => ending.isComplete, leaseMs + 1_000);
});
