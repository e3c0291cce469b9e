/**
 * The maps a node shares with the others, and the border at which a peer's data becomes values. An
 * opening from the future is refused here and capped stamps are capped here; what this node made itself,
 * or has on its disk, does not come this way.
 *
 * What is refused differs in every comparison until its time has come: such values are sent again each round, as many
 * as fit into the pages of the buckets that hold them. They stay few: nodes stamp by corrected time, and one whose clock
 * is far off opens nothing. What a clock was ahead by is over as soon as so much time has passed.
 */

import type { Counters } from './counters.ts';
import type { Lattice } from './lattice.ts';
import type { Items } from './message.ts';
import { fits } from './outbox.ts';
import { Replica } from './replica.ts';
import type { Steps } from './steps.ts';

/** Openings from so far ahead are taken: twice what clocks may differ by, milliseconds. */
export const aheadAtMostMs = 4_000;

export class SharedMaps {
  readonly #counters: Counters;
  readonly #latest: () => number;
  readonly #replicas = new Map<string, Replica<unknown>>();

  /** `latest`: the time of a majority, milliseconds; infinite while that is unknown, which refuses and caps nothing. */
  constructor(counters: Counters, latest: () => number = () => Number.POSITIVE_INFINITY) {
    this.#counters = counters;
    this.#latest = latest;
  }

  /** In the order of their declaration: so they are told and compared. */
  get all(): Iterable<Replica<unknown>> {
    return this.#replicas.values();
  }

  /** How many values there are in all maps. */
  get size(): number {
    let size = 0;
    for (const replica of this.#replicas.values()) size += replica.size;
    return size;
  }

  declare<V>(lattice: Lattice<V>): Replica<V> {
    if (this.#replicas.has(lattice.name)) throw new Error(`two maps are called ${lattice.name}`);
    const replica = new Replica(lattice);
    this.#replicas.set(lattice.name, replica);
    return replica;
  }

  get(name: string): Replica<unknown> | undefined {
    return this.#replicas.get(name);
  }

  /**
   * Merges what a peer sent. What can't be read, and openings from the future, are counted and skipped. `before` sees each
   * value ahead of its merge.
   */
  merge(step: Steps, map: string, items: Items, now: number, before?: (key: string, theirs: unknown) => void): Merged {
    const replica = this.#replicas.get(map);
    const read: string[] = [];
    const lacking: string[] = [];
    if (replica === undefined) {
      this.#counters.count('maps-unknown');
      return { read, lacking };
    }
    const { lattice } = replica;
    const latest = this.#latest();
    for (let index = 0; index < items.length; index += 2) {
      const key = items[index] as string;
      const value = decoded(lattice, items[index + 1]);
      if (value === undefined) {
        this.#counters.count('values-dropped');
        continue;
      }
      if ((lattice.aheadAt?.(value) ?? 0) > latest + aheadAtMostMs && replica.get(key) === undefined) {
        this.#counters.count('values-ahead');
        continue;
      }
      if (lattice.isDelta?.(value)) this.#counters.count('deltas-received');
      if (lattice.lacks?.(replica.get(key), value)) {
        lacking.push(key);
        continue;
      }
      before?.(key, value);
      const change = replica.merge(key, lattice.capped?.(value, latest + aheadAtMostMs) ?? value, now);
      if (change !== undefined) step.changes.push({ map, change });
      read.push(key);
    }
    return { read, lacking };
  }
}

/** The keys of what a peer sent. */
export interface Merged {
  /** Of what could be read: a peer whose value was skipped has not answered. */
  readonly read: readonly string[];
  /** Of deltas that build on something that is not here. */
  readonly lacking: readonly string[];
}

/** A value as JSON text. */
export function written<V>(replica: Replica<V>, value: V): string {
  return JSON.stringify(replica.lattice.encode(value));
}

/** What is held under these keys, as JSON text, as far as frames can carry it. */
export function* writtenAll(
  replica: Replica<unknown>,
  keys: Iterable<string>,
): Generator<readonly [key: string, json: string]> {
  for (const key of keys) {
    const value = replica.get(key);
    const json = value === undefined ? undefined : written(replica, value);
    if (json !== undefined && fits(json)) yield [key, json];
  }
}

/** A lattice's `decode` refuses what it does not know; one that throws is no reason to fail either. */
function decoded(lattice: Lattice<unknown>, data: unknown): unknown {
  try {
    return lattice.decode(data);
  } catch {
    return undefined;
  }
}
