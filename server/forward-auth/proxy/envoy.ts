/**
 * Envoy: the filter `ext_authz` asks over HTTP, by the request's own method, Host and path below a
 * prefix. It refuses what it cannot normalise before it asks, and headers with underscores altogether.
 */

import { guess, headerNames, indented, type ProxySettings, word } from './settings.ts';

export function envoy(settings: ProxySettings): string {
  const { nodes, applications, site, headers, cookies, listen, tls } = settings;
  const names = headerNames(headers).map((name) => name.toLowerCase());
  const exact = (list: readonly string[], by: string) =>
    list.map((name) => `${by}- { exact: ${name}, ignore_case: true }`).join('\n');
  const endpoints = (port: 'web' | 'asked') => nodes.map((node) => endpoint(node.host, node[port])).join(', ');
  const health = `
      health_checks:
        - { timeout: 2s, interval: 2s, unhealthy_threshold: 1, healthy_threshold: 1, http_health_check: { path: /readyz } }`;
  const takers = applications.filter(({ basic }) => basic).map(({ host }) => host);
  return `# Latchkey and the applications behind it, for Envoy 1.28 or later: a static bootstrap configuration.
# Printed by "latchkey proxy envoy". NOT RUN by Latchkey's tests, which hold the node against the requests that Envoy's
# documentation describes: try it before you rely on it.
# The nodes must name this proxy in web.trustProxy and forwardAuth.proxies.

static_resources:
  listeners:
    - name: latchkey
      address: { socket_address: { address: "${listen.address ?? '::'}", port_value: ${listen.port}${listen.address === undefined ? ', ipv4_compat: true' : ''} } }
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: latchkey
                # The client's address is whom Envoy sees; what clients say of it is not passed on.
                use_remote_address: true
                # Decided and passed on is one and the same path.
                normalize_path: true
                merge_slashes: true
                path_with_escaped_slashes_action: REJECT_REQUEST
                common_http_protocol_options: { headers_with_underscores_action: REJECT_REQUEST, idle_timeout: 60s }
                request_headers_timeout: 10s
                upgrade_configs: [{ upgrade_type: websocket }]
                http_filters:
                  - name: envoy.filters.http.header_mutation
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
                      mutations:
                        request_mutations:
                          # What clients send under our names never counts.
${[...names, 'x-original-url', 'x-original-method'].map((name) => `                          - remove: ${name}`).join('\n')}
                  - name: envoy.filters.http.ext_authz
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
                      transport_api_version: V3
                      failure_mode_allow: false
                      status_on_error: { code: ServiceUnavailable }
                      allowed_headers:
                        patterns:
${exact(['cookie', 'accept', 'sec-fetch-mode', 'x-forwarded-proto', 'x-forwarded-for', ...(takers.length > 0 ? ['authorization', 'user-agent'] : [])], '                          ')}
                      http_service:
                        server_uri: { uri: "http://latchkey", cluster: latchkey_asked, timeout: 5s }
                        path_prefix: /forward-auth/envoy
                        authorization_response:
                          # Set, not added to.
                          allowed_upstream_headers:
                            patterns:
${exact(names, '                              ')}
                  # The cookie of the sign-on is not for applications.
                  - name: envoy.filters.http.lua
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
                      default_source_code:
                        inline_string: |
                          function envoy_on_request(handle)
${takers.length > 0 ? passwordOut(takers) : ''}                            local cookie = handle:headers():get("cookie")
                            if cookie == nil then return end
                            local kept = {}
                            for pair in string.gmatch(cookie, "[^;]+") do
                              local name = string.match(pair, "^%s*([^=]*)")
${cookies.map((name) => `                              if name == "${name}" then pair = nil end`).join('\n')}
                              if pair ~= nil then table.insert(kept, (string.gsub(pair, "^%s+", ""))) end
                            end
                            if #kept == 0 then handle:headers():remove("cookie")
                            else handle:headers():replace("cookie", table.concat(kept, "; ")) end
                          end
                  - name: envoy.filters.http.router
                    typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
                route_config:
                  virtual_hosts:
                    - name: latchkey_pages
                      domains: ${domains(site)}
                      # The sign-on page needs its own cookies, and nobody's permission.
                      typed_per_filter_config:
                        envoy.filters.http.ext_authz:
                          "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute
                          disabled: true
                        envoy.filters.http.lua:
                          "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.LuaPerRoute
                          disabled: true
                      routes:
                        - match: { prefix: / }
                          route: { cluster: latchkey_pages, retry_policy: { retry_on: "connect-failure,refused-stream" } }
${applications
  .map(
    ({ host }) => `                    - name: app_${word(host)}
                      domains: ${domains(host)}
                      routes: [{ match: { prefix: / }, route: { cluster: app_${word(host)}, timeout: 60s } }]`,
  )
  .join('\n')}
                    # An unknown host is in no domains, so it gets 404.
${tls ? indented(transport(tls), '          ') : ''}  clusters:
    - name: latchkey_pages
      type: STRICT_DNS
      connect_timeout: 2s${health}
      load_assignment: { cluster_name: latchkey_pages, endpoints: [{ lb_endpoints: [${endpoints('web')}] }] }
    - name: latchkey_asked
      type: STRICT_DNS
      connect_timeout: 2s${health}
      load_assignment: { cluster_name: latchkey_asked, endpoints: [{ lb_endpoints: [${endpoints('asked')}] }] }
${applications
  .map((one) => {
    const at = one.upstream.lastIndexOf(':');
    return `    - name: app_${word(one.host)}
      type: STRICT_DNS
      connect_timeout: 2s
      # ${guess(one)}
      load_assignment: { cluster_name: app_${word(one.host)}, endpoints: [{ lb_endpoints: [${endpoint(one.upstream.slice(0, at).replace(/^\[|\]$/g, ''), Number(one.upstream.slice(at + 1)))}] }] }`;
  })
  .join('\n')}
`;
}

/** In Lua: whether a host is one of these, then what of its Authorization is not for the application. */
function passwordOut(hosts: readonly string[]): string {
  const is = (host: string) =>
    host.startsWith('*.') ? `string.sub(host, -${host.length - 1}) == "${host.slice(1)}"` : `host == "${host}"`;
  const by = ' '.repeat(28);
  return `${by}-- Name and password that were shown to the nodes are not for the application.
${by}local host = string.gsub(string.lower(handle:headers():get(":authority") or ""), ":%d+$", "")
${by}local shown = string.lower(handle:headers():get("authorization") or "")
${by}if (${hosts.map(is).join(' or ')}) and (shown == "basic" or string.sub(shown, 1, 6) == "basic ") then
${by}  handle:headers():remove("authorization")
${by}end
`;
}

const domains = (host: string): string => `["${host}", "${host}:*"]`;

const endpoint = (host: string, port: number): string =>
  `{ endpoint: { address: { socket_address: { address: "${host}", port_value: ${port} } } } }`;

const transport = ({
  certificate,
  key,
}: {
  readonly certificate: string;
  readonly key: string;
}): string => `transport_socket:
  name: envoy.transport_sockets.tls
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
    common_tls_context:
      tls_certificates: [{ certificate_chain: { filename: ${certificate} }, private_key: { filename: ${key} } }]
`;
