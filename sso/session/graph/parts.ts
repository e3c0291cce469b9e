/**
 * Objects from their parts (`FIELD`). A part's name begins with the letter of its kind; the text of a field is
 * a primitive (primitive.ts) or a reference, `["part"]`, with the class as a second member where there is one.
 *
 * | kind    | fields |
 * | ------- | ------ |
 * | object  | its own properties; a name that begins with `!` gets one more |
 * | array   | `0`, `1`, …; a place that is missing, which two writers can bring about, is closed |
 * | Map     | the key's text: `[rank,value]`; entries are in the order of ranks, then keys |
 * | Set     | the member's text: its rank |
 * | Date    | `t`: milliseconds |
 *
 * `!` stands in a part that else had none: a part without any field is gone, and references to it lead
 * nowhere. The last four have the own properties of an instance of a registered class as `.name`.
 */

import type { Classes } from './classes.ts';
import { type Kind, put, shell, timeOf } from './kind.ts';
import { parsePrimitive } from './primitive.ts';
import type { StoredFields } from './stored.ts';

/** What a part's object held when it was read or written last. */
export interface Shot {
  readonly fields: readonly string[];
  /** Primitives, and objects themselves, beside their fields. */
  readonly values: readonly unknown[];
  /** Of the members of a Map or Set, which come first. */
  readonly ranks: readonly number[];
}

export interface Part {
  readonly id: string;
  readonly object: object;
  readonly className: string | undefined;
  shot: Shot;
}

/** The field of a part that else had none. */
export const emptyField = '!';

export const fieldOfName = (name: string) => (name.charCodeAt(0) === 0x21 ? `!${name}` : name);
const nameOfField = (field: string) => (field.charCodeAt(0) === 0x21 ? field.slice(1) : field);

export function referenceText(id: string, className: string | undefined): string {
  return className === undefined ? `["${id}"]` : `["${id}",${JSON.stringify(className)}]`;
}

/** The part that a field's text refers to, if it does. */
export function partOfReference(text: string | undefined): string | undefined {
  if (text === undefined || text.charCodeAt(0) !== 0x5b) return undefined;
  const end = text.indexOf('"', 2);
  return text.charCodeAt(1) === 0x22 && end > 2 ? text.slice(2, end) : undefined;
}

function classOfReference(text: string, id: string): string | undefined {
  if (text.length === id.length + 4) return undefined;
  const [, className] = JSON.parse(text) as readonly unknown[];
  return typeof className === 'string' ? className : undefined;
}

/** The parts that a stored field of a part refers to. */
export function* partsOfField(part: string, field: string, text: string): Iterable<string> {
  const kind = part[0];
  const isEntry = (kind === 'm' || kind === 's') && field.charCodeAt(0) !== 0x2e;
  const value = partOfReference(isEntry && kind === 'm' ? valueText(text) : text);
  if (value !== undefined) yield value;
  const key = isEntry ? partOfReference(field) : undefined;
  if (key !== undefined) yield key;
}

export function entryText(rank: number, value: string): string {
  return `[${rank},${value}]`;
}

function valueText(text: string): string {
  return text.slice(text.indexOf(',') + 1, -1);
}

/** Says of a reference that the part is gone, of a text that it is none of ours. */
export const absent = Symbol('absent');

/** The objects of one session, as far as they were asked for: each part is one object, however it is reached. */
export class Parts {
  readonly #classes: Classes;
  readonly #byId = new Map<string, Part>();
  readonly #byObject = new Map<object, Part>();

  constructor(classes: Classes) {
    this.#classes = classes;
  }

  of(object: object): Part | undefined {
    return this.#byObject.get(object);
  }

  withId(id: string | undefined): Part | undefined {
    return id === undefined ? undefined : this.#byId.get(id);
  }

  add(part: Part): void {
    this.#byId.set(part.id, part);
    this.#byObject.set(part.object, part);
  }

  forget(id: string): void {
    const part = this.#byId.get(id);
    if (part === undefined) return;
    this.#byId.delete(id);
    this.#byObject.delete(part.object);
  }

  /** What a field's text stands for, with all that can be reached from there; `absent` where it leads nowhere. */
  value(text: string, stored: StoredFields): unknown {
    const begun: Begun[] = [];
    const read = (text: string) => this.#value(text, stored, begun);
    const value = read(text);
    for (let next = begun.pop(); next !== undefined; next = begun.pop()) {
      next.part.shot =
        (next.lines && this.#fillPlain(next.part, next.lines, read)) ??
        fill[next.part.id[0] as Kind](next.part, next.fields ?? [...stored.fields(next.part.id)], read);
    }
    return value;
  }

  /** The quick way, for most: a plain object or array. `undefined`: it is to be filled with more care, whatever was done. */
  #fillPlain(
    { id, object, className }: Part,
    { names, text }: Lines,
    read: (text: string) => unknown,
  ): Shot | undefined {
    const isArray = id.charCodeAt(0) === 0x61;
    if (className !== undefined || !(isArray ? arePlaces(names) : id.charCodeAt(0) === 0x6f && areUsual(names)))
      return undefined;
    // Of its length from the start: it would grow by far more than most parts have fields.
    const values = new Array<unknown>(names.length);
    let from = 0;
    for (let at = 0; at < names.length; at += 1) {
      const end = text.indexOf('\n', from);
      const to = end < 0 ? text.length : end;
      const value = read(text.slice(from, to));
      if (value === absent) {
        if (isArray) (object as unknown[]).length = 0;
        return undefined;
      }
      if (isArray) (object as unknown[]).push(value);
      else (object as Record<string, unknown>)[names[at]!] = value;
      values[at] = value;
      from = to + 1;
    }
    return { fields: names, values, ranks: noRanks };
  }

