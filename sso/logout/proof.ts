/**
 * What a receipt proves: somebody ended this sign-on, or all of this subject. Where the closing itself is
 * not known, because the nodes that held it lost their state before they could pass it on, it is stored
 * from the receipt: without it nobody could ever say that the logout is complete.
 */

import type { SsoEntry } from '../entry.ts';
import type { Copies } from '../gossip/copies.ts';
import { type Subject, subjectLattice, unknownSubject } from '../subject.ts';
import type { ReceiptRecord } from './receipt-lattice.ts';

export interface Closings {
  readonly entries: Pick<Copies<SsoEntry>, 'get' | 'put'>;
  readonly subjects: Pick<Copies<Subject>, 'get' | 'put'>;
}

/** Stores the closing that a receipt proves, if it is not known. Returns whether it is stored now: not one that is over, nor one whose stamp the receipt lacks. */
export function storeProven(record: ReceiptRecord, { entries, subjects }: Closings): boolean {
  const { closing, cause, closedAt, overAt: endsAt } = record;
  const { map, key } = closing;
  if (map === 'entries') {
    if (entries.get(key)?.state !== 'closed') entries.put(key, { state: 'closed', cause, closedAt, endsAt });
    return entries.get(key)?.state === 'closed';
  }
  const known = subjects.get(key);
  if (record.stamp > (known?.ends[record.maker] ?? 0)) subjects.put(key, proven(known ?? unknownSubject, record));
  return subjects.get(key) !== undefined;
}

function proven(known: Subject, { cause, stamp, closedAt, maker, overAt }: ReceiptRecord): Subject {
  return subjectLattice.merge(known, {
    ...unknownSubject,
    ends: { [maker]: stamp },
    endedAt: closedAt,
    endedCause: cause,
    keepUntil: overAt,
  });
}
