/** Who acts on a node, and why: what the application says of it, for the audit. */

/** Who does an administrative act. */
export interface Actor {
  readonly by?: string | undefined;
}

/** Why a node is told to end. */
export interface Ended extends Actor {
  /** In a word: the signal that was sent. Left out: `call`, since the application called. */
  readonly cause?: string | undefined;
}
