/**
 * HAProxy: it asks nobody by itself; a Lua script of ours does (config/deploy/latchkey.lua), through a
 * frontend and a backend of HAProxy's own, so that health checks and the next node are HAProxy's business.
 * What a question says of the request is set on the request itself first, whatever a client sent.
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
  const takers = applications.filter(({ basic }) => basic);
  return `# Latchkey and the applications behind it, for HAProxy 2.6 or later with Lua: haproxy.cfg.
# Printed by "latchkey proxy haproxy"; print it again when nodes, hosts or headers change.
# It needs one file besides, the script that asks the nodes: config/deploy/latchkey.lua of the package, as named below.
# The nodes must name this proxy in web.trustProxy and forwardAuth.proxies.
# This is what Latchkey's own tests run, with HAProxy 2.6.

global
    lua-load-per-thread /etc/haproxy/latchkey.lua

defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout http-request 10s
    # How long nothing may come on a WebSocket before it is closed.
    timeout tunnel 1h

frontend latchkey
${tls ? `    # The key stands in the same file (cat fullchain.pem key.pem), or beside it: ${tls.certificate}.key\n` : ''}    bind ${bind}${tls ? ` ssl crt ${tls.certificate} alpn h2,http/1.1` : ''}
    acl latchkey_site ${acl(site)}
${applications.map(({ host }) => `    acl latchkey_app_${word(host)} ${acl(host)}`).join('\n')}
    # An unknown host: nobody is asked.
    http-request return status 404 content-type text/plain string "There is no such site." if ${['latchkey_site', ...applications.map(({ host }) => `latchkey_app_${word(host)}`)].map((name) => `!${name}`).join(' ')}
    # WebSockets, and no other protocol: what is upgraded is not looked at any more.
    http-request del-header Upgrade if { req.hdr(upgrade) -m found } !{ req.hdr(upgrade),lower -m str websocket }
    # What clients send under our names never counts, in any spelling; neither does what they say of themselves.
    http-request del-header '(?i)${pattern}' -m reg
    http-request del-header '(?i)^(?:x[-_](?:forwarded|original|real)[-_].*|forwarded)$' -m reg
    # Decided about and passed on is one and the same address, also where a whole one stood in the request line.
    http-request set-uri %[pathq]
    http-request set-header X-Forwarded-Method %[method]
    http-request set-header X-Forwarded-Proto ${tls ? 'https' : 'http'}
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    http-request set-header X-Forwarded-Uri %[pathq]
    http-request set-header X-Forwarded-For %[src]
    http-request lua.latchkey ${names.join(',')} if !latchkey_site
    http-request deny deny_status 503 if !latchkey_site !{ var(txn.latchkey) -m str yes }
    # The cookie of the sign-on is not for applications: taken out once, twice; whoever sends more of them gets no cookies through.
${[1, 2].flatMap(() => cookies.map((name) => `    http-request replace-header Cookie '^(.*;\\s*)?${quoted(name)}=[^;]*(?:;\\s*(.*))?$' '\\1\\2' if !latchkey_site`)).join('\n')}
${cookies.map((name) => `    http-request del-header Cookie if !latchkey_site { req.fhdr(cookie) -m reg '(?:^|;\\s*)${quoted(name)}=' }`).join('\n')}
${takers.length === 0 ? '' : `    # Name and password that were shown to the nodes are not for applications; what is no HTTP Basic is.\n${takers.map(({ host }) => `    http-request del-header Authorization if latchkey_app_${word(host)} { req.hdr(authorization) -m reg -i '^basic( |$)' }`).join('\n')}\n`}    use_backend latchkey_pages if latchkey_site
${applications.map(({ host }) => `    use_backend app_${word(host)} if latchkey_app_${word(host)}`).join('\n')}

# The questions (/forward-auth/haproxy), on a socket of this machine that has a name and no port.
frontend latchkey_questions
    bind abns@latchkey-asked
    default_backend latchkey_asked

backend latchkey_asked
    option httpchk GET /readyz
    http-check expect status 200
    balance roundrobin
    # A question changes nothing: where a node fails or may not say (503), the next one is asked.
    retries 2
    option redispatch 1
    retry-on conn-failure empty-response response-timeout 503
    timeout server ${takers.length > 0 ? '12s' : '5s'}
${servers('asked')}

# The central nodes. A form that is posted to a node in the moment of its death gets 502, since nothing with a body is sent twice.
backend latchkey_pages
    option httpchk GET /readyz
    http-check expect status 200
    balance roundrobin
    option redispatch 1
    retry-on conn-failure
${servers('web')}
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
