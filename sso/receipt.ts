/** What a logout answers: how far the news has come, and what it ended. */

import type { Cause } from './entry.ts';

export interface Receipt {
  /** Names this receipt; random, no secret. */
  readonly id: string;
  /** `complete`: every node that has not left the cluster confirmed. `pending`: some did not answer in time; they learn of it when they are reached. */
  readonly state: 'complete' | 'pending';
  readonly cause: Cause;
  /** When it was closed, milliseconds since 1970. */
  readonly closedAt: number;
  /** The sessions that ended with it, by application. */
  readonly applications: readonly { readonly app: string; readonly sessions: number }[];
  readonly sessions: number;
  readonly nodes: { readonly confirmed: readonly string[]; readonly outstanding: readonly string[] };
  /** What went wrong in single applications; the others ended all the same (V68). */
  readonly failures: readonly { readonly app: string; readonly message: string }[];
}
