/** How many values this node has put that nobody else has confirmed to hold: what would be lost with it. */

/** Batches that are told apart; those before them count with the oldest. */
const mostBatches = 4_096;

export class Unshared {
  readonly #values = new Map<number, number>();

  /** A value leaves with this batch. */
  put(batch: number): void {
    this.#values.set(batch, (this.#values.get(batch) ?? 0) + 1);
    if (this.#values.size <= mostBatches) return;
    const oldest = this.#values.entries();
    const [first, count] = oldest.next().value!;
    const [second, more] = oldest.next().value!;
    this.#values.delete(first);
    this.#values.set(second, more + count);
  }

  /** Some node holds all batches up to this one. */
  confirmed(batch: number): void {
    for (const number of this.#values.keys()) {
      if (number > batch) break;
      this.#values.delete(number);
    }
  }

  /** How many of those that left with the batches up to this one. */
  upTo(batch: number): number {
    let size = 0;
    for (const [number, count] of this.#values) if (number <= batch) size += count;
    return size;
  }
}
