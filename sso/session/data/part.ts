/**
 * One part of a session's data: fields, each with its text and the change it is from. A session in use has thousands of
 * fields, and its memory is to stay in proportion to the text. So a part is one string with a line for each field, a
 * list of names that it shares with the other parts of the same shape, and one change that all fields are from, but for
 * a few **odd** ones.
 *
 * A field has a place in the order, that of its birth: the change in which it came to be, and its number among the fields
 * that this change made in the part. It keeps it when it is written over. Concurrent values of one field stand one after
 * the other, the later one, which is read, first.
 */

import { removedText } from './changes.ts';
import { compareDots, type Dot, isSame } from './context.ts';

/** One value of a field. */
export interface Entry {
  readonly name: string;
  readonly text: string;
  /** The change that wrote it. */
  readonly dot: Dot;
  /** The change that first made the field. */
  readonly birth: Dot;
  /** Its number among the fields which that change made in this part. */
  readonly seq: number;
}

/** A value that is not from the part's change, or does not follow the one before it. */
export interface Odd {
  readonly at: number;
  readonly dot: Dot;
  readonly birth: Dot;
  readonly seq: number;
}

export interface Shape {
  readonly names: readonly string[];
  /** Characters of all names. */
  readonly length: number;
  /** Whether a name stands for several concurrent values. */
  readonly isDouble: boolean;
  /** Tells it from other shapes in short. */
  readonly serial: number;
}

export interface Part {
  readonly id: string;
  readonly shape: Shape;
  /** A line for each name. */
  readonly text: string;
  readonly dot: Dot;
  /** By position, ascending. */
  readonly odds: readonly Odd[];
}

/** What its fields are read from. */
export type PartText = Pick<Part, 'shape' | 'text'>;

const none: readonly Odd[] = [];
const shapes = new Map<string, Shape>();
const shapesAtMost = 4_096;
/** Parts of more names have a shape each. */
export const sharedNamesAtMost = 64;
let made = 0;

/** The shape of these names, one object for all parts that have it. */
export function shapeOf(names: readonly string[]): Shape {
  if (names.length > sharedNamesAtMost) return newShape(names);
  const key = names.join('\n');
  const known = shapes.get(key);
  if (known?.names.length === names.length && known.names.every((name, index) => name === names[index])) return known;
  const shape = newShape(names);
  if (key.length > 1_024) return shape;
  if (shapes.size >= shapesAtMost) shapes.clear();
  shapes.set(key, shape);
  return shape;
}

function newShape(names: readonly string[]): Shape {
  let length = 0;
  let isDouble = false;
  for (let index = 0; index < names.length; index++) {
    length += names[index]!.length;
    if (index > 0 && names[index] === names[index - 1]) isDouble = true;
  }
  made = (made + 1) | 0;
  return { names, length, isDouble, serial: made };
}

/** From so many names on a part that is asked for one field after the other is indexed. */
const manyNames = 32;
/** The fields of large parts that were asked before; `undefined`: once. */
const indexes = new WeakMap<PartText, ReadonlyMap<string, string> | undefined>();

/** The text of a field: the latest, where there are several; `undefined` where that is `removedText`. */
export function textOf(part: PartText, name: string): string | undefined {
  const line = lineOf(part, name);
  return line === removedText ? undefined : line;
}

/** The same, and `removedText` as it is; `undefined`: nothing is known of such a field. */
export function lineOf(part: PartText, name: string): string | undefined {
  if (part.shape.names.length > manyNames) {
    if (indexes.has(part)) return indexOf(part).get(name);
    indexes.set(part, undefined);
  }
  const at = part.shape.names.indexOf(name);
  if (at < 0) return undefined;
  const [from, to] = lineAt(part.text, at);
  return part.text.slice(from, to);
}

function indexOf(part: PartText): ReadonlyMap<string, string> {
  let index = indexes.get(part);
  if (index === undefined) indexes.set(part, (index = indexed(part)));
  return index;
}

function indexed({ shape: { names }, text }: PartText): ReadonlyMap<string, string> {
  const lines = linesOf(text);
  const index = new Map<string, string>();
  // The latest of several values comes first.
  for (let at = names.length - 1; at >= 0; at--) index.set(names[at]!, lines[at]!);
  return index;
}

/** Whether the latest value of some field is `removedText`, or may be. */
export function mayHaveRemoved({ text }: PartText): boolean {
  return text === removedText || text.startsWith('\n') || text.endsWith('\n') || text.includes('\n\n');
}

/** All fields in their order, of each the latest value; none that was removed. */
export function fieldsOf({ shape, text }: PartText): (readonly [field: string, text: string])[] {
  const { names, isDouble } = shape;
  const fields: (readonly [string, string])[] = [];
  const lines = linesOf(text);
  for (let index = 0; index < names.length; index++) {
    if (isDouble && index > 0 && names[index] === names[index - 1]) continue;
    if (lines[index] !== removedText) fields.push([names[index]!, lines[index]!]);
  }
  return fields;
}

/** The same as one text, of a part none of whose fields are removed by name. */
export function plainLines(part: PartText): { readonly names: readonly string[]; readonly text: string } {
  if (!part.shape.isDouble) return { names: part.shape.names, text: part.text };
  const fields = fieldsOf(part);
  return { names: fields.map(([name]) => name), text: fields.map(([, text]) => text).join('\n') };
}

/** All values with all that is known of them. */
export function entriesOf({ shape, text, dot, odds }: Part): Entry[] {
  const lines = linesOf(text);
  const entries: Entry[] = [];
  let next = 0;
  let odd = 0;
  for (let index = 0; index < lines.length; index++) {
    const name = shape.names[index]!;
    if (odds[odd]?.at === index) {
      const { dot: own, birth, seq } = odds[odd++]!;
      entries.push({ name, text: lines[index]!, dot: own, birth, seq });
      if (isSame(birth, dot)) next = seq + 1;
    } else entries.push({ name, text: lines[index]!, dot, birth: dot, seq: next++ });
  }
  return entries;
}

