/** The listener as an operator meets it: what it refuses to start with, how it says that it is open, how it closes, and when a balancer is to leave it alone. */

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { type AjpOptions, ajpServer, checkAjpOptions } from '../../sso/ajp/index.ts';
import { SsoError } from '../../sso/errors.ts';
import { counted, known, listening, secret } from './support/listening.ts';
import { cping, forward } from './support/packets.ts';

const refusal = (options: Partial<AjpOptions>) => {
  try {
    checkAjpOptions({ listen: '127.0.0.1:8009', secret, ...options });
    return 'nothing';
  } catch (error) {
    assert.ok(error instanceof SsoError && error.code === 'ERR_CONFIG_INVALID');
    return error.message;
  }
};

test('it does not listen beyond loopback without a secret, nor with a short one; what cannot work names its field', () => {
  for (const listen of [
    '0.0.0.0:8009',
    '10.0.0.1:8009',
    '[::]:8009',
    '[2001:db8::1]:8009',
    'node1.xyz.com:8009',
    '127.0.0.1.evil.com:8009',
  ])
    assert.match(refusal({ listen, secret: undefined as never }), /^ajp\.secret: is missing/, listen);
  for (const listen of ['127.0.0.1:8009', '127.8.7.6:8009', '[::1]:8009', 'localhost:8009'])
    assert.equal(refusal({ listen, secret: undefined as never }), 'nothing', listen);
  for (const one of [
    '',
    'short',
    'x'.repeat(15),
    'x'.repeat(256),
    'with a line\nbreak in it',
    ' a blank at its front',
    'ünprintable characters',
  ])
    assert.match(refusal({ secret: one }), /^ajp\.secret: must have 16 to 255/, JSON.stringify(one));
  for (const listen of ['8009', '127.0.0.1', '127.0.0.1:65536', '::1:8009', 'a b:1', '', '[127.0.0.1]:1'])
    assert.match(refusal({ listen }), /^ajp\.listen: must be address:port/, listen);
  assert.match(refusal({ maxPacketSize: 8_191 }), /^ajp\.maxPacketSize: must be a whole number, 8192 to 65536/);
  assert.match(refusal({ maxPacketSize: 65_537 }), /^ajp\.maxPacketSize/);
  assert.match(refusal({ idleMs: 1.5 }), /^ajp\.idleMs/);
  assert.match(refusal({ attributes: 'A' as never }), /^ajp\.attributes/);
  assert.match(refusal({ forwardedHeaders: 'all' as never }), /^ajp\.forwardedHeaders/);
  assert.match(refusal({ secrets: 'x' } as never), /^ajp\.secrets: is no option/);
});

test('without a secret it says so loudly, and takes whatever secret is sent', async (t) => {
  const { connect, log } = await listening(t, (_req, res) => void res.end(), { secret: undefined as never });
  assert.deepEqual(
    log.lines.map(({ level, message }) => [level, /without a secret/.test(message)]),
    [['warn', true]],
  );
  for (const one of [undefined, 'any'])
    assert.equal((await connect().ask({ ...(one && { secret: one }) })).status, 200);
});

test('a port that is in use is told, and nothing is left open', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  await assert.rejects(
    ajpServer(() => {}, { listen: `127.0.0.1:${port}`, secret }),
    {
      code: 'ERR_CHANNEL_FAILED',
      message: `cannot listen on 127.0.0.1:${port} for AJP: EADDRINUSE`,
    },
  );
  await new Promise((resolve) => other.close(resolve));
});

test('close: idle connections end at once, an answer under way is finished and says that the connection ends, then it resolves', async (t) => {
  let answer = () => {};
  const { connect, server } = await listening(t, (_req, res) => void (answer = () => res.end('whole')));
  const [idle, busy] = [connect(), connect()];
  idle.write(cping);
  assert.equal((await idle.next()).kind, 'cpong');
  const asked = busy.ask(known());
  await counted(server, 'requests');
  const closed = server.close();
  assert.deepEqual(await idle.closed, []);
  await assert.rejects(connect().ask(known()), /closed/, 'nobody else is let in');
  answer();
  const { body, reuse } = await asked;
  assert.deepEqual([body.toString(), reuse], ['whole', false]);
  await closed;
});

test('leave: as close, but what takes longer goes on until close', async (t) => {
  let answer = () => {};
  const { connect, server } = await listening(t, (_req, res) => void (answer = () => res.end('whole')));
  const [idle, busy] = [connect(), connect()];
  idle.write(cping);
  await idle.next();
  const asked = busy.ask(known());
  await counted(server, 'requests');
  await server.leave(20);
  assert.deepEqual(await idle.closed, []);
  await assert.rejects(connect().ask(known()), /closed/);
  answer();
  assert.equal((await asked).reuse, false);
  await server.leave();
  await server.close();
  await server.close();
});

test('close: what does not finish within its time is cut', async (t) => {
  const { connect, server } = await listening(t, () => {});
  const client = connect();
  client.write(forward(known()));
  await counted(server, 'requests');
  await server.close(50);
  assert.deepEqual(await client.closed, []);
});

test('a node that is not ready leaves a CPing unanswered and ends its connection, so that a balancer asks another; requests are served', async (t) => {
  let isReady = true;
  const { connect, server } = await listening(t, (_req, res) => void res.end('ok'), { isReady: () => isReady });
  const [kept, asking] = [connect(), connect()];
  for (const client of [kept, asking]) assert.equal((await client.ask(known())).status, 200);
  isReady = false;
  assert.equal((await kept.ask(known())).body.toString(), 'ok', 'who does not ask is served');
  asking.write(cping);
  assert.deepEqual(await asking.closed, []);
  const anew = connect();
  anew.write(cping);
  assert.deepEqual(await anew.closed, []);
  assert.equal(server.counters['unready'], 2);
  isReady = true;
  const again = connect();
  again.write(cping);
  assert.equal((await again.next()).kind, 'cpong');
});

test('a flood of what is wrong is a line a second for each kind, with how many it stands for', async (t) => {
  const { connect, log, server } = await listening(t, () => {});
  for (let i = 0; i < 50; i++) {
    const client = connect();
    client.write(i % 2 === 0 ? Buffer.from('GET / HTTP/1.1\r\n') : forward({}));
    await client.closed;
  }
  assert.equal(server.counters['malformed']! + server.counters['wrongSecret']!, 50);
  assert.ok(log.lines.length <= 2 * (1 + Math.ceil(5_000 / 1_000)), `${log.lines.length} lines`);
  assert.ok(log.lines.every(({ fields }) => 'alike' in fields && 'from' in fields));
});
