/**
 * What `startNode` takes, checked as a whole before anything is started: every error names the field
 * and says what would be right. The names of the JBoss guide (8.4.1) keep their meaning and their
 * seconds; everything of our own says its unit in its name.
 */

import { hostname, networkInterfaces } from 'node:os';
import type { Request } from 'express';
import type { z } from 'zod';
import { isWildcardAddress } from './channel/address.ts';
import type { Channel, MakeChannel } from './channel/channel.ts';
import type { Clock } from './clock.ts';
import { cookieDomainError } from './cookie-domain.ts';
import type { Disk } from './disk/disk.ts';
import type { Shelf } from './disk/shelf.ts';
import { configError } from './errors.ts';
import type { Log } from './log.ts';
import type { WhenCutOff } from './logout/finality.ts';
import { type Voters, votersOf } from './logout/voters.ts';
import { optionsAdvice } from './options-advice.ts';
import { addressError, addressShape, optionsSchema, placeElsewhere, placeOf } from './options-schema.ts';
import type { Principal } from './principal.ts';
import type { Random } from './random.ts';
import { registryLimits } from './registry/limits.ts';
import { defaultRoute, routeError, routeShape } from './route.ts';
import { type ThrottleLimits, type ThrottleOptions, throttleLimits } from './throttle/limits.ts';
import type { SignOnHook, ValveSettings } from './valve/settings.ts';

export interface NodeOptions {
  /** ≥ 32 bytes of random text, the same on every node; or a list, of which the first makes and all verify. Everything secret is derived from it. */
  readonly secret: string | readonly string[];
  /** Secrets that were switched off: they admit nobody to the cluster any more, and go on verifying what they made until it is over. */
  readonly retiredSecrets?: readonly string[];
  /** Where sign-ons, sessions and ends are kept over a restart; readable by the owner only. Left out: in memory only, and a restart counts as lost state. */
  readonly dataDir?: string;
  /** The data directory is a restored copy: what happened since then is learnt from the other nodes first. Default false. */
  readonly restored?: boolean;
  /**
   * The sticky suffix of this node (JBoss: jvmRoute), and its name in the cluster: letters, digits, `-`, `_` and single dots, at most 60.
   * Default: the host's name, dots turned into dashes.
   */
  readonly route?: string;
  /** The hosts that share the sign-on: `xyz.com` for app1.xyz.com and app2.xyz.com. Left out, or `/` as the guide spells it: the issuing host alone. */
  readonly cookieDomain?: string;
  /** The SSO cookie's name. Default `__Secure-latchkey` with a cookieDomain, `__Host-latchkey` without, `latchkey` with allowInsecureCookie. */
  readonly cookieName?: string;
  /** Domains (`/` = none) under which an earlier configuration set the cookie: their sign-ons count, and their cookies are replaced. */
  readonly previousCookieDomains?: readonly string[];
  /** Default `lax`. `strict` hides the sign-on from links on other sites; `none` shows it to frames on other sites and needs Secure. */
  readonly sameSite?: 'lax' | 'strict' | 'none';
  /** Sets the cookie's Partitioned attribute (CHIPS). Default false. */
  readonly partitioned?: boolean;
  /** Plain HTTP: cookies without Secure, under plain names. For demonstrations on loopback. Default false. */
  readonly allowInsecureCookie?: boolean;
  /** Origins to which a return address may lead, and from which forms may be posted: `https://app1.xyz.com`. The request's own always may. */
  readonly origins?: readonly string[];
  /** Seconds that a sign-on without any session stays usable. Default 1800. 0: it ends with its last session. */
  readonly maxEmptyLife?: number;
  /** Seconds between sweeps that free memory; limits are judged at use and need none. Default 60. 0: every second. */
  readonly processExpiresInterval?: number;
  /** Asks again whether this principal may go on in this request; false → the application's challenge, the sign-on stays (V33). No password is ever kept. */
  readonly requireReauthentication?:
    | false
    | { readonly check: (principal: Principal, req: Request) => boolean | Promise<boolean>; readonly everyMs?: number };
  /** Asks the directory whether the account still exists; false ends all of the user's sign-ons (V27). */
  readonly revalidate?: {
    readonly check: (principal: Principal) => boolean | Promise<boolean>;
    readonly everyMs?: number;
  };
  /** Absolute life of a sign-on, milliseconds. Default 43,200,000 (12 h). */
  readonly lifeMs?: number;
  /** Idle limit of a sign-on, milliseconds. Default 0: none beyond maxEmptyLife and the sessions' own. */
  readonly idleMs?: number;
  /**
   * Lets a user ask to be remembered, by a field `remember` of the form: such a sign-on lives `lifeMs` (at least `NodeOptions.lifeMs`,
   * at most 400 days), its cookie outlives the browser, and idleMs and maxEmptyLife do not apply to it. Default: nobody can. The
   * same on every node.
   */
  readonly remember?: { readonly lifeMs: number };
  /** Open sign-ons of one user in all: one more ends the oldest, cause `replaced`, also when they come to all nodes at once. Default 1,000 (`limits.entriesPerUser`; the smaller counts). */
  readonly maxSignOns?: number;
  /** What restarts idleMs. Default: navigations, and requests that change something; a page's polling does not. */
  readonly countsAsActivity?: (req: Request) => boolean;
  /** A principal that something in front has established (V26): trusted as it is, so read it from nothing that a client can send. */
  readonly principalFrom?: (req: Request) => Principal | undefined;
  readonly hooks?: { readonly onSignOn?: readonly SignOnHook[] };
  /** `Clear-Site-Data` at logout; default none. Never cookies: that would empty the whole registrable domain. */
  readonly clearSiteData?: readonly ('cache' | 'storage')[];
  /** `iss` of the identity assertions. Default `latchkey`. */
  readonly issuer?: string;
  /** Left out: one node by itself. */
  readonly cluster?: ClusterOptions;
  readonly limits?: Limits;
  /** How guessing of passwords is slowed, in `login()` and HTTP Basic; the same on every node. Default: as `ThrottleOptions` says. `false`: it is not. */
  readonly throttle?: false | ThrottleOptions;
  /** pino, console, or alike. Default: warnings and errors to the console. */
  readonly log?: Log;
  /** For tests: what touches the world. */
  readonly world?: World;
}

