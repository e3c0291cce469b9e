/**
 * nginx: `auth_request` asks, `error_page` turns its 401 into the way to the form, since auth_request
 * passes on nothing else. The question carries only what is named here: nothing that a client sent can
 * be taken for the proxy's own word. `$host`, not `$http_host`, everywhere: of a request line with a
 * whole address nginx picks the server by the address, and the Host header beside it is the client's.
 */

import { bracketed, guess, headerNames, indented, type ProxySettings, word } from './settings.ts';

export function nginx(settings: ProxySettings): string {
  const { nodes, applications } = settings;
  const upstream = (name: string, port: 'web' | 'asked') =>
    [
      `upstream ${name} {`,
      ...nodes.map((node) => `    server ${bracketed(node.host)}:${node[port]} max_fails=1 fail_timeout=5s;`),
      '    keepalive 32;',
      // A node closes after five seconds; a question on a connection that is just being closed would count as its failure.
      '    keepalive_timeout 4s;',
      '}',
    ].join('\n');
  return `${[
    `# Latchkey and the applications behind it, for nginx 1.22 or later with its auth_request module: a file for
# /etc/nginx/conf.d/. Printed by "latchkey proxy nginx"; print it again when nodes, hosts or headers change.
# The nodes must name this proxy in web.trustProxy and forwardAuth.proxies. If a balancer stands before nginx, let
# ngx_http_realip_module put the client's address right: what clients say of their address is not passed on.
# This is what Latchkey's own tests run.`,
    `# The central nodes. One that does not answer, or may not say who is signed on (503), is passed over.
${upstream('latchkey_pages', 'web')}
${upstream('latchkey_asked', 'asked')}`,
    `# WebSockets, and no other protocol: what is upgraded is not looked at any more.
map $http_upgrade $latchkey_upgrade {
    default "";
    "~*^websocket$" websocket;
}
map $http_upgrade $latchkey_connection {
    default "";
    "~*^websocket$" upgrade;
}`,
    cookieMaps(settings),
    ...(applications.some(({ basic }) => basic) ? [passwordMap] : []),
    siteServer(settings),
    ...applications.map((application) => applicationServer(settings, application)),
  ].join('\n\n')}\n`;
}

/** Takes out the last of each, twice; whoever sends more of them gets no cookies through at all. */
function cookieMaps({ cookies }: ProxySettings): string {
  const any = cookies.length === 1 ? cookies[0]! : `(?:${cookies.join('|')})`;
  const step = (from: string, to: string, number: number) => `map $${from} $${to} {
    default $${from};
    "~^(?<latchkey_before_${number}>(?:.*;\\s*)?)${any}=[^;]*(?:;\\s*(?<latchkey_after_${number}>.*))?$" "$latchkey_before_${number}$latchkey_after_${number}";
}`;
  return `# The cookie of the sign-on is not for applications.
${step('http_cookie', 'latchkey_cookie_1', 1)}
${step('latchkey_cookie_1', 'latchkey_cookie_2', 2)}
map $latchkey_cookie_2 $latchkey_cookie {
    default $latchkey_cookie_2;
    "~(?:^|;\\s*)${any}=" "";
}`;
}

const passwordMap = `# Name and password that were shown to the nodes are not for applications; what is no HTTP Basic is.
map $http_authorization $latchkey_authorization {
    default $http_authorization;
    "~*^basic(?: |$)" "";
}`;

function listenLines({ listen: { address, port }, tls }: ProxySettings): string {
  const at = address === undefined ? '' : `${bracketed(address)}:`;
  const lines = [`listen ${at}${port}${tls ? ' ssl http2' : ''};`];
  if (address === undefined) lines.push(`listen [::]:${port}${tls ? ' ssl http2' : ''};`);
  if (tls)
    lines.push(
      `ssl_certificate ${tls.certificate};`,
      `ssl_certificate_key ${tls.key};`,
      'ssl_protocols TLSv1.2 TLSv1.3;',
    );
  return lines.join('\n    ');
}

/** As the client sees it: with the port where that is not the scheme's own. */
function hostOf({ listen: { port }, tls }: ProxySettings): string {
  return port === (tls ? 443 : 80) ? '$host' : '$host:$server_port';
}

const failover = `proxy_connect_timeout 2s;
proxy_next_upstream error timeout http_503;
proxy_next_upstream_timeout 8s;
proxy_http_version 1.1;
proxy_set_header Connection "";`;

function siteServer(settings: ProxySettings): string {
  return `# The sign-on page. It stands first: unknown hosts come here, and get pages that lead to no other host.
