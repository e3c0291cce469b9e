/** What is refused on the AJP port, whoever sends it: from outside, by its bytes. The numbers are those of SECURITY.md's checks. */

import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { type TestContext, test } from 'node:test';
import express from 'express';
import { sessions } from '../../sso/session/sessions.ts';
import { bag } from '../session/support/visitor.ts';
import { World } from '../session/support/world.ts';
import { type AjpAnswer, valuesOf } from './support/client.ts';
import { known, type Listening, listening } from './support/listening.ts';
import { bodyPacket, cping, type Forwarded, forward, packet, text } from './support/packets.ts';

/** Every request that an application got. */
const seeing =
  (seen: string[]): RequestListener =>
  (req, res) => {
    seen.push(`${req.method} ${req.url}`);
    req.resume().on('end', () => res.end('seen'));
  };

/** The answer on a connection of its own, which has to be closed after it. */
async function refusal({ connect }: Listening, given: Forwarded): Promise<AjpAnswer> {
  const client = connect();
  const answer = await client.ask(given, { body: Buffer.from('x=1') });
  assert.equal(answer.reuse, false);
  assert.deepEqual(await client.closed, []);
  return answer;
}

async function opened(t: TestContext, options = {}) {
  const seen: string[] = [];
  return { seen, ...(await listening(t, seeing(seen), options)) };
}

test('without the secret, or with another, everything is 403 and the connection closes; nothing reaches the application', async (t) => {
  const it = await opened(t);
  const wrong = [
    null,
    '',
    'a secret of these test',
    'a secret of these tests ',
    'A secret of these tests',
    'x'.repeat(5_000),
  ];
  for (const one of [undefined, ...wrong]) {
    const answer = await refusal(it, { ...(one !== undefined && { secret: one }) });
    assert.deepEqual([answer.status, answer.body.toString()], [403, 'Forbidden\n']);
  }
  const post = {
    method: 'POST',
    headers: [
      ['host', 'a'],
      ['content-length', '3'],
    ],
  } as const;
  assert.equal((await refusal(it, post)).status, 403, 'the body that follows does not take the answer with it');
  assert.equal(it.server.counters['wrongSecret'], wrong.length + 2);
  assert.deepEqual(it.seen, []);
  assert.doesNotMatch(JSON.stringify(it.log.lines), /a secret of these/, 'and no log holds one');
  assert.ok(it.log.lines.length < 4, 'a line a second at most');
});

test('who does not have the secret learns nothing about the rest of the request', async (t) => {
  const it = await opened(t);
  const bad: readonly Forwarded[] = [
    { uri: 'none' },
    { method: 'CHECKIN' },
    { named: [['strange', '1']] },
    {
      headers: [
        ['host', 'a'],
        ['host', 'b'],
      ],
    },
    { headers: [['upgrade', 'websocket']] },
  ];
  for (const one of bad) assert.equal((await refusal(it, one)).status, 403);
});

test('an attribute that is neither known nor allowed is refused by name; those of balancers and those allowed pass', async (t) => {
  const it = await opened(t, { attributes: ['TENANT'] });
  for (const name of ['javax.servlet.include.request_uri', 'tenant', 'TENANT2', '__proto__', 'REMOTE_USER', '']) {
    const answer = await refusal(
      it,
      known({
        named: [
          ['AJP_REMOTE_PORT', '1'],
          [name, 'x'],
        ],
      }),
    );
    assert.equal(answer.status, 403, name);
  }
  assert.match(
    JSON.stringify(it.log.lines),
    /the attribute javax\.servlet\.include\.request_uri is not among those allowed/,
  );
  const passing = [
    'AJP_REMOTE_PORT',
    'AJP_LOCAL_ADDR',
    'AJP_SSL_PROTOCOL',
    'JK_LB_ACTIVATION',
    'CERT_ISSUER',
    'TENANT',
  ];
  const client = it.connect();
  for (const name of passing) assert.equal((await client.ask(known({ named: [[name, 'x']] }))).status, 200, name);
  assert.equal(it.seen.length, passing.length);
});