export interface ClusterOptions {
  /** Part of every key: nodes of another name are strangers, even with the same secret. Default `latchkey`. */
  readonly name?: string;
  /** `address:port` to listen on for the other nodes. Required, unless there is a `channel`. */
  readonly listen?: string;
  /** The address under which the others reach this node, where it differs from `listen`. */
  readonly advertise?: string;
  /**
   * The voters: addresses of the nodes that make a majority, the same list on every node, fixed for the life of the cluster's
   * state. A node whose own address is not among them has no vote, and may come and go. Default: this node alone.
   */
  readonly nodes?: readonly string[];
  /**
   * An engine that is there already, in place of connections between the nodes: `natsChannel()` of `latchkey/nats`. `nodes` are
   * then the voters' routes, and `listen`, `advertise`, `dns` and `tls` are left out.
   */
  readonly channel?: MakeChannel;
  /** T: how long a lease runs, milliseconds; nodes that are cut off refuse after so long, and no logout takes longer. Default 6000. */
  readonly leaseMs?: number;
  /** What a node does that reaches no majority of the voters: accept no sign-on, or go on with what it has. Default `refuse` from three voters on, else `serve`. */
  readonly whenCutOff?: WhenCutOff;
  /** A DNS name whose addresses are further nodes to look for, and their port. */
  readonly dns?: { readonly name: string; readonly port: number };
  /** The operator's own certificates (PEM text) in place of keys from the secret; SAN = the node's route. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
  /**
   * Where only some nodes hold a session's data (`buddies` of `sessions()`), those of the same pool are preferred (JBoss:
   * buddyPoolName): give the nodes of one room one name to keep copies near, or pair nodes of different racks. Default: none,
   * and those without one are a pool of their own.
   */
  readonly buddyPool?: string;
  /**
   * The machine that this node runs on: copies of its sessions go to another machine as long as there is one. Default: the host's
   * name as the system has it. In containers that is the container's; give the machine's, or two copies may die with it.
   */
  readonly host?: string;
  /** Nodes that hold a sign-on or a changed session before the browser hears of it, this one included. Default 2. */
  readonly copies?: number;
  /** The longest to wait for that, milliseconds. Default 250. */
  readonly copyMs?: number;
  /** The longest to ask the others for a sign-on that is unknown here, milliseconds. Default 250. */
  readonly askMs?: number;
  /** The longest that a logout waits for confirmations, milliseconds. Default 1000. */
  readonly logoutMs?: number;
  /** The longest that a starting node looks for the others, milliseconds. Default 3000. */
  readonly joinMs?: number;
  /** Between comparisons with one other node, milliseconds. Default 1000. */
  readonly intervalMs?: number;
  /** How long a node must be away before its sessions count as gone, milliseconds. Default 10000. */
  readonly lostAfterMs?: number;
}

export interface Limits {
  /** Sign-ons on all nodes, ended ones included until they are forgotten. Default 1,000,000. */
  readonly entries?: number;
  /** Open sign-ons of one user, as `maxSignOns`: the smaller counts. Default 1,000. */
  readonly entriesPerUser?: number;
  /** Sessions on all nodes. Default 1,000,000. */
  readonly sessions?: number;
  /** Sessions of one sign-on: one more ends the oldest. Default 256. */
  readonly sessionsPerSignOn?: number;
}

