/**
 * Where a sign-on came from, for a user who looks at a list of their own: what the browser called itself,
 * and the address that it came from. Both are what a client says or a proxy reports, so they are bounded,
 * hold no control characters, decide nothing, and are no part of what makes two copies of an entry equal:
 * a node of an earlier version drops them, and that is no conflict.
 */

import { keptOnce } from './kept-once.ts';

/** At least one of them, as `originOf` gives it. */
export interface Origin {
  /** The User-Agent header, cut to 256 characters. */
  readonly device?: string | undefined;
  /** The client's address, by the host's trust proxy setting. */
  readonly source?: string | undefined;
}

export const originLimits = {
  deviceLength: 256,
  /** Longer than any IPv6 address with a zone: behind `trust proxy` it is whatever a proxy wrote. */
  sourceLength: 64,
} as const;

const control = /[\p{Cc}\p{Cs}]/gu;

/** `undefined`: nothing is known. */
export function originOf(userAgent: string | undefined, address: string | undefined): Origin | undefined {
  const device = cleaned(userAgent, originLimits.deviceLength);
  const source = cleaned(address, originLimits.sourceLength);
  return device === undefined && source === undefined ? undefined : { device: device && shared(device), source };
}

/** What a peer sent: two texts, '' for none. `undefined`: it is no origin. */
export function parseOrigin(device: unknown, source: unknown): { readonly origin: Origin | undefined } | undefined {
  if (typeof device !== 'string' || typeof source !== 'string') return undefined;
  const origin = originOf(device, source);
  return (origin?.device ?? '') === device && (origin?.source ?? '') === source ? { origin } : undefined;
}

/** Of each part the greater text, so that copies agree whatever the order: whoever has it gives it to who has not. The same reference if `mine` is it. */
export function mergeOrigins(mine: Origin | undefined, theirs: Origin | undefined): Origin | undefined {
  if (theirs === undefined || mine === theirs) return mine;
  if (mine === undefined) return theirs;
  const device = greater(mine.device, theirs.device);
  const source = greater(mine.source, theirs.source);
  return device === mine.device && source === mine.source ? mine : { device, source };
}

function greater(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? b : a;
}

function cleaned(text: string | undefined, length: number): string | undefined {
  const clean = text?.slice(0, length).replace(control, '').trim();
  return clean === '' ? undefined : clean;
}

/** Thousands of browsers have few different names. */
const shared = keptOnce();
