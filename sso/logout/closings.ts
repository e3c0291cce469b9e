/**
 * What this life of a node has seen end, in the order in which it learnt of it, with running numbers:
 * whoever has all up to a number lacks none of them. Older ones are let go of: who is so far behind
 * compares instead.
 */

import type { Closing } from './finality.ts';

interface Noted extends Closing {
  readonly at: number;
}

/** So many are kept whatever their age; so many at most. */
const keptAtLeast = 2_000;
const keptAtMost = 100_000;

export class Closings {
  readonly #keepMs: number;
  readonly #numbers = new Map<string, number>();
  /** From number `#first` on; the first `#gone` places are free. */
  #noted: (Noted | undefined)[] = [];
  #gone = 0;
  #first = 1;

  /** `keepMs`: at least so long each is kept, the limit of their number permitting. */
  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  /** The number of the last one. */
  get number(): number {
    return this.#first + this.#noted.length - this.#gone - 1;
  }

  /** This life began with the state of an earlier one: nobody has all of it by the numbers alone. */
  began(): void {
    this.#first = 2;
  }

  note(closing: Closing, monotonic: number): void {
    this.#noted.push({ map: closing.map, key: closing.key, at: monotonic });
    this.#numbers.set(nameOf(closing), this.number);
    this.#free(monotonic);
  }

  has(closing: Closing): boolean {
    return this.#numbers.has(nameOf(closing));
  }

  /** A number that this closing does not exceed: grants that say so much carry it. */
  numberOf(closing: Closing): number {
    return this.#numbers.get(nameOf(closing)) ?? this.#first - 1;
  }

  /** Those beyond a number, each once, oldest first, with their numbers; `undefined`: it lies too far back. */
  since(have: number): readonly (readonly [number: number, closing: Closing])[] | undefined {
    if (have < this.#first - 1) return undefined;
    const found: (readonly [number, Closing])[] = [];
    for (let number = have + 1; number <= this.number; number++) {
      const noted = this.#noted[this.#gone + number - this.#first]!;
      if (this.#numbers.get(nameOf(noted)) === number) found.push([number, noted]);
    }
    return found;
  }

  #free(monotonic: number): void {
    while (this.#noted.length - this.#gone > keptAtLeast) {
      const oldest = this.#noted[this.#gone]!;
      if (monotonic - oldest.at < this.#keepMs && this.#noted.length - this.#gone <= keptAtMost) break;
      if (this.#numbers.get(nameOf(oldest)) === this.#first) this.#numbers.delete(nameOf(oldest));
      this.#noted[this.#gone++] = undefined;
      this.#first++;
    }
    if (this.#gone > keptAtLeast && this.#gone * 2 > this.#noted.length) {
      this.#noted = this.#noted.slice(this.#gone);
      this.#gone = 0;
    }
  }
}

/** Names a closing within a node, and in frames. */
export const nameOf = ({ map, key }: Closing): string => `${map} ${key}`;
