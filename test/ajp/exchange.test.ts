/** Requests and answers by AJP, as an application sees them and as a balancer gets them. */

import assert from 'node:assert/strict';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { test } from 'node:test';
import express from 'express';
import express4 from 'express4';
import { ajpOf } from '../../sso/ajp/index.ts';
import { valuesOf } from './support/client.ts';
import { known, listening } from './support/listening.ts';
import { bodyPacket, cping, forward, type Sent } from './support/packets.ts';

const bytes = (length: number) => Buffer.from(Array.from({ length }, (_, i) => i % 253));
const sized = (length: number) =>
  [
    ['host', 'a'],
    ['content-length', String(length)],
  ] as const;
const chunked = [
  ['host', 'a'],
  ['transfer-encoding', 'chunked'],
] as const;

const echo: RequestListener = (req, res) => void req.pipe(res);

/** Resolves with the requests that a handler is asked, one by one. */
function arrivals(): { readonly handler: RequestListener; next(): Promise<[IncomingMessage, ServerResponse]> } {
  const waiting: ((pair: [IncomingMessage, ServerResponse]) => void)[] = [];
  const come: [IncomingMessage, ServerResponse][] = [];
  return {
    handler: (req, res) => {
      const take = waiting.shift();
      if (take === undefined) come.push([req, res]);
      else take([req, res]);
    },
    next: () =>
      new Promise((resolve) => {
        const pair = come.shift();
        if (pair === undefined) waiting.push(resolve);
        else resolve(pair);
      }),
  };
}

const once = (emitter: NodeJS.EventEmitter, event: string) =>
  new Promise<void>((resolve) => emitter.once(event, () => resolve()));

test('one connection carries many requests, with CPings between them and before them', async (t) => {
  const { connect, server } = await listening(t, (req, res) => void res.end(req.url));
  const client = connect();
  for (let i = 0; i < 20; i++) {
    client.write(cping);
    assert.deepEqual(await client.next(), { kind: 'cpong' });
    const answer = await client.ask(known({ uri: `/${i}`, query: 'x=%20&y' }));
    assert.deepEqual([answer.status, answer.body.toString(), answer.reuse], [200, `/${i}?x=%20&y`, true]);
  }
  // Sent together: one after the other they are answered.
  client.write(Buffer.concat([cping, forward(known({ uri: '/a' })), cping, cping]));
  assert.deepEqual(await client.next(), { kind: 'cpong' });
  assert.equal((await client.answer(known())).body.toString(), '/a');
  assert.deepEqual([await client.next(), await client.next()], [{ kind: 'cpong' }, { kind: 'cpong' }]);
  assert.equal(server.counters['connections'], 1);
  assert.equal(server.counters['answers'], 21);
});

test('a body arrives whole, sized or chunked, whatever pieces it comes in, and is asked for piece by piece', async (t) => {
  const { connect } = await listening(t, echo);
  const client = connect();
  for (const length of [1, 2, 8_184, 8_185, 100_000, 1_000_000])
    for (const headers of [sized(length), chunked])
      for (const pieceBytes of [8_186, 5_000]) {
        const body = bytes(length);
        const answer = await client.ask(known({ method: 'POST', headers }), { body, pieceBytes });
        assert.ok(answer.body.equals(body), `${length} in ${pieceBytes}`);
        const pieces = Math.ceil(length / pieceBytes);
        // The first piece of a sized body comes unasked; an empty one ends a body of unknown length.
        assert.equal(answer.asked, headers === chunked ? pieces + 1 : pieces - 1);
      }
});

test('a POST of unknown length (from HTTP/2) is asked for its body; a GET is not, nor is a request that says 0, as mod_jk does of all', async (t) => {
  const { connect } = await listening(t, (req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk) => chunks.push(chunk));
    req.on('end', () => res.end(JSON.stringify([req.headers['content-length'], Buffer.concat(chunks).toString()])));
  });
  const client = connect();
  const ask = async (method: string, headers: readonly (readonly [string, string])[], body = '') => {
    const answer = await client.ask(known({ method, headers }), { body: Buffer.from(body) });
    return [answer.asked, ...JSON.parse(answer.body.toString())];
  };
  assert.deepEqual(await ask('POST', [['host', 'a']], 'hello'), [2, null, 'hello']);
  assert.deepEqual(await ask('POST', [['host', 'a']]), [1, null, '']);
  assert.deepEqual(await ask('GET', [['host', 'a']], 'hello'), [0, null, '']);
  assert.deepEqual(await ask('GET', sized(0) as never), [0, null, '']);
  assert.deepEqual(await ask('POST', sized(0) as never), [0, '0', '']);
  assert.deepEqual(await ask('GET', sized(5) as never, 'hello'), [0, '5', 'hello']);
});

