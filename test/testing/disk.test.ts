import assert from 'node:assert/strict';
import test from 'node:test';
import express from 'express';
import type { SsoNode } from '../../sso/index.ts';
import { type NodeOptionsForTests, testCluster } from '../../sso/testing/index.ts';

const host = (sso: SsoNode) => express().use(sso.valve());

async function begin(
  t: { after(end: () => Promise<void>): void },
  disks: boolean | ((node: string) => boolean),
  options: NodeOptionsForTests = {},
) {
  const cluster = await testCluster({ host, nodes: ['n1'], disks, options });
  t.after(() => cluster.stop());
  const browser = cluster.browser();
  await browser.signIn('alice');
  const users = () =>
    cluster
      .at('n1')
      .sso.entries()
      .map(({ principal }) => principal.name);
  return { cluster, browser, users };
}

test('a node with a disk has what was written when it is started again, one without has nothing', async (t) => {
  for (const disks of [true, false]) {
    const { cluster, users } = await begin(t, disks);
    await cluster.stopNode('n1');
    await cluster.restart('n1');
    assert.deepEqual(users(), disks ? ['alice'] : []);
    await cluster.advance(1_000);
    await cluster.kill('n1');
    await cluster.restart('n1');
    assert.deepEqual(users(), disks ? ['alice'] : []);
  }
});

test('a kill loses what was not flushed', async (t) => {
  const { cluster, users } = await begin(t, true);
  await cluster.kill('n1');
  await cluster.restart('n1');
  assert.deepEqual(users(), []);
});

test('disks are for the nodes that are named; the others have none to speak of', async (t) => {
  const { cluster } = await begin(t, (node) => node === 'n2');
  await cluster.join('n2');
  assert.equal(cluster.at('n2').disk.fault, undefined);
  assert.throws(() => cluster.at('n1').disk, /n1 has no disk/);
});

test('a disk is lost, damaged, full and put back at the wish of the test', async (t) => {
  const { cluster, users } = await begin(t, true);
  const { disk } = cluster.at('n1');
  const again = async () => {
    await cluster.stopNode('n1');
    await cluster.restart('n1');
    return users();
  };
  assert.deepEqual(await again(), ['alice']);
  disk.fault = 'full';
  await cluster.at('n1').sso.endSubject('alice');
  assert.equal(disk.values('subjects').size, 0);
  disk.fault = undefined;
  assert.deepEqual(await again(), []);
  const backup = disk.snapshot();
  await cluster.kill('n1');
  disk.wipe();
  await cluster.restart('n1');
  assert.equal(disk.values('entries').size, 0);
  await cluster.kill('n1');
  disk.restore(backup);
  disk.damaged = true;
  await cluster.restart('n1');
  assert.equal(disk.values('entries').size, 0);
  await cluster.kill('n1');
  disk.fault = 'unwritable';
  await assert.rejects(cluster.restart('n1'), /the data directory cannot be written/);
  assert.equal(cluster.at('n1').isUp, false);
});

test('a restart may be with other options, for this life alone', async (t) => {
  const { cluster } = await begin(t, false, { lifeMs: 1_000_000, cluster: { leaseMs: 3_000 } });
  const leaseMs = () => cluster.at('n1').sso.finality().leaseMs;
  await cluster.kill('n1');
  await cluster.restart('n1', { cluster: { leaseMs: 2_000 } });
  assert.equal(leaseMs(), 2_000);
  await cluster.kill('n1');
  await cluster.restart('n1');
  assert.equal(leaseMs(), 3_000);
});

test('a restart resolves once the node accepts; where it cannot, at once, and it says what it waits for', async (t) => {
  const cluster = await testCluster({ host });
  t.after(() => cluster.stop());
  const { sso } = cluster.at('n1');
  assert.equal(sso.finality().accepting, true);
  await cluster.kill('n1');
  await cluster.restart('n1');
  assert.equal(cluster.at('n1').sso.finality().accepting, true);
  for (const name of ['n1', 'n2', 'n3']) await cluster.kill(name);
  await cluster.restart('n2');
  assert.equal(cluster.at('n2').sso.finality().accepting, false);
  assert.match(cluster.at('n2').sso.finality().waitsFor ?? '', /2 other voters/);
});
