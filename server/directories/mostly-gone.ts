/**
 * Whether it can be true that so many are missing. A search base that is empty, a service account that may
 * not read any more and a file that was replaced by a short one all look as if (nearly) everybody were gone,
 * and believing that would end everybody's sign-on. So a round of the re-check that misses more than a share
 * of those it had answers about believes nothing of it. Accounts that are there and marked as disabled are
 * no part of this: that is the directory's own word about each of them.
 */

/** What a round has seen. */
export interface Missed {
  /** People about whom the directory answered, either way. */
  readonly answered: number;
  /** Of those, whom it does not know. */
  readonly missing: number;
}

/** Fewer are believed to be gone, whatever share that is: little is lost by it, and small houses change by halves. */
export const missedAtLeast = 5;

/**
 * A node whose own share of the people has fewer answers asks about some of the others' people too before it believes that
 * somebody is missing: ten who are spread over three nodes are three or four for each, who could all be gone.
 */
export const answersWanted = 20;

/** @param mostGone the share that is believed at most, 0 to 1; with 1 everything is */
export function isImplausible({ answered, missing }: Missed, mostGone: number): boolean {
  return missing >= missedAtLeast && missing > mostGone * answered;
}
