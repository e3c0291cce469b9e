/**
 * Programs at random that change a graph of plain objects, arrays, maps, sets and dates, with aliases and cycles: the same steps are
 * done to a session and to a model of it, which never leaves the process, and `pictureOf` tells whether both are the same graph.
 */

import type { Random } from '../../sso/random.ts';

export type Graph = Record<string, unknown>;
type Path = readonly string[];
export type Step = (graph: Graph) => void;

const names = ['a', 'b', 'c', 'd'] as const;

/** A step that can be done to any graph that looks like this one. */
export function randomStep(model: Graph, random: Random): Step {
  const chance = (below: number) => Math.floor(random.fraction() * below);
  const pick = <T>(list: readonly T[]): T => list[chance(list.length)]!;
  const places = containersIn(model);
  const value = randomValue(places, chance, pick);
  const path = pick([[], [], ...places]);
  const name = pick(names);
  if (path.length === 0) {
    const isRemoved = chance(5) === 0 && Object.keys(model).length > 2;
    return (graph) => {
      if (isRemoved) delete graph[name];
      else graph[name] = value(graph);
    };
  }
  const [what, index] = [chance(6), chance(4)];
  return (graph) => change(at(graph, path), { what, index, name, value: value(graph) });
}

interface Change {
  readonly what: number;
  readonly index: number;
  readonly name: string;
  readonly value: unknown;
}

function change(target: unknown, { what, index, name, value }: Change): void {
  if (target instanceof Date) target.setTime(index * 1_000);
  else if (target instanceof Map) {
    if (what === 0) target.delete(name);
    else if (what === 1 && index === 0) target.clear();
    else target.set(name, value);
  } else if (target instanceof Set) {
    if (what < 2) target.delete(index);
    else target.add(typeof value === 'object' && value !== null ? index : value);
  } else if (Array.isArray(target)) {
    if (what === 0) target.splice(index, 1);
    else if (what === 1) target.unshift(value);
    else if (what === 2) target.reverse();
    else if (what === 3 && index < target.length) target[index] = value;
    else target.push(value);
  } else if (what === 0) delete (target as Graph)[name];
  else (target as Graph)[name] = value;
}

/** Made once, as a function of the graph: an alias is another object in each. */
function randomValue(
  places: readonly Path[],
  chance: (below: number) => number,
  pick: <T>(list: readonly T[]) => T,
): (graph: Graph) => unknown {
  const number = chance(100);
  const primitives = [number, `text ${number}`, true, null, undefined, -0, Number.NaN, BigInt(number), ''];
  const [primitive, inner] = [pick(primitives), pick(primitives)];
  const alias = places.length > 0 ? pick(places) : undefined;
  const kinds: readonly ((graph: Graph) => unknown)[] = [
    () => primitive,
    () => primitive,
    () => ({ x: inner, y: { z: number } }),
    () => [inner, [number], { of: 'list' }],
    () =>
      new Map<string, unknown>([
        ['a', inner],
        ['b', { in: 'map' }],
      ]),
    () => new Set([inner, number]),
    () => new Date(number),
    (graph) => (alias === undefined ? primitive : at(graph, alias)),
    (graph) => (alias === undefined ? primitive : at(graph, alias)),
  ];
  return pick(kinds);
}

/** The paths of all objects, each by the first way that leads to it. */
function containersIn(graph: Graph): readonly Path[] {
  const seen = new Set<object>();
  const found: Path[] = [];
  const walk = (value: unknown, path: Path) => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return;
    seen.add(value);
    found.push(path);
    for (const [key, inner] of entriesOf(value)) walk(inner, [...path, key]);
  };
  for (const [name, value] of Object.entries(graph)) walk(value, [name]);
  return found;
}

function at(graph: Graph, path: Path): unknown {
  return path.reduce<unknown>((value, key) => (value instanceof Map ? value.get(key) : (value as Graph)[key]), graph);
}

function entriesOf(value: object): Iterable<readonly [string, unknown]> {
  if (value instanceof Map) return value as Map<string, unknown>;
  return value instanceof Date || value instanceof Set ? [] : Object.entries(value);
}

/** Text that is equal for two graphs iff they hold the same in the same places, and the same objects at the same ends. */
export function pictureOf(value: unknown): string {
  const numbers = new Map<object, number>();
  const draw = (one: unknown): unknown => {
    if (typeof one !== 'object' || one === null) return Object.is(one, -0) ? '-0' : `${typeof one} ${String(one)}`;
    const known = numbers.get(one);
    if (known !== undefined) return `#${known}`;
    numbers.set(one, numbers.size);
    const kind = Object.prototype.toString.call(one);
    if (one instanceof Date) return [kind, one.getTime()];
    if (one instanceof Set) return [kind, ...[...one].map((each) => String(draw(each))).sort()];
    const inner = [...entriesOf(one)].sort(([a], [b]) => (a < b ? -1 : 1));
    return [kind, ...inner.map(([key, each]) => [key, draw(each)])];
  };
  return JSON.stringify(draw(value));
}
