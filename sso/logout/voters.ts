/** Who counts: the configured voters, by their addresses, and how many of them make a majority. Fixed for the life of the cluster's state. */

import type { WhenCutOff } from './finality.ts';

export interface Voters {
  /** Sorted, each once: the same on every node. */
  readonly list: readonly string[];
  /** This node's own address in the list; `undefined`: it has no vote. */
  readonly own: string | undefined;
  /** ⌊N/2⌋ + 1. */
  readonly quorum: number;
  readonly mode: WhenCutOff;
  /** T: how long a lease runs, milliseconds. */
  readonly leaseMs: number;
}

export const leaseDefaultMs = 6_000;

/** How much faster or slower than another's a monotonic clock may run. */
export const drift = 0.002;

export function votersOf(
  addresses: readonly string[],
  own: string | undefined,
  options: { readonly leaseMs?: number | undefined; readonly whenCutOff?: WhenCutOff | undefined } = {},
): Voters {
  const list = [...new Set(addresses)].sort();
  return {
    list,
    own: own !== undefined && list.includes(own) ? own : undefined,
    quorum: Math.floor(list.length / 2) + 1,
    mode: options.whenCutOff ?? (list.length >= 3 ? 'refuse' : 'serve'),
    leaseMs: options.leaseMs ?? leaseDefaultMs,
  };
}

/** N − Q + 1: so many voters meet every quorum. */
export function blocking({ list, quorum }: Voters): number {
  return list.length - quorum + 1;
}
