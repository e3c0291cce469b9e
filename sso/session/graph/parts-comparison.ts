/**
 * How objects differ from the parts they were read from, and parts for those that are new (`FIELD`). All that
 * can be reached from the attributes at hand is looked at once, each object against what it held when it was
 * read; only fields with another primitive or another object are written. Two rules keep references whole
 * where another node changes the session at the same time:
 *
 * - A part that is linked from where it was not before is written anew with all it leads to: another node may
 *   have taken its last link away, and the part with it. Moving within an array does not count.
 * - A part goes when nothing leads to it any more; this is looked for when a link was overwritten or taken away.
 */

import type { Changes, FieldChange } from '../data/changes.ts';
import type { Classes } from './classes.ts';
import { entriesOf, hasUsualPrototype, type Kind, kindOf, membersOf, ownNames, timeOf } from './kind.ts';
import { pathToLargest } from './largest.ts';
import {
  emptyField,
  emptyShot,
  entryText,
  fieldOfName,
  type Part,
  type Parts,
  partOfReference,
  referenceText,
  type Shot,
} from './parts.ts';
import { type Primitive, primitiveText } from './primitive.ts';
import { Problems, pathOf, refusal, type Step } from './problem.ts';
import { partsBut, reachedParts } from './reach.ts';
import { CannotTravel, classLost, type StandIns } from './stand-ins.ts';
import type { StoredFields } from './stored.ts';
import { inherited, leftOut, maxDepth, tooDeep, tooLong, unreadable, unregistered } from './text.ts';

export interface PartsComparisonParts {
  readonly parts: Parts;
  readonly stored: StoredFields;
  readonly classes: Classes;
  readonly standIns: StandIns;
  readonly problems: Problems;
  /** Most characters of new parts, about, that one comparison makes. */
  readonly maxLength: number;
  /** The name of a part that is new. */
  readonly newId: (kind: Kind) => string;
}

/** One object that was looked at. */
interface Node {
  readonly id: string;
  readonly kind: Kind;
  readonly object: object;
  readonly className: string | undefined;
  /** What was stored of it; `undefined`: it is new. */
  readonly part: Part | undefined;
  /** Where it was met first. */
  readonly from: Node | undefined;
  readonly step: Step;
  readonly depth: number;
  shot: Shot;
  /** Fields, by their place in the shot, that differ, and fields that are no more. */
  changed: readonly number[];
  lost: readonly string[];
  /** To be written with all its fields. */
  whole: boolean;
}

const nothing = Symbol('nothing');
const noShot: Shot = emptyShot();
const noPlaces: readonly number[] = [];
const noNames: readonly string[] = [];

export class PartsComparison {
  readonly #with: PartsComparisonParts;
  #problems: Problems;
  readonly #nodes = new Map<object, Node>();
  /** Made when first asked for: most comparisons find no link that is new. */
  #madeById: Map<string, Node> | undefined;
  readonly #order: Node[] = [];
  /** Those of them that something leads to. */
  #kept: readonly Node[] = [];
  /** The links of the attributes that were looked at: before and now. */
  readonly #links = new Map<string, { readonly before: string | undefined; readonly now: string | undefined }>();
  /** Of new parts, about. */
  #length = 0;
  #refused = false;
  /** Links to stored parts that were not there before. */
  readonly #linked: Node[] = [];
  /** A link was overwritten or taken away. */
  #unlinked = false;

  constructor(parts: PartsComparisonParts) {
    this.#with = parts;
    this.#problems = parts.problems;
  }

