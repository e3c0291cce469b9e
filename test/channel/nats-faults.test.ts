/** What a channel over NATS meets: servers that are away, restart, hang, refuse; members that differ; and its own end. */

import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { after, test } from 'node:test';
import { type Channel, type ChannelParts, maxFrameBytes } from '../../sso/channel/channel.ts';
import { type NatsOptions, natsChannel } from '../../sso/channel/nats.ts';
import type { SsoError } from '../../sso/errors.ts';
import { Authority, hasOpenssl } from './certificates.ts';
import { quickChannel, quickNats } from './nats-network.ts';
import { NatsTestServer, natsUser, noNats } from './nats-server.ts';
import { awake, eventually, RecordedLog, type Recording, record, text } from './recording.ts';
import { TcpProxy } from './tcp-proxy.ts';

interface Member {
  readonly channel: Channel;
  readonly log: RecordedLog;
  readonly recording: Recording;
}

type OpenMember = (
  parts: Partial<ChannelParts> & { readonly node: string },
  options?: Partial<NatsOptions>,
) => Promise<Member>;

/** A test with a server of its own, and members that are closed at its end. */
function fault(
  sentence: string,
  run: (server: NatsTestServer, open: OpenMember) => Promise<void>,
  { settings = '', started = true } = {},
): void {
  test(sentence, { timeout: 30_000, skip: noNats }, () =>
    awake(async () => {
      const server = new NatsTestServer(settings);
      await server.start();
      if (!started) await server.stop();
      const channels: Channel[] = [];
      try {
        await run(server, async (parts, options) => {
          const log = new RecordedLog();
          const channel = quickChannel(server.url, { log, ...parts }, options);
          channels.push(channel);
          return { channel, log, recording: await record(channel) };
        });
      } finally {
        await Promise.all(channels.map((channel) => channel.close()));
        await server.end();
      }
    }),
  );
}

const hear = (members: readonly Member[], what: 'up' | 'down' | 'gap', times = 1) =>
  Promise.all(members.map(({ recording }) => recording.hears(what, undefined, times)));

fault('a restart of the server is down for all; then they are up again, with a gap', async (server, open) => {
  const members = [await open({ node: 'n1' }), await open({ node: 'n2' }), await open({ node: 'n3' })];
  await hear(members, 'up', 2);
  await server.stop();
  await hear(members, 'down', 2);
  assert.ok(members.every(({ channel }) => channel.peers().length === 0));
  members[0]!.channel.broadcast(Buffer.from('to nobody'));
  await server.start();
  await hear(members, 'gap', 2);
  members[0]!.channel.broadcast(Buffer.from('again'));
  await Promise.all(members.slice(1).map(({ recording }) => recording.hears('frame')));
  for (const { recording, log } of members) {
    assert.ok(recording.texts.every((one) => one === 'again'));
    const messages = log.warnings.map(({ message }) => message);
    assert.ok(messages.length >= 1 && messages.length <= 3, messages.join());
    assert.match(messages[0]!, /the connection to the NATS server has ended/);
  }
});

fault(
  'a server that is away at the start is tried until it is there, and said once; opening does not wait for it',
  async (server, open) => {
    const one = await open({ node: 'n1', nodes: ['n1', 'n2'] });
    const two = await open({ node: 'n2', nodes: ['n1', 'n2'] });
    await eventually(() => (one.channel.counters()['server'] ?? 0) >= 4);
    assert.deepEqual(one.channel.pending(), ['n2']);
    assert.deepEqual(
      one.log.warnings.map(({ message }) => message),
      ['the NATS server is not reached'],
    );
    assert.match(text(one.log.warnings[0]!), /127\.0\.0\.1:\d+.*ECONNREFUSED/);
    await server.start();
    await hear([one, two], 'up');
    assert.deepEqual(one.channel.pending(), []);
    assert.deepEqual([one.recording.story, two.recording.story], [['up n2'], ['up n1']]);
  },
  { started: false },
);

