/**
 * How a frame lies in a NATS message: a header that is readable and authenticated, then the payload,
 * sealed by AES-256-GCM. NATS servers, and whoever may read there, see who sends how much and when, and
 * nothing else; whoever writes there without the secret is not heard (SECURITY.md, T5, T6).
 *
 *     1 version   1 kind   4 key id   8 incarnation   4 stay   16 salt   8 number   4 sequence
 *     16 destination (zeros: everybody)   1 length of the origin's name   the name   payload   16 tag
 *
 * A *stay* is one connection of one life to the server; its salt is chance. The key of a stay is derived
 * from the cluster's secret, the cluster, the origin, the incarnation, the stay and the salt, and seals
 * each number once, so no nonce repeats under a key. What is meant for one member names the salt of its
 * stay: it can only have been made after that stay began, by a process that lived then. That is what
 * makes a recording of an ended life worthless to a node that has just started (check 67).
 */

import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import type { MeshKey } from '../keys.ts';
import { namePattern } from './hello.ts';

/** The order is the byte in the message: append, never insert. */
const kinds = ['beat', 'leave', 'hello', 'refuse', 'reset', 'data'] as const;

/** `beat` and `leave` are for everybody, `hello`, `refuse` and `reset` for one stay, `data` may be either. */
export type NatsKind = (typeof kinds)[number];

/** One connection of one life to the server. */
export interface Stay {
  readonly node: string;
  readonly incarnation: number;
  /** Counts the connections of this life. */
  readonly count: number;
  /** 16 bytes of chance, as hexadecimal text. */
  readonly salt: string;
}

export interface Envelope {
  readonly kind: NatsKind;
  readonly stay: Stay;
  /** Counts all that this stay has sealed: never twice the same, always greater. */
  readonly number: number;
  /** Counts the data for everybody, or for this destination: a hole shows what is missing. */
  readonly sequence: number;
  /** The salt of the stay it is meant for; `undefined`: everybody. */
  readonly to: string | undefined;
}

export interface Sealed extends Envelope {
  readonly keyId: string;
  readonly header: Buffer;
  /** Ciphertext and tag. */
  readonly body: Buffer;
}

const version = 1;
const fixedBytes = 63;
const tagBytes = 16;
const saltBytes = 16;
const everybody = '0'.repeat(2 * saltBytes);

/** What a message takes beside its payload, at most. */
export const envelopeBytesAtMost = fixedBytes + 128 + tagBytes;

export function newSalt(bytes: (count: number) => Uint8Array): string {
  return Buffer.from(bytes(saltBytes)).toString('hex');
}

/** The key of one stay, from the key of its node. */
export function stayKey(nodeKey: Uint8Array, { incarnation, count, salt }: Stay): Buffer {
  const info = `latchkey/nats/stay/${incarnation}/${count}`;
  return Buffer.from(hkdfSync('sha256', nodeKey, Buffer.from(salt, 'hex'), info, 32));
}

/** Seals what one stay sends. */
export class Sealer {
  readonly stay: Stay;
  readonly #key: Buffer;
  readonly #keyId: string;
  readonly #cluster: string;
  #number = 0;

  constructor(cluster: string, stay: Stay, { keyId, key }: MeshKey) {
    this.stay = stay;
    this.#cluster = cluster;
    this.#keyId = keyId;
    this.#key = stayKey(key, stay);
  }

  seal(kind: NatsKind, to: string | undefined, sequence: number, payload: Uint8Array): Buffer {
    const number = (this.#number += 1);
    const header = wireHeader({ kind, stay: this.stay, number, sequence, to }, this.#keyId);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce(number));
    cipher.setAAD(associated(this.#cluster, header));
    return Buffer.concat([header, cipher.update(payload), cipher.final(), cipher.getAuthTag()]);
  }
}

/** `undefined`: somebody without the key made it, or changed it. */
export function open(cluster: string, key: Buffer, { header, body, number }: Sealed): Buffer | undefined {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce(number), { authTagLength: tagBytes });
  decipher.setAAD(associated(cluster, header));
  decipher.setAuthTag(body.subarray(body.length - tagBytes));
  const payload = decipher.update(body.subarray(0, body.length - tagBytes));
  try {
    decipher.final();
    return payload;
  } catch {
    return undefined;
  }
}

/** `undefined`: no member sends this. Nothing in it is believed before it was opened. */
export function parseEnvelope(bytes: Uint8Array): Sealed | undefined {
  const wire = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (wire.length < fixedBytes + tagBytes || wire[0] !== version) return undefined;
  const kind = kinds[wire[1]!];
  const end = fixedBytes + wire[fixedBytes - 1]!;
  const incarnation = Number(wire.readBigUInt64BE(6));
  const number = Number(wire.readBigUInt64BE(34));
  if (kind === undefined || end + tagBytes > wire.length) return undefined;
  if (!Number.isSafeInteger(incarnation) || !Number.isSafeInteger(number)) return undefined;
  const node = wire.toString('latin1', fixedBytes, end);
  if (!namePattern.test(node)) return undefined;
  const to = wire.toString('hex', 46, 62);
  return {
    kind,
    stay: { node, incarnation, count: wire.readUInt32BE(14), salt: wire.toString('hex', 18, 34) },
    number,
    sequence: wire.readUInt32BE(42),
    to: to === everybody ? undefined : to,
    keyId: wire.toString('hex', 2, 6),
    header: wire.subarray(0, end),
    body: wire.subarray(end),
  };
}

function wireHeader({ kind, stay, number, sequence, to }: Envelope, keyId: string): Buffer {
  const header = Buffer.alloc(fixedBytes + stay.node.length);
  header[0] = version;
  header[1] = kinds.indexOf(kind);
  header.write(keyId, 2, 'hex');
  header.writeBigUInt64BE(BigInt(stay.incarnation), 6);
  header.writeUInt32BE(stay.count, 14);
  header.write(stay.salt, 18, 'hex');
  header.writeBigUInt64BE(BigInt(number), 34);
  header.writeUInt32BE(sequence, 42);
  header.write(to ?? everybody, 46, 'hex');
  header[fixedBytes - 1] = stay.node.length;
  header.write(stay.node, fixedBytes, 'latin1');
  return header;
}

function nonce(number: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeBigUInt64BE(BigInt(number), 4);
  return bytes;
}

function associated(cluster: string, header: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`latchkey/nats/1/${cluster}\0`), header]);
}
