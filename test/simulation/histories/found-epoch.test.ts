/** Two epochs that are raised at once, of which one is heard of late. T = 6 s. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FrameType, Script } from './script.ts';

const told: readonly FrameType[] = [
  'batch',
  'compare',
  'differs',
  'keys',
  'page',
  'question',
  'answer',
  'grant',
  'seal',
];

test('S1: the end of a sign-on that its epoch has ended already waits for leases of the former epoch', async () => {
  const script = new Script({ others: ['x1'] });
  const { cluster } = script.world;
  const mute = script.meddle('lose', { from: 'n3', types: told });
  const deaf = script.meddle('lose', { to: 'n3', types: told.filter((type) => type !== 'grant') });
  for (const name of ['n1', 'n2', 'n3']) script.start(name);
  await script.until('n1 and n2 accept', () => script.mayAccept('n1') && script.mayAccept('n2'));
  const epoch = (name: string) => script.node(name).heart.finality.epoch;
  assert.ok(epoch('n3') > epoch('n1') && epoch('n1') === epoch('n2'));
  cluster.split([['n3']]);
  mute();
  deaf();
  script.start('x1');
  await script.until('x1 accepts', () => script.mayAccept('x1'));
  const id = await script.signOn('n1');
  await script.pass(8_000);
  assert.ok(script.accepts('x1', id));
  script.crash('n2'); // its life is a later one, of which the leases are
  script.start('n2');
  await script.until('n2 accepts', () => script.mayAccept('n2'));
  await script.pass(7_000);
  cluster.heal();
  cluster.split([['x1']]);
  await script.until('n1 hears of the later epoch', () => epoch('n1') === epoch('n3'), 4_000);
  await script.pass(100);
  assert.ok(script.accepts('x1', id), 'by leases of the epoch before');
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, 8_000);
  await script.pass(7_000);
});
