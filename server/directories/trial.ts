/**
 * `latchkey check-config --try`: asks the directories of a configuration as the program would, before
 * anybody signs on by it. Everything is said, and whatever keeps people out is a problem.
 */

import type { DirectoryConfig } from '../../config/directories.ts';
import { directoryOf } from './configured.ts';
import type { Directory, Person } from './directory.ts';
import { tryServer } from './ldap/server-trial.ts';
import { ldapSettings } from './ldap/settings.ts';
import type { RolesOf } from './roles.ts';

export interface Trial {
  /** What was found, a line each. */
  readonly says: readonly string[];
  /** What keeps people from signing on; none: everything answers. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

export interface TrialOptions {
  readonly rolesOf: RolesOf;
  /** Somebody to look up, as they would type the name. */
  readonly user?: string | undefined;
}

/** @throws ConfigError a file of people cannot be read */
export async function tryDirectories(
  configs: readonly DirectoryConfig[],
  { rolesOf, user }: TrialOptions,
): Promise<Trial> {
  const trials = await Promise.all(configs.map(tryOne));
  const looked = user === undefined ? nothing : await lookUp(configs, user, rolesOf);
  const all = [...trials, looked];
  return {
    says: all.flatMap(({ says }) => says),
    problems: all.flatMap(({ problems }) => problems),
    warnings: all.flatMap(({ warnings }) => warnings),
  };
}

const nothing: Trial = { says: [], problems: [], warnings: [] };
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const parts = { verify: async () => 'busy' as const, log: quiet };

async function tryOne(config: DirectoryConfig): Promise<Trial> {
  if (config.kind !== 'ldap') {
    const { directory, words } = directoryOf(config, parts);
    await directory.close();
    return { ...nothing, says: [`${directory.name}: ${words}`] };
  }
  const settings = ldapSettings(config);
  const servers = await Promise.all(settings.servers.map((server) => tryServer(server, settings)));
  return {
    says: servers.flatMap(({ says }) => says),
    problems: servers.flatMap(({ problems }) => problems),
    warnings: servers.flatMap(({ warnings }) => warnings),
  };
}

/** In all of them, since the first that has the name decides, and another may have it too. */
async function lookUp(configs: readonly DirectoryConfig[], user: string, rolesOf: RolesOf): Promise<Trial> {
  const [says, problems]: [string[], string[]] = [[], []];
  let decides: Directory | undefined;
  for (const config of configs) {
    const { directory } = directoryOf(config, parts);
    const found = await directory.find(user).finally(() => directory.close());
    if (found.kind === 'unavailable') {
      problems.push(`${user}: ${directory.name} cannot say: ${found.why}`);
      continue;
    }
    if (found.kind === 'gone' && found.disabled !== true) {
      says.push(`${user}: not in ${directory.name}`);
      continue;
    }
    const shadowed = decides === undefined ? '' : `; not asked, since ${decides.name} has the name`;
    decides ??= directory;
    const who = found.kind === 'found' ? described(found.person, rolesOf) : 'disabled, may not sign on';
    says.push(`${user}: in ${directory.name}: ${who}${shadowed}`);
  }
  if (decides === undefined && problems.length === 0) problems.push(`${user}: in none of the directories`);
  return { says, problems, warnings: [] };
}

function described(person: Person, rolesOf: RolesOf): string {
  const { name, displayName, email, groups } = person;
  const list = (all: readonly string[]) => (all.length === 0 ? 'none' : all.join(', '));
  const shown = [name, displayName, email].filter((text) => text !== undefined).join(', ');
  return `${shown}; groups ${list(groups)}; roles ${rolesText(person, rolesOf, list)}`;
}

function rolesText(person: Person, rolesOf: RolesOf, list: (all: readonly string[]) => string): string {
  try {
    return list(rolesOf(person));
  } catch (error) {
    return `cannot be given: ${(error as Error).message}`;
  }
}
