/** What is wrong with a network in memory at the moment: every question about a frame is answered here, by chance handed in. */

import type { Random } from '../random.ts';

export interface DelayRange {
  readonly min: number;
  readonly max: number;
}

export class MemoryFaults {
  readonly #random: Random;
  #groupOf: ReadonlyMap<string, number> | undefined;
  readonly #cuts = new Map<string, Set<string>>();
  #delay: DelayRange = { min: 0, max: 0 };
  #lose = 0;
  #double = 0;
  #reorder = { fraction: 0, extraMs: 0 };

  constructor(random: Random) {
    this.#random = random;
  }

  split(groups: readonly (readonly string[])[]): void {
    this.#groupOf = new Map(groups.flatMap((nodes, group) => nodes.map((node) => [node, group] as const)));
  }

  cut(from: string, to: string): void {
    const cut = this.#cuts.get(from) ?? new Set();
    this.#cuts.set(from, cut.add(to));
  }

  heal(): void {
    this.#groupOf = undefined;
    this.#cuts.clear();
  }

  delay(range: DelayRange): void {
    this.#delay = range;
  }

  lose(fraction: number): void {
    this.#lose = fraction;
  }

  double(fraction: number): void {
    this.#double = fraction;
  }

  reorder(fraction: number, extraMs: number): void {
    this.#reorder = { fraction, extraMs };
  }

  /** Whether nothing goes from one node to the other. */
  blocked(from: string, to: string): boolean {
    if (this.#groupOf !== undefined && this.#groupOf.get(from) !== this.#groupOf.get(to)) return true;
    return this.#cuts.size > 0 && this.#cuts.get(from)?.has(to) === true;
  }

  /** Whether the two cannot hold a connection: it needs both ways. */
  apart(a: string, b: string): boolean {
    return this.blocked(a, b) || this.blocked(b, a);
  }

  /** How many copies of a frame arrive. */
  copies(): number {
    if (this.#happens(this.#lose)) return 0;
    return this.#happens(this.#double) ? 2 : 1;
  }

  delayMs(): number {
    const { min, max } = this.#delay;
    return max > min ? min + this.#random.fraction() * (max - min) : min;
  }

  /** How much later than its turn a frame comes, milliseconds; 0: in its turn. */
  straggleMs(): number {
    const { fraction, extraMs } = this.#reorder;
    return this.#happens(fraction) ? this.#random.fraction() * extraMs : 0;
  }

  #happens(fraction: number): boolean {
    return fraction > 0 && this.#random.fraction() < fraction;
  }
}
