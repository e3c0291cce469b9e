/**
 * What travels in place of an object that is of no kind of ours: what `JSON.stringify` makes of it, `toJSON`
 * included, as express-session would carry it. One object has one stand-in, so that it stays one on the other
 * node, and keeps it as long as its JSON is the same, so that it does not look changed.
 */

import { aNoun, type Step } from './problem.ts';

/** Why something has no stand-in, as the rest of a sentence. */
export class CannotTravel extends Error {}

interface StandIn {
  readonly text: string | undefined;
  readonly value: unknown;
  /** Where it was asked for first, as `toJSON` is told. */
  readonly key: string;
}

/** Of one object: several, where its JSON differs from place to place. */
interface Known {
  round: number;
  now: StandIn[];
  /** Of the comparison before. */
  before: readonly StandIn[];
}

export class StandIns {
  /** Made with the first of them: most sessions need none. */
  #known: Map<object, Known> | undefined;
  #round = 0;

  /** A comparison begins: objects may have changed since the last. */
  begin(): void {
    this.#round += 1;
  }

  /**
   * @param step the last one of the path that leads there
   * @returns plain objects, arrays and primitives; `undefined` where JSON leaves it out
   * @throws CannotTravel
   */
  for(object: object, step: Step): unknown {
    const known = this.#of(object);
    const key = typeof step !== 'object' && saysItself(object) ? String(step) : '';
    const asked = known.now.find((one) => one.key === key);
    if (asked !== undefined) return asked.value;
    const text = jsonOf(object, key);
    const isAlike = (one: StandIn) => one.text === text;
    const alike = known.now.find(isAlike);
    if (alike !== undefined) return alike.value;
    const before = known.before.find(isAlike);
    const value: unknown = before !== undefined ? before.value : text === undefined ? undefined : JSON.parse(text);
    known.now.push({ text, value, key });
    return value;
  }

  #of(object: object): Known {
    this.#known ??= new Map();
    let known = this.#known.get(object);
    if (known === undefined) this.#known.set(object, (known = { round: this.#round, now: [], before: [] }));
    else if (known.round !== this.#round) {
      known.before = known.now;
      known.now = [];
      known.round = this.#round;
    }
    return known;
  }
}

/**
 * The class of an instance that its stand-in does not belong to; `undefined` where that was meant: it says by `toJSON` how it travels.
 * Its name is asked for, and nothing else of it is called.
 */
export function classLost(object: object): string | undefined {
  try {
    const prototype: object | null = Object.getPrototypeOf(object);
    return prototype === null || prototype === Object.prototype || saysItself(object) ? undefined : nameOf(object);
  } catch {
    return undefined;
  }
}

/** Whether `toJSON` decides how it travels. */
function saysItself(object: object): boolean {
  try {
    return typeof (object as { toJSON?: unknown }).toJSON === 'function';
  } catch {
    return false; // `jsonOf` says why
  }
}

/** The JSON of an object that has it under this key; `undefined` where JSON leaves it out. */
function jsonOf(object: object, key: string): string | undefined {
  try {
    const { toJSON, on, emit } = object as Partial<Record<'toJSON' | 'on' | 'emit', unknown>>;
    // Its JSON would be the inside of something alive: a socket, a stream, a server.
    if (typeof toJSON !== 'function' && typeof on === 'function' && typeof emit === 'function')
      throw new CannotTravel(`is ${aNoun(nameOf(object))}, which cannot travel`);
    const text = JSON.stringify({ [key]: object });
    return text === '{}' ? undefined : text.slice(JSON.stringify(key).length + 2, -1);
  } catch (error) {
    if (error instanceof CannotTravel) throw error;
    const [why = ''] = String(error instanceof Error ? error.message : error).split('\n');
    throw new CannotTravel(`is ${aNoun(nameOf(object))}, of which no JSON can be made: ${why}`, { cause: error });
  }
}

function nameOf(object: object): string {
  try {
    return object.constructor?.name || 'object';
  } catch {
    return 'object';
  }
}