test('check 49: what could make two requests of one, or leave in doubt where a body ends, is 400, closed, and never seen', async (t) => {
  const it = await opened(t);
  const host = ['host', 'a'] as const;
  const headers: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
    'Content-Length and Transfer-Encoding': [host, ['content-length', '3'], ['transfer-encoding', 'chunked']],
    'two lengths that differ': [host, ['content-length', '3'], ['content-length', '4']],
    'two lengths that agree': [host, ['content-length', '3'], ['Content-Length', '3']],
    'a length by code and one by name': [host, ['content-length', '3'], ['CONTENT-LENGTH', '0']],
    'a length with a sign': [host, ['content-length', '+3']],
    'a length in hex': [host, ['content-length', '0x3']],
    'a length with a blank': [host, ['content-length', ' 3']],
    'a length with a comma': [host, ['content-length', '3, 3']],
    'a length that is empty': [host, ['content-length', '']],
    'a length of 20 digits': [host, ['content-length', '18446744073709551619']],
    'two codings': [host, ['transfer-encoding', 'chunked'], ['transfer-encoding', 'chunked']],
    'two hosts': [host, ['Host', 'b']],
    'a line break in a value': [host, ['x', 'a\r\nContent-Length: 100']],
    'a line feed alone in a value': [host, ['x', 'a\nb']],
    'a NUL in a value': [host, ['x', 'a\0b']],
    'a line break in a name': [host, ['x\r\ny', 'a']],
    'a colon in a name': [host, ['x: y', 'a']],
    'a blank before a name': [host, [' content-length', '3']],
    'a blank behind a name': [host, ['content-length ', '3']],
    'a name of no characters': [host, ['', 'a']],
    'a name with a byte above ASCII': [host, ['x\xe9', 'a']],
  };
  for (const [what, one] of Object.entries(headers))
    assert.equal((await refusal(it, known({ method: 'POST', headers: one }))).status, 400, what);
  const targets: Readonly<Record<string, Forwarded>> = {
    'a line break in the path': { uri: '/ HTTP/1.1\r\nHost: b\r\n\r\nGET /other' },
    'a blank in the path': { uri: '/a b' },
    'a NUL in the path': { uri: '/a\0' },
    'a DEL in the path': { uri: '/a\x7f' },
    'a byte of no ASCII in the path': { uri: '/\xff' },
    'UTF-8 in the query': { uri: '/', query: 'a=\xc3\xa4' },
    'no path': { uri: '' },
    'a path without a slash': { uri: 'a' },
    'a whole address': { uri: 'http://b/' },
    'a query in the path': { uri: '/a?b', query: 'c' },
    'a fragment': { uri: '/a#b' },
    'a blank in the query': { uri: '/', query: 'a b' },
    'a line break in the query': { uri: '/', query: 'a\r\nb' },
    'an asterisk without OPTIONS': { uri: '*' },
  };
  for (const [what, one] of Object.entries(targets)) assert.equal((await refusal(it, known(one))).status, 400, what);
  assert.equal(
    (await refusal(it, known({ headers: [], serverName: 'a b' }))).status,
    400,
    'a name of the server that is none',
  );
  assert.deepEqual(it.seen, []);
  assert.equal((await it.connect().ask(known({ method: 'OPTIONS', uri: '*' }))).status, 200);
});

test('an unknown coding and methods that nobody knows, CONNECT among them, are 501; too many headers 431; another expectation 417', async (t) => {
  const it = await opened(t);
  for (const method of ['CHECKIN', 'BASELINE-CONTROL', 'FOO', 'get', 'GET /x HTTP/1.1\r\n', '', 'CONNECT'])
    assert.equal((await refusal(it, known({ method }))).status, 501, method);
  for (const coding of ['gzip', 'chunked, gzip', 'chunked;x', ' chunked', 'identity'])
    assert.equal(
      (
        await refusal(
          it,
          known({
            headers: [
              ['host', 'a'],
              ['transfer-encoding', coding],
            ],
          }),
        )
      ).status,
      501,
      coding,
    );
  const many = Array.from({ length: 101 }, (_, i) => [`x${i}`, ''] as const);
  assert.equal((await refusal(it, known({ headers: many }))).status, 431);
  assert.equal((await it.connect().ask(known({ headers: many.slice(1) }))).status, 200);
  assert.equal((await refusal(it, known({ headers: [['expect', '200-maybe']] }))).status, 417);
  assert.equal((await it.connect().ask(known({ headers: [['expect', '100-continue']] }))).status, 200);
});

