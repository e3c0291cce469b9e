/**
 * An application stops on this node: the links of its sessions go, their data stays for whoever serves them next (V44), here as
 * well. In turns (passes.ts), since there may be a million, and requests are served meanwhile.
 *
 * Before anything goes, all that waits to be told is told (V88). Let go of is what this life served when the application stopped;
 * what is taken up since, by a new session or by a use of one that was let go of already, stays served: the application may
 * have begun again.
 */

import { BucketedMap } from '../bucketed-map.ts';
import type { Change } from '../gossip/lattice.ts';
import { nodeOf } from '../life.ts';
import type { SessionPasses } from './passes.ts';
import type { LiveSession, SessionRecord } from './record.ts';
import type { SessionTableParts } from './table-parts.ts';
import type { Teller } from './teller.ts';
import type { Uses } from './uses.ts';
import { atOnce } from './writing.ts';

export interface ReleasesParts extends Pick<SessionTableParts, 'copies' | 'clock' | 'hybrid' | 'life'> {
  readonly passes: SessionPasses;
  readonly teller: Teller;
  readonly uses: Uses;
}

interface Release {
  readonly app: string;
  /** What this life serves since it began, and did not before. */
  readonly takenUp: BucketedMap<true>;
}

export class Releases {
  readonly #parts: ReleasesParts;
  readonly #open = new Set<Release>();

  constructor(parts: ReleasesParts) {
    this.#parts = parts;
  }

  /** Resolves once all are let go of, or at `close` of the passes. Of few sessions it is done at once. */
  async run(app: string): Promise<void> {
    const release: Release = { app, takenUp: new BucketedMap() };
    this.#open.add(release);
    try {
      this.#parts.teller.flush();
      await this.#parts.passes.take(this.#steps(release));
    } finally {
      this.#open.delete(release);
    }
  }

  /** To be told of every change of a session that is live now. */
  changed({ key, before, after }: Change<SessionRecord>): void {
    if (this.#open.size === 0 || !this.#isServed(after) || (before !== undefined && this.#isServed(before))) return;
    for (const { app, takenUp } of this.#open) if (app === after.app) takenUp.set(key, true);
  }

  *#steps(release: Release): Generator<undefined> {
    const { uses, passes } = this.#parts;
    yield* uses.flushing();
    yield* passes.steps(release.app, (key) => this.#letGo(key, release));
  }

  #letGo(key: string, { takenUp }: Release): void {
    const { copies, clock, hybrid, life, teller, uses } = this.#parts;
    uses.flush(key);
    const session = copies.get(key);
    if (session === undefined || !this.#isServed(session) || takenUp.has(key)) return;
    const self = nodeOf(life);
    const buddies = session.buddies && [...session.buddies.filter((node) => node !== self), self];
    const ownerStamp = hybrid.next(session.ownerStamp);
    const released = { ...session, owner: '', releasedAt: clock.now(), ownerStamp, buddies };
    teller.put(key, released, 'no data', atOnce);
  }

  #isServed(session: SessionRecord): session is LiveSession {
    return session.state === 'live' && session.owner === this.#parts.life;
  }
}
