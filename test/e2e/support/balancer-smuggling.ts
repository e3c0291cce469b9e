/**
 * Check 49 through a real balancer: requests whose length can be read in two ways. What two readers
 * understand differently would let a client put a request of its own into another's connection. Each of these
 * hides `/smuggled-…`; a node may be asked for it only by the balancer, which then read it as a request.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Smuggled } from './balanced-settings.ts';
import type { Stage } from './balancer-stage.ts';

interface Trick {
  readonly name: string;
  /** Between the request line with Host, and the hidden request. */
  readonly head: (hidden: string) => string;
  readonly method?: string;
  readonly version?: string;
}

const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;

const tricks: readonly Trick[] = [
  {
    name: 'both lengths, the chunks end first',
    head: (hidden) => `Content-Length: ${5 + hidden.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  },
  {
    name: 'both lengths, the number ends first',
    head: (hidden) => `Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n${chunk(hidden)}`,
  },
  { name: 'two numbers', head: (hidden) => `Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}` },
  { name: 'two numbers in one line', head: (hidden) => `Content-Length: 0, ${hidden.length}\r\n\r\n${hidden}` },
  { name: 'a signed number', head: (hidden) => `Content-Length: +${hidden.length}\r\n\r\n${hidden}` },
  { name: 'a negative number', head: (hidden) => `Content-Length: -1\r\n\r\n${hidden}` },
  {
    name: 'a space before the colon',
    head: (hidden) => `Content-Length: 4\r\nTransfer-Encoding : chunked\r\n\r\n${chunk(hidden)}`,
  },
  {
    name: 'an unknown coding',
    head: (hidden) => `Content-Length: 4\r\nTransfer-Encoding: xchunked\r\n\r\n${chunk(hidden)}`,
  },
  {
    name: 'chunked is not the last coding',
    head: (hidden) => `Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`,
  },
  {
    name: 'chunked, twice',
    head: (hidden) => `Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${hidden}`,
  },
  {
    name: 'a vertical tab before chunked',
    head: (hidden) => `Content-Length: 4\r\nTransfer-Encoding:\x0bchunked\r\n\r\n${chunk(hidden)}`,
  },
  {
    name: 'a folded line',
    head: (hidden) => `Content-Length: 4\r\nTransfer-Encoding:\r\n chunked\r\n\r\n${chunk(hidden)}`,
  },
  {
    name: 'a bare line feed in the header',
    head: (hidden) => `X: y\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${chunk(hidden)}`,
  },
  {
    name: 'a bare carriage return in the header',
    head: (hidden) => `X: y\rTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${chunk(hidden)}`,
  },
  {
    name: 'a zero byte in the header',
    head: (hidden) => `X: y\0\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n${chunk(hidden)}`,
  },
  {
    name: 'a bare line feed after a chunk extension',
    head: (hidden) =>
      `Transfer-Encoding: chunked\r\n\r\n2;a\nxx\r\n${hidden.length.toString(16)}\r\n0\r\n\r\n${hidden}`,
  },
  { name: 'a chunk size with a prefix', head: (hidden) => `Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n${hidden}` },
  { name: 'a chunk size with a sign', head: (hidden) => `Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n${hidden}` },
  {
    name: 'a chunk longer than it says',
    head: (hidden) => `Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n${hidden}`,
  },
  {
    name: 'chunks in HTTP/1.0',
    version: '1.0',
    head: (hidden) => `Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n${chunk(hidden)}`,
  },
  { name: 'a body of a GET', method: 'GET', head: (hidden) => `Content-Length: ${hidden.length}\r\n\r\n${hidden}` },
  {
    name: 'an upgrade that is refused',
    method: 'GET',
    head: (hidden) =>
      `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n${hidden}`,
  },
  {
    name: 'an upgrade with a body',
    method: 'GET',
    head: (hidden) => `Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
  },
];

/** Of these every reader must say that they are wrong: RFC 9112 2.2, 5.1, 6.3, 7.1. */
const refused = new Set([
  'two numbers',
  'a negative number',
  'a signed number',
  'a space before the colon',
  'a zero byte in the header',
]);

export function smuggling(staged: () => Stage): void {
  test('check 49: what can be read in two ways is refused, or read by balancer and node alike; nothing is smuggled past the balancer', async () => {
    const visitor = staged().visitor();
    const answers = await Promise.all(
      tricks.map(async ({ name, head, method = 'POST', version = '1.1' }, index) => {
        const path = name.includes('upgrade') ? '/ws' : method === 'GET' ? '/who' : '/echo';
        const hidden = `GET /smuggled-${index} HTTP/1.1\r\nHost: ${visitor.authority}\r\nX: `;
        const bytes = `${method} ${path} HTTP/${version}\r\nHost: ${visitor.authority}\r\n${head(`${hidden}y\r\n\r\n`)}`;
        const { text } = await visitor.raw(bytes, { afterMs: 2_000 });
        return { name, text };
      }),
    );
    for (const { name, text } of answers) {
      if (refused.has(name)) assert.match(text, /^(?:HTTP\/1\.[01] (?:4\d\d|501) |$)/, `${name}: ${text}`);
    }
    for (const { route } of staged().world.nodes) {
      const { text } = await staged()
        .visitor()
        .ask('/seen', { cookie: `STICKY_ROUTE=route.${route}` });
      const past = (JSON.parse(text) as readonly Smuggled[]).filter(({ isMarked }) => !isMarked);
      assert.deepEqual(
        past.map(({ url }) => tricks[Number(url.split('-')[1])]?.name),
        [],
      );
    }
  });

  test('no client takes a node away from others by a request that fails: a balancer that concludes from it can be led to that', async () => {
    const visitor = staged().visitor();
    const head = (route: string, more: string) =>
      `POST /echo HTTP/1.1\r\nHost: ${visitor.authority}\r\nCookie: STICKY_ROUTE=route.${route}\r\n${more}\r\n\r\n`;
    for (const { route } of staged().world.nodes) {
      await Promise.all([
        visitor.raw(`${head(route, 'Transfer-Encoding: chunked')}0x0\r\n\r\n`, { afterMs: 1_000 }),
        visitor.raw(`${head(route, 'Transfer-Encoding: chunked')}5\r\nhello\r\nzz\r\n`, { afterMs: 1_000 }),
        // Goes away in the middle of what it said that it would send.
        visitor.raw(`${head(route, 'Content-Length: 100000')}hello`, { afterMs: 300 }),
      ]);
      const { node } = await staged()
        .visitor()
        .get('/who', { cookie: `STICKY_ROUTE=route.${route}` });
      assert.equal(node, route);
    }
  });
}
