/** The stream of frames, split anywhere, and whatever else a peer may send. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FrameKind, FrameReader, following, headerBytes, wireFrame } from '../../sso/channel/frame.ts';
import { pick, type Random, seededRandom } from '../../sso/random.ts';

interface Read {
  readonly kind: FrameKind;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** Feeds the chunks to a reader of its own. */
function readAll(
  chunks: readonly Buffer[],
  limit = 1 << 20,
): { readonly frames: Read[]; readonly fault: string | undefined } {
  const reader = new FrameReader(limit);
  const frames: Read[] = [];
  for (const chunk of chunks) {
    const fault = reader.read(chunk, (kind, sequence, payload) => frames.push({ kind, sequence, payload }) > 0);
    if (fault !== undefined) return { frames, fault };
  }
  return { frames, fault: undefined };
}

/** The stream in pieces, some of one byte. */
function split(stream: Buffer, random: Random): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < stream.length; ) {
    const length = random.fraction() < 0.3 ? 1 : 1 + Math.floor(random.fraction() ** 3 * 20_000);
    chunks.push(Buffer.from(stream.subarray(at, at + length)));
    at += length;
  }
  return chunks;
}

const kinds: readonly FrameKind[] = ['hello', 'accept', 'refuse', 'ping', 'data'];

test('frames come out as they went in, however the stream was split', () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const random = seededRandom(seed);
    const sent = Array.from({ length: 40 }, (_, i): Read => {
      const length = pick(random, [0, 0, 1, 8, 9, 10, 400, 4_087, 4_096, 70_000])!;
      return { kind: pick(random, kinds)!, sequence: i, payload: random.bytes(length) };
    });
    const stream = Buffer.concat(sent.map(({ kind, sequence, payload }) => wireFrame(kind, sequence, payload)));
    const { frames, fault } = readAll(split(stream, random));
    assert.equal(fault, undefined, `seed ${seed}`);
    const same = frames.every(({ kind, sequence, payload }, i) => {
      const one = sent[i]!;
      return kind === one.kind && sequence === one.sequence && Buffer.compare(payload, one.payload) === 0;
    });
    assert.ok(same && frames.length === sent.length, `seed ${seed}`);
  }
});

test('an empty frame is there with the last byte of its header, not with the next frame', () => {
  const frame = wireFrame('ping', 3, new Uint8Array(0));
  for (let at = 1; at < frame.length; at += 1) {
    const { frames } = readAll([frame.subarray(0, at), frame.subarray(at)]);
    assert.deepEqual(
      frames.map(({ kind, sequence }) => [kind, sequence]),
      [['ping', 3]],
    );
  }
});

test('check 69: a length beyond the limit is a fault as soon as the header is there', () => {
  for (const length of [1_001, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
    const header = wireFrame('data', 0, new Uint8Array(0));
    header.writeUInt32BE(length, 0);
    assert.equal(readAll([header], 1_000).fault, 'length');
    assert.equal(readAll([header.subarray(0, 8), header.subarray(8)], 1_000).fault, 'length');
    assert.equal(readAll([header.subarray(0, 8)], 1_000).fault, undefined);
  }
});

test('check 69: a claimed length takes no memory; only bytes that came do', () => {
  const header = wireFrame('data', 0, new Uint8Array(0));
  header.writeUInt32BE(512 * 1024, 0);
  const before = process.memoryUsage().arrayBuffers;
  const readers = Array.from({ length: 1_000 }, () => new FrameReader(512 * 1024));
  for (const reader of readers) for (const chunk of [header, Buffer.from('x')]) reader.read(chunk, () => true);
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown <= 8 * 1024 * 1024, `${grown} bytes for 1000 connections that claim 512 MB together`);
});

test('an unknown kind is a fault', () => {
  for (const kind of [5, 6, 255]) {
    const frame = wireFrame('data', 0, Buffer.from('x'));
    frame[8] = kind;
    assert.equal(readAll([frame]).fault, 'kind');
  }
});

test('V96: of whatever bytes come the reader makes frames or a fault, never an exception', () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const random = seededRandom(seed);
    const stream = Buffer.from(random.bytes(Math.floor(random.fraction() * 3_000)));
    if (random.fraction() < 0.7) stream.fill(0, 0, 3);
    const { frames } = readAll(split(stream, random), 4_096);
    const taken = frames.reduce((sum, { payload }) => sum + headerBytes + payload.length, 0);
    assert.ok(taken <= stream.length && frames.every(({ kind }) => kinds.includes(kind)), `seed ${seed}`);
  }
});

test('once its taker has enough, the reader gives nothing more of that chunk', () => {
  const reader = new FrameReader(100);
  const two = Buffer.concat([wireFrame('data', 0, Buffer.from('a')), wireFrame('data', 1, Buffer.from('b'))]);
  let taken = 0;
  reader.read(two, () => {
    taken += 1;
    return false;
  });
  assert.equal(taken, 1);
});

test('a limit that is raised between two frames counts from the next', () => {
  const reader = new FrameReader(10);
  const stream = Buffer.concat([wireFrame('accept', 0, Buffer.alloc(4)), wireFrame('data', 1, Buffer.alloc(500))]);
  const lengths: number[] = [];
  const fault = reader.read(stream, (_kind, _sequence, payload) => {
    reader.limit = 500;
    return lengths.push(payload.length) > 0;
  });
  assert.deepEqual([fault, lengths], [undefined, [4, 500]]);
});

test('after the greatest sequence number comes 0', () => {
  assert.equal(following(0xffff_ffff), 0);
  assert.equal(following(0), 1);
});
