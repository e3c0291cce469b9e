/** Who waits for a living buddy to have what was put of a session. */

import type { Clock } from '../../clock.ts';

export interface BuddyWaitsParts {
  readonly clock: Pick<Clock, 'after'>;
  readonly isStored: (key: string) => boolean;
}

export class BuddyWaits {
  readonly #parts: BuddyWaitsParts;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(parts: BuddyWaitsParts) {
    this.#parts = parts;
  }

  wait(key: string, ms: number): Promise<void> {
    const { clock, isStored } = this.#parts;
    if (isStored(key)) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, waiting);
      const done = () => {
        cancel();
        waiting.delete(done);
        if (waiting.size === 0 && this.#waiting.get(key) === waiting) this.#waiting.delete(key);
        resolve();
      };
      const cancel = clock.after(ms, done);
      waiting.add(done);
    });
  }

  /** What somebody waits for. */
  get keys(): readonly string[] {
    return [...this.#waiting.keys()];
  }

  has(key: string): boolean {
    return this.#waiting.has(key);
  }

  /** Something was confirmed, or ended. */
  check(key: string): void {
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined && this.#parts.isStored(key)) for (const done of [...waiting]) done();
  }

  checkAll(): void {
    for (const key of this.keys) this.check(key);
  }

  close(): void {
    for (const waiting of [...this.#waiting.values()]) for (const done of [...waiting]) done();
  }
}
