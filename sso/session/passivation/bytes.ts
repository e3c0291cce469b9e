/** Numbers and texts as few bytes: numbers seven bits a byte, the lowest first, as far as they are safe integers. */

export class ByteWriter {
  readonly #bytes: Buffer;
  #at = 0;
  #fits = true;

  /** @param most what is longer does not fit */
  constructor(most: number) {
    this.#bytes = Buffer.alloc(most);
  }

  begin(): this {
    this.#at = 0;
    this.#fits = true;
    return this;
  }

  /** Whether all that was written since `begin` fits, and every number could be written. */
  get fits(): boolean {
    return this.#fits && this.#at <= this.#bytes.length;
  }

  /** What was written since `begin`, to be read before the next one. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Not negative. */
  count(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) {
      this.#fits = false;
      return this;
    }
    let left = value;
    for (; left >= 128; left = Math.floor(left / 128)) this.#bytes[this.#at++] = (left % 128) + 128;
    this.#bytes[this.#at++] = left;
    return this;
  }

  /** Of either sign; few bytes where it is near zero. */
  difference(value: number): this {
    return this.count(2 * Math.abs(value) + (value < 0 ? 1 : 0));
  }

  text(value: string): this {
    const length = Buffer.byteLength(value);
    this.count(length);
    if (this.#at + length > this.#bytes.length) {
      this.#fits = false;
      return this;
    }
    const from = this.#at;
    this.#at += this.#bytes.write(value, from);
    // Half a character, which a peer may have sent, does not come back.
    if (this.#bytes.toString('utf8', from, this.#at) !== value) this.#fits = false;
    return this;
  }

  raw(value: Uint8Array): this {
    if (this.#at + value.length > this.#bytes.length) this.#fits = false;
    else this.#bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }
}

/** Beyond the end there are zeros. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  count(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.#at++] ?? 0;
      if (byte < 128) return value + byte * scale;
      value += (byte - 128) * scale;
    }
  }

  difference(): number {
    const value = this.count();
    return value % 2 === 0 ? value / 2 : -(value - 1) / 2;
  }

  text(): string {
    return this.#decoded('utf8', this.count());
  }

  /** So many bytes, as base64url. */
  base64(length: number): string {
    return this.#decoded('base64url', length);
  }

  #decoded(encoding: BufferEncoding, length: number): string {
    const from = this.#at;
    this.#at += length;
    return this.#bytes.toString(encoding, from, this.#at);
  }
}