fault(
  'a wrong password is one clear error line without the password, and is mended by the server alone',
  async (server, open) => {
    const one = await open({ node: 'n1' }, { pass: 'the-next-password' });
    await eventually(() => (one.channel.counters()['server'] ?? 0) >= 4);
    const lines = one.log.warnings.map(text);
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(lines[0]!, /^error the NATS server refuses this node's user, password or token.*127\.0\.0\.1/);
    assert.ok(!lines[0]!.includes('the-next-password'));
    await server.stop();
    await server.start(`authorization { user: ${natsUser}, password: "the-next-password" }`);
    const two = await open({ node: 'n2' }, { pass: 'the-next-password' });
    await hear([one, two], 'up');
  },
);

fault(
  'a token is as good as a user',
  async (_server, open) => {
    const members = [await open({ node: 'n1' }, token), await open({ node: 'n2' }, token)];
    await hear(members, 'up');
  },
  { settings: 'authorization { token: "a-token-of-nats" }' },
);
const token = { user: undefined!, pass: undefined!, token: 'a-token-of-nats' };

fault(
  'a server whose messages are too short for a frame is an error line that says what it needs',
  async (_server, open) => {
    const one = await open({ node: 'n1' });
    await one.log.says(/takes too short messages.*max_payload is 65536 bytes: Latchkey needs at least 52\d{4}/);
    await eventually(() => (one.channel.counters()['server'] ?? 0) >= 3);
    assert.equal(one.log.warnings.length, 1);
  },
  { settings: 'max_payload: 65536' },
);

fault(
  'a subject that the server forbids is one error line with its name',
  async (_server, open) => {
    const one = await open({ node: 'n1' });
    await one.log.says(/error the NATS server forbids this node a subject.*latchkey\.latchkey\.all/);
    assert.ok(one.log.warnings.length <= 2);
  },
  {
    settings: `authorization { users: [{ user: ${natsUser}, password: "carries-frames", permissions: { subscribe: "nothing" } }] }`,
  },
);

const authority = noNats === false && hasOpenssl() ? new Authority() : undefined;
after(() => authority?.remove());
const noTls = authority === undefined ? 'nats-server or openssl is not installed' : false;

test(
  'a server with TLS is talked to by its authority alone; another is not reached, and the line says why',
  { timeout: 30_000, skip: noTls },
  () =>
    awake(async () => {
      const { ca } = authority!;
      const { cert, key } = authority!.issue({ san: 'DNS:localhost' });
      const other = new Authority();
      const server = new NatsTestServer();
      const certificate = server.write('cert.pem', cert);
      await server.start(`tls { cert_file: "${certificate}", key_file: "${server.write('key.pem', key)}" }`);
      const log = new RecordedLog();
      const at = { servers: `tls://localhost:${server.port}` };
      const channels = [
        quickChannel('', { node: 'n1' }, { ...at, tls: { ca } }),
        quickChannel('', { node: 'n2' }, { ...at, tls: { ca } }),
        quickChannel('', { node: 'n3', log }, { ...at, tls: { ca: other.ca } }),
      ];
      const [one, two, three] = await Promise.all(channels.map(record));
      await Promise.all([one!.hears('up', 'n2'), two!.hears('up', 'n1'), log.says(/not reached.*certificate/)]);
      assert.deepEqual([three!.heard, log.warnings.length], [[], 1]);
      await Promise.all(channels.map((channel) => channel.close()));
      other.remove();
      await server.end();
    }),
);

fault('of several servers the next is tried when one is away', async (server, open) => {
  const servers = { servers: ['nats://127.0.0.1:9', server.url] };
  const members = [await open({ node: 'n1' }, servers), await open({ node: 'n2' }, servers)];
  await hear(members, 'up');
});

fault('a server that hangs costs no socket with every attempt, and is left when it is silent', async (server, open) => {
  const limits = { ...quickNats, pingMs: 50, silenceMs: 300, connectMs: 100 };
  const members = [await open({ node: 'n1' }, { limits }), await open({ node: 'n2' }, { limits })];
  await hear(members, 'up');
  server.freeze();
  await hear(members, 'down');
  await Promise.all(members.map(({ log }) => log.says(/not reached.*no answer in time/)));
  await eventually(() => members.every(({ channel }) => (channel.counters()['server'] ?? 0) >= 5));
  assert.ok(sockets() <= 4, `${sockets()} sockets`);
  server.thaw();
  await hear(members, 'gap');
});

fault('a member whose server connection hangs is down after the silence', async (server, open) => {
  const proxy = await new TcpProxy().start();
  proxy.target = server.port;
  const one = await open({ node: 'n1' }, { limits: { ...quickNats, pingMs: 20, silenceMs: 200 } });
  const two = await open({ node: 'n2' }, { servers: proxy.address });
  await hear([one, two], 'up');
  proxy.freeze();
  await one.recording.hears('down');
  await proxy.end();
});

fault('a process that was held up itself declares nobody down', async (_server, open) => {
  const limits = { ...quickNats, pingMs: 20, silenceMs: 100 };
  const [one, two] = [await open({ node: 'n1' }, { limits }), await open({ node: 'n2' }, { limits })];
  await hear([one, two], 'up');
  for (let i = 0; i < 3; i += 1) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
    one.channel.broadcast(Buffer.from(`${i}`));
    await two.recording.hears('frame', 'n1', i + 1);
  }
  // Greetings that cross at the beginning are told as a gap, which costs a comparison and is nobody's end.
  const raised = [one, two].map(({ recording }) => recording.story.filter((line) => !line.startsWith('gap ')));
  assert.deepEqual(raised, [['up n2'], ['up n1']]);
});

