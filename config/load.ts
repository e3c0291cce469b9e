/**
 * A configuration file, read and made usable: secrets fetched from where they are kept, paths made
 * absolute (relative ones start at the file's own directory), everything else as the schema says.
 */

import { dirname, resolve } from 'node:path';
import type { NodeOptions } from '../sso/index.ts';
import { ConfigError, parseDocument, readText } from './document.ts';
import { type NatsConfig, readNats } from './nats.ts';
import { type ConfigDocument, configSchema } from './schema.ts';
import { readSecret, type SecretSource } from './secrets.ts';

export interface ServerConfig {
  /** The file it came from, as it was named. */
  readonly file: string;
  /** What `startNode` takes. */
  readonly node: NodeOptions;
  /** The NATS server that carries the cluster's frames, if there is one. */
  readonly nats: NatsConfig | undefined;
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
  const {
    secret,
    retiredSecrets = [],
    dataDir,
    users,
    cluster,
    web,
    hashing,
    log,
    ...library
  } = parseDocument(file, readText(file, 'the configuration'), configSchema);
  const read = (source: SecretSource) => within(file, () => readSecret(source, directory, env));
  const secrets = secret.map(read);
  const retired = retiredSecrets.map(read);
  const pem = (path: string) =>
    within(file, () => readText(resolve(directory, path), 'a file that cluster.nats.tls names'));
  const carried = cluster?.nats && readNats(cluster.nats, { secret: read, pem });
  return {
    file,
    node: {
      ...library,
      secret: secrets.map(({ value }) => value),
      ...(retired.length > 0 && { retiredSecrets: retired.map(({ value }) => value) }),
      ...(dataDir !== undefined && { dataDir: resolve(directory, dataDir) }),
      ...(cluster && { cluster: clusterOptions(file, directory, cluster) }),
    },
    nats: carried?.nats,
    web,
    hashing,
    log,
    usersFile: resolve(directory, users),
    warnings: [...[...secrets, ...retired].flatMap(({ warning }) => warning ?? []), ...(carried?.warnings ?? [])],
  };
}

function clusterOptions(
  file: string,
  directory: string,
  cluster: NonNullable<ConfigDocument['cluster']>,
): NonNullable<NodeOptions['cluster']> {
  const { tls, nats: _, ...rest } = cluster;
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
