/** A data directory that is put back from a backup: it looks as sound as the latest, and has not heard of the logouts since. */

import assert from 'node:assert/strict';
import type { Receipt } from '../../sso/index.ts';
import type { Browser } from '../../sso/testing/index.ts';
import {
  A,
  accepted,
  copyOf,
  guarded,
  type Story,
  seconds,
  ssoName,
  story,
  three,
  whoEverywhere,
} from '../support/story.ts';
import { killAll, restartAll } from './steps.ts';

interface Restored {
  readonly token: string;
  readonly stays: Browser;
  readonly epoch: number;
}

const epochOf = (it: Story) => it.cluster.at('n1').sso.finality().epoch;

/** Alice and Bob are signed on and on all disks; a backup of n3 is made; Alice signs out, completely; the backup is put back. */
async function begin(it: Story): Promise<Restored> {
  const alice = await it.signedOn('alice', 'n1');
  const stays = await it.signedOn('bob', 'n2');
  await it.cluster.advance(seconds);
  const backup = it.cluster.at('n3').disk.snapshot();
  const token = copyOf(it, alice).cookie(ssoName)!;
  const receipt = (await alice.post(`${A}/logout`, { at: 'n3' }).expect(200)).body as Receipt;
  assert.equal(receipt.state, 'complete');
  await it.cluster.advance(10 * seconds);
  await it.cluster.kill('n3');
  it.cluster.at('n3').disk.restore(backup);
  return { token, stays, epoch: epochOf(it) };
}

async function check(it: Story, { token, stays, epoch }: Restored): Promise<void> {
  assert.equal(await accepted(it, token), 0);
  assert.deepEqual(await whoEverywhere(it, stays), ['bob', 'bob', 'bob']);
  assert.equal(epochOf(it), epoch, 'no new epoch');
}

function withToken(it: Story, token: string): Browser {
  const browser = it.browser();
  browser.jar.take(new URL(A), [`${ssoName}=${token}; Domain=xyz.test; Path=/; Secure`]);
  return browser;
}

const foundOld = (it: Story) => it.logged('n3', /older than this node's last life/).length;

story(
  'V87, S1: an old copy that is put back without a word is found out by what the others remember',
  { nodes: three, disks: true, logsErrors: true },
  async (it) => {
    const restored = await begin(it);
    await it.cluster.restart('n3');
    await check(it, restored);
    assert.equal(foundOld(it), 1);
    await it.cluster.kill('n3');
    await it.cluster.restart('n3');
    assert.equal(foundOld(it), 1, 'once it has recovered its disk counts again');
    await check(it, restored);
  },
);

story(
  'V87, S1: an old copy that is said to be one counts as lost from the start',
  { nodes: three, disks: true },
  async (it) => {
    const restored = await begin(it);
    await it.cluster.restart('n3', { restored: true });
    await check(it, restored);
    assert.equal(foundOld(it), 0);
  },
);

story(
  'V87, S1: a node with an old copy accepts nothing while it cannot reach those who would know',
  { nodes: three, disks: true, logsErrors: true },
  async (it) => {
    const restored = await begin(it);
    await it.cluster.split([['n3'], ['n1', 'n2']]);
    await it.cluster.restart('n3');
    const page = (browser: Browser) => guarded(browser, A, 'n3');
    const thief = withToken(it, restored.token);
    for (const passed of [0, 7, 60]) {
      await it.cluster.advance(passed * seconds);
      assert.deepEqual([await page(thief), await page(copyOf(it, restored.stays))], [503, 503], `after ${passed} s`);
    }
    await it.cluster.heal();
    await it.cluster.advance(10 * seconds);
    await check(it, restored);
  },
);

story(
  'S1: with the only other holder of a closing gone, one voter with an old copy and one without state do not vouch for each other',
  { nodes: three, disks: true, logsErrors: true },
  async (it) => {
    const restored = await begin(it);
    await it.cluster.kill('n2');
    it.cluster.at('n2').disk.wipe();
    await it.cluster.kill('n1');
    await restartAll(it, ['n2', 'n3']);
    await it.cluster.advance(60 * seconds);
    for (const at of ['n2', 'n3']) assert.equal(await guarded(withToken(it, restored.token), A, at), 503, at);
    await it.cluster.restart('n1');
    await it.cluster.advance(10 * seconds);
    assert.equal(await accepted(it, restored.token), 0);
  },
);

story(
  'V87: all disks put back to an older copy, and said so, begin a new epoch: nobody is signed on by a copy',
  { nodes: three, disks: true },
  async (it) => {
    const alice = await it.signedOn('alice', 'n1');
    await it.cluster.advance(seconds);
    const token = alice.cookie(ssoName)!;
    const backups = three.map((at) => it.cluster.at(at).disk.snapshot());
    await alice.post(`${A}/logout`, { at: 'n3' }).expect(200);
    await it.cluster.advance(seconds);
    const epoch = epochOf(it);
    await killAll(it);
    for (const [i, at] of three.entries()) it.cluster.at(at).disk.restore(backups[i]!);
    await restartAll(it, three, { restored: true });
    assert.ok(epochOf(it) > epoch);
    assert.equal(await accepted(it, token), 0);
    assert.ok(
      three.some((at) => it.logged(at, /lost its state: a new epoch/).length > 0),
      'loudly',
    );
  },
);
