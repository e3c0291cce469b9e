/** What the doctor says about a configuration's text is what httpd and mod_jk do: both are asked the same. */

import assert from 'node:assert/strict';
import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { httpdBalancer, routeOfHttpd } from '../../server/doctor/reading/httpd/route.ts';
import { jkBalancer, routeOfModJk } from '../../server/doctor/reading/mod-jk/route.ts';
import { readConfiguration } from '../../server/doctor/reading/read.ts';
import { type AjpServer, ajpServer } from '../../sso/index.ts';
import { seededRandom } from '../../sso/random.ts';
import { goodJk, goodMap, goodWorkers } from '../corpus/installations/good.ts';
import { planted } from '../corpus/installations/planted.ts';
import { configTest, type Httpd, moduleDirectory, noHttpd, startHttpd } from './support/httpd.ts';
import { freePorts } from './support/proxied.ts';

/** What answers: the node's name, and the path that it got. */
interface Answer {
  readonly status: number;
  readonly node: string | undefined;
  readonly path: string | undefined;
  /** What httpd says of the route that it found, and whether it took another. */
  readonly route: string | undefined;
  readonly isChanged: boolean;
}

interface Question {
  readonly url: string;
  readonly cookie?: string;
}

const nodes = ['n1', 'n2', 'dom.n3'] as const;
const skip = noHttpd(true);
const web: Server[] = [];
const ajp: AjpServer[] = [];
let addresses: Readonly<Record<string, string>>;
let proxyPort: number;
let jkPort: number;
let httpd: Httpd;

before(async () => {
  if (skip) return;
  const answer =
    (node: string) => (req: { url?: string }, res: { setHeader(n: string, v: string): void; end(): void }) => {
      res.setHeader('X-Node', node);
      res.setHeader('X-Path', req.url ?? '');
      res.end();
    };
  for (const node of nodes) {
    const server = createServer(answer(node) as never);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    web.push(server);
    ajp.push(await ajpServer(answer(node) as never, { listen: '127.0.0.1:0', secret: 'a secret of sixteen' }));
  }
  addresses = Object.fromEntries([
    ...nodes.map((node, index) => [`http:${node}`, `127.0.0.1:${(web[index]!.address() as AddressInfo).port}`]),
    ...nodes.map((node, index) => [`ajp:${node}`, String(ajp[index]!.address.port)]),
  ]);
  [proxyPort, jkPort] = (await freePorts(2)) as [number, number];
  const files = [
    { name: 'site.conf', text: filled(site) },
    { name: 'workers.properties', text: filled(workers) },
  ];
  // Behind a name at the end of an address or cookie both modules read on, into what other requests left there.
  httpd = await startHttpd({ files, main: 'site.conf', modJk: true, cleanMemory: true });
});

after(async () => {
  await httpd?.stop();
  for (const server of web) server.close();
  for (const server of ajp) await server.close();
});

/** Puts the ports in: `@http:n1@`, `@ajp:n1@`, `@proxy@`, `@jk@`. */
function filled(text: string): string {
  return text.replace(/@([a-z:.\d]+)@/g, (_, name: string) =>
    name === 'proxy' ? String(proxyPort) : name === 'jk' ? String(jkPort) : addresses[name]!,
  );
}

