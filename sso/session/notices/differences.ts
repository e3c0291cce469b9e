/**
 * Which attributes differ between two states of a session's data. Where attributes are kept one by one
 * their texts say it, and only what differs is decoded; in the other granularities values are compared.
 */

import { isDeepStrictEqual } from 'node:util';
import type { Classes } from '../graph/classes.ts';
import { attributeField, attributesPart, type StoredFields } from '../graph/stored.ts';
import { Tracker } from '../graph/tracker.ts';
import type { NoticeKind } from './notice.ts';

export interface Difference {
  readonly kind: Extract<NoticeKind, `attribute${string}`>;
  readonly attribute: string;
  /** As it is now, a copy. */
  readonly value: unknown;
  /** As it was, a copy. */
  readonly previous: unknown;
}

/** Those that went, then those that changed or came, in their order. */
export function differences(
  before: StoredFields | undefined,
  after: StoredFields | undefined,
  classes: Classes,
): readonly Difference[] {
  const was = reading(before, classes);
  const is = reading(after, classes);
  const old = new Set(was.names());
  const present = is.names();
  const kept = new Set(present);
  const textsBefore = new Map(before?.fields(attributesPart));
  const textsAfter = new Map(after?.fields(attributesPart));
  const gone = [...old]
    .filter((name) => !kept.has(name))
    .map((attribute) => {
      return { kind: 'attributeRemoved', attribute, value: undefined, previous: was.read(attribute) } as const;
    });
  const other = present.flatMap((attribute): readonly Difference[] => {
    if (!old.has(attribute)) {
      return [{ kind: 'attributeAdded', attribute, value: is.read(attribute), previous: undefined }];
    }
    if (isSame(attribute)) return [];
    const value = is.read(attribute);
    return [{ kind: 'attributeReplaced', attribute, value, previous: was.read(attribute) }];
  });
  return [...gone, ...other];

  function isSame(name: string): boolean {
    const field = attributeField(name);
    const text = textsBefore.get(field);
    const now = textsAfter.get(field);
    return text === undefined || now === undefined ? isDeepStrictEqual(was.read(name), is.read(name)) : text === now;
  }
}

function reading(stored: StoredFields | undefined, classes: Classes): Tracker {
  // Nothing is ever written by it.
  return new Tracker(stored, { granularity: 'ATTRIBUTE', classes, partPrefix: () => '', maxLength: 0 });
}
