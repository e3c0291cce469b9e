import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Channel, ChannelEvents } from '../../sso/channel/channel.ts';
import { GossipNode } from '../../sso/gossip/gossip.ts';
import { parseFrame } from '../../sso/gossip/message.ts';
import { seededRandom } from '../../sso/random.ts';
import { virtualClock } from '../../sso/testing/virtual-clock.ts';
import { type Cell, cell, cellLattice, hour, startAt } from './cells.ts';
import { joinedCluster, testCluster } from './cluster.ts';

const names = ['n1', 'n2', 'n3'];
const texts = (nodes: readonly { readonly cells: { get(key: string): Cell | undefined } }[], key: string) =>
  nodes.map(({ cells }) => cells.get(key)?.text);

test('a node alone is up at once, keeps what is put, and waits for nobody', async () => {
  const clock = virtualClock(startAt);
  const gossip = new GossipNode({
    self: { node: 'n1', incarnation: 7, route: 'r', address: '' },
    clock,
    random: seededRandom(1),
  });
  const cells = gossip.map(cellLattice);
  await gossip.start();
  assert.equal(gossip.state, 'up');
  assert.equal(cells.put('a', cell('one'))?.text, 'one');
  assert.deepEqual(await gossip.stored(2, 250), { nodes: ['n1'], outstanding: [] });
  assert.deepEqual(await gossip.stored('all', 250), { nodes: ['n1'], outstanding: [] });
  assert.equal((await cells.ask(['unknown'])).everybody, true);
  assert.equal(clock.pending(), 1, 'the timer of forgetting, and no other');
  clock.advance(12 * hour + 120_000);
  assert.equal(cells.size, 0);
  await gossip.stop();
  assert.equal(clock.pending(), 0);
});

test('nodes started at the same moment do not wait for each other forever: all of them are soon up', async () => {
  const cluster = testCluster(names);
  const nodes = names.map((name) => cluster.start(name));
  await cluster.wait(Promise.all(nodes.map(({ started }) => started)));
  assert.ok(cluster.clock.monotonic() < 500, `${cluster.clock.monotonic()} ms`);
  await cluster.clock.advanceAsync(50);
  for (const { name, gossip } of nodes) {
    assert.deepEqual(
      gossip
        .members()
        .map(({ node, state, reachable }) => `${node} ${state} ${reachable}`)
        .sort(),
      names.map((node) => `${node} up true`),
    );
    assert.equal(gossip.members()[0]?.node, name);
  }
});

test('a joining node is up only when it holds what the others hold', async () => {
  const cluster = testCluster(names);
  const n1 = cluster.start('n1');
  const n2 = cluster.start('n2');
  await cluster.wait(Promise.all([n1.started, n2.started]));
  for (let index = 0; index < 5_000; index++) n1.cells.put(`key${index}`, cell(`text${index}`));
  const n3 = cluster.start('n3');
  const sizes: number[] = [];
  n3.gossip.onMember((before, after) => {
    if (after.node === 'n3' && after.state === 'up' && before?.state !== 'up') sizes.push(n3.cells.size);
  });
  await cluster.wait(n3.started);
  assert.deepEqual(sizes, [5_000]);
  assert.equal(n3.gossip.state, 'up');
});

test('an address that can not be reached delays the start by joinMs at most', async () => {
  const cluster = testCluster(['n1', 'n2', 'far']);
  cluster.network.split([['n1', 'n2'], ['far']]);
  const far = cluster.start('far', { joinMs: 100 });
  const nodes = [cluster.start('n1', { joinMs: 2_000 }), cluster.start('n2', { joinMs: 2_000 })];
  await cluster.wait(Promise.all(nodes.map(({ started }) => started)));
  assert.ok(cluster.clock.monotonic() >= 2_000 && cluster.clock.monotonic() < 2_200, `${cluster.clock.monotonic()} ms`);
  await cluster.wait(far.started);
  assert.equal(far.gossip.state, 'up');
});

test('what is put is on all members after one turn, and stored() says who confirmed', async () => {
  const { nodes, wait, clock } = await joinedCluster(names);
  const [n1] = nodes;
  const before = clock.monotonic();
  n1!.cells.put('a', cell('one'));
  const both = Promise.all([n1!.gossip.stored(2, 250), n1!.gossip.stored('all', 250)]);
  const [some, all] = await wait(both);
  assert.equal(clock.monotonic(), before, 'no time passed: it is one round trip');
  assert.deepEqual(texts(nodes, 'a'), ['one', 'one', 'one']);
  assert.ok(some.nodes.includes('n1') && some.nodes.length >= 2);
  assert.deepEqual(all, { nodes: ['n1', 'n2', 'n3'], outstanding: [] });
  assert.deepEqual(await wait(n1!.gossip.stored('all', 250)), { nodes: ['n1', 'n2', 'n3'], outstanding: [] });
});

