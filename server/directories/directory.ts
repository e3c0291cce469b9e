/**
 * Where people are kept: a file, LDAP, a program of one's own. The port is two questions: are this name
 * and password somebody's (`check`), and is there still such an account, in which groups (`find`). The
 * invariant every adapter keeps: `unavailable` means that nothing is known. It is never told as "no such
 * user", and nobody is let in by it. A contract suite (test/contracts/directory.ts) runs over all of them.
 */

export interface Person {
  /** The one form of the account's name, whatever spelling was asked for: it is whom the sign-on belongs to. */
  readonly name: string;
  readonly displayName?: string;
  readonly email?: string;
  /** Sorted, without doubles; roles are made of them (roles.ts). */
  readonly groups: readonly string[];
}

export type Check =
  | { readonly kind: 'known'; readonly person: Person }
  | { readonly kind: 'refused' } // no such name, another password, or disabled: nobody is told which
  | { readonly kind: 'busy' } // too many are being checked: try again shortly
  | { readonly kind: 'unavailable'; readonly why: string };

export type Found =
  | { readonly kind: 'found'; readonly person: Person }
  /** No such account; `disabled`: there is one, and it may not sign on. */
  | { readonly kind: 'gone'; readonly disabled?: true }
  | { readonly kind: 'unavailable'; readonly why: string };

/** Neither `check` nor `find` rejects, and both answer in bounded time. */
export interface Directory {
  /** As logs and messages call it. */
  readonly name: string;
  check(name: string, password: string): Promise<Check>;
  find(name: string): Promise<Found>;
  close(): Promise<void>;
}

/** More in one account is a fault of the directory: it counts as unavailable. */
export const personLimits = { textLength: 256, groups: 2_000, groupLength: 512 } as const;

/** Longer is nobody's name, and is not looked up. */
export const nameLengthAtMost = 256;

/** Groups in the one order that a person has them. */
export function groupList(groups: Iterable<string>): readonly string[] {
  return [...new Set(groups)].sort();
}
