/**
 * What travels in place of an object that is of no kind of ours: what `JSON.stringify` makes of it, `toJSON`
 * included, as express-session would carry it. One object has one stand-in, so that it stays one on the other
 * node, and keeps it as long as its JSON is the same, so that it does not look changed.
 */

/** Why something has no stand-in, as the rest of a sentence. */
export class CannotTravel extends Error {}

interface StandIn {
  readonly text: string | undefined;
  readonly value: unknown;
  round: number;
}

export class StandIns {
  /** Made with the first of them: most sessions need none. */
  #known: Map<object, StandIn> | undefined;
  #round = 0;

  /** A comparison begins: objects may have changed since the last. */
  begin(): void {
    this.#round += 1;
  }

  /**
   * @returns plain objects, arrays and primitives; `undefined` where JSON leaves it out
   * @throws CannotTravel
   */
  for(object: object): unknown {
    const known = this.#known?.get(object);
    if (known?.round === this.#round) return known.value;
    const text = jsonOf(object);
    if (known !== undefined && known.text === text) {
      known.round = this.#round;
      return known.value;
    }
    const value: unknown = text === undefined ? undefined : JSON.parse(text);
    this.#known ??= new Map();
    this.#known.set(object, { text, value, round: this.#round });
    return value;
  }
}

/**
 * The class of an instance that its stand-in does not belong to; `undefined` where that was meant: it says by `toJSON` how it travels.
 * Its name is asked for, and nothing else of it is called.
 */
export function classLost(object: object): string | undefined {
  try {
    const prototype: object | null = Object.getPrototypeOf(object);
    if (
      prototype === null ||
      prototype === Object.prototype ||
      typeof (object as { toJSON?: unknown }).toJSON === 'function'
    )
      return undefined;
    return nameOf(object);
  } catch {
    return undefined;
  }
}

function jsonOf(object: object): string | undefined {
  try {
    const { toJSON, on, emit } = object as Partial<Record<'toJSON' | 'on' | 'emit', unknown>>;
    // Its JSON would be the inside of something alive: a socket, a stream, a server.
    if (typeof toJSON !== 'function' && typeof on === 'function' && typeof emit === 'function')
      throw new CannotTravel(`is a ${nameOf(object)}, which cannot travel`);
    return JSON.stringify(object);
  } catch (error) {
    if (error instanceof CannotTravel) throw error;
    const [why = ''] = String(error instanceof Error ? error.message : error).split('\n');
    throw new CannotTravel(`is a ${nameOf(object)}, of which no JSON can be made: ${why}`, { cause: error });
  }
}

function nameOf(object: object): string {
  try {
    return object.constructor?.name || 'n object';
  } catch {
    return 'n object';
  }
}
