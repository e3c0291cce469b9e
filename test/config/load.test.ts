import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ConfigError } from '../../config/document.ts';
import { loadConfig, type ServerConfig } from '../../config/load.ts';
import { parseUsers } from '../../server/directories/users.ts';

const directory = mkdtempSync(join(tmpdir(), 'latchkey-'));
after(() => rmSync(directory, { recursive: true }));

const secret = 'f3'.repeat(32);
const env = { LATCHKEY_SECRET: secret };
const good = 'secret: { env: LATCHKEY_SECRET }\nusers: users.yaml\n';

function write(name: string, text: string, mode = 0o600): string {
  const file = join(directory, name);
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

function load(text: string): ServerConfig {
  return loadConfig(write('latchkey.yaml', text), env);
}

/** What is wrong, and what the one line about it must say. */
const wrong: readonly (readonly [text: string, says: RegExp])[] = [
  ['', /must hold fields/],
  ['users: users.yaml', /: secret: is missing: must name where it is kept: \{ env: NAME \} or \{ file: PATH \}/],
  ['secret: f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3\nusers: u', /secret: a secret does not belong into this file/],
  ['secret: { env: LATCHKEY_SECRET, file: x }\nusers: u', /secret: must name where it is kept/],
  ['secret: []\nusers: u', /secret: must hold at least one source/],
  ['secret: [{ env: LATCHKEY_SECRET }, plain]\nusers: u', /secret\[1\]: a secret does not belong/],
  ['secret: { env: NOT_SET }\nusers: u', /secret\.env: the environment variable NOT_SET is not set/],
  [
    'secret: { file: absent }\nusers: u',
    /absent: the file that secret\.file names cannot be read \(there is no such file\)/,
  ],
  ['secret: { file: empty }\nusers: u', /empty: secret\.file: the file is empty/],
  ['secret: { env: LATCHKEY_SECRET }', /users: is missing: must be the path of a file/],
  [`${good}cookiedomain: xyz.com`, /:3: cookiedomain: is not a known field; did you mean "cookieDomain"\?/],
  [`${good}cookieDomain:`, /:3: cookieDomain: must be the domain that the applications share/],
  [`${good}cookieDomain: 7`, /cookieDomain: must be the domain/],
  [`${good}previousCookieDomains: xyz.com`, /previousCookieDomains: must be a list of domains/],
  [`${good}sameSite: Lax`, /sameSite: must be one of lax, strict, none/],
  [`${good}partitioned: yes`, /partitioned: must be true or false/],
  [`${good}allowInsecureCookie: "true"`, /allowInsecureCookie: must be true or false/],
  [`${good}origins: https://app1.xyz.com`, /origins: must be a list of origins/],
  [`${good}maxEmptyLife: -1`, /maxEmptyLife: must be a whole number of seconds, 0 to 1000000000/],
  [`${good}maxEmptyLife: .nan`, /maxEmptyLife: must be a whole number of seconds/],
  [`${good}maxEmptyLife: .inf`, /maxEmptyLife: must be a whole number of seconds/],
  [`${good}maxEmptyLife: "1800"`, /maxEmptyLife: must be a whole number of seconds/],
  [`${good}maxEmptyLife: 1.5`, /maxEmptyLife: must be a whole number of seconds/],
  [`${good}maxEmptyLife: 2147483648000`, /maxEmptyLife: must be a whole number of seconds, 0 to 1000000000/],
  [`${good}processExpiresInterval: soon`, /processExpiresInterval: must be a whole number of seconds/],
  [`${good}maxSignOns: 0`, /maxSignOns: must be a whole number, at least 1/],
  [`${good}maxSignOns: many`, /maxSignOns: must be a whole number, at least 1/],
  [`${good}lifeMs: 12h`, /lifeMs: must be a whole number of milliseconds, 1000 to 2592000000/],
  [`${good}idleMs: -5`, /idleMs: must be a whole number of milliseconds/],
  [`${good}clearSiteData: [cookies]`, /clearSiteData\[0\]: must be one of cache, storage/],
  [`${good}limits: { entries: 0 }`, /limits\.entries: must be a whole number, at least 1/],
  [`${good}limits: { entrys: 5 }`, /limits\.entrys: is not a known field; did you mean "entries"\?/],
  [`${good}cluster: {}`, /cluster\.listen: is missing: must be address:port/],
  [
    `${good}cluster: { listen: "10.0.0.1:7800", nats: { servers: [x] } }`,
    /cluster\.listen: is for connections between the nodes: with nats leave it out/,
  ],
  [
    `${good}cluster: { nodes: ["n1", "10.0.0.2:7800"], nats: { servers: [x] } }`,
    /cluster\.nodes\[1\]: must be a route/,
  ],
  [`${good}cluster: { nats: { servers: [x], password: word } }`, /cluster\.nats\.password: a secret does not belong/],
  [
    `${good}cluster: { nats: { servers: [x], usr: y } }`,
    /cluster\.nats\.usr: is not a known field; did you mean "user"\?/,
  ],
  [`${good}cluster: { listen: 7800 }`, /cluster\.listen: must be address:port/],
  [`${good}cluster: { listen: "10.0.0.1" }`, /cluster\.listen: must be address:port/],
  [`${good}cluster: { listen: "10.0.0.1:70000" }`, /cluster\.listen: must be address:port/],
  [`${good}cluster: { listen: "10.0.0.1:7800", buddyPool: 7 }`, /cluster\.buddyPool: must be the name of a pool/],
  [`${good}cluster: { listen: "10.0.0.1:7800", host: "" }`, /cluster\.host: must be the name of the machine/],
  [
    `${good}cluster: { listen: "10.0.0.1:7800", buddypool: a }`,
    /buddypool: is not a known field; did you mean "buddyPool"\?/,
  ],
  [`${good}cluster: { listen: "::1:7800" }`, /cluster\.listen: must be address:port/],
  [
    `${good}cluster: { listen: "10.0.0.1:7800", nodes: "10.0.0.2:7800" }`,
    /cluster\.nodes: must be a list of address:port/,
  ],
  [
    `${good}cluster:\n  listen: 10.0.0.1:7800\n  nodes:\n    - 10.0.0.2:7800\n    - 10.0.0.3\n`,
    /:7: cluster\.nodes\[1\]: must be address:port/,
  ],
  [`${good}cluster: { listen: "10.0.0.1:7800", dns: { name: x } }`, /cluster\.dns\.port: is missing: must be a port/],
  [
    `${good}cluster: { listen: "10.0.0.1:7800", tls: { cert: a, key: b, ca: c } }`,
    /the file that cluster\.tls\.cert names cannot be read/,
  ],
  [`${good}web: { listen: 8080 }`, /web\.listen: must be address:port/],
  [`${good}web: { port: 8080 }`, /web\.port: is not a known field; known here: listen, metrics, trustProxy/],
  [`${good}web: { trustProxy: true }`, /web\.trustProxy: must be a list of addresses/],
  [`${good}hashing: { threads: 0 }`, /hashing\.threads: must be a whole number of threads, 1 to 64/],
  [`${good}log: { level: verbose }`, /log\.level: must be one of debug, info, warn, error/],
  [`${good}log: debug`, /log: must hold fields \(level\)/],
  [`${good}users: other.yaml`, /not valid YAML: .*unique/i],
  [`${good}  bad indent: [`, /not valid YAML/],
];

test('T17: every wrong configuration is told in one line that names the file and the field', () => {
  write('empty', '\n');
  for (const [text, says] of wrong) {
    assert.throws(
      () => load(text),
      (error) => {
        assert.ok(error instanceof ConfigError, `${text}\n${error}`);
        assert.equal(error.problems.length, 1, `${text}\n${error.message}`);
        assert.match(error.problems[0]!, says);
        assert.ok(error.problems[0]!.startsWith(join(directory, 'latchkey.yaml')), error.message);
        assert.ok(!error.message.includes(secret));
        return true;
      },
    );
  }
});

test('T17: a configuration that is not there is told in one line', () => {
  assert.throws(
    () => loadConfig(join(directory, 'absent.yaml')),
    /absent\.yaml: the configuration cannot be read \(there is no such file\)/,
  );
  assert.throws(() => loadConfig(directory), /the configuration cannot be read \(it is a directory\)/);
});

test('what is left out has its default, and paths start at the configuration', () => {
  const config = load(good);
  assert.deepEqual(config.web, { listen: '127.0.0.1:8080', trustProxy: [] });
  assert.deepEqual(config.log, { level: 'info' });
  assert.deepEqual(config.directories, [{ kind: 'file', file: join(directory, 'users.yaml') }]);
  assert.deepEqual(config.node, { secret: [secret] });
});

test('a secret from a file comes without the end of its line, and with a warning if others may read it', () => {
  write('closed', `${secret}\n`, 0o600);
  write('open', `${'a1'.repeat(32)}\r\n`, 0o644);
  const config = load('secret: [{ file: closed }, { file: open }]\nusers: u\n');
  assert.deepEqual(config.node.secret, [secret, 'a1'.repeat(32)]);
  assert.equal(config.warnings.length, 1);
  assert.match(config.warnings[0]!, /open: others than its owner may read this secret: chmod 600 it/);
});

test('where a node is, as far as copies of sessions depend on it, is handed to the library', () => {
  const { cluster } = load(`${good}cluster: { listen: "10.0.0.1:7800", buddyPool: room-1, host: machine-7 }`).node;
  assert.deepEqual([cluster?.buddyPool, cluster?.host], ['room-1', 'machine-7']);
});

test('the sample configurations load', () => {
  const samples = join(import.meta.dirname, '../../config/samples');
  const text = (name: string) => readFileSync(join(samples, name), 'utf8');
  write('secret', secret);
  write('nats-password', 'carries-frames', 0o600);
  const names = readdirSync(samples).filter((name) => name.endsWith('.yaml') && !name.includes('users'));
  write('ldap-password', 'searches-only', 0o600);
  assert.deepEqual(names.sort(), [
    'central-node.yaml',
    'demo.yaml',
    'one-node.yaml',
    'three-nodes-nats.yaml',
    'three-nodes.yaml',
    'two-nodes-and-witness.yaml',
  ]);
  for (const name of names) load(text(name));
  const three = load(text('three-nodes.yaml')).node;
  const witness = load(text('two-nodes-and-witness.yaml')).node;
  assert.equal(three.cluster?.nodes?.length, 3);
  assert.equal(three.cluster?.whenCutOff, 'refuse');
  assert.equal(three.dataDir, '/var/lib/latchkey');
  assert.ok(witness.cluster?.nodes?.includes(witness.cluster.listen!), 'the witness has a vote');
  assert.equal(load(text('one-node.yaml')).node.dataDir, join(directory, 'data'));
  assert.deepEqual(load(text('three-nodes-nats.yaml')).nats, {
    servers: ['nats://10.0.0.9:4222'],
    user: 'latchkey',
    pass: 'carries-frames',
  });
  assert.deepEqual(
    parseUsers('demo-users.yaml', text('demo-users.yaml')).map(({ name }) => name),
    ['alice', 'bob'],
  );
});