test('members that are out of reach are outstanding, and those that can be reached are not kept waiting for them', async () => {
  const { nodes, network, wait, clock } = await joinedCluster(names);
  const [n1] = nodes;
  network.split([['n1', 'n2'], ['n3']]);
  await clock.advanceAsync(10);
  const before = clock.monotonic();
  n1!.cells.put('a', cell('one'));
  assert.deepEqual(await wait(n1!.gossip.stored('all', 1_000)), { nodes: ['n1', 'n2'], outstanding: ['n3'] });
  assert.ok(clock.monotonic() - before <= 2);
  network.heal();
  await clock.advanceAsync(500);
  assert.deepEqual(await wait(n1!.gossip.stored('all', 1_000)), { nodes: ['n1', 'n2', 'n3'], outstanding: [] });
  assert.deepEqual(texts(nodes, 'a'), ['one', 'one', 'one']);
});

test('a member that is silent holds up stored() for its time and no longer; a lost frame is asked for again before', async () => {
  const { nodes, network, wait, clock } = await joinedCluster(['n1', 'n2']);
  const [n1] = nodes;
  network.lose(1);
  n1!.cells.put('a', cell('one'));
  const stored = n1!.gossip.stored(2, 250);
  await clock.advanceAsync(20);
  network.lose(0);
  assert.deepEqual(await wait(stored), { nodes: ['n1', 'n2'], outstanding: [] });
  network.lose(1);
  const before = clock.monotonic();
  n1!.cells.put('b', cell('two'));
  assert.deepEqual(await wait(n1!.gossip.stored(2, 250)), { nodes: ['n1'], outstanding: ['n2'] });
  assert.ok(clock.monotonic() - before >= 250 && clock.monotonic() - before < 260);
  assert.equal(n1!.gossip.counters()['confirmations-late'], 1);
});

test('10,000 differences between five nodes are repaired within five seconds, and counted', async () => {
  const five = ['n1', 'n2', 'n3', 'n4', 'n5'];
  const { nodes, network, clock } = await joinedCluster(five);
  network.lose(1);
  for (let index = 0; index < 10_000; index++) nodes[index % 5]!.cells.put(`key${index}`, cell(`text${index}`));
  await clock.advanceAsync(1);
  network.lose(0);
  await clock.advanceAsync(5_000);
  assert.deepEqual(
    nodes.map(({ cells }) => cells.size),
    five.map(() => 10_000),
  );
  assert.ok(nodes.every(({ gossip }) => gossip.counters()['values-repaired']! >= 8_000));
});

test('ask() brings what any member holds, and says whether everybody answered', async () => {
  const { nodes, network, wait, clock } = await joinedCluster(names);
  const [n1, n2, n3] = nodes;
  network.lose(1);
  n2!.cells.put('a', cell('one'));
  await clock.advanceAsync(1);
  network.lose(0);
  await wait(n3!.cells.ask(['a']));
  assert.equal(n3!.cells.get('a')?.text, 'one');
  assert.equal((await wait(n1!.cells.ask(['nobody knows']))).everybody, true);

  network.split([['n1', 'n2'], ['n3']]);
  await clock.advanceAsync(10);
  const before = clock.monotonic();
  assert.equal((await wait(n1!.cells.ask(['nobody knows']))).everybody, false, 'V82: not knowing is not gone');
  assert.ok(clock.monotonic() - before <= 2, 'who is known to be away is not waited for');
  network.heal();
  await clock.advanceAsync(500);
  assert.equal((await wait(n1!.cells.ask(['nobody knows']))).everybody, true);

  network.lose(1);
  const silent = clock.monotonic();
  assert.equal((await wait(n1!.cells.ask(['nobody knows']))).everybody, false);
  assert.ok(clock.monotonic() - silent >= 250 && clock.monotonic() - silent < 260);
});

