/**
 * HAProxy. A rule for each node (`use-server`) sends a visitor where the cookie says: HAProxy's own
 * `cookie … prefix` would change the id that browsers see, and `cookie … insert` would be a second cookie that
 * knows nothing of a failover. Of a node that is not ready the rule is passed over; one that an operator
 * drains (`state drain`) keeps its visitors and gets no new ones.
 */

import { bracketed, guessed, type Installation, type Printer, waits } from './installation.ts';
import { escaped, isNear, longestFirst, successors } from './order.ts';

export const haproxy: Printer = (installation) => [{ name: 'haproxy.cfg', text: configuration(installation) }];

const configuration = (
  installation: Installation,
): string => `# Latchkey's nodes behind HAProxy 2.4 or later: a whole haproxy.cfg. Printed by "latchkey balancer haproxy"; print it again
# when nodes or hosts change. This is what Latchkey's own tests run, with other addresses.
# The nodes must name this machine in web.trustProxy.

global
    # Commands, for root on this machine: echo "set server latchkey/${installation.nodes[0]!.route} state drain" | socat stdio /run/haproxy/admin.sock
    # drain: visitors stay, no new ones come. maint: visitors move to another node, with their sessions. ready: as before.
    stats socket "\${LATCHKEY_RUN-/run/haproxy}/admin.sock" mode 600 level admin
    log "\${LATCHKEY_LOG-/dev/log}" local0
    user haproxy
    group haproxy
    chroot /var/lib/haproxy
${
  installation.tls
    ? '    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets\n    ssl-load-extra-files key\n'
    : ''
}
defaults
    mode http
    log global
    option httplog
    option dontlognull
    # Slow clients: this long for the header, and between two bytes of anything else.
    timeout http-request 9s
    timeout client ${seconds(waits.answerMs)}
    timeout http-keep-alive 60s
    timeout connect ${seconds(waits.connectMs)}
    # How long a node may be silent under a request. A frozen node costs those that it has so long, and nobody else.
    timeout server ${seconds(waits.answerMs)}
    timeout queue 5s
    timeout check 1s
    # How long nothing may come on a WebSocket before it is closed.
    timeout tunnel ${seconds(waits.webSocketIdleMs)}

frontend latchkey
    bind ${bound(installation)}
${known(installation.hosts)}${believed(installation)}
${webSockets(installation)}    default_backend latchkey
${redirected(installation)}
backend latchkey
    # New visitors, in turns, by weight.
    balance roundrobin
    # What a node took and did not answer is asked again only where asking twice does no harm.
    http-request disable-l7-retry unless { method GET HEAD OPTIONS }
${stickiness(installation)}
    # Nodes say whether they may be sent requests: not while they start, are cut off, or are about to stop.
    option httpchk
    http-check send meth GET uri ${installation.ready} ver HTTP/1.1 hdr Host ${asked(installation.hosts)}
    http-check expect status 200
    # What a node did not take goes to another one at once.
    option redispatch 1
    retries 3
    retry-on conn-failure empty-response response-timeout 503
    # Nodes close a connection on which nothing came for 5 seconds: HAProxy has to be the first.
    default-server check inter ${seconds(waits.checkEveryMs)} fastinter 500ms downinter 1s fall 2 rise 1 pool-purge-delay 2s init-addr last,libc,none
${installation.nodes
  .map(
    (node) =>
      `${mark(guessed(node))}    server ${node.route} ${bracketed(node.host)}:${node.port} weight ${node.weight}\n`,
  )
  .join('')}`;

const seconds = (ms: number): string => `${Math.ceil(ms / 1_000)}s`;

const mark = (comment: string): string => (comment === '' ? '' : `    # ${comment}\n`);

function bound({ listen: { address, port }, tls }: Installation): string {
  const at = address === undefined ? `:::${port} v4v6` : `${bracketed(address)}:${port}`;
  return tls === undefined
    ? at
    : `${at} ssl crt ${tls.certificate} alpn h2,http/1.1\n    # The key: in the same file, or beside it in ${tls.certificate}.key`;
}

