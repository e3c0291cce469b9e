/**
 * The cluster port, and who is not let in: nothing of theirs is parsed before the handshake ends, nothing
 * reaches a handler, and the log stays readable. A member can come in all the while.
 */

import assert from 'node:assert/strict';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { wireFrame } from '../../sso/channel/frame.ts';
import type { MeshChannel } from '../../sso/channel/mesh.ts';
import type { MeshOptions } from '../../sso/channel/mesh-options.ts';
import { meshKeys, otherSecret, quickMesh } from './mesh-network.ts';
import { keyOptions, RawMember } from './raw-member.ts';
import { awake, eventually, RecordedLog, type Recording, record, text } from './recording.ts';

interface Port {
  readonly mesh: MeshChannel;
  readonly port: number;
  readonly log: RecordedLog;
  readonly recording: Recording;
}

const portOf = (mesh: MeshChannel) => Number(mesh.address().split(':').at(-1));

/** One open node, `n1`, that strangers come to. */
function atPort(sentence: string, run: (port: Port) => Promise<void>, options: Partial<MeshOptions> = {}): void {
  test(sentence, { timeout: 30_000 }, () =>
    awake(async () => {
      const log = new RecordedLog();
      const mesh = quickMesh({ node: 'n1', log, ...options });
      const recording = await record(mesh);
      try {
        await run({ mesh, port: portOf(mesh), log, recording });
      } finally {
        await mesh.close();
      }
    }),
  );
}

/** Whether a member still comes in, and is heard. */
async function memberComesIn({ port, recording }: Port): Promise<void> {
  const member = quickMesh({ node: 'n2', nodes: [`127.0.0.1:${port}`] });
  const its = await record(member);
  await its.hears('up', 'n1');
  member.broadcast(Buffer.from('here'));
  await recording.hears('frame', 'n2');
  await member.close();
  await recording.hears('down', 'n2');
}

/** Writes to a plain connection; resolves with what came back once it is closed. */
function sendPlain(port: number, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve) => {
    const got: Buffer[] = [];
    const socket = connectTcp(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => got.push(chunk));
    socket.on('error', () => {});
    socket.once('close', () => resolve(Buffer.concat(got)));
  });
}

