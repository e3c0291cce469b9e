/**
 * How the attributes of a session lie in the fields of its data. Part `0` holds the attributes, and a
 * field's first character says in which granularity it was written, so that a session goes on where nodes
 * of different settings share it: reading takes what there is, and writing leaves one's own form.
 *
 * | granularity | in part `0`                              | other parts                                  |
 * | ----------- | ---------------------------------------- | -------------------------------------------- |
 * | `SESSION`   | `*`: the object of all attributes (text.ts) |                                           |
 * | `ATTRIBUTE` | `.name`: the value with all it holds (text.ts) |                                        |
 * | `FIELD`     | `:name`: a primitive, or a reference to a part | one for each object, its fields (parts.ts) |
 */

import type { Changes } from '../data/changes.ts';

export type { Changes, FieldChange } from '../data/changes.ts';

/** What is kept, and travels, as one: the whole session, one attribute, or one field of one object. */
export type Granularity = 'SESSION' | 'ATTRIBUTE' | 'FIELD';

/** A session's data as it is read here; `SessionData` is one. */
export interface StoredFields {
  get(part: string, field: string): string | undefined;
  /** In the order in which they came. */
  fields(part: string): Iterable<readonly [field: string, text: string]>;
  parts(): Iterable<string>;
  /** The same fields as a text with a line for each name, which is quicker to read where there is one. */
  lines?(part: string): { readonly names: readonly string[]; readonly text: string } | undefined;
  /** Characters: what counts against the limit. Counted from the fields where it is missing. */
  readonly length?: number;
  /** Whether it travels in so many bytes with these changes, or they make it smaller. Default: it does. */
  fitsInto?(bytes: number, changes: Changes): boolean;
}

/** The part of the attributes. */
export const attributesPart = '0';
/** The field of all attributes at `SESSION`. */
export const wholeField = '*';

export const attributeField = (name: string) => `.${name}`;
export const linkField = (name: string) => `:${name}`;
