/** The mesh among members: what every channel promises, on real sockets, and what only a mesh meets. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MeshChannel } from '../../sso/channel/mesh.ts';
import type { MeshOptions } from '../../sso/channel/mesh-options.ts';
import { SsoError } from '../../sso/errors.ts';
import { channelContract } from '../contracts/channel.ts';
import { goodSecret, MeshNetwork, meshKeys, otherSecret, quickMesh } from './mesh-network.ts';
import { RawMember } from './raw-member.ts';
import { awake, eventually, RecordedLog, Recording, record, text } from './recording.ts';
import { TcpProxy } from './tcp-proxy.ts';

channelContract('mesh', (nodes) => new MeshNetwork(nodes).start());

const bytes = (word: string) => Buffer.from(word);
const portOf = (mesh: MeshChannel) => Number(mesh.address().split(':').at(-1));

interface Opened {
  readonly mesh: MeshChannel;
  readonly log: RecordedLog;
  readonly recording: Recording;
}

/** A test that opens meshes, all of which are closed at its end. */
function story(
  sentence: string,
  run: (open: (options: Partial<MeshOptions> & { node: string }) => Promise<Opened>) => Promise<void>,
): void {
  test(sentence, { timeout: 30_000 }, () =>
    awake(async () => {
      const opened: MeshChannel[] = [];
      try {
        await run(async (options) => {
          const log = new RecordedLog();
          const mesh = quickMesh({ log, ...options });
          opened.push(mesh);
          return { mesh, log, recording: await record(mesh) };
        });
      } finally {
        await Promise.all(opened.map((mesh) => mesh.close()));
      }
    }),
  );
}

interface Tapped {
  readonly network: MeshNetwork;
  readonly meshes: readonly [MeshChannel, MeshChannel];
  readonly a: Recording;
  readonly b: Recording;
}

/** Two members whose connection, dialled by `n1`, goes through a proxy. */
async function withTapped(options: Partial<MeshOptions>, run: (tapped: Tapped) => Promise<void>): Promise<void> {
  const network = await new MeshNetwork(['n1', 'n2'], options).start();
  network.part('n1', 'n2');
  const meshes = [
    network.channel({ node: 'n1', incarnation: 1 }),
    network.channel({ node: 'n2', incarnation: 1 }),
  ] as const;
  const [a, b] = await Promise.all([record(meshes[0]), record(meshes[1])]);
  network.wire('n1', 'n2').heal();
  await Promise.all([a.hears('up'), b.hears('up')]);
  try {
    await run({ network, meshes, a, b });
  } finally {
    await Promise.all(meshes.map((mesh) => mesh.close()));
    await network.end();
  }
}

story('a member that is silent is down after the silence, though its connection never ended', () =>
  withTapped({ limits: { pingMs: 20, silenceMs: 100 } }, async ({ network, a, b }) => {
    network.wire('n1', 'n2').freeze();
    network.part('n2', 'n1');
    await Promise.all([a.hears('down'), b.hears('down')]);
  }),
);

story('a process that was held up itself declares nobody down', () =>
  withTapped({ limits: { pingMs: 20, silenceMs: 100 } }, async ({ meshes, a, b }) => {
    for (let i = 0; i < 3; i += 1) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
      meshes[0].broadcast(bytes(`${i}`));
      await b.hears('frame', 'n1', i + 1);
    }
    assert.deepEqual([a.story, b.story], [['up n2'], ['up n1']]);
  }),
);

story('of a connection that only one end has lost the other takes the next, with a gap and without being down', () =>
  withTapped({ limits: { pingMs: 50, silenceMs: 20_000 } }, async ({ network, meshes, a, b }) => {
    meshes[0].broadcast(bytes('one'));
    await b.hears('frame');
    network.heal();
    network.wire('n1', 'n2').tear();
    await Promise.all([a.hears('gap'), b.hears('gap')]);
    meshes[0].broadcast(bytes('two'));
    await b.hears('frame', 'n1', 2);
    assert.deepEqual(
      [a.story, b.story],
      [
        ['up n2', 'gap n2'],
        ['up n1', 'down n1', 'up n1', 'gap n1'],
      ],
    );
  }),
);

