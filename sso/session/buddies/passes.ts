/** A pass over all records, in slices: whoever else has something to do has it in between. */

import type { Clock } from '../../clock.ts';
import type { Copies } from '../../gossip/copies.ts';
import type { SessionRecord } from '../record.ts';
import { type PlacedSession, placedOf } from './holders.ts';

/** Records that are looked at in one turn, and such of which each may be written and sent. */
const slice = 2_000;
export const writingSlice = 100;

export interface PassesParts {
  readonly copies: Pick<Copies<SessionRecord>, 'entries'>;
  readonly clock: Pick<Clock, 'soon'>;
}

export class Passes {
  readonly #parts: PassesParts;
  #closed = false;

  constructor(parts: PassesParts) {
    this.#parts = parts;
  }

  /** Calls `each` with every session that has buddies, and `done` in the end; begins at once. `most`: records of one turn. */
  run(each: (key: string, session: PlacedSession) => void, done: () => void = () => {}, most = slice): void {
    const entries = this.#parts.copies.entries();
    const step = () => {
      if (this.#closed) return;
      for (let count = 0; count < most; count++) {
        const next = entries.next();
        if (next.done === true) {
          done();
          return;
        }
        const session = placedOf(next.value[1]);
        if (session !== undefined) each(next.value[0], session);
      }
      this.#parts.clock.soon(step);
    };
    step();
  }

  close(): void {
    this.#closed = true;
  }
}
