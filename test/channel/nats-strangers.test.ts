/** Checks 65 to 68 over NATS: whoever has the server's password and not the cluster's secret reads nothing and changes nothing. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { type Channel, type ChannelParts, maxFrameBytes } from '../../sso/channel/channel.ts';
import { newSalt, parseEnvelope, Sealer, stayKey } from '../../sso/channel/nats-envelope.ts';
import { systemRandom } from '../../sso/random.ts';
import { goodSecret, otherSecret } from './mesh-network.ts';
import { natsKeys } from './nats-keys.ts';
import { quickChannel } from './nats-network.ts';
import { NatsTestServer, natsPassword, natsUser, noNats } from './nats-server.ts';
import { awake, eventually, RecordedLog, type Recording, record } from './recording.ts';

const server = new NatsTestServer();
before(() => (noNats === false ? server.start() : undefined));
after(() => server.end());

interface Captured {
  readonly subject: string;
  readonly data: Uint8Array;
}

/** Somebody with the server's password: hears all that is published, and may publish anything. */
class Stranger {
  readonly heard: Captured[] = [];
  readonly #connection: NatsConnection;

  constructor(connection: NatsConnection) {
    this.#connection = connection;
    connection.subscribe('>', {
      callback: (_error, { subject, data }) => void this.heard.push({ subject, data: Uint8Array.from(data) }),
    });
  }

  /** Resolves once the server has what was published, and this one all that the server had before. */
  settle(): Promise<void> {
    return this.#connection.flush();
  }

