/**
 * Encrypts what goes to the disk: AES-256-GCM (NIST SP 800-38D) under a key of this process alone. The record's key and
 * the version of the data are authenticated with it: what was altered, lies under another session's key, or is an earlier
 * state of the same session does not open. The nonce is a counter: it never repeats, since the key lives no longer than it.
 */

import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

export class Seal {
  readonly #key: KeyObject;
  #count = 0;

  constructor(key: KeyObject) {
    this.#key = key;
  }

  close(key: string, version: string, plain: Uint8Array): Uint8Array {
    const sealed = Buffer.allocUnsafe(nonceBytes + plain.length + tagBytes);
    sealed.fill(0, 0, 4).writeBigUInt64BE(BigInt(++this.#count), 4);
    const cipher = createCipheriv(algorithm, this.#key, sealed.subarray(0, nonceBytes));
    cipher.setAAD(bound(key, version));
    sealed.set(cipher.update(plain), nonceBytes);
    cipher.final();
    sealed.set(cipher.getAuthTag(), nonceBytes + plain.length);
    return sealed;
  }

  /** `undefined`: it is not what was closed under this key as this version. */
  open(key: string, version: string, sealed: Uint8Array): Uint8Array | undefined {
    if (sealed.length < nonceBytes + tagBytes) return undefined;
    const end = sealed.length - tagBytes;
    const decipher = createDecipheriv(algorithm, this.#key, sealed.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    });
    decipher.setAAD(bound(key, version));
    decipher.setAuthTag(sealed.subarray(end));
    const plain = decipher.update(sealed.subarray(nonceBytes, end));
    try {
      decipher.final();
      return plain;
    } catch {
      return undefined;
    }
  }
}

/** A record's key holds no line feed: it is a hash. */
function bound(key: string, version: string): Buffer {
  return Buffer.from(`${key}\n${version}`);
}
