/**
 * `latchkey balancer`, without the files and the network: what is known of the nodes, and what stands on the
 * command line, become an installation, and a printer makes it a balancer's files. Words that go into
 * somebody else's grammar are checked here once, so that printers can write them as they are.
 */

import { routeError } from '../../sso/index.ts';
import { noneOf, UsageError } from '../usage.ts';
import { apache } from './apache.ts';
import { caddy } from './caddy.ts';
import { haproxy } from './haproxy.ts';
import type { BalancedNode, Installation, PrintedFile, Printer, Sticky } from './installation.ts';
import { modJk } from './mod-jk.ts';
import { nginx } from './nginx.ts';

const printers = {
  apache,
  mod_jk: modJk,
  haproxy,
  nginx,
  caddy,
} satisfies Readonly<Record<string, Printer>>;

export type BalancerKind = keyof typeof printers;
export const balancerKinds = Object.keys(printers) as readonly BalancerKind[];

/** What is known before the command line is read: from a node's configuration, or from the nodes themselves. */
export interface Known {
  readonly nodes: readonly BalancedNode[];
  readonly hosts: readonly string[];
  readonly secure: boolean;
  readonly sticky: Sticky | undefined;
}

/** As they stood on the command line. */
export interface BalancerWords {
  /** `ROUTE=HOST:PORT[/AJPPORT][*WEIGHT],…` */
  readonly nodes?: string | undefined;
  readonly host?: string | undefined;
  /** `[ADDRESS:]PORT` */
  readonly listen?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  /** `COOKIE[|PATHPARAM]` */
  readonly sticky?: string | undefined;
  readonly websockets?: string | undefined;
  readonly isSticky: boolean;
  /** `elsewhere`: before the balancer; `none`: browsers come by plain HTTP; `undefined`: as the configuration says. */
  readonly tls: 'elsewhere' | 'none' | undefined;
  readonly isAjp: boolean;
  readonly ajpSecret: string | undefined;
  /** Where the files will lie. */
  readonly directory: string;
}

export const stickyByCustom: Sticky = { cookie: 'STICKY_ROUTE', pathParameter: undefined };

/** @throws UsageError */
export function kindOf(word: string): BalancerKind {
  const known = balancerKinds.find((kind) => kind === word);
  if (known === undefined) throw noneOf(word, balancerKinds);
  return known;
}

/** @throws UsageError */
export function printBalancer(kind: BalancerKind, known: Known, words: BalancerWords): readonly PrintedFile[] {
  if (words.isAjp && kind !== 'apache' && kind !== 'mod_jk') throw new UsageError(`--ajp: ${kind} does not speak AJP`);
  return printers[kind](installationOf(kind, known, words));
}

/** httpd 2.4 does not start with a longer one (PROXY_WORKER_MAX_SECRET_SIZE). */
const proxyAjpSecretAtMost = 63;

/** @throws UsageError */
export function installationOf(kind: BalancerKind, known: Known, words: BalancerWords): Installation {
  const secure = words.tls === 'none' ? false : words.tls === 'elsewhere' || known.secure;
  const isEncrypted = secure && words.tls !== 'elsewhere';
  const protocol = kind === 'mod_jk' || words.isAjp ? 'ajp' : 'http';
  if (kind === 'apache' && protocol === 'ajp' && secure && !isEncrypted)
    throw new UsageError(
      '--ajp: mod_proxy_ajp cannot say that the browser came by TLS when it ends before httpd: leave --ajp out, or use mod_jk',
    );
  if (kind === 'apache' && protocol === 'ajp' && (words.ajpSecret ?? '').length > proxyAjpSecretAtMost)
    throw new UsageError(
      `--ajp-secret-file: mod_proxy_ajp takes a secret of at most ${proxyAjpSecretAtMost} characters (openssl rand -hex 24 prints 48)`,
    );
  return {
    nodes: checked(words.nodes === undefined ? known.nodes : nodesOf(words.nodes), kind),
    hosts: words.host === undefined ? known.hosts.map(knownHost) : words.host.split(',').map(hostOf),
    listen: listenOf(words.listen, isEncrypted),
    tls: isEncrypted
      ? {
          certificate: fileOf('--certificate', words.certificate ?? '/etc/ssl/latchkey/fullchain.pem'),
          key: fileOf('--key', words.key ?? '/etc/ssl/latchkey/key.pem'),
        }
      : undefined,
    sticky: words.isSticky
      ? words.sticky === undefined
        ? knownSticky(known.sticky ?? stickyByCustom)
        : stickyOf(words.sticky)
      : undefined,
    ready: '/readyz',
    webSockets: words.websockets === undefined ? [] : words.websockets.split(',').map(pathOf),
    secure,
    protocol,
    ajpSecret: words.ajpSecret === undefined ? undefined : secretOf(words.ajpSecret),
    directory: fileOf('--out', words.directory),
  };
}

const address = String.raw`(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})`;

