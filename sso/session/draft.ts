/**
 * What one request works on: the data that it found, and on top of it what the request itself has written
 * since. It never looks at what others have written meanwhile: a second commit of the same request would
 * take that for changes to be undone.
 */

import type { Random } from '../random.ts';
import { type Changes, removedText } from './data/changes.ts';
import { SessionData } from './data/session-data.ts';
import type { Classes } from './graph/classes.ts';
import type { Granularity, StoredFields } from './graph/stored.ts';
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
  #base: StoredFields;
  #written: Changes | undefined;

  constructor(found: StoredFields | undefined, options: TrackerOptions) {
    this.#base = found ?? SessionData.empty;
    this.tracker = new Tracker(this.#base, options);
  }

  /** What differs of these attributes from what was found, and written since. */
  compare(touched: ReadonlyMap<string, unknown>): Found {
    if (touched.size === 0) return same;
    if (this.#written !== undefined) {
      this.#base = new Overlay(this.#base, this.#written);
      this.#written = undefined;
      this.tracker.rebase(this.#base);
    }
    return this.tracker.compare(touched);
  }

  /** What was compared last is written. */
  wrote(changes: Changes): void {
    if (changes.fields.length + changes.gone.length > 0) this.#written = changes;
  }
}

const same: Found = { changes: { fields: [], gone: [] }, leftOut: [], refused: [] };

/** Fields with changes on top, in the order in which they would come. */
class Overlay implements StoredFields {
  readonly #base: StoredFields;
  readonly #changes: Changes;
  readonly #gone: ReadonlySet<string>;
  readonly #changed = new Map<string, Map<string, string | undefined>>();

  constructor(base: StoredFields, changes: Changes) {
    const { fields, gone } = changes;
    this.#base = base;
    this.#changes = changes;
    this.#gone = new Set(gone);
    for (const { part, field, text: written } of fields) {
      const text = written === removedText ? undefined : written;
      const changed = this.#changed.get(part);
      if (changed === undefined) this.#changed.set(part, new Map([[field, text]]));
      else changed.set(field, text);
    }
  }

  get(part: string, field: string): string | undefined {
    const changed = this.#changed.get(part);
    if (changed?.has(field)) return changed.get(field);
    return this.#gone.has(part) ? undefined : this.#base.get(part, field);
  }

  *fields(part: string): Iterable<readonly [field: string, text: string]> {
    const changed = new Map(this.#changed.get(part));
    for (const [field, text] of this.#gone.has(part) ? [] : this.#base.fields(part)) {
      const now = changed.has(field) ? changed.get(field) : text;
      changed.delete(field);
      if (now !== undefined) yield [field, now];
    }
    for (const [field, text] of changed) if (text !== undefined) yield [field, text];
  }

  fitsInto(bytes: number, changes: Changes, later: readonly Changes[] = []): boolean {
    return this.#base.fitsInto?.(bytes, changes, [this.#changes, ...later]) !== false;
  }

  *parts(): Iterable<string> {
    const changed = new Set(this.#changed.keys());
    for (const part of this.#base.parts()) {
      if (this.#gone.has(part) && !changed.has(part)) continue;
      changed.delete(part);
      yield part;
    }
    yield* changed;
  }
}
