/**
 * When this node's sessions were last used, to the millisecond, and which of that the other nodes do not
 * know yet. A request that only reads costs no message: its use is kept here and told with the next
 * change, or by the first request that comes so long after the last telling as the application allows
 * (`maxUnreplicatedInterval`), or once the session has been left alone for as long. The records keep the
 * time coarsely, for whoever asks.
 *
 * Whatever an application allows, a use is told within half the idle limit: no other node ever calls a
 * session over that is in use (V89).
 */

import { BucketedMap } from '../bucketed-map.ts';
import { idleAt, type LiveSession } from './record.ts';

/** What nobody else knows. */
interface Untold {
  usedAt: number;
  /** When the others were last told of a use. */
  readonly toldAt: number;
  /** How long that may be ago. */
  dueMs: number;
}

/** How often the time in a record is brought forward within an idle limit. */
const coarseness = 20;
/** The same for a session that never times out, milliseconds. */
const idleFreeMs = 60_000;

export class Activity {
  readonly #untold = new BucketedMap<Untold>();

  /** The last use that this node knows of, milliseconds. */
  lastUse(key: string, session: LiveSession): number {
    return Math.max(session.lastAccessAt, this.#untold.get(key)?.usedAt ?? 0);
  }

  /** The instant from which the session is over if nobody uses it again, by all that this node knows. */
  idleAt(key: string, session: LiveSession): number {
    return idleAt(session, this.lastUse(key, session));
  }

  /**
   * A request used the session. `told`: the others are to be told now. `kept`: the record is to say so, on this node alone.
   * @param afterMs how long ago the last telling may be; 0: tell every use; Infinity: tell only what must be told
   */
  used(key: string, session: LiveSession, now: number, afterMs: number): 'told' | 'kept' | 'noted' {
    const untold = this.#untold.get(key);
    const toldAt = untold?.toldAt ?? session.lastAccessAt;
    const dueMs = Math.min(afterMs, session.idleMs > 0 ? session.idleMs / 2 : Number.POSITIVE_INFINITY);
    if (now - toldAt >= dueMs) {
      this.told(key);
      return 'told';
    }
    if (untold === undefined) this.#untold.set(key, { usedAt: now, toldAt, dueMs });
    else {
      untold.usedAt = now;
      untold.dueMs = dueMs;
    }
    const coarseMs = session.idleMs > 0 ? session.idleMs / coarseness : idleFreeMs;
    return now - session.lastAccessAt > coarseMs ? 'kept' : 'noted';
  }

  /** The others have been told, or there is nothing to tell any more. */
  told(key: string): void {
    this.#untold.delete(key);
  }

  get isEmpty(): boolean {
    return this.#untold.size === 0;
  }

  /**
   * Goes through all that is untold, to be done in one's own time: gives of each its key and last use if it has been left alone
   * for as long as its use may be untold, else `undefined`. `all`: as if everything had been.
   */
  *due(now: number, all = false): IterableIterator<readonly [key: string, usedAt: number] | undefined> {
    for (const [key, { usedAt, dueMs }] of this.#untold.entries())
      yield all || now - usedAt >= dueMs ? [key, usedAt] : undefined;
  }

  /** When it was last used, if the others do not know that. */
  untold(key: string): number | undefined {
    return this.#untold.get(key)?.usedAt;
  }
}
