/**
 * `latchkey serve`: one node by a configuration file. It listens when it has compared with the others;
 * SIGTERM makes it unready, hands over what only it holds, lets answers under way finish, and stops.
 */

import { ConfigError } from '../config/document.ts';
import { loadConfig, type ServerConfig } from '../config/load.ts';
import { type NodeOptions, SsoError, type SsoNode, startNode } from '../sso/index.ts';
import { HashingPool } from './hashing/pool.ts';
import { listen, parseAddress } from './http-server.ts';
import { jsonLog } from './log.ts';
import { loginSite, metricsSite } from './login/site.ts';
import { withChannel } from './nats.ts';
import { nextSignal } from './signals.ts';
import { authenticator, readUsers, type User } from './users.ts';

export interface ServeOptions {
  /** The data directory is a restored copy, whatever the configuration says. */
  readonly restored?: boolean;
}

/** Resolves when it was ended by SIGINT or SIGTERM. @throws ConfigError, SsoError, UsageError */
export async function serve(file: string, env: NodeJS.ProcessEnv, { restored }: ServeOptions = {}): Promise<void> {
  const config = loadConfig(file, env);
  const users = readUsers(config.usersFile);
  const node = await withChannel(config);
  const log = jsonLog(config.log.level, config.node.route);
  for (const warning of config.warnings) log.warn({}, warning);
  const hashing = new HashingPool(config.hashing);
  const ended = nextSignal();
  const sso = await startChecked(file, { ...node, ...(restored && { restored }), log });
  try {
    const app = loginSite({
      sso,
      log,
      trustProxy: config.web.trustProxy,
      origins: config.node.origins ?? [],
      authenticate: authenticator(users, (hash, password) => hashing.verify(hash, password)),
      isBusy: () => hashing.full,
    });
    const { metrics } = config.web;
    const scraped = metrics === undefined ? undefined : await listen(metricsSite(sso, log), parseAddress(metrics));
    const web = await listen(app, parseAddress(config.web.listen));
    const close = () => Promise.all([web.close(), scraped?.close()]);
    log.info(
      { listen: config.web.listen, metrics, node: sso.name, members: sso.members().length, users: users.length },
      'latchkey is ready',
    );
    const replaced = new Promise<'replaced'>((resolve) => sso.on('replaced', () => resolve('replaced')));
    const signal = await Promise.race([ended, replaced]);
    if (signal === 'replaced') {
      await close();
      throw new SsoError('ERR_UNAVAILABLE', `another process has started as node ${sso.name}: this one has stopped`);
    }
    log.info({ signal }, 'stopping');
    const { handedOver, lost } = await sso.drain();
    const told = `handed over ${handedOver} values that only this node held`;
    if (lost === 0) log.info({ handedOver, lost }, `${told}, 0 lost`);
    else if (node.dataDir === undefined) log.warn({ handedOver, lost }, `${told}, ${lost} lost`);
    else log.info({ handedOver, keptOnDisk: lost }, `${told}; ${lost} are kept in the data directory alone`);
    await close();
  } finally {
    await sso.stop();
    await hashing.stop();
  }
  log.info({}, 'stopped');
}

export interface ConfigCheck {
  readonly summary: string;
  readonly warnings: readonly string[];
}

/** Everything that `serve` would look at before it listens. @throws ConfigError */
export async function checkConfig(file: string, env: NodeJS.ProcessEnv): Promise<ConfigCheck> {
  const config = loadConfig(file, env);
  const users = readUsers(config.usersFile);
  await withChannel(config);
  // A node without a cluster opens no socket: starting and stopping one is the library's own check of its options.
  // Nor is the data directory touched: another process may be using it.
  const { cluster, dataDir, ...alone } = config.node;
  const nothing = () => {};
  const sso = await startChecked(file, {
    ...alone,
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  });
  await sso.stop();
  return {
    summary: `${file}: nothing is wrong (${describe(config, sso, config.node, users)})`,
    warnings: config.warnings,
  };
}

function describe(
  { web }: ServerConfig,
  { name }: SsoNode,
  { cluster, dataDir }: NodeOptions,
  users: readonly User[],
): string {
  return [
    `node ${name}`,
    ...describeCluster(cluster),
    dataDir === undefined ? 'state in memory only' : `state in ${dataDir}`,
    `listening on ${web.listen}`,
    ...(web.metrics === undefined ? [] : [`metrics on ${web.metrics}`]),
    counted(users.length, 'user'),
  ].join(', ');
}

/** The library's defaults, in words: they depend on the number of voters. */
function describeCluster(cluster: NodeOptions['cluster']): readonly string[] {
  if (cluster === undefined) return ['no cluster'];
  const voters = Math.max(1, new Set(cluster.nodes).size);
  const mode = cluster.whenCutOff ?? (voters >= 3 ? 'refuse' : 'serve');
  return [`in a cluster with ${counted(voters, 'voter')}`, `when cut off: ${mode}`];
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

/** The library names the field; the person needs the file as well. */
async function startChecked(file: string, options: NodeOptions): Promise<SsoNode> {
  try {
    return await startNode(options);
  } catch (error) {
    if (error instanceof SsoError && error.code === 'ERR_CONFIG_INVALID')
      throw new ConfigError([`${file}: ${error.message}`]);
    throw error;
  }
}