test('a WebSocket does not pass over AJP and is told so with 501; another offer to upgrade is ignored', async (t) => {
  const it = await opened(t);
  const upgrade = (to: string) =>
    known({
      headers: [
        ['host', 'a'],
        ['connection', 'Upgrade'],
        ['upgrade', to],
      ],
    });
  for (const to of ['websocket', 'WebSocket', 'h2c, websocket'])
    assert.equal((await refusal(it, upgrade(to))).status, 501);
  assert.equal((await it.connect().ask(upgrade('h2c'))).status, 200);
  assert.equal(it.server.counters['upgrades'], 3);
});

test('what is no AJP closes the connection without a word: HTTP, TLS, a shutdown, an answer, a packet that lies', async (t) => {
  const it = await opened(t);
  const large = forward(known({ headers: [['x', 'y'.repeat(8_192)]] }));
  const sent: Readonly<Record<string, Buffer>> = {
    HTTP: Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
    TLS: Buffer.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc),
    'a shutdown': packet(Buffer.of(7)),
    'a ping of AJP 1.2': packet(Buffer.of(8)),
    'a CPing with something behind': packet(Buffer.of(10, 0)),
    'an empty packet': packet(Buffer.alloc(0)),
    'an answer': packet(Buffer.of(5, 1), 0x4142),
    'a packet larger than agreed': large,
  };
  for (const [what, bytes] of Object.entries(sent)) {
    const client = it.connect();
    client.write(bytes);
    assert.deepEqual(await client.closed, [], what);
  }
  assert.equal(it.server.counters['malformed'], Object.keys(sent).length);
  assert.equal(it.server.counters['shutdowns'], 1);
  const broken = it.connect();
  broken.write(packet(Buffer.of(2, 2, 0)));
  assert.deepEqual(
    (await broken.closed).map(({ kind }) => kind),
    ['headers', 'chunk', 'end'],
    'a request that is none is 400',
  );
  assert.deepEqual(it.seen, []);
  const client = it.connect();
  client.write(cping);
  assert.equal((await client.next()).kind, 'cpong', 'and the listener goes on');
});

test('a body packet that is none, or comes unasked, is never a request', async (t) => {
  const it = await opened(t);
  for (const lie of [
    packet(Buffer.of(0)),
    packet(Buffer.of(0, 5, 1)),
    packet(Buffer.of(0, 1, 1, 1)),
    packet(Buffer.of(0xff, 0xff, 1)),
  ]) {
    const client = it.connect();
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
    client.write(lie);
    assert.deepEqual(await client.closed, []);
  }
  assert.equal(it.server.counters['badBodies'], 4);
  const client = it.connect();
  assert.equal((await client.ask(known())).status, 200);
  client.write(bodyPacket(Buffer.from('GET /')));
  assert.deepEqual(await client.closed, []);
  assert.equal(it.seen.filter((one) => one === 'GET /').length, 1);
});

test('checks 12 and 47: over AJP without TLS a Secure session is not given out; a Host that the browser made up is in no cookie', async (t) => {
  const world = new World({ secure: true } as never);
  const app = express();
  app.use(sessions(world.node.parts, { app: 'shop', cookie: { secure: true } }));
  app.use((req, res) => {
    bag(req).count = 1;
    res.send(req.protocol);
  });
  const { connect } = await listening(t, app);
  const ask = (isSsl: boolean, host: string) =>
    connect().ask(
      known({
        isSsl,
        headers: [
          ['host', host],
          ['X-Forwarded-Proto', 'https'],
          ['X-Forwarded-Host', 'evil.test'],
        ],
      }),
    );
  const plain = await ask(false, 'app1.xyz.test');
  assert.deepEqual([plain.body.toString(), valuesOf(plain, 'set-cookie')], ['http', []]);
  const [cookie, ...others] = valuesOf(await ask(true, 'evil.test'), 'set-cookie');
  assert.deepEqual(others, []);
  assert.match(cookie!, /; Secure/);
  assert.doesNotMatch(cookie!, /evil/);
});

test('a string that ends too late, in the middle of a path, is no shorter path', async (t) => {
  const it = await opened(t);
  const uri = text('/public\0/../admin');
  assert.equal(uri.length, 2 + 17 + 1);
  assert.equal((await refusal(it, known({ uri: '/public\0/../admin' }))).status, 400);
});
