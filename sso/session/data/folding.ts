/**
 * The open data of a small session as one object and one text. Its parts are an object, a name and a text each, of which
 * every one takes longer for its header than for what it says; that is worth its memory only while somebody looks.
 * Unfolding parses and checks nothing: a folded one never leaves the process.
 */

import { type Context, type Dot, isSame } from './context.ts';
import { endOfLines, type Odd, type Part, type PartText, type Shape } from './part.ts';
import type { State } from './state.ts';

export interface Folded {
  readonly context: Context;
  readonly layout: Layout;
  /** A line for each part's id, then the parts' texts. */
  readonly text: string;
  /**
   * `[change, place, change, odd ones, …]`: the first part's change, then the place and the change of each part that has
   * another one than the part before it, or odd values; of each of these `at, change, birth, seq`. A change is two
   * numbers: its writer's place in the context, and how much older its stamp is than the last one seen of that writer.
   */
  readonly changes: readonly number[];
}

/** The parts' shapes: one list for all sessions that are made alike. */
type Layout = readonly Shape[];

/** Larger ones are in proportion to their text as they are, and folding them would cost more. */
const mostParts = 32;
const mostLength = 2_048;

/** Whether it is small, and less when folded. */
export function isFoldable({ parts }: State): boolean {
  if (parts.length < 2 || parts.length > mostParts) return false;
  let length = 0;
  for (const part of parts) length += part.text.length + part.id.length;
  return length <= mostLength;
}

/** `undefined`: it cannot be folded. */
export function folded({ context, parts }: State): Folded | undefined {
  const { writers, stamps } = context;
  const changes: number[] = [];
  const note = (dot: Dot) => {
    const writer = writers.indexOf(dot.writer);
    changes.push(writer, stamps[writer]! - dot.stamp);
  };
  const ids: string[] = [];
  const texts: string[] = [];
  let dot = parts[0]!.dot;
  note(dot);
  for (let place = 0; place < parts.length; place++) {
    const part = parts[place]!;
    // A peer's may have any name.
    if (part.id.includes('\n')) return undefined;
    ids.push(part.id);
    texts.push(part.text);
    if (part.odds.length === 0 && isSame(part.dot, dot)) continue;
    dot = part.dot;
    changes.push(place);
    note(dot);
    changes.push(part.odds.length);
    for (const odd of part.odds) {
      changes.push(odd.at);
      note(odd.dot);
      note(odd.birth);
      changes.push(odd.seq);
    }
  }
  // A copy has no room for more.
  return { context, layout: layoutOf(parts), text: [...ids, ...texts].join('\n'), changes: changes.slice() };
}

export function unfolded({ context, layout, text, changes }: Folded): State {
  const { writers, stamps } = context;
  let read = 0;
  const next = (): Dot => {
    const writer = changes[read++]!;
    return { writer: writers[writer]!, stamp: stamps[writer]! - changes[read++]! };
  };
  const oddsOf = (count: number): readonly Odd[] => {
    if (count === 0) return none;
    const odds: Odd[] = [];
    while (odds.length < count) odds.push({ at: changes[read++]!, dot: next(), birth: next(), seq: changes[read++]! });
    return odds;
  };
  let dot = next();
  let id = 0;
  let begin = endOfLines(text, 0, layout.length) + 1;
  const parts = layout.map((shape, place): Part => {
    const idEnd = text.indexOf('\n', id);
    const end = endOfLines(text, begin, shape.names.length);
    let odds = none;
    if (changes[read] === place) {
      read++;
      dot = next();
      odds = oddsOf(changes[read++]!);
    }
    const part = { id: text.slice(id, idEnd), shape, text: text.slice(begin, end), dot, odds };
    id = idEnd + 1;
    begin = end + 1;
    return part;
  });
  return { context, parts };
}

/**
 * What of a part its fields are read from, without unfolding, if it is one of the first: that of the attributes, and the
 * settings'. Who reads nothing else need not unfold. `later`: it is none of them.
 */
export function firstPart({ layout, text }: Folded, id: string): PartText | undefined | 'later' {
  let from = 0;
  let lines = layout.length;
  for (let place = 0; place < Math.min(2, layout.length); place++) {
    const to = text.indexOf('\n', from);
    const other = text.slice(from, to);
    const shape = layout[place]!;
    if (other === id) {
      const begin = endOfLines(text, 0, lines) + 1;
      return { shape, text: text.slice(begin, endOfLines(text, begin, shape.names.length)) };
    }
    if (other > id) return undefined;
    from = to + 1;
    lines += shape.names.length;
  }
  return 'later';
}

const none: readonly Odd[] = [];
const layouts = new Map<number, Layout>();
const layoutsAtMost = 4_096;

/** What it remembers is bounded: a list that is forgotten, or shares its number with another, is only made anew. */
function layoutOf(parts: readonly Part[]): Layout {
  let number = 0;
  for (const { shape } of parts) number = (Math.imul(number, 31) + shape.serial) | 0;
  const known = layouts.get(number);
  if (known?.length === parts.length && known.every((shape, place) => shape === parts[place]!.shape)) return known;
  const layout = parts.map(({ shape }) => shape);
  if (layouts.size >= layoutsAtMost) layouts.clear();
  layouts.set(number, layout);
  return layout;
}
