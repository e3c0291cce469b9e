/**
 * The classes whose instances keep their class on other nodes, by name. An instance is made again without
 * its constructor: a new object of the class' prototype gets the fields; what a class keeps in `#private`
 * fields is not seen and does not travel. An instance of a subclass that is not itself registered arrives
 * as one of its nearest registered class, since no other node could find the subclass by its name.
 */

import { configError } from '../../errors.ts';
import { aNoun } from './problem.ts';

/** An abstract one, too: what is registered is a prototype. */
export type Class = abstract new (...args: never[]) => object;

/** A registered class as it is found for an instance. */
export interface Named {
  readonly name: string;
  /** The instance is of a subclass that is not registered. */
  readonly inherited: boolean;
}

/** What kind.ts knows without being told. Classes that extend them are registered. */
const kinds: readonly unknown[] = [Object, Array, Map, Set, Date];

export class Classes {
  readonly #byName = new Map<string, Class>();
  readonly #byPrototype = new Map<object, Named>();
  /** Instances of classes that another node has registered and this one has not: they keep the name. */
  readonly #foreign = new WeakMap<object, string>();
  #keepsForeign = false;

  /** @throws SsoError ERR_CONFIG_INVALID no class, one without a name, a built-in one, one that extends such a one and is no kind, or two of one name */
  constructor(list: readonly Class[]) {
    for (const each of list) {
      if (typeof each !== 'function' || typeof each.prototype !== 'object' || each.prototype === null)
        throw configError('classes', 'must be a list of classes');
      if (each.name === '') throw configError('classes', 'one of them has no name, by which other nodes would find it');
      if (kinds.includes(each)) throw configError('classes', `${each.name} is built in and needs no registration`);
      const base = builtInBaseOf(each);
      if (base !== undefined) throw configError('classes', wouldBeLost(each, base));
      if (this.#byName.has(each.name)) throw configError('classes', `two of them are named ${each.name}`);
      this.#byName.set(each.name, each);
      this.#byPrototype.set(each.prototype, { name: each.name, inherited: false });
    }
  }

  /** The registered class of an instance; `undefined` for whatever else. */
  of(object: object): Named | undefined {
    const foreign = this.#keepsForeign ? this.#foreign.get(object) : undefined;
    if (foreign !== undefined) return { name: foreign, inherited: false };
    const prototype: object | null = Object.getPrototypeOf(object);
    if (prototype === Object.prototype || prototype === null || this.#byPrototype.size === 0) return undefined;
    for (let each: object | null = prototype; each !== null; each = Object.getPrototypeOf(each)) {
      const named = this.#byPrototype.get(each);
      if (named !== undefined) return each === prototype ? named : { ...named, inherited: true };
    }
    return undefined;
  }

  /** Nobody has asked for instances. */
  get isEmpty(): boolean {
    return this.#byName.size === 0;
  }

  /** @returns `undefined`: none of this name is registered here */
  prototype(name: string): object | undefined {
    return this.#byName.get(name)?.prototype;
  }

  /** `object` stands for an instance of a class that is not registered here. */
  keepName(object: object, name: string): void {
    this.#foreign.set(object, name);
    this.#keepsForeign = true;
  }

  /** Whether there may be objects for which `keepName` was called. */
  get keepsForeign(): boolean {
    return this.#keepsForeign;
  }
}

/** The class of the runtime's, other than a kind, that a class is or extends. */
function builtInBaseOf(each: Class): Class | undefined {
  for (let at: object | null = each.prototype; at !== null; at = Object.getPrototypeOf(at)) {
    const made: unknown = Object.getOwnPropertyDescriptor(at, 'constructor')?.value;
    if (isBuiltIn(made) && !kinds.includes(made)) return made;
  }
  return undefined;
}

/** What the runtime put into its global object is not enumerable; what an application puts there by an assignment is. */
function isBuiltIn(value: unknown): value is Class {
  if (typeof value !== 'function') return false;
  return [globalThis, Intl].some((place: object) => {
    const isHidden = Object.getOwnPropertyDescriptor(place, value.name)?.enumerable === false;
    return isHidden && (place as Readonly<Record<string, unknown>>)[value.name] === value;
  });
}

function wouldBeLost(each: Class, base: Class): string {
  const what = each === base ? `${each.name} is built in` : `${each.name} is ${aNoun(base.name)}`;
  const lost =
    each === Error || each.prototype instanceof Error
      ? 'message and stack of an instance are not enumerable and would not arrive'
      : 'an instance would arrive without what the runtime keeps inside it';
  return `${what}: ${lost}. Keep its text, or an instance of a class of your own with toJSON`;
}
