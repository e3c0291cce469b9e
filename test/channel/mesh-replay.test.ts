/** Check 67: bytes that were recorded on the wire are worth nothing anywhere, at any time. */

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { MeshChannel } from '../../sso/channel/mesh.ts';
import { quickMesh } from './mesh-network.ts';
import { awake, eventually, type Recording, record } from './recording.ts';
import { TcpProxy } from './tcp-proxy.ts';

const portOf = (mesh: MeshChannel) => Number(mesh.address().split(':').at(-1));

interface Recorded {
  readonly proxy: TcpProxy;
  readonly listener: MeshChannel;
  readonly heard: Recording;
  /** All that the dialler sent: its handshake, its hello, and one frame. */
  readonly forth: Buffer;
  /** The part with the frame alone. */
  readonly frame: Buffer;
}

/** `n2` dials `n1` through a proxy and sends one frame, which is recorded. */
function replay(sentence: string, run: (recorded: Recorded) => Promise<void>): void {
  test(sentence, { timeout: 30_000 }, () =>
    awake(async () => {
      const proxy = await new TcpProxy().start();
      const listener = quickMesh({ node: 'n1' });
      const heard = await record(listener);
      proxy.target = portOf(listener);
      const dialler = quickMesh({ node: 'n2', nodes: [proxy.address], limits: { pingMs: 60_000, silenceMs: 600_000 } });
      await (await record(dialler)).hears('up', 'n1');
      await heard.hears('up', 'n2');
      const tap = proxy.taps[0]!;
      const before = tap.forth.length;
      dialler.broadcast(Buffer.from('end the sign-on of alice'));
      await heard.hears('frame');
      try {
        await run({
          proxy,
          listener,
          heard,
          forth: Buffer.concat(tap.forth),
          frame: Buffer.concat(tap.forth.slice(before)),
        });
      } finally {
        await Promise.all([dialler.close(), listener.close()]);
        await proxy.end();
      }
    }),
  );
}

/** Sends the bytes to a port; resolves once the other side has closed. */
function resend(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', () => {});
    socket.on('error', () => {});
    socket.once('close', () => resolve());
  });
}

replay(
  'check 67, V95: a frame sent again on its own connection ends it, and is not heard again',
  async ({ proxy, heard, frame }) => {
    assert.ok(frame.length > 24);
    proxy.taps[0]!.inject(frame);
    await heard.hears('down', 'n2');
    await heard.hears('gap', 'n2');
    assert.deepEqual(heard.texts, ['end the sign-on of alice']);
  },
);

replay(
  'check 67, V95: a recorded connection played to the same node ends in the handshake',
  async ({ listener, heard, forth }) => {
    await resend(portOf(listener), forth);
    await eventually(() => listener.counters()['handshake'] === 1);
    assert.deepEqual(heard.texts, ['end the sign-on of alice']);
    assert.deepEqual(heard.story, ['up n2']);
  },
);

replay(
  'check 67, V95: so does one that is played to another node, to a restarted one, and to one of another cluster',
  async ({ forth }) => {
    for (const options of [{ node: 'n3' }, { node: 'n1', incarnation: 2 }, { node: 'n1', cluster: 'other' }]) {
      const other = quickMesh(options);
      const heard = await record(other);
      await resend(portOf(other), forth);
      await eventually(() => other.counters()['handshake'] === 1);
      assert.deepEqual(heard.heard, []);
      await other.close();
    }
  },
);

replay('check 67: what the listener sent, played back to a dialler, is no member either', async ({ proxy }) => {
  const back = Buffer.concat(proxy.taps[0]!.back);
  const player = await new TcpProxy().start();
  const dialler = quickMesh({ node: 'n4', nodes: [player.address] });
  const heard = await record(dialler);
  player.play(back);
  await eventually(() => (dialler.counters()['dial'] ?? 0) + (dialler.counters()['dial-refused'] ?? 0) >= 2);
  assert.deepEqual(heard.heard, []);
  await dialler.close();
  await player.end();
});

replay(
  'a record that was changed on its way is not heard, and ends the connection',
  async ({ proxy, heard, frame }) => {
    const changed = Buffer.from(frame);
    changed[changed.length - 20]! ^= 1;
    proxy.taps[0]!.inject(changed);
    await heard.hears('down', 'n2');
    assert.equal(heard.frames.length, 1);
  },
);
