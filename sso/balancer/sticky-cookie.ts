/**
 * The cookie by which a balancer keeps a browser on a node, as the Plone page on sticky sessions sets it:
 * `STICKY_ROUTE=route.<route>`. What stands before the first dot says nothing; mod_proxy_balancer takes
 * what follows it, and strips no quotes, so the value is unquoted and its dot is not encoded. It holds no
 * secret and decides nothing but where a request goes (check 3).
 */

import { stringifySetCookie } from 'cookie';
import type { Request, Response } from 'express';
import { cookieDomainError } from '../cookie-domain.ts';
import { configError, requireKnown } from '../errors.ts';
import { appendCookie } from '../http/answer.ts';
import { isBelowPath } from '../http/below-path.ts';
import { connectionOf } from '../http/connection.ts';
import { readCookie } from '../http/cookie.ts';
import { routeFromHost } from '../route.ts';
import type { HookNode } from '../valve/settings.ts';
import type { StickyCookieNote } from './probe-answer.ts';

export interface StickyRouteOptions {
  /** Default `STICKY_ROUTE`; what the balancer's `stickysession` names, letter by letter. */
  readonly cookieName?: string;
  /** Default `/`. Narrower: requests outside it go to any node. */
  readonly path?: string;
  /** Hosts that share it, as `cookieDomain` says; left out: each host has its own. */
  readonly domain?: string;
  /** Milliseconds until the browser forgets it. Default 86,400,000 (a day). Shorter: requests lose their node sooner, which costs a look-up elsewhere. */
  readonly maxAgeMs?: number;
  /**
   * What the route is made from. `node` (default): it is this node's own. `host`: it is formed as the Plone page does, from the Host
   * header that the balancer addressed the node by, without its port, dots turned into dashes, and so tells browsers the name or
   * address of the node (check 3 wants it to tell neither). For balancers whose configuration has such routes already, and only
   * where they send a host of their own (httpd without `ProxyPreserveHost`).
   */
  readonly routeFrom?: 'node' | 'host';
  /** With `routeFrom: 'host'` required: the hosts, without ports, that a route may be made from. Any other gets no cookie: clients write this header too. */
  readonly routeHosts?: readonly string[];
  /**
   * `zope`: the value in double quotes, as Zope sends it, for an installation whose balancer has them in its routes (`route=node1"`).
   * Default false: unquoted. Whichever it is, a cookie in the other form is replaced.
   */
  readonly quoted?: false | 'zope';
}

const optionNames = ['cookieName', 'path', 'domain', 'maxAgeMs', 'routeFrom', 'routeHosts', 'quoted'];
const dayMs = 86_400_000;
/** Browsers keep none longer (RFC 6265bis 5.5). */
const maxAgeMsAtMost = 400 * dayMs;

export class StickyCookie {
  readonly note: StickyCookieNote;
  readonly #maxAgeMs: number;
  readonly #domain: string | undefined;
  readonly #hosts: ReadonlySet<string> | undefined;

  /** @throws SsoError ERR_CONFIG_INVALID, beginning with `where`: a cookie that cannot be set, or a host that makes no route */
  constructor(where: string, options: StickyRouteOptions) {
    requireKnown(where, options, optionNames);
    const { cookieName = 'STICKY_ROUTE', path = '/', maxAgeMs = dayMs, domain } = options;
    const { routeFrom = 'node', quoted = false } = options;
    const wrong = (field: string, message: string) => configError(`${where}.${field}`, message);
    if (!(Number.isSafeInteger(maxAgeMs) && maxAgeMs >= 1_000 && maxAgeMs <= maxAgeMsAtMost))
      throw wrong('maxAgeMs', 'must be a whole number of milliseconds, at least 1000 and at most 400 days');
    if (routeFrom !== 'node' && routeFrom !== 'host') throw wrong('routeFrom', 'must be node or host');
    if (quoted !== false && quoted !== 'zope') throw wrong('quoted', 'must be false or zope');
    if (typeof path !== 'string' || !path.startsWith('/')) throw wrong('path', 'must begin with /');
    if (domain !== undefined) {
      const error = cookieDomainError(domain);
      if (error !== undefined) throw wrong('domain', error);
    }
    if (/^__Host-/i.test(cookieName) && (path !== '/' || domain !== undefined))
      throw wrong('cookieName', 'browsers take __Host- with the path / and without a domain alone');
    this.#hosts = hostsOf(routeFrom, options.routeHosts, (message) => wrong('routeHosts', message));
    this.#maxAgeMs = maxAgeMs;
    this.#domain = domain?.toLowerCase();
    this.note = { name: cookieName, path, quoted: quoted === 'zope', routeFrom };
    try {
      this.#line(this.#value('node'), maxAgeMs, true, { sameSite: 'lax', partitioned: false });
    } catch (error) {
      throw configError(where, (error as Error).message);
    }
  }