test('HEAD, 204 and 304 have no body, and keep their headers', async (t) => {
  const { connect } = await listening(t, (req, res) => {
    res.setHeader('X-It', 'is');
    if (req.url === '/204') res.writeHead(204).end();
    else if (req.url === '/304') res.writeHead(304, { ETag: '"a"' }).end();
    else res.setHeader('Content-Length', 5).end('hello');
  });
  const client = connect();
  for (const [method, uri, status, length] of [
    ['HEAD', '/', 200, '5'],
    ['GET', '/204', 204, undefined],
    ['GET', '/304', 304, undefined],
    ['GET', '/', 200, '5'],
  ] as const) {
    const answer = await client.ask(known({ method, uri }));
    assert.deepEqual(
      [answer.status, valuesOf(answer, 'x-it'), valuesOf(answer, 'content-length')[0]],
      [status, ['is'], length],
    );
    assert.equal(answer.body.toString(), status === 200 && method === 'GET' ? 'hello' : '');
  }
});

test('many Set-Cookie stay many, in order; what is of the connection alone is not passed on; early hints are no answer', async (t) => {
  const cookies = Array.from({ length: 30 }, (_, i) => `c${i}=${i}; Path=/`);
  const { connect } = await listening(t, (_req, res) => {
    res.writeEarlyHints({ link: '</a.css>; rel=preload' });
    res.writeHead(200, 'Fine', {
      'Set-Cookie': cookies,
      Connection: 'close',
      Trailer: 'X-Sum',
      'WWW-Authenticate': 'Basic',
    });
    res.write('a');
    res.addTrailers({ 'X-Sum': '1' });
    res.end('b');
  });
  const answer = await connect().ask(known());
  assert.deepEqual([answer.status, answer.message, answer.body.toString(), answer.reuse], [200, 'Fine', 'ab', true]);
  assert.deepEqual(valuesOf(answer, 'set-cookie'), cookies);
  assert.deepEqual(
    answer.headers.map(([name]) => name).filter((name) => name !== 'Set-Cookie'),
    ['WWW-Authenticate', 'Date'],
  );
});

test('an answer that comes before its body has arrived is given at once, and no more of the body is asked for', async (t) => {
  const { connect } = await listening(t, (_req, res) => void res.writeHead(401).end('no'));
  const client = connect();
  for (const headers of [sized(5_000_000), chunked]) {
    const answer = await client.ask(known({ method: 'POST', headers }), { body: bytes(5_000_000) });
    assert.deepEqual([answer.status, answer.body.toString(), answer.reuse], [401, 'no', true]);
    assert.ok(answer.asked < 20, `asked ${answer.asked} times`);
  }
  assert.equal((await client.ask(known())).status, 401, 'and the connection goes on');
});

test('a body packet that was asked for is waited for before the answer ends: it is never taken for the next request', async (t) => {
  const { handler, next } = arrivals();
  const { connect } = await listening(t, handler);
  const client = connect();
  client.write(forward(known({ method: 'POST', headers: chunked })));
  const [, res] = await next();
  assert.equal((await client.next()).kind, 'get-body');
  res.end('done');
  const sent: Sent[] = [await client.next(), await client.next()];
  assert.deepEqual(
    sent.map(({ kind }) => kind),
    ['headers', 'chunk'],
  );
  // It looks like a request, and is a piece of a body: no code opens such a packet.
  const piece = forward(known({ uri: '/not-asked' })).subarray(4);
  client.write(
    Buffer.concat([
      Buffer.of(0x12, 0x34),
      Buffer.of((piece.length + 2) >> 8, (piece.length + 2) & 255, piece.length >> 8, piece.length & 255),
      piece,
    ]),
  );
  assert.deepEqual(await client.next(), { kind: 'end', reuse: true });
  const asked = client.ask(known({ uri: '/next' }));
  const [request, response] = await next();
  assert.equal(request.url, '/next');
  response.end();
  await asked;
});

