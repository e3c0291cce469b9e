/**
 * Everything secret is derived from the cluster's secret by HKDF-SHA-256 (RFC 5869), one key a
 * purpose, so that an operator hands out one value and no purpose can speak for another (RFC 8725
 * 3.12). Of several secrets the first makes and all verify: that is how a secret is rotated.
 */

import { createHash, createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { configError } from './errors.ts';

/** What a key is for; part of the derivation. */
export type KeyPurpose =
  | 'token'
  | 'session-id'
  | 'assertion'
  | 'csrf'
  | 'throttle'
  | 'probe'
  | 'mesh'
  | 'frames'
  | 'passivation';

export const secretBytesAtLeast = 32;

export interface Keys {
  /** Checks tokens: the first makes, all verify. */
  readonly token: readonly KeyObject[];
  /** Checks session ids. */
  readonly sessionId: readonly KeyObject[];
  /** Binds CSRF tokens to the pre-login cookie or the entry. */
  readonly csrf: readonly KeyObject[];
  /** Names accounts and sources in counts of attempts, and makes known browsers. */
  readonly throttle: readonly KeyObject[];
  /** Lets whoever has the secret ask a node how a request arrived there: those of secrets in force, not of retired ones. */
  readonly probe: readonly KeyObject[];
  /** 32-byte seeds of Ed25519 keys. */
  readonly assertionSeeds: readonly Uint8Array[];
  /** The channel's pre-shared keys of one node of one cluster, newest secret first (SECURITY.md, the cluster's credentials). */
  mesh(cluster: string, node: string): readonly MeshKey[];
  /** What the frames of one node of one cluster are sealed with where another engine carries them, newest secret first. */
  frames(cluster: string, node: string): readonly MeshKey[];
  /**
   * What a process encrypts with that it puts on its disk for itself alone: `salt` is its own chance, kept in memory, so that what a
   * process left behind is closed to everybody, with the secret too.
   */
  passivation(salt: Uint8Array): KeyObject;
}

export interface MeshKey {
  /** Names the secret a key came from without telling it: 8 hex digits. */
  readonly keyId: string;
  readonly key: Uint8Array;
}

/**
 * `retired`: secrets that were switched off for the channel. They admit nobody, and go on verifying what they made: rotation
 * ends no sign-on (check 73).
 * @throws SsoError ERR_CONFIG_INVALID a secret is missing, too short, or well known
 */
export function deriveKeys(secret: string | readonly string[], retired: readonly string[] = []): Keys {
  const secrets = typeof secret === 'string' ? [secret] : secret;
  if (!Array.isArray(secrets) || secrets.length === 0)
    throw configError('secret', 'must be given: at least 32 bytes of random text, as "latchkey new-secret" makes one');
  for (const one of secrets) checkSecret('secret', one);
  for (const one of retired) checkSecret('retiredSecrets', one);
  const verifying = [...secrets, ...retired];
  const hmacKeys = (purpose: KeyPurpose) => verifying.map((one) => createSecretKey(derive(one, purpose, '')));
  const channelKeys = (purpose: 'mesh' | 'frames') => (cluster: string, node: string) =>
    secrets.map((one) => ({
      keyId: createHash('sha256')
        .update(derive(one, purpose, 'id'))
        .digest('hex')
        .slice(0, 8),
      key: derive(one, purpose, JSON.stringify([cluster, node])),
    }));
  return {
    token: hmacKeys('token'),
    sessionId: hmacKeys('session-id'),
    csrf: hmacKeys('csrf'),
    throttle: hmacKeys('throttle'),
    probe: secrets.map((one) => createSecretKey(derive(one, 'probe', ''))),
    assertionSeeds: verifying.map((one) => derive(one, 'assertion', '')),
    mesh: channelKeys('mesh'),
    frames: channelKeys('frames'),
    passivation: (salt) => createSecretKey(derive(secrets[0]!, 'passivation', Buffer.from(salt).toString('base64url'))),
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

function checkSecret(field: string, secret: unknown): void {
  if (typeof secret !== 'string' || Buffer.byteLength(secret) < secretBytesAtLeast) {
    throw configError(field, 'must be at least 32 bytes of random text, as "latchkey new-secret" makes one');
  }
  if (wellKnown.test(secret))
    throw configError(field, 'looks like a placeholder: use random text, as "latchkey new-secret" makes it');
}
