/**
 * Groups of a directory become roles of the applications. Without a mapping a group's name is the role;
 * with one, it is the whole truth: a group that it does not name gives nothing, so that a group somebody
 * makes tomorrow is not a role by accident.
 */

import type { Person } from './directory.ts';

/** Group → its roles. Groups are compared without regard to case, as directories do. */
export type RoleMapping = ReadonlyMap<string, readonly string[]>;

export type RolesOf = (person: Pick<Person, 'groups'>) => readonly string[];

/** Of one user; what the library takes (its `principalLimits`). */
const rolesAtMost = 256;
const roleLengthAtMost = 128;

/** The function throws an Error where the library would not take the roles: too many, or too long. */
export function rolesBy(mapping?: Readonly<Record<string, readonly string[]>>): RolesOf {
  const byGroup: RoleMapping | undefined =
    mapping && new Map(Object.entries(mapping).map(([group, roles]) => [group.toLowerCase(), roles]));
  return ({ groups }) => {
    const roles = byGroup === undefined ? groups : groups.flatMap((group) => byGroup.get(group.toLowerCase()) ?? []);
    const list = [...new Set(roles)].sort();
    if (list.length > rolesAtMost || list.some(({ length }) => length > roleLengthAtMost))
      throw new Error(
        `${list.length} groups are more than ${rolesAtMost} roles, or one has more than ${roleLengthAtMost} characters: say in "roles" which groups count`,
      );
    return list;
  };
}
