/**
 * A session's record, and a change of one, as plain data for frames and disks. What one that stays on
 * its node holds is left out, wherever it goes; what only some nodes hold is left out of what all are told
 * (`encodeSession`), and goes to those nodes and to the disk (`encodeWhole`). Nothing behind `decodeSession` checks again.
 */

import { isInstant } from '../entry.ts';
import { keptOnce } from '../kept-once.ts';
import { isName } from '../principal.ts';
import { parseSsoId } from '../token.ts';
import { decodeDelta, encodeDelta } from './data/delta.ts';
import { decodeData, SessionData } from './data/session-data.ts';
import { formerData } from './former.ts';
import { type ChangedSession, type LiveSession, type SessionRecord, sessionCauses } from './record.ts';

/** For all nodes. */
export function encodeSession(value: SessionRecord): unknown {
  return encode(value, value.state !== 'ended' && value.buddies !== undefined);
}

/** For the nodes that hold the data, and the disk. */
export function encodeWhole(value: SessionRecord): unknown {
  return encode(value, false);
}

function encode(value: SessionRecord, without: boolean): unknown {
  if (value.state === 'ended') return [value.cause, value.endedAt, value.endsAt];
  if (value.state === 'changed')
    return [
      'changed', value.createdAt, value.endsAt, value.signOnStart, value.version, value.owner, value.ownerStamp,
      value.releasedAt, value.idleMs, value.lastAccessAt, without || value.data === undefined ? 0 : encodeDelta(value.data),
      value.buddies ?? 0,
    ]; // biome-ignore format: the tuple is a table
  return [
    'live', value.app, value.signOn ?? 0, value.createdAt, value.endsAt, value.version, value.owner, value.ownerStamp,
    value.releasedAt, value.idleMs, value.lastAccessAt, value.stays || without ? 0 : value.data.encode(),
    value.buddies ?? 0,
  ]; // biome-ignore format: the tuple is a table
}

export function decodeSession(data: unknown): SessionRecord | undefined {
  if (!Array.isArray(data)) return undefined;
  if (data[0] === 'live') return decodeLive(data);
  if (data[0] === 'changed') return decodeChanged(data);
  const [cause, endedAt, endsAt] = data;
  return data.length >= 3 && causeSet.has(cause) && isInstant(endedAt) && isInstant(endsAt)
    ? { state: 'ended', cause, endedAt, endsAt }
    : undefined;
}

const causeSet: ReadonlySet<unknown> = new Set(sessionCauses);

function decodeLive(fields: readonly unknown[]): LiveSession | undefined {
  if (fields.length < 12) return undefined;
  const [, app, signOnData, createdAt, endsAt, version, owner, ownerStamp, releasedAt, idleMs, ...rest] = fields;
  // Versions before had the data as a text, ahead of the last access.
  const isFormer = typeof rest[0] === 'string';
  const [lastAccessAt, content, buddiesData] = isFormer ? [rest[1], rest[0]] : rest;
  const signOn = signOnData === 0 ? undefined : parseSsoId(signOnData);
  const buddies = decodeBuddies(buddiesData);
  const stays = content === 0 && buddies === undefined;
  const data = content === 0 ? SessionData.empty : isFormer ? formerData(content, version) : decodeData(content);
  if (!isName(app) || (signOnData !== 0 && signOn === undefined) || !isLife(owner)) return undefined;
  if (data === undefined || buddies === null) return undefined;
  if (!isInstant(createdAt) || !isInstant(endsAt) || !isInstant(version) || !isInstant(ownerStamp)) return undefined;
  if (!isInstant(releasedAt) || !isInstant(idleMs) || !isInstant(lastAccessAt)) return undefined;
  return {
    state: 'live', app: shared(app), signOn, createdAt, endsAt, version, owner: shared(owner), ownerStamp, releasedAt, idleMs, data, stays, buddies, lastAccessAt,
  }; // biome-ignore format: as the tuple
}

function decodeChanged(fields: readonly unknown[]): ChangedSession | undefined {
  if (fields.length < 11) return undefined;
  const [
    ,
    createdAt,
    endsAt,
    signOnStart,
    version,
    owner,
    ownerStamp,
    releasedAt,
    idleMs,
    lastAccessAt,
    content,
    ...rest
  ] = fields;
  const buddies = decodeBuddies(rest[0]);
  if (buddies === null) return undefined;
  const data = content === 0 ? undefined : decodeDelta(content);
  if (content !== 0 && data === undefined) return undefined;
  if (typeof signOnStart !== 'string' || signOnStart.length > 64 || !isLife(owner)) return undefined;
  if (!isInstant(createdAt) || !isInstant(endsAt) || !isInstant(version) || !isInstant(ownerStamp)) return undefined;
  if (!isInstant(releasedAt) || !isInstant(idleMs) || !isInstant(lastAccessAt)) return undefined;
  return {
    state: 'changed', createdAt, endsAt, signOnStart, version, owner: shared(owner), ownerStamp, releasedAt, buddies, idleMs, lastAccessAt, data,
  }; // biome-ignore format: as the tuple
}

const isLife = (value: unknown): value is string => typeof value === 'string' && value.length <= 300;

/** So many nodes beside the owner's at most. */
const buddiesAtMost = 16;
const lists = new Map<string, readonly string[]>();

/** `null`: it is none. One list for all that are equal. */
function decodeBuddies(value: unknown): readonly string[] | undefined | null {
  if (value === undefined || value === 0) return undefined;
  if (!Array.isArray(value) || value.length > buddiesAtMost || !value.every((one) => isName(one))) return null;
  const text = value.join('\n');
  const known = lists.get(text);
  if (known !== undefined) return known;
  if (lists.size >= 4_096) lists.clear();
  lists.set(text, value);
  return value;
}

/** A cluster has few lives and applications, and as many sessions as users. */
const shared = keptOnce();
