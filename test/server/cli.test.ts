import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { hashPassword, verifyPassword } from '../../server/hashing/hash.ts';
import { type Ran, runHere, runProgram } from './support/program.ts';

const directory = mkdtempSync(join(tmpdir(), 'latchkey-'));
after(() => rmSync(directory, { recursive: true }));

const secret = 'b7'.repeat(32);
const env = { LATCHKEY_SECRET: secret };

function file(name: string, text: string, mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

file(
  'users.yaml',
  JSON.stringify({ users: [{ name: 'alice', roles: ['customer'], password: hashPassword('wonderland') }] }),
);
const good = 'secret: { env: LATCHKEY_SECRET }\nusers: users.yaml\n';

/** One clear line on standard error, exit code 1, nothing on standard output. */
function assertRefused({ code, stdout, stderr }: Ran, says: RegExp): void {
  assert.equal(code, 1, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /^latchkey: [^\n]+\n$/);
  assert.match(stderr, says);
  assert.doesNotMatch(stderr, /\bat .*[.:]\d+:\d+|Error:|node:internal/);
  assert.ok(!stderr.includes(secret));
}

test('wrong use is told in one line, with what was probably meant', async () => {
  const wrong: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [[], /say what to do: demo, serve/],
    [['dmeo'], /"dmeo" is no command; did you mean "demo"\?/],
    [['constructor'], /"constructor" is no command/],
    [['--port', '1'], /"--port" is no command \(latchkey --help\)/],
    [['--hlep'], /"--hlep" is no command; did you mean "--help"\?/],
    [['demo', '--prot', '1'], /demo: Unknown option '--prot'; did you mean "--port"\? \(latchkey demo --help\)\n$/],
    [['serve', '--confg=x'], /serve: Unknown option '--confg'; did you mean "--config"\?/],
    [['check-config', 'x', '--zebra'], /Unknown option '--zebra' \(latchkey/],
    [['balancer', 'ngnix'], /"ngnix" is none of apache, .*; did you mean "nginx"\?/],
    [['demo', '--port'], /demo: Option '--port <value>' argument missing/],
    [['demo', '--port', 'x'], /--port must be a whole number, 1 to 55000/],
    [['demo', '--port', '0'], /--port must be a whole number/],
    [['demo', '--port', '60000'], /--port must be a whole number/],
    [['demo', '--nodes', '10'], /--nodes must be a whole number, 1 to 9/],
    [['demo', 'here'], /"here" is one word too many/],
    [['serve'], /--config is missing/],
    [['serve', '--restored'], /--config is missing/],
    [['serve', '--restored', 'x'], /"x" is one word too many/],
    [['check-config'], /FILE is missing/],
    [['new-secret', '--long'], /Unknown option/],
  ];
  for (const [args, says] of wrong) assertRefused(await runHere(args), says);
});

test('every command has its help, and the overview names them all', async () => {
  const { stdout } = await runHere(['--help']);
  for (const command of ['demo', 'serve', 'check-config', 'hash-password', 'new-secret']) {
    assert.ok(stdout.includes(`  ${command} `), command);
    const help = await runHere([command, '--help']);
    assert.equal(help.code, 0);
    assert.ok(help.stdout.startsWith(`Usage: latchkey ${command}`));
  }
  assert.match((await runHere(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
});

test('a new secret is one that a node takes, and another each time', async () => {
  const [one, two] = [await runHere(['new-secret']), await runHere(['new-secret'])];
  assert.notEqual(one.stdout, two.stdout);
  const { code } = await runHere(['check-config', file('latchkey.yaml', good)], { LATCHKEY_SECRET: one.stdout.trim() });
  assert.equal(code, 0);
});

test('hash-password takes one line of a pipe, and nothing is an error', async () => {
  const { stdout } = await runHere(['hash-password'], {}, 'correct horse\nignored\n');
  assert.ok(verifyPassword(stdout.trim(), 'correct horse'));
  assertRefused(await runHere(['hash-password'], {}, ''), /no password was given/);
});

test('check-config says that nothing is wrong, how the node would run, and warns of a secret that others may read', async () => {
  file('secret', secret, 0o644);
  const path = file('latchkey.yaml', 'secret: { file: secret }\nusers: users.yaml\nroute: n1\n');
  const { code, stdout, stderr } = await runHere(['check-config', path]);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /nothing is wrong \(node n1, no cluster, state in memory only, listening on 127\.0\.0\.1:8080, 1 user\)/,
  );
  assert.match(stderr, /^latchkey: warning: .*secret: others than its owner may read this secret: chmod 600 it\n$/);
});

test('check-config --try asks the directories: files say how many are in them, an LDAP server that is down is a problem', async () => {
  const path = file('latchkey.yaml', good);
  const tried = await runHere(['check-config', path, '--try', '--user', 'alice'], env);
  assert.deepEqual([tried.code, tried.stderr], [0, '']);
  assert.match(tried.stdout, /nothing is wrong .*\nfile .*users\.yaml: 1 user\nalice: in file .*; roles customer\n$/);
  const ldap = '{ kind: ldap, servers: ["ldaps://127.0.0.1:1"], base: dc=xyz }';
  const away = file('away.yaml', `secret: { env: LATCHKEY_SECRET }\ndirectories: [${ldap}]\n`);
  assert.equal((await runHere(['check-config', away], env)).code, 0, 'without --try nothing is asked');
  const { code, stderr } = await runHere(['check-config', away, '--try', '--user', 'alice'], env);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^latchkey: ldaps:\/\/127\.0\.0\.1:1 does not answer: .*\nlatchkey: alice: .* cannot say: .*\n$/,
  );
  assertRefused(await runHere(['check-config', path, '--user', 'alice'], env), /--user is for --try/);
});

test('check-config names the voters, what happens when cut off, and where the state is, and makes no directory', async () => {
  const nodes = (count: number) => Array.from({ length: count }, (_, index) => `"10.0.0.${index + 1}:7800"`).join(', ');
  for (const [count, more, says] of [
    [3, '', /in a cluster with 3 voters, when cut off: refuse, state in \S+\/data, .* metrics on 127\.0\.0\.1:9180/],
    [2, '', /in a cluster with 2 voters, when cut off: serve/],
    [5, ', whenCutOff: serve', /in a cluster with 5 voters, when cut off: serve/],
  ] as const) {
    const text = `${good}route: n1\ndataDir: data\nweb: { metrics: "127.0.0.1:9180" }\n`;
    const cluster = `cluster: { listen: "10.0.0.1:7800", nodes: [${nodes(count)}]${more} }\n`;
    const ran = await runHere(['check-config', file('latchkey.yaml', text + cluster)], env);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, says);
  }
  assert.equal(existsSync(join(directory, 'data')), false);
});

test('check-config looks at the cluster as a start would, and opens no port', async () => {
  const listen = 'listen: "10.0.0.1:7800"';
  const pem = '{ cert: users.yaml, key: users.yaml, ca: users.yaml }';
  const wrong: readonly (readonly [cluster: string, says: RegExp])[] = [
    [`${listen}, nodes: ["10.0.0.1:7800", "10.0.0.1:7800"]`, /cluster\.nodes: names an address twice/],
    [`${listen}, nodes: ["10.0.0.1"]`, /cluster\.nodes\[0\]: must be address:port/],
    [`${listen}, advertise: "0.0.0.0:7800"`, /cluster\.advertise: nobody can reach "0\.0\.0\.0:7800"/],
    [`${listen}, leaseMs: 100`, /cluster\.leaseMs: must be .*300 to 10000/],
    [`${listen}, name: "a b"`, /cluster\.name: "a b" cannot name a cluster/],
    [`${listen}, dns: { name: nodes.xyz.com, port: 7800 }`, /cluster\.nodes: must name the voters/],
    [`${listen}, tls: ${pem}`, /cluster\.tls\.cert: holds no certificate/],
  ];
  for (const [cluster, says] of wrong)
    assertRefused(
      await runHere(['check-config', file('latchkey.yaml', `${good}cluster: { ${cluster} }\n`)], env),
      says,
    );

  const busy = createServer();
  await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
  const { port } = busy.address() as { port: number };
  const path = file('latchkey.yaml', `${good}cluster: { listen: "127.0.0.1:${port}" }\n`);
  assert.equal((await runHere(['check-config', path], env)).code, 0);
  busy.close();
});

test('check-config gives the line that a node needs which listens everywhere and is named by its host name', async () => {
  const nodes = [1, 2, 3].map((one) => `"node${one}.example.org:7800"`).join(', ');
  const cluster = `cluster: { listen: "0.0.0.0:7800", nodes: [${nodes}] }`;
  const { code, stdout, stderr } = await runHere(
    ['check-config', file('latchkey.yaml', `${good}route: node2\n${cluster}\n`)],
    env,
  );
  assert.equal(code, 0);
  assert.match(stdout, /in a cluster with 3 voters, without a vote, when cut off: refuse/);
  assert.match(
    stderr,
    /^latchkey: warning: this node has no vote: .* the line "advertise: node2\.example\.org:7800"\n$/,
  );
});

test('T17, check 4: what the library refuses is told with the file and the field', async () => {
  const wrong: readonly (readonly [text: string, says: RegExp])[] = [
    [`${good}cookieDomain: co.uk`, /cookieDomain: "co\.uk" is a public suffix/],
    [`${good}cookieDomain: github.io`, /cookieDomain: "github\.io" is a public suffix/],
    [`${good}cookieDomain: 10.0.0.1`, /cookieDomain: "10\.0\.0\.1" is an IP address/],
    [`${good}cookieDomain: .xyz.com`, /cookieDomain: "\.xyz\.com" must not begin with a dot/],
    [`${good}cookieDomain: xyz.com.`, /cookieDomain: "xyz\.com\." must not end with a dot/],
    [`${good}cookieDomain: "a b"`, /cookieDomain: "a b" is no domain name/],
    [`${good}previousCookieDomains: [com]`, /previousCookieDomains\[0\]: "com" is a public suffix/],
    [`${good}origins: [app1.xyz.com]`, /origins\[0\]: "app1\.xyz\.com" must be an origin alone/],
    [`${good}origins: ["https://app1.xyz.com/x"]`, /origins\[0\]: .* must be an origin alone/],
    [`${good}route: "a;b"`, /route: may hold letters, digits/],
    [`${good}cookieName: "a b"`, /cookieName: must be a cookie name/],
    [`${good}allowInsecureCookie: true\nsameSite: none`, /sameSite: none needs Secure cookies/],
    [`secret: { file: short }\nusers: users.yaml`, /secret: must be at least 32 bytes/],
    [`secret: { file: weak }\nusers: users.yaml`, /secret: looks like a placeholder/],
    [`${good.replace('users.yaml', 'absent.yaml')}`, /absent\.yaml: the users file cannot be read/],
  ];
  file('short', 'too-short');
  file('weak', 'change-me-change-me-change-me-change-me');
  for (const [text, says] of wrong) {
    const path = file('latchkey.yaml', text);
    const ran = await runHere(['check-config', path], env);
    assertRefused(ran, says);
    assert.ok(ran.stderr.includes(directory), ran.stderr);
  }
});

test('T17: the program itself ends with one line and exit code 1 on a wrong configuration, wrong use and a port in use', async () => {
  const busy = createServer();
  await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
  const { port } = busy.address() as { port: number };
  const config = file('busy.yaml', `${good}web: { listen: "127.0.0.1:${port}" }\nlog: { level: error }\n`);
  const [unknown, broken, inUse] = await Promise.all([
    runProgram(['serv']),
    runProgram(['serve', '--config', file('broken.yaml', `${good}cookieDomian: xyz.com\n`)], env),
    runProgram(['serve', '--config', config], env),
  ]);
  busy.close();
  assertRefused(unknown, /did you mean "serve"/);
  assertRefused(broken, /broken\.yaml:3: cookieDomian: is not a known field; did you mean "cookieDomain"\?/);
  assertRefused(inUse, new RegExp(`port ${port} on 127\\.0\\.0\\.1 is in use by another program`));
});
