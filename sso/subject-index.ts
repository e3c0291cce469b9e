/**
 * What this node derives from entries and subjects, by user name: whose sign-ons there are, and which
 * roles are in force. The later roles win, whether they came with a sign-on or were set (FINAL-LOGOUT.md).
 */

import { BucketedMap } from './bucketed-map.ts';
import type { OpenEntry } from './entry.ts';
import type { SsoId } from './token.ts';

interface Known {
  /** Most users have one sign-on: its id alone; more as a set, in the order in which they became known here. */
  ids: SsoId | Set<SsoId> | undefined;
  roles: readonly string[];
  rolesStamp: number;
}

export class SubjectIndex {
  /** Sign-ons that one user may have. */
  readonly most: number;
  readonly #known = new BucketedMap<Known>();
  readonly #crowded = new Set<string>();
  #open = 0;

  constructor(most = Number.POSITIVE_INFINITY) {
    this.most = most;
  }

  add(id: SsoId, entry: OpenEntry): void {
    const { name, roles } = entry.principal;
    this.setRoles(name, roles, entry.openedStamp);
    const known = this.#known.get(name)!;
    const before = countOf(known.ids);
    if (known.ids === undefined) known.ids = id;
    else if (typeof known.ids === 'string') known.ids = known.ids === id ? id : new Set([known.ids, id]);
    else known.ids.add(id);
    const count = countOf(known.ids);
    this.#open += count - before;
    if (count > this.most) this.#crowded.add(name);
  }

  /** Sign-ons of all users. */
  get size(): number {
    return this.#open;
  }

  /** Returns whether that was the user's last sign-on here. */
  remove(id: SsoId, name: string): boolean {
    const known = this.#known.get(name);
    if (known === undefined) return false;
    const before = countOf(known.ids);
    if (known.ids === id) known.ids = undefined;
    else if (known.ids instanceof Set) {
      known.ids.delete(id);
      if (known.ids.size === 0) known.ids = undefined;
    }
    const count = countOf(known.ids);
    this.#open += count - before;
    if (count <= this.most) this.#crowded.delete(name);
    if (known.ids !== undefined) return false;
    this.#known.delete(name);
    return true;
  }

  /** Takes note of roles; later ones win, of equal stamps the greater text, as in the subjects map. */
  setRoles(name: string, roles: readonly string[], stamp: number): void {
    const known = this.#known.get(name);
    if (known === undefined) this.#known.set(name, { ids: undefined, roles, rolesStamp: stamp });
    else if (
      stamp > known.rolesStamp ||
      (stamp === known.rolesStamp && known.roles !== roles && JSON.stringify(roles) > JSON.stringify(known.roles))
    ) {
      known.roles = roles;
      known.rolesStamp = stamp;
    }
  }

  /** The roles in force with their stamp, as far as sign-ons that are open here say. */
  latest(name: string): { readonly roles: readonly string[]; readonly rolesStamp: number } | undefined {
    const known = this.#known.get(name);
    return known && { roles: known.roles, rolesStamp: known.rolesStamp };
  }

  rolesOf(name: string): readonly string[] | undefined {
    return this.#known.get(name)?.roles;
  }

  /** In the order in which they became known here. */
  idsOf(name: string): readonly SsoId[] {
    const ids = this.#known.get(name)?.ids;
    if (ids === undefined) return none;
    return typeof ids === 'string' ? [ids] : [...ids];
  }

  countOf(name: string): number {
    return countOf(this.#known.get(name)?.ids);
  }

  /** Whether a user has more sign-ons than one may have. */
  isCrowded(name: string): boolean {
    return this.#crowded.has(name);
  }

  /** Users who have more sign-ons than one may have: as a rule nobody. */
  get crowded(): Iterable<string> {
    return this.#crowded;
  }

  /** Users with sign-ons. */
  names(): IterableIterator<string> {
    return this.#known.keys();
  }

  has(name: string): boolean {
    return this.#known.has(name);
  }
}

const none: readonly SsoId[] = [];

function countOf(ids: Known['ids']): number {
  if (ids === undefined) return 0;
  return typeof ids === 'string' ? 1 : ids.size;
}
