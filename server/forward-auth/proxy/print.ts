/**
 * `latchkey proxy`: the configuration of a reverse proxy, printed from the node's own. Which hosts
 * there are, what headers and cookies are called and where the nodes are is in that file already; where
 * the applications are is not, and what nobody says is a guess that is marked.
 */

import { type IdentityHeaders, isNetwork } from '../../../config/forward-auth.ts';
import { noneOf, UsageError } from '../../usage.ts';
import { type ProxyKind, proxyKinds } from '../asked-request.ts';
import { caddy } from './caddy.ts';
import { envoy } from './envoy.ts';
import { haproxy } from './haproxy.ts';
import { nginx } from './nginx.ts';
import type { Application, ProxyNode, ProxySettings } from './settings.ts';
import { traefik } from './traefik.ts';

const printers: Readonly<Record<ProxyKind, (settings: ProxySettings) => string>> = {
  nginx,
  caddy,
  traefik,
  haproxy,
  envoy,
};

/** What a node's configuration says that a proxy's needs. */
export interface PrintedFrom {
  /** `address:port` of this node's pages, and of where proxies ask it. */
  readonly web: string;
  readonly asked: string;
  /** `address:port` of the voters, if there are such. */
  readonly voters: readonly string[];
  readonly login: string;
  /** Hosts that rules name. */
  readonly hosts: readonly string[];
  /** Those of rules that take HTTP Basic. */
  readonly basicHosts: readonly string[];
  readonly headers: IdentityHeaders;
  readonly cookies: readonly string[];
  readonly isInsecure: boolean;
}

/** As they stood on the command line. */
export interface PrintOptions {
  /** `HOST[:WEBPORT:ASKEDPORT],…` */
  readonly nodes?: string | undefined;
  /** `HOST=ADDRESS:PORT,…` */
  readonly upstream?: string | undefined;
  /** `[ADDRESS:]PORT` */
  readonly listen?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

/** @throws UsageError */
export function printProxy(kind: string, from: PrintedFrom, options: PrintOptions = {}): string {
  const known = proxyKinds.find((one) => one === kind);
  if (known === undefined) throw noneOf(kind, proxyKinds);
  return printers[known](proxySettings(from, options));
}

export function proxySettings(from: PrintedFrom, options: PrintOptions): ProxySettings {
  const site = new URL(from.login).hostname;
  return {
    nodes: nodesOf(from, options.nodes),
    site,
    applications: applicationsOf(
      from.hosts.filter((host) => host !== site),
      options.upstream,
      from.basicHosts,
    ),
    headers: from.headers,
    cookies: from.cookies,
    listen: listenOf(options.listen, from.isInsecure),
    tls: from.isInsecure
      ? undefined
      : {
          certificate: fileOf('--certificate', options.certificate ?? '/etc/ssl/latchkey/fullchain.pem'),
          key: fileOf('--key', options.key ?? '/etc/ssl/latchkey/key.pem'),
        },
  };
}

/** Where nothing is said: the voters' hosts, with this node's own ports. */
function nodesOf({ web, asked, voters }: PrintedFrom, given: string | undefined): readonly ProxyNode[] {
  const ports = { web: split(web).port, asked: split(asked).port };
  if (given === undefined) {
    const hosts = voters.length > 0 ? voters.map((voter) => split(voter).host) : [split(asked).host];
    return [...new Set(hosts)].map((host) => ({ host, ...ports }));
  }
  return given.split(',').map((text) => {
    const [, host, webPort, askedPort] =
      /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}):(\d{1,5}))?$/.exec(text) ?? [];
    if (host === undefined) throw new UsageError(`--nodes: "${text}" is not HOST or HOST:WEBPORT:ASKEDPORT`);
    return {
      host: host.replace(/^\[|\]$/g, ''),
      web: webPort === undefined ? ports.web : Number(webPort),
      asked: askedPort === undefined ? ports.asked : Number(askedPort),
    };
  });
}

const guessedUpstream = '127.0.0.1:3000';

function applicationsOf(
  hosts: readonly string[],
  given: string | undefined,
  basicHosts: readonly string[],
): readonly Application[] {
  const upstreams = new Map<string, string>();
  for (const text of given === undefined ? [] : given.split(',')) {
    const [, host, upstream] = /^([^=]+)=((?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):\d{1,5})$/.exec(text) ?? [];
    if (host === undefined || upstream === undefined)
      throw new UsageError(`--upstream: "${text}" is not HOST=ADDRESS:PORT`);
    if (!hosts.includes(host)) throw new UsageError(`--upstream: no rule names the host ${host}`);
    upstreams.set(host, upstream);
  }
  return [...new Set(hosts)].map((host) => {
    const upstream = upstreams.get(host);
    const basic = basicHosts.some((one) => meets(one, host));
    return { host, upstream: upstream ?? guessedUpstream, isGuess: upstream === undefined, basic };
  });
}

/** Whether some host is meant by both, where `*.xyz.com` means all below it. */
function meets(one: string, other: string): boolean {
  const covers = (pattern: string, host: string) => pattern.startsWith('*.') && host.endsWith(pattern.slice(1));
  return one === other || covers(one, other) || covers(other, one);
}

function listenOf(given: string | undefined, isInsecure: boolean): ProxySettings['listen'] {
  if (given === undefined) return { address: undefined, port: isInsecure ? 80 : 443 };
  const [, address, port] = /^(?:(.+):)?(\d{1,5})$/.exec(given) ?? [];
  const plain = address?.replace(/^\[|\]$/g, '');
  if (port === undefined || (plain !== undefined && !isNetwork(plain)))
    throw new UsageError(`--listen: "${given}" is not PORT or ADDRESS:PORT`);
  return { address: plain, port: Number(port) };
}

/** It is printed into a file of somebody else's grammar. */
function fileOf(option: string, path: string): string {
  if (!/^[\w./@+-]+$/.test(path)) throw new UsageError(`${option}: the path may hold letters, digits and ./_-+@ only`);
  return path;
}

function split(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}
