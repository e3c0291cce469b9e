/** A closing that is known by its receipt alone: who held it has lost its state before it could pass it on (seed 4881). T = 6 s. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SsoId } from '../../../sso/token.ts';
import { type Ending, type FrameType, Script } from './script.ts';

const leaseMs = 6_000;
/** All that brings a closing, but for batches: those bring receipts, too. */
const news: readonly FrameType[] = ['compare', 'differs', 'keys', 'page', 'question', 'answer', 'seal', 'grant'];

/** Of two voters in `serve` mode n2 ends something. n1 gets the receipt and no more, then n2 loses its state, and comes back. */
async function ended(
  end: (script: Script, id: SsoId) => Ending,
): Promise<{ script: Script; id: SsoId; ending: Ending }> {
  const script = new Script({ voters: ['n1', 'n2'], whenCutOff: 'serve' });
  await script.begin();
  const id = await script.signOn('n1');
  const others = script.meddle('lose', { from: 'n2', to: 'n1', types: news });
  const batches = script.meddle('lose', { from: 'n2', to: 'n1', types: ['batch'] });
  const ending = end(script, id);
  await script.pass(50);
  batches();
  await script.pass(1_200);
  assert.equal(ending.receipt?.state, 'pending');
  assert.ok(await script.node('n1').heart.receipts.find(ending.receipt.id), 'n1 has the receipt');
  assert.ok(script.accepts('n1', id), 'and has not heard of the end');
  script.crash('n2', 'wiped');
  others();
  script.start('n2');
  return { script, id, ending };
}

test('L2, S1: a logout that nobody knows of any more, but by its receipt, is complete in the end, and is one', async () => {
  const { script, id, ending } = await ended((script, id) => script.logOut('n2', id));
  await script.until('the logout is complete', () => ending.isComplete, 3 * leaseMs);
  await script.pass(1_000);
  for (const voter of ['n1', 'n2']) assert.ok(!script.accepts(voter, id), voter);
});

test('L2, S8: so is the end of a user', async () => {
  const { script, id, ending } = await ended((script) => script.endSubject('n2'));
  await script.until('the end is complete', () => ending.isComplete, 3 * leaseMs);
  await script.pass(1_000);
  for (const voter of ['n1', 'n2']) assert.ok(!script.accepts(voter, id), voter);
});
