/**
 * What the limit of characters counts: the names and texts of all fields. One measure for a session that is new and for one
 * that is stored, so what was accepted can be changed by as much as the limit leaves.
 */

import type { Changes } from './changes.ts';

/** Data as far as it is counted; `SessionData` is one. */
export interface Counted {
  get(part: string, field: string): string | undefined;
  fields(part: string): Iterable<readonly [field: string, text: string]>;
  parts(): Iterable<string>;
  /** Whether the field's name is counted: also that of one that was removed, as long as that is remembered. Default: where `get` finds it. */
  counts?(part: string, field: string): boolean;
  /** As `lengthOf` counts, where it is known. */
  readonly length?: number;
}

/** Characters. @param parts default: all */
export function lengthOf(data: Counted, parts?: Iterable<string>): number {
  if (parts === undefined && data.length !== undefined) return data.length;
  let length = 0;
  for (const part of parts ?? data.parts())
    for (const [field, text] of data.fields(part)) length += field.length + text.length;
  return length;
}

/** Characters before these changes and after them. */
export function lengthsOf(
  data: Counted,
  { fields, gone }: Changes,
): { readonly before: number; readonly after: number } {
  let grown = 0;
  for (const { part, field, text } of fields) {
    const old = data.get(part, field);
    const isCounted = old !== undefined || data.counts?.(part, field) === true;
    if (text !== undefined) grown += text.length + (isCounted ? 0 : field.length);
    if (old !== undefined) grown -= old.length + (text === undefined ? field.length : 0);
  }
  // Last: what is packed was opened by the look at its fields, and is counted exactly from then on.
  const before = lengthOf(data);
  return { before, after: before + grown - (gone.length === 0 ? 0 : lengthOf(data, gone)) };
}
