/**
 * What a peer's deltas built on and this node lacked: the keys that the peer was asked for, each once until it answers,
 * and the batches that wait for those answers. A batch whose delta could not be merged is not merged: it counts as
 * received, and may be confirmed, when the whole values are here. A peer's frames come in the order in which it sent
 * them, so deltas that arrive ahead of the answer are in it. A lost question is asked again with the next delta, and
 * comparisons find whatever stays behind.
 */

/** A question that nobody answered for so long is asked again, milliseconds. */
const againMs = 250;
/** Keys that are remembered; beyond, comparisons repair. */
const mostKeys = 4_096;
const mostBatchesPerKey = 64;

interface Wanted {
  askedAt: number;
  /** Numbers of the batches that wait for it. */
  readonly batches: number[];
}

export class Lacking {
  readonly #wanted = new Map<string, Wanted>();
  /** How many keys each batch waits for. */
  readonly #open = new Map<number, number>();
  /** Up to here are batches of which not all was remembered: only a comparison says when they are merged. */
  #unknownTo = 0;

  /** A delta of this batch (0: none that is numbered) could not be merged. Returns whether to ask for the key. */
  note(map: string, key: string, batch: number, monotonic: number): boolean {
    const id = idOf(map, key);
    let wanted = this.#wanted.get(id);
    const isDue = wanted === undefined || monotonic - wanted.askedAt >= againMs;
    if (wanted === undefined) {
      if (this.#wanted.size >= mostKeys) {
        this.#unknownTo = Math.max(this.#unknownTo, batch);
        return true;
      }
      wanted = { askedAt: monotonic, batches: [] };
      this.#wanted.set(id, wanted);
    } else if (isDue) wanted.askedAt = monotonic;
    if (wanted.batches.length >= mostBatchesPerKey) this.#unknownTo = Math.max(this.#unknownTo, batch);
    else if (batch > 0 && !wanted.batches.includes(batch)) {
      wanted.batches.push(batch);
      this.#open.set(batch, (this.#open.get(batch) ?? 0) + 1);
    }
    return isDue;
  }

  /** The peer answered for this key. Returns the batches that wait for nothing more. */
  answered(map: string, key: string): readonly number[] {
    const id = idOf(map, key);
    const wanted = this.#wanted.get(id);
    if (wanted === undefined) return [];
    this.#wanted.delete(id);
    return wanted.batches.filter((batch) => {
      const left = (this.#open.get(batch) ?? 1) - 1;
      if (left > 0) this.#open.set(batch, left);
      else this.#open.delete(batch);
      return left === 0 && batch > this.#unknownTo;
    });
  }
}

const idOf = (map: string, key: string): string => `${map} ${key}`;
