/**
 * What follows from the uses of sessions on this node: its own picture of when each was used
 * (activity.ts), what the other nodes are told of it, and the packing of what has been left alone
 * (packing.ts). One timer, and only while there is something to do; work comes in slices.
 */

import type { Cancel, Clock } from '../clock.ts';
import type { Copies } from '../gossip/copies.ts';
import { Activity } from './activity.ts';
import { Packing, slotMs } from './packing.ts';
import type { LiveSession, SessionRecord } from './record.ts';
import type { Teller } from './teller.ts';

export interface UsesParts {
  readonly copies: Copies<SessionRecord>;
  readonly clock: Clock;
  readonly teller: Teller;
}

/** Sessions that are gone through in one turn, and how long it may take before them, milliseconds: large ones take long. */
const slice = 1_000;
const sliceMs = 4;

export class Uses {
  readonly #parts: UsesParts;
  readonly #activity = new Activity();
  readonly #packing = new Packing();
  #timer: Cancel | undefined;
  #closed = false;

  constructor(parts: UsesParts) {
    this.#parts = parts;
  }

  /** When the session was last used, as far as this node knows, milliseconds. */
  lastUse(key: string, session: LiveSession): number {
    return this.#activity.lastUse(key, session);
  }

  /** The instant from which it is over if nobody uses it again, as far as this node knows. */
  idleAt(key: string, session: LiveSession): number {
    return this.#activity.idleAt(key, session);
  }

  /** A request used it just now; the others are to know at the latest `afterMs` after they were last told. */
  used(key: string, session: LiveSession, afterMs: number): void {
    const { copies, clock } = this.#parts;
    const now = clock.now();
    const what = this.#activity.used(key, session, now, afterMs);
    if (what === 'told') this.#tell(key, session, now);
    else if (what === 'kept') copies.settle(key, { ...session, lastAccessAt: now }, true);
    this.packLater(key);
  }

  /** A request changed it, which not all of the others hear of: whether they are to hear that it was used (as `Activity.used`). */
  wrote(key: string, session: LiveSession, afterMs: number): 'told' | 'kept' | 'noted' {
    this.packLater(key);
    return this.#activity.used(key, session, this.#parts.clock.now(), afterMs);
  }

  /** The others have been told of its last use, or there is nothing to tell any more. */
  told(key: string): void {
    this.#activity.told(key);
  }

  /** Its data lies open, and is to be packed once it has been left alone. */
  packLater(key: string): void {
    this.#packing.note(key, this.#parts.clock.monotonic());
    this.#arm();
  }

  /** Tells the others of all uses that they do not know of, one a step. */
  *flushing(): Generator<undefined> {
    for (const due of this.#activity.due(this.#parts.clock.now(), true)) {
      if (due !== undefined) this.#tellDue(...due);
      yield;
    }
  }

  /** Tells the others of its last use, if they do not know of it. */
  flush(key: string): void {
    const usedAt = this.#activity.untold(key);
    if (usedAt !== undefined) this.#tellDue(key, usedAt);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.();
    this.#timer = undefined;
  }

  #tell(key: string, session: LiveSession, usedAt: number): void {
    const used = usedAt > session.lastAccessAt ? { ...session, lastAccessAt: usedAt } : session;
    this.#parts.teller.tell(key, used);
  }

  #tellDue(key: string, usedAt: number): void {
    const session = this.#parts.copies.get(key);
    this.#activity.told(key);
    if (session?.state === 'live') this.#tell(key, session, usedAt);
  }

  #arm(): void {
    if (this.#closed) return;
    this.#timer ??= this.#parts.clock.after(slotMs, () => void this.#sweep());
  }

  async #sweep(): Promise<void> {
    const { clock, copies } = this.#parts;
    let done = 0;
    let begunAt = clock.monotonic();
    const isLong = () => ++done % slice === 0 || clock.monotonic() - begunAt > sliceMs;
    const breath = async () => {
      await new Promise<void>((resolve) => clock.soon(resolve));
      begunAt = clock.monotonic();
    };
    for (const key of this.#packing.take(begunAt)) {
      const session = key === undefined ? undefined : copies.get(key);
      if (session?.state === 'live' && session.data.form === 'open') session.data.pack();
      if (isLong()) await breath();
    }
    for (const due of this.#activity.due(clock.now())) {
      if (due !== undefined) this.#tellDue(...due);
      if (isLong()) await breath();
    }
    this.#timer = undefined;
    if (!this.#packing.isEmpty || !this.#activity.isEmpty) this.#arm();
  }
}
