/** Three nodes are restarted one after the other while people work. */

import assert from 'node:assert/strict';
import type { Receipt } from '../../sso/index.ts';
import { A, accepted, copyOf, type Story, ssoName, story, three } from '../support/story.ts';
import { Load } from './load.ts';

/** What a program does at SIGTERM, and its successor at the start. Returns what was handed over, and lost. */
async function replace(it: Story, name: string): Promise<{ readonly handedOver: number; readonly lost: number }> {
  const handed = await it.cluster.at(name).sso.drain();
  await it.cluster.advance(200);
  await it.cluster.stopNode(name);
  await it.cluster.advance(500);
  await it.cluster.restart(name);
  await it.cluster.advance(1_000);
  return handed;
}

for (const disks of [true, false]) {
  const what = disks ? 'with disks' : 'in memory only';

  story(
    `V48, V88, D1: a rolling restart under load, ${what}, loses no sign-on, challenges nobody, and keeps every session`,
    { nodes: three, disks },
    async (it) => {
      const load = await new Load(it).begin();
      for (const name of three) {
        const { handedOver, lost } = await replace(it, name);
        assert.ok(handedOver >= 0, `${handedOver}`);
        assert.equal(lost, 0, name);
      }
      await load.end();
      assert.ok(load.answers > 50, `${load.answers}`);
      assert.deepEqual(it.causes(), [], 'nothing has ended');
    },
  );

  story(
    `V48, check 20, L2: a logout in the middle of a rolling restart, ${what}, completes and stays`,
    { nodes: three, disks },
    async (it) => {
      const load = await new Load(it).begin(4);
      const tokens: string[] = [];
      const receipts: string[] = [];
      const logOut = async (at: string) => {
        const browser = await it.signedOn('alice', at);
        const copy = copyOf(it, browser);
        const receipt = (await browser.post(`${A}/logout`, { at }).expect(200)).body as Receipt;
        receipts.push(receipt.id);
        tokens.push(copy.cookie(ssoName)!);
      };
      for (const [i, name] of three.entries()) {
        const other = three[(i + 1) % 3]!;
        await it.cluster.at(name).sso.drain();
        await logOut(other);
        await it.cluster.stopNode(name);
        await logOut(other);
        await it.cluster.restart(name);
        await logOut(name);
        await it.cluster.advance(1_000);
      }
      await load.end();
      await it.cluster.advance(7_000);
      for (const token of tokens) assert.equal(await accepted(it, token), 0);
      for (const id of receipts)
        for (const at of three) assert.equal((await it.cluster.at(at).sso.receipt(id))?.state, 'complete', at);
    },
  );
}

story(
  'V85, D1: nodes that are killed one after the other under load, in memory only, cost nobody the sign-on',
  { nodes: three },
  async (it) => {
    const load = await new Load(it).begin(6);
    for (const name of three) {
      await it.cluster.advance(500);
      await it.cluster.kill(name);
      await it.cluster.advance(500);
      await it.cluster.restart(name);
    }
    await it.cluster.advance(1_000);
    await load.end();
    assert.deepEqual(it.causes(), []);
  },
);
