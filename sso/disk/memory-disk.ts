/**
 * A disk in memory for the simulation and for tests. The platter holds what is durable and outlives the
 * process that used it; a `MemoryDisk` is one process' use of it. The order of writing is that of the
 * real disk (write-behind.ts), so a crash falls into the same places: what was not flushed is lost, a
 * crash in the middle of a flush keeps some of its transactions from the first on, and never part of one.
 */

import type { Clock } from '../clock.ts';
import { SsoError } from '../errors.ts';
import type { Random } from '../random.ts';
import type { Disk, Kept } from './disk.ts';
import { type Transaction, WriteBehind, type WriteBehindOptions } from './write-behind.ts';

/** A copy of what a platter held once. */
export interface Snapshot {
  readonly maps: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly note: string | undefined;
}

/** What stays when a process ends; and whoever holds it decides what goes wrong. */
export class Platter {
  #maps = new Map<string, Map<string, string>>();
  #note: string | undefined;
  #user: MemoryDisk | undefined;

  /** How long a transaction takes to become durable, milliseconds. */
  flushMs = 0;
  /** Values in one transaction at most. Small, so that a crash can fall between two of them. */
  atMost = 4;
  /** Why nothing can be written now; `undefined`: all is well. An unwritable one cannot be opened either. */
  fault: 'full' | 'unwritable' | undefined;
  /** Whether what it holds can't be read at the next start. */
  damaged = false;
  /** How many times something was put aside as damaged. */
  putAside = 0;
  /** How many transactions have become durable. */
  transactions = 0;

  /** What a map holds durably. */
  values(map: string): ReadonlyMap<string, string> {
    return this.#maps.get(map) ?? new Map();
  }

  get note(): string | undefined {
    return this.#note;
  }

  /** A copy as somebody's backup would make it. */
  snapshot(): Snapshot {
    const maps = new Map([...this.#maps].map(([map, values]) => [map, new Map(values)]));
    return { maps, note: this.#note };
  }

  /** Puts an older copy back; while nobody uses the platter. */
  restore({ maps, note }: Snapshot): void {
    this.#maps = new Map([...maps].map(([map, values]) => [map, new Map(values)]));
    this.#note = note;
    this.damaged = false;
  }

  /** Loses everything; while nobody uses the platter. */
  wipe(): void {
    this.#maps = new Map();
    this.#note = undefined;
    this.damaged = false;
  }

  /** For `MemoryDisk`: begins a use. */
  open(user: MemoryDisk): Kept {
    if (this.#user !== undefined) throw new SsoError('ERR_DISK_FAILED', 'another process has this data directory');
    if (this.fault === 'unwritable') throw new SsoError('ERR_DISK_FAILED', this.why(this.fault));
    this.#user = user;
    const { damaged } = this;
    if (damaged) {
      this.wipe();
      this.putAside++;
    }
    const { maps, note } = this.snapshot();
    const isEmpty = note === undefined && [...maps.values()].every((values) => values.size === 0);
    const state = damaged ? 'damaged' : isEmpty ? 'missing' : 'intact';
    return { state, note, values: (map) => maps.get(map) ?? [] };
  }

  /** For `MemoryDisk`: makes a transaction durable. */
  apply({ writes, note }: Transaction): void {
    for (const { map, key, text } of writes) {
      let values = this.#maps.get(map);
      if (values === undefined) this.#maps.set(map, (values = new Map()));
      if (text === undefined) values.delete(key);
      else values.set(key, text);
    }
    this.#note = note ?? this.#note;
    this.transactions++;
  }

  /** For `MemoryDisk`: ends a use. */
  release(user: MemoryDisk): void {
    if (this.#user === user) this.#user = undefined;
  }

  /** A fault in words. */
  why(fault: 'full' | 'unwritable'): string {
    return fault === 'full' ? 'the disk is full' : 'the data directory cannot be written';
  }
}

export interface MemoryDiskParts {
  readonly clock: Clock;
  readonly platter: Platter;
  readonly options?: Partial<WriteBehindOptions>;
}

export class MemoryDisk implements Disk {
  readonly #clock: Clock;
  readonly #platter: Platter;
  readonly #behind: WriteBehind;
  #state: 'closed' | 'open' | 'over' = 'closed';

  constructor({ clock, platter, options }: MemoryDiskParts) {
    this.#clock = clock;
    this.#platter = platter;
    this.#behind = new WriteBehind({
      clock,
      write: (transaction) => this.#write(transaction),
      options: { atMost: platter.atMost, ...options },
    });
  }

  get failure(): string | undefined {
    return this.#behind.failure;
  }

  get waiting(): number {
    return this.#behind.waiting;
  }

  async open(): Promise<Kept> {
    const kept = this.#platter.open(this);
    this.#state = 'open';
    return kept;
  }

  put(map: string, key: string, text: string): void {
    this.#behind.put(map, key, text);
  }

  remove(map: string, key: string): void {
    this.#behind.put(map, key, undefined);
  }

  note(text: string): void {
    this.#behind.note(text);
  }

  flush(): Promise<void> {
    return this.#behind.flush();
  }

  async close(): Promise<void> {
    if (this.#state !== 'open') return;
    await this.#behind.flush().catch(() => {});
    this.#end();
  }

  /**
   * The process ends here and now. Of what is not durable, the transactions from the first up to one by chance have made it
   * to the platter all the same; without chance none of them. What waits for a flush waits for ever.
   */
  crash(random?: Random): void {
    if (this.#state !== 'open') return;
    const unwritten = this.#platter.fault === undefined ? this.#behind.unwritten() : [];
    const made = random === undefined ? 0 : Math.floor(random.fraction() * (unwritten.length + 1));
    for (const transaction of unwritten.slice(0, made)) this.#platter.apply(transaction);
    this.#end();
  }

  #end(): void {
    this.#state = 'over';
    this.#behind.end();
    this.#platter.release(this);
  }

  async #write(transaction: Transaction): Promise<void> {
    const { flushMs } = this.#platter;
    if (flushMs > 0) await new Promise<void>((resolve) => void this.#clock.after(flushMs, resolve));
    if (this.#state !== 'open') return;
    const { fault } = this.#platter;
    if (fault !== undefined) throw new Error(this.#platter.why(fault));
    this.#platter.apply(transaction);
  }
}
