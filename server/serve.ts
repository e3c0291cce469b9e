/**
 * `latchkey serve`: one node by a configuration file. It listens when it has compared with the others;
 * SIGTERM makes it unready for as long as balancers need to notice, lets answers under way finish, hands over
 * what only it holds, and stops.
 */

import { setTimeout } from 'node:timers/promises';
import { ConfigError } from '../config/document.ts';
import { loadConfig, type ServerConfig } from '../config/load.ts';
import { type CheckedOptions, checkOptions, type Log, SsoError, type SsoNode, startNode } from '../sso/index.ts';
import { listenAjp } from './ajp.ts';
import { authenticateBy, authenticatorOf } from './directories/authenticator.ts';
import { configuredDirectory } from './directories/configured.ts';
import { Recheck, recheckMark } from './directories/recheck.ts';
import { rolesBy } from './directories/roles.ts';
import { tryDirectories } from './directories/trial.ts';
import type { Verify } from './directories/users.ts';
import { forwardAuth } from './forward-auth/forward-auth.ts';
import { HashingPool } from './hashing/pool.ts';
import { listen, parseAddress } from './http-server.ts';
import { jsonLog } from './log.ts';
import { loginSite, metricsSite } from './login/site.ts';
import { serverMetrics } from './metrics.ts';
import { withChannel } from './nats.ts';
import { nextSignal } from './signals.ts';

export interface ServeOptions {
  /** The data directory is a restored copy, whatever the configuration says. */
  readonly restored?: boolean;
}

/** Resolves when it was ended by SIGINT or SIGTERM. @throws ConfigError, SsoError, UsageError */
export async function serve(file: string, env: NodeJS.ProcessEnv, { restored }: ServeOptions = {}): Promise<void> {
  const config = loadConfig(file, env);
  const log = jsonLog(config.log.level, config.node.route);
  const hashing = new HashingPool(config.hashing);
  const verify: Verify = (hash, password) => hashing.verify(hash, password);
  const directory = configuredDirectory(config.directories, { verify, log });
  const rolesOf = rolesBy(config.roles);
  const node = await withChannel(config);
  for (const warning of config.warnings) log.warn({}, warning);
  let recheck: Recheck | undefined;
  const ended = nextSignal(() => {
    log.info({}, 'SIGHUP: people are read and asked about again');
    directory.reload();
    void recheck?.now({ confirms: true });
  });
  const sso = await inFile(file, () => startNode({ ...node, ...(restored && { restored }), log }));
  let cause = 'failure';
  const listeners: { close(): Promise<void> }[] = [];
  const kept = async <T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> => {
    const listener = await opening;
    listeners.push(listener);
    return listener;
  };
  const close = () => Promise.all(listeners.map((listener) => listener.close()));
  try {
    const authenticate = authenticateBy(authenticatorOf(directory, rolesOf, log));
    const app = loginSite({
      sso,
      log,
      trustProxy: config.web.trustProxy,
      origins: config.node.origins ?? [],
      authenticate,
      isBusy: () => hashing.full,
      room: () => hashing.room,
      site: config.site,
      rememberDays: config.rememberDays,
    });
    const { metrics } = config.web;
    const counts = serverMetrics({ forwardAuth: config.forwardAuth !== undefined, recheck: config.recheck !== false });
    if (metrics !== undefined) await kept(listen(metricsSite(sso, log, counts.registry), parseAddress(metrics)));
    const web = await kept(listen(app, parseAddress(config.web.listen)));
    const { forwardAuth: asked } = config;
    const questions =
      asked &&
      (await kept(
        listen(
          forwardAuth({
            ...{ sso, log, config: asked, onDecision: counts.decided },
            authenticate: ({ username, password }) => authenticate(username, password),
          }),
          parseAddress(asked.listen),
        ),
      ));
    const ajp =
      config.ajp && (await kept(listenAjp(app, { ...{ sso, log, registry: counts.registry }, config: config.ajp })));
    if (config.recheck !== false) {
      sso.store({ app: recheckMark });
      recheck = new Recheck({ sso, directory, rolesOf, log, ...config.recheck, onRound: counts.rechecked });
      recheck.start();
    }
    sayReady(sso, log, { listen: config.web.listen, metrics, node: sso.name, people: directory.summary });
    const replaced = new Promise<'replaced'>((resolve) => sso.on('replaced', () => resolve('replaced')));
    const signal = await Promise.race([ended, replaced]);
    if (signal === 'replaced') {
      await close();
      throw new SsoError('ERR_UNAVAILABLE', `another process has started as node ${sso.name}: this one has stopped`);
    }
    cause = signal;
    const noticeMs = config.web.noticeMs ?? (isBehindProxy(config) ? noticeByDefaultMs : 0);
    log.info({ signal, noticeMs }, 'stopping');
    if (noticeMs > 0) {
      sso.rest(noticeMs + leaveMs, { by: signal });
      await setTimeout(noticeMs);
    }
    // Whoever is answered last is answered as ever; only then nobody is signed on here any more.
    await Promise.all([web.leave(leaveMs), ajp?.leave(leaveMs), questions?.leave(leaveMs)]);
    const { handedOver, lost } = await sso.drain({ cause: signal });
    const told = `handed over ${counted(handedOver, 'value')} that only this node held`;
    if (lost === 0) log.info({ handedOver, lost }, `${told}, 0 lost`);
    else if (node.dataDir === undefined) log.warn({ handedOver, lost }, `${told}, ${lost} lost`);
    else log.info({ handedOver, keptOnDisk: lost }, `${told}; ${lost} are kept in the data directory alone`);
    await close();
  } finally {
    await close();
    await recheck?.stop();
    await sso.stop({ cause });
    await directory.close();
    await hashing.stop();
  }
  log.info({}, 'stopped');
}