/** Each path is an installation of its own; the Plone page's is under a host of its own. */
const site = `
LoadModule macro_module ${moduleDirectory}/mod_macro.so
Listen 127.0.0.1:@proxy@
Listen 127.0.0.1:@jk@

<Proxy balancer://shared>
  BalancerMember http://@http:n1@ route=n1
  BalancerMember http://@http:n2@ route=n2
</Proxy>
ProxyPass /from-main/ balancer://shared/ stickysession=MAIN
ProxyPass /hidden !

<VirtualHost *:@proxy@>
  ServerName foo.bar.com
  <Proxy balancer://lb>
    BalancerMember http://@http:n1@ route=192-168-1-10"
    BalancerMember http://@http:n2@ route=192-168-1-11"
  </Proxy>
  ProxyPass /balancer-manager !
  ProxyPass /admin lb://foobar/VirtualHostBase/http/foo.bar.com:80/VirtualHostRoot/_vh_admin
  ProxyPass / balancer://lb/VirtualHostBase/http/foo.bar.com:80/myportal/VirtualHostRoot/ stickysession=STICKY_ROUTE
</VirtualHost>

<VirtualHost *:@proxy@>
  ServerName other.bar.com
  ServerAlias *.alias.bar.com
  Define PREFIX defined
  <Proxy balancer://shared>
    BalancerMember http://@http:dom.n3@ route=dom.n3
  </Proxy>
  ProxyPass /bare/ balancer://shared
  <Macro Given $path $to>
    ProxyPass $path/ balancer://$to/
  </Macro>
  Use Given /by-macro shared
  # A comment that goes on \\
  ProxyPass /commented balancer://shared/
  ProxyPass /\${PREFIX}/ balancer://shared/x/
  <IfModule mod_nothing.c>
    ProxyPass /never/ balancer://shared/
  </IfModule>
  <IfModule !mod_nothing.c>
    ProxyPass /always/ balancer://shared/
  </IfModule>
  ProxyPass /again/ balancer://shared/ stickysession=AGAIN
  ProxyPass /empty/ balancer://nobody/
  ProxyPass /no-slash balancer://shared/y
  ProxyPass /slashes// balancer://shared/z/
  ProxyPass /hidden/shown balancer://shared/
  ProxyPassMatch ^/match/(\\d+)/(.*)$ balancer://shared/$2/$1
  ProxyPassMatch ^/whole/ balancer://shared
  <Location /located/>
    ProxyPass balancer://shared/located/
  </Location>
  ProxyPass /located/inside balancer://nobody/
  <Location /one/>
    ProxyPass http://@http:n2@/alone/
  </Location>
  <Proxy balancer://states>
    BalancerMember http://@http:n1@ route=off redirect=there status=D
    BalancerMember http://@http:n2@ route=there
    BalancerMember http://@http:dom.n3@ route=standby status=+H
    ProxySet stickysession=S|s scolonpathdelim=On
  </Proxy>
  ProxyPass /states/ balancer://states/
  <Proxy balancer://forced>
    BalancerMember http://@http:n1@ route=gone status=S
    BalancerMember http://@http:n2@ route=here
  </Proxy>
  ProxyPass /forced/ balancer://forced/ stickysession=F nofailover=On
  <Proxy balancer://whole>
    BalancerMember http://@http:n1@ route=n1
    BalancerMember http://@http:n2@ route=n2
    ProxySet stickysession=W stickysessionsep=Off
  </Proxy>
  ProxyPass /sep/ balancer://whole/
  <Proxy balancer://any>
    BalancerMember http://@http:n1@ route=n1
    BalancerMember http://@http:n2@ route=n2
    BalancerMember http://@http:dom.n3@ route=dom.n3
    ProxySet stickysession=JSESSIONID|jsessionid
  </Proxy>
  ProxyPass /any/ balancer://any/
  Header always set X-Changed %{BALANCER_ROUTE_CHANGED}e
  Header always set X-Route %{BALANCER_SESSION_ROUTE}e
  RewriteEngine On
  RewriteCond %{HTTP_COOKIE} (?:^|;\\s*)to=(\\w+)
  RewriteRule ^/rewritten/(.*)$ balancer://shared/%1/$1 [P]
  RewriteRule ^/moved/(.*)$ /again/$1
  RewriteRule ^/onward/(.*)$ /again/$1 [PT]
  RewriteRule ^/forbidden/ - [F]
  RewriteRule ^/redirected/ http://elsewhere/ [R,L]
</VirtualHost>

JkWorkersFile workers.properties
JkLogFile logs/mod_jk.log
JkShmFile logs/jk.shm
JkMount /outside/* lb

<VirtualHost *:@jk@>
  ServerName jk.bar.com
  JkMount /jk|/* lb
  JkMount /jk/deep/* single
  JkUnMount /jk/static/* *
  JkMount /below/* lb
  JkMount /loose/* loose
  JkMount /alone/* alone
  JkMount /any/* any
  JkMount /ghost/* ghost
  JkMount /unlisted/* n1
</VirtualHost>
<VirtualHost *:@jk@>
  ServerName copy.bar.com
  JkMountCopy On
  JkMount /jk/* single
</VirtualHost>
<VirtualHost *:@jk@>
  ServerName bare.bar.com
</VirtualHost>
`;

const workers = `
worker.list=lb,single,loose,alone,any
worker.any.type=lb
worker.any.balance_workers=n1,n3
worker.template.type=ajp13
worker.template.host=127.0.0.1
worker.template.secret=a secret of sixteen
worker.n1.reference=worker.template
worker.n1.port=@ajp:n1@
worker.n2.reference=worker.template
worker.n2.port=@ajp:n2@   # the second
worker.n2.redirect=n1
worker.n3.reference=worker.template
worker.n3.port=@ajp:dom.n3@
worker.n3.route=dom.n3
worker.off.reference=worker.template
worker.off.port=@ajp:n2@
worker.off.activation=stopped
worker.off.redirect=n1
worker.idle.reference=worker.template
worker.idle.port=@ajp:n2@
worker.idle.activation=disabled
worker.lb.type=lb
worker.lb.balance_workers=n1,n2
worker.lb.balance_workers=n3,off,idle
worker.loose.type=lb
worker.loose.balance_workers=n1,n3
worker.loose.sticky_session=0
worker.alone.type=lb
worker.alone.balance_workers=n3
worker.single.reference=worker.template
worker.single.port=@ajp:n1@
`;

