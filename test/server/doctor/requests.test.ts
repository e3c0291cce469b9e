/** The doctor's real requests, beside those of the probe: a page as any visitor gets it, and plain http. */

import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { judgeRedirect } from '../../../server/doctor/checks/redirect.ts';
import { livePlain, liveVisit } from '../../../server/doctor/live.ts';

let server: Server;
let port = 0;
const came: IncomingMessage[] = [];

before(async () => {
  server = createServer((req, res) => {
    came.push(req);
    if (req.url === '/silent') return void req.socket.destroy();
    if (req.url === '/page') return void res.setHeader('Set-Cookie', ['a=1.node1', 'b=2']).end('welcome');
    res.writeHead(308, { Location: `https://shop.xyz.com${req.url}` }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

after(() => new Promise((resolve) => server.close(resolve)));

const place = (address: string) => ({ url: new URL(address), connectTo: { host: '127.0.0.1', port } });

test('plain http is asked at the port that was named, under the name of the URL, and its redirect is read', async () => {
  const { url, connectTo } = place('https://shop.xyz.com');
  const asked = '/page?a=b';
  const plain = livePlain({ url, connectTo }, port);
  const answer = await plain!(asked);
  assert.equal(came.at(-1)!.headers.host, `shop.xyz.com:${port}`);
  assert.deepEqual(judgeRedirect(answer, url, asked), {
    ...{ check: 'https-redirect', ok: true, says: 'plain http redirects to the same page by https' },
  });
});

test('nobody says where plain http is beside a port of its own; an http URL has no other', () => {
  assert.equal(livePlain(place('https://shop.xyz.com:8443'), undefined), undefined);
  assert.equal(livePlain(place('http://shop.xyz.com'), 80), undefined);
  assert.ok(livePlain(place('https://shop.xyz.com'), undefined));
});

test('a visit sends the headers that it is given, keeps no cookie, and follows nothing', async () => {
  const visit = liveVisit(place('http://shop.xyz.com:8080'));
  const page = await visit('/page', [['Cookie', 'a=1.node1; b="2.node2"']]);
  const { headers } = came.at(-1)!;
  assert.deepEqual([headers.host, headers.cookie], ['shop.xyz.com:8080', 'a=1.node1; b="2.node2"']);
  assert.deepEqual(page.kind === 'page' && [page.status, page.setCookies], [200, ['a=1.node1', 'b=2']]);
  await visit('/page');
  assert.equal(came.at(-1)!.headers.cookie, undefined);
  const redirected = await visit('/elsewhere');
  assert.equal(redirected.kind === 'page' && redirected.status, 308);
});

test('an answer that never comes is no exception', async () => {
  const page = await liveVisit(place('http://shop.xyz.com'))('/silent');
  assert.equal(page.kind, 'failed');
  const plain = await livePlain(place('https://shop.xyz.com'), port)!('/silent');
  assert.equal(plain.kind, 'none');
});
