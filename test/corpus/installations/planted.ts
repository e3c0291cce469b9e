/**
 * Wrong installations: each a good one with one thing changed, the check that has to find it, and the line
 * on which it has to say so. What else is found there is a false alarm.
 */

import { goodAjp, goodHaproxy, goodHttpd, goodJk, goodMap, goodNginx, goodWorkers } from './good.ts';

export interface Planted {
  readonly name: string;
  /** The check that finds it. */
  readonly check: string;
  /** By name; the first is the one that the doctor is given. */
  readonly files: Readonly<Record<string, string>>;
  /** `file:line` of the finding; undefined: it is about what is not there. */
  readonly at: string | undefined;
  /** It may be meant so: the doctor asks, and does not say that it is wrong. */
  readonly isUnsure?: true;
}

type Change = readonly [from: string | RegExp, to: string];

function changed(text: string, changes: readonly Change[]): string {
  return changes.reduce((before, [from, to]) => {
    const after = before.replace(from, to);
    if (after === before) throw new Error(`nothing to change: ${from}`);
    return after;
  }, text);
}

const httpd = (name: string, check: string, at: string | undefined, ...changes: readonly Change[]): Planted => ({
  name,
  check,
  at: at === undefined ? undefined : `httpd.conf:${at}`,
  files: { 'httpd.conf': changed(goodHttpd, changes) },
});

const ajp = (name: string, check: string, at: string, ...changes: readonly Change[]): Planted => ({
  name,
  check,
  at: `httpd.conf:${at}`,
  files: { 'httpd.conf': changed(goodAjp, changes) },
});

const jk = (
  name: string,
  check: string,
  at: string | undefined,
  file: 'workers.properties' | 'mod-jk.conf' | 'uriworkermap.properties',
  ...changes: readonly Change[]
): Planted => {
  const good = { 'mod-jk.conf': goodJk, 'workers.properties': goodWorkers, 'uriworkermap.properties': goodMap };
  return {
    name,
    check,
    at: at === undefined ? undefined : `${file}:${at}`,
    files: { ...good, [file]: changed(good[file], changes) },
  };
};

const other = (
  kind: 'nginx' | 'haproxy',
  name: string,
  check: string,
  at: string | undefined,
  ...changes: readonly Change[]
): Planted => {
  const file = kind === 'nginx' ? 'nginx.conf' : 'haproxy.cfg';
  const text = changed(kind === 'nginx' ? goodNginx : goodHaproxy, changes);
  return { name, check, at: at === undefined ? undefined : `${file}:${at}`, files: { [file]: text } };
};

