/**
 * A session's record, and a change of one, as plain data for frames and disks. What one that stays on
 * its node holds is left out, wherever it goes. Nothing behind `decodeSession` checks again.
 */

import { isInstant } from '../entry.ts';
import { keptOnce } from '../kept-once.ts';
import { isName } from '../principal.ts';
import { parseSsoId } from '../token.ts';
import { decodeDelta, encodeDelta } from './data/delta.ts';
import { decodeData, SessionData } from './data/session-data.ts';
import { formerData } from './former.ts';
import { type ChangedSession, type LiveSession, type SessionRecord, sessionCauses } from './record.ts';

export function encodeSession(value: SessionRecord): unknown {
  if (value.state === 'ended') return [value.cause, value.endedAt, value.endsAt];
  if (value.state === 'changed')
    return [
      'changed', value.createdAt, value.endsAt, value.signOnStart, value.version, value.owner, value.ownerStamp,
      value.releasedAt, value.idleMs, value.lastAccessAt, value.data === undefined ? 0 : encodeDelta(value.data),
    ]; // biome-ignore format: the tuple is a table
  return [
    'live', value.app, value.signOn ?? 0, value.createdAt, value.endsAt, value.version, value.owner, value.ownerStamp,
    value.releasedAt, value.idleMs, value.lastAccessAt, value.stays ? 0 : value.data.encode(),
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
  const [lastAccessAt, content] = isFormer ? [rest[1], rest[0]] : rest;
  const signOn = signOnData === 0 ? undefined : parseSsoId(signOnData);
  const stays = content === 0;
  const data = stays ? SessionData.empty : isFormer ? formerData(content, version) : decodeData(content);
  if (!isName(app) || (signOnData !== 0 && signOn === undefined) || !isLife(owner)) return undefined;
  if (data === undefined) return undefined;
  if (!isInstant(createdAt) || !isInstant(endsAt) || !isInstant(version) || !isInstant(ownerStamp)) return undefined;
  if (!isInstant(releasedAt) || !isInstant(idleMs) || !isInstant(lastAccessAt)) return undefined;
  return {
    state: 'live', app: shared(app), signOn, createdAt, endsAt, version, owner: shared(owner), ownerStamp, releasedAt, idleMs, data, stays, lastAccessAt,
  }; // biome-ignore format: as the tuple
}

function decodeChanged(fields: readonly unknown[]): ChangedSession | undefined {
  if (fields.length < 11) return undefined;
  const [, createdAt, endsAt, signOnStart, version, owner, ownerStamp, releasedAt, idleMs, lastAccessAt, content] =
    fields;
  const data = content === 0 ? undefined : decodeDelta(content);
  if (content !== 0 && data === undefined) return undefined;
  if (typeof signOnStart !== 'string' || signOnStart.length > 64 || !isLife(owner)) return undefined;
  if (!isInstant(createdAt) || !isInstant(endsAt) || !isInstant(version) || !isInstant(ownerStamp)) return undefined;
  if (!isInstant(releasedAt) || !isInstant(idleMs) || !isInstant(lastAccessAt)) return undefined;
  return {
    state: 'changed', createdAt, endsAt, signOnStart, version, owner: shared(owner), ownerStamp, releasedAt, idleMs, lastAccessAt, data,
  }; // biome-ignore format: as the tuple
}

const isLife = (value: unknown): value is string => typeof value === 'string' && value.length <= 300;

/** A cluster has few lives and applications, and as many sessions as users. */
const shared = keptOnce();
