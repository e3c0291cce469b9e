/**
 * What is to be written of attributes that may have changed, in each granularity. An attribute that lies in
 * another granularity's form is compared by its text, and comes into this one as soon as it differs; the text
 * of all attributes (`SESSION`) becomes fields of their own, and they become it, all at once.
 */

import { type Changes, type FieldChange, removedText } from '../data/changes.ts';
import { type Kind, put } from './kind.ts';
import { overwritesOf, rootOf } from './overwrites.ts';
import { emptyField, type Part, partOfReference } from './parts.ts';
import { PartsComparison } from './parts-comparison.ts';
import { isPrimitive, primitiveText } from './primitive.ts';
import { Problems, refusal } from './problem.ts';
import { partsBut, reachedParts } from './reach.ts';
import { Attribute, noAttribute, Reading, readAll, type Whole } from './reading.ts';
import { attributeField, attributesPart, linkField, type StoredFields, wholeField } from './stored.ts';
import { encodeText, type TextParts } from './text.ts';

/** Name → present value; `undefined`: there is none. */
export type Present = ReadonlyMap<string, unknown>;

export interface Comparing {
  readonly reading: Reading;
  /** Attributes that were changed, and are to stay as they are stored. */
  readonly withheld: readonly string[];
  readonly text: TextParts;
  /** The name of a new part. */
  readonly newId: (kind: Kind) => string;
}

/** What was found, and what is known once it is written. */
export interface Written {
  readonly changes: Changes;
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly whole?: Whole;
  readonly commit?: () => void;
  /** Each of them can travel, all together are far too much: nothing is written. */
  readonly isTooMuch?: boolean;
}

/** One text for all. An attribute that cannot travel is in it as it was stored. */
export function sessionChanges(present: Present, { reading, withheld, text }: Comparing): Written {
  const { stored } = reading;
  const attributes = new Map(reading.names().map((name) => [name, reading.read(name)]));
  for (const [name, value] of present) attributes.set(name, value);
  const now = encodeAll(withheld.length === 0 ? attributes : asStored(attributes, withheld, reading), stored, text);
  if (now === refusal) return { changes: none, attributes: new Map(), isTooMuch: true };
  const others = [...stored.fields(attributesPart)].map(([field]) => field).filter((field) => field !== wholeField);
  const before = others.length === 0 ? (reading.wholeText ?? '{}') : encodeText(readAll(stored, text), [], quiet(text));
  if (now === before) return { changes: none, attributes: new Map() };
  const fields = others.map((field): FieldChange => ({ part: attributesPart, field, text: undefined }));
  fields.push({ part: attributesPart, field: wholeField, text: now });
  const kept = [...attributes].filter(([, value]) => value !== undefined);
  return {
    changes: { fields, gone: partsBut(new Set(), stored) },
    attributes: new Map(
      [...attributes].map(([name, value]) => [
        name,
        value === undefined ? noAttribute : new Attribute('SESSION', undefined, value),
      ]),
    ),
    whole: { text: now, names: kept.map(([name]) => name) },
  };
}

/** A text for each. */
export function attributeChanges(present: Present, { reading, text }: Comparing): Written {
  const forms = new Forms('ATTRIBUTE', reading, text);
  for (const [name, value] of present) {
    const now = encodeText(value, [name], text);
    if (now !== refusal && !forms.isUnchanged(name, value)) forms.write(name, now, value);
  }
  for (const { name, stored, value } of forms.leftInWhole(present))
    forms.write(name, asText(encodeText(stored, [name], quiet(text))), value);
  return { changes: { fields: forms.fields, gone: forms.partsLeft() }, attributes: forms.attributes };
}

/** A part for each object. */
export function fieldChanges(present: Present, comparing: Comparing): Written {
  return overwrittenFields(present, comparing) ?? fieldsOfParts(present, comparing);
}

