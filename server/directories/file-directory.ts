/**
 * People from a file of ours (YAML) or from an htpasswd file with its groups: both are names with hashes,
 * and are checked alike. Passwords are verified in threads with a bounded queue; an unknown name costs
 * what a wrong password costs (check 31).
 */

import type { Log } from '../../sso/index.ts';
import { type Check, type Directory, type Found, groupList, type Person } from './directory.ts';
import { readHtpasswd } from './htpasswd.ts';
import { isPlausible } from './own-directory.ts';
import { canonicalName, readUsers, type User, userCheck, type Verify } from './users.ts';
import { watchFiles } from './watched-file.ts';

export interface FileDirectoryParts {
  readonly verify: Verify;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Between looks at the file, milliseconds. Default 2,000. */
  readonly lookEveryMs?: number;
}

/** Directories whose files can be looked at now. */
export interface Reloadable extends Directory {
  /** People in it now. */
  readonly count: number;
  reload(): void;
}

/** A list of users as `latchkey hash-password` makes their hashes; its roles are groups. @throws ConfigError */
export function fileDirectory(file: string, parts: FileDirectoryParts): Reloadable {
  return directoryOf(`file ${file}`, [file], () => readUsers(file), parts);
}

/** @throws ConfigError a file cannot be read, or holds a line that is not one, or a hash that is too weak */
export function htpasswdDirectory(
  { file, groupFile }: { readonly file: string; readonly groupFile?: string },
  parts: FileDirectoryParts,
): Reloadable {
  const files = [file, ...(groupFile === undefined ? [] : [groupFile])];
  return directoryOf(`htpasswd ${file}`, files, () => readHtpasswd(file, groupFile), parts);
}

function directoryOf(
  name: string,
  files: readonly string[],
  read: () => readonly User[],
  { verify, log, lookEveryMs }: FileDirectoryParts,
): Reloadable {
  const watched = watchFiles(files, () => versionOf(read(), verify), {
    log,
    ...(lookEveryMs !== undefined && { everyMs: lookEveryMs }),
  });
  return {
    name,
    get count() {
      return watched.value.people.size;
    },
    async check(asked, password): Promise<Check> {
      const { check, people } = watched.value;
      try {
        const result = await check(asked, password);
        if (result.kind !== 'known') return { kind: result.kind };
        if (password === '') return { kind: 'refused' };
        const person = people.get(canonicalName(result.principal.name));
        return person === undefined ? { kind: 'refused' } : { kind: 'known', person };
      } catch (error) {
        return { kind: 'unavailable', why: `a password could not be verified (${String(error)})` };
      }
    },
    async find(asked): Promise<Found> {
      const person = isPlausible(asked) ? watched.value.people.get(canonicalName(asked)) : undefined;
      return person === undefined ? { kind: 'gone' } : { kind: 'found', person };
    },
    reload: () => watched.reload(),
    close: async () => watched.close(),
  };
}

interface Version {
  readonly check: ReturnType<typeof userCheck>;
  readonly people: ReadonlyMap<string, Person>;
}

function versionOf(users: readonly User[], verify: Verify): Version {
  const person = ({ name, displayName, roles }: User): Person => ({
    name,
    ...(displayName !== undefined && { displayName }),
    groups: groupList(roles),
  });
  return {
    check: userCheck(users, verify),
    people: new Map(users.map((user) => [canonicalName(user.name), person(user)])),
  };
}
