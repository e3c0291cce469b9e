/**
 * What one request works on: the data that it found, and on top of it what the request itself has written
 * since. It never looks at what others have written meanwhile: a second commit of the same request would
 * take that for changes to be undone.
 */

import type { Random } from '../random.ts';
import type { Changes } from './data/changes.ts';
import { SessionData } from './data/session-data.ts';
import type { Classes } from './graph/classes.ts';
import type { Granularity } from './graph/stored.ts';
import { type Found, Tracker, type TrackerOptions } from './graph/tracker.ts';
import { maxDataBytes, maxDataLength } from './record.ts';
import type { Telling } from './teller.ts';

/** How the changes of one application's sessions are found. */
export function trackingOf(
  { random }: { readonly random: Random },
  {
    granularity,
    classes,
    telling,
  }: { readonly granularity: Granularity; readonly classes: Classes; readonly telling: Pick<Telling, 'stays'> },
): TrackerOptions {
  // 48 random bits: two requests that make parts of one session at once must not name them alike.
  const partPrefix = () => Buffer.from(random.bytes(6)).toString('base64url');
  // What stays on its node is not bounded by what a frame can carry.
  const maxBytes = telling.stays ? Number.POSITIVE_INFINITY : maxDataBytes;
  return { granularity, classes, partPrefix, maxLength: maxDataLength, maxBytes };
}

export class Draft {
  readonly tracker: Tracker;
  #base: SessionData;
  #written: Changes | undefined;

  constructor(found: SessionData | undefined, options: TrackerOptions) {
    this.#base = found ?? SessionData.empty;
    this.tracker = new Tracker(this.#base, options);
  }

  /** The attributes that were found, and written since. */
  names(): readonly string[] {
    this.#rebase();
    return this.tracker.names();
  }

  /** What differs of these attributes from what was found, and written since. */
  compare(touched: ReadonlyMap<string, unknown>): Found {
    if (touched.size === 0) return same;
    this.#rebase();
    return this.tracker.compare(touched);
  }

  /** What was compared last is written. */
  wrote(changes: Changes): void {
    if (changes.fields.length + changes.gone.length > 0) this.#written = changes;
  }

  /** Not before it is looked at again: most requests write once. As one with what was found, however often it is written. */
  #rebase(): void {
    if (this.#written === undefined) return;
    this.#base = this.#base.change(this.#written, writer, this.#base.latest + 1).data;
    this.#written = undefined;
    this.tracker.rebase(this.#base);
  }
}

/** Nobody else's: what the request works on goes nowhere. */
const writer = 'draft';

const same: Found = { changes: { fields: [], gone: [] }, leftOut: [], refused: [] };
