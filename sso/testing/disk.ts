/**
 * What a node of a test keeps beyond its process: a data directory in memory. Each life of the node
 * opens it anew, as each process opens its directory; what was flushed is there again, what was not is
 * lost with a kill. The test decides what goes wrong with it.
 */

import type { Clock } from '../clock.ts';
import type { Disk, Kept } from '../disk/disk.ts';
import { MemoryDisk, Platter } from '../disk/memory-disk.ts';
import { MemoryShelf } from '../disk/memory-shelf.ts';

/**
 * - `fault`: `full` or `unwritable` while nothing can be written; `undefined`: all is well again
 * - `flushMs`: how long a transaction takes to become durable, milliseconds; default 0
 * - `damaged`: set it to true, and the next start cannot read what is there
 * - `wipe()`: it is empty; `snapshot()`, `restore(snapshot)`: a backup, and the older copy put back; while the node is not up
 * - `values(map)`, `note`: what is there durably
 */
export type TestDisk = Pick<
  Platter,
  'fault' | 'flushMs' | 'damaged' | 'wipe' | 'snapshot' | 'restore' | 'values' | 'note'
>;

/** The disk of one node, over all its lives. */
export class NodeDisk implements Disk {
  readonly platter = new Platter();
  /** Where its sessions are passivated. */
  readonly shelf = new MemoryShelf(() => this.platter.fault);
  readonly #clock: Clock;
  #life: MemoryDisk;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#life = this.#use();
  }

  /** A life may begin where the last one has closed or crashed. */
  open(): Promise<Kept> {
    this.#life = this.#use();
    return this.#life.open();
  }

  put(map: string, key: string, text: string): void {
    this.#life.put(map, key, text);
  }

  remove(map: string, key: string): void {
    this.#life.remove(map, key);
  }

  note(text: string): void {
    this.#life.note(text);
  }

  flush(): Promise<void> {
    return this.#life.flush();
  }

  get failure(): string | undefined {
    return this.#life.failure;
  }

  get waiting(): number {
    return this.#life.waiting;
  }

  close(): Promise<void> {
    return this.#life.close();
  }

  /** The process ends here and now: what was not flushed is lost. */
  crash(): void {
    this.#life.crash();
  }

  #use(): MemoryDisk {
    return new MemoryDisk({ clock: this.#clock, platter: this.platter });
  }
}
