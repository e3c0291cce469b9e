/**
 * The only way to write a session: whether it may be written, what becomes of its record, and in which steps the others are
 * told. What has ended is never written again (V67), whoever finishes late; what another node took over meanwhile is joined
 * with what the request has seen of it.
 */

import type { Changes } from './data/changes.ts';
import { mergeData, type SessionData } from './data/session-data.ts';
import { isAbsent, isAway, isElsewhere, type LiveSession, type SessionRecord } from './record.ts';
import type { SessionTableParts, SessionWrite } from './table-parts.ts';
import type { Alteration, Teller, Telling } from './teller.ts';
import type { Uses } from './uses.ts';
import {
  alone,
  atOnce,
  begin,
  isSameOutside,
  requireFits,
  together,
  tooLarge,
  type Writing,
  withChanges,
} from './writing.ts';

export interface WritesParts
  extends Pick<SessionTableParts, 'copies' | 'clock' | 'hybrid' | 'signOns' | 'life' | 'residence' | 'depot'> {
  readonly teller: Teller;
  readonly uses: Uses;
  /** Sees to room for a session that is new. @throws SsoError ERR_LIMIT_REACHED */
  readonly makeRoom: (what: SessionWrite) => void;
}

/** What is held of the session, if anything. */
interface Found {
  readonly known: LiveSession | undefined;
  /** Another node has taken it over since the request found it here. */
  readonly isTaken: boolean;
}

/** How a write is told. */
interface Course {
  readonly telling: Telling;
  readonly writing: Writing;
  /** What is new beside the changes. */
  readonly altered: Alteration;
  /** Whether the others are to hear that it was used (as `Uses.wrote`). */
  readonly use: 'told' | 'kept' | 'noted';
}

interface Outcome {
  /** The last that was to be kept. */
  readonly session: LiveSession;
  /** What is kept; `undefined`: that was refused. */
  readonly written: SessionRecord | undefined;
}

export class Writes {
  readonly #parts: WritesParts;

  constructor(parts: WritesParts) {
    this.#parts = parts;
  }

  /** As `SessionTable.write`. @throws SsoError ERR_SESSION_INVALID · ERR_LIMIT_REACHED */
  write(key: string, what: SessionWrite): LiveSession | undefined {
    const { residence, teller, uses } = this.#parts;
    const found = this.#find(key, what);
    if (found === undefined) return undefined;
    const { known, isTaken } = found;
    const begun = begin(key, known, what, this.#parts);
    requireFits(begun.data, what.changes);
    if (known === undefined) this.#parts.makeRoom(what);
    const course = this.#courseOf(key, known, begun, isTaken, what);
    // What the others do not hear of must not look as if it had been told.
    const first = course.use === 'noted' && known ? { ...begun, lastAccessAt: known.lastAccessAt } : begun;
    const { session, written } = this.#tell(key, first, course, isTaken, what);
    if (written === undefined && teller.refuses(key, session) === 'too-large')
      throw tooLarge(' to travel to the other nodes');
    if (course.use === 'told') uses.told(key);
    residence?.used(key);
    return written?.state === 'live' ? written : undefined;
  }

  /** `undefined`: it has ended, its sign-on is not open, or its data is not here. */
  #find(key: string, { signOn, seen }: SessionWrite): Found | undefined {
    const { copies, life, signOns, residence } = this.#parts;
    if (signOn !== undefined && signOns.stateOf(signOn) !== 'open') return undefined;
    const held = copies.get(key);
    if (held === undefined) return { known: undefined, isTaken: false };
    if (held.state !== 'live' || held.signOn !== signOn || isElsewhere(held, life)) return undefined;
    const isTaken = isAway(held, life);
    const known = isTaken ? this.#joined(key, held, seen) : held;
    return known.data.isLost || residence?.activate(key, known) === false ? undefined : { known, isTaken };
  }

  /** What the request has seen of its data is here again. */
  #joined(key: string, known: LiveSession, seen: SessionData | undefined): LiveSession {
    if (seen === undefined) return known;
    const joined = this.#parts.copies.settle(key, { ...known, data: mergeData(known.data, seen) });
    return joined?.state === 'live' ? joined : known;
  }

  #courseOf(
    key: string,
    known: LiveSession | undefined,
    begun: LiveSession,
    isTaken: boolean,
    { telling = atOnce, unreplicatedMs = Number.POSITIVE_INFINITY }: SessionWrite,
  ): Course {
    if (known === undefined) return { telling, writing: 'plain', altered: 'all', use: 'told' };
    const isHandedOn = known.buddies !== begun.buddies || (begun.buddies !== undefined && known.owner !== begun.owner);
    const isNew = isHandedOn || isTaken;
    const isUseAlone = begun.buddies !== undefined && isSameOutside(known, begun);
    const isPlaced = (known.buddies ?? begun.buddies) !== undefined;
    return {
      // Who serves it now is told at once: until then another node would go on with what it has. So is who has the rest of it.
      telling: isNew ? { ...telling, afterMs: 0 } : telling,
      writing: isTaken ? 'new' : isPlaced ? 'known' : 'plain',
      altered: begun.data !== known.data || isNew ? 'all' : 'no data',
      use: isUseAlone ? this.#parts.uses.wrote(key, known, unreplicatedMs) : 'told',
    };
  }

  /** Keeps it and tells it, step by step. */
  #tell(key: string, first: LiveSession, course: Course, isTaken: boolean, what: SessionWrite): Outcome {
    const { telling, use } = course;
    let { writing, altered } = course;
    let session = first;
    let steps = telling.alone ? this.#stepsOf(key, first, course, what) : [what.changes];
    for (;;) {
      let next = session;
      let told = altered;
      if (!isNothing(steps[0]!) || (!isTaken && isAbsent(session))) {
        const changed = withChanges(key, session, steps[0]!, writing, this.#parts, what.seen);
        next = changed.session;
        if (altered !== 'all') told = changed.delta;
      }
      const written = this.#parts.teller.put(key, next, told, telling, use !== 'told');
      if (written === undefined && steps.length > 1) {
        // Where one field grows before another shrinks, no frame may carry what lies between.
        steps = [together(steps)];
        continue;
      }
      session = written?.state === 'live' ? written : next;
      if (written?.state !== 'live' || steps.length === 1) return { session, written };
      steps = steps.slice(1);
      if (writing === 'new') writing = 'known';
      altered = isTaken ? 'all' : 'no data';
    }
  }

  /** Each change by itself, unless what they come to is refused: of what is refused nothing is kept. By itself each says more of itself. */
  #stepsOf(key: string, first: LiveSession, course: Course, { changes, seen }: SessionWrite): readonly Changes[] {
    const steps = alone(changes);
    if (steps.length === 1) return steps;
    let { writing } = course;
    let session = first;
    for (const step of steps) {
      session = withChanges(key, session, step, writing, this.#parts, seen).session;
      if (writing === 'new') writing = 'known';
    }
    return this.#parts.teller.refuses(key, session) === undefined ? steps : [changes];
  }
}

const isNothing = ({ fields, gone }: Changes): boolean => fields.length === 0 && gone.length === 0;
