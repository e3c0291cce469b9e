/** The secret is changed under load, node by node (SECURITY.md, check 73). The channel's part is in mesh.test.ts. */

import assert from 'node:assert/strict';
import type { Receipt } from '../../sso/index.ts';
import type { NodeOptionsForTests } from '../../sso/testing/index.ts';
import { A, accepted, copyOf, ssoName, story, three, whoEverywhere } from '../support/story.ts';
import { Load } from './load.ts';
import { oneByOne } from './steps.ts';

const old = 'mgeoRn0Ki2yZ4xpQ7LwTtB9sVcHdJu5F';
const made = 'Xk3vQy8NfPzR1aWm6TgHb4LdSo9CjE2U';

const rotation: readonly NodeOptionsForTests[] = [
  { secret: [old, made] },
  { secret: [made, old] },
  { secret: made, retiredSecrets: [old] },
];

for (const disks of [true, false]) {
  story(
    `check 73, V48: the secret is rotated node by node under load, ${disks ? 'with disks' : 'in memory only'}: no sign-on and no session is lost`,
    { nodes: three, disks, options: { secret: old } },
    async (it) => {
      const first = await it.signedOn('bob', 'n1');
      const out = await it.signedOn('alice', 'n2');
      const token = copyOf(it, out).cookie(ssoName)!;
      const load = await new Load(it).begin(4);
      for (const [step, changes] of rotation.entries()) {
        await oneByOne(
          it,
          async (name) => {
            await it.cluster.at(name).sso.drain();
            await it.cluster.stopNode(name);
          },
          changes,
        );
        const late = await it.signedOn('carol', 'n1');
        assert.deepEqual(await whoEverywhere(it, late), ['carol', 'carol', 'carol']);
        assert.deepEqual(await whoEverywhere(it, first), ['bob', 'bob', 'bob']);
        if (step > 0) continue;
        // All nodes were restarted within T: leases of their former lives may still run.
        await it.cluster.advance(7_000);
        const receipt = (await out.post(`${A}/logout`, { at: 'n3' }).expect(200)).body as Receipt;
        assert.equal(receipt.state, 'complete');
      }
      await load.end();
      assert.equal(await accepted(it, token), 0);
      assert.deepEqual(new Set(it.causes()), new Set(['logout']));
    },
  );
}
