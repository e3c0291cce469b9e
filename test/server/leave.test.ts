/** How an HTTP server of ours stops without anybody noticing. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { test } from 'node:test';
import { listen } from '../../server/http-server.ts';

test('leaving, it takes no connection any more, waits for the answers under way, and lets what was upgraded live until it is closed', async () => {
  let answer: ServerResponse | undefined;
  const web = await listen((_req, res) => void (answer = res), { host: '127.0.0.1', port: 0 });
  const { port } = web.server.address() as AddressInfo;
  web.server.on('upgrade', (_req, socket) => {
    socket.on('end', () => socket.end()).resume();
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
  });
  const upgraded = connect(port, '127.0.0.1');
  upgraded.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  await once(upgraded, 'data');
  const asked = get({ port, path: '/', agent: false });
  await once(web.server, 'request');

  let isLeft = false;
  const left = web.leave(10_000).then(() => (isLeft = true));
  while (web.server.listening) await new Promise((resolve) => setImmediate(resolve));
  const [refused] = (await once(connect(port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException];
  assert.equal(refused.code, 'ECONNREFUSED');
  assert.equal(isLeft, false);
  answer!.end('as ever');
  const [got] = (await once(asked, 'response')) as [NodeJS.ReadableStream];
  assert.equal(String((await once(got, 'data'))[0]), 'as ever');
  await left;
  assert.equal(upgraded.closed, false);

  const closed = web.close(10_000);
  upgraded.end();
  await closed;
});

test('an answer that takes longer than it may is not waited for', async () => {
  const web = await listen(() => {}, { host: '127.0.0.1', port: 0 });
  const { port } = web.server.address() as AddressInfo;
  const asked = get({ port, path: '/', agent: false });
  const failed = once(asked, 'error');
  await once(web.server, 'request');
  await web.leave(1);
  await web.close(1);
  await failed;
});

test('a connection that is gone is not waited for, however many answers it was owed', async () => {
  const web = await listen((_req, res) => void setImmediate(() => res.end('late')), { host: '127.0.0.1', port: 0 });
  const { port } = web.server.address() as AddressInfo;
  const client = connect(port, '127.0.0.1');
  let begun = 0;
  const gone = new Promise<void>((resolve) =>
    web.server.on('request', ({ socket }) => {
      if (++begun === 1) socket.once('close', resolve);
      if (begun === 3) socket.destroy();
    }),
  );
  client.on('error', () => {}).write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3));
  await gone;
  const isLeft = await Promise.race([
    web.leave(60_000).then(() => true),
    new Promise((resolve) => setTimeout(resolve, 5_000, false).unref()),
  ]);
  await web.close(1);
  assert.equal(isLeft, true);
});
