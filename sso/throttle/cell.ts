/**
 * One counter of attempts as it is replicated: how many each life of a node reserved, gave back and saw
 * fail in one window of time. A life writes its own share alone and its numbers only grow, so shares
 * merge by the larger number and no count is lost or doubled. What is reserved and neither given back nor
 * failed is in flight.
 *
 * A share begins at a number that its life has never used before (`Throttle` takes the time), not at 0:
 * a copy that was forgotten here and is still held elsewhere must not swallow what is reserved anew.
 */

import type { Lattice } from '../gossip/lattice.ts';

export interface Share {
  /** `node:incarnation`. */
  readonly life: string;
  readonly reserved: number;
  readonly returned: number;
  readonly failed: number;
  /** The latest reservation, and the latest failure, milliseconds since 1970; 0: none. */
  readonly reservedAt: number;
  readonly failedAt: number;
}

export interface Cell {
  /** When its window concerns nobody any more. */
  readonly until: number;
  /** One for each life, by its name. */
  readonly shares: readonly Share[];
}

/** A cell that holds no failure is of no use once its attempts are over; kept so long, milliseconds, since copies come late. */
const idleMs = 60_000;
/** Lives in one window that a cell is believed to have. */
const maxShares = 256;

export const cellLattice: Lattice<Cell> = {
  name: 'throttle',
  isPassing: true,
  merge(mine, theirs) {
    const shares = mergeShares(mine.shares, theirs.shares);
    const until = Math.max(mine.until, theirs.until);
    return shares === mine.shares && until === mine.until ? mine : { until, shares };
  },
  encode: ({ until, shares }) => [
    until,
    shares.map(({ life, reserved, returned, failed, reservedAt, failedAt }) => [
      life,
      reserved,
      returned,
      failed,
      reservedAt,
      failedAt,
    ]),
  ],
  decode(data) {
    if (!Array.isArray(data) || data.length < 2) return undefined;
    const [until, list] = data as unknown[];
    if (!isCount(until) || !Array.isArray(list) || list.length === 0 || list.length > maxShares) return undefined;
    const shares = list.map(decodeShare);
    for (const [at, share] of shares.entries())
      if (share === undefined || (at > 0 && share.life <= shares[at - 1]!.life)) return undefined;
    return { until, shares: shares as Share[] };
  },
  forgetAt({ until, shares }) {
    let last = 0;
    for (const share of shares) {
      if (share.failed > 0 || inFlight(share) > 0) return until;
      last = Math.max(last, share.reservedAt);
    }
    return Math.min(until, last + idleMs);
  },
};

export function inFlight({ reserved, returned, failed }: Share): number {
  return Math.max(0, reserved - returned - failed);
}

/** The cell with one more share of this life, or the same with this share changed. */
export function withShare(cell: Cell | undefined, until: number, share: Share): Cell {
  const others = cell?.shares.filter(({ life }) => life !== share.life) ?? [];
  return { until, shares: [...others, share].sort(byLife) };
}

function mergeShares(mine: readonly Share[], theirs: readonly Share[]): readonly Share[] {
  let merged: Share[] | undefined;
  for (const share of theirs) {
    const at = (merged ?? mine).findIndex(({ life }) => life === share.life);
    const held = (merged ?? mine)[at];
    const after = held === undefined ? share : mergeShare(held, share);
    if (after === held) continue;
    merged ??= [...mine];
    if (held === undefined) merged.push(share);
    else merged[at] = after;
  }
  return merged?.sort(byLife) ?? mine;
}

const numbers = ['reserved', 'returned', 'failed', 'reservedAt', 'failedAt'] as const;

function mergeShare(mine: Share, theirs: Share): Share {
  if (numbers.every((name) => mine[name] >= theirs[name])) return mine;
  return {
    life: mine.life,
    reserved: Math.max(mine.reserved, theirs.reserved),
    returned: Math.max(mine.returned, theirs.returned),
    failed: Math.max(mine.failed, theirs.failed),
    reservedAt: Math.max(mine.reservedAt, theirs.reservedAt),
    failedAt: Math.max(mine.failedAt, theirs.failedAt),
  };
}

function decodeShare(data: unknown): Share | undefined {
  if (!Array.isArray(data)) return undefined;
  const [life, reserved, returned, failed, reservedAt, failedAt] = data as unknown[];
  if (typeof life !== 'string' || life === '' || life.length > 256) return undefined;
  if (!isCount(reserved) || !isCount(returned) || !isCount(failed) || !isCount(reservedAt) || !isCount(failedAt))
    return undefined;
  return { life, reserved, returned, failed, reservedAt, failedAt };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function byLife(a: Share, b: Share): number {
  return a.life < b.life ? -1 : a.life > b.life ? 1 : 0;
}