test('who was lost and can be reached again has not been asked before it answers: nobody is deserted by it', async () => {
  const { nodes, network, clock, wait } = await joinedCluster(['n1', 'n2']);
  network.split([['n1'], ['n2']]);
  await clock.advanceAsync(12_000);
  network.lose(1);
  network.heal();
  await clock.advanceAsync(10);
  const [n1] = nodes;
  assert.deepEqual(
    n1!.gossip.members().map(({ state }) => state),
    ['up', 'lost'],
    'its word is still under way',
  );
  const asked = await wait(n1!.cells.ask(['nobody knows']));
  assert.deepEqual(asked, { everybody: false, living: false, deserted: false });
});

test('a member that nobody reaches for lostAfterMs is lost, and up again when it is heard of', async () => {
  const { nodes, network, clock, wait } = await joinedCluster(names);
  const [n1, , n3] = nodes;
  const life = `n3:${n1!.gossip.members().find(({ node }) => node === 'n3')!.incarnation}`;
  const stateOf = () => n1!.gossip.members().find(({ node }) => node === 'n3')!.state;
  network.split([['n1', 'n2'], ['n3']]);
  await clock.advanceAsync(9_000);
  assert.equal(stateOf(), 'up');
  assert.equal(n1!.gossip.lifeEndedAt(life), undefined);
  await clock.advanceAsync(3_000);
  assert.equal(stateOf(), 'lost');
  const asked = await wait(n1!.cells.ask(['nobody knows']));
  assert.deepEqual(asked, { everybody: false, living: true, deserted: false }, 'it may know, but it is not waited for');
  const askedAlone = await wait(n3!.cells.ask(['nobody knows']));
  assert.deepEqual(askedAlone, { everybody: false, living: false, deserted: true }, 'there is nobody to wait for');
  const endedAt = n1!.gossip.lifeEndedAt(life)!;
  assert.ok(endedAt > startAt + 9_000 && endedAt <= clock.now());
  assert.deepEqual(
    n3!.gossip.members().map(({ state }) => state),
    ['up', 'lost', 'lost'],
  );
  network.heal();
  await clock.advanceAsync(1_500);
  for (const { gossip } of nodes)
    assert.deepEqual(
      gossip.members().map(({ state }) => state),
      ['up', 'up', 'up'],
    );
  assert.equal(n1!.gossip.lifeEndedAt(life), undefined);
});

test('a broken line between two nodes makes neither of them lost while a third one sees both', async () => {
  const { nodes, network, clock } = await joinedCluster(names);
  network.cut('n1', 'n2');
  await clock.advanceAsync(60_000);
  for (const { gossip } of nodes)
    assert.deepEqual(
      gossip.members().map(({ state }) => state),
      ['up', 'up', 'up'],
    );
  nodes[0]!.cells.put('a', cell('one'));
  await clock.advanceAsync(3_000);
  assert.deepEqual(texts(nodes, 'a'), ['one', 'one', 'one'], 'the comparison carries it round');
});

test('V86: a new life takes the place of the one before, whose links count as gone since it began', async () => {
  const { nodes, network, clock, start, wait } = await joinedCluster(names);
  const [n1, n2] = nodes;
  n1!.cells.put('a', cell('one'));
  await clock.advanceAsync(10);
  const former = `n2:${n1!.gossip.members().find(({ node }) => node === 'n2')!.incarnation}`;
  network.kill('n2');
  await wait(n2!.gossip.stop());
  await clock.advanceAsync(2_000);
  assert.equal(n1!.gossip.lifeEndedAt(former), undefined);
  const again = start('n2');
  const startedAt = clock.now();
  await wait(again.started);
  await clock.advanceAsync(10);
  assert.equal(n1!.gossip.lifeEndedAt(former), startedAt);
  assert.equal(n1!.gossip.lifeEndedAt('n2:99'), undefined);
  assert.equal(n1!.gossip.lifeEndedAt('stranger:1'), undefined);
  assert.equal(again.cells.get('a')?.text, 'one');
});

