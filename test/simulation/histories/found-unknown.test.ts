/** Leases that a node holds which nobody remembers: neither their givers, who were restarted, nor any other voter. T = 6 s. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Script } from './script.ts';

test('S1: voters that were restarted with their disks may have lent to a node that nobody knows any more', async () => {
  const script = new Script({ others: ['x1'] });
  const { cluster } = script.world;
  await script.begin();
  const id = await script.signOn('n1');
  await script.pass(2_000);
  assert.ok(script.accepts('x1', id));
  for (const voter of ['n1', 'n2', 'n3']) script.crash(voter);
  cluster.split([['x1']]);
  for (const voter of ['n1', 'n2', 'n3']) script.start(voter);
  await script.until('n1 accepts', () => script.mayAccept('n1'));
  assert.ok(script.mayAccept('x1'), 'x1 has leases yet');
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, 8_000);
  await script.pass(7_000);
});

test('S1: so may voters have of which one was away while the node joined', async () => {
  const script = new Script({ others: ['x1'] });
  const { cluster } = script.world;
  await script.begin('n1', 'n2', 'n3');
  const id = await script.signOn('n2');
  await script.pass(2_000);
  cluster.split([['n1']]);
  script.start('x1');
  await script.until('x1 accepts', () => script.accepts('x1', id));
  for (const voter of ['n2', 'n3']) script.crash(voter);
  cluster.heal();
  cluster.split([['x1']]);
  for (const voter of ['n2', 'n3']) script.start(voter);
  await script.until('n1 accepts', () => script.mayAccept('n1'));
  assert.ok(script.mayAccept('x1'), 'x1 has leases yet');
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, 8_000);
  await script.pass(7_000);
});

test('S1: in serve mode one restart is enough', async () => {
  const script = new Script({ voters: ['n1', 'n2'], others: ['x1'], whenCutOff: 'serve' });
  const { cluster } = script.world;
  await script.begin('n1', 'n2');
  const id = await script.signOn('n2');
  await script.pass(2_000);
  cluster.split([['n1']]);
  script.start('x1');
  await script.until('x1 accepts', () => script.accepts('x1', id));
  script.crash('n2');
  cluster.heal();
  cluster.split([['x1']]);
  script.start('n2');
  await script.until('n2 accepts', () => script.mayAccept('n2'));
  assert.ok(script.mayAccept('x1'), 'x1 has leases yet');
  const ending = script.logOut('n1', id);
  await script.until('the logout is complete', () => ending.isComplete, 8_000);
  await script.pass(7_000);
});
