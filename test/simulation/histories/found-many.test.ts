/** Very many ends in one turn of the event loop. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Script } from './script.ts';

test('L2: eight thousand sign-ons that are ended in one turn are ended everywhere', async () => {
  const script = new Script({ disks: 'none' });
  await script.begin();
  const { registry } = script.node('n1').heart;
  const ids = Array.from({ length: 8_000 }, (_, index) => script.open('n1', `user${index}`)!);
  await script.pass(2_000);
  let complete = 0;
  for (const id of ids) {
    script.world.model.signOns.get(id)!.endsAsked.add('logout');
    void registry.close(id, 'logout').then(({ state }) => (complete += state === 'complete' ? 1 : 0));
  }
  await script.pass(3_000);
  assert.equal(complete, ids.length);
});
