/** What the person at the terminal can put right (wrong use, a port in use): told in one line, without a stack. */

import { nearest } from '../sso/nearest.ts';

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A word that is none of those that may stand there. */
export function noneOf(word: string, known: readonly string[]): UsageError {
  return new UsageError(`"${word}" is none of ${known.join(', ')}${hint(nearest(word, known))}`);
}

/** What was probably meant, for the end of a sentence; nothing if nobody knows. */
export function hint(meant: string | undefined): string {
  return meant === undefined ? '' : `; did you mean "${meant}"?`;
}
