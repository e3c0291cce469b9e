/**
 * Data that a request may still hold from before it went to the disk: nobody else keeps it, and the request goes on reading
 * it from there. Before the disk loses it, it is brought back for the request. What no request holds is gone with the next
 * collection of garbage, and its place here with the sweep after that.
 */

import { BucketedMap } from '../../bucketed-map.ts';
import type { SessionData } from '../data/session-data.ts';

/** Looked at in one turn. */
const slice = 2_000;

export class StillHeld {
  readonly #held = new BucketedMap<WeakRef<SessionData>>();
  #sweeping = false;

  get size(): number {
    return this.#held.size;
  }

  /** It is on the disk from now on. */
  note(key: string, data: SessionData): void {
    this.#held.set(key, new WeakRef(data));
  }

  /** The disk is about to lose it. */
  open(key: string): void {
    const data = this.#held.get(key)?.deref();
    this.#held.delete(key);
    if (data?.form === 'stowed') for (const _ of data.parts()) break;
  }

  /** Lets go of what nobody holds any more, slice by slice. */
  async sweep(breath: () => Promise<void>): Promise<void> {
    if (this.#sweeping || this.#held.size === 0) return;
    this.#sweeping = true;
    let left = slice;
    for (const key of this.#held.keys()) {
      if (this.#held.get(key)?.deref() === undefined) this.#held.delete(key);
      if (--left > 0) continue;
      left = slice;
      await breath();
    }
    this.#sweeping = false;
  }
}
