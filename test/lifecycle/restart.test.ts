/** Nodes that are started again, with and without what they knew. */

import assert from 'node:assert/strict';
import type { Receipt } from '../../sso/index.ts';
import type { Browser } from '../../sso/testing/index.ts';
import {
  A,
  accepted,
  B,
  copyOf,
  guarded,
  minutes,
  type Story,
  see,
  signOn,
  ssoName,
  story,
  three,
  who,
  whoEverywhere,
} from '../support/story.ts';
import { killAll, oneByOne, restartAll, stopAll } from './steps.ts';

interface People {
  /** Has signed out: her cookies of before. */
  readonly out: Browser;
  readonly token: string;
  /** Is signed on, with a session in A. */
  readonly stays: Browser;
}

/** Alice signs out, completely; Bob stays. */
async function begin(it: Story): Promise<People> {
  const alice = await it.signedOn('alice', 'n1');
  await alice.post(`${A}/note?text=hers`, { at: 'n1' }).expect(200);
  const stays = await it.signedOn('bob', 'n2');
  await stays.post(`${A}/note?text=his`, { at: 'n2' }).expect(200);
  const out = copyOf(it, alice);
  const receipt = (await alice.post(`${A}/logout`, { at: 'n3' }).expect(200)).body as Receipt;
  assert.equal(receipt.state, 'complete');
  return { out, token: out.cookie(ssoName)!, stays };
}

async function check(it: Story, { out, token, stays }: People): Promise<void> {
  assert.equal(await accepted(it, token), 0);
  for (const at of three) {
    assert.equal(await guarded(copyOf(it, out), A, at), 401, at);
    const seen = await see(stays, `${A}/protected/session`, at);
    assert.deepEqual([seen.user, seen.note], ['bob', 'his'], at);
  }
}

for (const disks of [true, false]) {
  const what = disks ? 'with disks' : 'in memory only';
  story(
    `V48, V87, check 20: a restart of all nodes one by one, ${what}: the signed-out stay out, the others on, with their sessions`,
    { nodes: three, disks },
    async (it) => {
      const people = await begin(it);
      await oneByOne(it, (name) => it.cluster.stopNode(name));
      await check(it, people);
      await oneByOne(it, (name) => it.cluster.kill(name));
      await check(it, people);
      assert.deepEqual(new Set(it.causes()), new Set(['logout']), 'nothing else has ended');
    },
  );
}

story(
  'V48, V87, check 20: a restart of all nodes at once with disks: the signed-out stay out, the others on',
  { nodes: three, disks: true },
  async (it) => {
    const people = await begin(it);
    const { epoch } = it.cluster.at('n1').sso.finality();
    await stopAll(it);
    await restartAll(it);
    await check(it, people);
    await it.cluster.advance(1_000);
    await killAll(it);
    await restartAll(it);
    await check(it, people);
    assert.equal(it.cluster.at('n1').sso.finality().epoch, epoch, 'no new epoch');
    assert.deepEqual(new Set(it.causes()), new Set(['logout']));
  },
);

story(
  'check 20: a logout that was acknowledged is kept though all nodes are killed in the same instant',
  { nodes: three, disks: true },
  async (it) => {
    const browser = await it.signedOn('alice', 'n1');
    await it.cluster.advance(1_000);
    const token = browser.cookie(ssoName)!;
    const receipt = (await browser.post(`${A}/logout`, { at: 'n2' }).expect(200)).body as Receipt;
    assert.equal(receipt.state, 'complete');
    await killAll(it);
    await restartAll(it);
    assert.equal(await accepted(it, token), 0);
  },
);

