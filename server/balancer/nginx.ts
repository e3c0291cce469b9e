/**
 * nginx. `hash $cookie_…` spreads cookies over nodes and knows nothing of which node set one; what keeps a
 * visitor is a `map` from the cookie to a list of servers of its own for each route, in which the others are
 * the backup. nginx asks no node whether it is ready: it learns from what fails, so its worker processes share
 * what they learn (`zone`), and it keeps a connection for less long than a node does.
 */

import {
  type BalancedNode,
  bracketed,
  guessed,
  type Installation,
  indented,
  type Printer,
  waits,
} from './installation.ts';
import { escaped, isNear, longestFirst, successors } from './order.ts';

export const nginx: Printer = (installation) => [{ name: 'latchkey.conf', text: configuration(installation) }];

/** Shorter than with others: by it alone nginx finds a node that is frozen, since it asks none whether it is ready. */
const silenceMs = waits.answerMs / 2;

const configuration = (installation: Installation): string =>
  `${[
    `# Latchkey's nodes behind nginx 1.18 or later: a file for /etc/nginx/conf.d/. Printed by "latchkey balancer nginx"; print it again
# when nodes or hosts change. This is what Latchkey's own tests run, with other addresses.
# The nodes must name this machine in web.trustProxy.`,
    upstreams(installation),
    maps(installation),
    ...strangers(installation),
    site(installation),
    ...redirected(installation),
  ].join('\n\n')}\n`;

function upstreams({ nodes, sticky }: Installation): string {
  const server = ({ host, port, weight }: BalancedNode, more: string) =>
    `    server ${bracketed(host)}:${port}${weight === 1 || more.includes('backup') ? '' : ` weight=${weight}`} max_fails=1 fail_timeout=${seconds(waits.retryMs)}${more};\n`;
  const list = (name: string, servers: string) => `upstream ${name} {
    zone ${name} 64k;
${servers}    # Nodes close a connection on which nothing came for 5 seconds: nginx has to be the first.
    keepalive 32;
    keepalive_timeout 2s;
}`;
  const any = nodes.map((node) => mark(guessed(node)) + server(node, '')).join('');
  if (sticky === undefined)
    return `# Not sticky: a request goes to any node. Every node serves every visitor, at the price of asking others.\n${list('latchkey_any', any)}`;
  const own = nodes.map((node) =>
    list(
      `latchkey_${node.route}`,
      server({ ...node, weight: 1 }, '') +
        successors(node, nodes)
          .map((one) => server(one, isNear(node, one) ? ' backup weight=100' : ' backup'))
          .join(''),
    ),
  );
  return `# New visitors, in turns, by weight. To empty a node by hand: "down" behind it here, and nginx -s reload; its visitors stay, no new ones
# come. "down" behind it in its own list as well: they move to other nodes, with their sessions.
${list('latchkey_any', any)}
# Visitors who have a node, and who takes over when it is away${nodes.some((node) => nodes.some((one) => one !== node && isNear(node, one))) ? ': its domain before the others' : ''}.
${own.join('\n')}`;
}

function maps({ sticky, nodes, webSockets }: Installation): string {
  const byPath =
    sticky?.pathParameter === undefined
      ? ''
      : `# Without such a cookie, by the URL: ;${sticky.pathParameter}=….<route>
map $request_uri $latchkey_by_path {
    default latchkey_any;
${longestFirst(nodes)
  .map(
    ({ route }) =>
      `    "~^[^?]*;${escaped(sticky.pathParameter!)}=[^/;?]*\\.${escaped(route)}(?:[/;?]|$)" latchkey_${route};\n`,
  )
  .join('')}}
`;
  const byCookie =
    sticky === undefined
      ? ''
      : `# A visitor stays on the node that the cookie names at its end: ${sticky.cookie}=….<route>, each letter as it is here.
map $http_cookie $latchkey_nodes {
    default ${byPath === '' ? 'latchkey_any' : '$latchkey_by_path'};
${longestFirst(nodes)
  .map(
    ({ route }) =>
      `    "~(?:^|;\\s*)${escaped(sticky.cookie)}=[^;]*\\.${escaped(route)}\\"?\\s*(?:;|$)" latchkey_${route};\n`,
  )
  .join('')}}
`;
  const paths = webSockets.map((path) => escaped(path.replace(/\/$/, '')));
  const upgrade =
    paths.length === 0
      ? `map $http_upgrade $latchkey_upgrade {
    default "";
    "~*^websocket$" websocket;
}`
      : `map "$http_upgrade $uri" $latchkey_upgrade {
    default "";
    "~*^websocket (?:${paths.join('|')})(?:/|$)" websocket;
}`;
  return `${byPath}${byCookie}# WebSockets${paths.length === 0 ? '' : ', where they are'}, and no other protocol: what is upgraded is not looked at any more.
