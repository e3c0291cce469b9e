/**
 * What one record in the file looks like. Key: the map's name, a zero byte, the key as JSON writes it
 * between quotes (a user name may hold half a surrogate pair), as UTF-8; the note's has no zero byte. Value: CRC-32 of key and text (4 bytes, little-endian), then the text
 * as UTF-8: a flipped bit shows, and so does a value that lies under another's key.
 */

import { crc32 } from 'node:zlib';

const checkBytes = 4;

export const noteKey: Buffer = Buffer.from('note');

export function recordKey(map: string, key: string): Buffer {
  return Buffer.from(`${map}\0${JSON.stringify(key).slice(1, -1)}`);
}

/** From the first to after the last key of a map. */
export function recordRange(map: string): { readonly start: Buffer; readonly end: Buffer } {
  return { start: Buffer.from(`${map}\0`), end: Buffer.from(`${map}\u0001`) };
}

/** The key within its map. */
export function keyOf(map: string, recordKey: Buffer): string {
  const written = recordKey.toString('utf8', Buffer.byteLength(map) + 1);
  return written.includes('\\') ? JSON.parse(`"${written}"`) : written;
}

export function recordValue(key: Buffer, text: string): Buffer {
  const size = Buffer.byteLength(text);
  const value = Buffer.allocUnsafe(checkBytes + size);
  value.write(text, checkBytes);
  value.writeUInt32LE(checkOf(key, value), 0);
  return value;
}

export function textOf(value: Buffer): string {
  return value.toString('utf8', checkBytes);
}

/** Whether a value is as it was written under this key. */
export function isSound(key: Buffer, value: Buffer): boolean {
  return value.length >= checkBytes && value.readUInt32LE(0) === checkOf(key, value);
}

function checkOf(key: Buffer, value: Buffer): number {
  return crc32(value.subarray(checkBytes), crc32(key));
}
