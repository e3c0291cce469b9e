/**
 * What a node that starts is still to get: the data of sessions that it is to hold, as their records say, and that its former
 * life took with it. Others bring it by themselves (comparing.ts, offers.ts). Until then the next one that dies may be the
 * only one that has it: so `readyz` waits for it, and whoever restarts nodes one after the other waits for that. Not for
 * longer than something comes: what nobody has any more is not waited for. Over once, it is over for this life.
 */

import type { Peer } from '../../channel/channel.ts';
import type { Clock } from '../../clock.ts';
import { lifeOf } from '../../life.ts';
import { hasData, type SessionRecord } from '../record.ts';
import { isListed, listedOf, type PlacedSession, placedOf } from './holders.ts';

export interface RefillingParts {
  readonly self: Pick<Peer, 'node' | 'incarnation'>;
  /** Who can be reached, by name. */
  readonly peers: { has(node: string): boolean };
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** When nothing came for so long nothing will, milliseconds. */
const stallMs = 5_000;

export class Refilling {
  readonly #parts: RefillingParts;
  readonly #life: string;
  /** What is not here, with those that are to hold it; `undefined`: it is over. */
  #lacking: Map<string, PlacedSession> | undefined = new Map();
  /** Since when nothing came, on the monotonic clock, milliseconds; `undefined`: this node is joining. */
  #since: number | undefined;

  constructor(parts: RefillingParts) {
    this.#parts = parts;
    this.#life = lifeOf(parts.self);
  }

  /** This node has all records that others have. */
  joined(): void {
    this.#since ??= this.#parts.clock.monotonic();
    this.#endIfDone();
  }

  /** A record became another; `undefined`: it is forgotten. To be told of every change. */
  changed(key: string, record: SessionRecord | undefined): void {
    if (this.#lacking === undefined) return;
    const session = placedOf(record);
    if (session !== undefined && this.#lacks(session)) this.#lacking.set(key, session);
    else if (this.#lacking.delete(key) && this.#since !== undefined) this.#since = this.#parts.clock.monotonic();
    this.#endIfDone();
  }

  /** Sessions whose data is still to come; 0 once that is over. */
  get count(): number {
    this.#endIfDone();
    return this.#lacking !== undefined && this.#isToCome(this.#lacking.values()) ? this.#lacking.size : 0;
  }

  #lacks(session: PlacedSession): boolean {
    return session.owner !== this.#life && isListed(session, this.#parts.self.node) && !hasData(session);
  }

  #endIfDone(): void {
    if (this.#lacking === undefined || this.#since === undefined) return;
    if (this.#lacking.size === 0 || this.#parts.clock.monotonic() - this.#since >= stallMs) this.#lacking = undefined;
  }

  /** Whether somebody can be reached who is to hold any of these as well. */
  #isToCome(sessions: Iterable<PlacedSession>): boolean {
    const { self, peers } = this.#parts;
    for (const session of sessions)
      if (listedOf(session).some((node) => node !== self.node && peers.has(node))) return true;
    return false;
  }
}
