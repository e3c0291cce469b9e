/** What the registry says of a sign-on: decided from the entry, the time and the epoch, with a test per line. */

import type { Cause, OpenEntry, SsoEntry } from '../entry.ts';
import type { RegistryLimits } from './limits.ts';

export type Look =
  | { readonly state: 'open'; readonly entry: OpenEntry }
  /** Over by what this node saw alone: `inquire` before anyone says so. */
  | { readonly state: 'doubtful'; readonly entry: OpenEntry; readonly cause: 'idle' | 'empty' }
  /** Closed, past its end, of an earlier epoch, or ended with its subject: for ever. */
  | { readonly state: 'over'; readonly cause: Cause }
  | { readonly state: 'unknown' };

/** `undecided`: not every member could be asked. Challenge, and keep the cookie (V82). */
export type Inquiry = Exclude<Look, { state: 'doubtful' }> | { readonly state: 'undecided' };

/** The answer that opens a sign-on has this long to make its first session, milliseconds: with maxEmptyLife 0 a sweep would be faster. */
const openingMs = 1_000;

const unknown: Look = { state: 'unknown' };
const expired: Look = { state: 'over', cause: 'expired' };
const earlierEpoch: Look = { state: 'over', cause: 'epoch' };

/** The verdict on an entry. `linkedUntil` says until when it had a session, and is asked only where that matters. */
export function judge(
  entry: SsoEntry | undefined,
  now: number,
  epoch: number,
  { idleMs, maxEmptyLifeMs }: RegistryLimits,
  linkedUntil: () => number,
): Look {
  if (entry === undefined) return unknown;
  if (entry.state === 'closed') return { state: 'over', cause: entry.cause };
  if (now >= entry.endsAt) return expired;
  if (entry.epoch < epoch) return earlierEpoch;
  if (entry.remembered === true) return { state: 'open', entry };
  if (idleMs > 0 && now - entry.usedAt > idleMs) return { state: 'doubtful', entry, cause: 'idle' };
  if (
    now - entry.aliveAt > maxEmptyLifeMs &&
    now - entry.authenticatedAt > openingMs &&
    now - linkedUntil() > maxEmptyLifeMs
  ) {
    return { state: 'doubtful', entry, cause: 'empty' };
  }
  return { state: 'open', entry };
}

/**
 * When an entry that is open in the copies ended by its limits or by an epoch, the same on every node, whichever epochs it
 * heard of: one of an earlier epoch is void from its beginning.
 */
export function overAt(entry: OpenEntry, epoch: number): number {
  return entry.epoch < epoch ? entry.authenticatedAt : entry.endsAt;
}
