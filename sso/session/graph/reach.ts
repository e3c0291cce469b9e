/** Which parts something leads to. */

import { partsOfField } from './parts.ts';
import { attributesPart, type StoredFields } from './stored.ts';

/** What is known of a part beyond what is stored. */
export interface Reached {
  /** Stored fields that no longer count. */
  readonly fields: ReadonlySet<string>;
  /** The parts to which it leads instead. */
  readonly leadsTo: readonly string[];
}

/**
 * @param linkOf the part to which an attribute's field leads
 * @param links parts to which attributes lead that are not stored yet
 * @param known what a part holds now; `undefined`: what is stored
 */
export function reachedParts(
  stored: StoredFields,
  linkOf: (field: string, text: string) => string | undefined,
  links: readonly (string | undefined)[],
  known: (part: string) => Reached | undefined,
): ReadonlySet<string> {
  const reached = new Set<string>();
  const waiting: string[] = [];
  const reach = (part: string | undefined) => {
    if (part === undefined || reached.has(part)) return;
    reached.add(part);
    waiting.push(part);
  };
  for (const [field, text] of stored.fields(attributesPart)) reach(linkOf(field, text));
  links.forEach(reach);
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    const now = known(part);
    now?.leadsTo.forEach(reach);
    for (const [field, text] of stored.fields(part)) {
      if (now?.fields.has(field)) continue;
      for (const to of partsOfField(part, field, text)) reach(to);
    }
  }
  return reached;
}

/** The stored parts that are not reached, without those of the session's settings and of the attributes. */
export function partsBut(reached: ReadonlySet<string>, stored: StoredFields): readonly string[] {
  return [...stored.parts()].filter((part) => part !== '' && part !== attributesPart && !reached.has(part));
}
