/** Two processes of one name, and a node whose clock was set back between its lives. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { memoryNetwork } from '../../sso/channel/memory.ts';
import type { Disk } from '../../sso/disk/disk.ts';
import { MemoryDisk, Platter } from '../../sso/disk/memory-disk.ts';
import { type SsoNode, startNode } from '../../sso/index.ts';
import { silentLog } from '../../sso/log.ts';
import { seededRandom } from '../../sso/random.ts';
import { virtualClock } from '../../sso/testing/virtual-clock.ts';
import {
  A,
  accepted,
  copyOf,
  guarded,
  hours,
  seconds,
  ssoName,
  story,
  three,
  who,
  whoEverywhere,
} from '../support/story.ts';

for (const disks of [true, false]) {
  story(
    `a node whose clock was set back between its lives, ${disks ? 'with a disk' : 'in memory only'}, takes a later incarnation, and nothing is lost or undone`,
    { nodes: three, disks, logsErrors: true },
    async (it) => {
      const alice = await it.signedOn('alice', 'n1');
      const bob = await it.signedOn('bob', 'n1');
      const token = copyOf(it, alice).cookie(ssoName)!;
      await alice.post(`${A}/logout`).expect(200);
      await it.cluster.advance(seconds);
      const lifeOf = () =>
        it.cluster
          .at('n2')
          .sso.members()
          .find(({ node }) => node === 'n1')!.incarnation;
      const before = lifeOf();
      await it.cluster.kill('n1');
      it.cluster.at('n1').skew.ms = -hours;
      await it.cluster.restart('n1');
      await it.cluster.settle();
      assert.ok(lifeOf() > before);
      assert.equal(it.cluster.at('n1').sso.state, 'up');
      assert.equal(await accepted(it, token), 0);
      assert.deepEqual(await whoEverywhere(it, bob), ['bob', 'bob', 'bob']);
      await bob.post(`${A}/logout`, { at: 'n1' }).expect(200);
      for (const at of three) assert.equal(await guarded(bob, A, at), 401, at);
    },
  );
}

story(
  'S1: all nodes restarted with clocks that are an hour slow, or fast, remember who signed out',
  { nodes: three, disks: true, logsErrors: true },
  async (it) => {
    const alice = await it.signedOn('alice', 'n1');
    const bob = await it.signedOn('bob', 'n2');
    const token = copyOf(it, alice).cookie(ssoName)!;
    await alice.post(`${A}/logout`).expect(200);
    await it.cluster.advance(seconds);
    for (const skewMs of [-hours, hours]) {
      await Promise.all(three.map((name) => it.cluster.kill(name)));
      for (const name of three) it.cluster.at(name).skew.ms = skewMs;
      await Promise.all(three.map((name) => it.cluster.restart(name)));
      assert.equal(await accepted(it, token), 0);
      if (skewMs < 0) assert.equal(await who(bob, A, 'n3'), 'bob');
    }
  },
);

/** Nodes on a network in memory, without doors: more than one process may bear a name. */
function world() {
  const clock = virtualClock();
  const network = memoryNetwork({ clock, random: seededRandom(1) });
  const started: SsoNode[] = [];
  let seed = 0;
  /** Awaits something, and lets time pass. */
  const during = async <T>(work: Promise<T>): Promise<T> => {
    let over = false;
    void work.then(
      () => (over = true),
      () => (over = true),
    );
    for (let passed = 0; !over && passed < 60_000; passed += 10) await clock.advanceAsync(10);
    return work;
  };
  const start = async (route: string, disk?: Disk): Promise<SsoNode> => {
    const node = await during(
      startNode({
        secret: 'mgeoRn0Ki2yZ4xpQ7LwTtB9sVcHdJu5F',
        route,
        log: silentLog,
        cluster: { listen: `${route}:7800`, nodes: three.map((name) => `${name}:7800`) },
        world: {
          clock,
          random: seededRandom(++seed),
          channel: (self) => network.channel({ ...self, nodes: three }),
          ...(disk && { disk }),
        },
      }),
    );
    started.push(node);
    return node;
  };
  const end = () => during(Promise.all(started.map((node) => node.kill())));
  return { clock, start, end };
}

test('a second process of a name takes over: the first one stops and says so, and the others go on', async () => {
  const { clock, start, end } = world();
  try {
    const [first, second] = await Promise.all([start('n1'), start('n2'), start('n3')]);
    let replaced = 0;
    first.on('replaced', () => void replaced++);
    const again = await start('n1');
    await clock.advanceAsync(5_000);
    assert.deepEqual([first.state, again.state, replaced], ['stopped', 'up', 1]);
    assert.deepEqual([first.finality().accepting, again.finality().accepting], [false, true]);
    assert.deepEqual(
      second.members().map(({ node, state }) => [node, state]),
      [
        ['n2', 'up'],
        ['n1', 'up'],
        ['n3', 'up'],
      ],
    );
    assert.equal(second.finality().accepting, true);
  } finally {
    await end();
  }
});

test('a second process that would share the data directory does not start, and the first goes on', async () => {
  const { clock, start, end } = world();
  const platter = new Platter();
  const disk = () => new MemoryDisk({ clock, platter });
  try {
    const [first] = await Promise.all([start('n1', disk()), start('n2'), start('n3')]);
    await assert.rejects(start('n1', disk()), { code: 'ERR_DISK_FAILED', message: /another process/ });
    await clock.advanceAsync(10_000);
    assert.deepEqual([first.state, first.finality().accepting], ['up', true]);
  } finally {
    await end();
  }
});
