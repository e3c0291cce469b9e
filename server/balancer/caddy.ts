/**
 * Caddy. Its own `lb_policy cookie` sets a cookie that knows nothing of a failover, so a matcher for each
 * route leads to a list of nodes of which the first that is healthy answers (`lb_policy first`): the node
 * itself, then those that take over. Nodes are asked whether they are ready.
 */

import { bracketed, guessed, type Installation, indented, type Printer, waits } from './installation.ts';
import { escaped, longestFirst, successors } from './order.ts';

export const caddy: Printer = (installation) => [{ name: 'Caddyfile', text: configuration(installation) }];

/** More often than others: until it has asked, Caddy tries a node that is gone again and again, and its visitors wait. */
const checkEveryMs = waits.checkEveryMs / 2;

const configuration = (installation: Installation): string =>
  `${[
    `# Latchkey's nodes behind Caddy 2.6 or later: a whole Caddyfile. Printed by "latchkey balancer caddy"; print it again when nodes or
# hosts change. This is what Latchkey's own tests run, with other addresses.
# The nodes must name this machine in web.trustProxy.`,
    globals(installation),
    nodeSnippet(installation),
    site(installation),
    ...strangers(installation),
    ...redirected(installation),
  ].join('\n\n')}\n`;

function globals({ tls }: Installation): string {
  return `{
	# Who reaches the administration port can change everything. After a change of this file: restart Caddy.
	admin off
	${tls ? 'auto_https disable_redirects' : 'auto_https off'}
	servers {
		protocols h1 h2
		# Slow clients: this long for the header, and for a body.
		timeouts {
			read_header 9s
			read_body 14s
			idle 60s
		}
		max_header_size 16KB
	}
}`;
}

/** What all lists of nodes have in common. */
function nodeSnippet(installation: Installation): string {
  const { ready, hosts } = installation;
  const host = hosts.find((name) => !name.startsWith('*.'));
  return `(latchkey_nodes) {
	# What a node did not take goes to another one; what it took and did not answer is asked again only where asking twice does no harm.
	lb_try_duration 3s
	lb_try_interval 100ms
	# Nodes say whether they may be sent requests: not while they start, are cut off, or are about to stop.
	health_uri ${ready}
	health_interval ${seconds(checkEveryMs)}
	health_timeout 1s
	health_status 200${host === undefined ? '' : `\n	health_headers {\n		Host ${host}\n	}`}
	# Nothing is concluded from requests that fail (fail_duration): a client that sends a body that is none could take all nodes away.
	transport http {
		dial_timeout ${seconds(waits.connectMs)}
		# How long a node may take until it answers.
		response_header_timeout ${seconds(waits.answerMs)}
		# Nodes close a connection on which nothing came for 5 seconds: Caddy has to be the first.
		keepalive 2s
	}
${indented(believed(installation), '\t')}}`;
}

function site(installation: Installation): string {
  const { nodes, sticky, hosts, listen, tls } = installation;
  const to = (list: Installation['nodes']) => list.map((one) => `${bracketed(one.host)}:${one.port}`).join(' ');
  const guesses = nodes.map((node) => mark(guessed(node))).join('');
  const matchers =
    sticky === undefined
      ? '# Not sticky: a request goes to any node. Every node serves every visitor, at the price of asking others.\n'
      : `# A visitor stays on the node that the cookie names at its end: ${sticky.cookie}=….<route>, each letter as it is here. The first node of
# its list that is healthy answers.
${stickyNodes(installation, to)}`;
  return `${siteAddresses(hosts, { listen, tls })} {
${indented(common({ listen, tls }), '\t')}	route {
${indented(upgrades(installation), '\t\t')}${indented(guesses + matchers, '\t\t')}		# New visitors, in turns${isWeighted(nodes) ? '; an address that is written twice gets twice as many' : ''}.
		reverse_proxy ${to(weighted(nodes))} {
			lb_policy round_robin
			import latchkey_nodes
		}
	}
}`;
}

function stickyNodes({ nodes, sticky }: Installation, to: (list: Installation['nodes']) => string): string {
  const { cookie, pathParameter } = sticky!;
  const ordered = longestFirst(nodes);
  const proxied = (name: string, matcher: string, node: Installation['nodes'][number]) => `@${name} ${matcher}
