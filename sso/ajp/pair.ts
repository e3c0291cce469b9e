/**
 * Two ends of a connection that never leaves the process: what is written to one is read from the other,
 * and a write is done when the other end has asked for more, so that a slow reader slows the writer. An
 * end that is destroyed before it has ended takes the other with it, as a reset would; what is written to
 * an end that is gone vanishes, so that an answer that came early is still read to its end.
 */

import { Duplex } from 'node:stream';

export class End extends Duplex {
  #other: End | undefined;
  /** The other end has it when this is called. */
  #taken: (() => void) | undefined;

  /** Joins two ends, once. */
  static join(one: End, other: End): void {
    one.#other = other;
    other.#other = one;
  }

  override _read(): void {
    const other = this.#other;
    if (other !== undefined) other.#release();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    const other = this.#other;
    if (other === undefined || other.destroyed || chunk.length === 0) {
      process.nextTick(callback);
    } else {
      this.#taken = callback;
      other.push(chunk);
    }
  }

  override _final(callback: () => void): void {
    if (this.#other !== undefined && !this.#other.destroyed) this.#other.push(null);
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const other = this.#other;
    if (other !== undefined) {
      other.#release();
      if (!this.writableFinished && !other.destroyed) process.nextTick(() => other.destroy());
    }
    callback(error);
  }

  /** What this end has written was taken. */
  #release(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    if (taken !== undefined) process.nextTick(taken);
  }
}
