/**
 * What is known of an installation before the command line is read: from a node's configuration file, or
 * from the nodes themselves, which say by their probe how they are called, where they were reached and
 * which cookies they make. What had to be guessed is marked on the node, and said in a line.
 */

import type { ServerConfig } from '../../config/load.ts';
import { type ProbeAnswer, routeFromHost, stickyCookieOf } from '../../sso/index.ts';
import { parseAddress } from '../http-server.ts';
import type { BalancedNode, Sticky } from './installation.ts';
import { type Known, stickyByCustom } from './print.ts';

export interface Found extends Known {
  /** What to look at about the nodes, and about the cookie; one line each. */
  readonly nodeWarnings: readonly string[];
  readonly stickyWarnings: readonly string[];
}

/** A file says its own node's route and the others' places between themselves, so most of it is a guess. */
export function knownFromConfig(config: ServerConfig): Found {
  const { file, node, site } = config;
  const nodes = nodesIn(config);
  const origins = [...(site.origin === undefined ? [] : [site.origin]), ...(node.origins ?? [])];
  const set = (node.hooks?.onSignOn ?? []).flatMap((hook) => stickyCookieOf(hook) ?? []);
  const guesses = nodes.filter(({ isGuess }) => isGuess).map(({ route }) => route);
  return {
    nodes,
    hosts: [...new Set(origins.map((origin) => new URL(origin).hostname))],
    secure: node.allowInsecureCookie !== true,
    ...stickyOf([], set),
    nodeWarnings:
      guesses.length === 0
        ? []
        : [
            `${file} does not say the route or place of every node; marked as guesses: ${guesses.join(', ')} (--from asks the nodes, --nodes says it)`,
          ],
  };
}

function nodesIn({ node, nats, web, ajp }: ServerConfig): readonly BalancedNode[] {
  const here = parseAddress(web.listen);
  const more = {
    port: here.port,
    ajp: ajp === undefined ? undefined : { port: parseAddress(ajp.listen).port },
    weight: 1,
  };
  const voters = node.cluster?.nodes ?? [];
  if (nats !== undefined)
    // With NATS the voters are named by their routes, and nobody says where they are.
    return [...new Set([...(node.route === undefined ? [] : [node.route]), ...voters])].map((route) => ({
      ...{ ...more, route, host: route === node.route ? here.host : route, isGuess: route !== node.route },
    }));
  const own = node.cluster?.advertise ?? node.cluster?.listen ?? web.listen;
  const addresses = [...new Set([own, ...voters])].map((text) => ({ text, ...parseAddress(text) }));
  return addresses.map(({ text, host, port }) => {
    const isAlone = addresses.filter((other) => other.host === host).length === 1;
    const guess = routeFromHost(host) ?? `route-of-${host.replace(/[^A-Za-z0-9]+/g, '-')}`;
    return {
      ...{ ...more, host },
      // Several nodes of one machine differ in the ports between themselves.
      route: (text === own ? node.route : undefined) ?? (isAlone ? guess : `${guess}-${port}`),
      isGuess: text !== own || node.route === undefined,
    };
  });
}

/** A node's answer, and where it was asked. */
export interface Asked {
  readonly url: URL;
  readonly answer: ProbeAnswer;
}

/** `asked`: at least one. */
export function knownFromNodes(asked: readonly Asked[]): Found {
  const nodes = new Map<string, BalancedNode>();
  for (const { url, answer } of asked) nodes.set(answer.node, placeOf(url, answer));
  const [{ answer }] = asked as readonly [Asked];
  const any = nodes.get(answer.node)!;
  const silent = answer.members.filter(({ node, state }) => !nodes.has(node) && state !== 'left' && state !== 'lost');
  for (const { node, address } of silent)
    nodes.set(node, {
      ...any,
      ...{ route: node, isGuess: true },
      host: address === undefined ? node : parseAddress(address).host,
    });
  const { sso, sessions, sticky } = answer.cookies;
  return {
    nodes: [...nodes.values()].sort((a, b) => (a.route < b.route ? -1 : 1)),
    hosts: sso.domain === undefined ? [] : [sso.domain, `*.${sso.domain}`],
    secure: sso.secure,
    ...stickyOf(sessions, sticky),
    nodeWarnings:
      silent.length === 0
        ? []
        : [
            `not asked themselves, so their places are guesses: ${silent.map(({ node }) => node).join(', ')} (name their URLs in --from)`,
          ],
  };
}

/** Where the node listens: what was dialled, or, where something stood before it, its own end of the connection. */
function placeOf(url: URL, { node, saw }: ProbeAnswer): BalancedNode {
  const wasCarried =
    saw.ajp !== undefined || saw.headers.some(([name]) => /^(x-forwarded-for|forwarded|via)$/i.test(name));
  const dialled = {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
  };
  const own = { host: (saw.localAddress ?? dialled.host).replace(/^::ffff:/, ''), port: saw.localPort ?? dialled.port };
  const place = wasCarried ? own : dialled;
  return {
    route: node,
    ...place,
    ajp: saw.ajp === undefined ? undefined : { port: own.port },
    weight: 1,
    // By AJP nobody saw where its pages are over HTTP.
    isGuess: saw.ajp !== undefined,
  };
}

function stickyOf(
  sessions: ProbeAnswer['cookies']['sessions'],
  set: ProbeAnswer['cookies']['sticky'],
): { readonly sticky: Sticky; readonly stickyWarnings: readonly string[] } {
  const by = (cookie: string, ...stickyWarnings: readonly string[]) => ({
    sticky: { cookie, pathParameter: undefined },
    stickyWarnings,
  });
  const [own] = set;
  if (own?.quoted)
    return by(own.name, `${own.name} is set in quotes: mod_jk takes them off, httpd needs them in route=ROUTE"`);
  if (own !== undefined) return by(own.name);
  const [name, ...others] = [...new Set(sessions.map((one) => one.name))];
  if (name !== undefined && others.length === 0 && sessions.every(({ path }) => path === '/')) return by(name);
  return by(
    stickyByCustom.cookie,
    'it is not known that a node sets STICKY_ROUTE: stickyRoute in its configuration, stickyRoute() or keepRoute() in an application do; or say --sticky COOKIE',
  );
}