fault('what does not fit is dropped, and both ends are told to compare once there is room', async (_server, open) => {
  const limits = { ...quickNats, maxQueueBytes: 2 * maxFrameBytes };
  const [one, two] = [await open({ node: 'n1' }, { limits }), await open({ node: 'n2' })];
  await hear([one, two], 'up');
  for (let i = 0; i < 500; i += 1) one.channel.broadcast(Buffer.alloc(10_000, i));
  for (let i = 0; i < 500; i += 1) one.channel.send({ node: 'n2', incarnation: 1 }, Buffer.alloc(10_000, i));
  await hear([one, two], 'gap');
  const dropped = one.channel.counters()['overflow']!;
  await two.recording.hears('frame', 'n1', 1_000 - dropped);
  assert.ok(dropped > 800, `${dropped}`);
  assert.deepEqual(one.recording.story, ['up n2', 'gap n2']);
  assert.match(two.recording.story.join(), /^up n1(,gap n1){1,2}$/);
  one.channel.broadcast(Buffer.from('there is room'));
  await eventually(() => two.recording.texts.at(-1) === 'there is room');
});

fault(
  'settings that must be equal and are not: neither is up, and the operators of both read why, once',
  async (_server, open) => {
    const one = await open({ node: 'n1', nodes: ['n2'], fingerprint: 'lifeMs 1' });
    const two = await open({ node: 'n2', nodes: ['n1'], fingerprint: 'lifeMs 2' });
    await eventually(() => [one, two].every(({ channel }) => (channel.counters()['refused-by-member'] ?? 0) >= 1));
    await eventually(() => [one, two].some(({ channel }) => (channel.counters()['refused-settings'] ?? 0) >= 3));
    for (const { log, recording, channel } of [one, two]) {
      assert.deepEqual([recording.heard, channel.pending()], [[], []]);
      assert.equal(log.warnings.length, 1, log.warnings.map(text).join('\n'));
      assert.match(text(log.warnings[0]!), /lifeMs 1.*lifeMs 2|lifeMs 2.*lifeMs 1/);
    }
    const judges = [one, two].flatMap(({ channel }) => channel.refusals?.() ?? []);
    assert.deepEqual([...new Set(judges.flatMap(({ differ }) => differ))], ['lifeMs']);
    const mended = await open({ node: 'n2', incarnation: 2, fingerprint: 'lifeMs 1' });
    await hear([one, mended], 'up');
    assert.deepEqual(mended.channel.refusals?.(), []);
  },
);

fault(
  'of two processes with one name the earlier is told by the later, says so once and is seen no more',
  async (_server, open) => {
    const replaced: number[] = [];
    const later = await open({ node: 'n1', incarnation: 9 });
    const earlier = await open({ node: 'n1', incarnation: 5, onReplaced: (latest) => void replaced.push(latest) });
    await earlier.log.says(/this one must stop/);
    await later.log.says(/two processes have the name \\"n1\\"/);
    const two = await open({ node: 'n2' });
    await two.recording.hears('up', 'n1');
    assert.deepEqual([replaced, two.channel.peers()], [[9], [{ node: 'n1', incarnation: 9 }]]);
    assert.deepEqual(earlier.recording.heard, []);
  },
);

fault('of two copies of one process, as a restored machine makes them, one gives way', async (_server, open) => {
  const replaced: number[] = [];
  const parts = { node: 'n1', incarnation: 5, onReplaced: (latest: number) => void replaced.push(latest) };
  const members = [await open(parts), await open(parts)];
  await eventually(() => replaced.length > 0);
  await eventually(() => members.some(({ log }) => log.warnings.some(({ level }) => level === 'error')));
  assert.equal(replaced.length, 1);
  assert.ok(replaced[0]! >= 5);
});

fault('a node takes as many members as its limit says', async (_server, open) => {
  const one = await open({ node: 'n1' }, { limits: { ...quickNats, maxPeers: 1 } });
  const two = await open({ node: 'n2' });
  await hear([one, two], 'up');
  const three = await open({ node: 'n3' });
  await three.log.says(/a member refuses this node.*at most 1 members/);
  assert.equal(one.channel.peers().length, 1);
});

