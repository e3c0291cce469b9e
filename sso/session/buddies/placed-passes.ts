/** A pass over all records, in turns: whoever else has something to do has it in between. */

import type { SessionPassesParts } from '../passes.ts';
import { overAll } from '../turns.ts';
import { type PlacedSession, placedOf } from './holders.ts';

/** Records that are looked at in one turn, and such of which each may be written and sent; fewer if they take long. */
const slice = 2_000;
export const writingSlice = 100;

export class PlacedPasses {
  readonly #parts: SessionPassesParts;

  constructor(parts: SessionPassesParts) {
    this.#parts = parts;
  }

  /** Calls `each` with every session that has buddies, and `done` in the end. `most`: records of one turn. */
  run(each: (key: string, session: PlacedSession) => void, done?: () => void, most = slice): void {
    const { copies, turns } = this.#parts;
    const steps = overAll(copies, (key, record) => {
      const session = placedOf(record);
      if (session !== undefined) each(key, session);
    });
    turns.run(steps, most, done);
  }
}
