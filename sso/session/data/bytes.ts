/**
 * How many bytes data has on its way (`SessionData.encode` as JSON), and whether it may have as many as changes make it.
 * Beside its text counts what is told of a field that was changed by itself: 10 to 40 bytes, also where its new value is
 * no longer. So growth leaves room for some of that, or what was just accepted could not be changed any more.
 */

import type { Changes } from './changes.ts';
import { Context } from './context.ts';
import { packed } from './packing.ts';
import { type Part, type Shape, sharedNamesAtMost, textOf } from './part.ts';
import { changed, findPart, type State } from './state.ts';

/** What growth leaves room for: so many bytes for each field that was not yet changed by itself, */
const ownChangeBytes = 16;
/** in all one of so many of the bytes at most. */
const shareForOwnChanges = 16;
/** Stamps in 64 days (hybrid-clock.ts): with a change, all that its writer wrote before is told to be as much older. */
const laterStamps = 64 * 86_400_000 * 1_024;

/** With one change more: of which writer makes little difference. */
function tried(state: State, changes: Changes): State {
  return changed(state, changes, { writer: 'trial', stamp: state.context.latest + 1 }).state;
}

/**
 * Whether it stays within so many bytes with these changes, or they make it smaller. Text that grows has to leave room for
 * changes of the fields. Only what may be larger is looked at closely: little is.
 */
export function fitsWith(state: State, changes: Changes, bytes: number): boolean {
  if (changes.fields.length + changes.gone.length === 0) return true;
  const surely = bytes - bytes / shareForOwnChanges;
  if (mostBytesOf(state) + mostChangeBytes(state, changes, threefold) <= surely) return true;
  if (contextBytes(state) + closeBytes(state) + mostChangeBytes(state, changes, close) <= surely) return true;
  const next = tried(state, changes);
  const added = addedBytes(state, changes);
  const after = bytesOf(next);
  if (after + (added > 0 ? roomToLeave(next, bytes) : 0) <= bytes) return true;
  const before = bytesOf(state);
  // What is too large already, by a merge, cannot become less without being told what is less.
  return after <= before || (added < 0 && before > bytes);
}

/** A bound, by a cheap guess. */
export function mostBytesOf(state: State): number {
  return state.parts.reduce((sum, part) => sum + mostPartBytes(part), contextBytes(state));
}

const contextBytes = ({ context }: State): number => 64 + 4 * context.text.length;

/** With the ages that a later change gives all before it. */
function bytesOf({ context, parts }: State): number {
  const { generation, writers, latest } = context;
  const later = new Context(
    generation,
    writers,
    writers.map(() => latest + laterStamps),
  );
  return Buffer.byteLength(JSON.stringify([context.encode(), packed({ context: later, parts })]));
}

function roomToLeave({ parts }: State, bytes: number): number {
  let fields = 0;
  let changedAlone = 0;
  for (const { shape, odds } of parts) {
    fields += shape.names.length;
    changedAlone += odds.length;
  }
  const wanted = Math.min(ownChangeBytes * fields, bytes / shareForOwnChanges);
  return Math.max(0, wanted - ownChangeBytes * changedAlone);
}

/** A quote in a text is two bytes, in a name, which is JSON in a text, four; a control character there is seven. An odd value is four numbers and two changes. */
function mostPartBytes({ id, shape, text, odds }: Part): number {
  return 3 * text.length + 2 + 7 * id.length + shapeBytes(shape) + 96 * (odds.length + 1);
}

const shapeBytes = ({ length, names }: Shape): number => 7 * length + 8 * names.length;

/** The same for all parts, by a look at their texts: of a shape that many have the names are told once, and most changes are that of the part before. */
function closeBytes({ parts }: State): number {
  let bytes = 0;
  const shapes = new Set<Shape>();
  let last: Part | undefined;
  for (const part of parts) {
    const { id, shape, text, odds } = part;
    bytes += close(text) + (isPlain.test(id) ? id.length : 7 * id.length) + 24 + 96 * odds.length;
    if (part.dot !== last?.dot) bytes += 48;
    if (shapes.size < shapes.add(shape).size) bytes += closeShapeBytes(shape);
    last = part;
  }
  return bytes;
}

/** What JSON has as it is, in a text of JSON too. */
const isPlain = /^[\w.:*-]*$/;

/** A long list has many names, and the same at the next look. */
function closeShapeBytes(shape: Shape): number {
  let bytes = shapesLookedAt.get(shape);
  if (bytes === undefined) {
    const { length, names } = shape;
    bytes = names.every((name) => isPlain.test(name)) ? length + 5 * names.length + 3 : shapeBytes(shape);
    shapesLookedAt.set(shape, bytes);
  }
  return bytes;
}

const shapesLookedAt = new WeakMap<Shape, number>();

/** Bytes of a text within JSON at most: by its length alone, and by a look at it. A character beyond ASCII is not escaped. */
type Bound = (text: string) => number;
const threefold: Bound = (text) => 3 * text.length;
const close: Bound = (text) => Buffer.byteLength(text) + text.length;

/** The same for what changes add. */
function mostChangeBytes({ parts }: State, { fields }: Changes, bound: Bound): number {
  let bytes = 0;
  let id: string | undefined;
  let stored: Part | undefined;
  let isReshaped = false;
  for (const { part, field, text } of fields) {
    if (part !== id) {
      id = part;
      stored = findPart(parts, part);
      isReshaped = false;
      if (stored === undefined) bytes += 7 * part.length + 98;
    }
    const old = stored && textOf(stored, field);
    if (old !== undefined) bytes -= bound(old);
    if (stored !== undefined) bytes += 96;
    // Others may have the shape that this part had.
    if (stored !== undefined && !isReshaped && (old === undefined) !== (text === undefined)) {
      isReshaped = true;
      if (stored.shape.names.length <= sharedNamesAtMost) bytes += shapeBytes(stored.shape);
    }
    if (text !== undefined) bytes += bound(text) + (old === undefined ? 7 * field.length + 11 : 0);
  }
  return bytes;
}

/** Of text alone. */
function addedBytes({ parts }: State, { fields, gone }: Changes): number {
  const went = new Set(gone);
  let added = 0;
  for (const id of went) {
    const part = findPart(parts, id);
    if (part !== undefined) added -= textBytes(part.text);
  }
  for (const { part: id, field, text } of fields) {
    const part = went.has(id) ? undefined : findPart(parts, id);
    const old = part && textOf(part, field);
    added += (text === undefined ? 0 : textBytes(text)) - (old === undefined ? 0 : textBytes(old));
  }
  return added;
}

const textBytes = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - 2;