  #value(text: string, stored: StoredFields, begun: Begun[]): unknown {
    try {
      return text.charCodeAt(0) === 0x5b ? this.#object(text, stored, begun) : parsePrimitive(text);
    } catch {
      return absent;
    }
  }

  #object(text: string, stored: StoredFields, begun: Begun[]): unknown {
    const id = partOfReference(text);
    if (id === undefined || !Object.hasOwn(fill, id.charAt(0))) return absent;
    const known = this.#byId.get(id);
    if (known !== undefined) return known.object;
    const lines = stored.lines?.(id);
    const fields = lines === undefined ? [...stored.fields(id)] : undefined;
    if ((lines?.names ?? fields)?.length === 0 || (fields === undefined && lines === undefined)) return absent;
    const name = classOfReference(text, id);
    const object = shell(id[0] as Kind, name, this.#classes);
    const part: Part = { id, object, className: name, shot: noShot };
    this.add(part);
    begun.push({ part, lines, fields });
    return object;
  }
}

type Fields = readonly (readonly [field: string, text: string])[];
type Lines = NonNullable<ReturnType<NonNullable<StoredFields['lines']>>>;

/** A part whose object is not filled yet; one of the two is there. */
interface Begun {
  readonly part: Part;
  readonly lines: Lines | undefined;
  readonly fields: Fields | undefined;
}

type Fill = (part: Part, stored: Fields, read: (text: string) => unknown) => Shot;

interface OpenShot extends Shot {
  readonly fields: string[];
  readonly values: unknown[];
  readonly ranks: number[];
}

/** How the object of a part is filled, by its kind. */
const fill: Readonly<Record<Kind, Fill>> = {
  o: ({ object }, stored, read) => {
    const shot = emptyShot();
    for (const [field, text] of stored) {
      if (field === emptyField) continue;
      const value = read(text);
      if (value === absent) continue;
      put(object, nameOfField(field), value);
      shot.fields.push(field);
      shot.values.push(value);
    }
    return shot;
  },
  a: (part, stored, read) => {
    const places = stored.every(([field], at) => field === String(at)) ? stored : placesOf(stored);
    const shot = emptyShot();
    for (const [field, text] of places) {
      const value = read(text);
      if (value === absent) continue;
      Array.prototype.push.call(part.object, value);
      shot.fields.push(field);
      shot.values.push(value);
    }
    return fillOwn(part, stored, read, shot);
  },
  m: (part, stored, read) => {
    const shot = emptyShot();
    for (const [field, text, rank] of ranked(stored, (text) => Number(text.slice(1, text.indexOf(','))))) {
      const [key, value] = [read(field), read(valueText(text))];
      if (key === absent || value === absent) continue;
      Map.prototype.set.call(part.object, key, value);
      shot.fields.push(field);
      shot.values.push(value);
      shot.ranks.push(rank);
    }
    return fillOwn(part, stored, read, shot);
  },
  s: (part, stored, read) => {
    const shot = emptyShot();
    for (const [field, , rank] of ranked(stored, Number)) {
      const member = read(field);
      if (member === absent) continue;
      Set.prototype.add.call(part.object, member);
      shot.fields.push(field);
      shot.values.push(member);
      shot.ranks.push(rank);
    }
    return fillOwn(part, stored, read, shot);
  },
  d: (part, stored, read) => {
    const shot = emptyShot();
    const time = read(stored.find(([field]) => field === 't')?.[1] ?? '');
    Date.prototype.setTime.call(part.object, typeof time === 'number' ? time : Number.NaN);
    shot.fields.push('t');
    shot.values.push(timeOf(part.object));
    return fillOwn(part, stored, read, shot);
  },
};

export function emptyShot(): OpenShot {
  return { fields: [], values: [], ranks: [] };
}

const noShot: Shot = emptyShot();
const noRanks: readonly number[] = [];

/** By the names of a part, which all parts of one shape share: whether they are properties that no object has from elsewhere. */
const usualNames = new WeakMap<readonly string[], boolean>();

function areUsual(names: readonly string[]): boolean {
  let known = usualNames.get(names);
  if (known === undefined) {
    known = names.every((name) => !(name in Object.prototype) && !name.startsWith('!'));
    usualNames.set(names, known);
  }
  return known;
}

function arePlaces(names: readonly string[]): boolean {
  for (let at = 0; at < names.length; at += 1) if (names[at] !== String(at)) return false;
  return true;
}

function fillOwn({ object }: Part, stored: Fields, read: (text: string) => unknown, shot: OpenShot): OpenShot {
  for (const [field, text] of stored) {
    const value = field.startsWith('.') ? read(text) : absent;
    if (value === absent) continue;
    put(object, field.slice(1), value);
    shot.fields.push(field);
    shot.values.push(value);
  }
  return shot;
}

function placesOf(stored: Fields): Fields {
  return stored.filter(([field]) => /^\d+$/.test(field)).sort(([a], [b]) => Number(a) - Number(b));
}

/** The members of a Map or Set in their order. Two nodes may have given one rank twice. */
function ranked(
  stored: Fields,
  rankOf: (text: string) => number,
): readonly (readonly [field: string, text: string, rank: number])[] {
  return stored
    .filter(([field]) => !field.startsWith('.') && field !== emptyField)
    .map(([field, text]) => [field, text, rankOf(text)] as const)
    .filter(([, , rank]) => Number.isFinite(rank))
    .sort(([a, , rankA], [b, , rankB]) => rankA - rankB || (a < b ? -1 : 1));
}
