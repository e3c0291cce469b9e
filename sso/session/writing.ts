/** What a write makes of a session's record, before anything is kept or told. */

import { SsoError } from '../errors.ts';
import type { CopiesWanted, Depot } from './buddies/depot.ts';
import type { Changes } from './data/changes.ts';
import type { DataDelta } from './data/delta.ts';
import { lengthsOf } from './data/length.ts';
import { mergeData, SessionData } from './data/session-data.ts';
import { anonymousLifeMs, isAbsent, isAway, type LiveSession, maxDataLength } from './record.ts';
import type { SessionTableParts, SessionWrite } from './table-parts.ts';
import type { Telling } from './teller.ts';

export const atOnce: Telling = { afterMs: 0, alone: false, stays: false, buddies: undefined };

/** What a write begins with: what is held, or a new record; used now, and served by this node unless it is away. */
export function begin(
  key: string,
  known: LiveSession | undefined,
  what: SessionWrite,
  { clock, hybrid, signOns, life, depot }: Pick<SessionTableParts, 'clock' | 'hybrid' | 'signOns' | 'life' | 'depot'>,
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
      buddies: telling.stays ? undefined : depot?.choose(key, telling.buddies),
      lastAccessAt: now,
    };
  }
  const version = known.idleMs === idleMs ? known.version : hybrid.next(known.version);
  const data = initial === undefined ? known.data : mergeData(known.data, initial);
  const lastAccessAt = Math.max(known.lastAccessAt, now);
  // What is here is not all of it: it goes to those who have the rest, and the next request fetches that.
  if (isAway(known, life)) return { ...known, version, idleMs, data, lastAccessAt };
  const buddies = buddiesOf(key, known, telling.buddies, { life, depot });
  const isOwned = known.owner === life && buddies === known.buddies;
  // Field by field: every request that changes something comes by, and a spread with others after it takes microseconds.
  return {
    state: 'live',
    app: known.app,
    signOn: known.signOn,
    createdAt: known.createdAt,
    endsAt: known.endsAt,
    version,
    owner: life,
    ownerStamp: isOwned ? known.ownerStamp : hybrid.next(known.ownerStamp),
    releasedAt: 0,
    idleMs,
    data,
    stays: known.stays,
    buddies,
    lastAccessAt,
  };
}

/** How much of what this life wrote is in a session's data. `plain`: every node has the data. `known`: all, if anything. `new`: perhaps not all. */
export type Writing = 'plain' | 'known' | 'new';

/**
 * The session with its data changed by this life, and what is told of that.
 * @param seen as in `SessionWrite`
 */
export function withChanges(
  key: string,
  session: LiveSession,
  changes: Changes,
  writing: Writing,
  { hybrid, life }: Pick<SessionTableParts, 'hybrid' | 'life'>,
  seen?: SessionData,
): { readonly session: LiveSession; readonly delta: DataDelta } {
  const stamp = hybrid.next(session.data.latest);
  const writer = writerOf(life, key, session.data, writing, stamp);
  const { data, delta } = session.data.change(changes, writer, stamp, seen);
  return { session: withData(session, data), delta };
}

function withData(session: LiveSession, data: SessionData): LiveSession {
  return {
    state: 'live',
    app: session.app,
    signOn: session.signOn,
    createdAt: session.createdAt,
    endsAt: session.endsAt,
    version: session.version,
    owner: session.owner,
    ownerStamp: session.ownerStamp,
    releasedAt: session.releasedAt,
    idleMs: session.idleMs,
    data,
    stays: session.stays,
    buddies: session.buddies,
    lastAccessAt: session.lastAccessAt,
  };
}

/** Which nodes are to have the data of a session that this life serves from now on: judged anew only where another one served it. */
function buddiesOf(
  key: string,
  { owner, buddies, stays }: LiveSession,
  wanted: CopiesWanted | undefined,
  { life, depot }: { readonly life: string; readonly depot?: Depot | undefined },
): readonly string[] | undefined {
  if (stays || depot === undefined) return buddies;
  if (owner !== life) return depot.choose(key, wanted);
  if (buddies === undefined) return undefined;
  // One that was made while fewer nodes were there gets what it lacks; none loses one because the setting was made smaller.
  const count = typeof wanted === 'number' ? Math.max(wanted, buddies.length) : buddies.length || wanted;
  return depot.choose(key, count, buddies);
}

/** The session as this life serves it, which another one served until now. All of its data is here. */
export function takenOver(
  key: string,
  session: LiveSession,
  wanted: CopiesWanted | undefined,
  parts: Pick<SessionTableParts, 'hybrid' | 'life' | 'depot'>,
): LiveSession {
  const { hybrid, life } = parts;
  const buddies = buddiesOf(key, session, wanted, parts);
  const ownerStamp = hybrid.next(session.ownerStamp);
  const taken: LiveSession = { ...session, owner: life, releasedAt: 0, ownerStamp, buddies };
  if (!isAbsent(taken)) return taken;
  // A visitor who merely signed on: that there is nothing is written, so that this node can be seen to have it.
  return withChanges(key, taken, { fields: [], gone: [] }, 'new', parts).session;
}

/** Whether all that the nodes without the data know of both is the same, but for the last use. */
export function isSameOutside(before: LiveSession, after: LiveSession): boolean {
  return (
    before.ownerStamp === after.ownerStamp &&
    before.version === after.version &&
    before.buddies === after.buddies &&
    before.releasedAt === after.releasedAt
  );
}

/**
 * What grows must stay within the limit; what shrinks may always be written.
 * @throws SsoError ERR_SESSION_INVALID
 */
export function requireFits(data: SessionData, changes: Changes): void {
  const { before, after } = lengthsOf(data, changes);
  if (after > before && after > maxDataLength)
    throw tooLarge(`: ${after} characters; at most ${maxDataLength} can be kept`);
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

/** Steps of one change, or what is left of them, as one. */
export function together(steps: readonly Changes[]): Changes {
  return { fields: steps.flatMap(({ fields }) => fields), gone: steps.flatMap(({ gone }) => gone) };
}

/**
 * The name under which this life writes; a session that moves takes its data along with all that was seen, and under the new key this
 * life is another writer (data/context.ts). Where only some nodes have the data, what this life wrote before may not be in what is
 * here, since it was let go of, and must not be taken for seen because it goes on under the same name: it goes on under the one that
 * the data knows, and else under a new one.
 */
function writerOf(life: string, key: string, data: SessionData, writing: Writing, stamp: number): string {
  const plain = `${life}/${key.slice(0, 4)}`;
  const named = `${plain}.`;
  const { writers, stamps } = data.seen;
  let latest = -1;
  for (let at = 0; at < writers.length; at++)
    if ((writers[at] === plain || writers[at]!.startsWith(named)) && (latest < 0 || stamps[at]! > stamps[latest]!))
      latest = at;
  if (latest >= 0 && writing !== 'new') return writers[latest]!;
  return writing === 'plain' ? plain : `${named}${stamp.toString(36)}`;
}