test('who leaves hands over, says so, and is neither waited for nor asked after', async () => {
  const { nodes, network, wait, clock } = await joinedCluster(names);
  const [n1, n2, n3] = nodes;
  network.lose(1);
  n3!.cells.put('only here', cell('handed over'));
  await clock.advanceAsync(1);
  network.lose(0);
  const before = clock.monotonic();
  await wait(n3!.gossip.leave());
  assert.equal(n1!.cells.get('only here')?.text, 'handed over');
  assert.ok(clock.monotonic() - before < 300, `${clock.monotonic() - before} ms`);
  await wait(n3!.gossip.stop());
  await clock.advanceAsync(20_000);
  assert.deepEqual(
    n1!.gossip.members().map(({ node, state }) => `${node} ${state}`),
    ['n1 up', 'n2 up', 'n3 left'],
  );
  n1!.cells.put('a', cell('one'));
  assert.deepEqual(await wait(n1!.gossip.stored('all', 250)), { nodes: ['n1', 'n2'], outstanding: [] });
  assert.equal((await wait(n2!.cells.ask(['unknown']))).everybody, true);
  clock.leap(25 * hour);
  await clock.advanceAsync(3_000);
  assert.deepEqual(
    n1!.gossip.members().map(({ node }) => node),
    ['n1', 'n2'],
  );
});

test('applications are seen on every node', async () => {
  const { nodes, clock } = await joinedCluster(names);
  const seen: string[] = [];
  nodes[1]!.gossip.onMember((_before, after) => seen.push(`${after.node}: ${after.applications.join()}`));
  nodes[0]!.gossip.setApplications(['shop', 'forum']);
  nodes[0]!.gossip.setApplications(['shop', 'forum']);
  await clock.advanceAsync(10);
  assert.deepEqual(seen, ['n1: shop,forum']);
});

test('V59: a listener that throws is counted, and the others hear of the change all the same', async () => {
  const { nodes, clock } = await joinedCluster(names);
  const heard: string[] = [];
  nodes[1]!.cells.onChange(() => {
    throw new Error('this one always fails');
  });
  nodes[1]!.cells.onChange(({ key, before, after, own }) => heard.push(`${key} ${before?.text} ${after.text} ${own}`));
  nodes[0]!.cells.put('a', cell('one'));
  nodes[1]!.cells.put('b', cell('two'));
  await clock.advanceAsync(10);
  assert.deepEqual(heard, ['b undefined two true', 'a undefined one false']);
  assert.equal(nodes[1]!.gossip.counters()['listener-errors'], 2);
});

test('a confirmation is sent after the listeners have acted', async () => {
  const { nodes, wait } = await joinedCluster(['n1', 'n2']);
  const [n1, n2] = nodes;
  n2!.cells.onChange(({ key }) => {
    if (key === 'a') n2!.cells.put('b', cell('concluded'));
  });
  n1!.cells.put('a', cell('one'));
  await wait(n1!.gossip.stored('all', 250));
  assert.equal(n2!.cells.get('b')?.text, 'concluded');
});

test('what is settled is heard by this node alone, and sent by nobody', async () => {
  const { nodes, clock } = await joinedCluster(names);
  const heard: boolean[] = [];
  nodes[0]!.cells.onChange(({ own }) => heard.push(own));
  const batches = nodes[0]!.gossip.counters()['batches-sent'];
  assert.equal(nodes[0]!.cells.settle('a', cell('concluded'))?.text, 'concluded');
  await clock.advanceAsync(1);
  assert.deepEqual(heard, [false]);
  assert.equal(nodes[0]!.gossip.counters()['batches-sent'], batches);
});

test('a refused put says why, and changes nothing anywhere', async () => {
  const { nodes, clock } = await joinedCluster(['n1', 'n2']);
  const [n1, n2] = nodes;
  const over = cell('over', { endsAt: clock.now() - 60_000 });
  const large = cell('"'.repeat(300_000));
  assert.equal(n1!.cells.put('a', over), undefined);
  assert.equal(n1!.cells.refuses('a', over), 'over');
  assert.equal(n1!.cells.put('b', large), undefined);
  assert.equal(n1!.cells.refuses('b', large), 'too-large');
  n1!.cells.put('c', cell('small'));
  assert.equal(n1!.cells.put('c', large), undefined, 'what is held stays as it was');
  assert.equal(n1!.cells.get('c')?.text, 'small');
  assert.equal(n1!.cells.put('c', cell('small'))?.text, 'small', 'nothing new is not refused');
  await clock.advanceAsync(2_000);
  assert.equal(n2!.cells.size, 1);
});

