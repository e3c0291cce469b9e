/**
 * Whether two graphs are the same: values, kinds, prototypes, and which objects are one. It walks both at
 * once and pairs each object of one with one of the other. The order of Maps, Sets and arrays counts; of own
 * keys where it is asked for.
 */

export function sameGraph(a: unknown, b: unknown, { keyOrder }: { readonly keyOrder: boolean }): string | undefined {
  const paired = new Map<object, object>();
  const pairedBack = new Map<object, object>();
  return compare(a, b, '');

  function compare(a: unknown, b: unknown, path: string): string | undefined {
    if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null)
      return Object.is(a, b) ? undefined : `${path}: ${show(a)} and ${show(b)}`;
    if (paired.has(a) || pairedBack.has(b))
      return paired.get(a) === b && pairedBack.get(b) === a ? undefined : `${path}: shared in one only`;
    paired.set(a, b);
    pairedBack.set(b, a);
    if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return `${path}: other prototypes`;
    return compareContents(a, b, path);
  }

  function compareContents(a: object, b: object, path: string): string | undefined {
    const [membersA, membersB] = [membersOf(a), membersOf(b)];
    if (membersA.length !== membersB.length) return `${path}: ${membersA.length} and ${membersB.length} members`;
    for (const [at, member] of membersA.entries()) {
      const found = compare(member, membersB[at], `${path}[${at}]`);
      if (found !== undefined) return found;
    }
    const [keysA, keysB] = [keysOf(a), keysOf(b)];
    if (!keyOrder) {
      keysA.sort();
      keysB.sort();
    }
    if (keysA.join() !== keysB.join()) return `${path}: keys ${keysA} and ${keysB}`;
    for (const key of keysA) {
      const found = compare((a as Any)[key], (b as Any)[key], `${path}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

type Any = Record<string, unknown>;

function membersOf(object: object): readonly unknown[] {
  if (object instanceof Map) return [...object].flat(1);
  if (object instanceof Set) return [...object];
  if (object instanceof Date) return [object.getTime()];
  return Array.isArray(object) ? Array.from(object) : [];
}

const keysOf = (object: object) => Object.keys(object).filter((key) => !Array.isArray(object) || !/^\d+$/.test(key));

function show(value: unknown): string {
  return typeof value === 'object' && value !== null
    ? `an object (${Object.keys(value)})`
    : `${typeof value} ${String(value)}`;
}
