/** Disks that are full, slow, damaged or gone while the nodes work, and at their start. */

import assert from 'node:assert/strict';
import { entryLattice } from '../../sso/entry.ts';
import type { Receipt } from '../../sso/index.ts';
import {
  A,
  accepted,
  B,
  copyOf,
  guarded,
  type Story,
  seconds,
  signOn,
  ssoName,
  story,
  three,
  who,
  whoEverywhere,
} from '../support/story.ts';
import { killAll, restartAll } from './steps.ts';

const T = 6 * seconds;

function fill(it: Story, names: readonly string[], fault: 'full' | 'unwritable' | undefined): void {
  for (const name of names) it.cluster.at(name).disk.fault = fault;
}

/** On how many disks an entry is closed. */
function closedOn(it: Story, id: string): number {
  return three.filter((at) => {
    const text = it.cluster.at(at).disk.values('entries').get(id);
    return text !== undefined && entryLattice.decode(JSON.parse(text))?.state === 'closed';
  }).length;
}

const stateOf = async (it: Story, { id }: Receipt, at = 'n1') => (await it.cluster.at(at).sso.receipt(id))?.state;

for (const fault of ['full', 'unwritable'] as const) {
  story(
    `a node whose disk is ${fault}: no new sign-ons there, all else goes on, and it comes back by itself`,
    { nodes: three, disks: true, logsErrors: true },
    async (it) => {
      const bob = await it.signedOn('bob', 'n1');
      const alice = await it.signedOn('alice', 'n1');
      const out = copyOf(it, alice);
      await it.cluster.advance(seconds);
      fill(it, ['n1'], fault);
      await bob.post(`${A}/note?text=his`, { at: 'n1' }).expect(200);
      await it.cluster.advance(seconds);
      const refused = await signOn(it.browser(), 'carol', 'n1');
      assert.deepEqual([refused.status, refused.get('Retry-After') !== undefined], [503, true]);
      await signOn(it.browser(), 'carol', 'n2').expect(200);
      assert.deepEqual(await whoEverywhere(it, bob), ['bob', 'bob', 'bob']);
      const receipt = (await alice.post(`${A}/logout`, { at: 'n1' }).expect(200)).body as Receipt;
      assert.deepEqual(await whoEverywhere(it, copyOf(it, out)), [null, null, null], 'it counts at once all the same');
      assert.ok(!receipt.nodes.confirmed.includes('n1'), 'a node confirms what is durable');
      await it.cluster.advance(T + seconds);
      assert.equal(await stateOf(it, receipt), 'complete', 'two others have it');
      fill(it, ['n1'], undefined);
      await it.cluster.advance(3 * seconds);
      await signOn(it.browser(), 'carol', 'n1').expect(200);
      await killAll(it);
      await restartAll(it);
      assert.equal(await accepted(it, out.cookie(ssoName)!), 0);
      assert.deepEqual(await whoEverywhere(it, bob), ['bob', 'bob', 'bob']);
    },
  );
}

story(
  'check 20: with all disks full a logout counts in memory and is pending until there is room, however long that takes',
  { nodes: three, disks: true, logsErrors: true },
  async (it) => {
    const alice = await it.signedOn('alice', 'n1');
    const out = copyOf(it, alice);
    await it.cluster.advance(seconds);
    const { id } = it.entries('n1', 'alice')[0]!;
    fill(it, three, 'full');
    const receipt = (await alice.post(`${A}/logout`, { at: 'n1' }).expect(200)).body as Receipt;
    assert.deepEqual([receipt.state, receipt.finalAt], ['pending', undefined]);
    for (const at of three) assert.equal(await guarded(copyOf(it, out), A, at), 401, at);
    await it.cluster.advance(60 * seconds);
    assert.deepEqual([await stateOf(it, receipt), closedOn(it, id)], ['pending', 0]);
    fill(it, three, undefined);
    await it.cluster.advance(T + 2 * seconds);
    for (const at of three) assert.equal(await stateOf(it, receipt, at), 'complete', at);
    assert.equal(closedOn(it, id), 3);
    await killAll(it);
    await restartAll(it);
    assert.equal(await accepted(it, out.cookie(ssoName)!), 0);
  },
);

