/**
 * Which voters may have lost their state, as the simulation knows it: what their disks went through.
 * A new epoch is right only if a majority of them has lost it and has not recovered since.
 */

import type { Checkers } from './checkers.ts';
import { quorumOf } from './climate.ts';
import type { Model } from './model.ts';

/** A voter that has recovered may still be counted by others for so long, milliseconds: a word about a loss, under way. */
const heardOfMs = 6_000;

export class Losses {
  readonly #model: Model;
  readonly #checkers: Checkers;
  readonly #now: () => number;
  /** There a voter waits for others no longer than T: alone with a disk that counts as lost, it begins anew. */
  readonly #isServe: boolean;
  /** Voters that may have lost their state, until when: for ever, unless they have recovered. */
  readonly #lostUntil = new Map<string, number>();
  /** The last time that a voter started without its state, or with an old one; true time. */
  lastAt = Number.NEGATIVE_INFINITY;

  constructor(model: Model, checkers: Checkers, now: () => number, whenCutOff: 'refuse' | 'serve' = 'refuse') {
    this.#model = model;
    this.#isServe = whenCutOff === 'serve';
    this.#checkers = checkers;
    this.#now = now;
  }

  /** A voter's state is gone, or older than it was, or may not be believed. */
  lost(voter: string): void {
    this.#lostUntil.set(voter, Number.POSITIVE_INFINITY);
    this.lastAt = this.#now();
  }

  /** A voter says that it has recovered. */
  recovered(voter: string): void {
    if (this.#lostUntil.get(voter) === Number.POSITIVE_INFINITY) {
      this.#lostUntil.set(voter, this.#now() + heardOfMs);
      this.lastAt = this.#now();
    }
  }

  isLost(voter: string): boolean {
    return this.#lostUntil.get(voter) === Number.POSITIVE_INFINITY;
  }

  /** A node knows this epoch. The first one that does has raised it. */
  epoch(by: string, epoch: number, voters: readonly string[]): void {
    if (epoch <= this.#model.epoch) return;
    this.#model.epoch = epoch;
    const lost = voters.filter((voter) => (this.#lostUntil.get(voter) ?? 0) >= this.#now());
    if (lost.length < (this.#isServe ? 1 : quorumOf(voters.length)))
      this.#checkers.fail(
        'epoch',
        `${by} raised the epoch, though only ${lost.length} of ${voters.length} voters had lost their state: ${lost.join(' ')}`,
        [],
      );
  }
}