server {
    ${listenLines(settings)}
    server_name ${settings.site};

    location / {
        proxy_pass http://latchkey_pages;
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-Host "";
        proxy_read_timeout 15s;
${indented(failover, '        ')}
    }
}`;
}

function applicationServer(settings: ProxySettings, application: ProxySettings['applications'][number]): string {
  const { host, upstream, basic } = application;
  const variable = (name: string) => name.toLowerCase().replaceAll('-', '_');
  const names = headerNames(settings.headers);
  return `upstream latchkey_app_${word(host)} {
    # ${guess(application)}
    server ${upstream};
    keepalive 32;
}
server {
    ${listenLines(settings)}
    server_name ${host};

    # The defaults, said aloud: a header with an underscore would be one of ours to many applications.
    underscores_in_headers off;
    ignore_invalid_headers on;

    location / {
        auth_request /.latchkey-asked;
${names.map((name) => `        auth_request_set $latchkey_h_${variable(name)} $upstream_http_${variable(name)};`).join('\n')}
        auth_request_set $latchkey_login $upstream_http_latchkey_login;
${basic ? '        auth_request_set $latchkey_retry_after $upstream_http_latchkey_retry_after;\n' : ''}        error_page 401 = @latchkey_sign_on;
        error_page 500 = @latchkey_unavailable;

        proxy_pass http://latchkey_app_${word(host)};
        proxy_http_version 1.1;
        # Who it is. Nobody: the header is not passed, and neither is what the client sent under its name.
${names.map((name) => `        proxy_set_header ${name} $latchkey_h_${variable(name)};`).join('\n')}
        proxy_set_header Cookie $latchkey_cookie;
${basic ? '        proxy_set_header Authorization $latchkey_authorization;\n' : ''}        # The host that was decided about, and no other.
        proxy_set_header Host ${hostOf(settings)};
        proxy_set_header X-Forwarded-Host ${hostOf(settings)};
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header Upgrade $latchkey_upgrade;
        proxy_set_header Connection $latchkey_connection;
        # An open WebSocket outlives its request: how long nothing may come before it is closed.
        proxy_read_timeout 75s;
    }

    location = /.latchkey-asked {
        internal;
        proxy_pass http://latchkey_asked/forward-auth/nginx;
        # Only what is named here goes with the question.
        proxy_pass_request_headers off;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_set_header Host latchkey;
        proxy_set_header X-Original-URL $scheme://${hostOf(settings)}$request_uri;
        proxy_set_header X-Original-Method $request_method;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header Cookie $http_cookie;
        proxy_set_header Accept $http_accept;
        proxy_set_header Sec-Fetch-Mode $http_sec_fetch_mode;
${basic ? '        proxy_set_header Authorization $http_authorization;\n        proxy_set_header User-Agent $http_user_agent;\n' : ''}        # Room for the headers of somebody with many roles.
        proxy_buffer_size 32k;
        proxy_buffers 4 32k;
        proxy_read_timeout ${basic ? '12s' : '5s'};
${indented(failover, '        ')}
    }

    # A browser that takes somebody to a page goes to the form and comes back; everything else gets JSON.
    location @latchkey_sign_on {
        add_header Cache-Control no-store always;
        if ($latchkey_login) {
            return 303 $latchkey_login;
        }
        default_type application/json;
${
  basic
    ? `        # Too many wrong passwords: the next was not looked at.
        if ($latchkey_retry_after) {
            add_header Cache-Control no-store always;
            add_header Retry-After $latchkey_retry_after always;
            return 429 '{"error":"throttled","message":"Too many attempts have failed. Please try again later."}';
        }
`
    : ''
}        return 401 '{"error":"not-signed-in","message":"Nobody is signed on here."}';
    }

    # No node could say who it is: every answer but 2xx, 401 and 403 is a 500 to auth_request.
    location @latchkey_unavailable {
        add_header Cache-Control no-store always;
        add_header Retry-After 1 always;
        default_type application/json;
        return 503 '{"error":"unavailable","message":"This is not possible at the moment. Please try again."}';
    }
}`;
}
