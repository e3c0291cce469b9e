/** The limits of connections that Node has not (check 76), with small numbers; at their own size: test/slow-clients. */

import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { watchConnections } from '../../server/connections.ts';
import { rawly } from '../support/pipeline.ts';

const limits = { stalledMs: 1_000, bodyBytes: 100_000, pipelined: 4 } as const;

async function watched(
  t: { after(run: () => void): void },
  listener: RequestListener,
): Promise<{ server: Server; port: number }> {
  const server = createServer();
  watchConnections(server, listener, limits);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

const question = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const last = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
const answers = (text: string) => text.match(/HTTP\/1\.1 200/g)?.length ?? 0;

test('requests in one piece are answered, as many as may wait; with one more the connection ends, and no more than the limit were begun', async (t) => {
  let begun = 0;
  const { port } = await watched(t, (_req, res) => {
    begun++;
    setImmediate(() => res.end('yes'));
  });
  assert.equal(answers(await rawly(port, question.repeat(limits.pipelined - 1) + last)), limits.pipelined);
  begun = 0;
  await rawly(port, question.repeat(1_000));
  assert.equal(begun, limits.pipelined);
  assert.equal(answers(await rawly(port, last)), 1);
});

test('a body that says that it is too large is refused unread; one that turns out to be is cut', async (t) => {
  let begun = 0;
  const { port } = await watched(t, (req, res) => {
    begun++;
    req.resume().on('end', () => res.end('read'));
  });
  const of = (framing: string, body = '') =>
    `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${framing}\r\n\r\n${body}`;
  assert.match(
    await rawly(port, of(`Content-Length: ${limits.bodyBytes + 1}`)),
    /^HTTP\/1\.1 413 .*\r\nConnection: close\r\n/s,
  );
  assert.equal(begun, 0);
  assert.match(await rawly(port, of('Content-Length: 5', 'hello')), /^HTTP\/1\.1 200 /);
  const chunk = `8000\r\n${'a'.repeat(32_768)}\r\n`;
  assert.equal(await rawly(port, of('Transfer-Encoding: chunked', chunk.repeat(10))), '');
  assert.match(await rawly(port, of('Transfer-Encoding: chunked', `${chunk}0\r\n\r\n`)), /^HTTP\/1\.1 200 /);
});

test('who takes nothing of a large answer is cut; who takes it gets all of it', async (t) => {
  const size = 32 * 1_048_576; // more than two kernels keep
  const { port } = await watched(t, (_req, res) => res.end(Buffer.alloc(size)));
  const idle = connect(port, '127.0.0.1', () => idle.write(question)).pause();
  t.after(() => idle.destroy());
  // It learns of its end by what it sends.
  const asking = setInterval(() => idle.write('x'), 50);
  t.after(() => clearInterval(asking));
  const ended = new Promise<void>((resolve) => idle.once('error', () => resolve()));
  const taken = (await rawly(port, last)).length;
  assert.ok(taken > size, `${taken}`);
  await ended;
});

test('what is upgraded is looked at no more; where nobody takes upgrades, a request for one is a request', async (t) => {
  const plain = await watched(t, (_req, res) => res.end('no'));
  const upgrade = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
  assert.equal(answers(await rawly(plain.port, upgrade.replace('Upgrade\r\n', 'Upgrade, close\r\n'))), 1);

  t.mock.timers.enable({ apis: ['setInterval'] });
  const { server, port } = await watched(t, (_req, res) => res.end());
  let came = 0;
  let upgraded: Duplex | undefined;
  const all = limits.bodyBytes * 5;
  const done = new Promise<void>((resolve) => {
    server.on('upgrade', (_req, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
      socket.on('data', (part: Buffer) => {
        came += part.length;
        if (came >= all) resolve();
      });
      socket.on('error', () => {});
      upgraded = socket;
    });
  });
  const client = connect(port, '127.0.0.1', () => client.write(upgrade));
  t.after(() => client.destroy());
  client.resume();
  await new Promise<void>((resolve) => client.once('data', () => resolve()));
  client.write(Buffer.alloc(all));
  await done;
  t.mock.timers.tick(2_000);
  assert.equal(upgraded?.destroyed, false);
});