export interface World {
  readonly clock?: Clock;
  readonly random?: Random;
  /** In place of the data directory, and of the part of it that sessions are passivated to. */
  readonly disk?: Disk;
  readonly shelf?: Shelf;
  /** Where an address is dialled in truth: a proxy between two nodes. */
  readonly reach?: (address: string) => string;
  /** In place of the mesh: `memoryNetwork().channel`. */
  readonly channel?: (self: {
    readonly node: string;
    readonly incarnation: number;
    readonly onReplaced: (latest: number) => void;
  }) => Channel;
}

/** NodeOptions with every default filled in and every value checked. */
export interface Settings extends ValveSettings {
  /** What works, and is probably not meant: to be logged. */
  readonly advice: readonly string[];
  readonly secret: string | readonly string[];
  readonly route: string;
  readonly maxEmptyLifeMs: number;
  readonly sweepMs: number;
  readonly lifeMs: number;
  readonly idleMs: number;
  /** The life of a sign-on that is remembered; 0: none is. */
  readonly rememberMs: number;
  readonly retiredSecrets: readonly string[];
  readonly dataDir: string | undefined;
  readonly restored: boolean;
  readonly cluster: ClusterOptions | undefined;
  /** Who has a vote; without a cluster nobody. */
  readonly voters: Voters | undefined;
  /** '' = none. */
  readonly buddyPool: string;
  readonly host: string;
  readonly limits: Limits;
  readonly throttle: ThrottleLimits | undefined;
  readonly log: Log | undefined;
  readonly world: World;
}

/** @throws SsoError ERR_CONFIG_INVALID `field.path: what would be right` */
export function resolveOptions(options: NodeOptions): Settings {
  const parsed = optionsSchema.safeParse(options);
  if (!parsed.success) throw firstError(parsed.error);
  const allowInsecureCookie = options.allowInsecureCookie ?? false;
  const sameSite = options.sameSite ?? 'lax';
  if (allowInsecureCookie && sameSite === 'none')
    throw configError('sameSite', 'none needs Secure cookies: leave out allowInsecureCookie');
  if (allowInsecureCookie && options.partitioned)
    throw configError('partitioned', 'needs Secure cookies: leave out allowInsecureCookie');
  const cookieDomain = parseDomain('cookieDomain', options.cookieDomain);
  if (allowInsecureCookie && /^__(Secure|Host)-/i.test(options.cookieName ?? '')) {
    throw configError(
      'cookieName',
      'browsers refuse this prefix on cookies without Secure: leave out allowInsecureCookie, or the prefix',
    );
  }
  if (cookieDomain !== undefined && options.cookieName?.startsWith('__Host-')) {
    throw configError('cookieName', 'browsers refuse __Host- together with a cookieDomain: use __Secure-');
  }
  const route = routeOf(options.route);
  const { requireReauthentication, revalidate, remember, limits = {} } = options;
  const lifeMs = options.lifeMs ?? registryLimits.lifeMs;
  const maxSignOns = options.maxSignOns ?? limits.entriesPerUser ?? registryLimits.entriesPerSubject;
  if (remember !== undefined && remember.lifeMs < lifeMs)
    throw configError('remember.lifeMs', `must be at least lifeMs (${lifeMs}): who is remembered stays longer`);
  const voters = options.cluster && votersIn(options.cluster, route);
  const throttle = options.throttle === false ? undefined : throttleLimits(options.throttle ?? {});
  return {
    advice: [...optionsAdvice(options, { lifeMs, voters, throttle })],
    secret: options.secret,
    route,
    cookieDomain,
    cookieName:
      options.cookieName ??
      (allowInsecureCookie ? 'latchkey' : cookieDomain === undefined ? '__Host-latchkey' : '__Secure-latchkey'),
    previousCookieDomains: (options.previousCookieDomains ?? []).map((domain, i) =>
      parseDomain(`previousCookieDomains[${i}]`, domain),
    ),
    sameSite,
    partitioned: options.partitioned ?? false,
    allowInsecureCookie,
    origins: (options.origins ?? []).map(parseOrigin),
    maxEmptyLifeMs: (options.maxEmptyLife ?? registryLimits.maxEmptyLifeMs / 1000) * 1000,
    sweepMs: Math.max(1_000, (options.processExpiresInterval ?? 60) * 1000),
    requireReauthentication: requireReauthentication
      ? { check: requireReauthentication.check, everyMs: requireReauthentication.everyMs ?? 60_000 }
      : undefined,
    revalidate: revalidate && { check: revalidate.check, everyMs: revalidate.everyMs ?? 300_000 },
    lifeMs,
    rememberMs: remember?.lifeMs ?? 0,
    idleMs: options.idleMs ?? 0,
    countsAsActivity: options.countsAsActivity ?? isActivity,
    principalFrom: options.principalFrom,
    onSignOn: options.hooks?.onSignOn ?? [],
    clearSiteData: options.clearSiteData ?? [],
    issuer: options.issuer ?? 'latchkey',
    retiredSecrets: options.retiredSecrets ?? [],
    dataDir: options.dataDir,
    restored: options.restored ?? false,
    cluster: options.cluster,
    voters,
    buddyPool: options.cluster?.buddyPool ?? '',
    host: options.cluster?.host ?? hostname(),
    limits: { ...limits, entriesPerUser: Math.min(maxSignOns, limits.entriesPerUser ?? maxSignOns) },
    throttle,
    log: options.log,
    world: options.world ?? {},
  };
}

