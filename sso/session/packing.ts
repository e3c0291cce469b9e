/**
 * Which sessions have been left alone for half a minute: their data is kept encoded from then on. Of each is noted in
 * which ten seconds it was last used; what is old enough is found by going through all. So a use costs an entry in a map
 * that has it already, under the key that it came with first, and nothing is ordered.
 */

import { BucketedMap } from '../bucketed-map.ts';

/** What uses are told apart by, milliseconds. */
export const slotMs = 10_000;
/** So many slots must be over since that of the last use. */
const slotCount = 3;

export class Packing {
  readonly #slots = new BucketedMap<number>();

  get isEmpty(): boolean {
    return this.#slots.size === 0;
  }

  /** The session was used, or has come. `now`: by the monotonic clock. */
  note(key: string, now: number): void {
    this.#slots.set(key, slotOf(now));
  }

  /**
   * Goes through all, to be done in one's own time: gives of each its key if nobody has used it for half a minute, which
   * is not noted any more then, else `undefined`.
   */
  *take(now: number): IterableIterator<string | undefined> {
    const oldest = slotOf(now) - slotCount;
    for (const [key, slot] of this.#slots.entries()) {
      if (slot < oldest) this.#slots.delete(key);
      yield slot < oldest ? key : undefined;
    }
  }
}

const slotOf = (now: number) => Math.floor(now / slotMs);
