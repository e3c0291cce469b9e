/**
 * Programs over sessions, for the model test: several requests, each with gets, sets, deletes and calls that
 * change objects in place, link them anew and close cycles. A program runs twice: over what a Tracker hands
 * out, and over plain objects that simply live on; after each request both must be the same graph.
 */

import fc from 'fast-check';
import { Classes } from '../../../../sso/session/graph/classes.ts';
import type { Changes, Granularity, StoredFields } from '../../../../sso/session/graph/stored.ts';
import { readAll, removed, Tracker } from '../../../../sso/session/graph/tracker.ts';
import { naiveCopier } from './naive-copy.ts';
import { sameGraph } from './same-graph.ts';

export class Person {
  name: unknown;
  constructor(name: unknown) {
    this.name = name;
  }
}
export class Shelf extends Map<unknown, unknown> {
  label: unknown = 'shelf';
}
/** Not registered. */
class Money {
  readonly amount: number;
  constructor(amount: number) {
    this.amount = amount;
  }
  toJSON() {
    return { amount: this.amount, text: `${this.amount} €` };
  }
}
/** Says that nothing of it is to be kept, but that it is there. */
class Nothing {
  toJSON() {
    return null;
  }
}
/** Travels otherwise at every place. */
class Placed {
  readonly n: number;
  constructor(n: number) {
    this.n = n;
  }
  toJSON(key: string) {
    return this.n % 2 === 0 ? `${key}:${this.n}` : { key, n: this.n };
  }
}
const standsForOther = (value: unknown) =>
  value instanceof Money || value instanceof Nothing || value instanceof Placed;

const registered = [Person, Shelf];
const prototypes = registered.map((each) => each.prototype);

/** How a new value is made: of data alone, so that both runs make their own. */
type Recipe =
  | { readonly kind: 'primitive'; readonly value: unknown }
  | {
      readonly kind: 'object' | 'array' | 'map' | 'set' | 'person' | 'shelf';
      readonly of: readonly (readonly [key: string, value: Recipe])[];
    }
  | { readonly kind: 'date' | 'money' | 'nothing' | 'placed'; readonly n: number };

/** `at` and `to` choose among the objects that can be reached from an attribute that was got. */
type Step =
  | { readonly do: 'get'; readonly name: string }
  | { readonly do: 'set'; readonly name: string; readonly value: Recipe }
  | { readonly do: 'delete'; readonly name: string }
  | { readonly do: 'alias'; readonly name: string; readonly at: number }
  | { readonly do: 'change'; readonly at: number; readonly how: number; readonly key: string; readonly value: Recipe }
  | { readonly do: 'link'; readonly at: number; readonly to: number; readonly key: string }
  | { readonly do: 'save' };

export type Program = readonly (readonly Step[])[];

const names = ['a', 'b', 'c', '$d', '__proto__', '1'];
const keys = ['x', 'y', 'z', '0', '$k', '!', '!!', '', '.t', '__proto__', 'constructor', 't', '*'];
const name = fc.constantFrom(...names);
const key = fc.constantFrom(...keys);
const primitive = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom<unknown>(0, 1, 2, -0, 'text', '', '"\\\n\u2028\ud800', '$5', true, false, null),
  },
  { weight: 2, arbitrary: fc.constantFrom<unknown>(undefined, Number.NaN, Number.POSITIVE_INFINITY, -1e300, 7n, -1n) },
  fc.integer(),
  fc.string({ maxLength: 8 }),
);
const { recipe } = fc.letrec<{ recipe: Recipe; leaf: Recipe }>((tie) => ({
  leaf: primitive.map((value) => ({ kind: 'primitive', value })),
  recipe: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'recipe' },
    { weight: 4, arbitrary: tie('leaf') },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constantFrom('object', 'object', 'array', 'map', 'set', 'person', 'shelf'),
        of: fc.array(fc.tuple(key, tie('recipe')), { maxLength: 4 }),
      }) as fc.Arbitrary<Recipe>,
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constantFrom('date', 'money', 'nothing', 'placed'),
        n: fc.nat(5),
      }) as fc.Arbitrary<Recipe>,
    },
  ),
}));
const place = fc.nat(30);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('get' as const), name }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('set' as const), name, value: recipe }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), name }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('alias' as const), name, at: place }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('change' as const), at: place, how: fc.nat(20), key, value: recipe }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('link' as const), at: place, to: place, key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('save' as const) }) },
);

const rich: fc.Arbitrary<Program> = fc.array(fc.array(step, { minLength: 1, maxLength: 12 }), {
  minLength: 1,
  maxLength: 6,
});

/** Half of them of plain data alone, which goes its own way. */
export const program: fc.Arbitrary<Program> = fc.oneof(
  rich,
  rich.map((requests) => requests.map((steps) => steps.map(plainly))),
);

