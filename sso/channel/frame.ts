/**
 * How frames lie on a connection's stream of bytes:
 *
 *     4 bytes  length of the payload   4 bytes  sequence   1 byte  kind   payload
 *
 * Numbers are unsigned and big-endian. A length is checked against the limit before a byte is kept for
 * it, and what is kept never exceeds twice the bytes that really came (and 4 KiB): a header that claims 4 GB costs
 * its sender the connection and us nothing (T15, check 69). The sequence starts at 0 on each connection
 * and counts every frame that was meant for it, so one that was dropped leaves a hole that the next shows.
 */

export const headerBytes = 9;

/** The order is the byte on the wire: append, never insert. */
const kinds = ['hello', 'accept', 'refuse', 'ping', 'data'] as const;

export type FrameKind = (typeof kinds)[number];

/** What a peer did wrong: the connection is beyond repair. */
export type FrameFault = 'length' | 'kind';

/** Returns whether to go on reading. `payload` may be kept, it is never written to again. */
export type FrameTaker = (kind: FrameKind, sequence: number, payload: Uint8Array) => boolean;

/** A frame as it travels; `payload` is copied. */
export function wireFrame(kind: FrameKind, sequence: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  frame.writeUInt32BE(sequence, 4);
  frame[8] = kinds.indexOf(kind);
  frame.set(payload, headerBytes);
  return frame;
}

/** The sequence number that follows: 32 bits, then from 0 again. */
export function following(sequence: number): number {
  return (sequence + 1) >>> 0;
}

const nothing = Buffer.alloc(0);
const heldBytesAtFirst = 4_096;

/** Cuts a stream into frames, however it was split on its way. After a fault it must not be used again. */
export class FrameReader {
  /** The longest payload taken, in bytes; may be changed between frames. */
  limit: number;
  #held: Buffer = nothing;
  #filled = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  read(chunk: Buffer, take: FrameTaker): FrameFault | undefined {
    let at = 0;
    for (;;) {
      const whole = this.#filled === 0 ? wholeAt(chunk, at, this.limit) : this.#complete(chunk, at);
      if (typeof whole === 'string') return whole;
      if (whole === undefined) {
        if (at === chunk.length) return undefined;
        at += this.#hold(chunk, at);
        continue;
      }
      at += whole.used;
      const { bytes, start, end } = whole;
      const kind = kinds[bytes[start + 8]!]!;
      if (!take(kind, bytes.readUInt32BE(start + 4), bytes.subarray(start + headerBytes, end))) return undefined;
    }
  }

  /** The held frame, if `chunk` has the rest of it. */
  #complete(chunk: Buffer, at: number): Whole | FrameFault | undefined {
    if (this.#filled < headerBytes) return undefined;
    const end = frameEnd(this.#held, 0, this.limit);
    if (typeof end === 'string') return end;
    const used = end - this.#filled;
    if (chunk.length - at < used) return undefined;
    this.#keep(chunk, at, used, end);
    const whole = { bytes: this.#held, start: 0, end, used };
    this.#held = nothing;
    this.#filled = 0;
    return whole;
  }

  /** Keeps the next part of a frame that is not whole yet: to the end of its header, or all there is. Returns how much. */
  #hold(chunk: Buffer, at: number): number {
    const missing = this.#filled < headerBytes ? headerBytes - this.#filled : chunk.length - at;
    const count = Math.min(missing, chunk.length - at);
    this.#keep(chunk, at, count, headerBytes + this.limit);
    return count;
  }

  #keep(chunk: Buffer, at: number, count: number, atMost: number): void {
    const needed = this.#filled + count;
    if (needed > this.#held.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, Math.min(Math.max(heldBytesAtFirst, needed * 2), atMost)));
      this.#held.copy(grown, 0, 0, this.#filled);
      this.#held = grown;
    }
    chunk.copy(this.#held, this.#filled, at, at + count);
    this.#filled = needed;
  }
}

interface Whole {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** How many bytes of the chunk belong to it. */
  readonly used: number;
}

function wholeAt(chunk: Buffer, at: number, limit: number): Whole | FrameFault | undefined {
  if (chunk.length - at < headerBytes) return undefined;
  const end = frameEnd(chunk, at, limit);
  if (typeof end === 'string') return end;
  return end > chunk.length ? undefined : { bytes: chunk, start: at, end, used: end - at };
}

function frameEnd(bytes: Buffer, start: number, limit: number): number | FrameFault {
  const length = bytes.readUInt32BE(start);
  if (length > limit) return 'length';
  if (bytes[start + 8]! >= kinds.length) return 'kind';
  return start + headerBytes + length;
}
