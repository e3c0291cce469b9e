/**
 * What every channel promises, as tests: each adapter runs them all. The channels of one suite are on one
 * network, which can be broken between two of them; everything is awaited by events.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Channel, maxFrameBytes } from '../../sso/channel/channel.ts';
import { pick, seededRandom } from '../../sso/random.ts';
import { awake, eventually, Recording, record } from '../channel/recording.ts';

/** A network of nodes with the names that were asked for. */
export interface ContractNetwork {
  /** A channel for one life of a node, not open yet; all named nodes are in its configured list. */
  channel(self: {
    readonly node: string;
    readonly incarnation: number;
    readonly onReplaced?: (latest: number) => void;
  }): Channel;
  /** Ends the connection of two nodes, and keeps them apart. */
  part(a: string, b: string): void;
  /** All reach each other again. */
  heal(): void;
  /** Frees what the network itself holds; the channels are closed by then. */
  end(): Promise<void>;
}

export type MakeNetwork = (nodes: readonly string[]) => Promise<ContractNetwork>;

const bytes = (text: string) => Buffer.from(text);
const options = { timeout: 30_000 };

interface Member {
  readonly channel: Channel;
  readonly recording: Recording;
}

class Cluster {
  readonly #network: ContractNetwork;
  readonly #channels: Channel[] = [];

  constructor(network: ContractNetwork) {
    this.#network = network;
  }

  get network(): ContractNetwork {
    return this.#network;
  }

  make(node: string, incarnation = 1, onReplaced?: (latest: number) => void): Channel {
    const channel = this.#network.channel({ node, incarnation, ...(onReplaced === undefined ? {} : { onReplaced }) });
    this.#channels.push(channel);
    return channel;
  }

  async start(node: string, incarnation = 1): Promise<Member> {
    const channel = this.make(node, incarnation);
    return { channel, recording: await record(channel) };
  }

  /** Two members that know each other. */
  async pair(): Promise<[Member, Member]> {
    const a = await this.start('n1');
    const b = await this.start('n2');
    await Promise.all([a.recording.hears('up', 'n2'), b.recording.hears('up', 'n1')]);
    return [a, b];
  }

