/**
 * Traefik: `forwardAuth` knows one address, so the nodes stand behind an entry point of Traefik's own
 * on loopback, with a health check. It deletes a header before it copies ours; other spellings are
 * emptied before.
 */

import { bracketed, guess, headerNames, type ProxySettings, spellings, word } from './settings.ts';

export function traefik(settings: ProxySettings): string {
  const { nodes, applications, site, headers } = settings;
  const names = headerNames(headers);
  const servers = (port: 'web' | 'asked') =>
    nodes.map((node) => `          - url: "http://${bracketed(node.host)}:${node[port]}"`).join('\n');
  const rule = (host: string) =>
    host.startsWith('*.') ? `HostRegexp(\`^.+\\\\.${host.slice(2).replaceAll('.', '\\\\.')}$\`)` : `Host(\`${host}\`)`;
  const entry = settings.tls ? 'websecure' : 'web';
  const router = (name: string, host: string, service: string, middlewares: string) => `    ${name}:
      rule: "${rule(host)}"
      entryPoints: [${entry}]
      service: ${service}${middlewares}${settings.tls ? '\n      tls: {}' : ''}`;
  return `# Latchkey and the applications behind it, for Traefik 3: a file of the file provider.
# Printed by "latchkey proxy traefik". NOT RUN by Latchkey's tests, which hold the node against the requests that
# Traefik's documentation describes: try it before you rely on it.
# The nodes must name this proxy in web.trustProxy and forwardAuth.proxies, and 127.0.0.1 in the latter as well.
# Traefik cannot take one cookie out of a request: applications get the cookie of the sign-on. Run only such behind it as
# you would trust with it, or take a proxy that can (nginx, Caddy, HAProxy, Envoy). WebSockets pass without further words.
#
# In the static configuration, beside your own entry point "${entry}":
#
#   entryPoints:
#     ${entry}:
#       address: ":${settings.listen.port}"
#       http: { sanitizePath: true }
#     latchkey:
#       address: "127.0.0.1:8899"
#       forwardedHeaders: { trustedIPs: ["127.0.0.1/32"] }

http:
  middlewares:
    # What clients send under our names never counts, in any spelling.
    latchkey-clear:
      headers:
        customRequestHeaders:
${names
  .flatMap(spellings)
  .map((name) => `          ${name}: ""`)
  .join('\n')}
    latchkey-asked:
      forwardAuth:
        address: "http://127.0.0.1:8899/forward-auth/traefik"
        trustForwardHeader: false
        authResponseHeaders: [${names.join(', ')}]
    latchkey:
      chain:
        middlewares: [latchkey-clear, latchkey-asked]
${
  applications.some(({ basic }) => basic)
    ? `    # Name and password that were shown to the nodes are not for applications. Traefik cannot tell them from other schemes:
    # where an application takes tokens (Bearer), leave this one out of its router.
    latchkey-password:
      headers:
        customRequestHeaders:
          Authorization: ""
`
    : ''
}
  services:
    latchkey-pages:
      loadBalancer:
        servers:
${servers('web')}
        healthCheck: { path: /readyz, interval: 2s, timeout: 2s }
    latchkey-asked:
      loadBalancer:
        servers:
${servers('asked')}
        healthCheck: { path: /readyz, interval: 2s, timeout: 2s }
${applications
  .map(
    (one) => `    app-${word(one.host)}:
      loadBalancer:
        servers:
          # ${guess(one)}
          - url: "http://${one.upstream}"`,
  )
  .join('\n')}

  routers:
    latchkey-asked:
      rule: "PathPrefix(\`/forward-auth/traefik\`)"
      entryPoints: [latchkey]
      service: latchkey-asked
${router('latchkey-pages', site, 'latchkey-pages', '')}
${applications
  .map((one) =>
    router(
      `app-${word(one.host)}`,
      one.host,
      `app-${word(one.host)}`,
      `\n      middlewares: [${one.basic ? 'latchkey, latchkey-password' : 'latchkey'}]`,
    ),
  )
  .join('\n')}
`;
}
