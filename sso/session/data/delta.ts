/**
 * What one change added to a session's data, or several that one writer made one after the other: what travels instead
 * of the whole. It is of use to whoever has seen all that its writer had seen before; who has not asks for the whole.
 * A change that begins a new generation travels as a whole.
 */

import { type Context, type Dot, decodeContext, isCount, isStamp, isWriter, itemOf } from './context.ts';
import { SessionData } from './session-data.ts';
import type { Written, WrittenField } from './state.ts';

export type DataDelta =
  | { readonly written: Written; readonly whole?: undefined }
  | { readonly whole: SessionData; readonly written?: undefined };

/**
 * `[from, writer, stamp, fields, gone]`: the writer by its place in `from`, or by name. Of a field `[part, name, text]`, 0
 * for one that was taken away; where it is not new in this change also `[…, age, birth's writer, birth's age, number]`.
 * A whole is `[data]`.
 */
export function encodeDelta(delta: DataDelta): unknown {
  if (delta.whole !== undefined) return [delta.whole.encode()];
  const { from, dot, fields, gone } = delta.written;
  const at = from.writers.indexOf(dot.writer);
  const { writers } = from.with(dot);
  const born = new Map<string, number>();
  const items = fields.map(({ part, field, entry }) => {
    if (entry === undefined) return [part, field, 0];
    const number = born.get(part) ?? 0;
    if (entry.dot.stamp === dot.stamp && entry.birth.stamp === dot.stamp && entry.seq === number) {
      born.set(part, number + 1);
      return [part, field, entry.text];
    }
    const { birth, seq } = entry;
    const age = dot.stamp - entry.dot.stamp;
    return [part, field, entry.text, age, writers.indexOf(birth.writer), dot.stamp - birth.stamp, seq];
  });
  return [from.encode(), at < 0 ? dot.writer : at, dot.stamp, items, gone];
}

export function decodeDelta(data: unknown): DataDelta | undefined {
  if (!Array.isArray(data)) return undefined;
  if (data.length === 1) {
    const whole = SessionData.decode(data[0]);
    return whole && { whole };
  }
  const from = decodeContext(data[0]);
  const writer: unknown = typeof data[1] === 'number' ? from && itemOf(from.writers, data[1]) : data[1];
  const [, , stamp, items, gone] = data;
  if (from === undefined || !isWriter(writer) || !isStamp(stamp) || stamp <= from.latest) return undefined;
  if (!Array.isArray(items) || !Array.isArray(gone) || !gone.every(isText)) return undefined;
  const dot: Dot = { writer, stamp };
  const fields = fieldsOf(items, dot, from.with(dot), from.stampOf(writer));
  return fields && { written: { from, dot, fields, gone } };
}

/** Whether all that the delta builds on is in `mine`. */
export function canApply(mine: SessionData, delta: DataDelta): boolean {
  return delta.whole !== undefined || mine.canApply(delta.written);
}

/** What both hold; only for a delta that can be applied. Returns `mine` itself where it adds nothing. */
export function applyDelta(mine: SessionData, delta: DataDelta, conflict?: () => void): SessionData {
  return delta.whole !== undefined ? mine.merge(delta.whole, conflict) : mine.apply(delta.written, conflict);
}

/** One delta in place of two changes of this node, made one after the other; `undefined` if something came between them: tell the whole. */
export function joinDeltas(first: DataDelta, second: DataDelta): DataDelta | undefined {
  if (second.whole !== undefined) return second;
  const { from, dot, fields, gone } = second.written;
  if (first.whole !== undefined)
    return canApply(first.whole, second) ? { whole: first.whole.apply(second.written) } : undefined;
  const before = first.written;
  if (before.dot.writer !== dot.writer || !from.equals(before.from.with(before.dot))) return undefined;
  const went = new Set(gone);
  const joined = new Map<string, WrittenField>();
  for (const field of before.fields) if (!went.has(field.part)) joined.set(keyOf(field), field);
  for (const field of fields) joined.set(keyOf(field), field);
  return {
    written: { from: before.from, dot, fields: [...joined.values()], gone: [...new Set([...before.gone, ...gone])] },
  };
}

const keyOf = ({ part, field }: WrittenField): string => `${part.length} ${part}${field}`;

/** `seen`: what the writer has seen afterwards; `last`: its last change before. */
function fieldsOf(items: readonly unknown[], dot: Dot, seen: Context, last: number): WrittenField[] | undefined {
  const born = new Map<string, number>();
  const fields: WrittenField[] = [];
  for (const item of items) {
    if (!Array.isArray(item)) return undefined;
    const [part, field, text] = item;
    if (!isText(part) || !isText(field)) return undefined;
    if (text === 0) {
      fields.push({ part, field, entry: undefined });
      continue;
    }
    if (!isText(text) || text.includes('\n')) return undefined;
    if (item.length === 3) {
      const seq = born.get(part) ?? 0;
      born.set(part, seq + 1);
      fields.push({ part, field, entry: { name: field, text, dot, birth: dot, seq } });
      continue;
    }
    const [, , , age, writer, birthAge, seq] = item;
    const birth = birthOf(seen, writer, birthAge, dot);
    if (!isCount(age) || age >= dot.stamp - last || !isCount(seq) || birth === undefined) return undefined;
    const own = age === 0 ? dot : { writer: dot.writer, stamp: dot.stamp - age };
    fields.push({ part, field, entry: { name: field, text, dot: own, birth, seq } });
  }
  return fields;
}

function birthOf(seen: Context, place: unknown, age: unknown, { stamp }: Dot): Dot | undefined {
  const writer = itemOf(seen.writers, place);
  if (writer === undefined || !isCount(age) || age >= stamp) return undefined;
  const birth = { writer, stamp: stamp - age };
  return seen.covers(birth) ? birth : undefined;
}

const isText = (value: unknown): value is string => typeof value === 'string';
