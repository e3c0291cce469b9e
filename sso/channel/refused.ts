/**
 * Which nodes this one does not get on with, and why: those that refuse it, and those that it refuses
 * itself. Whatever differs differs for both, so the operator of either reads it in `readyz` as in the log.
 * A refusal is repeated with every dial; one that was not for a while says nothing any more.
 */

import type { Clock } from '../clock.ts';
import type { RefusalView } from './channel.ts';
import type { Refusal } from './hello.ts';

/** Longer than the longest wait between two dials. */
const freshMs = 15_000;
const refusedAtMost = 256;

export class Refused {
  readonly #clock: Clock;
  readonly #refusals = new Map<string, { readonly refusal: Refusal; readonly at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `by`: the node, or the address where it is not known. */
  note(by: string, refusal: Refusal): void {
    if (!this.#refusals.has(by) && this.#refusals.size >= refusedAtMost) this.#refusals.clear();
    const { refusal: last } = this.#refusals.get(by) ?? {};
    // What the other says of the same difference does not name it; what was judged here does.
    const { differ } = refusal.differ === undefined && last?.code === refusal.code ? last : refusal;
    const known: Refusal = differ === undefined ? refusal : { ...refusal, differ };
    this.#refusals.set(by, { refusal: known, at: this.#clock.monotonic() });
  }

  /** They get on now. */
  settle(...by: readonly (string | undefined)[]): void {
    for (const one of by) if (one !== undefined) this.#refusals.delete(one);
  }

  view(): readonly RefusalView[] {
    const now = this.#clock.monotonic();
    return [...this.#refusals]
      .filter(([, { at }]) => now - at < freshMs)
      .map(([by, { refusal }]) => ({ by, reason: refusal.code, differ: refusal.differ ?? [], why: refusal.text }));
  }
}