fault(
  'nodes that came and went are forgotten after so many, with all that was sent to this connection',
  async (_server, open) => {
    const one = await open({ node: 'n1' }, { limits: { ...quickNats, maxRemembered: 3 } });
    const two = await open({ node: 'n2' });
    for (const node of ['n3', 'n4']) {
      const passing = await open({ node });
      await one.recording.hears('up', node);
      await passing.channel.close();
    }
    await one.log.says(/has ended.*are forgotten/);
    await Promise.all([one.recording.hears('up', 'n2', 2), two.recording.hears('gap', 'n1')]);
    two.channel.broadcast(Buffer.from('still here'));
    await one.recording.hears('frame', 'n2');
  },
);

fault('a handler that throws is logged and counted, and harms nobody', async (_server, open) => {
  const [one, two] = [await open({ node: 'n1' }), await open({ node: 'n2' })];
  await hear([one, two], 'up');
  one.recording.accepts = () => {
    throw new Error('a bug');
  };
  two.channel.broadcast(Buffer.from('x'));
  await one.log.says(/was not handled/);
  one.recording.accepts = () => true;
  two.channel.broadcast(Buffer.from('y'));
  await one.recording.hears('frame', 'n2', 2);
  assert.deepEqual([one.recording.story, one.channel.counters()['event']], [['up n2'], 1]);
});

const sockets = () => process.getActiveResourcesInfo().filter((kind) => /TCP|TLS/.test(kind)).length;
const resources = () => process.getActiveResourcesInfo().filter((kind) => /TCP|TLS|Timeout/.test(kind)).length;

fault('after closing no socket and no timer is left, whatever state the connection was in', async (server, open) => {
  const silent: Server = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as { port: number };
  const before = resources();
  const members = [await open({ node: 'n1' }), await open({ node: 'n2' })];
  await hear(members, 'up');
  const away = await open({ node: 'n3' }, { servers: 'nats://127.0.0.1:9' });
  const hanging = await open({ node: 'n4' }, { servers: `nats://127.0.0.1:${port}` });
  const dialling = await open({ node: 'n5' }, { servers: server.url });
  const refused = await open({ node: 'n6' }, { pass: 'wrong' });
  await refused.log.says(/refuses/);
  for (const { channel } of members) for (let i = 0; i < 100; i += 1) channel.broadcast(Buffer.alloc(10_000));
  await Promise.all([...members, away, hanging, dialling, refused].map(({ channel }) => channel.close()));
  await new Promise<void>((resolve) => silent.close(() => resolve()));
  await eventually(() => resources() <= before);
});

test('check 75: options that cannot work are refused at once, with the name of the field and without the password', () => {
  const wrong: readonly (readonly [NatsOptions, RegExp])[] = [
    [{ servers: [] }, /^natsChannel\.servers: /],
    [{ servers: 'nats://alice:hunter22@host:4222' }, /^natsChannel\.servers\[0\]: (?!.*hunter22)/],
    [{ servers: 'ws://host' }, /^natsChannel\.servers\[0\]: /],
    [{ servers: ['host', 'host:99999'] }, /^natsChannel\.servers\[1\]: /],
    [{ servers: 'host', pass: 'x' }, /^natsChannel\.pass: /],
    [{ servers: 'host', tls: { cert: 'x' } }, /^natsChannel\.tls: /],
    [{ servers: 'host', limits: { maxQueueBytes: 1_000 } }, /^natsChannel\.limits\.maxQueueBytes: /],
    [{ servers: 'host', passwort: 'x' } as NatsOptions, /^natsChannel\.passwort: /],
  ];
  const refuses = (run: () => unknown, pattern: RegExp) =>
    assert.throws(run, (error: SsoError) => error.code === 'ERR_CONFIG_INVALID' && pattern.test(error.message));
  for (const [options, pattern] of wrong) refuses(() => natsChannel(options), pattern);
  for (const [parts, pattern] of [
    [{ node: 'n 1' }, /^route: /],
    [{ node: 'n1', cluster: 'a/b' }, /^cluster\.name: /],
    [{ node: 'n1', nodes: ['10.0.0.1:7800'] }, /^cluster\.nodes\[0\]: .*route/],
    [{ node: 'n1', keys: () => [] }, /^secret: /],
    [{ node: 'n1', fingerprint: 'x'.repeat(1_025) }, /^fingerprint: /],
    [{ node: 'n1', incarnation: -1 }, /^incarnation: /],
  ] as const)
    refuses(() => quickChannel('host', parts), pattern);
  assert.ok(quickChannel('[::1]:4222', { node: 'n1' }));
});
