/** Leases count though their answers took so long that they say nothing about the time. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Script } from './script.ts';

test('S3: a node whose clock is an hour slow accepts nothing after its end by leases that came too late to correct its clock', async () => {
  const script = new Script({ others: ['x1'], disks: 'all', lifeMs: 60_000, delay: { min: 1, max: 5_000 } });
  const { cluster } = script.world;
  await script.begin();
  const id = await script.signOn('x1');
  await script.pass(2_000);
  script.crash('x1');
  cluster.leap('x1', -3_600_000);
  script.logOut('n1', id);
  await script.pass(300_000);
  assert.equal(script.node('n1').heart.entries.get(id), undefined);
  cluster.split([['n1'], ['n2', 'n3', 'x1']]);
  script.start('x1');
  for (let round = 0; round < 12; round++) {
    const held = script.meddle('hold', { from: 'n3', to: 'x1', types: ['grant'] });
    await script.pass(2_000);
    held();
    const lost = script.meddle('lose', { from: 'n3', to: 'x1', types: ['grant'] });
    await script.pass(3_200);
    script.release();
    await script.pass(5);
    assert.ok(!script.accepts('x1', id), `round ${round}`);
    lost();
  }
});
