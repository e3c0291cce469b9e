/**
 * The kinds of objects that keep what they are: objects, arrays, Maps, Sets and Dates, as they are or of a
 * registered class. Everything else stands for what JSON makes of it.
 */

import { types } from 'node:util';
import type { Classes } from './classes.ts';

/** Object, array, Map, Set, Date: the letters with which the names of parts begin. */
export type Kind = 'o' | 'a' | 'm' | 's' | 'd';

/** @returns `undefined`: it travels as JSON would carry it */
export function kindOf(object: object, classes: Classes): Kind | undefined {
  switch (Object.getPrototypeOf(object)) {
    case Object.prototype:
    case null:
      return typeof (object as { toJSON?: unknown }).toJSON === 'function' ? undefined : 'o';
    case Array.prototype:
      return Array.isArray(object) ? 'a' : undefined;
    case Map.prototype:
      return 'm';
    case Set.prototype:
      return 's';
    case Date.prototype:
      return 'd';
    default:
      return classes.of(object) === undefined ? undefined : baseOf(object);
  }
}

/** An empty object of a kind and, where it is registered here and fits, of a class; no constructor is called. */
export function shell(kind: Kind, className: string | undefined, classes: Classes): object {
  const prototype = className === undefined ? undefined : classes.prototype(className);
  if (kind === 'o' && prototype !== undefined && baseOf(prototype) === 'o') return Object.create(prototype);
  const object: object = empty[kind]();
  if (className === undefined) return object;
  if (prototype !== undefined && kind !== 'o' && prototype instanceof bases[kind])
    return Object.setPrototypeOf(object, prototype);
  classes.keepName(object, className);
  return object;
}

/** Whether all that `for … in` finds of an object is its own, but for what somebody put into the prototype of all. */
export function hasUsualPrototype(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype === Object.prototype || prototype === null;
}

/** Sets an own property, whatever its name: a setter of the prototype, `__proto__` among them, is not called. */
export function put(object: object, name: string, value: unknown): void {
  if (name in object && !Object.hasOwn(object, name))
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  else (object as Record<string, unknown>)[name] = value;
}

/** The own properties of a Map, a Set, a Date or an array count only where a class gives them meaning. */
export function ownNames(object: object, kind: Kind, className: string | undefined): readonly string[] {
  if (kind === 'o') return Object.keys(object);
  if (className === undefined) return [];
  return kind === 'a' ? Object.keys(object).filter((name) => !/^\d+$/.test(name)) : Object.keys(object);
}

/**
 * What is in a Map itself, a Set, a Date: a registered class may show its users something else (a view without what is
 * hidden, another unit), which would take the place of what it holds. Of a Proxy what it shows is all that can be had.
 */
export const entriesOf = (map: object): Iterable<[unknown, unknown]> =>
  types.isMap(map) ? Map.prototype.entries.call(map) : (map as ReadonlyMap<unknown, unknown>);

export const membersOf = (set: object): Iterable<unknown> =>
  types.isSet(set) ? Set.prototype.values.call(set) : (set as ReadonlySet<unknown>);

export const timeOf = (date: object): number =>
  types.isDate(date) ? Date.prototype.getTime.call(date) : (date as Date).getTime();

const empty: Readonly<Record<Kind, () => object>> = {
  o: () => ({}),
  a: () => [],
  m: () => new Map(),
  s: () => new Set(),
  d: () => new Date(Number.NaN),
};

const bases = { a: Array, m: Map, s: Set, d: Date };

function baseOf(object: object): Kind {
  return membered.find((kind) => object instanceof bases[kind]) ?? 'o';
}

const membered = ['a', 'm', 's', 'd'] as const;
