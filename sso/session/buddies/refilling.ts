/**
 * What a node that starts is still to get: the data of sessions that it is to hold, as records from before its start say, and
 * that its former life took with it. Others bring it by themselves (comparing.ts, offers.ts). Until then the next one that dies
 * may be the only one that has it: so `readyz` waits for it, and whoever restarts nodes one after the other waits for that. Not
 * for longer than something comes: what nobody has any more is not waited for. Over once, it is over for this life.
 *
 * What is here of its own disk counts as here, though it may be behind for a moment: which version others have no record says.
 */

import type { Peer } from '../../channel/channel.ts';
import type { Clock } from '../../clock.ts';
import { stampMs } from '../../hybrid-clock.ts';
import { lifeOf } from '../../life.ts';
import { hasData, type SessionRecord } from '../record.ts';
import { isListed, type PlacedSession, placedOf } from './holders.ts';

export interface RefillingParts {
  readonly self: Pick<Peer, 'node' | 'incarnation'>;
  /** Who can be reached, by name. */
  readonly peers: { readonly size: number };
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
}

/** When nothing came for so long nothing will, milliseconds: longer than others pause between offers (offers.ts), and they pause for each session. */
const stallMs = 5_000;
const stallMsPerSession = 0.2;

export class Refilling {
  readonly #parts: RefillingParts;
  readonly #life: string;
  readonly #startedAt: number;
  /** What is not here; `undefined`: it is over. */
  #lacking: Set<string> | undefined = new Set();
  /** Since when nothing came, on the monotonic clock, milliseconds; `undefined`: this node has no records of others yet. */
  #since: number | undefined;
  /** It joined with nobody: records come once somebody can be reached. */
  #isLate = false;

  constructor(parts: RefillingParts) {
    this.#parts = parts;
    this.#life = lifeOf(parts.self);
    this.#startedAt = parts.clock.now();
  }

  /** This node has all records of those whom it can reach. */
  joined(): void {
    if (this.#since !== undefined) return;
    if (this.#parts.peers.size === 0) this.#isLate = true;
    else this.#begin();
  }

  /** A node can be reached. */
  up(): void {
    if (this.#isLate && this.#since === undefined) this.#begin();
  }

  /** A record became another; `undefined`: it is forgotten. To be told of every change. */
  changed(key: string, record: SessionRecord | undefined): void {
    if (this.#lacking === undefined) return;
    const session = placedOf(record);
    if (session !== undefined && this.#lacks(session)) this.#lacking.add(key);
    else if (this.#lacking.delete(key) && session !== undefined && hasData(session) && this.#since !== undefined)
      this.#since = this.#parts.clock.monotonic();
    this.#endIfDone();
  }

  /** Sessions whose data is still to come; 0 once that is over. */
  get count(): number {
    // Where nothing comes nobody but who asks finds out that it is over.
    this.#endIfDone();
    return this.#lacking?.size ?? 0;
  }

  #begin(): void {
    this.#since = this.#parts.clock.monotonic();
    this.#endIfDone();
  }

  /** What was placed since the start comes as any change does. */
  #lacks(session: PlacedSession): boolean {
    if (session.owner === this.#life || stampMs(session.ownerStamp) >= this.#startedAt) return false;
    return isListed(session, this.#parts.self.node) && !hasData(session);
  }

  #endIfDone(): void {
    if (this.#lacking === undefined || this.#since === undefined) return;
    const { size } = this.#lacking;
    const isStalled = this.#parts.clock.monotonic() - this.#since >= stallMs + stallMsPerSession * size;
    if (isStalled || (size === 0 && !this.#isLate)) this.#lacking = undefined;
  }
}
