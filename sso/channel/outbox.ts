/**
 * What waits to be written on one connection. The first frame of a turn goes at once, so a lone message
 * pays no delay; what follows in the same turn goes as one write, because a TLS record and a system call
 * each cost more than a frame. What the peer does not take is bounded in bytes: beyond that frames of
 * data are dropped, their numbers used up, and both ends know that they have to compare.
 */

import type { TLSSocket } from 'node:tls';
import type { Clock } from '../clock.ts';
import { type FrameKind, following, wireFrame } from './frame.ts';

/** What one write carries at most: more would hold up the process for too long. */
const writeBytes = 256 * 1024;
/** What a waiting frame costs beside its bytes. */
const frameOverhead = 64;

export class Outbox {
  readonly #socket: TLSSocket;
  readonly #clock: Clock;
  readonly #maxQueueBytes: number;
  readonly #onRoom: () => void;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #sequence = 0;
  #turn: 'idle' | 'written' = 'idle';
  #dropped = false;
  #ended = false;
  /** Whether anything but pings was put since the last `restful()`. */
  #busy = false;

  /** `onRoom` is called when, after frames were dropped, there is room again. */
  constructor(socket: TLSSocket, clock: Clock, maxQueueBytes: number, onRoom: () => void) {
    this.#socket = socket;
    this.#clock = clock;
    this.#maxQueueBytes = maxQueueBytes;
    this.#onRoom = onRoom;
    socket.on('drain', () => this.#flush());
  }

  /** `false`: there was no room, the frame is dropped. Only data is ever dropped. */
  put(kind: FrameKind, payload: Uint8Array): boolean {
    if (this.#ended) return false;
    const sequence = this.#sequence;
    this.#sequence = following(sequence);
    if (kind === 'data' && this.#waiting() + payload.length > this.#maxQueueBytes) {
      this.#dropped = true;
      return false;
    }
    this.#busy ||= kind !== 'ping';
    const frame = wireFrame(kind, sequence, payload);
    if (this.#turn === 'idle' && this.#queue.length === 0 && !this.#socket.writableNeedDrain) {
      this.#turn = 'written';
      this.#socket.write(frame);
      this.#clock.soon(() => {
        this.#turn = 'idle';
        this.#flush();
      });
      return true;
    }
    this.#queue.push(frame);
    this.#queuedBytes += frame.length + frameOverhead;
    return true;
  }

  /** Whether nothing but pings was put since it was last asked. */
  restful(): boolean {
    const restful = !this.#busy;
    this.#busy = false;
    return restful;
  }

  /** Writes what waits and ends our side of the connection. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#queue.length > 0) this.#socket.write(Buffer.concat(this.#queue));
    this.#forget();
    this.#socket.end();
  }

  /** Nothing is written any more. */
  drop(): void {
    this.#ended = true;
    this.#forget();
  }

  #forget(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  #waiting(): number {
    return this.#queuedBytes + this.#socket.writableLength;
  }

  #flush(): void {
    while (this.#queue.length > 0 && !this.#socket.writableNeedDrain && this.#turn === 'idle') this.#write();
    if (!this.#dropped || this.#ended || this.#waiting() > this.#maxQueueBytes / 2) return;
    this.#dropped = false;
    this.#onRoom();
  }

  #write(): void {
    let count = 0;
    let bytes = 0;
    while (count < this.#queue.length && (count === 0 || bytes + this.#queue[count]!.length <= writeBytes))
      bytes += this.#queue[count++]!.length;
    const batch = count === this.#queue.length ? this.#queue : this.#queue.splice(0, count);
    if (batch === this.#queue) this.#queue = [];
    this.#queuedBytes -= bytes + count * frameOverhead;
    this.#socket.write(batch.length === 1 ? batch[0]! : Buffer.concat(batch, bytes));
  }
}
