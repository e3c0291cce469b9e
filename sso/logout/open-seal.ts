/** A seal as whoever takes the closing around holds it: progress comes in, promises and listeners hear of it. */

import type { Progress, Seal } from './finality.ts';

export class OpenSeal implements Seal {
  progress: Progress;
  readonly complete: Promise<void>;
  readonly everywhere: Promise<void>;
  isDropped = false;
  readonly drop: () => void;
  #complete: () => void = () => {};
  #everywhere: () => void = () => {};
  readonly #listeners: ((progress: Progress) => void)[] = [];

  constructor(outstanding: readonly string[], drop: () => void) {
    this.progress = { state: 'pending', finalAt: undefined, confirmed: [], outstanding, ended: new Map() };
    this.complete = new Promise((resolve) => (this.#complete = resolve));
    this.everywhere = new Promise((resolve) => (this.#everywhere = resolve));
    this.drop = drop;
  }

  onProgress(listener: (progress: Progress) => void): void {
    this.#listeners.push(listener);
  }

  came(progress: Progress): void {
    const before = this.progress;
    this.progress = progress;
    if (progress.state === 'complete') this.#complete();
    if (isSame(before, progress)) return;
    for (const listener of this.#listeners) listener(progress);
  }

  cameEverywhere(): void {
    this.#everywhere();
  }
}

/** Whether nothing is to be told: an instant that moved by less than a clock's error is the same. */
function isSame(a: Progress, b: Progress): boolean {
  return (
    a.state === b.state &&
    (a.finalAt === undefined) === (b.finalAt === undefined) &&
    Math.abs((a.finalAt ?? 0) - (b.finalAt ?? 0)) < 100 &&
    a.confirmed.join() === b.confirmed.join() &&
    a.outstanding.join() === b.outstanding.join()
  );
}