story(
  'check 20, S1: a receipt says complete only when the closing is on the disks of a quorum',
  { nodes: three, disks: true },
  async (it) => {
    const alice = await it.signedOn('alice', 'n1');
    await it.cluster.advance(seconds);
    const token = alice.cookie(ssoName)!;
    const { id } = it.entries('n1', 'alice')[0]!;
    for (const at of three) it.cluster.at(at).disk.flushMs = 300;
    const before = it.cluster.now();
    const receipt = (await alice.post(`${B}/logout`, { at: 'n2' }).expect(200)).body as Receipt;
    const took = it.cluster.now() - before;
    assert.equal(receipt.state, 'complete');
    assert.ok(took >= 300 && took < seconds, `${took}`);
    assert.ok(closedOn(it, id) >= 2);
    await killAll(it);
    await restartAll(it);
    assert.equal(await accepted(it, token), 0);
  },
);

for (const harm of ['damaged', 'missing'] as const) {
  const spoil = (it: Story, name: string) => {
    const { disk } = it.cluster.at(name);
    if (harm === 'damaged') disk.damaged = true;
    else disk.wipe();
  };

  story(
    `V87: a node whose disk is ${harm} at its start gets its state from the others`,
    { nodes: three, disks: true, logsErrors: true },
    async (it) => {
      const alice = await it.signedOn('alice', 'n1');
      const bob = await it.signedOn('bob', 'n3');
      const token = alice.cookie(ssoName)!;
      await alice.post(`${A}/logout`).expect(200);
      const { epoch } = it.cluster.at('n1').sso.finality();
      await it.cluster.kill('n3');
      spoil(it, 'n3');
      await it.cluster.restart('n3');
      assert.equal(it.cluster.at('n3').sso.finality().accepting, true);
      assert.equal(await who(bob, A, 'n3'), 'bob');
      assert.equal(await accepted(it, token), 0);
      assert.equal(it.cluster.at('n3').sso.finality().epoch, epoch);
      await it.cluster.advance(seconds);
      assert.ok(it.cluster.at('n3').disk.values('entries').size >= 2, 'and has it on its disk again');
    },
  );

  story(
    `check 20: with the disks of a majority ${harm} a new epoch begins, loudly, and everybody signs in once`,
    { nodes: three, disks: true, logsErrors: true },
    async (it) => {
      const bob = await it.signedOn('bob', 'n3');
      const alice = await it.signedOn('alice', 'n1');
      const token = alice.cookie(ssoName)!;
      await alice.post(`${A}/logout`).expect(200);
      await it.cluster.advance(seconds);
      const { epoch } = it.cluster.at('n1').sso.finality();
      await killAll(it);
      for (const name of ['n1', 'n2']) spoil(it, name);
      await restartAll(it);
      await it.cluster.settle();
      for (const at of three) {
        assert.ok(it.cluster.at(at).sso.finality().epoch > epoch, at);
        assert.equal(await guarded(copyOf(it, bob), A, at), 401, at);
      }
      assert.equal(await accepted(it, token), 0);
      assert.ok(
        three.some((at) => it.logged(at, /lost its state: a new epoch/).length > 0),
        'loudly',
      );
      await signOn(bob, 'bob', 'n2').expect(200);
      assert.deepEqual(await whoEverywhere(it, bob), ['bob', 'bob', 'bob']);
    },
  );
}

story(
  'a node whose disk cannot be written does not start, and says why',
  { nodes: three, disks: true, logsErrors: true },
  async (it) => {
    await it.cluster.kill('n2');
    fill(it, ['n2'], 'unwritable');
    await assert.rejects(it.cluster.restart('n2'), { code: 'ERR_DISK_FAILED', message: /cannot be written/ });
    fill(it, ['n2'], undefined);
    await it.cluster.restart('n2');
    assert.equal(it.cluster.at('n2').sso.finality().accepting, true);
  },
);

story(
  'a node that starts on a full disk lends and confirms nothing until there is room, and the others go on',
  { nodes: three, disks: true, logsErrors: true },
  async (it) => {
    const bob = await it.signedOn('bob', 'n1');
    const alice = await it.signedOn('alice', 'n1');
    await it.cluster.advance(seconds);
    await it.cluster.kill('n3');
    fill(it, ['n3'], 'full');
    await it.cluster.restart('n3');
    assert.deepEqual(await whoEverywhere(it, bob), ['bob', 'bob', 'bob']);
    const receipt = (await alice.post(`${A}/logout`, { at: 'n1' }).expect(200)).body as Receipt;
    assert.ok(!receipt.nodes.confirmed.includes('n3'));
    await it.cluster.advance(T + seconds);
    assert.equal(await stateOf(it, receipt), 'complete');
    fill(it, ['n3'], undefined);
    await it.cluster.advance(10 * seconds);
    assert.ok((await it.cluster.at('n3').sso.receipt(receipt.id))?.nodes.confirmed.includes('n3'));
    await signOn(it.browser(), 'carol', 'n3').expect(200);
  },
);
