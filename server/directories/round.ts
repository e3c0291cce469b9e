/** What a round of the re-check has found: the result for each person, their sum, and what the log is told of it. */

import type { Log } from '../../sso/index.ts';

/** Of asking about one person. `missing`: the directory knows no such account; nothing was done about it yet. */
export type Result =
  | { readonly kind: 'same' | 'ended' | 'changed' | 'missing' }
  | { readonly kind: 'unanswered'; readonly why: string };

export interface Round {
  readonly asked: number;
  readonly ended: number;
  readonly changed: number;
  readonly unanswered: number;
  /** Missing, and not ended for it: so many at once are not believed. Of a round that was broken off: as the one before it found. */
  readonly heldBack: number;
  /** It was broken off: the directory does not answer. */
  readonly away: boolean;
}

/** Of those held back, so many are named in the log. */
const namedAtMost = 5;

export class Tally {
  asked = 0;
  ended = 0;
  changed = 0;
  unanswered = 0;
  /** Why the last that was not answered was not. */
  why: string | undefined;

  count(result: Result): void {
    switch (result.kind) {
      case 'ended':
      case 'changed':
        this[result.kind]++;
        return;
      case 'unanswered':
        this.unanswered++;
        this.why = result.why;
        return;
      case 'same':
      case 'missing':
        return;
      default:
        result satisfies never;
    }
  }
}

export interface Told {
  /** How logs call it. */
  readonly directory: string;
  /** Signed on, and this node's to ask about. */
  readonly users: number;
  readonly held: ReadonlySet<string>;
  readonly why: string | undefined;
}

export function tellRound(log: Log, round: Round, { directory, users, held, why }: Told): void {
  const { away: _, ...counts } = round;
  const fields = { directory, users, ...counts };
  if (held.size > 0)
    log.error(
      { ...fields, heldBack: held.size, some: [...held].slice(0, namedAtMost) },
      `the directory no longer knows ${held.size} of ${users} people who are signed on: this is not believed, and nobody is ended for it. If the directory is at fault (an empty search base, a service account that may not read), put that right: the next re-check sees it. If they are really gone, send SIGHUP to this process, and those who still are missing are ended`,
    );
  if (round.unanswered > 0)
    log.warn(
      { ...fields, why },
      'the directory did not say about everybody whether they are still there: nothing is changed for them',
    );
  else if (held.size > 0) return;
  else if (round.ended + round.changed > 0) log.info(fields, 'people were re-checked');
  else log.debug(fields, 'people were re-checked');
}
