/**
 * What httpd's configuration has in common whether mod_proxy_balancer or mod_jk carries the requests:
 * where it listens, TLS, which hosts it answers for, what it believes of what browsers say about themselves,
 * and how WebSockets get through, which AJP cannot carry.
 */

import { bracketed, guessed, type Installation, indented, waits } from './installation.ts';

/** Of which parts a virtual host is made. */
interface Parts {
  /** Who reaches the page that shows and changes the balancer, and how. */
  readonly manager: string;
  /** Where requests go. */
  readonly requests: string;
  /** The fields of its log after the time. */
  readonly logged: string;
}

/** Where logs go; what stands before the printed file may say otherwise. */
export const logs = `<IfDefine !LATCHKEY_LOGS>
    Define LATCHKEY_LOGS /var/log/apache2
</IfDefine>
`;

export const seconds = (ms: number): number => Math.ceil(ms / 1_000);

/** Of a body; uploads may need more. */
export const bodyBytes = 10_485_760;

/** A thread waits for each slow client, and httpd's defaults have few: to be said outside of virtual hosts, once. */
export const threads = `# Every client that is slow to ask, and every WebSocket, holds a thread. Debian's mpm_event has 150; more in /etc/apache2/mods-available/mpm_event.conf:
#     ServerLimit 8
#     ThreadsPerChild 128
#     MaxRequestWorkers 1024
`;

/** Modules that every one of these files needs, as `a2enmod` calls them. */
export function commonModules({ tls, secure }: Installation): readonly string[] {
  return ['headers', 'reqtimeout', 'rewrite', ...(tls ? ['ssl', 'http2'] : secure ? ['remoteip'] : [])];
}

export function virtualHosts(installation: Installation, parts: Parts): string {
  const { hosts, listen, tls } = installation;
  const at = `${listen.address === undefined ? '*' : bracketed(listen.address)}:${listen.port}`;
  const [first, ...others] = hosts;
  const named =
    first === undefined
      ? ''
      : `ServerName ${first.replace(/^\*\./, '')}
${[...(first.startsWith('*.') ? [first] : []), ...others].map((name) => `ServerAlias ${name}\n`).join('')}# For the manager: nobody but this machine can mean it by these.
ServerAlias localhost 127.0.0.1 [::1]
`;
  const strangers = `# Whoever asks for a host that is none of ours gets no application.
<VirtualHost ${at}>
    ServerName unknown.invalid
${indented(encryption(tls), '    ')}${indented(slowClients, '    ')}    Redirect 404 /
</VirtualHost>

`;
  return `${listening(installation)}
${first === undefined ? '' : strangers}<VirtualHost ${at}>
${indented(named, '    ')}${indented(encryption(tls), '    ')}
${indented(limits, '    ')}
${indented(believed(installation), '    ')}
${indented(parts.manager, '    ')}
${indented(parts.requests, '    ')}
    # For each request: who, when, what, the answer, how long in microseconds, and where it went.
    CustomLog \${LATCHKEY_LOGS}/latchkey.log "%a %t \\"%r\\" %>s %D ${parts.logged}"
</VirtualHost>
${redirected(installation, named)}`;
}

/** Where the ports are the usual ones, whoever comes without TLS is sent to the same page with it. */
function redirected({ tls, listen: { address, port } }: Installation, named: string): string {
  if (tls === undefined || port !== 443) return '';
  return `
<VirtualHost ${address === undefined ? '*' : bracketed(address)}:80>
${indented(named, '    ')}    RewriteEngine On
    RewriteRule ^ https://%{SERVER_NAME}%{REQUEST_URI} [R=301,L]
</VirtualHost>
`;
}

/** Distributions listen on 80 and 443 already, and httpd does not start when it is told twice. */
function listening({ listen: { address, port } }: Installation): string {
  if (address === undefined && (port === 80 || port === 443))
    return `# Where httpd's own files do not listen on ${port} yet (Debian's ports.conf does):\n# Listen ${port}\n`;
  return `Listen ${address === undefined ? '' : `${bracketed(address)}:`}${port}\n`;
}

const encryption = (tls: Installation['tls']): string =>
  tls === undefined
    ? ''
    : `SSLEngine on
SSLCertificateFile ${tls.certificate}
SSLCertificateKeyFile ${tls.key}
SSLProtocol -all +TLSv1.2 +TLSv1.3
Protocols h2 http/1.1
H2Upgrade Off
`;

/** Of an address the first virtual host counts: the host is not known yet. */
const slowClients = `# Slow clients: this long for the header, and this many bytes in a second.
RequestReadTimeout handshake=5-10,MinRate=500 header=5-10,MinRate=500 body=10,MinRate=500
`;

const limits = `${slowClients}TraceEnable Off
ProxyRequests Off
# Paths go to the nodes as they came.
AllowEncodedSlashes NoDecode
MergeSlashes Off
`;

