/**
 * A configuration file, read and made usable: secrets fetched from where they are kept, paths made
 * absolute (relative ones start at the file's own directory), everything else as the schema says.
 */

import { dirname, resolve } from 'node:path';
import type { NodeOptions } from '../sso/index.ts';
import { type AjpConfig, readAjp } from './ajp.ts';
import { type DirectoryConfig, readDirectories } from './directories.ts';
import { ConfigError, parseDocument, readText } from './document.ts';
import { doubts, type ForwardAuthConfig, readForwardAuth } from './forward-auth.ts';
import { type NatsConfig, readNats } from './nats.ts';
import { type ConfigDocument, configSchema } from './schema.ts';
import { readSecret, type SecretSource } from './secrets.ts';
import { readSite, type SiteConfig } from './site.ts';

const dayMs = 86_400_000;

export interface ServerConfig {
  /** The file it came from, as it was named. */
  readonly file: string;
  /** What `startNode` takes. */
  readonly node: NodeOptions;
  /** The NATS server that carries the cluster's frames, if there is one. */
  readonly nats: NatsConfig | undefined;
  readonly web: ConfigDocument['web'];
  /** `undefined`: no proxy asks this node. */
  readonly forwardAuth: ForwardAuthConfig | undefined;
  /** `undefined`: no balancer reaches it by AJP. */
  readonly ajp: AjpConfig | undefined;
  readonly hashing: ConfigDocument['hashing'];
  readonly log: ConfigDocument['log'];
  /** How the pages look and speak. */
  readonly site: SiteConfig;
  /** Days, where people may choose to be kept signed on. */
  readonly rememberDays: number | undefined;
  /** Where people are kept; the first that knows a name decides. */
  readonly directories: readonly DirectoryConfig[];
  /** Group → roles; `undefined`: a group's name is the role. */
  readonly roles: ConfigDocument['roles'];
  readonly recheck: ConfigDocument['recheck'];
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
    directories,
    roles,
    recheck,
    cluster,
    web,
    forwardAuth: asked,
    ajp: ajpFields,
    hashing,
    log,
    site: siteFields,
    rememberMe,
    stickyRoute,
    ...library
  } = parseDocument(file, readText(file, 'the configuration'), configSchema);
  const read = (source: SecretSource) => within(file, () => readSecret(source, directory, env));
  const secrets = secret.map(read);
  const retired = retiredSecrets.map(read);
  const pem = (path: string) =>
    within(file, () => readText(resolve(directory, path), 'a file that cluster.nats.tls names'));
  const people = within(file, () =>
    readDirectories(peopleIn(users, directories), {
      directory,
      secret: read,
      pem: (path) => readText(path, 'the file that ca names'),
    }),
  );
  const site = within(file, () => readSite(siteFields, (path) => resolve(directory, path)));
  // Forms of our own pages come from there, and what leads back to them is no way out.
  const origins = [...(library.origins ?? []), ...(site.origin === undefined ? [] : [site.origin])];
  const forwardAuth = asked && within(file, () => readForwardAuth(asked, site.origin));
  const ajp = ajpFields && within(file, () => readAjp(ajpFields, read));
  const carried = cluster?.nats && readNats(cluster.nats, { secret: read, pem });
  return {
    file,
    node: {
      ...library,
      ...(origins.length > 0 && { origins }),
      ...(stickyRoute && { hooks: { onSignOn: [stickyRoute] } }),
      ...(rememberMe && { remember: { lifeMs: rememberMe.days * dayMs } }),
      secret: secrets.map(({ value }) => value),
      ...(retired.length > 0 && { retiredSecrets: retired.map(({ value }) => value) }),
      ...(dataDir !== undefined && { dataDir: resolve(directory, dataDir) }),
      ...(cluster && { cluster: clusterOptions(file, directory, cluster) }),
    },
    nats: carried?.nats,
    web,
    forwardAuth,
    ajp: ajp?.ajp,
    hashing,
    log,
    site,
    rememberDays: rememberMe?.days,
    directories: people.directories,
    roles,
    recheck,
    warnings: [
      ...[...secrets, ...retired].flatMap(({ warning }) => warning ?? []),
      ...(carried?.warnings ?? []),
      ...(ajp?.warnings ?? []),
      ...people.warnings,
      ...(forwardAuth ? doubts(forwardAuth, { origins, cookieDomain: library.cookieDomain }) : []),
    ],
  };
}

/** @throws ConfigError both are given, or neither */
function peopleIn(
  users: string | undefined,
  directories: ConfigDocument['directories'],
): NonNullable<ConfigDocument['directories']> {
  if (users !== undefined && directories !== undefined)
    throw new ConfigError([
      'users: is one more place where people are kept: put it into directories, as { kind: file, file }',
    ]);
  if (directories !== undefined) return directories;
  if (users === undefined)
    throw new ConfigError(['users: is missing: must be the path of a file, or name directories']);
  return [{ kind: 'file', file: users }];
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
