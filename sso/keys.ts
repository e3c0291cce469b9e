/**
 * Everything secret is derived from the cluster's secret by HKDF-SHA-256 (RFC 5869), one key a
 * purpose, so that an operator hands out one value and no purpose can speak for another (RFC 8725
 * 3.12). Of several secrets the first makes and all verify: that is how a secret is rotated.
 */

import { createHash, createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { configError } from './errors.ts';

/** What a key is for; part of the derivation. */
export type KeyPurpose = 'token' | 'session-id' | 'assertion' | 'csrf' | 'mesh';

export const secretBytesAtLeast = 32;

export interface Keys {
  /** Checks tokens: the first makes, all verify. */
  readonly token: readonly KeyObject[];
  /** Checks session ids. */
  readonly sessionId: readonly KeyObject[];
  /** Binds CSRF tokens to the pre-login cookie or the entry. */
  readonly csrf: readonly KeyObject[];
  /** 32-byte seeds of Ed25519 keys. */
  readonly assertionSeeds: readonly Uint8Array[];
  /** The channel's pre-shared keys of one node of one cluster, newest secret first (SECURITY.md, the cluster's credentials). */
  mesh(cluster: string, node: string): readonly MeshKey[];
}

export interface MeshKey {
  /** Names the secret a key came from without telling it: 8 hex digits. */
  readonly keyId: string;
  readonly key: Uint8Array;
}

/** @throws SsoError ERR_CONFIG_INVALID a secret is missing, too short, or well known */
export function deriveKeys(secret: string | readonly string[]): Keys {
  const secrets = typeof secret === 'string' ? [secret] : secret;
  if (!Array.isArray(secrets) || secrets.length === 0)
    throw configError('secret', 'a secret is required: at least 32 bytes, as "latchkey new-secret" makes one');
  for (const one of secrets) checkSecret(one);
  const hmacKeys = (purpose: KeyPurpose) => secrets.map((one) => createSecretKey(derive(one, purpose, '')));
  return {
    token: hmacKeys('token'),
    sessionId: hmacKeys('session-id'),
    csrf: hmacKeys('csrf'),
    assertionSeeds: secrets.map((one) => derive(one, 'assertion', '')),
    mesh: (cluster, node) =>
      secrets.map((one) => ({
        keyId: createHash('sha256')
          .update(derive(one, 'mesh', 'id'))
          .digest('hex')
          .slice(0, 8),
        key: derive(one, 'mesh', JSON.stringify([cluster, node])),
      })),
  };
}

/** The first 16 bytes of HMAC-SHA-256: the keyed check of tokens and session ids. */
export function keyedCheck(key: KeyObject, data: Uint8Array | string): Buffer {
  return createHmac('sha256', key).update(data).digest().subarray(0, 16);
}

function derive(secret: string, purpose: KeyPurpose, context: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, 'latchkey/1', `${purpose}/${context}`, 32));
}

const wellKnown = /^(.)\1*$|change|secret|password|example|default/i;

function checkSecret(secret: unknown): void {
  if (typeof secret !== 'string' || Buffer.byteLength(secret) < secretBytesAtLeast) {
    throw configError('secret', 'must be at least 32 bytes of random text, as "latchkey new-secret" makes one');
  }
  if (wellKnown.test(secret))
    throw configError('secret', 'looks like a placeholder: use random text, as "latchkey new-secret" makes it');
}
