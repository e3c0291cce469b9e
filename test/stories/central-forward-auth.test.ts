/**
 * Forward authentication (checks 51 to 55 of SECURITY.md) as a reverse proxy and whoever is behind it find it: a served
 * node, asked in bytes. What the paths mean is judged by readings of our own, as upstreams of many kinds would read them.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { cookieHeader, personAt } from '../support/person.ts';
import { type Answered, ask, header, headerLines, rawly } from '../support/pipeline.ts';
import { type Served, type ServedCluster, serve } from '../support/served.ts';

const host = 'sso.xyz.test';
const rules = [
  { host: 'app.xyz.test', path: ['/public/*', '/health', '/Mixed/*'], policy: 'allow' },
  { host: 'app.xyz.test', path: '/staff/*', policy: 'any-role', roles: ['staff'] },
  { host: 'app.xyz.test', path: '/inside/*', networks: '10.0.0.0/8', policy: 'allow' },
  { host: 'app.xyz.test', path: '/options/*', methods: 'OPTIONS', policy: 'allow' },
  { host: 'app.xyz.test', path: '/never/*', policy: 'deny' },
  { host: 'app.xyz.test', policy: 'signed-on' },
  { host: 'open.xyz.test', policy: 'allow' },
];

let cluster: ServedCluster;
let closed: ServedCluster;
let node: Served;
let alice: string;
let bob: string;
before(async () => {
  const configuration = {
    cookieDomain: 'xyz.test',
    site: { origin: `https://${host}` },
    origins: ['https://app.xyz.test'],
  };
  // One after the other: each looks for ports that are free.
  cluster = await serve(1, { ...configuration, forwardAuth: { proxies: ['127.0.0.1'], rules } });
  closed = await serve(1, { ...configuration, forwardAuth: { rules } });
  [node] = cluster.nodes as [Served];
  const signedOn = async (name: string, password: string) => {
    const person = personAt(host, node);
    await person.signOn(name, password);
    return cookieHeader(new Map([...person.cookies].filter(([cookie]) => cookie === '__Secure-latchkey')));
  };
  alice = await signedOn('alice', 'wonderland');
  bob = await signedOn('bob', 'builder');
});
after(() => Promise.all([cluster?.stop(), closed?.stop()]));

type Headers = Readonly<Record<string, string>>;

interface Question {
  readonly host?: string;
  readonly path: string;
  readonly method?: string;
  readonly client?: string;
  readonly cookie?: string;
  /** What the client put beside it, where the proxy passes such things on. */
  readonly more?: Headers;
}

/** What each kind of proxy sends, as `latchkey proxy` and the proxies' manuals have it. */
const kinds: Readonly<Record<string, (question: Question) => { readonly target: string; readonly headers: Headers }>> =
  {
    nginx: ({ host = 'app.xyz.test', path, method = 'GET', client = '192.0.2.1', cookie, more }) => ({
      target: '/forward-auth/nginx',
      headers: {
        ...more,
        Host: 'latchkey',
        'X-Original-URL': `https://${host}${path}`,
        'X-Original-Method': method,
        'X-Forwarded-For': client,
        ...(cookie !== undefined && { Cookie: cookie }),
      },
    }),
    caddy: ({ host = 'app.xyz.test', path, method = 'GET', client = '192.0.2.1', cookie, more }) => ({
      target: '/forward-auth/caddy',
      headers: {
        ...more,
        Host: host,
        'X-Forwarded-Method': method,
        'X-Forwarded-Uri': path,
        'X-Forwarded-Host': host,
        'X-Forwarded-Proto': 'https',
        'X-Forwarded-For': client,
        ...(cookie !== undefined && { Cookie: cookie }),
      },
    }),
  };

async function decide(kind: string, question: Question, at = node): Promise<Answered> {
  const [answer] = await ask(at.asked, [kinds[kind]!(question)]);
  return answer!;
}

const isLetThrough = ({ status }: Answered) => status >= 200 && status < 300;