export const planted: readonly Planted[] = [
  // Does it get to the balancer?
  httpd('lb:// in place of balancer://', 'balancer-scheme', '16', [
    'ProxyPass / balancer://nodes/',
    'ProxyPass /x/ lb://foobar/\n    ProxyPass / balancer://nodes/',
  ]),
  httpd('a balancer of another name', 'balancer-empty', '16', [
    'ProxyPass / balancer://nodes/',
    'ProxyPass /x/ balancer://node/\n    ProxyPass / balancer://nodes/',
  ]),
  httpd('members in another virtual host', 'balancer-empty', '22', [
    '</VirtualHost>',
    '</VirtualHost>\n<VirtualHost *:80>\n    ServerName b.xyz.com\n    ProxyPass / balancer://nodes/\n</VirtualHost>',
  ]),
  httpd('no slash at the end of the target', 'slash-mismatch', '16', ['balancer://nodes/', 'balancer://nodes']),
  httpd('the longer path behind the shorter one', 'rule-shadowed', '16', [
    / {4}ProxyPass \/static !\n {4}ProxyPass \/ balancer:\/\/nodes\/\n/,
    '    ProxyPass / balancer://nodes/\n    ProxyPass /static !\n',
  ]),
  httpd('a rewritten path that stays with httpd', 'rewrite-not-passed', '17', [
    '    ProxyPass / balancer',
    '    RewriteEngine On\n    RewriteRule ^/old/(.*)$ /new/$1\n    ProxyPass / balancer',
  ]),
  httpd('one path past the balancer', 'member-bypassed', '16', [
    '    ProxyPass / balancer',
    '    ProxyPass /admin http://10.0.0.1:3000/admin\n    ProxyPass / balancer',
  ]),
  httpd("a word of mod_jk's for a parameter", 'parameter-unknown', '8', [
    'stickysession=STICKY_ROUTE',
    'stickysession=STICKY_ROUTE sticky_session=1',
  ]),
  httpd("a member's parameter given to the balancer", 'parameter-unknown', '8', [
    'stickysession=STICKY_ROUTE',
    'stickysession=STICKY_ROUTE retry=5',
  ]),
  httpd('a member named twice', 'member-ignored', '8', [
    '        ProxySet',
    '        BalancerMember http://10.0.0.1:3000 route=node1 loadfactor=5\n        ProxySet',
  ]),
  httpd(
    'a member that a virtual host adds',
    'member-ignored',
    '9',
    [
      '<VirtualHost',
      `<Proxy balancer://nodes>
  BalancerMember http://10.0.0.3:3000 route=node3 timeout=15 connectiontimeout=2 retry=5 ttl=4 upgrade=websocket hcmethod=GET hcuri=/readyz
</Proxy>
<VirtualHost`,
    ],
    [/ {8}BalancerMember http:\/\/10.0.0.2.*\n/, ''],
  ),
  // Is it sticky?
  { ...httpd('no stickysession', 'stickiness', '5', [/ {8}ProxySet .*\n/, '']), isUnsure: true },
  httpd('a member without a route', 'route-missing', '7', [' route=node2', '']),
  httpd('one route for two', 'route-duplicate', '7', ['route=node2', 'route=node1']),
  httpd('routes with the quote of Zope', 'route-quoted', '6', ['route=node1', 'route=node1"']),
  httpd('the cookie in lower case', 'sticky-cookie-name', '8', ['STICKY_ROUTE', 'sticky_route']),
  httpd('the signed cookie of Express', 'sticky-cookie-signed', '8', ['STICKY_ROUTE', 'connect.sid']),
  httpd('another separator', 'sticky-separator', '8', ['STICKY_ROUTE', 'STICKY_ROUTE stickysessionsep=!']),
  httpd('a path parameter without its end', 'path-delimiter', '8', ['STICKY_ROUTE', 'JSESSIONID|jsessionid']),
  httpd('two names for one balancer', 'sticky-disagreement', '17', [
    '    ProxyPass / balancer://nodes/',
    '    ProxyPass /a/ balancer://nodes/a/ stickysession=A\n    ProxyPass / balancer://nodes/ stickysession=B',
  ]),
  httpd('no failover', 'failover-forbidden', '8', ['STICKY_ROUTE', 'STICKY_ROUTE nofailover=On']),
  httpd('a redirect to nowhere', 'redirect-unknown', '6', ['route=node1', 'route=node1 redirect=node3']),
  httpd('a cookie of httpd that nobody looks for', 'route-cookie', '17', [
    '    ProxyPreserve',
    '    Header add Set-Cookie "ROUTEID=.%{BALANCER_WORKER_ROUTE}e; path=/" env=BALANCER_ROUTE_CHANGED\n    ProxyPreserve',
  ]),
  httpd(
    'a cookie of httpd without its dot',
    'route-cookie',
    '17',
    ['STICKY_ROUTE', 'ROUTEID'],
    [
      '    ProxyPreserve',
      '    Header add Set-Cookie "ROUTEID=%{BALANCER_WORKER_ROUTE}e; path=/" env=BALANCER_ROUTE_CHANGED\n    ProxyPreserve',
    ],
  ),
  // What if a node is away?
  httpd('no health check', 'health-check', '6,7', [/ hcmethod=GET hcuri=\/readyz/g, '']),
  httpd('a health check that asks for the wrong page', 'health-check', '6', ['hcuri=/readyz', 'hcuri=/livez']),
  httpd('a minute before it is tried again', 'retry', '7', [
    /retry=5(?= ttl=4 upgrade=websocket hcmethod=GET hcuri=\/readyz\n {8}ProxySet)/,
    'retry=60',
  ]),
  httpd('no timeout for an answer', 'answer-timeout', '6,7', [/ timeout=15/g, '']),
  httpd('no timeout for a connection', 'connect-timeout', '6,7', [/ connectiontimeout=2/g, '']),
  httpd('too long for a connection', 'connect-timeout', '6', ['connectiontimeout=2', 'connectiontimeout=30']),
  httpd('idle connections kept too long', 'idle-connections', '6', ['ttl=4', 'ttl=60']),
  httpd('everybody switched off', 'standby-only', '6', [/route=/g, 'status=D route=']),
  // What does the node see?
  httpd('paths for Zope', 'zope-path', '16', [
    'balancer://nodes/',
    'balancer://nodes/VirtualHostBase/http/app.xyz.com:80/portal/VirtualHostRoot/',
  ]),
  httpd('the host of the request lost', 'host-not-passed', '16', [/ {4}ProxyPreserveHost On\n/, '']),
  httpd('no WebSockets', 'websocket-upgrade', '6', [/ upgrade=websocket/g, '']),
  httpd('answers replaced', 'error-override', '17', [
    '    ProxyPreserve',
    '    ProxyErrorOverride On\n    ProxyPreserve',
  ]),
  httpd('TLS that the node does not hear of', 'forwarded-proto', '16', [/ {4}RequestHeader .*\n/, '']),
  httpd(
    'https on the word of the browser',
    'forwarded-proto',
    '17',
    [' SSLEngine on', ' SSLEngine off'],
    ['RequestHeader set X-Forwarded-Proto https', ''],
    [':443', ':80'],
    ['    ProxyPreserve', '    RequestHeader append X-Forwarded-Proto http\n    ProxyPreserve'],
  ),
  // Who may do what?
  httpd('the manager for everybody', 'manager-open', '11', [/ {8}Require ip .*\n/, '']),
  httpd('the manager for everybody, in words', 'manager-open', '11', [
    'Require ip 127.0.0.1',
    'Order allow,deny\n        Allow from all',
  ]),
  httpd('the manager behind ProxyPass', 'manager-shadowed', '10', [/ {4}ProxyPass \/balancer-manager !\n/, '']),
  httpd('an open proxy', 'open-proxy', '17', ['    ProxyPreserve', '    ProxyRequests On\n    ProxyPreserve']),
  // The text itself.
  httpd('a comment that swallows a line', 'comment-continues', '17', [
    '    ProxyPreserve',
    '    # see \\\n    # C:\\\\logs\n    ProxyPreserve',
  ]),
  httpd('a section left open', 'section-unclosed', '18', [/ {4}<\/Proxy>\n/, '']),
  // mod_proxy_ajp
  ajp('AJP without a secret', 'ajp-secret', '5', [
    ' secret=chosen timeout=15 connectiontimeout=2 retry=5 ping=1\n    </',
    ' timeout=15 connectiontimeout=2 retry=5 ping=1\n    </',
  ]),
  ajp('AJP packets of two sizes', 'packet-size', '5', [
    /retry=5 ping=1\n {4}<\//,
    'retry=5 ping=1 iobuffersize=65536\n    </',
  ]),
  ajp('AJP without ping', 'health-check', '4,5', [/ ping=1/g, '']),
  ajp('JSESSIONID in lower case', 'sticky-cookie-name', '7', ['JSESSIONID|jsessionid', 'jsessionid']),
  // mod_jk
  jk('balanced_workers', 'property-old', '15', 'workers.properties', ['balance_workers', 'balanced_workers']),
  jk('cachesize', 'property-old', '18', 'workers.properties', [
    'worker.status.type',
    'worker.node1.cachesize=10\nworker.status.type',
  ]),
  jk(
    'a property misspelt',
    'property-unknown',
    '17',
    'workers.properties',
    ['recover_time=5', 'recover_time=5\nworker.lb.sticky_sesion=1'],
    ['worker.lb.recover_time=5\n', ''],
    ['worker.lb.sticky_session=1', 'worker.lb.recover_time=5'],
  ),
  jk('a worker of the list that is not defined', 'worker-list', '1', 'workers.properties', [
    'lb,status',
    'lb,status,node3',
  ]),
  jk('a member that is not defined', 'member-undefined', '15', 'workers.properties', [
    'node1,node2',
    'node1,node2,node3',
  ]),
  jk('one route for two workers', 'route-duplicate', '12', 'workers.properties', [
    'worker.node2.host',
    'worker.node2.route=node1\nworker.node2.host',
  ]),
  jk('a route with a quote', 'route-quoted', '12', 'workers.properties', [
    'worker.node2.host',
    'worker.node2.route=node2"\nworker.node2.host',
  ]),
  {
    ...jk(
      'routes that nobody looks at',
      'stickiness',
      '17',
      'workers.properties',
      ['sticky_session=1', 'sticky_session=0'],
      ['worker.node2.host', 'worker.node2.route=second\nworker.node2.host'],
    ),
    isUnsure: true,
  },
  jk('sticky_session_force', 'failover-forbidden', '17', 'workers.properties', [
    'sticky_session=1',
    'sticky_session=1\nworker.lb.sticky_session_force=1',
  ]),
  jk('the cookie in lower case, mod_jk', 'sticky-cookie-name', '17', 'workers.properties', [
    'sticky_session=1',
    'sticky_session=1\nworker.lb.session_cookie=jsessionid',
  ]),
  jk('a path parameter without its semicolon', 'sticky-cookie-name', '17', 'workers.properties', [
    'sticky_session=1',
    'sticky_session=1\nworker.lb.session_path=jsessionid',
  ]),
  jk("a cookie of mod_jk's own over the session", 'session-cookie-invented', '17', 'workers.properties', [
    'sticky_session=1',
    'sticky_session=1\nworker.lb.set_session_cookie=true',
  ]),
  jk('a redirect to no member', 'redirect-unknown', '12', 'workers.properties', [
    'worker.node2.host',
    'worker.node2.redirect=node3\nworker.node2.host',
  ]),
  jk('a domain that its route is not of', 'domain', '13', 'workers.properties', [
    'worker.node2.host',
    'worker.node2.route=left.node2\nworker.node2.domain=right\nworker.node2.host',
  ]),
  jk('no ping', 'health-check', '8,11', 'workers.properties', [/worker.template.ping_mode=A\n/, '']),
  jk('no time for an answer', 'answer-timeout', '8,11', 'workers.properties', [
    /worker.template.reply_timeout=.*\n/,
    '',
  ]),
  jk('no time for a connection', 'connect-timeout', '8,11', 'workers.properties', [
    /worker.template.socket_connect_timeout=.*\n/,
    '',
  ]),
  jk('a minute before it is tried again, mod_jk', 'retry', '15', 'workers.properties', [
    /worker.lb.recover_time=5\n/,
    '',
  ]),
  jk('requests done twice', 'repeated-requests', '7', 'workers.properties', [
    'recovery_options=3',
    'recovery_options=4',
  ]),
  jk('no secret', 'ajp-secret', '8,11', 'workers.properties', [/worker.template.secret=.*\n/, '']),
  jk('HEAD again, and no GET', 'repeated-get', '7', 'workers.properties', [
    'recovery_options=3',
    'recovery_options=27',
  ]),
  jk('packets of two sizes', 'packet-size', '12', 'workers.properties', [
    'worker.node2.host',
    'worker.node2.max_packet_size=16384\nworker.node2.host',
  ]),
  jk('a weight of nothing', 'weight', '12', 'workers.properties', [
    'worker.node2.host',
    'worker.node2.lbfactor=0\nworker.node2.host',
  ]),
  jk('prefork with a pool', 'prefork-pool', '3', 'workers.properties', [
    'worker.template.secret',
    'worker.template.connection_pool_size=10\nworker.template.secret',
  ]),
  jk('a worker mounted that is not listed', 'mount-unknown-worker', '1', 'uriworkermap.properties', [
    '/*=lb',
    '/*=balancer',
  ]),
  jk('the path itself left out', 'mount-incomplete', '1', 'uriworkermap.properties', ['/shop|/*', '/shop/*']),
  jk('mounts that a virtual host does not get', 'mount-not-inherited', '8', 'mod-jk.conf', [
    '</Location>',
    '</Location>\n<VirtualHost *:80>\n</VirtualHost>',
  ]),
  jk('the status worker for everybody', 'status-open', '5', 'mod-jk.conf', [/ {4}Require local\n/, '']),
  jk('no shared memory', 'shared-memory', '1', 'mod-jk.conf', [/JkShmFile.*\n/, '']),
  jk('decoded paths', 'uri-forwarding', '3', 'mod-jk.conf', [
    'JkMountFile',
    'JkOptions +ForwardURICompat\nJkMountFile',
  ]),
  {
    name: 'workers in the file of httpd',
    check: 'property-old',
    at: 'mod-jk.conf:16',
    files: {
      'mod-jk.conf': `JkShmFile logs/jk.shm\n${changed(goodWorkers, [['balance_workers', 'balanced_workers']]).replace(/^worker/gm, 'JkWorkerProperty worker')}`,
    },
  },
  // HAProxy and nginx
  other('haproxy', 'ids with a prefix', 'cookie-prefix', '12', [
    '    use-server',
    '    cookie JSESSIONID prefix\n    use-server',
  ]),
  other('haproxy', 'use-server without another', 'use-server-alone', '11', [/ {4}option redispatch\n/, '']),
  other('haproxy', 'no check of a server', 'health-check', '14', ['node2 10.0.0.2:3000 check', 'node2 10.0.0.2:3000']),
  other('haproxy', 'appsession', 'appsession', '12', [
    '    use-server',
    '    appsession JSESSIONID len 52 timeout 3h\n    use-server',
  ]),
  other('haproxy', 'no time for an answer, HAProxy', 'answer-timeout', '8', [/ {4}timeout server .*\n/, '']),
  other('nginx', 'a hash for stickiness', 'hash-is-not-affinity', '6', [
    'upstream any { ',
    'upstream any { hash $cookie_STICKY_ROUTE consistent; ',
  ]),
  other('nginx', 'no WebSockets, nginx', 'websocket-upgrade', '10', [/ {8}proxy_http_version 1.1;\n/, '']),
  other('nginx', 'the host lost, nginx', 'host-not-passed', '10', [/ {8}proxy_set_header Host .*\n/, '']),
  other('nginx', 'https on the word of the browser, nginx', 'forwarded-proto', '15', [
    'X-Forwarded-Proto $scheme',
    'X-Forwarded-Proto $http_x_forwarded_proto',
  ]),
  other('nginx', 'a minute for a connection, nginx', 'connect-timeout', '10', [/ {8}proxy_connect_timeout .*\n/, '']),
];
