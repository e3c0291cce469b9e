/**
 * Apache httpd with mod_jk, over AJP/1.3: the guide's three files. mod_jk cannot ask `readyz`; it asks with a
 * CPing before each request, which a node answers only while it is ready. So a node that is not, is frozen or is gone
 * costs no request: nothing was sent yet, and another node gets it.
 */

import {
  bodyBytes,
  commonModules,
  logs,
  mark,
  onlyFromHere,
  seconds,
  threads,
  virtualHosts,
  webSockets,
} from './httpd.ts';
import { ajpPortOf, type BalancedNode, guessedAjp, type Installation, type Printer, waits } from './installation.ts';

export const modJk: Printer = (installation) => [
  { name: 'workers.properties', text: workers(installation) },
  { name: 'uriworkermap.properties', text: uriWorkerMap(installation) },
  { name: 'mod-jk.conf', text: configuration({ ...installation, protocol: 'ajp' }) },
];

/** A worker's name holds no dot; its route may. */
const workerName = ({ route }: BalancedNode): string => route.replaceAll('.', '_');

/** What requests are mapped to: the guide's form for a single node has no balancer. */
const target = ({ nodes }: Installation): string => (nodes.length === 1 ? workerName(nodes[0]!) : 'latchkey');

function workers(installation: Installation): string {
  const { nodes, ajpSecret, sticky } = installation;
  const isSingle = nodes.length === 1;
  return `# The nodes that mod_jk reaches. Printed by "latchkey balancer mod_jk". Read at the start of httpd: restart it after a change.
# Whoever can read the secret can be anybody: chmod 600, owner root.

worker.list=${target(installation)},latchkey-status
worker.maintain=${seconds(waits.checkEveryMs)}

# What all nodes have in common.
worker.node-template.type=ajp13
${ajpSecret === undefined ? '# CHANGE THIS: the secret that the nodes have in ajp.secret (or print with --ajp-secret-file).\n' : ''}worker.node-template.secret=${ajpSecret ?? 'CHANGE-THIS'}
# A node is asked with a CPing after connecting, before each request and every so often. One that is not ready (/readyz)
# closes the connection, and one that is frozen is silent: the request goes to another, before anything of it was sent.
worker.node-template.ping_mode=A
worker.node-template.ping_timeout=${waits.connectMs}
worker.node-template.socket_connect_timeout=${waits.connectMs}
# For the next piece of an answer, in milliseconds: longer requests need more (uriworkermap.properties has it by path).
worker.node-template.reply_timeout=${waits.answerMs}
# What a node may have begun is not asked twice (1, 2), but a GET is (16): mod_jk 1.2.48 does not look at 16 where 8, the same
# for HEAD, is set as well. When a browser goes away, so does the connection to the node (4).
worker.node-template.recovery_options=23
# Connections for each process of httpd: its threads by default (the guide's cachesize); fewer make requests wait for one.
# Never more than 1 with prefork.
# worker.node-template.connection_pool_size=64
worker.node-template.connection_pool_minsize=0
worker.node-template.connection_pool_timeout=60
# worker.node-template.max_packet_size=8192: the nodes' ajp.maxPacketSize must be the same

${nodes.map((node) => worker(node, isSingle)).join('\n')}
${isSingle ? '# A single node needs no balancer: name its worker in worker.list, as the guide says.\n' : balancer(installation, sticky)}
# For this machine alone: see mod-jk.conf.
worker.latchkey-status.type=status
`;
}

function worker(node: BalancedNode, isSingle: boolean): string {
  const name = `worker.${workerName(node)}`;
  const [domain, ...rest] = node.route.split('.');
  return `${mark(guessedAjp(node))}${name}.reference=worker.node-template
${name}.host=${node.host}
${name}.port=${ajpPortOf(node)}
${
  isSingle
    ? ''
    : `${name}.lbfactor=${node.weight}
${workerName(node) === node.route ? '' : `${name}.route=${node.route}\n`}${rest.length > 0 ? `# If it fails, a node of the same domain is the first to be asked.\n${name}.domain=${domain}\n` : ''}# Before maintenance: d, only visitors that are here; s, nobody.
${name}.activation=a
`
}`;
}