function ask({ url, cookie }: Question, port: number): Promise<Answer> {
  const { host, pathname, search } = new URL(url);
  const headers = { Host: host, ...(cookie === undefined ? {} : { Cookie: cookie }) };
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: pathname + search, headers, agent: false }, (res) => {
      const header = (name: string) => res.headers[name] as string | undefined;
      const route = header('x-route');
      const answer = {
        status: res.statusCode!,
        node: header('x-node'),
        path: header('x-path'),
        route: route === '(null)' ? undefined : route,
        isChanged: header('x-changed') === '1',
      };
      res.resume().on('end', () => resolve(answer));
    }).on('error', reject);
  });
}

const members: Readonly<Record<string, string>> = {
  '192-168-1-10"': 'n1',
  '192-168-1-11"': 'n2',
  off: 'n1',
  there: 'n2',
  here: 'n2',
  standby: 'dom.n3',
  n3: 'dom.n3',
  single: 'n1',
  idle: 'n2',
};

/** The nodes that the doctor names, a status, or httpd itself. */
function namedIn(to: string): readonly string[] | number | 'httpd' {
  if (/^\d{3}$/.test(to)) return Number(to);
  if (to === 'httpd itself') return 'httpd';
  const names = to.replace(/^whoever has the least to do: /, '').split(/, | or /);
  return names.map((one) => {
    const bare = one.replace(/ \(.*/, '');
    const origin = Object.entries(addresses).find(([, address]) => bare === `http://${address}`)?.[0];
    return origin?.replace(/^http:/, '') ?? members[bare] ?? bare;
  });
}

async function agree(question: Question, port: number, note = ''): Promise<void> {
  const { journey } = readConfiguration(join(httpd.directory, 'around.conf'), {
    ...question,
    url: question.url.replace(/^(https?:\/\/[^/]+)/, `$1:${port}`),
  });
  const told = `${JSON.stringify(question)} ${note}\n  ${journey!.steps.join('\n  ')}\n  → ${journey!.to}`;
  const answers: Answer[] = [];
  const named = namedIn(journey!.to);
  const seen = new Set<string | undefined>();
  // Requests of cookies count as load: whoever had them is left out for as many.
  const often = Array.isArray(named) && named.length > 1 ? 400 : 6;
  for (let times = 0; times < often && !(often > 6 && seen.size === new Set(named as string[]).size); times += 1) {
    answers.push(await ask(question, port));
    seen.add(answers.at(-1)!.node);
  }
  if (typeof named === 'number') {
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [named], told);
    return;
  }
  if (named === 'httpd') {
    assert.deepEqual([[...seen], answers[0]!.status], [[undefined], 404], told);
    return;
  }
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200], told);
  assert.deepEqual([...seen].sort(), [...new Set(named)].sort(), told);
  const made = journey!.steps
    .map((step) => /(?:makes it|passes it on to) \w+:\/\/[^/]+(\/\S*)\.$/.exec(step)?.[1])
    .find(Boolean);
  if (made !== undefined) assert.equal(answers[0]!.path!.split('?')[0], made, told);
}

const sticky: readonly string[] = ['abc.n1', 'abc.dom.n3', 'abc.n2', '"abc.n2"', 'abc', 'abc.n9', 'x.N1', 'a.b.n1'];

test("the Plone page's own example: quoted cookies stick, others do not, and lb:// answers 500", { skip }, async () => {
  for (const cookie of [
    'STICKY_ROUTE="route.192-168-1-10"',
    'STICKY_ROUTE="route.192-168-1-11"',
    'STICKY_ROUTE=route.192-168-1-10',
  ])
    await agree({ url: 'http://foo.bar.com/page', cookie }, proxyPort);
  for (const path of ['/admin', '/admin/manage', '/balancer-manager', '/administration', '/'])
    await agree({ url: `http://foo.bar.com${path}` }, proxyPort);
});

