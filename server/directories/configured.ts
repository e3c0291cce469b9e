/** The directories that a configuration names, put together by hand: one, or a chain of them. */

import type { DirectoryConfig } from '../../config/directories.ts';
import type { Log } from '../../sso/index.ts';
import { chain } from './chain.ts';
import type { Directory } from './directory.ts';
import { fileDirectory, htpasswdDirectory, type Reloadable } from './file-directory.ts';
import { ldapDirectory } from './ldap/ldap-directory.ts';
import type { Verify } from './users.ts';

export interface ConfiguredParts {
  readonly verify: Verify;
  readonly log: Log;
}

export interface ConfiguredDirectory extends Directory {
  /** Where people are, in words for an operator. */
  readonly summary: string;
  /** Looks at the files now. */
  reload(): void;
}

/** One of them, by itself. */
export interface Opened {
  readonly directory: Directory & Partial<Reloadable>;
  /** Who is in it, in words for an operator. */
  readonly words: string;
}

/** Opens files, and no connection. @throws ConfigError a file of people cannot be read */
export function directoryOf(config: DirectoryConfig, parts: ConfiguredParts): Opened {
  if (config.kind === 'ldap') return { directory: ldapDirectory(config, parts), words: `people in ${config.name}` };
  const directory = config.kind === 'file' ? fileDirectory(config.file, parts) : htpasswdDirectory(config, parts);
  return { directory, words: `${directory.count} user${directory.count === 1 ? '' : 's'}` };
}

/** Opens files, and no connection. @throws ConfigError a file of people cannot be read */
export function configuredDirectory(configs: readonly DirectoryConfig[], parts: ConfiguredParts): ConfiguredDirectory {
  const opened = configs.map((config) => directoryOf(config, parts));
  const [first, ...others] = opened.map(({ directory }) => directory);
  if (first === undefined) throw new Error('no directory is configured');
  return {
    ...chain([first, ...others]),
    summary: opened.map(({ words }) => words).join(', then '),
    reload() {
      for (const { directory } of opened) directory.reload?.();
    },
  };
}
