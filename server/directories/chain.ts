/**
 * Several directories as one, and the rule for who wins: the first one that has an account of this name
 * decides, whatever it says; the later ones are not asked. One that does not answer stops the chain, since
 * a later one must not speak for an account that it may shadow, and so does one in which the account is
 * disabled. A password is shown to one directory only: the one that decides.
 *
 * Who is in no directory is refused by the last one, in the time that a wrong password takes there
 * (check 31). In which directory somebody is kept can be told from the time that a sign-on takes.
 */

import type { Check, Directory, Found } from './directory.ts';

/** At least one. */
export function chain(directories: readonly [Directory, ...Directory[]]): Directory {
  const last = directories.at(-1)!;
  const named = (directory: Directory, why: string) => ({
    kind: 'unavailable' as const,
    why: directories.length === 1 ? why : `${directory.name}: ${why}`,
  });
  return {
    name: directories.map(({ name }) => name).join(', then '),

    async check(name, password): Promise<Check> {
      for (const directory of directories) {
        if (directory !== last) {
          const found = await directory.find(name);
          if (found.kind === 'unavailable') return named(directory, found.why);
          if (found.kind === 'gone' && found.disabled !== true) continue;
        }
        const check = await directory.check(name, password);
        return check.kind === 'unavailable' ? named(directory, check.why) : check;
      }
      return { kind: 'refused' };
    },

    async find(name): Promise<Found> {
      for (const directory of directories) {
        const found = await directory.find(name);
        if (found.kind === 'unavailable') return named(directory, found.why);
        if (found.kind === 'found' || found.disabled === true) return found;
      }
      return { kind: 'gone' };
    },

    async close() {
      await Promise.all(directories.map((directory) => directory.close()));
    },
  };
}
