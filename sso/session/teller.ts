/**
 * What the other nodes are told of a session, and when. A change travels as what it altered; a new
 * record, and what no change describes, as a whole. Applications that tell at intervals (`snapshotMode`)
 * have their changes collected here: what one session changed within an interval goes as one change.
 * Everything that waits goes at once when its application or the node stops (V88).
 */

import type { Cancel, Clock } from '../clock.ts';
import type { Copies } from '../gossip/copies.ts';
import { type DataDelta, joinDeltas } from './data/delta.ts';
import { changeOf, type LiveSession, type SessionRecord } from './record.ts';

/** When and how an application's changes are told. */
export interface Telling {
  /** 0: at once; else changes are collected for so long, milliseconds. */
  readonly afterMs: number;
  /** Each changed field in a message of its own. */
  readonly alone: boolean;
  /** The data stays on this node, and the record travels without it. */
  readonly stays: boolean;
}

/** What a write altered: the data by this much, nothing of it, or so that only the whole record says it. */
export type Alteration = DataDelta | 'no data' | 'all';

export interface TellerParts {
  readonly copies: Copies<SessionRecord>;
  readonly clock: Clock;
}

export class Teller {
  readonly #parts: TellerParts;
  /** What is told later, and when: by the monotonic clock. */
  readonly #waiting = new Map<string, { altered: Alteration; readonly dueAt: number }>();
  #timer: { readonly at: number; readonly cancel: Cancel } | undefined;

  constructor(parts: TellerParts) {
    this.#parts = parts;
  }

  /** Keeps what this node made of a record and tells it. As `Copies.put`. */
  put(
    key: string,
    session: LiveSession,
    altered: Alteration,
    { afterMs, alone }: Pick<Telling, 'afterMs' | 'alone'>,
  ): SessionRecord | undefined {
    if (afterMs > 0) return this.#putLater(key, session, altered, afterMs);
    const waiting = this.#waiting.get(key);
    const told = toldOf(session, join(waiting?.altered, altered));
    // What waited is held already: it is told all the same where nothing changes any more.
    const written = this.#parts.copies.put(key, session, told ?? (waiting && session), alone);
    if (written !== undefined) this.#waiting.delete(key);
    return written;
  }

  /** Keeps a record whose data is not new, and tells all but its data: its last use. */
  tell(key: string, session: LiveSession): void {
    this.#parts.copies.put(key, session, changeOf(session, undefined));
  }

  /** Tells everything that waits. */
  flush(): void {
    for (const key of [...this.#waiting.keys()]) this.#tellWaiting(key);
    this.close();
  }

  /** The session has ended, or has been told as a whole. */
  forget(key: string): void {
    if (this.#waiting.size > 0) this.#waiting.delete(key);
  }

  /** Ends the timer. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #putLater(key: string, session: LiveSession, altered: Alteration, afterMs: number): SessionRecord | undefined {
    const { copies, clock } = this.#parts;
    if (copies.refuses(key, session) !== undefined) return undefined;
    const written = copies.settle(key, session, true);
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) waiting.altered = join(waiting.altered, altered);
    else {
      const dueAt = clock.monotonic() + afterMs;
      this.#waiting.set(key, { altered, dueAt });
      this.#arm(dueAt);
    }
    return written;
  }

  #tellWaiting(key: string): void {
    const { copies } = this.#parts;
    const altered = this.#waiting.get(key)!.altered;
    const session = copies.get(key);
    this.#waiting.delete(key);
    if (session?.state === 'live') copies.put(key, session, toldOf(session, altered) ?? session);
  }

  /** One timer, for what is due first. */
  #arm(dueAt: number): void {
    const { clock } = this.#parts;
    if (this.#timer !== undefined && this.#timer.at <= dueAt) return;
    this.#timer?.cancel();
    const cancel = clock.after(Math.max(0, dueAt - clock.monotonic()), () => this.#tellDue());
    this.#timer = { at: dueAt, cancel };
  }

  #tellDue(): void {
    this.#timer = undefined;
    const now = this.#parts.clock.monotonic();
    let told = 0;
    let next = Number.POSITIVE_INFINITY;
    for (const [key, { dueAt }] of this.#waiting) {
      if (dueAt > now || told === slice) next = Math.min(next, dueAt);
      else {
        told++;
        this.#tellWaiting(key);
      }
    }
    if (next < Number.POSITIVE_INFINITY) this.#arm(next);
  }
}

/** Changes that are told in one turn. */
const slice = 500;

function join(earlier: Alteration | undefined, later: Alteration): Alteration {
  if (earlier === undefined || earlier === 'no data') return later;
  if (later === 'no data') return earlier;
  return earlier === 'all' || later === 'all' ? 'all' : (joinDeltas(earlier, later) ?? 'all');
}

/** `undefined`: the whole. */
function toldOf(session: LiveSession, altered: Alteration): SessionRecord | undefined {
  if (altered === 'all') return undefined;
  return changeOf(session, altered === 'no data' || session.stays ? undefined : altered);
}