story(
  'V87, check 20: a restart of all nodes at once without disks begins anew: everybody signs in once, the old ids stay dead',
  { nodes: three },
  async (it) => {
    const { out, token, stays } = await begin(it);
    const { epoch } = it.cluster.at('n1').sso.finality();
    const old = stays.cookie(ssoName)!;
    await killAll(it);
    await restartAll(it);
    assert.ok(it.cluster.at('n1').sso.finality().epoch > epoch);
    assert.equal(await accepted(it, token), 0);
    for (const at of three) assert.equal(await guarded(copyOf(it, stays), A, at), 401, at);
    for (const [browser, name] of [
      [stays, 'bob'],
      [out, 'alice'],
    ] as const) {
      await signOn(browser, name, 'n1').expect(200);
      assert.deepEqual(await whoEverywhere(it, browser), [name, name, name]);
    }
    assert.equal(await accepted(it, old), 0);
  },
);

story(
  'check 20: a majority that lost its state begins a new epoch: whoever is left ends its sign-ons with cause `epoch`, and it is logged',
  { nodes: three },
  async (it) => {
    const { token, stays } = await begin(it);
    const before = it.ends.length;
    await Promise.all(['n1', 'n2'].map((name) => it.cluster.kill(name)));
    await restartAll(it, ['n1', 'n2']);
    await it.cluster.settle();
    assert.ok(
      it.ends.slice(before).some(({ name, node, cause }) => name === 'bob' && node === 'n3' && cause === 'epoch'),
    );
    assert.ok(
      three.some((at) => it.logged(at, /lost its state: a new epoch/).length > 0),
      'logged',
    );
    assert.equal(await accepted(it, token), 0);
    assert.deepEqual(await whoEverywhere(it, copyOf(it, stays)), [null, null, null]);
    await signOn(stays, 'bob', 'n3').expect(200);
    assert.deepEqual(await whoEverywhere(it, stays), ['bob', 'bob', 'bob']);
  },
);

story(
  'check 21: an old id shown at the sign-on page after a restart of all nodes stays dead, and the new sign-on has another',
  { nodes: three, disks: true },
  async (it) => {
    const { out, token } = await begin(it);
    await stopAll(it);
    await restartAll(it);
    const page = await out.visit(`${A}/login`, { at: 'n2' });
    assert.equal(page.status, 200);
    out.jar.take(new URL(A), [`${ssoName}=${token}; Domain=xyz.test; Path=/; Secure`]);
    await signOn(out, 'alice', 'n3').expect(200);
    assert.notEqual(out.cookie(ssoName), token);
    assert.equal(await accepted(it, token), 0);
    assert.equal(await accepted(it, out.cookie(ssoName)!), 9);
  },
);

story(
  'V87: a pending logout is completed across restarts, with the receipt that was given',
  { nodes: three, disks: true },
  async (it) => {
    const browser = await it.signedOn('alice', 'n1');
    const token = browser.cookie(ssoName)!;
    await it.cluster.advance(1_000);
    await Promise.all(['n2', 'n3'].map((name) => it.cluster.kill(name)));
    const receipt = (await browser.post(`${A}/logout`, { at: 'n1' }).expect(200)).body as Receipt;
    assert.equal(receipt.state, 'pending');
    assert.equal(receipt.finalAt, undefined);
    await it.cluster.kill('n1');
    await restartAll(it);
    await it.cluster.advance(20_000);
    assert.equal(await accepted(it, token), 0);
    for (const at of three) assert.equal((await it.cluster.at(at).sso.receipt(receipt.id))?.state, 'complete', at);
  },
);

story(
  'V87: a node that was away comes back with what it had, and has not missed a logout',
  { nodes: three, disks: true },
  async (it) => {
    const alice = await it.signedOn('alice', 'n1');
    const bob = await it.signedOn('bob', 'n1');
    const copy = copyOf(it, alice);
    await it.cluster.advance(1_000);
    await it.cluster.kill('n3');
    await alice.post(`${B}/logout`, { at: 'n1' }).expect(200);
    await it.cluster.advance(10 * minutes);
    await it.cluster.restart('n3');
    assert.equal(await guarded(copy, A, 'n3'), 401);
    assert.equal(await who(bob, A, 'n3'), 'bob');
  },
);