story('what does not fit into the queue is dropped, and both ends are told to compare once there is room', () =>
  withTapped({ limits: { maxFrameBytes: 20_000, maxQueueBytes: 200_000 } }, async ({ meshes, a, b }) => {
    for (let i = 0; i < 1_000; i += 1) meshes[0].broadcast(Buffer.alloc(10_000, i));
    await Promise.all([a.hears('gap'), b.hears('gap')]);
    const dropped = meshes[0].counters()['overflow']!;
    await b.hears('frame', 'n1', 1_000 - dropped);
    assert.ok(dropped > 900, `${dropped}`);
    assert.deepEqual(
      [a.story, b.story],
      [
        ['up n2', 'gap n2'],
        ['up n1', 'gap n1'],
      ],
    );
  }),
);

story('a node recognises itself behind an address of the list, and leaves it alone', async (open) => {
  const proxy = await new TcpProxy().start();
  const one = await open({ node: 'n1', nodes: [proxy.address] });
  proxy.target = portOf(one.mesh);
  await eventually(() => one.mesh.pending().length === 0);
  const two = await open({ node: 'n2', nodes: [one.mesh.address()] });
  await two.recording.hears('up', 'n1');
  await one.recording.hears('up', 'n2');
  assert.deepEqual([one.recording.story, one.log.warnings], [['up n2'], []]);
  await proxy.end();
});

story('addresses that members name are dialled as the configured ones', async (open) => {
  const one = await open({ node: 'n1' });
  const two = await open({ node: 'n2' });
  two.mesh.know([one.mesh.address(), two.mesh.address(), 'no address', '10.0.0.1:0']);
  await Promise.all([one.recording.hears('up', 'n2'), two.recording.hears('up', 'n1')]);
  assert.equal(two.mesh.counters()['address'], 1);
});

story('a DNS name leads to the nodes behind it; until it was answered it is pending', async (open) => {
  const one = await open({ node: 'n1' });
  let answer = (_ips: readonly string[]) => {};
  const answered = new Promise<readonly string[]>((resolve) => {
    answer = resolve;
  });
  const two = await open({
    node: 'n2',
    dns: { name: 'nodes.internal', port: portOf(one.mesh) },
    resolve: () => answered,
  });
  assert.deepEqual(two.mesh.pending(), [`nodes.internal:${portOf(one.mesh)}`]);
  answer(['127.0.0.1']);
  await two.recording.hears('up', 'n1');
  assert.deepEqual(two.mesh.pending(), []);
});

story(
  'settings that must be equal and are not: neither node is up for the other, and the operators of both read why, once',
  async (open) => {
    const one = await open({ node: 'n1', fingerprint: 'cookieDomain xyz.com' });
    const two = await open({ node: 'n2', fingerprint: 'cookieDomain abc.com', nodes: [one.mesh.address()] });
    await eventually(() => (two.mesh.counters()['refused-settings'] ?? 0) >= 3);
    for (const { log, recording } of [one, two]) {
      assert.deepEqual(recording.heard, []);
      assert.equal(log.warnings.length, 1);
      assert.match(
        text(log.warnings[0]!),
        /cookieDomain xyz\.com.*cookieDomain abc\.com|cookieDomain abc\.com.*cookieDomain xyz\.com/,
      );
    }
    assert.deepEqual(two.mesh.pending(), []);
    assert.deepEqual(
      two.mesh.refusals?.().map(({ by, reason, differ }) => ({ by, reason, differ })),
      [{ by: 'n1', reason: 'settings', differ: ['cookieDomain'] }],
      'whoever asks the node learns it as well',
    );
    await two.mesh.close();
    const mended = await open({
      node: 'n2',
      incarnation: 9,
      fingerprint: 'cookieDomain xyz.com',
      nodes: [one.mesh.address()],
    });
    await mended.recording.hears('up', 'n1');
    assert.deepEqual(
      [one, mended].map(({ mesh }) => mesh.refusals?.()),
      [[], []],
    );
  },
);

