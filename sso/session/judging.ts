/**
 * What this node makes of a session, by all that it knows: its record, its sign-on's state, and when it was used. A session
 * is judged by its entry at every use, link or no link; and a node never calls one over merely because it did not see it
 * used (V89): that is `doubtful`, and the members know better (inquiries.ts).
 */

import { graceMs, idleAt, isAway, isElsewhere, type LiveSession, type SessionRecord } from './record.ts';
import type { SessionLook, SessionTableParts } from './table-parts.ts';
import type { Uses } from './uses.ts';

export interface JudgingParts
  extends Pick<SessionTableParts, 'copies' | 'clock' | 'signOns' | 'life' | 'lifeEndedAt' | 'residence'> {
  readonly uses: Pick<Uses, 'idleAt'>;
}

export class Judging {
  readonly #parts: JudgingParts;

  constructor(parts: JudgingParts) {
    this.#parts = parts;
  }

  /** What is known of a session, for whoever goes on to use it: what lies on the disk comes back into memory. */
  look(key: string): SessionLook {
    const look = this.judge(key);
    if (look.state !== 'live' && look.state !== 'doubtful') return look;
    return this.#parts.residence?.activate(key, look.session) === false
      ? { state: 'doubtful', session: look.session }
      : look;
  }

  /** The same, and what lies on the disk stays there. @param session what is held under the key */
  judge(key: string, session: SessionRecord | undefined = this.#parts.copies.get(key)): SessionLook {
    if (session === undefined || session.state === 'changed') return unknown;
    if (session.state === 'ended') return { state: 'ended', cause: session.cause };
    if (session.signOn !== undefined) {
      const signOn = this.#parts.signOns.stateOf(session.signOn);
      if (signOn === 'over') return { state: 'ended', cause: 'sign-on' };
      if (signOn === 'unknown') return unknown;
    }
    if (isElsewhere(session, this.#parts.life)) return { state: 'elsewhere', session };
    if (isAway(session, this.#parts.life)) return { state: 'away', session };
    return { state: this.isUnused(key, session) ? 'doubtful' : 'live', session };
  }

  /** Nobody has used it for its idle limit, as far as this node saw. */
  isUnused(key: string, session: LiveSession): boolean {
    const now = this.#parts.clock.now();
    return now >= idleAt(session) && now >= this.#parts.uses.idleAt(key, session);
  }

  /** The node that served it is lost, and may have been so before it told the last use (V89). */
  mayHaveBeenUsed(key: string, session: LiveSession): boolean {
    const { clock, life, lifeEndedAt, uses } = this.#parts;
    if (session.owner === life || session.owner === '' || lifeEndedAt(session.owner) === undefined) return false;
    return clock.now() < Math.min(session.endsAt, uses.idleAt(key, session) + graceMs(session));
  }
}

const unknown: SessionLook = { state: 'unknown' };