test('what is over is forgotten by every node a minute later, and indexes hear of it', async () => {
  const { nodes, clock } = await joinedCluster(['n1', 'n2']);
  const gone: string[] = [];
  for (const { name, cells } of nodes) cells.onForget((key, last) => gone.push(`${name} ${key} ${last.text}`));
  nodes[0]!.cells.put('a', cell('short', { endsAt: clock.now() + 90_000 }));
  nodes[0]!.cells.put('b', cell('long'));
  await clock.advanceAsync(179_000 - clock.monotonic());
  assert.deepEqual(gone, []);
  await clock.advanceAsync(3_000);
  assert.deepEqual(gone.sort(), ['n1 a short', 'n2 a short']);
  assert.equal(nodes[1]!.cells.size, 1);
});

test('a process that stood still compares with everybody when it wakes, and takes nobody for lost', async () => {
  const clock = virtualClock(startAt);
  let events: ChannelEvents | undefined;
  const sent: string[] = [];
  const channel: Channel = {
    open: async (taker) => void (events = taker),
    peers: () => [],
    pending: () => [],
    send: (to, frame) => void sent.push(`${to.node} ${frame[1]}`),
    broadcast: () => {},
    know: () => {},
    counters: () => ({ 'frames-lost': 3 }),
    close: async () => {},
  };
  const gossip = new GossipNode({
    self: { node: 'n1', incarnation: 1, route: '', address: '' },
    channel,
    clock,
    random: seededRandom(1),
  });
  await gossip.start();
  for (const node of ['n2', 'n3']) events!.up({ node, incarnation: 1 });
  await clock.advanceAsync(5_000);
  sent.length = 0;
  const late = clock.after;
  clock.after = (ms, run) => late(ms === 1_000 ? 15_000 : ms, run);
  await clock.advanceAsync(1_500);
  clock.after = late;
  await clock.advanceAsync(15_000);
  assert.equal(gossip.counters().stalls, 1);
  assert.deepEqual([...new Set(sent)].sort(), ['n2 3', 'n3 3']);
  assert.equal(gossip.counters()['frames-lost'], 3, 'what the channel counts is shown, too');

  for (const bytes of [[], [1], [1, 0, 91, 93], [1, 0, 123, 125, 125], [9, 9, 9, 9], [1, 200, 91, 93]]) {
    const refused = events!.frame({ node: 'n2', incarnation: 1 }, Uint8Array.from(bytes));
    assert.equal(refused, bytes[0] === 9 || bytes[1] === 200, 'an unknown version or type may be a newer member');
  }
});

test('after stop no timer is left, nothing is sent, and nobody who waited hangs', async () => {
  const { nodes, network, clock } = await joinedCluster(['n1', 'n2']);
  network.lose(1);
  const [n1, n2] = nodes;
  n1!.cells.put('a', cell('one'));
  const waiting = [n1!.gossip.stored(2, 60_000), n1!.cells.ask(['b'])];
  await clock.advanceAsync(10);
  void n1!.gossip.stop();
  void n2!.gossip.stop();
  await clock.advanceAsync(0);
  await Promise.all(waiting);
  assert.equal(clock.pending(), 0);
  n1!.cells.put('c', cell('late'));
  assert.deepEqual(await n1!.gossip.stored('all', 1_000), { nodes: ['n1'], outstanding: ['n2'] });
  assert.equal(clock.pending(), 0);
});

test('the same seed gives the same run', async () => {
  const run = async (seed: number) => {
    const { nodes, network, clock, random } = await joinedCluster(names, seed);
    const trace: string[] = [];
    for (const { name, cells } of nodes)
      cells.onChange(({ key, after }) => trace.push(`${clock.monotonic()} ${name} ${key} ${after.text}`));
    network.lose(0.2);
    network.double(0.1);
    network.delay({ min: 0, max: 30 });
    for (let turn = 0; turn < 100; turn++) {
      nodes[Math.floor(random.fraction() * 3)]!.cells.put(`key${turn % 20}`, cell(`${turn}`, { version: turn }));
      await clock.advanceAsync(random.fraction() * 100);
    }
    await clock.advanceAsync(10_000);
    return trace.join('\n') + JSON.stringify(nodes.map(({ gossip }) => gossip.counters()));
  };
  assert.equal(await run(7), await run(7));
  assert.notEqual(await run(7), await run(8));
});

