/**
 * A session's data as a conflict-free replicated map (Almeida, Shoker, Baquero: Delta state replicated data types, 2018):
 * parts of fields, each a register that keeps concurrent values until the next change, and a context. A value that one
 * side lacks and its context covers was taken away there; one that is not covered is new, so a change survives a concurrent
 * removal; concurrent changes of one field are both kept, and the later is read. A field that is removed by its name is
 * changed to `removedText`, so that the later one wins there as well; that is remembered for a while.
 *
 * Pure functions; a state is never altered, parts are shared between states.
 */

import { type Changes, type FieldChange, removedText } from './changes.ts';
import { Context, compareDots, type Dot, isSame } from './context.ts';
import {
  arranged,
  birthAt,
  type Entry,
  earlier,
  entriesOf,
  mayHaveRemoved,
  overwritten,
  type Part,
  partOf,
} from './part.ts';

export interface State {
  readonly context: Context;
  /** By id, ascending; none without a field. */
  readonly parts: readonly Part[];
}

/** What one change wrote, or several that one writer made one after the other. */
export interface Written {
  /** What its writer had seen before. */
  readonly from: Context;
  /** The (last) change. */
  readonly dot: Dot;
  readonly fields: readonly WrittenField[];
  /** Parts that went, before any field was written. */
  readonly gone: readonly string[];
}

/** `entry` is `undefined` where the field was taken away. */
export interface WrittenField {
  readonly part: string;
  readonly field: string;
  readonly entry: Entry | undefined;
}

export const emptyState: State = { context: Context.empty, parts: [] };

/** So many writers make a change begin a new generation in any case: what is changed elsewhere at that instant is lost. */
const mostWriters = 64;
/** So many do if nothing was changed for a while, so that hardly anything is under way: not in the midst of a burst. */
const manyWriters = 16;
/** Stamps in a minute (hybrid-clock.ts). */
const quietStamps = 60_000 * 1_024;
/** Removals by name are remembered for so long: what was changed before, and is heard of later still, comes back. */
const rememberedStamps = 10 * quietStamps;
/** So many of a part at most, the latest. */
const rememberedAtMost = 32;

export function findPart(parts: readonly Part[], id: string): Part | undefined {
  const part = parts[placeOf(parts, id, 0)];
  return part?.id === id ? part : undefined;
}

/** Whether it is time for this change to begin a new generation. */
export function isFull({ writers, latest }: Context, { writer, stamp }: Dot): boolean {
  if (writers.length < manyWriters || writers.includes(writer)) return false;
  return writers.length >= mostWriters || stamp - latest > quietStamps;
}

/** All data as this change's, and nothing else in its context. */
export function renewed({ parts }: State, dot: Dot): State {
  const own = parts.map((part) => {
    const entries = entriesOf(part);
    const latest = entries.filter(({ name }, index) => name !== entries[index - 1]?.name);
    return partOf(
      part.id,
      latest.map((entry, seq) => ({ ...entry, dot, birth: dot, seq })),
    )!;
  });
  return { context: new Context(dot, [dot.writer], [dot.stamp]), parts: own };
}

/**
 * A change of this node's. `dot` is later than all in the context. What came after `compared` is not taken away: whoever
 * made the change did not know of it.
 */
export function changed(
  state: State,
  changes: Changes,
  dot: Dot,
  compared: Context = state.context,
): { readonly state: State; readonly written: Written } {
  const altered = new Map<string, Part | undefined>();
  const fields: WrittenField[] = [];
  const gone: string[] = [];
  const wanted = byPart(changes.fields);
  for (const id of changes.gone) {
    const part = findPart(state.parts, id);
    if (part === undefined) continue;
    const known = removable(part, compared);
    if (known === 'all') {
      gone.push(id);
      altered.set(id, undefined);
    } else {
      const removals = [...known].map((field) => ({ part: id, field, text: undefined }));
      wanted.set(id, [...removals, ...(wanted.get(id) ?? [])]);
    }
  }
  for (const [id, list] of wanted) {
    const part = altered.has(id) ? undefined : findPart(state.parts, id);
    const one = list.length === 1 && part !== undefined ? overwrite(part, list[0]!, dot) : undefined;
    altered.set(id, one === undefined ? rewrite(id, part, list, dot, compared, fields) : one.part);
    if (one !== undefined) fields.push(one.field);
  }
  const context = state.context.with(dot);
  return {
    state: { context, parts: replaced(state.parts, altered) },
    written: { from: state.context, dot, fields, gone },
  };
}

/** The fields all of whose values `compared` covers. */
function removable(part: Part, compared: Context): ReadonlySet<string> | 'all' {
  if (part.odds.length === 0) return compared.covers(part.dot) ? 'all' : new Set();
  const names = new Set(part.shape.names);
  let isAll = true;
  for (const { name, dot } of entriesOf(part)) {
    if (compared.covers(dot)) continue;
    names.delete(name);
    isAll = false;
  }
  return isAll ? 'all' : names;
}

