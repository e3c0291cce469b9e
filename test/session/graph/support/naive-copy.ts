/** A copy of a graph as it is to arrive on another node, made the plain way: sharing and cycles kept, what has no kind of its own as JSON carries it. */

export function naiveCopy(value: unknown, registered: readonly object[]): unknown {
  const copies = new Map<object, unknown>();
  return copy(value);

  function copy(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (copies.has(value)) return copies.get(value);
    const prototype: object | null = Object.getPrototypeOf(value);
    const isKnown =
      prototype === null ||
      [Object.prototype, Array.prototype, Map.prototype, Set.prototype, Date.prototype, ...registered].includes(
        prototype,
      );
    if (!isKnown) {
      const plain: unknown = JSON.parse(JSON.stringify(value));
      copies.set(value, plain);
      return plain;
    }
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
      for (const [key, each] of value) (made as Map<unknown, unknown>).set(copy(key), copy(each));
    else if (value instanceof Set) for (const each of value) (made as Set<unknown>).add(copy(each));
    else if (Array.isArray(value)) for (const each of value) (made as unknown[]).push(copy(each));
    if (!Array.isArray(value))
      for (const key of Object.keys(value))
        Object.defineProperty(made, key, {
          value: copy((value as Record<string, unknown>)[key]),
          writable: true,
          enumerable: true,
          configurable: true,
        });
    return made;
  }
}
