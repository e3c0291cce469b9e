/** A shelf in memory, for simulation and tests: what lies on it can be looked at and spoilt from outside. */

import { SsoError } from '../errors.ts';
import type { Shelf, ShelfWrites } from './shelf.ts';

export class MemoryShelf implements Shelf {
  /** What lies there, as it was written. */
  readonly values = new Map<string, Uint8Array>();
  readonly #fault: () => string | undefined;
  #isOpen = false;

  /** `fault`: why nothing can be written now. */
  constructor(fault: () => string | undefined = () => undefined) {
    this.#fault = fault;
  }

  purge(): void {
    this.values.clear();
  }

  open(): Promise<void> {
    this.values.clear();
    this.#isOpen = true;
    return Promise.resolve();
  }

  read(key: string): Uint8Array | undefined {
    return this.#isOpen ? this.values.get(key) : undefined;
  }

  write(writes: ShelfWrites): Promise<void> {
    if (!this.#isOpen) return Promise.reject(new SsoError('ERR_DISK_FAILED', 'the shelf is not open'));
    const fault = this.#fault();
    if (fault !== undefined) return Promise.reject(new SsoError('ERR_DISK_FAILED', `the disk is ${fault}`));
    for (const [key, value] of writes) {
      if (value === undefined) this.values.delete(key);
      else this.values.set(key, value);
    }
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#isOpen = false;
    this.values.clear();
    return Promise.resolve();
  }
}
