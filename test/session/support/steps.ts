/** How many records are read of copies in one turn: counted, not timed. */

import type { Clock } from '../../../sso/clock.ts';
import type { SessionRecord } from '../../../sso/session/record.ts';

export interface Steps {
  /** In each turn in which any were. */
  readonly turns: number[];
}

/** @param copies, @param clock from now on they note it */
export function stepsOf(
  copies: { entries(): IterableIterator<[string, SessionRecord]> },
  clock: Pick<Clock, 'soon'>,
): Steps {
  const turns: number[] = [];
  let isNew = true;
  const entries = copies.entries.bind(copies);
  const soon = clock.soon.bind(clock);
  function* noted(): IterableIterator<[string, SessionRecord]> {
    for (const entry of entries()) {
      if (isNew) turns.push(0);
      isNew = false;
      turns[turns.length - 1]!++;
      yield entry;
    }
  }
  const later = (run: () => void) =>
    soon(() => {
      isNew = true;
      run();
      isNew = true;
    });
  Object.assign(copies, { entries: noted });
  Object.assign(clock, { soon: later });
  return { turns };
}
