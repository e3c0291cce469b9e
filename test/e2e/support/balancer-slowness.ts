/** Check 76 through a real balancer: slow, large and strange clients, while others are served. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { host } from './balanced.ts';
import type { Stage } from './balancer-stage.ts';

/** How many slow clients of each kind. */
const clients = 60;

export interface SlownessOptions {
  /** Whether a body that comes by a byte a second is cut; where the balancer collects bodies itself, the nodes never see it. Default true. */
  readonly cutsDrippingBodies?: boolean;
}

export function slowness(staged: () => Stage, { cutsDrippingBodies = true }: SlownessOptions = {}): void {
  test('check 76: headers that drip are cut within 10 s, bodies within 15 s, and nobody else waits for them', async () => {
    const { authority } = staged().visitor();
    const start = `POST /echo HTTP/1.1\r\nHost: ${authority}\r\n`;
    const slow = [
      ...Array.from({ length: clients }, () => dripping(staged(), start, 'X-Drip: y\r\n', 12_000)),
      ...Array.from({ length: clients }, () => dripping(staged(), start, '', 12_000)),
    ];
    const bodies = Array.from({ length: clients }, () =>
      dripping(staged(), `${start}Content-Length: 1000\r\n\r\n`, cutsDrippingBodies ? 'x' : '', 17_000),
    );
    const tooks: number[] = [];
    let isOver = false;
    const others = (async () => {
      while (!isOver) {
        const from = performance.now();
        assert.equal((await staged().visitor().ask('/who')).status, 200);
        tooks.push(performance.now() - from);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    const headers = await Promise.all(slow);
    const whole = await Promise.all(bodies);
    isOver = true;
    await others;
    assert.ok(Math.max(...headers) < 11_000, `headers were cut after ${Math.max(...headers)} ms`);
    assert.ok(Math.max(...whole) < 16_000, `bodies were cut after ${Math.max(...whole)} ms`);
    tooks.sort((a, b) => a - b);
    assert.ok(tooks[Math.floor(tooks.length * 0.95)]! < 1_000, `others waited ${tooks.at(-1)} ms`);
  });

  test('check 76: too large a header, too many of them and too large a body are refused; nodes live on, and odd names change nothing', async () => {
    const visitor = staged().visitor();
    const { authority } = visitor;
    const get = (lines: string) =>
      visitor.raw(`GET /who HTTP/1.1\r\nHost: ${authority}\r\nConnection: close\r\n${lines}\r\n`, { afterMs: 5_000 });
    const refusals = [
      get(`X: ${'x'.repeat(40_000)}\r\n`),
      get(Array.from({ length: 10_000 }, (_, index) => `X-${index}: y\r\n`).join('')),
      get(`Cookie: ${Array.from({ length: 400 }, (_, index) => `c${index}=${'v'.repeat(100)}`).join('; ')}\r\n`),
    ];
    for (const { text } of await Promise.all(refusals)) assert.match(text, /^(?:HTTP\/1\.[01] (?:4\d\d|5\d\d) |$)/);
    const huge = await flooding(
      staged(),
      `POST /echo HTTP/1.1\r\nHost: ${authority}\r\nContent-Length: 1000000000\r\n\r\n`,
    );
    // 502: the node has answered and cut the connection, and the balancer, still writing, has met the cut before the answer.
    assert.match(huge.text, /^(?:HTTP\/1\.1 (?:413|502) |$)/);
    assert.ok(huge.sent < 50_000_000, `${huge.sent} bytes were taken`);
    const odd = await visitor.get('/who', { headers: ['__proto__', 'x', 'constructor', 'y', 'toString', 'z'] });
    assert.equal(odd.user, null);
    // What an application sends may be larger than what is usual: 1 MB of body, 10 kB of cookies in a request.
    assert.equal((await visitor.ask('/large?bytes=1000000')).text.length, 1_000_000);
    const cookie = Array.from({ length: 100 }, (_, index) => `c${index}=${'v'.repeat(70)}`).join('; ');
    assert.equal((await visitor.ask('/who', { cookie })).status, 200);
    for (const { route, ready } of staged().world.nodes) assert.equal(await ready(), 200, route);
  });
}

/** Sends the start, then as much as is taken; resolves with what was answered until the other side ended it. */
function flooding(staged: Stage, start: string): Promise<{ readonly text: string; readonly sent: number }> {
  const socket = connected(staged);
  const piece = Buffer.alloc(65_536, 'x');
  let text = '';
  let sent = 0;
  return new Promise((resolve) => {
    const write = () => {
      while (socket.writable && sent < 100_000_000 && socket.write(piece)) sent += piece.length;
    };
    socket.write(start);
    socket.on('drain', write);
    write();
    socket.on('data', (chunk) => void (text += chunk));
    socket.on('end', () => socket.destroy());
    socket.on('error', () => {}); // a reset, while we are still sending
    socket.on('close', () => resolve({ text, sent }));
  });
}

const connected = ({ world: { port } }: Stage) =>
  connect({ host: '127.0.0.1', port, servername: host, rejectUnauthorized: false });

/** Sends the start, then a piece each second; resolves with the milliseconds after which it was cut. Waits no longer than `atMostMs`. */
function dripping(staged: Stage, start: string, piece: string, atMostMs: number): Promise<number> {
  const from = performance.now();
  return new Promise((resolve, reject) => {
    const socket = connected(staged);
    socket.write(start);
    const timer = setInterval(() => {
      if (piece !== '' && socket.writable) socket.write(piece);
      if (performance.now() - from > atMostMs) socket.destroy();
    }, 1_000);
    const end = () => {
      clearInterval(timer);
      resolve(performance.now() - from);
    };
    socket.on('data', () => {});
    socket.once('close', end);
    // The other side has said that it is over.
    socket.once('end', end);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
  });
}
