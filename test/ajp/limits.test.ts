/** Check 76 on the AJP port: who is slow, silent or many is cut, in time, and nobody else notices; who keeps within the limits is not. */

import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import { counted, known, listening } from './support/listening.ts';
import { cping, forward } from './support/packets.ts';

const ok: RequestListener = (_req, res) => void res.end('ok');

test('a packet that comes byte by byte, or never ends, is cut within its time; a header alone is no packet', async (t) => {
  const { connect, server, log } = await listening(t, ok, { packetMs: 150 });
  const whole = forward(known());
  const started = performance.now();
  const drips = connect();
  const drip = setInterval(() => drips.write(whole.subarray(0, 1)), 20);
  const held = [
    Buffer.alloc(0),
    whole.subarray(0, 1),
    whole.subarray(0, 4),
    whole.subarray(0, -1),
    Buffer.of(0x12, 0x34, 0x1f, 0xfc),
  ];
  await Promise.all([
    drips.closed,
    ...held.map((bytes) => {
      const client = connect();
      client.write(bytes);
      return client.closed;
    }),
  ]);
  clearInterval(drip);
  const tookMs = performance.now() - started;
  assert.ok(tookMs >= 140 && tookMs < 5_000, `${tookMs} ms`);
  // The drips were no AJP from their second byte on.
  assert.equal(server.counters['late']! + server.counters['malformed']!, 6);
  assert.ok(log.lines.length <= 3, 'and the log is not flooded');
});

test('a connection that was good for a request may rest for idleMs and then closes; one that only CPings may not hold a place for ever', async (t) => {
  const { connect, server } = await listening(t, ok, { packetMs: 100, idleMs: 700 });
  const pings = connect();
  pings.write(cping);
  const good = connect();
  assert.equal((await good.ask(known())).status, 200);
  const started = performance.now();
  await pings.closed;
  assert.ok(performance.now() - started < 600);
  assert.equal((await good.ask(known())).status, 200, 'after more than packetMs');
  await good.closed;
  assert.equal(server.counters['late'], 1, 'to be idle is nobody’s fault');
});

test('a body that does not come is waited for until requestMs, whatever the application does; then it sees the request end', async (t) => {
  let ended = () => {};
  const gone = new Promise<void>((resolve) => (ended = resolve));
  const { connect, server } = await listening(t, (req) => void req.once('close', ended).resume(), {
    requestMs: 200,
    packetMs: 100,
  });
  const client = connect();
  client.write(
    forward(
      known({
        method: 'POST',
        headers: [
          ['host', 'a'],
          ['content-length', '5'],
        ],
      }),
    ),
  );
  await Promise.all([client.closed, gone]);
  assert.equal(server.counters['late'], 1);
});

test('an application may take as long as it likes, with the connection silent', async (t) => {
  const { connect } = await listening(t, (_req, res) => void setTimeout(() => res.end('late'), 500), {
    packetMs: 50,
    idleMs: 50,
    requestMs: 50,
  });
  assert.equal((await connect().ask(known())).body.toString(), 'late');
});

test('a balancer that takes nothing of an answer is cut after stalledMs, and the response closes', async (t) => {
  let ended = () => {};
  const gone = new Promise<void>((resolve) => (ended = resolve));
  const piece = Buffer.alloc(65_536);
  const endless: RequestListener = (_req, res) => {
    res.once('close', ended);
    res.on('drain', () => res.write(piece));
    res.write(piece);
  };
  const { connect, server } = await listening(t, endless, { stalledMs: 200 });
  const client = connect();
  client.socket.pause();
  client.write(forward(known()));
  await gone;
  assert.equal(server.counters['late'], 1);
});

test('a balancer that asks and asks and takes none of the answers is cut, without the secret too, and no answers heap up', async (t) => {
  const { connect, server, log } = await listening(t, ok);
  const client = connect();
  client.socket.pause();
  const pings = Buffer.concat(Array.from({ length: 1_000 }, () => cping));
  let sent = 0;
  const more = () => {
    // A system takes some megabytes into its own buffers; what it does not take is not answered.
    while (sent < 32_000_000 && !client.socket.destroyed) {
      sent += pings.length;
      if (!client.socket.write(pings)) return void client.socket.once('drain', more);
    }
  };
  more();
  await counted(server, 'malformed');
  assert.ok(server.counters['pings']! * cping.length < sent, `${server.counters['pings']} CPings of ${sent} bytes`);
  assert.match(JSON.stringify(log.lines), /too much ahead/);
});

test('connections beyond maxConnections are closed at once, those within go on, and a place becomes free', async (t) => {
  const { connect, server } = await listening(t, ok, { maxConnections: 2 });
  const [one, two] = [connect(), connect()];
  for (const client of [one, two]) assert.equal((await client.ask(known())).status, 200);
  assert.deepEqual(await connect().closed, []);
  assert.equal((await two.ask(known())).status, 200);
  one.end();
  await one.closed;
  for (;;) {
    const next = connect();
    next.write(cping);
    const kind = await next.next().then(
      ({ kind }) => kind,
      () => 'closed',
    );
    if (kind === 'cpong') break;
  }
  assert.ok(server.counters['crowded']! >= 1);
});

test('what a balancer sends ahead is kept, but no more than a packet: then the connection ends, and the request with it', async (t) => {
  const answers: (() => void)[] = [];
  const { connect, server } = await listening(t, (_req, res) => void answers.push(() => res.end('ok')));
  const pings = (count: number) => Buffer.concat(Array.from({ length: count }, () => cping));
  const client = connect();
  client.write(forward(known()));
  await counted(server, 'requests');
  client.write(pings(1_000));
  answers[0]!();
  await client.answer(known());
  for (let i = 0; i < 1_000; i++) assert.equal((await client.next()).kind, 'cpong');
  client.write(forward(known()));
  await counted(server, 'requests', 2);
  client.write(pings(100_000));
  assert.deepEqual(await client.closed, []);
  assert.deepEqual([server.counters['malformed'], server.counters['left']], [1, 0]);
});

test('hundreds of connections that hold a packet back do not slow the others down, and are gone in time', async (t) => {
  const { connect, server } = await listening(t, ok, { packetMs: 300 });
  const slow = Array.from({ length: 400 }, () => connect());
  for (const client of slow) client.write(forward(known()).subarray(0, 40));
  const good = connect();
  for (let i = 0; i < 50; i++) assert.equal((await good.ask(known())).status, 200);
  await Promise.all(slow.map(({ closed }) => closed));
  assert.equal(server.counters['late'], 400);
  assert.equal((await good.ask(known())).status, 200);
});