/** Two that have joined, of which the second can be frozen: its timers wait, and so does what reaches it, or nothing does. */
async function freezable() {
  const cluster = testCluster(['n1', 'n2']);
  const { clock, network } = cluster;
  const timers: (() => void)[] = [];
  const frames: { readonly type: string | undefined; readonly arrive: () => void }[] = [];
  let isFrozen = false;
  let freezesAsking = false;
  const own = {
    ...clock,
    after: (ms: number, run: () => void) => clock.after(ms, () => (isFrozen ? timers.push(run) : run())),
  };
  const inner = network.channel({ node: 'n2', incarnation: 9, nodes: ['n1', 'n2'] });
  const channel: Channel = {
    peers: () => inner.peers(),
    pending: () => inner.pending(),
    broadcast: (frame) => inner.broadcast(frame),
    know: (addresses) => inner.know(addresses),
    counters: () => inner.counters(),
    close: () => inner.close(),
    open: (events) =>
      inner.open({
        ...events,
        frame(from, frame) {
          const type = parsedType(frame);
          const arrive = () => void events.frame(from, frame);
          if (isFrozen) frames.push({ type, arrive });
          else if (!freezesAsking || type !== 'compare') arrive();
        },
      }),
    send(to, frame) {
      inner.send(to, frame);
      isFrozen ||= freezesAsking && parsedType(frame) === 'compare';
    },
  };
  const self = { node: 'n2', incarnation: 9, route: 'n2', address: 'n2:7800' };
  const gossip = new GossipNode({ self, channel, clock: own as typeof clock, random: cluster.random });
  const cells = gossip.map(cellLattice);
  const n1 = cluster.start('n1');
  await cluster.wait(Promise.all([n1.started, gossip.start()]));
  await clock.advanceAsync(2_000);
  return {
    ...cluster,
    n1,
    n2: { gossip, cells },
    freeze() {
      isFrozen = true;
      network.split([['n1'], ['n2']]);
    },
    /** It is the first that asks. Its wires stay, and what is sent to it waits in them. */
    freezeOnceItHasAsked: () => void (freezesAsking = true),
    /** What came meanwhile is there to be looked at; the timers that are due run after it. */
    thaw() {
      isFrozen = false;
      freezesAsking = false;
      network.heal();
      clock.after(0, () => void timers.splice(0).map((run) => run()));
      return frames.splice(0);
    },
  };
}

const parsedType = (frame: Uint8Array) => {
  const message = parseFrame(frame);
  return typeof message === 'string' ? undefined : message.type;
};

test('a process that stood still knows at once that it did, and when it has caught up with what the others made of it', async () => {
  const { clock, wait, n1, n2, freeze, thaw } = await freezable();
  n1.cells.put('cart', cell('first'));
  await clock.advanceAsync(1_000);
  assert.equal(n2.gossip.catchingUp(), undefined);
  freeze();
  await clock.advanceAsync(7_000);
  n1.cells.put('cart', cell('second', { version: 2 }));
  await clock.advanceAsync(7_000);
  thaw();
  const caughtUp = n2.gossip.catchingUp();
  assert.ok(caughtUp !== undefined, 'before any timer has run');
  assert.equal(n2.cells.get('cart')?.text, 'first');
  await wait(caughtUp);
  assert.equal(n2.cells.get('cart')?.text, 'second');
  await clock.advanceAsync(2_000);
  assert.equal(n2.gossip.catchingUp(), undefined);
});

test('a comparison that was answered before the process stood still is no word on what the others did meanwhile', async () => {
  const { clock, network, wait, n1, n2, freezeOnceItHasAsked, thaw } = await freezable();
  n1.cells.put('cart', cell('first'));
  await clock.advanceAsync(10);
  freezeOnceItHasAsked();
  network.lose(1);
  n1.cells.put('list', cell('the answer is about this'));
  await clock.advanceAsync(1);
  network.lose(0);
  await clock.advanceAsync(7_000);
  n1.cells.put('cart', cell('second', { version: 2 }));
  await clock.advanceAsync(7_000);
  const answered = thaw().find(({ type }) => type === 'differs');
  const caughtUp = n2.gossip.catchingUp();
  answered!.arrive();
  assert.deepEqual(await wait(caughtUp!.then(() => texts([n2], 'cart'))), ['second']);
  assert.deepEqual(texts([n2], 'list'), ['the answer is about this']);
});

test('a process that stood still and finds nobody goes on after joinMs with what it has; one that is alone does not wait', async () => {
  const { clock, network, wait, n2, freeze, thaw } = await freezable();
  freeze();
  await clock.advanceAsync(5_000);
  thaw();
  network.split([['n1'], ['n2']]);
  const thawedAt = clock.monotonic();
  await wait(n2.gossip.catchingUp()!);
  assert.equal(clock.monotonic() - thawedAt, 3_000);
});
