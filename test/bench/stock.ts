/** Sign-ons in stock: the same on every node that is given them, so that a million need not be sent before the measuring begins. */

import { createHash } from 'node:crypto';
import { noEnds, type OpenEntry } from '../../sso/entry.ts';
import type { Heart } from '../../sso/heart.ts';

export interface Stock {
  /** The first one's number; stocks with other numbers are other sign-ons. */
  readonly from: number;
  readonly count: number;
  /** Now, milliseconds since 1970: they were opened in the hours before. */
  readonly now: number;
}

/** Their openings are spread over so long, milliseconds. */
const spreadMs = 10 * 3_600_000;
const lifeMs = 12 * 3_600_000;
const perTurn = 256;

/** Puts them into a node's copy without a word to the others. */
export async function takeStock(heart: Heart, { from, count, now }: Stock): Promise<void> {
  const { epoch } = heart.finality;
  for (let i = from; i < from + count; i++) {
    heart.entries.settle(createHash('sha256').update(`${i}`).digest('base64url'), openEntry(i, now, epoch));
    if (i % perTurn === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

function openEntry(i: number, now: number, epoch: number): OpenEntry {
  const authenticatedAt = now - (i % (spreadMs / 1_000)) * 1_000;
  return {
    state: 'open',
    principal: { name: `user-${i}@xyz.com`, roles: ['customer'] },
    how: 'form',
    openedStamp: authenticatedAt * 1_024,
    authenticatedAt,
    endsAt: Math.ceil((authenticatedAt + lifeMs) / 1_000) * 1_000,
    epoch,
    seenEnds: noEnds,
    usedAt: now,
    aliveAt: now,
  };
}
