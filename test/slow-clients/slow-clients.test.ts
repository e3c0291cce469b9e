/** Check 76 at `latchkey serve`: slow and bloated clients are cut off in time, and others do not notice. More of them: `run.ts`. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { headerLines, rawly } from '../support/pipeline.ts';
import { type Served, type ServedCluster, serve } from '../support/served.ts';
import { graceMs, slowClients, ways } from './clients.ts';
import { others } from './others.ts';

let cluster: ServedCluster;
let node: Served;
before(async () => {
  cluster = await serve(1, {
    cookieDomain: 'xyz.test',
    site: { origin: 'https://sso.xyz.test' },
    origins: ['https://app.xyz.test'],
    forwardAuth: { proxies: ['127.0.0.1'], rules: [{ host: 'app.xyz.test', policy: 'signed-on' }] },
  });
  [node] = cluster.nodes as [Served];
});
after(() => cluster.stop());

const host = { Host: 'sso.xyz.test', 'X-Forwarded-Proto': 'https' };

describe('slow and bloated clients', { concurrency: true }, () => {
  test('check 76: three hundred slow clients, of twelve kinds, are cut within 10 s of headers and 15 s of a request; everybody else is answered', async (t) => {
    const slow = await slowClients(node.port, 300);
    t.after(() => slow.stop());
    const ended = slow.ended(22_000);
    const { failed, took } = await others(node.port, ended, 50);
    assert.deepEqual(failed, []);
    assert.ok(took.length >= 20, `${took.length} others were answered`);
    for (const way of ways) {
      const these = slow.connections.filter((one) => one.way === way);
      assert.ok(these.length > 0, way.name);
      for (const { cutAfterMs, isConnected } of these) {
        assert.ok(isConnected, `${way.name}: never connected`);
        assert.ok(
          cutAfterMs !== undefined && cutAfterMs <= way.cutInSeconds * 1_000 + graceMs,
          `${way.name}: after ${cutAfterMs} ms`,
        );
      }
    }
  });

  test('check 76: where proxies ask, slow clients are cut as well', async (t) => {
    const slow = await slowClients(
      node.asked,
      40,
      ways.filter(({ isCostly }) => isCostly !== true), // its answers are small: whoever reads none asks a long while
    );
    t.after(() => slow.stop());
    await slow.ended(22_000);
    const late = slow.connections.filter(
      ({ cutAfterMs = Infinity, way }) => cutAfterMs > way.cutInSeconds * 1_000 + graceMs,
    );
    assert.deepEqual(
      late.map(({ way, cutAfterMs }) => [way.name, cutAfterMs]),
      [],
    );
  });

  test('check 76: headers beyond 16 kB, and ten thousand of them, are 431; a header called __proto__ is a header', async () => {
    const of = (lines: string, target = '/livez') =>
      `GET ${target} HTTP/1.1\r\n${headerLines(host)}${lines}Connection: close\r\n\r\n`;
    for (const port of [node.port, node.asked]) {
      assert.match(await rawly(port, of(`X: ${'x'.repeat(17_000)}\r\n`)), /^HTTP\/1\.1 431 /);
      assert.match(await rawly(port, of(`Cookie: ${'a=b; '.repeat(4_000)}\r\n`)), /^HTTP\/1\.1 431 /);
      assert.match(await rawly(port, of('A: b\r\n'.repeat(10_000))), /^HTTP\/1\.1 431 /);
      assert.match(await rawly(port, of('', `/${'a'.repeat(20_000)}`)), /^HTTP\/1\.1 (431|414) /);
      const odd = of('__proto__: {"isAdmin":true}\r\nconstructor: x\r\nhasOwnProperty: y\r\ntoString: z\r\n');
      assert.match(await rawly(port, odd), /^HTTP\/1\.1 200 /);
    }
    assert.match(await rawly(node.port, of('')), /^HTTP\/1\.1 200 /);
  });

  test('check 76: of a body of a gigabyte no more is read than comes in a second or two: it is refused, or cut, and the memory stays', async () => {
    const before = residentKb();
    const sent = await Promise.all(
      ['/login', '/account/end', '/logout', '/nowhere'].flatMap((target) =>
        ['Content-Length: 1073741824', 'Transfer-Encoding: chunked'].map((framing) => flood(target, framing)),
      ),
    );
    for (const { answer, megabytes, target } of sent) {
      assert.ok(megabytes < 256, `${target}: ${megabytes} MB were taken`);
      // The answer may be lost to who is still sending when the connection ends.
      assert.match(answer, /^(HTTP\/1\.1 4|$)/, target);
    }
    const grown = residentKb() - before;
    assert.ok(grown < 150_000, `${grown} kB more`);
    const well = `GET /readyz HTTP/1.1\r\n${headerLines(host)}Connection: close\r\n\r\n`;
    assert.match(await rawly(node.port, well), /^HTTP\/1\.1 200 /);
  });
});

interface Flooded {
  readonly target: string;
  readonly answer: string;
  readonly megabytes: number;
}

const megabyte = 1_048_576;

/** Posts a megabyte every 50 ms, up to a gigabyte, until the server ends it. */
function flood(target: string, framing: string): Promise<Flooded> {
  const part = Buffer.alloc(megabyte, 'a');
  const isChunked = framing.startsWith('Transfer');
  const wire = isChunked ? Buffer.concat([Buffer.from('100000\r\n'), part, Buffer.from('\r\n')]) : part;
  const head = `POST ${target} HTTP/1.1\r\n${headerLines(host)}Content-Type: application/x-www-form-urlencoded\r\n${framing}\r\n\r\n`;
  return new Promise((resolve) => {
    let answer = '';
    let megabytes = 0;
    const socket = connect(node.port, '127.0.0.1', () => socket.write(head));
    const sending = setInterval(() => {
      if (socket.writableLength > 0) return;
      if (++megabytes > 1_024) socket.destroy();
      else socket.write(wire);
    }, 50);
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => {
      clearInterval(sending);
      resolve({ target, answer, megabytes });
    });
  });
}

/** Memory of the node's process; 0 where the system does not say it so. */
function residentKb(): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${node.child.pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
