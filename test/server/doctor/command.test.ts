/** `latchkey doctor` on the command line: wrong use, and one real node without a balancer. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import express from 'express';
import { type SsoNode, startNode, stickyRoute } from '../../../sso/index.ts';
import { runHere } from '../support/program.ts';

const secret = 'd9'.repeat(32);
const env = { LATCHKEY_SECRET: secret };
const nothing = () => {};
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const directory = mkdtempSync(join(tmpdir(), 'latchkey-doctor-'));
let node: SsoNode;
let server: Server;
let origin = '';

before(async () => {
  node = await startNode({
    route: 'node1',
    secret,
    log,
    allowInsecureCookie: true,
    hooks: { onSignOn: [stickyRoute()] },
  });
  const app = express().set('trust proxy', false);
  app.use('/latchkey-probe', node.probe());
  app.use(node.valve());
  app.use(node.sessions({ app: 'shop' }));
  app.get('/visit', (req, res) => {
    req.session.views = 1;
    res.send('welcome');
  });
  server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://localhost:${(server.address() as AddressInfo).port}`;
});

after(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await node.stop();
  rmSync(directory, { recursive: true, force: true });
});

test('wrong use is told in one line', async () => {
  const file = join(directory, 'empty');
  writeFileSync(file, '\n');
  const wrong: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [[], /say what to examine: a URL, or --config FILE/],
    [['shop.xyz.com'], /"shop\.xyz\.com" is not a URL as browsers use it, as in https:\/\/shop\.xyz\.com/],
    [['ftp://shop.xyz.com'], /is not a URL/],
    [['https://me:secret@shop.xyz.com'], /is not a URL/],
    [['https://a.example', 'https://b.example'], /one word too many/],
    [['https://a.example', '--path', 'probe'], /--path is where the probe is mounted/],
    [['https://a.example', '--resolve', 'a:b:c'], /--resolve is ADDRESS or ADDRESS:PORT/],
    [['https://a.example', '--resolve', '10.0.0.1:99999'], /--resolve is/],
    [['https://a.example', '--plain-port', '0'], /--plain-port must be a whole number, 1 to 65535/],
    [['https://a.example', '--disturb'], /--disturb needs the cluster's secret/],
    [['https://a.example', '--rest', '5'], /--rest says how long a node rests with --disturb/],
    [['https://a.example', '--cookie', 'a=b.node1'], /--cookie and --url ask .*--config FILE/],
    [['--config', join(directory, 'none')], /none: there is no such file/],
    [['https://a.example', '--secret-file', file], /the file is empty/],
    [['https://a.example', '--secret-file', join(directory, 'none')], /none: /],
    [['https://a.example', '--ca', join(directory, 'none')], /none: /],
  ];
  for (const [args, says] of wrong) {
    const { code, stdout, stderr } = await runHere(['doctor', ...args]);
    assert.equal(code, 1, args.join(' '));
    assert.equal(stdout, '', args.join(' '));
    assert.match(stderr, /^latchkey: [^\n]+\n$/);
    assert.match(stderr, says);
  }
});

test('a secret that can be none is refused before anything is asked', async () => {
  const { code, stderr } = await runHere(['doctor', origin], { LATCHKEY_SECRET: 'short' });
  assert.equal(code, 1);
  assert.match(stderr, /secret/);
  assert.doesNotMatch(stderr, /short\b.*short/);
});

test('one node by itself has nothing wrong, and the secret is nowhere in what is said', async () => {
  const { code, stdout, stderr } = await runHere(['doctor', origin], env);
  assert.equal(stderr, '');
  assert.equal(code, 0, stdout);
  assert.match(stdout, /✓ every-node +there is one node, node1/);
  assert.match(stdout, /nothing is wrong/);
  assert.ok(!stdout.includes(secret));
});

test('--json is the same for programs', async () => {
  const { code, stdout } = await runHere(['doctor', origin, '--json'], env);
  assert.equal(code, 0);
  const report = JSON.parse(stdout) as { about: string[]; wrong: number; findings: { check: string; ok: unknown }[] };
  assert.deepEqual(report.about, [origin]);
  assert.equal(report.wrong, 0);
  assert.ok(report.findings.every(({ check }) => /^[a-z]+(-[a-z]+)*$/.test(check)));
});

test('with another secret, and where nothing listens, it could not be asked: exit code 2', async () => {
  const stranger = await runHere(['doctor', origin], { LATCHKEY_SECRET: 'e8'.repeat(32) });
  assert.equal(stranger.code, 2);
  assert.match(stranger.stdout, /no node knows this secret at \/latchkey-probe/);
  const elsewhere = await runHere(['doctor', origin, '--path', '/elsewhere'], env);
  assert.equal(elsewhere.code, 2);
  const nobody = createServer();
  await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve));
  const { port } = nobody.address() as AddressInfo;
  await new Promise((resolve) => nobody.close(resolve));
  const closed = await runHere(['doctor', `http://127.0.0.1:${port}`, '--json'], env);
  assert.equal(closed.code, 2);
  assert.match((JSON.parse(closed.stdout) as { failure: string }).failure, /ECONNREFUSED/);
});

test('--resolve asks another address under the same name', async () => {
  const { port } = new URL(origin);
  const ran = await runHere(['doctor', 'http://shop.xyz.localhost', '--resolve', `127.0.0.1:${port}`], env);
  assert.equal(ran.code, 0, ran.stdout);
  assert.match(ran.stdout, /✓ host +nodes see the host that browsers ask for, shop\.xyz\.localhost\n/);
});

test('without the secret a page is visited as by anybody', async () => {
  const { code, stdout } = await runHere(['doctor', `${origin}/visit`]);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /\? stickiness +every visitor got the same route in latchkey-shop/);
  assert.match(stdout, /\? secret/);
});
