/** Who is to hold the data of a session, as its record says: the node of its owner, and its buddies. Pure. */

import { nodeOf } from '../../life.ts';
import { SessionData } from '../data/session-data.ts';
import type { LiveSession, SessionRecord } from '../record.ts';

/** A live session whose data is with some nodes only. */
export type PlacedSession = LiveSession & { readonly buddies: readonly string[] };

export function placedOf(record: SessionRecord | undefined): PlacedSession | undefined {
  return record?.state === 'live' && isPlaced(record) ? record : undefined;
}

const isPlaced = (session: LiveSession): session is PlacedSession => session.buddies !== undefined;

/** Whether a node is to hold the data: as a buddy, or as that of the owner, in whichever of its lives. */
export const isListed = ({ owner, buddies }: PlacedSession, node: string): boolean =>
  buddies.includes(node) || nodeOf(owner) === node;

/** All that are to hold it. */
export function listedOf({ owner, buddies }: PlacedSession): readonly string[] {
  const node = nodeOf(owner);
  return node === '' || buddies.includes(node) ? buddies : [node, ...buddies];
}

/** The record as it is where the data is not. */
export const withoutData = (session: LiveSession): LiveSession => ({ ...session, data: SessionData.empty });
