/** What the registry allows and how long it waits, with the defaults. */

export interface RegistryLimits {
  /** Absolute life of a sign-on, milliseconds. Default 12 h. */
  readonly lifeMs: number;
  /** Absolute life of a sign-on that is remembered, milliseconds; 0 = none is. Default 0. */
  readonly rememberMs: number;
  /** Idle limit of a sign-on, milliseconds; 0 = none. Default 0: `maxEmptyLife` and the sessions' own limits bound idleness. */
  readonly idleMs: number;
  /** How long a sign-on without any session stays usable, milliseconds (the guide's maxEmptyLife, there in seconds). Default 1,800,000. */
  readonly maxEmptyLifeMs: number;
  /** Sign-ons on all nodes, open and closed; one more is refused with 503. Default 1,000,000. */
  readonly entries: number;
  /** Open sign-ons of one user; one more ends the oldest. Default 1,000. */
  readonly entriesPerSubject: number;
  /** Members that hold a new sign-on before its cookie is sent, this one included. Default 2. */
  readonly copies: number;
  /** The longest that a sign-on waits for that, milliseconds. Default 250. */
  readonly copyMs: number;
  /** The longest that a logout waits until it is complete, milliseconds; its receipt is pending then. Default 1,000. */
  readonly logoutMs: number;
}

export const registryLimits: RegistryLimits = {
  lifeMs: 12 * 3_600_000,
  rememberMs: 0,
  idleMs: 0,
  maxEmptyLifeMs: 1_800_000,
  entries: 1_000_000,
  entriesPerSubject: 1_000,
  copies: 2,
  copyMs: 250,
  logoutMs: 1_000,
};

/** The longest that any sign-on lives, milliseconds. */
export function longestLifeMs({ lifeMs, rememberMs }: Pick<RegistryLimits, 'lifeMs' | 'rememberMs'>): number {
  return Math.max(lifeMs, rememberMs);
}