/** The state with what was written elsewhere, whose `from` it includes. Returns it as it is where that adds nothing. */
export function applied(state: State, written: Written, conflict?: () => void): State {
  const to = written.from.with(written.dot);
  if (state.context.includes(to)) return state;
  const altered = new Map<string, Part | undefined>();
  const gone = new Set(written.gone);
  const touched = byPart(written.fields);
  for (const id of gone) if (!touched.has(id)) touched.set(id, []);
  for (const [id, fields] of touched) {
    const part = findPart(state.parts, id);
    const isGone = gone.has(id);
    const quick =
      part !== undefined && fields.length === 1 && !isGone ? takeOver(part, fields[0]!, state.context, to) : undefined;
    altered.set(id, quick ?? taken(id, part, fields, isGone, state.context, to, conflict));
  }
  return { context: state.context.join(to), parts: replaced(state.parts, altered) };
}

/** What both hold; each has seen something that the other has not, of one generation. */
export function merged(mine: State, theirs: State, conflict?: () => void): State {
  const parts: Part[] = [];
  let a = 0;
  let b = 0;
  while (a < mine.parts.length || b < theirs.parts.length) {
    const left = mine.parts[a];
    const right = theirs.parts[b];
    let part: Part | undefined;
    if (right === undefined || (left !== undefined && left.id < right.id)) {
      part = unseen(left!, theirs.context);
      a++;
    } else if (left === undefined || right.id < left.id) {
      part = unseen(right, mine.context);
      b++;
    } else {
      part = mergedPart(left, right, mine.context, theirs.context, conflict);
      a++;
      b++;
    }
    if (part !== undefined) parts.push(part);
  }
  return { context: mine.context.join(theirs.context), parts };
}

function mergedPart(
  left: Part,
  right: Part,
  seenLeft: Context,
  seenRight: Context,
  conflict?: () => void,
): Part | undefined {
  if (left === right || isEqual(left, right)) return left;
  const mine = entriesOf(left);
  const theirs = entriesOf(right);
  const theirNames = byName(theirs);
  const kept: Entry[] = [];
  for (const entry of mine) if (!seenRight.covers(entry.dot) || holds(theirNames, entry)) kept.push(entry);
  const old = kept.length;
  for (const entry of theirs) if (!seenLeft.covers(entry.dot)) kept.push(entry);
  if (kept.length === mine.length && old === mine.length) return left;
  const entries = arranged(kept);
  if (conflict !== undefined) countConflicts(entries, byName(mine), theirNames, conflict);
  return partOf(left.id, entries);
}

/** Same values without a look at each: no dot is given twice. */
function isEqual(left: Part, right: Part): boolean {
  if (left.odds.length > 0 || right.odds.length > 0) return false;
  return left.shape === right.shape && isSame(left.dot, right.dot);
}

/** What of a part that the other side lacks is new to it. */
function unseen(part: Part, seen: Context): Part | undefined {
  if (part.odds.length === 0) return seen.covers(part.dot) ? undefined : part;
  const entries = entriesOf(part);
  const kept = entries.filter(({ dot }) => !seen.covers(dot));
  return kept.length === entries.length ? part : partOf(part.id, part.shape.isDouble ? arranged(kept) : kept);
}

type Values = ReadonlyMap<string, readonly Entry[]>;

function byName(entries: readonly Entry[]): Map<string, Entry[]> {
  const values = new Map<string, Entry[]>();
  for (const entry of entries) {
    const known = values.get(entry.name);
    if (known === undefined) values.set(entry.name, [entry]);
    else known.push(entry);
  }
  return values;
}

function holds(values: Values, { name, dot }: Entry): boolean {
  return values.get(name)?.some((other) => isSame(other.dot, dot)) === true;
}

/** Calls once for each field whose concurrent values meet here for the first time. */
function countConflicts(entries: readonly Entry[], mine: Values, theirs: Values, conflict: () => void): void {
  for (const values of byName(entries).values()) {
    if (values.length < 2) continue;
    if (!values.every((entry) => holds(mine, entry)) && !values.every((entry) => holds(theirs, entry))) conflict();
  }
}

/**
 * One existing field with one value gets another: the usual change, for which the part is not taken apart. Not where fields are
 * removed by name: it is time to look which of those are not to be remembered.
 */
function overwrite(
  part: Part,
  { field, text }: FieldChange,
  dot: Dot,
): { readonly part: Part; readonly field: WrittenField } | undefined {
  const at = onlyOne(part, field);
  if (at < 0 || text === undefined || text === removedText || mayHaveRemoved(part)) return undefined;
  const { birth, seq } = birthAt(part, at);
  const line = oneLine(text);
  return {
    part: overwritten(part, at, line, { dot, birth, seq }),
    field: { part: part.id, field, entry: { name: field, text: line, dot, birth, seq } },
  };
}