for (const kind of Object.keys(kinds)) {
  test(`${kind}: the rules say who gets where, and a question in good order is answered as they say`, async () => {
    const table: readonly (readonly [Question, number])[] = [
      [{ path: '/public/x' }, 200],
      [{ path: '/x' }, 401],
      [{ path: '/x', cookie: alice }, 200],
      [{ path: '/staff/x', cookie: alice }, 403],
      [{ path: '/staff/x', cookie: bob }, 200],
      [{ path: '/staff/x' }, 401],
      [{ path: '/inside/x', client: '10.1.2.3' }, 200],
      [{ path: '/inside/x', client: '11.1.2.3' }, 401],
      [{ path: '/options/x', method: 'OPTIONS' }, 200],
      [{ path: '/options/x', method: 'POST' }, 401],
      [{ path: '/never/x', cookie: bob }, 403],
      [{ path: '/x', host: 'other.xyz.test', cookie: bob }, 403],
      [{ path: '/x', host: 'open.xyz.test' }, 200],
    ];
    for (const [question, status] of table)
      assert.equal((await decide(kind, question)).status, status, JSON.stringify(question));
  });

  test(`check 51, ${kind}: by default nobody is a proxy: every question is refused, whoever asks and whatever it says`, async () => {
    const [stranger] = closed.nodes as [Served];
    const forged = [{}, { 'X-Real-IP': '127.0.0.1' }, { Forwarded: 'for=127.0.0.1;proto=https;host=app.xyz.test' }];
    for (const path of ['/public/x', '/x', '/health'])
      for (const more of forged)
        for (const cookie of [undefined, bob])
          assert.equal(
            (await decide(kind, { path, more, ...(cookie !== undefined && { cookie }) }, stranger)).status,
            403,
            `${path} ${JSON.stringify(more)}`,
          );
  });

  test(`check 51, ${kind}: an address that is no configured proxy is refused; what it says of addresses does not help`, async () => {
    const { target, headers } = kinds[kind]!({ path: '/public/x', cookie: alice, client: '127.0.0.1' });
    const bytes = (more: Headers = {}) =>
      `GET ${target} HTTP/1.1\r\n${headerLines({ ...headers, ...more, Connection: 'close' })}\r\n`;
    assert.match(await rawly(node.asked, bytes()), /^HTTP\/1\.1 200 /);
    for (const more of [{}, { 'X-Real-IP': '127.0.0.1' }, { Via: '127.0.0.1' }, { Forwarded: 'for=127.0.0.1' }])
      assert.match(await rawly(node.asked, bytes(more), '127.0.0.9'), /^HTTP\/1\.1 403 /, JSON.stringify(more));
  });

  test(`check 51, ${kind}: the client's own words about its address, host, scheme and path beside the proxy's change no decision`, async () => {
    const forged: readonly Headers[] = [
      { 'X-Real-IP': '10.0.0.1' },
      { 'X-Client-IP': '10.0.0.1', 'True-Client-IP': '10.0.0.1', 'CF-Connecting-IP': '10.0.0.1' },
      { Forwarded: 'for=10.0.0.1;host=open.xyz.test;proto=https' },
      { 'X-Forwarded-Prefix': '/public', 'X-Original-URI': '/public/x', 'X-Rewrite-URL': '/public/x' },
      { 'X-HTTP-Method-Override': 'OPTIONS', 'X-Method-Override': 'OPTIONS' },
      { 'X-Forwarded-Port': '80', 'X-Forwarded-Server': 'open.xyz.test', 'X-Host': 'open.xyz.test' },
      { 'Remote-User': 'bob', 'Remote-Groups': 'staff' },
      { Authorization: 'Bearer bob', 'X-Auth-Request-User': 'bob' },
    ];
    for (const more of forged)
      for (const path of ['/x', '/inside/x', '/options/x', '/staff/x', '/never/x'])
        assert.ok(!isLetThrough(await decide(kind, { path, more })), `${path} ${JSON.stringify(more)}`);
    // The chain that a client wrote before the proxy's own entry is not the client's address.
    const chain = await decide(kind, { path: '/inside/x', client: '10.0.0.1, 192.0.2.1' });
    assert.ok(!isLetThrough(chain), `${chain.status}`);
  });

  test(`check 53, ${kind}: nobody is let through for being a health check, a robot or a tool`, async () => {
    const agents = [
      'GoogleHC/1.0',
      'kube-probe/1.30',
      'ELB-HealthChecker/2.0',
      'Prometheus/2.50',
      'Googlebot/2.1',
      'curl/8',
      '',
    ];
    for (const agent of agents)
      for (const path of [
        '/x',
        '/x/health',
        '/ping',
        '/healthz',
        '/livez',
        '/readyz',
        '/metrics',
        '/robots.txt',
        '/.well-known/x',
      ])
        assert.equal((await decide(kind, { path, more: { 'User-Agent': agent } })).status, 401, `${agent} ${path}`);
  });

  test(`check 54, ${kind}: every answer that lets through names who it is, once and itself alone, whatever names the question brings`, async () => {
    const names = ['Remote-User', 'Remote-Groups', 'Remote-Name', 'Remote-Email', 'Latchkey-Assertion'];
    const spellings = names.flatMap((name) => [
      name,
      name.toLowerCase(),
      name.toUpperCase(),
      name.replaceAll('-', '_'),
    ]);
    const more = Object.fromEntries(spellings.map((name) => [name, 'root']));
    for (const [cookie, user] of [
      [undefined, ''],
      [alice, 'alice'],
      [`${alice}x`, ''],
    ] as const) {
      const answer = await decide(kind, { path: '/public/x', more, ...(cookie !== undefined && { cookie }) });
      assert.equal(answer.status, 200);
      for (const name of names) {
        const values = answer.headers.get(name.toLowerCase()) ?? [];
        assert.equal(values.length, 1, `${name}: ${values}`);
        assert.ok(!values[0]!.includes('root'), name);
        assert.equal(answer.headers.get(name.toLowerCase().replaceAll('-', '_')), undefined);
      }
      assert.equal(header(answer, 'remote-user'), user);
      assert.equal(header(answer, 'set-cookie'), undefined);
    }
  });

  test(`check 55, ${kind}: what is no address of a page is never let through, not even where everything is public`, async () => {
    const odd = [
      ...['', 'x', '*', 'http://open.xyz.test/', '?x', '#x', '/x#y', '/\\x', '\\x', '/%', '/%g1', '/%u0041', '/x%'],
      ...[
        '/%ff',
        '/%c0%af',
        '/%c0%ae%c0%ae/x',
        '/%ed%a0%80',
        '/%f8%80%80%80%af',
        '/%00',
        '/%0d%0a',
        '/%0a',
        '/%7f',
        '/%1f',
      ],
      ...[
        '/..',
        '/../x',
        '/a/../x',
        '/a/./x',
        '/%2e%2e/x',
        '/.%2e/x',
        '/%2E/x',
        '/a/..',
        '/..;/x',
        '/..%2fx',
        '/a/..%5cx',
      ],
      ...['/\u0001', '/\u00ff', '/a b', '/\tx', '/x\u0080'],
    ];
    for (const path of odd) {
      const { target, headers } = kinds[kind]!({ path, host: 'open.xyz.test', cookie: bob });
      const answer = await rawly(
        node.asked,
        `GET ${target} HTTP/1.1\r\n${headerLines({ ...headers, Connection: 'close' })}\r\n`,
      );
      assert.match(answer, /^HTTP\/1\.1 4\d\d /, JSON.stringify(path));
    }
    for (const name of [
      '',
      '.',
      'open.xyz.test.',
      'OPEN.xyz.test@evil.test',

      'a b',
      '*',
      'open.xyz.test, app.xyz.test',
      'öpen.xyz.test',
    ]) {
      const { target, headers } = kinds[kind]!({ path: '/x', host: name });
      const answer = await rawly(
        node.asked,
        `GET ${target} HTTP/1.1\r\n${headerLines({ ...headers, Connection: 'close' })}\r\n`,
      );
      // One dot more at the end is the same host to whoever resolves it, but another name to the rules.
      assert.match(answer, /^HTTP\/1\.1 4\d\d /, name);
    }
  });

  test(`check 52, ${kind}: of thousands of spellings (seeded) none opens what some upstream would read as a closed path`, async () => {
    const seed = 20_261_122;
    const piece = fc.constantFrom(
      ...['public', 'Public', 'PUBLIC', 'staff', 'never', 'x', 'health', 'mixed', 'Mixed', 'options', 'inside'],
      ...[
        '/',
        '//',
        '\\',
        '%2f',
        '%2F',
        '%5c',
        '%252f',
        '.',
        '..',
        '%2e',
        '%2e%2e',
        '%252e',
        ';',
        ';a=b',
        '%3b',
        '?',
        '%3f',
      ],
      ...[
        '#',
        '%23',
        '%00',
        '%20',
        '+',
        '%',
        '%75',
        '%50ublic',
        '%70ublic',
        'ſ',
        '%c5%bf',
        '%ef%bc%8f',
        '*',
        '~',
        ':',
        '@',
        '&',
        '=',
      ],
    );
    const path = fc.array(piece, { minLength: 1, maxLength: 9 }).map((parts) => `/${parts.join('')}`);
    const head = fc.constantFrom('/public', '/public/', '/health', '/Mixed/', '/staff/', '/x/', '');
    const paths = fc.sample(
      fc.tuple(head, path).map(([start, rest]) => start + rest),
      { seed, numRuns: 4_000 },
    );
    const wire = paths.map((one) => Buffer.from(one, 'utf8').toString('latin1'));
    const open: string[] = [];
    const answers = await ask(
      node.asked,
      wire.map((one) => {
        const { target, headers } = kinds[kind]!({ path: Buffer.from(one, 'latin1').toString('utf8') });
        return { target, headers };
      }),
    );
    answers.forEach((answer, i) => {
      if (isLetThrough(answer)) open.push(paths[i]!);
    });
    assert.ok(open.length > 20, `only ${open.length} of them were open: the sample proves nothing (seed ${seed})`);
    for (const one of open)
      for (const reading of readings(one))
        assert.ok(
          isPublic(reading),
          `seed ${seed}: ${JSON.stringify(one)} is open, and may be read as ${JSON.stringify(reading)}`,
        );
  });
}

/** What the rules open to everybody, said once more; a path is also that path with a slash at its end. */
const isPublic = (path: string) =>
  path === '/health' ||
  path === '/health/' ||
  ['/public', '/Mixed'].some((base) => path === base || path.startsWith(`${base}/`));

/** How servers of many kinds may read a path: decoded once or twice or not, parameters cut, slashes merged, backslashes turned, dots resolved. */
function readings(address: string): ReadonlySet<string> {
  const [path] = address.split(/[?#]/, 1) as [string];
  const steps: readonly ((text: string) => string)[] = [
    decoded,
    (text) => text.replaceAll('\\', '/'),
    (text) => text.replace(/;[^/]*/g, ''),
    (text) => text.replace(/\/{2,}/g, '/'),
    (text) => resolved(text),
    (text) => text.replace(/\/$/, '') || '/',
  ];
  const found = new Set([path]);
  for (let round = 0; round < 3; round++)
    for (const text of [...found]) for (const step of steps) found.add(step(text));
  return found;
}

function decoded(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function resolved(text: string): string {
  const out: string[] = [];
  for (const segment of text.split('/').slice(1)) {
    if (segment === '..') out.pop();
    else if (segment !== '.') out.push(segment);
  }
  return `/${out.join('/')}`;
}
