/** What this node itself ended with a closing: remembered for a while, for whoever asks about it. */

import type { Clock } from '../clock.ts';
import { nameOf } from './closings.ts';
import type { Closing, EndedApp } from './finality.ts';

/** How long it is known, milliseconds. */
const memoryMs = 300_000;

export class EndedHere {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #ended = new Map<string, { readonly at: number; readonly apps: readonly EndedApp[] }>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  note(closing: Closing, apps: readonly EndedApp[]): void {
    if (apps.length === 0) return;
    const at = this.#clock.monotonic();
    for (const [name, { at: since }] of this.#ended) {
      if (at - since < memoryMs) break;
      this.#ended.delete(name);
    }
    this.#ended.set(nameOf(closing), { at, apps });
  }

  of(closing: Closing): readonly EndedApp[] {
    return this.#ended.get(nameOf(closing))?.apps ?? [];
  }
}
