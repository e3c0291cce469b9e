/**
 * A session's data as one text: how it is kept while nobody uses it, how it travels as a whole, and how it lies on disk.
 * First a line of JSON that says what the lines after it are, then the text of every field, a line each. So the texts
 * are written and read as they are, none of them parsed, and a frame's guard against deep nesting never sees them.
 *
 *     [[writer, age, …], [[name, …], …], [part, shape, change, …]]
 *
 * - a change: its writer's place in the context, and how much older its stamp is than the last one seen of that writer;
 * - a shape: the names of a part's fields;
 * - a part: its id, its shape, and its change: a number, or `[change, at, change, birth, seq, at, …]` with its odd ones.
 *
 * Equal data has equal text. Reading is total: a text that a peer sends is data or `undefined`.
 */

import { isFlat } from '../../gossip/nesting.ts';
import { type Context, type Dot, isCount, itemOf } from './context.ts';
import { canonical, endOfLines, type Odd, type Part, type Shape, shapeOf } from './part.ts';
import type { State } from './state.ts';

/** Headers this small are parsed as they are. */
const harmlessLength = 64 * 1024;

/** A text without the list of shapes, which is alike for all sessions that are made alike, and that list. */
export interface Halves {
  readonly shapes: string;
  readonly rest: string;
}

/** The state but for its context. */
export function packed(state: State): string {
  const { shapes, rest } = halved(state);
  return joined({ shapes, rest });
}

/** The same in halves. */
export function halved({ context, parts }: State): Halves {
  const { writers, stamps } = context;
  const dots: number[] = [];
  const dotRefs = new Map<string, number>();
  const shapes: (readonly string[])[] = [];
  const shapeRefs = new Map<Shape, number>();
  const refs: unknown[] = [];
  const lines: string[] = [''];
  let last: Dot | undefined;
  let lastRef = 0;
  const refOf = (dot: Dot): number => {
    if (dot === last) return lastRef;
    const key = `${dot.stamp} ${dot.writer}`;
    let ref = dotRefs.get(key);
    if (ref === undefined) {
      ref = dots.length / 2;
      dotRefs.set(key, ref);
      const writer = writers.indexOf(dot.writer);
      dots.push(writer, stamps[writer]! - dot.stamp);
    }
    last = dot;
    lastRef = ref;
    return ref;
  };
  for (const kept of parts) {
    const part = canonical(kept);
    let shape = shapeRefs.get(part.shape);
    if (shape === undefined) {
      shape = shapes.length;
      shapeRefs.set(part.shape, shape);
      shapes.push(part.shape.names);
    }
    const dot = refOf(part.dot);
    refs.push(part.id, shape);
    if (part.odds.length === 0) refs.push(dot);
    else {
      const odd = [dot];
      for (const { at, dot: own, birth, seq } of part.odds) odd.push(at, refOf(own), refOf(birth), seq);
      refs.push(odd);
    }
    lines.push(part.text);
  }
  lines[0] = `[${JSON.stringify(dots)},,${JSON.stringify(refs)}]`;
  return { shapes: JSON.stringify(shapes), rest: lines.join('\n') };
}

/** The text whose halves these are: as bytes, where they are. */
export function joined({ shapes, rest }: Halves): string {
  const at = shapesAt(rest);
  return [rest.slice(0, at), shapes, rest.slice(at)].join('');
}

/** The halves of a text that a peer sent; `undefined`: it is not written as we write it, or not worth it. */
export function halvesOf(text: string): Halves | undefined {
  const newline = text.indexOf('\n');
  const end = newline < 0 ? text.length : newline;
  const data = end > mostHalved ? undefined : parsed(text.slice(0, end));
  if (!Array.isArray(data)) return undefined;
  const shapes = JSON.stringify(data[1]);
  const at = shapesAt(text);
  if (!text.startsWith(`${shapes},`, at)) return undefined;
  return { shapes, rest: [text.slice(0, at), text.slice(at + shapes.length)].join('') };
}

/** The list before it is one of numbers. */
const shapesAt = (text: string) => text.indexOf(']') + 2;
/** Of a header, characters: more, and the list is like no other session's. */
const mostHalved = 1_024;

