/**
 * A value with all it holds as one text. Plain data is exactly its JSON; what JSON has no words for is an
 * object of one key that begins with `$` (an own key that does gets one `$` more):
 *
 * `{"$undefined":0}` · `{"$number":"NaN"}` · `{"$bigint":"7"}` · `{"$date":0}` · `{"$map":[[key,value],…]}` ·
 * `{"$set":[member,…]}` · `{"$new":[class,{fields},base?]}` an instance of a registered class, and the Map, Set,
 * Date or array that it is besides · `{"$ref":n}` the n-th object of the text, counted from 0 in the order in
 * which they begin: what is shared stays shared, and cycles close.
 *
 * Equal graphs, the order of keys included, give equal texts, so comparing texts finds what changed; and a
 * text is the same after `JSON.parse` and `JSON.stringify`, so it may be embedded in other JSON.
 */

import type { Classes } from './classes.ts';
import { entriesOf, type Kind, kindOf, membersOf, ownNames, timeOf } from './kind.ts';
import { pathToLargest } from './largest.ts';
import { isJsonNumber, type Primitive, primitiveText } from './primitive.ts';
import { aNoun, type Problems, pathOf, refusal, type Step } from './problem.ts';
import { CannotTravel, classLost, type StandIns } from './stand-ins.ts';

/** Levels of objects within objects. Neither this nor an application's own recursion comes near the end of the stack. */
export const maxDepth = 1_000;

export interface TextParts {
  readonly classes: Classes;
  readonly standIns: StandIns;
  readonly problems: Problems;
  /** Most characters of one text. */
  readonly maxLength: number;
}

/** @returns `undefined`: nothing of it is to be kept, as of a function or of `undefined` itself */
export function encodeText(
  value: unknown,
  path: readonly Step[],
  parts: TextParts,
): string | undefined | typeof refusal {
  if (value === undefined) return undefined;
  const plain = plainText(value, parts);
  return plain === undefined || plain.length > parts.maxLength ? new TextWriter(path, parts).whole(value) : plain;
}

/** The quick way, for most values. */
function plainText(value: unknown, { classes, maxLength }: TextParts): string | undefined {
  if (typeof value !== 'object' || value === null || classes.keepsForeign) return undefined;
  try {
    return isPlain(value, maxLength) ? JSON.stringify(value) : undefined;
  } catch {
    return undefined; // an accessor threw: the other way says where
  }
}

/** Whether JSON alone says all there is: no other kinds, nothing shared, no key that begins with `$`. */
function isPlain(value: object, maxObjects: number): boolean {
  const seen = new Set<object>();
  return look(value, 0);

  function look(object: object, depth: number): boolean {
    if (seen.size === seen.add(object).size || depth === maxDepth || seen.size > maxObjects) return false;
    const prototype: unknown = Object.getPrototypeOf(object);
    if (prototype === Array.prototype) {
      if (!Array.isArray(object) || object.length > maxObjects) return false;
      for (let at = 0; at < object.length; at += 1) if (!isPlainValue(object[at], depth)) return false;
      return true;
    }
    if (prototype !== Object.prototype && prototype !== null) return false;
    for (const key in object) {
      if (key.charCodeAt(0) === 0x24 || !isPlainValue((object as Record<string, unknown>)[key], depth)) return false;
    }
    return true;
  }

  function isPlainValue(each: unknown, depth: number): boolean {
    switch (typeof each) {
      case 'string':
      case 'boolean':
        return true;
      case 'number':
        return isJsonNumber(each);
      case 'object':
        return each === null || look(each, depth + 1);
      default:
        return false;
    }
  }
}

const nothing = Symbol('nothing');

class TooLong extends Error {}

class TextWriter {
  readonly #parts: TextParts;
  readonly #path: Step[];
  readonly #numbers = new Map<object, number>();
  #text = '';
  #depth = 0;
  #refused = false;

  constructor(path: readonly Step[], parts: TextParts) {
    this.#parts = parts;
    this.#path = [...path];
  }

  whole(value: unknown): string | undefined | typeof refusal {
    const [name] = this.#path;
    try {
      const carried = this.#carried(value);
      if (carried === nothing) return this.#refused ? refusal : undefined;
      this.#write(carried);
      this.#checkLength();
    } catch (error) {
      if (error instanceof TooLong)
        this.#parts.problems.refuse(whereTooLong(name, value), tooLong(this.#parts.maxLength));
      else this.#refuse(unreadable(error));
      return refusal;
    }
    return this.#refused ? refusal : this.#text;
  }