test('ProxyPass in all its forms: order, exclusions, patterns, Location, variables, conditions, the main server', {
  skip,
}, async () => {
  const paths = [
    ...['/from-main/a', '/from-main', '/hidden/shown', '/defined/a', '/never/a', '/always/a', '/again/a', '/empty/a'],
    ...[
      '/no-slash',
      '/no-slash/a',
      '/no-slashes',
      '/slashes/a',
      '/slashes///a',
      '/match/12/a/b',
      '/match/x/a',
      '/whole/a',
    ],
    ...[
      '/located/a',
      '/located/inside/a',
      '/located',
      '/one/a',
      '/commented/a',
      '/nothing',
      '/rewritten/a',
      '/moved/a',
    ],
    ...['/forbidden/a', '/states/a', '/forced/a', '/sep/a', '/bare/a', '/by-macro/a'],
  ];
  for (const path of paths) await agree({ url: `http://other.bar.com${path}` }, proxyPort);
  await agree({ url: 'http://www.alias.bar.com/from-main/a' }, proxyPort);
  await agree({ url: 'http://unknown.example/a' }, proxyPort);
});

test('the cookie of a balancer of the main server is the one that the virtual host names', { skip }, async () => {
  for (const value of sticky)
    for (const name of ['MAIN', 'AGAIN', 'again'])
      for (const path of ['/from-main/a', '/again/a', '/located/a'])
        await agree({ url: `http://other.bar.com${path}`, cookie: `${name}=${value}` }, proxyPort);
});

test('members that are off, stand by, are forced or replaced; separators; the address before the cookie', {
  skip,
}, async () => {
  for (const route of ['off', 'there', 'standby', 'nobody'])
    await agree({ url: 'http://other.bar.com/states/a', cookie: `S=x.${route}` }, proxyPort);
  for (const url of ['/states/a;s=x.there;v=1', '/states/a?s=x.there&t', '/states/a;s=x.standby'])
    await agree({ url: `http://other.bar.com${url}`, cookie: 'S=x.nobody' }, proxyPort);
  for (const route of ['gone', 'here', 'unknown'])
    await agree({ url: 'http://other.bar.com/forced/a', cookie: `F=x.${route}` }, proxyPort);
  for (const value of ['n1', 'x.n1', 'n2'])
    await agree({ url: 'http://other.bar.com/sep/a', cookie: `W=${value}` }, proxyPort);
});

test('RewriteRule: conditions on cookies, P, a new path, what it answers by itself', { skip }, async () => {
  await agree({ url: 'http://other.bar.com/rewritten/a', cookie: 'a=b; to=there' }, proxyPort);
  await agree({ url: 'http://other.bar.com/rewritten/a', cookie: 'MAIN=x; AGAIN=x.n2; to=there' }, proxyPort);
  for (const path of ['/moved/a', '/onward/a'])
    await agree({ url: `http://other.bar.com${path}`, cookie: 'AGAIN=x.n2' }, proxyPort);
});

test('mod_jk: mounts and unmounts, templates, routes, domains, redirects, activation, virtual hosts', {
  skip,
}, async () => {
  const paths = [
    '/jk',
    '/jk/',
    '/jk/a',
    '/jks',
    '/jk/deep/a',
    '/jk/static/a',
    '/below',
    '/below/a',
    '/outside/a',
    '/',
    '/jk/deep;x=y/a',
    '/ghost/a',
    '/unlisted/a',
  ];
  for (const path of paths) await agree({ url: `http://jk.bar.com${path}` }, jkPort);
  for (const host of ['copy.bar.com', 'bare.bar.com'])
    for (const path of ['/outside/a', '/jk/a', '/jk/deep/a']) await agree({ url: `http://${host}${path}` }, jkPort);
  for (const route of ['n1', 'n2', 'dom.n3', 'dom.gone', 'dom', 'off', 'idle', 'n9', 'N1'])
    await agree({ url: 'http://jk.bar.com/below/a', cookie: `JSESSIONID=x.${route}` }, jkPort);
  for (const cookie of [
    'JSESSIONID="x.n2"',
    'JSESSIONID=x; JSESSIONID=x.n2',
    'jsessionid=x.n2',
    'JSESSIONID=s%3Aa.b.n2',
  ])
    await agree({ url: 'http://jk.bar.com/below/a', cookie }, jkPort);
  await agree({ url: 'http://jk.bar.com/below/a;jsessionid=x.n2', cookie: 'JSESSIONID=x.n1' }, jkPort);
  await agree({ url: 'http://jk.bar.com/loose/a', cookie: 'JSESSIONID=x.n1' }, jkPort);
  await agree({ url: 'http://jk.bar.com/alone/a', cookie: 'JSESSIONID=x.n1' }, jkPort);
});

