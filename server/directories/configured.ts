/** The directories that a configuration names, put together by hand: one, or a chain of them. */

import type { DirectoryConfig } from '../../config/directories.ts';
import type { Log } from '../../sso/index.ts';
import type { Verify } from '../users.ts';
import { chain } from './chain.ts';
import type { Directory } from './directory.ts';
import { fileDirectory, htpasswdDirectory, type Reloadable } from './file-directory.ts';
import { ldapDirectory } from './ldap/ldap-directory.ts';

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

/** Opens files, and no connection. @throws ConfigError a file of people cannot be read */
export function configuredDirectory(configs: readonly DirectoryConfig[], parts: ConfiguredParts): ConfiguredDirectory {
  const opened: Directory[] = [];
  const reloadable: Reloadable[] = [];
  const words: string[] = [];
  for (const config of configs) {
    if (config.kind === 'ldap') {
      opened.push(ldapDirectory(config, parts));
      words.push(`people in ${config.name}`);
      continue;
    }
    const files = config.kind === 'file' ? fileDirectory(config.file, parts) : htpasswdDirectory(config, parts);
    opened.push(files);
    reloadable.push(files);
    words.push(`${files.count} user${files.count === 1 ? '' : 's'}`);
  }
  const [first, ...others] = opened;
  if (first === undefined) throw new Error('no directory is configured');
  return {
    ...chain([first, ...others]),
    summary: words.join(', then '),
    reload() {
      for (const one of reloadable) one.reload();
    },
  };
}
