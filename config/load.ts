/**
 * A configuration file, read and made usable: secrets fetched from where they are kept, paths made
 * absolute (relative ones start at the file's own directory), everything else as the schema says.
 */

import { dirname, resolve } from 'node:path';
import type { NodeOptions } from '../sso/index.ts';
import { ConfigError, parseDocument, readText } from './document.ts';
import { type ConfigDocument, configSchema } from './schema.ts';
import { readSecret } from './secrets.ts';

export interface ServerConfig {
  /** The file it came from, as it was named. */
  readonly file: string;
  /** What `startNode` takes. */
  readonly node: NodeOptions;
  readonly web: ConfigDocument['web'];
  readonly hashing: ConfigDocument['hashing'];
  readonly log: ConfigDocument['log'];
  /** Absolute. */
  readonly usersFile: string;
  /** What works but should not stay so; one line each. */
  readonly warnings: readonly string[];
}

/** @throws ConfigError what is wrong, one line for each problem */
export function loadConfig(file: string, env: NodeJS.ProcessEnv = process.env): ServerConfig {
  const directory = dirname(resolve(file));
  const { secret, users, cluster, web, hashing, log, ...library } = parseDocument(
    file,
    readText(file, 'the configuration'),
    configSchema,
  );
  const secrets = secret.map((source) => within(file, () => readSecret(source, directory, env)));
  return {
    file,
    node: {
      ...library,
      secret: secrets.map(({ value }) => value),
      ...(cluster && { cluster: clusterOptions(file, directory, cluster) }),
    },
    web,
    hashing,
    log,
    usersFile: resolve(directory, users),
    warnings: secrets.flatMap(({ warning }) => warning ?? []),
  };
}

function clusterOptions(
  file: string,
  directory: string,
  cluster: NonNullable<ConfigDocument['cluster']>,
): NonNullable<NodeOptions['cluster']> {
  const { tls, ...rest } = cluster;
  if (tls === undefined) return rest;
  const pem = (name: 'cert' | 'key' | 'ca') =>
    within(file, () => readText(resolve(directory, tls[name]), `the file that cluster.tls.${name} names`));
  return { ...rest, tls: { cert: pem('cert'), key: pem('key'), ca: pem('ca') } };
}

/** Problems in what the configuration points to name the configuration first. */
function within<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.problems.map((problem) => `${file}: ${problem}`));
  }
}
