/** Bytes to packets to requests, and answers to bytes: what is well-formed is read as it was written, what is not is said to be so, and nothing throws. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bodyChunks, getBodyChunk, sendHeaders } from '../../sso/ajp/answers.ts';
import { decodeForwardRequest } from '../../sso/ajp/forward-request.ts';
import { PacketSplitter } from '../../sso/ajp/packets.ts';
import { answerNames, forwardPayload, integer, packet, readSent, text } from './support/packets.ts';

const latin1 = (maxLength: number) =>
  fc.array(fc.integer({ min: 1, max: 255 }), { maxLength }).map((codes) => String.fromCharCode(...codes));
const header = fc.tuple(fc.oneof(fc.constantFrom('Host', 'cookie', 'X-Q', 'content-type'), latin1(12)), latin1(40));

test('a request is read as it was written, whatever its strings hold', () => {
  const given = fc.record({
    method: fc.constantFrom('GET', 'POST', 'PATCH', 'MKACTIVITY', 'OPTIONS', 'QUERY'),
    uri: latin1(60),
    remoteHost: fc.option(latin1(20)),
    serverPort: fc.integer({ min: 0, max: 65_535 }),
    isSsl: fc.boolean(),
    headers: fc.array(header, { maxLength: 8 }),
    secret: fc.option(latin1(20), { nil: undefined }),
    query: fc.option(latin1(30), { nil: undefined }),
    keySize: fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined }),
    named: fc.uniqueArray(fc.tuple(latin1(12), latin1(12)), { maxLength: 4, selector: ([name]) => name }),
  });
  fc.assert(
    fc.property(given, (one) => {
      const decoded = decodeForwardRequest(forwardPayload(one as Parameters<typeof forwardPayload>[0]));
      assert.ok(decoded.kind === 'request');
      const { request } = decoded;
      assert.equal(request.method, one.method);
      assert.equal(request.uri, one.uri);
      assert.equal(request.remoteHost, one.remoteHost ?? undefined);
      assert.equal(request.serverPort, one.serverPort);
      assert.equal(request.isSsl, one.isSsl);
      assert.deepEqual(
        request.headers,
        one.headers.flatMap(([name, value]) => [
          /^(host|cookie|content-type)$/i.test(name) ? name.toLowerCase() : name,
          value,
        ]),
      );
      assert.equal(request.secret, one.secret);
      assert.equal(request.queryString, one.query);
      assert.equal(request.sslKeySize, one.keySize);
      assert.deepEqual([...request.attributes], one.named);
    }),
  );
});

test('of a request that is cut short anywhere, or has something behind its end, nothing is believed', () => {
  const whole = forwardPayload({
    headers: [
      ['host', 'a'],
      ['x', 'y'],
    ],
    secret: 's',
    keySize: 256,
    named: [['AJP_REMOTE_PORT', '1']],
  });
  assert.equal(decodeForwardRequest(whole).kind, 'request');
  for (let length = 0; length < whole.length; length++)
    assert.equal(decodeForwardRequest(whole.subarray(0, length)).kind, 'malformed', `${length} bytes`);
  assert.equal(decodeForwardRequest(Buffer.concat([whole, Buffer.of(0)])).kind, 'malformed');
});

test('lengths and counts that lie, unknown codes, doubled attributes and flags that are none are malformed', () => {
  const malformed: Readonly<Record<string, Buffer>> = {
    'a method of no code': forwardPayload({ method: 28 }),
    'a method code 0': forwardPayload({ method: 0 }),
    'a stored method that is missing': forwardPayload({ method: 0xff }),
    'a header code beyond the table': forwardPayload({ headers: [[0xa00f, 'x']] }),
    'a header code 0': forwardPayload({ headers: [[0xa000, 'x']] }),
    'a header without a value': forwardPayload({ headers: [['x', null]] }),
    'the secret twice': forwardPayload({ secret: 's', more: Buffer.concat([Buffer.of(0x0c), text('s')]) }),
    'an attribute of no code': forwardPayload({ more: Buffer.concat([Buffer.of(0x0e), text('x')]) }),
    'one name with two values': forwardPayload({
      named: [
        ['a', '1'],
        ['a', '2'],
      ],
    }),
    'a name that is missing': forwardPayload({ more: Buffer.concat([Buffer.of(0x0a), text(null), text('x')]) }),
    '65,535 headers in a few bytes': Buffer.concat([
      Buffer.of(2, 2),
      ...['HTTP/1.1', '/', '1.2.3.4'].map(text),
      text(null),
      text('a'),
      integer(80),
      Buffer.of(0),
      integer(0xffff),
    ]),
    'a string of 32,767 bytes in a few': Buffer.concat([Buffer.of(2, 2), integer(0x7fff), Buffer.from('HTTP/1.1\0')]),
    'a string without its end': Buffer.concat([Buffer.of(2, 2), integer(2), Buffer.from('HTTP/1.1\0')]),
    'is_ssl 2': Buffer.concat([
      Buffer.of(2, 2),
      ...['HTTP/1.1', '/', '1.2.3.4', 'h', 'a'].map(text),
      integer(80),
      Buffer.of(2),
      integer(0),
      Buffer.of(0xff),
    ]),
  };
  for (const [what, payload] of Object.entries(malformed))
    assert.equal(decodeForwardRequest(payload).kind, 'malformed', what);
});

test('attributes that mod_jk sends without a value say nothing, and the same one twice is one', () => {
  const decoded = decodeForwardRequest(
    forwardPayload({
      named: [
        ['JK_LB_ACTIVATION', null],
        ['A', '1'],
        ['A', '1'],
      ],
      more: Buffer.concat([Buffer.of(6), text(null)]),
    }),
  );
  assert.ok(decoded.kind === 'request');
  assert.deepEqual([...decoded.request.attributes], [['A', '1']]);
  assert.equal(decoded.request.jvmRoute, undefined);
});

test('packets come out whole and in order, however the bytes were cut', () => {
  const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(payloads, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (wanted, cuts) => {
      const bytes = Buffer.concat(wanted.map((payload) => packet(Buffer.from(payload))));
      const splitter = new PacketSplitter(8_192);
      const found: Buffer[] = [];
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const length = cuts[i % cuts.length]!;
        splitter.push(bytes.subarray(at, at + length));
        at += length;
        for (let split = splitter.next(); split.kind === 'packet'; split = splitter.next()) found.push(split.payload);
      }
      assert.deepEqual(
        found.map((one) => [...one]),
        wanted.map((one) => [...one]),
      );
      assert.equal(splitter.buffered, 0);
    }),
  );
});

test('a length is judged before its payload is waited for, and another beginning is not AJP (check 76)', () => {
  const after = (...bytes: number[]) => {
    const splitter = new PacketSplitter(8_192);
    splitter.push(Buffer.of(...bytes));
    return splitter.next();
  };
  assert.deepEqual(after(0x12, 0x34, 0x1f, 0xfc), { kind: 'more' }); // 8188 + 4 = 8192
  assert.deepEqual(after(0x12, 0x34, 0x1f, 0xfd), { kind: 'malformed', why: 'larger than maxPacketSize' });
  assert.deepEqual(after(0x12, 0x34, 0xff, 0xff), { kind: 'malformed', why: 'larger than maxPacketSize' });
  assert.deepEqual(after(...Buffer.from('GET /')), { kind: 'malformed', why: 'not AJP' });
  assert.deepEqual(after(...Buffer.from('AB')), { kind: 'more' });
});

test('an answer is written so that a balancer reads it as it was: codes for known headers, every byte of a value', () => {
  const headers = fc.array(fc.tuple(fc.constantFrom(...answerNames, 'X-Other'), latin1(40)), { maxLength: 20 });
  fc.assert(
    fc.property(fc.integer({ min: 200, max: 599 }), latin1(20), headers, (status, message, wanted) => {
      const bytes = sendHeaders(status, message, wanted.flat(), 8_192)!;
      assert.equal(bytes.readUInt16BE(0), 0x4142);
      assert.equal(bytes.readUInt16BE(2), bytes.length - 4);
      const sent = readSent(bytes.subarray(4));
      assert.ok(sent.kind === 'headers');
      assert.equal(sent.status, status);
      assert.equal(sent.message, message === '' ? String(status) : message);
      assert.deepEqual(sent.headers, wanted);
    }),
  );
});

test('headers that do not fit into one packet are not written at all, at whatever size both sides have', () => {
  const fits = (bytes: number, size: number) => sendHeaders(200, 'OK', ['x', 'y'.repeat(bytes)], size) !== undefined;
  for (const size of [8_192, 20_000, 65_536]) {
    const overhead = 4 + 1 + 2 + 5 + 2 + 4 + 3;
    const most = Math.min(size, 65_535) - overhead;
    assert.equal(fits(most, size), true, String(size));
    assert.equal(fits(most + 1, size), false, String(size));
  }
  assert.equal(fits(70_000, 65_536), false);
});

test('a body goes out in packets of at most the size, and all of it', () => {
  for (const [bytes, size] of [
    [0, 8_192],
    [1, 8_192],
    [8_184, 8_192],
    [8_185, 8_192],
    [200_000, 65_536],
  ] as const) {
    const body = Buffer.from(Array.from({ length: bytes }, (_, i) => i % 251));
    const packets = [...bodyChunks(body, size)];
    assert.ok(packets.every((one) => one.length <= size));
    const pieces = packets.map((one) => readSent(one.subarray(4)));
    assert.ok(Buffer.concat(pieces.map((one) => (one.kind === 'chunk' ? one.data : Buffer.alloc(0)))).equals(body));
  }
  assert.deepEqual(readSent(getBodyChunk(8_192).subarray(4)), { kind: 'get-body', bytes: 8_186 });
  assert.deepEqual(readSent(getBodyChunk(65_536).subarray(4)), { kind: 'get-body', bytes: 65_530 });
});
