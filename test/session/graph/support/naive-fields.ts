/** What is stored, as plainly as it can be: a Map of Maps, and nothing that merges. */

import { removedText } from '../../../../sso/session/data/changes.ts';
import type { Changes, StoredFields } from '../../../../sso/session/graph/stored.ts';

export class NaiveFields implements StoredFields {
  readonly #parts: ReadonlyMap<string, ReadonlyMap<string, string>>;

  constructor(parts: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map()) {
    this.#parts = parts;
  }

  static of(parts: Readonly<Record<string, Readonly<Record<string, string>>>>): NaiveFields {
    return new NaiveFields(
      new Map(Object.entries(parts).map(([part, fields]) => [part, new Map(Object.entries(fields))])),
    );
  }

  get(part: string, field: string): string | undefined {
    return this.#parts.get(part)?.get(field);
  }

  fields(part: string): Iterable<readonly [string, string]> {
    return this.#parts.get(part) ?? [];
  }

  parts(): Iterable<string> {
    return this.#parts.keys();
  }

  change({ fields, gone }: Changes): NaiveFields {
    const parts = new Map([...this.#parts].map(([part, held]) => [part, new Map(held)]));
    for (const part of gone) parts.delete(part);
    for (const { part, field, text } of fields) {
      const held = parts.get(part) ?? new Map<string, string>();
      if (text === undefined || text === removedText) held.delete(field);
      else {
        JSON.parse(text);
        held.set(field, text);
      }
      if (held.size > 0) parts.set(part, held);
      else parts.delete(part);
    }
    return new NaiveFields(parts);
  }

  toJSON(): unknown {
    return Object.fromEntries([...this.#parts].map(([part, fields]) => [part, Object.fromEntries(fields)]));
  }
}
