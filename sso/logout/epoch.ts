/**
 * Epochs: a new one begins when a majority has lost its state, and ends every sign-on of those before,
 * since nobody can say any more which of them had been closed. Replicated like everything else: one key,
 * the higher number wins. A number is never used twice: milliseconds of the raiser's corrected clock, at
 * least one more than any that is known, then the raiser's place among the voters, then chance.
 */

import { isInstant } from '../entry.ts';
import type { Lattice } from '../gossip/lattice.ts';

export interface Epoch {
  readonly number: number;
  /** The lives that had lost their state and came up with it: `[voter, incarnation]`. */
  readonly raisedBy: readonly (readonly [voter: string, incarnation: number])[];
}

/** The map's only key. */
export const epochKey = 'epoch';

const perMs = 4_096;
const perVoter = 64;
/** The most voters a list may name. */
export const mostVoters = perMs / perVoter;

export const epochLattice: Lattice<Epoch> = {
  name: 'epochs',
  merge: (mine, theirs) => (isLater(theirs, mine) ? theirs : mine),
  encode: ({ number, raisedBy }) => [number, raisedBy],
  decode(data) {
    if (!Array.isArray(data) || data.length < 2) return undefined;
    const [number, lives] = data;
    if (!isInstant(number) || !Array.isArray(lives) || lives.length > mostVoters || !lives.every(isLife))
      return undefined;
    return { number, raisedBy: lives };
  },
  forgetAt: () => Number.POSITIVE_INFINITY,
};

/** `fraction`: chance, from 0 to 1, 1 excluded. */
export function nextEpoch(known: number, now: number, place: number, fraction: number): number {
  const ms = Math.max(Math.floor(known / perMs) + 1, Math.floor(now));
  return ms * perMs + place * perVoter + Math.floor(fraction * perVoter);
}

function isLater(a: Epoch, b: Epoch): boolean {
  if (a.number !== b.number) return a.number > b.number;
  // Who only learns of an epoch by a sign-on of it does not know who raised it.
  if (a.raisedBy.length !== b.raisedBy.length) return a.raisedBy.length > b.raisedBy.length;
  return JSON.stringify(a.raisedBy) > JSON.stringify(b.raisedBy);
}

function isLife(value: unknown): value is readonly [string, number] {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && isInstant(value[1]);
}