function votersIn(cluster: ClusterOptions, route: string): Voters {
  const { nodes = [], dns, listen, advertise, leaseMs, whenCutOff, channel, tls } = cluster;
  if (channel !== undefined) {
    const field = Object.entries({ listen, advertise, dns, tls }).find(([, value]) => value !== undefined)?.[0];
    if (field !== undefined)
      throw configError(`cluster.${field}`, 'is for connections between the nodes: with a channel leave it out');
    requireShape(nodes, routeShape, 'must be a route: with a channel nodes are named, not dialled');
    return votersOf(nodes.length === 0 ? [route] : nodes, route, { leaseMs, whenCutOff });
  }
  if (listen === undefined) throw configError('cluster.listen', addressError);
  requireShape(nodes, addressShape, addressError);
  if (dns !== undefined && nodes.length === 0) {
    throw configError(
      'cluster.nodes',
      'must name the voters, for example ["10.0.0.1:7800", "10.0.0.2:7800"]: what a DNS name happens to answer makes no majority',
    );
  }
  const own = advertise ?? (isWildcardAddress(listen) ? (nodes.find((one) => isHere(one, listen)) ?? listen) : listen);
  return votersOf(nodes.length === 0 ? [own] : nodes, own, { leaseMs, whenCutOff });
}

function requireShape(nodes: readonly string[], shape: RegExp, error: string): void {
  const wrong = nodes.findIndex((one) => !shape.test(one));
  if (wrong >= 0) throw configError(`cluster.nodes[${wrong}]`, error);
}

/** Whether an address is one of this machine's, with the port that is listened on. */
function isHere(address: string, listen: string): boolean {
  const at = address.lastIndexOf(':');
  if (address.slice(at) !== listen.slice(listen.lastIndexOf(':'))) return false;
  const host = address.slice(0, at).replace(/^\[|\]$/g, '');
  return (
    host === hostname() || Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === host))
  );
}

/** Navigations and whatever changes something. A page that polls says `Sec-Fetch-Mode: cors`; what comes from no browser says nothing and counts. */
function isActivity(req: Request): boolean {
  const mode = req.headers['sec-fetch-mode'];
  return (
    mode === undefined ||
    mode === 'navigate' ||
    (req.method !== 'GET' && req.method !== 'HEAD' && req.method !== 'OPTIONS')
  );
}

/** @throws SsoError ERR_CONFIG_INVALID the machine's name is none for a node, and none was given */
function routeOf(given: string | undefined): string {
  if (given !== undefined) return given;
  const route = defaultRoute();
  const error = routeError(route);
  if (error !== undefined)
    throw configError('route', `give this node a name: that of the machine, "${route}", ${error}`);
  return route;
}

/** The guide's `/` means no Domain attribute. */
function parseDomain(path: string, domain: string | undefined): string | undefined {
  if (domain === undefined || domain === '/') return undefined;
  const error = cookieDomainError(domain);
  if (error !== undefined) throw configError(path, error);
  return domain.toLowerCase();
}

function parseOrigin(text: string, index: number): string {
  const url = URL.parse(text);
  if (
    url === null ||
    url.origin !== text.toLowerCase() ||
    !/^https?:$/.test(url.protocol) ||
    url.hostname.includes('*')
  ) {
    throw configError(`origins[${index}]`, `"${text}" must be an origin alone, for example https://app1.xyz.com`);
  }
  return url.origin;
}

/** What has no place says more than what is missing because of it. */
function firstError(error: z.ZodError): Error {
  const issue = error.issues.find(({ message }) => message.startsWith('is no option')) ?? error.issues[0];
  if (issue === undefined) return configError('', error.message);
  const place = placeOf(issue);
  const path = place.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  );
  const better = issue.message.startsWith('is no option') ? placeElsewhere(place) : undefined;
  return configError(path, better === undefined ? issue.message : `is no option: ${better}`);
}