/** The part with its wanted values; what was written is added to `fields`. */
function rewrite(
  id: string,
  part: Part | undefined,
  wanted: readonly FieldChange[],
  dot: Dot,
  compared: Context,
  fields: WrittenField[],
): Part | undefined {
  const entries = byName(part === undefined ? [] : entriesOf(part));
  const written = new Map<string, Entry | undefined>();
  let born = 0;
  for (const { field, text } of wanted) {
    const before = entries.get(field);
    if (text === undefined) {
      if (before === undefined || !before.every((value) => value.dot === dot || compared.covers(value.dot))) continue;
      entries.delete(field);
      written.set(field, undefined);
    } else {
      const isNew = before === undefined || isRemoved(before);
      const { birth, seq } = isNew ? { birth: dot, seq: born++ } : before.reduce(earlier);
      const entry: Entry = { name: field, text: oneLine(text), dot, birth, seq };
      if (isNew) entries.delete(field);
      entries.set(field, [entry]);
      written.set(field, entry);
    }
  }
  for (const field of notRemembered(entries, dot)) {
    entries.delete(field);
    written.set(field, undefined);
  }
  for (const [field, entry] of written) fields.push({ part: id, field, entry });
  return partOf(id, [...entries.values()].flat());
}

/** The fields whose removal by name is not to be remembered any longer. */
function notRemembered(entries: Values, { stamp }: Dot): string[] {
  const removals: Entry[] = [];
  for (const values of entries.values()) if (isRemoved(values)) removals.push(values.reduce(later));
  if (removals.length === 0) return [];
  removals.sort((a, b) => b.dot.stamp - a.dot.stamp);
  return removals
    .filter(({ dot }, index) => index >= rememberedAtMost || stamp - dot.stamp > rememberedStamps)
    .map(({ name }) => name);
}

/** Whether nothing of a field is read: what is older than its removal, and did not know of it, goes with that. */
const isRemoved = (values: readonly Entry[]): boolean => values.reduce(later).text === removedText;

const later = (a: Entry, b: Entry): Entry => (compareDots(a.dot, b.dot) >= 0 ? a : b);

/** The usual change as it arrives: its writer saw the one value that is held here, and nothing else. */
function takeOver(part: Part, { field, entry }: WrittenField, seen: Context, to: Context): Part | undefined {
  const at = onlyOne(part, field);
  if (at < 0 || entry === undefined || seen.covers(entry.dot)) return undefined;
  const held = birthAt(part, at);
  if (!to.covers(held.dot)) return undefined;
  if (!isSame(held.birth, entry.birth) || held.seq !== entry.seq) return undefined;
  return overwritten(part, at, entry.text, entry);
}

function taken(
  id: string,
  part: Part | undefined,
  fields: readonly WrittenField[],
  isGone: boolean,
  seen: Context,
  to: Context,
  conflict?: () => void,
): Part | undefined {
  const mine = part === undefined ? [] : entriesOf(part);
  const written = new Map(fields.map(({ field, entry }) => [field, entry]));
  const kept = mine.filter((held) => {
    const entry = written.get(held.name);
    if (entry !== undefined && isSame(entry.dot, held.dot)) return true;
    return !(isGone || written.has(held.name)) || !to.covers(held.dot);
  });
  const theirs: Entry[] = [];
  for (const { entry } of fields) if (entry !== undefined && !seen.covers(entry.dot)) theirs.push(entry);
  const entries = arranged([...kept, ...theirs]);
  if (conflict !== undefined) countConflicts(entries, byName(mine), byName(theirs), conflict);
  return partOf(id, entries);
}

/** Where a field's only value is; -1 if it has none, or several. */
function onlyOne({ shape }: Part, field: string): number {
  const at = shape.names.indexOf(field);
  return shape.isDouble && shape.names[at + 1] === field ? -1 : at;
}

/** A line break in JSON stands between tokens only. */
const oneLine = (text: string): string => (text.includes('\n') ? text.replaceAll('\n', ' ') : text);

function byPart<F extends { readonly part: string }>(fields: readonly F[]): Map<string, F[]> {
  const parts = new Map<string, F[]>();
  for (const field of fields) {
    const known = parts.get(field.part);
    if (known === undefined) parts.set(field.part, [field]);
    else known.push(field);
  }
  return parts;
}

/** The list with some parts replaced, added, or left out where there is `undefined`. */
function replaced(parts: readonly Part[], altered: ReadonlyMap<string, Part | undefined>): readonly Part[] {
  const ids = [...altered.keys()].sort(byText);
  const list: Part[] = [];
  let at = 0;
  for (const id of ids) {
    const from = at;
    at = placeOf(parts, id, from);
    for (let index = from; index < at; index++) list.push(parts[index]!);
    const part = altered.get(id);
    if (part !== undefined) list.push(part);
    if (parts[at]?.id === id) at++;
  }
  for (; at < parts.length; at++) list.push(parts[at]!);
  return list;
}

/** The first place from `low` on whose part's id is not before this one. */
function placeOf(parts: readonly Part[], id: string, low: number): number {
  let from = low;
  let to = parts.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (parts[middle]!.id < id) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** By code units, as `<` has it: the same on every node. */
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