story(
  'of two processes with one name the earlier is told by the later, says so once and dials nobody any more',
  async (open) => {
    const replaced: number[] = [];
    const later = await open({ node: 'n1', incarnation: 9 });
    const earlier = await open({
      node: 'n1',
      incarnation: 5,
      nodes: [later.mesh.address()],
      onReplaced: (latest) => replaced.push(latest),
    });
    await earlier.log.says(/this one must stop/);
    await eventually(() => later.log.warnings.length === 1);
    assert.deepEqual(replaced, [9]);
    assert.match(text(later.log.warnings[0]!), /two processes have the name \\"n1\\"/);
    assert.deepEqual([later.recording.heard, earlier.recording.heard], [[], []]);
  },
);

story(
  'check 73: a node with the new secret and the old one talks to nodes with either; a retired one admits nobody',
  async (open) => {
    const old = await open({ node: 'n1', keys: meshKeys(otherSecret) });
    const both = await open({ node: 'n2', keys: meshKeys([goodSecret, otherSecret]), nodes: [old.mesh.address()] });
    await Promise.all([old.recording.hears('up', 'n2'), both.recording.hears('up', 'n1')]);
    const fresh = await open({
      node: 'n3',
      keys: meshKeys(goodSecret),
      nodes: [both.mesh.address(), old.mesh.address()],
    });
    await Promise.all([both.recording.hears('up', 'n3'), fresh.recording.hears('up', 'n2')]);
    await fresh.log.says(/a node cannot be talked to.*another secret/);
    assert.deepEqual(
      fresh.mesh.peers().map(({ node }) => node),
      ['n2'],
    );
  },
);

story('a node takes as many members as its limit says', async (open) => {
  const one = await open({ node: 'n1', limits: { maxPeers: 1 } });
  await open({ node: 'n2', nodes: [one.mesh.address()] });
  await one.recording.hears('up', 'n2');
  const three = await open({ node: 'n3', nodes: [one.mesh.address()] });
  await three.log.says(/a member refuses this node.*at most 1 members/);
  assert.equal(one.mesh.peers().length, 1);
});

story('a handler that throws is logged and counted, and harms no connection', async (open) => {
  const one = await open({ node: 'n1' });
  const two = await open({ node: 'n2', nodes: [one.mesh.address()] });
  await two.recording.hears('up');
  await one.recording.hears('up');
  one.recording.accepts = () => {
    throw new Error('a bug');
  };
  two.mesh.broadcast(bytes('x'));
  await one.log.says(/was not handled/);
  one.recording.accepts = () => true;
  two.mesh.broadcast(bytes('y'));
  await one.recording.hears('frame', 'n2', 2);
  assert.deepEqual([one.recording.story, one.mesh.counters()['event']], [['up n2'], 1]);
});

story(
  'a peer that is accepted twice keeps the connection with the greater number, whichever comes last',
  async (open) => {
    const listener = await open({ node: 'n9' });
    const members = [
      new RawMember({ port: portOf(listener.mesh), node: 'n1' }),
      new RawMember({ port: portOf(listener.mesh), node: 'n1' }),
    ] as const;
    for (const member of members) {
      await member.hears('hello');
      member.sayHello({ node: 'n1' });
    }
    const accept = (number: number) => {
      const payload = Buffer.alloc(4);
      payload.writeUInt32BE(number);
      return payload;
    };
    members[1].send('accept', accept(2));
    await listener.recording.hears('up', 'n1');
    members[0].send('accept', accept(1));
    await members[0].closed;
    members[1].send('data', bytes('still here'));
    await listener.recording.hears('frame', 'n1');
    assert.deepEqual(listener.recording.story, ['up n1']);
  },
);

story('a port in use is an error that names it', async (open) => {
  const one = await open({ node: 'n1' });
  const refused = quickMesh({ node: 'n2', listen: one.mesh.address() }).open(new Recording());
  await assert.rejects(
    refused,
    (error: SsoError) =>
      error.code === 'ERR_CHANNEL_FAILED' &&
      error.message.includes(one.mesh.address()) &&
      /EADDRINUSE/.test(error.message),
  );
});

