/** Connections and their sign-ons across nodes: real WebSockets and event streams at one node, ended by another. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import express from 'express';
import { WebSocket, WebSocketServer } from 'ws';
import type { SsoNode } from '../../sso/index.ts';
import { type Browser, type TestCluster, testCluster } from '../../sso/testing/index.ts';

/** What waits for a close that never comes fails, and holds up nobody. */
const inTime = { timeout: 20_000 };

const servers: Server[] = [];
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

function host(sso: SsoNode): express.Express {
  const app = express();
  app.use(sso.valve());
  app.post('/logout', sso.logout());
  app.get('/events', sso.protect(), (req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
    sso.closeWith(req.sso, res);
  });
  return app;
}

/** A door of this node for WebSockets, as the README shows it. */
async function socketsOf(sso: SsoNode): Promise<string> {
  const server = createServer();
  servers.push(server);
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', async (req, socket, head) => {
    const signOn = await sso.fromUpgrade(req);
    if (!signOn.signedIn) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(req, socket, head, (ws) => {
      sso.closeWith(signOn, ws);
      ws.on('message', (data) => ws.send(`${signOn.principal?.name} said ${data}`));
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function openSocket(cluster: TestCluster, node: string, browser: Browser): Promise<WebSocket> {
  const url = await socketsOf(cluster.at(node).sso);
  const ws = new WebSocket(url, { headers: { cookie: browser.jar.header(new URL('https://localhost/'))! } });
  await once(ws, 'open');
  return ws;
}

async function openStream(cluster: TestCluster, node: string, browser: Browser): Promise<IncomingMessage> {
  const cookie = browser.jar.header(new URL('https://localhost/'))!;
  const request = get(`${cluster.at(node).secure}/events`, { headers: { cookie, host: 'localhost' } });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  assert.equal(answer.statusCode, 200);
  return answer.setEncoding('utf8');
}

async function closedWith(ws: WebSocket): Promise<string> {
  const [code, reason] = (await once(ws, 'close')) as [number, Buffer];
  return `${code} ${reason}`;
}

async function restOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of answer) text += chunk;
  return text;
}

test('V67: a logout through node 2 closes the WebSocket and the event stream at node 1', inTime, async (t) => {
  const cluster = await testCluster({ host, nodes: ['n1', 'n2'] });
  t.after(() => cluster.stop());
  const browser = cluster.browser();
  await browser.signIn('alice', { at: 'n1' });
  const ws = await openSocket(cluster, 'n1', browser);
  const events = await openStream(cluster, 'n1', browser);
  ws.send('hello');
  const [said] = (await once(ws, 'message')) as [Buffer];
  assert.equal(String(said), 'alice said hello');
  const closed = closedWith(ws);
  const rest = restOf(events);
  await browser.submit('/logout', {}, { at: 'n2' });
  assert.equal(await closed, '4401 logout');
  assert.equal(await rest, '\n\nevent: signed-off\ndata: logout\n\n');
});

test(
  "a user's end by an administrator at node 2 closes what the user has open at node 1, and nobody else's",
  inTime,
  async (t) => {
    const cluster = await testCluster({ host, nodes: ['n1', 'n2'] });
    t.after(() => cluster.stop());
    const [alice, bob] = [cluster.browser(), cluster.browser()];
    await alice.signIn('alice', { at: 'n1' });
    await bob.signIn('bob', { at: 'n1' });
    const hers = await openSocket(cluster, 'n1', alice);
    const his = await openSocket(cluster, 'n1', bob);
    const closed = closedWith(hers);
    await cluster.at('n2').sso.endSubject('alice', { cause: 'administrator' });
    assert.equal(await closed, '4401 administrator');
    his.send('still here');
    const [said] = (await once(his, 'message')) as [Buffer];
    assert.equal(String(said), 'bob said still here');
    his.terminate();
  },
);

test(
  'V48: a node that drains sends its connections to the others, and the sign-on goes on there',
  inTime,
  async (t) => {
    const cluster = await testCluster({ host, nodes: ['n1', 'n2'] });
    t.after(() => cluster.stop());
    const browser = cluster.browser();
    await browser.signIn('alice', { at: 'n1' });
    const ws = await openSocket(cluster, 'n1', browser);
    const events = await openStream(cluster, 'n1', browser);
    const closed = closedWith(ws);
    const rest = restOf(events);
    await cluster.at('n1').sso.drain();
    assert.equal(await closed, '1012 restart');
    assert.equal(await rest, '', 'the stream ends without a word of a sign-off: the browser connects again');
    const again = await openSocket(cluster, 'n2', browser);
    again.send('hello again');
    const [said] = (await once(again, 'message')) as [Buffer];
    assert.equal(String(said), 'alice said hello again');
    again.terminate();
  },
);

test('S4: a node that is cut off closes its connections within T', inTime, async (t) => {
  const cluster = await testCluster({ host });
  t.after(() => cluster.stop());
  const browser = cluster.browser();
  await browser.signIn('alice', { at: 'n1' });
  const ws = await openSocket(cluster, 'n1', browser);
  const events = await openStream(cluster, 'n1', browser);
  const closed = closedWith(ws);
  const rest = restOf(events);
  await cluster.split([['n1'], ['n2', 'n3']]);
  await cluster.advance(6_000);
  assert.equal(await closed, '4503 unavailable');
  assert.equal(await rest, '', 'the stream ends without a word of a sign-off: the browser connects again');
});

test(
  'S1: no connection under a sign-on is open anywhere when its logout is complete, a node that is cut off included',
  inTime,
  async (t) => {
    const cluster = await testCluster({ host });
    t.after(() => cluster.stop());
    const browser = cluster.browser();
    await browser.signIn('alice', { at: 'n1' });
    const headers = { cookie: browser.jar.header(new URL('https://localhost/'))!, host: 'localhost' };
    const signOn = await cluster.at('n1').sso.fromUpgrade({ headers, method: 'GET' } as IncomingMessage);
    assert.equal(signOn.signedIn, true);
    let closedAt = 0;
    cluster.at('n1').sso.closeWith(signOn, { close: () => void (closedAt = cluster.now()) });
    await cluster.split([['n1'], ['n2', 'n3']]);
    const { sso } = cluster.at('n2');
    let receipt = await sso.endSubject('alice');
    assert.equal(receipt.state, 'pending');
    while (receipt.state === 'pending') {
      assert.ok(cluster.now() < receipt.closedAt + 10_000, 'the leases have run out by now');
      await cluster.advance(10);
      receipt = (await sso.receipt(receipt.id))!;
    }
    assert.ok(closedAt > 0, 'the connection was closed before');
  },
);
