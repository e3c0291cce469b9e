/** What a logout answers: how far the news has come, from when on it is final, and what it ended. */

import type { Cause } from './entry.ts';

/** Whether this may be the number of a receipt: all others are nobody's, and are not asked for. */
export function isReceiptId(text: string): boolean {
  return /^[A-Za-z0-9_-]{16}$/.test(text);
}

export interface Receipt {
  /** Names this receipt: 12 random bytes as base64url, so it cannot be guessed. It can be asked for at every node. */
  readonly id: string;
  /** `complete`: no node accepts the sign-on again, ever. `pending`: too few confirmed in time; the others learn of it when they are reached. */
  readonly state: 'complete' | 'pending';
  /**
   * Of a pending one: the instant from which no node accepts the sign-on, though nobody else confirms, milliseconds since 1970.
   * `undefined`: too few nodes have the news to say so, or nodes that are cut off go on (`whenCutOff: 'serve'`).
   */
  readonly finalAt: number | undefined;
  readonly cause: Cause;
  /** When it was closed, milliseconds since 1970. */
  readonly closedAt: number;
  /** The sessions that ended with it, by application, in the order of their names. */
  readonly applications: readonly { readonly app: string; readonly sessions: number }[];
  readonly sessions: number;
  /** By name; a voter that was never met, by its address. */
  readonly nodes: { readonly confirmed: readonly string[]; readonly outstanding: readonly string[] };
  /** What went wrong in single applications; their sessions and all others ended all the same (V68). */
  readonly failures: readonly { readonly app: string; readonly message: string }[];
}
