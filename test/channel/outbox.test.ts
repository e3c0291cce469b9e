/** What waits to be written, on a socket that the test holds. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { type FrameKind, FrameReader, headerBytes } from '../../sso/channel/frame.ts';
import { Outbox } from '../../sso/channel/outbox.ts';
import { virtualClock } from '../../sso/testing/virtual-clock.ts';

/** What the outbox uses of a socket: it takes everything, and is full when the test says so. */
class HeldSocket {
  readonly writes: Buffer[] = [];
  writableNeedDrain = false;
  writableLength = 0;
  ended = false;
  #drain = () => {};

  on(_event: 'drain', run: () => void): void {
    this.#drain = run;
  }

  write(bytes: Buffer): void {
    this.writes.push(Buffer.from(bytes));
  }

  end(): void {
    this.ended = true;
  }

  fill(bytes: number): void {
    this.writableNeedDrain = true;
    this.writableLength = bytes;
  }

  empty(): void {
    this.writableNeedDrain = false;
    this.writableLength = 0;
    this.#drain();
  }

  get frames(): [FrameKind, number, string][] {
    const frames: [FrameKind, number, string][] = [];
    const reader = new FrameReader(1 << 20);
    reader.read(Buffer.concat(this.writes), (kind, sequence, payload) => {
      frames.push([kind, sequence, Buffer.from(payload).toString('utf8')]);
      return true;
    });
    return frames;
  }
}

function world(maxQueueBytes = 10_000) {
  const clock = virtualClock();
  const socket = new HeldSocket();
  let rooms = 0;
  const outbox = new Outbox(socket as unknown as TLSSocket, clock, maxQueueBytes, () => {
    rooms += 1;
  });
  return { clock, socket, outbox, rooms: () => rooms };
}

const bytes = (text: string) => Buffer.from(text);

test('the first frame of a turn is written at once, the others of that turn as one', () => {
  const { clock, socket, outbox } = world();
  for (const text of ['a', 'b', 'c']) outbox.put('data', bytes(text));
  assert.equal(socket.writes.length, 1);
  clock.advance(0);
  assert.equal(socket.writes.length, 2);
  outbox.put('data', bytes('d'));
  assert.equal(socket.writes.length, 3);
  assert.deepEqual(
    socket.frames.map(([, , text]) => text),
    ['a', 'b', 'c', 'd'],
  );
});

test('while the socket is full everything waits, and goes when it drains', () => {
  const { clock, socket, outbox } = world();
  socket.fill(100);
  for (const text of ['a', 'b']) outbox.put('data', bytes(text));
  clock.advance(10);
  assert.equal(socket.writes.length, 0);
  socket.empty();
  assert.deepEqual(
    socket.frames.map(([, , text]) => text),
    ['a', 'b'],
  );
});

test('what does not fit is dropped, its number is used up, and room is told once there is some', () => {
  const { socket, outbox, rooms } = world(1_000);
  socket.fill(100);
  const taken = Array.from({ length: 12 }, () => outbox.put('data', Buffer.alloc(100)));
  assert.deepEqual([taken.filter(Boolean).length, rooms()], [5, 0]);
  assert.ok(outbox.put('ping', new Uint8Array(0)));
  socket.empty();
  assert.equal(rooms(), 1);
  outbox.put('data', bytes('after'));
  assert.deepEqual(
    socket.frames.map(([, sequence]) => sequence),
    [0, 1, 2, 3, 4, 12, 13],
  );
});

test('what waits never exceeds its limit, whatever is sent', () => {
  const { socket, outbox } = world(100_000);
  socket.fill(1);
  for (let i = 0; i < 100_000; i += 1) outbox.put('data', Buffer.alloc(i % 50));
  socket.empty();
  const written = socket.writes.reduce((sum, { length }) => sum + length, 0);
  assert.ok(written <= 100_000 + headerBytes, `${written}`);
});

test('ending writes what waits and then closes; nothing is taken after that', () => {
  const { clock, socket, outbox } = world();
  for (const text of ['a', 'b']) outbox.put('data', bytes(text));
  outbox.end();
  assert.equal(outbox.put('data', bytes('c')), false);
  clock.advance(0);
  assert.deepEqual(
    socket.frames.map(([, , text]) => text),
    ['a', 'b'],
  );
  assert.ok(socket.ended);
});

test('it is restful if nothing but pings was put since it was asked', () => {
  const { outbox } = world();
  outbox.put('data', bytes('a'));
  assert.deepEqual([outbox.restful(), outbox.restful()], [false, true]);
  outbox.put('ping', new Uint8Array(0));
  assert.equal(outbox.restful(), true);
});
