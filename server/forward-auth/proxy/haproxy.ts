/**
 * HAProxy: it asks nobody by itself; the Lua script haproxy-auth-request does, with `auth-intercept`,
 * and passes on what is not 2xx. The headers of the question are set on the request itself, so they are
 * overwritten whatever a client sent; the script takes a server of the backend that is up.
 */

import { bracketed, guess, headerNames, type ProxySettings, quoted, word } from './settings.ts';

export function haproxy(settings: ProxySettings): string {
  const { nodes, applications, site, headers, cookies, listen, tls } = settings;
  const names = headerNames(headers).map((name) => name.toLowerCase());
  const pattern = `^(?:${headerNames(headers)
    .map((name) => name.replaceAll('-', '[-_]'))
    .join('|')})$`;
  const servers = (port: 'web' | 'asked') =>
    nodes
      .map((node, index) => `    server node${index + 1} ${bracketed(node.host)}:${node[port]} check inter 2s`)
      .join('\n');
  const bind = `${listen.address === undefined ? ':::' : `${bracketed(listen.address)}:`}${listen.port}${listen.address === undefined ? ' v4v6' : ''}`;
  const acl = (host: string) =>
    host.startsWith('*.')
      ? `hdr(host),field(1,:),lower -m end ${host.slice(1)}`
      : `hdr(host),field(1,:),lower -m str ${host}`;
  return `# Latchkey and the applications behind it, for HAProxy 2.4 or later with Lua and the scripts haproxy-auth-request and
# haproxy-lua-http (github.com/TimWolla/haproxy-auth-request). Printed by "latchkey proxy haproxy". NOT RUN by Latchkey's
# tests, which hold the node against the requests that the script's documentation describes: try it before you rely on it.
# The nodes must name this proxy in web.trustProxy and forwardAuth.proxies.

global
    lua-prepend-path /usr/share/haproxy/?/http.lua
    lua-load /usr/share/haproxy/auth-request.lua

defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout http-request 10s
    # How long nothing may come on a WebSocket before it is closed.
    timeout tunnel 1h
    option http-server-close

frontend latchkey
    bind ${bind}${tls ? ` ssl crt ${tls.certificate} alpn h2,http/1.1` : ''}
    acl latchkey_site ${acl(site)}
${applications.map(({ host }) => `    acl latchkey_app_${word(host)} ${acl(host)}`).join('\n')}
    # WebSockets, and no other protocol: what is upgraded is not looked at any more.
    http-request del-header Upgrade if { req.hdr(upgrade) -m found } !{ req.hdr(upgrade),lower -m str websocket }
    # What clients send under our names never counts, in any spelling; neither does what they say of themselves.
    http-request del-header '(?i)${pattern}' -m reg
    http-request del-header '(?i)^x[-_](?:forwarded|original)[-_].*$' -m reg
    http-request set-header X-Forwarded-Method %[method]
    http-request set-header X-Forwarded-Proto ${tls ? 'https' : 'http'}
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    http-request set-header X-Forwarded-Uri %[pathq]
    http-request set-header X-Forwarded-For %[src]
    # Backend, path, method; headers of the question, of the answer if it is yes, of the answer if it is no.
    http-request lua.auth-intercept latchkey_asked /forward-auth/haproxy GET x-forwarded-*,cookie,accept,sec-fetch-mode ${names.join(',')} * if !latchkey_site
    http-request deny deny_status 503 if !latchkey_site !{ var(txn.auth_response_successful) -m bool }
    # The cookie of the sign-on is not for applications.
${cookies.map((name) => `    http-request replace-header Cookie '^(.*; *)?${quoted(name)}=[^;]*;? *(.*)$' '\\1\\2' if !latchkey_site`).join('\n')}
${cookies.map((name) => `    http-request del-header Cookie if !latchkey_site { req.hdr(cookie) -m reg '(^|; *)${quoted(name)}=' }`).join('\n')}
    use_backend latchkey_pages if latchkey_site
${applications.map(({ host }) => `    use_backend app_${word(host)} if latchkey_app_${word(host)}`).join('\n')}
    # An unknown host: there is no default backend, so it gets 503.

backend latchkey_pages
    option httpchk GET /readyz
    http-check expect status 200
    balance roundrobin
    option redispatch
    retry-on conn-failure
${servers('web')}

backend latchkey_asked
    option httpchk GET /readyz
    http-check expect status 200
${servers('asked')}
${applications
  .map(
    (one) => `
backend app_${word(one.host)}
    # ${guess(one)}
    server app ${one.upstream}`,
  )
  .join('\n')}
`;
}
