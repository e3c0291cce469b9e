/** The network in memory: what every channel promises, and the faults that only it has. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Channel } from '../../sso/channel/channel.ts';
import { type MemoryNetwork, memoryNetwork } from '../../sso/channel/memory.ts';
import { systemClock } from '../../sso/clock.ts';
import { seededRandom } from '../../sso/random.ts';
import { type VirtualClock, virtualClock } from '../../sso/testing/virtual-clock.ts';
import { channelContract } from '../contracts/channel.ts';
import { Recording } from './recording.ts';

channelContract('memory', async (nodes) => {
  const network = memoryNetwork({ clock: systemClock, random: seededRandom(1) });
  return {
    channel: (self) => network.channel({ ...self, nodes }),
    part: (a, b) => network.cut(a, b),
    heal: () => network.heal(),
    end: async () => {},
  };
});

interface World {
  readonly clock: VirtualClock;
  readonly network: MemoryNetwork;
  readonly channels: readonly Channel[];
  readonly recordings: readonly Recording[];
}

/** `count` open channels, `n1` and so on, in virtual time. */
function world(count: number, { seed = 1, silenceMs = 0 } = {}): World {
  const clock = virtualClock();
  const network = memoryNetwork({ clock, random: seededRandom(seed), silenceMs });
  const channels = Array.from({ length: count }, (_, i) => network.channel({ node: `n${i + 1}`, incarnation: 1 }));
  const recordings = channels.map((channel) => {
    const recording = new Recording();
    void channel.open(recording);
    return recording;
  });
  clock.advance(0);
  return { clock, network, channels, recordings };
}

const numbered = (i: number) => Buffer.from(`${i}`);
const range = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);

test('without faults a frame is there by the next soon, never within the call that sent it', () => {
  const { clock, channels, recordings } = world(2);
  channels[0]!.broadcast(numbered(0));
  assert.deepEqual(recordings[1]!.texts, []);
  clock.advance(0);
  assert.deepEqual(recordings[1]!.texts, ['0']);
});

test('a delay by chance keeps the order of a pair, also when it is taken back', () => {
  const { clock, network, channels, recordings } = world(2);
  network.delay({ min: 1, max: 40 });
  for (let i = 0; i < 50; i += 1) channels[0]!.broadcast(numbered(i));
  network.delay(0);
  for (let i = 50; i < 60; i += 1) channels[0]!.broadcast(numbered(i));
  assert.deepEqual(recordings[1]!.texts, []);
  clock.advance(40);
  assert.deepEqual(recordings[1]!.texts, range(60));
});

test('a fixed delay is kept to the millisecond', () => {
  const { clock, network, channels, recordings } = world(2);
  network.delay(30);
  channels[0]!.broadcast(numbered(0));
  clock.advance(29);
  assert.deepEqual(recordings[1]!.texts, []);
  clock.advance(1);
  assert.deepEqual(recordings[1]!.texts, ['0']);
});

test('V94: frames are lost, doubled and out of order as often as was asked for', () => {
  const { clock, network, channels, recordings } = world(2);
  const send = (count: number) => {
    recordings[1]!.heard.length = 0;
    for (let i = 0; i < count; i += 1) channels[0]!.broadcast(numbered(i));
    clock.advance(1_000);
    return recordings[1]!.texts;
  };
  network.lose(0.25);
  const survivors = send(2_000).length;
  assert.ok(survivors > 1_400 && survivors < 1_600, `${survivors}`);
  assert.equal(channels[0]!.counters()['lost'], 2_000 - survivors);
  network.lose(0);
  network.double(0.5);
  const doubled = send(2_000).length;
  assert.ok(doubled > 2_900 && doubled < 3_100, `${doubled}`);
  network.double(0);
  network.reorder(0.1, 100);
  const mixed = send(500);
  assert.notDeepEqual(mixed, range(500));
  assert.deepEqual(
    [...mixed].sort((a, b) => Number(a) - Number(b)),
    range(500),
  );
  network.reorder(0);
  assert.deepEqual(send(500), range(500));
});

test('a split parts the named from the others; each side goes on by itself, and both meet again with a gap', () => {
  const { clock, network, channels, recordings } = world(4);
  network.split([['n3', 'n4']]);
  clock.advance(0);
  assert.deepEqual(
    channels.map((channel) => channel.peers().map(({ node }) => node)),
    [['n2'], ['n1'], ['n4'], ['n3']],
  );
  for (const channel of channels) channel.broadcast(numbered(1));
  clock.advance(0);
  assert.deepEqual(
    recordings.map(({ frames }) => frames.length),
    [1, 1, 1, 1],
  );
  network.heal();
  clock.advance(0);
  assert.deepEqual(recordings[0]!.story.slice(3), ['down n3', 'down n4', 'up n3', 'gap n3', 'up n4', 'gap n4']);
});

