/** Who wants to hear of changes. One that fails is counted and logged, and the others hear all the same (V59). */

import type { Log } from '../log.ts';
import type { Counters } from './counters.ts';
import type { Change } from './lattice.ts';

interface Listener {
  changed?(change: Change<unknown>): void;
  forgotten?(key: string, last: unknown): void;
}

export class Listeners {
  readonly #counters: Counters;
  readonly #log: Log;
  readonly #byMap = new Map<string, Listener[]>();

  constructor(counters: Counters, log: Log) {
    this.#counters = counters;
    this.#log = log;
  }

  onChange<V>(map: string, changed: (change: Change<V>) => void): void {
    this.#of(map).push({ changed });
  }

  onForget<V>(map: string, forgotten: (key: string, last: V) => void): void {
    this.#of(map).push({ forgotten });
  }

  changed(map: string, change: Change<unknown>): void {
    for (const listener of this.#byMap.get(map) ?? []) this.guard(() => listener.changed?.(change));
  }

  forgotten(map: string, key: string, last: unknown): void {
    for (const listener of this.#byMap.get(map) ?? []) this.guard(() => listener.forgotten?.(key, last));
  }

  guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#counters.count('listener-errors');
      this.#log.error({ error }, 'a listener of a replicated map failed');
    }
  }

  #of(map: string): Listener[] {
    const listeners = this.#byMap.get(map) ?? [];
    this.#byMap.set(map, listeners);
    return listeners;
  }
}
