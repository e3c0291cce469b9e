/**
 * Which sessions have been left alone for half a minute: their data is kept encoded from then on. Keys
 * lie in the slot of the ten seconds in which they were last used; a slot that is old enough is gone
 * through, and what was used since is found in a later one. So no use costs more than an entry in a set,
 * and nothing is ordered or searched.
 */

/** How long a slot takes keys, milliseconds. */
export const slotMs = 10_000;
/** Slots that are younger than what is packed. */
const slotCount = 3;

export class Packing {
  /** The newest first. */
  #slots: Set<string>[] = [];
  #begunAt = 0;

  get isEmpty(): boolean {
    return this.#slots.every((slot) => slot.size === 0);
  }

  /** The session was used, or has come. `now`: by the monotonic clock. */
  note(key: string, now: number): void {
    if (this.#slots.length === 0 || now - this.#begunAt >= slotMs) {
      this.#slots.unshift(new Set());
      this.#begunAt = now;
    }
    this.#slots[0]!.add(key);
  }

  /** Sets of keys that nobody has used for half a minute, to be gone through in one's own time; `isUsed` says of which that is no longer true. */
  take(now: number): { readonly keys: Iterable<string>; readonly isUsed: (key: string) => boolean } {
    // A slot that takes keys until ten seconds after its begin is half a minute old another thirty seconds later.
    const newest = this.#slots.length === 0 ? 0 : Math.floor((now - this.#begunAt) / slotMs);
    const young = Math.max(0, slotCount + 1 - newest);
    const old = this.#slots.splice(young);
    return {
      keys: union(old),
      isUsed: (key) => this.#slots.some((slot) => slot.has(key)),
    };
  }
}

function* union(slots: readonly Set<string>[]): IterableIterator<string> {
  for (const slot of slots) yield* slot;
}