test('nothing on its way crosses a split', () => {
  const { clock, network, channels, recordings } = world(2);
  network.delay(10);
  channels[0]!.broadcast(numbered(1));
  clock.advance(5);
  network.split([['n1'], ['n2']]);
  network.heal();
  network.split([['n1']]);
  clock.advance(5);
  network.heal();
  clock.advance(10);
  assert.deepEqual(recordings[1]!.frames, []);
});

test('a one-way cut ends the connection for both, since it needs both ways', () => {
  const { clock, network, recordings } = world(2);
  network.cut('n1', 'n2');
  clock.advance(0);
  assert.deepEqual(
    recordings.map(({ story }) => story),
    [
      ['up n2', 'down n2'],
      ['up n1', 'down n1'],
    ],
  );
});

test('until the silence is over a cut goes unnoticed one way and carries on the other; healed before, it is a gap', () => {
  const { clock, network, channels, recordings } = world(2, { silenceMs: 5_000 });
  network.cut('n1', 'n2');
  for (const channel of channels) channel.broadcast(numbered(1));
  clock.advance(4_999);
  assert.deepEqual(
    recordings.map(({ frames }) => frames.length),
    [1, 0],
  );
  network.heal();
  clock.advance(10_000);
  assert.deepEqual(
    recordings.map(({ story }) => story),
    [
      ['up n2', 'gap n2'],
      ['up n1', 'gap n1'],
    ],
  );
  network.cut('n1', 'n2');
  clock.advance(5_000);
  assert.deepEqual(
    recordings.map(({ story }) => story.at(-1)),
    ['down n2', 'down n1'],
  );
});

test('a killed process says nothing more, not even what it had on the wire, and can start again', () => {
  const { clock, network, channels, recordings } = world(3);
  channels[0]!.broadcast(numbered(1));
  network.kill('n1');
  channels[0]!.broadcast(numbered(2));
  clock.advance(0);
  assert.deepEqual(recordings[0]!.story, ['up n2', 'up n3']);
  assert.deepEqual(recordings[1]!.story, ['up n1', 'up n3', 'down n1']);
  assert.deepEqual(recordings[1]!.frames, []);
  const again = new Recording();
  void network.channel({ node: 'n1', incarnation: 2 }).open(again);
  clock.advance(0);
  assert.deepEqual(again.story, ['up n2', 'up n3']);
  assert.deepEqual(recordings[1]!.heard.at(-1), { what: 'up', node: 'n1', incarnation: 2 });
});

test('a machine without power is missed after so long, or as soon as its next life is met', () => {
  const { clock, network, channels, recordings } = world(3);
  network.split([['n1', 'n3'], ['n2']]);
  clock.advance(0);
  network.kill('n1', 100);
  clock.advance(99);
  assert.deepEqual(recordings[2]!.story, ['up n1', 'up n2', 'down n2']);
  assert.deepEqual(channels[2]!.peers(), [{ node: 'n1', incarnation: 1 }]);
  clock.advance(1);
  assert.deepEqual(recordings[2]!.story, ['up n1', 'up n2', 'down n2', 'down n1']);
  network.kill('n3', 100);
  network.heal();
  void network.channel({ node: 'n3', incarnation: 2 }).open(new Recording());
  clock.advance(0);
  assert.deepEqual(channels[1]!.peers(), [{ node: 'n3', incarnation: 2 }]);
});

test('a configured node across a split stays pending, one that does not run does not', () => {
  const clock = virtualClock();
  const network = memoryNetwork({ clock, random: seededRandom(1) });
  network.split([['n1', 'n2'], ['n3']]);
  const channel = network.channel({ node: 'n1', incarnation: 1, nodes: ['n1', 'n2', 'n3'] });
  void channel.open(new Recording());
  assert.deepEqual(channel.pending(), ['n2', 'n3']);
  clock.advance(0);
  assert.deepEqual(channel.pending(), ['n3']);
  network.heal();
  clock.advance(0);
  assert.deepEqual(channel.pending(), []);
});

test('the same seed gives the same run', () => {
  const run = (seed: number) => {
    const { clock, network, channels, recordings } = world(3, { seed });
    network.delay({ min: 0, max: 20 });
    network.lose(0.1);
    network.double(0.1);
    network.reorder(0.1, 30);
    for (let i = 0; i < 300; i += 1) {
      channels[i % 3]!.broadcast(numbered(i));
      clock.advance(1);
    }
    clock.advance(100);
    return recordings.map(({ texts }) => texts.join());
  };
  assert.deepEqual(run(5), run(5));
  assert.notDeepEqual(run(5), run(6));
});

test('when all is over the clock has nothing left to do', async () => {
  const { clock, channels } = world(3);
  const closed = Promise.all(channels.map((channel) => channel.close()));
  clock.advance(0);
  await closed;
  assert.equal(clock.pending(), 0);
});
