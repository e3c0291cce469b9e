/** One direction of one connection through a fault proxy: a queue of bytes, each with the instant at which it is written on. */

import type { Socket } from 'node:net';
import type { Weather } from './fault-proxy.ts';

/** Beyond so many queued bytes the sender is not read any more, as a full window would have it. */
const queueAtMostBytes = 1024 * 1024;
/** So many bytes of a piece go alone; the rest of it in pieces of up to `pieceAtMostBytes`. */
const singleBytes = 16;
const pieceAtMostBytes = 199;

export class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #weather: () => Weather;
  readonly #fraction: () => number;
  readonly #queue: { readonly bytes: Buffer; readonly dueAt: number }[] = [];
  #queuedBytes = 0;
  #lastDueAt = 0;
  #ended = false;
  #forgotten = false;
  #lost = false;
  #timer: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;

  constructor(from: Socket, to: Socket, weather: () => Weather, fraction: () => number) {
    this.#from = from;
    this.#to = to;
    this.#weather = weather;
    this.#fraction = fraction;
    from.on('data', (bytes) => this.#take(bytes));
    from.on('error', () => {});
    // A reset is news as an end is: it waits for its turn.
    for (const event of ['end', 'close'] as const) from.on(event, () => this.#end());
    to.once('close', () => this.#stop());
  }

  /** Bytes have vanished that TCP would have carried, and the passage is open again: this connection cannot go on. */
  get torn(): boolean {
    return this.#lost && !this.#forgotten && this.#weather().passage !== 'swallow';
  }

  changed(): void {
    this.#pump();
  }

  forget(): void {
    this.#forgotten = true;
    this.#queue.length = 0;
  }

  #take(bytes: Buffer): void {
    const { passage, delayMs, jitterMs, bytesPerSecond } = this.#weather();
    if (this.#forgotten || passage === 'swallow') {
      this.#lost = true;
      return;
    }
    const now = performance.now();
    const sending = bytesPerSecond === 0 ? 0 : (bytes.length / bytesPerSecond) * 1_000;
    const arriving = now + delayMs + this.#fraction() * jitterMs;
    this.#lastDueAt = Math.max(arriving, this.#lastDueAt, now) + sending;
    this.#queue.push({ bytes, dueAt: this.#lastDueAt });
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes > queueAtMostBytes) this.#from.pause();
    this.#pump();
  }

  #end(): void {
    this.#ended = true;
    this.#pump();
  }

  #pump(): void {
    if (this.#timer !== undefined || this.#turn !== undefined) return;
    while (this.#weather().passage === 'open' && !this.#forgotten) {
      const next = this.#queue[0];
      if (next === undefined) {
        if (this.#ended) this.#to.end();
        if (this.#ended && this.#from.destroyed) this.#to.destroySoon();
        return;
      }
      const waitMs = next.dueAt - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          this.#pump();
        }, Math.ceil(waitMs));
        return;
      }
      this.#queue.shift();
      if (!this.#weather().piecemeal) this.#write(next.bytes);
      else {
        this.#writeInPieces(next.bytes, 0);
        return;
      }
    }
  }

  #writeInPieces(bytes: Buffer, at: number): void {
    const length = at < singleBytes ? 1 : 1 + Math.floor(this.#fraction() * pieceAtMostBytes);
    this.#write(bytes.subarray(at, at + length));
    const next = at + length;
    this.#turn = setImmediate(() => {
      this.#turn = undefined;
      if (next < bytes.length) this.#writeInPieces(bytes, next);
      else this.#pump();
    });
  }

  #write(bytes: Buffer): void {
    this.#queuedBytes -= bytes.length;
    if (!this.#to.destroyed) this.#to.write(bytes);
    if (this.#from.isPaused() && this.#queuedBytes <= queueAtMostBytes) this.#from.resume();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    if (this.#turn !== undefined) clearImmediate(this.#turn);
    this.#queue.length = 0;
    this.#ended = true;
  }
}
