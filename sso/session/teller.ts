/**
 * What the other nodes are told of a session, and when. A change travels as what it altered; a new
 * record, and what no change describes, as a whole. Applications that tell at intervals (`snapshotMode`)
 * have their changes collected here: what one session changed within an interval goes as one change.
 * Everything that waits goes at once when its application or the node stops (V88).
 */

import type { Cancel, Clock } from '../clock.ts';
import type { Copies } from '../gossip/copies.ts';
import type { CopiesWanted, Depot } from './buddies/depot.ts';
import { type DataDelta, joinDeltas } from './data/delta.ts';
import { changeOf, isAway, type LiveSession, type SessionRecord } from './record.ts';

/** When and how an application's changes are told. */
export interface Telling {
  /** 0: at once; else changes are collected for so long, milliseconds. */
  readonly afterMs: number;
  /** Each changed field in a message of its own. */
  readonly alone: boolean;
  /** The data stays on this node, and the record travels without it. */
  readonly stays: boolean;
  /** Which nodes are to have the data; `undefined`: as many as the cluster's size suggests. */
  readonly buddies: CopiesWanted | undefined;
}

/** What a write altered: the data by this much, nothing of it, or so that only the whole record says it. */
export type Alteration = DataDelta | 'no data' | 'all';

export interface TellerParts {
  readonly copies: Copies<SessionRecord>;
  readonly clock: Clock;
  /** This life of this node. */
  readonly life: string;
  /** Where there are records of which only some nodes have the data. */
  readonly depot?: Depot | undefined;
}

/** What waits to be told. */
interface Waiting {
  altered: Alteration;
  silent: boolean;
  /** By the monotonic clock. */
  readonly dueAt: number;
}

export class Teller {
  readonly #parts: TellerParts;
  readonly #waiting = new Map<string, Waiting>();
  #timer: { readonly at: number; readonly cancel: Cancel } | undefined;

  constructor(parts: TellerParts) {
    this.#parts = parts;
  }

  /**
   * Keeps what this node made of a record and tells it. As `Copies.put`.
   * @param silent nothing but the data changed: where only some nodes have that, the others are told nothing
   */
  put(
    key: string,
    session: LiveSession,
    altered: Alteration,
    { afterMs, alone }: Pick<Telling, 'afterMs' | 'alone'>,
    silent = false,
  ): SessionRecord | undefined {
    if (afterMs > 0) return this.#putLater(key, session, altered, afterMs, silent);
    const waiting = this.#waiting.get(key);
    const written = this.#tellChange(
      key,
      session,
      { altered: join(waiting?.altered, altered), silent: silent && waiting?.silent !== false },
      { isHeld: waiting !== undefined, alone },
    );
    if (written !== undefined) this.#waiting.delete(key);
    return written;
  }

  /** Why `put` refuses this record. */
  refuses(key: string, session: LiveSession): 'over' | 'too-large' | undefined {
    const { copies, depot } = this.#parts;
    return depot !== undefined && session.buddies !== undefined
      ? depot.refuses(key, session)
      : copies.refuses(key, session);
  }

  /** @param how `isHeld`: it is told also where nothing changes any more */
  #tellChange(
    key: string,
    session: LiveSession,
    { altered, silent }: Pick<Waiting, 'altered' | 'silent'>,
    how: { readonly isHeld: boolean; readonly alone: boolean },
  ): SessionRecord | undefined {
    const { copies, depot } = this.#parts;
    if (depot !== undefined && session.buddies !== undefined)
      return depot.put(key, session, altered, silent, how.alone);
    return copies.put(key, session, changeTold(session, altered) ?? (how.isHeld ? session : undefined), how.alone);
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

  #putLater(
    key: string,
    session: LiveSession,
    altered: Alteration,
    afterMs: number,
    silent: boolean,
  ): SessionRecord | undefined {
    const { copies, clock } = this.#parts;
    if (this.refuses(key, session) !== undefined) return undefined;
    const written = copies.settle(key, session, true);
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) {
      waiting.altered = join(waiting.altered, altered);
      waiting.silent &&= silent;
    } else {
      const dueAt = clock.monotonic() + afterMs;
      this.#waiting.set(key, { altered, silent, dueAt });
      this.#arm(dueAt);
    }
    return written;
  }

  #tellWaiting(key: string): void {
    const waiting = this.#waiting.get(key)!;
    const session = this.#parts.copies.get(key);
    this.#waiting.delete(key);
    if (session?.state !== 'live') return;
    // Of what another node serves by now, the data that is here is not the whole of it: it gets there as any that is left behind.
    if (isAway(session, this.#parts.life)) this.tell(key, session);
    else this.#tellChange(key, session, waiting, { isHeld: true, alone: false });
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

/** What is told of a session whose data every node has; `undefined`: the whole. */
export function changeTold(session: LiveSession, altered: Alteration): SessionRecord | undefined {
  if (altered === 'all') return undefined;
  return changeOf(session, altered === 'no data' || session.stays ? undefined : altered);
}
