/** `latchkey balancer` as it is typed: where it reads, what it writes, and what it never prints. */

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import express from 'express';
import { startNode, stickyRoute } from '../../../sso/index.ts';
import { runHere } from '../support/program.ts';

const directory = mkdtempSync(join(tmpdir(), 'latchkey-command-'));
after(() => rmSync(directory, { recursive: true }));

const secret = 'c6'.repeat(32);
const ajpSecret = 'only between balancer and nodes';
const file = (name: string, text: string) => {
  writeFileSync(join(directory, name), text, { mode: 0o600 });
  return join(directory, name);
};
const secretFile = file('secret', `${secret}\n`);
const ajpSecretFile = file('ajp-secret', `${ajpSecret}\n`);
const nodes = 'node1=10.0.0.1:8080/8009,node2=10.0.0.2:8080/8009';

test('one file is printed as it is; several with a line that names each', async () => {
  const one = await runHere(['balancer', 'apache', '--nodes', nodes, '--host', 'app.xyz.com']);
  assert.equal(one.code, 0, one.stderr);
  assert.match(one.stdout, /^# Latchkey's nodes behind Apache httpd/);
  assert.doesNotMatch(one.stdout, /==>/);
  const three = await runHere(['balancer', 'mod_jk', '--nodes', nodes]);
  assert.deepEqual(three.stdout.match(/^# ==> .*$/gm), [
    '# ==> workers.properties <==',
    '# ==> uriworkermap.properties <==',
    '# ==> mod-jk.conf <==',
  ]);
  assert.match(three.stdout, /JkWorkersFile \/etc\/apache2\/latchkey\/workers.properties/);
});

test('--out writes the files, which name each other there; nothing is overwritten without --force', async () => {
  const out = join(directory, 'new/place');
  const words = ['balancer', 'mod_jk', '--nodes', nodes, '--ajp-secret-file', ajpSecretFile, '--out', out];
  const first = await runHere(words);
  assert.equal(first.code, 0, first.stderr);
  const names = ['workers.properties', 'uriworkermap.properties', 'mod-jk.conf'];
  assert.equal(first.stdout, names.map((name) => `${join(out, name)}\n`).join(''));
  assert.match(readFileSync(join(out, 'mod-jk.conf'), 'utf8'), new RegExp(`JkWorkersFile ${out}/workers.properties`));
  const workers = join(out, 'workers.properties');
  assert.match(readFileSync(workers, 'utf8'), new RegExp(`secret=${ajpSecret}`));
  assert.equal(statSync(workers).mode & 0o777, 0o600, 'it holds a secret');

  rmSync(join(out, 'mod-jk.conf'));
  writeFileSync(workers, 'mine');
  const again = await runHere(words);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /workers.properties.* there already \(--force overwrites\)/);
  assert.deepEqual([readFileSync(workers, 'utf8'), existsSync(join(out, 'mod-jk.conf'))], ['mine', false]);
  assert.equal((await runHere([...words, '--force'])).code, 0);
  assert.notEqual(readFileSync(workers, 'utf8'), 'mine');
});

test('a secret that mod_proxy_ajp does not take is refused before httpd does', async () => {
  const file = join(directory, 'long-ajp-secret');
  writeFileSync(file, 'a'.repeat(64));
  const words = (kind: string) => ['balancer', kind, '--ajp', '--nodes', nodes, '--ajp-secret-file', file];
  assert.match((await runHere(words('apache'))).stderr, /at most 63 characters/);
  assert.equal((await runHere(words('mod_jk'))).code, 0, 'mod_jk takes it');
  writeFileSync(file, 'a'.repeat(63));
  assert.equal((await runHere(words('apache'))).code, 0);
});

test('a guess that is written into a file is said on the terminal', async () => {
  const out = join(directory, 'guessed');
  const { code, stderr } = await runHere([
    'balancer',
    'apache',
    '--ajp',
    '--nodes',
    'node1=10.0.0.1:8080',
    '--out',
    out,
  ]);
  assert.equal(code, 0);
  assert.match(stderr, /guessed\/latchkey\.conf: what is a guess is marked with CHANGE THIS/);
});

