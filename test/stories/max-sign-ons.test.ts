/** Stories of the limit of sign-ons for one user, on all nodes at once (check 29). */

import assert from 'node:assert/strict';
import { A, type Story, seconds, story, three, who } from '../support/story.ts';

const maxSignOns = 3;

/** The sign-ons that every node knows, which are the same. */
function agreed(it: Story, name = 'alice'): readonly string[] {
  const [first, ...others] = three.map((at) => it.entries(at, name).map(({ id }) => id as string));
  for (const other of others) assert.deepEqual([...other].sort(), [...first!].sort());
  return first!;
}

story(
  'check 29: sign-ons one after the other on different nodes: the oldest ends at each, and its browser is nobody on all',
  { nodes: three, options: { maxSignOns } },
  async (it) => {
    const browsers = [];
    for (let i = 0; i < 5; i++) {
      browsers.push(await it.signedOn('alice', three[i % 3]!));
      await it.cluster.advance(seconds);
    }
    for (const at of three) {
      const known = [];
      for (const browser of browsers) known.push(await who(browser, A, at));
      assert.deepEqual(known, [null, null, 'alice', 'alice', 'alice'], at);
    }
    assert.deepEqual(it.causes('n1'), ['replaced', 'replaced']);
  },
);

for (const delayMs of [0, 30, 150]) {
  story(
    `check 29: thirty sign-ons at all nodes at the same moment, ${delayMs} ms apart, leave ${maxSignOns}, the same on every node`,
    { nodes: three, options: { maxSignOns } },
    async (it) => {
      it.cluster.delay(delayMs);
      const other = await it.signedOn('bob', 'n2');
      const browsers = Array.from({ length: 30 }, () => it.browser());
      await Promise.all(
        browsers.map((browser, i) =>
          browser.signIn({ name: 'alice', roles: [] }, { at: three[i % 3]! }).catch(() => {}),
        ),
      );
      await it.cluster.advance(2 * seconds);
      assert.equal(agreed(it).length, maxSignOns, 'with no sweep and no further sign-on');
      const stamps = new Map(it.ends.map(({ name, cause }) => [name, cause]));
      assert.deepEqual([...stamps], [['alice', 'replaced']]);
      it.cluster.delay(0);
      let accepted = 0;
      for (const browser of browsers) if ((await who(browser, A, 'n3')) === 'alice') accepted++;
      assert.ok(accepted <= maxSignOns, `${accepted}`);
      assert.equal(await who(other, A, 'n1'), 'bob');
    },
  );
}

story(
  'check 29: halves of a cluster that were apart agree once they meet: the latest stay',
  { nodes: three, options: { maxSignOns, cluster: { whenCutOff: 'serve' } } },
  async (it) => {
    await it.cluster.split([['n1'], ['n2', 'n3']]);
    const browsers = [];
    for (let i = 0; i < 6; i++) {
      browsers.push(await it.signedOn('alice', i % 2 === 0 ? 'n1' : 'n2'));
      await it.cluster.advance(seconds);
    }
    await it.cluster.advance(120 * seconds);
    await it.cluster.heal();
    await it.cluster.settle();
    await it.cluster.advance(70 * seconds);
    assert.equal(agreed(it).length, maxSignOns);
    const known = [];
    for (const browser of browsers) known.push(await who(browser, A, 'n3'));
    assert.deepEqual(known, [null, null, null, 'alice', 'alice', 'alice']);
  },
);

story(
  'of maxSignOns and limits.entriesPerUser the smaller counts',
  {
    options: { maxSignOns: 5, limits: { entriesPerUser: 2 } },
  },
  async (it) => {
    for (let i = 0; i < 4; i++) await it.signedOn('alice', i % 2 === 0 ? 'n1' : 'n2');
    await it.cluster.settle();
    assert.equal(it.entries('n1', 'alice').length, 2);
    assert.deepEqual([...it.cluster.at('n2').sso.users()], ['alice']);
  },
);
