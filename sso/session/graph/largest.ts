/** Where in a value that is too large most of it lies: asked only once it was refused. */

import { pathOf, type Step } from './problem.ts';

/** More objects than this are not looked through: the path ends before them. */
const objectsAtMost = 50_000;
const levelsAtMost = 1_000;

/** The path to what holds nearly all of an attribute, or to the attribute itself where nothing does. */
export function pathToLargest(name: string, value: unknown): string {
  return pathOf([name, ...stepsToLargest(value)]);
}

interface Measured {
  readonly size: number;
  /** The largest of what it holds. */
  readonly step?: Step;
  readonly value?: unknown;
}

function stepsToLargest(value: unknown): readonly Step[] {
  const known = new Map<object, Measured>();
  try {
    measure(value, known, 0);
  } catch {
    return []; // an accessor threw, or it is too large to be looked through
  }
  const steps: Step[] = [];
  for (let at: unknown = value; typeof at === 'object' && at !== null; ) {
    const measured = known.get(at);
    known.delete(at);
    if (measured?.step === undefined) break;
    steps.push(measured.step);
    at = measured.value;
  }
  return steps;
}

/** Characters of JSON, about; what was met before counts nothing. */
function measure(value: unknown, known: Map<object, Measured>, depth: number): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 4;
  if (known.has(value) || depth > levelsAtMost) return 0;
  if (known.size === objectsAtMost) throw new RangeError('too many objects');
  known.set(value, { size: 0 });
  let size = 2;
  let largest = { size: 0, step: undefined as Step | undefined, value: undefined as unknown };
  for (const [step, each] of membersOf(value)) {
    const own = measure(each, known, depth + 1);
    size += own + (typeof step === 'string' ? step.length + 4 : 1);
    if (own > largest.size) largest = { size: own, step, value: each };
  }
  if (largest.size > nearlyAll * size && largest.step !== undefined)
    known.set(value, { size, step: largest.step, value: largest.value });
  return size;
}

const nearlyAll = 0.75;

function* membersOf(object: object): Iterable<readonly [Step, unknown]> {
  // An array of bytes has nothing in it to be named.
  if (ArrayBuffer.isView(object)) return;
  if (object instanceof Map)
    for (const [key, value] of object) {
      yield [{ verb: 'has', key }, key];
      yield [{ verb: 'get', key }, value];
    }
  else if (object instanceof Set) for (const member of object) yield [{ verb: 'has', key: member }, member];
  else if (Array.isArray(object)) {
    if (object.length > objectsAtMost) throw new RangeError('too many members');
    for (const [at, member] of object.entries()) yield [at, member];
  } else for (const [name, value] of Object.entries(object)) yield [name, value];
}