/** Where primitives alone have others in their places. `undefined`: there is more. */
function overwrittenFields(present: Present, { reading, text }: Comparing): Written | undefined {
  const { parts, stored } = reading;
  if (stored.get(attributesPart, wholeField) !== undefined) return undefined;
  const forms = new Forms('FIELD', reading, text);
  const roots: Part[] = [];
  for (const [name, value] of present) {
    const before = forms.ownText(name);
    if (before === undefined) return undefined;
    if (typeof value === 'object' && value !== null) {
      const root = rootOf(value, before, parts);
      if (root === undefined) return undefined;
      roots.push(root);
      forms.write(name, before, value);
    } else {
      if (!isPrimitive(value) || value === undefined || partOfReference(before) !== undefined) return undefined;
      forms.write(name, primitiveText(value), value);
    }
  }
  const overwrites = overwritesOf(roots, parts);
  if (overwrites === undefined || overwrites.fields.some(({ part }) => stored.get(part, emptyField) !== undefined))
    return undefined;
  return {
    changes: { fields: [...forms.fields, ...overwrites.fields], gone: [] },
    attributes: forms.attributes,
    commit: () => overwrites.commit(),
  };
}

function fieldsOfParts(present: Present, { reading, text, newId }: Comparing): Written {
  const { parts, stored } = reading;
  const forms = new Forms('FIELD', reading, text);
  const comparison = new PartsComparison({ ...text, parts, stored, newId });
  for (const [name, value] of present) {
    if (forms.isUnchanged(name, value)) continue;
    const now = comparison.attribute(name, value, forms.ownText(name));
    if (now !== refusal) forms.write(name, now, value);
  }
  for (const { name, stored, value } of forms.leftInWhole(present)) {
    const now = comparison.attribute(name, value, undefined);
    forms.write(name, asText(now === refusal ? comparison.attribute(name, stored, undefined) : now), value);
  }
  const { fields, gone } = comparison.changes();
  return {
    changes: { fields: [...forms.fields, ...fields], gone },
    attributes: forms.attributes,
    commit: () => comparison.commit(gone),
  };
}

const none: Changes = { fields: [], gone: [] };

/** The fields of attributes in one's own form, in place of whatever form they had. */
class Forms {
  readonly fields: FieldChange[] = [];
  readonly attributes = new Map<string, Attribute>();
  readonly #own: 'ATTRIBUTE' | 'FIELD';
  readonly #reading: Reading;
  readonly #text: TextParts;
  #fresh: Reading | undefined;
  /** An attribute is taken away that lies in the text of all. */
  #leavesWhole = false;

  constructor(own: 'ATTRIBUTE' | 'FIELD', reading: Reading, text: TextParts) {
    this.#own = own;
    this.#reading = reading;
    this.#text = text;
  }

  /** What is stored under the name in one's own form. */
  ownText(name: string): string | undefined {
    const { form, text } = this.#reading.attribute(name);
    return form === this.#own ? text : undefined;
  }

