/**
 * Who is asking, for services behind the applications, in any language: a JWT of one minute, signed
 * with Ed25519 by a key from the cluster's secret, so every node's tokens verify against every node's
 * key set. One algorithm, a `typ` and an audience of its own, keys from the configuration alone
 * (RFC 8725 3.1, 3.9, 3.10, 3.11); it names the sign-on by a derived value that is no SsoId.
 */

import { createPrivateKey, createPublicKey, hash, type KeyObject } from 'node:crypto';
import type { RequestHandler } from 'express';
import {
  calculateJwkThumbprint,
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeProtectedHeader,
  type JSONWebKeySet,
  type JWK,
  type JWTVerifyGetKey,
  jwtVerify,
  SignJWT,
} from 'jose';
import { type Clock, systemClock } from '../clock.ts';
import { configError } from '../errors.ts';
import type { Keys } from '../keys.ts';
import { isName, type Principal, parseRoles } from '../principal.ts';
import type { Random } from '../random.ts';
import type { SsoId } from '../token.ts';
import { DerivedCache } from './derived-cache.ts';

const assertionType = 'latchkey-assertion+jwt';
const algorithm = 'EdDSA';
export const assertionLifeMs = 60_000;
/** Holds a principal at its limits; anything longer is refused before it is decoded. */
const maxAssertionLength = 65_536;
/** How far the clocks of issuer and verifier may differ, seconds. */
const toleranceSeconds = 2;
const maxCached = 10_000;
/** Names and roles of somebody with a few; longer ones are kept as a hash. */
const maxPlainKeyLength = 256;
/** RFC 8410: what stands before the 32 bytes of an Ed25519 seed in PKCS #8. */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

interface SigningKey {
  readonly key: KeyObject;
  readonly jwk: JWK;
  readonly kid: string;
}

/** Of whom an assertion speaks. */
export interface AssertionSubject {
  /** With the roles in force. */
  readonly principal: Principal;
  /** `undefined`: established in front of us, without a sign-on of ours. */
  readonly signOn: { readonly id: SsoId; readonly authenticatedAt: number; readonly endsAt: number } | undefined;
}

export class Assertions {
  readonly #parts: { readonly issuer: string; readonly clock: Clock; readonly random: Random };
  readonly #keys: () => Promise<readonly SigningKey[]>;
  readonly #cache: DerivedCache<Promise<string>>;

  constructor(parts: {
    readonly keys: Pick<Keys, 'assertionSeeds'>;
    readonly issuer: string;
    readonly clock: Clock;
    readonly random: Random;
  }) {
    this.#parts = parts;
    this.#keys = signingKeys(parts.keys);
    this.#cache = new DerivedCache(parts.clock, maxCached);
  }

  /**
   * A token for `audience`, good for 30 to 60 seconds: the same one serves the first half of its life.
   * @throws SsoError ERR_CONFIG_INVALID `audience` is no name
   */
  make(subject: AssertionSubject, audience: string): Promise<string> {
    if (!isName(audience))
      return Promise.reject(configError('assertion.audience', 'must name the service that is to accept it'));
    const { principal, signOn } = subject;
    const whose = JSON.stringify([signOn?.id ?? '', audience, principal.name, principal.roles]);
    // Behind a proxy this is asked for with every request: a hash would be a part of its cost.
    const cacheKey = whose.length <= maxPlainKeyLength ? whose : hash('sha256', whose, 'base64url');
    const cached = this.#cache.get(cacheKey);
    if (cached !== undefined) return cached;
    const made = this.#sign(subject, audience);
    this.#cache.set(cacheKey, made, assertionLifeMs / 2);
    made.catch(() => this.#cache.delete(cacheKey));
    return made;
  }

  async #sign({ principal, signOn }: AssertionSubject, audience: string): Promise<string> {
    const { issuer, clock, random } = this.#parts;
    const [first] = await this.#keys();
    const now = clock.now();
    const endsAt = Math.min(now + assertionLifeMs, signOn?.endsAt ?? Number.POSITIVE_INFINITY);
    return new SignJWT({
      roles: [...principal.roles],
      ...(signOn && { sid: derivedSid(signOn.id), auth_time: Math.floor(signOn.authenticatedAt / 1000) }),
    })
      .setProtectedHeader({ alg: algorithm, typ: assertionType, kid: first!.kid })
      .setIssuer(issuer)
      .setSubject(principal.name)
      .setAudience(audience)
      .setIssuedAt(Math.floor(now / 1000))
      .setExpirationTime(Math.floor(endsAt / 1000))
      .setJti(Buffer.from(random.bytes(16)).toString('base64url'))
      .sign(first!.key);
  }
}

