/** Records with their data as frames carry them, and what of a peer's becomes values. */

import type { Lattice } from '../../gossip/lattice.ts';
import { maxValueBytes } from '../../gossip/message.ts';
import { fits } from '../../gossip/outbox.ts';
import { aheadAtMostMs } from '../../gossip/shared-maps.ts';
import { decodeContext } from '../data/context.ts';
import { changeOf, type LiveSession, type SessionRecord } from '../record.ts';
import { encodeWhole } from '../record-codec.ts';
import { type Alteration, changeTold } from '../teller.ts';
import type { PlacedSession } from './holders.ts';
import type { Load } from './lane.ts';

/** Of which no frame can carry the data. */
export function isTooLarge(lattice: Lattice<SessionRecord>, session: LiveSession): boolean {
  const bound = lattice.mostBytes?.(session) ?? Number.POSITIVE_INFINITY;
  return bound > maxValueBytes && Buffer.byteLength(JSON.stringify(encodeWhole(session))) > maxValueBytes;
}

/** The record with its data as JSON; `undefined` if the disk has lost that. */
export function wholeText(record: SessionRecord): string | undefined {
  const text = JSON.stringify(encodeWhole(record));
  return record.state === 'live' && record.data.isLost ? undefined : text;
}

/** What a peer is told of a session: what was altered, or all of it, also where so much was altered that no frame can carry that. */
export function loadText(session: PlacedSession, load: Load): string | 'skip' | 'too-large' {
  if (load.altered !== 'all') {
    load.text ??= JSON.stringify(encodeWhole(changeOf(session, load.altered)));
    if (fits(load.text)) return load.text;
  }
  const text = wholeText(session);
  return text === undefined ? 'skip' : fits(text) ? text : 'too-large';
}

/** What all others are told by gossip; `undefined`: the whole, which is without the data where there are buddies. */
export function toldOf(
  before: SessionRecord | undefined,
  session: LiveSession,
  altered: Alteration,
): SessionRecord | undefined {
  if (session.buddies !== undefined) return before?.state === 'live' ? changeOf(session, undefined) : undefined;
  return changeTold(session, altered);
}

/** Whether what is held includes data of this version, as a peer names it. */
export function includes({ data }: LiveSession, version: string): boolean {
  if (data.isLost) return false;
  if (data.version === version) return true;
  try {
    const seen = decodeContext(JSON.parse(version));
    return seen !== undefined && data.seen.includes(seen);
  } catch {
    return false;
  }
}

/** The record in what a peer sent; `undefined`: it cannot be read. `latest`: the time of a majority. */
export function readRecord(lattice: Lattice<SessionRecord>, data: unknown, latest: number): SessionRecord | undefined {
  try {
    const value = lattice.decode(data);
    return value && (lattice.capped?.(value, latest + aheadAtMostMs) ?? value);
  } catch {
    return undefined;
  }
}