function plainly(step: Step): Step {
  const plain = {
    ...step,
    ...('name' in step ? { name: plainKey(step.name) } : {}),
    ...('key' in step ? { key: plainKey(step.key) } : {}),
  };
  return 'value' in plain ? { ...plain, value: plainRecipe(plain.value) } : plain;
}

function plainRecipe(recipe: Recipe): Recipe {
  if ('n' in recipe) return { kind: 'primitive', value: recipe.n };
  if (recipe.kind === 'primitive') {
    const { value } = recipe;
    const isPlain = value === null || ['string', 'boolean'].includes(typeof value);
    return { kind: 'primitive', value: isPlain || (Number.isFinite(value) && !Object.is(value, -0)) ? value : 0 };
  }
  const of = recipe.of.map(([key, value]) => [plainKey(key), plainRecipe(value)] as const);
  return { kind: recipe.kind === 'object' || recipe.kind === 'map' ? 'object' : 'array', of };
}

const plainKey = (key: string) => (/^[a-z0-9]/.test(key) ? key : 'k');

/**
 * The same with one attribute alone, and a count that changes with each request: what two attributes share
 * would hang on which granularity each of them was written in last.
 */
export function ofOneAttribute(requests: Program): Program {
  return requests.map((steps, n) => [
    { do: 'set', name: 'n', value: { kind: 'primitive', value: n } },
    ...steps.map((step) => ('name' in step ? { ...step, name: 'a' } : step)),
  ]);
}

/** What one request has in its hands: attributes that it got or set. */
type Hands = Map<string, unknown>;

/** Where a program's sessions are stored. */
export interface Fields extends StoredFields {
  change(changes: Changes): Fields;
}

/** Runs a program in one granularity, or in another for each request. @throws Error at the first difference, with what it is */
export function run(granularities: readonly Granularity[], requests: Program, begin: Fields): void {
  const classes = new Classes(registered);
  let stored = begin;
  let model = new Map<string, unknown>();
  let prefix = 0;
  for (const [number, steps] of requests.entries()) {
    const granularity = granularities[number % granularities.length]!;
    const options = { granularity, classes, maxLength: 1e9, partPrefix: () => `p${prefix++}` };
    const tracker = new Tracker(stored, options);
    const [mine, plain]: readonly [Hands, Hands] = [new Map(), new Map()];
    const save = () => {
      const { changes, refused } = tracker.compare(present(mine));
      if (refused.length > 0) throw new Error(`refused: ${JSON.stringify(refused)}`);
      stored = stored.change(changes);
      tracker.rebase(stored);
      const again = tracker.compare(present(mine));
      expectNothing(again.changes, 'a second comparison');
    };
    for (const step of steps) {
      if (step.do === 'save') save();
      else {
        take(step, mine, (name) => tracker.read(name));
        take(step, plain, (name) => model.get(name));
      }
    }
    save();
    for (const [name, value] of plain) {
      if (value === undefined) model.delete(name);
      else model.set(name, value);
    }
    model = arrive(granularity, model);
    check(granularities, stored, classes, model);
    expectNothing(untouched(stored, options).changes, 'a request that changes nothing');
    expectNoLeftovers(stored);
  }
}

function present(hands: Hands): Map<string, unknown> {
  return new Map([...hands].map(([name, value]) => [name, value === undefined ? removed : value]));
}

/** The attributes as the next request finds them. */
function arrive(granularity: Granularity, model: ReadonlyMap<string, unknown>): Map<string, unknown> {
  const together = naiveCopier(prototypes);
  return new Map(
    [...model].map(([name, value]) => {
      const copy = granularity === 'ATTRIBUTE' ? naiveCopier(prototypes) : together;
      return [name, copy(value, name)];
    }),
  );
}

