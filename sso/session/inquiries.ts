/**
 * A request comes for a session that this node does not know, has not seen used for long, or has no data of, or after it stood
 * still: the members are asked, and where other nodes have the data it is fetched and the session served here from then on. What could not be decided
 * or reached is answered as that, never as a session that does not exist.
 */

import type { Asked } from '../gossip/copies.ts';
import type { CopiesWanted } from './buddies/depot.ts';
import type { Judging } from './judging.ts';
import { isAbsent, isAway, type LiveSession, type SessionCause } from './record.ts';
import type { SessionLook, SessionTableParts } from './table-parts.ts';
import type { Teller } from './teller.ts';
import { atOnce, takenOver } from './writing.ts';

export interface InquiriesParts
  extends Pick<SessionTableParts, 'copies' | 'signOns' | 'hybrid' | 'life' | 'residence' | 'depot' | 'catchingUp'> {
  readonly judging: Judging;
  readonly teller: Teller;
  /** Ends a session whose data nobody has. */
  readonly end: (key: string, cause: SessionCause) => void;
}

/** How often data is fetched for one request, if another node takes the session over meanwhile. */
const fetchesAtMost = 2;

export class Inquiries {
  readonly #parts: InquiriesParts;

  constructor(parts: InquiriesParts) {
    this.#parts = parts;
  }

  /**
   * Asks the members once, bounded, for a session that is unknown here or seems unused; never answers `doubtful`. Where a
   * member lives that does not say whether it was used there, one that is held here goes on (V89). One that is away comes
   * here: its data is fetched, and this node serves it from now on.
   * @param wanted which nodes are to have its data then, as in `Telling`
   */
  async inquire(key: string, wanted?: CopiesWanted): Promise<SessionLook> {
    const { copies, signOns, judging, catchingUp } = this.#parts;
    const behind = catchingUp?.();
    if (behind !== undefined) {
      await behind;
      const look = judging.look(key);
      if (look.state === 'live' || look.state === 'ended') return look;
    }
    const known = judging.judge(key);
    // Its record is here, and as new as anybody's.
    if (known.state === 'away' && !judging.isUnused(key, known.session)) return this.#gravitate(key, wanted);
    const asked = await copies.ask([key]);
    const session = copies.get(key);
    if (session?.state === 'live' && session.signOn !== undefined && signOns.stateOf(session.signOn) === 'unknown') {
      await signOns.fetch(session.signOn);
    }
    const look = judging.look(key);
    if (look.state === 'unknown') return asked.everybody ? look : { state: 'undecided' };
    if (look.state === 'away') {
      const { session } = look;
      const isOver = judging.isUnused(key, session) && hasSaid(asked) && !judging.mayHaveBeenUsed(key, session);
      return isOver ? { state: 'ended', cause: 'timeout' } : this.#gravitate(key, wanted);
    }
    if (look.state !== 'doubtful') return look;
    if (look.session.data.isLost) {
      if (look.session.buddies !== undefined) return this.#gravitate(key, wanted);
      // The disk lost it, and nobody else has it if everybody was asked.
      return asked.everybody ? this.#lost(key) : { state: 'undecided' };
    }
    return hasSaid(asked) && !judging.mayHaveBeenUsed(key, look.session)
      ? { state: 'ended', cause: 'timeout' }
      : { state: 'live', session: look.session };
  }

  /**
   * Fetches the data of a session that only some nodes have, and takes it over. Where another node did so meanwhile, its data
   * is fetched from there.
   */
  async #gravitate(key: string, wanted: CopiesWanted | undefined): Promise<SessionLook> {
    const { copies, life, depot, residence, judging } = this.#parts;
    for (let left = fetchesAtMost; ; left--) {
      const before = copies.get(key);
      if (before?.state !== 'live') return judging.look(key);
      residence?.activate(key, before);
      const fetched = (await depot?.fetch(key, before)) ?? 'out of reach';
      const look = judging.judge(key);
      if (look.state !== 'away' && look.state !== 'live' && look.state !== 'doubtful') return look;
      const { session } = look;
      if (!isAway(session, life) && !session.data.isLost) return { state: 'live', session };
      // Another node has taken it over meanwhile, or what was here was let go of in the same turn.
      const isStale = session.ownerStamp !== before.ownerStamp || (fetched === 'here' && isAbsent(session));
      if (isStale && left > 1) continue;
      if (fetched === 'here' && !session.data.isLost && !isAbsent(session)) return this.#takeOver(key, session, wanted);
      return fetched === 'lost' ? this.#lost(key) : { state: 'out of reach' };
    }
  }

  /** All of its data is here. */
  #takeOver(key: string, session: LiveSession, wanted: CopiesWanted | undefined): SessionLook {
    const mine = takenOver(key, session, wanted, this.#parts);
    // By itself: who served it until now is to hear of that before it hears of an end, which is not its own then.
    const taken = this.#parts.teller.put(key, mine, 'all', { ...atOnce, alone: true });
    return taken?.state === 'live' ? { state: 'live', session: taken } : { state: 'out of reach' };
  }

  #lost(key: string): SessionLook {
    this.#parts.end(key, 'node-lost');
    return { state: 'ended', cause: 'node-lost' };
  }
}

/** Whether nobody is left who could say that a session was used elsewhere. The last node of all keeps time as well. */
const hasSaid = ({ living, deserted }: Asked): boolean => living || deserted === true;