export interface KeySet {
  /** The public keys of every secret in use, newest first (RFC 7517). */
  keys(): Promise<JSONWebKeySet>;
  /** Serves them. Verifiers may keep them for five minutes: a new secret is switched on everywhere before it makes tokens. */
  handler(): RequestHandler;
}

export function keySet(keys: Pick<Keys, 'assertionSeeds'>): KeySet {
  const load = signingKeys(keys);
  const set = async (): Promise<JSONWebKeySet> => ({ keys: (await load()).map(({ jwk }) => jwk) });
  return {
    keys: set,
    handler: () => (_req, res, next) => {
      set().then((jwks) => {
        res.statusCode = 200;
        res.setHeader('Content-Type', 'application/jwk-set+json');
        res.setHeader('Cache-Control', 'public, max-age=300');
        res.end(JSON.stringify(jwks));
      }, next);
    },
  };
}

export interface VerifyAssertionOptions {
  /** Where the issuing nodes publish their keys, or the set itself. Never taken from the token. */
  readonly keySet: URL | JSONWebKeySet;
  readonly issuer: string;
  /** This service, as the application named it. */
  readonly audience: string;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly now?: () => number;
}

export type VerifiedAssertion =
  | {
      readonly valid: true;
      readonly name: string;
      readonly roles: readonly string[];
      readonly signOn: string | undefined;
      readonly endsAt: number;
    }
  /** `why` is for a log: `size`, `header`, `claims`, or the code of jose's error. */
  | { readonly valid: false; readonly why: string };

/** For services in Node that are handed an assertion. Never throws for what the token holds. */
export async function verifyAssertion(token: unknown, options: VerifyAssertionOptions): Promise<VerifiedAssertion> {
  if (typeof token !== 'string' || token.length > maxAssertionLength) return { valid: false, why: 'size' };
  const now = (options.now ?? systemClock.now)();
  try {
    const { jwk, jku, x5c, x5u, kid } = decodeProtectedHeader(token);
    if (jwk !== undefined || jku !== undefined || x5c !== undefined || x5u !== undefined || typeof kid !== 'string') {
      return { valid: false, why: 'header' };
    }
    const { payload } = await jwtVerify(token, resolverOf(options.keySet), {
      algorithms: [algorithm],
      typ: assertionType,
      issuer: options.issuer,
      audience: options.audience,
      requiredClaims: ['sub', 'iat', 'exp', 'jti'],
      clockTolerance: toleranceSeconds,
      currentDate: new Date(now),
    });
    const roles = parseRoles(payload['roles']);
    const early = payload.iat! * 1000 > now + toleranceSeconds * 1000; // jose asks this only where an age is limited
    if (early || !isName(payload.sub) || roles === undefined) return { valid: false, why: 'claims' };
    const sid = payload['sid'];
    return {
      valid: true,
      name: payload.sub,
      roles,
      signOn: typeof sid === 'string' ? sid : undefined,
      endsAt: payload.exp! * 1000,
    };
  } catch (error) {
    return { valid: false, why: String((error as { code?: unknown } | undefined)?.code ?? 'malformed') };
  }
}

/** Imported keys and fetched sets are kept as long as the caller keeps the set or address it names. */
const resolvers = new WeakMap<object, JWTVerifyGetKey>();

function resolverOf(set: URL | JSONWebKeySet): JWTVerifyGetKey {
  const known = resolvers.get(set);
  if (known !== undefined) return known;
  const resolver = set instanceof URL ? createRemoteJWKSet(set) : createLocalJWKSet(set);
  resolvers.set(set, resolver);
  return resolver;
}

function signingKeys({ assertionSeeds }: Pick<Keys, 'assertionSeeds'>): () => Promise<readonly SigningKey[]> {
  let loaded: Promise<readonly SigningKey[]> | undefined;
  return () => (loaded ??= Promise.all(assertionSeeds.map(signingKey)));
}

async function signingKey(seed: Uint8Array): Promise<SigningKey> {
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' });
  const { kty, crv, x } = createPublicKey(key).export({ format: 'jwk' }) as { kty: string; crv: string; x: string };
  const kid = await calculateJwkThumbprint({ kty, crv, x }); // RFC 7638
  return { key, kid, jwk: { kty, crv, x, kid, alg: algorithm, use: 'sig' } };
}

/** The same for every assertion of one sign-on, and of no use as a cookie or a key. */
function derivedSid(id: SsoId): string {
  return hash('sha256', `assertion ${id}`, 'base64url').slice(0, 22);
}
