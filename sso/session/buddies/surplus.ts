/**
 * Buddies that are one too many. While a node is cut off for long the others take its life for over, and give each of its
 * sessions that has one buddy another beside it (placing.ts). When they meet again that life goes on being the owner, and names as
 * many buddies as it had: else each split would leave one copy more of what nobody uses. Named are only such as have all that is
 * here of the session. Who is named no more keeps what it has until it is told that those have it (strays.ts).
 */

import type { Cancel, Clock } from '../../clock.ts';
import type { Copies } from '../../gossip/copies.ts';
import type { HybridClock } from '../../hybrid-clock.ts';
import { changeOf, type LiveSession, type SessionRecord } from '../record.ts';
import type { Turns } from '../turns.ts';
import type { Company } from './company.ts';
import { type PlacedSession, placedOf } from './holders.ts';
import type { Lines } from './lines.ts';
import { writingSlice } from './placed-passes.ts';

export interface SurplusParts {
  readonly life: string;
  readonly copies: Pick<Copies<SessionRecord>, 'get' | 'put'>;
  readonly company: Pick<Company, 'stays'>;
  readonly lines: Pick<Lines, 'laneTo'>;
  readonly turns: Pick<Turns, 'run'>;
  readonly hybrid: Pick<HybridClock, 'next'>;
  readonly clock: Pick<Clock, 'after'>;
  /** Between looks at what there is, milliseconds: who comes back is not alone in that, and is brought up to date first. */
  readonly lookMs: number;
}

/** Whom a session had, and the stamp of whoever gave it one more. */
interface Given {
  readonly former: readonly string[];
  readonly stamp: number;
}

export class Surplus {
  readonly #parts: SurplusParts;
  readonly #given = new Map<string, Given>();
  #cancel: Cancel | undefined;

  constructor(parts: SurplusParts) {
    this.#parts = parts;
  }

  /** Sessions that are to get fewer buddies. */
  get size(): number {
    return this.#given.size;
  }

  /** Another node wrote whom a session of this life has. */
  placed(key: string, former: PlacedSession, { buddies, ownerStamp }: PlacedSession): void {
    const given = this.#given.get(key);
    const had = given?.stamp === former.ownerStamp ? given.former : former.buddies;
    if (buddies.length <= Math.max(1, had.length)) return;
    this.#given.set(key, { former: had, stamp: ownerStamp });
    this.#lookSoon();
  }

  /** Ends its timer. */
  close(): void {
    this.#cancel?.();
  }

  #lookSoon(): void {
    const { clock, turns, lookMs } = this.#parts;
    this.#cancel ??= clock.after(lookMs, () => {
      turns.run(this.#look(), writingSlice, () => {
        this.#cancel = undefined;
        if (this.#given.size > 0) this.#lookSoon();
      });
    });
  }

  *#look(): Generator<undefined> {
    for (const [key, { former, stamp }] of this.#given) {
      const session = placedOf(this.#parts.copies.get(key));
      // Where it was placed anew meanwhile, that is how it is to be.
      const isOpen = session?.owner === this.#parts.life && session.ownerStamp === stamp;
      if (!isOpen || this.#nameFewer(key, session, former)) this.#given.delete(key);
      yield;
    }
  }

  #nameFewer(key: string, session: PlacedSession, former: readonly string[]): boolean {
    const { copies, company, hybrid, lines } = this.#parts;
    const having = session.buddies.filter((node) => company.stays(node) && lines.laneTo(node)?.hasAll(key) === true);
    having.sort((a, b) => Number(former.includes(b)) - Number(former.includes(a)));
    const buddies = having.slice(0, Math.max(1, former.length));
    if (buddies.length < Math.max(1, former.length)) return false;
    const next: LiveSession = { ...session, buddies, ownerStamp: hybrid.next(session.ownerStamp) };
    copies.put(key, next, changeOf(next, undefined));
    return true;
  }
}