  /** Whether it is in another form, and means the same. */
  isUnchanged(name: string, value: unknown): boolean {
    const { form } = this.#reading.attribute(name);
    if (form === undefined || form === this.#own) return false;
    this.#fresh ??= new Reading(this.#reading.stored, this.#reading.classes);
    const now = encodeText(value, [name], quiet(this.#text));
    return now !== refusal && now === encodeText(this.#fresh.read(name), [name], quiet(this.#text));
  }

  /** @param text as the value is to be stored; `undefined`: it is not to be */
  write(name: string, text: string | undefined, value: unknown): void {
    const { form, text: before } = this.#reading.attribute(name);
    this.attributes.set(name, text === undefined ? noAttribute : new Attribute(this.#own, text, value));
    if (form === undefined ? text === undefined : form === this.#own && text === before) return;
    const { stored } = this.#reading;
    for (const [each, field] of [
      ['ATTRIBUTE', attributeField(name)],
      ['FIELD', linkField(name)],
    ] as const) {
      if (each === this.#own && text !== undefined) this.fields.push({ part: attributesPart, field, text });
      else if (stored.get(attributesPart, field) !== undefined)
        // What is in the other form goes as far as it was seen; a removal is a change as any other, of which the later wins.
        this.fields.push({ part: attributesPart, field, text: text === undefined ? removedText : undefined });
    }
    if (form === 'SESSION' && text === undefined) this.#leavesWhole = true;
  }

  /**
   * Where the text of all attributes has to go: it, and the attributes that are still in it alone. Their value
   * is the request's own where it has one, though it means the same: it is what is compared from now on.
   */
  *leftInWhole(
    present: Present,
  ): Iterable<{ readonly name: string; readonly stored: unknown; readonly value: unknown }> {
    const { stored } = this.#reading;
    if (this.fields.length === 0 && !this.#leavesWhole) return;
    if (stored.get(attributesPart, wholeField) === undefined) return;
    this.fields.push({ part: attributesPart, field: wholeField, text: undefined });
    const fresh = new Reading(stored, this.#reading.classes);
    for (const name of this.#reading.names()) {
      if (this.attributes.has(name) || this.#reading.attribute(name).form !== 'SESSION') continue;
      const value = present.has(name) ? present.get(name) : this.#reading.read(name);
      yield { name, stored: fresh.read(name), value };
    }
  }

  /** The parts of attributes that were taken out of parts. */
  partsLeft(): readonly string[] {
    const { stored } = this.#reading;
    const taken = this.fields.filter(({ field }) => field.startsWith(':')).map(({ field }) => field);
    if (taken.length === 0) return [];
    const linkOf = (field: string, text: string) =>
      field.startsWith(':') && !taken.includes(field) ? partOfReference(text) : undefined;
    return partsBut(
      reachedParts(stored, linkOf, [], () => undefined),
      stored,
    );
  }
}

/** The attributes, but these as they are stored. */
function asStored(
  attributes: Present,
  names: readonly string[],
  { stored, classes }: Pick<Reading, 'stored' | 'classes'>,
): Present {
  const fresh = new Reading(stored, classes);
  const all = new Map(attributes);
  for (const name of names) all.set(name, fresh.read(name));
  return all;
}

/** @returns a refusal: too long, though nothing in it is by itself */
function encodeAll(attributes: Present, stored: StoredFields, text: TextParts): string | typeof refusal {
  const parts = { ...text, maxLength: 2 * text.maxLength, problems: new Problems() };
  const whole = asWhole(attributes, parts);
  if (whole !== refusal) {
    for (const { path, what } of parts.problems.leftOut) text.problems.leaveOut(path, what);
    return whole;
  }
  // Which of them cannot travel? They stay as they were.
  const refused = [...attributes].filter(([name, value]) => !canTravelInWhole(name, value, text));
  const names = refused.map(([name]) => name);
  const kept = asStored(attributes, names, { stored, classes: text.classes });
  return asWhole(kept, { ...quiet(text), maxLength: parts.maxLength });
}

/** Where all lie in one text each lies a level deeper than by itself. */
function canTravelInWhole(name: string, value: unknown, text: TextParts): boolean {
  if (encodeText(value, [name], text) === refusal) return false;
  return asWhole(new Map([[name, value]]), { ...text, maxLength: Number.POSITIVE_INFINITY }) !== refusal;
}

function asWhole(attributes: Present, text: TextParts): string | typeof refusal {
  return encodeText(recordOf(attributes), [], text) ?? '{}';
}

function recordOf(attributes: Present): Record<string, unknown> {
  const record = {};
  for (const [name, value] of attributes) if (value !== undefined) put(record, name, value);
  return record;
}

/** For what is only compared: its problems are not the request's. */
function quiet(text: TextParts): TextParts {
  return { ...text, problems: new Problems() };
}

function asText(text: string | undefined | typeof refusal): string | undefined {
  return text === refusal ? undefined : text;
}
