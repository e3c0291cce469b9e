/**
 * A copy of a graph as it is to arrive on another node, made the plain way: sharing and cycles kept, what has no kind of its own as
 * JSON carries it at this place. The same JSON of one object is one object.
 * @returns what copies several values of one graph, each with the name under which it lies
 */

export function naiveCopier(registered: readonly object[]): (value: unknown, key: string) => unknown {
  const copies = new Map<object, unknown>();
  const texts = new Map<object, Map<string, unknown>>();
  return copy;

  function asJson(value: object, key: string): unknown {
    const [made]: readonly unknown[] = Object.values(JSON.parse(JSON.stringify({ [key]: value })));
    const text = JSON.stringify(made);
    const known = texts.get(value) ?? new Map<string, unknown>();
    texts.set(value, known);
    const plain = known.has(text) ? known.get(text) : made;
    known.set(text, plain);
    return plain;
  }

  function copy(value: unknown, place: string): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (copies.has(value)) return copies.get(value);
    const prototype: object | null = Object.getPrototypeOf(value);
    const isKnown =
      prototype === null ||
      [Object.prototype, Array.prototype, Map.prototype, Set.prototype, Date.prototype, ...registered].includes(
        prototype,
      );
    if (!isKnown) return asJson(value, place);
    const made: object =
      value instanceof Date
        ? new Date(value.getTime())
        : value instanceof Map
          ? new Map()
          : value instanceof Set
            ? new Set()
            : Array.isArray(value)
              ? []
              : {};
    if (registered.includes(prototype ?? {})) Object.setPrototypeOf(made, prototype);
    copies.set(value, made);
    if (value instanceof Map)
      for (const [key, each] of value) (made as Map<unknown, unknown>).set(copy(key, ''), copy(each, ''));
    else if (value instanceof Set) for (const each of value) (made as Set<unknown>).add(copy(each, ''));
    else if (Array.isArray(value))
      for (const [at, each] of value.entries()) (made as unknown[]).push(copy(each, String(at)));
    if (!Array.isArray(value))
      for (const key of Object.keys(value))
        Object.defineProperty(made, key, {
          value: copy((value as Record<string, unknown>)[key], key),
          writable: true,
          enumerable: true,
          configurable: true,
        });
    return made;
  }
}
