import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import type { Request, RequestHandler } from 'express';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { LongLived, type LongLivedConnection } from '../../sso/valve/long-lived.ts';
import { RequestSso } from '../../sso/valve/request.ts';
import { upgradeReader } from '../../sso/valve/upgrade.ts';
import { alice, app, bob, type World, world } from './world.ts';

/** What waits for a close that never comes fails, and holds up nobody. */
const inTime = { timeout: 20_000 };

const servers: Server[] = [];
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

interface Place {
  readonly w: World;
  readonly longLived: LongLived;
  readonly url: string;
  /** What the application heard on WebSockets. */
  readonly heard: string[];
  /** The application's side of each WebSocket, in the order they came. */
  readonly sockets: WebSocket[];
  mayAccept: boolean;
}

/** A node with an application that takes WebSockets, and has an event stream at /events. */
async function place(events: RequestHandler = stream('text/event-stream'), w = world()): Promise<Place> {
  const longLived = new LongLived({
    registry: w.registry,
    clock: w.clock,
    log: w.parts.log,
    mayAccept: () => made.mayAccept,
  });
  const host = app(w, (routes) => {
    routes.get('/events', (req, res, next) => {
      events(req, res, next);
      longLived.closeWith(req.sso, res);
    });
  });
  const server = createServer(host);
  servers.push(server);
  const sockets = new WebSocketServer({ noServer: true });
  const fromUpgrade = upgradeReader(w.parts);
  server.on('upgrade', async (req, socket, head) => {
    const signOn = await fromUpgrade(req);
    if (!signOn.signedIn) return void socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
    sockets.handleUpgrade(req, socket, head, (ws) => {
      ws.on('message', (data: RawData) => {
        made.heard.push(String(data));
        ws.send(`heard ${data}`);
      });
      made.sockets.push(ws);
      longLived.closeWith(signOn, ws);
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const made: Place = {
    w,
    longLived,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard: [],
    sockets: [],
    mayAccept: true,
  };
  return made;
}

function stream(type: string): RequestHandler {
  return (_req, res) => {
    res.writeHead(200, { 'Content-Type': type });
    res.write('data: first\n\n');
  };
}

async function openSocket({ url }: Place, cookie: string): Promise<WebSocket> {
  const ws = new WebSocket(url.replace('http', 'ws'), { headers: { cookie } });
  await once(ws, 'open');
  return ws;
}

async function closedWith(ws: WebSocket): Promise<string> {
  const [code, reason] = (await once(ws, 'close')) as [number, Buffer];
  return `${code} ${reason}`;
}

async function openStream({ url }: Place, cookie: string): Promise<IncomingMessage> {
  const [answer] = (await once(get(`${url}/events`, { headers: { cookie } }), 'response')) as [IncomingMessage];
  return answer.setEncoding('utf8');
}

async function restOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of answer) text += chunk;
  return text;
}

/** A sign-on as an upgrade that was just judged has it. */
async function signOn(w: World, cookie: string): Promise<RequestSso> {
  const req = { headers: { cookie, host: 'app1.xyz.com' }, method: 'GET' } as unknown as IncomingMessage;
  const sso = await upgradeReader(w.parts)(req);
  assert.ok(sso instanceof RequestSso);
  return sso;
}

/** What closes, and notes how it was told to. */
class Recorder extends EventEmitter {
  readonly closes: string[] = [];
  close(code: number, cause: string): void {
    this.closes.push(`${code} ${cause}`);
  }
}

function held(longLived: LongLived): number {
  return Object.values(longLived.view().open).reduce((sum, count) => sum + count, 0);
}

test('V67: a WebSocket closes with the sign-on it was opened under, with 4401 and the cause', inTime, async () => {
  const here = await place();
  const { cookie, id } = await here.w.open();
  const other = await here.w.open(bob);
  const [first, second, others] = [
    await openSocket(here, cookie),
    await openSocket(here, cookie),
    await openSocket(here, other.cookie),
  ];
  assert.equal(here.longLived.view().open.socket, 3);
  const closings = Promise.all([closedWith(first), closedWith(second)]);
  await here.w.registry.close(id, 'logout');
  assert.deepEqual(await closings, ['4401 logout', '4401 logout']);
  assert.deepEqual(here.longLived.view(), { open: { socket: 1, response: 0, work: 0 }, closed: { logout: 2 } });
  others.send('still here');
  await once(others, 'message');
  others.terminate();
});

test('V67: an event stream hears of the end by a last event, and is over', inTime, async () => {
  const here = await place();
  const { cookie } = await here.w.open();
  const answer = await openStream(here, cookie);
  await once(answer, 'readable');
  await here.w.registry.endSubject(alice.name);
  assert.equal(await restOf(answer), 'data: first\n\n\n\nevent: signed-off\ndata: subject-ended\n\n');
  assert.equal(held(here.longLived), 0);
});

test('a response that streams anything else just ends', inTime, async () => {
  const here = await place(stream('application/x-ndjson'));
  const { cookie, id } = await here.w.open();
  const answer = await openStream(here, cookie);
  await once(answer, 'readable');
  await here.w.registry.close(id, 'logout');
  assert.equal(await restOf(answer), 'data: first\n\n');
});

test('an application that goes on writing to a stream that was ended brings nothing down', inTime, async () => {
  let write = () => {};
  const here = await place((req: Request, res, next) => {
    write = () => void res.write('data: more\n\n');
    stream('text/event-stream')(req, res, next);
  });
  const { cookie, id } = await here.w.open();
  const answer = await openStream(here, cookie);
  await here.w.registry.close(id, 'logout');
  write();
  await new Promise<void>((resolve) => void setImmediate(resolve));
  assert.match(await restOf(answer), /signed-off/);
});

test(
  'a sign-on that closes between the check of an upgrade and the registration closes the socket at once',
  inTime,
  async () => {
    const here = await place();
    const { cookie, id } = await here.w.open();
    const sso = await signOn(here.w, cookie);
    await here.w.registry.close(id, 'administrator');
    const socket = new Recorder();
    here.longLived.closeWith(sso, socket);
    assert.deepEqual(socket.closes, ['4401 administrator']);
    assert.equal(held(here.longLived), 0);
    assert.equal(socket.listenerCount('close'), 1, 'only the one that waits for the close to be answered');
  },
);

test(
  'a stream that begins after its sign-on has ended is answered 401, which a browser does not ask again',
  inTime,
  async () => {
    const w = world();
    const here = await place((req, _res, _next) => {
      // What the end looks like to a handler that waited for something between the check and the stream.
      assert.ok(req.sso instanceof RequestSso);
      void w.registry.close(req.sso.id!, 'logout');
    }, w);
    const { cookie } = await w.open();
    const answer = await openStream(here, cookie);
    assert.deepEqual([answer.statusCode, answer.headers['cache-control']], [401, 'no-store']);
    answer.resume();
  },
);

test('a handler that registers its stream before it writes the headers is let finish first', inTime, async () => {
  let register: RequestHandler = () => {};
  const here = await place((req, res, next) => {
    register(req, res, next);
    stream('text/event-stream')(req, res, next);
  });
  register = (req, res) => {
    assert.ok(req.sso instanceof RequestSso);
    void here.w.registry.close(req.sso.id!, 'logout');
    here.longLived.closeWith(req.sso, res);
  };
  const { cookie } = await here.w.open();
  const answer = await openStream(here, cookie);
  assert.equal(answer.statusCode, 200);
  assert.match(await restOf(answer), /^data: first\n\n\n\nevent: signed-off\ndata: logout\n\n$/);
});

test('nobody signed in opens nothing: without a sign-on a connection closes at once', inTime, async () => {
  const here = await place();
  const socket = new Recorder();
  here.longLived.closeWith(await signOn(here.w, ''), socket);
  assert.deepEqual(socket.closes, ['4401 not-signed-in']);
  assert.throws(() => here.longLived.closeWith({} as RequestSso, socket), { code: 'ERR_CONFIG_INVALID' });
});

test(
  'the absolute end closes a connection by the clock alone, half a day later and within a second',
  inTime,
  async () => {
    const here = await place();
    const { cookie } = await here.w.open();
    const socket = new Recorder();
    here.longLived.closeWith(await signOn(here.w, cookie), socket);
    here.w.clock.advance(12 * 3_600_000 - 1_000);
    assert.deepEqual(socket.closes, []);
    for (let i = 0; i < 4; i++) here.w.clock.advance(500);
    assert.deepEqual(socket.closes, ['4401 expired']);
  },
);

test('S4: a node whose leases have run out closes what it holds with 4503, and takes nothing new', inTime, async () => {
  const here = await place();
  const { cookie } = await here.w.open();
  const ws = await openSocket(here, cookie);
  const answer = await openStream(here, cookie);
  await once(answer, 'readable');
  const closed = closedWith(ws);
  here.mayAccept = false;
  here.longLived.check();
  assert.equal(await closed, '4503 unavailable');
  assert.equal(await restOf(answer), 'data: first\n\n', 'no word of a sign-off: the browser connects again');
  const late = new Recorder();
  here.longLived.closeWith(await signOn(here.w, cookie), late);
  assert.deepEqual(late.closes, ['4503 unavailable']);
});

test('S4: without being told the pulse notices within half a second', inTime, async () => {
  const here = await place();
  const { cookie } = await here.w.open();
  const socket = new Recorder();
  here.longLived.closeWith(await signOn(here.w, cookie), socket);
  here.mayAccept = false;
  here.w.clock.advance(500);
  assert.deepEqual(socket.closes, ['4503 unavailable']);
});

test(
  'S1: what came while the process was stopped reaches nobody: each message is judged before the application hears it',
  inTime,
  async () => {
    const here = await place();
    const { cookie } = await here.w.open();
    const ws = await openSocket(here, cookie);
    ws.send('one');
    await once(ws, 'message');
    const closed = closedWith(ws);
    here.mayAccept = false; // and no timer has run yet
    ws.send('two');
    assert.equal(await closed, '4503 unavailable');
    assert.deepEqual(here.heard, ['one']);
  },
);

test('a browser that does not answer the close is heard no more, and is cut off after a second', inTime, async () => {
  const here = await place();
  const { cookie, id } = await here.w.open();
  const ws = await openSocket(here, cookie);
  const side = here.sockets[0]!;
  const cut = once(side, 'close');
  ws.pause(); // it reads nothing, so it answers nothing
  await here.w.registry.close(id, 'logout');
  const arrived = once(side, 'ping');
  ws.send('I go on');
  ws.ping();
  await arrived;
  here.w.clock.advance(1_000);
  await cut;
  assert.deepEqual(here.heard, []);
  ws.terminate();
});

test('when the node drains or stops, connections are sent elsewhere with 1012', inTime, async () => {
  const here = await place();
  const { cookie } = await here.w.open();
  const ws = await openSocket(here, cookie);
  const closed = closedWith(ws);
  here.longLived.restart();
  assert.equal(await closed, '1012 restart');
  const late = new Recorder();
  here.longLived.closeWith(await signOn(here.w, cookie), late);
  assert.deepEqual(late.closes, ['1012 restart']);
});

test('work under an AbortController is aborted, and its reason says why', inTime, async () => {
  const here = await place();
  const { cookie, id } = await here.w.open();
  const work = new AbortController();
  here.longLived.closeWith(await signOn(here.w, cookie), work);
  await here.w.registry.close(id, 'logout');
  assert.equal(work.signal.aborted, true);
  assert.equal(work.signal.reason.code, 'ERR_NOT_SIGNED_IN');
  const other = new AbortController();
  here.mayAccept = false;
  here.longLived.closeWith(await signOn(here.w, (await here.w.open()).cookie), other);
  assert.equal(other.signal.reason.code, 'ERR_UNAVAILABLE');
});

test('what is gone is let go of: nothing is left of a thousand sockets that came and went', inTime, async () => {
  const here = await place();
  const { cookie, id } = await here.w.open();
  const sso = await signOn(here.w, cookie);
  const sockets = Array.from({ length: 1_000 }, () => new Recorder());
  for (const socket of sockets) here.longLived.closeWith(sso, socket);
  const release = here.longLived.closeWith(sso, new AbortController());
  assert.equal(held(here.longLived), 1_001);
  for (const socket of sockets) socket.emit('close');
  release();
  release();
  assert.equal(held(here.longLived), 0);
  await here.w.registry.close(id, 'logout');
  assert.deepEqual([...new Set(sockets.flatMap(({ closes }) => closes))], []);
  assert.equal(
    sockets.reduce((sum, socket) => sum + socket.listenerCount('close'), 0),
    0,
  );
});

test('what was gone before it was registered is never held', inTime, async () => {
  const here = await place();
  const sso = await signOn(here.w, (await here.w.open()).cookie);
  const aborted = new AbortController();
  aborted.abort();
  const ended = { writeHead() {}, writableEnded: true } as unknown as LongLivedConnection;
  const closed = Object.assign(new Recorder(), { readyState: WebSocket.CLOSED });
  for (const one of [aborted, ended, closed]) here.longLived.closeWith(sso, one);
  assert.equal(held(here.longLived), 0);
});

test('each is closed exactly once, whatever ends it and how often it was registered', inTime, async () => {
  const here = await place();
  const first = await here.w.open();
  const second = await here.w.open(bob);
  const sso = await signOn(here.w, first.cookie);
  const socket = new Recorder();
  here.longLived.closeWith(sso, socket);
  here.longLived.closeWith(sso, socket);
  assert.equal(held(here.longLived), 1);
  here.longLived.closeWith(await signOn(here.w, second.cookie), socket);
  assert.equal(held(here.longLived), 1, 'the later sign-on counts');
  await here.w.registry.close(first.id, 'replaced');
  assert.deepEqual(socket.closes, []);
  await here.w.registry.close(second.id, 'logout');
  here.mayAccept = false;
  here.longLived.check();
  here.longLived.restart();
  assert.deepEqual(socket.closes, ['4401 logout']);
});

test('one that cannot be closed hinders no other', inTime, async () => {
  const here = await place();
  const { cookie, id } = await here.w.open();
  const sso = await signOn(here.w, cookie);
  const good = new Recorder();
  here.longLived.closeWith(sso, {
    close() {
      throw new Error('no');
    },
  });
  here.longLived.closeWith(sso, good);
  await here.w.registry.close(id, 'logout');
  assert.deepEqual(good.closes, ['4401 logout']);
  assert.ok(here.w.lines.some(({ level }) => level === 'error'));
});

test(
  'V26: where something in front vouches there is no sign-on to end: only the node ends such a connection',
  inTime,
  async () => {
    const w = world({ principalFrom: () => bob });
    const here = await place(undefined, w);
    const socket = new Recorder();
    const sso = await signOn(w, '');
    assert.equal(sso.how, 'front');
    here.longLived.closeWith(sso, socket);
    here.mayAccept = false;
    here.longLived.check();
    assert.deepEqual(socket.closes, []);
    here.longLived.restart();
    assert.deepEqual(socket.closes, ['1012 restart']);
  },
);

test('a node that is killed lets go of all without a word', inTime, async () => {
  const here = await place();
  const socket = new Recorder();
  here.longLived.closeWith(await signOn(here.w, (await here.w.open()).cookie), socket);
  here.longLived.abandon();
  assert.deepEqual([socket.closes, held(here.longLived)], [[], 0]);
});