reverse_proxy @${name} ${to([node, ...successors(node, nodes)])} {
	lb_policy first
	import latchkey_nodes
}
`;
  const byCookie = ordered.map((node) =>
    proxied(
      `node_${nodes.indexOf(node) + 1}`,
      `header_regexp Cookie "(?:^|;\\s*)${escaped(cookie)}=[^;]*\\.${escaped(node.route)}\\"?\\s*(?:;|$)"`,
      node,
    ),
  );
  const byPath =
    pathParameter === undefined
      ? []
      : ordered.map((node) =>
          proxied(
            `path_${nodes.indexOf(node) + 1}`,
            `path_regexp ";${escaped(pathParameter)}=[^/;]*\\.${escaped(node.route)}(?:[/;]|$)"`,
            node,
          ),
        );
  const comment = byPath.length === 0 ? '' : `# Without such a cookie, by the URL: ;${pathParameter}=….<route>\n`;
  return `${byCookie.join('')}${comment}${byPath.join('')}`;
}

function upgrades({ webSockets }: Installation): string {
  const paths = webSockets.map((path) => path.replace(/\/$/, ''));
  const where = paths.length === 0 ? '' : `\n\t\tpath ${paths.flatMap((path) => [path || '/', `${path}/*`]).join(' ')}`;
  return `# WebSockets${paths.length === 0 ? '' : ', where they are'}, and no other protocol: what is upgraded is not looked at any more.
@other_upgrade {
	header Upgrade *
	not {
		header_regexp Upgrade (?i)^websocket$${where}
	}
}
request_header @other_upgrade -Upgrade
`;
}

/** Caddy sets X-Forwarded-For, -Proto and -Host itself, whatever the client said. */
function believed({ secure, tls }: Installation): string {
  const dropped = ['Forwarded', 'X-Real-Ip', 'X-Forwarded-Host', 'X-Forwarded-Port', 'X-Forwarded-Prefix', 'Proxy'];
  const drop = dropped.map((name) => `header_up -${name}\n`).join('');
  if (secure && tls === undefined)
    return `# TLS ends before this Caddy. CHANGE THIS: the addresses of what stands there; it must set X-Forwarded-For.
trusted_proxies 127.0.0.1/32 ::1/128
${drop}header_up X-Forwarded-Proto https
`;
  return `# What browsers say about themselves never counts.
${drop}`;
}

/** As often as its weight says, in the least numbers that say it. */
function weighted(nodes: Installation['nodes']): Installation['nodes'] {
  const divisor = nodes.map(({ weight }) => weight).reduce(greatestCommonDivisor);
  return nodes.flatMap((node) => Array.from({ length: node.weight / divisor }, () => node));
}

const isWeighted = (nodes: Installation['nodes']): boolean => weighted(nodes).length > nodes.length;

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));

type Front = Pick<Installation, 'listen' | 'tls'>;

function siteAddresses(hosts: readonly string[], { listen: { port }, tls }: Front): string {
  const scheme = tls ? 'https://' : 'http://';
  return (hosts.length === 0 ? [''] : hosts).map((host) => `${scheme}${host}:${port}`).join(', ');
}

function common({ listen: { address }, tls }: Front): string {
  return `${address === undefined ? '' : `bind ${bracketed(address)}\n`}${tls ? `tls ${tls.certificate} ${tls.key}\n` : ''}`;
}

/** Caddy answers an unknown host with an empty 200. */
function strangers({ hosts, listen, tls }: Installation): readonly string[] {
  if (hosts.length === 0) return [];
  return [
    `# Whoever asks for a host that is none of ours gets no application.
${siteAddresses([], { listen, tls })} {
${indented(common({ listen, tls }), '\t')}	respond "There is no such site here." 421
}`,
  ];
}

/** Where the ports are the usual ones, whoever comes without TLS is sent to the same page with it. */
function redirected({ hosts, listen, tls }: Installation): readonly string[] {
  if (tls === undefined || listen.port !== 443) return [];
  const plain = { listen: { ...listen, port: 80 }, tls: undefined };
  return [
    `${siteAddresses(hosts, plain)} {
${indented(common(plain), '\t')}	redir https://{host}{uri} 301
}`,
  ];
}

const seconds = (ms: number): string => `${Math.ceil(ms / 1_000)}s`;

const mark = (comment: string): string => (comment === '' ? '' : `# ${comment}\n`);
