/**
 * What a copy of a session's data has seen: of each writer the stamp of its last change, since a writer's changes are
 * seen in their order and without gaps (a version vector). Whoever has seen a change has seen all that its writer had
 * seen when making it. So the data is a function of its context: copies with equal contexts are equal.
 *
 * A writer is one life of a node in one record. Of a life, so that what it did not tell before it ended is not taken
 * for seen because the next one goes on; of a record, since data that moves to another key takes its context along, and
 * what is written under the old key meanwhile is not taken for seen under the new one. A session that outlives many
 * lives would collect them, so a change begins a new **generation** now and then (state.ts): all data is that change's,
 * and its context is that change alone. The later generation takes the place of an earlier one as a whole, whatever was
 * written to that meanwhile.
 */

/** One change of one writer. */
export interface Dot {
  readonly writer: string;
  /** Hybrid-clock stamp, later than every one in the context it was made in. */
  readonly stamp: number;
}

/** Writers in a context that a peer sends. More are refused: a change brings them down long before (state.ts). */
export const maxWriters = 256;
const maxWriterLength = 300;

export class Context {
  static readonly empty: Context = new Context(undefined, [], []);
  /** The change that the generation began with; `undefined` in the first one. */
  readonly generation: Dot | undefined;
  /** The only one itself: most sessions have one, and two lists would cost more memory than all else that is here. */
  readonly #writers: string | readonly string[];
  readonly #stamps: number | readonly number[];
  #text: string | undefined;

  /** @param writers in ascending order, with the stamps of their last changes; or one with its stamp */
  constructor(
    generation: Dot | undefined,
    writers: string | readonly string[],
    stamps: number | readonly number[],
    text?: string,
  ) {
    const isOne = typeof writers !== 'string' && typeof stamps !== 'number' && writers.length === 1;
    this.generation = generation;
    this.#writers = isOne ? writers[0]! : writers;
    this.#stamps = isOne ? stamps[0]! : stamps;
    this.#text = text;
  }

  /** In ascending order. */
  get writers(): readonly string[] {
    return typeof this.#writers === 'string' ? [this.#writers] : this.#writers;
  }

  /** Of each writer's last change. */
  get stamps(): readonly number[] {
    return typeof this.#stamps === 'number' ? [this.#stamps] : this.#stamps;
  }

  /** Text that is equal exactly for equal contexts. */
  get text(): string {
    this.#text ??= flat(JSON.stringify(this.encode()));
    return this.#text;
  }

  /** It is made anew when it is asked for again. */
  dropText(): void {
    this.#text = undefined;
  }

