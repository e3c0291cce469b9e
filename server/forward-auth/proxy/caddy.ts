/**
 * Caddy: `forward_auth` asks, and what is not 2xx goes to the browser as it is. Within `route` the
 * lines are done in their order, and the order matters: first what a client sent under our names is
 * taken away, in every spelling, then the question is asked and its answer's headers are set.
 */

import { bracketed, guess, headerNames, indented, type ProxySettings, quoted, spellings } from './settings.ts';

export function caddy(settings: ProxySettings): string {
  const { nodes, applications, site, tls } = settings;
  const to = (port: 'web' | 'asked') => nodes.map((node) => `${bracketed(node.host)}:${node[port]}`).join(' ');
  return `${[
    `# Latchkey and the applications behind it, for Caddy 2.6 or later: a Caddyfile.
# Printed by "latchkey proxy caddy"; print it again when nodes, hosts or headers change.
# The nodes must name this proxy in web.trustProxy and forwardAuth.proxies.
# This is what Latchkey's own tests run.
{
	# Who reaches the administration port can lift every rule below. After a change of this file: restart Caddy.
	admin off
${tls ? '\t# Certificates are the files named below; leave out the tls lines, and Caddy gets its own.\n\tauto_https disable_redirects' : '\tauto_https off'}
}`,
    `# The central nodes. One that is not ready (away, cut off, about to stop) is asked nothing; questions go to the next at once.
# A form that is posted to a node in the moment of its death gets 502, since Caddy sends no body twice.
(latchkey_nodes) {
	lb_policy least_conn
	lb_try_duration 3s
	lb_try_interval 100ms
	fail_duration 5s
	health_uri /readyz
	health_interval 2s
	health_timeout 2s
}`,
    `# No node is ready: the one word that Caddy's own 503 lacks is when to ask again.
(latchkey_away) {
	handle_errors {
		@latchkey_none expression {http.error.status_code} == 503
		header @latchkey_none Retry-After 1
	}
}`,
    `(latchkey_asked) {
	# What clients send under our names never counts, in any spelling.
${headerNames(settings.headers)
  .flatMap(spellings)
  .map((name) => `\trequest_header -${name}`)
  .join('\n')}
	# WebSockets, and no other protocol: what is upgraded is not looked at any more.
	@latchkey_other_upgrade {
		header Upgrade *
		not header_regexp Upgrade (?i)^websocket$
	}
	request_header @latchkey_other_upgrade -Upgrade
	forward_auth ${to('asked')} {
		uri /forward-auth/caddy
		copy_headers ${headerNames(settings.headers).join(' ')}
		# Meant for nginx and Envoy; from here they would be the client's own words.
		header_up -X-Original-URL
		header_up -X-Original-Method
		import latchkey_nodes
		transport http {
			dial_timeout 2s
			response_header_timeout ${applications.some(({ basic }) => basic) ? '12s' : '5s'}
		}
	}
	# The cookie of the sign-on is not for applications.
${settings.cookies.map((name) => `\trequest_header Cookie "(^|;\\s*)${quoted(name)}=[^;]*" "$1"`).join('\n')}
}`,
    `# The sign-on page.
${address(settings, site)} {
${indented(common(settings), '\t')}	import latchkey_away
	reverse_proxy ${to('web')} {
		import latchkey_nodes
	}
}`,
    ...applications.map(
      (application) => `${address(settings, application.host)} {
${indented(common(settings), '\t')}	import latchkey_away
	route {
		import latchkey_asked
${application.basic ? withoutPassword : ''}		# ${guess(application)}
		reverse_proxy ${application.upstream}
	}
}`,
    ),
  ].join('\n\n')}\n`;
}

const withoutPassword = `		# Name and password that were shown to the nodes are not for the application; what is no HTTP Basic is.
		@latchkey_password header_regexp Authorization (?i)^basic(\\s|$)
		request_header @latchkey_password -Authorization
`;

function address({ listen: { port }, tls }: ProxySettings, host: string): string {
  return `${tls ? 'https' : 'http'}://${host}${port === (tls ? 443 : 80) ? '' : `:${port}`}`;
}

function common({ listen, tls }: ProxySettings): string {
  const bind = listen.address === undefined ? '' : `bind ${bracketed(listen.address)}\n`;
  return `${bind}${tls ? `tls ${tls.certificate} ${tls.key}\n` : ''}`;
}