/** Balancers ask every other second, and some only notice that connections are kept no longer. */
const noticeByDefaultMs = 3_000;
/** For answers under way. */
const leaveMs = 2_000;

const isBehindProxy = ({ web, ajp }: ServerConfig): boolean => web.trustProxy.length > 0 || ajp !== undefined;

/** "Ready" is said when the node accepts sign-ons and not before: it may listen long before it reaches enough voters. */
function sayReady(sso: SsoNode, log: Log, fields: Readonly<Record<string, unknown>>): void {
  const ready = () => log.info({ ...fields, members: sso.members().length }, 'latchkey is ready');
  const { accepting, waitsFor, quorum, voters } = sso.finality();
  if (accepting) return void ready();
  const what = waitsFor ?? `leases of ${quorum} of ${voters.length} voters`;
  log.warn({ ...fields, waitsFor: what }, `latchkey is listening; it accepts nobody yet: it waits for ${what}`);
  let isTold = false;
  sso.on('accepting', (accepts) => {
    if (!accepts || isTold || sso.state !== 'up') return;
    isTold = true;
    ready();
  });
}

export interface ConfigCheck {
  readonly summary: string;
  /** What the directories said, a line each. */
  readonly tried: readonly string[];
  readonly warnings: readonly string[];
  /** What keeps people from signing on, as the directories are now; the configuration itself is right. */
  readonly problems: readonly string[];
}

export interface CheckOptions {
  /** Asks the directories as well. Default: nothing but files is opened. */
  readonly tries?: boolean;
  /** Whom to look up there. */
  readonly user?: string | undefined;
}

/** Everything that `serve` would look at before it listens. @throws ConfigError */
export async function checkConfig(
  file: string,
  env: NodeJS.ProcessEnv,
  { tries = false, user }: CheckOptions = {},
): Promise<ConfigCheck> {
  const config = loadConfig(file, env);
  const nothing = () => {};
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
  const directory = configuredDirectory(config.directories, { verify: async () => 'busy', log });
  await directory.close();
  const node = await withChannel(config);
  // The library's own check, which opens neither a port nor the data directory: another process may be using them.
  const checked = await inFile(file, () => checkOptions(node));
  const tried = tries ? await tryDirectories(config.directories, { rolesOf: rolesBy(config.roles), user }) : undefined;
  return {
    summary: `${file}: nothing is wrong (${describe(config, checked, directory.summary)})`,
    tried: tried?.says ?? [],
    warnings: [...config.warnings, ...checked.warnings, ...(tried?.warnings ?? [])],
    problems: tried?.problems ?? [],
  };
}

function describe(
  { web, forwardAuth: asked, ajp, node: { dataDir } }: ServerConfig,
  { route, cluster }: CheckedOptions,
  people: string,
): string {
  return [
    `node ${route}`,
    ...describeCluster(cluster),
    dataDir === undefined ? 'state in memory only' : `state in ${dataDir}`,
    `listening on ${web.listen}`,
    ...(web.metrics === undefined ? [] : [`metrics on ${web.metrics}`]),
    ...(asked === undefined ? [] : [`asked by proxies on ${asked.listen}`]),
    ...(ajp === undefined ? [] : [`AJP on ${ajp.listen}`]),
    people,
  ].join(', ');
}

/** The library's defaults, in words: they depend on the number of voters. */
function describeCluster(cluster: CheckedOptions['cluster']): readonly string[] {
  if (cluster === undefined) return ['no cluster'];
  const { voters, hasVote, whenCutOff } = cluster;
  return [
    `in a cluster with ${counted(voters.length, 'voter')}`,
    ...(hasVote ? [] : ['without a vote']),
    `when cut off: ${whenCutOff}`,
  ];
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

/** The library names the field; the person needs the file as well. */
async function inFile<T>(file: string, check: () => T | Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof SsoError && error.code === 'ERR_CONFIG_INVALID')
      throw new ConfigError([`${file}: ${error.message}`]);
    throw error;
  }
}