const plain: readonly (readonly [string, Buffer])[] = [
  ['plain bytes', Buffer.from('let me in\n'.repeat(20))],
  ['a frame of ours without TLS', wireFrame('data', 0, Buffer.from('{"close":"everything"}'))],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: n1\r\n\r\n')],
  ['HTTP/2', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
  ['zeros', Buffer.alloc(5_000)],
  ['a TLS record that is none', Buffer.from('160303ffff0100', 'hex').fill('x', 7)],
];

atPort(
  'check 65, V95: whatever is not TLS is closed in the handshake and answered with an alert at most',
  async (at) => {
    for (const [name, bytes] of plain.slice(0, 5)) {
      const answer = await sendPlain(at.port, bytes);
      assert.ok(answer.length <= 7, `${name}: ${answer.toString('hex')}`);
    }
    assert.deepEqual(at.recording.heard, []);
    await eventually(() => at.mesh.counters()['handshake'] === 5);
    await memberComesIn(at);
  },
);

const otherCluster = meshKeys(undefined, 'other')('n2')[0]!;
const othersKey = meshKeys()('n3')[0]!;
const wrongKeys: Readonly<Record<string, (port: number) => RawMember>> = {
  'no key': (port) => new RawMember({ port, node: 'n2', tls: { pskCallback: undefined! } }),
  'a wrong secret': (port) => new RawMember({ port, node: 'n2', key: meshKeys(otherSecret)('n2')[0]! }),
  "a wrong key under the right secret's name": (port) =>
    new RawMember({ port, node: 'n2', key: { keyId: othersKey.keyId, key: Buffer.alloc(32, 1) } }),
  "another node's key": (port) => new RawMember({ port, node: 'n2', key: othersKey }),
  'check 68: the key of another cluster with the same secret': (port) =>
    new RawMember({ port, node: 'n2', cluster: 'other', key: otherCluster }),
  'check 68: that key under the name of this cluster': (port) => new RawMember({ port, node: 'n2', key: otherCluster }),
  'an identity that is none': (port) =>
    new RawMember({ port, node: 'n2', tls: { pskCallback: () => ({ psk: othersKey.key, identity: '\u0000../n2' }) } }),
  'a node that no key can name': (port) => new RawMember({ port, node: '__proto__ x', key: othersKey }),
  'TLS 1.2': (port) =>
    new RawMember({ port, node: 'n2', tls: { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', ciphers: 'PSK' } }),
  'another application protocol': (port) => new RawMember({ port, node: 'n2', tls: { ALPNProtocols: ['h2'] } }),
};

atPort(
  'check 65, V95: TLS without a key, with a wrong one, in the name of another node or cluster, or too old ends in the handshake',
  async (at) => {
    for (const [name, dial] of Object.entries(wrongKeys)) {
      const stranger = dial(at.port);
      assert.ok((await stranger.closed) instanceof Error, name);
      assert.deepEqual([stranger.secured, stranger.heard], [false, []], name);
    }
    assert.deepEqual(at.recording.heard, []);
    await eventually(() => at.mesh.counters()['handshake'] === Object.keys(wrongKeys).length);
    await memberComesIn(at);
  },
);

atPort('check 65: the right key without the application protocol is closed before anything is read', async (at) => {
  const stranger = new RawMember({ port: at.port, node: 'n2', tls: { ALPNProtocols: [] } });
  stranger.sayHello({ node: 'n2' });
  await stranger.closed;
  assert.deepEqual([stranger.heard, at.recording.heard, at.mesh.counters()['protocol']], [[], [], 1]);
});

atPort('check 65: a flood of strangers is counted, and at most a line a second is logged', async (at) => {
  const began = performance.now();
  for (let round = 0; round < 20; round += 1) {
    await Promise.all(Array.from({ length: 10 }, () => sendPlain(at.port, Buffer.from('GET / HTTP/1.0\r\n\r\n'))));
  }
  const seconds = (performance.now() - began) / 1_000;
  await eventually(() => (at.mesh.counters()['handshake'] ?? 0) + (at.mesh.counters()['crowd'] ?? 0) >= 200);
  assert.ok(at.log.warnings.length <= seconds + 1, `${at.log.warnings.length} lines in ${seconds} s`);
  await memberComesIn(at);
});

atPort('check 65: the line names where it came from and what was claimed, and no key', async (at) => {
  await wrongKeys["another node's key"]!(at.port).closed;
  await at.log.says(/refused a connection/);
  const line = text(at.log.warnings[0]!);
  assert.match(line, /127\.0\.0\.1/);
  assert.match(line, /node \\"n2\\" with a wrong key/);
  assert.ok(!line.includes(othersKey.keyId) && !line.includes(Buffer.from(othersKey.key).toString('hex')));
});

for (const how of ['reset', 'ended'] as const)
  atPort(`a connection that is ${how} in the handshake is told as that, and not as a wrong key`, async (at) => {
    const between = createTcpServer((inside) => {
      const outside = connectTcp(at.port, '127.0.0.1');
      for (const socket of [inside, outside]) socket.on('error', () => {});
      inside.once('data', (hello) => outside.write(hello));
      // The right key has been offered, and the node has answered: here the way breaks.
      outside.once('data', () => {
        if (how === 'reset') outside.resetAndDestroy();
        else outside.end();
        inside.destroy();
      });
    });
    await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
    const { port } = between.address() as AddressInfo;
    await new RawMember({ port, node: 'n2', key: meshKeys()('n2')[0]! }).closed;
    await at.log.says(/ended in its handshake/);
    const line = text(at.log.warnings[0]!);
    assert.match(line, /node \\"n2\\""/);
    assert.match(line, /ECONNRESET/);
    assert.doesNotMatch(line, /wrong key|refused/);
    await new Promise((resolve) => between.close(resolve));
    await memberComesIn(at);
  });

atPort(
  'check 69: silent connections are few at a time; the oldest give way, and a member comes in among them',
  async (at) => {
    let closed = 0;
    const sockets: Socket[] = [];
    for (let i = 0; i < 60; i += 1) {
      const socket = connectTcp(at.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.once('close', () => {
        closed += 1;
      });
      sockets.push(socket);
    }
    await eventually(() => closed >= 52);
    await memberComesIn(at);
    assert.ok(sockets.slice(0, 40).every((socket) => socket.destroyed));
    for (const socket of sockets) socket.destroy();
  },
  { limits: { maxStrangers: 8, handshakeMs: 20_000 } },
);

atPort(
  'check 69: whoever sends a byte at a time runs into the time limit of the handshake',
  async (at) => {
    const socket = connectTcp(at.port, '127.0.0.1');
    socket.on('error', () => {});
    const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
    const hello = Buffer.from('16030102000100', 'hex');
    let sent = 0;
    const drip = setInterval(() => socket.write(hello.subarray(sent, ++sent)), 5);
    await closed;
    clearInterval(drip);
    assert.equal(at.mesh.counters()['slow'], 1);
  },
  { limits: { handshakeMs: 60 } },
);

atPort(
  'check 69: so does a member that never ends its hello',
  async (at) => {
    const member = new RawMember({ port: at.port, node: 'n2' });
    await member.hears('hello');
    const header = wireFrame('hello', 0, Buffer.alloc(4_096));
    let sent = 0;
    const drip = setInterval(() => member.socket.write(header.subarray(sent, ++sent)), 5);
    await member.closed;
    clearInterval(drip);
    assert.deepEqual([at.recording.heard, at.mesh.counters()['slow']], [[], 1]);
  },
  { limits: { handshakeMs: 100 } },
);

atPort(
  'check 69: a member that sends a frame byte by byte is silent: only whole frames count',
  async (at) => {
    const member = await new RawMember({ port: at.port, node: 'n2' }).join('n2');
    await at.recording.hears('up', 'n2');
    const frame = wireFrame('data', 1, Buffer.alloc(10_000));
    let sent = 0;
    const drip = setInterval(() => member.socket.write(frame.subarray(sent, ++sent)), 5);
    await at.recording.hears('down', 'n2');
    clearInterval(drip);
    assert.equal(at.recording.count('frame'), 0);
  },
  { limits: { pingMs: 20, silenceMs: 120 } },
);

const rawHeader = (length: number, kind: number) => {
  const header = Buffer.alloc(9);
  header.writeUInt32BE(length, 0);
  header.writeUInt32BE(1, 4);
  header[8] = kind;
  return header;
};
const badFrames: Readonly<Record<string, Buffer>> = {
  '4 GB': rawHeader(0xffff_ffff, 4),
  'a negative length': rawHeader(0x8000_0000, 4),
  'one byte more than the longest': rawHeader(512 * 1024 + 1, 4),
  'an unknown kind': rawHeader(0, 77),
  'a second hello': wireFrame('hello', 1, Buffer.from('{}')),
  'an accept of what is accepted': wireFrame('accept', 1, Buffer.alloc(4)),
  'a refusal that is none': wireFrame('refuse', 1, Buffer.from('{"__proto__":{"code":"x"}}')),
};

atPort(
  'check 66, 69, V96: a frame that no member sends ends the connection, takes no memory and reaches no handler',
  async (at) => {
    for (const [name, bytes] of Object.entries(badFrames)) {
      const before = process.memoryUsage().arrayBuffers;
      const member = await new RawMember({ port: at.port, node: 'n2' }).join('n2');
      member.socket.write(bytes);
      await member.closed;
      assert.ok(process.memoryUsage().arrayBuffers - before <= 8 * 1024 * 1024, name);
    }
    await eventually(() => at.mesh.counters()['frame'] === Object.keys(badFrames).length);
    assert.equal(at.recording.count('frame'), 0);
    assert.deepEqual(at.mesh.peers(), []);
    assert.equal(at.log.warnings.length, Object.keys(badFrames).length);
    await memberComesIn(at);
  },
);

const badGreetings: Readonly<Record<string, (member: RawMember) => void>> = {
  'data before the hello': (member) => member.send('data', Buffer.from('x')),
  'a ping before the hello': (member) => member.send('ping'),
  'an accept before the hello': (member) => member.send('accept', Buffer.alloc(4)),
  'a hello that is none': (member) => member.send('hello', Buffer.from('{"node":["n2"],"__proto__":{"node":"n2"}}')),
  'a hello that is too long': (member) => member.send('hello', Buffer.alloc(4_097)),
  'deep nesting': (member) => member.send('hello', Buffer.from('['.repeat(4_000))),
  'an accept by the one that is to be accepted': (member) => {
    member.sayHello({ node: 'n2' });
    member.send('accept', Buffer.alloc(4));
  },
};

atPort(
  'check 66, V96: a greeting out of order or without sense ends the connection, and nobody is up by it',
  async (at) => {
    for (const [name, greet] of Object.entries(badGreetings)) {
      const member = new RawMember({ port: at.port, node: 'n2' });
      await member.hears('hello');
      greet(member);
      await member.closed;
      assert.equal(at.recording.count('frame'), 0, name);
    }
    assert.deepEqual(at.mesh.peers(), []);
    assert.equal(({} as Record<string, unknown>)['node'], undefined);
  },
);

atPort(
  "check 65: a member that calls itself by another's name is refused and told why; so is one of another cluster or version",
  async (at) => {
    for (const [change, code] of [
      [{ node: 'n3' }, 'name'],
      [{ node: 'n2', cluster: 'other' }, 'cluster'],
      [{ node: 'n2', versions: [2, 9] }, 'version'],
      [{ node: 'n2', fingerprint: 'another' }, 'settings'],
    ] as const) {
      const member = new RawMember({ port: at.port, node: 'n2' });
      await member.hears('hello');
      member.sayHello(change);
      await member.hears('refuse');
      await member.closed;
      const refusal = JSON.parse(member.heard.at(-1)!.payload.toString('utf8')) as { readonly code: string };
      assert.equal(refusal.code, code);
      assert.equal(at.mesh.counters()[`refused-${code}`], 1);
    }
    assert.deepEqual(at.recording.heard, []);
  },
);

test('V95: a listener that is no node gets nothing of ours, and is said once', { timeout: 30_000 }, () =>
  awake(async () => {
    const got: Buffer[] = [];
    let dials = 0;
    const impostor = createTcpServer((socket) => {
      dials += 1;
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        got.push(chunk);
        socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      });
    });
    await new Promise<void>((resolve) => impostor.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(impostor.address() as AddressInfo).port}`;
    const log = new RecordedLog();
    const mesh = quickMesh({ node: 'n1', nodes: [address], log });
    const recording = await record(mesh);
    await eventually(() => dials >= 3);
    assert.deepEqual([recording.heard, mesh.pending()], [[], []]);
    assert.ok(
      got.every((chunk) => chunk[0] === 0x16),
      'only TLS handshakes',
    );
    assert.equal(log.lines.length, 1);
    await mesh.close();
    impostor.close();
  }),
);

test(
  'check 68: nodes of two clusters with one secret never meet, and the operators of both are told once',
  { timeout: 30_000 },
  () =>
    awake(async () => {
      const logs = [new RecordedLog(), new RecordedLog()] as const;
      const one = quickMesh({ node: 'n1', cluster: 'one', log: logs[0] });
      const its = await record(one);
      const two = quickMesh({ node: 'n2', cluster: 'two', log: logs[1], nodes: [one.address()] });
      const others = await record(two);
      await Promise.all([
        logs[0].says(/another cluster, \\"two\\"/),
        logs[1].says(/cannot be talked to.*another cluster/),
      ]);
      await eventually(() => (two.counters()['dial-refused'] ?? 0) >= 4);
      assert.deepEqual([its.heard, others.heard, two.pending()], [[], [], []]);
      assert.equal(logs[1].warnings.length, 1);
      await Promise.all([one.close(), two.close()]);
    }),
);

atPort('a session ticket of a former connection opens nothing: only the key does', async (at) => {
  const member = await new RawMember({ port: at.port, node: 'n2' }).join('n2');
  const ticket = await new Promise<Buffer>((resolve) => {
    const session = member.socket.getSession();
    if (session !== undefined) resolve(session);
    else member.socket.once('session', resolve);
  });
  member.socket.destroy();
  const again = connectTls({ ...keyOptions({ port: at.port, node: 'n2' }), pskCallback: undefined!, session: ticket });
  const failed = await new Promise<Error>((resolve) => void again.once('error', resolve));
  assert.match(failed.message, /handshake failure/);
});