test("a configuration file: its own words, guesses with a warning, and no secret of the cluster's or of AJP", async () => {
  file('users.yaml', JSON.stringify({ users: [] }));
  const config = file(
    'node.yaml',
    JSON.stringify({
      ...{ route: 'node1', secret: { file: 'secret' }, users: 'users.yaml', web: { listen: '10.0.0.1:8080' } },
      ajp: { listen: '10.0.0.1:8009', secret: { file: 'ajp-secret' } },
      cluster: { listen: '10.0.0.1:7800', nodes: ['10.0.0.1:7800', '10.0.0.2:7800', '10.0.0.3:7800'] },
      stickyRoute: {},
    }),
  );
  for (const kind of ['apache', 'mod_jk', 'haproxy', 'nginx', 'caddy']) {
    const { code, stdout, stderr } = await runHere(['balancer', kind, '--config', config]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^latchkey: warning: .*marked as guesses: 10-0-0-2, 10-0-0-3 [^\n]*\n$/);
    assert.match(stdout, /CHANGE THIS/);
    for (const never of [secret, ajpSecret]) assert.ok(!stdout.includes(never) && !stderr.includes(never));
  }
  const said = await runHere(['balancer', 'apache', '--config', config, '--nodes', nodes]);
  assert.deepEqual([said.code, said.stderr], [0, '']);
});

test('--from asks a node by its probe: its route, where it was asked, the cookie that it sets', async (t) => {
  const quiet = { debug() {}, info() {}, warn() {}, error() {} };
  const hook = stickyRoute({ cookieName: 'WAY' });
  const sso = await startNode({ secret, route: 'east.node7', hooks: { onSignOn: [hook] }, log: quiet });
  t.after(() => sso.kill());
  const server = createServer(express().use('/latchkey-probe', sso.probe()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const from = ['balancer', 'apache', '--from', url];

  const { code, stdout, stderr } = await runHere([...from, '--secret-file', secretFile]);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, new RegExp(`BalancerMember ${url} route=east.node7 `));
  assert.match(stdout, /stickysession=WAY\|/);
  assert.ok(!stdout.includes(secret));

  const other = await runHere([...from, '--secret-file', file('other', 'd7'.repeat(32))]);
  assert.equal(other.code, 1);
  assert.match(other.stderr, /no node answered as one \(status 404\): another secret, or no probe at this path/);
});

test('wrong use is told in one line', async () => {
  const wrong: readonly (readonly [words: readonly string[], says: RegExp])[] = [
    [[], /apache\|mod_jk\|haproxy\|nginx\|caddy is missing/],
    [['squid', '--nodes', nodes], /"squid" is none of apache, mod_jk, haproxy, nginx, caddy/],
    [['apache'], /say where the nodes are: --nodes, --config or --from/],
    [['apache', '--from', 'http://127.0.0.1:1'], /--from needs the cluster's secret/],
    [['apache', '--from', 'not a url', '--secret-file', secretFile], /"not a url" is not a URL/],
    [['apache', '--from', 'ftp://x', '--secret-file', secretFile], /is not a URL/],
    [['apache', '--from', 'http://127.0.0.1:1', '--secret-file', secretFile], /--from: .*ECONNREFUSED/],
    [['apache', '--nodes', nodes, '--ajp-secret-file', '/nowhere/secret'], /the file of the secret cannot be read/],
    [['apache', '--nodes', nodes, '--ajp-secret-file', file('empty', '\n')], /the file is empty/],
    [['apache', '--nodes', nodes, '--out', join(secretFile, 'x')], /--out: .* cannot be written/],
    [['apache', '--nodes', nodes, '--out', '/proc/latchkey/balancer'], /--out: .* cannot be written/],
    [['apache', '--nodes', nodes, '--no-sticki'], /Unknown option '--no-sticki'/],
  ];
  for (const [words, says] of wrong) {
    const { code, stdout, stderr } = await runHere(['balancer', ...words]);
    assert.equal(code, 1, String(says));
    assert.equal(stdout, '');
    assert.match(stderr, /^latchkey: [^\n]+\n$/);
    assert.match(stderr, says);
  }
});