test('an application that reads slowly is asked for no more than it takes; a balancer that reads slowly stops the application', async (t) => {
  const { handler, next } = arrivals();
  const { connect } = await listening(t, handler);
  const upload = connect();
  let asked = 0;
  const done = upload.ask(known({ method: 'POST', headers: chunked }), {
    body: bytes(2_000_000),
    onSent: ({ kind }) => void (asked += Number(kind === 'get-body')),
  });
  const [req, res] = await next();
  await settled(() => asked);
  assert.ok(asked < 40, `${asked} pieces of 8 kB were asked for before anybody read`);
  let read = 0;
  req.on('data', (chunk: Buffer) => void (read += chunk.length));
  req.on('end', () => res.end(String(read)));
  assert.equal((await done).body.toString(), '2000000');

  const download = connect();
  download.write(forward(known()));
  download.socket.pause();
  const [, answer] = await next();
  const piece = bytes(10_000);
  let written = 0;
  const write = () => {
    do written += piece.length;
    while (answer.write(piece) && written < 50_000_000);
  };
  answer.on('drain', write);
  write();
  await settled(() => written);
  assert.ok(written < 32_000_000, `${written} bytes were written to nobody`);
  const goesOn = once(answer, 'drain');
  download.socket.resume();
  await goesOn;
  answer.off('drain', write);
  answer.destroy();
});

/** Resolves when a number has not changed for some turns of the loop. */
async function settled(value: () => number): Promise<void> {
  for (let still = 0, last = value(); still < 20; still++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (value() !== last) still = 0;
    last = value();
  }
}

test('what an application writes and then pauses after is passed on: the balancer is told to flush', async (t) => {
  const { handler, next } = arrivals();
  const { connect } = await listening(t, handler);
  const client = connect();
  client.write(forward(known()));
  const [, res] = await next();
  res.writeHead(200, { 'Content-Type': 'text/event-stream' });
  res.flushHeaders();
  assert.equal((await client.next()).kind, 'headers');
  assert.deepEqual(await client.next(), { kind: 'chunk', data: Buffer.alloc(0) });
  res.write('data: 1\n\n');
  assert.deepEqual(await client.next(), { kind: 'chunk', data: Buffer.from('data: 1\n\n') });
  assert.deepEqual(await client.next(), { kind: 'chunk', data: Buffer.alloc(0) });
  res.end();
  assert.deepEqual(await client.next(), { kind: 'end', reuse: true });
  // An answer in one piece needs none.
  client.write(forward(known()));
  (await next())[1].end('all');
  assert.equal((await client.answer(known())).flushes, 0);
});

test('a balancer that leaves is a browser that leaves: request and response close', async (t) => {
  const { handler, next } = arrivals();
  const { connect, server } = await listening(t, handler);
  for (const given of [known(), known({ method: 'POST', headers: chunked })]) {
    const client = connect();
    client.write(forward(given));
    const [req, res] = await next();
    const closed = Promise.all([once(req, 'close'), once(res, 'close')]);
    client.end();
    await closed;
    assert.equal(res.writableFinished, false);
  }
  assert.equal(server.counters['left'], 2);
});

test('an application that breaks its answer off breaks the connection off: half an answer never looks whole', async (t) => {
  const { connect, server } = await listening(t, (req, res) => {
    if (req.url === '/at-once') req.socket.destroy();
    else res.write('half', () => res.destroy());
  });
  for (const uri of ['/at-once', '/half']) {
    const client = connect();
    await assert.rejects(client.ask(known({ uri })), /closed/);
  }
  assert.equal(server.counters['cut'], 2);
});

test('a body of another length than was said ends the connection, and the application sees it end early', async (t) => {
  const { handler, next } = arrivals();
  const { connect, server } = await listening(t, handler);
  for (const [body, what] of [
    [Buffer.alloc(0), 'nothing'],
    [bytes(11), 'more'],
  ] as const) {
    const client = connect();
    client.write(forward(known({ method: 'POST', headers: sized(10) })));
    const [req] = await next();
    const aborted = once(req, 'close');
    req.resume();
    client.write(bodyPacket(body));
    assert.deepEqual(await client.closed, [], what);
    await aborted;
    assert.equal(req.complete, false, what);
  }
  assert.equal(server.counters['badBodies'], 2);
});

