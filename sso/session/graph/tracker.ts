/**
 * The attributes of one session as one request sees them: read when they are asked for, and compared at the
 * end with what they were read from. Pure: it is given what is stored, and returns what is to be written.
 */

import { attributeChanges, type Comparing, fieldChanges, sessionChanges, type Written } from './changes.ts';
import type { Classes } from './classes.ts';
import { type Problem, Problems } from './problem.ts';
import { noFields, Reading, readAll } from './reading.ts';
import { StandIns } from './stand-ins.ts';
import type { Changes, Granularity, StoredFields } from './stored.ts';
import { tooLong } from './text.ts';

export { readAll };

/** An attribute that was taken away. */
export const removed: unique symbol = Symbol('removed');

export interface Found {
  readonly changes: Changes;
  /** Functions and symbols: not kept, the rest of their attribute is. Each path once. */
  readonly leftOut: readonly Problem[];
  /** What cannot travel: nothing of its attribute (the path's first name) is written, it stays stored as it was. */
  readonly refused: readonly Problem[];
}

export interface TrackerOptions {
  readonly granularity: Granularity;
  readonly classes: Classes;
  /** What the names of new parts begin with, unlike any other's, without quotes; asked at first need, once. */
  readonly partPrefix: () => string;
  /** Most characters that a session may have. */
  readonly maxLength: number;
}

const strategies = { SESSION: sessionChanges, ATTRIBUTE: attributeChanges, FIELD: fieldChanges };

export class Tracker {
  readonly #options: TrackerOptions;
  readonly #reading: Reading;
  readonly #standIns = new StandIns();
  /** What the last comparison found, until it is written. */
  #found: Written | undefined;
  #prefix: string | undefined;
  #ids = 0;

  constructor(stored: StoredFields | undefined, options: TrackerOptions) {
    this.#options = options;
    this.#reading = new Reading(stored ?? noFields, options.classes);
  }

  /** The attributes that are stored, in the order in which they came. */
  names(): readonly string[] {
    return this.#reading.names();
  }

  /** The stored value: decoded at the first call, the same object at every further one; `undefined` if there is none. */
  read(name: string): unknown {
    return this.#reading.read(name);
  }

  /**
   * How what is stored differs from the present values (or `removed`) of the attributes that may have changed.
   * `undefined`, a function or a symbol is no attribute, as in JSON. What would make the session longer than
   * it may be is refused, the rest is not.
   */
  compare(touched: ReadonlyMap<string, unknown>): Found {
    const all = this.#compare(touched);
    if (this.#fits(all.changes)) return all;
    const fitting = touched.size > few ? this.#fittingFirst([...touched]) : this.#fittingEach(touched);
    const refused: Problem[] = [];
    for (const name of touched.keys())
      if (!fitting.has(name)) refused.push({ path: name, what: tooLong(this.#options.maxLength) });
    const found = this.#compare(fitting);
    return { ...found, refused: [...found.refused, ...refused] };
  }

  /** Each attribute that fits beside those before it that do. */
  #fittingEach(touched: ReadonlyMap<string, unknown>): ReadonlyMap<string, unknown> {
    const fitting = new Map<string, unknown>();
    for (const [name, value] of touched) {
      fitting.set(name, value);
      if (!this.#fits(this.#compare(fitting).changes)) fitting.delete(name);
    }
    return fitting;
  }

  /** As many as fit, in their order: each comparison looks at all, so there must be few of them. */
  #fittingFirst(touched: readonly (readonly [name: string, value: unknown])[]): ReadonlyMap<string, unknown> {
    let fits = 0;
    let tooMany = touched.length;
    while (tooMany - fits > 1) {
      const middle = (fits + tooMany) >> 1;
      if (this.#fits(this.#compare(new Map(touched.slice(0, middle))).changes)) fits = middle;
      else tooMany = middle;
    }
    return new Map(touched.slice(0, fits));
  }

  /** What `compare` found last is written: from now on it is what later values are compared with. Objects that were read stay the same. */
  rebase(stored: StoredFields): void {
    this.#found?.commit?.();
    this.#reading.rebase(stored, this.#found?.attributes ?? [], this.#found?.whole);
    this.#found = undefined;
  }

  #compare(touched: ReadonlyMap<string, unknown>): Found {
    const { granularity, classes, maxLength } = this.#options;
    const problems = new Problems();
    this.#standIns.begin();
    const present = new Map([...touched].map(([name, value]) => [name, value === removed ? undefined : value]));
    const comparing: Comparing = {
      reading: this.#reading,
      text: { classes, standIns: this.#standIns, problems, maxLength },
      newId: (kind) => {
        this.#prefix ??= this.#options.partPrefix();
        return `${kind}${this.#prefix}.${(this.#ids++).toString(36)}`;
      },
    };
    this.#found = touched.size === 0 ? undefined : strategies[granularity](present, comparing);
    const changes = this.#found?.changes ?? { fields: [], gone: [] };
    return { changes, leftOut: problems.leftOut, refused: problems.refused };
  }

  /** Whether the session may be as long as these changes make it; what makes it shorter always fits. */
  #fits({ fields, gone }: Changes): boolean {
    const { stored } = this.#reading;
    const before = stored.length ?? lengthOf(stored, stored.parts());
    let after = before;
    for (const { part, field, text } of fields) {
      const old = stored.get(part, field);
      if (text !== undefined) after += text.length + (old === undefined ? field.length : 0);
      if (old !== undefined) after -= old.length + (text === undefined ? field.length : 0);
    }
    if (after <= this.#options.maxLength || after <= before) return true;
    return after - lengthOf(stored, gone) <= this.#options.maxLength;
  }
}

/** So many attributes are tried one by one where not all fit. */
const few = 8;

function lengthOf(stored: StoredFields, parts: Iterable<string>): number {
  let length = 0;
  for (const part of parts) for (const [field, text] of stored.fields(part)) length += field.length + text.length;
  return length;
}