  publish(subject: string, data: Uint8Array): void {
    this.#connection.publish(subject, data);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}

interface Member {
  readonly channel: Channel;
  readonly log: RecordedLog;
  readonly recording: Recording;
}

interface Scene {
  readonly cluster: string;
  readonly stranger: Stranger;
  member(parts: Partial<ChannelParts> & { readonly node: string }): Promise<Member>;
  /** Two members that are up for each other. */
  pair(): Promise<readonly [Member, Member]>;
}

let scenes = 0;

function scene(sentence: string, run: (scene: Scene) => Promise<void>): void {
  test(sentence, { timeout: 30_000, skip: noNats }, () =>
    awake(async () => {
      const cluster = `scene-${(scenes += 1)}`;
      const channels: Channel[] = [];
      const stranger = new Stranger(await connect({ servers: server.url, user: natsUser, pass: natsPassword }));
      await stranger.settle();
      const member: Scene['member'] = async (parts) => {
        const log = new RecordedLog();
        const channel = quickChannel(server.url, { cluster, log, ...parts });
        channels.push(channel);
        return { channel, log, recording: await record(channel) };
      };
      const pair = async () => {
        const members = [await member({ node: 'n1' }), await member({ node: 'n2' })] as const;
        await Promise.all(members.map(({ recording }) => recording.hears('up')));
        return members;
      };
      try {
        await run({ cluster, stranger, member, pair });
      } finally {
        await Promise.all(channels.map((channel) => channel.close()));
        await stranger.close();
      }
    }),
  );
}

const originOf = (data: Uint8Array) => parseEnvelope(data)?.stay.node;

/** Resolves once everything that was published before has reached the member: what it is sent now comes behind it. */
async function caughtUp(from: Member, at: Member): Promise<void> {
  const count = at.recording.count('frame');
  from.channel.broadcast(Buffer.from('caught up'));
  await at.recording.hears('frame', undefined, count + 1);
}

scene('V95: nothing of what travels can be read: neither frames, nor settings, nor secrets', async (it) => {
  const one = await it.member({ node: 'n1', fingerprint: 'the settings of all' });
  const two = await it.member({ node: 'n2', fingerprint: 'the settings of all' });
  await Promise.all([one, two].map(({ recording }) => recording.hears('up')));
  one.channel.broadcast(Buffer.from('alice signed on'));
  two.channel.send({ node: 'n1', incarnation: 1 }, Buffer.from('alice signed off'));
  await Promise.all([one, two].map(({ recording }) => recording.hears('frame')));
  await it.stranger.settle();
  const everything = Buffer.concat(it.stranger.heard.map(({ data }) => data));
  assert.ok(it.stranger.heard.length >= 6);
  for (const clear of ['alice', 'settings', 'fingerprint', 'incarnation', goodSecret, natsPassword]) {
    assert.ok(!everything.includes(clear), clear);
  }
  for (const { key } of natsKeys(goodSecret, it.cluster)('n1')) assert.ok(!everything.includes(Buffer.from(key)));
});

scene('check 65, 66: what a stranger makes up is counted and said once, and reaches no handler', async (it) => {
  const [one, two] = await it.pair();
  const all = `latchkey.${it.cluster}.all`;
  await it.stranger.settle();
  const genuine = it.stranger.heard.find(({ subject, data }) => subject === all && originOf(data) === 'n2')!.data;
  const stay = { node: 'n2', incarnation: 9, count: 1, salt: newSalt((count) => systemRandom.bytes(count)) };
  const outsider = new Sealer(it.cluster, stay, natsKeys(otherSecret, it.cluster)('n2')[0]!);
  const known = natsKeys(goodSecret, it.cluster)('n2')[0]!;
  const guesser = new Sealer(it.cluster, stay, { keyId: known.keyId, key: Buffer.alloc(32) });
  const made: Uint8Array[] = [
    Buffer.alloc(0),
    Buffer.from('{"node":"n2"}'),
    randomBytes(500),
    Buffer.alloc(900_000, 1),
    genuine.subarray(0, 70),
    outsider.seal('data', undefined, 0, Buffer.from('forged')),
    outsider.seal('beat', undefined, 0, Buffer.alloc(0)),
    guesser.seal('data', undefined, 0, Buffer.from('forged')),
    guesser.seal('leave', undefined, 0, Buffer.alloc(0)),
  ];
  for (let at = 0; at < genuine.length; at += 1) {
    const changed = Uint8Array.from(genuine);
    changed[at]! ^= 1;
    made.push(changed);
  }
  for (const bytes of made) it.stranger.publish(all, bytes);
  await it.stranger.settle();
  await caughtUp(two, one);
  assert.deepEqual(
    one.recording.heard.map(({ what }) => what),
    ['up', 'frame'],
  );
  assert.deepEqual(one.channel.peers(), [{ node: 'n2', incarnation: 1 }]);
  assert.equal(it.stranger.heard.filter(({ subject }) => subject.includes('.to.n2~')).length, 0);
  const { stranger = 0, replay = 0, stray = 0 } = one.channel.counters();
  assert.equal(stranger + replay + stray, made.length);
  assert.ok(stranger > 20 && replay > 20, `${stranger} ${replay}`);
  assert.ok(one.log.warnings.length <= 4, `${one.log.warnings.length} lines`);
});

scene('check 67: what a member sent is not heard again, whatever it was and wherever it is played', async (it) => {
  const [one, two] = await it.pair();
  const three = await it.member({ node: 'n3' });
  await Promise.all([
    one.recording.hears('up', 'n3'),
    two.recording.hears('up', 'n3'),
    three.recording.hears('up', 'n2'),
  ]);
  two.channel.broadcast(Buffer.from('end the sign-on of alice'));
  two.channel.send({ node: 'n1', incarnation: 1 }, Buffer.from('and that of bob'));
  await one.recording.hears('frame', 'n2', 2);
  await three.recording.hears('frame');
  await it.stranger.settle();
  const recorded = [...it.stranger.heard];
  const subjects = new Set(recorded.map(({ subject }) => subject));
  for (const { data } of recorded) for (const subject of subjects) it.stranger.publish(subject, data);
  await it.stranger.settle();
  await caughtUp(two, one);
  await caughtUp(two, three);
  assert.deepEqual(one.recording.texts.slice(0, 2), ['end the sign-on of alice', 'and that of bob']);
  assert.ok(one.recording.texts.slice(2).every((text) => text === 'caught up'));
  assert.equal(three.recording.texts[0], 'end the sign-on of alice');
  assert.ok(three.recording.texts.slice(1).every((text) => text === 'caught up'));
  for (const { recording, log } of [one, two, three]) {
    assert.deepEqual(
      recording.story.filter((line) => !line.startsWith('up')),
      [],
    );
    assert.deepEqual(log.warnings, []);
  }
  assert.ok(one.channel.counters()['replay']! > 0 && one.channel.counters()['stray']! > 0);
});

scene(
  'check 67: a recorded life is no member of a node that has just started, and takes no name from the living',
  async (it) => {
    const former = await it.member({ node: 'n1' });
    const dead = await it.member({ node: 'n2', incarnation: 7 });
    await Promise.all([former, dead].map(({ recording }) => recording.hears('up')));
    dead.channel.broadcast(Buffer.from('alice signed on'));
    await former.recording.hears('frame');
    await dead.channel.close();
    await former.channel.close();
    await it.stranger.settle();
    const recorded = [...it.stranger.heard];
    const started = await it.member({ node: 'n1', incarnation: 2 });
    const playAll = async () => {
      const subjects = new Set(it.stranger.heard.map(({ subject }) => subject));
      for (const { data } of recorded) for (const subject of subjects) it.stranger.publish(subject, data);
      await it.stranger.settle();
    };
    await eventually(() => it.stranger.heard.length > recorded.length);
    await playAll();
    const replaced: number[] = [];
    const living = await it.member({ node: 'n2', incarnation: 3, onReplaced: (latest) => replaced.push(latest) });
    await Promise.all([started.recording.hears('up', 'n2'), living.recording.hears('up', 'n1')]);
    await playAll();
    await caughtUp(living, started);
    assert.deepEqual(started.recording.story, ['up n2']);
    assert.deepEqual(started.channel.peers(), [{ node: 'n2', incarnation: 3 }]);
    assert.ok(started.recording.texts.every((text) => text === 'caught up'));
    assert.deepEqual(replaced, []);
  },
);

scene('check 68: nodes of two clusters with one secret never meet, not even if frames are carried over', async (it) => {
  const [one, two] = await it.pair();
  const other = await it.member({ node: 'n3', cluster: 'other', keys: natsKeys(goodSecret, 'other') });
  two.channel.broadcast(Buffer.from('alice signed on'));
  await one.recording.hears('frame');
  const others = () => it.stranger.heard.find((one) => one.subject.startsWith('latchkey.other'))?.subject;
  await eventually(() => others() !== undefined);
  await it.stranger.settle();
  const subject = others()!;
  for (const { data } of [...it.stranger.heard]) it.stranger.publish(subject, data);
  await it.stranger.settle();
  await eventually(() => (other.channel.counters()['stranger'] ?? 0) > 0);
  assert.deepEqual([other.recording.heard, other.channel.peers()], [[], []]);
  assert.ok(one.recording.count('up', 'n3') === 0);
});

scene('check 73: of several secrets the first seals and all open; who knows neither is no member', async (it) => {
  const old = await it.member({ node: 'n1', keys: natsKeys([otherSecret, goodSecret], it.cluster) });
  const fresh = await it.member({ node: 'n2', keys: natsKeys([goodSecret, otherSecret], it.cluster) });
  await Promise.all([old.recording.hears('up', 'n2'), fresh.recording.hears('up', 'n1')]);
  const retired = await it.member({ node: 'n3', keys: natsKeys(`${otherSecret}again`, it.cluster) });
  await Promise.all([old, fresh, retired].map(({ log }) => log.says(/a secret unknown here/)));
  assert.deepEqual([retired.recording.heard, fresh.recording.count('up', 'n3')], [[], 0]);
});

scene(
  'a member whose frame is too long, or whose greeting makes no sense, is counted and changes nothing',
  async (it) => {
    const [one, two] = await it.pair();
    await it.stranger.settle();
    const inbox = it.stranger.heard.find(({ subject }) => subject.includes('.to.n1.'))!.subject;
    const to = inbox.split('.').at(-1)!;
    const stay = { node: 'n3', incarnation: 1, count: 1, salt: newSalt((count) => systemRandom.bytes(count)) };
    const insider = new Sealer(it.cluster, stay, natsKeys(goodSecret, it.cluster)('n3')[0]!);
    const hello = (node: string) =>
      Buffer.concat([
        Buffer.alloc(5),
        Buffer.from(
          JSON.stringify({
            node,
            incarnation: 1,
            cluster: it.cluster,
            address: '',
            versions: [1, 1],
            fingerprint: 'as all',
          }),
        ),
      ]);
    const wrong = [
      insider.seal('hello', to, 0, Buffer.from('nonsense')),
      insider.seal('hello', to, 0, Buffer.alloc(100_000)),
      insider.seal('hello', to, 0, hello('n2')),
      insider.seal('hello', undefined, 0, hello('n3')),
      insider.seal('beat', to, 0, Buffer.alloc(0)),
      insider.seal('refuse', to, 0, Buffer.from('{"__proto__":{"code":"replaced"}}')),
    ];
    for (const bytes of wrong) it.stranger.publish(inbox, bytes);
    it.stranger.publish(inbox, insider.seal('data', to, 0, Buffer.alloc(maxFrameBytes + 1_000)));
    it.stranger.publish(inbox, insider.seal('data', to, 0, Buffer.from('without a hello')));
    await it.stranger.settle();
    await caughtUp(two, one);
    const { frame, stranger, unproven } = one.channel.counters();
    assert.deepEqual([frame, stranger, unproven], [wrong.length, 1, 1]);
    assert.deepEqual(one.recording.story, ['up n2']);
    assert.deepEqual(one.recording.texts, ['caught up']);
  },
);

test('a stay seals with a key of its own: another life, connection or chance gives another', () => {
  const stay = { node: 'n1', incarnation: 1, count: 1, salt: '00'.repeat(16) };
  const others = [{ incarnation: 2 }, { count: 2 }, { salt: '01'.repeat(16) }].map((change) => ({
    ...stay,
    ...change,
  }));
  const keys = [stay, ...others].map((one) => stayKey(Buffer.alloc(32, 7), one).toString('hex'));
  assert.equal(new Set(keys).size, keys.length);
});
