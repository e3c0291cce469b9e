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
import { loginSite } from './login/site.ts';
import { nextSignal } from './signals.ts';
import { authenticator, readUsers, type User } from './users.ts';

/** Resolves when it was ended by SIGINT or SIGTERM. @throws ConfigError, SsoError, UsageError */
export async function serve(file: string, env: NodeJS.ProcessEnv): Promise<void> {
  const config = loadConfig(file, env);
  const users = readUsers(config.usersFile);
  const log = jsonLog(config.log.level, config.node.route);
  for (const warning of config.warnings) log.warn({}, warning);
  const hashing = new HashingPool(config.hashing);
  const ended = nextSignal();
  const sso = await startChecked(file, { ...config.node, log });
  try {
    const app = loginSite({
      sso,
      log,
      trustProxy: config.web.trustProxy,
      origins: config.node.origins ?? [],
      authenticate: authenticator(users, (hash, password) => hashing.verify(hash, password)),
      isBusy: () => hashing.full,
    });
    const web = await listen(app, parseAddress(config.web.listen));
    log.info(
      { listen: config.web.listen, node: sso.name, members: sso.members().length, users: users.length },
      'latchkey is ready',
    );
    const replaced = new Promise<'replaced'>((resolve) => sso.on('replaced', () => resolve('replaced')));
    const signal = await Promise.race([ended, replaced]);
    if (signal === 'replaced') {
      await web.close();
      throw new SsoError('ERR_UNAVAILABLE', `another process has started as node ${sso.name}: this one has stopped`);
    }
    log.info({ signal }, 'stopping');
    await sso.drain();
    await web.close();
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
  // A node without a cluster opens no socket: starting and stopping one is the library's own check of its options.
  const { cluster, ...alone } = config.node;
  const nothing = () => {};
  const sso = await startChecked(file, {
    ...alone,
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  });
  await sso.stop();
  return { summary: `${file}: nothing is wrong (${describe(config, sso, cluster, users)})`, warnings: config.warnings };
}

function describe(
  { web }: ServerConfig,
  { name }: SsoNode,
  cluster: NodeOptions['cluster'],
  users: readonly User[],
): string {
  const size =
    cluster === undefined
      ? 'no cluster'
      : cluster.nodes === undefined
        ? 'in a cluster'
        : `in a cluster of ${cluster.nodes.length}`;
  return `node ${name}, ${size}, listening on ${web.listen}, ${users.length} ${users.length === 1 ? 'user' : 'users'}`;
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