function balancer({ nodes }: Installation, sticky: Installation['sticky']): string {
  const stickiness =
    sticky === undefined
      ? `# Not sticky: a request goes to any node. Every node serves every visitor, at the price of asking others.
worker.latchkey.sticky_session=0
`
      : `# A visitor stays on the node that the cookie names behind its first dot: ${sticky.cookie}=….<route>, each letter as the
# worker's name${nodes.some((node) => workerName(node) !== node.route) ? ' or route' : ''}. A dead node's visitors go to others (sticky_session_force would refuse them).
worker.latchkey.sticky_session=1
worker.latchkey.sticky_session_force=0
worker.latchkey.session_cookie=${sticky.cookie}
# ${sticky.pathParameter === undefined ? 'It would beat the cookie, so that a link could steer a visitor: <none> is a name that no browser sends.' : 'It beats the cookie, so a link can steer a visitor to a node.'}
worker.latchkey.session_path=;${sticky.pathParameter ?? '<none>'}
`;
  return `worker.latchkey.type=lb
worker.latchkey.balance_workers=${nodes.map(workerName).join(',')}
worker.latchkey.method=R
${stickiness}# A node that failed is tried again after so many seconds, by a real request.
worker.latchkey.recover_time=${seconds(waits.retryMs)}
# One that only seems to fail (a connection broke) is in service for so many more.
worker.latchkey.error_escalation_time=0
worker.latchkey.lb_retries=${nodes.length}
worker.latchkey.retries=2
`;
}

const uriWorkerMap = (
  installation: Installation,
): string => `# What mod_jk leads where, by path; read again when it changes, within a minute. Printed by "latchkey balancer mod_jk".
# A path with an end of its own:   /export/*=${target(installation)};reply_timeout=600000
# Taken out, for httpd's own files: !/static/*=${target(installation)}
/*=${target(installation)}
`;

function configuration(installation: Installation): string {
  const { directory, secure, tls } = installation;
  const at = directory.replace(/\/$/, '');
  const sockets = webSockets(installation);
  const modules = [
    ...['jk', 'proxy', 'proxy_http', 'proxy_balancer', 'proxy_hcheck', 'lbmethod_byrequests', 'slotmem_shm'],
    ...commonModules(installation),
  ];
  const status = onlyFromHere(installation, '/jk-status', 'JkMount latchkey-status');
  return `# Latchkey's nodes behind Apache httpd 2.4 with mod_jk 1.2.48. Printed by "latchkey balancer mod_jk". This is what Latchkey's own
# tests run, with other addresses. Include it once, from httpd's main file; in Debian: in place of mods-available/jk.conf.
# Modules: a2enmod ${modules.join(' ')}
# The nodes need ajp.listen, ajp.secret as in workers.properties${secure && tls === undefined ? '' : ', and this machine in web.trustProxy for WebSockets'}.

${threads}${logs}<IfModule !jk_module>
    LoadModule jk_module modules/mod_jk.so
</IfModule>
JkWorkersFile ${at}/workers.properties
JkWatchdogInterval ${seconds(waits.checkEveryMs)}
JkLogLevel info
# What httpd's processes know about the nodes in common: a local disk, and httpd makes it.
JkShmFile \${LATCHKEY_LOGS}/jk-runtime-status
JkLogFile \${LATCHKEY_LOGS}/mod_jk.log

${virtualHosts(installation, {
  manager: `# Shows the nodes and what mod_jk thinks of them, and changes their activation:
# curl ${tls ? '-k ' : ''}'${tls ? 'https' : 'http'}://localhost:${installation.listen.port}/jk-status?cmd=update&from=list&w=latchkey&sw=NODE&vwa=d'   (a, d or s)
${status}`,
  requests: `JkMountFile ${at}/uriworkermap.properties
# Paths as they came; whether the browser's connection was TLS, and which, goes along by itself.
JkOptions +ForwardURICompatUnparsed +ForwardKeySize -ForwardDirectories
${tls ? 'SSLOptions +StdEnvVars\n' : ''}
# Bytes of a body: uploads may need more.
LimitRequestBody ${bodyBytes}

# AJP has no upgrades, so these go by HTTP.
${sockets.balancer}${sockets.notByAjp}RewriteEngine On
${sockets.rules}ProxyPreserveHost On
`,
  logged: '%{JK_LB_FIRST_NAME}n %{JK_LB_LAST_NAME}n %{JK_LB_LAST_STATE}n',
})}`;
}