  /** What travels for `value`: itself, the stand-in of an object of no kind of ours, or nothing. */
  #carried(value: unknown): unknown {
    if (typeof value === 'function' || typeof value === 'symbol') {
      this.#parts.problems.leaveOut(pathOf(this.#path), leftOut(value));
      return nothing;
    }
    if (typeof value !== 'object' || value === null || kindOf(value, this.#parts.classes) !== undefined) return value;
    try {
      const standIn = this.#parts.standIns.for(value, this.#path.at(-1) ?? '');
      const lost = this.#parts.classes.isEmpty ? undefined : classLost(value);
      if (lost !== undefined) this.#parts.problems.leaveOut(pathOf(this.#path), unregistered(lost), `class ${lost}`);
      return standIn === undefined ? nothing : standIn;
    } catch (error) {
      if (!(error instanceof CannotTravel)) throw error;
      this.#refuse(error.message);
      return nothing;
    }
  }

  #write(value: unknown): void {
    if (typeof value !== 'object' || value === null) this.#text += primitiveText(value as Primitive);
    else if (this.#numbers.has(value)) this.#text += `{"$ref":${this.#numbers.get(value)}}`;
    else this.#writeObject(value);
  }

  #writeObject(object: object): void {
    const { classes, problems } = this.#parts;
    if (this.#depth === maxDepth) {
      this.#refuse(tooDeep);
      return;
    }
    this.#checkLength();
    this.#numbers.set(object, this.#numbers.size);
    this.#depth += 1;
    const kind = kindOf(object, classes) ?? 'o';
    const named = classes.of(object);
    if (named === undefined) {
      if (kind === 'o') this.#writeFields(object, Object.keys(object));
      else this.#writeMembers[kind](object);
    } else {
      if (named.inherited) problems.leaveOut(pathOf(this.#path), inherited(object, named.name));
      this.#text += `{"$new":[${JSON.stringify(named.name)},`;
      this.#writeFields(object, ownNames(object, kind, named.name));
      if (kind !== 'o') {
        this.#text += ',';
        this.#writeMembers[kind](object);
      }
      this.#text += ']}';
    }
    this.#depth -= 1;
  }

  #writeFields(object: object, names: readonly string[]): void {
    let comma = '{';
    for (const name of names) {
      this.#path.push(name);
      const value = this.#carried((object as Record<string, unknown>)[name]);
      if (value !== nothing) {
        this.#text += `${comma}${JSON.stringify(name.startsWith('$') ? `$${name}` : name)}:`;
        this.#write(value);
        comma = ',';
      }
      this.#path.pop();
    }
    this.#text += comma === '{' ? '{}' : '}';
  }

  readonly #writeMembers: Readonly<Record<Exclude<Kind, 'o'>, (object: object) => void>> = {
    a: (object) => {
      const array = object as readonly unknown[];
      if (array.length > this.#parts.maxLength) throw new TooLong();
      this.#text += '[';
      for (let at = 0; at < array.length; at += 1) {
        this.#path.push(at);
        const value = this.#carried(array[at]);
        if (at > 0) this.#text += ',';
        // As JSON does: the others keep their places.
        this.#write(value === nothing ? null : value);
        this.#path.pop();
      }
      this.#text += ']';
    },
    m: (object) => {
      let comma = '';
      this.#text += '{"$map":[';
      for (const [key, value] of entriesOf(object)) {
        this.#path.push({ verb: 'get', key });
        const [carriedKey, carriedValue] = [this.#carried(key), this.#carried(value)];
        if (carriedKey !== nothing && carriedValue !== nothing) {
          this.#text += `${comma}[`;
          this.#write(carriedKey);
          this.#text += ',';
          this.#write(carriedValue);
          this.#text += ']';
          comma = ',';
        }
        this.#path.pop();
      }
      this.#text += ']}';
    },
    s: (object) => {
      let comma = '';
      this.#text += '{"$set":[';
      for (const member of membersOf(object)) {
        this.#path.push({ verb: 'has', key: member });
        const carried = this.#carried(member);
        if (carried !== nothing) {
          this.#text += comma;
          this.#write(carried);
          comma = ',';
        }
        this.#path.pop();
      }
      this.#text += ']}';
    },
    d: (object) => {
      const time = timeOf(object);
      this.#text += `{"$date":${Number.isNaN(time) ? null : time}}`;
    },
  };

  #refuse(what: string): void {
    this.#refused = true;
    this.#parts.problems.refuse(pathOf(this.#path), what);
  }

  #checkLength(): void {
    if (this.#text.length > this.#parts.maxLength) throw new TooLong();
  }
}

const whereTooLong = (name: Step | undefined, value: unknown) =>
  typeof name === 'string' ? pathToLargest(name, value) : '';

export const tooDeep = `lies deeper than ${maxDepth} levels`;

export const tooLong = (maxLength: number) => `is too much: a session has at most ${maxLength} characters`;

export const tooManyBytes = (maxBytes: number) =>
  `is too much: a session has at most ${maxBytes} bytes on its way to the other nodes`;

/** Of a function or a symbol. */
export const leftOut = (value: unknown) => `is a ${typeof value}, which is left out`;

export const inherited = (object: object, name: string) =>
  `is ${aNoun(object.constructor?.name ?? 'object')}, which is not registered: it arrives as ${aNoun(name)}`;

export const unregistered = (name: string) =>
  `is ${aNoun(name)}, which is not registered: it arrives as what JSON makes of it, without its class`;

/** What an accessor, or something that only looks like a Map, threw. */
export function unreadable(error: unknown): string {
  return `cannot be read: ${error instanceof Error ? error.message : error}`;
}
