/**
 * What a page calls a sign-on, in place of its id (check 28): a hash of the id and the user's name. The id
 * is a hash of 32 random bytes, so nothing can be told or guessed from this; every node computes the same,
 * and another user's never fits, since it is looked for among one's own sign-ons alone.
 */

import { createHash } from 'node:crypto';
import type { EntryView } from '../../sso/index.ts';

export function handleOf(user: string, { id }: Pick<EntryView, 'id'>): string {
  return createHash('sha256').update(`latchkey account\0${user}\0${id}`).digest('base64url').slice(0, 22);
}

/** One's own sign-on that a page called so. */
export function findByHandle(
  user: string,
  entries: readonly EntryView[],
  handle: string | undefined,
): EntryView | undefined {
  if (handle === undefined || !/^[A-Za-z0-9_-]{22}$/.test(handle)) return undefined;
  return entries.find((entry) => handleOf(user, entry) === handle);
}