${upgrade}
# Otherwise connections are kept, whatever the client says of its own.
map $latchkey_upgrade $latchkey_connection {
    default "";
    websocket upgrade;
}
# The host by which nginx chose, with the port that the browser named. A Host header beside a whole address is only the client's word.
map $http_host $latchkey_port {
    default "";
    "~(:\\d+)$" $1;
}`;
}

function site(installation: Installation): string {
  const { hosts, sticky } = installation;
  return `server {
${indented(listenLines(installation), '    ')}    server_name ${hosts.length === 0 ? '_' : hosts.join(' ')};

${headerLimits}    # Between two bytes of a body, and of an answer. A body is collected here before a node sees any of it.
    client_body_timeout 10s;
    client_max_body_size 10m;
    send_timeout 15s;

    proxy_http_version 1.1;
    proxy_set_header Host $host$latchkey_port;
    proxy_set_header Upgrade $latchkey_upgrade;
    proxy_set_header Connection $latchkey_connection;
${indented(believed(installation), '    ')}
    # What a node did not take goes to another one at once. What it took and did not answer, or answered with 503 (it is cut off, it
    # drains), is asked again only where asking twice does no harm: no form is posted twice.
    proxy_connect_timeout ${seconds(waits.connectMs)};
    proxy_next_upstream error timeout http_503;
    proxy_next_upstream_timeout ${seconds(waits.answerMs)};
    # How long a node may be silent under a request. Longer for slow pages; but a frozen node is found by this alone.
    proxy_read_timeout ${seconds(silenceMs)};
    # Room for the cookies of an answer.
    proxy_buffer_size 32k;
    proxy_buffers 8 32k;
    proxy_redirect off;

    location / {
        error_page 418 = @latchkey_sockets;
        if ($latchkey_upgrade) {
            return 418;
        }
        proxy_pass http://${sticky ? '$latchkey_nodes' : 'latchkey_any'};
    }

    location @latchkey_sockets {
        # How long nothing may come on a WebSocket before it is closed.
        proxy_read_timeout ${seconds(waits.webSocketIdleMs)};
        proxy_send_timeout ${seconds(waits.webSocketIdleMs)};
        proxy_pass http://${sticky ? '$latchkey_nodes' : 'latchkey_any'};
    }
}`;
}

/** In every server: until nginx has read the host it goes by the first one. */
const headerLimits = `    # Slow clients: this long for the header.
    client_header_timeout 9s;
    large_client_header_buffers 4 16k;
`;

/** It stands first, so that it is for every name that no other server has. */
function strangers(installation: Installation): readonly string[] {
  if (installation.hosts.length === 0) return [];
  return [
    `# Whoever asks for a host that is none of ours gets no application. (Another file's default_server may take this place.)
server {
${indented(listenLines(installation), '    ')}${headerLimits}    return 421;
}`,
  ];
}

function listenLines({ listen: { address, port }, tls }: Installation): string {
  const at = address === undefined ? '' : `${bracketed(address)}:`;
  const how = tls ? ' ssl http2' : '';
  const lines = [`listen ${at}${port}${how};`];
  if (address === undefined) lines.push(`listen [::]:${port}${how};`);
  if (tls)
    lines.push(
      ...[`ssl_certificate ${tls.certificate};`, `ssl_certificate_key ${tls.key};`],
      ...['ssl_protocols TLSv1.2 TLSv1.3;', 'ssl_session_tickets off;'],
    );
  return lines.map((line) => `${line}\n`).join('');
}

/** An empty value takes a header away. */
function believed({ secure, tls }: Installation): string {
  const dropped = ['Forwarded', 'X-Real-IP', 'X-Forwarded-Host', 'X-Forwarded-Port', 'X-Forwarded-Prefix', 'Proxy'];
  const drop = dropped.map((name) => `proxy_set_header ${name} "";\n`).join('');
  if (secure && tls === undefined)
    return `# TLS ends before this nginx. CHANGE THIS: the addresses of what stands there, and may reach this port; it must set X-Forwarded-For.
allow 127.0.0.1;
allow ::1;
deny all;
${drop}proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Proto https;
`;
  return `# What browsers say about themselves never counts; what is true is set anew.
${drop}proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header X-Forwarded-Proto ${tls ? 'https' : 'http'};
`;
}

/** Where the ports are the usual ones, whoever comes without TLS is sent to the same page with it. */
function redirected({ tls, listen: { address, port }, hosts }: Installation): readonly string[] {
  if (tls === undefined || port !== 443) return [];
  const lines =
    address === undefined ? '    listen 80;\n    listen [::]:80;\n' : `    listen ${bracketed(address)}:80;\n`;
  return [
    `server {
${lines}    server_name ${hosts.length === 0 ? '_' : hosts.join(' ')};
    return 301 https://$host$request_uri;
}`,
  ];
}

const seconds = (ms: number): string => `${Math.ceil(ms / 1_000)}s`;

const mark = (comment: string): string => (comment === '' ? '' : `    # ${comment}\n`);