/** @throws UsageError */
export function nodesOf(text: string): readonly BalancedNode[] {
  return text.split(',').map((one): BalancedNode => {
    const [, route, host, port, ajp, weight] =
      new RegExp(String.raw`^([^=]+)=${address}(?:/(\d{1,5}))?(?:\*(\d{1,3}))?$`).exec(one) ?? [];
    if (route === undefined || host === undefined)
      throw new UsageError(`--nodes: "${one}" is not ROUTE=HOST:PORT, ROUTE=HOST:PORT/AJPPORT or either with *WEIGHT`);
    return {
      route,
      host: host.replace(/^\[|\]$/g, ''),
      port: portOf('--nodes', port!),
      ajp: ajp === undefined ? undefined : { port: portOf('--nodes', ajp) },
      weight: weight === undefined ? 1 : Number(weight),
      isGuess: false,
    };
  });
}

/** Names of workers that mod_jk's files have besides the nodes'. */
const taken = ['latchkey', 'latchkey-status', 'node-template'];

function checked(nodes: readonly BalancedNode[], kind: BalancerKind): readonly BalancedNode[] {
  const seen = new Set<string>();
  for (const { route, host, weight } of nodes) {
    const error = routeError(route);
    if (error !== undefined) throw new UsageError(`the route "${route}" ${error}`);
    if (!/^[A-Za-z0-9_.:-]+$/.test(host))
      throw new UsageError(`where ${route} is said to be is no host or address: say it by --nodes`);
    if (weight < 1 || weight > 100) throw new UsageError(`--nodes: the weight of ${route} must be 1 to 100`);
    // mod_jk's workers have _ where a route has a dot.
    const name = kind === 'mod_jk' ? route.replaceAll('.', '_') : route;
    if (seen.has(name))
      throw new UsageError(`two nodes have the route ${route}: a visitor's node could not be told from it`);
    if (kind === 'mod_jk' && taken.includes(name))
      throw new UsageError(`mod_jk's files have a worker named ${name}: give the node another route`);
    seen.add(name);
  }
  if (nodes.length === 0) throw new UsageError('no node is known: say --nodes, --config or --from');
  return nodes;
}

function portOf(option: string, text: string): number {
  const port = Number(text);
  if (port >= 1 && port <= 65_535) return port;
  throw new UsageError(`${option}: ${text} is no port`);
}

function hostOf(text: string): string {
  if (!/^(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/.test(text))
    throw new UsageError(`--host: "${text}" is not the name of a host`);
  return text.toLowerCase();
}

/** Of a configuration, or of whoever answered as a node: no message repeats it. An address is possible, too. */
function knownHost(text: string): string {
  if (/^(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$|^\[[0-9a-f:.]+\]$/i.test(text)) return text;
  throw new UsageError('a host of the installation cannot be written into a configuration: say the hosts by --host');
}

function knownSticky(sticky: Sticky): Sticky {
  if (/^[A-Za-z0-9_.-]+$/.test(sticky.cookie)) return sticky;
  throw new UsageError('the sticky cookie has a name that not every balancer can be told: say --sticky or --no-sticky');
}

function stickyOf(text: string): Sticky {
  const [, cookie, pathParameter] = /^([A-Za-z0-9_.-]+)(?:\|([A-Za-z0-9_-]+))?$/.exec(text) ?? [];
  if (cookie === undefined) throw new UsageError(`--sticky: "${text}" is not COOKIE or COOKIE|PATHPARAMETER`);
  return { cookie, pathParameter };
}

function pathOf(text: string): string {
  if (!/^\/[A-Za-z0-9/._~-]*$/.test(text)) throw new UsageError(`--websockets: "${text}" is not a path, as in /live`);
  return text;
}

function listenOf(given: string | undefined, isEncrypted: boolean): Installation['listen'] {
  if (given === undefined) return { address: undefined, port: isEncrypted ? 443 : 80 };
  const [, host, port] = /^(?:(\[[0-9a-fA-F:.]+\]|[0-9.]+):)?(\d{1,5})$/.exec(given) ?? [];
  if (port === undefined) throw new UsageError(`--listen: "${given}" is not PORT or ADDRESS:PORT`);
  return { address: host?.replace(/^\[|\]$/g, ''), port: portOf('--listen', port) };
}

/** It is printed into a file of somebody else's grammar. */
function fileOf(option: string, path: string): string {
  if (!/^[\w./@+-]+$/.test(path)) throw new UsageError(`${option}: the path may hold letters, digits and ./_-+@ only`);
  return path;
}

/** As it can stand in double quotes of httpd's and in a line of mod_jk's; the message never holds it. */
function secretOf(secret: string): string {
  if (!/^[\x20-\x7e]{1,256}$/.test(secret) || /["\\$#]|^ | $/.test(secret))
    throw new UsageError('--ajp-secret-file: the secret may hold printable ASCII only, without " \\ $ and #');
  return secret;
}