function believed({ secure, tls, protocol }: Installation): string {
  const isOuter = secure && tls === undefined;
  const outer = `# TLS ends before this httpd. CHANGE THIS: the address of what stands there, which must set X-Forwarded-For; only it may
# reach this port.
RemoteIPHeader X-Forwarded-For
RemoteIPInternalProxy 127.0.0.1 ::1
${protocol === 'ajp' ? '# For AJP, which says itself whether the browser came by TLS.\nSetEnv HTTPS on\n' : ''}`;
  return `${isOuter ? outer : ''}# What browsers say about themselves never counts. What is true is set anew: mod_proxy_http adds X-Forwarded-For, and
# AJP has a place of its own for the address and for TLS.
RequestHeader unset Forwarded
RequestHeader unset X-Real-IP
RequestHeader unset X-Forwarded-For
RequestHeader unset X-Forwarded-Host
RequestHeader set X-Forwarded-Proto ${secure ? 'https' : 'http'}
RequestHeader unset X-Forwarded-Port
RequestHeader unset X-Forwarded-Server
RequestHeader unset X-Forwarded-Prefix
# Some read headers as variables (httpoxy).
RequestHeader unset Proxy
`;
}

/**
 * A page that changes the balancer, for this machine alone. By name as well as by address: a page of a
 * stranger's that a browser here has open reaches it under the stranger's name only, and what a proxy on this
 * machine passes on has the site's.
 */
export function onlyFromHere({ secure, tls }: Installation, path: string, handler: string): string {
  const block = `<Location ${path}>
    ${handler}
    <RequireAll>
        Require ip 127.0.0.1 ::1
        Require expr "%{HTTP_HOST} =~ m#^(?:127\\.0\\.0\\.1|localhost|\\[::1\\])(?::[0-9]+)?$#"
    </RequireAll>
</Location>
`;
  if (!secure || tls !== undefined) return block;
  return `# Left out, since TLS ends before this httpd: if that is on this machine, everybody seems to come from here.
${block.replace(/^(?=.)/gm, '# ')}`;
}

/**
 * WebSockets by a balancer of their own, whichever way requests go: AJP cannot carry them, and httpd closes
 * a tunnel in which nothing came for as long as the balancer's other members may take for an answer.
 */
export function webSockets(installation: Installation): {
  readonly balancer: string;
  readonly rules: string;
  /** Takes these requests, and no others, from mod_jk. */
  readonly notByAjp: string;
} {
  const { webSockets: paths, nodes, ready, sticky } = installation;
  const members = nodes.map(
    (node) => `${mark(guessed(node))}BalancerMember http://${bracketed(node.host)}:${node.port} route=${node.route} \\
    loadfactor=${node.weight} upgrade=websocket connectiontimeout=${seconds(waits.connectMs)} timeout=${seconds(waits.webSocketIdleMs)} \\
    retry=${seconds(waits.retryMs)} ${httpChecks(ready)}
`,
  );
  const path = `^(?:${paths.map((one) => one.replace(/\/$/, '').replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})(?:/|$)`;
  const only = paths.length === 0 ? '' : `RewriteCond %{REQUEST_URI} "${path}"\n`;
  return {
    balancer: `# WebSockets: the same nodes, but a connection may be silent for ${waits.webSocketIdleMs / 60_000} minutes. Health checks wait as long for a node that
# is frozen; its visitors come to another node by their other requests, and their WebSockets follow the cookie.
<Proxy balancer://latchkey-websockets>
${indented(members.join(''), '    ')}${sticky ? indented(stickiness(sticky), '    ') : ''}</Proxy>
`,
    rules: `RewriteCond %{HTTP:Upgrade} "^websocket$" [NC]
${only}RewriteRule ^ balancer://latchkey-websockets%{REQUEST_URI} [P]
`,
    notByAjp:
      paths.length === 0
        ? 'SetEnvIfNoCase Upgrade "^websocket$" no-jk\n'
        : `SetEnvIfExpr "%{HTTP:Upgrade} =~ /^websocket$/i && %{REQUEST_URI} =~ m#${path}#" no-jk\n`,
  };
}

/** Questions to a node that stand at its member. */
export const httpChecks = (ready: string): string =>
  `hcmethod=GET hcuri=${ready} hcinterval=${seconds(waits.checkEveryMs)} hcpasses=1 hcfails=1`;

/** A parameter of the URL would beat the cookie; browsers never send `<none>`, they write `%3Cnone%3E`. */
export const stickiness = ({ cookie, pathParameter }: NonNullable<Installation['sticky']>): string =>
  pathParameter === undefined
    ? `ProxySet stickysession=${cookie}|<none>\n`
    : `ProxySet stickysession=${cookie}|${pathParameter} scolonpathdelim=On\n`;

/** A comment of its own line, or nothing. */
export const mark = (comment: string): string => (comment === '' ? '' : `# ${comment}\n`);
