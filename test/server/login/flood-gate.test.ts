/** Check 77: in a flood of log-ins the excess is refused before anything of it is read, and nobody else's request is. */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { floodGate, politelyRefused } from '../../../server/login/flood-gate.ts';

const state = {
  busy: true,
  room: Number.POSITIVE_INFINITY,
  now: 0,
  held: false,
  arrives: false,
  passed: [] as string[],
};
/** Requests that are not answered yet. */
const held: (() => void)[] = [];
const gate = floodGate({
  isBusy: () => state.busy,
  room: () => state.room,
  site: { name: 'Example <Ltd>', languages: ['en', 'de'] },
  headers: { 'Content-Security-Policy': "default-src 'none'" },
  now: () => state.now,
});
const server = createServer(
  gate.before((req, res) => {
    state.passed.push(`${req.method} ${req.url}`);
    if (state.arrives) gate.arrived(req);
    const answer = () => res.end('passed');
    req.resume().on('end', () => (state.held ? held.push(answer) : answer()));
  }),
);
let url: string;

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());
beforeEach(() => {
  Object.assign(state, { busy: true, room: Number.POSITIVE_INFINITY, held: false, arrives: false });
  state.now += 10_000;
  state.passed = [];
});

const post = (path = '/login', headers: Record<string, string> = {}) =>
  fetch(url + path, { method: 'POST', headers: { accept: 'text/html', ...headers }, body: 'username=a&password=b' });

async function flood(): Promise<void> {
  for (let i = 0; i < politelyRefused; i++) assert.equal((await post()).status, 200);
}

test('while passwords wait in a full queue some posts a second get the form as ever, and the rest a sentence; a second later some do again', async () => {
  await flood();
  const refused = await post();
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '1']);
  assert.equal(refused.headers.get('cache-control'), 'no-store');
  assert.equal(refused.headers.get('content-security-policy'), "default-src 'none'");
  assert.match(
    await refused.text(),
    /<title>Not at this moment · Example &lt;Ltd&gt;<.*Too many people.*href="\/login"/s,
  );
  assert.equal(state.passed.length, politelyRefused);
  state.now += 1_000;
  assert.equal((await post()).status, 200);
});

test('in the language of whoever asks; a program gets JSON', async () => {
  await flood();
  const german = await post('/login?return_to=%2F', { 'accept-language': 'de-AT,en;q=0.5' });
  assert.match(await german.text(), /<html lang="de"/);
  const program = await post('/LOGIN/', { accept: 'application/json' });
  assert.equal(program.status, 503);
  assert.equal(((await program.json()) as { error: string }).error, 'busy');
});

test('nothing else is kept out: other pages, other methods, addresses that only look alike, and everything while the queue has room', async () => {
  await flood();
  for (const path of ['/logout', '/account/end', '/login/else', '/loginx', '/%6cogin', '//login'])
    assert.equal((await post(path)).status, 200, path);
  assert.equal((await fetch(`${url}/login`)).status, 200);
  state.busy = false;
  assert.equal((await post()).status, 200);
});

test('a place that gets free is not for all who come before it is taken; who sends slowly keeps nobody out for long', async () => {
  await flood();
  Object.assign(state, { busy: false, room: 2, held: true });
  const passing = [post(), post()];
  while (held.length < 2) await new Promise(setImmediate);
  assert.equal((await post()).status, 503);
  state.now += 250;
  state.held = false;
  assert.equal((await post()).status, 200);
  Object.assign(state, { held: true, arrives: true });
  passing.push(post(), post(), post());
  while (held.length < 5) await new Promise(setImmediate);
  for (const answer of held.splice(0)) answer();
  assert.deepEqual(
    (await Promise.all(passing)).map(({ status }) => status),
    [200, 200, 200, 200, 200],
  );
});

test('check 49: the body of a post that was refused is not read as the next request', async () => {
  await flood();
  const inside = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
  const text = await new Promise<string>((resolve) => {
    let heard = '';
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1', () =>
      socket.write(
        `POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: ${inside.length}\r\n\r\n${inside}GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      ),
    );
    socket.setEncoding('latin1').on('data', (chunk) => void (heard += chunk));
    socket.on('close', () => resolve(heard));
  });
  assert.deepEqual(
    [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status),
    ['503', '200'],
  );
  assert.deepEqual(state.passed.slice(politelyRefused), ['GET /next']);
});
