/**
 * The pass that opens the probe: `<ms>.<nonce>.<mac>`, made with a key from the cluster's secret, good for
 * one request within minutes of the node's own wall clock. The mac covers what is asked for, so that a pass
 * that was seen on the way asks for nothing else; an act names its node, so that it is no good at another.
 */

import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { deriveKeys } from '../keys.ts';

/** What is asked for, as the request spells it: `act`, `node` and `ms` are the query's, empty where it has none. */
export interface ProbeAsk {
  readonly method: string;
  readonly act: string;
  readonly node: string;
  readonly ms: string;
}

export interface ProbePass {
  /** The asker's wall clock, milliseconds since 1970. */
  readonly at: number;
  readonly nonce: string;
}

/** 16 bytes in base64url, fresh for every request. */
const nonceShape = /^[A-Za-z0-9_-]{22}$/;
const passShape = /^(\d{1,15})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;

/**
 * The value of the header `Latchkey-Probe` for one request: for programs that ask a node. `secret` as the nodes have it; of several
 * the first. @throws SsoError ERR_CONFIG_INVALID the secret is none
 */
export function signProbe(secret: string | readonly string[], ask: ProbeAsk, { at, nonce }: ProbePass): string {
  if (!nonceShape.test(nonce)) throw new RangeError('a nonce is 16 bytes in base64url');
  return `${at}.${nonce}.${mac(deriveKeys(secret).probe[0]!, ask, { at, nonce })}`;
}

/** The pass, if one of our keys made it for this very ask. Whether it is fresh is another question. */
export function readPass(keys: readonly KeyObject[], text: unknown, ask: ProbeAsk): ProbePass | undefined {
  const parts = typeof text === 'string' ? passShape.exec(text) : null;
  if (parts === null) return undefined;
  const pass = { at: Number(parts[1]), nonce: parts[2]! };
  const given = Buffer.from(parts[3]!);
  return keys.some((key) => timingSafeEqual(given, Buffer.from(mac(key, ask, pass)))) ? pass : undefined;
}

function mac(key: KeyObject, { method, act, node, ms }: ProbeAsk, { at, nonce }: ProbePass): string {
  return createHmac('sha256', key)
    .update(JSON.stringify(['latchkey-probe/1', method, act, node, ms, at, nonce]))
    .digest('base64url');
}
