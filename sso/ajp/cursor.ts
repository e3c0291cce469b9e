/**
 * Reads a payload from its beginning. What is not there, or not as the protocol has it, is remembered in
 * `fault` and read as nothing: whoever decodes looks at `fault` at the end, and before every further turn
 * of a loop. Nothing throws, and nothing is read beyond the payload.
 */

/** A length of this means that there is no string at all. */
const noString = 0xffff;

export class Cursor {
  readonly #bytes: Buffer;
  #at: number;
  #fault: string | undefined;

  constructor(bytes: Buffer, from = 0) {
    this.#bytes = bytes;
    this.#at = from;
  }

  /** What was wrong first; `undefined`: nothing so far. */
  get fault(): string | undefined {
    return this.#fault;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  fail(why: string): void {
    this.#fault ??= why;
  }

  byte(): number {
    return this.#has(1) ? this.#bytes[this.#at++]! : 0;
  }

  /** 0 or 1, as the protocol has it. */
  flag(): boolean {
    const value = this.byte();
    if (value > 1) this.fail('a flag that is neither 0 nor 1');
    return value === 1;
  }

  integer(): number {
    const value = this.peekInteger();
    if (this.#fault === undefined) this.#at += 2;
    return value;
  }

  peekInteger(): number {
    return this.#has(2) ? this.#bytes.readUInt16BE(this.#at) : 0;
  }

  /** Each byte is a character, as in HTTP; `undefined`: there is none. */
  text(): string | undefined {
    const length = this.integer();
    if (this.#fault !== undefined || length === noString) return undefined;
    if (!this.#has(length + 1)) return undefined;
    const end = this.#at + length;
    if (this.#bytes[end] !== 0) this.fail('a string without its end');
    const text = this.#bytes.toString('latin1', this.#at, end);
    this.#at = end + 1;
    return text;
  }

  /** A string that has to be there. */
  requiredText(): string {
    const text = this.text();
    if (text === undefined) this.fail('a string is missing');
    return text ?? '';
  }

  #has(bytes: number): boolean {
    if (this.#fault === undefined && this.remaining < bytes) this.fail('shorter than it says');
    return this.#fault === undefined;
  }
}