test('check 75: options that cannot work are refused before anything listens, with the name of the field', () => {
  const wrong: readonly (readonly [Partial<MeshOptions>, RegExp])[] = [
    [{ node: 'n 1' }, /^route: /],
    [{ node: 'x'.repeat(129) }, /^route: /],
    [{ cluster: 'a/b' }, /^cluster\.name: /],
    [{ cluster: 'x'.repeat(65) }, /^cluster\.name: /],
    [{ listen: '7800' }, /^cluster\.listen: /],
    [{ advertise: '0.0.0.0:7800' }, /^cluster\.advertise: /],
    [{ advertise: '10.0.0.1:0' }, /^cluster\.advertise: /],
    [{ nodes: ['10.0.0.1:7800', '10.0.0.2'] }, /^cluster\.nodes\[1\]: /],
    [{ keys: () => [] }, /^secret: /],
    [{ keys: () => [{ keyId: 'aaaaaaaa', key: Buffer.alloc(8) }] }, /^secret: /],
    [{ fingerprint: 'x'.repeat(1_025) }, /^fingerprint: /],
    [{ incarnation: -1 }, /^incarnation: /],
    [{ limits: { maxQueueBytes: 1_000 } }, /^limits\.maxQueueBytes: /],
  ];
  for (const [options, pattern] of wrong) {
    assert.throws(
      () => quickMesh({ node: 'n1', ...options }),
      (error: SsoError) =>
        error instanceof SsoError && error.code === 'ERR_CONFIG_INVALID' && pattern.test(error.message),
      JSON.stringify(options),
    );
  }
});

test('after closing, no socket and no timer is left, whatever state the connections were in', { timeout: 30_000 }, () =>
  awake(async () => {
    const resources = () => process.getActiveResourcesInfo().filter((kind) => /TCP|TLS|Timeout/.test(kind)).length;
    const before = resources();
    const silent = await new TcpProxy().start();
    const network = await new MeshNetwork(['n1', 'n2', 'n3']).start();
    const meshes = ['n1', 'n2', 'n3'].map((node) => network.channel({ node, incarnation: 1 }));
    const recordings = await Promise.all(meshes.map((mesh) => record(mesh)));
    await Promise.all(recordings.map((recording) => recording.hears('up', undefined, 2)));
    const dialling = quickMesh({ node: 'n4', nodes: [silent.address, '127.0.0.1:9'] });
    await dialling.open(new Recording());
    const stranger = new RawMember({ port: portOf(meshes[0]!), node: 'n5' });
    await stranger.hears('hello');
    for (const mesh of meshes) for (let i = 0; i < 100; i += 1) mesh.broadcast(Buffer.alloc(1_000));
    await Promise.all([...meshes, dialling].map((mesh) => mesh.close()));
    await Promise.all([stranger.closed, network.end(), silent.end()]);
    await eventually(() => resources() <= before);
  }),
);

story('an idle member is heard of at every heartbeat', async (open) => {
  const one = await open({ node: 'n1', limits: { pingMs: 20 } });
  const member = await new RawMember({ port: portOf(one.mesh), node: 'n2' }).join('n2');
  const beats = () => member.heard.filter(({ kind }) => kind === 'ping').length;
  const frames = () => member.heard.length;
  await member.until(() => beats() >= 5);
  assert.equal(frames(), 2 + beats());
  member.socket.destroy();
});

story('a connection of a former life that was held does not come after the later one', async (open) => {
  const one = await open({ node: 'n1', limits: { pingMs: 30 } });
  const dial = () => new RawMember({ port: portOf(one.mesh), node: 'n2' });
  await dial().join('n2');
  const held = dial();
  await held.hears('hello');
  held.sayHello({ node: 'n2' });
  const later = dial();
  await later.hears('hello');
  later.sayHello({ node: 'n2', incarnation: 2 });
  await held.closed;
  await later.hears('ping');
  assert.deepEqual(one.mesh.peers(), [{ node: 'n2', incarnation: 2 }]);
  assert.deepEqual(one.recording.story, ['up n2', 'down n2', 'up n2']);
  later.socket.destroy();
});
