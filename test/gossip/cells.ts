/** A small lattice to try the machinery with: a text of which the later version wins, until it is closed for ever. */

import type { Lattice } from '../../sso/gossip/lattice.ts';

export interface Cell {
  readonly closed: boolean;
  readonly version: number;
  readonly text: string;
  /** From here it may be forgotten, milliseconds. A maximum. */
  readonly endsAt: number;
  /** Travels coarsely: the digest leaves it out. A maximum. */
  readonly usedAt: number;
}

export const hour = 3_600_000;
export const startAt = Date.UTC(2026, 0, 1);

export function cell(text: string, more: Partial<Cell> = {}): Cell {
  return { closed: false, version: 1, text, endsAt: startAt + 12 * hour, usedAt: 0, ...more };
}

export const cellLattice: Lattice<Cell> = {
  name: 'cells',
  merge(mine, theirs) {
    const winner = isLater(theirs, mine) ? theirs : mine;
    const endsAt = Math.max(mine.endsAt, theirs.endsAt);
    const usedAt = Math.max(mine.usedAt, theirs.usedAt);
    return winner.endsAt === endsAt && winner.usedAt === usedAt ? winner : { ...winner, endsAt, usedAt };
  },
  encode: (value) => [value.closed ? 1 : 0, value.version, value.text, value.endsAt, value.usedAt],
  decode(data) {
    if (!Array.isArray(data) || data.length !== 5) return undefined;
    const [closed, version, text, endsAt, usedAt] = data;
    if (![closed, version, endsAt, usedAt].every(Number.isSafeInteger) || typeof text !== 'string') return undefined;
    return { closed: closed === 1, version, text, endsAt, usedAt };
  },
  digestText: (value) => `${value.closed} ${value.version} ${value.endsAt} ${value.text}`,
  forgetAt: (value) => value.endsAt,
};

function isLater(a: Cell, b: Cell): boolean {
  if (a.closed !== b.closed) return a.closed;
  return a.version !== b.version ? a.version > b.version : a.text > b.text;
}
