/**
 * Data that is to be on this node and that its disk has lost: nothing else tells, since records and digests are as they
 * were. So it is asked for as soon as that is known, and again whenever a node comes up, until it is here or nobody has it.
 */

import type { Peer } from '../../channel/channel.ts';
import type { Clock } from '../../clock.ts';
import type { Copies } from '../../gossip/copies.ts';
import type { Counters } from '../../gossip/counters.ts';
import type { SessionRecord } from '../record.ts';
import type { Fetched } from './depot.ts';
import { isListed, placedOf } from './holders.ts';

export interface RegainingParts {
  readonly self: Pick<Peer, 'node'>;
  readonly copies: Pick<Copies<SessionRecord>, 'get'>;
  readonly fetch: (key: string) => Promise<Fetched>;
  readonly clock: Pick<Clock, 'soon'>;
  readonly counters: Counters;
}

export class Regaining {
  readonly #parts: RegainingParts;
  /** What is asked for, or to be asked for again. */
  readonly #keys = new Map<string, 'asked' | 'waits'>();

  constructor(parts: RegainingParts) {
    this.#parts = parts;
  }

  /** The disk has lost it. */
  lost(key: string): void {
    if (this.#keys.has(key)) return;
    this.#keys.set(key, 'asked');
    // Whoever found that out is still reading it.
    this.#parts.clock.soon(() => void this.#regain(key));
  }

  /** A node came up, and may have it. */
  up(): void {
    for (const [key, state] of this.#keys) if (state === 'waits') void this.#regain(key);
  }

  async #regain(key: string): Promise<void> {
    const { fetch, counters } = this.#parts;
    if (!this.#isLost(key)) {
      this.#keys.delete(key);
      return;
    }
    this.#keys.set(key, 'asked');
    const fetched = await fetch(key);
    if (fetched === 'lost' || !this.#isLost(key)) this.#keys.delete(key);
    else this.#keys.set(key, 'waits');
    if (fetched === 'here' && !this.#keys.has(key)) counters.count('sessions-regained');
  }

  #isLost(key: string): boolean {
    const { copies, self } = this.#parts;
    const session = placedOf(copies.get(key));
    return session?.data.isLost === true && isListed(session, self.node);
  }
}
