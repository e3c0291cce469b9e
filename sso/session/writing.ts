/** What a write makes of a session's record, before anything is kept or told. */

import { SsoError } from '../errors.ts';
import type { Changes } from './data/changes.ts';
import { mergeData, SessionData } from './data/session-data.ts';
import { anonymousLifeMs, type LiveSession, maxDataLength } from './record.ts';
import type { SessionTableParts, SessionWrite } from './table-parts.ts';
import type { Telling } from './teller.ts';

export const atOnce: Telling = { afterMs: 0, alone: false, stays: false };

/** What a write begins with: what is held, or a new record; served by this node and used now. */
export function begin(
  known: LiveSession | undefined,
  what: SessionWrite,
  { clock, hybrid, signOns, life }: Pick<SessionTableParts, 'clock' | 'hybrid' | 'signOns' | 'life'>,
): LiveSession {
  const { app, signOn, idleMs, initial, telling = atOnce } = what;
  const now = clock.now();
  if (known === undefined) {
    const endsAt = signOn === undefined ? undefined : signOns.endsAt(signOn);
    return {
      state: 'live',
      app,
      signOn,
      createdAt: what.createdAt ?? now,
      endsAt: endsAt ?? now + anonymousLifeMs,
      version: 0,
      owner: life,
      ownerStamp: hybrid.next(),
      releasedAt: 0,
      idleMs,
      data: initial ?? SessionData.empty,
      stays: telling.stays,
      lastAccessAt: now,
    };
  }
  return {
    ...known,
    version: known.idleMs === idleMs ? known.version : hybrid.next(known.version),
    owner: life,
    ownerStamp: known.owner === life ? known.ownerStamp : hybrid.next(known.ownerStamp),
    releasedAt: 0,
    idleMs,
    data: initial === undefined ? known.data : mergeData(known.data, initial),
    lastAccessAt: Math.max(known.lastAccessAt, now),
  };
}

/**
 * What grows must stay within the limit; what shrinks may always be written.
 * @throws SsoError ERR_SESSION_INVALID
 */
export function requireFits(data: SessionData, steps: readonly Changes[]): void {
  let grows = 0;
  for (const { fields } of steps)
    for (const { part, field, text } of fields) grows += (text?.length ?? 0) - (data.get(part, field)?.length ?? 0);
  const length = data.length + grows;
  if (grows > 0 && length > maxDataLength)
    throw tooLarge(`: ${length} characters; at most ${maxDataLength} can be kept`);
}

export const tooLarge = (how: string) => new SsoError('ERR_SESSION_INVALID', `the session's data is too large${how}`);

/** So many fields are sent each by itself at most: more, such as a long list that moved by one, would be as many messages. */
const aloneAtMost = 64;

/** Each field's change by itself. */
export function alone({ fields, gone }: Changes): readonly Changes[] {
  if (fields.length > aloneAtMost) return [{ fields, gone }];
  const steps: Changes[] = fields.map((field) => ({ fields: [field], gone: [] }));
  if (gone.length > 0) steps.unshift({ fields: [], gone });
  return steps.length === 0 ? [{ fields, gone }] : steps;
}

/** Whether a session's data stays on a node that is another one. */
export function isElsewhere(session: LiveSession, life: string): boolean {
  return session.stays && session.owner !== life && session.data.latest === 0;
}
