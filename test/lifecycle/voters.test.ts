/** Another list of voters: all are stopped and started with it, and everybody signs in once. */

import assert from 'node:assert/strict';
import type { Receipt } from '../../sso/index.ts';
import { A, accepted, copyOf, guarded, seconds, signOn, ssoName, story, three, who } from '../support/story.ts';
import { killAll, restartAll, stopAll } from './steps.ts';

const five = ['n1', 'n2', 'n3', 'n4', 'n5'];
const votersOf = (names: readonly string[]) => ({ cluster: { nodes: names.map((name) => `${name}:7800`) } });

for (const disks of [true, false]) {
  story(
    `check 20: three voters become five by a stop and a start, ${disks ? 'with disks' : 'in memory only'}: a new epoch begins, everybody signs in once`,
    { nodes: three, disks },
    async (it) => {
      const out = await it.signedOn('alice', 'n1');
      const token = out.cookie(ssoName)!;
      await out.post(`${A}/logout`).expect(200);
      const bob = await it.signedOn('bob', 'n2');
      await it.cluster.advance(seconds);
      const { epoch } = it.cluster.at('n1').sso.finality();
      await stopAll(it);
      await Promise.all([
        restartAll(it, three, votersOf(five)),
        it.cluster.join('n4', votersOf(five)),
        it.cluster.join('n5', votersOf(five)),
      ]);
      await it.cluster.settle();
      for (const at of five) {
        const finality = it.cluster.at(at).sso.finality();
        assert.deepEqual([finality.accepting, finality.quorum, finality.voters.length], [true, 3, 5], at);
        assert.ok(finality.epoch > epoch);
        assert.equal(await guarded(copyOf(it, bob), A, at), 401, at);
      }
      assert.equal(await accepted(it, token), 0);
      if (disks)
        assert.ok(
          five.some((at) => it.logged(at, /lost its state: a new epoch/).length > 0),
          'loudly',
        );
      await signOn(bob, 'bob', 'n5').expect(200);
      for (const at of five) assert.equal(await who(bob, A, at), 'bob', at);
      const again = five.map((at) => it.cluster.at(at).sso.finality().epoch);
      await stopAll(it);
      await restartAll(it, five, votersOf(five));
      if (disks) {
        assert.deepEqual(
          again,
          five.map((at) => it.cluster.at(at).sso.finality().epoch),
        );
        for (const at of five) assert.equal(await who(bob, A, at), 'bob', `${at}: once, not twice`);
      }
    },
  );
}

story(
  'S1: a majority that is gone for good: who is left accepts nothing, and after a stop and a start under a list of its own begins a new epoch',
  { nodes: three, disks: true },
  async (it) => {
    const alice = await it.signedOn('alice', 'n1');
    const bob = await it.signedOn('bob', 'n1');
    const out = copyOf(it, alice);
    await it.cluster.settle();
    await it.cluster.split([['n1'], ['n2', 'n3']]);
    await it.cluster.advance(7 * seconds);
    const receipt = (await alice.post(`${A}/logout`, { at: 'n2' }).expect(200)).body as Receipt;
    await it.cluster.advance(7 * seconds);
    assert.equal((await it.cluster.at('n2').sso.receipt(receipt.id))?.state, 'complete');
    await killAll(it, ['n2', 'n3']);
    for (const browser of [bob, out]) assert.equal(await guarded(copyOf(it, browser), A, 'n1'), 503);
    assert.ok(it.logged('n1', /no quorum of leases/).length > 0);
    const { epoch } = it.cluster.at('n1').sso.finality();
    await it.cluster.stopNode('n1');
    await it.cluster.restart('n1', votersOf(['n1']));
    await it.cluster.advance(7 * seconds);
    assert.equal(it.cluster.at('n1').sso.finality().accepting, true);
    assert.equal(await guarded(out, A, 'n1'), 401, 'it had not heard of the logout');
    assert.equal(await guarded(copyOf(it, bob), A, 'n1'), 401);
    assert.ok(it.cluster.at('n1').sso.finality().epoch > epoch);
    await signOn(bob, 'bob', 'n1').expect(200);
    assert.equal(await who(bob, A, 'n1'), 'bob');
  },
);

story(
  'S1: a lone voter whose disk is a restored copy, and said to be one, begins a new epoch: nobody is signed on by the copy',
  { nodes: ['n1'], disks: true },
  async (it) => {
    const alice = await it.signedOn('alice', 'n1');
    await it.cluster.advance(seconds);
    const out = copyOf(it, alice);
    const backup = it.cluster.at('n1').disk.snapshot();
    await alice.post(`${A}/logout`).expect(200);
    await it.cluster.kill('n1');
    it.cluster.at('n1').disk.restore(backup);
    await it.cluster.restart('n1', { restored: true });
    await it.cluster.advance(7 * seconds);
    assert.equal(it.cluster.at('n1').sso.finality().accepting, true);
    assert.equal(await guarded(out, A, 'n1'), 401);
    await signOn(out, 'alice', 'n1').expect(200);
  },
);

story(
  'a node that is not in the list of voters comes and goes, and needs the voters to accept',
  { nodes: three, disks: true },
  async (it) => {
    const browser = await it.signedOn('alice', 'n1');
    await it.cluster.join('n4');
    assert.equal(it.cluster.at('n4').sso.finality().vote, undefined);
    assert.equal(await who(browser, A, 'n4'), 'alice');
    await it.cluster.stopNode('n4');
    await it.cluster.restart('n4');
    assert.equal(await who(browser, A, 'n4'), 'alice');
    await it.cluster.kill('n4');
    await it.cluster.advance(seconds);
    const receipt = (await browser.post(`${A}/logout`, { at: 'n1' }).expect(200)).body as { state: string };
    await it.cluster.advance(7 * seconds);
    await it.cluster.restart('n4');
    assert.equal(await guarded(browser, A, 'n4'), 401);
    assert.ok(['complete', 'pending'].includes(receipt.state));
  },
);
