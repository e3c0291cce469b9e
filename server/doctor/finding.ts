/**
 * What one check of `latchkey doctor` says: the shape that the checks of a
 * running cluster and the checks of a configuration's text have in common.
 */
export interface Finding {
  /** The check's name, in kebab case. It stays the same from release to release: scripts may rely on it. */
  readonly check: string;
  /** True: seen to be right. False: seen to be wrong. 'unknown': it could not be seen, and `says` gives the reason. */
  readonly ok: boolean | 'unknown';
  /** One sentence in plain words: what was seen. */
  readonly says: string;
  /** What to do about it, as concretely as can be said; absent if there is nothing to be done. */
  readonly remedy?: string;
  /** The place: `file:line` of a configuration, or the address that was asked. Absent if it concerns the whole. */
  readonly where?: string;
}
