/**
 * Stories of connections that outlive their request and share the session of the pages: Engine.IO, which socket.io runs on, and ws
 * as its README shows it. Both run the middlewares over the upgrade request, with something in place of the answer.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { attach, type Socket } from 'engine.io';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { startNode } from '../../sso/index.ts';
import { silentLog } from '../../sso/log.ts';
import type { Session } from '../../sso/session/index.ts';

/** What waits for a message that never comes fails, and holds up nobody. */
const inTime = { timeout: 20_000 };

type Bag = Session & { note?: string; heard?: string[] };
const bagOf = (req: IncomingMessage): Bag => (req as Request).session as Bag;

/** A page that notes something, a page that shows the session, and the middlewares of both. */
async function shop(t: TestContext) {
  const sso = await startNode({
    secret: 'Zr8kQ2vX5tB9nM4cW7yJ1hL6dF3gS0pA',
    route: 'n1',
    allowInsecureCookie: true,
    log: silentLog,
  });
  const middlewares = [sso.valve(), sso.sessions({ app: 'shop' })];
  const app = express().use(...middlewares);
  app.get('/sign-on', async (req, res) => {
    await req.sso.open({ name: 'alice', roles: [] }, 'form');
    bagOf(req).note = 'of a page';
    res.send('noted');
  });
  app.get('/show', (req, res) => void res.json({ note: bagOf(req).note, heard: bagOf(req).heard }));
  const server = createServer(app);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    server.closeAllConnections();
    server.close();
    await sso.stop();
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const cookie = (await fetch(`${url}/sign-on`)).headers
    .getSetCookie()
    .map((line) => line.split(';', 1)[0])
    .join('; ');
  const shown = async () => (await fetch(`${url}/show`, { headers: { cookie } })).json();
  return { server, middlewares, url, sockets: `ws://127.0.0.1:${port}`, cookie, shown };
}

const nextMessage = async (socket: WebSocket): Promise<string> =>
  String(((await once(socket, 'message')) as [RawData])[0]);

/** Answers each message with who says it and what a page has noted, and keeps it. */
async function keep(req: IncomingMessage, message: string): Promise<string> {
  await bagOf(req).reload();
  const session = bagOf(req);
  session.heard = [...(session.heard ?? []), message];
  await session.save();
  return `${(req as Request).sso.principal?.name} ${session.note} ${session.heard.length}`;
}

test("socket.io's engine shares session and sign-on with the pages, over both transports", inTime, async (t) => {
  const { server, middlewares, url, sockets, cookie, shown } = await shop(t);
  const engine = attach(server, {});
  t.after(() => engine.close());
  for (const one of middlewares) engine.use(one);
  engine.on('connection', (socket: Socket) => {
    // As in socket.io, whose sockets have the same request: read long after the upgrade was answered.
    socket.on('message', async (message) => socket.send(await keep(socket.request, String(message))));
  });

  const socket = new WebSocket(`${sockets}/engine.io/?EIO=4&transport=websocket`, { headers: { cookie } });
  t.after(() => socket.terminate());
  const next = () => nextMessage(socket);
  assert.match(await next(), /^0\{"sid":/);
  socket.send('4hello');
  assert.equal(await next(), '4alice of a page 1');
  assert.deepEqual(await shown(), { note: 'of a page', heard: ['hello'] });

  const polling = `${url}/engine.io/?EIO=4&transport=polling`;
  const headers = { cookie };
  const { sid } = JSON.parse((await (await fetch(polling, { headers })).text()).slice(1)) as { sid: string };
  await fetch(`${polling}&sid=${sid}`, { method: 'POST', headers, body: '4again' });
  assert.equal(await (await fetch(`${polling}&sid=${sid}`, { headers })).text(), '4alice of a page 2');
  assert.deepEqual(await shown(), { note: 'of a page', heard: ['hello', 'again'] });
});

test('ws shares them where the middlewares run over the upgrade request with {} for an answer', inTime, async (t) => {
  const { server, middlewares, sockets, cookie, shown } = await shop(t);
  const sessionSockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', async (req, stream, head) => {
    for (const one of middlewares) await passed(one, req);
    if (bagOf(req).note === undefined) return void stream.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
    sessionSockets.handleUpgrade(req, stream, head, (socket) => {
      socket.on('message', async (message) => socket.send(await keep(req, String(message))));
    });
  });

  const socket = new WebSocket(sockets, { headers: { cookie } });
  t.after(() => socket.terminate());
  await once(socket, 'open');
  const next = () => nextMessage(socket);
  socket.send('hello');
  assert.equal(await next(), 'alice of a page 1');
  assert.deepEqual(await shown(), { note: 'of a page', heard: ['hello'] });

  const stranger = new WebSocket(sockets);
  const [, answer] = (await once(stranger, 'unexpected-response')) as [unknown, IncomingMessage];
  assert.equal(answer.statusCode, 401);
  assert.equal(answer.headers['set-cookie'], undefined);
});

function passed(middleware: RequestHandler, req: IncomingMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = (error?: unknown) => (error === undefined ? resolve() : reject(error as Error));
    void middleware(req as Request, {} as Response, next);
  });
}
