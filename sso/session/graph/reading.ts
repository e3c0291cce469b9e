/**
 * The attributes of a session as one request reads them: each is decoded when it is first asked for, and is
 * the same object from then on. It keeps the text that an attribute was read from as well, since that, and
 * not what other requests wrote meanwhile, is what its present value is compared with.
 */

import type { Classes } from './classes.ts';
import { put } from './kind.ts';
import { parseText } from './parse-text.ts';
import { absent, Parts } from './parts.ts';
import {
  attributeField,
  attributesPart,
  type Granularity,
  linkField,
  type StoredFields,
  wholeField,
} from './stored.ts';

/** An attribute as it was read or written last. A class, for the reason that `OpenSession` says: it holds on to all that was decoded. */
export class Attribute {
  /** What it was written in; `undefined`: there is none. */
  readonly form: Granularity | undefined;
  /** The text of its own field; none where it lies in the text of the whole. */
  readonly text: string | undefined;
  readonly value: unknown;

  constructor(form: Granularity | undefined, text: string | undefined, value: unknown) {
    this.form = form;
    this.text = text;
    this.value = value;
  }
}

/** All attributes in one text. */
export interface Whole {
  readonly text: string;
  readonly names: readonly string[];
}

export const noAttribute = new Attribute(undefined, undefined, undefined);

/** Few, short ones, and none that is not there: they live as long as the data, packed or on the disk. */
const primitivesAtMost = 16;
const shortLength = 64;

function isKept({ form, value }: Attribute): boolean {
  return form !== undefined && typeof value !== 'object' && (typeof value !== 'string' || value.length <= shortLength);
}

/**
 * Primitives that were asked for of what lies in one text for all: the next request that reads them alone need
 * not parse it. They go with the data they were read from.
 */
const primitivesOf = new WeakMap<StoredFields, Map<string, Attribute>>();

export class Reading {
  readonly classes: Classes;
  #stored: StoredFields;
  /** Made when first asked for: most sessions hold none. */
  #parts: Parts | undefined;
  readonly #attributes = new Map<string, Attribute>();
  /** The text of the whole and the names in it, once one of them was asked for. */
  #whole: Whole | undefined;

  constructor(stored: StoredFields, classes: Classes) {
    this.#stored = stored;
    this.classes = classes;
  }

  get parts(): Parts {
    return (this.#parts ??= new Parts(this.classes));
  }

  get stored(): StoredFields {
    return this.#stored;
  }

  names(): readonly string[] {
    const names = new Set<string>();
    for (const [field] of this.#stored.fields(attributesPart)) {
      if (field === wholeField) for (const name of this.#openWhole().names) names.add(name);
      else if (field.startsWith('.') || field.startsWith(':')) names.add(field.slice(1));
    }
    return [...names];
  }

  read(name: string): unknown {
    return this.attribute(name).value;
  }

  attribute(name: string): Attribute {
    let attribute = this.#attributes.get(name);
    if (attribute === undefined) {
      attribute = this.#look(name);
      this.#attributes.set(name, attribute);
    }
    return attribute;
  }

  /** The text of all attributes, where it was read; `undefined`: they lie in fields of their own, or there are none. */
  get wholeText(): string | undefined {
    return this.#stored.get(attributesPart, wholeField) === undefined ? this.#whole?.text : this.#openWhole().text;
  }

  /** What was written is what is stored from now on. */
  rebase(
    stored: StoredFields,
    written: Iterable<readonly [name: string, attribute: Attribute]>,
    whole: Whole | undefined,
  ): void {
    this.#stored = stored;
    for (const [name, attribute] of written) this.#attributes.set(name, attribute);
    if (whole !== undefined) this.#whole = whole;
  }

  #look(name: string): Attribute {
    const text = this.#stored.get(attributesPart, attributeField(name));
    if (text !== undefined) return new Attribute('ATTRIBUTE', text, parseText(text, this.classes));
    const link = this.#stored.get(attributesPart, linkField(name));
    if (link !== undefined) {
      const value = this.parts.value(link, this.#stored);
      return new Attribute('FIELD', link, value === absent ? undefined : value);
    }
    if (this.#whole === undefined && this.#stored.get(attributesPart, wholeField) === undefined) return noAttribute;
    return this.#lookInWhole(name);
  }

  #lookInWhole(name: string): Attribute {
    const asked = primitivesOf.get(this.#stored) ?? new Map<string, Attribute>();
    const primitive = this.#whole === undefined ? asked.get(name) : undefined;
    if (primitive !== undefined) return primitive;
    this.#openWhole();
    const attribute = this.#attributes.get(name) ?? noAttribute;
    if (isKept(attribute) && asked.size < primitivesAtMost) primitivesOf.set(this.#stored, asked.set(name, attribute));
    return attribute;
  }

  #openWhole(): Whole {
    if (this.#whole !== undefined) return this.#whole;
    const text = this.#stored.get(attributesPart, wholeField) ?? '{}';
    const tree = parseText(text, this.classes);
    const record = (typeof tree === 'object' && tree !== null ? tree : {}) as Record<string, unknown>;
    this.#whole = { text, names: Object.keys(record) };
    for (const name of this.#whole.names) {
      const isAlone = [attributeField(name), linkField(name)].some(
        (field) => this.#stored.get(attributesPart, field) !== undefined,
      );
      if (!isAlone && !this.#attributes.has(name))
        this.#attributes.set(name, new Attribute('SESSION', undefined, record[name]));
    }
    return this.#whole;
  }
}

/** All attributes as an object of its own; a name such as `__proto__` is data. */
export function readAll(stored: StoredFields, { classes }: { readonly classes: Classes }): Record<string, unknown> {
  const reading = new Reading(stored, classes);
  const all = {};
  for (const name of reading.names()) {
    const value = reading.read(name);
    if (value !== undefined) put(all, name, value);
  }
  return all;
}

/** What a session without data has. */
export const noFields: StoredFields = { get: () => undefined, fields: () => [], parts: () => [], length: 0 };
