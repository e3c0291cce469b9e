/**
 * Apache httpd with mod_proxy_balancer, over HTTP or AJP. A member is asked every two seconds whether it is
 * ready: without it httpd answers 502 for a node that is frozen, and tries a node that failed again after a
 * minute only. Over AJP it is asked by CPing, before each request too; a node that is not ready gives no answer.
 */

import {
  bodyBytes,
  commonModules,
  httpChecks,
  logs,
  mark,
  onlyFromHere,
  seconds,
  stickiness,
  threads,
  virtualHosts,
  webSockets,
} from './httpd.ts';
import {
  ajpPortOf,
  type BalancedNode,
  bracketed,
  guessed,
  guessedAjp,
  type Installation,
  indented,
  type Printer,
  waits,
} from './installation.ts';
import { isNear, successors } from './order.ts';

/** Shorter than elsewhere: httpd's health checks wait as long as its requests do. */
const answerMs = 10_000;

export const apache: Printer = (installation) => {
  const { protocol, ajpSecret } = installation;
  const modules = [
    ...['proxy', 'proxy_http', 'proxy_balancer', 'proxy_hcheck', 'lbmethod_byrequests', 'slotmem_shm'],
    ...(protocol === 'ajp' ? ['proxy_ajp'] : []),
    ...commonModules(installation),
  ];
  const isMarked = protocol === 'ajp' && ajpSecret === undefined;
  const sockets = webSockets(installation);
  const text = `# Latchkey's nodes behind Apache httpd 2.4.60 or later. Printed by "latchkey balancer apache${protocol === 'ajp' ? ' --ajp' : ''}". This is what Latchkey's own
# tests run, with other addresses.
# Modules: a2enmod ${modules.join(' ')}
# Restart httpd after a change of the members: reloading keeps what it remembers of the old ones.
# The nodes must name this machine in web.trustProxy${protocol === 'ajp' ? ' (for WebSockets), and have the secret in ajp.secret' : ''}.
${isMarked ? '# CHANGE THIS: the secret of the AJP listeners (or print with --ajp-secret-file).\n' : ''}
${threads}${logs}${virtualHosts(installation, {
  manager: `ProxyPass /balancer-manager !
${onlyFromHere(installation, '/balancer-manager', 'SetHandler balancer-manager')}`,
  requests: `${
    protocol === 'http'
      ? `# timeout= is for the next byte of an answer, and of a health check, which has no other wait. Longer: requests may take longer
# (those that do get 502 otherwise), and a node that is frozen is found later.
`
      : ''
  }<Proxy balancer://latchkey>
${indented(installation.nodes.map((node) => member(node, installation)).join(''), '    ')}${
  installation.sticky
    ? indented(stickyComment(installation) + stickiness(installation.sticky), '    ')
    : '    # Not sticky: a request goes to any node. Every node serves every visitor, at the price of asking others.\n'
}</Proxy>
${sockets.balancer}
RewriteEngine On
# Bytes of a body, where LimitRequestBody does not count; what comes in chunks is limited by the nodes. Uploads may need more.
RewriteCond expr "%{HTTP:Content-Length} -gt ${bodyBytes}"
RewriteRule ^ - [R=413,L]
${sockets.rules}
ProxyPass / balancer://latchkey/ nocanon
ProxyPreserveHost On
`,
  logged: '%{BALANCER_SESSION_ROUTE}e %{BALANCER_WORKER_ROUTE}e %{BALANCER_ROUTE_CHANGED}e',
})}`;
  return [{ name: 'latchkey.conf', text }];
};

function member(node: BalancedNode, { nodes, protocol, ready, ajpSecret }: Installation): string {
  const common = `route=${node.route} loadfactor=${node.weight} connectiontimeout=${seconds(waits.connectMs)} timeout=${seconds(protocol === 'http' ? answerMs : waits.answerMs)} retry=${seconds(waits.retryMs)}${redirect(node, nodes)}`;
  if (protocol === 'http')
    // Nodes close a connection on which nothing came for 5 seconds: httpd has to be the first.
    return `${mark(guessed(node))}BalancerMember http://${bracketed(node.host)}:${node.port} ${common} \\
    ttl=3 ${httpChecks(ready)}
`;
  return `${mark(guessedAjp(node))}BalancerMember ajp://${bracketed(node.host)}:${ajpPortOf(node)} ${common} \\
    "secret=${ajpSecret ?? 'CHANGE-THIS'}" ping=${seconds(waits.connectMs)} hcmethod=CPING hcinterval=${seconds(waits.checkEveryMs)} hcpasses=1 hcfails=1
`;
}

/** Of nodes in one domain (`east.node1`, `east.node2`) another one of it takes over, as mod_jk does by `domain`. */
export function redirect(node: BalancedNode, nodes: readonly BalancedNode[]): string {
  const [next] = successors(node, nodes);
  return next !== undefined && isNear(node, next) ? ` redirect=${next.route}` : '';
}

const stickyComment = ({ sticky }: Installation): string =>
  `# A visitor stays on the node that the cookie names behind its first dot: ${sticky!.cookie}=….<route>, unquoted, each letter as
# in route=. ${
    sticky!.pathParameter === undefined
      ? 'A parameter of the URL would beat it, so that a link could steer a visitor: <none> is a name that no browser sends.'
      : `A URL with ;${sticky!.pathParameter}=….<route> beats it, so a link can steer a visitor to a node.`
  }
`;
