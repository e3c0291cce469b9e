/**
 * The attributes of one session as one request sees them: read when they are asked for, and compared at the
 * end with what they were read from. Pure: it is given what is stored, and returns what is to be written.
 */

import { lengthsOf } from '../data/length.ts';
import { attributeChanges, type Comparing, fieldChanges, sessionChanges, type Written } from './changes.ts';
import type { Classes } from './classes.ts';
import { pathToLargest } from './largest.ts';
import { type Problem, Problems } from './problem.ts';
import { noFields, Reading, readAll } from './reading.ts';
import { StandIns } from './stand-ins.ts';
import type { Changes, Granularity, StoredFields } from './stored.ts';
import { tooLong, tooManyBytes } from './text.ts';

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
  /** Most bytes of it that travel. Default: any number. */
  readonly maxBytes?: number;
}

const strategies = { SESSION: sessionChanges, ATTRIBUTE: attributeChanges, FIELD: fieldChanges };

export class Tracker {
  readonly #options: TrackerOptions;
  readonly #reading: Reading;
  readonly #standIns = new StandIns();
  /** What the last comparison found, until it is written. */
  #found: Written | undefined;
  #prefix: string | undefined;
  /** Parts that what is written has named, and the last comparison besides. */
  #namedWritten = 0;
  #namedFound = 0;

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
    return this.#tooMuch(all.changes) === undefined ? all : this.#compareFitting(touched);
  }

  /** Without each attribute that does not fit beside those before it that do. */
  #compareFitting(touched: ReadonlyMap<string, unknown>): Found {
    // As one text travels also what was changed in place and nobody asks about.
    const isWhole = this.#options.granularity === 'SESSION';
    const before = isWhole ? this.names().map((name) => [name, this.read(name)] as const) : [];
    const candidates = new Map([...before, ...touched]);
    const fitting = new Map<string, unknown>();
    const refused: Problem[] = [];
    let looks = 0;
    for (let rest = [...candidates]; rest.length > 0; ) {
      const { count, what, looked } = this.#fittingFirst(fitting, rest, candidates, mostLooks - looks);
      looks += looked;
      for (const [name, value] of rest.slice(0, count)) fitting.set(name, value);
      const isOneByOne = refused.length < mostTries && looks < mostLooks;
      const over = rest.slice(count, isOneByOne ? count + 1 : undefined);
      for (const [name, value] of over) refused.push({ path: pathToLargest(name, value), what });
      rest = rest.slice(count + over.length);
    }
    const found = this.#compare(fitting, candidates);
    return { ...found, refused: [...found.refused, ...refused] };
  }

  /**
   * How many of the rest fit beside what does, in their order, and what is wrong with the next: all, or as many as steps that
   * double, and then halve, find. Each comparison looks at all that is in it, so there must be few.
   *
   * @param mostLooked attributes, each as often as it is looked at: after so many the next that does not fit is the last that is tried
   */
  #fittingFirst(
    fitting: ReadonlyMap<string, unknown>,
    rest: readonly (readonly [name: string, value: unknown])[],
    candidates: ReadonlyMap<string, unknown>,
    mostLooked: number,
  ): { readonly count: number; readonly what: string; readonly looked: number } {
    let looked = 0;
    let fits = 0;
    let tooMany = rest.length + 1;
    let what = '';
    for (let next = rest.length; fits < next && next < tooMany; ) {
      const { changes } = this.#compare(new Map([...fitting, ...rest.slice(0, next)]), candidates);
      const why = this.#tooMuch(changes);
      looked += fitting.size + next;
      if (why === undefined) fits = next;
      else {
        tooMany = next;
        what = why;
        if (looked > mostLooked) break;
      }
      next = Math.min(2 * fits || 1, (fits + tooMany) >> 1);
    }
    return { count: fits, what, looked };
  }

  /** What `compare` found last is written: from now on it is what later values are compared with. Objects that were read stay the same. */
  rebase(stored: StoredFields): void {
    this.#found?.commit?.();
    this.#reading.rebase(stored, this.#found?.attributes ?? [], this.#found?.whole);
    this.#found = undefined;
    this.#namedWritten = this.#namedFound;
  }

  /** @param candidates of which those that are not touched stay as they are stored, whatever was done to them */
  #compare(touched: ReadonlyMap<string, unknown>, candidates: ReadonlyMap<string, unknown> = touched): Found {
    const { granularity, classes, maxLength } = this.#options;
    const problems = new Problems();
    // What was not written is named alike again: so that whoever is refused it can tell that it is the same.
    this.#namedFound = this.#namedWritten;
    this.#standIns.begin();
    const present = new Map([...touched].map(([name, value]) => [name, value === removed ? undefined : value]));
    const comparing: Comparing = {
      reading: this.#reading,
      withheld: candidates === touched ? none : [...candidates.keys()].filter((name) => !touched.has(name)),
      text: { classes, standIns: this.#standIns, problems, maxLength },
      newId: (kind) => {
        this.#prefix ??= this.#options.partPrefix();
        return `${kind}${this.#prefix}.${(this.#namedFound++).toString(36)}`;
      },
    };
    this.#found = touched.size === 0 ? undefined : strategies[granularity](present, comparing);
    const changes = this.#found?.changes ?? { fields: [], gone: [] };
    return { changes, leftOut: problems.leftOut, refused: problems.refused };
  }

  /** Why the session must not be as large as these changes make it; what makes it smaller always may. */
  #tooMuch(changes: Changes): string | undefined {
    const { maxLength, maxBytes = Number.POSITIVE_INFINITY } = this.#options;
    if (this.#found?.isTooMuch) return tooLong(maxLength);
    const { stored } = this.#reading;
    const { before, after } = lengthsOf(stored, changes);
    if (after > maxLength && after > before) return tooLong(maxLength);
    return stored.fitsInto?.(maxBytes, changes) === false ? tooManyBytes(maxBytes) : undefined;
  }
}

const none: readonly string[] = [];

/** So many attributes that do not fit are found one by one; more are refused with all that come after them. */
const mostTries = 8;

/** Half a second or so. Beyond it all that come after those that are known to fit are refused. */
const mostLooks = 200_000;
