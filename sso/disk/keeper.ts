/**
 * Keeps replicated maps on a disk. At the start every value on the disk is merged into its map, a few
 * hundred a turn, so that a million stall nobody, and whatever the clock says: what is over is forgotten
 * with everything else, once a majority's clocks agree. From then on every change and every forgetting
 * is written behind, as one value a key and turn. What the disk holds is always something that the map
 * held: a merge only grows, so an older value costs news, never the truth. Says nothing to other nodes.
 */

import type { Clock } from '../clock.ts';
import type { Copies } from '../gossip/copies.ts';
import type { Lattice } from '../gossip/lattice.ts';
import { type Log, silentLog } from '../log.ts';
import type { Disk, Kept } from './disk.ts';

/** What the keeper needs of a map. */
export type KeptCopies<V> = Pick<Copies<V>, 'get' | 'restore' | 'onChange' | 'onForget'>;

export interface KeeperParts {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log?: Log;
}

/** What came back from the disk. */
export interface Restored {
  readonly state: Kept['state'];
  /** The last note that became durable. */
  readonly note: string | undefined;
  /** Values that are in their maps again. */
  readonly values: number;
  /** Values that no lattice could read: a later version's, or damaged ones. They stay on the disk. */
  readonly unreadable: number;
}

interface KeptMap {
  readonly name: string;
  /** Merges what the disk held. Returns whether it could be read. */
  restore(key: string, text: string): boolean;
  /** What is held now, as it is kept, or `undefined` if nothing is. */
  text(key: string): string | undefined;
  /** Keys that differ from what the disk was given. */
  readonly changed: Set<string>;
}

/** Values in one turn of restoring: some 4 ms. */
const restoredPerTurn = 200;

export class Keeper {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #maps: KeptMap[] = [];
  readonly #opening: Promise<void>;
  #opened: () => void = () => {};
  /** `open`: what changes goes to the disk. */
  #state: 'new' | 'restoring' | 'open' | 'closed' = 'new';
  /** The map and key that are being restored: the merge is no news for the disk. */
  #restoring: { readonly map: KeptMap; readonly key: string } | undefined;
  #woken = false;

  constructor({ disk, clock, log = silentLog }: KeeperParts) {
    this.#disk = disk;
    this.#clock = clock;
    this.#log = log;
    this.#opening = new Promise((resolve) => (this.#opened = resolve));
  }

  /** Why the last write failed, in words for an operator; `undefined` while all is well. */
  get failure(): string | undefined {
    return this.#disk.failure;
  }

  /** How many values are not durable yet. */
  get waiting(): number {
    return this.#maps.reduce((sum, { changed }) => sum + changed.size, this.#disk.waiting);
  }

  /** Keeps a map; before `open`. */
  keep<V>(lattice: Lattice<V>, copies: KeptCopies<V>): void {
    if (this.#state !== 'new') throw new Error('maps are kept from the start on');
    const map = keptMap(lattice, copies);
    this.#maps.push(map);
    copies.onChange(({ key, before }) => {
      const restoring = this.#restoring?.map === map && this.#restoring.key === key;
      if (!restoring || before !== undefined) this.#changed(map, key);
    });
    copies.onForget((key) => this.#changed(map, key));
  }

  /**
   * Opens the disk and merges what it holds into the maps: before anything is accepted, granted or confirmed. Changes that
   * come meanwhile are kept as well.
   * @throws SsoError ERR_DISK_FAILED
   */
  async open(): Promise<Restored> {
    this.#state = 'restoring';
    const kept = await this.#disk.open();
    let values = 0;
    let unreadable = 0;
    let left = restoredPerTurn;
    for (const map of this.#maps) {
      for (const [key, text] of kept.values(map.name)) {
        if (this.#restore(map, key, text)) values++;
        else unreadable++;
        if (--left > 0) continue;
        left = restoredPerTurn;
        await new Promise<void>((resolve) => this.#clock.soon(resolve));
        if (this.#isClosed) return { state: kept.state, note: kept.note, values, unreadable };
      }
    }
    this.#state = 'open';
    this.#opened();
    if (this.#isChanged) this.#wake();
    if (unreadable > 0) this.#log.warn({ unreadable }, 'values on the disk could not be read and are left alone');
    return { state: kept.state, note: kept.note, values, unreadable };
  }

  /** Says what the maps are worth; after `open`. Durable together with every change made before it, never without. */
  note(text: string): void {
    this.#hand();
    this.#disk.note(text);
  }

  /**
   * Resolves once every change made until now would survive a power cut. Many callers share one flush; while the maps are
   * being restored it waits for that.
   * @throws SsoError ERR_DISK_FAILED it could not be written; the next flush tries again
   */
  flush(): Promise<void> {
    if (this.#state === 'new' || this.#state === 'restoring') return this.#opening.then(() => this.flush());
    this.#hand();
    return this.#disk.flush();
  }

  /** Writes what waits, if it can, and lets go of the disk. */
  async close(): Promise<void> {
    this.#hand();
    this.#state = 'closed';
    await this.#disk.close();
  }

  get #isClosed(): boolean {
    return this.#state === 'closed';
  }

  get #isChanged(): boolean {
    return this.#maps.some(({ changed }) => changed.size > 0);
  }

  #restore(map: KeptMap, key: string, text: string): boolean {
    this.#restoring = { map, key };
    const isRead = map.restore(key, text);
    this.#restoring = undefined;
    return isRead;
  }

  #changed(map: KeptMap, key: string): void {
    map.changed.add(key);
    this.#wake();
  }

  /** Sees to it that what changed in this turn goes to the disk after it. */
  #wake(): void {
    if (this.#woken || this.#state !== 'open') return;
    this.#woken = true;
    this.#clock.soon(() => {
      this.#woken = false;
      this.#hand();
    });
  }

  /** Gives changed values to the disk: a small part of the work that merging them was. */
  #hand(): void {
    if (this.#state !== 'open') return;
    for (const map of this.#maps) {
      for (const key of map.changed) {
        map.changed.delete(key);
        const text = map.text(key);
        if (text === undefined) this.#disk.remove(map.name, key);
        else this.#disk.put(map.name, key, text);
      }
    }
  }
}

/** A map as the keeper sees it: keys and text. */
function keptMap<V>(lattice: Lattice<V>, copies: KeptCopies<V>): KeptMap {
  return {
    name: lattice.name,
    restore(key, text) {
      const value = decoded(lattice, text);
      if (value !== undefined) copies.restore(key, value);
      return value !== undefined;
    },
    text(key) {
      const value = copies.get(key);
      return value === undefined ? undefined : JSON.stringify(lattice.encode(value));
    },
    changed: new Set(),
  };
}

/** A lattice's `decode` refuses what it does not know; one that throws is no reason to fail either. */
function decoded<V>(lattice: Lattice<V>, text: string): V | undefined {
  try {
    return lattice.decode(JSON.parse(text));
  } catch {
    return undefined;
  }
}