function check(
  granularities: readonly Granularity[],
  stored: Fields,
  classes: Classes,
  model: Map<string, unknown>,
): void {
  const order = { keyOrder: !granularities.includes('FIELD') };
  const there = new Map(Object.entries(readAll(stored, { classes })));
  const sorted = (map: ReadonlyMap<string, unknown>) => new Map([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
  const difference = sameGraph(sorted(model), sorted(there), order);
  if (difference !== undefined) throw new Error(`on the other node: ${difference}; stored: ${JSON.stringify(stored)}`);
}

function untouched(stored: Fields, options: ConstructorParameters<typeof Tracker>[1]) {
  const tracker = new Tracker(stored, options);
  return tracker.compare(new Map(tracker.names().map((name) => [name, tracker.read(name)])));
}

function expectNothing({ fields, gone }: { fields: readonly unknown[]; gone: readonly unknown[] }, what: string): void {
  if (fields.length > 0 || gone.length > 0) throw new Error(`${what} found ${JSON.stringify({ fields, gone })}`);
}

/** Every stored part is reached, by the names of parts that appear in fields and texts. */
function expectNoLeftovers(stored: Fields): void {
  const named = (text: string) => [...text.matchAll(/\["([oamsd]p\d+\.[0-9a-z]+)"/g)].map(([, id]) => id!);
  const reached = new Set<string>(['0']);
  for (const part of reached)
    for (const [field, text] of stored.fields(part))
      for (const id of [...named(field), ...named(text)]) reached.add(id);
  const left = [...stored.parts()].filter((part) => !reached.has(part));
  if (left.length > 0) throw new Error(`nothing leads to ${left}`);
}

function take(step: Exclude<Step, { do: 'save' }>, hands: Hands, read: (name: string) => unknown): void {
  const get = (name: string) => {
    if (!hands.has(name)) {
      const value = read(name);
      // What is no object cannot have changed: it is not compared (SET_AND_NON_PRIMITIVE_GET).
      if (typeof value === 'object' && value !== null) hands.set(name, value);
    }
    return hands.get(name);
  };
  switch (step.do) {
    case 'get':
      get(step.name);
      return;
    case 'set':
      hands.set(step.name, make(step.value));
      return;
    case 'delete':
      hands.set(step.name, undefined);
      return;
  }
  const objects = reachable(hands);
  const object = objects[step.at % Math.max(1, objects.length)];
  if (object === undefined) return;
  if (step.do === 'alias') hands.set(step.name, object);
  else if (step.do === 'link') change(object, step.at + step.to, step.key, objects[step.to % objects.length]);
  else change(object, step.how, step.key, make(step.value));
}

function make(recipe: Recipe): unknown {
  switch (recipe.kind) {
    case 'primitive':
      return recipe.value;
    case 'date':
      return new Date(recipe.n);
    case 'money':
      return new Money(recipe.n);
    case 'nothing':
      return new Nothing();
    case 'placed':
      return new Placed(recipe.n);
    case 'array':
      return recipe.of.map(([, value]) => make(value));
    case 'map':
      return new Map(recipe.of.map(([key, value]) => [key, make(value)]));
    case 'set':
      return new Set(recipe.of.map(([, value]) => asMember(make(value))));
    case 'shelf': {
      const shelf = new Shelf();
      for (const [key, value] of recipe.of) shelf.set(key, make(value));
      return shelf;
    }
  }
  const made = recipe.kind === 'person' ? new Person('someone') : {};
  for (const [key, value] of recipe.of) set(made, key, make(value));
  return made;
}

/** As the member of a Set or the key of a Map, what stands for a primitive may be one with another member. */
const asMember = (value: unknown) => (value instanceof Nothing || value instanceof Placed ? value.toJSON('') : value);

function set(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

/** One of the calls that change an object of its kind in place. */
function change(object: object, how: number, key: string, value: unknown): void {
  const calls: (() => unknown)[] = Array.isArray(object)
    ? [
        () => object.push(value),
        () => object.unshift(value),
        () => object.pop(),
        () => object.splice(how % (object.length + 1), how % 3, value),
        () => object.reverse(),
        () => object.sort((a, b) => (String(typeof a) < String(typeof b) ? -1 : 1)),
        () => {
          object[how % (object.length + 2)] = value;
        },
      ]
    : object instanceof Map
      ? [
          () => object.set(key, value),
          () => object.set(asMember(value), key),
          () => object.delete(key),
          () => {
            // To the end.
            const [first] = object.keys();
            const kept = object.get(first);
            if (object.delete(first)) object.set(first, kept);
          },
          () => object.delete([...object.keys()].at(-1)),
          () => object.clear(),
        ]
      : object instanceof Set
        ? [
            () => object.add(asMember(value)),
            () => object.add(key),
            () => object.delete(key),
            () => {
              const [first] = object;
              if (object.delete(first)) object.add(first);
            },
            () => object.clear(),
          ]
        : object instanceof Date
          ? [() => object.setTime(how)]
          : [
              () => set(object, key, value),
              () => set(object, key, value),
              () => Reflect.deleteProperty(object, key),
              () => {
                const [first] = Object.keys(object);
                if (first !== undefined) set(object, first, value);
              },
            ];
  if (object instanceof Shelf) calls.push(() => set(object, 'label', value));
  calls[how % calls.length]!();
}

/** All objects that can be reached, in an order that does not hang on the order of keys. */
function reachable(hands: Hands): readonly object[] {
  const found = new Set<object>();
  const visit = (value: unknown) => {
    if (typeof value !== 'object' || value === null || found.has(value) || standsForOther(value)) return;
    found.add(value);
    if (value instanceof Map) for (const [key, each] of value) [key, each].forEach(visit);
    else if (value instanceof Set || Array.isArray(value)) [...value].forEach(visit);
    for (const key of Object.keys(value).sort()) visit((value as Record<string, unknown>)[key]);
  };
  for (const name of [...hands.keys()].sort()) visit(hands.get(name));
  return [...found];
}