  /** Gives the browser the cookie of this node. Nothing where the node has no route, or the host is none of `routeHosts`. */
  give(req: Request, res: Response, node: HookNode): void {
    const route = this.#route(req, node);
    if (route !== undefined) this.#append(req, res, node, this.#value(route), this.#maxAgeMs);
  }

  /** The same, unless one of the cookies that came names this node already: of several a balancer may follow any. */
  keep(req: Request, res: Response, node: HookNode): void {
    const route = this.#route(req, node);
    // Elsewhere its absence says nothing.
    if (route === undefined || !isBelowPath(this.note.path, req)) return;
    const came = readCookie(req.headers.cookie, this.note.name);
    if (came.some((value) => this.#names(value, route))) return;
    this.#append(req, res, node, this.#value(route), this.#maxAgeMs);
  }

  /** Takes it away. */
  take(req: Request, res: Response, node: HookNode): void {
    if (this.note.routeFrom === 'host' || node.route !== undefined) this.#append(req, res, node, '', 0);
  }

  #route(req: Request, { route }: HookNode): string | undefined {
    if (this.#hosts === undefined) return route;
    const host = withoutPort(req.headers.host?.toLowerCase() ?? '');
    return this.#hosts.has(host) ? routeFromHost(host) : undefined;
  }

  #value(route: string): string {
    return this.note.quoted ? `"route.${route}"` : `route.${route}`;
  }

  /** Whether a value, in the form in which this node writes it, names the route: the first part may be anybody's. */
  #names(value: string, route: string): boolean {
    const isQuoted = value.length > 1 && value.startsWith('"') && value.endsWith('"');
    if (isQuoted !== this.note.quoted) return false;
    const text = isQuoted ? value.slice(1, -1) : value;
    return text.includes('.') && text.slice(text.indexOf('.') + 1) === route;
  }

  #append(req: Request, res: Response, { settings }: HookNode, value: string, lifeMs: number): void {
    appendCookie(res, this.#line(value, lifeMs, connectionOf(req).secure, settings));
  }

  /** Where the sign-on is shown to frames on other sites this has to come along; browsers want Secure for that. */
  #line(value: string, lifeMs: number, secure: boolean, alike: HookNode['settings']): string {
    const { name, path } = this.note;
    return stringifySetCookie(
      {
        name,
        value,
        path,
        maxAge: Math.ceil(lifeMs / 1000),
        httpOnly: true,
        secure,
        sameSite: alike.sameSite === 'none' && secure ? 'none' : 'lax',
        partitioned: alike.partitioned && secure,
        ...(this.#domain !== undefined && { domain: this.#domain }),
      },
      { encode: String },
    );
  }
}

function hostsOf(
  routeFrom: 'node' | 'host',
  hosts: readonly string[] | undefined,
  wrong: (message: string) => Error,
): ReadonlySet<string> | undefined {
  if (routeFrom === 'node') {
    if (hosts !== undefined) throw wrong('is for routeFrom: host');
    return undefined;
  }
  if (!Array.isArray(hosts) || hosts.length === 0)
    throw wrong('must name the hosts by which the balancer addresses the nodes, for example ["192.168.1.10"]');
  for (const host of hosts) {
    if (typeof host !== 'string' || withoutPort(host) !== host || routeFromHost(host) === undefined)
      throw wrong(`"${host}" must be a host's name or IPv4 address, without a port`);
  }
  const routes = new Set(hosts.map((host) => routeFromHost(host.toLowerCase())));
  if (routes.size !== hosts.length) throw wrong('must make a route of its own of each host');
  return new Set(hosts.map((host) => host.toLowerCase()));
}

function withoutPort(host: string): string {
  return host.replace(/:\d*$/, '');
}
