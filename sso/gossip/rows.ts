/**
 * Values of one bucket that are kept as bytes, one after another in a buffer beside the heap: for values that nobody looks at
 * for long, of which there may be millions. A row is the key as its 32 bytes, the minute from which it is over, and the bytes
 * of its value. Rows are found by a tag of four bytes of their key, and there are no holes: what goes makes those behind it
 * move up. Of a million rows a bucket has 244: all of that is a microsecond.
 */

/** Characters of a key that has a row: base64url of 32 bytes, as SHA-256 makes them. */
const keyLength = 43;
const keyBytes = 32;
/** Before the value: its length, the minute, the key. */
const headerBytes = 2 + 4 + keyBytes;
/** Of one value. */
const mostBytes = 4_096;
/** A later minute has no room in a row. */
const lastMinute = 2 ** 32 - 1;
/** Room is made for one part in so many more. */
const spare = 10;

export class Rows {
  /** The tags of the rows, then the rows. */
  #buffer: Buffer = Buffer.alloc(0);
  #tags: Int32Array = new Int32Array(0);
  #size = 0;
  /** Where the rows end. */
  #end = 0;
  /** Where the row begins that was found last. */
  #at = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds a row under a key that has none. False: it cannot be kept so. */
  add(key: string, due: number, value: Uint8Array): boolean {
    if (!parseKey(key) || value.length > mostBytes || !(due >= 0 && due <= lastMinute)) return false;
    const tag = scratch.readInt32LE(0);
    const bytes = headerBytes + value.length;
    this.#makeRoom(bytes);
    this.#tags[this.#size++] = tag;
    const buffer = this.#buffer;
    buffer.writeUInt16LE(value.length, this.#end);
    buffer.writeUInt32LE(due, this.#end + 2);
    buffer.set(scratch, this.#end + 6);
    buffer.set(value, this.#end + headerBytes);
    this.#end += bytes;
    return true;
  }

  has(key: string): boolean {
    return this.#find(key) >= 0;
  }

  /** The bytes of a value, to be read at once. */
  get(key: string): Uint8Array | undefined {
    return this.#find(key) < 0 ? undefined : this.#valueAt(this.#at);
  }

  /** Takes a row away. Returns the bytes of its value, as they were. */
  remove(key: string): Uint8Array | undefined {
    const row = this.#find(key);
    if (row < 0) return undefined;
    const value = Uint8Array.prototype.slice.call(this.#valueAt(this.#at));
    const bytes = headerBytes + value.length;
    this.#buffer.copyWithin(this.#at, this.#at + bytes, this.#end);
    this.#end -= bytes;
    this.#tags.copyWithin(row, row + 1, this.#size);
    this.#size--;
    if (2 * this.#end < this.#buffer.length) this.#resize(this.#size, this.#end - 4 * this.#tags.length);
    return value;
  }

  /** All keys, as they are now. */
  keys(): string[] {
    const keys: string[] = [];
    this.due(-1, lastMinute, (key) => keys.push(key));
    return keys;
  }

  /** Calls `each` for the keys of rows that are over from a minute on which is later than `after` and not later than `upTo`. */
  due(after: number, upTo: number, each: (key: string, due: number) => void): void {
    const buffer = this.#buffer;
    for (let at = this.#start; at < this.#end; at += headerBytes + buffer.readUInt16LE(at)) {
      const due = buffer.readUInt32LE(at + 2);
      if (due > after && due <= upTo) each(buffer.toString('base64url', at + 6, at + headerBytes), due);
    }
  }

  get #start(): number {
    return 4 * this.#tags.length;
  }

  #valueAt(at: number): Uint8Array {
    return this.#buffer.subarray(at + headerBytes, at + headerBytes + this.#buffer.readUInt16LE(at));
  }

  /** The row of a key, -1 if it has none; `#at` says where it begins. */
  #find(key: string): number {
    if (this.#size === 0 || !parseKey(key)) return -1;
    const tags = this.#tags;
    const tag = scratch.readInt32LE(0);
    let row = 0;
    let at = this.#start;
    for (let tagged = 0; tagged < this.#size; tagged++) {
      if (tags[tagged] !== tag) continue;
      for (; row < tagged; row++) at += headerBytes + this.#buffer.readUInt16LE(at);
      if (scratch.compare(this.#buffer, at + 6, at + headerBytes) !== 0) continue;
      this.#at = at;
      return tagged;
    }
    return -1;
  }

  #makeRoom(bytes: number): void {
    const isFull = this.#size === this.#tags.length || this.#end + bytes > this.#buffer.length;
    if (isFull) this.#resize(this.#size + 1, this.#end - this.#start + bytes);
  }

  /** Room for so many rows with so many bytes, and some more. */
  #resize(rows: number, bytes: number): void {
    const from = this.#start;
    const before = this.#buffer;
    const tagsBefore = this.#tags;
    const roomForTags = rows + Math.ceil(rows / spare);
    const room = 4 * roomForTags + bytes + Math.ceil(bytes / spare);
    this.#buffer = Buffer.allocUnsafeSlow(room);
    this.#tags = new Int32Array(this.#buffer.buffer, 0, roomForTags);
    this.#tags.set(tagsBefore.subarray(0, this.#size));
    this.#buffer.set(before.subarray(from, this.#end), this.#start);
    this.#end = this.#start + this.#end - from;
  }
}

/** The bytes of the key that was parsed last. */
const scratch = Buffer.alloc(keyBytes);
const sextets = new Int8Array(128).fill(-1);
for (const [value, character] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].entries())
  sextets[character.charCodeAt(0)] = value;

/** Puts the bytes of a key into `scratch`. False: it is not one that has a row, or not the only text of its bytes. */
function parseKey(key: string): boolean {
  if (key.length !== keyLength) return false;
  let bits = 0;
  let count = 0;
  let at = 0;
  for (let index = 0; index < keyLength; index++) {
    const code = key.charCodeAt(index);
    const sextet = code < 128 ? sextets[code]! : -1;
    if (sextet < 0) return false;
    bits = ((bits << 6) | sextet) & 0xffff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      scratch[at++] = bits >>> count;
    }
  }
  return (bits & ((1 << count) - 1)) === 0;
}