test('headers of an answer that do not fit into a packet are an error that is logged, never an answer without them', async (t) => {
  const { connect, log, server } = await listening(
    t,
    (_req, res) => void res.setHeader('X-Large', 'x'.repeat(8_200)).end('ok'),
  );
  const answer = await connect().ask(known());
  assert.deepEqual([answer.status, valuesOf(answer, 'x-large'), answer.reuse], [500, [], false]);
  assert.equal(server.counters['answersTooLarge'], 1);
  assert.match(JSON.stringify(log.lines), /do not fit into one packet/);
  const larger = await listening(t, (_req, res) => void res.setHeader('X-Large', 'x'.repeat(60_000)).end('ok'), {
    maxPacketSize: 65_536,
  });
  assert.equal((await larger.connect().ask(known())).status, 200);
});

for (const [version, make] of [
  ['5', express],
  ['4', express4],
] as const)
  test(`Express ${version} sees the browser: its address, whether it came by TLS, its host; and nothing that the browser wrote about it`, async (t) => {
    const app = make().set('trust proxy', true);
    app.get('/', (req, res) => void res.json([req.ip, req.secure, req.protocol, req.hostname, req.socket.remotePort]));
    const { connect } = await listening(t, app);
    const headers = [
      ['host', 'app1.xyz.test:8443'],
      ['X-Forwarded-For', '6.6.6.6'],
      ['X-Forwarded-Proto', 'http'],
      ['x-forwarded-host', 'evil.test'],
      ['Forwarded', 'for=6.6.6.6'],
    ] as const;
    const ask = async (isSsl: boolean) => {
      const given = known({ headers, isSsl, remoteAddress: '2001:db8::7', named: [['AJP_REMOTE_PORT', '4711']] });
      return JSON.parse((await connect().ask(given)).body.toString());
    };
    assert.deepEqual(await ask(true), ['2001:db8::7', true, 'https', 'app1.xyz.test', 4_711]);
    assert.deepEqual(await ask(false), ['2001:db8::7', false, 'http', 'app1.xyz.test', 4_711]);
  });

test('what the balancer said beyond HTTP is told by ajpOf, without the secret; of a request that came by HTTP it knows nothing', async (t) => {
  const { handler, next } = arrivals();
  const { connect } = await listening(t, handler, { attributes: ['TENANT'] });
  const client = connect();
  const told = {
    protocol: 'HTTP/2.0',
    remoteHost: 'pc7.example.com',
    user: 'alice',
    authType: 'Basic',
    query: 'a=1',
    route: 'node9',
    cipher: 'TLS_AES_256_GCM_SHA384',
    session: 'ab',
    keySize: 256,
    named: [
      ['TENANT', 'blue'],
      ['JK_LB_ACTIVATION', 'DIS'],
      ['AJP_SSL_PROTOCOL', 'TLSv1.3'],
    ],
  } as const;
  const asked = client.ask(known(told));
  const [req, res] = await next();
  const seen = ajpOf(req)!;
  assert.deepEqual(
    { ...seen, attributes: Object.fromEntries(seen.attributes) },
    {
      protocol: 'HTTP/2.0',
      remoteAddress: '203.0.113.9',
      remoteHost: 'pc7.example.com',
      serverName: 'app1.xyz.test',
      serverPort: 443,
      isSsl: true,
      remoteUser: 'alice',
      authType: 'Basic',
      queryString: 'a=1',
      jvmRoute: 'node9',
      sslCipher: 'TLS_AES_256_GCM_SHA384',
      sslSession: 'ab',
      sslKeySize: 256,
      attributes: { TENANT: 'blue', JK_LB_ACTIVATION: 'DIS', AJP_SSL_PROTOCOL: 'TLSv1.3' },
    },
  );
  const socket = req.socket as unknown as { getCipher(): unknown; getPeerCertificate(): unknown; authorized: boolean };
  assert.deepEqual(socket.getCipher(), { name: told.cipher, standardName: told.cipher, version: 'TLSv1.3' });
  assert.deepEqual([socket.getPeerCertificate(), socket.authorized], [{}, false]);
  res.end();
  await asked;
  assert.equal(ajpOf({ socket: {} } as IncomingMessage), undefined);
});

test('a timeout that the application sets on a response is told when nothing happens', async (t) => {
  const { handler, next } = arrivals();
  const { connect } = await listening(t, handler);
  const client = connect();
  const asked = client.ask(known());
  const [, res] = await next();
  await new Promise<void>((resolve) => res.setTimeout(20, () => resolve()));
  res.end('late');
  assert.equal((await asked).body.toString(), 'late');
});