  /** The greatest stamp, 0 if nothing was seen. */
  get latest(): number {
    if (typeof this.#stamps === 'number') return this.#stamps;
    let latest = 0;
    for (const stamp of this.#stamps) if (stamp > latest) latest = stamp;
    return latest;
  }

  /** The last change of this writer, 0 if there is none. */
  stampOf(writer: string): number {
    if (typeof this.#writers === 'string') return this.#writers === writer ? this.latest : 0;
    return this.stamps[this.#writers.indexOf(writer)] ?? 0;
  }

  /** Whether this change of the same generation was seen. */
  covers(dot: Dot): boolean {
    return dot.stamp <= this.stampOf(dot.writer);
  }

  /** Whether all that the other has seen was seen here, or is of an earlier generation. */
  includes(other: Context): boolean {
    if (this === other) return true;
    const order = compareGenerations(this, other);
    if (order !== 0) return order > 0;
    if (typeof other.#writers === 'string') return other.latest <= this.stampOf(other.#writers);
    const { writers, stamps } = other;
    for (let index = 0; index < writers.length; index++)
      if (stamps[index]! > this.stampOf(writers[index]!)) return false;
    return true;
  }

  equals(other: Context): boolean {
    return this === other || this.text === other.text;
  }

  /** With one change more. */
  with({ writer, stamp }: Dot): Context {
    if (this.#writers === writer)
      return stamp <= this.latest ? this : new Context(this.generation, this.#writers, stamp);
    const { writers, stamps } = this;
    const at = writers.indexOf(writer);
    if (at >= 0) return stamp <= stamps[at]! ? this : new Context(this.generation, writers, stamps.with(at, stamp));
    let to = writers.length;
    while (to > 0 && writers[to - 1]! > writer) to--;
    return new Context(this.generation, writers.toSpliced(to, 0, writer), stamps.toSpliced(to, 0, stamp));
  }

  /** What either has seen; both are of one generation. */
  join(other: Context): Context {
    const { writers, stamps } = other;
    let joined: Context = this;
    for (let index = 0; index < writers.length; index++)
      joined = joined.with({ writer: writers[index]!, stamp: stamps[index]! });
    return joined;
  }

  /** `[writer, stamp, writer, stamp, …]`, before them the generation's as a pair where it is not the first. */
  encode(): readonly unknown[] {
    const data: unknown[] = this.generation === undefined ? [] : [[this.generation.writer, this.generation.stamp]];
    const { writers, stamps } = this;
    for (let index = 0; index < writers.length; index++) data.push(writers[index], stamps[index]);
    return data;
  }
}

/** Above zero: `a` is of the later generation. */
export function compareGenerations(a: Context, b: Context): number {
  return a.generation === b.generation ? 0 : compareDots(a.generation ?? first, b.generation ?? first);
}

const first: Dot = { writer: '', stamp: 0 };

/** Above zero: `a` is the later one, by its stamp, then by its writer. */
export function compareDots(a: Dot, b: Dot): number {
  if (a.stamp !== b.stamp) return a.stamp - b.stamp;
  return a.writer === b.writer ? 0 : a.writer > b.writer ? 1 : -1;
}

/** Whether both are the same change. */
export function isSame(a: Dot, b: Dot): boolean {
  return a === b || (a.stamp === b.stamp && a.writer === b.writer);
}

/** The context in what a peer sent, or `undefined` if it is none. */
export function decodeContext(data: unknown): Context | undefined {
  if (!Array.isArray(data)) return undefined;
  const hasGeneration = Array.isArray(data[0]);
  const generation = hasGeneration ? decodeDot(data[0]) : undefined;
  if (hasGeneration && generation === undefined) return undefined;
  const from = hasGeneration ? 1 : 0;
  if ((data.length - from) % 2 !== 0 || (data.length - from) / 2 > maxWriters) return undefined;
  if (hasGeneration && data.length === 1) return undefined;
  const writers: string[] = [];
  const stamps: number[] = [];
  for (let index = from; index < data.length; index += 2) {
    const writer: unknown = data[index];
    const stamp: unknown = data[index + 1];
    if (!isWriter(writer) || !isStamp(stamp)) return undefined;
    if (writers.length > 0 && writers.at(-1)! >= writer) return undefined;
    writers.push(writer);
    stamps.push(stamp);
  }
  return writers.length === 0 ? Context.empty : new Context(generation, writers, stamps);
}

/** The context that a text of ours names. */
export function parseContext(text: string): Context {
  const context = decodeContext(JSON.parse(text))!;
  return new Context(context.generation, context.writers, context.stamps, text);
}

function decodeDot(data: readonly unknown[]): Dot | undefined {
  const [writer, stamp] = data;
  return isWriter(writer) && isStamp(stamp) ? { writer, stamp } : undefined;
}

/** A string with its own characters: what was put together from pieces holds on to all of them. */
export function flat(text: string): string {
  const middle = text.length >> 1;
  return [text.slice(0, middle), text.slice(middle)].join('');
}

export const isWriter = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= maxWriterLength;
export const isStamp = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;

export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** What stands at a place that a peer names. */
export function itemOf<T>(list: readonly T[], place: unknown): T | undefined {
  return isCount(place) ? list[place] : undefined;
}
