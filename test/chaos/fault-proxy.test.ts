/** The fault proxy does what it says: with a listener that sends back what it gets. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { seededRandom } from '../../sso/random.ts';
import { FaultProxy } from './fault-proxy.ts';

interface World {
  readonly proxy: FaultProxy;
  dial(): Promise<Socket>;
  /** What the listener has received, of all connections. */
  readonly heard: () => string;
  /** Resolves when the listener has heard so many bytes. */
  hears(bytes: number): Promise<void>;
}

async function world(t: TestContext): Promise<World> {
  let heard = '';
  let told = () => {};
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      heard += chunk;
      socket.write(chunk);
      told();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await new FaultProxy((server.address() as AddressInfo).port, seededRandom(3).fraction).start();
  const sockets: Socket[] = [];
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await proxy.end();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    proxy,
    heard: () => heard,
    async dial() {
      const socket = connect(proxy.port, '127.0.0.1');
      socket.on('error', () => {});
      sockets.push(socket);
      await once(socket, 'connect');
      return socket;
    },
    async hears(bytes) {
      while (heard.length < bytes) await new Promise<void>((resolve) => (told = resolve));
    },
  };
}

async function reads(socket: Socket, bytes: number): Promise<string> {
  let text = '';
  while (text.length < bytes) text += (await once(socket, 'data'))[0];
  return text;
}

test('bytes pass both ways, whole and in order', async (t) => {
  const { dial } = await world(t);
  const socket = await dial();
  const text = 'abcdefghij'.repeat(20_000);
  socket.write(text);
  assert.equal(await reads(socket, text.length), text);
});

test('delay: a round takes at least both ways', async (t) => {
  const { proxy, dial } = await world(t);
  proxy.set('forth', { delayMs: 40 });
  proxy.set('back', { delayMs: 30, jitterMs: 10 });
  const socket = await dial();
  const began = performance.now();
  socket.write('ping');
  assert.equal(await reads(socket, 4), 'ping');
  assert.ok(performance.now() - began >= 69);
});

test('slow: so many bytes take as long as they must', async (t) => {
  const { proxy, dial } = await world(t);
  proxy.set('forth', { bytesPerSecond: 10_000 });
  const socket = await dial();
  const began = performance.now();
  socket.write('x'.repeat(1_000));
  await reads(socket, 1_000);
  assert.ok(performance.now() - began >= 99);
});

test('byte-wise: pieces arrive as what was sent', async (t) => {
  const { proxy, dial } = await world(t);
  for (const direction of ['forth', 'back'] as const) proxy.set(direction, { piecemeal: true });
  const socket = await dial();
  const text = 'abcdefghij'.repeat(300);
  socket.write(text.slice(0, 5));
  socket.write(text.slice(5));
  let pieces = 0;
  socket.on('data', () => pieces++);
  assert.equal(await reads(socket, text.length), text);
  assert.ok(pieces > 10, `${pieces} pieces`);
});

test('hold: nothing moves and nothing ends, an end neither, and all of it goes on later', async (t) => {
  const { proxy, dial, heard, hears } = await world(t);
  const socket = await dial();
  socket.write('before');
  await reads(socket, 6);
  proxy.set('forth', { passage: 'hold' });
  const other = await dial();
  socket.write(' while');
  other.end('other');
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(heard(), 'before');
  assert.equal(socket.destroyed, false);
  proxy.set('forth', { passage: 'open' });
  assert.equal(await reads(socket, 6), ' while');
  await hears('before while'.length + 'other'.length);
});

test('one-way: the listener hears, and the dialler does not', async (t) => {
  const { proxy, dial, heard, hears } = await world(t);
  const socket = await dial();
  proxy.set('back', { passage: 'hold' });
  let answers = 0;
  socket.on('data', () => answers++);
  socket.write('hello');
  await hears(5);
  assert.equal(heard(), 'hello');
  assert.equal(answers, 0);
  proxy.set('back', { passage: 'open' });
  if (answers === 0) await once(socket, 'data');
});

test('swallow: bytes vanish, nobody is told until it is over, and then the connection ends', async (t) => {
  const { proxy, dial, heard } = await world(t);
  const socket = await dial();
  socket.write('before');
  await reads(socket, 6);
  proxy.set('forth', { passage: 'swallow' });
  socket.write('gone');
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(socket.destroyed, false);
  proxy.set('forth', { passage: 'open' });
  await once(socket, 'close');
  assert.equal(heard(), 'before');
});

test('forgotten: the old connection is half-open for ever, a new one is well', async (t) => {
  const { proxy, dial, heard } = await world(t);
  const old = await dial();
  old.write('before');
  await reads(old, 6);
  proxy.forget();
  old.write('gone');
  const fresh = await dial();
  fresh.write('fresh');
  await reads(fresh, 5);
  assert.equal(heard(), 'beforefresh');
  assert.equal(old.destroyed, false);
});

test('lost and refused connections end, and when that is over the next one is well', async (t) => {
  const { proxy, dial } = await world(t);
  const socket = await dial();
  socket.write('before');
  await reads(socket, 6);
  const lost = once(socket, 'close');
  proxy.refuse(true);
  proxy.lose();
  await lost;
  await once(await dial(), 'close');
  proxy.refuse(false);
  const fresh = await dial();
  fresh.write('fresh');
  assert.equal(await reads(fresh, 5), 'fresh');
  assert.equal(proxy.connections, 1);
});
