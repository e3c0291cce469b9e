import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Peer } from '../../sso/channel/channel.ts';
import { talkFrame } from '../../sso/gossip/message.ts';
import type { Listener } from '../../sso/gossip/talk.ts';
import { cell } from './cells.ts';
import { joinedCluster, testCluster } from './cluster.ts';

/** A room that writes down what it hears, and takes frames of the types below `until`. */
function room(name: string, heard: string[], until = 256): Listener {
  return {
    up: ({ node }: Peer) => void heard.push(`${name} up ${node}`),
    down: ({ node }: Peer) => void heard.push(`${name} down ${node}`),
    frame(from, frame) {
      heard.push(`${name} ${frame[1]} of ${from.node}`);
      return frame[1]! < until;
    },
    stalled: () => void heard.push(`${name} stalled`),
  };
}

test('each room hears of peers, and of the frames that are its own', async () => {
  const { clock, start, wait } = testCluster(['n1', 'n2']);
  const heard: string[] = [];
  const n1 = start('n1');
  n1.gossip.listen(room('first', heard));
  n1.gossip.listen(room('second', heard, 70), 64);
  const n2 = start('n2');
  await wait(Promise.all([n1.started, n2.started]));
  assert.deepEqual(heard.splice(0), ['first up n2', 'second up n2']);
  for (const type of [32, 63, 64, 69]) n2.gossip.say('all', talkFrame(type, '[1]'));
  await clock.advanceAsync(10);
  assert.deepEqual(heard.splice(0), ['first 32 of n2', 'first 63 of n2', 'second 64 of n2', 'second 69 of n2']);
  assert.equal(n1.gossip.counters()['frame-shape'] ?? 0, 0);
  n2.gossip.say('all', talkFrame(70, '[1]'));
  await clock.advanceAsync(10);
  assert.equal(n1.gossip.counters()['frame-shape'], 1, 'what its room does not take is no frame');
});

test('frames that no room listens for are skipped', async () => {
  const { clock, start, wait } = testCluster(['n1', 'n2']);
  const heard: string[] = [];
  const n1 = start('n1');
  n1.gossip.listen(room('second', heard), 64);
  const n2 = start('n2');
  await wait(Promise.all([n1.started, n2.started]));
  heard.length = 0;
  n2.gossip.say('all', talkFrame(40, '[1]'));
  await clock.advanceAsync(10);
  assert.deepEqual(heard, []);
  assert.equal(n1.gossip.counters()['frame-type'], 1);
});

test('two rooms for the same frames are a mistake', () => {
  const { gossip } = testCluster(['n1']).start('n1');
  gossip.listen(room('one', []));
  assert.throws(() => gossip.listen(room('other', [])), /type 32/);
});

test('what is shed is told to the listeners here, and to nobody else', async () => {
  const { clock, nodes } = await joinedCluster(['n1', 'n2']);
  const [n1, n2] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  n1.cells.put('a', cell('x', { usedAt: 9 }));
  await clock.advanceAsync(10);
  const changes: unknown[] = [];
  n1.cells.onChange(({ key, before, after, own }) => void changes.push([key, before?.usedAt, after.usedAt, own]));
  assert.equal(n1.cells.shed('a', cell('x')), true);
  assert.equal(n1.cells.shed('a', cell('y')), false);
  assert.deepEqual(changes, [['a', 9, 0, false]]);
  await clock.advanceAsync(10_000);
  assert.deepEqual([n1.cells.get('a')?.usedAt, n2.cells.get('a')?.usedAt], [0, 9], 'rounds do not bring it back');
});
