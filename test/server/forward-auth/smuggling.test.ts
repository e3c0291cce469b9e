/** Requests that two servers could read as different ones, written to the node byte by byte. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type AskedNode, askedNode } from './support/ask.ts';

let node: AskedNode;
before(async () => {
  node = await askedNode();
});
after(() => node.stop());

const asked = [
  'X-Forwarded-Method: GET',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: open.xyz.com',
  'X-Forwarded-Uri: /',
].join('\r\n');
const start = `GET /forward-auth/caddy HTTP/1.1\r\nHost: a\r\n${asked}\r\n`;
const second = 'GET /forward-auth/caddy HTTP/1.1\r\nHost: b\r\n\r\n';

const requests: Readonly<Record<string, string>> = {
  'CL and TE': `${start}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${second}`,
  'TE and CL': `${start}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${second}`,
  'two CL': `${start}Content-Length: 0\r\nContent-Length: 5\r\n\r\nabcde${second}`,
  'CL as a list': `${start}Content-Length: 0, 5\r\n\r\n${second}`,
  'CL with a sign': `${start}Content-Length: +5\r\n\r\nabcde${second}`,
  'two TE': `${start}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${second}`,
  'TE that is not last': `${start}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${second}`,
  'TE with a tab before': `${start}Transfer-Encoding:\tchunked\r\n\r\nzz\r\n${second}`,
  'TE with a space in its name': `${start}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${second}`,
  'a bad chunk size': `${start}Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n${second}`,
  'a bad chunk extension': `${start}Transfer-Encoding: chunked\r\n\r\n0;a\nb\r\n\r\n${second}`,
  'a chunk longer than it says': `${start}Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n${second}`,
  'bare LF after a header': `${start}X: y\nZ: 1\r\n\r\n${second}`,
  'bare LF after the request line': `GET /forward-auth/caddy HTTP/1.1\nHost: a\n${asked}\n\n`,
  'bare CR in a header': `${start}X: y\rZ: 1\r\n\r\n${second}`,
  'a folded header': `${start} X-Forwarded-Uri: /admin\r\n\r\n${second}`,
  'NUL in a header': `${start}X: a\0b\r\n\r\n${second}`,
  'a space before the colon': `${start}X-Forwarded-Uri : /x\r\n\r\n${second}`,
  'a body': `${start}Content-Length: ${second.length}\r\n\r\n${second}`,
  'a chunked body': `${start}Transfer-Encoding: chunked\r\n\r\n${second.length.toString(16)}\r\n${second}\r\n0\r\n\r\n`,
  'no host': `GET /forward-auth/caddy HTTP/1.1\r\n${asked}\r\n\r\n`,
  'a version of its own': `GET /forward-auth/caddy HTTP/1.2\r\nHost: a\r\n${asked}\r\n\r\n`,
};

for (const [name, bytes] of Object.entries(requests)) {
  test(`check 49: ${name} is answered 400, once, and the connection is closed`, async () => {
    const answer = await node.raw(bytes);
    assert.equal(answer.status, 400);
    assert.equal(answer.closed, true);
    assert.equal(answer.all.match(/HTTP\/1\.1 /g)?.length, 1);
    assert.doesNotMatch(answer.all, /remote-user/i);
  });
}

test('check 76: headers beyond 16 kB are cut off with 431, and a __proto__ header is a header', async () => {
  const big = await node.raw(`${start}X: ${'a'.repeat(17_000)}\r\n\r\n`);
  assert.deepEqual([big.status, big.closed], [431, true]);
  const proto = await node.raw(`${start}__proto__: x\r\nconstructor: y\r\n\r\n`);
  assert.equal(proto.status, 200);
});

test('check 76: of ten thousand header lines none is believed that came behind the limit', async () => {
  const lines = Array.from({ length: 1_000 }, (_, index) => `a${index}: b`).join('\r\n');
  const answer = await node.raw(`GET /forward-auth/caddy HTTP/1.1\r\nHost: a\r\n${lines}\r\n${asked}\r\n\r\n`);
  assert.notEqual(answer.status, 200);
});
