/** Who may join: nodes of another secret, another list of voters, another T or another mode do not, and both sides say why. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { awake, eventually } from '../channel/recording.ts';
import { complaints, leaseMs, type MeshNode, type MeshNodeOptions, MeshNodes, reached } from './mesh-nodes.ts';

const old = 'mgeoRn0Ki2yZ4xpQ7LwTtB9sVcHdJu5F';
const made = 'Xk3vQy8NfPzR1aWm6TgHb4LdSo9CjE2U';

const accepts = ({ node }: MeshNode) => node.finality().accepting;

function meshTest(name: string, count: number, run: (nodes: MeshNodes) => Promise<void>): void {
  test(name, { timeout: 60_000 }, () =>
    awake(async () => {
      const nodes = await MeshNodes.with(count);
      try {
        await run(nodes);
      } finally {
        await nodes.end();
      }
    }),
  );
}

/** Two nodes that join, and one that does not. */
async function strangerOf(nodes: MeshNodes, common: MeshNodeOptions, other: Partial<MeshNodeOptions>): Promise<void> {
  const [a, b] = await Promise.all([nodes.start(0, common), nodes.start(1, common)]);
  await eventually(() => accepts(a) && accepts(b));
  for (const one of [a, b]) assert.doesNotMatch(complaints(one), /lost its state/, 'a first start is no alarm');
  const stranger = await nodes.start(2, { ...common, ...other, cluster: { ...common.cluster, ...other.cluster } });
  const why = /settings that must be equal differ/;
  await eventually(() => [a, stranger].every((one) => why.test(complaints(one))));
  assert.deepEqual([reached(a), reached(b), reached(stranger)], [['n2'], ['n1'], []]);
  if (stranger.node.finality().mode === 'refuse') assert.equal(accepts(stranger), false);
  assert.deepEqual([accepts(a), accepts(b)], [true, true], 'the others go on');
}

const refuse: MeshNodeOptions = { secret: old, cluster: { whenCutOff: 'refuse' } };

meshTest('a node with another list of voters does not join, and both sides log why', 4, async (nodes) => {
  const three = nodes.addresses.slice(0, 3);
  await strangerOf(nodes, { ...refuse, cluster: { nodes: three } }, { cluster: { nodes: nodes.addresses } });
});

meshTest('a node with another T does not join, and both sides log why', 3, (nodes) =>
  strangerOf(nodes, refuse, { cluster: { leaseMs: 2 * leaseMs } }),
);

meshTest('a node with another whenCutOff does not join, and both sides log why', 3, (nodes) =>
  strangerOf(nodes, refuse, { cluster: { whenCutOff: 'serve' } }),
);

meshTest(
  'check 73: the secret is rotated node by node on the mesh, no node is ever refused by another, and the old secret opens nothing at the end',
  4,
  async (nodes) => {
    const voters = { cluster: { nodes: nodes.addresses.slice(0, 3) } };
    const all = await Promise.all([0, 1, 2].map((place) => nodes.start(place, { secret: old, ...voters })));
    await eventually(() => all.every((one) => reached(one).length === 2 && accepts(one)));
    const rotation: readonly MeshNodeOptions[] = [
      { secret: [old, made] },
      { secret: [made, old] },
      { secret: made, retiredSecrets: [old] },
    ];
    for (const changes of rotation) {
      for (const place of [0, 1, 2]) {
        await all[place]!.node.stop();
        all[place] = await nodes.start(place, { ...changes, ...voters });
        await eventually(() => all.every((one) => reached(one).length === 2 && accepts(one)));
        for (const one of all) assert.doesNotMatch(complaints(one), /refuse/);
      }
    }
    const left = await nodes.start(3, { secret: old, ...voters });
    await eventually(() => complaints(left) !== '[]');
    assert.deepEqual(reached(left), []);
    assert.equal(accepts(left), false);
    for (const one of all) assert.deepEqual([reached(one).length, accepts(one)], [2, true]);
  },
);