/** Where nothing is said of hosts, any. */
function known(hosts: readonly string[]): string {
  if (hosts.length === 0) return '';
  const lines = hosts.map((name) =>
    name.startsWith('*.')
      ? `    acl known_host req.hdr(host),host_only,lower -m end ${name.slice(1).toLowerCase()}\n`
      : `    acl known_host req.hdr(host),host_only,lower -m str ${name.toLowerCase()}\n`,
  );
  return `    # Whoever asks for a host that is none of ours gets no application.
${lines.join('')}    http-request return status 421 content-type text/plain string "There is no such site here." unless known_host
`;
}

/** What stands in `X-Forwarded-…` is this proxy's word. */
function believed({ secure, tls }: Installation): string {
  const dropped = ['Forwarded', 'X-Real-IP', 'X-Forwarded-Host', 'X-Forwarded-Port', 'X-Forwarded-Prefix', 'Proxy'];
  const drop = (names: readonly string[]) => names.map((name) => `    http-request del-header ${name}\n`).join('');
  if (secure && tls === undefined)
    return `    # TLS ends before this HAProxy. CHANGE THIS: the addresses of what stands there, and may reach this port; it must set X-Forwarded-For.
    http-request deny unless { src 127.0.0.1 ::1 }
    option forwardfor
${drop(dropped)}    http-request set-header X-Forwarded-Proto https`;
  return `    # What browsers say about themselves never counts; what is true is set anew.
${drop(dropped)}    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Forwarded-Proto ${tls ? 'https' : 'http'}`;
}

function webSockets({ webSockets: paths }: Installation): string {
  const upgrade = `    # WebSockets${paths.length === 0 ? '' : ', where they are'}, and no other protocol: what is upgraded is not looked at any more.
    acl websocket req.hdr(Upgrade) -i websocket
`;
  if (paths.length === 0) return `${upgrade}    http-request del-header Upgrade unless websocket\n`;
  const plain = paths.map((path) => path.replace(/\/$/, ''));
  return `${upgrade}    acl socket_path path ${plain.map((path) => path || '/').join(' ')}
    acl socket_path path_beg ${plain.map((path) => `${path}/`).join(' ')}
    http-request del-header Upgrade unless websocket socket_path
`;
}

/** Where the ports are the usual ones, whoever comes without TLS is sent to the same page with it. */
function redirected({ tls, listen: { address, port }, hosts }: Installation): string {
  if (tls === undefined || port !== 443) return '';
  const at = address === undefined ? ':::80 v4v6' : `${bracketed(address)}:80`;
  return `
frontend latchkey_plain
    bind ${at}
${known(hosts)}    http-request redirect scheme https code 301
`;
}

function stickiness({ sticky, nodes }: Installation): string {
  if (sticky === undefined)
    return '    # Not sticky: a request goes to any node. Every node serves every visitor, at the price of asking others.\n';
  const { cookie, pathParameter } = sticky;
  const ordered = longestFirst(nodes);
  // Quoted by some predecessors of the application, and never by Latchkey.
  const ends = (route: string) => `'.${route}' '.${route}"'`;
  const rules = ordered.flatMap((node) => [
    ...[node, ...successors(node, nodes).filter((one) => isNear(node, one))].map(
      ({ route }) => `    use-server ${route} if route_${node.route}\n`,
    ),
  ]);
  const byPath =
    pathParameter === undefined
      ? []
      : [
          `    # Without such a cookie, by the URL: ;${pathParameter}=….<route>\n`,
          `    acl routed req.cook(${cookie}) -m end ${nodes.map(({ route }) => ends(route)).join(' ')}\n`,
          ...ordered.map(
            ({ route }) =>
              `    acl path_${route} path_reg ';${escaped(pathParameter)}=[^/;]*\\.${escaped(route)}([/;]|$)'\n`,
          ),
          ...ordered.map(({ route }) => `    use-server ${route} if !routed path_${route}\n`),
        ];
  return `    # A visitor stays on the node that the cookie names at its end: ${cookie}=….<route>, each letter as it is here. One that names
    # no node that is ready counts as new${nodes.some((node) => successors(node, nodes).some((one) => isNear(node, one))) ? ', but for the domain: the others of it come first' : ''}.
${ordered.map(({ route }) => `    acl route_${route} req.cook(${cookie}) -m end ${ends(route)}\n`).join('')}${rules.join('')}${byPath.join('')}`;
}

/** HTTP/1.1 needs a host; nodes do not look at it here. */
const asked = (hosts: readonly string[]): string => hosts.find((name) => !name.startsWith('*.')) ?? 'latchkey';