/** The parts in a text, or `undefined` if it is none of ours, or not of this context. */
export function unpacked(context: Context, text: string): State | undefined {
  const header = headerOf(context, text);
  if (header === undefined) return undefined;
  let from = header.end;
  const parts = header.parts.map(({ id, shape, dot, odds }): Part => {
    const begin = from + 1;
    from = endOfLines(text, begin, shape.names.length);
    return { id, shape, text: text.slice(begin, from), dot, odds };
  });
  return { context, parts };
}

/** Whether `unpacked` gives something. */
export function isPacked(context: Context, text: string): boolean {
  return headerOf(context, text) !== undefined;
}

interface Header {
  /** Where it ends. */
  readonly end: number;
  /** All but their text. */
  readonly parts: readonly Omit<Part, 'text'>[];
}

function headerOf(context: Context, text: string): Header | undefined {
  const newline = text.indexOf('\n');
  const end = newline < 0 ? text.length : newline;
  const data = parsed(text.slice(0, end));
  if (!Array.isArray(data) || data.length !== 3) return undefined;
  const dots = dotsOf(context, data[0]);
  const shapes = shapesOf(data[1]);
  const refs: unknown = data[2];
  if (dots === undefined || shapes === undefined || !Array.isArray(refs) || refs.length % 3 !== 0) return undefined;
  const parts: Omit<Part, 'text'>[] = [];
  let lines = 0;
  let before: string | undefined;
  for (let index = 0; index < refs.length; index += 3) {
    const id: unknown = refs[index];
    const shape = itemOf(shapes, refs[index + 1]);
    if (typeof id !== 'string' || (before !== undefined && before >= id) || shape === undefined) return undefined;
    const change = changeOf(dots, shape, refs[index + 2]);
    if (change === undefined) return undefined;
    parts.push({ id, shape, dot: change.dot, odds: change.odds });
    lines += shape.names.length;
    before = id;
  }
  return countLines(text, end, lines) === lines ? { end, parts } : undefined;
}

function parsed(header: string): unknown {
  if (header.length > harmlessLength && !isFlat(Buffer.from(header))) return undefined;
  try {
    return JSON.parse(header);
  } catch {
    return undefined;
  }
}

function dotsOf({ writers, stamps }: Context, data: unknown): Dot[] | undefined {
  if (!Array.isArray(data) || data.length % 2 !== 0) return undefined;
  const dots: Dot[] = [];
  for (let index = 0; index < data.length; index += 2) {
    const writer = itemOf(writers, data[index]);
    const stamp = itemOf(stamps, data[index]);
    const age: unknown = data[index + 1];
    if (writer === undefined || stamp === undefined || !isCount(age) || age >= stamp) return undefined;
    dots.push({ writer, stamp: stamp - age });
  }
  return dots;
}

function shapesOf(data: unknown): Shape[] | undefined {
  if (!Array.isArray(data)) return undefined;
  const shapes: Shape[] = [];
  for (const names of data) {
    if (!Array.isArray(names) || names.length === 0) return undefined;
    for (const name of names) if (typeof name !== 'string') return undefined;
    shapes.push(shapeOf(names));
  }
  return shapes;
}

function changeOf(
  dots: readonly Dot[],
  { names }: Shape,
  data: unknown,
): { readonly dot: Dot; readonly odds: readonly Odd[] } | undefined {
  if (!Array.isArray(data)) {
    const dot = itemOf(dots, data);
    return dot === undefined ? undefined : { dot, odds: none };
  }
  const dot = itemOf(dots, data[0]);
  if (dot === undefined || data.length % 4 !== 1) return undefined;
  const odds: Odd[] = [];
  let next = 0;
  for (let index = 1; index < data.length; index += 4) {
    const at: unknown = data[index];
    const own = itemOf(dots, data[index + 1]);
    const birth = itemOf(dots, data[index + 2]);
    const seq: unknown = data[index + 3];
    if (!isCount(at) || at < next || at >= names.length || own === undefined || birth === undefined || !isCount(seq))
      return undefined;
    odds.push({ at, dot: own, birth, seq });
    next = at + 1;
  }
  return { dot, odds };
}

const none: readonly Odd[] = [];

/** How many line breaks there are from `from` on, one more than `most` at the most. */
function countLines(text: string, from: number, most: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && count <= most; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