/** The part with these values, in their order; `undefined` if there are none. The same for the same values. */
export function partOf(id: string, entries: readonly Entry[]): Part | undefined {
  const [start] = entries;
  if (start === undefined) return undefined;
  const dot = usualDot(entries) ?? start.dot;
  const odds: Odd[] = [];
  let next = 0;
  for (let at = 0; at < entries.length; at++) {
    const entry = entries[at]!;
    const isBornHere = isSame(entry.birth, dot);
    if (!isBornHere || !isSame(entry.dot, dot) || entry.seq !== next)
      odds.push({ at, dot: entry.dot, birth: entry.birth, seq: entry.seq });
    if (isBornHere) next = entry.seq + 1;
  }
  return {
    id,
    shape: shapeOf(entries.map(({ name }) => name)),
    text: entries.length === 1 ? start.text : entries.map(({ text }) => text).join('\n'),
    dot,
    odds: odds.length === 0 ? none : odds,
  };
}

/** The part as `partOf` makes it of its values: the same for the same values. */
export function canonical(part: Part): Part {
  return part.odds.length === 0 ? part : partOf(part.id, entriesOf(part))!;
}

/** The part with the value at `at` written over by another of the same field: the rest is not looked at. */
export function overwritten(part: Part, at: number, text: string, odd: Omit<Odd, 'at'>): Part {
  const [from, to] = lineAt(part.text, at);
  const { odds } = part;
  let place = odds.length;
  while (place > 0 && odds[place - 1]!.at >= at) place--;
  const { dot, birth, seq } = odd;
  return {
    id: part.id,
    shape: part.shape,
    text: spliced(part.text, from, to, text),
    dot: part.dot,
    odds: odds.toSpliced(place, odds[place]?.at === at ? 1 : 0, { at, dot, birth, seq }),
  };
}

/** Where the value at `at` was born. */
export function birthAt(
  { dot, odds }: Part,
  at: number,
): { readonly dot: Dot; readonly birth: Dot; readonly seq: number } {
  let position = 0;
  let next = 0;
  for (const odd of odds) {
    if (odd.at === at) return odd;
    if (odd.at > at) break;
    next += odd.at - position;
    position = odd.at + 1;
    if (isSame(odd.birth, dot)) next = odd.seq + 1;
  }
  return { dot, birth: dot, seq: next + at - position };
}

/** Brings values into the order of the fields' births, the latest of each field first. */
export function arranged(entries: readonly Entry[]): Entry[] {
  const byName = new Map<string, Entry[]>();
  for (const entry of entries) {
    const values = byName.get(entry.name);
    if (values === undefined) byName.set(entry.name, [entry]);
    else values.push(entry);
  }
  const fields = [...byName.values()];
  const born = new Map<Entry[], Entry>();
  for (const values of fields) {
    born.set(values, values.reduce(earlier));
    if (values.length > 1) values.sort((a, b) => compareDots(b.dot, a.dot));
  }
  return fields.sort((a, b) => compareBirths(born.get(a)!, born.get(b)!)).flat();
}

/** Of two values of a field the one that was born earlier: whoever writes over both inherits its place. */
export const earlier = <T extends Pick<Entry, 'birth' | 'seq'>>(a: T, b: T): T => (compareBirths(a, b) <= 0 ? a : b);

function compareBirths(a: Pick<Entry, 'birth' | 'seq'>, b: Pick<Entry, 'birth' | 'seq'>): number {
  return compareDots(a.birth, b.birth) || a.seq - b.seq;
}

/** The change that most values are from without having taken the place of others; the earliest of several. */
function usualDot(entries: readonly Entry[]): Dot | undefined {
  let best: Dot | undefined;
  let most = 0;
  const counts = new Map<number, { readonly dot: Dot; count: number }[]>();
  for (const { dot, birth } of entries) {
    if (!isSame(dot, birth)) continue;
    const alike = counts.get(dot.stamp);
    let known = alike?.find((other) => isSame(other.dot, dot));
    if (known === undefined) {
      known = { dot, count: 0 };
      if (alike === undefined) counts.set(dot.stamp, [known]);
      else alike.push(known);
    }
    known.count++;
    if (known.count > most || (known.count === most && compareDots(dot, best!) < 0)) {
      most = known.count;
      best = dot;
    }
  }
  return best;
}

/** As `split`, which takes several times as long for a few lines. */
function linesOf(text: string): string[] {
  const lines: string[] = [];
  let from = 0;
  for (let to = text.indexOf('\n'); to >= 0; to = text.indexOf('\n', from)) {
    lines.push(text.slice(from, to));
    from = to + 1;
  }
  lines.push(from === 0 ? text : text.slice(from));
  return lines;
}

/** Where a line begins and ends. */
function lineAt(text: string, line: number): readonly [from: number, to: number] {
  let from = 0;
  for (let index = 0; index < line; index++) from = text.indexOf('\n', from) + 1;
  const to = text.indexOf('\n', from);
  return [from, to < 0 ? text.length : to];
}

/** Where the last of so many lines that begin at `from` ends. */
export function endOfLines(text: string, from: number, lines: number): number {
  let at = from - 1;
  for (let line = 0; line < lines; line++) {
    at = text.indexOf('\n', at + 1);
    if (at < 0) return text.length;
  }
  return at;
}

/** A flat string with its own characters: a concatenation would hold on to all its predecessors. */
function spliced(text: string, from: number, to: number, by: string): string {
  return [text.slice(0, from), by, text.slice(to)].join('');
}
