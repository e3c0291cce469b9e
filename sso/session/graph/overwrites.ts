/**
 * The quick comparison, for most requests (`FIELD`): all that the attributes lead to is as it was read, but for primitives
 * of plain objects, arrays and Dates that took the place of primitives. Then no link has changed: nothing is new, nothing is
 * gone, and nothing has to be kept in mind of an object that is the same. Whatever else there is, parts-comparison.ts finds.
 */

import type { FieldChange } from '../data/changes.ts';
import { hasUsualPrototype, timeOf } from './kind.ts';
import { type Part, type Parts, partOfReference } from './parts.ts';
import { isPrimitive, type Primitive, primitiveText } from './primitive.ts';

export interface Overwrites {
  readonly fields: readonly FieldChange[];
  /** They are written: they are what later values are compared with. */
  commit(): void;
}

/**
 * What was written over in all that these parts lead to.
 * @returns `undefined`: there is more, or something that has to be looked at with more care
 */
export function overwritesOf(roots: readonly Part[], parts: Parts): Overwrites | undefined {
  const search = new Search(roots, parts);
  try {
    if (!search.isQuick()) return undefined;
  } catch {
    return undefined; // an accessor threw: the other way says where
  }
  const { found } = search;
  return {
    fields: found.flatMap(({ part: { id, shot }, values, places }) =>
      places.map((at) => ({ part: id, field: shot.fields[at]!, text: primitiveText(values[at] as Primitive) })),
    ),
    commit() {
      for (const { part, values } of found) part.shot = { ...part.shot, values };
    },
  };
}

/** A part with other primitives. */
interface Overwritten {
  readonly part: Part;
  /** All it holds now. */
  readonly values: unknown[];
  /** The places in it that differ. */
  readonly places: number[];
}

class Search {
  readonly found: Overwritten[] = [];
  readonly #parts: Parts;
  readonly #reached: Set<Part>;

  constructor(roots: readonly Part[], parts: Parts) {
    this.#parts = parts;
    this.#reached = new Set(roots);
  }

  isQuick(): boolean {
    // What is added meanwhile is looked at as well.
    for (const part of this.#reached) if (part.className !== undefined || !this.#look(part)) return false;
    return true;
  }

  #look(part: Part): boolean {
    const { object, shot } = part;
    switch (part.id[0]) {
      case 'o':
        return this.#lookAtFields(part);
      case 'a':
        return this.#lookAtPlaces(part);
      case 'd':
        return shot.fields.length === 1 && this.#isQuickAt(part, 0, timeOf(object));
      default:
        return false;
    }
  }

  #lookAtFields(part: Part): boolean {
    const { fields } = part.shot;
    const object = part.object as Record<string, unknown>;
    if (!hasUsualPrototype(object)) return false;
    let at = 0;
    for (const name in object) {
      // One that begins with `!` is under another name in the shot.
      if (name !== fields[at] || name.charCodeAt(0) === 0x21 || !this.#isQuickAt(part, at, object[name])) return false;
      at += 1;
    }
    return at === fields.length;
  }

  #lookAtPlaces(part: Part): boolean {
    const array = part.object as readonly unknown[];
    const { length } = part.shot.values;
    if (array.length !== length) return false;
    for (let at = 0; at < length; at += 1) if (!this.#isQuickAt(part, at, array[at])) return false;
    return true;
  }

  /** Whether a value is what it was, or a primitive in the place of another. */
  #isQuickAt(part: Part, at: number, value: unknown): boolean {
    const before = part.shot.values[at];
    if (Object.is(value, before)) return isPrimitive(value) || this.#reach(value as object);
    if (!isPrimitive(before) || !isPrimitive(value)) return false;
    // Where a place was closed, or two writers took one, the array is numbered anew.
    if (part.id[0] === 'a' && part.shot.fields[at] !== String(at)) return false;
    let last = this.found.at(-1);
    if (last?.part !== part) this.found.push((last = { part, values: [...part.shot.values], places: [] }));
    last.values[at] = value;
    last.places.push(at);
    return true;
  }

  #reach(object: object): boolean {
    const part = this.#parts.of(object);
    if (part !== undefined) this.#reached.add(part);
    return part !== undefined;
  }
}

/** The part of an attribute that leads where it led before; `undefined`: it does not. */
export function rootOf(value: object, before: string | undefined, parts: Parts): Part | undefined {
  const part = parts.of(value);
  return part !== undefined && part.id === partOfReference(before) ? part : undefined;
}