  /**
   * Looks at an attribute.
   * @param before the text of its field as it is stored
   * @returns its text now; `undefined`: nothing of it is to be kept
   */
  attribute(name: string, value: unknown, before: string | undefined): string | undefined | typeof refusal {
    const mark = this.#order.length;
    const length = this.#length;
    this.#refused = false;
    const carried = value === undefined ? nothing : this.#carry(value, undefined, name);
    for (let at = mark; at < this.#order.length && !this.#refused; at += 1) this.#look(this.#order[at]!);
    if (this.#refused) {
      for (const { object, id } of this.#order.splice(mark)) {
        this.#nodes.delete(object);
        this.#madeById?.delete(id);
      }
      this.#length = length;
      return refusal;
    }
    const now = carried === nothing ? undefined : this.#textOf(carried);
    this.#links.set(name, { before, now });
    return now;
  }

  /** Called once, after all attributes. The links of the attributes themselves are the caller's to write. */
  changes(): Changes {
    this.#problems = new Problems();
    for (const { before, now } of this.#links.values()) {
      if (before === now) continue;
      this.#unlink(before === undefined ? undefined : this.#with.parts.withId(partOfReference(before))?.object);
      if (partOfReference(before) !== undefined) this.#unlinked = true;
      this.#link(partOfReference(now));
    }
    for (let at = 0; at < this.#order.length; at += 1) this.#compare(this.#order[at]!);
    for (let node = this.#linked.pop(); node !== undefined; node = this.#linked.pop()) this.#writeWhole(node);
    const reached = this.#unlinked ? this.#reached() : undefined;
    const fields: FieldChange[] = [];
    this.#kept = reached === undefined ? this.#order : this.#order.filter(({ id }) => reached.has(id));
    for (const node of this.#kept) this.#write(node, fields);
    return { fields, gone: reached === undefined ? [] : partsBut(reached, this.#with.stored) };
  }

  /** The changes are written: they are what later values are compared with. */
  commit(gone: readonly string[]): void {
    const { parts } = this.#with;
    for (const { part, shot, id, object, className } of this.#kept) {
      if (part === undefined) parts.add({ id, object, className, shot });
      else part.shot = shot;
    }
    for (const id of gone) parts.forget(id);
  }

  /** What travels for a value: a primitive, an object that is a part, or nothing. */
  #carry(value: unknown, from: Node | undefined, step: Step): unknown {
    if (typeof value === 'function' || typeof value === 'symbol') {
      this.#problems.leaveOut(this.#path(from, step), leftOut(value));
      return nothing;
    }
    if (typeof value !== 'object' || value === null || this.#nodes.has(value)) return value;
    const { parts, classes, standIns } = this.#with;
    try {
      const part = parts.of(value);
      if (part !== undefined) return this.#begin(value, part.id[0] as Kind, part, from, step);
      const kind = kindOf(value, classes);
      if (kind !== undefined) return this.#begin(value, kind, undefined, from, step);
      const standIn = standIns.for(value, step);
      const lost = classLost(value);
      if (lost !== undefined) this.#problems.leaveOut(this.#path(from, step), unregistered(lost), `class ${lost}`);
      return standIn === undefined ? nothing : this.#carry(standIn, from, step);
    } catch (error) {
      this.#refuse(from, step, error instanceof CannotTravel ? error.message : unreadable(error));
      return nothing;
    }
  }

  #begin(object: object, kind: Kind, part: Part | undefined, from: Node | undefined, step: Step): object {
    const { classes, newId } = this.#with;
    const named = part === undefined ? classes.of(object) : undefined;
    if (named?.inherited) this.#problems.leaveOut(this.#path(from, step), inherited(object, named.name));
    const node: Node = {
      id: part?.id ?? newId(kind),
      kind,
      object,
      className: part?.className ?? named?.name,
      part,
      from,
      step,
      depth: from === undefined ? 0 : from.depth + 1,
      shot: noShot,
      changed: noPlaces,
      lost: noNames,
      whole: part === undefined,
    };
    this.#nodes.set(object, node);
    this.#madeById?.set(node.id, node);
    this.#order.push(node);
    return object;
  }

  #look(node: Node): void {
    try {
      node.shot = this.#isSurelyAsBefore(node) ? node.part!.shot : this.#shoot(node);
    } catch (error) {
      this.#refuse(node.from, node.step, unreadable(error));
    }
    if (node.part !== undefined) return;
    if (node.depth === maxDepth) this.#refuse(node.from, node.step, tooDeep);
    this.#length += lengthAbout(node.shot);
    if (this.#length > this.#with.maxLength) this.#tooLong(node);
  }

  #isSurelyAsBefore(node: Node): boolean {
    try {
      return this.#isAsBefore(node);
    } catch {
      return false; // an accessor threw: the other way says where
    }
  }

  /** The quick look: most objects are as they were. */
  #isAsBefore(node: Node): boolean {
    if (node.part === undefined || node.className !== undefined) return false;
    const { fields, values } = node.part.shot;
    const { object } = node;
    if (node.kind === 'o') {
      if (!hasUsualPrototype(object)) return false;
      let at = 0;
      for (const name in object) {
        const value: unknown = (object as Record<string, unknown>)[name];
        if (at === fields.length || name !== fields[at] || !Object.is(value, values[at])) return false;
        at += 1;
      }
      if (at !== fields.length || (at > 0 && fields[0]!.startsWith('!'))) return false;
    } else {
      if (node.kind !== 'a' || (object as readonly unknown[]).length !== values.length) return false;
      for (let at = 0; at < values.length; at += 1)
        if (!Object.is((object as readonly unknown[])[at], values[at])) return false;
    }
    for (let at = 0; at < values.length; at += 1) {
      const value = values[at];
      if (typeof value === 'object') this.#carry(value, node, node.kind === 'a' ? at : fields[at]!);
    }
    return true;
  }

  #shoot(node: Node): Shot {
    const { object, kind, className } = node;
    const shot = emptyShot();
    const take = (field: string, value: unknown, step: Step) => {
      const carried = value === nothing ? nothing : this.#carry(value, node, step);
      if (carried === nothing) return false;
      shot.fields.push(field);
      shot.values.push(carried);
      return true;
    };
    if (kind === 'a') {
      const array = object as readonly unknown[];
      if (array.length > this.#with.maxLength) this.#tooLong(node);
      else
        for (let at = 0; at < array.length; at += 1)
          if (!take(String(at), this.#read(node, at), at)) take(String(at), null, at); // as JSON does: the others keep their places
    } else if (kind === 'm') {
      for (const [key, value] of entriesOf(object)) {
        const step: Step = { verb: 'get', key };
        const carried = this.#carry(key, node, step);
        if (carried !== nothing && take(this.#textOf(carried), value, step)) shot.ranks.push(shot.ranks.length);
      }
    } else if (kind === 's') {
      for (const member of membersOf(object)) {
        const step: Step = { verb: 'has', key: member };
        const carried = this.#carry(member, node, step);
        if (carried !== nothing && take(this.#textOf(carried), carried, step)) shot.ranks.push(shot.ranks.length);
      }
    } else if (kind === 'd') take('t', timeOf(object), 't');
    const own = kind === 'o' ? Object.keys(object) : ownNames(object, kind, className);
    for (const name of own) take(kind === 'o' ? fieldOfName(name) : `.${name}`, this.#read(node, name), name);
    return shot;
  }

  /** What an object has in a place: nothing where an accessor throws, which refuses the attribute. */
  #read(node: Node, step: string | number): unknown {
    try {
      return (node.object as Record<string | number, unknown>)[step];
    } catch (error) {
      this.#refuse(node, step, unreadable(error));
      return nothing;
    }
  }

  #compare(node: Node): void {
    const before = node.part?.shot ?? noShot;
    if (node.part !== undefined && (node.shot === before || isSame(node.kind, before, node.shot))) {
      node.shot = before;
      return;
    }
    const placeBefore = new Map(before.fields.map((field, at) => [field, at]));
    if (node.shot.ranks.length > 0) node.shot = { ...node.shot, ranks: ranksAfter(before, node.shot, placeBefore) };
    const { fields, values, ranks } = node.shot;
    const heldBefore = node.kind === 'a' ? new Set(before.values) : undefined;
    const changed: number[] = [];
    fields.forEach((field, at) => {
      const place = placeBefore.get(field);
      const value = values[at];
      const old = place === undefined ? nothing : before.values[place];
      if (place !== undefined && Object.is(value, old)) {
        if (ranks[at] !== before.ranks[place]) changed.push(at);
        return;
      }
      changed.push(at);
      this.#unlink(old);
      if (typeof value === 'object' && value !== null && heldBefore?.has(value) !== true)
        this.#link(this.#nodes.get(value)?.id);
      if (place === undefined && node.kind === 'm' && at < ranks.length) this.#link(partOfReference(field));
    });
    const now = new Set(fields);
    const lost = before.fields.filter((field) => !now.has(field));
    for (const field of lost) {
      this.#unlink(before.values[placeBefore.get(field)!]);
      if (node.kind === 'm') this.#unlink(this.#with.parts.withId(partOfReference(field))?.object);
    }
    Object.assign(node, { changed, lost });
  }

  /**
   * Something no longer leads to an object. It may be linked from elsewhere, and may have been changed before:
   * it is looked at too. What cannot travel of it is no problem of this request's any more.
   */
  #unlink(object: unknown): void {
    if (typeof object !== 'object' || object === null) return;
    this.#unlinked = true;
    if (this.#nodes.has(object)) return;
    const mark = this.#order.length;
    this.#carry(object, undefined, '');
    for (let at = mark; at < this.#order.length; at += 1) {
      const node = this.#order[at]!;
      this.#refused = false;
      this.#look(node);
      if (this.#refused) node.shot = node.part?.shot ?? noShot;
    }
  }

  /** A part is linked that was not linked from there: it may be gone elsewhere. */
  #link(id: string | undefined): void {
    const node = id === undefined ? undefined : this.#byId.get(id);
    if (node?.part !== undefined) this.#linked.push(node);
  }

  get #byId(): ReadonlyMap<string, Node> {
    return (this.#madeById ??= new Map(this.#order.map((node) => [node.id, node])));
  }

  /** With all that is stored of what it leads to. */
  #writeWhole(node: Node): void {
    if (node.whole) return;
    node.whole = true;
    for (const next of this.#linkedFrom(node)) if (!next.whole) this.#linked.push(next);
  }

  *#linkedFrom({ kind, shot }: Node): Iterable<Node> {
    for (const value of shot.values) {
      const node = typeof value === 'object' && value !== null ? this.#nodes.get(value) : undefined;
      if (node !== undefined) yield node;
    }
    if (kind !== 'm') return;
    for (const field of shot.fields) {
      const node = this.#byId.get(partOfReference(field) ?? '');
      if (node !== undefined) yield node;
    }
  }

  #write({ id, kind, part, shot, changed, lost, whole }: Node, out: FieldChange[]): void {
    if (!whole && changed.length === 0 && lost.length === 0) return;
    for (const field of lost) out.push({ part: id, field, text: undefined });
    const { fields, values, ranks } = shot;
    const write = (at: number) => {
      const rank = ranks[at];
      const text = rank === undefined || kind !== 's' ? this.#textOf(values[at]) : String(rank);
      out.push({
        part: id,
        field: fields[at]!,
        text: rank === undefined || kind !== 'm' ? text : entryText(rank, text),
      });
    };
    if (whole) for (let at = 0; at < fields.length; at += 1) write(at);
    else for (const at of changed) write(at);
    if (fields.length === 0) {
      if (whole || lost.length > 0) out.push({ part: id, field: emptyField, text: '0' });
    } else if (part !== undefined && changed.length > 0 && this.#with.stored.get(id, emptyField) !== undefined)
      out.push({ part: id, field: emptyField, text: undefined });
  }

  #textOf(value: unknown): string {
    if (typeof value !== 'object' || value === null) return primitiveText(value as Primitive);
    const { id, className } = this.#nodes.get(value)!;
    return referenceText(id, className);
  }

  #reached(): ReadonlySet<string> {
    return reachedParts(
      this.#with.stored,
      (field, text) => {
        const link = field.startsWith(':') ? this.#links.get(field.slice(1)) : undefined;
        return partOfReference(link === undefined ? text : link.now);
      },
      [...this.#links.values()].map(({ now }) => partOfReference(now)),
      (id) => {
        const node = this.#byId.get(id);
        if (node === undefined) return undefined;
        return { fields: new Set(node.part?.shot.fields), leadsTo: [...this.#linkedFrom(node)].map(({ id }) => id) };
      },
    );
  }

  #refuse(from: Node | undefined, step: Step, what: string): void {
    this.#refused = true;
    this.#problems.refuse(this.#path(from, step), what);
  }

  #tooLong(node: Node): void {
    let root = node;
    while (root.from !== undefined) root = root.from;
    this.#refused = true;
    this.#problems.refuse(pathToLargest(String(root.step), root.object), tooLong(this.#with.maxLength));
  }

  #path(from: Node | undefined, step: Step): string {
    const steps = [step];
    for (let node = from; node !== undefined; node = node.from) steps.unshift(node.step);
    return pathOf(steps);
  }
}

function isSame(kind: Kind, before: Shot, now: Shot): boolean {
  const { length } = now.values;
  if (before.values.length !== length) return false;
  for (let at = 0; at < length; at += 1) if (!Object.is(before.values[at], now.values[at])) return false;
  // Places of an array that other nodes left open are closed without being written.
  if (kind === 'a') return before.fields.every((field, at) => isPlace(field) === isPlace(now.fields[at]!));
  for (let at = 0; at < length; at += 1) if (before.fields[at] !== now.fields[at]) return false;
  return true;
}

function lengthAbout({ fields, values }: Shot): number {
  let length = 0;
  for (let at = 0; at < fields.length; at += 1) {
    const value = values[at];
    // A reference is at least so long.
    length += fields[at]!.length + (typeof value === 'string' ? value.length : typeof value === 'object' ? 8 : 1);
  }
  return length;
}

const isPlace = (field: string) => !field.startsWith('.');

/** Members keep their rank as long as they come in its order; whoever was set again stands behind all others. */
function ranksAfter(before: Shot, now: Shot, placeBefore: ReadonlyMap<string, number>): number[] {
  let next = before.ranks.reduce((most, rank) => Math.max(most, rank + 1), 0);
  let [lastRank, lastField] = [Number.NEGATIVE_INFINITY, ''];
  return now.ranks.map((_, at) => {
    const field = now.fields[at]!;
    const kept = before.ranks[placeBefore.get(field) ?? -1];
    const isInOrder = kept !== undefined && (kept > lastRank || (kept === lastRank && field > lastField));
    const rank = isInOrder ? kept : next++;
    [lastRank, lastField] = [rank, field];
    return rank;
  });
}