  async end(): Promise<void> {
    await Promise.all(this.#channels.map((channel) => channel.close()));
    await this.#network.end();
  }
}

export function channelContract(name: string, makeNetwork: MakeNetwork): void {
  const promise = (sentence: string, nodes: readonly string[], run: (cluster: Cluster) => Promise<void>) =>
    test(`${name}: ${sentence}`, options, () =>
      awake(async () => {
        const cluster = new Cluster(await makeNetwork(nodes));
        try {
          await run(cluster);
        } finally {
          await cluster.end();
        }
      }),
    );

  promise('two nodes find each other, and each names the other with its incarnation', ['n1', 'n2'], async (cluster) => {
    const [a, b] = await cluster.pair();
    assert.deepEqual(a.channel.peers(), [{ node: 'n2', incarnation: 1 }]);
    assert.deepEqual(b.channel.peers(), [{ node: 'n1', incarnation: 1 }]);
    assert.deepEqual([...a.recording.story, ...b.recording.story], ['up n2', 'up n1']);
  });

  promise(
    'a frame arrives whole, once, in order, and is exactly what was sent, from nothing to the longest',
    ['n1', 'n2'],
    async (cluster) => {
      const [a, b] = await cluster.pair();
      const random = seededRandom(7);
      const sizes = [0, 1, 400, 4_095, 4_096, 65_536, 100_000, maxFrameBytes, 3, 0];
      const sent = sizes.map((size) => random.bytes(size));
      for (const frame of sent) a.channel.send({ node: 'n2', incarnation: 1 }, frame);
      await b.recording.hears('frame', 'n1', sent.length);
      assert.ok(b.recording.frames.every((frame, i) => Buffer.compare(frame, sent[i]!) === 0));
      assert.ok(b.recording.heard.every(({ node, incarnation }) => node === 'n1' && incarnation === 1));
    },
  );

  promise('what the sender writes into its buffer afterwards is not seen', ['n1', 'n2'], async (cluster) => {
    const [a, b] = await cluster.pair();
    const frame = bytes('before');
    a.channel.broadcast(frame);
    frame.fill('x');
    await b.recording.hears('frame');
    assert.deepEqual(b.recording.texts, ['before']);
  });

  promise('a frame that is too long is an error of the caller, and nothing is sent', ['n1', 'n2'], async (cluster) => {
    const [a, b] = await cluster.pair();
    const tooLong = new Uint8Array(maxFrameBytes + 1);
    assert.throws(() => a.channel.broadcast(tooLong), RangeError);
    assert.throws(() => a.channel.send({ node: 'n2', incarnation: 1 }, tooLong), RangeError);
    a.channel.broadcast(bytes('next'));
    await b.recording.hears('frame');
    assert.deepEqual(b.recording.texts, ['next']);
  });

  promise(
    'a broadcast reaches every member and not oneself, a send one member alone',
    ['n1', 'n2', 'n3'],
    async (cluster) => {
      const members = await Promise.all(['n1', 'n2', 'n3'].map((node) => cluster.start(node)));
      await Promise.all(members.map(({ recording }) => recording.hears('up', undefined, 2)));
      const [a, b, c] = members as [Member, Member, Member];
      a.channel.send({ node: 'n3', incarnation: 1 }, bytes('you'));
      a.channel.broadcast(bytes('all'));
      await Promise.all([b.recording.hears('frame'), c.recording.hears('frame', 'n1', 2)]);
      assert.deepEqual(
        [a, b, c].map(({ recording }) => recording.texts),
        [[], ['all'], ['you', 'all']],
      );
    },
  );

  promise(
    'sending to a stranger, or to another life of a member, does nothing and throws nothing',
    ['n1', 'n2'],
    async (cluster) => {
      const [a, b] = await cluster.pair();
      a.channel.send({ node: 'n9', incarnation: 1 }, bytes('nobody'));
      a.channel.send({ node: 'n2', incarnation: 2 }, bytes('another life'));
      a.channel.send({ node: 'n2', incarnation: 1 }, bytes('this life'));
      await b.recording.hears('frame');
      assert.deepEqual(b.recording.texts, ['this life']);
    },
  );

  promise(
    'what was sent before closing arrives, then the member is down; after closing nothing is heard or sent',
    ['n1', 'n2'],
    async (cluster) => {
      const [a, b] = await cluster.pair();
      b.channel.broadcast(bytes('too late to be heard'));
      a.channel.broadcast(bytes('last words'));
      const heardByA = a.recording.heard.length;
      await Promise.all([a.channel.close(), a.channel.close()]);
      a.channel.broadcast(bytes('never'));
      a.channel.send({ node: 'n2', incarnation: 1 }, bytes('never'));
      await b.recording.hears('down', 'n1');
      assert.deepEqual(
        b.recording.heard.slice(-2).map(({ what }) => what),
        ['frame', 'down'],
      );
      assert.deepEqual(b.recording.texts, ['last words']);
      assert.equal(a.recording.heard.length, heardByA);
      assert.deepEqual([a.channel.peers(), b.channel.peers()], [[], []]);
    },
  );

  promise(
    'a restarted node takes the place of its former life, with nothing of the former after its end',
    ['n1', 'n2'],
    async (cluster) => {
      const [a] = await cluster.pair();
      const again = await cluster.start('n2', 2);
      await Promise.all([a.recording.hears('up', 'n2', 2), again.recording.hears('up', 'n1')]);
      assert.deepEqual(a.channel.peers(), [{ node: 'n2', incarnation: 2 }]);
      assert.deepEqual(
        a.recording.heard.map(({ what, incarnation }) => [what, incarnation]),
        [
          ['up', 1],
          ['down', 1],
          ['up', 2],
        ],
      );
    },
  );

  promise(
    'an earlier life of a node that lives is refused, and told of the later one',
    ['n1', 'n2'],
    async (cluster) => {
      const a = await cluster.start('n1');
      const b = await cluster.start('n2', 5);
      await a.recording.hears('up', 'n2');
      const told = await new Promise<number>((resolve) => {
        void cluster.make('n2', 4, resolve).open(new Recording());
      });
      assert.equal(told, 5);
      assert.deepEqual(a.channel.peers(), [{ node: 'n2', incarnation: 5 }]);
      assert.deepEqual(a.recording.story, ['up n2']);
      assert.ok(b.recording.count('down') === 0);
    },
  );

  promise('a broken connection is down for both; made anew, it is up with a gap', ['n1', 'n2'], async (cluster) => {
    const members = await cluster.pair();
    const [a, b] = members;
    const all = (holds: (member: Member) => boolean) =>
      Promise.all(members.map((member) => member.recording.until(() => holds(member))));
    cluster.network.part('n1', 'n2');
    await all(({ recording, channel }) => recording.count('down') > 0 && channel.peers().length === 0);
    a.channel.broadcast(bytes('lost'));
    cluster.network.heal();
    await all(({ recording, channel }) => recording.count('gap') > 0 && channel.peers().length === 1);
    assert.match(a.recording.story.join(), /^up n2(,down n2,up n2,gap n2)+$/);
    assert.match(b.recording.story.join(), /^up n1(,down n1,up n1,gap n1)+$/);
    assert.deepEqual(b.recording.texts, []);
  });

  promise(
    'check 66: a frame that its receiver cannot read ends the connection, which is made anew',
    ['n1', 'n2'],
    async (cluster) => {
      const [a, b] = await cluster.pair();
      b.recording.accepts = (frame) => frame[0] !== 0xff;
      a.channel.broadcast(Uint8Array.of(0xff));
      a.channel.broadcast(bytes('behind it'));
      await Promise.all([a.recording.hears('gap'), b.recording.hears('gap')]);
      assert.deepEqual(
        b.recording.heard.map(({ what }) => what),
        ['up', 'frame', 'down', 'up', 'gap'],
      );
      assert.deepEqual(a.recording.story, ['up n2', 'down n2', 'up n2', 'gap n2']);
      assert.equal(b.channel.counters()['frame'], 1);
    },
  );

  promise(
    'a configured node is pending until it was reached, or nobody is found there',
    ['n1', 'n2', 'n3'],
    async (cluster) => {
      cluster.network.part('n1', 'n3');
      const channel = cluster.make('n1');
      const recording = new Recording();
      await channel.open(recording);
      assert.equal(channel.pending().length, 2);
      await cluster.start('n2');
      await recording.hears('up', 'n2');
      assert.equal(channel.pending().length, 1);
      cluster.network.heal();
      await cluster.start('n3');
      await recording.hears('up', 'n3');
      await eventually(() => channel.pending().length === 0);
    },
  );

  promise(
    'five nodes that start at the same moment have one connection each pair',
    ['n1', 'n2', 'n3', 'n4', 'n5'],
    async (cluster) => {
      const names = ['n1', 'n2', 'n3', 'n4', 'n5'];
      const members = await Promise.all(names.map((node) => cluster.start(node)));
      await Promise.all(members.map(({ recording }) => recording.hears('up', undefined, 4)));
      for (const { channel } of members) channel.broadcast(bytes('hello'));
      await Promise.all(members.map(({ recording }) => recording.hears('frame', undefined, 4)));
      for (const [i, { channel, recording }] of members.entries()) {
        const others = names.filter((_, j) => j !== i);
        assert.deepEqual(
          channel
            .peers()
            .map(({ node }) => node)
            .sort(),
          others,
        );
        assert.deepEqual(
          recording.story.filter((line) => !line.startsWith('gap')).sort(),
          others.map((node) => `up ${node}`),
        );
        assert.equal(recording.frames.length, 4);
      }
    },
  );

  promise(
    'of much traffic by chance nothing is lost, doubled, mixed up or out of order',
    ['n1', 'n2', 'n3'],
    async (cluster) => {
      const random = seededRandom(11);
      const names = ['n1', 'n2', 'n3'];
      const members = await Promise.all(names.map((node) => cluster.start(node)));
      await Promise.all(members.map(({ recording }) => recording.hears('up', undefined, 2)));
      const sent = new Map<string, Buffer[]>();
      for (let i = 0; i < 1_500; i += 1) {
        const [from, to] = [pick(random, names)!, pick(random, names)!];
        const frame = Buffer.alloc(Math.floor(3_000 * random.fraction() ** 4) + 8);
        frame.writeUInt32BE(i);
        members[names.indexOf(from)]!.channel.send({ node: to, incarnation: 1 }, frame);
        if (from !== to) sent.set(`${from} ${to}`, [...(sent.get(`${from} ${to}`) ?? []), frame]);
      }
      for (const [i, { recording }] of members.entries()) {
        for (const from of names.filter((_, j) => j !== i)) {
          const expected = sent.get(`${from} ${names[i]}`)!;
          await recording.hears('frame', from, expected.length);
          const came = recording.heard.flatMap(({ node, frame }) =>
            frame !== undefined && node === from ? [frame] : [],
          );
          assert.ok(came.length === expected.length && came.every((frame, k) => expected[k]!.equals(frame)));
        }
        assert.deepEqual(
          recording.story.filter((line) => !line.startsWith('up')),
          [],
        );
      }
    },
  );

  promise('counters are numbers by reason', ['n1', 'n2'], async (cluster) => {
    const [a] = await cluster.pair();
    for (const [reason, count] of Object.entries(a.channel.counters()))
      assert.ok(/^[a-z-]+$/.test(reason) && Number.isInteger(count));
  });
}
