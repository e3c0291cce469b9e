/**
 * What a change of the replicated record of a session means for the node that saw it. Pure: nothing here
 * knows who listens. A session is used where its owner is: only one node at a time counts it as its own,
 * so what is created with `failover` here is destroyed with `failaway` there, and counts stay right.
 */

import type { Cause } from '../../entry.ts';
import type { Change } from '../../gossip/lattice.ts';
import { isAbsent, type LiveSession, type SessionCause, type SessionRecord } from '../record.ts';
import type { NoticeCause, NoticeKind } from './notice.ts';

/** What this node knows beyond the change. */
export interface Here {
  /** This life of this node: `node:incarnation`. */
  readonly life: string;
  /** It began as one whose data this node was to have, which has not come until now: that is a part of its beginning. */
  readonly isBeginning: boolean;
  /** Why the sign-on ended with which a session ends now. */
  readonly signOnCause: () => Cause | undefined;
}

/** Something that happened to the session as a whole. */
export interface Event {
  readonly kind: Extract<NoticeKind, 'created' | 'destroyed' | 'passivated' | 'activated'>;
  readonly cause: NoticeCause;
  readonly used: boolean;
}

export interface Meaning {
  /** The session, or as it was. */
  readonly session: LiveSession;
  /** In their order. */
  readonly events: readonly Event[];
  /** What became of its attributes, told after the events; `undefined`: nothing. */
  readonly data: Move | undefined;
  readonly end: SessionCause | undefined;
  readonly signOnCause: Cause | undefined;
}

/** The session's data of before and of now differ, or may. */
export interface Move {
  readonly before: LiveSession['data'] | undefined;
  readonly after: LiveSession['data'] | undefined;
  readonly cause: NoticeCause;
  readonly used: boolean;
}

/** `undefined`: nothing that anybody is told. */
export function meaningOf({ before, after, own }: Change<SessionRecord>, here: Here): Meaning | undefined {
  if (after.state === 'live') {
    if (before === undefined) return begun(after, own, here);
    return before.state === 'live' ? goneOn(before, after, own, here) : undefined;
  }
  return before?.state === 'live' && after.state === 'ended' ? ended(before, after.cause, here) : undefined;
}

/** A session that nobody used for its idle limit is over by itself: every copy of it is freed. */
export function forgotten(last: LiveSession, here: Here): Meaning {
  return ended(last, 'timeout', here);
}

/** What an application finds here that begins to listen. */
export function found(session: LiveSession, { life }: Here): Meaning {
  return coming(session, session.owner === life, 'state-transfer', 'state-transfer');
}

function begun(session: LiveSession, own: boolean, { life }: Here): Meaning {
  const used = session.owner === life;
  return own || used ? coming(session, used, 'create', 'modify') : coming(session, used, 'replication', 'replication');
}

function coming(session: LiveSession, used: boolean, cause: NoticeCause, ofData: NoticeCause): Meaning {
  return {
    session,
    events: [{ kind: 'created', cause, used }],
    data: { before: undefined, after: session.data, cause: ofData, used },
    end: undefined,
    signOnCause: undefined,
  };
}

function goneOn(before: LiveSession, after: LiveSession, own: boolean, { life, isBeginning }: Here): Meaning {
  const used = after.owner === life;
  return {
    session: after,
    events: before.owner === after.owner ? [] : handedOn(before.owner === life, used, after),
    data:
      before.data === after.data || (!own && !isBeginning && isMoved(before, after))
        ? undefined
        : { before: before.data, after: after.data, cause: own ? 'modify' : 'replication', used },
    end: undefined,
    signOnCause: undefined,
  };
}

/** Its data has come here as it was, or has gone from here: to the application that is no change of it. */
function isMoved(before: LiveSession, after: LiveSession): boolean {
  return isAbsent(before) || isAbsent(after);
}

function handedOn(wasUsed: boolean, isUsed: boolean, { owner }: LiveSession): readonly Event[] {
  if (isUsed) return [event('created', 'failover'), event('activated', 'failover')];
  if (!wasUsed) return [];
  const cause = owner === '' ? 'undeploy' : 'failaway';
  return [event('passivated', cause), event('destroyed', cause)];
}

const event = (kind: Event['kind'], cause: NoticeCause): Event => ({ kind, cause, used: true });

function ended(session: LiveSession, end: SessionCause, { life, signOnCause }: Here): Meaning {
  const used = session.owner === life;
  const signOnEnd = end === 'sign-on' ? signOnCause() : undefined;
  const cause = causeOf(end, signOnEnd);
  return {
    session,
    events: [{ kind: 'destroyed', cause, used }],
    data: { before: session.data, after: undefined, cause, used },
    end,
    signOnCause: signOnEnd,
  };
}

/** Said, never inferred from how long it was idle (V49). */
function causeOf(end: SessionCause, signOnEnd: Cause | undefined): NoticeCause {
  if (end === 'app-stopped') return 'undeploy';
  if (end === 'timeout') return 'timeout';
  return signOnEnd !== undefined && byTime.has(signOnEnd) ? 'timeout' : 'invalidate';
}

/** Ends of a sign-on that nobody asked for. */
const byTime: ReadonlySet<Cause> = new Set<Cause>(['idle', 'expired', 'empty']);
