/**
 * Bytes become packets. A packet's length is known from its first four bytes and is compared with the
 * largest that both sides agreed on before a byte of its payload is waited for, so a length alone makes
 * nobody allocate or wait (check 76); what came is kept as it came and joined once.
 */

import { headerBytes, magic } from './tables.ts';

export type Split =
  | { readonly kind: 'packet'; readonly payload: Buffer }
  /** Not whole yet. */
  | { readonly kind: 'more' }
  /** Nothing that follows can be understood: the connection ends. */
  | { readonly kind: 'malformed'; readonly why: 'not AJP' | 'larger than maxPacketSize' };

export class PacketSplitter {
  readonly #maxBytes: number;
  readonly #magic: number;
  #chunks: Buffer[] = [];
  #buffered = 0;
  #needed = headerBytes;

  /** @param maxBytes of a whole packet, its header counted */
  constructor(maxBytes: number, from: number = magic.fromBalancer) {
    this.#maxBytes = maxBytes;
    this.#magic = from;
  }

  /** Bytes that no packet has taken yet. */
  get buffered(): number {
    return this.#buffered;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
  }

  /** Takes the next packet. */
  next(): Split {
    if (this.#buffered < this.#needed) return { kind: 'more' };
    const bytes = this.#joined();
    if (this.#needed === headerBytes) {
      if (bytes.readUInt16BE(0) !== this.#magic) return { kind: 'malformed', why: 'not AJP' };
      const needed = headerBytes + bytes.readUInt16BE(2);
      if (needed > this.#maxBytes) return { kind: 'malformed', why: 'larger than maxPacketSize' };
      this.#needed = needed;
      if (bytes.length < needed) return { kind: 'more' };
    }
    const payload = bytes.subarray(headerBytes, this.#needed);
    const rest = bytes.subarray(this.#needed);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#buffered = rest.length;
    this.#needed = headerBytes;
    return { kind: 'packet', payload };
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks, this.#buffered)];
    return this.#chunks[0]!;
  }
}
