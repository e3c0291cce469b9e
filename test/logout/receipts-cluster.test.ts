/** Receipts over the production protocol: followed through a cut, a death, a restart, and from another node. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Receipt } from '../../sso/index.ts';
import type { TestCluster } from '../../sso/testing/index.ts';
import { begin, type Story } from '../support/story.ts';

const three = ['n1', 'n2', 'n3'];

function following(name: string, nodes: readonly string[], tell: (story: Story) => Promise<void>): void {
  test(name, async () => {
    const story = await begin({ nodes });
    try {
      await tell(story);
    } finally {
      await story.cluster.stop();
    }
  });
}

async function find(cluster: TestCluster, at: string, { id }: Receipt): Promise<Receipt> {
  const found = await cluster.run(cluster.at(at).sso.receipt(id));
  assert.ok(found, `${at} knows the receipt`);
  return found;
}

following(
  'check 18: with one of three cut off a logout is final within T and says when; all know its receipt',
  three,
  async (story) => {
    const { cluster } = story;
    await story.signedOn();
    await cluster.split([['n1', 'n2'], ['n3']]);
    const asked = cluster.now();
    const receipt = await cluster.at('n1').sso.endSubject('alice');
    assert.equal(receipt.state, 'pending');
    assert.deepEqual(receipt.nodes.outstanding, ['n3']);
    assert.ok(receipt.finalAt !== undefined && receipt.finalAt <= asked + 7_000, `${receipt.finalAt! - asked}`);
    await cluster.advance(receipt.finalAt - cluster.now() + 500);
    assert.equal((await find(cluster, 'n2', receipt)).state, 'complete');
    assert.deepEqual((await find(cluster, 'n2', receipt)).nodes.outstanding, ['n3']);
    await cluster.heal();
    await cluster.advance(10_000);
    assert.deepEqual((await find(cluster, 'n3', receipt)).nodes, { confirmed: three, outstanding: [] });
  },
);

following('a logout in a minority promises nothing, and completes when the cut heals', three, async ({ cluster }) => {
  await cluster.split([['n1'], ['n2', 'n3']]);
  const receipt = await cluster.at('n1').sso.endSubject('alice');
  assert.deepEqual([receipt.state, receipt.finalAt, receipt.nodes.confirmed], ['pending', undefined, ['n1']]);
  await cluster.advance(60_000);
  assert.equal((await find(cluster, 'n1', receipt)).state, 'pending');
  await cluster.heal();
  await cluster.advance(10_000);
  for (const name of three) assert.equal((await find(cluster, name, receipt)).state, 'complete', name);
});

following(
  'a receipt whose node died is taken up by the first that lives, and completes there',
  ['n1', 'n2', 'n3', 'n4', 'n5'],
  async ({ cluster }) => {
    await cluster.split([
      ['n1', 'n2'],
      ['n3', 'n4', 'n5'],
    ]);
    const receipt = await cluster.at('n2').sso.endSubject('alice');
    assert.equal(receipt.state, 'pending');
    await cluster.kill('n2');
    await cluster.advance(15_000);
    await cluster.heal();
    await cluster.advance(20_000);
    const found = await find(cluster, 'n5', receipt);
    assert.equal(found.state, 'complete');
    assert.deepEqual(found.nodes, { confirmed: ['n1', 'n2', 'n3', 'n4', 'n5'], outstanding: [] });
  },
);

following(
  'a receipt whose node was restarted without its memory is followed on, and completes',
  three,
  async ({ cluster }) => {
    await cluster.kill('n3');
    await cluster.advance(1_000);
    const receipt = await cluster.at('n1').sso.endSubject('alice');
    assert.equal(receipt.state, 'pending');
    await cluster.kill('n1');
    await cluster.restart('n1');
    await cluster.restart('n3');
    await cluster.advance(30_000);
    assert.equal((await find(cluster, 'n1', receipt)).state, 'complete');
    assert.deepEqual((await find(cluster, 'n2', receipt)).nodes.outstanding, []);
  },
);

following(
  'V69: two nodes end a user at the same moment: both receipts complete, and each sign-on ended once on each node',
  three,
  async (story) => {
    const { cluster, ends } = story;
    await story.signedOn();
    // Until T after a start, leases of former lives, which nobody remembers, may run.
    await cluster.advance(7_000);
    const receipts = await Promise.all(['n1', 'n2'].map((name) => cluster.at(name).sso.endSubject('alice')));
    assert.deepEqual(
      receipts.map(({ state }) => state),
      ['complete', 'complete'],
    );
    await cluster.settle();
    assert.deepEqual(ends.map(({ node }) => node).sort(), three);
  },
);
