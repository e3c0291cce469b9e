/** Who wants to hear of changes. One that fails is counted and logged, and the others hear all the same (V59). */

import type { Log } from '../log.ts';
import type { Counters } from './counters.ts';
import type { Change } from './lattice.ts';

interface Listener {
  changed?(change: Change<unknown>): void;
  forgotten?(key: string, last: unknown): void;
}

/** A change, and the map in which it was. */
interface Merged {
  readonly map: string;
  readonly change: Change<unknown>;
}

export class Listeners {
  readonly #counters: Counters;
  readonly #log: Log;
  readonly #byMap = new Map<string, Listener[]>();
  /** What was merged together and is not told yet, by key. */
  readonly #untold = new Map<string, Merged[]>();

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

  /**
   * Tells what was merged together, in its order. A listener may change what is told of only later, as when a sign-on ends
   * whose sessions came in the same frame: of one key everybody hears in the order in which it happened all the same.
   */
  allChanged(changes: readonly Merged[]): void {
    const [first] = changes;
    if (first === undefined) return;
    if (changes.length === 1) return void this.changed(first.map, first.change);
    for (const merged of changes) {
      const { key } = merged.change;
      const untold = this.#untold.get(key);
      if (untold === undefined) this.#untold.set(key, [merged]);
      else untold.push(merged);
    }
    for (const { map, change } of changes) this.#tellUntold(map, change.key, change);
  }

  changed(map: string, change: Change<unknown>): void {
    if (this.#untold.size > 0) this.#tellUntold(map, change.key);
    this.#tell(map, change);
  }

  /** What is untold of this key. `last`: up to this change, if it is not told already. */
  #tellUntold(map: string, key: string, last?: Change<unknown>): void {
    const untold = this.#untold.get(key);
    if (untold === undefined || (last !== undefined && !untold.some(({ change }) => change === last))) return;
    const first = () => untold.findIndex((one) => one.map === map);
    for (let at = first(); at >= 0; at = first()) {
      const [next] = untold.splice(at, 1);
      if (untold.length === 0) this.#untold.delete(key);
      this.#tell(map, next!.change);
      if (next!.change === last) return;
    }
  }

  #tell(map: string, change: Change<unknown>): void {
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