test('a cookie of the name without "=" hides the one right behind it from httpd, not from mod_jk', {
  skip,
}, async () => {
  for (const cookie of ['JSESSIONID;JSESSIONID=x.n1', 'JSESSIONID ,JSESSIONID=x.n1', 'JSESSIONID; JSESSIONID=x.n1'])
    for (const [host, port] of [['other', proxyPort] as const, ['jk', jkPort] as const])
      await agree({ url: `http://${host}.bar.com/any/a`, cookie }, port);
});

const cookieParts = [
  ...[
    'JSESSIONID=',
    'JSESSIONID=',
    'jsessionid=',
    'XJSESSIONID=',
    'JSESSIONID',
    'JSESSIONID = ',
    'a=b',
    '; ',
    '; ',
    ';',
    ', ',
  ],
  ...['abc', '.', '.n1', '.n2', '.dom.n3', '.dom', '.n9', '"', '"', ' ', '=', '\t', '%2E', 's:id.sig.n2'],
];
const pathParts = [
  ...[
    ';jsessionid=',
    '?jsessionid=',
    '&jsessionid=x.n2',
    '?JSESSIONID=x.n1',
    'jsessionid',
    '=',
    '.n1',
    '.n2',
    '.dom.n3',
    '.n9',
  ],
  ...['abc', '/', ';', '?', '&', ';v=1', 'x'],
];

test('any cookie and any address: httpd and mod_jk find the route that the doctor finds', { skip }, async () => {
  const seed = Number(process.env['LATCHKEY_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random.fraction() * limit);
  const some = (parts: readonly string[], most: number) =>
    Array.from({ length: below(most) }, () => parts[below(parts.length)]).join('');
  const httpdMembers = httpdBalancer({
    stickysession: 'JSESSIONID|jsessionid',
    members: nodes.map((route) => ({ route })),
  });
  const jkMembers = jkBalancer({ members: [{ route: 'n1' }, { route: 'dom.n3' }] });
  for (let round = 0; round < 400; round += 1) {
    const cookie = some(cookieParts, 10).trim();
    const path = `a${some(pathParts, 5)}`;
    const about = `seed ${seed}, round ${round}: ${JSON.stringify({ cookie, path })}`;
    // httpd makes one slash of several before it passes a path on; the query stays as it is.
    const merged = path.replace(/^[^?]+/, (one) => one.replace(/\/+/g, '/'));
    const sent = cookie === '' ? {} : { cookie };
    const given = cookie === '' ? undefined : cookie;

    const answer = await ask({ url: `http://other.bar.com/any/${path}`, ...sent }, proxyPort);
    const routing = routeOfHttpd(given, `/${merged}`, httpdMembers);
    assert.equal(answer.status, 200, about);
    assert.equal(answer.isChanged, routing.kind === 'balanced', about);
    if (routing.kind === 'member') assert.equal(answer.node, routing.member.route, about);
    const found = routing.kind === 'refused' ? undefined : routing.found?.route;
    assert.equal(answer.route?.trim() || undefined, found?.trim() || undefined, about);

    const jkAnswer = await ask({ url: `http://jk.bar.com/any/${path}`, ...sent }, jkPort);
    const jkRouting = routeOfModJk(given, `/any/${merged}`.split('?', 1)[0]!, jkMembers);
    const among =
      jkRouting.kind === 'member' ? [jkRouting.member] : jkRouting.kind === 'balanced' ? jkRouting.among : [];
    assert.ok(
      among.some(({ route }) => route === jkAnswer.node),
      `${about}: ${jkAnswer.node}`,
    );
  }
});

test('what is said to keep httpd from starting does', { skip }, async () => {
  const words = { 'parameter-unknown': /sticky_session|retry/, 'section-unclosed': /Expected <.Proxy> but saw/ };
  for (const { name, check, files } of planted.filter((one) => Object.hasOwn(words, one.check))) {
    const text = files['httpd.conf']!.replace('SSLEngine on', '');
    assert.match(configTest({ files: [{ name: 'httpd.conf', text }] }), words[check as keyof typeof words], name);
  }
  const [port] = await freePorts(1);
  const good = { 'mod-jk.conf': goodJk, 'workers.properties': goodWorkers, 'uriworkermap.properties': goodMap };
  const start = (files: Readonly<Record<string, string>>) =>
    startHttpd({
      files: Object.entries(files).map(([name, text]) => ({ name, text })),
      main: 'mod-jk.conf',
      modJk: true,
      before: `Listen 127.0.0.1:${port}`,
    }).then((started) => started.stop());
  await start(good);
  for (const { name, files } of planted.filter(
    ({ check, files: given }) =>
      given['mod-jk.conf'] !== undefined && /^(?:route-duplicate|property-unknown)$/.test(check),
  ))
    await assert.rejects(start(files), name);
});
